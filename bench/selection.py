#!/usr/bin/python3
"""Choosing filters: that every method's choice is its rule's, evaluated in NumPy double precision on exported samples;
how near each comes to the best choice there is; and the time it takes beside NumPy."""

import argparse
import datetime
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time

import peer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rank-filters", default=os.path.join(peer.TREE, "build", "tests", "pipeline", "rank_filters"))
parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--channels", type=int, default=512)
parser.add_argument("--wide", type=int, nargs="*", default=[1024, 2048, 4096], help="channels, for thinet-x")
parser.add_argument("--samples", type=int, default=100000)
parser.add_argument("--loop-steps", type=int, default=3, help="of the rule summed over samples; the rest is extrapolated")
parser.add_argument("--network", nargs=2, action="append", metavar=("FILE", "DATA"),
                    help="DATA: arguments of `data`; default: the example")
parser.add_argument("--only", choices=("exact", "optimum", "time"), action="append", help="default: all")
parser.add_argument("--dry-run", action="store_true", help="print, but add nothing to RESULTS.md")
args = parser.parse_args()
args.network = args.network or [[os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"), "fashion-mnist"]]
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)

import numpy as np

sys.path.insert(0, os.path.join(peer.TREE, "tests", "pipeline"))
from selection_rules import RULES, Draw, errors, lasso_agrees, least_squares, weight_scores

METHODS = ("thinet", "thinet-w", "thinet-x", "lasso")
folder = tempfile.TemporaryDirectory()
random = np.random.default_rng(20170722)
draw = Draw(random)


def saved(name, values):
    path = os.path.join(folder.name, name + ".npy")
    np.save(path, np.ascontiguousarray(values, dtype=np.float64))
    return path


def rank(method, **given):
    command = [args.rank_filters, method, "threads=%d" % args.threads, *("%s=%s" % pair for pair in given.items())]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)


# --- real layers ---

class Layer:
    """Samples the program exported, and what it then chose."""

    def __init__(self, name, x, curves, choices, scores):
        self.name, self.x, self.curves, self.choices, self.scores = name, x, curves, choices, scores


def layers_of(path, data):
    name = os.path.splitext(os.path.basename(path))[0]
    opening = ["open " + path, "data " + data]
    rows = [row for row in peer.program(args, "open " + path, "layers")[1]["layers"] if row["prunable"]]
    scores = weight_scores(path)
    files = [os.path.join(folder.name, row["name"] + ".x.npy") for row in rows]
    methods = ["thinet", "thinet-w", "thinet-x", "lasso", "l1", "l2", "fpgm", "random"]
    methods += ["bn-scale"] if all("bn-scale" in scores.get(row["name"], {}) for row in rows) else []
    choose = [line for m in methods for line in ["method all " + m] + ["ratio %s 0.5" % row["name"] for row in rows]]
    results = peer.program(args, *opening, "sample all images=10 locations=10 seed=7",
                           *("export-samples %s %s" % (row["name"], file) for row, file in zip(rows, files)),
                           *("curve %s method=all" % row["name"] for row in rows), *choose)
    curves, chosen = results[3 + len(rows):3 + 2 * len(rows)], results[3 + 2 * len(rows):]
    for i, (row, file, curve) in enumerate(zip(rows, files, curves)):
        choices = {m: chosen[k * (len(rows) + 1) + 1 + i] for k, m in enumerate(methods)}
        yield Layer("%s %s" % (name, row["name"]), np.load(file).astype(np.float64),
                    {r["method"]: r for r in curve["methods"]}, choices, scores.get(row["name"], {}))


def check_layer(layer, worst):
    """Methods whose order is the rule's, and what is not the rule's."""
    x, right, wrong = layer.x, [], []
    orders = {method: rule(x) for method, rule in RULES.items()}
    orders.update((method, list(np.argsort(score, kind="stable"))) for method, score in layer.scores.items())
    for method, order in orders.items():
        if method in layer.curves:
            (right if layer.curves[method]["order"] == order else wrong).append(method)
    if np.linalg.matrix_rank(x) == x.any(axis=0).sum():  # else LASSO has more than one solution
        score = np.array(rank("lasso", samples=saved("x", x))["score"])
        same = lasso_agrees(x, score) and layer.curves["lasso"]["order"] == list(np.argsort(score, kind="stable"))
        (right if same else wrong).append("lasso")
    for method, curve in layer.curves.items():
        if method != "thinet-x":
            found, expected = np.array(curve["error"]), errors(x, curve["order"])[:len(curve["error"])]
            worst["error"] = max(worst["error"], np.abs(found - expected).max())
    for method, choice in layer.choices.items():
        expected, _, error = least_squares(x, choice["kept"])
        weights = np.array(choice["weights"])
        worst["error_ls"] = max(worst["error_ls"], abs(choice["error_ls"] - error))
        if np.linalg.matrix_rank(x[:, choice["kept"]]) < len(expected):  # not unique: what they make of the samples
            found, expected = x[:, choice["kept"]] @ weights, x[:, choice["kept"]] @ expected
            off = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        else:
            off = (np.abs(weights - expected) / np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max())).max()
        worst["weights"] = max(worst["weights"], off)
        if off > 1e-6:
            wrong.append("weights of %s: %.1e" % (method, off))
    return right, wrong


