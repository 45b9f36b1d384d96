"""finetune keep=: which networks of epochs stay in the session, that `epoch` goes on with the right one, and that they go when asked."""

import json
import os
import shutil
import sqlite3

from thinet import EXAMPLE, check, commands, finish, need_example, run, same_bytes, scratch, try_commands

need_example()
folder = scratch()
TRAIN = "finetune lr=0.1 schedule=constant seed=3 limit=200 test-limit=100 batch=50 "
HELD = "holdout=0.01 "
EPOCHS = 5


def path(name):
    return os.path.join(folder, name)


def rows(file, sql):
    database = sqlite3.connect("file:%s?mode=ro" % file, uri=True)
    found = database.execute(sql).fetchall()
    database.close()
    return found


def kept(file):
    return [step for step, in rows(file, "SELECT step FROM epoch_state ORDER BY step")]


def networks(file):
    return rows(file, "SELECT count(*) FROM graph")[0][0]


def sound(name, file):
    done = run("--session", file, "-c", "session check")
    check(name + ": session check finds it sound", done.returncode == 0, done.stdout + done.stderr)


def trained(name, options):
    file = path(name)
    return file, commands("open " + EXAMPLE, "data fashion-mnist", TRAIN + options, options=["--session", file])[2]


# The network of an epoch is, bit for bit, what a shorter run of the same kind comes to.
everything, run_of_all = trained("all.thinet", HELD + "best=off epochs=%d keep=all" % EPOCHS)
check("keep=all keeps the network of every epoch", kept(everything) == list(range(1, EPOCHS + 1)), kept(everything))
check("each once, beside the one that was opened", networks(everything) == 1 + EPOCHS, networks(everything))
check("and no momentum", rows(everything, "SELECT count(*) FROM checkpoint") == [(0,)])
sound("keep=all", everything)
commands("open " + EXAMPLE, "data fashion-mnist", TRAIN + HELD + "best=off epochs=2", "export " + path("short.onnx"))
shutil.copy(everything, path("kept.thinet"))
taken, _, seen, _, again, _, _, last = commands(
    "epoch 2", "export " + path("epoch.onnx"), "eval limit=100", "undo", "epoch 4", "epoch 2", "undo",
    "eval limit=100", options=["--session", everything])
figures = run_of_all["epochs"]
check("epoch 2 is what a run of two epochs comes to, bit for bit", same_bytes(path("epoch.onnx"), path("short.onnx")))
check("it says which entry and epoch, and how it did",
      taken["entry"] == 3 and taken["epoch"] == 2 and taken["top1"] == figures[1]["test_top1"] and taken["images"] == 100, taken)
check("and it does so", seen["top1"] == figures[1]["test_top1"], (seen, figures[1]))
check("from one epoch to another", again["epoch"] == 4 and again["top1"] == figures[3]["test_top1"], again)
check("undo comes back to the epoch before it", last["top1"] == figures[3]["test_top1"], last)
commands("goto 3", "epoch 2", "method all l1", "ratio all 0.5", "prune reweight=none", "export " + path("pruned.onnx"), options=["--session", everything])
check("the work that follows is the epoch's in the file too", commands("summary", options=["--session", everything])[0]["params_ratio"] < 0.5)
sound("with work after an epoch", everything)

# Done again, it is the same; a changed network of an epoch is a difference.
done = run("--verify", everything, "--json")
found = json.loads(done.stdout)
check("verify does training and epochs again, to the same bits", done.returncode == 0 and found["ok"] and found["exact"], done.stdout + done.stderr)
gap = path("gap.thinet")
commands("open " + EXAMPLE, "data fashion-mnist", "ratio all 0.5", "goto 2", "delete 3", TRAIN + "epochs=2 keep=all", "epoch 1",
         options=["--session", gap])
done = run("--verify", gap, "--json")
check("and does where numbers of entries are missing", done.returncode == 0 and json.loads(done.stdout)["exact"], done.stdout + done.stderr)
for name, change, words in (
        ("another network in the place of an epoch's", "UPDATE state SET graph = (SELECT graph FROM state JOIN epoch_state ON id = state "
         "WHERE step = 3) WHERE id = (SELECT state FROM epoch_state WHERE step = 2)", "epoch 2: network: "),
        ("an epoch that this training does not keep", "INSERT INTO epoch_state SELECT entry, 9, state FROM epoch_state WHERE step = 2",
         "epoch 9: network")):
    shutil.copy(path("kept.thinet"), path("changed.thinet"))
    database = sqlite3.connect(path("changed.thinet"))
    assert database.execute(change).rowcount == 1
    database.commit()
    database.close()
    done = run("--verify", path("changed.thinet"), "--json")
    found = json.loads(done.stdout)
    check("verify finds " + name, done.returncode == 3 and found["difference"]["entry"] == 3
          and found["difference"]["field"].startswith(words), done.stdout + done.stderr)
