"""Small networks trained for two steps by the program and by PyTorch, on the same images: what their weights
become. Needs PyTorch."""

import os
import struct

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from thinet import check, run, scratch
from torch.nn import functional

folder = scratch()
random = numpy.random.default_rng(17)
COUNT, SIZE, CLASSES = 24, (12, 10), 5
RATE, MOMENTUM, DECAY, EPOCHS = 0.05, 0.9, 0.01, 2


def write_idx(name, values):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(">%dI" % values.ndim, *values.shape) + values.tobytes())


pixels = random.integers(0, 256, (COUNT, *SIZE), numpy.uint8)
labels = random.integers(0, CLASSES, COUNT).astype(numpy.uint8)
images = torch.from_numpy(pixels[:, None].astype(numpy.float32) / 255)
for prefix in "train", "t10k":
    write_idx(prefix + "-images-idx3-ubyte", pixels)
    write_idx(prefix + "-labels-idx1-ubyte", labels)


def weights(*shape, scale=0.5):
    return (random.standard_normal(shape) * scale / numpy.sqrt(numpy.prod(shape[1:]))).astype(numpy.float32)


def node(op, inputs, outputs, **given):
    return helper.make_node(op, inputs.split(), outputs.split(), **given)


def train(name, nodes, parameters, arguments, forward, opset=13, epochs=EPOCHS, options="", loss=functional.cross_entropy, sgd={},
          clip=None, spared=()):
    """`forward(images, parameters)`: the same network in PyTorch. `arguments`: constants that must stay. What PyTorch is to do
    for the command's `options`: `loss(logits, labels)`, how `sgd` is to be made, the norm to `clip` gradients at, parameters
    `spared` by weight decay."""
    graph = helper.make_graph(
        nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, *SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(values, key) for key, values in {**parameters, **arguments}.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test")
    model.ir_version = 7
    before, after = (os.path.join(folder, file) for file in ("before.onnx", "after.onnx"))
    onnx.save(model, before)
    done = run("-c", "open " + before, "-c", "data %s format=idx mean=0 std=1" % folder,
               "-c", "finetune epochs=%d batch=%d lr=%g schedule=constant momentum=%g decay=%g augment=none %s" % (
                   epochs, COUNT, RATE, MOMENTUM, DECAY, options), "-c", "export " + after)
    if not check("%s trains" % name, done.returncode == 0, done.stderr):
        return
    trained = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(after).graph.initializer}
    own = {key: torch.from_numpy(values.copy()).requires_grad_() for key, values in parameters.items()}
    groups = [{"params": [own[key] for key in own if key not in spared]},
              {"params": [own[key] for key in own if key in spared], "weight_decay": 0}]
    optimizer = torch.optim.SGD([group for group in groups if group["params"]], RATE, MOMENTUM, weight_decay=DECAY, **sgd)
    for _ in range(epochs):
        optimizer.zero_grad()
        loss(forward(images, own), torch.from_numpy(labels.astype(numpy.int64))).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(own.values(), clip)
        optimizer.step()
    for key, values in arguments.items():
        check("%s: '%s' stays" % (name, key), numpy.array_equal(trained[key], values), trained[key])
    for key, values in parameters.items():
        change = numpy.abs(own[key].detach().numpy() - values).max()
        worst = numpy.abs(trained[key] - own[key].detach().numpy()).max()
        check("%s: '%s' changes as in PyTorch" % (name, key), change > 0 and worst <= 1e-3 * change,
              "differs by %g of %g" % (worst, change))


head = {"f.weight": weights(CLASSES, 8), "f.bias": weights(CLASSES)}
tail = [node("GlobalAveragePool", "last", "pooled"), node("Flatten", "pooled", "features"),
        node("Gemm", "features f.weight f.bias", "y", transB=1)]


def classify(x, p):
    return x.mean((2, 3)) @ p["f.weight"].T + p["f.bias"]
