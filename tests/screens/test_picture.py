#!/usr/bin/env python3
"""The key P: the command stands in the prompt, Enter writes the file, and what cannot be drawn is said."""

import os
import struct

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()


def opened(columns, rows, *arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, columns=columns, rows=rows, **more)
    screen.until("conv1_1", "idle", "next:")
    return screen


def size_of(screen, name):
    data = screen.read(name)
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    return struct.unpack(">II", data[16:24])


def draws(screen):
    def body():
        screen.command("method all l1")
        screen.until("l1 for 6 layers", "idle")
        screen.keys("j", "1", "P")
        screen.until(":plot filters layer=conv1_2 fashion-vgg-filters-conv1_2.png")
        screen.keys("Enter")
        screen.until("wrote fashion-vgg-filters-conv1_2.png", "idle")
        assert size_of(screen, "fashion-vgg-filters-conv1_2.png")[0] == 1260
        screen.keys("4", "P")
        screen.until(":plot ratios fashion-vgg-ratios.png")
        # The name is what one wants to change.
        screen.keys("BSpace", "BSpace", "BSpace")
        screen.type("svg")
        screen.keys("Enter")
        screen.until("wrote fashion-vgg-ratios.svg", "idle")
        assert b"<svg" in screen.read("fashion-vgg-ratios.svg")
    return body


def gives_up(screen):
    def body():
        screen.keys("P")
        screen.until(":plot ratios ")
        screen.keys("Escape")
        screen.until("conv1_1", gone=[":plot ratios fashion-vgg-ratios.png"])
        assert not os.path.exists(screen.path("fashion-vgg-ratios.png"))
    return body


def says_why_not(screen):
    def body():
        screen.keys("6", "P")
        screen.until("there is no picture of this view")
        screen.keys("2", "k", "k", "P")
        screen.until("choose one layer first")
        screen.keys("j", "P")
        screen.until(":plot steps layer=conv1_1 ")
        screen.keys("Enter")
        screen.until("is not sampled yet, so no errors are known")
        screen.keys("Escape", "?", "G")
        screen.until("picture: the view as PNG, PDF or SVG")
        screen.keys("Escape")
        screen.until("conv1_1", gone=["picture: the view"])
    return body


def completes(screen):
    def body():
        screen.keys(":")
        screen.until("Enter runs it")
        screen.type("plot com")
        screen.keys("Tab")
        screen.until(":plot compare")
        screen.keys("Escape")
        screen.until("conv1_1", gone=[":plot compare"])
    return body


for columns, lines, arguments in ((80, 24, ("--ascii",)), (120, 40, ())):
    size = "%dx%d: " % (columns, lines)
    screen = opened(columns, lines, *arguments)
    tmux.test(size + "P puts the command into the prompt, Enter writes the picture", draws(screen))
    tmux.test(size + "Esc writes none", gives_up(screen))
    tmux.test(size + "what cannot be drawn is said, and the help has the key", says_why_not(screen))
    tmux.test(size + "Tab completes views", completes(screen))
    screen.close()
thinet.finish()
