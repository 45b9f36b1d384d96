"""--verify: a session is done again to the same bits; one changed number, other images and missing ones are told."""

import gzip
import json
import os
import shutil
import sqlite3
import struct

from thinet import EXAMPLE, PROGRAM, check, commands, finish, need_example, run, same_bytes, scratch  # noqa: F401

need_example()
folder = scratch()


def path(name):
    return os.path.join(folder, name)


# Few images, in a folder of their own, so that they can be moved away, changed and given with --data.
def write_images(name, train, test, change=0):
    os.mkdir(path(name))
    for part, count in ("train", train), ("t10k", test):
        pixels = bytes((7 * i + 13 * (i // 784) + i % 91) % 256 ^ change for i in range(28 * 28 * count))
        with gzip.open(path("%s/%s-images-idx3-ubyte.gz" % (name, part)), "wb") as file:
            file.write(struct.pack(">4i", 0x803, count, 28, 28) + pixels)
        with gzip.open(path("%s/%s-labels-idx1-ubyte.gz" % (name, part)), "wb") as file:
            file.write(struct.pack(">2i", 0x801, count) + bytes(i % 10 for i in range(count)))


write_images("images", 120, 60)
write_images("others", 120, 60, change=1)
shutil.copy(EXAMPLE, path("net.onnx"))
session = path("small.thinet")
done = commands("open net.onnx", "data images mean=0.3 std=0.4", "eval", "sample all images=2 locations=4", "branch cut",
                "ratio all 0.5", "lock conv2_1 3,5 keep", "prune all reweight=ls", "eval",
                "finetune epochs=2 batch=20 limit=80 lr=0.01 seed=4", "eval", "time batch=2 passes=1",
                "export " + path("out.onnx"), "goto 4", "budget flops=0.6", "sensitivity conv1_2 ratios=0.5 limit=40",
                "prune all reweight=full", "eval limit=50", "note the end",
                options=("--session", session), cwd=folder)
os.remove(path("out.onnx"))
shutil.copy(session, path("kept.thinet"))


def verify(*options, file=session, status=0, cwd=folder):
    """The object that --verify --json prints."""
    finished = run("--verify", file, "--json", *options, cwd=cwd)
    if not check("verifying %s %s ends with status %d" % (os.path.basename(file), " ".join(options), status),
                 finished.returncode == status, "%d\n%s\n%s" % (finished.returncode, finished.stdout, finished.stderr)):
        return {}
    return json.loads(finished.stdout)


for threads in "1", "2", "4":
    found = verify("--threads", threads)
    check("with %s threads every entry is as recorded, bit for bit, and no file is written" % threads,
          found.get("ok") is True and found["exact"] is True and found["entries"] == 16 and found["left_out"] == 2
          and not os.path.exists(path("out.onnx")), found)
check("the session's file is byte for byte what it was", same_bytes(session, path("kept.thinet")))
check("and nothing lies beside it", sorted(name for name in os.listdir(folder) if name.startswith("small")) == ["small.thinet"])
told = run("--verify", session, cwd=folder)
check("in words it is one line that names the file, the entries and what was left out",
      told.stdout == "%s: 16 entries done again, all as recorded (bit for bit); 2 left out (time is measured or a file written)\n"
      % session and told.stderr == "", told.stdout + told.stderr)

# Without the file that was opened, the network is taken from the session.
os.rename(path("net.onnx"), path("moved.onnx"))
found = verify()
check("the network is taken from the session where its file is gone", found.get("ok") is True and found["entries"] == 16, found)
os.rename(path("moved.onnx"), path("net.onnx"))


def changed(name, *statements):
    """A copy of the session in which something was changed."""
    file = path(name)
    shutil.copy(session, file)
    database = sqlite3.connect(file)
    for statement in statements:
        assert database.execute(statement).rowcount > 0, statement
    database.commit()
    database.close()
    return file


def entry_of(command):
    database = sqlite3.connect("file:%s?mode=ro" % session, uri=True)
    row = database.execute("select id, result from entry where command like ? order by id limit 1", (command + "%",)).fetchone()
    database.close()
    return row[0], json.loads(row[1])


number, result = entry_of("ratio")
file = changed("result.thinet", "update entry set result = json_set(result, '$.layers[1].error_ls', %r) where id = %d"
               % (result["layers"][1]["error_ls"] * (1 + 1e-9), number))
found = verify(file=file, status=3)
check("a changed number of a result is found: entry, command, field and both values",
      not found.get("ok", True) and found["difference"]["entry"] == number
      and found["difference"]["command"] == "ratio all 0.5" and found["difference"]["field"] == "layers[1].error_ls"
      and float(found["difference"]["now"]) == result["layers"][1]["error_ls"]
      and float(found["difference"]["recorded"]) != result["layers"][1]["error_ls"], found)
number, _ = entry_of("finetune")
file = changed("metric.thinet", "update metric set value = value + 0.001 where entry = %d and step = 2 and name = 'loss'" % number)
found = verify(file=file, status=3)
check("a changed metric is found", found.get("difference", {}).get("entry") == number
      and found["difference"]["field"] == "metric[1].loss", found)
file = changed("weight.thinet", "update tensor set data = zeroblob(length(data)) where dtype = 1 and length(data) > 100000")
found = verify(file=file, status=3)
check("changed weights are told as such", "not what its digest says" in found.get("difference", {}).get("recorded", "")
      and "state" in found["difference"]["field"], found)
file = changed("kept-count.thinet", "update state set settings = json_set(settings, '$.layers[0].kept', 15) where id in "
               "(select state from entry where command like 'ratio%')")
found = verify(file=file, status=3)
check("changed settings of a state are found", found.get("difference", {}).get("field") == "layers[0].kept", found)
told = run("--verify", path("metric.thinet"), cwd=folder)
check("in words: file, entry, command, field, the value recorded and the value now",
      told.returncode == 3 and told.stdout.startswith("%s: entry %d (finetune epochs=2" % (path("metric.thinet"), number))
      and "metric[1].loss: recorded " in told.stdout and ", now " in told.stdout, told.stdout)

# Another machine: tolerances.
file = changed("elsewhere.thinet", "update meta set value = json_set(value, '$.kernels', 'another') where key = 'machine:1'",
               "update entry set result = json_set(result, '$.loss', json_extract(result, '$.loss') * 1.001) where command = 'eval'")
found = verify(file=file)
check("what another machine recorded may differ within tolerances", found.get("ok") is True and found["exact"] is False, found)
file = changed("far.thinet", "delete from meta where key = 'machine:1'",
               "update entry set result = json_set(result, '$.loss', json_extract(result, '$.loss') * 1.5) where command = 'eval'")
found = verify(file=file, status=3)
check("and no more than that", found.get("difference", {}).get("field") == "loss", found)

# Images: others, elsewhere, none.
found = verify("--data", path("others"), status=3)
check("other images are named as such", "other images" in found.get("difference", {}).get("field", "")
      and found["difference"]["command"].startswith("data "), found)
os.rename(path("images"), path("elsewhere"))
missing = run("--verify", session, cwd=folder)
check("without the images it says how to give them", missing.returncode == 1 and "--data PATH" in missing.stderr
      and missing.stderr.count("\n") == 1, missing.stderr)
found = verify("--data", path("elsewhere"))
check("--data says where they are now", found.get("ok") is True and found["exact"] is True, found)
os.rename(path("elsewhere"), path("images"))

# A session that goes on elsewhere: the entries of each machine are known.
file = changed("two.thinet", "update meta set value = json_set(value, '$.kernels', 'another') where key = 'machine:1'")
commands("eval limit=20", options=("--session", file), cwd=folder)
database = sqlite3.connect(file)
rows = dict(database.execute("select key, value from meta where key like 'machine:%'"))
last = database.execute("select max(id) from entry").fetchone()[0]
check("entries that another machine adds get a row of their own", set(rows) == {"machine:1", "machine:%d" % last}, rows)
database.execute("update entry set result = json_set(result, '$.loss', json_extract(result, '$.loss') * 1.00001) where id = %d" % last)
database.commit()
database.close()
found = verify(file=file, status=3)
check("and are compared bit for bit here", found.get("difference", {}).get("entry") == last, found)

# What was cut short is counted, not done again; what failed must fail again.
file = changed("cut.thinet", "update entry set ok = 2, result = null where command like 'finetune%'",
               "update entry set ok = 0, result = '{\"error\":\"cancelled\"}' where command = 'eval limit=50'")
found = verify(file=file)
check("interrupted entries are left out and counted", found.get("interrupted") == 2 and found["entries"] == 14, found)
file = changed("failed.thinet", "update entry set ok = 0, result = '{\"error\":\"no\"}' where command = 'eval limit=50'")
found = verify(file=file, status=3)
check("an entry that failed must fail again", found.get("difference", {}).get("field") == "ok", found)

# The last write was cut off: the file and its rollback journal as they are in the middle of a transaction that has
# outgrown its cache. Neither of these writes to a file that it only reads, so neither mends it.
file = path("cut-off.thinet")
shutil.copy(session, path("writing.thinet"))
database = sqlite3.connect(path("writing.thinet"), isolation_level=None)
for statement in ("PRAGMA cache_size = 5", "BEGIN IMMEDIATE", "UPDATE entry SET command = 'note lost'", "DELETE FROM tensor"):
    database.execute(statement)
for name in "", "-journal":
    shutil.copy(path("writing.thinet" + name), file + name)
database.execute("ROLLBACK")
database.close()
check("the file is cut off in the middle of a write", not same_bytes(file, session) and os.path.getsize(file + "-journal") > 0)
os.mkdir(path("as-cut"))
for name in "cut-off.thinet", "cut-off.thinet-journal":
    shutil.copy(path(name), path("as-cut"))
for options in ("--verify", file), ("--verify", file, "--json"), ("--replay", file, "--batch", "-"):
    told = run(*options, cwd=folder)
    check("%s says so, and how it is mended" % " ".join(options).replace(file, "FILE"), told.returncode == 1
          and told.stderr == "thinet-tui: %s: its last change was cut off and is not mended yet: open it once (thinet-tui %s), "
          "which takes the file back to before it\n" % (file, file), told.stderr)
check("and nothing was touched", all(same_bytes(path(name), path("as-cut/" + name)) for name in ("cut-off.thinet", "cut-off.thinet-journal")))
commands("session check", options=("--session", file))
found = verify(file=file)
check("opened once it is as before the write", found.get("ok") is True and found["exact"] is True and found["entries"] == 16
      and not os.path.exists(file + "-journal"), found)
told = run("--replay", file, "--batch", "-", cwd=folder)
check("and is replayed", told.returncode == 0 and "note the end" in told.stdout, told.stderr)

# Without the weights it began with: from where its `open` finds the network with the right digest.
light = path("light.thinet")
shutil.copy(session, path("whole.thinet"))
commands("session detach " + light, options=("--session", path("whole.thinet")))
shutil.copy(light, path("light-kept.thinet"))
found = verify(file=light)
check("a detached session is verified where its 'open' finds the network", found.get("ok") is True and found["exact"] is True
      and found["entries"] == 16, found)
os.mkdir(path("empty"))
told = run("--verify", light, "--data", path("images"), cwd=path("empty"))
check("where it does not, it says what it lacks and what to do, in one line", told.returncode == 1 and told.stdout == ""
      and told.stderr.startswith("thinet-tui: %s: it lacks the weights of the network it began with" % light)
      and "verify it in a folder where its 'open' finds the file" in told.stderr and "session attach" in told.stderr
      and told.stderr.count("\n") == 1, told.stderr)
os.mkdir(path("namesake"))
commands("open zoo:fashion-vgg seed=5", "export net.onnx", cwd=path("namesake"))
told = run("--verify", light, "--data", path("images"), cwd=path("namesake"))
database = sqlite3.connect("file:%s?mode=ro" % light, uri=True)
began = database.execute("SELECT json_extract(settings, '$.opened') FROM state WHERE graph NOT NULL LIMIT 1").fetchone()[0]
database.close()
check("another network of the same name is named as such, with the digest of the right one", told.returncode == 1
      and "net.onnx: not the network that %s began with (digest %s)" % (light, began[:12]) in told.stderr
      and ".weight' is another one" in told.stderr, told.stderr)
shutil.copy(EXAMPLE, path("empty/net.onnx"))
told = run("--verify", light, "--data", path("images"), cwd=path("empty"))
check("with the right file there it is verified there too", told.returncode == 0 and "bit for bit" in told.stdout, told.stdout + told.stderr)
check("a detached file is byte for byte what it was", same_bytes(light, path("light-kept.thinet")))

# Several networks, one of them opened twice; one built in, which no file has.
shutil.copy(path("namesake/net.onnx"), path("second.onnx"))
several = ["open net.onnx", "ratio all 0.25", "open net.onnx", "open second.onnx", "ratio all 0.5", "open zoo:fashion-vgg seed=9"]
commands(*several, "method all l1", "ratio all 0.5", "prune reweight=none",
         "session detach " + path("several-light.thinet"), options=("--session", path("several.thinet")), cwd=folder)
found = verify(file=path("several-light.thinet"))
check("several networks are found, and a built-in one is made", found.get("ok") is True and found["entries"] == 9, found)
os.rename(path("second.onnx"), path("third.onnx"))
told = run("--verify", path("several-light.thinet"), cwd=folder)
check("one of them that is not there is missed", told.returncode == 1 and told.stderr.count("\n") == 1
      and "several-light.thinet: it lacks the weights" in told.stderr, told.stderr)

for name, words in (("nothing.thinet", "there is no such session"), ("net.onnx", "not a session")):
    refused = run("--verify", path(name), cwd=folder)
    check("--verify %s is refused in one line" % name, refused.returncode == 1 and words in refused.stderr
          and refused.stderr.count("\n") == 1 and not os.path.exists(path("nothing.thinet")), refused.stderr)
for words in (("-c", "layers"), ("--session", session), (EXAMPLE,)):
    refused = run("--verify", session, *words, cwd=folder)
    check("--verify with %s is wrong usage" % words[0], refused.returncode == 2, refused.stderr)
check("the session's file is still byte for byte what it was", same_bytes(session, path("kept.thinet")))
finish()
