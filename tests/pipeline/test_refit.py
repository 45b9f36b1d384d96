"""prune reweight=full and bn=reset against NumPy: every refitted kernel and constant must be the solution of the
ridge problem on the patches of all images, from the networks as exported; and BatchNorm's new statistics those of
a pass in training mode, by NumPy and by PyTorch where it is installed."""

import os

from thinet import EXAMPLE, QUICK, check, commands, fashion_images, finish, scratch, skip, skip_all, try_commands

try:
    import numpy
    import onnx
    from onnx import numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

IMAGES = 20  # few enough that every place of every image is a sample
FOLDER = scratch()
PRESET = " preset=fashion-mnist"


def write_idx(name, array):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes())


def make_data():
    """Training images: the first test images of Fashion-MNIST, as bytes."""
    images, labels = fashion_images(IMAGES)
    pixels = numpy.rint((images * numpy.float32(0.3530) + numpy.float32(0.2860)) * 255).astype(numpy.uint8)
    write_idx("train-images-idx3-ubyte", pixels[:, 0])
    write_idx("train-labels-idx1-ubyte", labels.astype(numpy.uint8))
    return images


class Network:
    """An ONNX file, and everything it computes of some images."""

    def __init__(self, path, images=None, backend=None):
        self.model = onnx.load(path)
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        self.nodes = list(self.model.graph.node)
        self.values = {}
        if images is not None:
            backend = backend or onnx_reference.Numpy()
            self.values = {name: backend.array(value) for name, value in self.constants.items()}
            self.values[self.model.graph.input[0].name] = backend.array(images)
            for node in self.nodes:
                inputs = [self.values[name] if name else None for name in node.input]
                self.values[node.output[0]] = onnx_reference._run(node, inputs, backend)

    def layer(self, name):
        return next(n for n in self.nodes if len(n.input) > 1 and n.input[1] in (name + ".weight", name))

    def readers(self, value):
        return [n for n in self.nodes if value in n.input]

    def weight(self, node):
        return self.constants[node.input[1]].astype(numpy.float64)


def patches(network, node):
    """[samples, channels x taps] of a convolution or a Gemm; samples image by image."""
    x = network.values[node.input[0]]
    if node.op_type == "Gemm":
        return x
    given = onnx_reference.attributes(node)
    kh, kw = network.weight(node).shape[2:]
    stride, pads = given.get("strides", [1, 1]), given.get("pads", [0, 0, 0, 0])
    x = numpy.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    h, w = (x.shape[2] - kh) // stride[0] + 1, (x.shape[3] - kw) // stride[1] + 1
    parts = [x[:, :, i:i + (h - 1) * stride[0] + 1:stride[0], j:j + (w - 1) * stride[1] + 1:stride[1]]
             for i in range(kh) for j in range(kw)]
    return numpy.stack(parts, 2).transpose(0, 3, 4, 1, 2).reshape(len(x) * h * w, -1)


def rows(x):
    """[N,C,H,W] or [N,C] as [samples, C]."""
    return x if x.ndim == 2 else x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def matrix(network, node):
    return network.weight(node).reshape(network.weight(node).shape[0], -1).T


def behind(network, node):
    """The BatchNorm that alone reads the layer, and the Add that alone reads that."""
    found = {"BatchNormalization": None, "Add": None}
    for op in found:
        readers = network.readers(node.output[0])
        if len(readers) == 1 and readers[0].op_type == op:
            found[op] = node = readers[0]
    return found["BatchNormalization"], found["Add"]


def constant(network, node, norm):
    """What a filter's outputs are moved by, in units of its kernel."""
    if len(node.input) > 2:
        return network.constants[node.input[2]].astype(numpy.float64)
    return -network.constants[norm.input[3]].astype(numpy.float64)


