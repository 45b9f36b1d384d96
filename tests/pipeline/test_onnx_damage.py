"""A corpus of files that are wrong, made here: the program names the file and, where there is one, the node; it ends with
exit status 1, does not crash, and takes no memory beyond what the file is worth. Files of doubtful sense may also open."""

import os
import random
import resource
import subprocess

from thinet import PROGRAM, QUICK, check, environment, finish, scratch, skip_all

try:
    import numpy
    import onnx
    from onnx import AttributeProto, TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)

folder = scratch()
SANITIZED = QUICK  # their own memory counts too
ALL = bool(os.environ.get("TN_TEST_ALL"))  # ways to spoil operators: minutes, otherwise some of them
MOST_MEMORY = 2 << 30


def path(name):
    return os.path.join(folder, name)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def attempt(place, *more):
    """Exit status and error of opening a file, and of showing what is in it."""
    arguments = [PROGRAM, "-c", "open " + place, "-c", "layers", "-c", "groups scope=all", "-c", "summary"]
    for line in more:
        arguments += ["-c", line]
    done = subprocess.run(arguments, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          timeout=120, preexec_fn=None if SANITIZED else limit_memory)
    return done.returncode, done.stderr.decode(errors="replace")


def told(status, error, place):
    """One line that names the file, and no crash."""
    return (status == 1 and error.count("\n") == 1 and error.startswith("thinet-tui: ") and os.path.basename(place) in error
            and "Sanitizer" not in error and "runtime error" not in error)


def refused(name, place, *words):
    status, error = attempt(place)
    check("%s: refused, and told why" % name, told(status, error, place) and all(w in error for w in words), "status %d: %s" % (status, error[-2000:]))


def survived(name, places, most_opened=None):
    """Many files: each opens or is refused as it should be."""
    opened, bad = 0, []
    for place in places:
        status, error = attempt(place)
        opened += status == 0
        if not (status == 0 or told(status, error, place)):
            bad.append("%s: status %d: %s" % (place, status, error[-1500:]))
        os.remove(place)
    check(name, not bad and (most_opened is None or opened <= most_opened), "\n".join(bad[:5]) or "%d opened" % opened)
    print("# %s: %d opened" % (name, opened))


rng = numpy.random.default_rng(8)


def numbers(*shape):
    return rng.standard_normal(shape).astype(numpy.float32)


def small():
    weights = {"first.weight": numbers(4, 3, 3, 3), "first.bias": numbers(4), "norm.weight": numbers(4), "norm.bias": numbers(4),
               "norm.mean": numbers(4), "norm.var": numpy.abs(numbers(4)) + 1, "second.weight": numbers(6, 4, 3, 3),
               "shape": numpy.array([0, -1]), "last.weight": numbers(5, 6), "last.bias": numbers(5)}
    nodes = [helper.make_node("Conv", ["image", "first.weight", "first.bias"], ["a"], "first", pads=[1, 1, 1, 1], strides=[1, 1],
                              dilations=[1, 1], group=1, kernel_shape=[3, 3]),
             helper.make_node("BatchNormalization", ["a", "norm.weight", "norm.bias", "norm.mean", "norm.var"], ["b"], "norm", epsilon=1e-5),
             helper.make_node("Relu", ["b"], ["c"], "relu"),
             helper.make_node("MaxPool", ["c"], ["d"], "pool", kernel_shape=[2, 2], strides=[1, 1]),
             helper.make_node("Conv", ["d", "second.weight"], ["e"], "second", strides=[2, 2]),
             helper.make_node("GlobalAveragePool", ["e"], ["f"], "mean"),
             helper.make_node("Reshape", ["f", "shape"], ["g"], "flat"),
             helper.make_node("Gemm", ["g", "last.weight", "last.bias"], ["scores"], "last", transB=1)]
    graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
                              [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 5])],
                              [numpy_helper.from_array(v, n) for n, v in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="test")
    model.ir_version = 7
    return model


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.SerializeToString())
    return path(name)


def node_of(model, name):
    return [n for n in model.graph.node if n.name == name][0]


def tensor_of(model, name):
    return [t for t in model.graph.initializer if t.name == name][0]


right = small()
onnx.checker.check_model(right, full_check=True)
status, error = attempt(write("right.onnx", right))
check("the network that all others are damaged from opens", status == 0, error)
data = right.SerializeToString()

