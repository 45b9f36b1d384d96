#!/usr/bin/python3
"""Inference and training of this program beside PyTorch and onnxruntime: images a second and memory, for a table of
networks.

    python3 bench/engine.py                                    all of it, printed
    python3 bench/engine.py --only infer --networks resnet20,vgg16 --rounds 5
    python3 bench/engine.py --layers vgg16,resnet56            where the time goes: this program's inference by layer
    python3 bench/engine.py --append                           and added to RESULTS.md

Every one of them opens the same ONNX file, the built-in network's with random weights or, where there is none, torchvision's
(--networks takes ONNX files too); before anything is measured, this program and PyTorch must agree on its logits. They take
turns, ours, PyTorch, onnxruntime, ours, ..., each time in a process of its own: a batch of random images that is not counted,
then --batches that are, of which the median counts. The table has the median of --rounds such turns, and the least and most
of them. Training is forward, backward and update by SGD with momentum. All is float32. Memory is the most that a process
held, with its program and libraries; of PyTorch's, opening the file is left out.

onnxruntime is run by node (NODE_PATH). What is not installed is named and left out.
"""

import argparse
import collections
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import peer

# Nothing large may be imported here: on Linux a process counts as its own what its parent held when it was started.

TORCH = [sys.executable, "-W", "ignore", os.path.join(peer.TREE, "bench", "torch_network.py")]
ONNXRUNTIME = """
const ort = require('onnxruntime-node');

async function main([model, threads, batch, passes]) {
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: +threads, interOpNumThreads: 1});
    const shape = [+batch, ...session.inputMetadata[0].shape.slice(1)];
    const pixels = new Float32Array(shape.reduce((a, b) => a * b)).map(() => 2 * Math.random() - 1);
    const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', pixels, shape)};
    const seconds = [];
    for (let i = 0; i <= passes; i++) {
        const start = process.hrtime.bigint();
        await session.run(feeds);
        seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
    }
    console.log(JSON.stringify({seconds: seconds.slice(1), version: ort.env.versions.common}));
}

main(process.argv.slice(1)).catch(error => {
    console.error(String(error));
    process.exit(1);
});
"""

Network = collections.namedtuple("Network", "title source infer train")  # the last two: images at once
NETWORKS = {
    "resnet20": Network("ResNet-20, 32x32", "zoo:resnet20", 250, 128),
    "resnet56": Network("ResNet-56, 32x32", "zoo:resnet56", 250, 128),
    "resnet50": Network("ResNet-50, 224x224", "zoo:resnet50-v1.5", 16, 8),
    "vgg16": Network("VGG-16, 224x224", "zoo:vgg16", 8, 8),
    "mobilenet_v2": Network("MobileNetV2, 224x224", "torchvision", 16, 8),
}
NAMES = {"infer": "inference", "train": "training"}
OURS, PYTORCH, ORT = "thinet-tui", "PyTorch", "onnxruntime"


class Failure(Exception):
    """One line: what a process said last."""


# --- Processes ---


def run(command):
    """What a process printed as JSON on its last line, and the most memory it held, in MiB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        output = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        errors.seek(0)
        said = errors.read().strip().split("\n")[-1]
    if process.returncode != 0:
        raise Failure("%s: %s" % (os.path.basename(command[0]), said or "ended with status %d" % process.returncode))
    return json.loads(output.strip().split("\n")[-1]), usage.ru_maxrss / 1024


def ours(args, path, what, batch):
    command = "time batch=%d passes=%d mode=%s" % (batch, args.batches, NAMES[what])
    result, memory = run([args.program, "--json", "--threads", str(args.threads), "-c", "open " + path, "-c", command])
    ms = result["forward_ms" if what == "infer" else "step_ms"]
    if ms is None:
        raise Failure("%s: %s" % (path, result["untrained"]))
    return 1000 * batch / ms, memory


def theirs(command, args, path, batch):
    result, memory = run(command + [path, str(args.threads), str(batch), str(args.batches)])
    return batch / statistics.median(result["seconds"]), memory


def pytorch(args, path, what, batch):
    return theirs(TORCH + [NAMES[what]], args, path, batch)


def onnxruntime(args, path, what, batch):
    return theirs(["node", "-e", ONNXRUNTIME, "--"], args, path, batch)


RUNNERS = {OURS: ours, PYTORCH: pytorch, ORT: onnxruntime}


def version_of(command):
    """The version a command prints, or None where it cannot."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else None


