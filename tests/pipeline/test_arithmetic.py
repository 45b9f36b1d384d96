"""Activations, arithmetic with broadcasting, reductions and normalisation against independent computations, in
the shapes at which such code goes wrong."""

import itertools
import math

from thinet import QUICK, finish, skip_all

try:
    import numpy
    import onnx  # noqa: F401: operator_cases needs it
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
from operator_cases import case, node, numbers, run_all

SHAPES = [(5, 7, 3), (1, 1, 1), (11,), (3, 17), (1, 33, 31)]
if QUICK:
    SHAPES = SHAPES[:2]
erf = numpy.vectorize(math.erf)


def positive(*shape):
    return numpy.abs(numbers(*shape)) + numpy.float32(0.1)


def floats(*values):
    return numpy.array(values, numpy.float32)


# --- functions of each number ---
def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softplus(x):
    return numpy.logaddexp(x, 0)


def elu(x, alpha):
    return numpy.where(x > 0, x, alpha * numpy.expm1(x))


def gelu_by_tanh(x):
    return 0.5 * x * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x ** 3)))


def function(op, expected, before=None, opset=13, elsewhere=True, name="", **given):
    """On `before` of the images, where not every number has a value."""
    nodes = [node(before, "x", "a"), node(op, "a", **given)] if before else node(op, "x", **given)
    for i, shape in enumerate(SHAPES):
        case("%s%s of %s" % (op, name, "x".join(map(str, shape))), nodes, {}, shape, expected, batch=1 if i % 2 else 3,
             opset=opset, elsewhere=elsewhere)


function("Relu", lambda x: numpy.maximum(x, 0))
function("LeakyRelu", lambda x: numpy.where(x < 0, 0.01 * x, x))
function("LeakyRelu", lambda x: numpy.where(x < 0, 0.3 * x, x), alpha=0.3, name=" with its own slope")
function("Elu", lambda x: elu(x, 1))
function("Elu", lambda x: elu(x, 1.5), alpha=1.5, name=" with alpha")
function("Selu", lambda x: 1.05070102214813232421875 * elu(x, 1.67326319217681884765625))
function("Selu", lambda x: 1.5 * elu(x, 2), alpha=2.0, gamma=1.5, name=" with alpha and gamma")
function("Celu", lambda x: numpy.maximum(x, 0) + numpy.minimum(0, 2 * numpy.expm1(x / 2)), alpha=2.0)
function("Sigmoid", sigmoid)
function("HardSigmoid", lambda x: numpy.clip(0.2 * x + 0.5, 0, 1))
function("HardSigmoid", lambda x: numpy.clip(x / 6 + 0.5, 0, 1), alpha=1 / 6, beta=0.5, name=" of MobileNet")
function("HardSwish", lambda x: x * numpy.clip(x / 6 + 0.5, 0, 1), opset=14)
function("Mish", lambda x: x * numpy.tanh(softplus(x)), opset=18)
function("Gelu", lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), opset=20)
function("Gelu", gelu_by_tanh, opset=20, approximate="tanh", name=" by tanh")
function("Softplus", softplus)
function("Softsign", lambda x: x / (1 + numpy.abs(x)))
function("Tanh", numpy.tanh)
function("Erf", erf)
function("Exp", numpy.exp)
function("Log", lambda x: numpy.log(numpy.exp(x)), before="Exp")
function("Sqrt", lambda x: numpy.sqrt(numpy.exp(x)), before="Exp")
function("Reciprocal", lambda x: numpy.exp(-x), before="Exp")
function("Abs", numpy.abs)
function("Neg", lambda x: -x)
function("Clip", lambda x: numpy.clip(x, 0, 6), opset=7, min=0.0, max=6.0, name=" with attributes")
function("Clip", lambda x: numpy.minimum(x, 0.5), opset=7, max=0.5, name=" with one attribute")
function("Clip", lambda x: x, name=" without bounds")
for least, greatest in (-0.5, 0.75), (-0.5, None), (None, 0.75):
    constants = {name: numpy.float32(value) for name, value in (("least", least), ("greatest", greatest)) if value is not None}
    inputs = "x %s %s" % ("least" if least is not None else "", "greatest" if greatest is not None else "")
    case("Clip of %s to %s" % (least, greatest), node("Clip", inputs.rstrip(" ")), constants, (3, 5, 7),
         lambda x, least=least, greatest=greatest: numpy.clip(x, least, greatest))
