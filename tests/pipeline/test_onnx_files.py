"""ONNX files in all the forms they come in: what was read is what is written, and computes the same."""

import json
import os
import shutil
import struct
import subprocess
import zlib

from thinet import TREE, check, commands, finish, run, scratch, skip, skip_all, try_commands

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)
import onnx_reference

folder = scratch()
random = numpy.random.default_rng(6)
KINDS = {"half": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16, "float": TensorProto.FLOAT,
         "double": TensorProto.DOUBLE}


def path(name):
    return os.path.join(folder, name)


def raw_of(values, kind):
    """The bytes of `values`, which the element type must be able to hold."""
    if kind == TensorProto.BFLOAT16:
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({TensorProto.FLOAT16: "<f2", TensorProto.FLOAT: "<f4", TensorProto.DOUBLE: "<f8"}[kind]).tobytes()


def tensor(name, values, kind=TensorProto.FLOAT, fields=False):
    if fields:
        return helper.make_tensor(name, kind, values.shape, values.astype(numpy.float64).flatten())
    made = TensorProto(name=name, data_type=kind, dims=values.shape)
    made.raw_data = raw_of(values, kind)
    return made


def numbers(*shape):
    """Numbers that all element types can hold: 8 bits of fraction, as bfloat16 has."""
    values = random.standard_normal(shape).astype("<f4")
    return (values.view("<u4") & 0xffff0000).view("<f4")


WEIGHTS = {"first.weight": numbers(8, 3, 3, 3), "first.bias": numbers(8), "norm.weight": numbers(8), "norm.bias": numbers(8),
           "norm.mean": numbers(8), "norm.var": numpy.abs(numbers(8)) + numpy.float32(0.5), "second.weight": numbers(6, 8, 3, 3),
           "last.weight": numbers(5, 6), "last.bias": numbers(5)}
WEIGHTS["norm.var"] = (WEIGHTS["norm.var"].view("<u4") & 0xffff0000).view("<f4")
IMAGES = numbers(4, 3, 9, 9)


