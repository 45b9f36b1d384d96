"""What a journal is written as: the story as text, a script that does it again to the same bits, JSON and CSV."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import time

from thinet import (EXAMPLE, PROGRAM, QUICK, check, commands, environment, finish, need_example, run, same_bytes, scratch,
                    try_commands)

need_example()
folder = scratch()


def path(name):
    return os.path.join(folder, name)


LIMIT = "limit=%d" % (32 if QUICK else 200)
session = path("story.thinet")
TUNE = "finetune epochs=%d batch=16 limit=%d test-limit=20 lr=0.01 seed=2" % ((8, 32) if QUICK else (40, 96))
commands("open " + EXAMPLE, "data fashion-mnist", "eval " + LIMIT, "sample all images=2", "budget flops=0.6", "branch first",
         "note =1+1", "prune all reweight=ls", options=("--session", session))

# Training that is cut short after an epoch, and resumed.
process = subprocess.Popen([PROGRAM, "--session", session, "-c", TUNE], env=environment(), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)


def epochs():
    database = sqlite3.connect("file:%s?mode=ro&immutable=1" % session, uri=True)
    try:
        return database.execute("select count(distinct step) from metric").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0  # in the middle of its writing
    finally:
        database.close()


deadline = time.monotonic() + 120
while epochs() < 1 and process.poll() is None and time.monotonic() < deadline:
    time.sleep(0.01)  # between looks at the file; what is waited for is an epoch
process.send_signal(signal.SIGTERM)
process.wait()
refused, _ = try_commands("export-script " + path("cut.tns"), options=("--session", session))
check("where training was cut short no script stops, and it is said which entry and what helps",
      refused.returncode == 1 and "cut short after epoch" in refused.stderr and "finetune resume" in refused.stderr
      and not os.path.exists(path("cut.tns")), refused.stderr)
results = commands("eval " + LIMIT, "finetune resume", "export %s" % path("there.onnx"), "eval " + LIMIT, "goto 4",
                   "budget latency=0.8 method=l1", "prune all", "branch timed", "eval " + LIMIT,
                   "export-script %s first" % path("first.tns"), "export-script " + path("timed.tns"),
                   "export %s" % path("timed.onnx"), "export-script %s 4" % path("four.tns"),
                   "export-journal " + path("journal.json"), "export-journal " + path("journal.csv"),
                   options=("--session", session))
check("the resumed run was cut short", results[1].get("resumed", 0) >= 1, results[1])

# Scripts: the same bits.
os.rename(path("there.onnx"), path("was.onnx"))
with open(path("first.tns")) as file:
    lines = file.read().splitlines()
check("the script is the path to the end of the branch, in order, what only writes a file as a comment",
      [line.split()[0] for line in lines] == ["#", "open", "data", "eval", "sample", "budget", "branch", "note", "prune", "#",
                                               "finetune", "#", "eval"] and lines[-3] == TUNE, lines)
for name, was, accuracy in ("first", "was.onnx", results[3]), ("timed", "timed.onnx", results[8]):
    again = path(name + "-again.thinet")
    done = run("--session", again, "--batch", path(name + ".tns"), "--json", cwd=folder)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    check("the script of %s runs with --batch" % name, done.returncode == 0, done.stderr)
    commands("export " + path(name + "-again.onnx"), options=("--session", again))
    check("and comes to the network of %s, bit for bit" % name, same_bytes(path(name + "-again.onnx"), path(was)))
    check("and to its accuracy and loss", outcomes and all(outcomes[-1].get(key) == accuracy[key] for key in ("top1", "loss")),
          (outcomes[-1:], accuracy))
check("a script does not write files that the session wrote", not os.path.exists(path("there.onnx")))
with open(path("four.tns")) as file:
    check("the script of an entry ends there", file.read().splitlines()[-1] == "sample all images=2")
for words, said in (("x.tns 99", "there is no entry 99"), ("x.tns nobody", "no entry or branch 'nobody'")):
    refused, _ = try_commands("export-script " + words, options=("--session", session), cwd=folder)
    check("export-script %s is refused" % words, refused.returncode == 1 and said in refused.stderr, refused.stderr)
refused, _ = try_commands("export-journal x.txt", options=("--session", session), cwd=folder)
check("a journal in another form is refused, which forms there are is said", refused.returncode == 1
      and ".json or .csv" in refused.stderr and not os.path.exists(path("x.txt")), refused.stderr)

# Tables.
database = sqlite3.connect("file:%s?mode=ro" % session, uri=True)
stored = database.execute("select id, parent, command, result from entry order by id").fetchall()
metrics = database.execute("select entry, step, value from metric where name = 'loss' order by entry, step").fetchall()
with open(path("journal.json")) as file:
    told = json.load(file)["entries"]
before = [row for row in stored if row[0] <= told[-1]["id"]]
check("the JSON has every entry that was there, its result and its epochs",
      [(e["id"], e["parent"], e["command"], e["result"]) for e in told] == [(i, p, c, json.loads(r)) for i, p, c, r in before]
      and [(e["id"], epoch["epoch"], epoch["loss"]) for e in told for epoch in e["epochs"]] == metrics)
with open(path("journal.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
check("every row of the CSV has all columns", all(None not in row and None not in row.values() for row in rows))
check("the CSV has a row an epoch, with its loss to the last bit",
      [(int(row["entry"]), int(row["epoch"]), float(row["loss"])) for row in rows if row["epoch"]] == metrics)
evals = [row for row in rows if row["command"].startswith("eval") and not row["epoch"]]
check("and accuracy and loss of evaluations", [float(row["top1"]) for row in evals]
      == [json.loads(result)["top1"] for _, _, command, result in stored if command.startswith("eval")])
texts = [row[key] for row in rows for key in ("command", "brief", "branch")]
check("no text in it begins like a formula", not any(text[:1] in ("=", "+", "-", "@") for text in texts)
      and "'=1+1" in texts, texts)

# The story as text.
told = run("--replay", session, "--batch", "-")
lines = told.stdout.splitlines()
check("the story has a line an entry, in order", told.returncode == 0 and len(lines) == len(stored)
      and all(line[2:6].strip() == str(row[0]) and row[2][:20] in line for line, row in zip(lines, stored)), told.stdout)
jumps = [(row[0], row[1]) for last, row in zip(stored, stored[1:]) if row[1] != last[0]]
check("and says where it went on from elsewhere than the line before",
      [line[2:18].split() for line in lines if line[1] == ">"] == [[str(i), "after", str(p)] for i, p in jumps] and jumps,
      told.stdout)
check("and how it came out", "top-1 " in told.stdout and "interrupted" in told.stdout or "failed: " in told.stdout, told.stdout)
for words in (("-c", "layers"), ("--batch", path("first.tns")), ("--json", "--batch", "-")):
    refused = run("--replay", session, *words)
    check("--replay with %s is wrong usage" % " ".join(words)[:20], refused.returncode == 2, refused.stderr)
refused = run("--speed", "2", "-c", "help")
check("--speed alone is wrong usage", refused.returncode == 2 and "--replay" in refused.stderr, refused.stderr)
refused, _ = try_commands("frame 1", options=("--session", session))
check("frame outside of a replay is refused", refused.returncode == 1 and "--replay" in refused.stderr, refused.stderr)
finish()
