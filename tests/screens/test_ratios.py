#!/usr/bin/env python3
"""The view Ratios: sliders that follow the keys, orders, and a budget that is seen before it is taken."""

import re

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
LAYERS = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2"]
IMAGES = tmux.have_images()


def rows(shown):
    """Of each row in the order they stand: (name, kept, FLOPs in per cent)."""
    found = []
    for line in shown.split("\n"):
        row = re.match(r"[│|][ ▸>]*(all|conv\S+) .* ([0-9]+)/[0-9]+ .*?([0-9]+)% +([0-9.]+)%", line)
        if row:
            found.append((row[1], int(row[2]), float(row[4])))
    return found


def row(shown, name):
    return [one for one in rows(shown) if one[0] == name][0]


def opened(columns, rows, *arguments, **more):
    if IMAGES:
        arguments += ("--data", "fashion-mnist")
    screen = tmux.Screen(NETWORK, *arguments, columns=columns, rows=rows, **more)
    screen.until("conv1_1", "idle", "next:")
    return screen


def sampled(screen):
    screen.keys("S")
    screen.until("layers sampled", "idle")


def slides(screen):
    def body():
        screen.keys("2", "4")
        shown = screen.until("conv3_2", "layer that cannot be pruned", "▸conv1_1", gone=["Layers"])
        assert [one[0] for one in rows(shown)] == ["all"] + LAYERS, shown
        assert row(shown, "all")[2] == 100, shown
        screen.keys("j", "j")
        screen.until("▸conv2_1")
        # A held key: the row, the next layer and the total follow.
        screen.keys(*">" * 10)
        shown = screen.until("32/64", ":ratio conv2_1 0.5", "idle")
        assert row(shown, "conv2_1")[1] == 32, shown
        total = row(shown, "all")[2]
        assert total < 100 and "%.1f %%" % total in shown, shown
        screen.keys("-")
        screen.until("31/64", ":keep conv2_1 31")
        screen.keys("+", "+")
        screen.until("33/64", ":keep conv2_1 33")
        screen.keys("u", "u", "u")
        screen.until("64/64", ":undo", "idle", gone=["33/64"])
        # All at once on the row of all.
        screen.keys("g", ">", ">")
        shown = screen.until("▸all", ":ratio all 0.1", "idle")
        assert all(row(shown, name)[1] < {"1": 32, "2": 64, "3": 128}[name[4]] for name in LAYERS), shown
        screen.keys("u")
        screen.until("idle", "128/128", "32/32", gone=["ratio all 0.1"])
        screen.keys("Escape")
        screen.until("Layers", "conv1_1  32 filters")
    return body


def sorts(screen):
    def body():
        screen.keys("4", "o")
        found = rows(screen.until("▾FLOPs", "▸conv1_1"))[1:]
        assert [one[2] for one in found] == sorted((one[2] for one in found), reverse=True), found
        screen.keys("o")
        screen.until("▾ls")
        screen.keys("o")
        shown = screen.until("o most FLOPs first")
        assert [one[0] for one in rows(shown)] == ["all"] + LAYERS, shown
        screen.keys("G", "Enter")
        screen.until("Layers", "conv3_2  128 filters")
        screen.keys("4", "g", "j", "Enter")
        screen.until("Layers", "conv1_1  32 filters")
    return body


def budgets(screen):
    def body():
        sampled(screen)
        screen.keys("4", "B")
        screen.until("budget preview=on flops=0.5", "Enter runs it")
        screen.keys("Enter")
        shown = screen.until("→kept", "y takes the budget", "preview: FLOPs", "idle")
        assert row(shown, "all")[2] == 100, shown  # nothing is changed
        proposed = dict(re.findall(r"(conv\S+) .* →([0-9]+) +[0-9]+%", shown))
        assert sorted(proposed) == LAYERS, shown
        screen.keys("Escape")
        screen.until("is dropped", gone=["→kept", "Layers"])
        screen.keys("y")
        screen.until("B asks for one")
        screen.keys("B", "Enter")
        screen.until("→kept", "idle")
        screen.keys("N")
        screen.until("is dropped", gone=["→kept"])
        screen.keys("B", "Enter")
        screen.until("→kept", "idle")
        screen.keys("j", "j", ">")  # sliders can be moved beside it
        screen.until("→kept", ":ratio", "idle")
        screen.keys("y")
        shown = screen.until(":budget flops=0.5", "u undoes", "idle", gone=["→kept"])
        assert 49 < row(shown, "all")[2] <= 50, shown
        for name in LAYERS:
            assert row(shown, name)[1] == int(proposed[name]), (name, shown)
        screen.keys("u", "u")
        screen.until("128/128", "32/32", "idle", "100.0%")
        screen.keys("Escape")
        screen.until("Layers")
    return body


