"""Operators that move, resize and multiply numbers, and convolutions and pooling of other forms than the usual
one, against independent computations, in the shapes at which such code goes wrong."""

import itertools
from fractions import Fraction

from thinet import finish, skip_all

try:
    import numpy
    import onnx  # noqa: F401: operator_cases needs it
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
from operator_cases import case, node, numbers, run_all

WHOLE = numpy.iinfo(numpy.int64).max


def ints(*values):
    return numpy.array(values, numpy.int64)


# --- Slice ---
def cut(name, shape, starts, ends, axes, steps, where, **given):
    constants = {"starts": ints(*starts), "ends": ints(*ends), "axes": ints(*axes), "steps": ints(*steps)}
    case("Slice " + name, node("Slice", "x starts ends axes steps"), constants, shape, lambda x: x[where], **given)


cut("by 2", (3, 6, 7), [0, 0], [WHOLE, WHOLE], [2, 3], [2, 2], numpy.s_[:, :, ::2, ::2])
cut("of channels", (8, 3, 5), [2], [7], [1], [1], numpy.s_[:, 2:7])
cut("of channels by 3 from the end", (8, 3, 5), [-1], [-9], [1], [-3], numpy.s_[:, ::-3])
cut("backwards along every axis", (3, 4, 5), [-1, -1, -1], [-WHOLE] * 3, [1, 2, 3], [-1, -1, -1], numpy.s_[:, ::-1, ::-1, ::-1])
cut("of one pixel", (3, 4, 5), [1, 2], [2, 3], [-2, -1], [1, 1], numpy.s_[:, :, 1:2, 2:3])
cut("backwards by 2 of batch 1", (2, 5, 9), [7], [0], [3], [-2], numpy.s_[..., 7:0:-2], batch=1)
cut("beyond the end", (2, 5, 9), [3], [100], [3], [4], numpy.s_[..., 3::4])
case("Slice with attributes", node("Slice", "x", starts=[1, 0], ends=[3, 4], axes=[1, 3]), {}, (5, 4, 6),
     lambda x: x[:, 1:3, :, :4], opset=9)


# --- Pad ---
def pad(name, shape, pads, mode="constant", value=0.0, **given):
    constants = {"pads": ints(*pads), "value": numpy.float32(value)}
    before, after = pads[:4], pads[4:]

    def expected(x):
        keep = tuple(slice(-min(b, 0), n + min(a, 0)) for b, a, n in zip(before, after, x.shape))
        sides = [(max(b, 0), max(a, 0)) for b, a in zip(before, after)]
        extra = {"constant_values": value} if mode == "constant" else {}
        return numpy.pad(x[keep], sides, mode=mode, **extra)
    case("Pad " + name, node("Pad", "x pads value" if mode == "constant" else "x pads", mode=mode),
         constants if mode == "constant" else {"pads": constants["pads"]}, shape, expected, **given)


pad("of channels", (3, 4, 5), [0, 2, 0, 0, 0, 1, 0, 0])
pad("with a value, uneven", (3, 4, 5), [0, 0, 1, 2, 0, 0, 0, 3], value=1.5)
pad("that cuts", (3, 6, 7), [0, 0, -1, -2, 0, 0, -2, 0])
pad("that cuts and adds", (3, 6, 7), [0, -1, -1, 2, 0, 1, 3, -4], value=-2)
pad("of images 1x1", (1, 1, 1), [0, 0, 2, 1, 0, 0, 1, 2], batch=1)
pad("reflecting", (3, 5, 6), [0, 0, 2, 3, 0, 0, 1, 2], "reflect")
pad("reflecting channels too", (4, 5, 3), [0, 2, 0, 1, 0, 1, 2, 2], "reflect", batch=1)
pad("of the edge", (3, 5, 6), [0, 0, 2, 3, 0, 0, 1, 2], "edge")
pad("of the edge of images 1x1", (2, 1, 1), [0, 1, 2, 3, 0, 0, 4, 1], "edge")
pad("that wraps round", (3, 5, 6), [0, 0, 2, 3, 0, 1, 1, 2], "wrap", opset=19)
case("Pad with attributes", node("Pad", "x", mode="reflect", pads=[0, 0, 1, 1, 0, 0, 1, 1]), {}, (2, 4, 4),
     lambda x: numpy.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="reflect"), opset=10)


