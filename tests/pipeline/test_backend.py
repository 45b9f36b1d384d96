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

# Operators that look at each number by itself, whatever the axes: they get a batch of one in front.
BY_NUMBER = """Abs Add Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Mean Min Mish Mul
Neg PRelu Pow Reciprocal Relu Selu Sigmoid Softplus Softsign Sqrt Sub Sum Tanh""".split()

# A network works on each image by itself: its batch is not cut, moved, joined or normalised over.
BATCH = "works on the first axis, which is the batch here"
LEFT_OUT = {
    "test_dropout_default_old": "has one axis, the batch",
    "test_concat_1d_*": BATCH,
    "test_concat_2d_axis_0": BATCH,
    "test_concat_2d_axis_negative_2": BATCH,
    "test_concat_3d_axis_0": BATCH,
    "test_concat_3d_axis_negative_3": BATCH,
    "test_expand_dim_changed": BATCH,
    "test_flatten_axis[023]": BATCH,
    "test_flatten_negative_axis[124]": BATCH,
    "test_gather_0": BATCH,
    "test_gather_negative_indices": BATCH,
    "test_gemm_default_matrix_bias": BATCH,
    "test_gemm_transposeA": BATCH,
    "test_gemm_all_attributes": BATCH,
    "test_layer_normalization_*_axis0*": BATCH,
    "test_layer_normalization_2d_axis_negative_2": BATCH,
    "test_layer_normalization_3d_axis_negative_3*": BATCH,
    "test_layer_normalization_4d_axis_negative_4": BATCH,
    "test_logsoftmax_axis_0": BATCH,
    "test_logsoftmax_example_1": BATCH,
    "test_matmul_3d": "multiplies by another matrix for each image of the batch",
    "test_pad_*1d*": BATCH,
    "test_reduce_*_default_axes_*": BATCH,
    "test_reduce_sum_empty_axes_input_noop_*": BATCH,
    "test_reshape_allowzero_reordered": "has an empty batch",
    "test_reshape_reordered_*": BATCH,
    "test_reshape_one_dim": BATCH,
    "test_reshape_negative_extended_dims": BATCH,
    "test_slice": BATCH,
    "test_slice_default_axes": BATCH,
    "test_slice_default_steps": BATCH,
    "test_slice_neg_steps": BATCH,
    "test_slice_negative_axes": BATCH,
    "test_slice_start_out_of_bounds": "makes nothing",
    "test_softmax_axis_0": BATCH,
    "test_split_*1d*": BATCH,
    "test_split_zero_size_splits": "makes nothing",
    "test_split_*_default_axis": BATCH,
    "test_squeeze": BATCH,
    "test_transpose_default": BATCH,
    "test_transpose_all_permutations_[2345]": BATCH,
    "test_unsqueeze_*": BATCH,
    "test_*_3d_default": "has three spatial axes",
    "test_convtranspose_3d": "has three spatial axes",
    "test_batchnorm_*_training_mode": "is a step of training",
    "test_resize_*cubic*": "cubic interpolation is not among what the program runs",
    "test_resize_tf_crop_and_resize": "crops",
    "test_resize_downsample_scales_linear_align_corners":
        "expects a corner at a place between two pixels (2.4 of them); onnxruntime too takes the last one",
}

folder = scratch()


def as_network(case):
    """The case with one input, or None where it is no network of floats."""
    graph = case.model.graph
    inputs, outputs = case.data_sets[0]
    if len(graph.node) != 1 or graph.node[0].op_type not in OPERATORS or graph.node[0].domain:
        return None
    if not all(isinstance(x, numpy.ndarray) for x in [*inputs, *outputs]) or not inputs:
        return None
    if inputs[0].dtype != numpy.float32 or outputs[0].dtype != numpy.float32:
        return None
    if any(opset.version < 7 for opset in case.model.opset_import):
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value, array in list(zip(graph.input, inputs))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del model.graph.input[1:]
    if graph.node[0].op_type != "Split":
        del model.graph.node[0].output[1:]  # means, masks and indices: not what a network hands on
    del model.graph.output[1:]
    if by_number(model):
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim.insert(0, onnx.TensorShapeProto.Dimension(dim_value=1))
    return model if inputs[0].ndim + by_number(model) > 0 else None


def by_number(model):
    return model.graph.node[0].op_type in BY_NUMBER


def left_out(name):
    for pattern, why in LEFT_OUT.items():
        if fnmatch.fnmatch(name, pattern):
            return why
    return None


def try_case(case, model):
    """None where the program's output is the expected one, else what is wrong."""
    inputs, outputs = case.data_sets[0]
    image, expected = (a[None] if by_number(model) else a for a in (inputs[0], outputs[0]))
    paths = [os.path.join(folder, name) for name in ("case.onnx", "in.npy", "out.npy")]
    onnx.save(model, paths[0])
    numpy.save(paths[1], image)
    if os.path.exists(paths[2]):
        os.remove(paths[2])
    done = run("-c", "open " + paths[0], "-c", "infer %s %s" % (paths[1], paths[2]))
    if done.returncode != 0:
        return done.stderr.strip().replace(folder + "/", "")
    seen = numpy.load(paths[2])
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
