#!/usr/bin/env python3
"""What sampling every layer costs beside a plain evaluation of as many training images.

    bench/sampling.py [--program build/thinet-tui] [--rounds 5] [--images 100] MODEL.onnx DATA

Each round runs three processes one after the other: network and data alone, with `eval split=train`, with `sample all`.
Seconds are the commands' own, on the clock; processor seconds are the processes', less those of the first, and say more
where other programs run beside. The median over the rounds counts.
"""

import argparse
import json
import os
import statistics
import subprocess


def run(program, lines):
    """Clock seconds of the last command, processor seconds of the process, its last result."""
    arguments = [program, "--json"]
    for line in lines:
        arguments += ["-c", line]
    before = os.times()
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True, text=True)
    after = os.times()
    result = json.loads(done.stdout.splitlines()[-1])
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return result["seconds"], spent, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("data", help="as the command takes it: fashion-mnist, or a path and options")
    parser.add_argument("--program", default="build/thinet-tui")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=100, help="a class")
    parser.add_argument("--locations", type=int, default=10)
    given = parser.parse_args()
    start = ["open " + given.model, "data " + given.data]
    sample = "sample all images=%d locations=%d" % (given.images, given.locations)
    images = run(given.program, start + ["sample all images=%d locations=1" % given.images])[2]["images"]
    clock, spent = [], []
    print("%d images, %d locations" % (images, given.locations))
    for number in range(given.rounds):
        base = run(given.program, start)
        plain = run(given.program, start + ["eval split=train limit=%d" % images])
        whole = run(given.program, start + [sample])
        clock.append((plain[0], whole[0]))
        spent.append((plain[1] - base[1], whole[1] - base[1]))
        print("round %d  clock: eval %.2f s, sample %.2f s; processor: eval %.2f s, sample %.2f s"
              % (number + 1, *clock[-1], *spent[-1]), flush=True)
    for name, pairs in ("clock", clock), ("processor", spent):
        plain, whole = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        ratio = statistics.median(b / a for a, b in pairs)
        print("%s: eval %.3f s, sample %.3f s, sample / eval %.2f" % (name, plain, whole, ratio))


if __name__ == "__main__":
    main()
