"""Bad input: one clear line, the right exit status, and nothing lost."""

import json
import os
import subprocess

from thinet import EXAMPLE, PROGRAM, check, commands, environment, finish, need_example, run, scratch, try_commands

need_example()
folder = scratch()


def path(name, content=None):
    full = os.path.join(folder, name)
    if content is not None:
        with open(full, "wb") as file:
            file.write(content)
    return full


with open(EXAMPLE, "rb") as file:
    model = file.read()

# What is wrong, the command, and words its message must hold.
CASES = [
    ("a truncated ONNX file", "open " + path("truncated.onnx", model[:len(model) // 2]), ["truncated.onnx"]),
    ("an ONNX file cut in its first bytes", "open " + path("stub.onnx", model[:7]), ["stub.onnx"]),
    ("an empty file", "open " + path("empty.onnx", b""), ["empty.onnx"]),
    ("a text file named .onnx", "open " + path("text.onnx", b"This is not a network at all.\n" * 20), ["text.onnx"]),
    ("bytes that are no protobuf", "open " + path("noise.onnx", bytes(range(255, 0, -1)) * 40), ["noise.onnx"]),
    ("a model that is not there", "open " + path("absent.onnx"), ["absent.onnx", "No such file"]),
    ("a folder instead of a model", "open " + folder, [os.path.basename(folder)]),
    ("an unknown built-in network", "open zoo:fashion-vg", ["fashion-vgg"]),
    ("a data folder that is not there", "data " + path("nowhere"), ["nowhere"]),
    ("a data folder with no images in it", "data " + folder, [os.path.basename(folder)]),
]
for name, line, words in CASES:
    done, results = try_commands(line)
    check("%s is refused in one line with status 1" % name,
          done.returncode == 1 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("thinet-tui: ")
          and all(word in done.stderr for word in words), "status %d\n%s" % (done.returncode, done.stderr))
    check("%s gives one result that says the same" % name,
          len(results) == 1 and results[0]["ok"] is False and results[0]["error"] and results[0]["error"] in done.stderr,
          done.stdout)

# Wrong commands in a session with work in it: the work must stand as it was. -c stops at the first failure, so each
# runs on the session file, which is looked at afterwards.
session = path("work.thinet")
commands("open " + EXAMPLE, "data fashion-mnist", "sample all images=2", "ratio conv2_1 0.25",
         options=("--session", session))


def state():
    layers, _ = commands("layers", "export " + path("state.onnx"), options=("--session", session))
    with open(path("state.onnx"), "rb") as file:
        return json.dumps(layers["layers"], sort_keys=True), file.read()


before = state()
WRONG = [
    ("a ratio of 1.5", "ratio conv2_1 1.5", ["1.5"]),
    ("a ratio of 1", "ratio conv2_1 1", ["ratio"]),
    ("a negative ratio", "ratio conv2_1 -0.1", ["-0.1"]),
    ("a ratio that is no number", "ratio conv2_1 half", ["half"]),
    ("a ratio that is not a number", "ratio conv2_1 nan", ["nan"]),
    ("more filters kept than there are", "keep conv2_1 65", ["65", "64"]),
    ("no filter kept", "keep conv2_1 0", ["0"]),
    ("an unknown layer", "ratio conv2_l 0.5", ["conv2_l", "conv2_1"]),
    ("a layer that cannot be pruned", "ratio fc 0.5", ["fc"]),
    ("a pattern that matches nothing", "ratio res* 0.5", ["res*"]),
    ("an unknown command", "ratoi conv2_1 0.5", ["ratoi", "ratio"]),
    ("a missing word", "ratio conv2_1", ["ratio LAYER R"]),
    ("a word too many", "ratio conv2_1 0.5 0.6", ["0.6"]),
    ("an unknown option", "finetune epoch=1", ["epoch", "epochs"]),
    ("an option with a wrong value", "finetune epochs=many", ["many"]),
    ("a schedule that is none", "finetune schedule=cosin", ["cosine"]),
    ("no epochs", "finetune epochs=-1", ["-1"]),
    ("an unfinished quotation", 'note "half a note', ['"']),
    ("an export to a folder that is not there", "export " + path("nowhere/x.onnx"), ["nowhere/x.onnx"]),
    ("images to infer that are not there", "infer %s %s" % (path("no.npy"), path("out.npy")), ["no.npy"]),
    ("images to infer that are no array", "infer %s %s" % (path("text.onnx"), path("out.npy")), ["text.onnx"]),
    ("a session to load that is none", "load " + path("text.onnx"), ["text.onnx"]),
]
for name, line, words in WRONG:
    done, results = try_commands(line, options=("--session", session))
    lines = done.stderr.splitlines()
    check("%s is refused in one line with status 1" % name,
          done.returncode == 1 and len(lines) == 1 and all(word in lines[0] for word in words)
          and lines[0].startswith("thinet-tui: ") and (": %s: " % line.split()[0]) in lines[0],
          "expected the words %s\nstatus %d\n%s" % (words, done.returncode, done.stderr))
after = state()
check("after all of them the session is as it was, layers and weights", before == after,
      "layers before %s\nlayers after %s\nweights equal: %s" % (before[0], after[0], before[1] == after[1]))

script = path("bad.tns", b"# first a comment\nopen %s\n\nratio conv9 0.5\nsummary\n" % EXAMPLE.encode())
done = run("--batch", script, "--json")
check("a script's error names file and line, and stops it there",
      done.returncode == 1 and done.stderr.startswith("thinet-tui: %s:4: ratio: " % script)
      and [json.loads(line)["command"] for line in done.stdout.splitlines()] == ["open", "ratio"],
      "%s\n%s" % (done.stderr, done.stdout))
done = run("--batch", "-", "--json", stdin="note hello\nlayers\n")
check("a script is read from standard input as well", done.returncode == 1 and len(done.stdout.splitlines()) == 2
      and len(done.stderr.splitlines()) == 1, done)
done = run("--batch", path("absent.tns"))
check("a script that is not there is one line and status 1",
      done.returncode == 1 and "absent.tns" in done.stderr and len(done.stderr.splitlines()) == 1, done)

for arguments in (["--nonsense"], ["--batch"], ["-c"], ["--threads", "none", "-c", "help"], ["--threads", "-3", "-c", "help"],
                  ["a.onnx", "b.onnx", "c.onnx"]):
    done = run(*arguments)
    check("wrong usage '%s' is status 2 and says how" % " ".join(arguments),
          done.returncode == 2 and done.stdout == "" and "thinet-tui" in done.stderr and len(done.stderr.splitlines()) <= 2,
          "status %d\n%s" % (done.returncode, done.stderr))
done = run()
check("without a terminal, opening the screen is refused in one line",
      done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1 and "terminal" in done.stderr, done)
for arguments, words in ((["--help"], ["Usage", "--batch", "--json"]), (["--version"], ["thinet-tui 0."])):
    done = run(*arguments)
    check("%s answers on standard output with status 0" % arguments[0],
          done.returncode == 0 and done.stderr == "" and all(word in done.stdout for word in words), done)

# Standard output may be closed or full: the program must say so rather than claim success.
with open("/dev/full", "w") as full:
    done = subprocess.run([PROGRAM, "--json", "-c", "help"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
check("a full disk behind standard output is an error", done.returncode == 1 and done.stderr.count("\n") == 1,
      "status %d\n%s" % (done.returncode, done.stderr))
finish()