for slope in (1,), (1, 1, 1), (4, 1, 1), (4, 5, 3), (3,), (1, 5, 1):
    values = {"slope": numbers(*slope)}
    case("PRelu with slopes of %s" % "x".join(map(str, slope)), node("PRelu", "x slope"), values, (4, 5, 3),
         lambda x, values=values: numpy.where(x < 0, x * values["slope"], x))
case("PRelu with a slope for each of 1x1", node("PRelu", "x slope"), {"slope": numpy.full((6, 1, 1), 0.2, numpy.float32)},
     (6, 1, 1), lambda x: numpy.where(x < 0, x * numpy.float32(0.2), x), batch=1)
case("Cast to float", [node("Cast", "x", "a", to=1), node("Relu", "a")], {}, (3, 5, 7), lambda x: numpy.maximum(x, 0))


# --- Softmax ---
def softmax(x, axis):
    powers = numpy.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


SOFTMAX = [(10,), (5, 7), (4, 3, 5), (3, 300, 2), (7, 20, 15), (2, 3, 4, 5), (1, 1, 1)]
for shape in SOFTMAX[::3] if QUICK else SOFTMAX:
    for axis in list(range(1, len(shape) + 1)) + [-1]:
        for op, after in ("Softmax", lambda y: y), ("LogSoftmax", numpy.log):
            text = "%s of %s over axis %d" % (op, "x".join(map(str, shape)), axis)
            case(text, node(op, "x", axis=axis), {}, shape, lambda x, axis=axis, after=after: after(softmax(x, axis)))
            if axis > 0:
                def flattened(x, axis=axis, after=after):
                    return after(softmax(x.reshape(math.prod(x.shape[:axis]), -1), 1)).reshape(x.shape)
                case(text + " and all after it", node(op, "x", axis=axis), {}, shape, flattened, opset=11, batch=2)
case("Softmax of numbers far apart", [node("Mul", "x many", "a"), node("Softmax", "a", axis=1)], {"many": numpy.float32(200)},
     (9, 2, 2), lambda x: softmax(200 * x, 1))

# --- arithmetic ---
ARITHMETIC = {"Add": numpy.add, "Sub": numpy.subtract, "Mul": numpy.multiply, "Div": numpy.divide, "Min": numpy.minimum,
              "Max": numpy.maximum}
# shapes of one image and of a constant beside it
OPERANDS = [((4, 5, 6), ()), ((4, 5, 6), (1,)), ((4, 5, 6), (1, 1, 1, 1)), ((4, 5, 6), (4, 1, 1)), ((4, 5, 6), (1, 4, 1, 1)),
            ((4, 5, 6), (6,)), ((4, 5, 6), (5, 1)), ((4, 5, 6), (1, 5, 6)), ((4, 5, 6), (4, 5, 6)), ((4, 5, 6), (4, 1, 6)),
            ((4, 1, 1), (4, 1, 1)), ((4, 1, 1), (1, 5, 6)), ((1, 5, 6), (4, 1, 1)), ((1, 1, 1), (3, 2, 4)), ((7,), (7,)),
            ((7,), (1, 1)), ((1,), (7,)), ((5, 3), (3,)), ((2, 3, 4, 5), (3, 1, 5)), ((2, 3, 1, 5), (2, 1, 4, 1)),
            ((3, 50, 60), (3, 1, 1)), ((50, 60, 3), (3,)), ((1, 70, 70), (70, 70)), ((2, 3, 2, 1, 3, 2, 2), (1, 2, 4, 1, 1, 2))]
if QUICK:
    OPERANDS = OPERANDS[::4]
for op, apply in ARITHMETIC.items():
    for shape, other in OPERANDS:
        text = "%s of %s and a constant of %s" % (op, "x".join(map(str, shape)), "x".join(map(str, other)) or "one number")
        values = positive(*other)
        case(text, node(op, "x c"), {"c": values}, shape, lambda x, apply=apply, values=values: apply(x, values.astype(numpy.float64)),
             batch=1 if len(other) % 2 else 3)
        # Dividing by numbers near 0 would magnify the difference of the two precisions.
        nodes = [node("Exp", "x", "a"), node(op, "c a")] if op == "Div" else node(op, "c x")
        case(text + ", the constant first", nodes, {"c": values}, shape,
             lambda x, op=op, apply=apply, values=values: apply(values.astype(numpy.float64), numpy.exp(x) if op == "Div" else x))
