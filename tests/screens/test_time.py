#!/usr/bin/env python3
"""The view Time: measuring in the background, the rows, and the way in and out."""

import re
import time

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
LAYERS = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "fc"]


def rows(shown):
    """Name, milliseconds forward and backward, of each row in the order they stand."""
    found = []
    for line in shown.split("\n"):
        row = re.match(r"[│|][ ▸>]*(%s) +(?:winograd|pointwise|correlation)? +(?:\S+[kMG] +)?([0-9.]+) .*?%% +([0-9.]+)" %
                       "|".join(LAYERS), line)
        if row:
            found.append((row[1], float(row[2]), float(row[3])))
    return found


def opened(columns, rows, *arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, columns=columns, rows=rows, **more)
    screen.until("conv1_1", "idle", "next:")
    return screen


def measured(screen):
    """The key shows the view, and pressed again measures."""
    screen.keys("t")
    screen.until("Where does the time of a batch go?", "t measures it now", gone=["Layers"])
    screen.keys("t")
    return screen.until("the rest", "images/s", "peak", ":time", "idle")


def by_key(screen):
    def body():
        screen.keys("2", "j")
        screen.until("conv1_2  32 filters")
        shown = measured(screen)
        assert "batch 32" in shown, shown
        assert [row[0] for row in rows(shown)] == LAYERS, shown
        # All but the last are too long to be shown as 0, however slow the machine.
        assert all(row[1] > 0 and row[2] > 0 for row in rows(shown)[:-1]), shown
        assert "▸conv1_2" in shown, shown
        screen.keys("Escape")
        screen.until("Layers", "conv1_2  32 filters", gone=["the rest"])
    return body


def sorts(screen):
    def body():
        screen.keys("t")
        screen.until("o slowest forward first")
        for key, title, column in (("o", "▾forward", 1), ("o", "▾backward", 2)):
            screen.keys(key)
            found = rows(screen.until(title))
            times = [row[column] for row in found]
            assert len(found) == len(LAYERS) and times == sorted(times, reverse=True), found
            screen.until("▸" + found[0][0])
        screen.keys("o")  # where it belongs, with the cursor still on it
        screen.until("▸" + found[0][0])
        assert [row[0] for row in rows(screen.until("o slowest forward first"))] == LAYERS
    return body


def moves(screen):
    def body():
        screen.keys("g")
        screen.until("▸conv1_1")
        screen.keys("j", "j", "j")
        screen.until("▸conv2_2")
        screen.keys("/")
        screen.type("3_1")
        screen.until("▸conv3_1")
        screen.keys("Enter")
        screen.until("▸conv3_1", gone=["Esc leaves"])
        # Esc forgets where the cursor went, Enter goes there.
        screen.keys("Escape")
        screen.until("conv1_2  32 filters")
        screen.keys("t")
        screen.until("▸conv1_2", "the rest")
        screen.keys("G", "Enter")
        screen.until("Layers", "fc  10 filters", gone=["the rest"])
        screen.keys("t")
        screen.until("▸fc")
        screen.keys("1")
        screen.until("Layers", "fc  10 filters", gone=["the rest"])
        screen.keys("g", "j", "j")
        screen.until("conv1_2  32 filters")
    return body


def by_command(screen):
    def body():
        screen.keys("1")
        screen.command("time batch=3")
        screen.until("batch 3 ", "the rest", ":time batch=3", "idle")
        screen.keys("t")  # as many again
        screen.until("batch 3 ", "the rest", ":time batch=3", "idle")
        screen.command("time batch=x")
        screen.until("batch 3 ", "the rest", "time: ", "idle")
        screen.keys("Escape")
        screen.until("Layers")
    return body


def follows_undo(screen):
    """What was measured of another network is not shown as if it were this one's."""
    def body():
        stale = "Measured before the network was changed"
        screen.command("method all l1")
        screen.until("l1 for 6 layers", "idle")
        screen.command("ratio conv2_1 0.5")
        screen.until(":ratio conv2_1 0.5", "idle")
        screen.command("prune conv2_1 reweight=none")
        screen.until(":prune", "idle")
        screen.keys("t")
        screen.until(stale)
        screen.keys("u")
        screen.until(":undo", "the rest", gone=[stale])
        screen.keys("C-r")
        screen.until(":redo", stale)
        screen.keys("t")
        screen.until("idle", "the rest", gone=[stale])
        screen.keys("Escape")
        screen.until("Layers")
    return body


