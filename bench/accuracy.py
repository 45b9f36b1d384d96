#!/usr/bin/python3
"""How exact the engine is: every convolution of a trained network, given real activations, beside a direct one in double
precision; wide ones on random numbers; and how many test images the whole network gets right, beside double precision.

    python3 bench/accuracy.py --network resnet20.onnx --data cifar-10-batches-bin
    python3 bench/accuracy.py --network sessions/fashion-vgg.onnx --data fashion-mnist --append

The activations are those of the network run in double precision, rounded to the float32 numbers that both are given. The
error is the greatest difference over the greatest output of a layer. PyTorch is the reference.
"""

import argparse
import gzip
import os
import sys
import tempfile

import numpy
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

import peer
import torch_network
from workbench import version, write_section

LIMITS = {"winograd": 1e-4}  # DESIGN: of the others 1e-5
# Channels, filters, pixels, kernel, stride: wide layers, where sums are longest.
WIDE = [(512, 512, 14, 3, 1), (512, 512, 7, 3, 1), (256, 256, 28, 3, 1), (512, 2048, 7, 1, 1), (2048, 512, 7, 1, 1),
        (512, 512, 14, 3, 2), (3, 64, 224, 7, 2), (16, 96, 56, 1, 1)]
FASHION = "/usr/share/datasets/fashion-mnist"
# Mean and deviation of pixels in [0, 1], as the program's presets have them.
CIFAR_SCALE = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
FASHION_SCALE = ([0.2860], [0.3530])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default=os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist", help="fashion-mnist, or the folder of CIFAR-10's binary files")
    parser.add_argument("--images", type=int, default=32, help="whose activations the layers get")
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--append", action="store_true", help="add a section to RESULTS.md")
    return parser.parse_args()


# --- images ---


def scaled(pixels, scale):
    mean, deviation = (numpy.array(x).reshape(1, -1, 1, 1) for x in scale)
    return torch.from_numpy((pixels / 255.0 - mean) / deviation)


def test_images(path):
    """Preprocessed, in double precision, and their classes."""
    if path == "fashion-mnist":
        with gzip.open(os.path.join(FASHION, "t10k-images-idx3-ubyte.gz")) as file:
            pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
        with gzip.open(os.path.join(FASHION, "t10k-labels-idx1-ubyte.gz")) as file:
            return scaled(pixels, FASHION_SCALE), torch.from_numpy(numpy.frombuffer(file.read(), numpy.uint8, offset=8).astype(int))
    rows = numpy.fromfile(os.path.join(path, "test_batch.bin"), numpy.uint8).reshape(-1, 3073)
    return scaled(rows[:, 1:].reshape(-1, 3, 32, 32), CIFAR_SCALE), torch.from_numpy(rows[:, 0].astype(int))


# --- one layer ---


