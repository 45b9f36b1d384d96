#!/usr/bin/python3
"""Training speed of this program beside PyTorch: images a second, forward, backward and update."""

import statistics
import time

import peer

args = peer.arguments(__doc__)


def ours():
    results = peer.program(
        args, "open " + args.network, "data %s preset=%s" % (args.data, args.preset),
        "finetune epochs=1 lr=0.001 schedule=constant augment=none batch=%d limit=%d seed=1" % (args.batch, args.images))
    return results[-1]["epochs"][-1]["images_per_second"]


def torch_rate():
    network.train()
    images = torch.randn(args.images, *peer.input_shape(args.network))
    labels = torch.randint(0, 10, (args.images,))
    order = torch.randperm(args.images)
    start = time.perf_counter()
    for begin in range(0, args.images, args.batch):
        batch = order[begin:begin + args.batch]
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()
    return args.images / (time.perf_counter() - start)


try:
    import torch

    torch.set_num_threads(args.threads)
    network = peer.torch_module(args.network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4)
    with torch.no_grad():
        network(torch.zeros(2, *peer.input_shape(args.network)))
except ImportError as missing:
    torch = None
    print("left out: PyTorch (%s)" % missing)

mine, theirs = [], []
for _ in range(args.rounds):
    mine.append(ours())
    if torch:
        theirs.append(torch_rate())

lines = ["thinet-tui %8.0f images/s   (%s)" % (statistics.median(mine), ", ".join("%.0f" % r for r in mine))]
if torch:
    lines += ["PyTorch    %8.0f images/s   (%s; version %s)" % (
        statistics.median(theirs), ", ".join("%.0f" % r for r in theirs), torch.__version__),
        "ratio      %8.2f" % (statistics.median(mine) / statistics.median(theirs))]
peer.record(args, "training", lines)
