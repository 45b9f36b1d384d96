"""Shapes the program gives to what operators make, against onnxruntime where it is there and ONNX's own inference."""

import itertools
import json
import os
import subprocess

from thinet import check, finish, run, scratch, skip, skip_all

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)

BATCH = 3  # the number the reference is run with
folder = scratch()
cases = []


def weights(*shape):
    return numpy.ones(shape, numpy.float32)


def ints(*numbers):
    return numpy.array(numbers, numpy.int64)


def scalar(number, dtype=numpy.float32):
    return numpy.array(number, dtype)


def case(op, shape, *constants, opset=13, outputs=1, **attributes):
    """A node of the input, [N, *shape], and of constants (None: left out)."""
    number = len(cases)
    inputs = ["x"] + ["" if c is None else "c%d" % i for i, c in enumerate(constants)]
    names = ["y%d" % i for i in range(outputs)]
    node = helper.make_node(op, inputs, names, name="n", **attributes)
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_empty_tensor_value_info(name) for name in names],
        [numpy_helper.from_array(c, "c%d" % i) for i, c in enumerate(constants) if c is not None])
    for output in graph.output:
        output.type.tensor_type.elem_type = TensorProto.FLOAT
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 7
    path = os.path.join(folder, "case%d.onnx" % number)
    onnx.save(model, path)
    told = ", ".join("%s=%s" % pair for pair in attributes.items())
    given = ", ".join("-" if c is None else str(c.tolist()) if c.size < 9 else str(list(c.shape)) for c in constants)
    cases.append({"name": "%s-%d of %s (%s) %s" % (op, opset, [*shape], given, told), "model": path,
                  "dims": [BATCH, *shape], "opset": opset})


def windows():
    for size, kernel, stride, dilation, pads in itertools.product(
            (1, 5, 8), (1, 2, 3), (1, 2, 4), (1, 2), ((0, 0), (1, 1), (0, 1), (1, 0))):
        geometry = dict(kernel_shape=[kernel], strides=[stride], dilations=[dilation], pads=list(pads))
        extent = dilation * (kernel - 1) + 1
        if extent <= size + sum(pads):
            case("Conv", (2, size), weights(4, 2, kernel), **geometry)
            for ceil in (0, 1) if max(pads) < kernel else ():
                case("MaxPool", (2, size), ceil_mode=ceil, **geometry)
                case("AveragePool", (2, size), opset=19, ceil_mode=ceil, **geometry)
        for extra in {0, stride - 1}:
            if (size - 1) * stride + extent + extra > sum(pads):
                case("ConvTranspose", (2, size), weights(2, 3, kernel), output_padding=[extra], **geometry)
    for mode, size, kernel, stride in itertools.product(
            ("SAME_UPPER", "SAME_LOWER", "VALID"), ((7, 6), (1, 9)), ((3, 2), (1, 1)), ((2, 2), (1, 3))):
        if mode == "VALID" and kernel[0] > size[0]:
            continue
        geometry = dict(auto_pad=mode, kernel_shape=kernel, strides=stride)
        case("Conv", (4, *size), weights(4, 1, *kernel), group=4, **geometry)
        case("MaxPool", (4, *size), **geometry)
        case("AveragePool", (4, *size), **geometry)
        case("ConvTranspose", (4, *size), weights(4, 2, *kernel), group=2, **geometry)
    case("Conv", (2, 3, 3), weights(4, 2, 2, 2), pads=[3, 2, 4, 5])  # padding beyond the kernel
    case("ConvTranspose", (2, 3, 4), weights(2, 1, 3, 3), strides=[2, 2], output_shape=[7, 8])
    case("ConvTranspose", (2, 3, 4), weights(2, 1, 3, 3), strides=[2, 2], output_shape=[5, 12], auto_pad="SAME_LOWER")
    case("MaxPool", (3, 9, 9), kernel_shape=[3, 3], strides=[2, 2], outputs=1, pads=[1, 0, 0, 1], ceil_mode=1)
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        case(op, (3, 4, 5))
        case(op, (3, 4))