# --- Split and Concat ---
def split(name, shape, axis, sizes, opset=13, given=None, read=None, **more):
    """Parts joined again in the other order, so that each is seen."""
    outputs = ["p%d" % i for i in range(len(sizes))]
    read = read or list(reversed(range(len(sizes))))
    constants, inputs, attributes = {}, "x", {"axis": axis}
    if given and opset >= 13:
        constants["sizes"] = ints(*given)
        inputs = "x sizes"
    elif given:
        attributes["split"] = given
    nodes = [node("Split", inputs, outputs, **attributes), node("Concat", [outputs[i] for i in read], axis=axis)]
    at = numpy.cumsum(sizes)[:-1]
    case("Split " + name, nodes, constants, shape,
         lambda x: numpy.concatenate([numpy.split(x, at, axis)[i] for i in read], axis), opset=opset, **more)


split("of channels in halves", (6, 3, 4), 1, [3, 3])
split("of channels, uneven", (7, 3, 4), 1, [1, 4, 2], given=[1, 4, 2])
split("of columns", (3, 2, 7), 3, [2, 2, 3], given=[2, 2, 3])
split("of rows, axis from the end, with attributes", (3, 6, 2), -2, [5, 1], given=[5, 1], opset=11)
split("of which one part is not read", (6, 3, 4), 1, [2, 2, 2], read=[2, 0])
split("of which only the first is read", (6, 3, 4), 1, [2, 4], given=[2, 4], read=[0])
split("into single channels, one read twice", (3, 1, 1), 1, [1, 1, 1], read=[1, 2, 1], batch=1)
case("Concat of the input with itself", node("Concat", "x x x", axis=1), {}, (2, 3, 4),
     lambda x: numpy.concatenate([x, x, x], 1))
case("Concat of columns", [node("Relu", "x", "r"), node("Concat", "r x", axis=3)], {}, (2, 3, 4),
     lambda x: numpy.concatenate([numpy.maximum(x, 0), x], 3))
case("Concat of one", node("Concat", "x", axis=2), {}, (2, 3, 4), lambda x: x)
constant = numbers(1, 2, 3, 4)
case("Concat of one image with a constant", node("Concat", "c x", axis=1), {"c": constant}, (5, 3, 4),
     lambda x: numpy.concatenate([constant, x], 1), batch=1, fixed=True)
several = numpy.concatenate([constant, -constant])
case("Concat of a fixed batch with a constant", node("Concat", "x c", axis=3), {"c": several}, (2, 3, 5),
     lambda x: numpy.concatenate([x, several], 3), batch=2, fixed=True)


# --- Transpose, Expand, Gather ---
for perm in itertools.permutations([1, 2, 3]):
    case("Transpose to 0%d%d%d" % perm, node("Transpose", "x", perm=[0, *perm]), {}, (5, 19, 33),
         lambda x, perm=perm: x.transpose(0, *perm))
case("Transpose of one pixel", node("Transpose", "x", perm=[0, 3, 2, 1]), {}, (5, 1, 1), lambda x: x.transpose(0, 3, 2, 1), batch=1)
case("channels shuffled by Reshape and Transpose",
     [node("Reshape", "x in", "a"), node("Transpose", "a", "b", perm=[0, 2, 1, 3, 4]), node("Reshape", "b out")],
     {"in": ints(0, 2, 3, 4, 5), "out": ints(0, 6, 4, 5)}, (6, 4, 5),
     lambda x: x.reshape(-1, 2, 3, 4, 5).transpose(0, 2, 1, 3, 4).reshape(-1, 6, 4, 5))
case("Transpose of six axes",
     [node("Reshape", "x in", "a"), node("Transpose", "a", perm=[0, 3, 1, 5, 2, 4])],
     {"in": ints(0, 2, 3, 2, 3, 4)}, (6, 6, 4), lambda x: x.reshape(-1, 2, 3, 2, 3, 4).transpose(0, 3, 1, 5, 2, 4))
case("Expand of one pixel", node("Expand", "x s"), {"s": ints(1, 1, 4, 5)}, (3, 1, 1),
     lambda x: numpy.broadcast_to(x, (len(x), 3, 4, 5)))
