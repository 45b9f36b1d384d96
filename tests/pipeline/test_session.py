"""The session file: what was done is there after kill -9; saving, loading, undoing and the number of threads
change no bit."""

import os
import signal
import sqlite3
import subprocess
import time

from thinet import (EXAMPLE, PROGRAM, QUICK, check, commands, environment, finish, need_example, run, same_bytes,
                    scratch, try_commands)

need_example()
folder = scratch()


def path(name):
    return os.path.join(folder, name)


IMAGES, TESTED, BATCH = (64, 40, 16) if QUICK else (1000, 200, 64)
LIMITS = "limit=%d test-limit=%d batch=%d" % (IMAGES, TESTED, BATCH)
TUNE = "finetune epochs=%d lr=0.01 schedule=constant augment=none seed=3 " + LIMITS
START = ["open " + EXAMPLE, "data fashion-mnist", "sample all images=2", "ratio all 0.5", "prune all reweight=ls"]

# Same bits for any number of threads: sampling, pruning, training and evaluation.
results = {}
for threads in 1, 2, 4:
    lines = START + [TUNE % 1, "eval limit=%d" % TESTED, "export-gram conv2_1 " + path("gram%d.npy" % threads),
                     "export " + path("threads%d.onnx" % threads)]
    # conv2_1 has been pruned by then: its statistic is that of the smaller network, so sample anew.
    lines.insert(len(START) + 1, "sample conv2_1 images=2")
    results[threads] = commands(*lines, options=("--threads", str(threads)))
for threads in 2, 4:
    check("pruned and trained with %d threads, the network has the bits it has with one" % threads,
          same_bytes(path("threads1.onnx"), path("threads%d.onnx" % threads)))
    check("with %d threads the Gram matrix has the bits it has with one" % threads,
          same_bytes(path("gram1.npy"), path("gram%d.npy" % threads)))
    same = [[{key: value for key, value in result.items() if key in ("layers", "top1", "loss", "params")} for result in results[n]]
            for n in (1, threads)]
    check("with %d threads every result is what it is with one" % threads, same[0] == same[1])

