"""ONNX's own tests of single operators: their networks, their inputs, the outputs they expect.

The first input is the network's, with its first axis as the batch; all others become constants. What the program
does not claim to run (operators it has no use for, other element types) is left out, and so are the cases listed
below, each with its reason.
"""

import fnmatch
import os
import warnings

from thinet import check, finish, run, scratch, skip_all

try:
    import numpy
    import onnx
    from onnx import TensorProto, numpy_helper

    warnings.simplefilter("ignore")
    for old in ("float", "int", "bool", "object"):  # names that older NumPy had, and these tests use
        if old not in numpy.__dict__:
            setattr(numpy, old, getattr(__builtins__, old))
    from onnx.backend.test.case.node import collect_testcases
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)

OPERATORS = """Abs Add AveragePool BatchNormalization Cast Celu Clip Concat Conv ConvTranspose DepthToSpace Div Dropout Elu
Erf Exp Expand Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity
InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax MatMul Max MaxPool Mean Min Mish Mul Neg PRelu Pad
Pow Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape Resize Selu Sigmoid Slice Softmax Softplus Softsign
SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Upsample""".split()

# The batch cannot be cut, moved, reduced or reshaped: a network works on each image by itself.
BATCH = "it is about the first axis, which is the batch here"
LEFT_OUT = {}

folder = scratch()


def as_network(case):
    """The case with one input, or None where it is no network of floats."""
    graph = case.model.graph
    inputs, outputs = case.data_sets[0]
    if len(graph.node) != 1 or graph.node[0].op_type not in OPERATORS or graph.node[0].domain:
        return None
    if not all(isinstance(x, numpy.ndarray) for x in [*inputs, *outputs]) or not inputs:
        return None
    if inputs[0].dtype != numpy.float32 or outputs[0].dtype != numpy.float32 or inputs[0].ndim < 1:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value, array in list(zip(graph.input, inputs))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del model.graph.input[1:]
    return model


def left_out(name):
    for pattern, why in LEFT_OUT.items():
        if fnmatch.fnmatch(name, pattern):
            return why
    return None


def try_case(case, model):
    """None where the program's output is the expected one, else what is wrong."""
    inputs, outputs = case.data_sets[0]
    paths = [os.path.join(folder, name) for name in ("case.onnx", "in.npy", "out.npy")]
    onnx.save(model, paths[0])
    numpy.save(paths[1], inputs[0])
    if os.path.exists(paths[2]):
        os.remove(paths[2])
    done = run("-c", "open " + paths[0], "-c", "infer %s %s" % (paths[1], paths[2]))
    if done.returncode != 0:
        return done.stderr.strip().replace(folder + "/", "")
    seen, expected = numpy.load(paths[2]), outputs[0]
    if seen.shape != expected.shape:
        return "shape %s, expected %s" % (seen.shape, expected.shape)
    if not numpy.allclose(seen, expected, rtol=max(case.rtol, 1e-5), atol=max(case.atol, 1e-6), equal_nan=True):
        return "largest difference %g" % numpy.abs(seen - expected).max()
    return None


tried = set()
for case in collect_testcases(None):
    model = as_network(case)
    if model is None or left_out(case.name):
        continue
    wrong = try_case(case, model)
    tried.add(model.graph.node[0].op_type)
    check(case.name, wrong is None, wrong or "")
for pattern, why in LEFT_OUT.items():
    print("# left out: %s: %s" % (pattern, why))
finish()