case("Expand of rows and channels", node("Expand", "x s"), {"s": ints(1, 6, 4, 1)}, (1, 1, 7),
     lambda x: numpy.broadcast_to(x, (len(x), 6, 4, 7)), batch=1)
case("Gather of channels", node("Gather", "x i", axis=1), {"i": ints(2, 0, 2, -1)}, (4, 3, 5), lambda x: x[:, [2, 0, 2, 3]])
case("Gather of one column", node("Gather", "x i", axis=3), {"i": numpy.int64(2)}, (4, 3, 5), lambda x: x[..., 2])
case("Gather of rows by a matrix", node("Gather", "x i", axis=2), {"i": ints(0, 2, 1, 1, 0, 2).reshape(2, 3)}, (4, 3, 5),
     lambda x: x[:, :, [[0, 2, 1], [1, 0, 2]]])
case("Gather of a channel, axis from the end", node("Gather", "x i", axis=-3), {"i": ints(1)}, (4, 1, 1), lambda x: x[:, [1]], batch=1)
case("Gather of even channels", node("Gather", "x i", axis=1), {"i": ints(0, 2, 4)}, (5, 2, 2), lambda x: x[:, ::2])


# --- DepthToSpace and SpaceToDepth ---
def to_space(x, block, mode):
    n, c, h, w = x.shape
    if mode == "DCR":
        x = x.reshape(n, block, block, c // block ** 2, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        x = x.reshape(n, c // block ** 2, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(n, c // block ** 2, h * block, w * block)


def to_depth(x, block):
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // block, block, w // block, block).transpose(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * block ** 2, h // block, w // block)


for block, mode in itertools.product([1, 2, 3], ["DCR", "CRD"]):
    case("DepthToSpace %s by %d" % (mode, block), node("DepthToSpace", "x", blocksize=block, mode=mode), {}, (2 * block ** 2, 3, 5),
         lambda x, b=block, m=mode: to_space(x, b, m))
    case("SpaceToDepth by %d (%s)" % (block, mode), node("SpaceToDepth", "x", blocksize=block), {}, (3, 2 * block, 4 * block),
         lambda x, b=block: to_depth(x, b))
case("DepthToSpace of one pixel", node("DepthToSpace", "x", blocksize=2), {}, (4, 1, 1), lambda x: to_space(x, 2, "DCR"), batch=1)


# --- Resize ---
def place(mode, x, scale, size, out):
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and out > 1):
        return (x + Fraction(1, 2)) / scale - Fraction(1, 2)
    if mode == "align_corners":
        return Fraction(x * (size - 1), out - 1) if out > 1 else Fraction(0)
    return x / scale if mode == "asymmetric" else Fraction(0)


