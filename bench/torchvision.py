#!/usr/bin/python3
"""torchvision's classification networks, as PyTorch exports them: does each open, compute, prune and leave as it should?

For each network with random weights, each opset (13, 17) and each form of export (BatchNorm kept, fused):
  1. it opens, and the logits of `infer` agree with PyTorch's and onnxruntime's, on two random images;
and for each scope (inner, all), after `ratio all 0.5` and `prune all`:
  2. the logits of `infer` agree with those of the exported file, not pruned, in which the removed channels are
     multiplied by zero (and the others by their weights) where the result of `prune` says they are read;
  3. the exported pruned network passes ONNX's checker, and runs in onnxruntime with the same logits.
To agree is to differ by at most 1e-4 of the largest logit, and a tenth of what tells the two images apart. A network counts when all of it passes.

onnxruntime is run by node (NODE_PATH); without it only PyTorch is asked, and nothing is said of 2 and 3.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zlib

sys.path.append(sys.path.pop(0))  # this file must not be taken for the module of its name

import numpy
import onnx
import torch
import torchvision
from onnx import helper, numpy_helper

NETWORKS = ["alexnet", "vgg16", "vgg16_bn", "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "densenet121",
            "squeezenet1_1", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
            "mnasnet1_0", "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf",
            "regnet_y_400mf", "convnext_tiny"]
TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLERANCE = 1e-4
IMAGES = 2
MEAN, DEVIATION = 0.45, 0.25  # of pixels, for the program and for the others


class Failure(Exception):
    """One line: what does not hold."""


# --- Networks and images ---


def network_of(name, images, seed):
    """The network in evaluation mode. Everything in it is drawn at random, what starts as zeros and ones too, about
    values at which the signal neither dies nor explodes: what is forgotten anywhere shows in the logits."""
    torch.manual_seed(seed)
    own = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    network = getattr(torchvision.models, name)(weights=None, **own)
    for module in network.modules():
        for what, numbers in module.named_parameters(recurse=False):
            if what == "layer_scale":
                torch.nn.init.uniform_(numbers, 0.2, 0.8)
            elif isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
                torch.nn.init.uniform_(numbers, *((0.5, 1.5) if what == "weight" else (-0.2, 0.2)))
            elif what == "bias":
                torch.nn.init.normal_(numbers, 0, 0.02)
            elif isinstance(module, torch.nn.Linear):
                torch.nn.init.kaiming_normal_(numbers)
    _measure_norms(network.eval(), images)
    return network


def _measure_norms(network, images):
    """Set every BatchNorm's statistics near what it sees, no two channels alike."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
        norm.train()
    with torch.no_grad():
        network(images)
    for norm in norms:
        norm.eval()
        norm.momentum = 0.1
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.5)
        norm.running_var += 1e-3


def export(network, images, path, opset, form):
    kept = form == "kept"
    mode = torch.onnx.TrainingMode.PRESERVE if kept else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(network, images, path, opset_version=opset, training=mode, do_constant_folding=not kept,
                      input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})


