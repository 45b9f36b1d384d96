"""The whole path on the real example and real images: open, evaluate, sample, halve, prune, fine-tune,
export, and the fields of every result."""

import math
import os

from thinet import EXAMPLE, QUICK, check, commands, finish, need_example, scratch

FIELDS = {
    "eval": "images top1 top5 loss ci95",
    "layers": "layers",
    "summary": "params params_all flops params_ratio flops_ratio layers",
    "sample": "layers images",
    "curve": "layer method kept error error_ls order",
    "ratio": "layer keep error error_ls removed kept weights",
    "keep": "layer keep error error_ls removed kept weights",
    "step": "layer keep error error_ls removed kept weights",
    "back": "layer keep error error_ls removed kept weights",
    "run": "layer keep error error_ls removed kept weights",
    "prune": "layers params flops",
    "finetune": "epochs",
    "journal": "entries",
}
ROWS = {
    "layers": "name op filters kept channels kernel flops params group prunable method ratio error",
    "sample": "name filters samples",
    "prune": "name kept weights",
    "finetune": "epoch lr loss train_top1 test_top1 test_top5 images_per_second seconds",
    "journal": "id parent command time seconds ok",
}
LIST = {"finetune": "epochs", "journal": "entries"}

need_example()
folder = scratch()
exported = os.path.join(folder, "pruned.onnx")
limit = 200 if QUICK else 1000
lines = [
    "open " + EXAMPLE,
    "data fashion-mnist",
    "eval limit=%d" % limit,
    "summary",
    "layers",
    "sample all",
    "run conv2_1 keep=40",
    "step conv2_1 3",
    "back conv2_1 1",
    "keep conv2_1 50",
    "curve conv2_1",
    "ratio conv1_2 0.25",
    "ratio all 0.5",
    "layers",
    "prune all reweight=ls",
    "summary",
    "eval limit=%d" % limit,
    "finetune epochs=1 limit=%d test-limit=%d" % (2 * limit, limit),
    "eval limit=%d" % limit,
    "export " + exported,
    "journal",
]
results = commands(*lines)

for line, result in zip(lines, results):
    name = line.split()[0]
    if line == "ratio all 0.5":  # several layers: the fields are each layer's
        rows = result.get("layers") or [{}]
        missing = [field for field in FIELDS["ratio"].split() for row in rows if field not in row]
    else:
        missing = [field for field in ("command ok seconds " + FIELDS.get(name, "")).split() if field not in result]
    check("the result of '%s' has its fields" % line.replace(folder + "/", "").replace(EXAMPLE, "MODEL"),
          not missing and result["command"] == name and result["ok"] is True and result["seconds"] >= 0,
          "missing: %s\nhas: %s" % (missing, sorted(result)))
    if name in ROWS:
        rows = result.get(LIST.get(name, "layers")) or []
        lacking = {field for row in rows for field in ROWS[name].split() if field not in row}
        check("every row of '%s' has its fields" % line, rows and not lacking, "missing: %s" % sorted(lacking))


def result_of(line, which=0):
    return [result for text, result in zip(lines, results) if text == line][which]


evaluate = "eval limit=%d" % limit
before, pruned, tuned = (result_of(evaluate, which) for which in range(3))
for result in before, pruned, tuned:
    expected = 1.96 * math.sqrt(max(result["top1"] * (1 - result["top1"]), 1e-4) / result["images"])
    check("an evaluation gives fractions, and a 95 %% interval that fits %d images" % result["images"],
          result["images"] == limit and 0 <= result["top1"] <= result["top5"] <= 1 and result["loss"] > 0
          and abs(result["ci95"] - expected) < 0.35 * expected + 0.002, result)
check("the example is a trained network", before["top1"] > 0.9, before["top1"])
check("pruning half of every layer with least squares leaves a network that still works", pruned["top1"] > 0.3,
      pruned["top1"])
check("fine-tuning on few images does not ruin it", tuned["top1"] > pruned["top1"] - 0.02,
      (pruned["top1"], tuned["top1"]))

