"""Every method's order of removal, score and weights against its rule written out in NumPy double precision, straight
from samples or from the weights in the ONNX file; a small program calls the library (rank_filters.c)."""

import itertools
import json
import os
import subprocess
import sys

from thinet import EXAMPLE, QUICK, check, commands, finish, run, scratch, skip, skip_all

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices, many of them
try:
    import numpy as np
except ImportError:
    skip_all("Python has no module numpy")
from selection_rules import RULES, Draw, errors, lasso_agrees, least_squares, turns, weight_scores

RANK = os.path.abspath(os.environ.get("TN_RANK_FILTERS", "tests/pipeline/rank_filters"))
folder = scratch()
random = np.random.default_rng(20170722)
draw = Draw(random)


def rank(method, **given):
    words = ["%s=%s" % pair for pair in given.items()]
    done = subprocess.run([RANK, method, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        check("%s %s" % (method, " ".join(words)), False, done.stderr)
        finish()
    return json.loads(done.stdout)


def saved(name, values):
    path = os.path.join(folder, name + ".npy")
    np.save(path, np.ascontiguousarray(values, dtype=np.float64))
    return path


# --- from samples ---

def compare(name, x, kept=(), pruned=(), y=None):
    channels = x.shape[1]
    file = saved("x", x)
    locks = {}
    if y is not None:
        locks["target"] = saved("y", np.append(x.T @ y, y @ y))
    if kept or pruned:
        locks.update(kept=",".join(map(str, kept)), pruned=",".join(map(str, pruned)))
    singular = np.linalg.matrix_rank(x) < channels
    orders = {}
    for method, rule in RULES.items():
        expected = rule(x, kept, pruned, y)
        result = rank(method, samples=file, **locks)
        found = orders[method] = result["order"]
        at = next((i for i in range(channels) if found[i] != expected[i]), channels)
        check("%s: %s" % (name, method), at == channels,
              "step %d: %s, expected %s" % (at + 1, found[at:at + 3], expected[at:at + 3]))
        found, expected = np.array(result["error"]), errors(x, expected, y)
        check("%s: errors of %s" % (name, method), (np.abs(found - expected) <= 1e-9 * expected + 1e-11).all(),
              "%s, expected %s" % (found, expected))
    if not singular and not kept and not pruned:
        check("%s: lasso" % name, lasso_agrees(x, np.array(rank("lasso", samples=file, **locks)["score"]), y))
    result = rank("lasso", samples=file, **locks)
    score = result["score"]
    check("%s: lasso by score" % name, result["order"] == [
        c for turn in turns(channels, kept, pruned) for c in sorted(turn, key=lambda c: (score[c], c))])

    gains = []
    for keep in range(1, channels + 1, 1 if channels < 20 else channels // 10):
        result = rank("thinet-x", samples=file, keep=keep, **locks)
        stay = result["order"][channels - keep:]
        weights, _, error = least_squares(x, stay, y)
        greedy = min(least_squares(x, order[channels - keep:], y)[2] for order in orders.values())
        gains.append(1 - error / greedy if greedy > 1e-12 else 0)
        good = sorted(result["order"]) == list(range(channels)) and error <= greedy + 1e-12
        good = good and result["order"][:len(pruned)] == [c for c in result["order"] if c in pruned]
        good = good and abs(result["error_ls"][channels - keep] - error) <= 1e-6 * error + 1e-10
        if not singular:
            scale = np.maximum(np.abs(weights), 1e-3 * np.abs(weights).max())
            good = good and (np.abs(np.array(result["weights"]) - weights) <= 1e-6 * scale).all()
        if not check("%s: thinet-x keeping %d" % (name, keep), good, "error %.17g, greedy %.17g" % (error, greedy)):
            break
    print("    %s: thinet-x takes %.1f %% from the better greedy's error on average" % (name, 100 * np.mean(gains)))


def compare_with_optimum(channels, sources):
    x = draw(channels, 400, sources)
    file = saved("x", x)
    total, best = [], []
    for keep in range(1, channels):
        order = rank("thinet-x", samples=file, keep=keep)["order"]
        total.append(least_squares(x, order[channels - keep:])[2])
        best.append(min(least_squares(x, list(s))[2] for s in itertools.combinations(range(channels), keep)))
    total, best = np.array(total), np.array(best)
    check("thinet-x of %d filters is no better than the optimum, and near it" % channels,
          (total >= best * (1 - 1e-9)).all() and (total <= best * 1.25).all(), "%s\n%s" % (total, best))
    print("    optimal in %d of %d numbers kept" % ((total <= best * (1 + 1e-9)).sum(), len(best)))


for channels, samples, sources in ((1, 20, 1), (2, 30, 2), (16, 300, 4), (40, 500, 12), (96, 800, 40)):
    compare("%d filters" % channels, draw(channels, samples, sources))
compare("24 filters, some locked", draw(24, 300, 6), kept=(0, 7, 19), pruned=(3, 4, 23))
x = draw(20, 300, 5)
x[:, [4, 13]] = 0
x[:, 17] = x[:, 2]
x[:, 5] = x[:, 11]
compare("dead and copied filters", x)
compare("dead and copied filters, some locked", x, kept=(4, 17), pruned=(5, 9))
for channels, samples, sources in ((1, 20, 1), (16, 300, 4), (40, 500, 12)):
    x = draw(channels, samples, sources)
    noise = 0.3 * np.sqrt((x.sum(axis=1) ** 2).mean()) * random.standard_normal(samples)
    compare("%d filters, another network's output" % channels, x, y=1.2 * x.sum(axis=1) - 0.5 * x[:, 0] + noise)
compare("the same, some locked", x, kept=(0, 7, 19), pruned=(3, 4, 23),
        y=1.2 * x.sum(axis=1) - 0.5 * x[:, 0] + noise)
for channels in (8, 10):
    compare_with_optimum(channels, 3)


# --- from the weights ---

def compare_weights():
    try:
        scores = weight_scores(EXAMPLE)
    except ImportError:
        skip("methods from weights", "Python has no module onnx")
        return
    for row in commands("open " + EXAMPLE, "layers")[1]["layers"]:
        if not row["prunable"] or row["name"] not in scores:
            continue
        for method, expected in scores[row["name"]].items():
            found = rank(method, model=EXAMPLE, layer=row["name"])
            check("%s of %s" % (method, row["name"]),
                  found["order"] == list(np.argsort(expected, kind="stable"))
                  and np.allclose(found["score"], expected, rtol=1e-9, atol=0), found["order"])


compare_weights()

# --- from activations, and by chance ---

zeros = random.integers(0, 20, 50) / 20
for method, name, key in (("apoz", "zeros", -zeros), ("mean-activation", "mean", zeros), ("taylor", "taylor", zeros)):
    found = rank(method, **{name: saved("activity", zeros)})["order"]
    check(method, found == list(np.argsort(key, kind="stable")), found)


MASK = 2 ** 64 - 1


def splitmix64(state):
    z = state
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
    z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
    return z ^ z >> 31


def chance(seed, name, count):
    """Numbers of xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 from the seed and the FNV-1a hash of the
    name."""
    stream, step = 0xcbf29ce484222325, 0x9e3779b97f4a7c15
    for byte in name.encode():
        stream = (stream ^ byte) * 0x100000001b3 & MASK
    mixer = splitmix64((seed + step) & MASK) ^ ((stream * 0xd1342543de82ef95 + 1) & MASK)
    s = [splitmix64((mixer + (i + 1) * step) & MASK) for i in range(4)]

    def rotate(x, k):
        return (x << k | x >> 64 - k) & MASK

    numbers = []
    for _ in range(count):
        numbers.append((rotate(s[1] * 5 & MASK, 7) * 9 & MASK) >> 11)
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
    return np.array(numbers) / 2.0 ** 53


for seed, name in ((1, "conv1_1"), (5, "conv1_1"), (5, "layer1.0.conv1")):
    found, expected = rank("random", channels=60, seed=seed, group=name), chance(seed, name, 60)
    check("random of seed %d, %s" % (seed, name), found["score"] == list(expected)
          and found["order"] == list(np.argsort(expected, kind="stable")), found)

# --- real samples, in single precision where they come from ---

if run("-c", "data fashion-mnist").returncode != 0:
    skip("orders on real samples", "no Fashion-MNIST images (Debian: dataset-fashion-mnist)")
else:
    layers = [row["name"] for row in commands("open " + EXAMPLE, "layers")[1]["layers"] if row["prunable"]]
    for layer in layers[1:2] if QUICK else layers[1:]:
        file = os.path.join(folder, layer + ".npy")
        commands("open " + EXAMPLE, "data fashion-mnist", "sample all images=10 locations=10 seed=7",
                 "export-samples %s %s" % (layer, file))
        x = np.load(file).astype(np.float64)
        compare(layer, x[:, :64], kept=(1, 2), pruned=(3,))
finish()
