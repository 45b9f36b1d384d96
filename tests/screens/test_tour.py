"""The tour, walked by the keys it names and by Enter alone, and its offer to newcomers."""

import os
import re

import tmux  # also makes `thinet` importable
from thinet import finish, skip

tmux.need()
NETWORK = tmux.example()
IMAGES = tmux.have_images()


def step(screen):
    found = re.search(r" Tour (\d+)/(\d+): ([^─-]*[^─ -])", screen.text())
    return found and (int(found[1]), int(found[2]), found[3])


def at(screen, title, patience=tmux.PATIENCE):
    screen.until("Tour ", ": %s " % title, patience=patience)


def starts(screen):
    screen.command("tour")
    at(screen, "what this is for")


def by_its_keys():
    screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", columns=100, rows=40)
    screen.until("conv1_1", "idle", "first time? :tour")
    starts(screen)
    screen.keys("Enter")
    at(screen, "how good it is")  # a network and images are there
    screen.keys("e")
    at(screen, "sampling", 120)
    screen.keys("S")
    at(screen, "layers and filters", 120)
    screen.keys("Down")
    at(screen, "the walk")
    screen.keys("2")
    at(screen, "one filter")
    screen.keys("s")
    at(screen, "and back")
    screen.until("keep 31")
    screen.keys("b")
    at(screen, "half of them")
    screen.keys("-N", "10", ">")
    at(screen, "pruning")
    screen.until("keep 16")
    screen.keys("p")
    at(screen, "what it cost")
    screen.keys("e")
    at(screen, "fine-tuning", 120)
    screen.keys("f")
    screen.until(":finetune epochs=1 limit=6000 test-limit=2000", "Enter runs it")
    screen.keys("C-u")
    screen.type("finetune limit=256 test-limit=100")
    screen.keys("Enter")
    at(screen, "undo", 120)
    screen.keys("u")
    at(screen, "redo")
    screen.keys("C-r")
    at(screen, "comparing")
    screen.keys("5")
    at(screen, "the journal")
    screen.keys("6")
    at(screen, "taking it along")
    screen.keys("x")
    screen.until(":export pruned.onnx", "Enter runs it")
    screen.keys("Enter")
    at(screen, "that is all")
    assert os.path.getsize(screen.path("pruned.onnx")) > 100000
    screen.keys("Enter")
    screen.until("next:", gone=["Tour "])
    screen.keys("q")
    assert screen.ended() == 0
    screen.close()


def by_enter():
    """From nothing at all, and without waiting where nothing has to be waited for."""
    screen = tmux.Screen("--ascii", columns=80, rows=24)
    screen.until("No network is open", "first time? :tour")
    starts(screen)
    screen.keys("Right")
    at(screen, "a network")
    screen.keys("Right")
    at(screen, "images")
    screen.keys("Enter")
    at(screen, "how good it is")
    screen.keys("Enter")
    screen.until("It is at work")
    at(screen, "sampling", 120)
    screen.keys("Enter")
    at(screen, "layers and filters", 120)
    for title in ("the walk", "one filter", "and back", "half of them", "pruning", "what it cost"):
        screen.keys("Enter")
        at(screen, title)
    # Back is always possible, and what was done is not asked for again.
    screen.keys("Left", "Left")
    at(screen, "half of them")
    screen.keys("Escape")
    screen.until("the tour is left", gone=["Tour "])
    screen.keys("q")
    assert screen.ended() == 0
    screen.close()


def lives_with_the_rest():
    screen = tmux.Screen(NETWORK)
    screen.until("conv1_1", "idle")
    starts(screen)
    screen.keys("?")
    screen.until("Ratio and walk", gone=["Tour "])
    screen.keys("Escape")
    at(screen, "what this is for")
    screen.keys("m")
    screen.until("Method of conv1_1")
    screen.keys("Down", "Enter")  # the list's own
    screen.until("Tour 1/", "idle", gone=["Method of"])
    screen.keys("C-p")
    screen.until("What can be done")
    screen.keys("Escape")
    at(screen, "what this is for")
    for columns, rows in ((60, 20), (30, 10), (10, 3), (200, 60), (80, 24)):
        screen.resize(columns, rows)
    at(screen, "what this is for")
    assert all(len(line) <= 80 for line in screen.lines())
    screen.keys("Escape")
    screen.until("the tour is left")
    screen.close()


def for_newcomers():
    screen = tmux.Screen(shell=True)
    screen.until("\n$")
    screen.type(screen.program + "\n")
    screen.until("No network is open")
    starts(screen)
    screen.keys("Left")
    at(screen, "what this is for")
    screen.type(":quit\n")
    screen.until("$", gone=["Layers"])
    # Who has typed a command before is not asked again.
    screen.type(screen.program + "\n")
    screen.until("No network is open", "next:", gone=["first time?"])
    screen.close()


if IMAGES:
    tmux.test("every step is done by the key it names", by_its_keys)
    tmux.test("Enter does each step, from nothing to a pruned network", by_enter)
else:
    skip("all that needs images", "dataset-fashion-mnist is not there")
tmux.test("help, lists and sizes do not disturb it", lives_with_the_rest)
tmux.test("it is offered to newcomers alone", for_newcomers)
finish()