commands("export-script " + path("again.tns"), options=["--session", everything])
with open(path("again.tns"), "a") as script:
    script.write("\nexport %s\n" % path("scripted.onnx"))
done = run("--batch", path("again.tns"))
check("its script comes to the same network", done.returncode == 0 and same_bytes(path("pruned.onnx"), path("scripted.onnx")), done.stderr)

# The best and the last; the result alone.
for name, options, best in (("best.thinet", "keep=best", True), ("default.thinet", "", True), ("result.thinet", "keep=result", False)):
    file, result = trained(name, HELD + "epochs=%d " % EPOCHS + options)
    wanted = sorted({result["best_epoch"], EPOCHS}) if best else []
    check("%s keeps %s" % (options or "the default", wanted or "no epoch"), kept(file) == wanted, (kept(file), wanted))
    check("and no other network", networks(file) == 1 + max(1, len(wanted)), networks(file))
    sound(options or "the default", file)
check("the run has a best epoch that is not its last: the test means something", result["best_epoch"] < EPOCHS, result["best_epoch"])
number = result["best_epoch"]
_, network, first, ended = commands("epoch %d" % EPOCHS, "eval limit=100", "epoch %d" % number, "undo", options=["--session", path("best.thinet")])
check("the last epoch's is there beside the result", network["top1"] == result["epochs"][-1]["test_top1"]
      and first["top1"] == result["epochs"][number - 1]["test_top1"], (network, first))

# What is not there.
for name, file, lines, words in (
        ("an epoch that was not kept", "result.thinet", ["epoch 1"], "entry 3 has not kept the network of epoch 1 (kept: none); training with keep=all"),
        ("another than those that were", "best.thinet", ["goto 3", "epoch %d" % (1 if number != 1 else 2)], "(kept: %d, %d)" % (number, EPOCHS)),
        ("an epoch that there was not", "kept.thinet", ["epoch 9"], "entry 3 has no epoch 9"),
        ("an epoch of a network that was pruned since", "kept.thinet", ["method all l1", "ratio all 0.5", "prune reweight=none", "epoch 2"], "prune"),
        ("an epoch of nothing", "kept.thinet", ["goto 0", "epoch 1"], "no network is open"),
        ("an epoch before training", "kept.thinet", ["goto 2", "epoch 1"], "is no training"),
        ("no number", "kept.thinet", ["goto 3", "epoch best"], "epoch"),
        ("keep=best without images to judge by", "kept.thinet", ["goto 3", "finetune keep=best"], "holdout=0.1")):
    count = rows(path(file), "SELECT count(*) FROM entry")[0][0]
    done, results = try_commands(*lines, options=["--session", path(file)])
    check(name + " is refused", done.returncode == 1 and words in done.stderr and len(results) == len(lines), done.stderr)
    check("and leaves no entry", rows(path(file), "SELECT count(*) FROM entry WHERE command LIKE 'epoch%' AND ok = 0") == [(0,)], count)

# They are the entry's: they stay when the file is made small, and go with it.
file = path("kept.thinet")
commands("goto 3", "session compact", options=["--session", file])
check("compact keeps them", kept(file) == list(range(1, EPOCHS + 1)))
sound("compacted", file)
commands("session detach " + path("detached.thinet"), "goto 2", "delete 3", options=["--session", file])
check("deleting the entry deletes them", kept(file) == [] and networks(file) == 1, (kept(file), networks(file)))
sound("deleted", file)
check("a detached copy has them", kept(path("detached.thinet")) == list(range(1, EPOCHS + 1)))
sound("detached", path("detached.thinet"))
done, _ = try_commands("session attach " + EXAMPLE, "epoch 2", "eval limit=100", options=["--session", path("detached.thinet")])
check("and can go on with them once it has its weights again", done.returncode == 0, done.stderr)

# A file from before there was the table; a row that leads nowhere.
file = path("result.thinet")
database = sqlite3.connect(file)
database.execute("DROP TABLE epoch_state")
database.commit()
database.close()
done = run("--session", file, "-c", "summary")
check("a session from before epochs were kept opens", done.returncode == 0, done.stderr)
file = path("best.thinet")
database = sqlite3.connect(file)
database.execute("UPDATE epoch_state SET state = 1000 WHERE step = %d" % EPOCHS)
database.commit()
database.close()
done = run("--session", file, "-c", "session check")
check("session check names an epoch whose network is missing",
      done.returncode == 1 and "epoch is missing: entry 3 epoch %d" % EPOCHS in done.stderr, done.stderr)
finish()