def cancels(screen):
    def body():
        screen.keys("t")
        before = rows(screen.until("the rest", "idle"))
        screen.command("time batch=1000")
        screen.until("time forward", "Esc cancels", "busy")
        screen.keys("j")  # the screen does not wait for it
        screen.until("▸conv2_1")
        begun = time.monotonic()
        screen.keys("Escape")
        shown = screen.until("idle", "the rest", ":time batch=1000")
        print("# idle %.2f s after Esc" % (time.monotonic() - begun))
        assert "ancel" in shown and rows(shown) == before, shown
        screen.keys("Escape")
        screen.until("Layers", "conv1_2  32 filters", gone=["the rest"])
    return body


def narrow(screen):
    def body():
        screen.keys("t")
        screen.until("the rest", "GFLOP/s")
        screen.resize(40, 12)
        shown = screen.until("forward", "backward", gone=["path"])
        assert max(map(len, shown.split("\n"))) <= 40, shown
        screen.resize(screen.columns, screen.rows)
        screen.until("path", "the rest", "Enter to the layer")
        screen.keys("Tab")
        screen.until("Layers", gone=["the rest"])
    return body


def long_network():
    """More layers than rows: it scrolls, and names stay whole at 80 columns."""
    screen = tmux.Screen("zoo:resnet20")
    screen.until("layer1.0.conv1", "idle", "next:")
    screen.command("time batch=1")
    shown = screen.until("the rest", "idle", "▾")
    assert all(text in shown for text in ("layer2.0.conv1 ", "path", "backward", "of peak")), shown
    screen.keys("G")
    screen.until("▸fc", "the rest", "▴")
    screen.keys("g")
    screen.until("▸conv1", "▾")
    screen.close()


def without_colour():
    screen = opened(80, 24, "--ascii", NO_COLOR="1")
    screen.command("time batch=1")
    shown = screen.until("the rest", "images/s", "peak", ":time", "idle")
    assert ">conv" in shown, shown
    assert re.search(r"#+ +\d+%", shown), shown
    screen.keys("q")
    assert screen.ended() == 0
    beyond = [byte for byte in screen.read("output") if byte > 0x7E]
    assert not beyond, beyond[:20]
    screen.close()


def kept_in_session():
    """A session that is opened again shows what was measured in it."""
    screen = opened(80, 24)
    screen.command("time batch=1")
    screen.until("the rest", "images/s", "peak", ":time", "idle")
    screen.command("save timed.thinet")
    screen.until("timed.thinet", "idle", gone=("unsaved",))
    screen.keys("q")
    assert screen.ended() == 0
    again = tmux.Screen(screen.path("timed.thinet"))
    again.until("conv1_1", "idle", "next:")
    again.keys("t")
    assert [row[0] for row in rows(again.until("the rest", "images/s"))] == LAYERS
    again.close()
    screen.close()


for columns, lines in tmux.SIZES:
    size = "%dx%d: " % (columns, lines)
    screen = opened(columns, lines)
    screen.columns, screen.rows = columns, lines
    tmux.test(size + "t shows the view, t again measures, Esc leads back", by_key(screen))
    tmux.test(size + "o sorts by time forward and backward", sorts(screen))
    tmux.test(size + "its cursor is the selected layer, Enter goes there", moves(screen))
    tmux.test(size + "the command at the prompt shows the view too", by_command(screen))
    tmux.test(size + "pruning makes it stale, undo does not", follows_undo(screen))
    tmux.test(size + "Esc stops measuring, and the rows stay", cancels(screen))
    tmux.test(size + "a smaller terminal leaves columns out", narrow(screen))
    screen.close()
tmux.test("a long network scrolls", long_network)
tmux.test("--ascii and NO_COLOR show all of it", without_colour)
tmux.test("a saved session keeps what was measured", kept_in_session)
thinet.finish()
