#!/usr/bin/env python3
"""The view Compare: networks of the journal as rows and as points, from evaluating to going back to one."""

import re

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
if not tmux.have_images():
    thinet.skip_all("Fashion-MNIST is not there (Debian: dataset-fashion-mnist)")
EMPTY = "Nothing is evaluated yet."


def rows(shown):
    """Entry, its marks, top-1 and what is said of the difference, of each row in the order they stand."""
    found = []
    for line in shown.split("\n"):
        row = re.match(r"[│|] ([▸> ]) *(\d+) ([* ][@ ]) (\S.*?) +([0-9.]+|-) .*?(base|other|[+-][0-9.]+ [-+=])", line)
        if row:
            found.append((int(row[2]), row[3], float(row[5]), row[6], row[1] != " "))
    return found


def opened(columns, lines, *arguments, **more):
    screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", *arguments, columns=columns, rows=lines, **more)
    screen.until("conv1_1", "idle", "next:", "Fashion-MNIST")
    screen.columns, screen.lines_ = columns, lines
    return screen


def command(screen, line, *texts):
    screen.command(line)
    return screen.until(":" + line, "idle", *texts)


def fills(screen):
    """Evaluate, prune, evaluate: two rows, and how they differ."""
    def body():
        screen.keys("5")
        screen.until(EMPTY, "Press e", gone=["Layers"])
        screen.keys("v")
        screen.until("press e")
        command(screen, "eval limit=200", "top-1")
        shown = screen.until("base: 3", "fashion-vgg", "idle", gone=[EMPTY])
        assert [row[0] for row in rows(shown)] == [3] and "on 200 images" in shown, shown
        command(screen, "method all l1")
        command(screen, "ratio all 0.5")
        command(screen, "prune all reweight=none", "FLOPs 0.")
        assert [row[0] for row in rows(screen.text())] == [3]  # its accuracy is not known yet
        command(screen, "eval limit=200", "top-1")
        tmux.wait(lambda: len(rows(screen.text())) == 2, "a second row")
        shown = screen.until("idle")
        found = rows(shown)
        assert [row[0] for row in found] == [3, 7], shown
        assert found[0][3] == "base" and re.match(r"[+-][0-9.]+ [-=+]", found[1][3]), found
        difference = float(found[1][3].split()[0])
        assert abs(difference - (found[1][2] - found[0][2])) < 0.011, found
        assert [row[1][1] for row in found] == [" ", "@"], found
    return body


def draws(screen):
    def body():
        shown = screen.until("top-1 (numbers: entries)", "Pareto front", "FLOPs, opened = 1")
        points = [line for line in shown.split("\n") if re.match(r"[│|] .*[┤│|].*[*o?]7", line)]
        assert points, shown
        screen.keys("V")
        screen.until("parameters, opened = 1")
        screen.keys("V", "v")
        shown = screen.until("pruned", "to base", gone=["opened = 1"])
        assert len(rows(shown)) == 2, shown
        screen.keys("v")
        assert len(rows(screen.until("FLOPs, opened = 1"))) == 1
        screen.keys("v")
        tmux.wait(lambda: len(rows(screen.text())) == 2, "both rows")
    return body


def chooses(screen):
    """The order, the base, and back to a network."""
    def body():
        screen.keys("g")
        tmux.wait(lambda: rows(screen.text())[0][4], "the cursor on the first row")
        screen.keys("o")
        found = rows(screen.until("▾top-1"))
        assert found == sorted(found, key=lambda row: -row[2]), found
        screen.keys("o")
        screen.until("▾FLOPs")
        screen.keys("o")
        screen.until("▾params")
        screen.keys("o")
        screen.until("▾entry")
        screen.keys("G", "c")
        shown = screen.until("base: 7", "differences are to entry 7 now")
        assert [row[3] for row in rows(shown)][1] == "base", shown
        screen.keys("g", "Enter")
        shown = screen.until(":goto 3", "idle", "FLOPs 1.00x")
        tmux.wait(lambda: [row[1][1] for row in rows(screen.text())] == ["@", " "], "entry 3 is where it stands")
        assert "base: 7" in screen.text()
        screen.keys("Escape")
        screen.until("Layers", gone=["to base"])
        screen.keys("5")
        screen.until("base: 7", "to base")
    return body


