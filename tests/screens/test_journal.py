#!/usr/bin/env python3
"""The view Journal, the queue of commands, and what tells that long work has ended."""

import os
import re
import sqlite3
import time

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
IMAGES = tmux.have_images()


def opened(columns, rows, *arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, columns=columns, rows=rows, **more)
    screen.until("conv1_1", "idle", "next:")
    return screen


def done(screen, line, *texts):
    screen.command(line)
    screen.until(":" + line, "idle", *texts)


def branches(screen, here, change, tee, line):
    """Two ways from entry 1; the rows say where each came from."""
    def body():
        done(screen, "keep conv1_1 20", "conv1_1 keeps 20 of 32")
        done(screen, "keep conv1_2 10", "conv1_2 keeps 10 of 32")
        screen.keys("u", "u")
        screen.until("now at entry 1", "idle")
        done(screen, "keep conv2_1 9", "conv2_1 keeps 9 of 64")
        screen.keys("6")
        shown = screen.until("the session stands here", "command", "result", gone=["Layers"])
        for row in ("%s    1 open " % change, "%s-%s  2 keep conv1_1 20 +conv1_1 keeps 20" % (tee, change),
                    "%s %s  3 keep conv1_2 10" % (line, change), ">%s    4 keep conv2_1 9" % here):
            assert re.search(row.replace("-", "[-─]").replace(">", "[>▸]"), shown), (row, shown)
    return body


def goes(screen):
    def body():
        screen.keys("k", "k", "Enter")
        screen.until(":goto 2", "now at entry 2", "idle", "the session stands here")
        screen.keys("Enter")
        screen.until("stands there already")
        screen.keys("Escape")
        shown = screen.until("Layers", "conv3_2", gone=["the session stands here", "entry 2"])  # all of it is drawn
        assert re.search(r"conv1_1 +32 +20 ", shown) and re.search(r"conv2_1 +64 +64 ", shown), shown
        screen.keys("6")
        screen.until("the session stands here")
    return body


def names(screen):
    def body():
        screen.keys("N")
        screen.until(":note ")
        screen.type("worth another look")
        screen.keys("Enter")
        shown = screen.until("# ", "  5 worth another look", "idle", "the session stands here")
        assert re.search(r"[>▸]@.* 5 worth another look", shown), shown  # the cursor has followed
        screen.keys("B")
        screen.until(":branch ")
        screen.type("mild")
        screen.keys("Enter")
        screen.until("6 [mild]", "the session stands here   [mild]")
        screen.keys("g", "Enter")
        screen.until(":goto 0", "now at the beginning", "idle")
        screen.command("goto mi")  # a name that is nearly right
        screen.until("no entry or branch 'mi'")
        screen.keys(":")
        screen.type("goto mi")
        screen.keys("Tab")
        screen.until(":goto mild")
        screen.keys("Enter")
        screen.until("now at entry 6", "[mild]")
    return body


def turns(screen):
    def body():
        screen.keys("g", "j", "j")
        screen.until("entry 4", "o newest first")
        screen.keys("o")
        shown = screen.until("o branch by branch").split(" entry ")[0]
        ids = [int(found) for found in re.findall(r"(?m)^[│|][ >▸][^0-9\n]*? +([0-9]+) \S", shown)]
        assert ids == sorted(ids, reverse=True) and len(ids) == 7, ids
        screen.until("entry 4")  # still under the cursor
        screen.keys("o")
        screen.until("o newest first")
    return body


def deletes(screen):
    def body():
        screen.keys("G")
        screen.until("entry 6", "the session stands here")
        screen.keys("D")
        screen.until(":delete 6")
        screen.keys("Enter")  # the session stands there
        screen.until("delete: the session stands at entry 6", gone=["Enter runs it"])
        screen.keys("g", "j", "j", "j", "j")
        shown = screen.until("entry 3")
        assert re.search(r"  3 keep conv1_2 10", shown), shown
        screen.keys("D")
        screen.until(":delete 3", "Enter runs it")
        screen.keys("Escape")  # it asked; nothing is done
        screen.until("keep conv1_2 10", gone=["Enter runs it"])
        screen.keys("D")
        screen.until(":delete 3", "Enter runs it")
        screen.keys("Enter")
        screen.until("1 entries are gone, 5 are left", "idle", gone=["  3 keep conv1_2 10"])
    return body


