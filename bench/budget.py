#!/usr/bin/python3
"""Budgets for ResNet-50: the time an answer takes, how near it comes to what is asked, and that floors and locks hold. The
network's weights and the images are random: what is asked for is the solver's work on some 35 groups of up to 2048
channels, not what the curves look like."""

import argparse
import datetime
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import zlib

import peer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--side", type=int, default=64, help="of the images, in pixels")
parser.add_argument("--limit", type=float, default=0.2, help="seconds that an answer may take")
parser.add_argument("--dry-run", action="store_true", help="print, but add nothing to RESULTS.md")
args = parser.parse_args()
FRACTIONS = (0.25, 0.5, 0.75)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_image(path, seed):
    side = args.side
    noise = b""
    while len(noise) < side * (3 * side + 1):
        noise += zlib.crc32(b"%d %d" % (seed, len(noise))).to_bytes(4, "big")
    rows = b"".join(b"\0" + noise[y * 3 * side:(y + 1) * 3 * side] for y in range(side))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def write_images(folder):
    for split in ("train", "test"):
        for label in range(10):
            place = os.path.join(folder, split, "class%d" % label)
            os.makedirs(place)
            for i in range(10 if split == "train" else 1):
                write_image(os.path.join(place, "%d.png" % i), label * 100 + i + (5000 if split == "test" else 0))


def run(*lines):
    arguments = [args.program, "--json", "--threads", str(args.threads)]
    for line in lines:
        arguments += ["-c", line]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


rows, fine = [], True
with tempfile.TemporaryDirectory() as folder:
    write_images(folder)
    for scope in ("inner", "all"):
        start = ["open zoo:resnet50 in=3x%dx%d classes=10 seed=1" % (args.side, args.side), "groups scope=" + scope,
                 "data %s" % folder, "sample all images=10 locations=10"]
        names = [group["name"] for group in run(*start[:2])[1]["groups"] if group["prunable"]]
        locked = names[len(names) // 2]
        asked = [(measure, fraction, option) for option in ("", " floor=0.2") for measure in ("flops", "params")
                 for fraction in FRACTIONS]
        lines = ["budget %s=%g%s" % row for row in asked]
        first = run(*start, lines[1])[-1]["seconds"]  # with the paths it needs
        results = run(*start, "lock %s 0-9 keep" % locked, "budget flops=0.99", *lines * args.rounds)[len(start) + 2:]
        for i, (measure, fraction, option) in enumerate(asked):
            answers = results[i::len(asked)]
            answer = answers[0]
            seconds = statistics.median(answer["seconds"] for answer in answers)
            share = answer[measure + "_ratio"] / fraction
            held = all(layer["keep"] >= (0.2 * layer["filters"] if option else 1)
                       and (layer["name"] != locked or layer["keep"] >= 10) for layer in answer["layers"])
            good = held and seconds <= args.limit and (0.99 <= share <= 1 or answer["limited"])
            fine &= good
            rows.append("| %s | %d | %s=%g%s | %.4f%s | %.3f s | %.3f s | %s |" % (
                scope, len(names), measure, fraction, option, share, " (limited)" if answer["limited"] else "", seconds, first,
                "yes" if held else "NO"))

text = """
## %s: budgets, ResNet-50

%s, other work beside; `bench/budget.py`: built-in ResNet-50, random weights and images (%dx%d), every layer sampled, the median of %d.
"First" is the first budget of a session, which also computes the removal paths and their least-squares errors of all layers. Floors and
locks (0 to 9 of one layer in the middle kept): held.

| scope | groups | asked | cost, of what is asked | answer | first | held |
| --- | --- | --- | --- | --- | --- | --- |
%s
""" % (datetime.date.today(), peer.machine(), args.side, args.side, args.rounds, "\n".join(rows))
print(text)
if not args.dry_run:
    with open(os.path.join(peer.TREE, "bench", "RESULTS.md"), "a") as file:
        file.write(text)
sys.exit(not fine)
