"""The prompt where it is uncomfortable: many candidates, odd names, small and old terminals."""

import os
import re

import tmux  # also makes `thinet` importable
from thinet import finish

tmux.need()
NETWORK = tmux.example()


def opened(*arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, **more)
    screen.until("conv1_1", "next:", "idle")
    return screen


def prompts(screen):
    screen.keys(":")
    screen.until("Enter runs it")


def last(screen):
    return [line for line in screen.lines() if line.strip()][-1].rstrip()


def completes(screen, text, *expected):
    screen.keys("C-u")
    screen.type(text)
    screen.keys("Tab")
    return screen.until(*expected)


def grid():
    screen = opened()
    prompts(screen)
    shown = completes(screen, "finetune ", "candidates", "augment=", "weight=", "epochs=")
    rows = [line for line in shown.split("\n") if "=" in line and line.startswith("│") and "layer" not in line]
    assert len(rows) >= 5 and all(len(line) == 80 for line in rows), rows
    # What is typed narrows it down, and a row is enough.
    screen.type("s")
    screen.until("finetune s", gone=["candidates"])
    screen.keys("Tab")
    screen.until("schedule=  seed=  smooth=  steps=", gone=["candidates"])
    completes(screen, "", "candidates", "export-activity", "tour", "unlock")
    completes(screen, "tou", ":tour")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.close()


def pages():
    screen = opened()
    for i in range(100):
        open(screen.path("weights-%03d.onnx" % i), "w").close()
    prompts(screen)
    shown = completes(screen, "open weights-", "1 to ", " of 100 candidates, Tab: more", "weights-000.onnx")
    assert "weights-099.onnx" not in shown
    while "weights-099.onnx" not in screen.text():
        before = screen.text()
        screen.keys("Tab")
        tmux.wait(lambda: screen.text() != before, "the next page")
    screen.keys("Tab")
    screen.until("1 to ", "weights-000.onnx")
    screen.close()


def odd_names():
    screen = opened()
    for name in (b"with blank.onnx", b"odd\xffbyte.onnx", "中文网络.onnx".encode(), b".hidden.onnx"):
        open(os.path.join(os.fsencode(screen.folder), name), "w").close()
    os.mkdir(screen.path("a folder"))
    open(screen.path("a folder/inside.onnx"), "w").close()
    prompts(screen)
    shown = completes(screen, "open ", "candidates", "a folder", "with blank.onnx", "odd\\xffbyte.onnx", "中文网络.onnx",
                      "zoo:vgg16")
    assert ".hidden" not in shown
    completes(screen, "open w", ':open "with blank.onnx"')
    completes(screen, "open odd", ":open odd\\xffbyte.onnx")
    completes(screen, "open 中", ":open 中文网络.onnx")
    completes(screen, "open a", ':open "a folder/')
    screen.type("i")
    screen.keys("Tab")
    screen.until(':open "a folder/inside.onnx"')
    # The quotes are the command's own: it is the file that is wrong, and its name is whole.
    screen.keys("Enter")
    screen.until("a folder/inside.onnx", "idle", "open: ")
    screen.close()


def wide_line():
    screen = opened()
    prompts(screen)
    screen.type("note " + "中文" * 30 + "x")
    screen.until("中文x")
    for steps, place in ((10, r":(中文|文)[中文]+"), (40, r":note [中文]+")):
        screen.keys("-N", str(steps), "Left")
        screen.type("|")
        shown = tmux.wait(lambda: last(screen).count("|") == 1 and last(screen), "the cursor in sight")
        assert re.fullmatch(place + r"\|[中文x]*", shown), shown
        screen.keys("BSpace")
        screen.until(":", gone=["中|", "文|"])
    screen.keys("C-a")
    screen.until(":note 中文中文")
    screen.keys("C-e", "BSpace", "BSpace")
    screen.until("中文中", gone=["文x"])
    screen.keys("Enter")
    screen.until("idle", gone=["Enter runs it"])
    screen.close()


def resizes():
    screen = opened()
    prompts(screen)
    completes(screen, "finetune ", "candidates")
    for columns, rows in ((40, 12), (20, 4), (3, 2), (120, 40)):
        screen.resize(columns, rows)
    screen.type("epochs=2")
    screen.until(":finetune epochs=2")
    screen.resize(80, 24)
    screen.until(":finetune epochs=2", "Enter runs it")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.close()


def suspends():
    screen = tmux.Screen(NETWORK, shell=True)
    screen.until("\n$")
    screen.type(screen.program + "\n")
    screen.until("conv1_1", "idle")
    prompts(screen)
    screen.type("ratio conv1_1 0.5")
    screen.until("ratio conv1_1 0.5")
    screen.keys("C-z")
    screen.until("Stopped", "before the program")
    screen.resize(100, 30)
    screen.type("fg\n")
    screen.until(":ratio conv1_1 0.5", "Layers")
    screen.keys("BSpace")
    screen.type("25")
    screen.keys("Enter")
    screen.until("conv1_1 keeps 24 of 32")
    screen.close()


def kinds(term):
    def body():
        screen = opened("--no-mouse", term=term)
        prompts(screen)
        completes(screen, "ratio ", "all  conv1_1  conv1_2")
        screen.type("conv2_1 0.5")
        screen.keys("Left", "BSpace", "Delete")
        screen.type(".25")
        screen.keys("Enter")
        screen.until("conv2_1 keeps 48 of 64")
        screen.keys(":", "Up")
        screen.until(":ratio conv2_1 0.25")
        screen.keys("Escape")
        screen.until("next:", gone=["Enter runs it"])
        screen.keys("q")
        assert screen.ended() == 0
        assert screen.read("before") == screen.read("after")
        screen.close()
    return body


tmux.test("many candidates stand in columns, few in a row", grid)
tmux.test("Tab turns the pages of more", pages)
tmux.test("names with blanks, odd bytes and wide characters complete", odd_names)
tmux.test("a line of wide characters slides with the cursor", wide_line)
tmux.test("a change of size while typing is survived", resizes)
tmux.test("Ctrl-Z and fg come back to what was typed", suspends)
for kind in ("vt100", "linux", "screen-256color", "tmux-256color"):
    tmux.test("with TERM=%s it edits and completes" % kind, kinds(kind))
finish()