def write_png(path, pixels):
    """uint8 [height,width,3]"""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def pixels_of(random, size):
    """A random image, blots of colour with some noise: uint8 [size,size,3]."""
    coarse = random.integers(0, 256, (-(-size // 16), -(-size // 16), 3))
    fine = numpy.kron(coarse, numpy.ones((16, 16, 1)))[:size, :size] + random.normal(0, 20, (size, size, 3))
    return fine.clip(0, 255).astype(numpy.uint8)


def images_of(random, count, size):
    """As the program feeds such images to the network: float32 [count,3,size,size]"""
    pixels = numpy.stack([pixels_of(random, size) for _ in range(count)]).transpose(0, 3, 1, 2)
    return ((pixels / 255 - MEAN) / DEVIATION).astype(numpy.float32)


def image_folder(folder, size):
    """Two classes of two images each: what statistics are collected from."""
    random = numpy.random.default_rng(size)
    where = os.path.join(folder, "images%d" % size)
    for part in "train", "val":
        for kind in "first", "second":
            os.makedirs(os.path.join(where, part, kind))
            for i in range(2):
                write_png(os.path.join(where, part, kind, "%d.png" % i), pixels_of(random, size))
    return where


# --- Those who compute ---


def program(args, *lines):
    """Results of commands, run by the program in one process."""
    command = [args.program, "--json", "--threads", str(args.threads)]
    for line in lines:
        command += ["-c", line]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(done.stderr.strip().split("\n")[-1] or "status %d after %d of %d commands: %s" % (
            done.returncode, done.stdout.count("\n"), len(lines), "; ".join(lines)))
    return [json.loads(line) for line in done.stdout.splitlines()]


def onnxruntime(path, images):
    raw = path + ".images"
    images.tofile(raw)
    script = os.path.join(TREE, "tests", "pipeline", "onnxruntime.js")
    done = subprocess.run(["node", script, path, raw, *(str(n) for n in images.shape)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    os.remove(raw)
    if done.returncode != 0:
        raise Failure("onnxruntime: " + done.stderr.strip().split("\n")[-1][:300])
    return numpy.array(json.loads(done.stdout), numpy.float32).reshape(len(images), -1)


def has_onnxruntime():
    try:
        return subprocess.run(["node", "-e", "require.resolve('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def difference(a, b):
    """Largest difference in units of the largest number of `b`."""
    if a.shape != b.shape:
        raise Failure("shapes %s and %s" % (a.shape, b.shape))
    if not numpy.isfinite(a).all() or not numpy.isfinite(b).all():
        raise Failure("logits that are no numbers")
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def must_agree(what, a, b):
    """And no worse than a tenth of what tells two images apart, else what is common to all images hides the rest."""
    found, apart = difference(a, b), difference(b[:1], b[1:])
    if found > min(TOLERANCE, apart / 10):
        raise Failure("%s: logits differ by %.1e of their scale, those of two images by %.1e" % (what, found, apart))
    return found


# --- The network with channels zeroed ---


def layer_nodes(model):
    """Nodes by the names that layers have: their weight's without ".weight", and their own."""
    nodes = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            nodes.setdefault(node.name, node)
    for node in model.graph.node:
        if len(node.input) > 1 and node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul") and node.input[1].endswith(".weight"):
            nodes.setdefault(node.input[1][:-len(".weight")], node)
    return nodes


def weight_shape(model, name):
    """Of a constant, or of one that the file transposes."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            return list(tensor.dims)
    for node in model.graph.node:
        if name in node.output and node.op_type == "Transpose":
            shape = weight_shape(model, node.input[0])
            given = [list(a.ints) for a in node.attribute if a.name == "perm"]
            return [shape[axis] for axis in (given[0] if given else reversed(range(len(shape))))]
        if name in node.output and node.op_type == "Constant":
            return list(node.attribute[0].t.dims)
    raise Failure("the file has no constant '%s'" % name)


def factors_shape(model, node):
    """Of what a layer's input is to be multiplied with: a factor a channel."""
    weight = weight_shape(model, node.input[1])
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv":
        return [1, weight[1] * given.get("group", 1)] + [1] * (len(weight) - 2)
    if node.op_type == "ConvTranspose":
        return [1, weight[0]] + [1] * (len(weight) - 2)
    return [weight[1] if given.get("transB") else weight[0]]


def zeroed(path, pruned, out):
    """Write the network of `path` with a multiplication in front of every layer that `prune` says reads channels of
    a group: by zero for those removed, by their weights for those kept, by one for all others."""
    model = onnx.load(path)
    nodes, factors = layer_nodes(model), {}
    for group in pruned["layers"]:
        for consumer in group["consumers"]:
            name = consumer["name"]
            if name not in nodes:
                raise Failure("prune names a consumer '%s' that is no layer of the file" % name)
            if name not in factors:
                factors[name] = numpy.ones(factors_shape(model, nodes[name]), numpy.float32)
            own = factors[name].reshape(-1)
            own[consumer["removed"]] *= 0
            own[consumer["kept"]] *= consumer["weights"] or 1
    for number, (name, own) in enumerate(factors.items()):
        constant, made = "zeroed%d.factors" % number, "zeroed%d" % number
        model.graph.initializer.append(numpy_helper.from_array(own, constant))
        multiply = helper.make_node("Mul", [nodes[name].input[0], constant], [made], name=made)
        model.graph.node.insert(list(model.graph.node).index(nodes[name]), multiply)
        nodes[name].input[0] = made
    onnx.save(model, out)


# --- What is asked of each ---


def check_logits(args, case, row):
    """The network as it is."""
    opened, inferred = program(args, "open " + case.path, "infer %s %s" % (case.input, case.output))
    row["open"], row["infer"] = opened["seconds"], inferred["seconds"]
    ours = numpy.load(case.output)
    row["apart"] = difference(ours[:1], ours[1:])
    row["torch"] = must_agree("PyTorch", ours, case.expected)
    row["ort"] = must_agree("onnxruntime", ours, onnxruntime(case.path, case.images)) if args.onnxruntime else None


def check_scope(args, case, scope, row):
    """Pruned by half in this scope."""
    smaller = case.path.replace(".onnx", ".%s.onnx" % scope)
    zeros = case.path.replace(".onnx", ".%s.zeroed.onnx" % scope)
    results = program(args, "open " + case.path, "data %s mean=%g std=%g" % (case.data, MEAN, DEVIATION), "groups scope=" + scope,
                      "sample all images=2 locations=10 seed=1", "ratio all 0.5", "prune all reweight=ls", "summary",
                      "infer %s %s" % (case.input, case.output), "export " + smaller)
    opened, _, grouped, sampled, _, pruned, summary = results[:7]
    row["sample"], row["prune"] = sampled["seconds"], pruned["seconds"]
    row["groups"] = "%d/%d" % (len(pruned["layers"]), len(grouped["groups"]))
    row["params"] = opened["params"], summary["params"]
    row["flops"] = opened["flops"], summary["flops"]
    ours = numpy.load(case.output)
    if difference(ours, case.expected) < 1e-3:
        raise Failure("%s: pruning has changed nothing" % scope)
    row["apart"] = difference(ours[:1], ours[1:])
    onnx.checker.check_model(smaller)
    if args.onnxruntime:
        zeroed(case.path, pruned, zeros)
        row["zeroed"] = must_agree("scope %s, channels zeroed" % scope, ours, onnxruntime(zeros, case.images))
        row["export"] = must_agree("scope %s, exported" % scope, ours, onnxruntime(smaller, case.images))
    for path in smaller, zeros:
        if os.path.exists(path) and not args.keep_files:
            os.remove(path)


class Case:
    """One exported file, and what goes with it."""

    def __init__(self, folder, name, opset, form):
        self.path = os.path.join(folder, "%s.%d.%s.onnx" % (name, opset, form))
        self.input, self.output = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npy")


def guarded(row, job, *arguments):
    """Whether a job succeeds; the reason goes into the row."""
    try:
        job(*arguments)
        return True
    except Failure as failure:
        row["error"] = str(failure)
    except (onnx.checker.ValidationError, KeyError, ValueError, RuntimeError) as failure:
        row["error"] = "%s: %s" % (type(failure).__name__, str(failure).strip().split("\n")[0][:300])
    return False


def run_case(args, case, name, opset, form):
    label = "%-18s %2d %-5s" % (name, opset, form)
    row = {}
    good = guarded(row, check_logits, args, case, row)
    print(label, logits_columns(row), row.get("error", "ok"), flush=True)
    for scope in args.scope if args.prune else []:
        row = {}
        passed = guarded(row, check_scope, args, case, scope, row)
        print(label, scope_columns(scope, row), row.get("error", "ok"), flush=True)
        good = good and passed
    return good


def run_network(args, folder, name):
    size = 299 if name == "inception_v3" else 224
    random = numpy.random.default_rng(7)
    images = images_of(random, IMAGES, size)
    network = network_of(name, torch.from_numpy(images_of(random, 4, size)), args.seed)
    with torch.no_grad():
        expected = network(torch.from_numpy(images)).numpy()
    data = os.path.join(folder, "images%d" % size)
    if not os.path.exists(data):
        image_folder(folder, size)
    good = True
    for opset in args.opset:
        for form in args.form:
            case = Case(folder, name, opset, form)
            case.images, case.expected, case.data = images, expected, data
            numpy.save(case.input, images)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                export(network, torch.from_numpy(images), case.path, opset, form)
            good = run_case(args, case, name, opset, form) and good
            if not args.keep_files:
                os.remove(case.path)
    return good


# --- The table ---


def number(value, format="%.1e"):
    return format % value if value is not None else "-"


def logits_columns(row):
    return "logits  open %s s  infer %s s  apart %s  PyTorch %s  onnxruntime %s " % (
        number(row.get("open"), "%.2f"), number(row.get("infer"), "%.2f"), number(row.get("apart")), number(row.get("torch")), number(row.get("ort")))


def scope_columns(scope, row):
    before_after = "%.2f -> %.2f %s"
    return "%-6s  groups %s  %s  %s  sample %s s  prune %s s  apart %s  zeroed %s  export %s " % (
        scope, row.get("groups", "-"),
        before_after % (*(n / 1e6 for n in row["params"]), "M") if "params" in row else "-",
        before_after % (*(n / 1e9 for n in row["flops"]), "B") if "flops" in row else "-",
        number(row.get("sample"), "%.1f"), number(row.get("prune"), "%.1f"), number(row.get("apart")), number(row.get("zeroed")), number(row.get("export")))


def choices(known):
    def parse(text):
        chosen = text.split(",")
        for word in chosen:
            if word not in known:
                raise argparse.ArgumentTypeError("'%s' is none of %s" % (word, ", ".join(known)))
        return chosen
    return parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="all %d by default" % len(NETWORKS))
    parser.add_argument("--opset", type=lambda text: [int(n) for n in text.split(",")], default=[13, 17])
    parser.add_argument("--form", type=choices(["kept", "fused"]), default=["kept", "fused"])
    parser.add_argument("--scope", type=choices(["inner", "all"]), default=["inner", "all"])
    parser.add_argument("--no-prune", dest="prune", action="store_false", help="logits only")
    parser.add_argument("--keep-files", metavar="FOLDER", help="leave everything that is made there")
    parser.add_argument("--program", default=os.path.join(TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    unknown = [name for name in args.networks if name not in NETWORKS]
    if unknown:
        parser.error("no network '%s'; there are: %s" % (unknown[0], ", ".join(NETWORKS)))
    args.networks = args.networks or NETWORKS
    args.onnxruntime = has_onnxruntime()
    return args


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    print("PyTorch %s, torchvision %s, onnx %s%s" % (
        torch.__version__, torchvision.__version__, onnx.__version__,
        "" if args.onnxruntime else "; left out: onnxruntime (no onnxruntime-node by NODE_PATH)"))
    start, good = time.perf_counter(), 0
    with tempfile.TemporaryDirectory(prefix="thinet-bench-") as temporary:
        folder = args.keep_files or temporary
        os.makedirs(folder, exist_ok=True)
        for name in args.networks:
            good += run_network(args, folder, name)
    print("%.0f s" % (time.perf_counter() - start))
    judged = "" if args.onnxruntime else " beside PyTorch alone; what pruning leaves was not judged"
    print("%d/%d%s" % (good, len(args.networks), judged))
    return 0 if good == len(args.networks) else 1


sys.exit(main())