def check_layer(name, record, before, start, after, filters):
    """One refitted layer: kernel and constant, and the errors on held-out images."""
    old, node = before.layer(record["consumer"]), after.layer(record["consumer"])
    norm, add = behind(after, node)
    scale, stream = 1.0, 0.0
    if add is not None:
        gamma, variance = (after.constants[norm.input[i]].astype(numpy.float64) for i in (1, 4))
        scale = gamma / numpy.sqrt(variance + onnx_reference.attributes(norm).get("epsilon", 1e-5))
        other = [i for i in range(2) if add.input[i] != norm.output[0]][0]
        stream = rows(before.values[before.readers(behind(before, old)[0].output[0])[0].input[other]])
        stream = stream[:, filters] - rows(after.values[add.input[other]])
    x = patches(after, node)
    y = patches(before, old) @ matrix(before, old)[:, filters] * scale + stream
    x = numpy.hstack([x, numpy.ones((len(x), 1))])
    w0 = numpy.vstack([matrix(start, start.layer(record["consumer"])) * scale, numpy.zeros((1, y.shape[1]))])
    moved = constant(after, node, norm) - constant(start, start.layer(record["consumer"]), norm)
    w = numpy.vstack([matrix(after, node) * scale, (moved * scale)[None]])
    places = len(x) // IMAGES
    held = numpy.arange(len(x)) // places % 5 == 4

    def solve(ridge, where):
        d = numpy.sqrt(ridge * (x[where] ** 2).sum(0))
        stacked = numpy.vstack([x[where], numpy.diag(d)])
        return w0 + numpy.linalg.lstsq(stacked, numpy.vstack([y[where] - x[where] @ w0, numpy.zeros_like(w0)]), rcond=None)[0]

    def error(kernel, where):
        return ((y[where] - x[where] @ kernel) ** 2).sum() / (y[where] ** 2).sum()

    check(name + ": every place of every image is a sample", record["samples"] == len(x), (record, len(x)))
    best = {ridge: error(solve(ridge, ~held), held) for ridge in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)}
    plain = error(w0, held)
    check(name + ": the held-out error as cut", abs(record["error_before"] - plain) < 1e-4 * plain, (record, plain))
    check(name + ": is never made worse", record["error_after"] <= record["error_before"], record)
    if record["ridge"] is None:
        check(name + ": no ridge would have been better", min(best.values()) >= plain * 0.9999, best)
        return
    check(name + ": the ridge is the best on held-out images", best[record["ridge"]] <= min(best.values()) * 1.0001, best)
    check(name + ": the held-out error", abs(record["error_after"] - best[record["ridge"]]) < 1e-4 * plain, (record, best))
    expected = solve(record["ridge"], slice(None))
    off, size = numpy.abs(w - expected).max(), numpy.abs(expected).max()
    check(name + ": the kernel is NumPy's solution", off < 1e-3 * size, "%g of %g" % (off, size))


def check_refit(title, opening, images, ratio, every=1):
    data = "data %s%s" % (FOLDER, PRESET)
    files = {kind: os.path.join(FOLDER, kind + ".onnx") for kind in ("before", "ls", "full")}
    opened = commands("open " + opening, data, "export " + files["before"], "sample all images=4", "ratio all %g" % ratio,
                      "prune all reweight=full images=1000", "export " + files["full"], "undo",
                      "prune all reweight=ls", "export " + files["ls"])
    pruned = opened[5]
    check(title + ": the result says so", pruned["reweight"] == "full" and pruned["images"] == IMAGES, pruned)
    before, start = Network(files["before"], images), Network(files["ls"])
    after = Network(files["full"], images)
    kept = {layer["name"]: layer["kept"] for layer in pruned["layers"]}
    records = [record for layer in pruned["layers"] for record in layer["refit"]]
    check(title + ": every layer that reads pruned channels is there", len(records) == len(pruned["layers"]), records)
    for record in records[:2] if QUICK else records[::every]:
        count = before.weight(before.layer(record["consumer"])).shape[0]
        check_layer("%s, %s" % (title, record["consumer"]), record, before, start, after,
                    kept.get(record["consumer"], list(range(count))))