def nearest(mode, at):
    floor = at.__floor__()
    return {"round_prefer_floor": -(-(at - Fraction(1, 2)) // 1), "round_prefer_ceil": (at + Fraction(1, 2)) // 1,
            "floor": floor, "ceil": at.__ceil__()}[mode]


def matrix(size, out, scale, mode, coordinates, rounding):
    """[out,size]: how each output is made of the inputs."""
    made = numpy.zeros((out, size))
    for x in range(out):
        at = place(coordinates, Fraction(x), scale, size, out)
        if mode == "nearest":
            made[x, min(max(nearest(rounding, at), 0), size - 1)] = 1
            continue
        at = min(max(at, Fraction(0)), Fraction(size - 1))
        low = min(at.__floor__(), size - 1)
        made[x, low] += float(1 - (at - low))
        made[x, min(low + 1, size - 1)] += float(at - low)
    return made


def resize(name, shape, mode, coordinates, scales=None, sizes=None, rounding="round_prefer_floor", **given):
    if scales:
        scales = [Fraction(s) for s in scales]
        sizes = [(n * s).__floor__() for n, s in zip(shape[1:], scales)]
        constants = {"s": numpy.array([1, 1, *map(float, scales)], numpy.float32)}
        inputs = ["x", "", "s"]
    else:
        scales = [Fraction(s, n) for s, n in zip(sizes, shape[1:])]
        constants = {"s": ints(given.get("batch", 3), shape[0], *sizes)}
        inputs = ["x", "", "", "s"]
    extra = {"nearest_mode": rounding} if mode == "nearest" else {}
    a, b = (matrix(n, o, s, mode, coordinates, rounding) for n, o, s in zip(shape[1:], sizes, scales))
    label = "Resize %s, %s, %s%s" % (name, mode, coordinates, ", " + rounding if mode == "nearest" else "")
    case(label, node("Resize", inputs, mode=mode, coordinate_transformation_mode=coordinates, **extra), constants, shape,
         lambda x: numpy.einsum("pi,qj,ncij->ncpq", a, b, x), **given)


for coordinates in "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric":
    for rounding in "round_prefer_floor", "round_prefer_ceil", "floor", "ceil":
        resize("by 2", (2, 3, 5), "nearest", coordinates, scales=[2, 2], rounding=rounding)
        resize("by 1.5 and 0.5", (2, 4, 6), "nearest", coordinates, scales=["3/2", "1/2"], rounding=rounding)
    resize("by 2", (2, 3, 5), "linear", coordinates, scales=[2, 2])
    resize("by 0.5 and 2.5", (3, 8, 4), "linear", coordinates, scales=["1/2", "5/2"])
    resize("of one pixel", (3, 1, 1), "linear", coordinates, scales=[3, 4], batch=1)
    resize("to one pixel", (2, 4, 3), "linear", coordinates, scales=["1/4", "1/2"], batch=1, elsewhere=coordinates != "align_corners")
    resize("of rows alone", (2, 4, 3), "linear", coordinates, scales=[2, 1])
resize("to sizes", (2, 4, 3), "linear", "half_pixel", sizes=[7, 5], batch=1, fixed=True)
resize("to sizes", (2, 4, 6), "nearest", "asymmetric", sizes=[8, 3], rounding="floor", batch=1, fixed=True)
case("Upsample by 2", node("Upsample", "x s"), {"s": numpy.array([1, 1, 2, 3], numpy.float32)}, (3, 2, 4),
     lambda x: x.repeat(2, 2).repeat(3, 3), opset=9)
case("Upsample, linear", node("Upsample", "x s", mode="linear"), {"s": numpy.array([1, 1, 2, 2], numpy.float32)}, (3, 2, 4),
     lambda x: numpy.einsum("pi,qj,ncij->ncpq", matrix(2, 4, Fraction(2), "linear", "asymmetric", ""),
                            matrix(4, 8, Fraction(2), "linear", "asymmetric", ""), x), opset=9)
case("Resize of one dimension", [node("Squeeze", "x axes", "s"), node("Resize", ["s", "", "k"], mode="linear")],
     {"axes": ints(2), "k": numpy.array([1, 1, 2], numpy.float32)}, (3, 1, 5),
     lambda x: numpy.einsum("pi,nci->ncp", matrix(5, 10, Fraction(2), "linear", "half_pixel", ""), x[:, :, 0]))


# --- MatMul and Gemm ---
def product(name, first, second, constants, nodes, shape, expected, **given):
    case("MatMul " + name, nodes + [node("MatMul", [first, second])], constants, shape, expected, **given)


for channels, out in (96, 40), (1, 7), (5, 1):
    w = numbers(channels, out)
    product("of the last axis, %d by %d" % (channels, out), "t", "w", {"w": w}, [node("Transpose", "x", "t", perm=[0, 2, 3, 1])], (channels, 5, 7),
            lambda x, w=w: x.transpose(0, 2, 3, 1) @ w)
w = numbers(12, 5)
product("of features", "f", "w", {"w": w}, [node("Flatten", "x", "f")], (3, 2, 2), lambda x: x.reshape(len(x), -1) @ w)
w = numbers(1, 7, 4)
product("by a constant with an axis more", "x", "w", {"w": w}, [], (2, 3, 7), lambda x: x @ w)
w = numbers(2, 7, 4)
product("by one matrix a channel", "x", "w", {"w": w}, [], (2, 3, 7), lambda x: x @ w)
w = numbers(6, 3)
product("of a constant by matrices", "w", "x", {"w": w}, [], (2, 3, 7), lambda x: w @ x)
w = numbers(7)
product("by a vector", "x", "w", {"w": w}, [], (2, 3, 7), lambda x: x @ w)
w = numbers(3)
product("of a vector by matrices", "w", "x", {"w": w}, [], (2, 3, 7), lambda x: w @ x)
turn = [node("Transpose", "x", "t", perm=[0, 1, 3, 2])]
product("of activations", "x", "t", {}, turn, (2, 3, 7), lambda x: x @ x.transpose(0, 1, 3, 2))
product("of activations, the second broadcast", "x", "p", {"b": ints(1), "e": ints(2), "a": ints(1)}, turn + [node("Slice", "t b e a", "p")],
        (4, 3, 7), lambda x: x @ x.transpose(0, 1, 3, 2)[:, 1:2])
product("of activations, the first broadcast", "p", "t", {"b": ints(1), "e": ints(2), "a": ints(1)}, turn + [node("Slice", "x b e a", "p")],
        (4, 3, 7), lambda x: x[:, 1:2] @ x.transpose(0, 1, 3, 2), batch=1)
for bias in (11,), (1, 11), (1,), (1, 1), ():
    w, b = numbers(11, 12), numbers(*bias) if bias else numpy.float32(0.7)
    case("Gemm with a bias of shape %s" % (bias,), [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1, alpha=0.5, beta=2.0)],
         {"w": w, "b": b}, (3, 2, 2), lambda x, w=w, b=b: 0.5 * x.reshape(len(x), -1) @ w.T + 2 * b)
