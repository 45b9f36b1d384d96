"""ONNX networks computed a second and a third time, independently of the program: with NumPy in double
precision from the operators' definitions, and with PyTorch where it is installed."""

import numpy
import onnx
from onnx import numpy_helper


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def windows(size, kernel, stride, dilation, begin, end, ceil):
    """Output length of a sliding window, and the padding at the end it needs."""
    span = dilation * (kernel - 1) + 1
    total = size + begin + end - span
    length = (-(-total // stride) if ceil else total // stride) + 1
    if ceil and (length - 1) * stride >= size + begin:
        length -= 1  # a window must not start in the padding at the end
    return length, max(end, (length - 1) * stride + span - size - begin)


def pads_of(given, kernel, stride, dilation, sizes):
    """[top, left, bottom, right], with auto_pad resolved."""
    auto = given.get("auto_pad", b"NOTSET").decode()
    if auto in ("NOTSET", ""):
        return list(given.get("pads", [0, 0, 0, 0]))
    if auto == "VALID":
        return [0, 0, 0, 0]
    total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
             for n, k, s, d in zip(sizes, kernel, stride, dilation)]
    small = [t // 2 for t in total]
    large = [t - t // 2 for t in total]
    return small + large if auto == "SAME_UPPER" else large + small


class Numpy:
    """Definitions, in double precision."""

    def array(self, values):
        return values.astype(numpy.float64) if values.dtype == numpy.float32 else values

    def result(self, values):
        return values

    def conv(self, x, w, b, stride, pads, dilation, groups):
        n, c, h, width = x.shape
        out_c, _, kh, kw = w.shape
        oh, _ = windows(h, kh, stride[0], dilation[0], pads[0], pads[2], False)
        ow, _ = windows(width, kw, stride[1], dilation[1], pads[1], pads[3], False)
        x = numpy.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        y = numpy.zeros((n, groups, out_c // groups, oh, ow))
        x = x.reshape(n, groups, c // groups, *x.shape[2:])
        w = w.reshape(groups, out_c // groups, c // groups, kh, kw)
        for i in range(kh):
            for j in range(kw):
                top, left = i * dilation[0], j * dilation[1]
                part = x[..., top:top + (oh - 1) * stride[0] + 1:stride[0], left:left + (ow - 1) * stride[1] + 1:stride[1]]
                y += numpy.einsum("ngchw,gdc->ngdhw", part, w[..., i, j], optimize=True)
        y = y.reshape(n, out_c, oh, ow)
        return y if b is None else y + b.reshape(1, -1, 1, 1)

    def batch_norm(self, x, scale, shift, mean, variance, epsilon):
        shape = [1, -1] + [1] * (x.ndim - 2)
        factor = scale / numpy.sqrt(variance + epsilon)
        return (x - mean.reshape(shape)) * factor.reshape(shape) + shift.reshape(shape)

    def relu(self, x):
        return numpy.maximum(x, 0)

    def pool(self, x, kernel, stride, pads, dilation, ceil, average, count_pad):
        h, w = x.shape[2:]
        oh, bottom = windows(h, kernel[0], stride[0], dilation[0], pads[0], pads[2], ceil)
        ow, right = windows(w, kernel[1], stride[1], dilation[1], pads[1], pads[3], ceil)
        y = numpy.zeros(x.shape[:2] + (oh, ow))
        for p in range(oh):
            for q in range(ow):
                rows = [p * stride[0] - pads[0] + i * dilation[0] for i in range(kernel[0])]
                columns = [q * stride[1] - pads[1] + j * dilation[1] for j in range(kernel[1])]
                inside = x[:, :, [r for r in rows if 0 <= r < h]][:, :, :, [c for c in columns if 0 <= c < w]]
                if not average:
                    y[:, :, p, q] = inside.max(axis=(2, 3))
                    continue
                if count_pad:  # cells of the padding asked for count, those of ceil_mode do not
                    count = (sum(r < h + pads[2] for r in rows) * sum(c < w + pads[3] for c in columns))
                else:
                    count = inside.shape[2] * inside.shape[3]
                y[:, :, p, q] = inside.sum(axis=(2, 3)) / count
        return y

    def mean(self, x):
        return x.mean(axis=(2, 3), keepdims=True)

    def gemm(self, a, b, c, alpha, beta, ta, tb):
        y = alpha * ((a.T if ta else a) @ (b.T if tb else b))
        return y if c is None else y + beta * c

    def softmax(self, x):
        e = numpy.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def pad(self, x, begin, end):
        return numpy.pad(x, list(zip(begin, end)))


class Torch:
    """PyTorch's own operators, in single precision."""

    def __init__(self):
        import torch

        self.torch = torch
        self.f = torch.nn.functional

    def array(self, values):
        return self.torch.from_numpy(values.copy()) if values.dtype == numpy.float32 else values

    def result(self, values):
        return values.numpy()

    def conv(self, x, w, b, stride, pads, dilation, groups):
        x = self.f.pad(x, (pads[1], pads[3], pads[0], pads[2]))
        return self.f.conv2d(x, w, b, tuple(stride), 0, tuple(dilation), groups)

    def batch_norm(self, x, scale, shift, mean, variance, epsilon):
        return self.f.batch_norm(x, mean, variance, scale, shift, False, 0.0, epsilon)

    def relu(self, x):
        return self.f.relu(x)

    def pool(self, x, kernel, stride, pads, dilation, ceil, average, count_pad):
        symmetric = pads[:2] == pads[2:] and all(2 * p <= k for p, k in zip(pads, kernel))
        if average:
            if symmetric:
                return self.f.avg_pool2d(x, kernel, stride, tuple(pads[:2]), ceil, count_pad)
            if ceil:
                raise NotImplementedError
            sides = (pads[1], pads[3], pads[0], pads[2])
            area = kernel[0] * kernel[1]
            total = self.f.avg_pool2d(self.f.pad(x, sides), kernel, stride) * area
            ones = self.f.pad(self.torch.ones_like(x), sides, value=1.0 if count_pad else 0.0)
            return total / (self.f.avg_pool2d(ones, kernel, stride) * area)
        if symmetric:
            return self.f.max_pool2d(x, kernel, stride, tuple(pads[:2]), tuple(dilation), ceil)
        if ceil:
            raise NotImplementedError
        x = self.f.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=float("-inf"))
        return self.f.max_pool2d(x, kernel, stride, 0, tuple(dilation))

    def mean(self, x):
        return x.mean(dim=(2, 3), keepdim=True)

    def gemm(self, a, b, c, alpha, beta, ta, tb):
        y = alpha * ((a.T if ta else a) @ (b.T if tb else b))
        return y if c is None else y + beta * c

    def softmax(self, x):
        return self.f.softmax(x, 1)

    def pad(self, x, begin, end):
        sides = [side for pair in reversed(list(zip(begin, end))) for side in pair]
        return self.f.pad(x, sides)


def backends():
    """Those that are installed, by name."""
    found = {"NumPy": Numpy()}
    try:
        found["PyTorch"] = Torch()
    except ImportError:
        pass
    return found


def evaluate(model, images, backend):
    """First output of an ONNX model for float32 images [N,C,H,W]."""
    values = {tensor.name: backend.array(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    data_input = [i.name for i in model.graph.input if i.name not in values][0]
    values[data_input] = backend.array(images)
    for node in model.graph.node:
        values[node.output[0]] = _run(node, [values[name] if name else None for name in node.input], backend)
    return backend.result(values[model.graph.output[0].name])


def _run(node, inputs, backend):
    given = attributes(node)
    x = inputs[0] if inputs else None
    if node.op_type == "Conv":
        kernel = list(inputs[1].shape[2:])
        stride, dilation = list(given.get("strides", [1, 1])), list(given.get("dilations", [1, 1]))
        pads = pads_of(given, kernel, stride, dilation, x.shape[2:])
        return backend.conv(x, inputs[1], inputs[2] if len(inputs) > 2 else None, stride, pads, dilation, given.get("group", 1))
    if node.op_type in ("MaxPool", "AveragePool"):
        kernel = list(given["kernel_shape"])
        stride, dilation = list(given.get("strides", [1, 1])), list(given.get("dilations", [1, 1]))
        pads = pads_of(given, kernel, stride, dilation, x.shape[2:])
        return backend.pool(x, kernel, stride, pads, dilation, bool(given.get("ceil_mode", 0)),
                            node.op_type == "AveragePool", bool(given.get("count_include_pad", 0)))
    if node.op_type == "BatchNormalization":
        return backend.batch_norm(x, *inputs[1:5], given.get("epsilon", 1e-5))
    if node.op_type == "Relu":
        return backend.relu(x)
    if node.op_type == "GlobalAveragePool":
        return backend.mean(x)
    if node.op_type == "Gemm":
        return backend.gemm(x, inputs[1], inputs[2] if len(inputs) > 2 else None, given.get("alpha", 1.0),
                            given.get("beta", 1.0), given.get("transA", 0), given.get("transB", 0))
    if node.op_type == "Add":
        return x + inputs[1]
    if node.op_type == "Flatten":
        axis = given.get("axis", 1)
        return x.reshape(int(numpy.prod(x.shape[:axis])), -1)
    if node.op_type == "Reshape":
        shape = [x.shape[i] if d == 0 else int(d) for i, d in enumerate(inputs[1])]
        return x.reshape(shape)
    if node.op_type in ("Dropout", "Identity"):
        return x
    if node.op_type == "Softmax":
        return backend.softmax(x)
    if node.op_type == "Slice":
        starts, ends = inputs[1], inputs[2]
        axes = inputs[3] if len(inputs) > 3 and inputs[3] is not None else range(len(starts))
        steps = inputs[4] if len(inputs) > 4 and inputs[4] is not None else [1] * len(starts)
        cut = [slice(None)] * len(x.shape)
        for start, end, axis, step in zip(starts, ends, axes, steps):
            cut[axis] = slice(int(start), int(end), int(step))
        return x[tuple(cut)]
    if node.op_type == "Pad":
        rank = len(x.shape)
        return backend.pad(x, [int(p) for p in inputs[1][:rank]], [int(p) for p in inputs[1][rank:]])
    if node.op_type == "Constant":
        return backend.array(numpy_helper.to_array(given["value"]))
    raise NotImplementedError(node.op_type)
