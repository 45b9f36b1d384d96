"""sensitivity: what it measures against cutting and evaluating by hand, what is kept, and budgets by it."""

import gzip
import os

import numpy
from thinet import EXAMPLE, check, commands, finish, need_example, scratch, try_commands

need_example()
folder = scratch()
TEST, TRAIN = 120, 200


def few_images():
    """Some of the images as a data set of its own, so that "all test images" are few."""
    homes = [os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "/usr/share/datasets"]
    source = [home for home in homes if os.path.exists(os.path.join(home, "fashion-mnist", "t10k-images-idx3-ubyte.gz"))][0]
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        for kind, item, header in (("images-idx3", 784, 16), ("labels-idx1", 1, 8)):
            file = "%s-%s-ubyte" % (name, kind)
            with gzip.open(os.path.join(source, "fashion-mnist", file + ".gz")) as whole:
                head = bytearray(whole.read(header))
                body = whole.read(item * count)
            head[4:8] = count.to_bytes(4, "big")
            with open(os.path.join(folder, file), "wb") as part:
                part.write(bytes(head) + body)


few_images()
START = ["open " + EXAMPLE, "data %s preset=fashion-mnist" % folder]
SAMPLED = START + ["sample all images=3 seed=3"]
CHECKED = ("conv1_1", "conv2_1", "conv3_2")
ALL = "split=test limit=%d" % TEST


def fails(name, message, *lines):
    done, results = try_commands(*lines)
    text = results[-1].get("error", "") if results else ""
    check(name, done.returncode == 1 and message in text, "%d %s\n%s" % (done.returncode, text, done.stderr))


def row(result, name):
    return [layer for layer in result["layers"] if layer["name"] == name][0]


def same(point, evaluation):
    return all(point[key] == evaluation[key] for key in ("top1", "top5", "ci95")) and \
        abs(point["loss"] - evaluation["loss"]) < 1e-6 * max(1, evaluation["loss"])


# Every point is what pruning that layer alone leaves.
for name, before, option in (("thinet, least squares", SAMPLED, "ls"), ("thinet", SAMPLED, "none"),
                             ("thinet-x with locks", SAMPLED + ["method all thinet-x", "lock conv2_1 0-40 keep"], "ls"),
                             ("l1, not sampled", START + ["method all l1"], "none")):
    start = "goto %d" % len(before)
    result = commands(*before, "sensitivity all ratios=0.3,0.8 reweight=%s %s" % (option, ALL))[-1]
    by_hand = [start, "eval"]
    for layer in CHECKED:
        for point in row(result, layer)["points"]:
            by_hand += [start, "keep %s %d" % (layer, point["keep"]), "prune %s reweight=%s" % (layer, option), "eval"]
    evaluations = [answer for answer in commands(*before, *by_hand) if answer["command"] == "eval"]
    check(name + ": all layers, two points", len(result["layers"]) == 6
          and all(len(layer["points"]) == 2 for layer in result["layers"]) and result["measured"] == 13, result)
    check(name + ": the base is the network as it stands", same(result["base"], evaluations.pop(0)), result["base"])
    for layer in CHECKED:
        for point in row(result, layer)["points"]:
            evaluation = evaluations.pop(0)
            check("%s: %s with %d filters" % (name, layer, point["keep"]), same(point, evaluation)
                  and abs(point["ratio"] - 1 + point["keep"] / row(result, layer)["filters"]) < 1e-12,
                  "%s\n%s" % (point, evaluation))
    if "locks" in name:
        check("locks hold", [point["keep"] for point in row(result, "conv2_1")["points"]] == [44, 41], row(result, "conv2_1"))

# What is known is not measured again.
session = os.path.join(folder, "a.thinet")
results = commands(*SAMPLED, "sensitivity all limit=100 ratios=0.5", "sensitivity conv1_* limit=100 ratios=0.5,0.75",
                   "sensitivity conv1_1 limit=100 ratios=0.5 seed=2", "undo", "undo", "undo",
                   "sensitivity conv1_1 limit=100 ratios=0.75", "undo", "sensitivity all limit=100 ratios=0.5,0.75,0.9",
                   "save " + session)
first, more, other = results[3:6]
again, every = results[9], results[11]
check("points are added to those that are there", more["measured"] == 2
      and [len(layer["points"]) for layer in more["layers"]] == [2, 2] and more["layers"][0]["points"][0] ==
      first["layers"][0]["points"][0], more)
check("other images are other points", other["measured"] == 2 and len(other["layers"][0]["points"]) == 1
      and (other["base"] != first["base"] or other["layers"][0]["points"] != first["layers"][0]["points"]), other)
check("also what was taken back", again["measured"] == 0
      and again["layers"][0]["points"] == more["layers"][0]["points"][1:], again)