# kill -9 in the middle of an epoch: the state is that of the last finished one. As the learning rate is constant,
# that is the state after a run of just so many epochs.
session = path("killed.thinet")
commands(*START, options=("--session", session))
process = subprocess.Popen([PROGRAM, "--session", session, "-c", TUNE % 1000], env=environment(),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def epochs_in_file(how):
    """Epochs of the fine-tuning that the file holds."""
    database = sqlite3.connect("file:%s?%s" % (session, how), uri=True)
    try:
        return database.execute("select count(distinct step) from metric where name = 'loss'").fetchone()[0]
    except sqlite3.DatabaseError:
        return 0  # looked at past the program's lock, in the middle of its writing
    finally:
        database.close()


deadline = time.monotonic() + 300
while epochs_in_file("mode=ro&immutable=1") < 2 and time.monotonic() < deadline and process.poll() is None:
    time.sleep(0.02)  # between looks at the file; the test waits for what the file says, not for time
second, looked = try_commands("layers", "journal", "session check", "export " + path("looked.onnx"), "note mine",
                              options=("--session", session))
check("a session that another process works on can be looked at", len(looked) == 5 and all(result["ok"] for result in looked[:4])
      and os.path.exists(path("looked.onnx")), "%s\n%s" % (second.stderr, looked))
check("but not changed; the message says by whom it is used and how to go on", second.returncode == 1 and not looked[4]["ok"]
      and "in use by process %d" % process.pid in looked[4]["error"] and "save FILE.thinet" in looked[4]["error"]
      and second.stderr.count("\n") == 2, second.stderr)
for line in "undo", "goto 1", "delete 2", "branch b", "ratio all 0.1", "open zoo:fashion-vgg", "session compact", "save " + session:
    refused, _ = try_commands(line, options=("--session", session))
    check("refused there: " + line.split("/")[0], refused.returncode == 1 and "in use by" in refused.stderr.split("\n")[1]
          or "another process has it" in refused.stderr, refused.stderr)
copied, results = try_commands("save " + path("copy.thinet"), "note in the copy", "session check", "journal", options=("--session", session))
check("save goes on in a copy", copied.returncode == 0 and results[3]["entries"][-1]["command"] == "note in the copy", copied.stderr)
alive = process.poll() is None
os.kill(process.pid, signal.SIGKILL)
process.wait()
journal, _ = commands("journal", "export " + path("killed.onnx"), options=("--session", session))
done = epochs_in_file("mode=ro")
check("fine-tuning was running when it was killed, with two epochs done", alive and done >= 2,
      "running %s, epochs in the file %s" % (alive, done))
commands(*START, TUNE % done, "export " + path("straight.onnx"))
check("after kill -9 the session reopens with the network of the last finished epoch, bit for bit",
      same_bytes(path("killed.onnx"), path("straight.onnx")), "epochs finished: %d" % done)
check("its journal names the fine-tuning that was cut off",
      any(entry["command"].startswith("finetune ") for entry in journal["entries"][-2:]), journal["entries"][-3:])
database = sqlite3.connect(session)
check("and SQLite finds the file sound", database.execute("pragma integrity_check").fetchone()[0] == "ok")
database.close()
again, _ = commands("finetune epochs=1 " + LIMITS, "summary", options=("--session", session))
check("work goes on in it", len(again["epochs"]) == 1)

# save, load, reopen
saved = path("saved.thinet")
first = commands(*START, "note before saving", "export " + path("before.onnx"), "layers", "save " + saved)
second = commands("load " + saved, "export " + path("loaded.onnx"), "layers", "journal")
check("a saved session, loaded, gives the same network bit for bit", same_bytes(path("before.onnx"), path("loaded.onnx")))
check("and the same layers with their ratios and errors", first[-2]["layers"] == second[2]["layers"])
reopened, _ = commands("layers", "export " + path("reopened.onnx"), options=("--session", saved))
check("opened by --session it is the same again",
      same_bytes(path("before.onnx"), path("reopened.onnx")) and reopened["layers"] == first[-2]["layers"])
third = run(saved, "-c", "export " + path("argument.onnx"))
check("and opened as the program's argument",
      third.returncode == 0 and same_bytes(path("before.onnx"), path("argument.onnx")), third.stderr)

# undo and redo: back to each state bit for bit
lines = START[:2] + ["export " + path("a.onnx"), "sample all images=2", "ratio all 0.5", "prune all reweight=ls",
                     "export " + path("b.onnx"), TUNE % 1, "export " + path("c.onnx")]
session = path("undo.thinet")
commands(*lines, options=("--session", session))
commands("undo", "export " + path("b2.onnx"), options=("--session", session))
check("undo after fine-tuning gives the pruned network, bit for bit", same_bytes(path("b.onnx"), path("b2.onnx")))
results = commands("undo", "layers", "export " + path("a2.onnx"), options=("--session", session))
check("undo after pruning gives the network as it was opened", same_bytes(path("a.onnx"), path("a2.onnx")))
check("with the ratios that had been set", all(row["ratio"] == 0.5 for row in results[1]["layers"] if row["prunable"]))
finished, _ = try_commands("redo", "redo", "export " + path("c2.onnx"), options=("--session", session))
check("redo goes forward again, bit for bit", finished.returncode == 0 and same_bytes(path("c.onnx"), path("c2.onnx")),
      finished.stderr)

# a file that is no longer whole, or locked, or not to be written
with open(saved, "rb") as file:
    whole = file.read()
with open(path("cut.thinet"), "wb") as file:
    file.write(whole[:len(whole) // 3])
finished, _ = try_commands("layers", options=("--session", path("cut.thinet")))
check("a session file cut short is refused in one line", finished.returncode in (1, 2) and finished.stderr.count("\n") == 1
      and "cut.thinet" in finished.stderr, finished.stderr)
with open(path("cut.thinet"), "rb") as file:
    check("and left as it is", file.read() == whole[:len(whole) // 3])
other = sqlite3.connect(path("other.thinet"))
other.execute("create table t (x)")
other.commit()
other.close()
finished, _ = try_commands("layers", options=("--session", path("other.thinet")))
check("another program's database is refused in one line", finished.returncode in (1, 2) and finished.stderr.count("\n") == 1
      and "other.thinet" in finished.stderr, finished.stderr)
finish()