def needs_samples(screen):
    def body():
        screen.keys("4")
        screen.until("S samples: then errors are known" if IMAGES else "errors need images")
        screen.keys("B", "Enter")
        screen.until("sample all")
        screen.keys("Escape")
        screen.until("Layers")
    return body


def clicks(columns, rows):
    """A click on a slider moves it there, one on a name only selects."""
    def mouse(column, line):
        screen.type("\033[<0;%d;%dM\033[<0;%d;%dm" % (column + 1, line + 1, column + 1, line + 1))

    def place(text):
        lines = screen.lines()
        at = [number for number, line in enumerate(lines) if text in line][0]
        return lines[at], at

    def body():
        nonlocal screen
        screen = opened(columns, rows, term="xterm-256color")
        screen.keys("4", "g")
        screen.until("▸all")
        line, at = place("conv2_2 ")
        mouse(line.index("conv2_2"), at)
        screen.until("▸conv2_2", "64/64")
        mouse((line.index("█") + line.rindex("█")) // 2, at)
        shown = screen.until(":keep conv2_2", "idle")
        assert 29 <= row(shown, "conv2_2")[1] <= 35, shown
        line, at = place("all ")
        mouse((line.index("█") + line.rindex("█")) // 2, at)
        shown = screen.until(":ratio all 0.", "▸all", "idle")
        assert 0.4 < row(shown, "all")[1] / 448 < 0.6, shown
        screen.close()
    screen = None
    return body


def sizes():
    """More room shows more; less is survived."""
    screen = opened(200, 60)
    screen.keys("4")
    screen.until("params", "error", "method", "conv3_2")
    screen.resize(80, 24)
    screen.until("FLOPs", "ls", "kept", "ratio", "conv3_2", gone=["method "])
    screen.resize(40, 12)
    shown = screen.until("kept", "FLOPs")
    assert max(map(len, shown.split("\n"))) <= 40, shown
    screen.close()


def without_colour():
    screen = opened(80, 24, "--ascii", NO_COLOR="1")
    if IMAGES:
        sampled(screen)
    screen.keys("4", ">", ">", ">", ">")
    shown = screen.until(">conv1_1", ":ratio conv1_1 0.2", "idle")
    assert re.search(r">conv1_1 +#+\.+ +25/32 +22%", shown), shown
    if IMAGES:
        screen.keys("B", "Enter")
        shown = screen.until("->kept", "y takes")
        assert re.search(r"conv2_1 +[#.]*:[#.]* +64/64 +->[0-9]+", shown), shown
        screen.keys("N")
        screen.until("is dropped", gone=["->kept"])
    screen.keys("q")
    assert screen.ended() == 0
    beyond = [byte for byte in screen.read("output") if byte > 0x7E]
    assert not beyond, beyond[:20]
    screen.close()


for columns, lines in tmux.SIZES:
    size = "%dx%d: " % (columns, lines)
    screen = opened(columns, lines)
    tmux.test(size + "a budget needs samples, and says so", needs_samples(screen))
    tmux.test(size + "< > + - move the sliders and what they cost", slides(screen))
    tmux.test(size + "o sorts, Enter goes to the layer", sorts(screen))
    tmux.test(size + "clicks select and slide", clicks(columns, lines))
    if IMAGES:
        tmux.test(size + "a budget is seen before it is taken", budgets(screen))
    screen.close()
tmux.test("more room shows more", sizes)
tmux.test("--ascii without colour", without_colour)
thinet.finish()
