"""What was done is there: after kill -9 at any moment, after a power cut at any moment, with a full disk.

TN_DURABILITY_ROUNDS says how often (12); TN_TEST_SEED repeats a run, which says its seed.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import time

from thinet import EXAMPLE, PROGRAM, QUICK, TREE, check, commands, environment, finish, need_example, run, scratch, skip

need_example()
folder = scratch()
ROUNDS = int(os.environ.get("TN_DURABILITY_ROUNDS", 4 if QUICK else 12))
SEED = int(os.environ.get("TN_TEST_SEED", time.time_ns() % 1000000))
dice = random.Random(SEED)
print("# seed %d, %d rounds" % (SEED, ROUNDS), flush=True)
BASE = os.path.join(folder, "base.thinet")
BEGIN = ["open " + EXAMPLE, "data fashion-mnist", "method all l1"]
commands(*BEGIN, options=("--session", BASE))
TUNE = "finetune epochs=%d limit=16 test-limit=10 batch=8 augment=none lr=0.001"
MOVES = ("undo", "redo", "goto", "delete", "session")


def script(count):
    """Lines that all succeed, whatever came before them."""
    lines, names = [], 0
    for i in range(count):
        kind = dice.choice(("prune", "prune", "finetune", "note", "branch", "back", "ratio", "delete", "compact"))
        if kind == "prune":
            lines += ["ratio %s 0.1" % dice.choice(("conv1_1", "conv2_1", "conv3_1", "conv3_2")), "prune"]
        elif kind == "finetune":
            lines.append(TUNE % dice.randint(1, 3) + dice.choice(("", " keep=all", " keep=best holdout=8")))
        elif kind == "note":
            lines.append("note number %d" % i)
        elif kind == "branch":
            names += 1
            lines.append("branch b%d" % names)
        elif kind == "ratio":
            lines.append("ratio all 0.%d" % dice.randint(1, 4))
        elif kind == "back":
            lines += ["note before going back", "undo", "goto 3"]
        elif kind == "delete":  # a branch of its own, so that nothing else is in it
            names += 1
            lines += ["goto 3", "branch gone%d" % names, "ratio conv2_2 0.3", "prune", "goto 3", "delete gone%d" % names]
        else:
            lines.append("session compact")
    return lines


def kept_of(lines):
    """The command lines an unharmed run leaves in the journal, in order; what `delete` takes is not among them."""
    kept = []
    for i, line in enumerate(lines):
        if line.split()[0] not in MOVES:
            kept.append(line)
        elif line.startswith("delete "):
            first = kept.index("branch " + line.split()[1])
            del kept[first:]
    return kept


def problem(session, lines, finished):
    """What is wrong with a session after `finished` of these lines had said that they are done; or None."""
    done = run("--session", session, "--json", "-c", "session check", "-c", "journal", timeout=120)
    if done.returncode:
        return done.stderr
    entries = json.loads(done.stdout.splitlines()[1])["entries"]
    there = [entry["command"] for entry in entries]
    wanted = BEGIN + kept_of(lines[:finished])
    # The line that was at work when it ended may be there or not, and a `delete` may have taken effect.
    after = BEGIN + kept_of(lines[:finished + 1])
    if there[:len(wanted)] == wanted or there[:len(after)] == after:
        return None
    return "finished: %s\nthere: %s" % (wanted, there)


# kill -9
def killed(number):
    session, lines = os.path.join(folder, "killed.thinet"), script(10)
    shutil.copy(BASE, session)
    source, out = os.path.join(folder, "lines.tns"), os.path.join(folder, "out")
    with open(source, "w") as file:
        file.write("\n".join(lines) + "\n")
    with open(out, "wb") as file:
        process = subprocess.Popen([PROGRAM, "--session", session, "--batch", source, "--json"], env=environment(), stdout=file,
                                   stderr=subprocess.PIPE)
        try:
            process.wait(timeout=dice.uniform(0, 0.9 * length))  # not for something: to cut it off anywhere
        except subprocess.TimeoutExpired:
            process.kill()
        said = process.communicate()[1].decode()
    with open(out) as file:
        finished = [json.loads(line) for line in file if line.endswith("\n")]
    if not all(result["ok"] for result in finished) or process.returncode not in (0, -9):
        return "round %d: a line failed: %s %s" % (number, said, finished[-1:]), False
    wrong = problem(session, lines, len(finished))
    return wrong and "round %d, %d lines finished: %s\n%s" % (number, len(finished), wrong, "\n".join(lines)), process.returncode == -9


trial = script(10)
trial_session = os.path.join(folder, "trial.thinet")
shutil.copy(BASE, trial_session)
begun = time.monotonic()
commands(*trial, options=("--session", trial_session))
length = time.monotonic() - begun
check("a run that nobody disturbs leaves what it should", problem(trial_session, trial, len(trial)) is None,
      problem(trial_session, trial, len(trial)))
wrong, cut = [], 0
for number in range(ROUNDS):
    found, was_cut = killed(number)
    cut += was_cut
    wrong += [found] if found else []
check("after kill -9 (%d of %d rounds) the session is sound and nothing finished is missing" % (cut, ROUNDS), not wrong and cut,
      "seed %d\n%s" % (SEED, "\n".join(wrong[:3])))


# The power goes: what was not synced may be on the disk, or not, or in part.
HEAD = struct.Struct("<qqqq")
SECTOR = 512


class Disk:
    """The folder as the program saw it, with what is certain to be on the disk and what is on its way."""

    def __init__(self, files):
        self.names = {name: [bytearray(data), []] for name, data in files.items()}  # on the disk: contents, and what waits
        self.seen = dict(self.names)  # names as the program sees them
        self.by_inode, self.waiting = {}, []

    def known(self, inode, name=None):
        if inode not in self.by_inode:
            self.by_inode[inode] = self.seen[name]
        return self.by_inode[inode]

    @staticmethod
    def apply(contents, change):
        op, offset, data = change
        if op == "T":
            del contents[offset:]
            contents.extend(bytes(offset - len(contents)))
        else:
            contents.extend(bytes(max(0, offset + len(data) - len(contents))))
            contents[offset:offset + len(data)] = data

    def move(self, names, step):
        op, a, b = step
        if op == "C":
            names[a] = b
        elif op == "U":
            names.pop(a, None)
        else:
            names[b] = names.pop(a)

    def feed(self, op, inode, offset, data, main, syncing):
        if op == "C":
            self.by_inode[inode] = [bytearray(), []]
            step = ("C", data.decode(), self.by_inode[inode])
        elif op == "U":
            step = ("U", data.decode(), None)
        elif op == "R":
            step = ("R", *data.decode().split("\0"))
        else:
            step = None
        if step:
            self.move(self.seen, step)
            self.waiting.append(step)
        elif op in "WT":
            self.known(inode, main)[1].append((op, offset, data))
        elif op == "S" and syncing:
            contents, changes = self.known(inode, main)
            for change in changes:
                self.apply(contents, change)
            changes.clear()
        elif op == "D" and syncing:
            for step in self.waiting:
                self.move(self.names, step)
            self.waiting.clear()

    def after_cut(self, luck):
        """Contents of the files when the power has gone; luck: the share of what was on its way that has arrived."""
        names = dict(self.names)
        for step in self.waiting[:dice.randint(0, len(self.waiting)) if 0 < luck < 1 else round(luck * len(self.waiting))]:
            self.move(names, step)
        files = {}
        for name, (contents, changes) in names.items():
            contents = bytearray(contents)
            for op, offset, data in changes:
                for i in range(0, max(len(data), 1), SECTOR):
                    if dice.random() < luck:
                        self.apply(contents, (op, offset + i, data[i:i + SECTOR]))
            files[name] = bytes(contents)
        return files


def records(path):
    with open(path, "rb") as file:
        data = file.read()
    found, place = [], 0
    while place + HEAD.size <= len(data):
        op, inode, offset, size = HEAD.unpack_from(data, place)
        place += HEAD.size
        found.append((chr(op), inode, offset, data[place:place + size]))
        place += size
    return found


def recorded(layer, lines):
    """Run lines below the layer; what it wrote down."""
    place, log = os.path.join(folder, "disk"), os.path.join(folder, "record")
    shutil.rmtree(place, ignore_errors=True)
    os.mkdir(place)
    if os.path.exists(log):
        os.unlink(log)
    session = os.path.join(place, "s.thinet")
    shutil.copy(BASE, session)
    arguments = [part for line in lines for part in ("-c", line)]
    done = run("--session", session, "--json", *arguments, env={"LD_PRELOAD": layer, "POWERCUT_LOG": log, "POWERCUT_FOLDER": place})
    return done, records(log)


def rebuilt(found, cut, luck, syncing=True):
    """The disk after the power went before record number `cut`; and how many lines had been printed."""
    with open(BASE, "rb") as file:
        disk = Disk({"s.thinet": file.read()})
    for record in found[:cut]:
        if record[0] != "P":
            disk.feed(*record, "s.thinet", syncing)
    place = os.path.join(folder, "after")
    shutil.rmtree(place, ignore_errors=True)
    os.mkdir(place)
    for name, data in disk.after_cut(luck).items():
        with open(os.path.join(place, name), "wb") as file:
            file.write(data)
    return os.path.join(place, "s.thinet"), sum(record[0] == "P" for record in found[:cut])


def cuts(found):
    """Moments worth trying: anywhere, and just after the syncs, unlinks and prints, where it is decided."""
    edges = [i + 1 for i, record in enumerate(found) if record[0] in "SDUPRT"]
    return [dice.choice(edges) if dice.random() < 0.7 else dice.randrange(len(found) + 1) for _ in range(2 * ROUNDS)]


def power(layer):
    lines = script(8)
    done, found = recorded(layer, lines)
    kinds = {record[0] for record in found}
    if not check("the layer has seen all of the program's work", done.returncode == 0 and kinds >= set("CWSDUP")
                 and sum(record[0] == "P" for record in found) == len(lines), "%s %s\n%s" % (done.stderr, kinds, lines)):
        return
    session, finished = rebuilt(found, len(found), 1)
    with open(session, "rb") as a, open(os.path.join(folder, "disk", "s.thinet"), "rb") as b:
        check("the disk built from its record is the one there is", a.read() == b.read())
    wrong = []
    for cut in cuts(found):
        luck = dice.choice((0, 0, 0.5, 0.9, 1))
        session, finished = rebuilt(found, cut, luck)
        what = problem(session, lines, finished)
        wrong += ["cut at %d of %d, luck %s, %d lines finished: %s" % (cut, len(found), luck, finished, what)] if what else []
    check("after a power cut (%d moments) the session is sound and nothing finished is missing" % (2 * ROUNDS), not wrong,
          "seed %d\n%s\n%s" % (SEED, "\n".join(wrong[:3]), "\n".join(lines)))
    # Would it be seen? The same on a disk that only says it has synced.
    lost = (rebuilt(found, cut, 0.5, syncing=False) for cut in cuts(found))
    check("on a disk that does not sync it would not be, which shows that this test can fail",
          any(problem(session, lines, finished) for session, finished in lost))


def full(layer):
    """The disk fills up in the middle of the work."""
    place = os.path.join(folder, "full")
    os.mkdir(place)
    lines = ["ratio all 0.3", "prune", TUNE % 1, "ratio all 0.2", "prune"]
    for room in 20000, 300000, 1500000:
        session = os.path.join(place, "s%d.thinet" % room)
        shutil.copy(BASE, session)
        arguments = [part for line in lines for part in ("-c", line)]
        done = run("--session", session, "--json", *arguments,
                   env={"LD_PRELOAD": layer, "POWERCUT_FOLDER": place, "POWERCUT_ROOM": str(room)})
        results = [json.loads(line) for line in done.stdout.splitlines()]
        good = [result for result in results if result["ok"]]
        check("a disk with room for %d bytes more is full: said in one line" % room, done.returncode == 1
              and "no space left on the disk" in done.stderr.strip().splitlines()[-1], done.stderr)
        check("and what was finished before is there", problem(session, lines, len(good)) is None, problem(session, lines, len(good)))


compiler = shutil.which(os.environ.get("CC", "cc").split()[-1]) or shutil.which("cc")
if QUICK:
    skip("power cuts", "a sanitizer's library must be the first one to be loaded")
elif not compiler:
    skip("power cuts", "no C compiler")
else:
    layer = os.path.join(folder, "powercut.so")
    built = subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", layer,
                            os.path.join(TREE, "tests", "pipeline", "powercut.c"), "-ldl", "-pthread"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check("the layer between program and disk is built", built.returncode == 0, built.stdout):
        power(layer)
        full(layer)
finish()