def check_exact(layers):
    lines = []
    for network in sorted({layer.name.split()[0] for layer in layers}):
        worst = {"error": 0, "error_ls": 0, "weights": 0}
        those = [layer for layer in layers if layer.name.split()[0] == network]
        wrong, counted = [], {}
        for layer in those:
            right, bad = check_layer(layer, worst)
            wrong += ["%s: %s" % (layer.name, w) for w in bad]
            for method in right:
                counted[method] = counted.get(method, 0) + 1
        lines.append("%-12s %2d layers   orders the same: %s" % (network, len(those), ", ".join(
            "%s %d" % pair for pair in counted.items())))
        lines.append("%-12s largest difference: errors %.1e, least-squares errors %.1e, weights at half (relative) %.1e; "
                     "not the rule's: %s" % ("", worst["error"], worst["error_ls"], worst["weights"], "; ".join(wrong) or "none"))
    return lines


# --- quality ---

def solve_all(g, keep):
    """Least error of all sets of that size."""
    sets = np.array(list(itertools.combinations(range(len(g)), keep)))
    b, least = g.sum(axis=1), np.inf
    g = g + np.diag(np.where(np.diag(g) > 0, 0, 1))  # any pivot serves a dead filter
    for part in np.array_split(sets, len(sets) // 20000 + 1):
        w = np.linalg.solve(g[part[:, :, None], part[:, None, :]], b[part][:, :, None])[:, :, 0]
        least = min(least, 1 - (w * b[part]).sum(axis=1).max() / b.sum())
    return least


class Standing:
    """Error over the least there is, by method, and how often it is the least."""

    def __init__(self):
        self.ratios, self.cases = {}, 0

    def add(self, g, errors_of):
        for keep in range(1, len(g)):
            least = solve_all(g, keep)
            if least < 1e-9:
                continue
            self.cases += 1
            for method, found in errors_of(keep).items():
                self.ratios.setdefault(method, []).append(found / least)

    def line(self, name):
        return "%-40s %s" % ("%s, %d cases" % (name, self.cases), "   ".join("%s %.3f (%d)" % (
            m, np.mean(r), (np.array(r) <= 1 + 1e-7).sum()) for m, r in self.ratios.items()))


def add_drawn(standing, x):
    g = x.T @ x
    file = saved("g", g)
    channels, found = len(g), {m: rank(m, gram=file)["error_ls"] for m in METHODS}

    def errors_of(keep):
        found["thinet-x"] = rank("thinet-x", gram=file, keep=keep)["error_ls"]
        return {m: found[m][channels - keep] for m in METHODS}

    standing.add(g, errors_of)


def compare_with_optimum(layers):
    lines = []
    for channels, sources in ((8, 3), (12, 4), (16, 5)):
        standing = Standing()
        for _ in range(4):
            add_drawn(standing, draw(channels, 1000, sources))
        lines.append(standing.line("%d filters drawn" % channels))
    small = [layer for layer in layers if layer.x.shape[1] <= 16]
    for layer in small:
        standing, channels = Standing(), layer.x.shape[1]
        standing.add(layer.x.T @ layer.x, lambda keep: {
            m: curve["error_ls"][channels - keep] for m, curve in layer.curves.items()})
        lines.append(standing.line(layer.name))
    for layer in [layer for layer in layers if layer.x.shape[1] > 16][:6]:
        standing = Standing()
        add_drawn(standing, layer.x[:, np.sort(random.choice(layer.x.shape[1], 16, replace=False))])
        lines.append(standing.line("16 filters of " + layer.name))
    return lines


def compare_gains(layers):
    """Of thinet-x against the better of both greedy ones, for every number kept."""
    lines, gains = [], []
    for layer in layers:
        found = {m: np.array(layer.curves[m]["error_ls"]) for m in METHODS}
        better = np.minimum(found["thinet"], found["thinet-w"])
        if (found["thinet-x"] > better + 1e-12).any():
            sys.exit("%s: thinet-x is worse than a greedy method" % layer.name)
        some = better > 1e-9
        ratios = {m: (found[m][some] / better[some]).mean() for m in METHODS}
        gains.append(1 - ratios["thinet-x"])
        lines.append("%-28s %3d filters   thinet %.3f   thinet-w %.3f   lasso %.3f   thinet-x %.3f" % (
            layer.name, layer.x.shape[1], *(ratios[m] for m in ("thinet", "thinet-w", "lasso", "thinet-x"))))
    lines.append("thinet-x is never above either, at any number kept of %d layers; it takes %.1f %% off on average (%.1f to %.1f)" % (
        len(layers), 100 * np.mean(gains), 100 * min(gains), 100 * max(gains)))
    return lines


# --- time ---

def seconds(function, rounds):
    """Median, and the last result."""
    taken, result = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        result = function()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), result


