"""Networks of every kind of coupling, pruned by the program: they equal the originals with the removed channels
zeroed, and the kept ones scaled, in the weights that read them, both computed by another runtime."""

import json
import os
import shutil
import struct
import subprocess

from thinet import TREE, check, commands, finish, run, scratch, skip, skip_all

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

SIDE, CLASSES, IMAGES = 8, 3, 24
folder = scratch()
random = numpy.random.default_rng(20170722)


def path(name):
    return os.path.join(folder, name)


def write_images():
    """IDX files of random images, as MNIST comes."""
    pixels = random.integers(0, 256, (IMAGES, SIDE, SIDE), numpy.uint8)
    labels = (numpy.arange(IMAGES) % CLASSES).astype(numpy.uint8)
    os.mkdir(path("images"))
    for split in "train", "t10k":
        with open(path("images/%s-images-idx3-ubyte" % split), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, IMAGES, SIDE, SIDE) + pixels.tobytes())
        with open(path("images/%s-labels-idx1-ubyte" % split), "wb") as file:
            file.write(struct.pack(">II", 0x801, IMAGES) + labels.tobytes())


class Net:
    """A network being built, value by value; channel counts are kept beside the names."""

    def __init__(self, opset=13):
        self.nodes, self.constants, self.channels, self.opset = [], {}, {"x": 1}, opset

    def constant(self, values, name="c"):
        name = "%s%d" % (name, len(self.constants))
        self.constants[name] = numpy.asarray(values)
        return name

    def numbers(self, *shape, mean=0.0, spread=1.0, name="c"):
        return self.constant((mean + spread * random.standard_normal(shape)).astype(numpy.float32), name)

    def node(self, op, *inputs, channels=None, outputs=1, **given):
        made = ["%s_%d%s" % (op.lower(), len(self.nodes), "abc"[i] if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name="%s_%d" % (op, len(self.nodes)), **given))
        for name in made:
            self.channels[name] = channels if channels is not None else self.channels[inputs[0]]
        return made if outputs > 1 else made[0]

    def conv(self, x, filters, kernel=3, group=1, op="Conv", axes=2, **given):
        width = self.channels[x] // group if op == "Conv" else filters // group
        first = filters if op == "Conv" else self.channels[x]
        shape = (first, width) + (kernel,) * axes
        weight = self.numbers(*shape, spread=(self.channels[x] // group * kernel ** axes) ** -0.5, name="w")
        given.setdefault("pads", [kernel // 2] * 2 * axes)
        return self.node(op, x, weight, self.numbers(filters, spread=0.3), group=group, channels=filters, **given)

    def norm(self, x):
        c = self.channels[x]
        variance = self.constant((0.5 + random.random(c)).astype(numpy.float32))
        return self.node("BatchNormalization", x, self.numbers(c, mean=1, spread=0.2), self.numbers(c, spread=0.3),
                         self.numbers(c, spread=0.3), variance)

    def relu(self, x):
        return self.node("Relu", x)

    def matmul(self, x, features):
        return self.node("MatMul", x, self.numbers(self.channels[x], features, spread=self.channels[x] ** -0.5, name="m"),
                         channels=features)

    def gemm(self, x, features, outputs):
        weight = self.numbers(outputs, features, spread=features ** -0.5, name="g")
        return self.node("Gemm", x, weight, self.numbers(outputs), transB=1, channels=outputs)

    def concat(self, *xs):
        return self.node("Concat", *xs, axis=1, channels=sum(self.channels[x] for x in xs))

    def split(self, x, *sizes):
        whole = self.constant(numpy.array(sizes, numpy.int64))
        made = self.node("Split", x, *([whole] if self.opset > 12 else []), axis=1, outputs=len(sizes),
                         **({} if self.opset > 12 else {"split": sizes}))
        if self.opset < 13:
            del self.constants[whole]
        self.channels.update(zip(made, sizes))
        return made

    def shape(self, x, *dims, channels=None):
        return self.node("Reshape", x, self.constant(numpy.array(dims, numpy.int64)), channels=channels)

    def shuffle(self, x, groups, side=SIDE):
        c = self.channels[x]
        x = self.node("Transpose", self.shape(x, -1, groups, c // groups, side, side), perm=[0, 2, 1, 3, 4])
        return self.shape(x, -1, c, side, side)

    def gate(self, x, hidden):
        y = self.relu(self.conv(self.node("GlobalAveragePool", x), hidden, 1))
        return self.node("Mul", x, self.node("Sigmoid", self.conv(y, self.channels[x], 1)))

    def classify(self, x):
        return self.gemm(self.node("Flatten", self.node("GlobalAveragePool", x)), self.channels[x], CLASSES)

    def save(self, name, *outputs):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, name, [info("x", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
            [info(output, TensorProto.FLOAT, ["N", None]) for output in outputs],
            [numpy_helper.from_array(values, key) for key, values in self.constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="test")
        model.ir_version = 7
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path(name + ".onnx"))
        return model


def densenet(net):
    x = net.conv("x", 6)
    for _ in range(3):
        y = net.conv(net.relu(net.norm(x)), 8, 1)
        x = net.concat(x, net.conv(net.relu(net.norm(y)), 4))
    x = net.node("AveragePool", net.conv(net.relu(net.norm(x)), 9, 1), kernel_shape=[2, 2], strides=[2, 2])
    return net.classify(net.relu(net.norm(x)))


def inception(net):
    x = net.relu(net.conv("x", 8))
    pooled = net.node("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = net.concat(net.conv(x, 4, 1), net.conv(net.relu(net.conv(x, 5, 1)), 6), net.conv(pooled, 3, 1))
    return net.classify(net.relu(net.conv(net.relu(x), 6)))


def shufflenet(net):
    x = net.relu(net.conv("x", 16))
    for _ in range(3):
        kept, y = net.split(x, 8, 8)
        y = net.norm(net.conv(net.relu(net.norm(net.conv(y, 8, 1))), 8, group=8))
        x = net.shuffle(net.concat(kept, net.relu(net.conv(y, 8, 1))), 2)
    return net.classify(x)


def grouped_shuffle(net):
    x = net.relu(net.conv("x", 16))
    y = net.shuffle(net.relu(net.conv(x, 16, 1, group=2)), 2)
    y = net.norm(net.conv(net.norm(net.conv(y, 16, group=16)), 16, 1, group=2))
    return net.classify(net.relu(net.node("Add", x, y)))


def mobilenet(net):
    x = net.node("HardSwish", net.conv("x", 8)) if net.opset > 13 else net.relu(net.conv("x", 8))
    y = net.relu(net.norm(net.conv(x, 12, 1)))
    y = net.gate(net.relu(net.conv(y, 24, group=12)), 5)
    x = net.node("Add", x, net.norm(net.conv(y, 8, 1)))
    return net.classify(net.relu(net.conv(x, 10, 1)))


def resnext(net):
    x = net.relu(net.conv("x", 12))
    y = net.relu(net.norm(net.conv(x, 32, 1)))
    y = net.relu(net.norm(net.conv(y, 32, group=8)))
    x = net.relu(net.node("Add", net.conv(y, 12, 1), x))
    y = net.relu(net.conv(net.relu(net.conv(x, 16, 1)), 16, group=2))
    return net.classify(net.relu(net.node("Add", net.conv(y, 12, 1), x)))


def padded_shortcut(net):
    x = net.relu(net.conv("x", 6))
    y = net.conv(net.relu(net.conv(x, 7, strides=[2, 2])), 10)
    lists = [net.constant(numpy.array(values, numpy.int64)) for values in ([0, 0], [99, 99], [2, 3], [2, 2], [0, 2, 0, 0, 0, 2, 0, 0])]
    x = net.node("Pad", net.node("Slice", x, *lists[:4]), lists[4], channels=10)
    return net.classify(net.relu(net.node("Add", x, y)))


def convnext(net):
    x = net.conv("x", 12)
    for normalised in True, False:
        y = net.node("Transpose", net.conv(x, 12, group=12), perm=[0, 2, 3, 1])
        if normalised:  # layer norm as it is written before opset 17
            y = net.node("Sub", y, net.node("ReduceMean", y, axes=[-1]))
            squares = net.node("ReduceMean", net.node("Pow", y, net.constant(numpy.float32(2))), axes=[-1])
            y = net.node("Div", y, net.node("Sqrt", net.node("Add", squares, net.constant(numpy.float32(1e-5)))))
            y = net.node("Add", net.node("Mul", y, net.numbers(12, mean=1)), net.numbers(12))
        y = net.node("Add", net.numbers(20), net.matmul(y, 20), channels=20)
        half = net.node("Mul", y, net.node("Add", net.node("Erf", net.node("Div", y, net.constant(numpy.float32(1.414)))), net.constant(numpy.float32(1))))
        y = net.node("Add", net.matmul(net.node("Mul", half, net.constant(numpy.float32(0.5))), 12), net.numbers(12))
        y = net.node("Transpose", y, perm=[0, 3, 1, 2])
        x = net.node("Add", x, net.node("Mul", net.numbers(12, 1, 1), y, channels=12))
    return net.classify(x)


def flattened(net):
    x = net.node("MaxPool", net.relu(net.conv("x", 6)), kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.gemm(net.shape(x, -1, 96), 96, 10))
    return net.gemm(x, 10, CLASSES)


def moved(net):
    x = net.relu(net.conv("x", 8))
    x = net.node("Gather", x, net.constant(numpy.array([5, 2, -1, 0, 1, 3, 4, 6])), axis=1)
    ends = [net.constant(numpy.array(values, numpy.int64)) for values in ([0], [3], [1], [3], [2 ** 62])]
    first, rest = net.node("Slice", x, ends[0], ends[1], ends[2], channels=3), net.node("Slice", x, ends[3], ends[4], ends[2], channels=5)
    y = net.concat(net.conv(first, 4), net.node("PRelu", net.conv(rest, 5), net.numbers(5, 1, 1, spread=0.3)))
    y = net.node("InstanceNormalization", y, net.numbers(9, mean=1), net.numbers(9))
    y = net.node("Mul", net.node("Sub", net.numbers(1, 9, 1, 1), net.conv(y, 9), channels=9), net.numbers(9, 1, 1, mean=1))
    return net.matmul(net.node("ReduceMean", net.relu(y), axes=[2, 3], keepdims=0), CLASSES)


def enlarged(net):
    x = net.node("AveragePool", net.relu(net.conv("x", 6)), kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.conv(x, 8, 2, op="ConvTranspose", strides=[2, 2], pads=[0, 0, 0, 0]))
    x = net.relu(net.conv(x, 8, 3, op="ConvTranspose", group=4))
    x = net.node("Resize", x, "", net.constant(numpy.array([1, 1, 0.5, 0.5], numpy.float32)), mode="nearest")
    x = net.relu(net.conv(net.shape(net.conv(x, 5), 0, 5, -1), 7, axes=1))
    return net.gemm(net.node("Flatten", net.node("GlobalAveragePool", x)), 7, CLASSES)


def group_norm(net):
    x = net.conv("x", 12)
    y = net.node("InstanceNormalization", net.shape(x, 0, 3, -1, channels=3), net.constant(numpy.ones(3, numpy.float32)),
                 net.constant(numpy.zeros(3, numpy.float32)))
    y = net.shape(y, 0, 12, SIDE, SIDE, channels=12)
    y = net.node("Add", net.node("Mul", y, net.numbers(12, 1, 1, mean=1)), net.numbers(12, 1, 1))
    return net.classify(net.relu(net.conv(net.relu(y), 6)))


NETWORKS = [(densenet, 13), (inception, 13), (shufflenet, 13), (shufflenet, 11), (grouped_shuffle, 13), (mobilenet, 14),
            (resnext, 13), (padded_shortcut, 13), (convnext, 13), (flattened, 13), (moved, 13), (enlarged, 13), (group_norm, 13)]


def scale_reader(model, name, positions, factors):
    """Multiply what the weights of a layer read at these positions of its input's channel axis."""
    node = next(n for n in model.graph.node if n.name == name)
    tensor = next(t for t in model.graph.initializer if t.name == node.input[1])
    weights = numpy_helper.to_array(tensor).copy()
    groups = onnx_reference.attributes(node).get("group", 1)
    transposed = onnx_reference.attributes(node).get("transB", 0)
    for position, factor in zip(positions, factors):
        if node.op_type == "Conv":
            width, made = weights.shape[1], weights.shape[0] // groups
            group = position // width
            weights[group * made:(group + 1) * made, position % width] *= factor
        elif node.op_type == "Gemm" and transposed:
            weights[:, position] *= factor
        else:
            weights[position] *= factor
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


def zeroed(model, layers):
    """The original with the channels zeroed, and scaled, that a `prune` says went and stayed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for layer in layers:
        for reader in layer["consumers"]:
            scale_reader(copy, reader["name"], reader["removed"], [0] * len(reader["removed"]))
            if reader["weights"] is not None:
                scale_reader(copy, reader["name"], reader["kept"], reader["weights"])
    return copy


jobs = []


def prune(build, opset, scope, reweight):
    name = "%s_%d_%s" % (build.__name__, opset, scope)
    net = Net(opset)
    model = net.save(name, build(net))
    results = commands("open " + path(name + ".onnx"), "data %s channels=gray" % path("images"), "groups scope=" + scope,
                       "sample all images=4 locations=20 seed=3", "ratio all 0.5", "summary", "prune all reweight=" + reweight,
                       "export " + path(name + "_cut.onnx"), "infer %s %s" % (path("in.npy"), path(name + ".npy")), "undo",
                       "undo", "layers")
    whole = [layer["name"] for layer in results[-1]["layers"] if layer["kept"] == layer["filters"] and layer["ratio"] == 0]
    check("%s: with no ratio set all layers are whole" % name, len(whole) == len(results[-1]["layers"]), results[-1])
    groups, planned, cut = results[2]["groups"], results[5], results[6]["layers"]
    check("%s: the network is as large as planned" % name, (planned["params_planned"], planned["flops_planned"]) ==
          (results[6]["params"], results[6]["flops"]), (planned, results[6]))
    prunable = {group["name"] for group in groups if group["prunable"]}
    check("%s: every group that can be pruned is" % name, {layer["name"] for layer in cut} == prunable and prunable, (prunable, cut))
    for layer in cut:
        fine = all(sorted(p["kept"] + p["removed"]) == list(range(len(p["kept"]) + len(p["removed"]))) or len(layer["producers"]) > 1
                   for p in layer["producers"])
        if not fine or not layer["producers"] or not layer["consumers"]:
            check("%s: %s says what it removed where" % (name, layer["name"]), False, json.dumps(layer))
    exported = onnx.load(path(name + "_cut.onnx"))
    try:
        onnx.checker.check_model(exported, full_check=True)
        problem = ""
    except Exception as error:  # the checker has several kinds
        problem = str(error)
    check("%s: what is left passes ONNX's checker" % name, not problem, problem)
    onnx.save(zeroed(model, cut), path(name + "_zero.onnx"))
    jobs.append(name)


FLATTENED = """\
scope inner
group  channels filters
Conv_0        6       6  prunable
  read by   Gemm_4
Gemm_4       10      10  prunable
  read by   Gemm_6
Gemm_6        3       3  not prunable
  because   its filters are the network's outputs
"""
SHORTCUT = """\
scope all
group   channels filters
Conv_0        10       6  prunable
  made by   Conv_0, Conv_4
  read by   Conv_2, Gemm_11
"""


def show(name, scope):
    done = run("-c", "open " + path(name + ".onnx"), "-c", "groups scope=" + scope)
    return "".join(line for line in done.stdout.splitlines(True) if not line.startswith("open:"))


def show_groups():
    check("groups are shown with who reads them, and why not", show("flattened_13_inner", "inner") == FLATTENED, show("flattened_13_inner", "inner"))
    seen = show("padded_shortcut_13_all", "all")
    check("a group that several layers make is shown so", seen.startswith(SHORTCUT), seen)
    texts = [show(name, scope) for name in jobs for scope in ("inner", "all")]
    check("groups fit 80 columns", all(len(line) <= 80 for text in texts for line in text.splitlines()), "\n".join(texts))


def onnxruntime(cases):
    """Outputs of the models of (model, output file)."""
    with open(path("cases.json"), "w") as file:
        json.dump([{"model": model, "images": path("in.raw"), "dims": list(images.shape), "output": output} for model, output in cases], file)
    done = subprocess.run(["node", os.path.join(TREE, "tests/pipeline/onnxruntime_many.js"), path("cases.json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def have_onnxruntime():
    return shutil.which("node") and subprocess.run(["node", "-e", "require('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0


write_images()
images = random.standard_normal((4, 1, SIDE, SIDE)).astype(numpy.float32)
numpy.save(path("in.npy"), images)
images.tofile(path("in.raw"))
for build, opset in NETWORKS:
    for scope, reweight in ("inner", "none"), ("all", "ls"):
        prune(build, opset, scope, reweight)
show_groups()

names = [name + suffix for name in jobs for suffix in ("", "_cut", "_zero")]
if have_onnxruntime():
    messages = dict(zip(names, onnxruntime([(path(name + ".onnx"), path(name + ".out")) for name in names]) or []))
else:
    skip("what is left in onnxruntime", "onnxruntime-node is not installed; the program's own numbers stand in")
    messages = dict.fromkeys(names, "")
    for name in names:
        commands("open " + path(name + ".onnx"), "infer %s %s" % (path("in.npy"), path("out.npy")))
        numpy.load(path("out.npy")).tofile(path(name + ".out"))
for name in jobs:
    failed = [messages.get(name + suffix, "onnxruntime does not run") for suffix in ("", "_cut", "_zero")]
    if not check("%s: what is left runs" % name, not any(failed), failed):
        continue
    whole, cut, zero = (numpy.fromfile(path(name + suffix + ".out"), numpy.float32) for suffix in ("", "_cut", "_zero"))
    scale = float(numpy.abs(zero).max())
    check("%s: what is left equals the network with its channels zeroed" % name, numpy.abs(cut - zero).max() <= 1e-4 * scale, (cut, zero))
    check("%s: the cut was one" % name, numpy.abs(whole - zero).max() > 1e-3 * scale, (whole, zero))
    seen = numpy.load(path(name + ".npy")).ravel()
    check("%s: the program computes the same" % name, numpy.abs(seen - cut).max() <= 1e-4 * scale, (seen, cut))
finish()