for op, apply in ARITHMETIC.items():
    # gates and their like, made from the images by means
    for axes in [2, 3], [1], [1, 2, 3], [3], [1, 3]:
        text = "%s of images and their means over %s" % (op, axes)
        nodes = [node("ReduceMean", "x", "m", axes=axes), node("Exp", "m", "g")]

        def gate(x, axes=axes):
            return numpy.exp(x.mean(axis=tuple(axes), keepdims=True))
        case(text, nodes + [node(op, "x g")], {}, (4, 5, 6), lambda x, apply=apply, gate=gate: apply(x, gate(x)))
        case(text + ", the other way round", nodes + [node("Exp", "x", "e"), node(op, "g e")], {}, (4, 5, 6),
             lambda x, apply=apply, gate=gate: apply(gate(x), numpy.exp(x)), batch=1)
    case("%s of two that stretch over each other" % op,
         [node("ReduceMean", "x", "a", axes=[2]), node("ReduceMean", "x", "m", axes=[1, 3]), node("Exp", "m", "b"), node(op, "a b")], {},
         (4, 5, 6), lambda x, apply=apply: apply(x.mean(axis=2, keepdims=True), numpy.exp(x.mean(axis=(1, 3), keepdims=True))))
    case("%s of the same twice" % op, [node("Exp", "x", "a"), node(op, "a a")], {}, (3, 5, 7),
         lambda x, apply=apply: apply(numpy.exp(x), numpy.exp(x)))
for other in (5, 1, 1), (), (5, 4, 3), (3,):
    values = numbers(*other)
    case("Add of %s and the Relu behind it" % (other,), [node("Add", "x c", "a"), node("Relu", "a")], {"c": values}, (5, 4, 3),
         lambda x, values=values: numpy.maximum(x + values, 0))
case("Add of two branches and the Relu behind it", [node("Neg", "x", "a"), node("Exp", "x", "b"), node("Add", "a b", "s"), node("Relu", "s")],
     {}, (5, 4, 3), lambda x: numpy.maximum(numpy.exp(x) - x, 0))

for exponent in 2.0, 0.5, 3.0, -1.0, -0.5, 1.0, 0.0, 1.7, 4.0:
    case("Pow of %g" % exponent, [node("Exp", "x", "a"), node("Pow", "a e")], {"e": numpy.float32(exponent)}, (3, 5, 7),
         lambda x, exponent=exponent: numpy.exp(x) ** numpy.float32(exponent))
case("Pow of 2 of numbers below 0", node("Pow", "x e"), {"e": numpy.float32(2)}, (3, 5, 7), lambda x: x ** 2)
case("Pow of a whole number", node("Pow", "x e"), {"e": numpy.array(3, numpy.int64)}, (3, 5, 7), lambda x: x ** 3)
case("Pow of a number for each channel", [node("Exp", "x", "a"), node("Pow", "a e")], {"e": floats(0.5, 1.25, -2).reshape(3, 1, 1)},
     (3, 5, 7), lambda x: numpy.exp(x) ** floats(0.5, 1.25, -2).reshape(3, 1, 1))
case("Pow of a constant", node("Pow", "b x"), {"b": numpy.float32(2)}, (3, 5, 7), lambda x: 2 ** x)
case("Pow of two activations", [node("Exp", "x", "a"), node("Pow", "a x")], {}, (3, 5, 7), lambda x: numpy.exp(x) ** x)

MANY = {"Sum": sum, "Mean": lambda all: sum(all) / len(all), "Min": lambda all: numpy.minimum.reduce(numpy.broadcast_arrays(*all)),
        "Max": lambda all: numpy.maximum.reduce(numpy.broadcast_arrays(*all))}