def versions(program):
    """By name, of all that are installed; the others are named."""
    found = {
        OURS: version_of([program, "--version"]),
        PYTORCH: version_of([sys.executable, "-W", "ignore", "-c", "import numpy, onnx, torch; print(torch.__version__)"]),
        ORT: version_of(["node", "-e", "console.log(require('onnxruntime-node').env.versions.common)"]),
    }
    reasons = {OURS: program, PYTORCH: "no torch, onnx or numpy in " + sys.executable, ORT: "no onnxruntime-node by NODE_PATH"}
    for name in [name for name in found if found[name] is None]:
        if name == OURS:
            sys.exit("%s cannot be run" % program)
        print("left out: %s (%s)" % (name, reasons[name]))
        del found[name]
    return found


# --- Networks ---


def network_of(args, word):
    """A row of the table, or an ONNX file."""
    if word in NETWORKS:
        network = NETWORKS[word]
        return network._replace(source=args.resnet20) if word == "resnet20" and args.resnet20 else network
    if word.endswith(".onnx"):
        return Network(os.path.basename(word)[:-len(".onnx")], word, args.batch, args.batch)
    sys.exit("no network '%s'; there are %s, and ONNX files" % (word, ", ".join(NETWORKS)))


def file_of(args, word, network):
    """The network's ONNX file, written into the work folder unless it is one already."""
    if network.source.endswith(".onnx"):
        return network.source
    path = os.path.join(args.work, word + ".onnx")
    if os.path.exists(path):
        return path
    if network.source == "torchvision":
        run(TORCH + ["export", word, path])
    else:
        peer.program(args, "open " + network.source, "export " + path)
    return path


def prepare(args, word):
    """Its ONNX file, after PyTorch has had a look at it; None, with the reason printed, where there is none."""
    network = network_of(args, word)
    try:
        path = file_of(args, word, network)
        if PYTORCH in args.versions:
            apart = run(TORCH + ["agree", path, args.program])[0]["apart"]
            print("%s: logits within %.1e of PyTorch's, of their scale" % (network.title, apart), file=sys.stderr)
            if not apart < 1e-4:
                sys.exit("%s: not the same network" % network.title)
        return path
    except Failure as failure:
        print("left out: %s (%s)" % (network.title, failure))
        return None


# --- Side by side ---


def measure(args, path, what, batch):
    """Of each that can: images a second and MiB, by round."""
    able = [name for name in args.versions if what == "infer" or name != ORT]
    found = {name: [] for name in able}
    for _ in range(args.rounds):
        for name in able:
            found[name].append(RUNNERS[name](args, path, what, batch))
    return found


def rate_text(rounds):
    rates = [rate for rate, _ in rounds]
    digits = "%.0f" if min(rates) >= 100 else "%.1f" if min(rates) >= 10 else "%.2f"
    least = " (%s-%s)" % (digits % min(rates), digits % max(rates)) if len(rates) > 1 else ""
    return digits % statistics.median(rates) + least


def ratio_text(found, name):
    own, other = (statistics.median(rate for rate, _ in found[n]) for n in (OURS, name))
    return "%.2f" % (own / other)


def row(title, batch, found):
    memory = " / ".join("%.0f" % max(most for _, most in rounds) for rounds in found.values())
    others = [name for name in found if name != OURS]
    return [title, str(batch), *map(rate_text, found.values()), *(ratio_text(found, name) for name in others), memory]


def heading(names):
    return ["network", "batch", *(name + ", images/s" for name in names), *("over " + name for name in names if name != OURS),
            "memory, MiB: " + " / ".join(names)]