def write_layer(path, conv, shape):
    """An ONNX file with this convolution and nothing else but a view."""
    tensors = [numpy_helper.from_array(conv.weight.detach().numpy().astype(numpy.float32), "w")]
    if conv.bias is not None:
        tensors.append(numpy_helper.from_array(conv.bias.detach().numpy().astype(numpy.float32), "b"))
    pads = list(conv.padding) * 2
    node = helper.make_node("Conv", ["x"] + [t.name for t in tensors], ["y"], name="layer", kernel_shape=list(conv.kernel_size),
                            strides=list(conv.stride), pads=pads, dilations=list(conv.dilation), group=conv.groups)
    view = helper.make_node("Flatten", ["y"], ["flat"], name="view")
    graph = helper.make_graph([node, view], "layer", [helper.make_tensor_value_info("x", 1, ["N", *shape])],
                              [helper.make_tensor_value_info("flat", 1, ["N", None])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


def ours(args, folder, conv, images):
    """The program's outputs, and the path it takes."""
    network, given, found = (os.path.join(folder, name) for name in ("layer.onnx", "in.npy", "out.npy"))
    write_layer(network, conv, images.shape[1:])
    numpy.save(given, images.numpy())
    results = peer.program(args, 'open "%s"' % network, 'infer "%s" "%s"' % (given, found),
                           "time batch=%d mode=inference passes=1" % len(images))
    return torch.from_numpy(numpy.load(found)).double(), results[-1]["layers"][0]["path"]


def error_of(args, folder, conv, activations):
    images = activations.float()
    with torch.no_grad():
        exact = functional.conv2d(images.double(), conv.weight.float().double(),
                                  None if conv.bias is None else conv.bias.float().double(),
                                  conv.stride, conv.padding, conv.dilation, conv.groups)
    found, path = ours(args, folder, conv, images)
    difference = (found.reshape(exact.shape) - exact).abs().max()
    return path, float(difference / exact.abs().max())


def describe(conv, activations):
    return "%d -> %d, %dx%d, stride %d, on %dx%d" % (conv.in_channels, conv.out_channels, *conv.kernel_size, conv.stride[0],
                                                     *activations.shape[2:])


# --- all layers ---


def real_layers(network, images):
    """Each convolution with what it reads."""
    met = []
    for part in network.parts:
        if isinstance(part, nn.Conv2d):
            part.register_forward_pre_hook(lambda module, inputs: met.append((module, inputs[0].clone())))
    with torch.no_grad():
        network(images)
    return met


def wide_layers():
    torch.manual_seed(1)
    for channels, filters, side, kernel, stride in WIDE:
        conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False).double()
        nn.init.kaiming_normal_(conv.weight)
        yield conv, torch.randn(4, channels, side, side).double().relu()


def top1(args, network, images, classes):
    """Right in double precision, and in the program."""
    right = 0
    with torch.no_grad():
        for begin in range(0, len(images), 500):
            right += int((network(images[begin:begin + 500]).argmax(1) == classes[begin:begin + 500]).sum())
    evaluated = peer.program(args, 'open "%s"' % args.network, 'data "%s"' % args.data, "eval")[-1]
    return right, round(evaluated["top1"] * evaluated["images"]), len(images)


def rows(args, title, layers):
    with tempfile.TemporaryDirectory() as folder:
        for conv, activations in layers:
            path, error = error_of(args, folder, conv, activations)
            limit = LIMITS.get(path, 1e-5)
            print("%-9s %-40s %-12s %.1e%s" % (title, describe(conv, activations), path, error, "" if error <= limit else "  ABOVE"), flush=True)
            yield title, path, error, limit


def table(found):
    lines = ["| activations | path | layers | greatest error | allowed |", "| --- | --- | --- | --- | --- |"]
    for title, path in sorted({(row[0], row[1]) for row in found}):
        errors = [row for row in found if row[:2] == (title, path)]
        lines.append("| %s | %s | %d | %.1e | %.0e |" % (title, path, len(errors), max(row[2] for row in errors), errors[0][3]))
    return lines


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    images, classes = test_images(args.data)
    network = torch_network.Network(args.network).double().eval()
    found = list(rows(args, "real", real_layers(network, images[:args.images])))
    found += list(rows(args, "random", wide_layers()))
    network = torch_network.Network(args.network).double().eval()  # without the hooks
    exact, counted, total = top1(args, network, images, classes)
    name, data = os.path.basename(args.network), os.path.basename(os.path.normpath(args.data))
    text = ["`python3 bench/accuracy.py --network %s --data %s`, %s, %s" % (name, data, peer.machine(), version(args.program)), ""]
    text += table(found) + ["", "Top-1 of %d test images: %d right in double precision, %d in the program." % (total, exact, counted)]
    print("\n".join(text))
    if args.append:
        write_section("how exact the engine is, " + name, "\n".join(text))
    sys.exit(any(error > limit for _, _, error, limit in found) or abs(exact - counted) > 3)


main()
