"""Large networks are mapped, not copied: VGG-16 takes about as much memory as its file, until something is computed."""

import os
import subprocess

from thinet import PROGRAM, QUICK, check, environment, finish, scratch, skip_all

if QUICK:
    skip_all("sanitizers take memory of their own")
if os.uname().sysname != "Linux":
    skip_all("memory is asked for as Linux counts it")

folder = scratch()


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    """A field of ONNX's wire format: a number, or text, bytes or a message with its length in front."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + (data.encode() if isinstance(data, str) else data)


def node(op, inputs, output, **attributes):
    encoded = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, op)
    for name, value in attributes.items():
        encoded += field(5, field(1, name) + (field(3, value) + field(20, 2) if isinstance(value, int)
                                              else b"".join(field(8, v) for v in value) + field(20, 7)))
    return field(1, encoded)


def value(name, dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


class Writer:
    """Pieces of a message; weights are holes, which take no room on the disk and read as zeros."""

    def __init__(self):
        self.pieces, self.size = [], 0

    def add(self, piece):
        self.pieces.append(piece)
        self.size += piece if isinstance(piece, int) else len(piece)

    def tensor(self, name, *dims, location=None, offset=0):
        count = 4
        for d in dims:
            count *= d
        head = b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name)
        if location:
            entries = {"location": location, "offset": str(offset), "length": str(count)}
            head += b"".join(field(13, field(1, k) + field(2, v)) for k, v in entries.items()) + field(14, 1)
            self.add(field(5, head))
            return count
        head += varint(9 << 3 | 2) + varint(count)
        self.add(varint(5 << 3 | 2) + varint(len(head) + count) + head)
        self.add(count)
        return count


def write_vgg16(path, data=None):
    graph, offset = Writer(), 0
    layers, x, channels = [], "image", 3

    def tensor(*shape):
        nonlocal offset
        offset += graph.tensor(*shape, location=data and os.path.basename(data), offset=offset)

    for i, filters in enumerate((64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)):
        if not filters:
            layers.append(node("MaxPool", [x], "p%d" % i, kernel_shape=(2, 2), strides=(2, 2)))
            x = "p%d" % i
            continue
        layers.append(node("Conv", [x, "c%d.weight" % i, "c%d.bias" % i], "c%d" % i, pads=(1, 1, 1, 1)) + node("Relu", ["c%d" % i], "r%d" % i))
        tensor("c%d.weight" % i, filters, channels, 3, 3)
        tensor("c%d.bias" % i, filters)
        x, channels = "r%d" % i, filters
    layers.append(node("Flatten", [x], "flat"))
    x = "flat"
    for i, (outputs, features) in enumerate(((4096, 25088), (4096, 4096), (1000, 4096))):
        layers.append(node("Gemm", [x, "f%d.weight" % i, "f%d.bias" % i], "f%d" % i, transB=1))
        tensor("f%d.weight" % i, outputs, features)
        tensor("f%d.bias" % i, outputs)
        x = "f%d" % i
    graph.add(b"".join(layers) + field(2, "vgg16") + field(11, value("image", ["N", 3, 224, 224])) + field(12, value(x, ["N", 1000])))
    with open(path, "wb") as file:
        file.write(field(1, 7) + varint(7 << 3 | 2) + varint(graph.size))
        for piece in graph.pieces:
            if isinstance(piece, int):
                file.seek(piece, os.SEEK_CUR)
            else:
                file.write(piece)
        file.write(field(8, field(1, "") + field(2, 13)))
    if data:
        with open(data, "wb") as file:
            file.truncate(offset)
    return os.path.getsize(path) + (os.path.getsize(data) if data else 0)


def peak_memory(*commands):
    """Bytes at most, as the kernel counted them, and how it ended."""
    arguments = [PROGRAM]
    for line in commands:
        arguments += ["-c", line]
    process = subprocess.Popen(arguments, env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return usage.ru_maxrss * 1024, status


for what, data in ("in one file", None), ("with external data", os.path.join(folder, "vgg16.onnx.data")):
    place = os.path.join(folder, "vgg16.onnx")
    size = write_vgg16(place, data)
    check("VGG-16 %s is 553 MB" % what, 553e6 < size < 554e6, size)
    memory, status = peak_memory("open " + place, "layers", "groups", "summary", "ratio all 0.5", "undo", "redo")
    check("VGG-16 %s opens" % what, status == 0, status)
    check("the program stays below 1.3 times the size of VGG-16 %s" % what, memory < 1.3 * size,
          "%.0f MB for %.0f MB" % (memory / 1e6, size / 1e6))
    print("# %.0f MB of memory for %.0f MB %s" % (memory / 1e6, size / 1e6, what))
memory, status = peak_memory("open " + place, "export " + os.path.join(folder, "whole.onnx"))
check("VGG-16 is written without another copy in memory", status == 0 and memory < 1.3 * size, "%.0f MB" % (memory / 1e6))
finish()