layers = {row["name"]: row for row in result_of("layers")["layers"]}
check("the layers of the example have the names of a VGG network",
      ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2"] == [name for name in layers if name.startswith("conv")],
      list(layers))
check("its widths are 32-32-64-64-128-128",
      [layers[name]["filters"] for name in sorted(layers) if name.startswith("conv")] == [32, 32, 64, 64, 128, 128])
check("a convolution's FLOPs are twice its multiply-adds",
      layers["conv1_2"]["flops"] == 2 * 28 * 28 * 32 * 32 * 9, layers["conv1_2"])
check("a layer that gives the network's output cannot be pruned",
      not [row for row in layers.values() if row["op"] == "Gemm" and row["prunable"]])

run, step, back, keep = (result_of(line) for line in ("run conv2_1 keep=40", "step conv2_1 3", "back conv2_1 1", "keep conv2_1 50"))
curve = result_of("curve conv2_1")
check("run, step, back and keep move the cursor", [r["keep"] for r in (run, step, back, keep)] == [40, 37, 38, 50],
      [r["keep"] for r in (run, step, back, keep)])
for result in run, step, back, keep:
    filters = layers["conv2_1"]["filters"]
    check("with %d kept, removed and kept filters make up the layer" % result["keep"],
          sorted(result["removed"] + result["kept"]) == list(range(filters))
          and len(result["kept"]) == result["keep"] == len(result["weights"])
          and result["kept"] == sorted(result["kept"]), result)
    check("with %d kept, they are the first of the curve's order, and its errors" % result["keep"],
          set(result["removed"]) == set(curve["order"][:filters - result["keep"]])
          and abs(result["error"] - curve["error"][curve["kept"].index(result["keep"])]) < 1e-12
          and abs(result["error_ls"] - curve["error_ls"][curve["kept"].index(result["keep"])]) < 1e-9, result)
check("the curve goes from all filters to one", curve["kept"] == list(range(64, 0, -1)), curve["kept"])
check("the error with all filters is nought", abs(curve["error"][0]) < 1e-9 and abs(curve["error_ls"][0]) < 1e-9)
check("least squares never makes the error greater",
      all(ls <= error + 1e-9 for ls, error in zip(curve["error_ls"], curve["error"])))
check("the least-squares error only grows as filters go",
      all(a <= b + 1e-9 for a, b in zip(curve["error_ls"], curve["error_ls"][1:])))

planned = {row["name"]: row for row in result_of("layers", 1)["layers"]}
check("ratio all 0.5 keeps half of every layer that can be pruned",
      all(row["kept"] * 2 == row["filters"] and row["ratio"] == 0.5 and row["error"] is not None
          for row in planned.values() if row["prunable"])
      and all(row["kept"] == row["filters"] for row in planned.values() if not row["prunable"]), planned)

summary = result_of("summary", 1)
check("half of every layer leaves at most 0.32 of the FLOPs", summary["flops_ratio"] <= 0.32, summary)
check("prune and summary agree", (result_of("prune all reweight=ls")["params"], result_of("prune all reweight=ls")["flops"])
      == (summary["params"], summary["flops"]), summary)
for row in result_of("prune all reweight=ls")["layers"]:
    check("pruned %s keeps ascending filters with a weight each" % row["name"],
          row["kept"] == sorted(row["kept"]) and len(row["weights"]) == len(row["kept"]), row)

entries = result_of("journal")["entries"]
check("the journal holds the commands that changed something, in order",
      [e["command"] for e in entries if e["command"].split()[0] in ("ratio", "prune", "finetune")]
      == [line for line in lines if line.split()[0] in ("ratio", "prune", "finetune")],
      [e["command"] for e in entries])

_, _, again = commands("open " + exported, "data fashion-mnist", evaluate)
check("the exported network, opened again, has the same accuracy and loss",
      again["top1"] == tuned["top1"] and abs(again["loss"] - tuned["loss"]) < 1e-6, (again, tuned))
finish()