def network(kind=TensorProto.FLOAT, batch="N", opset=13, ir=7, initializers=None, weights=WEIGHTS):
    nodes = [helper.make_node("Conv", ["image", "first.weight", "first.bias"], ["a"], "first", pads=[1, 1, 1, 1]),
             helper.make_node("BatchNormalization", ["a", "norm.weight", "norm.bias", "norm.mean", "norm.var"], ["b"], "norm"),
             helper.make_node("Relu", ["b"], ["c"], "relu"),
             helper.make_node("Conv", ["c", "second.weight"], ["d"], "second", strides=[2, 2]),
             helper.make_node("GlobalAveragePool", ["d"], ["e"], "mean"),
             helper.make_node("Flatten", ["e"], ["f"], "flat"),
             helper.make_node("Gemm", ["f", "last.weight", "last.bias"], ["scores"], "last", transB=1)]
    graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("image", kind, [batch, 3, 9, 9])],
                              [helper.make_tensor_value_info("scores", kind, [batch, 5])],
                              initializers or [tensor(name, values, kind) for name, values in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test")
    model.ir_version = ir
    return model


def scores_of(model_path, images=IMAGES, *first):
    """What the program computes."""
    numpy.save(path("in.npy"), images)
    commands("open " + model_path, *first, "infer %s %s" % (path("in.npy"), path("out.npy")))
    return numpy.load(path("out.npy"))


EXPECTED = onnx_reference.evaluate(network(), IMAGES, onnx_reference.Numpy())


def close(seen, expected=EXPECTED, tolerance=1e-4):
    return seen.shape == expected.shape and numpy.abs(seen - expected).max() <= tolerance * numpy.abs(expected).max()


def write_images():
    """A folder of small pictures, so that layers can be sampled: 2 of each of 5 classes."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    for split in "train", "val":
        for label in "abcde":
            os.makedirs(path("images/%s/%s" % (split, label)))
            for number in range(2):
                rows = random.integers(0, 256, (9, 28), dtype=numpy.uint8)
                rows[:, 0] = 0  # no filter
                with open(path("images/%s/%s/%d.png" % (split, label, number)), "wb") as file:
                    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
                               + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b""))


write_images()


def halved(layer):
    return "data " + path("images"), "sample all images=2", "ratio %s 0.5" % layer, "prune all reweight=ls"


def exported(model, *between, name="again.onnx", full_check=False):
    """The model after it went through the program."""
    if model is not None:
        onnx.save(model, path("model.onnx"))
    commands("open " + path("model.onnx"), *between, "export " + path(name))
    again = onnx.load(path(name))
    try:
        onnx.checker.check_model(again, full_check=full_check)
    except Exception as error:  # the checker has several kinds
        check("the exported network passes ONNX's own checker", False, error)
    return again


def initializers(model):
    return {t.name: t for t in model.graph.initializer}


def same_initializers(a, b):
    a, b = initializers(a), initializers(b)
    return a.keys() == b.keys() and all(
        a[n].data_type == b[n].data_type and a[n].dims == b[n].dims
        and (a[n].raw_data == b[n].raw_data if a[n].raw_data else raw_of(numpy_helper.to_array(a[n]), a[n].data_type) == b[n].raw_data)
        for n in a)


# onnxruntime is not in Debian; where Node and its package are found (NODE_PATH), it is asked too.
node = shutil.which("node")
if not (node and subprocess.run([node, "-e", "require.resolve('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0):
    node = None
    skip("the exported networks in onnxruntime", "no onnxruntime-node (looked for by NODE_PATH)")


def check_onnxruntime(name, model_path, images=IMAGES, expected=EXPECTED, tolerance=1e-4):
    if not node:
        return
    images.astype("<f4").tofile(path("images.raw"))
    done = subprocess.run([node, os.path.join(TREE, "tests", "pipeline", "onnxruntime.js"), model_path, path("images.raw"),
                           *map(str, images.shape)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check("onnxruntime runs " + name, done.returncode == 0, done.stderr[-400:]):
        seen = numpy.array(json.loads(done.stdout), dtype=numpy.float32).reshape(expected.shape)
        check("onnxruntime computes the same for " + name, close(seen, expected, tolerance), numpy.abs(seen - expected).max())


# Element types
for kind_name, kind in KINDS.items():
    for fields in False, True:
        what = "weights of type %s%s" % (kind_name, ", in typed fields" if fields else "")
        if fields and kind == TensorProto.BFLOAT16:
            continue  # the helper of older versions of onnx writes them wrong
        model = network(kind, initializers=[tensor(n, v, kind, fields) for n, v in WEIGHTS.items()])
        onnx.save(model, path("model.onnx"))
        for given in "float32", "float64":
            seen = scores_of(path("model.onnx"), IMAGES.astype(given))
            check("%s compute the same scores from %s images" % (what, given), close(seen), seen)
        again = exported(None)
        check(what + " come back bit for bit", same_initializers(network(kind), again))
        check("inputs and outputs of %s networks keep their type" % kind_name,
              [v.type.tensor_type.elem_type for v in (*again.graph.input, *again.graph.output)] == [kind] * 2)
    pruned = exported(None, *halved("all"))
    check("a pruned network of type %s stays so, with fewer filters" % kind_name,
          all(t.data_type == kind for t in pruned.graph.initializer) and list(initializers(pruned)["first.weight"].dims)[0] == 4)

# Rounding, where the trained or scaled weights are no longer of the file's type
halves = {n: (v * numpy.float32(1.37)).astype("<f2") for n, v in WEIGHTS.items()}
onnx.save(network(TensorProto.FLOAT16, weights=halves), path("model.onnx"))
again = exported(None)
check("every half is read and written exactly", all(initializers(again)[n].raw_data == v.tobytes() for n, v in halves.items()))

# onnxruntime computes halves as halves: 11 bits
model = network(TensorProto.FLOAT16)
model.graph.node.insert(0, helper.make_node("Cast", ["pixels"], ["image"], "to half", to=TensorProto.FLOAT16))
model.graph.node.append(helper.make_node("Cast", ["scores"], ["out"], "to float", to=TensorProto.FLOAT))
model.graph.input[0].name, model.graph.output[0].name = "pixels", "out"
for value in (*model.graph.input, *model.graph.output):
    value.type.tensor_type.elem_type = TensorProto.FLOAT
exported(model, full_check=True)
check("a network of halves between casts computes the same", close(scores_of(path("again.onnx"))))
check_onnxruntime("a network of halves between casts", path("again.onnx"), tolerance=1e-2)

# Batch
for what, batch in ("called batch_size", "batch_size"), ("without a name", ""), ("left out", None), ("fixed to 4", 4), ("fixed to 1", 1):
    model = network(batch=batch)
    again = exported(model, full_check=True)
    check("a batch axis %s opens and computes" % what, close(scores_of(path("model.onnx"))))
    check("a batch axis %s comes back so" % what,
          [str(v.type) for v in (*again.graph.input, *again.graph.output)] == [str(v.type) for v in (*model.graph.input, *model.graph.output)])
    images = IMAGES[:1] if batch == 1 else IMAGES
    check_onnxruntime("a batch axis " + what, path("again.onnx"), images, EXPECTED[:len(images)])

# Opsets and IR versions
for opset, ir in (7, 3), (8, 3), (9, 4), (10, 5), (11, 6), (12, 7), (13, 8), (14, 8), (15, 8), (16, 8), (17, 8):
    again = exported(network(opset=opset, ir=ir), *halved("first"))
    check("opset %d and IR version %d are kept" % (opset, ir), (again.opset_import[0].version, again.ir_version) == (opset, ir))
for opset, ir in (18, 9), (19, 9), (20, 9), (21, 10):  # newer than this Python's onnx may be
    onnx.save(network(opset=opset, ir=ir), path("model.onnx"))
    commands("open " + path("model.onnx"), "export " + path("again.onnx"))
    again = onnx.load(path("again.onnx"))
    check("opset %d and IR version %d are kept" % (opset, ir), (again.opset_import[0].version, again.ir_version) == (opset, ir))
    check("opset %d computes the same" % opset, close(scores_of(path("model.onnx"))))
for opset, ir, what in (6, 3, "opset is 6"), (22, 10, "opset is 22"), (13, 2, "IR version is 2"), (13, 99, "IR version is 99"):
    onnx.save(network(opset=opset, ir=ir), path("model.onnx"))
    done = run("-c", "open " + path("model.onnx"))
    check("a file whose %s is refused" % what, done.returncode == 1 and what in done.stderr, done.stderr)

# Weights elsewhere than in initializers
model = network()
constants = {t.name: helper.make_node("Constant", [], [t.name], "constant of " + t.name, value=t) for t in model.graph.initializer}
model.graph.node.extend([constants[n] for n in ("first.weight", "norm.mean")])
ordered = [constants[n] for n in constants] + list(network().graph.node)
del model.graph.node[:]
model.graph.node.extend(ordered)
del model.graph.initializer[:]
again = exported(model, full_check=True)
check("weights in Constant nodes compute the same", close(scores_of(path("model.onnx"))))
check("weights in Constant nodes can be pruned", list(initializers(exported(model, *halved("first")))["first.weight"].dims)[0] == 4)
model = network()
for name, given in (("last.bias", {"value_floats": WEIGHTS["last.bias"].tolist()}), ("norm.bias", {"value_floats": WEIGHTS["norm.bias"].tolist()})):
    model.graph.initializer.remove(initializers(model)[name])
    model.graph.node.insert(0, helper.make_node("Constant", [], [name], **given))
model.graph.node.insert(0, helper.make_node("Constant", [], ["two"], value_float=2.0))
model.graph.node.insert(1, helper.make_node("Constant", [], ["shape"], value_ints=[0, 6]))
model.graph.node[-1].input[0] = "f2"
model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Mul", ["f", "two"], ["fm"]))
model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Div", ["fm", "two"], ["fd"]))
model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Reshape", ["fd", "shape"], ["f2"]))
onnx.checker.check_model(model, full_check=True)
onnx.save(model, path("model.onnx"))
done, _ = try_commands("open " + path("model.onnx"))
check("constants given as value_float, value_floats and value_ints open", done.returncode == 0, done.stderr)
numpy.save(path("in.npy"), IMAGES)
done, _ = try_commands("open " + path("model.onnx"), "infer %s %s" % (path("in.npy"), path("out.npy")))
if check("constants given as value_float, value_floats and value_ints run", done.returncode == 0, done.stderr):
    check("and compute the same", close(numpy.load(path("out.npy"))))

for ir in 3, 7:
    model = network(ir=ir)
    for t in model.graph.initializer:
        if ir == 3 or t.name == "last.bias":
            model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, t.dims))
    again = exported(model, full_check=True)
    check("initializers that are inputs too stay so (IR version %d)" % ir, [i.name for i in again.graph.input] == [i.name for i in model.graph.input])
    check("and compute the same (IR version %d)" % ir, close(scores_of(path("model.onnx"))))
    pruned = exported(model, *halved("first"), full_check=True)
    check("and have their new shapes when pruned (IR version %d)" % ir,
          all(list(initializers(pruned)[i.name].dims) == [d.dim_value for d in i.type.tensor_type.shape.dim]
              for i in pruned.graph.input if i.name in initializers(pruned)))

# External data
def external(model, subfolder, **how):
    os.makedirs(path(subfolder), exist_ok=True)
    model = onnx.load_from_string(model.SerializeToString())
    onnx.save_model(model, path(subfolder + "/model.onnx"), save_as_external_data=True, size_threshold=0, **how)
    return path(subfolder + "/model.onnx")


for what, how in ("one file of data", {"location": "weights.bin"}), ("a file of data for each tensor", {"all_tensors_to_one_file": False}):
    place = external(network(), what.replace(" ", "-"), **how)
    check("a network with %s computes the same" % what, close(scores_of(place)))
    commands("open " + place, "export " + path("again.onnx"))
    check("a network with %s is exported as one file" % what, same_initializers(network(), onnx.load(path("again.onnx"))))
    check_onnxruntime("a network that came with " + what, path("again.onnx"))
relative = run("-c", "open model.onnx", cwd=os.path.dirname(place))
check("external data is found beside a model named without its folder", relative.returncode == 0, relative.stderr)
place = external(network(TensorProto.FLOAT16), "half", location="weights.bin")
check("halves in external data compute the same", close(scores_of(place)))

# Everything else that a file says
marked = network()


def mark(message, text):
    """A field that no version of ONNX has, with a text that must come back."""
    message.MergeFromString(bytes([0xaa, 0xfa, 0x01, len(text)]) + text.encode())


def marks(message, text):
    return text.encode() in message.SerializeToString()


marked.doc_string, marked.domain, marked.model_version, marked.producer_version = "of the model", "org.example", 12, "3.4"
helper.set_model_props(marked, {"classes": "a,b,c", "empty": ""})
marked.opset_import.append(helper.make_opsetid("org.example", 2))
marked.graph.doc_string = "of the graph"
for node_proto in marked.graph.node:
    node_proto.doc_string = "of node " + node_proto.name
    mark(node_proto, "unknown of node " + node_proto.name)
for tensor_proto in marked.graph.initializer:
    tensor_proto.doc_string = "of tensor " + tensor_proto.name
    mark(tensor_proto, "unknown of tensor " + tensor_proto.name)
for value in (*marked.graph.input, *marked.graph.output):
    value.doc_string = "of value " + value.name
    value.type.denotation = "IMAGE"
    value.type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    mark(value, "unknown of value " + value.name)
for attribute in marked.graph.node[0].attribute:
    attribute.doc_string = "of attribute " + attribute.name
    mark(attribute, "unknown of attribute " + attribute.name)
mark(marked, "unknown of model")
mark(marked.graph, "unknown of graph")
marked.graph.quantization_annotation.add(tensor_name="first.weight").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="norm.var")
marked.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, ["N", 8, 9, 9]))
marked.functions.append(helper.make_function("org.example", "Twice", ["X"], ["Y"], [helper.make_node("Add", ["X", "X"], ["Y"])],
                                             [helper.make_opsetid("", 13)]))
marked.training_info.add().algorithm.name = "trained"
onnx.save(marked, path("model.onnx"))
for what, between in ("as it was opened", ()), ("pruned", halved("first")):
    commands("open " + path("model.onnx"), *between, "export " + path("again.onnx"))
    again = onnx.load(path("again.onnx"))
    for field in "ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string":
        check("a network %s keeps %s" % (what, field), getattr(again, field) == getattr(marked, field), getattr(again, field))
    check("a network %s keeps metadata, opsets, functions and training" % what,
          all(list(getattr(again, f)) == list(getattr(marked, f)) for f in ("metadata_props", "opset_import", "functions", "training_info")))
    check("a network %s keeps the graph's texts and annotations" % what,
          (again.graph.name, again.graph.doc_string) == ("small", "of the graph")
          and list(again.graph.quantization_annotation) == list(marked.graph.quantization_annotation))
    check("a network %s keeps nodes, names, attributes and what is written about them" % what,
          [n.SerializeToString(deterministic=True) for n in again.graph.node] == [n.SerializeToString(deterministic=True) for n in marked.graph.node],
          again.graph.node)
    check("a network %s keeps inputs and outputs and what is written about them" % what,
          [str(v) for v in (*again.graph.input, *again.graph.output)] == [str(v) for v in (*marked.graph.input, *marked.graph.output)])
    check("a network %s keeps what is written about its tensors" % what,
          all(t.doc_string == "of tensor " + t.name and marks(t, "unknown of tensor " + t.name) for t in again.graph.initializer))
    check("a network %s keeps unknown fields" % what,
          marks(again, "unknown of model") and marks(again.graph, "unknown of graph")
          and all(marks(n, "unknown of node " + n.name) for n in again.graph.node)
          and all(marks(v, "unknown of value " + v.name) for v in (*again.graph.input, *again.graph.output))
          and all(marks(a, "unknown of attribute " + a.name) for a in again.graph.node[0].attribute))
    check("a network %s says nothing of shapes that are no longer so" % what,
          not [v for v in again.graph.value_info if v.name == "a" and v.type.tensor_type.shape.dim[1].dim_value
               != initializers(again)["first.weight"].dims[0]])
first = open(path("model.onnx"), "rb").read()
commands("open " + path("model.onnx"), "export " + path("again.onnx"), "open " + path("again.onnx"), "export " + path("twice.onnx"))
check("exporting an export changes no byte", open(path("again.onnx"), "rb").read() == open(path("twice.onnx"), "rb").read())
commands("open " + path("again.onnx"), "save " + path("kept.thinet"))
commands("load " + path("kept.thinet"), "export " + path("twice.onnx"))
check("nor does keeping the network in a session", open(path("again.onnx"), "rb").read() == open(path("twice.onnx"), "rb").read())

# Files so large that they are mapped hold small tensors in nodes as well, which are not in the mapping.
wide = numpy.zeros((2100, 2048), numpy.float32)
wide[:, :6] = numbers(2100, 6)
shift = numbers(2100)
inputs = numpy.zeros((2, 2048), numpy.float32)
inputs[:, :6] = numbers(2, 6)
mapped = helper.make_model(helper.make_graph(
    [helper.make_node("Constant", [], ["shift"], value=numpy_helper.from_array(shift)),
     helper.make_node("Gemm", ["x", "wide.weight"], ["product"], transB=1),
     helper.make_node("Add", ["product", "shift"], ["y"])],
    "wide", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2048])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2100])],
    [numpy_helper.from_array(wide, "wide.weight")]), opset_imports=[helper.make_opsetid("", 13)])
mapped.ir_version = 7
onnx.save(mapped, path("mapped.onnx"))
numpy.save(path("wide.npy"), inputs)
check("the file is one that is mapped", os.path.getsize(path("mapped.onnx")) > 16 << 20)
commands("open " + path("mapped.onnx"), "infer %s %s" % (path("wide.npy"), path("out.npy")))
check("a mapped file's nodes keep their tensors", close(numpy.load(path("out.npy")), inputs @ wide.T + shift, 1e-5))
finish()
