"""What a session's file holds: its sizes, whether it is sound, branches that are deleted, room given back."""

import os
import shutil
import sqlite3

from thinet import check, commands, finish, need_example, run, scratch, try_commands, EXAMPLE

need_example()
folder = scratch()


def path(name):
    return os.path.join(folder, name)


def at(session):
    return ("--session", session)


TUNE = "finetune epochs=%d limit=32 test-limit=20 batch=16"
session = path("s.thinet")
START = ["open " + EXAMPLE, "data fashion-mnist", "sample all images=1", "ratio all 0.5", "prune", TUNE % 2,
         "goto 4", "branch mild", "ratio all 0.2", "prune", "eval limit=20"]
commands(*START, options=at(session))


def parts(result):
    return {part["name"]: part for part in result["parts"]}


# Sizes
sizes, sound = commands("session", "session check", options=at(session))
rows = parts(sizes)
check("`session` says the file's size", sizes["bytes"] == os.path.getsize(session), "%s of %d" % (sizes, os.path.getsize(session)))
check("its parts add up to it", sum(row["bytes"] for row in rows.values()) == sizes["bytes"], sizes)
database = sqlite3.connect(session)
tensors = database.execute("SELECT count(*), sum(length(data)) FROM tensor").fetchone()
database.close()
kinds = ("weights", "statistics", "checkpoints", "unneeded")
check("every tensor is counted once", tensors == tuple(sum(rows[kind][key] for kind in kinds) for key in ("count", "bytes")),
      "%s of %s" % (rows, tensors))
check("six layers were sampled, and nothing is unneeded", rows["statistics"]["count"] >= 6 and rows["unneeded"]["count"] == 0, rows)
check("entries and states are counted", sizes["entries"] == 10 == rows["journal"]["count"], sizes)
check("the file is sound", sound["sound"] is True and sound["entries"] == 10, sound)
shown = run("--session", session, "-c", "session")
check("as text it is a table", "weights" in shown.stdout and "bytes in 10 entries" in shown.stdout and "%" in shown.stdout, shown.stdout)

# What may not be deleted
for entry, words in (("10", "goto another one first"), ("4", "goto another one first"), ("1", "goto another one first"),
                     ("0", "empty session"), ("11", "11"), ("nowhere", "no entry or branch 'nowhere'"), ("mild", "goto another")):
    done, results = try_commands("delete " + entry, options=at(session))
    check("delete %s is refused" % entry, done.returncode == 1 and words in done.stderr, done.stderr)
journal, = commands("journal", options=at(session))
check("and nothing is gone", len(journal["entries"]) == 10)

# What may: fine-tuning (6) and the pruning it followed (5)
before, gone, after, sound, journal = commands("export " + path("before.onnx"), "delete 5", "session", "session check", "journal",
                                               options=at(session))
check("delete takes the entry and what follows it", gone["deleted"] == 2 and gone["entries"] == 9, gone)
check("the others stay", [entry["id"] for entry in journal["entries"]] == [1, 2, 3, 4, 7, 8, 9, 10, 11], journal)
check("the file is sound after it", sound["sound"] is True)
check("it has free pages, and fewer weights", parts(after)["free"]["bytes"] > rows["free"]["bytes"]
      and parts(after)["weights"]["bytes"] < rows["weights"]["bytes"] and parts(after)["metrics"]["count"] == 0, after)
kept, sound = commands("export " + path("kept.onnx"), "session check", options=at(session))
with open(path("before.onnx"), "rb") as a, open(path("kept.onnx"), "rb") as b:
    check("the network that stays is what it was, opened again", a.read() == b.read() and sound["sound"] is True)
size = os.path.getsize(session)
small, sound = commands("session compact", "session check", options=at(session))
check("compact gives the room back", small["bytes_before"] == size and small["bytes"] == os.path.getsize(session) < size, small)
check("and the file is sound", sound["sound"] is True)