def median(rounds, method, *fields, **given):
    """Of the sums of some fields over processes of their own; and the last result."""
    found = [rank(method, **given) for _ in range(rounds)]
    return float(np.median([sum(f[field] for field in fields) for f in found])), found[-1]


def published_steps(x, order, steps):
    """Luo et al. 2017, algorithm 1: for every candidate the whole sum over samples. Only the first steps; seconds of each.
    """
    removed, remaining, taken = np.zeros(len(x)), list(range(x.shape[1])), []
    for step in range(steps):
        start = time.perf_counter()
        totals = [float(((removed + x[:, c]) ** 2).sum()) for c in remaining]
        c = remaining.pop(int(np.argmin(totals)))
        removed += x[:, c]
        taken.append((time.perf_counter() - start) / (len(remaining) + 1))
        if c != order[step]:
            sys.exit("the orders are not the same")
    return float(np.median(taken)) * x.shape[1] * (x.shape[1] + 1) / 2


def greedy_on_gram(g):
    own, r, gone, order = np.diag(g).copy(), np.zeros(len(g)), np.zeros(len(g), bool), []
    for _ in range(len(g)):
        c = int(np.argmin(np.where(gone, np.inf, 2 * r + own)))
        gone[c] = True
        r += g[c]
        order.append(c)
    return order


def errors_on_gram(g, order):
    """The least-squares error of every prefix, each solved by itself."""
    b, whole, found = g.sum(axis=1), g.sum(), []
    for removed in range(len(g)):
        stay = order[removed:]
        found.append(1 - b[stay] @ np.linalg.solve(g[np.ix_(stay, stay)], b[stay]) / whole)
    return found


def compare_times():
    lines = []

    def line(what, own, other=None, note=""):
        beside = "   NumPy %12.3f ms   ratio %8.1f" % (1e3 * other, other / own) if other else ""
        lines.append("%-52s %10.3f ms%s %s" % (what, 1e3 * own, beside, note))

    x = draw(args.channels, args.samples, args.channels // 4)
    file = saved("x", x)
    ours, _ = median(args.rounds, "random", "gram_seconds", samples=file)
    numpy_seconds, g = seconds(lambda: x.T @ x, args.rounds)
    line("G from %d x %d samples" % x.shape, ours, numpy_seconds)
    os.remove(file)
    file = saved("g", g)
    greedy_seconds, order = seconds(lambda: greedy_on_gram(g), args.rounds)
    errors_seconds, expected = seconds(lambda: errors_on_gram(g, order), 1)
    whole, found = median(args.rounds, "thinet", "rank_seconds", "path_seconds", gram=file)
    if order != found["order"] or np.abs(np.array(expected) - found["error_ls"][:-1]).max() > 1e-9:
        sys.exit("the orders or errors are not the same")
    line("thinet: the whole path and its errors, from G", whole, greedy_seconds + errors_seconds)
    own, _ = median(args.rounds, "thinet", "rank_seconds", gram=file)
    line("thinet: the order alone, from G", own, greedy_seconds)
    line("one step of it", own / args.channels)
    line("the next candidates half way, from G", median(args.rounds, "thinet", "step_seconds", gram=file)[0])
    line("thinet: from %d x %d samples, as published" % x.shape, ours + own,
         published_steps(x, order, args.loop_steps), "(NumPy: %d steps measured, the rest extrapolated)" % args.loop_steps)
    del x
    for method in METHODS[1:]:
        line(method + ": the order, from G", median(args.rounds, method, "rank_seconds", gram=file)[0])
    for channels in args.wide:
        x = draw(channels, max(4000, 2 * channels), channels // 4)
        g = saved("g", x.T @ x)
        line("thinet-x of %d filters, from G" % channels, median(1, "thinet-x", "rank_seconds", gram=g)[0])
    return lines


def wants(what):
    return not args.only or what in args.only


lines = []
layers = [] if args.only == ["time"] else [layer for path, data in args.network for layer in layers_of(path, data)]
if wants("exact"):
    lines += ["against NumPy in double precision on the samples exported (1000 a layer):"] + check_exact(layers) + [""]
if wants("optimum"):
    lines += ["least-squares error over the least of all sets of that size, mean (how often it is the least):"]
    lines += compare_with_optimum(layers)
    lines += ["", "least-squares error over the better greedy's, mean of all numbers kept:"] + compare_gains(layers) + [""]
if wants("time"):
    lines += ["time, medians:"] + compare_times()
print("\n".join(lines))
if not args.dry_run:
    with open(os.path.join(peer.TREE, "bench", "RESULTS.md"), "a") as file:
        file.write("\n## %s: choosing filters\n\n%s; %d threads, median of %d; NumPy %s\n\n%s\n" % (
            datetime.date.today().isoformat(), peer.machine(), args.threads, args.rounds, np.__version__,
            "\n".join(("    " + line).rstrip() for line in lines)))
