"""Networks this program writes, run by others: every ONNX rule holds, the structure is the original's, and the
logits agree on 100 real images."""

import json
import os
import shutil
import subprocess

from thinet import EXAMPLE, TREE, check, commands, fashion_images, finish, need_example, scratch, skip, skip_all

try:
    import numpy
    import onnx
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

need_example()
folder = scratch()


def path(name):
    return os.path.join(folder, name)


images, labels = fashion_images(100)
numpy.save(path("images.npy"), images)
commands("open " + EXAMPLE, "data fashion-mnist",
         "infer %s %s" % (path("images.npy"), path("whole.npy")), "export " + path("whole.onnx"),
         "sample all images=2", "ratio all 0.5", "ratio conv2_1 0.3", "prune all reweight=ls",
         "infer %s %s" % (path("images.npy"), path("pruned.npy")), "export " + path("pruned.onnx"))

original = onnx.load(EXAMPLE)
for name in "whole", "pruned":
    model = onnx.load(path(name + ".onnx"))
    try:
        onnx.checker.check_model(model, full_check=True)
        problem = ""
    except Exception as error:  # the checker has several kinds
        problem = str(error)
    check("the %s network passes ONNX's own checker, shapes and all" % name, not problem, problem)
    check("the %s network has the original's nodes and names" % name,
          [(n.op_type, n.name, list(n.input), list(n.output)) for n in model.graph.node]
          == [(n.op_type, n.name, list(n.input), list(n.output)) for n in original.graph.node]
          and {t.name for t in model.graph.initializer} == {t.name for t in original.graph.initializer}
          and [i.name for i in model.graph.input] == [i.name for i in original.graph.input])
    seen = numpy.load(path(name + ".npy"))
    check("infer writes float32 logits of 100 images for the %s network" % name,
          seen.shape == (100, 10) and seen.dtype == numpy.float32, (seen.shape, seen.dtype))
    for reference, backend in onnx_reference.backends().items():
        difference = numpy.abs(onnx_reference.evaluate(model, images, backend) - seen).max()
        check("the %s network gives the same logits in %s within 1e-4" % (name, reference), difference <= 1e-4, difference)
if "PyTorch" not in onnx_reference.backends():
    skip("the exported networks in PyTorch", "PyTorch is not installed; NumPy stands in")
check("the example is right on real images", (numpy.load(path("whole.npy")).argmax(axis=1) == labels).mean() > 0.85)


def initializers(model):
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


before, after = initializers(original), initializers(onnx.load(path("whole.onnx")))
check("a network exported as it was opened has the same weights, bit for bit",
      all(numpy.array_equal(before[name], after[name]) for name in before))

# onnxruntime is not in Debian; where Node and its package are found (NODE_PATH), it is asked too.
node = shutil.which("node")
script = os.path.join(TREE, "tests", "pipeline", "onnxruntime.js")
found = node and subprocess.run([node, "-e", "require.resolve('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0
if not found:
    skip("the exported networks in onnxruntime", "no onnxruntime-node (looked for by NODE_PATH)")
else:
    images.tofile(path("images.raw"))
    for name in "whole", "pruned":
        done = subprocess.run([node, script, path(name + ".onnx"), path("images.raw"), "100", "1", "28", "28"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check("onnxruntime runs the %s network" % name, done.returncode == 0, done.stderr):
            logits = numpy.array(json.loads(done.stdout), dtype=numpy.float32).reshape(100, 10)
            difference = numpy.abs(logits - numpy.load(path(name + ".npy"))).max()
            check("the %s network gives the same logits in onnxruntime within 1e-4" % name, difference <= 1e-4, difference)
            print("# largest difference to onnxruntime, %s: %.3g" % (name, difference))
finish()
