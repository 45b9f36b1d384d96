"""Two steps of training against PyTorch: activations, gates, slopes, layer scales and the normalisations."""

from thinet import finish, skip_all

try:
    import numpy
    import onnx  # noqa: F401: training_cases needs it
    import torch
    from torch.nn import functional
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
from training_cases import classify, head, node, tail, train, weights


def number(value):
    return numpy.array(value, numpy.float32)


stem = [node("Conv", "x a.weight a.bias", "a", pads=[1] * 4)]
first = {"a.weight": weights(8, 1, 3, 3, scale=2), "a.bias": weights(8)}


def begin(x, p):
    return functional.conv2d(x, p["a.weight"], p["a.bias"], padding=1)


def activation(op, function, opset=13, before=None, **given):
    """Between a convolution and the classifier; `before` where not every number has a value."""
    nodes = [node(before[0], "a", "b")] if before else []
    train(op, stem + nodes + [node(op, "b" if before else "a", "last", **given)] + tail, {**first, **head}, {},
          lambda x, p: classify(function(before[1](begin(x, p)) if before else begin(x, p)), p), opset)


exponential = "Exp", torch.exp
activation("LeakyRelu", lambda x: functional.leaky_relu(x, 0.2), alpha=0.2)
activation("Elu", lambda x: functional.elu(x, 1.5), alpha=1.5)
activation("Selu", functional.selu)
activation("Celu", lambda x: functional.celu(x, 2.0), alpha=2.0)
activation("Sigmoid", torch.sigmoid)
activation("HardSigmoid", functional.hardsigmoid, alpha=1 / 6, beta=0.5)
activation("HardSwish", functional.hardswish, opset=14)
activation("Mish", functional.mish, opset=18)
activation("Gelu", functional.gelu, opset=20)
activation("Gelu", lambda x: functional.gelu(x, approximate="tanh"), opset=20, approximate="tanh")
activation("Softplus", functional.softplus)
activation("Softsign", functional.softsign)
activation("Tanh", torch.tanh)
activation("Erf", torch.erf)
activation("Log", torch.log, before=exponential)
activation("Sqrt", torch.sqrt, before=exponential)
activation("Reciprocal", torch.reciprocal, before=exponential)
activation("Abs", torch.abs)
activation("Clip", lambda x: torch.clamp(x, -0.5, 0.5), opset=10, min=-0.5, max=0.5)
activation("Softmax", lambda x: torch.softmax(x, 1), axis=1)
activation("LogSoftmax", lambda x: torch.log_softmax(x, 3), axis=3)
activation("LRN", lambda x: functional.local_response_norm(x, 3, 0.5, 0.75, 2.0), size=3, alpha=0.5, beta=0.75, bias=2.0)

def gated(x, p):
    x = functional.silu(begin(x, p))
    g = functional.conv2d(functional.relu(x.mean((2, 3), keepdim=True)), p["g.weight"], p["g.bias"])
    x = x * functional.hardsigmoid(g)
    return classify(functional.relu(x + p["bias"]), p)


train("squeeze and excitation, with SiLU and a bias of its own",
      stem + [node("Sigmoid", "a", "s"), node("Mul", "a s", "b"), node("ReduceMean", "b", "m", axes=[2, 3]), node("Relu", "m", "mr"),
              node("Conv", "mr g.weight g.bias", "g"), node("HardSigmoid", "g", "h", alpha=1 / 6, beta=0.5), node("Mul", "b h", "c"),
              node("Add", "c bias", "d"), node("Relu", "d", "last")] + tail,
      {**first, **head, "g.weight": weights(8, 8, 1, 1, scale=2), "g.bias": weights(8), "bias": weights(8, 1, 1)}, {}, gated)


def convnext(x, p):
    x = begin((x - 0.5) / torch.tensor([0.25]), p).permute(0, 2, 3, 1)
    y = functional.layer_norm(x, (8,), p["n.weight"], p["n.bias"], 1e-3)
    y = y @ p["m.weight"] + p["m.bias"]
    y = 0.5 * y * (1 + torch.erf(y / 2 ** 0.5))  # gelu of PyTorch 1.13 is wrong backward for numbers in this order
    x = x + p["scale"] * y
    return classify(x.permute(0, 3, 1, 2), p)


