"""Fine-tuning through the program: schedules, images held out, and runs that are killed and go on as if nothing had been."""

import os
import signal
import sqlite3
import subprocess
import time

from thinet import EXAMPLE, PROGRAM, check, commands, environment, finish, need_example, run, same_bytes, scratch, try_commands

need_example()
folder = scratch()
LIMITS = "limit=200 test-limit=100 batch=50"


def path(name):
    return os.path.join(folder, name)


def epochs_of(options, last="finetune"):
    return commands("open " + EXAMPLE, "data fashion-mnist", "%s %s %s" % (last, LIMITS, options))[2]


def rates(options):
    return [epoch["lr"] for epoch in epochs_of(options)["epochs"]]


def near(a, b):
    return len(a) == len(b) and all(abs(x - y) < 1e-9 for x, y in zip(a, b))


got = rates("epochs=4 lr=0.1 schedule=step steps=1,3 gamma=0.5")
check("steps and gamma", near(got, [0.1, 0.05, 0.05, 0.025]), got)
got = rates("epochs=4 lr=0.1 schedule=linear warmup=2")
check("a warm-up, then linear", near(got, [0.1 / 9, 0.1 * 5 / 9, 0.1, 0.05]), got)

# Killed while it trains; the file says how far it came.
BEGIN = ["open " + EXAMPLE, "data fashion-mnist", "sample all images=2 locations=2", "ratio all 0.5", "prune"]
TRAIN = ("finetune epochs=5 lr=0.02 warmup=0.5 holdout=100 distill=on nesterov=on clip=5 smooth=0.1 augment=crop-flip seed=7 "
         "limit=400 test-limit=100 batch=50 keep=all")
whole = commands(*BEGIN, TRAIN, "export " + path("whole.onnx"), options=["--session", path("whole.thinet")])[5]


LAST = "SELECT max(step) FROM metric"


def is_committing(file):
    """A journal that holds something; one without a header is as good as none."""
    try:
        with open(file + "-journal", "rb") as journal:
            return any(journal.read(8))
    except FileNotFoundError:
        return False


def looks_finished(file, least):
    """Read past the lock, while no commit is under way."""
    try:
        with sqlite3.connect("file:%s?immutable=1" % file, uri=True) as database:
            done = database.execute(LAST).fetchone()[0] or 0
        return done >= least and not is_committing(file)
    except sqlite3.Error:
        return False


