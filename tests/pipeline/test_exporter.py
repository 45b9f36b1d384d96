"""Networks as PyTorch writes them: all shape arithmetic is gone, the batch is free, and numbers agree."""

import json
import os
import subprocess
import warnings

from thinet import check, finish, run, scratch, skip, skip_all

try:
    import numpy
    import onnx
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
warnings.filterwarnings("ignore")

BATCH = 3
ARITHMETIC = {"Shape", "Size", "ConstantOfShape", "Range", "Constant", "Equal", "Where", "If"}
folder = scratch()
torch.manual_seed(20170722)


class Network(nn.Module):
    """A function of the image and of modules."""

    def __init__(self, function, *modules):
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(modules)

    def forward(self, image):
        return self.function(image, *self.parts)


class StandardisedConv(nn.Conv2d):
    """Weight standardisation: arithmetic on weights in the graph."""

    def forward(self, image):
        centred = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(image, centred / (centred.std((1, 2, 3), keepdim=True) + 1e-5), self.bias, padding=1)


def conv(channels=3, filters=8):
    return nn.Conv2d(channels, filters, 3, padding=1)


def shuffle(x, c):
    x = c(x)
    n, channels, height, width = x.size()
    x = x.view(n, 2, channels // 2, height, width).transpose(1, 2).contiguous()
    return x.view(n, -1, height, width)


def pyramid(mode):
    def forward(x, a, b):
        x = a(x)
        small = b(F.max_pool2d(x, 3, 2))
        return x + F.interpolate(small, size=x.shape[2:], mode=mode)
    return forward


def gate(x, c, narrow, wide):
    x = c(x)
    scale = wide(F.relu(narrow(x.mean((2, 3)))))
    return x * torch.sigmoid(scale).view(x.size(0), x.size(1), 1, 1)


def parts(x, c):
    a, b, d = torch.split(c(x), [3, 4, 1], 1)
    return torch.cat([d, b.chunk(2, 1)[1], a], 1)


networks = {
    "view by size": Network(lambda x, c, f: f(c(x).view(x.size(0), -1)), conv(), nn.Linear(8 * 15 * 12, 5)),
    "view by -1": Network(lambda x, c: c(x).view(-1, 8 * 15 * 12), conv()),
    "flatten": Network(lambda x, c: torch.flatten(c(x), 1), conv()),
    "size from number of elements": Network(lambda x, c: c(x).reshape(x.shape[0], x.numel() // x.shape[0] // 3, -1),
                                            conv()),
    "channel shuffle": Network(shuffle, conv()),
    "pixel shuffle": Network(lambda x, c: F.pixel_shuffle(c(x), 2), conv()),
    "adaptive pooling to one": Network(lambda x, c: F.adaptive_avg_pool2d(c(x), 1), conv()),
    "adaptive pooling to parts": Network(lambda x, c: F.adaptive_avg_pool2d(c(x), (5, 4)), conv()),
    "expand": Network(lambda x, c: c(x).mean(1, keepdim=True).expand(-1, 8, -1, -1) + c(x), conv()),
    "expand as": Network(lambda x, c: c(x).mean((2, 3), keepdim=True).expand_as(c(x)), conv()),
    "pyramid, nearest": Network(pyramid("nearest"), conv(), conv(8, 8)),
    "pyramid, bilinear": Network(pyramid("bilinear"), conv(), conv(8, 8)),
    "interpolate by scale": Network(lambda x, c: F.interpolate(c(x), scale_factor=1.7, mode="bilinear"), conv()),
    "split and chunk": Network(parts, conv()),
    "slices": Network(lambda x, c: c(x)[:x.size(0), 2:7, 1::2, 1:-1], conv()),
    "index": Network(lambda x, c: c(x)[:, [3, 1, 2]] * c(x)[:, 4:5], conv()),
    "group norm": Network(lambda x, c, g: g(c(x)), conv(), nn.GroupNorm(4, 8)),
    "layer norm": Network(lambda x, c, g: g(c(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), conv(), nn.LayerNorm(8)),
    "weight norm": Network(lambda x, c: c(x), nn.utils.weight_norm(conv())),
    "spectral norm": Network(lambda x, c: c(x), nn.utils.spectral_norm(conv())),
    "weight standardisation": Network(lambda x, c: c(x), StandardisedConv(3, 8, 3)),
    "gate": Network(gate, conv(), nn.Linear(8, 2), nn.Linear(2, 8)),
    "one dimension": Network(lambda x, c, d: d(c(x).flatten(2)), conv(), nn.Conv1d(8, 4, 5, 2)),
    "transposed convolution": Network(lambda x, c: c(x), nn.ConvTranspose2d(3, 6, 3, 2, 1, 1)),
}


def onnxruntime(path, images):
    """The first output's numbers; None where there is no onnxruntime."""
    raw = os.path.join(folder, "images.raw")
    images.astype(numpy.float32).tofile(raw)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnxruntime.js")
    try:
        done = subprocess.run(["node", script, path, raw, *map(str, images.shape)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    except OSError:
        return None
    if "Cannot find module" in done.stderr:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def forget_shape(path):
    """PyTorch writes names for dimensions of the result, which would be kept: let the program find the numbers."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)


def stated_shape(model):
    return [0 if d.dim_param else d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]


def try_network(name, network, opset, runs):
    came, left = (os.path.join(folder, file) for file in ("came.onnx", "left.onnx"))
    network.eval()
    torch.onnx.export(network, torch.randn(2, 3, 15, 12), came, opset_version=opset, input_names=["image"],
                      output_names=["result"], dynamic_axes={"image": {0: "N"}}, do_constant_folding=False)
    forget_shape(came)
    done = run("-c", "open " + came, "-c", "export " + left)
    if not check("%s (opset %d) opens" % (name, opset), done.returncode == 0, done.stderr):
        return
    images = torch.randn(BATCH, 3, 15, 12)
    with torch.no_grad():
        expected = network(images).numpy()
    model = onnx.load(left)
    check("its shape is known", stated_shape(model) == [0, *expected.shape[1:]],
          "%s, expected %s" % (stated_shape(model), expected.shape))
    rest = [node.op_type for node in model.graph.node if node.op_type in ARITHMETIC]
    check("nothing of its shape arithmetic is left", not rest, rest)
    given, made = (os.path.join(folder, file) for file in ("in.npy", "out.npy"))
    numpy.save(given, images.numpy())
    done = run("-c", "open " + came, "-c", "infer %s %s" % (given, made))
    check("it gives what PyTorch gives", done.returncode == 0 and numpy.allclose(
        numpy.load(made), expected, atol=1e-4 * numpy.abs(expected).max()), done.stderr)
    if runs:
        seen = onnxruntime(left, images.numpy())
        good = isinstance(seen, list) and len(seen) == expected.size and numpy.allclose(
            numpy.array(seen), expected.ravel(), atol=1e-4 * numpy.abs(expected).max())
        check("what is written gives the same in onnxruntime", good, seen if isinstance(seen, str) else "")


def main():
    probe = os.path.join(folder, "probe.onnx")
    torch.onnx.export(conv().eval(), torch.randn(1, 3, 4, 4), probe)
    runs = onnxruntime(probe, numpy.zeros((1, 3, 4, 4))) is not None
    if not runs:
        skip("what is written in onnxruntime", "node has no onnxruntime-node")
    for name, network in networks.items():
        for opset in (11, onnx.defs.onnx_opset_version() if onnx.defs.onnx_opset_version() < 17 else 17):
            try_network(name, network, opset, runs)
    finish()


main()
