"""The built-in networks: their sizes, and that what they compute and leave behind is what another runtime computes."""

import os

from thinet import QUICK, check, commands, finish, scratch, skip_all, try_commands

try:
    import numpy
    import onnx
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

folder = scratch()
random = numpy.random.default_rng(20150214)
references = onnx_reference.backends()
reference = references.get("PyTorch", references["NumPy"])

# Name, parameters without biases, FLOPs, layers: those of the papers, from sums over their tables.
SIZES = [
    ("fashion-vgg", 288160, 58256896, 7),
    ("vgg16-gap", 15222464, 30694285312, 14),
    ("resnet50", 25556032, 7715946496, 54),
    ("resnet50-v1.5", 25556032, 8178368512, 54),
    ("resnet20", 269712, 81102080, 20),
    ("resnet32", 464144, 137725184, 32),
    ("resnet44", 658576, 194348288, 44),
    ("resnet56", 853008, 250971392, 56),
    ("resnet110", 1727952, 505775360, 110),
]
for name, params, flops, layers in SIZES:
    _, summary = commands("open zoo:" + name, "summary")
    check("%s has the size of its paper" % name, (summary["params"], summary["flops"], summary["layers"]) == (params, flops, layers), summary)


def compare(name, shape, options="", tolerance=2e-5):
    """Small images, so that the reference is quick."""
    paths = [os.path.join(folder, file) for file in ("zoo.onnx", "in.npy", "out.npy")]
    images = random.standard_normal((2, *shape)).astype(numpy.float32)
    numpy.save(paths[1], images)
    size = "x".join(str(n) for n in shape)
    _, _, _, before = commands("open zoo:%s in=%s classes=7 seed=3%s" % (name, size, options), "infer %s %s" % tuple(paths[1:]), "export " + paths[0], "layers")
    model = onnx.load(paths[0])
    onnx.checker.check_model(model, full_check=True)
    seen, expected = numpy.load(paths[2]), onnx_reference.evaluate(model, images, reference)
    scale = float(numpy.abs(expected).max())
    good = seen.shape == expected.shape == (2, 7) and numpy.abs(seen - expected).max() <= tolerance * scale
    check("%s computes what the reference does" % name, good, "%s\n%s" % (seen, expected))
    check("%s tells two images apart" % name, numpy.abs(expected[0] - expected[1]).max() > 1e-3 * scale, expected)
    _, after = commands("open " + paths[0], "layers")
    names = [[layer["name"] for layer in result["layers"]] for result in (before, after)]
    check("%s comes back from its file with the same layers" % name, names[0] == names[1], names)


compare("vgg16-gap", (3, 32, 32))
if not QUICK:
    compare("vgg16", (3, 32, 48))
    compare("alexnet", (3, 67, 67))
    compare("resnet50", (3, 64, 64), tolerance=1e-4)
compare("resnet50-v1.5", (1, 64, 64), tolerance=1e-4)
compare("resnet20", (3, 32, 32))
compare("resnet56", (3, 17, 17), tolerance=1e-4)

paths = [os.path.join(folder, "%d.onnx" % number) for number in range(3)]
for path, options, seed in zip(paths, (("--threads", "1"), ("--threads", "3"), ()), (1, 1, 2)):
    commands("open zoo:resnet56 seed=%d" % seed, "export " + path, options=options)
contents = [open(path, "rb").read() for path in paths]
check("the same seed gives the same file for any number of threads", contents[0] == contents[1])
check("another seed gives another network", contents[0] != contents[2])

for line, words in [("open zoo:vgg17", ["did you mean 'vgg16'?", "there are: fashion-vgg, vgg16, ", "resnet110"]),
                    ("open zoo:vgg16 in=3x10x10", ["pool"]),
                    ("open zoo:vgg16 in=3x4096x4096", ["more than 2147483648 weights"]),
                    ("open zoo:resnet20 in=3x32", ["CxHxW"]),
                    ("open zoo:resnet20 classes=0", ["classes"])]:
    done, _ = try_commands(line)
    check("'%s' is refused" % line, done.returncode == 1 and len(done.stderr.splitlines()) == 1 and all(word in done.stderr for word in words), done.stderr)
finish()
