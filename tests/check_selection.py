#!/usr/bin/env python3
"""Check a selection against ThiNet's rule evaluated straight from the samples.

    check_selection.py X.npy CURVE.json [RUN.json]

X.npy       samples [m,C], as written by `export-samples LAYER X.npy`
CURVE.json  what `curve LAYER` printed with --json: kept[], error[], error_ls[], order[]
RUN.json    optionally what `run LAYER ...` or `prune ... reweight=ls` printed: kept[], weights[]

Either file may hold several objects, one a line; the one with the fields is taken. Nothing here uses a Gram
matrix: for every candidate the rule is summed over all samples (Luo, Wu, Lin 2017, algorithm 1), and least squares
are solved by NumPy on the samples. Locks are not known here: the layer must have none. Prints a line a check; exit
status 1 when one fails.
"""
import json
import sys

import numpy as np

failed = False


def report(name, ok, detail):
    global failed
    failed = failed or not ok
    print(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}")


def objects(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def find(path, *fields):
    for candidate in reversed(objects(path)):
        if all(field in candidate for field in fields):
            return candidate
    return None


def removal_order(x):
    """For each step and each remaining filter the whole sum over samples; ties go to the lowest index."""
    m, channels = x.shape
    removed = np.zeros(m)
    remaining = list(range(channels))
    order, sums = [], [0.0]
    while remaining:
        totals = ((removed[:, None] + x[:, remaining]) ** 2).sum(axis=0)
        best = int(np.argmin(totals))
        removed = removed + x[:, remaining[best]]
        order.append(remaining.pop(best))
        sums.append(float((removed**2).sum()))
    return order, np.array(sums)


def residual(x, y, kept):
    w = np.linalg.lstsq(x[:, kept], y, rcond=None)[0]
    return w, float(((y - x[:, kept] @ w) ** 2).sum())


def check_order(x, curve):
    order, sums = removal_order(x)
    given = curve["order"]
    same = given == order
    detail = f"{len(order)} filters, the same order"
    if not same:
        at = next((i for i, (a, b) in enumerate(zip(given, order)) if a != b), min(len(given), len(order)))
        detail = f"step {at + 1}: {given[at:at + 1]} removed, {order[at:at + 1]} expected"
    report("removal order", same, detail)
    return order, sums


def check_errors(x, y, curve, order, sums):
    energy = float((y**2).sum())
    channels = x.shape[1]
    kept = np.array(curve["kept"])
    report("kept", list(kept) == list(range(channels, channels - len(kept), -1)) and len(kept) >= channels,
           f"{len(kept)} numbers from {kept[0]} down to {kept[-1]}")
    expected = sums[channels - kept] / energy
    difference = np.abs(np.array(curve["error"]) - expected)
    bound = 1e-9 * expected + 1e-11
    report("errors", bool((difference <= bound).all()), f"largest difference {difference.max():.2e}")

    # Every prefix where that is quick, a spread of them otherwise.
    step = max(1, channels // 128)
    worst, ok = 0.0, True
    for number in range(1, channels + 1, step):
        stay = sorted(order[channels - number:])
        _, left = residual(x, y, stay)
        given = curve["error_ls"][list(kept).index(number)]
        difference = abs(given - left / energy)
        worst = max(worst, difference)
        ok = ok and difference <= 1e-6 * left / energy + 1e-10
    report("least-squares errors", ok, f"largest difference {worst:.2e}")


def check_weights(x, y, selection):
    kept, weights = selection["kept"], np.array(selection["weights"], dtype=float)
    expected, _ = residual(x, y, kept)
    if np.linalg.matrix_rank(x[:, kept]) < len(kept):
        # Weights are not unique: compare what they make.
        a, b = x[:, kept] @ weights, x[:, kept] @ expected
        difference = float(np.linalg.norm(a - b) / np.linalg.norm(b))
        report("weights (dependent filters: their output)", difference <= 1e-6, f"relative difference {difference:.2e}")
        return
    scale = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max())
    difference = float((np.abs(weights - expected) / scale).max())
    report("weights", difference <= 1e-6, f"{len(kept)} kept, largest relative difference {difference:.2e}")


def selection_of(path, layer):
    found = find(path, "layers")
    for candidate in found["layers"] if found else []:
        if candidate.get("name") == layer and "weights" in candidate:
            return candidate
    return find(path, "kept", "weights")


def main(arguments):
    if len(arguments) not in (2, 3):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    x = np.load(arguments[0]).astype(np.float64)
    curve = find(arguments[1], "order", "kept", "error", "error_ls")
    if curve is None:
        print(f"{arguments[1]}: no object with order, kept, error and error_ls", file=sys.stderr)
        return 2
    y = x.sum(axis=1)
    order, sums = check_order(x, curve)
    if order == curve["order"]:
        check_errors(x, y, curve, order, sums)
    if len(arguments) == 3:
        selection = selection_of(arguments[2], curve.get("layer"))
        if selection is None:
            print(f"{arguments[2]}: no object with kept and weights", file=sys.stderr)
            return 2
        check_weights(x, y, selection)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