# A branch by its name; numbers are not given again; redo leads no longer into what is gone
results = commands("goto 4", "note here", "delete mild", "undo", "redo", "journal", "session check", options=at(session))
check("a branch goes by its name", results[2]["deleted"] == 6, results[2])
check("redo stays on what is there", results[4]["entry"] in (4, 13), results[4])
check("entries that stay are found", [entry["id"] for entry in results[5]["entries"]] == [1, 2, 3, 4, 13])
results = commands("goto 3", "delete 13", "note anew", "journal", options=at(session))
check("a number that was given is not given again, also after the file was closed",
      [entry["id"] for entry in results[3]["entries"]] == [1, 2, 3, 4, 14], results[3])
results = commands("note last", "goto 3", "delete 15", options=at(session))
results = commands("note after reopening", "journal", options=at(session))
check("nor when the last entry was deleted before", results[1]["entries"][-1]["id"] == 16, results[1])

# Without a file
results = commands("open zoo:fashion-vgg", "note one", "goto 1", "delete 2", "session", "session check", "session compact", "journal")
check("a session without a file can be looked after as well", results[4]["file"] is None and results[4]["bytes"] > 0
      and results[5]["sound"] and len(results[7]["entries"]) == 1, results[4:])


# A copy without the weights of the network that was opened
whole, detached = path("attached.thinet"), path("detached.thinet")
commands("open " + EXAMPLE, "data fashion-mnist", "sample all images=1", "eval limit=20", "method all l1", "ratio conv2_1 0.5", "prune",
         TUNE % 2, "eval limit=20", options=at(whole))
made, entries, compared, before = commands("session detach " + detached, "journal", "compare", "export " + path("whole.onnx"),
                                           options=at(whole))
check("detach writes a smaller file", made["bytes"] == os.path.getsize(detached) < os.path.getsize(whole), made)
here = commands("journal", "compare", "session check", "session", options=at(detached))
check("the copy has the journal", here[0]["entries"] == entries["entries"], here[0])
check("and what networks are compared by", [row["top1"] for row in here[1]["rows"]] == [row["top1"] for row in compared["rows"]]
      and len(here[1]["rows"]) == 2, here[1])
check("it is sound, and has fewer weights", here[2]["sound"] and parts(here[3])["unneeded"]["count"] == 0, here[2:])
for line in ("layers", "summary", "eval limit=10", "note x", "undo", "goto 1", "ratio all 0.1", "open zoo:fashion-vgg", "export x.onnx",
             "compare time=on", "session compact"):
    done, results = try_commands(line, options=at(detached))
    check("%s says what it lacks" % line.split()[0], done.returncode == 1 and done.stderr.count("\n") == 1
          and "session attach fashion-vgg.onnx (digest " in done.stderr, done.stderr)
digest = done.stderr.split("(digest ")[1].split(")")[0]
with sqlite3.connect(detached) as database:
    check("by its digest", database.execute("SELECT count(*) FROM graph WHERE lower(hex(digest)) LIKE ?", (digest + "%",)).fetchone()[0] == 1)
commands("open zoo:fashion-vgg seed=5", "export " + path("other.onnx"))
done, results = try_commands("session attach " + path("other.onnx"), options=at(detached))
check("another network is refused, and what is another one in it is named", done.returncode == 1 and "other.onnx" in done.stderr
      and digest in done.stderr and ".weight' is another one" in done.stderr, done.stderr)
done, results = try_commands("session attach " + path("nowhere.onnx"), options=at(detached))
check("as is one that is not there", done.returncode == 1 and "nowhere.onnx" in done.stderr, done.stderr)
moved = commands("save " + path("moved.thinet"), "journal", options=at(detached))
done, results = try_commands("layers", options=at(path("moved.thinet")))
check("saved elsewhere it lacks the same", done.returncode == 1 and digest in done.stderr, done.stderr)
results = commands("session attach " + EXAMPLE, "session check", "export " + path("again.onnx"), "undo", "undo", "layers", options=at(detached))
check("the network gives the weights back", results[0]["lacking"] == 0 and results[1]["sound"], results[:2])
with open(path("whole.onnx"), "rb") as a, open(path("again.onnx"), "rb") as b:
    check("and the session is what it was, bit for bit", a.read() == b.read())
