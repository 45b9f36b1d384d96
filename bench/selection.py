#!/usr/bin/python3
"""Choosing filters: the time it takes beside NumPy, and how near each method comes to the best choice there is."""

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
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--channels", type=int, default=512)
parser.add_argument("--samples", type=int, default=100000)
parser.add_argument("--loop-samples", type=int, default=10000, help="for the rule summed over samples, as published")
parser.add_argument("--layers", nargs="*", default=[], metavar="X.npy", help="written by export-samples")
parser.add_argument("--dry-run", action="store_true", help="print, but add nothing to RESULTS.md")
args = parser.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)

import numpy as np

METHODS = ("thinet", "thinet-w", "thinet-x", "lasso")
folder = tempfile.TemporaryDirectory()
random = np.random.default_rng(20170722)


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


def draw(channels, samples, sources):
    """What a layer hands on: mixtures of few sources and some noise, rectified, times weights of either sign."""
    mixed = random.standard_normal((samples, sources)) @ random.standard_normal((sources, channels)) / sources ** 0.5
    mixed += 0.5 * random.standard_normal((samples, channels))
    return np.maximum(mixed, 0) * random.uniform(0.3, 2, channels) * random.standard_normal(channels)


# --- time ---

def seconds(function, rounds):
    least, result = None, None
    for _ in range(rounds):
        start = time.perf_counter()
        result = function()
        taken = time.perf_counter() - start
        least = taken if least is None else min(least, taken)
    return least, result


def published_loop(x):
    """Luo et al. 2017, algorithm 1: for every candidate the whole sum over samples."""
    removed, remaining, order = np.zeros(len(x)), list(range(x.shape[1])), []
    while remaining:
        totals = [float(((removed + x[:, c]) ** 2).sum()) for c in remaining]
        c = remaining.pop(int(np.argmin(totals)))
        removed += x[:, c]
        order.append(c)
    return order


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
    b, whole, errors = g.sum(axis=1), g.sum(), []
    for removed in range(len(g)):
        stay = order[removed:]
        errors.append(1 - b[stay] @ np.linalg.solve(g[np.ix_(stay, stay)], b[stay]) / whole)
    return errors