for op, apply in MANY.items():
    nodes = [node("ReduceMean", "x", "g", axes=[2, 3]), node("Neg", "x", "n")]

    def parts(x):
        return {"x": x, "n": -x, "g": x.mean(axis=(2, 3), keepdims=True), "c": CHANNELS, "one": 0.25}
    CHANNELS = numbers(4, 1, 1)
    for inputs in "x", "x n", "x n g", "g c x n", "c x g one", "x g x n x", "one g c":
        case("%s of %s" % (op, inputs), [n for n in nodes if n.output[0] in inputs.split()] + [node(op, inputs)],
             {name: values for name, values in (("c", CHANNELS), ("one", numpy.float32(0.25))) if name in inputs.split()}, (4, 5, 6),
             lambda x, inputs=inputs, apply=apply: apply([parts(x)[name] for name in inputs.split()]))

# --- reductions ---
for op, reduce in ("ReduceMean", numpy.mean), ("ReduceSum", numpy.sum), ("ReduceMax", numpy.max):
    for shape in [(4, 5, 6)] if QUICK else [(4, 5, 6), (1, 1, 1), (7,), (2, 3, 4, 5), (3, 60, 50)]:
        rank = len(shape)
        for count in range(1, rank + 1):
            for axes in itertools.combinations(range(1, rank + 1), count):
                for keep in 0, 1:
                    if op == "ReduceSum":
                        nodes, constants = node(op, "x axes", keepdims=keep), {"axes": numpy.array(axes, numpy.int64)}
                    else:
                        nodes, constants = node(op, "x", axes=list(axes), keepdims=keep), {}
                    if keep == 0 and count == rank:  # [N] cannot be flattened to features by onnxruntime's rules alone
                        continue
                    case("%s of %s over %s%s" % (op, "x".join(map(str, shape)), axes, "" if keep else ", dropping them"), nodes,
                         constants, shape, lambda x, reduce=reduce, axes=axes, keep=keep: reduce(x, axis=axes, keepdims=bool(keep)),
                         batch=1 if keep else 3, tolerance=5e-5)
case("ReduceMean with negative axes", node("ReduceMean", "x", axes=[-1, -2]), {}, (4, 5, 6), lambda x: x.mean(axis=(2, 3), keepdims=True))
case("ReduceMean with axes as an input", node("ReduceMean", "x axes"), {"axes": numpy.array([1])}, (4, 5, 6),
     lambda x: x.mean(axis=1, keepdims=True), opset=18)


# --- normalisation ---
def normal(x, axes, epsilon):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / numpy.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + epsilon)


for shape, axis in ((4, 5, 6), -1), ((4, 5, 6), 1), ((4, 5, 6), 2), ((7,), 1), ((5, 9), 2), ((3, 4, 300), -1), ((1, 1, 8), -1):
    length = shape[axis - 1 if axis > 0 else axis:]
    for bias in False, True:
        constants = {"scale": numbers(*length), **({"shift": numbers(*length)} if bias else {})}

        def expected(x, axis=axis, constants=constants):
            first = axis if axis > 0 else x.ndim + axis
            return normal(x, tuple(range(first, x.ndim)), 1e-3) * constants["scale"] + constants.get("shift", 0)
        case("LayerNormalization of %s from axis %d on%s" % ("x".join(map(str, shape)), axis, " with a shift" if bias else ""),
             node("LayerNormalization", ["x", *constants], axis=axis, epsilon=1e-3), constants, shape, expected, opset=17,
             batch=3 if bias else 1)
constants = {"two": numpy.float32(2), "epsilon": numpy.float32(1e-6), "scale": numbers(6), "shift": numbers(6)}
case("LayerNormalization in its parts",
     [node("ReduceMean", "x", "mean", axes=[-1]), node("Sub", "x mean", "d"), node("Pow", "d two", "s"),
      node("ReduceMean", "s", "v", axes=[-1]), node("Add", "v epsilon", "e"), node("Sqrt", "e", "r"), node("Div", "d r", "n"),
      node("Mul", "n scale", "m"), node("Add", "m shift")], constants, (4, 5, 6),
     lambda x, c=constants: normal(x, (3,), 1e-6) * c["scale"] + c["shift"])
case("LayerNormalization of numbers far from 0", [node("Add", "x far", "a"), node("LayerNormalization", "a scale")],
     {"far": numpy.float32(100), "scale": numpy.ones(40, numpy.float32)}, (3, 40), lambda x: normal(x, (2,), 1e-5), opset=17, tolerance=1e-4)
