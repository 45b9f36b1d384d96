"""Every operator of the engine against independent computations, in the shapes at which such code goes wrong."""

import os

from thinet import check, finish, run, scratch, skip, skip_all

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

folder = scratch()
random = numpy.random.default_rng(20170722)
references = onnx_reference.backends()
if "PyTorch" not in references:
    skip("every operator against PyTorch", "PyTorch is not installed; NumPy stands in")


def numbers(*shape):
    return random.standard_normal(shape).astype(numpy.float32)


def model_of(nodes, constants, shape):
    """Nodes from "x" to "y", then flattened to the program's [N,features]."""
    nodes = nodes + [helper.make_node("Flatten", ["y"], ["flat"], axis=1)]
    graph = helper.make_graph(
        nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", None])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="test")
    model.ir_version = 7
    onnx.checker.check_model(model, full_check=True)
    return model


def compare(name, nodes, constants, shape, batch=3, tolerance=2e-5):
    images = numbers(batch, *shape)
    model = model_of(nodes, constants, shape)
    paths = [os.path.join(folder, file) for file in ("one.onnx", "in.npy", "out.npy")]
    onnx.save(model, paths[0])
    numpy.save(paths[1], images)
    done = run("-c", "open " + paths[0], "-c", "infer %s %s" % (paths[1], paths[2]))
    if done.returncode != 0:
        check(name, False, done.stderr)
        return
    seen = numpy.load(paths[2])
    os.remove(paths[2])
    for reference, backend in references.items():
        try:
            expected = onnx_reference.evaluate(model, images, backend)
        except NotImplementedError:
            continue  # PyTorch has no such padding; NumPy has
        scale = max(1.0, float(numpy.abs(expected).max()))
        good = seen.shape == expected.shape and numpy.abs(seen - expected).max() <= tolerance * scale
        check("%s equals %s" % (name, reference), good,
              "shapes %s %s\nlargest difference %s of %s" % (
                  seen.shape, expected.shape,
                  numpy.abs(seen - expected).max() if seen.shape == expected.shape else "-", scale))


def conv(name, channels, filters, size, kernel, batch=3, bias=True, groups=1, **given):
    constants = {"c.weight": numbers(filters, channels // groups, *kernel)}
    if bias:
        constants["c.bias"] = numbers(filters)
    node = helper.make_node("Conv", ["x", *constants], ["y"], group=groups, kernel_shape=kernel, **given)
    compare("Conv " + name, [node], constants, (channels, *size), batch)


conv("3x3 with padding", 8, 16, (14, 14), (3, 3), pads=[1, 1, 1, 1])
conv("3x3, 32 filters of 32 channels", 32, 32, (28, 28), (3, 3), pads=[1, 1, 1, 1])
conv("3x3 of one channel", 1, 32, (28, 28), (3, 3), pads=[1, 1, 1, 1])
conv("3x3 with one filter", 16, 1, (9, 9), (3, 3), pads=[1, 1, 1, 1])
conv("3x3, odd numbers of channels and filters", 7, 13, (11, 17), (3, 3), pads=[1, 1, 1, 1], bias=False)
conv("3x3 of batch 1", 5, 6, (8, 8), (3, 3), batch=1, pads=[1, 1, 1, 1])
conv("3x3 of a batch over the program's own", 3, 4, (5, 5), (3, 3), batch=301, pads=[1, 1, 1, 1])
conv("3x3 of images 1x1", 4, 6, (1, 1), (3, 3), pads=[1, 1, 1, 1])
conv("3x3 with stride 2", 6, 10, (15, 16), (3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
conv("3x3 with stride 2 along one axis", 4, 8, (9, 12), (3, 3), pads=[1, 1, 1, 1], strides=[1, 2])
conv("1x1", 24, 17, (7, 7), (1, 1))
conv("1x1 with stride 2", 16, 32, (14, 14), (1, 1), strides=[2, 2])
conv("1x1 of images 1x1", 9, 5, (1, 1), (1, 1))
conv("1x1 with padding", 3, 5, (4, 4), (1, 1), pads=[1, 1, 1, 1])
conv("5x5", 3, 8, (12, 12), (5, 5), pads=[2, 2, 2, 2])
conv("7x7 with stride 2", 3, 16, (32, 32), (7, 7), pads=[3, 3, 3, 3], strides=[2, 2])
conv("11x11 with stride 4", 3, 8, (35, 35), (11, 11), pads=[2, 2, 2, 2], strides=[4, 4])
conv("1x3", 4, 5, (6, 9), (1, 3), pads=[0, 1, 0, 1])
conv("3x1", 4, 5, (6, 9), (3, 1), pads=[1, 0, 1, 0])
conv("2x2, an even kernel", 4, 5, (7, 7), (2, 2))
conv("with a stride above its kernel", 5, 7, (13, 13), (2, 2), strides=[3, 4])
conv("1x1 with a stride above the image", 5, 7, (3, 3), (1, 1), strides=[5, 5])
conv("with a kernel as large as the image", 6, 4, (5, 5), (5, 5))
conv("with asymmetric padding", 4, 6, (8, 9), (3, 3), pads=[0, 1, 2, 0])
conv("with asymmetric padding and stride 2", 4, 6, (8, 8), (3, 3), pads=[0, 0, 1, 1], strides=[2, 2])
conv("with padding beyond its kernel", 3, 4, (4, 4), (2, 2), pads=[3, 3, 3, 3])
conv("dilated by 2", 4, 6, (12, 12), (3, 3), pads=[2, 2, 2, 2], dilations=[2, 2])
conv("dilated by 3 and 1 with stride 2", 4, 6, (13, 12), (3, 3), pads=[3, 1, 3, 1], dilations=[3, 1], strides=[2, 2])
conv("in two groups", 8, 12, (9, 9), (3, 3), groups=2, pads=[1, 1, 1, 1])
conv("in four groups 1x1 with stride 2", 16, 8, (10, 10), (1, 1), groups=4, strides=[2, 2])
conv("depthwise 3x3", 12, 12, (10, 10), (3, 3), groups=12, pads=[1, 1, 1, 1])
conv("depthwise with stride 2", 12, 12, (11, 10), (3, 3), groups=12, pads=[1, 1, 1, 1], strides=[2, 2])
conv("depthwise with two filters a channel, dilated", 5, 10, (12, 12), (3, 3), groups=5, pads=[2, 2, 2, 2], dilations=[2, 2])
conv("with auto_pad SAME_UPPER and stride 2", 4, 6, (9, 8), (3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
conv("with auto_pad SAME_LOWER and an even kernel", 4, 6, (9, 8), (4, 2), auto_pad="SAME_LOWER")
conv("with auto_pad VALID", 4, 6, (9, 8), (3, 3), auto_pad="VALID", strides=[2, 1])


def pool(op, name, size, kernel, channels=5, batch=2, **given):
    compare("%s %s" % (op, name), [helper.make_node(op, ["x"], ["y"], kernel_shape=kernel, **given)], {},
            (channels, *size), batch)


for op in "MaxPool", "AveragePool":
    pool(op, "2x2", (8, 8), (2, 2), strides=[2, 2])
    pool(op, "2x2 of an odd image", (7, 9), (2, 2), strides=[2, 2])
    pool(op, "2x2 of an odd image, rounding up", (7, 9), (2, 2), strides=[2, 2], ceil_mode=1)
    pool(op, "3x3 with stride 2 and padding", (10, 11), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    pool(op, "3x3 with stride 2 and padding, rounding up", (10, 11), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    pool(op, "with stride above its kernel", (11, 11), (2, 2), strides=[3, 3])
    pool(op, "overlapping, stride 1 by default", (6, 6), (3, 3))
    pool(op, "with asymmetric padding", (7, 7), (3, 3), strides=[2, 2], pads=[0, 0, 1, 1])
    pool(op, "of images 1x1", (1, 1), (1, 1))
    pool(op, "over the whole image", (6, 6), (6, 6))
    pool(op, "of one channel and batch 1", (9, 9), (3, 2), channels=1, batch=1, strides=[3, 2])
    pool(op, "with auto_pad SAME_UPPER", (7, 8), (3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
pool("AveragePool", "counting the padding", (8, 8), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
pool("AveragePool", "counting asymmetric padding", (8, 8), (3, 3), strides=[2, 2], pads=[0, 1, 1, 0], count_include_pad=1)
pool("AveragePool", "counting the padding, rounding up", (9, 8), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1)
pool("MaxPool", "dilated", (12, 12), (3, 3), dilations=[2, 2])

for size in (6, 7), (1, 1):
    compare("GlobalAveragePool of %dx%d" % size, [helper.make_node("GlobalAveragePool", ["x"], ["y"])], {}, (9, *size))
compare("Relu", [helper.make_node("Relu", ["x"], ["y"])], {}, (3, 5, 7))
for channels, size, epsilon in (9, (6, 5), 1e-5), (1, (4, 4), 1e-3), (16, (1, 1), 1e-5):
    constants = {"b.weight": numbers(channels), "b.bias": numbers(channels), "b.running_mean": numbers(channels),
                 "b.running_var": numpy.abs(numbers(channels)) + numpy.float32(0.01)}
    compare("BatchNormalization of %d channels %dx%d" % (channels, *size),
            [helper.make_node("BatchNormalization", ["x", *constants], ["y"], epsilon=epsilon)], constants, (channels, *size))

for trans, alpha, beta, bias in (1, 1.0, 1.0, True), (0, 1.0, 1.0, True), (1, 0.5, 2.0, True), (1, 1.0, 1.0, False):
    features, outputs = 4 * 3 * 3, 11
    weight = numbers(outputs, features) if trans else numbers(features, outputs)
    constants = {"f.weight": weight}
    if bias:
        constants["f.bias"] = numbers(outputs)
    for batch in 1, 5:
        compare("Gemm transB=%d alpha=%g beta=%g %s, batch %d" % (trans, alpha, beta, "with bias" if bias else "without bias", batch),
                [helper.make_node("Flatten", ["x"], ["f"], axis=1),
                 helper.make_node("Gemm", ["f", *constants], ["y"], transB=trans, alpha=alpha, beta=beta)],
                constants, (4, 3, 3), batch)

compare("Add of two branches",
        [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Add", ["a", "x"], ["y"])], {}, (6, 5, 4))
compare("Dropout and Identity, which do nothing when inferring",
        [helper.make_node("Dropout", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
         helper.make_node("Identity", ["b"], ["y"])], {}, (6, 5, 4))
compare("Softmax",
        [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Softmax", ["f"], ["y"], axis=1)], {}, (10, 1, 1))
compare("Slice by 2 and Pad of channels, as ResNet's shortcut A",
        [helper.make_node("Slice", ["x", "starts", "ends", "axes", "steps"], ["a"]), helper.make_node("Pad", ["a", "pads"], ["y"])],
        {"starts": numpy.array([0, 0]), "ends": numpy.array([9223372036854775807] * 2), "axes": numpy.array([2, 3]),
         "steps": numpy.array([2, 2]), "pads": numpy.array([0, 4, 0, 0, 0, 4, 0, 0])}, (8, 6, 7))
compare("Reshape to features",
        [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Reshape", ["a", "shape"], ["y"])], {"shape": numpy.array([0, -1])}, (4, 3, 5))

constants = {"c.weight": numbers(6, 6, 3, 3), "c.bias": numbers(6), "b.weight": numbers(6), "b.bias": numbers(6),
             "b.mean": numbers(6), "b.var": numpy.abs(numbers(6)) + numpy.float32(0.1)}
compare("a residual block",
        [helper.make_node("Conv", ["x", "c.weight", "c.bias"], ["c"], pads=[1, 1, 1, 1]),
         helper.make_node("BatchNormalization", ["c", "b.weight", "b.bias", "b.mean", "b.var"], ["n"]),
         helper.make_node("Add", ["n", "x"], ["s"]), helper.make_node("Relu", ["s"], ["y"])], constants, (6, 9, 9),
        tolerance=5e-5)
finish()