def table(heading, rows):
    widths = [max(len(cell) for cell in column) for column in zip(heading, *rows)]
    lines = [heading, ["-" * width for width in widths], *rows]
    return ["| %s |" % " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in lines]


def compare(args, files):
    """Lines of Markdown: a table of inference, one of training."""
    lines = []
    for what in ("infer", "train"):
        rows = []
        for word, path in files.items():
            network = network_of(args, word)
            batch = getattr(network, what)
            if args.only not in (None, what):
                continue
            try:
                found = measure(args, path, what, batch)
            except Failure as failure:
                print("left out: %s of %s (%s)" % (NAMES[what], network.title, failure))
                continue
            rows.append(row(network.title, batch, found))
            print("%s of %s" % (NAMES[what], "  ".join(rows[-1])), file=sys.stderr)
        if rows:
            lines += ["", NAMES[what].capitalize() + ":", "", *table(heading(found), rows)]
    return lines


# --- By layer ---


def layer_row(name, path, gflop, ms, peak):
    rate = gflop / ms * 1e3
    return [name, path, "%.3f" % gflop, "%.3f" % ms, "%.1f" % rate, "%.2f" % (rate / peak)]


def by_layer(args, word, path):
    """Lines of Markdown: what each layer of a batch takes in inference, and what it could take."""
    network = network_of(args, word)
    result = peer.program(args, "open " + path, "time batch=%d passes=%d mode=inference" % (network.infer, args.batches))[-1]
    peak, scale = result["peak_gflops"], network.infer / 1e9
    rows = [layer_row(layer["name"], layer["path"] or layer["op"], layer["flops"] * scale, layer["forward_ms"], peak)
            for layer in result["layers"]]
    rows.append(["the rest", "", "", "%.3f" % result["other_forward_ms"], "", ""])
    rows.append(layer_row("total", "", sum(layer["flops"] for layer in result["layers"]) * scale, result["forward_ms"], peak))
    return ["", "%s, inference of a batch of %d, by layer; share of %.0f GFLOP/s, what %d threads reach between registers "
            "(Winograd's convolution needs fewer multiplications than are counted):" % (network.title, network.infer, peak, args.threads),
            "", *table(["layer", "path", "GFLOP", "ms", "GFLOP/s", "share"], rows)]


# --- The record ---


def command_line(words):
    """As given, without what says nothing of the figures, and files by their names."""
    text, left_out = [], ("--program", "--work")
    for i, word in enumerate(words):
        if word != "--append" and word.split("=")[0] not in left_out and (i == 0 or words[i - 1] not in left_out):
            text.append(",".join(os.path.basename(part) for part in word.split(",")))
    return " ".join(["python3 bench/engine.py", *text])


def section(args, lines):
    rounds = "medians of %d batches" % args.batches
    if not args.layers:
        rounds += ", and of %d rounds of that (least-most)" % args.rounds
    title = "inference by layer" if args.layers else "inference and training side by side"
    return ["## %s: %s" % (datetime.date.today().isoformat(), title), "",
            "%s, %s%s; %d threads, %s; %s" % (
                peer.machine(), peer.vectors(), args.beside, args.threads, rounds,
                ", ".join(v if name == OURS else "%s %s" % (name, v) for name, v in args.versions.items())),
            "", "`%s`" % command_line(sys.argv[1:]), *lines]


def other_work():
    """Said where the machine was busy: threads that wait for each other, as the peers' do, suffer most from it."""
    load = os.getloadavg()[0]
    if load < 1:
        return ""
    print("the machine is busy, the figures will mislead: load %.1f" % load, file=sys.stderr)
    return ", other work beside (load %.1f)" % load


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS), help="of %s, or ONNX files" % ", ".join(NETWORKS))
    parser.add_argument("--layers", metavar="NETWORKS", help="where the time goes in these, and nothing else")
    parser.add_argument("--only", choices=("infer", "train"))
    parser.add_argument("--resnet20", metavar="FILE.onnx", help="a trained one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=5, help="a round, at most 100")
    parser.add_argument("--batch", type=int, default=32, help="images at once, for ONNX files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--work", metavar="FOLDER", help="keep the ONNX files there")
    parser.add_argument("--append", action="store_true", help="add a section to RESULTS.md")
    return parser.parse_args()


def main():
    args = arguments()
    args.beside = other_work()
    args.versions = versions(args.program)
    words = (args.layers or args.networks).split(",")
    with tempfile.TemporaryDirectory(prefix="thinet-bench-") as temporary:
        args.work = args.work or temporary
        os.makedirs(args.work, exist_ok=True)
        if args.layers:
            args.versions = {OURS: args.versions[OURS]}
        files = {word: prepare(args, word) for word in words}
        files = {word: path for word, path in files.items() if path}
        lines = [line for word, path in files.items() for line in by_layer(args, word, path)] if args.layers else compare(args, files)
    text = "\n".join(section(args, lines))
    print(text)
    if args.append:
        with open(os.path.join(peer.TREE, "bench", "RESULTS.md"), "a") as file:
            file.write("\n" + text + "\n")


main()
