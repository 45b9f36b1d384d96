"""The sessions that ship: each opens, tells its story, and does again what it holds."""

import glob
import os
import re
import shutil
import sqlite3

from thinet import QUICK, TREE, check, commands, finish, need_example, run, same_bytes, scratch, skip

need_example()
folder = scratch()
FOLDER = os.path.join(TREE, "sessions")
# The shortest to verify first; with sanitizers only that one is done again.
SESSIONS = ["methods", "budget", "tour", "resnet20"]
# Of a session without the weights it began with: a folder that holds what it opens, for those who have it.
NEEDS = {"resnet20": os.environ.get("THINET_RESNET20")}
found = sorted(os.path.basename(path)[:-len(".thinet")] for path in glob.glob(os.path.join(FOLDER, "*.thinet")))
check("the sessions in the tree are those that are tested", found == sorted(SESSIONS), found)
with open(os.path.join(FOLDER, "README.md")) as file:
    readme = file.read()


def lines_of(name):
    """The commands of the script that recorded a session, less those that only move."""
    with open(os.path.join(FOLDER, "record-%s.tns" % name)) as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return [line for line in lines if not line.startswith("goto ")]


for name in SESSIONS:
    file = os.path.join(FOLDER, name + ".thinet")
    copy = os.path.join(folder, name + ".thinet")
    shutil.copy(file, copy)
    database = sqlite3.connect("file:%s?mode=ro" % copy, uri=True)
    entries = database.execute("select id, command from entry order by id").fetchall()
    tensors = database.execute("select count(*) from tensor").fetchone()[0]
    database.close()
    check("%s holds what its script did, in order" % name, [command for _, command in entries] == lines_of(name), entries)
    check("%s is smaller than 3 MB" % name, os.path.getsize(file) < 3000000, os.path.getsize(file))
    check("%s is in the table of sessions/README.md, with its script and how to replay it" % name,
          "`%s.thinet`" % name in readme and "`record-%s.tns`" % name in readme and "--replay sessions/%s.thinet" % name in readme)
    opened = commands("journal", "compare", options=("--session", copy))
    check("%s opens, with networks to compare" % name, len(opened[0]["entries"]) == len(entries) and tensors > 0
          and len([row for row in opened[1]["rows"] if row["top1"] is not None]) >= 3, opened[1])
    check("%s is sound" % name, commands("session check", options=("--session", copy))[0]["ok"])
    told = run("--replay", file, "--batch", "-")
    check("%s is replayed, a line an entry" % name,
          told.returncode == 0 and [int(re.match(r"[* ][> ] *(\d+)", line)[1]) for line in told.stdout.splitlines()]
          == [number for number, _ in entries], told.stdout + told.stderr)
    if QUICK and name != SESSIONS[0]:
        continue
    if name in NEEDS and not NEEDS[name]:
        skip("%s is verified" % name, "THINET_RESNET20 names no folder with resnet20.onnx and cifar-10-batches-bin")
        continue
    shutil.copy(file, copy)
    images = ("--data", os.path.join(NEEDS[name], "cifar-10-batches-bin")) if name in NEEDS else ()
    done = run("--verify", copy, *images, cwd=NEEDS.get(name, FOLDER), timeout=800)
    check("%s is verified" % name, done.returncode == 0 and "all as recorded" in done.stdout, done.stdout + done.stderr)
    check("%s is not changed by that" % name, same_bytes(file, copy))
finish()
