#!/usr/bin/env python3
"""The views Filters and Steps: pictures, measures, many marked filters, breakpoints and the knee."""

import re
import time

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
HALF = "\u2580"
STEP_BYTES = 2048  # that a step may write to the terminal, as a rule


def opened(columns, rows, *arguments, **more):
    screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", *arguments, columns=columns, rows=rows, **more)
    screen.until("conv1_1", "idle", "next:")
    screen.keys("S")
    screen.until("layers sampled on", "idle")
    return screen


def rank_and_filter(shown):
    """Sign, rank, mark and number of every filter in the list."""
    return [(row[1], int(row[2]), row[3] == "*", int(row[4]))
            for row in re.finditer(r"[│|] ([-+KX]) +(\d+) (\*| ) +(\d+) ", shown)]


def first_filter(screen):
    return rank_and_filter(screen.text())[0][3]


def pictures(screen):
    def body():
        screen.keys("g", "j", "j", "j", "1", "l")
        screen.until("conv2_1  64 filters", "image 0: Ankle boot", HALF * 3)
        best = first_filter(screen)
        screen.until("filter %d" % best)
        screen.keys("j")
        second = rank_and_filter(screen.text())[1][3]
        screen.until("filter %d " % second)
        screen.keys("]")
        screen.until("image 1: Pullover")
        screen.keys("[", "[")
        screen.until("image 9999: ")
        screen.keys("]")
        # Looking is no work, and says nothing where results are said.
        shown = screen.until("image 0: Ankle boot", "idle", ":sample all", gone=[":look", "busy"])
        assert shown.count(HALF) > 50, shown
        # The colours are of the 256; a picture is of the filter under the cursor, whatever the order.
        assert "48;5;" in screen.tmux("capture-pane", "-p", "-e")
        screen.keys("o", "g")
        screen.until("filter 0 ")
        screen.keys("o", "o")
        screen.until("filter %d " % best)
        screen.keys("h")
    return body


def ascii_pictures(screen):
    def body():
        screen.keys("j", "j", "j", "l")
        shown = screen.until("image 0: Ankle boot", "kernels 3x3", ".:-=+*#%@")
        assert all(ord(letter) < 127 for letter in shown), shown
    return body


def shares_of_zeros(shown):
    return [float(row[1]) for row in re.finditer(r"[│|] [-+KX] +\d+ +\d+ [█▏▎▍▌▋▊▉ ]*(\d\.\d+|0|1) ", shown)]


def falling(values):
    return len(values) > 5 and values == sorted(values, reverse=True)


def measures(screen):
    def body():
        screen.keys("g", "j", "j", "j", "l")
        screen.until("importance", "score")
        screen.keys("i")
        screen.until("cost", gone=["importance"])
        screen.keys("i", "i")
        screen.until("zeros", "share", gone=["importance"])
        screen.keys("o", "o")
        tmux.wait(lambda: falling(shares_of_zeros(screen.text())), "the rows in the order of their zeros")
        screen.keys("o", "i")
        screen.until("importance")
        screen.keys("h")
    return body


def marks(screen):
    def body():
        screen.keys("g", "j", "j", "j", "l", "g")
        screen.until("conv2_1  64 filters", "+ kept")
        best = sorted(row[3] for row in rank_and_filter(screen.text())[:3])
        screen.keys("v", "v", "v")
        screen.until("* 3 marked", "Space locks them")
        assert [row[2] for row in rank_and_filter(screen.text())[:4]] == [True, True, True, False]
        screen.keys("Space")
        shown = screen.until(":lock conv2_1 ", " keep", "locked: 3 to keep", "idle")
        said = re.search(r":lock conv2_1 (\S+) keep", shown)[1]
        named = []
        for part in said.split(","):
            ends = [int(number) for number in part.split("-")]
            named += range(ends[0], ends[-1] + 1)
        assert named == best, (said, best)
        tmux.wait(lambda: sum(row[0] == "K" and row[2] for row in rank_and_filter(screen.text())) == 3,
                  "three locked filters")
        screen.keys("Space")
        screen.until(":lock conv2_1 ", " prune", "0 to keep, 3 to prune", "idle")
        screen.keys("Space")
        screen.until(":unlock conv2_1 ", "0 to keep, 0 to prune", "idle")
        screen.keys("*")
        screen.until("* 61 marked")
        # Esc takes the marks away first, then leaves the view.
        screen.keys("Escape")
        screen.until("+ kept", gone=["marked"])
        screen.keys("v")
        screen.until("* 1 marked")
        screen.keys("Escape", "Escape")
        screen.until("+ kept", gone=["marked"])
        screen.keys("j")
        screen.until("conv2_2  64 filters")
    return body


