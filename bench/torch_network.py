#!/usr/bin/python3
"""The network of an ONNX file in PyTorch, in a process of its own: `engine.py` runs it, line by line as follows.

    torch_network.py inference|training FILE.onnx THREADS BATCH PASSES     {"seconds": [a pass, ...], "version": ..}
    torch_network.py agree FILE.onnx PROGRAM                               {"apart": of the logits' scale}
    torch_network.py export NAME FILE.onnx                                 torchvision's, random weights

The network does what one written for PyTorch does: modules of torch.nn, ReLU and residual sums in place, and nothing
is kept longer than it is needed (autograd keeps what it needs itself).
"""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.append(sys.path.pop(0))  # torchvision.py beside this file must not be taken for torchvision

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

SHAPE_ARITHMETIC = {"Unsqueeze", "Concat", "ConstantOfShape", "Reshape", "Slice", "Transpose", "Cast", "Gather", "Identity"}


# --- What the file says ---


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def read(path):
    """Nodes that compute something of the images, what is constant, and the names of input and output."""
    model = onnx.load(path)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type in SHAPE_ARITHMETIC and all(name in constants for name in node.input if name):
            constants[node.output[0]] = folded(node, [constants[name] for name in node.input])
        else:
            nodes.append(node)
    source = [i for i in model.graph.input if i.name not in constants][0]
    shape = [d.dim_value for d in source.type.tensor_type.shape.dim[1:]]
    return nodes, constants, source.name, shape, model.graph.output[0].name


def cut_of(rank, inputs):
    """Python's slices for ONNX's starts, ends, axes and steps."""
    starts, ends = inputs[:2]
    axes = inputs[2] if len(inputs) > 2 else range(len(starts))
    steps = inputs[3] if len(inputs) > 3 else [1] * len(starts)
    cut = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps):
        # An end before the beginning is how ONNX says "to the first", which Python says with None.
        cut[axis] = slice(int(start), None if step < 0 and end < -2**31 else int(end), int(step))
    return tuple(cut)


def folded(node, inputs):
    """The shape arithmetic of an exporter, whose inputs are constant."""
    given, kind, x = attributes(node), node.op_type, inputs[0]
    if kind == "Concat":
        return numpy.concatenate(inputs, given["axis"])
    if kind == "Unsqueeze":
        return numpy.expand_dims(x, tuple(int(a) for a in (inputs[1] if len(inputs) > 1 else given["axes"])))
    if kind == "ConstantOfShape":
        value = numpy_helper.to_array(given["value"]) if "value" in given else numpy.zeros(1, numpy.float32)
        return numpy.full([int(d) for d in x], value[0], value.dtype)
    if kind == "Reshape":
        return x.reshape([int(d) for d in inputs[1]])
    if kind == "Transpose":
        return x.transpose(given.get("perm"))
    if kind == "Gather":
        return numpy.take(x, inputs[1], given.get("axis", 0))
    if kind == "Cast":
        return x.astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[given["to"]])
    if kind == "Slice":
        return x[cut_of(x.ndim, inputs[1:])]
    return x


# --- The same in PyTorch ---


def filled(module, **tensors):
    with torch.no_grad():
        for name, numbers in tensors.items():
            getattr(module, name).copy_(torch.from_numpy(numpy.array(numbers)))
    return module


def padding_of(given):
    pads = given.get("pads", [0, 0, 0, 0])
    if pads[:2] != pads[2:]:
        raise NotImplementedError("padding %s" % pads)
    return tuple(pads[:2])


def convolution(given, weight, bias=None):
    module = nn.utils.skip_init(
        nn.Conv2d, weight.shape[1] * given.get("group", 1), weight.shape[0], weight.shape[2:], given.get("strides", 1),
        padding_of(given), given.get("dilations", 1), given.get("group", 1), bias is not None)
    return filled(module, weight=weight, **({} if bias is None else {"bias": bias}))


def fully_connected(given, weight, bias=None):
    weight = weight if given.get("transB") else weight.T
    module = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias is not None)
    return filled(module, weight=weight, **({} if bias is None else {"bias": bias}))


def norm(given, weight, bias, mean, variance):
    module = nn.BatchNorm2d(len(weight), given.get("epsilon", 1e-5))
    return filled(module, weight=weight, bias=bias, running_mean=mean, running_var=variance)


def clip(inplace, low, high):
    return nn.ReLU6(inplace) if (low, high) == (0, 6) else nn.Hardtanh(float(low), float(high), inplace)


class Padding(nn.Module):
    def __init__(self, pads):
        super().__init__()
        rank = len(pads) // 2
        self.sides = [int(side) for axis in reversed(range(rank)) for side in (pads[axis], pads[axis + rank])]

    def forward(self, x):
        return functional.pad(x, self.sides)