# The file's bytes
for percent in range(0, 100, 10 if QUICK else 1):
    status, error = attempt(write("cut.onnx", data[:len(data) * percent // 100]))
    if not told(status, error, "cut.onnx"):
        check("a file cut at %d %% is refused" % percent, False, "status %d: %s" % (status, error))
        break
else:
    check("a file cut at every 1 % is refused", True)

flips = random.Random(31)


def flipped(number):
    for i in range(number):
        wrong = bytearray(data)
        for _ in range(flips.randint(1, 3)):
            wrong[flips.randrange(len(wrong))] ^= flips.randint(1, 255)
        yield write("flipped%d.onnx" % i, bytes(wrong))


survived("bytes flipped", flipped(25 if QUICK else 250))
refused("a text", write("text.onnx", b"this is no network\n"), "not an ONNX model")
refused("an empty file", write("empty.onnx", b""), "empty")
refused("a picture", write("picture.onnx", b"\x89PNG\r\n\x1a\n" + bytes(100)), "not an ONNX model")
refused("zeros", write("zeros.onnx", bytes(4096)))
os.mkfifo(path("pipe.onnx"))
refused("a pipe", path("pipe.onnx"), "regular")
os.mkdir(path("folder.onnx"))
refused("a folder", path("folder.onnx"), "folder")
os.symlink("loop.onnx", path("loop.onnx"))
refused("a link to itself", path("loop.onnx"))
with open(path("hole.onnx"), "wb") as file:  # a terabyte that takes no room on the disk
    file.write(data[:100])
    file.truncate(1 << 40)
refused("a hole of a terabyte", path("hole.onnx"))
nested = b""
for _ in range(20000):  # a message in a message in a message
    size, length = len(nested), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    nested = b"\x3a" + length + bytes([size]) + nested
refused("messages inside messages without end", write("nested.onnx", b"\x08\x07" + nested))


# What the file says
def damaged(name, change, *words):
    model = small()
    change(model)
    refused(name, write(name.replace(" ", "-").replace("/", "-") + ".onnx", model), *words)


def setting(function, *arguments):
    return lambda model: function(model, *arguments)


def rename_input(model, node, index, to):
    node_of(model, node).input[index] = to


def rename_output(model, node, to):
    node_of(model, node).output[0] = to


def set_dims(model, tensor, *dims):
    del tensor_of(model, tensor).dims[:]
    tensor_of(model, tensor).dims.extend(dims)


def set_input_dim(model, index, size):
    model.graph.input[0].type.tensor_type.shape.dim[index].dim_value = size


def set_type(model, tensor, kind):
    tensor_of(model, tensor).data_type = kind


def set_raw(model, tensor, raw):
    tensor_of(model, tensor).raw_data = raw


HUGE = 1 << 40
damaged("a cycle", setting(rename_input, "relu", 0, "e"), "'relu'", "cycle")
damaged("a node that reads itself", setting(rename_input, "relu", 0, "c"), "'relu'", "cycle")
damaged("a missing tensor", setting(rename_input, "second", 1, "nowhere"), "'second'", "'nowhere'")
damaged("a missing activation", setting(rename_input, "second", 0, "nowhere"), "'second'", "'nowhere'")
damaged("a name made twice", setting(rename_output, "relu", "b"), "'relu'", "'b'")
damaged("an output called as a weight", setting(rename_output, "relu", "last.bias"), "'relu'", "'last.bias'")
damaged("an output called as the input", setting(rename_output, "relu", "image"), "'relu'", "'image'")
damaged("two tensors of one name", lambda m: m.graph.initializer.add().CopyFrom(tensor_of(m, "norm.mean")), "'norm.mean'")
damaged("two inputs of one name", lambda m: m.graph.input.add().CopyFrom(m.graph.input[0]), "'image'")
damaged("two outputs of one name", lambda m: m.graph.output.add().CopyFrom(m.graph.output[0]), "'scores'")
damaged("no inputs", lambda m: m.graph.ClearField("input"))
damaged("no outputs", lambda m: m.graph.ClearField("output"))
damaged("no nodes", lambda m: m.graph.ClearField("node"), "'scores'")
damaged("no network", lambda m: m.ClearField("graph"), "no network")
damaged("no opset", lambda m: m.ClearField("opset_import"), "opset")
damaged("an output that nothing makes", lambda m: setattr(m.graph.output[0], "name", "nowhere"), "'nowhere'")
damaged("an input without a name", lambda m: setattr(m.graph.input[0], "name", ""))
damaged("a tensor without a name", lambda m: setattr(tensor_of(m, "norm.var"), "name", ""))
damaged("a node without an operator", lambda m: setattr(node_of(m, "relu"), "op_type", ""), "'relu'")
damaged("an attribute without a name", lambda m: setattr(node_of(m, "second").attribute[0], "name", ""), "'second'")
damaged("an attribute twice", lambda m: node_of(m, "second").attribute.add().CopyFrom(node_of(m, "second").attribute[0]), "'second'", "twice")
damaged("an input of no type", lambda m: m.graph.input[0].ClearField("type"), "'image'")
damaged("an input of no shape", lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "'image'")
damaged("an input of texts", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING), "'image'")
damaged("an input of an unknown type", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 1000), "'image'")
damaged("an input that is a sequence", lambda m: m.graph.input[0].type.sequence_type.elem_type.tensor_type.CopyFrom(m.graph.input[0].type.tensor_type), "'image'")
damaged("an input of open height", lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_param", "H"), "'image'", "'H'")
damaged("an input of negative height", setting(set_input_dim, 2, -8), "'image'")
damaged("an input of no height", setting(set_input_dim, 2, 0), "'image'")
damaged("an input of wild height", setting(set_input_dim, 2, HUGE), "'image'")
damaged("an input of other channels", setting(set_input_dim, 1, 5), "'first'")
damaged("an image smaller than the kernel", setting(set_input_dim, 2, 2), "'second'")
for tensor in "first.weight", "first.bias", "norm.var", "shape", "last.weight":
    damaged("wild dimensions of " + tensor, setting(set_dims, tensor, *[HUGE] * len(tensor_of(right, tensor).dims)), "'%s'" % tensor)
    damaged("negative dimensions of " + tensor, setting(set_dims, tensor, *[-d for d in tensor_of(right, tensor).dims]), "'%s'" % tensor)
    damaged("too much data of " + tensor, setting(set_raw, tensor, tensor_of(right, tensor).raw_data + bytes(8)), "'%s'" % tensor)
    damaged("too little data of " + tensor, setting(set_raw, tensor, tensor_of(right, tensor).raw_data[:-1]), "'%s'" % tensor)
    damaged("no data of " + tensor, lambda m, t=tensor: tensor_of(m, t).ClearField("raw_data"), "'%s'" % tensor)
    for kind in TensorProto.STRING, TensorProto.COMPLEX64, 0, 17, 22, -1, 1 << 30:
        damaged("type %d of %s" % (kind, tensor), setting(set_type, tensor, kind), "'%s'" % tensor)
damaged("a tensor of 2^40 dimensions of one", setting(set_dims, "first.bias", *[1] * 1000), "'first.bias'")
damaged("dimensions that overflow to the right size", setting(set_dims, "first.bias", 1 << 62, 1 << 62, 4), "'first.bias'")
damaged("dimensions that multiply to nothing", setting(set_dims, "first.weight", HUGE, HUGE, HUGE, 0), "'first.weight'")
damaged("integers as weights", lambda m: tensor_of(m, "first.weight").CopyFrom(numpy_helper.from_array(numpy.ones((4, 3, 3, 3), numpy.int64), "first.weight")), "'first'")
damaged("floats as a shape", lambda m: tensor_of(m, "shape").CopyFrom(numpy_helper.from_array(numpy.zeros(2, numpy.float32), "shape")), "'flat'")
damaged("weights of another rank", lambda m: tensor_of(m, "first.weight").CopyFrom(numpy_helper.from_array(numbers(4, 27), "first.weight")), "'first'")
damaged("a bias of another length", lambda m: tensor_of(m, "first.bias").CopyFrom(numpy_helper.from_array(numbers(5), "first.bias")), "'first'")
damaged("statistics of another length", lambda m: tensor_of(m, "norm.var").CopyFrom(numpy_helper.from_array(numbers(5), "norm.var")), "'norm'")
damaged("features that do not fit", lambda m: tensor_of(m, "last.weight").CopyFrom(numpy_helper.from_array(numbers(5, 7), "last.weight")), "'last'")
damaged("a shape that does not fit", lambda m: tensor_of(m, "shape").CopyFrom(numpy_helper.from_array(numpy.array([0, 7]), "shape")))


def add_sparse(model):
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(numpy_helper.from_array(numbers(1), "thin.weight"))
    sparse.indices.CopyFrom(numpy_helper.from_array(numpy.array([0]), ""))
    sparse.dims.extend([100])


damaged("a sparse tensor", add_sparse, "'thin.weight'", "sparse")
zero = b"norm\0tail"
for what, old in ("node", b"norm"), ("tensor", b"norm.mean"), ("operator", b"Relu"), ("input", b"image"):
    new = old[:2] + b"\0" + old[3:]
    refused("a zero byte in the name of a " + what, write("zero-%s.onnx" % what, data.replace(old, new)), "zero byte")
    refused("the name of a %s that is no UTF-8" % what, write("utf8-%s.onnx" % what, data.replace(old, old[:2] + b"\xff" + old[3:])), "UTF-8")


# External data
def external(location="data.bin", offset=None, length=None, size=192, **more):
    """The small network, with the weights of "last.weight" (120 bytes) elsewhere."""
    model = small()
    tensor = tensor_of(model, "last.weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in dict(location=location, offset=offset, length=length, **more).items():
        if text is not None:
            tensor.external_data.add(key=key, value=str(text))
    return model


os.makedirs(path("inner/deeper"))
for name, size in ("inner/data.bin", 192), ("inner/short.bin", 100), ("inner/deeper/data.bin", 192), ("outside.bin", 192):
    with open(path(name), "wb") as file:
        file.write(bytes(size))
os.symlink("../outside.bin", path("inner/link.bin"))
os.symlink("data.bin", path("inner/inside.bin"))
os.symlink("..", path("inner/up"))
os.symlink("deeper", path("inner/down"))
os.symlink("nothing", path("inner/dangling.bin"))
os.symlink("circle.bin", path("inner/circle.bin"))
os.mkfifo(path("inner/pipe.bin"))
os.makedirs(path("inner-twin"))
with open(path("inner-twin/data.bin"), "wb") as file:
    file.write(bytes(192))
for what, given in (("in its folder", {}), ("at an offset", dict(offset=72)), ("with its length", dict(offset=8, length=120)),
                    ("deeper", dict(location="deeper/data.bin")), ("called in a roundabout way", dict(location="./deeper//data.bin")),
                    ("behind a link that stays inside", dict(location="inside.bin")), ("behind a folder's link that stays inside", dict(location="down/data.bin")),
                    ("with a checksum", dict(checksum="0" * 40))):
    status, error = attempt(write("inner/good.onnx", external(**given)))
    check("external data %s is read" % what, status == 0, error)
for what, word, given in (
        ("without a place", "not name", dict(location=None)), ("of no name", "folder", dict(location="")),
        ("by an absolute path", "folder", dict(location=path("inner/data.bin"))), ("of the system", "folder", dict(location="/etc/passwd")),
        ("above", "folder", dict(location="../outside.bin")), ("above and back", "folder", dict(location="../inner/data.bin")),
        ("above, further on", "folder", dict(location="deeper/../../outside.bin")), ("in a folder of a similar name", "folder", dict(location="../inner-twin/data.bin")),
        ("behind a link that leads out", "link", dict(location="link.bin")), ("behind a folder's link that leads out", "link", dict(location="up/outside.bin")),
        ("behind a link to nothing", "dangling.bin", dict(location="dangling.bin")), ("behind a link to itself", "circle.bin", dict(location="circle.bin")),
        ("that is not there", "missing.bin", dict(location="missing.bin")), ("that is a folder", "folder", dict(location="deeper")),
        ("that is its own folder", "folder", dict(location=".")), ("that is a pipe", "regular", dict(location="pipe.bin")),
        ("that is too short", "100 bytes", dict(location="short.bin")), ("past the end", "192", dict(offset=73)), ("far past the end", "192", dict(offset=1 << 62)),
        ("of another length", "dimensions", dict(length=119)), ("of no length", "dimensions", dict(length=0)), ("of wild length", "dimensions", dict(length=1 << 62)),
        ("at a negative offset", "offset", dict(offset=-1)), ("at an offset beyond numbers", "offset", dict(offset=1 << 70)),
        ("at an offset in words", "offset", dict(offset="eight")), ("at an empty offset", "offset", dict(offset="")), ("of a length in hexadecimal", "length", dict(length="0x78"))):
    refused("external data " + what, write("inner/bad.onnx", external(**given)), "'last.weight'", word)
model = external()
set_dims(model, "last.weight", 1 << 40, 6)
refused("external data of wild dimensions", write("inner/bad.onnx", model), "'last.weight'")
model = external(location="hole.bin")
with open(path("inner/hole.bin"), "wb") as file:
    file.truncate(1 << 24)
set_type(model, "last.weight", TensorProto.DOUBLE)
set_dims(model, "last.weight", 1 << 21)
for i in range(3000):  # 6 TB of memory out of a file of 16 MB, 300 KB of model
    model.graph.initializer.add().CopyFrom(tensor_of(model, "last.weight"))
    model.graph.initializer[-1].name = "copy%d" % i
refused("external data taken again and again", write("inner/bad.onnx", model), "times")


# Subgraphs
def branch(name, inputs=("c",), depth=0):
    nodes = [helper.make_node("Relu", [inputs[0]], [name + "_out"])]
    if depth:
        inner = branch(name + "_", inputs, depth - 1)
        nodes = [helper.make_node("If", ["cond"], [name + "_out"], then_branch=inner, else_branch=inner)]
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name + "_out", TensorProto.FLOAT, None)])


