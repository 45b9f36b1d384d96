"""Two steps of training, weights and all, against PyTorch: networks of operators whose gradients meet in every
way - weights that two nodes share, values read several times, parts that are not read at all."""

from thinet import finish, skip_all

try:
    import numpy
    import onnx  # noqa: F401: training_cases needs it
    import torch
    from onnx import helper
    from torch.nn import functional
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
from training_cases import classify, head, node, tail, train, weights


def tied(x, p):
    x = functional.relu(functional.conv2d(x, p["a.weight"], p["a.bias"], padding=1))
    x = functional.relu(functional.conv2d(x, p["s.weight"], p["s.bias"], padding=1))
    return classify(functional.conv2d(x, p["s.weight"], p["s.bias"], 2, padding=1), p)


train("a network whose convolutions share their weights",
      [node("Conv", "x a.weight a.bias", "a", pads=[1] * 4), node("Relu", "a", "ar"),
       node("Conv", "ar s.weight s.bias", "s", pads=[1] * 4), node("Relu", "s", "sr"),
       node("Conv", "sr s.weight s.bias", "last", pads=[1] * 4, strides=[2, 2])] + tail,
      {"a.weight": weights(8, 1, 3, 3), "a.bias": weights(8), "s.weight": weights(8, 8, 3, 3), "s.bias": weights(8), **head}, {}, tied)


def dense(x, p):
    x = functional.conv2d(x, p["a.weight"], p["a.bias"])
    b = functional.conv2d(functional.relu(x), p["b.weight"], padding=(1, 2), dilation=(1, 2), groups=2)
    c = torch.cat([x, b, x], 1)
    d = functional.conv2d(c, p["c.weight"], p["c.bias"], 3)
    first, second, third = d.split([3, 2, 4], 1)
    return classify(torch.cat([third, first, third[:, [1]]], 1), p)


train("a network of branches joined, split and gathered",
      [node("Conv", "x a.weight a.bias", "a"), node("Relu", "a", "ar"),
       node("Conv", "ar b.weight", "b", pads=[1, 2, 1, 2], dilations=[1, 2], group=2), node("Concat", "a b a", "c", axis=1),
       node("Conv", "c c.weight c.bias", "d", strides=[3, 3]), node("Split", "d sizes", "p q r", axis=1),
       node("Gather", "r index", "s", axis=1), node("Concat", "r p s", "last", axis=1)] + tail,
      {"a.weight": weights(4, 1, 3, 2), "a.bias": weights(4), "b.weight": weights(6, 2, 3, 3), "c.weight": weights(9, 14, 2, 2),
       "c.bias": weights(9), **head}, {"sizes": numpy.array([3, 2, 4]), "index": numpy.array([1])}, dense)


def up_and_down(x, p):
    x = functional.relu(functional.conv2d(x, p["a.weight"], p["a.bias"], 2))
    u = functional.conv_transpose2d(x, p["t.weight"], p["t.bias"], 2, 1, 1, 2, 1)
    v = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    s = torch.cat([u[:, :, :v.shape[2], :v.shape[3]], v], 1)
    m = functional.pad(s, (1, 2, 2, 0), "reflect").permute(0, 2, 3, 1)
    m = functional.relu(m @ p["m.weight"]) @ p["n.weight"]
    return classify(functional.max_pool2d(m.permute(0, 3, 1, 2), 3, 2, 1, ceil_mode=True), p)


train("a network that goes up, down and over the last axis",
      [node("Conv", "x a.weight a.bias", "a", strides=[2, 2]), node("Relu", "a", "ar"),
       node("ConvTranspose", "ar t.weight t.bias", "u", strides=[2, 2], pads=[1] * 4, output_padding=[1, 1], group=2),
       helper.make_node("Resize", ["ar", "", "scales"], ["v"], mode="linear", coordinate_transformation_mode="half_pixel"),
       node("Slice", "u begin end axes", "w"), node("Concat", "w v", "s", axis=1), node("Pad", "s pads", "d", mode="reflect"),
       node("Transpose", "d", "e", perm=[0, 2, 3, 1]), node("MatMul", "e m.weight", "m"), node("Relu", "m", "mr"),
       node("MatMul", "mr n.weight", "n"), node("Transpose", "n", "o", perm=[0, 3, 1, 2]),
       node("MaxPool", "o", "last", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, ceil_mode=1)] + tail,
      {"a.weight": weights(4, 1, 3, 3), "a.bias": weights(4), "t.weight": weights(4, 3, 3, 3), "t.bias": weights(6),
       "m.weight": weights(10, 16), "n.weight": weights(16, 8), **head},
      {"scales": numpy.array([1, 1, 2, 2], numpy.float32), "begin": numpy.array([0, 0]), "end": numpy.array([10, 8]),
       "axes": numpy.array([2, 3]), "pads": numpy.array([0, 0, 2, 1, 0, 0, 0, 2])}, up_and_down)
finish()
