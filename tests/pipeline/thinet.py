"""What the end-to-end tests share: running the program, and saying what was tested.

Each script prints one line a test ("ok - NAME" or "not ok - NAME", with "# SKIP WHY" where something is not
there) and ends with exit status 0, 1, or 77 when all of it was skipped.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get("THINET_TUI", "thinet-tui"))
EXAMPLE = os.path.join(TREE, "sessions", "fashion-vgg.onnx")
QUICK = bool(os.environ.get("TN_TEST_QUICK"))  # sanitizers: the same tests on fewer images

_failures = 0
_tests = 0


def check(name, good, detail=""):
    """One test. Returns whether it holds, so that what depends on it can be left out."""
    global _failures, _tests
    _tests += 1
    print(("ok - " if good else "not ok - ") + name, flush=True)
    if not good:
        _failures += 1
        for line in str(detail).splitlines():
            print("    " + line, flush=True)
    return bool(good)


def skip(name, why):
    print("ok - %s # SKIP %s" % (name, why), flush=True)


def skip_all(why):
    skip(os.path.basename(sys.argv[0]), why)
    sys.exit(77)


def finish():
    sys.exit(1 if _failures or not _tests else 0)


def bindings():
    """The tables of built-in keys, as they stand in the source."""
    text = ""
    for name in ("prune", "look", "replay"):
        with open(os.path.join(TREE, "ui", "bindings_%s.c" % name), encoding="utf-8") as file:
            text += file.read().split("list[] = {", 1)[1].split("\n};", 1)[0]
    return text


def scratch():
    """A folder of the test's own, removed when it ends."""
    import atexit

    folder = tempfile.mkdtemp(prefix="thinet-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def environment(**changes):
    variables = dict(os.environ, LC_ALL="C.UTF-8")
    variables.update(changes)
    return variables


def run(*arguments, stdin="", cwd=None, timeout=600, env=None):
    """The program with these arguments; standard output and error as text."""
    return subprocess.run([PROGRAM, *arguments], input=stdin, cwd=cwd, timeout=timeout, text=True,
                          env=environment(**(env or {})), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def try_commands(*lines, options=(), cwd=None, timeout=600):
    """Commands by -c with --json: the finished process and the objects it printed."""
    arguments = list(options) + ["--json"]
    for line in lines:
        arguments += ["-c", line]
    done = run(*arguments, cwd=cwd, timeout=timeout)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def commands(*lines, options=(), cwd=None, timeout=600):
    """The same for commands that must succeed: their results."""
    done, results = try_commands(*lines, options=options, cwd=cwd, timeout=timeout)
    if done.returncode != 0 or len(results) != len(lines):
        check("the commands succeed: " + "; ".join(lines), False,
              "status %d\n%s\n%s" % (done.returncode, done.stderr, done.stdout[-2000:]))
        finish()
    return results


def need_example():
    """The example ships with the tree; its images are a package of their own, and may be missing."""
    if not check("the example network is in the tree", os.path.exists(EXAMPLE), EXAMPLE):
        finish()
    done = run("-c", "data fashion-mnist")
    if done.returncode != 0:
        skip_all("no Fashion-MNIST images (Debian: dataset-fashion-mnist)")


def same_bytes(a, b):
    with open(a, "rb") as first, open(b, "rb") as second:
        return first.read() == second.read()


def fashion_images(count):
    """The first test images as the program's preset feeds them: float32 [count,1,28,28] and their labels,
    read here independently of the program."""
    import gzip

    import numpy

    homes = [os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "/usr/share/datasets"]
    for home in homes:
        folder = os.path.join(home, "fashion-mnist")
        path = os.path.join(folder, "t10k-images-idx3-ubyte.gz")
        if os.path.exists(path):
            with gzip.open(path) as file:
                pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16)
            with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
                labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
            images = pixels.reshape(-1, 1, 28, 28)[:count].astype(numpy.float32) / 255
            return (images - numpy.float32(0.2860)) / numpy.float32(0.3530), labels[:count]
    skip_all("no Fashion-MNIST images (Debian: dataset-fashion-mnist)")
