#!/usr/bin/env python3
"""Esc in the middle of every long command, and changes of the terminal's size: all is as before, at once."""

import re
import statistics
import time

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
if not tmux.have_images():
    thinet.skip_all("dataset-fashion-mnist is not there")

LIMIT = 10  # seconds: what is promised is 0.2, on a machine that does nothing else; three tests at a time on two processors took 2
# Commands that would run for many seconds, FOLDER being the test's, and a word of the progress they show.
COMMANDS = [
    ("eval split=train", "images"),
    ("sample images=4000", "sample"),
    ("sample images=4000 gradients=on", "sample"),
    ("sample images=4000 target=original", "sample"),
    ("export-samples conv1_1 FOLDER/X.npy", "sample"),
    ("method all taylor", "gradients"),
    ("sensitivity limit=20000", "background"),
    ("budget flops=0.5 method=taylor", "gradients"),
    ("budget latency=0.5 batch=256", "time"),
    ("prune reweight=full", "refit"),
    ("finetune epochs=5", "epoch 1/5"),
    ("finetune epochs=5 distill=on", "epoch 1/5"),
    ("train epochs=5", "epoch 1/5"),
    ("time batch=512 passes=50", "passes"),
    ("compare time=on batch=512", "passes"),
    ("recipe FOLDER/long.tns", "epoch 1/5"),
    ("infer FOLDER/in.npy FOLDER/out.npy", "images"),
]
took = []


def images_file(path, count):
    """Zeros in the shape the example takes, as a .npy file."""
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1, 28, 28), }" % count
    header = header.ljust(128 - 10 - 1) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        file.truncate(128 + count * 28 * 28 * 4)


def opened():
    screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", columns=120, rows=40)
    screen.until("conv1_1", "idle", "next:")
    images_file(screen.path("in.npy"), 20000)
    with open(screen.path("long.tns"), "w") as file:
        file.write("finetune epochs=5\n")
    screen.command("sample images=200")
    screen.until("sampled on", "idle")
    screen.command("ratio all 0.3")
    screen.until(":ratio all 0.3", "idle", "30%")
    return screen


def state(shown):
    """What the network is: the line at the top without what runs, and the rows of the layers."""
    lines = shown.split("\n")
    rows = [re.match(r"[│|].?((?:conv\d_\d|fc) .*?)[│|]", line) for line in lines]
    return [re.sub(r" +(idle|busy|cancelling|background).*", "", lines[0])] + [row[1] for row in rows if row]


def cancels(screen, line, seen):
    def body():
        before = state(screen.until("idle", gone=["Esc cancels"]))
        assert len(before) == 8, before
        asked = line.replace("FOLDER", screen.folder)
        screen.command(asked)
        screen.until(seen, "Esc cancels", gone=["idle", "cancelled"])
        begun = time.monotonic()
        screen.keys("Escape")
        shown = screen.until("idle", "cancelled", gone=["Esc cancels", "Esc stopping"])
        took.append(time.monotonic() - begun)
        print("# %s: %.2f s" % (line, took[-1]))
        if "Layers" not in shown:  # some views have the whole room
            screen.keys("1")
            shown = screen.until("Layers")
        assert state(shown) == before, (before, shown)
        assert took[-1] < LIMIT, took[-1]
    return body


def resizes(screen):
    def body():
        before = state(screen.text())
        screen.command("finetune epochs=5")
        screen.until("epoch 1/5")
        for columns, rows in ((80, 24), (20, 5), (200, 60), (1, 1), (60, 20), (20, 5), (120, 40)):
            screen.resize(columns, rows)
            if columns >= 80:
                whole(screen, columns, rows)
        screen.keys("Escape")
        shown = screen.until("idle", gone=["Esc cancels"])
        assert state(shown) == before, (before, shown)
    return body


def whole(screen, columns, rows):
    """The frame reaches to the edges, the progress and the hint are there, and nothing of another size is left."""
    def holds():
        shown = screen.text().rstrip("\n")
        lines = shown.split("\n")
        frame = [line for line in lines if len(line) == columns and line[-1] in "┐│┘|+"]
        return len(frame) > rows / 2 and all(text in shown for text in ("Layers", "busy", "epoch 1/5", "Esc cancels"))
    try:
        tmux.wait(holds, "a whole screen of %dx%d" % (columns, rows))
    except tmux.Impatient as error:
        raise tmux.Impatient("%s; the screen was:\n%s" % (error, screen.text())) from None


def goes_on(screen):
    def body():
        screen.keys("6")
        shown = screen.until("the session stands here", "ratio all 0.3")
        assert re.search(r"@ +\d+ ratio all 0\.3 ", shown), shown
        screen.keys("1")
        screen.command("eval limit=200")
        screen.until("top-1", ":eval limit=200", "idle", gone=["cancelled"])
        screen.command("prune reweight=ls")
        screen.until("u undoes", "idle")
        screen.keys("q")
        assert screen.ended() == 0
    return body


def cancels_at_once():
    """A network of half a gigabyte: laying its weights out for training, which is not begun after a tenth of a second,
    is not waited for; and what was stopped is no reason to copy it into the draft."""
    screen = tmux.Screen(columns=120, rows=40)
    screen.until("idle")
    screen.command("open zoo:vgg16")
    screen.until("fc6", ":open zoo:vgg16 ", "idle", patience=2 * tmux.PATIENCE)
    screen.command("time batch=1")
    screen.until("busy", "Esc cancels", passing=True)
    begun = time.monotonic()
    screen.keys("Escape")
    screen.until("idle", "cancelled", passing=True)
    took.append(time.monotonic() - begun)
    print("# time batch=1 of dense VGG-16: %.2f s" % took[-1])
    assert took[-1] < LIMIT, took[-1]
    screen.close()


screen = opened()
for line, seen in COMMANDS:
    tmux.test("Esc stops %s, and all is as before" % line.replace("FOLDER/", ""), cancels(screen, line, seen))
tmux.test("changes of the terminal's size in mid-command leave a whole screen", resizes(screen))
tmux.test("the session stands where it stood and goes on", goes_on(screen))
screen.close()
tmux.test("Esc stops at once what has hardly begun on a large network", cancels_at_once)
if took:
    print("# from Esc to idle, with what tmux takes: median %.2f s, worst %.2f s" % (statistics.median(took), max(took)))
thinet.finish()