def control_flow(model, depth=0, inputs=("c",)):
    model.graph.initializer.append(numpy_helper.from_array(numpy.array(True), "cond"))
    index = [n.name for n in model.graph.node].index("pool")
    then = branch("then", inputs, depth)
    model.graph.node.insert(index, helper.make_node("If", ["cond"], ["chosen"], "choice", then_branch=then, else_branch=branch("else", inputs)))
    node_of(model, "pool").input[0] = "chosen"


damaged("subgraphs too deep", lambda m: control_flow(m, 12), "'choice'", "deep")


def self_reference(model):
    control_flow(model, 0, ("chosen",))


damaged("a subgraph that reads what its node makes", self_reference, "'choice'")


def spoil_subgraph(model):
    control_flow(model)
    raw = model.SerializeToString()
    place = raw.index(b"then_out")
    return raw[:place - 1] + b"\xff" + raw[place:]


model = small()
refused("a damaged subgraph", write("subgraph.onnx", spoil_subgraph(model)))


# Attributes: every operator that has some, with every one of them spoiled in every way
def single(op, inputs, constants=(), opset=13, outputs=1, shape=(4, 6, 6), **given):
    names = ["x"] * inputs + ["k%d" % i for i in range(len(constants))]
    nodes = [helper.make_node("Relu", ["image"], ["x"], "before"),
             helper.make_node(op, names, ["y%d" % i for i in range(outputs)], "spoiled", **given)]
    graph = helper.make_graph(nodes, "one", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *shape])],
                              [helper.make_tensor_value_info("y0", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(c, "k%d" % i) for i, c in enumerate(constants)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 7
    return model


f32 = numpy.float32
OPERATORS = [
    ("Conv", dict(inputs=1, constants=[numbers(6, 2, 3, 3), numbers(6)], kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=2, auto_pad="NOTSET")),
    ("ConvTranspose", dict(inputs=1, constants=[numbers(4, 3, 3, 3), numbers(6)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], dilations=[1, 1], group=2, auto_pad="NOTSET", output_shape=[12, 12])),
    ("MaxPool", dict(inputs=1, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], dilations=[1, 1], ceil_mode=1, storage_order=0, auto_pad="NOTSET")),
    ("AveragePool", dict(inputs=1, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1, auto_pad="NOTSET")),
    ("BatchNormalization", dict(inputs=1, constants=[numbers(4)] * 4, epsilon=1e-5, momentum=0.9, training_mode=0, opset=14)),
    ("InstanceNormalization", dict(inputs=1, constants=[numbers(4)] * 2, epsilon=1e-5)),
    ("LayerNormalization", dict(inputs=1, constants=[numbers(6)] * 2, axis=-1, epsilon=1e-5, stash_type=1, opset=17)),
    ("LRN", dict(inputs=1, size=3, alpha=1e-4, beta=0.75, bias=1.0)),
    ("Gemm", dict(inputs=1, constants=[numbers(6, 5), numbers(5)], alpha=1.0, beta=1.0, transA=0, transB=0, shape=(6,))),
    ("LeakyRelu", dict(inputs=1, alpha=0.1)), ("Elu", dict(inputs=1, alpha=0.1)), ("Selu", dict(inputs=1, alpha=1.6, gamma=1.05)),
    ("Celu", dict(inputs=1, alpha=0.1)), ("HardSigmoid", dict(inputs=1, alpha=0.2, beta=0.5)),
    ("Clip", dict(inputs=1, min=0.0, max=6.0, opset=10)), ("Softmax", dict(inputs=1, axis=1)), ("LogSoftmax", dict(inputs=1, axis=1)),
    ("Dropout", dict(inputs=1, ratio=0.5, opset=11)), ("Cast", dict(inputs=1, to=1)),
    ("ReduceMean", dict(inputs=1, axes=[2, 3], keepdims=1)), ("ReduceMax", dict(inputs=1, axes=[2, 3], keepdims=1)),
    ("ReduceSum", dict(inputs=1, axes=[2, 3], keepdims=1, opset=11)),
    ("Slice", dict(inputs=1, starts=[0], ends=[2], axes=[1], opset=9)), ("Pad", dict(inputs=1, pads=[0, 1, 0, 0, 0, 1, 0, 0], mode="constant", value=0.0, opset=10)),
    ("Split", dict(inputs=1, axis=1, split=[1, 3], outputs=2, opset=11)), ("Concat", dict(inputs=2, axis=1)),
    ("Gather", dict(inputs=1, constants=[numpy.array([0, 2])], axis=1)), ("Transpose", dict(inputs=1, perm=[0, 2, 3, 1])),
    ("Reshape", dict(inputs=1, constants=[numpy.array([0, -1])], allowzero=0, opset=14)), ("Flatten", dict(inputs=1, axis=1)),
    ("Squeeze", dict(inputs=1, axes=[2], opset=11, shape=(4, 1, 6))), ("Unsqueeze", dict(inputs=1, axes=[2], opset=11)),
    ("Upsample", dict(inputs=1, constants=[numpy.array([1, 1, 2, 2], f32)], mode="nearest", opset=9)),
    ("Resize", dict(inputs=1, constants=[numpy.array([], f32), numpy.array([1, 1, 2, 2], f32)], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor", cubic_coeff_a=-0.75, exclude_outside=0, extrapolation_value=0.0)),
    ("DepthToSpace", dict(inputs=1, blocksize=2, mode="DCR")), ("SpaceToDepth", dict(inputs=1, blocksize=2)),
    ("Shape", dict(inputs=1, start=0, end=2, opset=15)), ("Gelu", dict(inputs=1, approximate="tanh", opset=20)),
    ("ArgMax", dict(inputs=1, axis=1, keepdims=1)), ("MatMul", dict(inputs=1, constants=[numbers(6, 3)])),
    ("Add", dict(inputs=1, constants=[numbers(4, 1, 1)])), ("Div", dict(inputs=1, constants=[numbers(4, 1, 1)])),
    ("PRelu", dict(inputs=1, constants=[numbers(4, 1, 1)])), ("Expand", dict(inputs=1, constants=[numpy.array([1, 4, 6, 6])])),
    ("Slice", dict(inputs=1, constants=[numpy.array([0]), numpy.array([2]), numpy.array([1]), numpy.array([1])])),
    ("Pad", dict(inputs=1, constants=[numpy.array([0, 1, 0, 0, 0, 1, 0, 0]), numpy.array(0.0, f32)])),
    ("Split", dict(inputs=1, constants=[numpy.array([1, 3])], axis=1, outputs=2)),
    ("ReduceSum", dict(inputs=1, constants=[numpy.array([2, 3])], keepdims=1)),
    ("ReduceMean", dict(inputs=1, constants=[numpy.array([2, 3])], keepdims=1, opset=18)),
    ("Squeeze", dict(inputs=1, constants=[numpy.array([2])], shape=(4, 1, 6))), ("Unsqueeze", dict(inputs=1, constants=[numpy.array([2])])),
    ("Clip", dict(inputs=1, constants=[numpy.array(0.0, f32), numpy.array(6.0, f32)])),
    ("ConstantOfShape", dict(inputs=0, constants=[numpy.array([2, 3])], value=numpy_helper.from_array(numpy.array([1], f32)))),
    ("Range", dict(inputs=0, constants=[numpy.array(0), numpy.array(4), numpy.array(1)])),
    ("Tile", dict(inputs=1, constants=[numpy.array([1, 1, 2, 2])])), ("Where", dict(inputs=2, constants=[numpy.array([True])])),
]
EXTREMES = [-(1 << 63), (1 << 63) - 1, -1, 0, 1 << 40, 7, -9]


def spoiled_attribute(attribute):
    """All that an attribute could wrongly be."""
    wrongs = [helper.make_attribute(attribute.name, v) for v in (1.5, [1.5, 2.5], "words", [b"a", b"b"], numpy_helper.from_array(numbers(2)), [float("nan")] * 4)]
    wrongs += [helper.make_attribute(attribute.name, v) for v in EXTREMES]
    for n in 1, 2, 3, 4, 5, 8, 300:
        wrongs += [helper.make_attribute(attribute.name, [v] * n) for v in EXTREMES]
    empty = AttributeProto(name=attribute.name, type=AttributeProto.INTS)
    strange = AttributeProto()
    strange.ParseFromString(AttributeProto(name=attribute.name).SerializeToString() + b"\xa0\x01\x63")  # type 99
    graph = AttributeProto(name=attribute.name, type=AttributeProto.GRAPH)
    return wrongs + [empty, strange, graph]


def spoiled_constant(values):
    wrongs = [numpy.array(v) for v in (1.5, -1, [])] + [numpy.zeros((1,) * 9, f32), numpy.array([1, 2, 3], numpy.uint8), numbers(3, 5, 7), numpy.array([True, False])]
    for n in 1, 2, 4, 8, 300:
        wrongs += [numpy.array([v] * n) for v in EXTREMES] + [numpy.array([v] * n, f32) for v in (float("nan"), float("inf"), -1e30, 0.0, 1e30)]
    return wrongs + [values[..., :0] if values.ndim else values, values.astype(numpy.float64) if values.dtype == f32 else values.astype(numpy.int8)]


def spoiled_models(op, given):
    model = single(op, **given)
    for i in range(len(model.graph.node[1].attribute)):
        for wrong in spoiled_attribute(model.graph.node[1].attribute[i]):
            other = onnx.ModelProto()
            other.CopyFrom(model)
            other.graph.node[1].attribute[i].CopyFrom(wrong)
            yield other
    for i, values in enumerate(given.get("constants", ())):
        for wrong in spoiled_constant(values):
            other = onnx.ModelProto()
            other.CopyFrom(model)
            other.graph.initializer[i].CopyFrom(numpy_helper.from_array(wrong, "k%d" % i))
            yield other
    for change in "fewer", "more", "none", "missing", "outputs", "no outputs", "same":
        other = onnx.ModelProto()
        other.CopyFrom(model)
        node = other.graph.node[1]
        if change == "fewer" and len(node.input):
            node.input.pop()
        elif change == "more":
            node.input.extend(["x"] * 20)
        elif change == "none":
            node.ClearField("input")
        elif change == "missing":
            node.input[:] = [""] * len(node.input)
        elif change == "outputs":
            node.output.extend(["z%d" % i for i in range(20)])
        elif change == "no outputs":
            node.ClearField("output")
        elif change == "same":
            node.input[:] = ["x"] * max(1, len(node.input))
        yield other
    for shape in (), (1,), (4,), (1, 1, 1, 1, 1, 1, 1), (1 << 30, 1 << 30, 1 << 30), (2147483647, 1, 1):
        yield single(op, **dict(given, shape=shape))
    other = onnx.ModelProto()
    other.CopyFrom(model)
    other.graph.node[1].input[:] = ["k0" if i == "x" else i for i in other.graph.node[1].input]
    if given.get("constants"):
        yield other


for op, given in OPERATORS:
    models = list(spoiled_models(op, given))[::1 if ALL else 48 if QUICK else 12]
    status, error = attempt(write("whole.onnx", single(op, **given)))
    bad, opened, names = [], 0, 0
    if status != 0:
        bad.append("whole: status %d: %s" % (status, error))
    for i, model in enumerate(models):
        place = write("spoiled.onnx", model)
        status, error = attempt(place)
        opened += status == 0
        names += "spoiled'" in error or "'y0'" in error
        if not (status == 0 or told(status, error, place)):
            os.rename(place, path("bad-%s-%d.onnx" % (op, i)))
            bad.append("%d: status %d: %s\n%s" % (i, status, error[-1500:], helper.printable_node(model.graph.node[1])[:300]))
    check("%s, spoiled in %d ways (%d opened, %d errors name it)" % (op, len(models), opened, names), not bad, "\n".join(bad[:4]))
finish()
