"""Pruning layer after layer with the outputs of the network as it was opened as the target."""

import os

from thinet import EXAMPLE, check, commands, finish, need_example, same_bytes, scratch, skip_all, try_commands

try:
    import numpy
except ImportError:
    skip_all("Python has no module numpy")
need_example()
folder = scratch()
start = ["open " + EXAMPLE, "data fashion-mnist"]
original, current = ("sample all images=4 locations=5 seed=3 target=" + name for name in ("original", "current"))


def path(name):
    return os.path.join(folder, name + ".npy")


def load(name):
    return numpy.load(path(name))


def samples(name, layer):
    """X to NAME.npy and y to NAME.y.npy."""
    return "export-samples %s %s target=%s" % (layer, path(name), path(name + ".y"))


def close(a, b, tolerance=1e-9):
    return numpy.allclose(a, b, rtol=tolerance, atol=tolerance * numpy.abs(b).max())


# Nothing pruned: one network, twice.
whole = commands(*start, current, "export-gram conv2_1 " + path("g1"), samples("whole", "conv2_1"), "curve conv2_1",
                 original, "export-gram conv2_1 " + path("g2"), samples("same", "conv2_1"), "curve conv2_1", "layers")
check("the same network sampled twice has the same rows and matrix",
      same_bytes(path("g1"), path("g2")) and same_bytes(path("whole"), path("same")))
check("and its target is the sum of its rows", close(load("same.y"), load("whole").sum(1), 1e-12) and
      same_bytes(path("whole.y"), path("same.y")))
check("so the order and all errors are the same", whole[5]["order"] == whole[9]["order"] and
      close(whole[9]["error"], whole[5]["error"]) and close(whole[9]["error_ls"], whole[5]["error_ls"], 1e-6))
check("layers says what the target is", {row.get("target") for row in whole[10]["layers"] if row["prunable"]} == {"original"})

# The layer before is pruned: x changes, y does not.
session = os.path.join(folder, "s.thinet")
pruned = commands(*start, current, "ratio conv1_2 0.5", "prune conv1_2 reweight=none", original, samples("after", "conv2_1"),
                  "curve conv2_1", options=("--session", session, "--threads", "1"))
x, y, curve = load("after"), load("after.y"), pruned[-1]
check("y at the same places is that of the network as it was opened", close(y, load("whole").sum(1), 1e-12))
check("and x is not", not close(x.sum(1), y, 1e-2))
energy = y @ y
check("the error before anything is removed is what the layers before have cost",
      close(curve["error"][0], ((y - x.sum(1)) ** 2).sum() / energy))
kept = sorted(set(range(x.shape[1])) - set(curve["order"][:20]))
check("after 20 removals it is that of NumPy on the exported rows",
      close(curve["error"][20], ((y - x[:, kept].sum(1)) ** 2).sum() / energy))
weights = numpy.linalg.lstsq(x[:, kept], y, rcond=None)[0]
check("and so it is with least squares", close(curve["error_ls"][20], ((y - x[:, kept] @ weights) ** 2).sum() / energy, 1e-6))
again = commands("layers", "curve conv2_1", original, "curve conv2_1", options=("--session", session, "--threads", "2"))
check("a session that was closed still has the target", again[1]["order"] == curve["order"] and
      again[1]["error"] == curve["error"] and any(row.get("target") == "original" for row in again[0]["layers"]))
check("and finds the network as it was opened, with the same bits", again[3]["error"] == curve["error"])

# The layer that reads has lost filters: the others are found where they were.
commands(*start, current, "ratio conv2_2 0.4", "prune conv2_2 reweight=none", "sample conv3_1 images=4 locations=5",
         "ratio conv2_2 0.3", "sample conv2_2 images=4", "prune conv2_2 reweight=none", original, samples("fewer", "conv2_1"))
check("filters of the next layer are traced through two cuts", close(load("fewer.y"), load("fewer").sum(1), 1e-6))

done, results = try_commands(*start, "head classes=10", "sample conv1_1 images=2 target=original",
                             "sample conv3_2 images=2 target=original")
check("a fresh classifier has no outputs to keep", done.returncode == 1 and results[3]["ok"] and
      "fc" in results[4]["error"] and "traced" in results[4]["error"], results[-1])
finish()
