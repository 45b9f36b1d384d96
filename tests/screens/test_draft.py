#!/usr/bin/env python3
"""A session that was never given a name: nothing done in it is lost."""

import glob
import os
import re
import signal
import subprocess

import tmux  # also makes `thinet` importable
import thinet


def drafts(screen):
    return glob.glob(screen.path("thinet-tui/draft-*.thinet"))


def begin():
    screen = tmux.Screen("zoo:fashion-vgg")
    screen.until("conv1_1", "idle")
    return screen


def keep(screen, count):
    """Work worth keeping; the panel shows it when it is in the file."""
    screen.command("keep conv2_1 %d" % count)
    tmux.wait(lambda: re.search(r"conv2_1 +64 +%d " % count, screen.text()), "conv2_1 to keep %d" % count)


def journal(path):
    done = subprocess.run([thinet.PROGRAM, "--session", path, "-c", "journal"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def kept_after_kill():
    screen = begin()
    keep(screen, 40)
    os.kill(screen.pid(), signal.SIGKILL)
    screen.ended()
    (draft,) = drafts(screen)
    assert "keep conv2_1 40" in journal(draft)


def told_after_quit():
    screen = begin()
    keep(screen, 41)
    screen.keys("q")
    assert screen.ended() == 0
    (draft,) = drafts(screen)
    screen.until("the session was not saved", "Open it again with")
    assert "keep conv2_1 41" in journal(draft)


def gone_when_saved():
    screen = begin()
    keep(screen, 42)
    screen.command("save mine.thinet")
    screen.until("mine.thinet", "idle", gone=("unsaved",))
    screen.keys("q")
    assert screen.ended() == 0
    assert drafts(screen) == []
    assert "keep conv2_1 42" in journal(screen.path("mine.thinet"))
    assert "was not saved" not in screen.text()


def gone_when_nothing_was_done():
    screen = begin()
    (draft,) = drafts(screen)
    assert os.path.getsize(draft) < 500000  # the network's weights are 1.2 MB: looking at it copies none of them
    screen.keys("q")
    assert screen.ended() == 0
    assert drafts(screen) == []


tmux.test("after kill -9 the unsaved session is in its draft", kept_after_kill)
tmux.test("quitting says where the unsaved session is kept", told_after_quit)
tmux.test("a saved session leaves no draft", gone_when_saved)
tmux.test("nothing done leaves no draft", gone_when_nothing_was_done)
thinet.finish()