check("undo included", next(row for row in results[5]["layers"] if row["name"] == "conv2_1")["filters"] == 64)
done, results = try_commands("session attach " + EXAMPLE, options=at(detached))
check("a second time there is nothing to attach", done.returncode == 1 and "lacks no weights" in done.stderr, done.stderr)
for line, words in (("session detach", "FILE.thinet"), ("session attach", "MODEL.onnx"), ("session check x", "takes no file"),
                    ("session detach " + detached, "is the session that is open"), ("session whatever", "whatever")):
    done, results = try_commands(line, options=at(detached))
    check("'%s' is refused" % line.split("/")[0], done.returncode == 1 and words in done.stderr, done.stderr)


# What check finds: damage of every kind, each in a copy
def damaged(name, words, *statements):
    copy = path("damaged.thinet")
    shutil.copy(session, copy)
    database = sqlite3.connect(copy)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    done, results = try_commands("session check", options=at(copy))
    check("check finds " + name, done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    return copy


commands("open " + EXAMPLE, "data fashion-mnist", "sample all images=1", "ratio all 0.5", "prune", TUNE % 1, "undo", "note x",
         "save " + path("whole.thinet"))
session = path("whole.thinet")
damaged("an entry of no parent", "the journal is no tree", "DELETE FROM entry WHERE id = 5",
        "UPDATE meta SET value = 4")
done, results = try_commands("session check", options=at(session))
check("the whole file is sound", done.returncode == 0, done.stderr)
TUNED = "(SELECT state FROM entry WHERE id = 6)"
OTHER = "(SELECT graph FROM state WHERE id = %s)" % TUNED
HEAD = "(SELECT tensor FROM graph_tensor WHERE graph IN (SELECT graph FROM state WHERE id = 5))"
ONLY = "DELETE FROM tensor WHERE digest IN (SELECT tensor FROM graph_tensor WHERE graph = %s) AND digest NOT IN %s" % (OTHER, HEAD)
damaged("weights that are missing", "weights of a network are missing", ONLY)
damaged("a network that is missing", "network of a state is missing", "DELETE FROM graph WHERE digest = " + OTHER)
damaged("a weight with another value", "not what its digest says",
        "UPDATE tensor SET data = zeroblob(length(data)) WHERE digest IN (SELECT tensor FROM graph_tensor WHERE graph = %s) "
        "AND digest NOT IN %s" % (OTHER, HEAD))
damaged("a network of other bytes", "a network is not what its digest says",
        "UPDATE graph SET data = data || x'00' WHERE digest = " + OTHER)
damaged("a state that is missing", "state of an entry is missing", "DELETE FROM state WHERE id = " + TUNED)
damaged("a statistic that is missing", "statistic is missing",
        "UPDATE statistic SET gram = zeroblob(32) WHERE state = 4 AND layer = 'conv2_1'")
damaged("a statistic of another layer", "statistic",
        "UPDATE statistic SET gram = (SELECT gram FROM statistic WHERE state = 4 AND layer = 'conv3_1') "
        "WHERE state = 4 AND layer = 'conv1_1'")
damaged("settings that are no JSON", "settings that are no JSON", "UPDATE state SET settings = '{' WHERE id = " + TUNED)
orphan = damaged("a tensor that nothing needs", "a tensor that nothing needs",
                 "INSERT INTO tensor VALUES(zeroblob(32), 1, '1', x'00000000')")
small, sound = commands("session compact", "session check", options=at(orphan))
check("and compact drops it", sound["sound"] is True)
damaged("figures of no entry", "", "INSERT INTO metric VALUES(99, 1, 'loss', 1)")
with open(session, "rb") as file:
    bytes_ = bytearray(file.read())
middle = len(bytes_) // 2 // 4096 * 4096
bytes_[middle:middle + 4096] = bytes(4096)
with open(path("damaged.thinet"), "wb") as file:
    file.write(bytes_)
done, results = try_commands("session check", options=at(path("damaged.thinet")))
check("check finds a page of zeros", done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr)
finish()