def kill_when(file, command, least):
    """Run a command in a session; kill it without warning once so many epochs are done. The epochs done."""
    program = subprocess.Popen([PROGRAM, "--session", file, "--threads", "1", "-c", command], env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.time() + 300
    while program.poll() is None and time.time() < until and not looks_finished(file, least):
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.wait()
    with sqlite3.connect(file) as database:
        return database.execute(LAST).fetchone()[0] or 0


session = path("killed.thinet")
commands(*BEGIN, options=["--session", session])
first = kill_when(session, TRAIN, 1)
check("it was killed in the middle", 1 <= first < 5, first)
done, results = try_commands("finetune resume epochs=9", options=["--session", session])
check("a resumed run takes no options of its own", done.returncode == 1 and "epochs= is not taken" in done.stderr, done.stderr)
second = kill_when(session, "finetune resume", first + 1)
check("and killed again", first < second < 5, second)
with sqlite3.connect(session) as database:
    check("a run that was cut short keeps one checkpoint", database.execute("SELECT count(*) FROM checkpoint").fetchone()[0] == 2)
rest, _ = commands("finetune resume", "export " + path("resumed.onnx"), options=["--session", session])
check("it says where it goes on", rest["resumed"] == second, rest)
check("the rest has the numbers of the run that was not killed",
      [(e["epoch"], e["loss"], e["held_loss"], e["test_top1"]) for e in rest["epochs"]] ==
      [(e["epoch"], e["loss"], e["held_loss"], e["test_top1"]) for e in whole["epochs"][second:]], rest)
check("and the same weights, bit for bit", same_bytes(path("whole.onnx"), path("resumed.onnx")))
check("and the same best epoch", rest["best_epoch"] == whole["best_epoch"], (rest["best_epoch"], whole["best_epoch"]))
for epoch in range(1, 6):
    for name in "whole", "killed":
        entry, _, _ = commands("epoch %d" % epoch, "export " + path(name + "-epoch.onnx"), "undo", options=["--session", path(name + ".thinet")])
    check("epoch %d of the run is found where it was done, with the same weights" % epoch,
          same_bytes(path("whole-epoch.onnx"), path("killed-epoch.onnx"))
          and entry["entry"] == 6 + (epoch > first) + (epoch > second), (entry, first, second))
done, results = try_commands("finetune resume", options=["--session", session])
check("then nothing is left to resume", done.returncode == 1 and "nothing to resume" in done.stderr, done.stderr)
with sqlite3.connect(session) as database:
    check("the last part of the run needs none", database.execute("SELECT count(*) FROM checkpoint").fetchone()[0] == 2)
    left = database.execute(
        "SELECT count(*) FROM tensor WHERE digest NOT IN (SELECT tensor FROM graph_tensor) AND digest NOT IN (SELECT gram FROM statistic) "
        "AND digest NOT IN (SELECT activity FROM statistic_more WHERE activity NOT NULL) "
        "AND digest NOT IN (SELECT momentum FROM checkpoint)").fetchone()[0]
    graphs = database.execute("SELECT count(*) FROM graph WHERE digest NOT IN (SELECT graph FROM state WHERE graph NOT NULL) "
                              "AND digest NOT IN (SELECT best FROM checkpoint WHERE best NOT NULL)").fetchone()[0]
    check("nothing of what was replaced is left in the file", left == 0 and graphs == 0, (left, graphs))
with sqlite3.connect(session) as database:  # as a version before the table wrote it
    database.execute("DROP TABLE checkpoint")
check("a session from before there were checkpoints opens", run("--session", session, "-c", "summary").returncode == 0)

# The best epoch by the images held out is the result, and only they choose it.
WILD = "epochs=8 lr=0.3 schedule=constant holdout=0.01 seed=3 "
_, _, tuned, eval_best = commands("open " + EXAMPLE, "data fashion-mnist", "finetune %s patience=2 %s" % (WILD, LIMITS), "eval limit=100")
epochs = tuned["epochs"]
best = max(epochs, key=lambda e: (e["held_top1"], -e["held_loss"], -e["epoch"]))["epoch"]
check("a hundredth is held out", epochs[0]["held"] == 600, epochs[0])
check("the best epoch is the best on them", tuned["best_epoch"] == best, tuned)
check("and its network is the result", eval_best["top1"] == epochs[best - 1]["test_top1"], (eval_best, epochs[best - 1]))
check("training ends two epochs after it, or with the run", len(epochs) == min(8, best + 2), len(epochs))
_, _, tuned, eval_last = commands("open " + EXAMPLE, "data fashion-mnist", "finetune %s best=off %s" % (WILD, LIMITS), "eval limit=100")
check("best=off keeps the last", len(tuned["epochs"]) == 8 and eval_last["top1"] == tuned["epochs"][-1]["test_top1"], tuned)

for name, line, words in (
        ("patience without images to judge by", "finetune patience=2", "holdout=0.1"),
        ("a warm-up longer than the run", "finetune epochs=2 warmup=2", "warmup=2"),
        ("steps of another schedule", "finetune steps=1", "schedule=step"),
        ("a temperature without a teacher", "finetune temperature=2", "distill=on"),
        ("all images held out", "finetune holdout=60000", "held out")):
    done, _ = try_commands("open " + EXAMPLE, "data fashion-mnist", line)
    check(name + " is refused", done.returncode == 1 and words in done.stderr, done.stderr)
done, _ = try_commands("open " + EXAMPLE, "data fashion-mnist", "head classes=12", "finetune distill=on " + LIMITS)
check("a teacher of other classes is refused", done.returncode == 1 and "10 classes apart and this one 12" in done.stderr, done.stderr)
finish()