def searches(screen):
    """By command, by result, by a note's text; around the end; both ways that are free."""
    def body():
        screen.keys("/")
        screen.until("Enter keeps what is found")
        screen.type("CONV1_2")
        screen.until("entry 3")
        screen.keys("Enter")
        screen.until("entry 3", gone=["Enter keeps"])
        screen.keys("/")
        screen.type("keeps")
        screen.keys("Enter", "n")
        shown = screen.until("entry 4", "conv2_1 keeps 9", gone=["Enter keeps"])
        assert "entry 3" not in shown
        screen.keys("n")
        screen.until("entry 2 ")
        screen.keys("n")
        screen.until("entry 3 ")
        screen.keys("/", "another", "Enter")
        screen.until("entry 5 ", gone=["Enter keeps"])
        screen.keys("/", "no such words", "Enter", "n")
        screen.until('no row holds "no such words"', "entry 5 ")
        screen.keys("/", "conv2", "Enter")
        screen.until("entry 4 ", gone=["Enter keeps"])
    return body


def clicked(screen):
    def body():
        rows = screen.lines()
        row = next(i for i, line in enumerate(rows) if " 3 keep conv1_2 10" in line)
        screen.tmux("send-keys", "-l", "\x1b[<0;10;%dM" % (row + 1))
        screen.until("entry 3")
    return body


def queue(screen):
    def body():
        screen.keys("Q")
        screen.until("nothing runs and nothing waits")
        screen.command("finetune epochs=500 lr=0.001")
        screen.until("epoch 1/500", "busy")
        screen.command("note never written")
        screen.until(":note never written", "+1 waiting", gone=["Enter runs it"])
        screen.command("note written afterwards")
        screen.until("+2 waiting")
        screen.keys("Q")
        screen.until("Queue", "running  finetune epochs=500", "1        note never", "2        note written", "so far", "d stops it")
        screen.keys("j")
        screen.until("d takes it out")
        screen.keys("d")
        screen.until("taken out: note never written", "1        note written", "+1 waiting", gone=["2        note"])
        screen.keys("k")
        screen.until("d stops it")
        screen.keys("DC")
        # What waits is done; then there is nothing to show any more.
        shown = screen.until(":note written afterwards", "idle", gone=["Queue"])
        assert "written afterwards" in shown
        screen.keys("6")
        journal = screen.until("written afterwards", "the session stands here")
        assert "never written" not in journal, journal
        assert re.search(r"x +\d+ finetune epochs=500|x +\d+ finet", journal), journal
        screen.keys("Escape")
        screen.until("Layers")
    return body


def bells(screen):
    """BELs that the program sent, but for those that end a title."""
    output = re.sub(rb"\033\][^\007]*\007", b"", screen.read("output"))
    return output.count(b"\007")


def told(screen, what):
    return screen.tmux("display-message", "-p", what).strip()


def rings(screen):
    def body():
        done(screen, "eval limit=100", "top-1")
        assert told(screen, "#{window_bell_flag}") == "0"
        begun, line = time.monotonic(), "eval limit=%d" % (1000 if thinet.QUICK else 10000)
        screen.command(line)
        screen.until("%", "z pauses")
        screen.keys("z")
        screen.until("paused")
        tmux.wait(lambda: time.monotonic() - begun > 6, "six seconds, which are long")
        screen.keys("z")
        screen.until("idle", ":" + line, "top-1", gone=["z goes on"])
        tmux.wait(lambda: told(screen, "#{window_bell_flag}") == "1", "the bell")
        tmux.wait(lambda: told(screen, "#{pane_title}").endswith("done: " + line), "the title")
        screen.keys("j")
        tmux.wait(lambda: "done" not in told(screen, "#{pane_title}"), "the title to be as before")
        assert bells(screen) == 1, bells(screen)
    return body