def axes():
    for op, first in (("ReduceMean", 18), ("ReduceMax", 18), ("ReduceSum", 13)):
        for chosen, keep in itertools.product(((1,), (2, 3), (-1,), (1, 2, 3)), (0, 1)):
            case(op, (4, 5, 6), opset=first - 1, axes=chosen, keepdims=keep)
            case(op, (4, 5, 6), ints(*chosen), opset=first, keepdims=keep)
        case(op, (4, 5, 6), opset=first, noop_with_empty_axes=1)
    case("Squeeze", (4, 1, 1), opset=11, axes=[2, 3])
    case("Squeeze", (4, 1, 6), ints(-2))
    case("Squeeze", (4, 1, 1))
    case("Unsqueeze", (4, 5), opset=11, axes=[3, 1])
    case("Unsqueeze", (4, 5), ints(-1, 2))
    case("Flatten", (4, 5, 6))
    case("Flatten", (4, 5, 6), axis=-3)
    case("Softmax", (4, 5, 6), opset=11)
    case("LogSoftmax", (4, 5, 6), opset=13)
    case("Transpose", (4, 5, 6), perm=[0, 2, 3, 1])
    case("Split", (7, 5), opset=11, outputs=2, axis=1, split=[3, 4])
    case("Split", (8, 5), opset=11, outputs=4, axis=-2)
    case("Split", (7, 5), ints(1, 0, 6), outputs=3, axis=1)
    case("Split", (7, 5), opset=18, outputs=3, axis=1, num_outputs=3)
    case("Gather", (7, 5), scalar(-1, numpy.int64), axis=1)
    case("Gather", (7, 5), ints(4, 0, 1, -7, 6, 6), axis=1)
    case("Gather", (7, 5), ints(0, 1, 2, 3).reshape(2, 2), axis=2)
    case("Slice", (7, 5), opset=9, starts=[1, 2], ends=[100, 4], axes=[1, 2])
    case("Slice", (7, 5), ints(-1, 0), ints(-9, 4), ints(1, 2), ints(-2, 3))
    case("Pad", (7, 5), opset=10, pads=[0, 1, 2, 0, 0, -3], mode="constant")
    case("Pad", (7, 5), ints(0, 1, 0, 0, 2, 3), mode="reflect")
    case("Pad", (7, 5), ints(1, 2), None, ints(-1), opset=18)
    case("DepthToSpace", (8, 2, 3), blocksize=2)
    case("DepthToSpace", (9, 2, 3), blocksize=3, mode="CRD")
    case("SpaceToDepth", (2, 4, 6), blocksize=2)
    case("LayerNormalization", (4, 5, 6), weights(6), weights(6), opset=17, outputs=3)
    case("LayerNormalization", (4, 5, 6), weights(5, 6), opset=17, axis=2)
    case("Dropout", (4, 5), scalar(0.5))
    case("Clip", (4, 5), opset=10, min=0.0, max=6.0)
    case("Clip", (4, 5), scalar(0), None)


def resizing():
    nothing = numpy.zeros(0, numpy.float32)
    for scale in (0.5, 0.6, 1.0, 1.7, 2.0, 3.0):
        scales = numpy.array([1, 1, scale, 1 / scale + 0.4], numpy.float32)
        case("Upsample", (2, 5, 9), opset=7, scales=[1.0, 1.0, 1.0 + scale, 2.0], mode="nearest")
        case("Upsample", (2, 5, 9), numpy.array([1, 1, 1 + scale, 2], numpy.float32), opset=9, mode="linear")
        case("Resize", (2, 5, 9), scales, opset=10)
        case("Resize", (2, 5, 9), nothing, scales, opset=11, mode="linear")
        case("Resize", (2, 5, 9), None, scales, opset=13, coordinate_transformation_mode="asymmetric")
        case("Resize", (2, 5, 9), None, scales[2:], opset=18, axes=[2, 3], mode="linear")
    for policy in ("stretch", "not_larger", "not_smaller"):
        case("Resize", (2, 5, 9), None, None, ints(7, 4), opset=18, axes=[2, 3], keep_aspect_ratio_policy=policy)
        case("Resize", (2, 5, 9), None, None, ints(12, 10), opset=19, axes=[2, 3], keep_aspect_ratio_policy=policy)


