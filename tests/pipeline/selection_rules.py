"""The rules by which methods choose filters, written out in NumPy double precision: from samples X [m,C], or from the
weights in an ONNX file. y, where it is given, is another network's output, which the channels that stay are to add up
to; else y = X 1. Ties go to the lowest index."""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from check_selection import removal_order


class Draw:
    """What a layer hands on: mixtures of few sources and some noise, rectified, times weights of either sign."""

    def __init__(self, random):
        self.random = random

    def __call__(self, channels, samples, sources):
        random = self.random
        mixed = random.standard_normal((samples, sources)) @ random.standard_normal((sources, channels)) / sources ** 0.5
        mixed += 0.5 * random.standard_normal((samples, channels))
        return np.maximum(mixed, 0) * random.uniform(0.3, 2, channels) * random.standard_normal(channels)


def turns(channels, kept, pruned):
    """Filters by lock, in the order in which they are removed."""
    free = [c for c in range(channels) if c not in kept and c not in pruned]
    return [sorted(pruned), free, sorted(kept)]


def least_squares(x, kept, y=None):
    y = x.sum(axis=1) if y is None else y
    weights = np.linalg.lstsq(x[:, kept], y, rcond=None)[0] if len(kept) else np.zeros(0)
    residual = y - x[:, kept] @ weights
    return weights, residual, float(residual @ residual / (y @ y))


def thinet(x, kept=(), pruned=(), y=None):
    """y, where it is another network's output, is what the channels that stay are to add up to."""
    if not kept and not pruned and y is None:
        return removal_order(x)[0]
    removed, order = np.zeros(len(x)) if y is None else y - x.sum(axis=1), []
    for turn in turns(x.shape[1], kept, pruned):
        turn = list(turn)
        while turn:
            costs = ((removed[:, None] + x[:, turn]) ** 2).sum(axis=0)
            c = turn.pop(int(np.argmin(costs)))
            removed = removed + x[:, c]
            order.append(c)
    return order


def thinet_w(x, kept=(), pruned=(), y=None):
    own, chosen = (x ** 2).sum(axis=0), []
    for turn in reversed(turns(x.shape[1], kept, pruned)):
        turn = list(turn)
        while turn:
            residual = least_squares(x, chosen, y)[1]
            terms = (x[:, turn].T @ residual) ** 2 / np.where(own[turn] > 0, own[turn], 1)
            chosen.append(turn.pop(int(np.argmax(np.where(terms > 1e-22 * own.sum(), terms, 0)))))
    return chosen[::-1]


def lasso_solved(g, b, bound, beta):
    """The solution whose channels and signs are those of beta, or None where that breaks an optimality condition."""
    in_it = np.flatnonzero(beta)
    if len(in_it) == 0:
        return beta if (np.abs(b) <= bound * (1 + 1e-12)).all() else None
    signs = np.sign(beta[in_it])
    exact = np.zeros_like(beta)
    exact[in_it] = np.linalg.solve(g[np.ix_(in_it, in_it)], b[in_it] - bound * signs)
    outside = np.delete(b - g @ exact, in_it)
    good = (np.sign(exact[in_it]) == signs).all() and (np.abs(outside) <= bound + 1e-12 * np.abs(b).max()).all()
    return exact if good else None


def lasso_beta(g, b, bound, beta):
    """Coordinate descent until it has found which channels are in and with what sign; those give the solution exactly.
    Its own steps never become small enough to stop at on every machine: they shrink slowly, down to rounding."""
    for sweep in range(1, 200001):
        for c in np.flatnonzero(np.diag(g)):
            left = b[c] - g[c] @ beta + g[c, c] * beta[c]
            beta[c] = np.sign(left) * max(abs(left) - bound, 0) / g[c, c]
        if sweep % 10 == 0:
            exact = lasso_solved(g, b, bound, beta)
            if exact is not None:
                return exact
    raise ArithmeticError("coordinate descent finds no solution at bound %g" % bound)


def lasso_agrees(x, score, y=None):
    """Around each score, and between any two, all above are in or have been, and none below is. Where there are many, a
    few are tried: the channel of a score comes in there, and none below is in."""
    g = x.T @ x
    b = g.sum(axis=1) if y is None else x.T @ y
    largest, beta, been = np.abs(b).max(), np.zeros(len(b)), np.zeros(len(b), bool)
    levels = np.append(np.sort(np.unique(score))[::-1], 0)
    whole = len(b) <= 24
    for i in range(0, len(levels) - 1, 1 if whole else len(levels) // 3):
        above, below = levels[i:i + 2]
        # Just below the knot its channel has come in, however soon it leaves again.
        for bound in (above * (1 + 1e-6), above * (1 - 1e-6), (above + below) / 2):
            beta = lasso_beta(g, b, bound * largest, beta)
            found = np.abs(beta) > 1e-10
            been |= found
            if (found & (score <= bound)).any() or (whole and (been != (score > bound)).any()):
                return False
            if above > bound > above * (1 - 1e-5) and not found[score == above].all():
                return False
    return True


RULES = {"thinet": thinet, "thinet-w": thinet_w}


def errors(x, order, y=None):
    """Of every number removed, the weights left as they are."""
    y = x.sum(axis=1) if y is None else y
    left = [y - x[:, order[removed:]].sum(axis=1) for removed in range(len(order) + 1)]
    return np.array([e @ e for e in left]) / (y @ y)


def weight_scores(path):
    """Scores by layer name and method."""
    import onnx
    from onnx import numpy_helper
    model = onnx.load(path)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    layers = {}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm") or not node.input[1].endswith(".weight"):
            continue
        weights = constants[node.input[1]]
        filters = weights.reshape(len(weights), -1).astype(np.float64)
        scores = {"l1": np.abs(filters).sum(axis=1), "l2": np.sqrt((filters ** 2).sum(axis=1)),
                  "fpgm": np.array([np.sqrt(((filters - f) ** 2).sum(axis=1)).sum() for f in filters])}
        behind = [n for n in model.graph.node if n.op_type == "BatchNormalization" and n.input[0] == node.output[0]]
        if behind:
            scores["bn-scale"] = np.abs(constants[behind[0].input[1]].astype(np.float64))
        layers[node.input[1][:-len(".weight")]] = scores
    return layers