GELU = [node("Div", "m root", "g1"), node("Erf", "g1", "g2"), node("Add", "g2 one", "g3"), node("Mul", "m g3", "g4"),
        node("Mul", "g4 half", "g")]
PARTS = [node("ReduceMean", "t", "mean", axes=[-1]), node("Sub", "t mean", "d"), node("Pow", "d two", "s"),
         node("ReduceMean", "s", "v", axes=[-1]), node("Add", "v epsilon", "e"), node("Sqrt", "e", "r"), node("Div", "d r", "q"),
         node("Mul", "q n.weight", "w"), node("Add", "w n.bias", "n")]
for name, opset, norm in ("", 17, [node("LayerNormalization", "t n.weight n.bias", "n", epsilon=1e-3)]), (" in its parts", 13, PARTS):
    arguments = {"root": number(2 ** 0.5), "one": number(1), "half": number(0.5), "mean.rgb": number([[[0.5]]]),
                 "deviation.rgb": number([[[0.25]]])}
    if norm is PARTS:
        arguments.update({"two": number(2), "epsilon": number(1e-3)})
    train("a block of ConvNeXt, its LayerNormalization%s" % name,
          [node("Sub", "x mean.rgb", "x1"), node("Div", "x1 deviation.rgb", "x2"), node("Conv", "x2 a.weight a.bias", "a", pads=[1] * 4),
           node("Transpose", "a", "t", perm=[0, 2, 3, 1])] + norm +
          [node("MatMul", "n m.weight", "m0"), node("Add", "m.bias m0", "m")] + GELU +
          [node("Mul", "scale g", "u"), node("Add", "t u", "o"), node("Transpose", "o", "last", perm=[0, 3, 1, 2])] + tail,
          {**first, **head, "n.weight": 1 + weights(8), "n.bias": weights(8), "m.weight": weights(8, 8), "m.bias": weights(8),
           "scale": weights(8)}, arguments, convnext, opset)


def slopes(x, p):
    x = functional.prelu(begin(x, p), p["single"])
    x = functional.instance_norm(x, None, None, p["i.weight"], p["i.bias"], True, 0.1, 1e-3)
    return classify(functional.prelu(x, p["each"].flatten()), p)


train("PRelu with one slope and with a slope for each channel, and InstanceNormalization",
      stem + [node("PRelu", "a single", "b"), node("InstanceNormalization", "b i.weight i.bias", "c", epsilon=1e-3),
              node("PRelu", "c each", "last")] + tail,
      {**first, **head, "single": number([0.25]), "each": 0.25 + weights(8, 1, 1), "i.weight": 1 + weights(8), "i.bias": weights(8)},
      {}, slopes)


def pieces(x, p):
    x = begin(x, p)
    m = torch.amax(x, (2, 3), True)
    y = torch.maximum(x, p["floor"]) - torch.minimum(0.5 * m, x.mean(1, True)) / (1 + x.abs())
    y = (y + x + m) / 3 + (1 - x) * p["full"] + torch.exp(0.1 * x) ** x.sum((1, 2, 3), keepdim=True).mul(0.01)
    return classify(y, p)


train("a network of arithmetic between everything",
      stem + [node("ReduceMax", "a", "m", axes=[2, 3]), node("Max", "a floor", "y1"), node("Mul", "half m", "m2"),
              node("ReduceMean", "a", "m3", axes=[1]), node("Min", "m2 m3", "y2"), node("Abs", "a", "y3"), node("Add", "one y3", "y4"),
              node("Div", "y2 y4", "y5"), node("Sub", "y1 y5", "y6"), node("Mean", "y6 a m", "y7"), node("Sub", "one a", "y8"),
              node("Mul", "y8 full", "y9"), node("Mul", "a tenth", "e1"), node("Exp", "e1", "e2"),
              node("ReduceSum", "a axes", "e3"), node("Mul", "e3 hundredth", "e4"), node("Pow", "e2 e4", "e5"),
              node("Sum", "y7 y9 e5", "last")] + tail,
      {**first, **head, "floor": weights(8, 1, 1), "full": weights(8, 12, 10, scale=4)},
      {"half": number(0.5), "one": number(1), "tenth": number(0.1), "hundredth": number(0.01), "axes": numpy.array([1, 2, 3])}, pieces)
finish()