for shape in (4, 5, 6), (1, 3, 3), (5, 9), (2, 30, 40):
    constants = {"scale": numbers(shape[0]), "shift": numbers(shape[0])}

    def expected(x, constants=constants):
        ones = [1, -1] + [1] * (x.ndim - 2)
        return normal(x, tuple(range(2, x.ndim)), 1e-3) * constants["scale"].reshape(ones) + constants["shift"].reshape(ones)
    one = node("InstanceNormalization", "x scale shift", epsilon=1e-3)
    case("InstanceNormalization of %s" % "x".join(map(str, shape)), one, constants, shape, expected)
    case("InstanceNormalization of %s and the Relu behind it" % "x".join(map(str, shape)),
         [node("InstanceNormalization", "x scale shift", "a", epsilon=1e-3), node("Relu", "a")], constants, shape,
         lambda x, expected=expected: numpy.maximum(expected(x), 0), batch=1)
for shape, size, given in ((8, 5, 6), 5, {}), ((8, 5, 6), 4, {}), ((3, 4, 4), 7, dict(alpha=0.5, beta=0.5, bias=2.0)), ((1, 3, 3), 3, dict(alpha=1.0)), \
        ((6, 1, 1), 1, dict(alpha=2.0, beta=1.0)), ((6, 20, 20), 2, dict(alpha=0.1, beta=0.75, bias=1.0)), ((70, 3, 3), 64, dict(alpha=1.0)):
    def expected(x, size=size, given=given):
        alpha, beta, bias = given.get("alpha", 1e-4), given.get("beta", 0.75), given.get("bias", 1.0)
        sums, before = numpy.zeros_like(x), (size - 1) // 2
        for c in range(x.shape[1]):
            sums[:, c] = (x[:, max(0, c - before):c + size - before] ** 2).sum(axis=1)
        return x / (bias + alpha / size * sums) ** beta
    case("LRN of %s over %d channels %s" % ("x".join(map(str, shape)), size, given), node("LRN", "x", size=size, **given), {}, shape, expected,
         elsewhere=size % 2 == 1)
for shape in (9,), (1,), (4, 7), (4, 5, 6), (1, 1, 1):
    c = shape[0]
    constants = {"scale": numbers(c), "shift": numbers(c), "mean": numbers(c), "variance": positive(c)}

    def expected(x, constants=constants):
        ones = [1, -1] + [1] * (x.ndim - 2)
        s, b, m, v = (constants[name].reshape(ones) for name in ("scale", "shift", "mean", "variance"))
        return (x - m) / numpy.sqrt(v + 1e-5) * s + b
    for batch in 1, 3:
        case("BatchNormalization alone of %s, batch %d" % ("x".join(map(str, shape)), batch),
             node("BatchNormalization", "x scale shift mean variance"), constants, shape, expected, batch=batch)

# --- as many axes as there may be ---
DEEP, OTHER = (2, 3, 1, 2, 3, 2, 2), numbers(1, 2, 1, 4, 2, 1, 2, 1)
case("ReduceMax of 8 dimensions over every other", node("ReduceMax", "x", axes=[1, 3, 5, 7]), {}, DEEP,
     lambda x: x.max(axis=(1, 3, 5, 7), keepdims=True))
case("arithmetic of 8 dimensions", [node("ReduceMean", "x", "m", axes=[2, 4, 6]), node("Mul", "x m", "p"), node("Sub", "c p")],
     {"c": OTHER}, DEEP, lambda x: OTHER - x * x.mean(axis=(2, 4, 6), keepdims=True))

# --- parts of networks ---
case("Sigmoid and Mul, as SiLU is exported", [node("Sigmoid", "x", "s"), node("Mul", "x s")], {}, (6, 5, 4), lambda x: x * sigmoid(x))
case("Gelu in its parts",
     [node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "p"), node("Mul", "x p", "m"), node("Mul", "m half")],
     {"root": numpy.float32(math.sqrt(2)), "one": numpy.float32(1), "half": numpy.float32(0.5)}, (6, 5, 4),
     lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))))
case("1 - x", node("Sub", "one x"), {"one": numpy.float32(1)}, (6, 5, 4), lambda x: 1 - x)

run_all()
finish()
