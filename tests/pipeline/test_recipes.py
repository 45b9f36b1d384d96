"""recipe: the paper's by name with the costs that it gives them, scripts of one's own, their journal and their errors."""

import glob
import os

from thinet import EXAMPLE, TREE, check, commands, finish, run, scratch, try_commands

folder = scratch()


def script(name, *lines):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    return path


def fails(name, message, *lines):
    done, results = try_commands(*lines)
    text = results[-1].get("error", "") if results else ""
    check(name, done.returncode == 1 and message in text, "%d %s\n%s" % (done.returncode, text, done.stderr))
    return results[-1] if results else {}


# Parameters and FLOPs by sums over the paper's tables of layers (Luo et al. 2017, tables 2 and 3).
PAPER = (("vgg16", "thinet-conv", 131440480, 9582411776), ("vgg16", "thinet-gap", 8318816, 9336168448),
         ("vgg16", "thinet-tiny", 1323184, 2009157632), ("resnet50", "thinet-70", 16944246, 4880052680),
         ("resnet50", "thinet-50", 12380864, 3412852736), ("resnet50", "thinet-30", 8664318, 2194985078))
for network, recipe, params, flops in PAPER:
    opened, done, summary = commands("open zoo:" + network, "recipe %s shape-only=1" % recipe, "summary")
    check("%s costs what the paper says" % recipe, (done["params"], done["flops"]) == (params, flops)
          == (summary["params"], summary["flops"]), "%s %s" % (done["params"], done["flops"]))
    check("%s: and so much of what was opened" % recipe,
          abs(done["params_ratio"] - params / opened["params"]) < 1e-12
          and abs(done["flops_ratio"] - flops / opened["flops"]) < 1e-12, done["params_ratio"])

done = commands("open zoo:vgg16 in=1x32x32 classes=10", "recipe thinet-gap shape-only=1 classes=7", "layers")
check("classes=N goes to the head of the recipe", done[2]["layers"][-1]["filters"] == 7, done[2]["layers"][-1])
check("other images and classes have the same recipe", [row["filters"] for row in done[2]["layers"]]
      == [32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512, 7], done[2]["layers"])
rows = done[1]["lines"]
check("every line says its number, its words and how it went",
      all(row["ok"] and row["line"] > 0 and row["text"].split()[0] == row["command"] for row in rows), rows[:3])
check("what needs images is left out", {row["command"] for row in rows if row.get("skipped")} == {"sample", "finetune", "eval"},
      rows)
check("l1 ranks, and nothing is reweighted", [row["text"] for row in rows if row["command"] == "method"] == ["method all l1"]
      and all("reweight=none" in row["text"] for row in rows if row["command"] == "prune"), rows)

# The files that ship and those that are built in are the same.
shipped = sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(TREE, "sessions", "recipes", "*.tns")))
listed = commands("recipe")[0]["recipes"]
check("every file in sessions/recipes is built in, and no other", [row["name"] for row in listed] == shipped, listed)
for row in listed:
    with open(os.path.join(TREE, "sessions", "recipes", row["name"] + ".tns")) as file:
        check("%s: its first comment is its summary" % row["name"], file.readline() == "# %s\n" % row["summary"], row)
by_file = commands("open zoo:resnet50 in=3x32x32 classes=10",
                   "recipe %s shape-only=1" % os.path.join(TREE, "sessions", "recipes", "thinet-50.tns"))[1]
by_name = commands("open zoo:resnet50 in=3x32x32 classes=10", "recipe thinet-50 shape-only=1", "journal", "undo", "undo", "layers")
check("a recipe by its file does what it does by its name", by_file["params"] == by_name[1]["params"]
      and [row["text"] for row in by_file["lines"]] == [row["text"] for row in by_name[1]["lines"]], by_file["params"])
inner = [row for row in by_name[1]["lines"] if row["command"] == "recipe"][0]
check("a recipe within it has lines of its own", len([row for row in inner["lines"] if row["command"] == "prune"]) == 32
      and inner["text"] == "recipe resnet50-blocks shape-only=1", inner["text"])
journal = [row["command"] for row in by_name[2]["entries"]]
check("the journal has each line that changed something, and notes that say where they come from",
      journal[:2] == ["open zoo:resnet50 in=3x32x32 classes=10", "note recipe thinet-50 shape-only=1"]
      and journal[-1] == "prune @33 reweight=none" and "recipe" not in {line.split()[0] for line in journal}, journal)
widths = [row["filters"] for row in by_name[5]["layers"] if row["prunable"]][1:]
check("undo takes one line back at a time", widths[-4:] == [256, 256, 512, 512] and widths[0] == 32, widths)

# Networks of another structure.

fails("a network of another structure", "thinet-conv:4: groups: expected a network whose layers that can be pruned are "
      "conv3x3*13,...; this one has only 6", "open " + EXAMPLE, "recipe thinet-conv shape-only=1")
fails("a network of another kind", "thinet-conv:4: groups: expected a network whose layers that can be pruned are "
      "conv3x3*13,...; number 1 is conv7x7, 'conv1'", "open zoo:resnet50 in=3x32x32", "recipe thinet-conv shape-only=1")