w = numbers(12, 12)
case("Gemm with a bias that is computed", [node("Flatten", "x", "f"), node("Gemm", "f w f", beta=-1.0)], {"w": w}, (3, 2, 2),
     lambda x: x.reshape(len(x), -1) @ w - x.reshape(len(x), -1))
case("Gemm then Relu", [node("Flatten", "x", "f"), node("Gemm", "f w", "g"), node("Relu", "g")], {"w": w}, (3, 2, 2),
     lambda x: numpy.maximum(x.reshape(len(x), -1) @ w, 0))


# --- ConvTranspose ---
def transposed(x, w, b, stride, pads, dilation, groups, extra):
    n, c, h, width = x.shape
    _, m, kh, kw = w.shape
    full = numpy.zeros((n, groups * m, (h - 1) * stride[0] + dilation[0] * (kh - 1) + 1 + extra[0] + pads[0],
                        (width - 1) * stride[1] + dilation[1] * (kw - 1) + 1 + extra[1] + pads[1]))
    for g in range(groups):
        part = x[:, g * c // groups:(g + 1) * c // groups]
        weight = w[g * c // groups:(g + 1) * c // groups]
        for i, j in itertools.product(range(kh), range(kw)):
            top, left = i * dilation[0], j * dilation[1]
            full[:, g * m:(g + 1) * m, top:top + (h - 1) * stride[0] + 1:stride[0], left:left + (width - 1) * stride[1] + 1:stride[1]] += \
                numpy.einsum("nchw,cm->nmhw", part, weight[..., i, j])
    rows, columns = full.shape[2] - pads[0], full.shape[3] - pads[1]
    full = full[:, :, pads[0]:rows - pads[2], pads[1]:columns - pads[3]]
    return full + (0 if b is None else b.reshape(1, -1, 1, 1))


def deconv(name, channels, filters, size, kernel, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), groups=1, extra=(0, 0), bias=True,
           relu=False, **given):
    constants = {"c.weight": numbers(channels, filters // groups, *kernel)}
    if bias:
        constants["c.bias"] = numbers(filters)
    nodes = [node("ConvTranspose", ["x", *constants], "c" if relu else "y", strides=stride, pads=pads, dilations=dilation, group=groups,
                  output_padding=extra, kernel_shape=kernel)]

    def expected(x):
        y = transposed(x, constants["c.weight"].astype(float), constants.get("c.bias"), stride, pads, dilation, groups, extra)
        return numpy.maximum(y, 0) if relu else y
    case("ConvTranspose " + name, nodes + ([node("Relu", "c")] if relu else []), constants, (channels, *size), expected, **given)


deconv("3x3", 5, 7, (6, 5), (3, 3))
deconv("3x3 with padding and Relu", 5, 7, (6, 5), (3, 3), pads=(1, 1, 1, 1), relu=True)
deconv("2x2 with stride 2", 8, 4, (5, 7), (2, 2), stride=(2, 2), bias=False)
deconv("2x2 with stride 2 and Relu", 8, 4, (5, 7), (2, 2), stride=(2, 2), relu=True)
deconv("4x4 with stride 2 and padding", 6, 9, (7, 7), (4, 4), stride=(2, 2), pads=(1, 1, 1, 1))
deconv("with output_padding", 6, 9, (7, 6), (3, 3), stride=(2, 3), pads=(1, 1, 1, 1), extra=(1, 2))
deconv("with a stride above its kernel", 3, 4, (4, 3), (2, 1), stride=(3, 4), batch=1)
deconv("dilated", 3, 4, (5, 6), (3, 2), dilation=(2, 3), pads=(1, 2, 0, 1))
deconv("in groups", 6, 9, (5, 4), (3, 3), stride=(2, 1), groups=3, pads=(1, 0, 0, 1))
deconv("depthwise", 6, 6, (5, 4), (4, 4), stride=(2, 2), groups=6, pads=(1, 1, 1, 1), bias=False)
deconv("of images 1x1", 4, 3, (1, 1), (4, 4), batch=1)
deconv("of one channel 1x1", 1, 1, (1, 1), (1, 1), stride=(2, 2), extra=(1, 1), batch=1)
w = numbers(4, 3, 5)
case("ConvTranspose of one dimension",
     [node("Squeeze", "x axes", "s"), node("ConvTranspose", "s w", strides=[2], pads=[1, 2], output_padding=[1])],
     {"axes": ints(2), "w": w}, (4, 1, 6),
     lambda x: transposed(x, w[:, :, None].astype(float), None, (1, 2), (0, 1, 0, 2), (1, 1), 1, (0, 1)))


# --- Conv and pooling of one dimension, and their corners ---
def correlate(x, w, stride, pads, dilation, groups=1):
    x = numpy.pad(x, [(0, 0), (0, 0), tuple(pads)])
    out = (x.shape[2] - dilation * (w.shape[2] - 1) - 1) // stride + 1
    filters, channels = w.shape[0] // groups, w.shape[1]
    made = numpy.zeros((len(x), w.shape[0], out))
    for f, k in itertools.product(range(w.shape[0]), range(w.shape[2])):
        part = x[:, f // filters * channels:(f // filters + 1) * channels, k * dilation:k * dilation + (out - 1) * stride + 1:stride]
        made[:, f] += numpy.einsum("ncl,c->nl", part, w[f, :, k])
    return made


def conv1(name, channels, filters, length, kernel, stride=1, pads=(0, 0), dilation=1, groups=1, batch=3):
    weight = numbers(filters, channels // groups, kernel)
    case("Conv of one dimension, " + name,
         [node("Reshape", "x line", "s"), node("Conv", "s w", strides=[stride], pads=pads, dilations=[dilation], group=groups)],
         {"line": ints(0, channels, length), "w": weight}, (channels, 1, length),
         lambda x: correlate(x[:, :, 0], weight.astype(float), stride, pads, dilation, groups), batch)


conv1("5", 3, 8, 20, 5, pads=(2, 2))
conv1("3 with stride 2, uneven padding", 6, 4, 11, 3, stride=2, pads=(0, 3))
conv1("dilated in groups", 6, 4, 15, 3, dilation=3, groups=2)
conv1("depthwise of two filters a channel", 5, 10, 9, 3, groups=5, batch=1)
conv1("of one number", 1, 1, 1, 1, batch=1)
line = [node("Squeeze", "x axes", "s")]
case("MaxPool of one dimension", line + [node("MaxPool", "s", kernel_shape=[3], strides=[2], pads=[1, 1])], {"axes": ints(2)}, (4, 1, 9),
     lambda x: numpy.maximum.reduce([numpy.pad(x[:, :, 0], [(0, 0), (0, 0), (1, 1)], constant_values=-numpy.inf)[:, :, k:k + 9:2] for k in range(3)]))
case("AveragePool of one dimension", line + [node("AveragePool", "s", kernel_shape=[2], strides=[2])], {"axes": ints(2)}, (4, 1, 8),
     lambda x: x[:, :, 0].reshape(len(x), 4, 4, 2).mean(3))
for op, how in ("GlobalAveragePool", numpy.mean), ("GlobalMaxPool", numpy.max):
    case(op + " of one dimension", line + [node(op, "s")], {"axes": ints(2)}, (4, 1, 9), lambda x, how=how: how(x[:, :, 0], axis=2))
    case(op + " of two", node(op, "x"), {}, (7, 5, 6), lambda x, how=how: how(x, axis=(2, 3)))
    case(op + " of one pixel", node(op, "x"), {}, (1, 1, 1), lambda x, how=how: how(x, axis=(2, 3)), batch=1)
    case(op + " of three", [node("Reshape", "x s", "r"), node(op, "r")], {"s": ints(0, 2, 3, 4, 5)}, (6, 4, 5),
         lambda x, how=how: how(x.reshape(len(x), 2, 60), axis=2))
for op, how in ("MaxPool", numpy.max), ("AveragePool", numpy.mean):
    case(op + " of a kernel above the image, rounding up", node(op, "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), {}, (3, 2, 5),
         lambda x, how=how: numpy.stack([how(x[..., :3], axis=(2, 3)), how(x[..., 2:], axis=(2, 3))], 2))
for padding in "SAME_UPPER", "SAME_LOWER":
    weight = numbers(4, 3, 4, 4)
    pads = (1, 2) if padding == "SAME_UPPER" else (2, 1)
    case("Conv 4x4 with auto_pad " + padding, node("Conv", "x w", auto_pad=padding), {"w": weight}, (3, 6, 6),
         lambda x, pads=pads, weight=weight: sum(
             numpy.einsum("nchw,fc->nfhw", numpy.pad(x, [(0, 0), (0, 0), pads, pads])[:, :, i:i + 6, j:j + 6], weight[:, :, i, j].astype(float))
             for i, j in itertools.product(range(4), range(4))))


# --- views, values read twice, several outputs of the network are in test_operators.c; here within one network ---
case("a view of the input that is read twice", [node("Flatten", "x", "f"), node("Relu", "f", "r"), node("Concat", "f r", axis=1)], {}, (2, 3, 4),
     lambda x: numpy.concatenate([x.reshape(len(x), -1), numpy.maximum(x.reshape(len(x), -1), 0)], 1))
w, scale = numbers(6, 6, 1, 1), [numbers(6) for _ in range(3)] + [numpy.abs(numbers(6)) + numpy.float32(0.1)]
norm = dict(zip(("g", "b", "m", "v"), scale))


def branch(x):
    c = numpy.einsum("nchw,fc->nfhw", x, w[..., 0, 0].astype(float))
    g, b, m, v = (p.reshape(1, -1, 1, 1).astype(float) for p in scale)
    return c, (c - m) / numpy.sqrt(v + 1e-5) * g + b


case("Relu after a Conv that another node reads", [node("Conv", "x w", "c"), node("Relu", "c", "r"), node("Concat", "r c", axis=1)], {"w": w},
     (6, 3, 4), lambda x: numpy.concatenate([numpy.maximum(branch(x)[0], 0), branch(x)[0]], 1))
case("BatchNormalization after a Conv that another node reads",
     [node("Conv", "x w", "c"), node("BatchNormalization", "c g b m v", "n"), node("Concat", "n c", axis=1)], {"w": w, **norm}, (6, 3, 4),
     lambda x: numpy.concatenate([branch(x)[1], branch(x)[0]], 1), tolerance=1e-4)
case("Relu after a BatchNormalization that a view of is read",
     [node("Conv", "x w", "c"), node("BatchNormalization", "c g b m v", "n"), node("Flatten", "n", "f"), node("Relu", "f", "r"),
      node("Concat", "f r", axis=1)], {"w": w, **norm}, (6, 3, 4),
     lambda x: numpy.concatenate([branch(x)[1].reshape(len(x), -1), numpy.maximum(branch(x)[1].reshape(len(x), -1), 0)], 1), tolerance=1e-4)
case("Relu of a view of a Conv that another node reads",
     [node("Conv", "x w", "c"), node("Flatten", "c", "f"), node("Relu", "f", "r"), node("GlobalAveragePool", "c", "p"), node("Flatten", "p", "q"),
      node("Concat", "r q", axis=1)], {"w": w}, (6, 3, 4),
     lambda x: numpy.concatenate([numpy.maximum(branch(x)[0].reshape(len(x), -1), 0), branch(x)[0].mean((2, 3))], 1))
case("a Conv whose weights two nodes share", [node("Conv", "x w", "c"), node("Conv", "c w")], {"w": w}, (6, 3, 4),
     lambda x: branch(branch(x)[0])[0], tolerance=1e-4)

run_all()
finish()
