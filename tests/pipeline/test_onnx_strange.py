"""Networks that cannot be run or not wholly be pruned open all the same, show what they have, say which node stands in the
way, and are written again with everything that is in them."""

import os

from thinet import check, commands, finish, scratch, skip_all, try_commands

try:
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    skip_all("Python has no module %s" % missing.name)

folder = scratch()
rng = numpy.random.default_rng(9)


def path(name):
    return os.path.join(folder, name)


def numbers(*shape):
    return rng.standard_normal(shape).astype(numpy.float32)


def value(name, *dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims or None)


def network(middle, outputs=None, constants=(), opsets=(), opset=13):
    """Two convolutions, `middle` from "b" to "c", and two more."""
    nodes = [helper.make_node("Conv", ["image", "first.weight"], ["a"], "first", pads=[1, 1, 1, 1]),
             helper.make_node("Conv", ["a", "second.weight"], ["b"], "second", pads=[1, 1, 1, 1]), *middle,
             helper.make_node("Conv", ["c", "third.weight"], ["d"], "third", pads=[1, 1, 1, 1]),
             helper.make_node("Conv", ["d", "fourth.weight"], ["e"], "fourth")]
    weights = {"first.weight": numbers(6, 3, 3, 3), "second.weight": numbers(4, 6, 3, 3), "third.weight": numbers(8, 4, 3, 3),
               "fourth.weight": numbers(2, 8, 1, 1), **dict(constants)}
    graph = helper.make_graph(nodes, "strange", [value("image", "N", 3, 8, 8)], outputs or [value("e", "N", 2, 8, 8)],
                              [numpy_helper.from_array(v, n) for n, v in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in opsets)])
    model.ir_version = 8
    return model


numpy.save(path("in.npy"), numbers(2, 3, 8, 8))


def check_opens(what, model, node, runs=False):
    onnx.save(model, path("strange.onnx"))
    done, results = try_commands("open " + path("strange.onnx"), "layers", "groups scope=all", "summary", "ratio first 0.5",
                                 "export " + path("again.onnx"))
    if not check("%s opens, is shown and written" % what, done.returncode == 0, done.stderr):
        return
    names = [layer["name"] for layer in results[1]["layers"]]
    check("%s shows its layers" % what, names[:2] == ["first", "second"] and "fourth" in names, names)
    again = onnx.load(path("again.onnx"))
    check("%s keeps its nodes, subgraphs and all" % what,
          [n.SerializeToString(deterministic=True) for n in again.graph.node] == [n.SerializeToString(deterministic=True) for n in model.graph.node])
    check("%s keeps its outputs" % what, [str(o) for o in again.graph.output] == [str(o) for o in model.graph.output])
    done, _ = try_commands("open " + path("strange.onnx"), "infer %s %s" % (path("in.npy"), path("out.npy")))
    if runs:
        check("%s runs" % what, done.returncode == 0, done.stderr)
    else:
        check("%s cannot be run, and says why" % what, done.returncode == 1 and "'%s'" % node in done.stderr, done.stderr)
    done, _ = try_commands("open " + path("strange.onnx"), "ratio second 0.5")
    check("%s bars the channels that reach it, and says where" % what, done.returncode == 1 and node in done.stderr, done.stderr)


check_opens("an operator that nobody knows", network([helper.make_node("Swirl", ["b"], ["c"], "swirl", domain="org.example", angle=0.5)], opsets=["org.example"]), "swirl")
check_opens("an operator of ONNX that this program does not know", network([helper.make_node("NonZero", ["b"], ["nz"], "nonzero"), helper.make_node("Cast", ["nz"], ["c"], "cast", to=1)]), "nonzero")
check_opens("an operator of that name in another domain", network([helper.make_node("Relu", ["b"], ["c"], "relu", domain="org.example")], opsets=["org.example"]), "relu")

then = helper.make_graph([helper.make_node("Relu", ["b"], ["then_out"])], "then", [], [value("then_out")])
other = helper.make_graph([helper.make_node("Neg", ["b"], ["else_out"])], "else", [], [value("else_out")])
# the condition is computed: nothing can be folded
choice = [helper.make_node("ReduceMean", ["b"], ["m"], "average", keepdims=0), helper.make_node("Greater", ["m", "zero"], ["positive"], "greater"),
          helper.make_node("If", ["positive"], ["c"], "choice", then_branch=then, else_branch=other)]
check_opens("an If", network(choice, constants=[("zero", numpy.array(0, numpy.float32))]), "average")
body = helper.make_graph([helper.make_node("Add", ["state", "b"], ["state_out"]), helper.make_node("Identity", ["going"], ["going_out"])], "body",
                         [value("count", kind=TensorProto.INT64), value("going", kind=TensorProto.BOOL), value("state")],
                         [value("going_out", kind=TensorProto.BOOL), value("state_out")])
loop = [helper.make_node("Loop", ["times", "", "b"], ["c"], "loop", body=body)]
check_opens("a Loop", network(loop, constants=[("times", numpy.array(3))]), "loop")
check_opens("a sequence", network([helper.make_node("SequenceConstruct", ["b", "b"], ["s"], "make"), helper.make_node("SequenceAt", ["s", "zero"], ["c"], "take")],
                                  constants=[("zero", numpy.array(0))]), "make")
function = network([helper.make_node("Twice", ["b"], ["c"], "twice", domain="org.example")], opsets=["org.example"])
function.functions.append(helper.make_function("org.example", "Twice", ["X"], ["Y"], [helper.make_node("Add", ["X", "X"], ["Y"])], [helper.make_opsetid("", 13)]))
check_opens("a function of the model's own", function, "twice")
sequence = network([helper.make_node("Relu", ["b"], ["c"], "relu"), helper.make_node("SequenceConstruct", ["b"], ["s"], "make")])
sequence.graph.output.add(name="s").type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
onnx.save(sequence, path("strange.onnx"))
commands("open " + path("strange.onnx"), "export " + path("again.onnx"))
check("an output that is a sequence keeps its type", list(onnx.load(path("again.onnx")).graph.output) == list(sequence.graph.output))

outputs = network([helper.make_node("Relu", ["b"], ["c"], "relu")], outputs=[value("e", "N", 2, 8, 8), value("b", "N", 4, 8, 8)])
onnx.save(outputs, path("strange.onnx"))
done, _ = try_commands("open " + path("strange.onnx"), "ratio third 0.5", "ratio second 0.5")
check("channels that are an output cannot be pruned, others can", done.returncode == 1 and "-c:3" in done.stderr, done.stderr)

# Shapes that the file states of what runs in between must not outlive pruning; of what nobody knows they are not needed.
stated = network(choice, constants=[("zero", numpy.array(0, numpy.float32))])
stated.graph.value_info.extend([value("a", "N", 6, 8, 8), value("d", "N", 8, 8, 8), value("c", "N", 4, 8, 8)])
onnx.save(stated, path("strange.onnx"))
commands("open " + path("strange.onnx"), "export " + path("again.onnx"))
onnx.checker.check_model(onnx.load(path("again.onnx")), full_check=True)
check("a network with an If passes ONNX's own checker again", True)
finish()