def ten_thousand(path):
    """A session file of that many notes; every hundredth begins a branch a little further back."""
    assert thinet.run("--session", path, "-c", "note 1").returncode == 0
    with sqlite3.connect(path) as file:
        rows = ((i, i - 1 - (7 if i % 100 == 0 else 0), "note %d" % i, '{"note":"%d"}' % i) for i in range(2, 10001))
        file.executemany("INSERT INTO entry SELECT ?, ?, ?, time, seconds, ok, changes, ?, state FROM entry WHERE id = 1", rows)
        file.execute("UPDATE meta SET value = 10000 WHERE key IN ('head', 'tip')")
    file.close()


def large():
    path = os.path.join(thinet.scratch(), "large.thinet")
    ten_thousand(path)
    screen = tmux.Screen(path)
    screen.until("idle", "large.thinet")
    screen.keys("6")
    screen.until("entry 10000 ", "the session stands here")
    begun = time.monotonic()
    for key, entry in (("g", "entry 0 "), ("G", "entry 10000 "), ("k", "entry 9999 "), ("o", "o branch by branch"), ("G", "entry 0 ")):
        screen.keys(key)
        screen.until(entry)
    print("# five keys among ten thousand entries: %.2f s, most of it tmux" % (time.monotonic() - begun))
    screen.keys("g")
    screen.command("note one more")
    screen.until("entry 10001 ", "idle", "the session stands here")
    screen.close()


for columns, rows, ascii in ((80, 24, True), (120, 40, False)):
    size = "%dx%d: " % (columns, rows)
    signs = ("@", "o", r"\|", r"\|") if ascii else ("@", "●", "├", "│")
    screen = opened(columns, rows, *(["--ascii"] if ascii else []), term="xterm-256color")
    tmux.test(size + "undo and another way make a branch of the tree", branches(screen, *signs))
    tmux.test(size + "Enter goes to the entry, Esc back to the layers", goes(screen))
    tmux.test(size + "notes and names of branches are rows; goto knows the names", names(screen))
    tmux.test(size + "o puts the newest first and back, the cursor stays at its entry", turns(screen))
    tmux.test(size + "/ finds entries, n the next", searches(screen))
    tmux.test(size + "a click puts the cursor on a row", clicked(screen))
    tmux.test(size + "D deletes the entry under the cursor, after asking", deletes(screen))
    screen.close()

def detached(folder):
    """A session whose weights are elsewhere is looked at all the same."""
    def body():
        whole, copy = os.path.join(folder, "whole.thinet"), os.path.join(folder, "copy.thinet")
        thinet.commands("open " + NETWORK, "data fashion-mnist", "eval limit=20", "finetune epochs=3 limit=16 test-limit=10 batch=8",
                        "session detach " + copy, options=("--session", whole))
        screen = tmux.Screen(copy, columns=120, rows=40)
        screen.until("copy.thinet", "idle")
        screen.keys("6")
        screen.until("finetune epochs=3", "the session stands here")
        screen.keys("5")
        screen.until("fine-tuned")
        screen.keys("3")
        screen.until("epoch 3")
        screen.command("eval")
        screen.until("eval: ", "lacks the weights", gone=["Enter runs it"])
        screen.command("session attach " + NETWORK)
        screen.until("the weights are there again", "conv3_2", gone=["Enter runs it"])
        screen.close()
    return body


if IMAGES:
    tmux.test("a session without weights shows its journal, its networks and their training", detached(thinet.scratch()))
    screen = opened(80, 24, "--data", "fashion-mnist")
    tmux.test("the queue shows what waits; what is taken out never runs, what is stopped lets the rest run", queue(screen))
    tmux.test("the end of long work rings once and stands in the title until the next key", rings(screen))
    screen.close()
else:
    thinet.skip("queue and bell", "dataset-fashion-mnist is not there")
tmux.test("ten thousand entries are moved through at once", large)
thinet.finish()
