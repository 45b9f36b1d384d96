#!/usr/bin/env python3
"""A recorded session replayed: entry by entry, epoch by epoch, with nothing changed and without network and images."""

import os
import shutil
import sqlite3

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
SHIPPED = os.path.join(thinet.TREE, "sessions", "tour.thinet")
folder = thinet.scratch()
session = os.path.join(folder, "tour.thinet")
shutil.copy(SHIPPED, session)
# Its images are nowhere: nothing may ask for them.
database = sqlite3.connect(session)
database.execute("update state set settings = replace(settings, '\"path\":\"fashion-mnist\"', '\"path\":\"/nowhere\"')")
database.commit()
entries = database.execute("select id, command from entry order by id").fetchall()
trained, epochs = database.execute("select entry, max(step) from metric").fetchone()
losses = [row[0] for row in database.execute("select value from metric where name = 'loss' order by step")]
database.close()
shutil.copy(session, os.path.join(folder, "kept.thinet"))
COUNT = len(entries)
place = [number for number, _ in entries].index(trained) + 1


def opened(columns, rows, *options):
    return tmux.Screen("--replay", session, *options, columns=columns, rows=rows)


def at(number):
    return "entry %d/%d " % (number, COUNT)


def steps(columns, rows):
    def body():
        screen = opened(columns, rows, "--speed", "0.01")
        screen.keys("(")
        screen.until(at(1), "paused", "now at entry 1: open fashion-vgg.onnx", "conv1_1")
        screen.keys(",")
        screen.until("this is the first entry", at(1))
        screen.keys("6")
        shown = screen.until("the session stands here", gone=["eval"])
        assert "data fashion" not in shown, shown
        screen.keys(".")
        screen.until(at(2), "data fashion-mnist", "paused", gone=["eval"])
        screen.keys(".")
        screen.until(at(3), "3 eval", "top-1 93.9")
        screen.keys(")")
        screen.until(at(COUNT), "now at entry %d: branch by-size" % COUNT, "top-1 46.1", "replayed")
        screen.keys(".")
        screen.until("this is the last entry")
        screen.keys(",")
        screen.until(at(COUNT - 1), "paused", gone=["by-size"])
        screen.keys("q")
        assert screen.ended() == 0
        assert not screen.restored(), screen.restored()
        screen.close()
    return body


def curves(columns, rows):
    def body():
        screen = opened(columns, rows, "--speed", "0.01")
        screen.keys("(")
        screen.until(at(1), "paused")
        for number in range(2, place):
            screen.keys(".")
            screen.until(at(number), "paused")
        screen.keys("3", "Space")
        screen.until(at(place), "The first epoch is running.")
        for epoch in range(1, epochs + 1):
            screen.until("epoch %d  loss %.4f" % (epoch, losses[epoch - 1]), "playing")
        screen.keys("Space")
        screen.until("paused")
        screen.keys(",")
        screen.until(at(place - 1), gone=["loss %.4f" % losses[-1]])
        screen.keys(".")  # a step takes all epochs at once
        screen.until(at(place), "epoch %d  loss %.4f" % (epochs, losses[-1]))
        screen.close()
    return body


def refuses():
    screen = opened(100, 30, "--speed", "0.01")
    screen.keys("(")
    screen.until(at(1), "paused", "Not sampled yet", gone=["Press S", "Sampling needs"])
    for number in range(2, 5):
        screen.keys(".")
        screen.until(at(number), "paused")
    shown = screen.until("play", "faster")
    assert "prune" not in shown.splitlines()[-2] and "fine-tune" not in shown, shown
    for line in "ratio all 0.5", "eval", "undo", "goto 1", "save %s/x.thinet" % folder, "recipe fashion-quarter", "note x":
        screen.command(line)
        screen.until(line.split()[0] + ": a replay changes nothing", at(4), gone=["Enter runs it"])
        screen.command("layers")
        screen.until(":layers", gone=["changes nothing", "Enter runs it"])
    for key, line in ("e", "eval"), ("p", "prune"), ("S", "sample"), ("u", "undo"):
        screen.keys(key)
        screen.until(":" + line, line + ": a replay changes nothing")
        screen.command("layers")
        screen.until(":layers", gone=["changes nothing", "Enter runs it"])
    shown = screen.text()
    assert at(4) in shown and "FLOPs 1.00x" in shown, shown
    screen.close()
    assert not os.path.exists(os.path.join(folder, "x.thinet"))


def speeds():
    screen = opened(100, 30)
    screen.until("replay 1x")
    screen.keys("]")
    screen.until("replay 2x")
    screen.keys("[", "[")
    screen.until("replay 0.5x")
    screen.keys("?")
    screen.until("Keys")
    screen.keys("G")
    screen.until("Replay: play, or pause", "Replay: the last entry")
    screen.close()
    screen = opened(100, 30, "--speed", "10000")
    screen.until(at(COUNT), "replayed")
    screen.keys("Space")  # from the beginning again, to the end again
    screen.until(at(COUNT), "replayed")
    screen.close()


for size in tmux.SIZES:
    tmux.test("step by step, the session is as it was after every entry (%dx%d)" % size, steps(*size))
    tmux.test("played, the curves grow epoch by epoch (%dx%d)" % size, curves(*size))
tmux.test("what would change something is refused, and not offered", refuses)
tmux.test("faster, slower, to the end by itself, and the keys in the help", speeds)
thinet.check("the session's file is byte for byte what it was",
             thinet.same_bytes(session, os.path.join(folder, "kept.thinet")))
thinet.check("nothing lies beside it", sorted(os.listdir(folder)) == ["kept.thinet", "tour.thinet"], os.listdir(folder))
thinet.finish()
