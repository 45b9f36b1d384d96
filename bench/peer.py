"""What the side-by-side measurements share: a network in PyTorch made from its ONNX file, the program under
test, and the record of results."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--network", default=os.path.join(TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--preset", default="fashion-mnist")
    parser.add_argument("--program", default=os.path.join(TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=6400, help="images a round")
    return parser.parse_args()


def program(args, *lines):
    """Results of commands, run by the program in one process."""
    command = [args.program, "--json", "--threads", str(args.threads)]
    for line in lines:
        command += ["-c", line]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def torch_module(path):
    """The network of an ONNX file as a torch.nn.Module with trainable weights, operator by operator."""
    import numpy
    import onnx
    import torch
    from onnx import numpy_helper
    from torch.nn import functional as f

    model = onnx.load(path)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    # Chains of shape arithmetic: what ONNX's own shape inference cannot fold is computed here.
    small = {"Unsqueeze", "Concat", "ConstantOfShape", "Reshape", "Slice", "Transpose", "Cast", "Gather", "Identity"}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            continue
        if node.op_type in small and all(name in constants for name in node.input if name):
            constants[node.output[0]] = _fold(node, [constants[name] for name in node.input], onnx)
        else:
            nodes.append(node)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.ParameterDict()
            self.norms = torch.nn.ModuleDict()
            for node in nodes:
                if node.op_type in ("Conv", "Gemm"):
                    for name in node.input[1:]:
                        self.weights[name.replace(".", "/")] = torch.nn.Parameter(torch.tensor(constants[name]))
                if node.op_type == "BatchNormalization":
                    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                    norm = torch.nn.BatchNorm2d(len(constants[node.input[1]]), eps=given.get("epsilon", 1e-5))
                    with torch.no_grad():
                        for tensor, name in zip((norm.weight, norm.bias, norm.running_mean, norm.running_var), node.input[1:]):
                            tensor.copy_(torch.tensor(constants[name]))
                    self.norms[node.output[0].replace(".", "/")] = norm

        def forward(self, images):
            inputs = [i.name for i in model.graph.input if i.name not in constants]
            values = {inputs[0]: images}
            for node in nodes:
                given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                x = values[node.input[0]]
                weights = [self.weights[name.replace(".", "/")] for name in node.input[1:]] if node.op_type in ("Conv", "Gemm") else []
                if node.op_type == "Conv":
                    pads = given.get("pads", [0, 0, 0, 0])
                    y = f.conv2d(x, weights[0], weights[1] if len(weights) > 1 else None, given.get("strides", 1),
                                 pads[:2], given.get("dilations", 1), given.get("group", 1))
                elif node.op_type == "BatchNormalization":
                    y = self.norms[node.output[0].replace(".", "/")](x)
                elif node.op_type == "Relu":
                    y = f.relu(x)
                elif node.op_type == "MaxPool":
                    y = f.max_pool2d(x, given["kernel_shape"], given.get("strides", 1), given.get("pads", [0, 0])[:2])
                elif node.op_type == "AveragePool":
                    y = f.avg_pool2d(x, given["kernel_shape"], given.get("strides", 1), given.get("pads", [0, 0])[:2])
                elif node.op_type == "GlobalAveragePool":
                    y = x.mean((2, 3), keepdim=True)
                elif node.op_type == "Gemm":
                    y = f.linear(x, weights[0] if given.get("transB") else weights[0].t(), *weights[1:])
                elif node.op_type == "Add":
                    y = x + values[node.input[1]]
                elif node.op_type in ("Flatten", "Reshape"):
                    y = x.flatten(1)
                elif node.op_type == "Slice":
                    _, starts, ends, *rest = (constants[name] for name in [node.input[1], *node.input[1:]])
                    axes, steps = rest[0], rest[1] if len(rest) > 1 else numpy.ones(len(starts), int)
                    cut = [slice(None)] * x.dim()
                    for start, end, axis, step in zip(starts, ends, axes, steps):
                        cut[axis] = slice(int(start), int(end), int(step))
                    y = x[tuple(cut)]
                elif node.op_type == "Pad":
                    pads = [int(p) for p in constants[node.input[1]]]
                    y = f.pad(x, [side for axis in reversed(range(x.dim())) for side in (pads[axis], pads[axis + x.dim()])])
                elif node.op_type in ("Dropout", "Identity"):
                    y = x
                else:
                    raise NotImplementedError(node.op_type)
                values[node.output[0]] = y
            return values[model.graph.output[0].name]

    return Network()


def _fold(node, inputs, onnx):
    import numpy

    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Concat":
        return numpy.concatenate(inputs, given["axis"])
    if node.op_type == "Unsqueeze":
        return numpy.expand_dims(inputs[0], tuple(int(a) for a in (inputs[1] if len(inputs) > 1 else given["axes"])))
    if node.op_type == "ConstantOfShape":
        value = onnx.numpy_helper.to_array(given["value"]) if "value" in given else numpy.zeros(1, numpy.float32)
        return numpy.full([int(d) for d in inputs[0]], value[0], value.dtype)
    if node.op_type == "Reshape":
        return inputs[0].reshape([int(d) for d in inputs[1]])
    if node.op_type == "Transpose":
        return inputs[0].transpose(given.get("perm"))
    if node.op_type == "Gather":
        return numpy.take(inputs[0], inputs[1], given.get("axis", 0))
    if node.op_type == "Cast":
        return inputs[0].astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[given["to"]])
    if node.op_type == "Slice":
        axes = inputs[3] if len(inputs) > 3 else range(len(inputs[1]))
        steps = inputs[4] if len(inputs) > 4 else [1] * len(inputs[1])
        cut = [slice(None)] * inputs[0].ndim
        for start, end, axis, step in zip(inputs[1], inputs[2], axes, steps):
            start, end, step = int(start), int(end), int(step)
            cut[axis] = slice(start, None if step < 0 and end < -inputs[0].shape[axis] else end, step)
        return inputs[0][tuple(cut)]
    return inputs[0]


def input_shape(path):
    import onnx

    model = onnx.load(path)
    constants = {t.name for t in model.graph.initializer}
    value = [i for i in model.graph.input if i.name not in constants][0]
    return [d.dim_value for d in value.type.tensor_type.shape.dim[1:]]


def machine():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return "%s, %d processors" % (names[0] if names else platform.processor(), os.cpu_count())


def record(args, title, lines):
    """Print the lines, and add them to RESULTS.md."""
    version = subprocess.run([args.program, "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]
    print("\n".join(lines))
    with open(os.path.join(TREE, "bench", "RESULTS.md"), "a") as file:
        file.write("\n## %s: %s, %s\n\n" % (datetime.date.today().isoformat(), title, os.path.basename(args.network)))
        file.write("%s; %d threads, batch %d, %d images a round, median of %d; %s\n\n" % (
            machine(), args.threads, args.batch, args.images, args.rounds, version))
        file.write("\n".join("    " + line for line in lines) + "\n")