def with_batch_statistics(base):
    """A backend whose BatchNorm normalises by its batch, and remembers mean and unbiased variance."""

    class Training(base):
        def __init__(self):
            super().__init__()
            self.seen = []

        def batch_norm(self, x, scale, shift, mean, variance, epsilon):
            if base is onnx_reference.Numpy:
                axes = (0,) + tuple(range(2, x.ndim))
                self.seen.append((x.mean(axes), x.var(axes, ddof=1)))
                return super().batch_norm(x, scale, shift, x.mean(axes), x.var(axes), epsilon)
            running = self.torch.zeros_like(mean), self.torch.ones_like(variance)
            y = self.f.batch_norm(x, *running, scale, shift, True, 1.0, epsilon)
            self.seen.append(tuple(r.numpy() for r in running))
            return y

    return Training()


def check_reset(title, opening, images):
    files = [os.path.join(FOLDER, name) for name in ("plain.onnx", "reset.onnx")]
    results = commands("open " + opening, "data %s%s" % (FOLDER, PRESET), "sample all images=4", "ratio all 0.3",
                       "prune all", "export " + files[0], "undo", "prune all bn=reset images=1000", "export " + files[1])
    after = Network(files[1])
    norms = [n for n in after.nodes if n.op_type == "BatchNormalization"]
    check(title + ": all BatchNorms are reset", results[7]["bn_reset"] == len(norms) > 0, results[7])
    backends = {"NumPy": onnx_reference.Numpy, "PyTorch": onnx_reference.Torch}
    for name, base in backends.items():
        try:
            backend = with_batch_statistics(base)
        except ImportError:
            skip("%s: statistics of a pass in training mode, by %s" % (title, name), "Python has no module torch")
            continue
        Network(files[0], images, backend)
        worst = 0
        for norm, seen in zip(norms, backend.seen):
            for i, expected in zip((3, 4), seen):
                got = after.constants[norm.input[i]]
                worst = max(worst, numpy.abs(got - expected).max() / numpy.abs(expected).max())
        check("%s: statistics of a pass in training mode, by %s" % (title, name),
              len(backend.seen) == len(norms) and worst < 1e-4, worst)


def check_words():
    """What cannot be done says so and changes nothing."""
    start = ["open " + EXAMPLE, "ratio conv1_1 0.5", "method conv1_1 l1"]
    done, results = try_commands(*start, "prune conv1_1 reweight=full")
    check("without data it says what comes first", done.returncode == 1 and "data" in results[-1]["error"], results[-1])
    done, results = try_commands(*start, "prune conv1_1 reweight=ls images=3")
    check("images alone are refused", done.returncode == 1 and "reweight=full" in results[-1]["error"], results[-1])
    results = commands(*start, "data %s%s" % (FOLDER, PRESET), "prune conv1_1 reweight=full memory=1")
    record = results[-1]["layers"][0]["refit"][0]
    check("a layer beyond the memory bound is left alone", record["ridge"] is None and "MiB" in record["why_not"], record)
    check("full without a statistic starts unscaled", results[-1]["layers"][0]["weights"] is None, results[-1])


def check_threads():
    files = []
    for threads in ("1", "3"):
        files.append(os.path.join(FOLDER, "threads%s.onnx" % threads))
        commands("open " + EXAMPLE, "data %s%s" % (FOLDER, PRESET), "sample all images=4", "ratio all 0.4",
                 "prune all reweight=full bn=reset", "export " + files[-1], options=("--threads", threads))
    with open(files[0], "rb") as one, open(files[1], "rb") as three:
        check("the same bits for 1 and 3 threads", one.read() == three.read())


data = make_data()
check_refit("fashion-vgg", EXAMPLE, data, 0.5)
check_refit("a residual network", "zoo:resnet20 in=1x28x28 classes=10 seed=3", data, 0.25, every=4)
check_reset("fashion-vgg", EXAMPLE, data)
check_words()
check_threads()
finish()
