"""Small networks, each of a few nodes, run by the program and compared with what they should give: a NumPy
computation in double precision and, where it is installed, onnxruntime."""

import json
import os
import shutil
import subprocess

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from thinet import TREE, check, run, scratch, skip

folder = scratch()
random = numpy.random.default_rng(20170722)
_cases = []


def numbers(*shape):
    return random.standard_normal(shape).astype(numpy.float32)


def node(op, inputs, outputs="y", **given):
    names = outputs.split() if isinstance(outputs, str) else outputs
    return helper.make_node(op, inputs.split(" ") if isinstance(inputs, str) else inputs, names, **given)


def model_of(nodes, constants, shape, opset, batch="N"):
    """Nodes from "x" to "y", then flattened to the program's [N,features]."""
    nodes = nodes + [helper.make_node("Flatten", ["y"], ["flat"], axis=1)]
    graph = helper.make_graph(
        nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info("flat", TensorProto.FLOAT, [batch, None])],
        [numpy_helper.from_array(numpy.asarray(values), name) for name, values in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test")
    model.ir_version = 7
    return model


def case(name, nodes, constants, shape, expected, batch=3, opset=13, tolerance=2e-5, elsewhere=True, fixed=False):
    """`expected`: what NumPy makes of the images, in double precision, before they are flattened. `elsewhere`
    False: onnxruntime does not run this, or says itself that it does it differently. `fixed`: the file is for
    this batch alone."""
    nodes = nodes if isinstance(nodes, list) else [nodes]
    images = numbers(batch, *shape)
    place = os.path.join(folder, str(len(_cases)))
    paths = {"model": place + ".onnx", "images": place + ".npy", "raw": place + ".raw",
             "seen": place + ".seen.npy", "output": place + ".ort"}
    onnx.save(model_of(nodes, constants, shape, opset, batch if fixed else "N"), paths["model"])
    numpy.save(paths["images"], images)
    images.tofile(paths["raw"])
    wanted = numpy.asarray(expected(images.astype(numpy.float64)))
    _cases.append((name, paths, images.shape, wanted.reshape(batch, -1), tolerance, elsewhere))


def _close(name, reference, seen, expected, tolerance):
    scale = max(1.0, float(numpy.abs(expected).max()))
    worst = float(numpy.abs(seen - expected).max()) if seen.shape == expected.shape else numpy.inf
    check("%s equals %s" % (name, reference), worst <= tolerance * scale,
          "shapes %s %s\nlargest difference %s of %s" % (seen.shape, expected.shape, worst, scale))


def _elsewhere():
    """Outputs of onnxruntime by case, None where it cannot run one; no list at all without it."""
    program = shutil.which("node")
    if not program or subprocess.run([program, "-e", "require.resolve('onnxruntime-node')"],
                                     stderr=subprocess.DEVNULL).returncode != 0:
        skip("every operator against onnxruntime", "no onnxruntime-node (looked for by NODE_PATH)")
        return None
    jobs = [dict(model=paths["model"], images=paths["raw"], dims=list(shape), output=paths["output"])
            for _, paths, shape, _, _, _ in _cases]
    listed = os.path.join(folder, "cases.json")
    with open(listed, "w") as file:
        json.dump(jobs, file)
    script = os.path.join(TREE, "tests", "pipeline", "onnxruntime_many.js")
    done = subprocess.run([program, script, listed], stdout=subprocess.PIPE, text=True)
    messages = json.loads(done.stdout)
    return [message or numpy.fromfile(job["output"], numpy.float32) for message, job in zip(messages, jobs)]


def _run(cases):
    words = []
    for _, paths, *_ in cases:
        words += ["-c", "open " + paths["model"], "-c", "infer %s %s" % (paths["images"], paths["seen"])]
    return run(*words)


def _runs():
    """How each case ran: many in one process, and where that fails each of them by itself."""
    runs = []
    for first in range(0, len(_cases), 20):
        some = _cases[first:first + 20]
        done = _run(some)
        runs += [done] * len(some) if done.returncode == 0 else [_run([one]) for one in some]
        if done.returncode and not any(one.returncode for one in runs[first:]):
            check("%d cases one after the other run" % len(some), False, done.stderr)
    return runs


def run_all():
    others, runs = _elsewhere(), _runs()
    for i, (name, paths, _, expected, tolerance, elsewhere) in enumerate(_cases):
        if not check("%s runs" % name, runs[i].returncode == 0, runs[i].stderr):
            continue
        seen = numpy.load(paths["seen"])
        _close(name, "NumPy", seen, expected, tolerance)
        if others is None or not elsewhere:
            continue
        if isinstance(others[i], str):
            check("%s runs in onnxruntime" % name, False, others[i])
        else:
            _close(name, "onnxruntime", seen, others[i].reshape(expected.shape), tolerance)
    _cases.clear()