class Part(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.cut = cut_of(4, inputs)

    def forward(self, x):
        return x[self.cut]


class Sum(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.inplace = inplace

    def forward(self, x, y):
        return x.add_(y) if self.inplace else x + y


def module_of(node, inplace, constants):
    """The module of a node, given the constants among its inputs."""
    given, kind = attributes(node), node.op_type
    if kind == "Conv":
        return convolution(given, *constants)
    if kind == "Gemm":
        return fully_connected(given, *constants)
    if kind == "BatchNormalization":
        return norm(given, *constants)
    if kind == "Relu":
        return nn.ReLU(inplace)
    if kind == "Clip":
        return clip(inplace, *constants)
    if kind == "MaxPool":
        return nn.MaxPool2d(given["kernel_shape"], given.get("strides", 1), padding_of(given))
    if kind == "AveragePool":
        return nn.AvgPool2d(given["kernel_shape"], given.get("strides", 1), padding_of(given))
    if kind == "GlobalAveragePool":
        return nn.AdaptiveAvgPool2d(1)
    if kind == "Add":
        return Sum(inplace)
    if kind in ("Flatten", "Reshape"):
        return nn.Flatten()
    if kind == "Dropout":
        return nn.Dropout(float(constants[0]) if constants else 0.5)
    if kind == "Slice":
        return Part(constants)
    if kind == "Pad":
        return Padding(constants[0])
    if kind == "Identity":
        return nn.Identity()
    raise NotImplementedError(kind)


class Network(nn.Module):
    def __init__(self, path):
        super().__init__()
        nodes, constants, self.source, self.shape, self.result = read(path)
        self.parts = nn.ModuleList()
        self.wires = []  # of each part: what it reads, what it makes, what nobody reads after it
        last, readers = {}, {}
        for i, node in enumerate(nodes):
            for name in node.input:
                last[name] = i
                readers[name] = readers.get(name, 0) + 1
        maker = {node.output[0]: node.op_type for node in nodes}
        for i, node in enumerate(nodes):
            read_here = [name for name in node.input if name and name not in constants]
            # Autograd needs no output of these, so what comes next may be written over it.
            free = [readers[name] == 1 and maker.get(name) in ("Conv", "BatchNormalization", "Gemm", "Add") for name in read_here]
            if node.op_type == "Add" and not free[0]:
                read_here.reverse()
            self.parts.append(module_of(node, any(free), [constants[name] for name in node.input if name in constants]))
            self.wires.append((read_here, node.output[0], {name for name in read_here if last[name] == i}))

    def forward(self, images):
        values = {self.source: images}
        del images
        for part, (names, made, done) in zip(self.parts, self.wires):
            inputs = [values[name] for name in names]
            for name in done:
                del values[name]
            values[made] = part(*inputs)
        return values[self.result]


# --- What is asked of it ---


def forget_opening():
    """The most memory taken is counted from here: reading the file into NumPy is not PyTorch's affair."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def timed(passes, work):
    """Seconds of each pass, after one that is not counted."""
    taken = []
    for _ in range(passes + 1):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken[1:]


def inference(network, images, passes):
    network.eval()
    with torch.no_grad():
        return timed(passes, lambda: network(images))


def training(network, images, passes):
    network.train()
    with torch.no_grad():
        classes = network.eval()(images[:1]).shape[1]
    network.train()
    labels = torch.randint(0, classes, (len(images),))
    # As the program's own step is timed: momentum, no decay, a rate of zero, so that weights stay what they are.
    optimizer = torch.optim.SGD(network.parameters(), lr=0, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return timed(passes, step)


def measure(what, path, threads, batch, passes):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    network = Network(path)
    forget_opening()
    seconds = {"inference": inference, "training": training}[what](network, torch.randn(int(batch), *network.shape), int(passes))
    return {"seconds": seconds, "version": torch.__version__}


def agree(path, program):
    """That both compute the same, or the comparison says nothing."""
    network = Network(path).eval()
    images = torch.randn(2, *network.shape)
    with tempfile.TemporaryDirectory() as folder:
        given, found = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npy")
        numpy.save(given, images.numpy())
        subprocess.run([program, "-c", "open " + path, "-c", "infer %s %s" % (given, found)], stdout=subprocess.DEVNULL, check=True)
        ours = torch.from_numpy(numpy.load(found).reshape(2, -1))
    with torch.no_grad():
        theirs = network(images)
    return {"apart": float((ours - theirs).abs().max() / theirs.abs().max())}


def export(name, path):
    import torchvision

    torch.manual_seed(1)
    network = getattr(torchvision.models, name)(weights=None).eval()
    with torch.no_grad():  # no two tensors alike: the exporter would make one of them
        for numbers in network.parameters():
            numbers += 0.01 * torch.randn_like(numbers)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.7, 1.5)
    torch.onnx.export(network, torch.zeros(1, 3, 224, 224), path, opset_version=13, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    return {}


def main():
    what, *rest = sys.argv[1:]
    result = {"agree": agree, "export": export}[what](*rest) if what in ("agree", "export") else measure(what, *rest)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