def compare_times():
    lines = []

    def line(what, own, other, note=""):
        lines.append("%-46s %10.3f ms   NumPy %12.3f ms   ratio %7.1f %s" % (
            what, 1e3 * own, 1e3 * other, other / own, note))

    x = draw(args.channels, args.samples, args.channels // 4)
    file = saved("x", x)
    ours = min(rank("random", samples=file)["gram_seconds"] for _ in range(args.rounds))
    numpy_seconds, g = seconds(lambda: x.T @ x, args.rounds)
    line("G from %d x %d samples" % x.shape, ours, numpy_seconds)
    file = saved("g", g)
    found = {method: rank(method, gram=file, repeat=args.rounds) for method in METHODS}
    whole = found["thinet"]["rank_seconds"] + found["thinet"]["path_seconds"]
    greedy_seconds, order = seconds(lambda: greedy_on_gram(g), args.rounds)
    errors_seconds, errors = seconds(lambda: errors_on_gram(g, order), 1)
    if order != found["thinet"]["order"] or np.abs(np.array(errors) - found["thinet"]["error_ls"][:-1]).max() > 1e-9:
        sys.exit("the orders or errors are not the same")
    line("thinet: the whole path and its errors, from G", whole, greedy_seconds + errors_seconds)
    line("thinet: the order alone, from G", found["thinet"]["rank_seconds"], greedy_seconds)
    x = x[:args.loop_samples]
    loop_seconds, order = seconds(lambda: published_loop(x), 1)
    found["loop"] = rank("thinet", samples=saved("x", x), repeat=args.rounds)
    if order != found["loop"]["order"]:
        sys.exit("the orders are not the same")
    line("thinet: from %d x %d samples, as published" % x.shape,
         found["loop"]["gram_seconds"] + found["loop"]["rank_seconds"], loop_seconds)
    lines.append("%-46s %10.3f ms" % ("one step", 1e3 * found["thinet"]["step_seconds"]))
    for method in METHODS[1:]:
        lines.append("%-46s %10.3f ms" % (method + ": the order, from G", 1e3 * found[method]["rank_seconds"]))
    return lines


# --- quality ---

def solve_all(g, keep):
    """Least error of all sets of that size."""
    sets = np.array(list(itertools.combinations(range(len(g)), keep)))
    b, least = g.sum(axis=1), np.inf
    for part in np.array_split(sets, len(sets) // 20000 + 1):
        w = np.linalg.solve(g[part[:, :, None], part[:, None, :]], b[part][:, :, None])[:, :, 0]
        least = min(least, 1 - (w * b[part]).sum(axis=1).max() / g.sum())
    return least


def compare_with_optimum(name, draws):
    ratios, optimal, cases = {m: [] for m in METHODS}, {m: 0 for m in METHODS}, 0
    for x in draws:
        g = x.T @ x
        channels, file = len(g), saved("g", g)
        orders = {m: rank(m, gram=file) for m in METHODS}
        for keep in range(1, channels):
            least = solve_all(g, keep)
            if least < 1e-9:
                continue
            cases += 1
            for method in METHODS:
                found = rank(method, gram=file, keep=keep) if method == "thinet-x" else orders[method]
                error = found["error_ls"][channels - keep]
                ratios[method].append(error / least)
                optimal[method] += error <= least * (1 + 1e-7)
    return ["%-34s %s" % ("%s, %d cases" % (name, cases), "   ".join(
        "%s %.3f (%d)" % (m, np.mean(ratios[m]), optimal[m]) for m in METHODS))]


def compare_gains(name, x):
    """Against the better of both greedy ones, for every number kept."""
    g = x.T @ x
    channels, file = len(g), saved("g", g)
    errors = {m: np.array(rank(m, gram=file)["error_ls"]) for m in METHODS}
    better = np.minimum(errors["thinet"], errors["thinet-w"])
    keeps = [k for k in range(1, channels, max(1, channels // 32)) if better[channels - k] > 1e-9]
    found = np.array([rank("thinet-x", gram=file, keep=k)["error_ls"][channels - k] for k in keeps])
    at = channels - np.array(keeps)
    if (found > better[at] + 1e-12).any():
        sys.exit("thinet-x is worse than a greedy method")
    return ["%-34s thinet %.3f   thinet-w %.3f   lasso %.3f   thinet-x %.3f of the better greedy's error" % (
        "%s, %d filters" % (name, channels), *((errors[m][at] / better[at]).mean() for m in ("thinet", "thinet-w", "lasso")),
        (found / better[at]).mean())]


lines = compare_times()
lines += ["", "least-squares error over the least of all sets of that size, mean (how often it is the least):"]
for channels, sources in ((8, 3), (12, 4), (16, 5)):
    lines += compare_with_optimum("%d filters drawn" % channels, [draw(channels, 1000, sources) for _ in range(4)])
layers = {os.path.splitext(os.path.basename(path))[0]: np.load(path).astype(np.float64) for path in args.layers}
for name, x in layers.items():
    if x.shape[1] >= 16:
        picks = [x[:, np.sort(random.choice(x.shape[1], 16, replace=False))] for _ in range(2)]
        lines += compare_with_optimum("16 filters of " + name, picks)
lines += ["", "mean over all numbers kept:"]
for channels in (64, 128):
    lines += compare_gains("drawn", draw(channels, 4000, channels // 4))
for name, x in layers.items():
    lines += compare_gains(name, x)
print("\n".join(lines))
if not args.dry_run:
    with open(os.path.join(peer.TREE, "bench", "RESULTS.md"), "a") as file:
        file.write("\n## %s: choosing filters\n\n%s; %d threads, least of %d; NumPy %s\n\n%s\n" % (
            datetime.date.today().isoformat(), peer.machine(), args.threads, args.rounds, np.__version__,
            "\n".join(("    " + line).rstrip() for line in lines)))
