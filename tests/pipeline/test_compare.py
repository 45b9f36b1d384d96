"""compare: rows of the journal beside what each command said, differences by a formula of their own, methods beside curve."""

import math
import os

from thinet import EXAMPLE, QUICK, check, commands, finish, need_example, run, scratch, try_commands

need_example()
folder = scratch()
session = os.path.join(folder, "compared.thinet")
LIMIT = 100 if QUICK else 300


def fails(name, message, *lines, options=()):
    done, results = try_commands(*lines, options=options)
    text = results[-1].get("error", "") if results else ""
    check(name, done.returncode == 1 and message in text, "%d %s\n%s" % (done.returncode, text, done.stderr))


def wilson(successes, count, z=1.959963984540054):
    """The two solutions p of |successes / count - p| = z sqrt(p (1 - p) / count)."""
    a, b, c = count + z * z, -(2 * successes + z * z), successes * successes / count
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def newcombe(successes1, successes2, count):
    """Newcombe 1998, method 10."""
    p1, p2 = successes1 / count, successes2 / count
    (l1, u1), (l2, u2) = wilson(successes1, count), wilson(successes2, count)
    return p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2)


# Newcombe's own example (his table II, 56/70 and 48/80): 0.0524 to 0.3339. Counts are equal here, so by the same formula.
low, high = 0.8 - 0.6 - math.hypot(0.8 - wilson(56, 70)[0], wilson(48, 80)[1] - 0.6), \
    0.2 + math.hypot(wilson(56, 70)[1] - 0.8, 0.6 - wilson(48, 80)[0])
check("the formula gives Newcombe's example", abs(low - 0.0524) < 5e-5 and abs(high - 0.3339) < 5e-5, "%g %g" % (low, high))


def near(a, b, tolerance=1e-9):
    return a is not None and b is not None and abs(a - b) <= tolerance


evaluate, train = "eval limit=%d" % LIMIT, "finetune epochs=1 limit=600 test-limit=%d" % LIMIT
LINES = ["open " + EXAMPLE, "data fashion-mnist", "eval limit=50", evaluate, "time batch=8",            # entries 1 to 5
         "sample all images=5", "ratio conv1_1 0.1", "prune", evaluate,                              # 6 to 9
         "ratio all 0.6", "method all l1", "prune reweight=none", evaluate, train, "time batch=8",   # 10 to 15
         "goto 9", "method all l1", "ratio all 0.3", "prune reweight=none", "eval limit=%d" % (LIMIT - 10),           # 16 to 19
         "head classes=10", "compare batch=8", "journal"]
results = commands(*LINES, options=("--session", session))
compared, journal = results[-2], results[-1]["entries"]
ids = {}
for entry in journal:
    ids.setdefault(entry["command"], []).append(entry["id"])
at = dict(zip((entry["id"] for entry in journal), (r for r in results[:-2] if r["command"] != "goto")))
rows = compared["rows"]
evals = ids[evaluate]
check("one row a network whose accuracy is known, on all branches, where it was measured on most images",
      [row["entry"] for row in rows] == [evals[0], evals[1], evals[2], ids[train][0], ids["eval limit=%d" % (LIMIT - 10)][0]], rows)
made_by = [1, ids["prune"][0], ids["prune reweight=none"][0], ids[train][0], ids["prune reweight=none"][1]]
check("each names the entry that made its network", [row["network"] for row in rows] == made_by, rows)
for row in rows:
    name = "row of '%s' (%d): " % (row["command"], row["entry"])
    said, maker = at[row["entry"]], at[row["network"]]
    if "epochs" in said:
        maker, said = at[ids["prune reweight=none"][0]], {"top1": said["epochs"][-1]["test_top1"],
                                                          "top5": said["epochs"][-1]["test_top5"], "images": LIMIT}
    check(name + "accuracy is what the command said", (row["top1"], row["top5"], row["images"])
          == (said["top1"], said["top5"], said["images"]), "%s\n%s" % (row, said))
    low, high = wilson(round(row["top1"] * row["images"]), row["images"])
    check(name + "half the width of Wilson's interval", near(row["ci95"], (high - low) / 2), row["ci95"])
    check(name + "size is what the command said that made it", (row["params"], row["flops"]) == (maker["params"], maker["flops"])
          and near(row["params_ratio"], maker["params"] / at[1]["params"])
          and near(row["flops_ratio"], maker["flops"] / at[1]["flops"]), "%s\n%s" % (row, maker["params"]))
    comparable = row["images"] == rows[0]["images"]
    check(name + "compared only on as many images", row["comparable"] == comparable, row)
    if comparable and row is not rows[0]:
        right, base = (round(r["top1"] * LIMIT) for r in (row, rows[0]))
        low, high = newcombe(right, base, LIMIT)
        check(name + "difference and its interval are Newcombe's", near(row["top1_difference"], (right - base) / LIMIT)
              and near(row["difference_low"], low) and near(row["difference_high"], high), "%s\n%g %g" % (row, low, high))
        check(name + "exceeds it or not", row["exceeds"] == (low > 0 or high < 0), row)
    elif not comparable:
        check(name + "no difference is told", row["top1_difference"] is None and row["difference_low"] is None
              and not row["exceeds"], row)
check("one fine cut does not exceed, a coarse one does", not rows[1]["exceeds"] and rows[2]["exceeds"], rows)
check("the base is the first row", compared["base"] == rows[0]["entry"] and [row["base"] for row in rows]
      == [True] + [False] * 4 and rows[0]["top1_difference"] == 0 and not rows[0]["exceeds"], rows)
