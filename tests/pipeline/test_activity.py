"""What `sample` keeps of the filters themselves, zeros, magnitudes and gradients, against the example computed outside:
with NumPy in double precision from the definitions, the gradients by PyTorch's autograd."""

import os
import struct

from thinet import EXAMPLE, QUICK, check, commands, fashion_images, finish, need_example, scratch, skip, skip_all, try_commands

try:
    import numpy
    import onnx
    import onnx_reference
    from onnx import numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
need_example()
folder = scratch()
COUNT = 40 if QUICK else 120
images, labels = fashion_images(COUNT)
pixels = numpy.round((images * numpy.float32(0.3530) + numpy.float32(0.2860)) * 255).astype(numpy.uint8)

# A data set whose training images are all taken: then nothing of the choice by chance is needed here.
data = os.path.join(folder, "data")
os.mkdir(data)
for part in "train", "t10k":
    with open(os.path.join(data, part + "-images-idx3-ubyte"), "wb") as file:
        file.write(struct.pack(">iiii", 0x803, COUNT, 28, 28) + pixels.tobytes())
    with open(os.path.join(data, part + "-labels-idx1-ubyte"), "wb") as file:
        file.write(struct.pack(">ii", 0x801, COUNT) + bytes(int(n) for n in labels))

LAYERS = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2"]
start = ["open " + EXAMPLE, "data %s preset=fashion-mnist" % data]
sample = "sample all images=1000 locations=2"


def export(*before, options=(), suffix=""):
    files = [os.path.join(folder, name + suffix + ".npy") for name in LAYERS]
    commands(*before, *("export-activity %s %s" % pair for pair in zip(LAYERS, files)), options=options)
    return [numpy.load(file) for file in files]


def activations(backend, network, batch):
    """The tensors behind each layer's ReLU, and the logits."""
    values = {t.name: backend.array(numpy_helper.to_array(t)) for t in network.graph.initializer}
    values[network.graph.input[0].name] = backend.array(batch)
    found, layer = [], None
    for node in network.graph.node:
        values[node.output[0]] = onnx_reference._run(node, [values[n] if n else None for n in node.input], backend)
        if node.op_type == "Conv":
            layer = len(found)
        elif node.op_type == "Relu" and layer == len(found):
            found.append(values[node.output[0]])
            if hasattr(found[-1], "retain_grad"):
                found[-1].retain_grad()
    return found, values[network.graph.output[0].name]


network = onnx.load(EXAMPLE)
session = os.path.join(folder, "kept.thinet")
collected = export(*start, sample, options=("--session", session))
reference, _ = activations(onnx_reference.Numpy(), network, images)
for name, rows, expected in zip(LAYERS, collected, reference):
    zeros, mean = (expected == 0).mean(axis=(0, 2, 3)), numpy.abs(expected).mean(axis=(0, 2, 3))
    check("zeros of %s: those of NumPy" % name, numpy.abs(rows[0] - zeros).max() < 5e-4, abs(rows[0] - zeros).max())
    check("mean activations of %s: those of NumPy" % name,
          numpy.allclose(rows[1], mean, rtol=1e-4, atol=1e-7), abs(rows[1] - mean).max())
check("there are no gradients before they are asked for", all(numpy.isnan(rows[2]).all() for rows in collected))

again = export(*start, sample, "method conv2_1 taylor", options=("--threads", "1"), suffix=".t")
check("method taylor collects them for every layer that is sampled, and changes nothing else",
      all(numpy.array_equal(a[:2], b[:2]) and numpy.isfinite(b[2]).all() for a, b in zip(collected, again)))
at_once = export(*start, sample + " gradients=on", options=("--threads", "2"), suffix=".g")
check("sample gradients=on gives the same, with any number of threads",
      all(numpy.array_equal(a, b) for a, b in zip(again, at_once)))
reopened = export("curve conv1_1 method=taylor", options=("--session", session), suffix=".r")
check("a session that was closed gives them too", all(numpy.array_equal(a, b) for a, b in zip(again, reopened)))

orders = commands(*start, sample, *("curve conv2_1 method=" + name for name in ("apoz", "mean-activation", "taylor")))[3:]
rows = again[2]
for result, key in zip(orders, (-rows[0], rows[1], rows[2])):
    check("%s ranks by what export-activity writes" % result["method"],
          result["order"] == list(numpy.argsort(key, kind="stable")), result["order"])

done, results = try_commands(*start, sample, "ratio conv1_1 0.5", "prune conv1_1", "curve conv2_1 method=taylor")
check("a statistic of another network than this has no gradients to be collected",
      done.returncode == 1 and "sample conv2_1 first" in results[-1]["error"], results[-1])

try:
    torch_backend = onnx_reference.Torch()
except ImportError:
    skip("gradients against PyTorch", "Python has no module torch")
    finish()
torch = torch_backend.torch
images_in = torch.from_numpy(images.copy()).requires_grad_()
torch_backend.array = lambda values: values if torch.is_tensor(values) else torch.from_numpy(values.copy())
found, logits = activations(torch_backend, network, images_in)
torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels.astype(numpy.int64)), reduction="sum").backward()
for name, rows, value in zip(LAYERS, again, found):
    expected = (value * value.grad).mean(dim=(2, 3)).abs().mean(dim=0).detach().numpy()
    check("gradients of %s: those of PyTorch" % name, numpy.allclose(rows[2], expected, rtol=1e-3, atol=1e-4 * expected.max()),
          "%s\n%s" % (rows[2][:6], expected[:6]))
finish()