fails("a ResNet of other blocks", "number 1 is conv3x3", "open zoo:resnet20", "recipe thinet-70 shape-only=1")
done = try_commands("open " + EXAMPLE, "recipe thinet-70")[0], commands("open " + EXAMPLE, "journal")
check("where nothing was done nothing is noted", len(done[1][1]["entries"]) == 1)
fails("no network", "thinet-conv:4: groups: no network is open yet", "recipe thinet-conv")
fails("an unknown name", "there is no recipe 'thinet-con' (did you mean 'thinet-conv'?)", "recipe thinet-con")
fails("a file that is not there", "none.tns: No such file", "recipe %s/none.tns" % folder)

# Scripts of one's own.
path = script("wrong.tns", "# A comment", "", "ratio conv1_1 0.5", "prune conv1_1 reweigth=none")
result = fails("a mistyped line", "%s:4: prune: unknown option 'reweigth'" % path, "open " + EXAMPLE, "recipe " + path)
check("is found before any line is run", "lines" not in result, result)
path = script("late.tns", "method all l1", "ratio @1,3-4 0.5", "prune conv1_1 reweight=none", "prune fc", "ratio all 0.9")
done, results = try_commands("open " + EXAMPLE, "recipe " + path)
check("an error stops the recipe and names file, line and command", done.returncode == 1
      and "%s:4: prune: layer 'fc' cannot be pruned" % path in results[1]["error"]
      and "thinet-tui: -c:2: recipe: %s:4: prune:" % path in done.stderr, done.stderr)
check("the result says how far it came", [row["ok"] for row in results[1]["lines"]] == [True, True, True, False]
      and results[1]["lines"][3]["error"].startswith("layer 'fc'"), results[1])
batch = script("batch.tns", "open " + EXAMPLE, "recipe " + path)
done = run("--batch", batch)
check("in a script both lines are named", "%s:2: recipe: %s:4: prune: " % (batch, path) in done.stderr, done.stderr)
saved = os.path.join(folder, "kept.thinet")
run("--session", saved, "-c", "open " + EXAMPLE, "-c", "recipe " + path)
layers, journal = commands("layers", "journal", options=("--session", saved))
check("what earlier lines did stays", [row["filters"] for row in layers["layers"]][:4] == [16, 32, 64, 64]
      and [row["kept"] for row in layers["layers"]][:4] == [16, 32, 32, 32], layers["layers"])
check("and is in the journal", [row["command"] for row in journal["entries"]][1:] == [
    "method all l1", "note recipe " + path, "ratio @1,3-4 0.5", "prune conv1_1 reweight=none"], journal)

path = os.path.join(folder, "itself.tns")
script("itself.tns", "groups", "recipe " + path)
fails("a recipe that runs itself", "more than 8 deep", "open " + EXAMPLE, "recipe " + path)
fails("a recipe without end", "a line of more than 65536 bytes, or with a zero byte", "recipe /dev/zero")
path = script("budget.tns", "sample all", "budget flops=0.5", "prune")
fails("a budget has no shape alone", "budget.tns:2: budget: weighs errors", "open " + EXAMPLE, "recipe %s shape-only=1" % path)
path = script("stops.tns", "ratio all 0.5", "quit", "ratio all 0.6")
check("quit ends a recipe", len(commands("open " + EXAMPLE, "recipe " + path)[1]["lines"]) == 2)

# Places and kinds of layers.
for pattern, good in (("conv3x3*6", True), ("(conv3x3,conv3x3)*3", True), ("conv3x3,conv3x3*2,...", True), ("...", True),
                      ("conv3x3*5", False), ("conv3x3*7", False), ("conv3x3*6,fc", False), ("conv3x3*5,conv1x1", False)):
    done, results = try_commands("open " + EXAMPLE, "groups expect=" + pattern)
    check("expect=%s" % pattern, (done.returncode == 0) == good and (good or "expected a network" in results[1]["error"]), results[1])
for pattern in ("conv3x3*", "conv3x3*0", "conv3x3,", "(conv3x3", "conv3x3)", "*2", "()*3", ",", "(conv3x3,)*3", "conv3x3*6..."):
    fails("expect=%s is not understood" % pattern, "is not understood" if pattern != "conv3x3*6..." else "not understood",
          "open " + EXAMPLE, "groups expect=" + pattern)
done = commands("open " + EXAMPLE, "keep @2 7", "keep @5-6 9", "layers")
check("@ counts the layers that can be pruned, from 1", [row["kept"] for row in done[3]["layers"]] == [32, 7, 64, 64, 9, 9, 10],
      done[3]["layers"])
for word, message in (("@0", "expected 1 to 6"), ("@7", "expected 1 to 6"), ("@", "names no layer"), ("@2,", "a number is missing"),
                      ("@3-2", "runs backwards"), ("@x", "not a whole number")):
    fails("layer " + word, message, "open " + EXAMPLE, "keep %s 7" % word)
finish()