times = {row["network"]: (row["forward_ms"], row["backward_ms"]) for row in rows}
timed = [at[id] for id in ids["time batch=8"]]
check("times are those of time commands, else null", times[1] == (timed[0]["forward_ms"], timed[0]["backward_ms"])
      and times[ids[train][0]] == (timed[1]["forward_ms"], timed[1]["backward_ms"])
      and times[made_by[1]] == (None, None), times)
check("a model says what was done to it", [row["model"][len("fashion-vgg.onnx"):] for row in rows] == [
    "", " pruned", " pruned", " pruned, fine-tuned", " pruned"], [row["model"] for row in rows])

again = commands("compare batch=8", "compare", options=("--session", session))
check("a session that is read back compares the same", again[0]["rows"] == rows, again[0]["rows"])
check("a time with another batch does not count", all(row["forward_ms"] is None for row in again[1]["rows"]), again[1]["rows"])
asked = commands("compare %d %d base=%d" % (made_by[2], made_by[1], evals[1]), options=("--session", session))[0]
check("entries choose the rows, with the accuracy of their network", [row["entry"] for row in asked["rows"]] == [
    made_by[2], made_by[1]] and [row["top1"] for row in asked["rows"]] == [rows[2]["top1"], rows[1]["top1"]], asked)
low, high = newcombe(*(round(row["top1"] * LIMIT) for row in (rows[2], rows[1])), LIMIT)
check("base= chooses what they are compared with", asked["base"] == evals[1] and asked["rows"][1]["base"]
      and near(asked["rows"][0]["difference_low"], low) and near(asked["rows"][0]["difference_high"], high), asked)
head = commands("compare %d" % ids["head classes=10"][0], options=("--session", session))[0]["rows"]
check("an accuracy that is not known is null", head[0]["top1"] is None and head[0]["images"] is None
      and head[0]["model"].endswith("pruned, new head"), head)
measured = commands("compare 1 %d time=on batch=2" % made_by[2], "journal", options=("--session", session))
check("time=on measures", all(row["forward_ms"] > 0 and row["backward_ms"] > 0 for row in measured[0]["rows"])
      and measured[0]["batch"] == 2, measured[0])
check("comparing leaves no trace", measured[1]["entries"] == journal, measured[1]["entries"][len(journal):])
text = run("--session", session, "-c", "compare").stdout.splitlines()
check("as text: a row each, aligned, marked", len(text) == 7 and text[1].endswith(" base") and text[2].endswith(" ~")
      and text[3].endswith(" -") and text[5].endswith("not comparable")
      and len({line.index("/ ") for line in text[1:6]}) == 1, "\n".join(text))

fails("an entry that is not there", "there is no entry 99", "compare 99", options=("--session", session))
fails("a word", "not a number", "compare best", options=("--session", session))
fails("a base that was not measured", "its accuracy is not known", "compare base=%d" % ids["head classes=10"][0],
      options=("--session", session))
fails("no network", "no network is open yet", "compare")
fails("an entry before any network", "entry 1 has no network", "data fashion-mnist", "compare 1")
only = commands("open " + EXAMPLE, "compare")[1]["rows"]
check("the opened network alone", len(only) == 1 and only[0]["entry"] == 1 and only[0]["top1"] is None
      and only[0]["flops_ratio"] == 1, only)
other = commands("open " + EXAMPLE, "data fashion-mnist", "eval limit=60", "data fashion-mnist scale=0.003", "eval limit=60",
                 "compare 3 5")[5]["rows"]
check("other images are not compared", other[0]["comparable"] and not other[1]["comparable"], other)

# Methods, beside the curve of each.
START = ["open " + EXAMPLE, "data fashion-mnist", "sample all images=5", "keep conv1_2 20", "ratio conv3_* 0.5"]
names = ["thinet", "thinet-x", "l1", "random"]
results = commands(*START, "compare methods=" + ",".join(names), "compare methods=all", "compare methods=l1 layer=conv3_*", "layers",
                   *["curve %s method=%s" % (layer, name) for name in names for layer in ("conv1_2", "conv3_1", "conv3_2")])
some, every, part, layers = results[5:9]
curves = {(row["method"], row["layer"]): row for row in results[9:]}
kept = {row["name"]: row["kept"] for row in layers["layers"]}
check("methods are those that were asked for", [row["method"] for row in some["methods"]] == names, some)
for row in some["methods"]:
    expected = []
    for layer in row["layers"]:
        curve = curves[row["method"], layer["name"]]
        place = curve["kept"].index(kept[layer["name"]])
        expected.append((curve["error"][place], curve["error_ls"][place]))
    check("%s: errors are those of its curves at what is to be kept" % row["method"],
          [(layer["error"], layer["error_ls"]) for layer in row["layers"]] == expected
          and [layer["name"] for layer in row["layers"]] == ["conv1_2", "conv3_1", "conv3_2"], row)
    check("%s: they are summed" % row["method"], near(row["error"], sum(e for e, _ in expected))
          and near(row["error_ls"], sum(e for _, e in expected)), row)
check("all are at least those", set(names) < {row["method"] for row in every["methods"]}
      and all(row in every["methods"] for row in some["methods"]), every)
check("layer= chooses the layers", [layer["name"] for layer in part["methods"][0]["layers"]] == ["conv3_1", "conv3_2"], part)
fails("an unknown method", "'magic' is not one of thinet|", *START, "compare methods=l1,magic")
fails("nothing to prune", "no filters are to go", *START[:3], "compare methods=all")
fails("nothing sampled", "sample conv1_2 first", START[0], START[3], "compare methods=all")
fails("methods of entries", "no entries and no base", *START, "compare 1 methods=all")
fails("a layer without methods", "goes with methods=", *START, "compare layer=all")
finish()
