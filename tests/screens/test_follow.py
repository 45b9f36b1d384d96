#!/usr/bin/env python3
"""Two terminals, one session: the second looks on, sees what the first has done, and changes nothing."""

import os
import re
import signal
import sqlite3
import time

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
IMAGES = tmux.have_images()
folder = thinet.scratch()
SESSION = os.path.join(folder, "both.thinet")
SOON = 2  # seconds: as it is looked at twice a second, with room for a machine that does other things


def opened(screens):
    def body():
        first = tmux.Screen("--session", SESSION, columns=100, rows=30)
        screens.append(first)
        first.until("both.thinet", "idle")
        first.command("open " + NETWORK)
        first.until("conv3_2", "idle")
        second = tmux.Screen(SESSION, columns=100, rows=30)
        screens.append(second)
        second.until("both.thinet (read-only)", "in use by process %d" % first.pid(), "conv3_2")
        assert "read-only" not in first.text()
        second.keys("6")
        second.until("open ", "the session stands here")
    return body


def appears(screens):
    def body():
        first, second = screens
        first.command("note seen from afar")
        first.until("idle", ":note seen from afar", gone=["Enter runs it"])
        begun = time.monotonic()
        second.until("2 seen from afar")
        took = time.monotonic() - begun
        assert took < SOON or thinet.QUICK, took
        first.command("ratio all 0.5")
        second.until("3 ratio all 0.5", "FLOPs 1.00→0.25x")  # the network's figures follow too
        first.keys("u")
        first.until("now at entry 2")
        second.until("FLOPs 1.00x", gone=["FLOPs 1.00→0.25x"])
        shown = second.text()
        assert re.search(r"@ +2 seen from afar", shown), shown
    return body


def refused(screens):
    def body():
        second = screens[1]
        for line in "note mine", "undo", "delete 3", "ratio all 0.1":
            second.command(line)
            second.until(line.split()[0] + ":", "in use by process %d" % screens[0].pid(), gone=["Enter runs it"])
        second.command("layers")
        second.until("7 layers", gone=["Enter runs it"])
        assert "mine" not in screens[0].text()
    return body


def epochs(screens):
    def body():
        first, second = screens
        first.command("data fashion-mnist")
        first.until("idle", "60000 training images")
        second.keys("3")
        first.command("finetune epochs=500 limit=200 test-limit=50 lr=0.001")
        first.until("epoch 3/500")
        seen = set()

        def more():
            seen.update(re.findall(r"epoch (\d+)", second.text()))
            return len(seen) >= 3
        tmux.wait(more, "epochs in the second terminal; there were %s in\n%s" % (seen, second.text()))
        second.keys("6")
        shown = second.until("finetune epochs=500", "running")
        assert "interrupted" not in shown, shown
        first.keys("Escape")
        first.until("idle", gone=["busy"])
    return body


def copies(screens):
    def body():
        second = screens[1]
        second.command("save %s" % os.path.join(folder, "copy.thinet"))
        second.until("copy.thinet", "idle", gone=["read-only"])
        second.command("note in the copy")
        second.until("in the copy", "idle", gone=["Enter runs it"])
        assert "in the copy" not in screens[0].text()
        second.command("load " + SESSION)
        second.until("in use by another process", gone=["Enter runs it"])  # to load is to write: refused while it is in use
    return body


def killed(screens):
    def body():
        first = screens[0]
        screens.append(tmux.Screen(SESSION, columns=100, rows=30))
        third = screens[2]
        third.until("both.thinet (read-only)")
        os.kill(first.pid(), signal.SIGKILL)
        first.until("after the program")
        third.command("load " + SESSION)
        third.until("both.thinet", "idle", gone=["read-only", "Enter runs it"])
        third.command("note it is mine now")
        third.keys("6")
        third.until("it is mine now", "the session stands here")
    return body


def damaged():
    """The network is read when the screen is there already; where that fails the program ends as it did before."""
    session = os.path.join(folder, "damaged.thinet")
    thinet.commands("open " + NETWORK, options=("--session", session))
    database = sqlite3.connect(session)
    database.execute("UPDATE tensor SET data = zeroblob(length(data)) WHERE length(data) = (SELECT max(length(data)) FROM tensor)")
    database.commit()
    database.close()
    screen = tmux.Screen(session, columns=200, rows=40)
    status = screen.ended()
    screen.until("damaged.thinet", "a tensor that is not what its digest says")
    assert status == 1, status
    assert not screen.restored(), screen.restored()
    screen.close()


screens = []
tmux.test("a second terminal opens the session read-only and says who has it", opened(screens))
if len(screens) == 2:
    tmux.test("what the first does appears in the second within %d s" % SOON, appears(screens))
    tmux.test("the second changes nothing", refused(screens))
    if IMAGES:
        tmux.test("epochs appear in the second while the first trains", epochs(screens))
    else:
        thinet.skip("epochs appear in the second while the first trains", "dataset-fashion-mnist is not there")
    tmux.test("save in the second goes on in a copy", copies(screens))
    tmux.test("after kill -9 of the first the session can be loaded for writing", killed(screens))
tmux.test("a session that cannot be read ends the workbench with the reason", damaged)
for screen in screens:
    screen.close()
thinet.finish()