def arithmetic():
    for other in ((1,), (6,), (5, 1), (4, 1, 1), (1, 4, 5, 6), (1, 1, 1, 6)):
        for op in ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean"):
            case(op, (4, 5, 6), weights(*other))
    case("Max", (4, 1, 1), weights(5, 1), weights(4, 1, 6))
    case("Add", (1,), weights(1, 7))
    case("MatMul", (4, 5, 6), weights(6, 3))
    case("MatMul", (6,), weights(6, 3))
    case("MatMul", (5, 6), weights(6))
    case("MatMul", (4, 5, 6), weights(4, 6, 2))
    case("MatMul", (5, 6), weights(1, 6, 2))
    case("Gemm", (6,), weights(3, 6), weights(3), transB=1)
    case("Expand", (4, 1, 6), ints(1, 4, 5, 1))
    case("Expand", (4, 1, 6), ints(5, 1))
    case("PRelu", (4, 5, 6), weights(4, 1, 1))
    case("InstanceNormalization", (4, 5, 6), weights(4), weights(4))
    case("LRN", (4, 5, 6), size=3)
    case("Gelu", (4, 5), opset=20)
    case("Reshape", (4, 5, 6), ints(0, 2, -1, 6, 2))


def onnxruntime_shapes():
    """A list of {output: shape}, None where a model is refused; or None where there is no onnxruntime."""
    path = os.path.join(folder, "list.json")
    with open(path, "w") as file:
        json.dump(cases, file)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnxruntime_shapes.js")
    try:
        done = subprocess.run(["node", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def output_shapes(model):
    """{output: shape} as a model states it, the batch by its number."""
    shapes = {}
    for output in model.graph.output:
        tensor = output.type.tensor_type
        if tensor.HasField("shape"):
            shapes[output.name] = [BATCH if d.dim_param else d.dim_value for d in tensor.shape.dim]
    return shapes


def onnx_shapes(one):
    """What ONNX's inference says. It knows nothing of opsets newer than itself, nor how runtimes end a ceil_mode."""
    if one["opset"] > onnx.defs.onnx_opset_version() or "ceil_mode=1" in one["name"]:
        return None
    model = onnx.load(one["model"])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = BATCH
    try:
        return output_shapes(onnx.shape_inference.infer_shapes(model, strict_mode=True))
    except onnx.shape_inference.InferenceError:
        return None


def own_shapes(some):
    """Many in one run, which stops at the first that is refused: what that one says stands for its shapes."""
    paths = [os.path.join(folder, "out%d.onnx" % i) for i in range(len(some))]
    for path in filter(os.path.exists, paths):
        os.remove(path)
    arguments = []
    for one, path in zip(some, paths):
        arguments += ["-c", "open " + one["model"], "-c", "export " + path]
    done = run(*arguments)
    shapes = [output_shapes(onnx.load(path)) for path in paths if os.path.exists(path)]
    if done.returncode == 0 or len(shapes) == len(some):
        return shapes
    return shapes + [done.stderr.strip()] + (own_shapes(some[len(shapes) + 1:]) if len(shapes) + 1 < len(some) else [])


windows()
axes()
resizing()
arithmetic()
references = {"ONNX": [onnx_shapes(one) for one in cases]}
run_shapes = onnxruntime_shapes()
if run_shapes is None:
    skip("shapes against onnxruntime", "node has no onnxruntime-node; ONNX's own inference stands in")
else:
    references["onnxruntime"] = run_shapes
owns = [shape for i in range(0, len(cases), 50) for shape in own_shapes(cases[i:i + 50])]
for reference, shapes in references.items():
    wrong = ["%s\n  is      %s\n  expected %s" % (one["name"], own, expected)
             for one, own, expected in zip(cases, owns, shapes) if expected and own != expected]
    compared = sum(1 for expected in shapes if expected)
    check("%d shapes are those of %s" % (compared, reference), compared > 200 and not wrong, "\n".join(wrong))
finish()