check("images are drawn from the training images", first["split"] == "train" and first["images"] == 100, first)
reopened = commands("sensitivity all limit=100 ratios=0.5,0.75,0.9", "ratio conv3_2 0.5", "prune all", "layers",
                    options=["--session", session])
check("a session that is opened again knows them", reopened[0]["measured"] == 0
      and reopened[0]["layers"] == every["layers"] and reopened[0]["base"] == every["base"], reopened[0])
after = {layer["name"]: layer for layer in reopened[-1]["layers"]}
check("of a layer that was cut they are dropped, of the others stale", "sensitivity_points" not in after["conv3_2"]
      and after["conv1_1"]["sensitivity_points"] == 3 and after["conv1_1"]["sensitivity_stale"], reopened[-1])
stale = commands("layers", options=["--session", session])[-1]
check("and stay so in the file", row(stale, "conv1_1").get("sensitivity_stale") is True, stale)
locked = commands(*SAMPLED, "sensitivity conv1_1 limit=50 ratios=0.5", "layers", "lock conv1_1 3 keep", "layers")
check("a lock makes them stale", row(locked[4], "conv1_1")["sensitivity_stale"] is False
      and row(locked[6], "conv1_1")["sensitivity_stale"] is True, locked[6])

answers = [commands(*SAMPLED, "sensitivity all limit=150 ratios=0.6", options=["--threads", threads])[-1]["layers"]
           for threads in ("1", "3")]
check("the same bits for any number of threads", answers[0] == answers[1], answers)


def curve(layer, base):
    """Accuracy lost by filters kept: isotonic regression of the points, then straight lines; with none left, all."""
    filters = layer["filters"]
    points = sorted((point["keep"], base - point["top1"]) for point in layer["points"])
    kept = [k for k, _ in points]
    losses = numpy.array([loss for _, loss in points])
    # Least squares under "never less with fewer filters", by the min-max formula.
    count = len(losses)
    rising = [min(max(losses[i:j + 1].mean() for j in range(p, count)) for i in range(p + 1)) for p in range(count)]
    rising = numpy.maximum(rising, 0)
    every = numpy.arange(filters + 1)
    return numpy.minimum(numpy.interp(every, [0] + kept + [filters], [base, *rising, 0]), base)


equal = commands(*SAMPLED, *["ratio all %g" % (i / 50) for i in range(50)])[3:]
asked = (0.5, 0.2)
lines = SAMPLED + ["sensitivity all ratios=0.2,0.5,0.8 limit=150"]
results = commands(*lines, *[line % fraction if "%" in line else line for fraction in asked for line in (
    "goto 4", "budget flops=%g objective=sensitivity", "prune all")])
measured, base = results[3], results[3]["base"]["top1"]
for fraction, answer, pruned in zip(asked, results[5::3], results[6::3]):
    curves = {layer["name"]: curve(layer, base) for layer in measured["layers"]}
    lost = [curves[layer["name"]][layer["keep"]] for layer in answer["layers"]]
    check("flops=%g: it is met" % fraction, 0.99 * fraction <= pruned["flops_ratio"] <= fraction, pruned["flops_ratio"])
    check("flops=%g: the accuracy lost is that of the lines between the points" % fraction,
          numpy.allclose(lost, [layer["lost_top1"] for layer in answer["layers"]], atol=1e-12)
          and abs(sum(lost) - answer["objective_value"]) < 1e-9 and answer["objective"] == "sensitivity",
          "%s\n%s" % (lost, answer))
    fitting = [result for result in equal if result["flops_planned_ratio"] <= fraction][0]
    check("flops=%g: and less than equal ratios lose" % fraction, answer["objective_value"] <
          sum(curves[layer["layer"]][layer["keep"]] for layer in fitting["layers"]), fitting["layers"])

fails("budget: not measured", "6 of 6 layers are not measured yet with their method ('conv1_1' is the first): sensitivity all first",
      *SAMPLED, "budget flops=0.5 objective=sensitivity")
fails("budget: measured by another method", "6 of 6 layers are not measured", *SAMPLED, "sensitivity all ratios=0.5 limit=20",
      "budget flops=0.5 objective=sensitivity method=l1")
fails("not sampled", "layer 'conv1_1' is not sampled yet, so which filters go is not known: sample conv1_1 first", *START,
      "sensitivity")
fails("least squares without a statistic", "reweight=ls needs its statistic", *START, "method all l1", "sensitivity reweight=ls")
fails("ratio 1", "0 < R < 1", *SAMPLED, "sensitivity ratios=0.5,1")
fails("ratio 0", "0 < R < 1", *SAMPLED, "sensitivity ratios=0")
fails("no number", "not a number", *SAMPLED, "sensitivity ratios=0.5,half")
fails("no network", "open", "sensitivity")
fails("no images", "data PATH", "open " + EXAMPLE, "sensitivity")
fails("an unknown layer", "there is no layer", *SAMPLED, "sensitivity conv9_9")
finish()