def keeps(screen, layer, keep):
    tmux.wait(lambda: re.search(r"%s +\d+ +%d " % (layer, keep), screen.text()), "%s to keep %d" % (layer, keep))


def breakpoints(screen):
    def body():
        screen.command("keep conv2_1 64")  # filters that were locked to be pruned are gone
        screen.keys("h", "g", "j", "j", "j", "2")
        screen.until("conv2_1  64 filters", "0 gone: error 0", "next ")
        screen.keys("c")
        screen.until("no breakpoint ahead")
        screen.keys("l", "j", "j", "j", "B")
        screen.until("   4●")
        screen.keys("j", "j", "B")
        screen.until("   6●")
        screen.keys("c")
        screen.until(":run conv2_1 keep=61", "▸   4●", "3 gone", "idle")
        screen.keys("c")
        screen.until(":run conv2_1 keep=59", "▸   6●", "5 gone", "idle")
        screen.keys("B", "c")
        screen.until("no breakpoint ahead", gone=["   6●"])
        screen.keys("b")
        screen.until("4 gone", "conv2_1 keeps 60", "idle")
    return body


def knee(screen):
    def body():
        screen.keys("h", "g", "j", "j", "j", "2", "K")
        shown = screen.until(":run conv2_1 keep=", "conv2_1 keeps ", "idle")
        keep = int(re.search(r":run conv2_1 keep=(\d+)", shown)[1])
        assert 1 < keep < 64, shown
        # The row after the last one removed bears the sign.
        screen.until("▸ %3dK" % (64 - keep + 1))
        # Both readings of the error there are those of the heading.
        shown = screen.until("%d gone: error" % (64 - keep))
        read = re.search(r"gone: error (\S+)  ls (\S+)", shown)
        head = re.search(r"keep %d  error (\S+)  ls (\S+)" % keep, shown)
        assert read.groups() == head.groups(), shown
    return body


def holds_step(screen):
    """Bytes that a step writes: a held key must not be slower than a line to a far terminal."""
    def body():
        screen.keys("h", "G", "k", "2", "l")
        screen.until("conv3_2  128 filters", "0 gone")
        before = len(screen.read("output"))
        for step in range(10):
            screen.keys("s")
            keeps(screen, "conv3_2", 127 - step)
            screen.until("conv3_2 keeps %d of 128" % (127 - step), "idle")
        each = (len(screen.read("output")) - before) / 10
        print("# one by one: %.0f bytes a step" % each)
        assert each <= STEP_BYTES, each
        steps, before, begun = 100, len(screen.read("output")), time.monotonic()
        screen.keys("-N", str(steps), "s")
        keeps(screen, "conv3_2", 118 - steps)
        screen.until("conv3_2 keeps %d of 128" % (118 - steps), "idle")
        each = (len(screen.read("output")) - before) / steps
        print("# %d at once: %.0f bytes a step, %.2f s" % (steps, each, time.monotonic() - begun))
        assert each <= STEP_BYTES, each
    return body


if not tmux.have_images():
    thinet.skip("Filters and Steps", "dataset-fashion-mnist is not there")
    thinet.finish()
    raise SystemExit
for columns, rows in tmux.SIZES:
    size = "%dx%d: " % (columns, rows)
    screen = opened(columns, rows)
    screen.columns = columns
    tmux.test(size + "the filter under the cursor has pictures, of an image that [ and ] change", pictures(screen))
    tmux.test(size + "i changes what the bars show, o puts the rows in its order", measures(screen))
    tmux.test(size + "v and * mark filters, Space locks all marked in one command, Esc unmarks", marks(screen))
    tmux.test(size + "c runs to the breakpoints that B sets", breakpoints(screen))
    tmux.test(size + "K runs to the knee of the error", knee(screen))
    tmux.test(size + "a held s writes little", holds_step(screen))
    screen.close()
screen = opened(120, 40, "--ascii")
tmux.test("--ascii: pictures are characters", ascii_pictures(screen))
screen.close()
screen = opened(120, 40, term="linux", LC_ALL="C")
tmux.test("LC_ALL=C and 8 colours: pictures are characters", ascii_pictures(screen))
screen.close()
thinet.finish()