def searches(screen):
    """A network by its name or by the number of its entry."""
    def stands(*cursor):
        tmux.wait(lambda: [row[4] for row in rows(screen.text())] == list(cursor), "the cursor to be %s" % (cursor,))

    def body():
        screen.keys("g")
        stands(True, False)
        screen.keys("/", "PRUNED", "Enter")
        stands(False, True)
        screen.keys("/", "3", "Enter")
        stands(True, False)
        screen.keys("/", "fashion", "Enter")
        stands(True, False)
        screen.keys("n")
        stands(False, True)
        screen.keys("n")
        stands(True, False)
        screen.keys("N")
        stands(False, True)
        screen.keys("N", "N", "N")
        stands(True, False)
    return body


def clicks(screen):
    """A click on a row puts the cursor there."""
    def body():
        lines = screen.lines()
        at = [index for index, line in enumerate(lines) if re.match(r"[│|] . +7 [* ]", line)][0]
        screen.type("\033[<0;20;%dM" % (at + 1))
        tmux.wait(lambda: [row[4] for row in rows(screen.text())] == [False, True], "the cursor on entry 7")
    return body


def resizes(screen):
    def body():
        screen.resize(60, 16)
        shown = screen.until("top-1", "to base", gone=["#param"])
        assert max(map(len, shown.split("\n"))) <= 60 and len(rows(shown)) == 2, shown
        screen.resize(120, 40)
        screen.until("#param", "#FLOPs", "/ b. ms", "top-5")
        screen.resize(screen.columns, screen.lines_)
        screen.until("to base", "idle")
    return body


def another_network():
    """Rows are of the network that is open, in the session that is read back too."""
    screen = opened(80, 24)
    command(screen, "eval limit=100", "top-1")
    command(screen, "save compared.thinet")
    screen.keys("q")
    assert screen.ended() == 0
    again = tmux.Screen(screen.path("compared.thinet"))
    again.until("conv1_1", "idle", "next:")
    again.keys("5")
    assert [row[0] for row in rows(again.until("base: 3", "to base"))] == [3]
    command(again, "open zoo:fashion-vgg")
    again.until(EMPTY)
    again.close()
    screen.close()


def without_colour():
    screen = opened(80, 24, "--ascii", NO_COLOR="1")
    screen.keys("5")
    screen.until(EMPTY)
    command(screen, "eval limit=100", "top-1")
    shown = screen.until("base: 3", "Pareto front", "*3")
    assert re.search(r"> +3 \*@", shown), shown
    screen.keys("q")
    assert screen.ended() == 0
    beyond = [byte for byte in screen.read("output") if byte > 0x7E]
    assert not beyond, beyond[:20]
    screen.close()


for columns, lines in tmux.SIZES:
    size = "%dx%d: " % (columns, lines)
    screen = opened(columns, lines, term="xterm-256color")  # which says how it sends clicks
    tmux.test(size + "networks that are evaluated get rows, and their difference", fills(screen))
    tmux.test(size + "v turns table and scatter, V its cost", draws(screen))
    tmux.test(size + "o sorts, c sets the base, Enter goes there", chooses(screen))
    tmux.test(size + "/ finds a network, n and N go on and back", searches(screen))
    tmux.test(size + "a click selects a row", clicks(screen))
    tmux.test(size + "a smaller terminal leaves columns out", resizes(screen))
    screen.close()
tmux.test("only networks of the opened one, also of a session read back", another_network)
tmux.test("--ascii and NO_COLOR show all of it", without_colour)
thinet.finish()
