#!/usr/bin/python3
"""Inference speed of this program beside PyTorch and onnxruntime: images a second."""

import os
import shutil
import statistics
import subprocess
import time

import peer

args = peer.arguments(__doc__)
shape = peer.input_shape(args.network)


def ours():
    results = peer.program(args, "open " + args.network, "data %s preset=%s" % (args.data, args.preset),
                           "eval limit=%d" % args.batch, "eval limit=%d batch=%d" % (args.images, args.batch))
    return results[-1]["images"] / results[-1]["seconds"]


def torch_rate():
    images = torch.randn(args.batch, *shape)
    with torch.no_grad():
        network(images)
        start = time.perf_counter()
        for _ in range(0, args.images, args.batch):
            network(images)
    return -(-args.images // args.batch) * args.batch / (time.perf_counter() - start)


def onnxruntime_rate():
    script = os.path.join(peer.TREE, "bench", "infer.js")
    done = subprocess.run(["node", script, args.network, *(str(n) for n in (args.threads, args.batch, args.images, *shape))],
                          stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


runners = {"thinet-tui": ours}
try:
    import torch

    torch.set_num_threads(args.threads)
    network = peer.torch_module(args.network).eval()
    runners["PyTorch"] = torch_rate
except ImportError as missing:
    print("left out: PyTorch (%s)" % missing)
if shutil.which("node") and subprocess.run(["node", "-e", "require.resolve('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0:
    runners["onnxruntime"] = onnxruntime_rate
else:
    print("left out: onnxruntime (no onnxruntime-node by NODE_PATH)")

rates = {name: [] for name in runners}
for _ in range(args.rounds):
    for name, runner in runners.items():
        rates[name].append(runner())
own = statistics.median(rates["thinet-tui"])
lines = []
for name, seen in rates.items():
    lines.append("%-12s %8.0f images/s  ratio %5.2f   (%s)" % (
        name, statistics.median(seen), own / statistics.median(seen), ", ".join("%.0f" % r for r in seen)))
lines.append("ratio: this program's images a second over the peer's")
peer.record(args, "inference", lines)
