"""What a user does first, key by key, in the smallest and in a larger terminal."""

import re
import time

import tmux  # also makes `thinet` importable
from thinet import finish, skip

tmux.need()
NETWORK = tmux.example()
IMAGES = tmux.have_images()


def layer_row(screen, layer):
    """The numbers of a layer in the panel on the left: filters, keep, ratio, error, ..."""
    for line in screen.split("\n"):
        row = re.match(r"[│|][▸> ]?%s +(\d+) +(\d+) +(\d+)%% +(\S+)" % layer, line)
        if row:
            return int(row[1]), int(row[2]), int(row[3]), row[4]
    raise AssertionError("no row of %s in\n%s" % (layer, screen))


def keeps(screen, layer, keep):
    tmux.wait(lambda: layer_row(screen.text(), layer)[1] == keep, "%s to keep %d" % (layer, keep))


def first_screen(screen, begun):
    def body():
        shown = screen.until("conv1_1", "conv3_2", "Layers", "1 Filters", "idle", "next:", "sample")
        seconds = time.monotonic() - begun
        print("# first screen with the network after %.2f s (with starting tmux)" % seconds)
        assert layer_row(shown, "conv3_1")[:3] == (128, 128, 0)
        assert max(map(len, shown.split("\n"))) <= screen.columns
    return body


def samples(screen):
    def body():
        screen.keys("S")
        shown = screen.until(":sample all", "sampled on", "idle", "rank", "alone")
        assert layer_row(shown, "conv1_2")[3] == "0", shown
        assert re.search(r"\+ +1 +\d+ ", shown), shown
    return body


def ratio_keys(screen):
    def body():
        keeps(screen, "conv1_1", 32)
        screen.keys(">")
        screen.until(":ratio conv1_1 0.05")
        keeps(screen, "conv1_1", 30)
        screen.keys(">")
        screen.until(":ratio conv1_1 0.1")
        keeps(screen, "conv1_1", 28)
        screen.keys("<", "<")
        keeps(screen, "conv1_1", 32)
        screen.keys("-")
        screen.until(":keep conv1_1 31")
        screen.keys("+")
        screen.until(":keep conv1_1 32")
        screen.keys("s")
        screen.until(":step conv1_1")
        keeps(screen, "conv1_1", 31)
        screen.keys("b")
        screen.until(":back conv1_1")
        screen.until("conv1_1 keeps 32 of 32", "idle")  # what a command came to would replace what a key says
        screen.keys("b")
        screen.until("all filters are kept")
    return body


def held_key(screen):
    def body():
        screen.keys("-N", "20", "s")
        keeps(screen, "conv1_1", 12)
        screen.until("conv1_1 keeps 12 of 32", "idle")
        screen.keys("-N", "20", "b")
        screen.until("conv1_1 keeps 32 of 32", "idle")
    return body


def all_layers(screen):
    def body():
        screen.keys("k", ">", ">")
        screen.until(":ratio all 0.1", "FLOPs today")
        keeps(screen, "conv2_1", 57)
        screen.keys("<", "<")
        keeps(screen, "conv2_1", 64)
        screen.keys("j")
        screen.until("conv1_1  32 filters")
    return body


def views(screen):
    def body():
        screen.keys("g", "j", "2")
        screen.until("filters removed", "least squares", "cost", "▸   1")
        screen.keys("Tab", "j", "j", "j", "Enter")
        screen.until(":run conv1_1 keep=28", "▸   5")
        screen.keys("3")
        screen.until("filters kept", "keep 28")
        screen.keys("o")
        screen.until("No fine-tuning yet")
        screen.keys("o")
        screen.until("filters kept")
        screen.keys("1", "Escape")
        screen.until("importan", "+ kept", "- pruned")
    return body


def methods(screen):
    def body():
        screen.keys("g", "j", "j", "m")
        screen.until("Method of conv1_2", "Enter runs :method conv1_2 thinet", "thinet-w", "lasso")
        screen.keys("Escape")
        screen.until("conv1_2  32 filters", gone=["Method of"])
        screen.keys("m", "j", "j", "j", "j")
        screen.until("Enter runs :method conv1_2 l1")
        screen.keys("Enter")
        screen.until(":method conv1_2 l1", "l1 for 1 layer", "32 filters  l1", "idle", gone=["Method of"])
        screen.keys("M", "g", "j", "j")
        screen.until("Method of all layers", "Enter runs :method all thinet-x")
        screen.keys("Enter")
        screen.until("thinet-x for 6 layers", "32 filters  thinet-x", "idle")
        # Its sets are not nested: the walk names no next filter.
        screen.keys("2", "s")
        shown = screen.until("own for every size", ":step conv1_2", "idle", gone=["cost", "Gone now: none", "Gone now: ..."])
        assert re.search(r"Gone now: \d+ ", shown), shown
        screen.keys("b")
        screen.until("Gone now: none")
        screen.keys("1", "M", "g", "Enter")
        screen.until("thinet for 6 layers", "32 filters  thinet ", "idle")
        screen.keys("g", "j")
    return body


def best_first(shown):
    """Method and error in the table under the curves, by error."""
    found = re.findall(r"[─-] (thinet-w|thinet-x|thinet|l1|random|lasso) +([0-9.e-]+)", shown)
    assert len(found) == 6, shown
    return sorted(float(error) for _, error in found), {method: float(error) for method, error in found}


def overlay(screen):
    def body():
        screen.keys("3")
        screen.until("least squares", "a all methods")
        screen.command("keep conv1_1 16")
        keeps(screen, "conv1_1", 16)
        screen.keys("a")
        shown = screen.until(":curve conv1_1 method=all", "at keep 16, best first", "least squares", "idle", gone=[" ..."])
        errors, by_method = best_first(shown)
        assert errors[0] == by_method["thinet-x"], shown
        assert re.search(r"taylor +(-|not collected yet|[0-9.e-]+)", shown), shown
        screen.keys("a")
        plain = best_first(screen.until("all methods, plain"))[1]
        assert all(plain[name] >= by_method[name] for name in plain), (plain, by_method)
        screen.keys("s")
        screen.until("at keep 15, best first")
        # Another layer's curves are asked for when it is selected.
        screen.keys("j")
        best_first(screen.until("conv1_2  32 filters", ":curve conv1_2 method=all", "idle", gone=[" ..."]))
        screen.keys("a")
        screen.until("─ plain  ── least squares", gone=["best first"])
        screen.keys("k", "1")
        screen.command("keep conv1_1 32")
        keeps(screen, "conv1_1", 32)
    return body


def locks(screen):
    def body():
        screen.keys("g", "j", "1", "l", "g")
        shown = screen.until("K X locked", "conv1_1  32 filters", "+   1")
        best = re.search(r"\+   1 +(\d+) ", shown)[1]
        screen.keys("Space")
        screen.until(":lock conv1_1 %s keep" % best)
        # The next press acts on what the screen shows, so the lock must be there first.
        tmux.wait(lambda: re.search(r"K +1 +%s " % best, screen.text()), "the lock on filter %s" % best)
        screen.keys("Space")
        screen.until(":lock conv1_1 %s prune" % best)
        # Locked to be pruned it is the first to go, and no longer under the cursor.
        screen.command("unlock conv1_1")
        screen.until("+   1  %5s" % best, "idle")
        # To the first row and lock, faster than the screen is drawn.
        screen.keys("g", "Space")
        tmux.wait(lambda: re.search(r"K +1 +%s " % best, screen.text()), "the lock on filter %s" % best)
        screen.command("unlock conv1_1")
        screen.until("+   1  %5s" % best, "idle")
        screen.keys("h")
    return body


def prompt(screen):
    def body():
        screen.keys(":")
        screen.until("Tab completes")
        screen.type("samp")
        screen.keys("Tab")
        screen.until(":sample ", "[LAYER]" if "[LAYER]" in screen.text() else "images")
        screen.keys("C-u")
        screen.type("ratio conv")
        screen.keys("Tab")
        screen.until("conv1_1  conv1_2  conv2_1", ":ratio conv")
        screen.type("3_1 1.5")
        before = layer_row(screen.text(), "conv3_1")
        screen.keys("Enter")
        shown = screen.until("ratio: ratio 1.5 is out of range", "<= R < 1")
        assert layer_row(shown, "conv3_1") == before
        screen.keys(":", "Up")
        screen.until(":ratio conv3_1 1.5", "Esc leaves")
        screen.keys("Escape")
        screen.until("next:", gone=["Esc leaves"])
        screen.command("no-such-command")
        screen.until("no-such-command: ", "idle")
    return body


def search(screen):
    def body():
        screen.keys("h", "/")
        screen.type("3_2")
        screen.until("conv3_2  128 filters")
        screen.keys("Enter")
        screen.until("next:", gone=["Esc leaves"])
        screen.keys("g")
        screen.until("FLOPs today")
        screen.keys("n")
        screen.until("conv3_2  128 filters")
        screen.keys("/", "conv2", "Enter", "n")
        screen.until("conv2_2  64 filters", gone=["Esc leaves"])
        screen.keys("N")
        screen.until("conv2_1  64 filters")
        screen.keys("N")
        screen.until("conv2_2  64 filters")
    return body


def undo(screen):
    def body():
        screen.keys("h", "g", "j")
        screen.command("keep conv1_1 29")
        screen.until("conv1_1 keeps 29")
        screen.keys("p")
        screen.until(":prune conv1_1 reweight=ls", "u undoes")
        assert layer_row(screen.text(), "conv1_1")[:2] == (29, 29)
        screen.keys("u")
        screen.until(":undo")
        tmux.wait(lambda: layer_row(screen.text(), "conv1_1")[0] == 32, "32 filters again")
        screen.keys("C-r")
        screen.until(":redo")
        tmux.wait(lambda: layer_row(screen.text(), "conv1_1")[0] == 29, "29 filters again")
    return body


def background(screen):
    def body():
        screen.keys("h", "g", "j", "j", "j", "j", "3")
        screen.until("conv2_2  64 filters", "idle")
        screen.command("sensitivity conv2_2 ratios=0.5,0.9 limit=20000")
        screen.until("background", "sensitivity", "%", "Esc cancels")
        # Whatever else is asked for goes first.
        screen.keys("-")
        keeps(screen, "conv2_2", 63)
        screen.until("conv2_2 keeps 63 of 64", "background")
        # Esc leaves the view before it stops what nobody waits for.
        screen.keys("l", "Escape")
        screen.until("background", "Esc cancels")
        screen.keys("Escape")
        screen.until("idle", gone=["background", "top-1 when"])
        screen.command("sensitivity conv2_2 ratios=0.5,0.9 limit=100")
        screen.until("top-1 when it alone is cut", "idle")
        screen.command("keep conv2_2 64")
        keeps(screen, "conv2_2", 64)
        screen.keys("1", "g", "j")
        screen.until("conv1_1  29 filters", "idle")
    return body


def cancels(screen):
    def body():
        screen.until("idle")
        before = [layer_row(screen.text(), "conv%s" % name) for name in ("1_1", "1_2", "3_2")]
        screen.keys("f")
        screen.until(":finetune epochs=1")
        screen.type("0 lr=0.001")
        screen.keys("Enter")
        screen.until("epoch 1/10", "Esc cancels", "busy", "%")
        begun = time.monotonic()
        screen.keys("Escape")
        shown = screen.until("idle", ":finetune epochs=10 lr=0.001")
        print("# idle %.2f s after Esc" % (time.monotonic() - begun))
        assert [layer_row(shown, "conv%s" % name) for name in ("1_1", "1_2", "3_2")] == before
        assert "ancel" in shown, shown
    return body


def progress(screen):
    return next(row for row in screen.lines() if "epoch 1/5" in row)


def stands_still(read, seconds=1):
    """Wait until what is read has not changed for so long; returns it."""
    last = [read(), time.monotonic()]

    def holds():
        now = read()
        if now != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] > seconds
    tmux.wait(holds, "%r to stand still" % last[0])
    return last[0]


def pauses(screen):
    def body():
        screen.command("finetune epochs=5 lr=0.001")
        screen.until("epoch 1/5", "busy", "%", "z pauses")
        screen.keys("z")
        screen.until("paused", "z goes on", gone=["busy"])
        before = stands_still(lambda: progress(screen))
        screen.keys("j")
        screen.until("conv1_2  32 filters")
        screen.keys("k")
        screen.until("conv1_1  29 filters")
        assert progress(screen) == before, (before, progress(screen))
        screen.keys("z")
        screen.until("busy", "z pauses", gone=["paused"])
        tmux.wait(lambda: progress(screen) != before, "the work to go on")
        screen.keys("z")
        screen.until("paused")
        screen.keys("Escape")
        screen.until("idle", gone=["paused"])
        screen.keys("z")
        screen.until("nothing runs")
    return body


def resizes(screen):
    def body():
        screen.command("finetune epochs=5")
        screen.until("epoch 1/5")
        for columns, rows in ((100, 30), (60, 20), (20, 5), (4, 2), (200, 60), (screen.columns, screen.rows)):
            screen.resize(columns, rows)
            if columns >= 60:
                screen.until("epoch ", "busy" if columns >= 80 else "is small")
                longest = max(map(len, screen.lines()))
                assert longest <= columns, longest
        screen.until("Layers", "Esc cancels")
        screen.keys("Escape")
        screen.until("idle")
    return body


def asks_to_quit(screen):
    def body():
        screen.command("finetune epochs=5")
        screen.until("epoch 1/5")
        screen.keys("q")
        screen.until("stop it and quit?")
        screen.keys("n")
        screen.until("Esc cancels", gone=["stop it and quit?"])
        screen.keys("q", "y")
        assert screen.ended() == 0
        assert screen.restored() == "", screen.restored()
    return body


for columns, rows in tmux.SIZES:
    size = "%dx%d: " % (columns, rows)
    begun = time.monotonic()
    if IMAGES:
        screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", columns=columns, rows=rows)
    else:
        screen = tmux.Screen(NETWORK, columns=columns, rows=rows)
    screen.columns, screen.rows = columns, rows
    tmux.test(size + "the first screen shows the layers and what to press next", first_screen(screen, begun))
    if not IMAGES:
        skip(size + "all that needs images", "dataset-fashion-mnist is not there")
        continue
    tmux.test(size + "S samples all layers and shows what each filter is worth", samples(screen))
    tmux.test(size + "the ratio keys change one layer and show the command they stand for", ratio_keys(screen))
    tmux.test(size + "twenty presses of a held key arrive as twenty steps", held_key(screen))
    tmux.test(size + "on the row \"all\" the ratio of every layer changes", all_layers(screen))
    tmux.test(size + "views 1 to 3 show the walk where it stands", views(screen))
    tmux.test(size + "m and M choose methods from a list", methods(screen))
    tmux.test(size + "a lays the curves of all methods over each other", overlay(screen))
    tmux.test(size + "Space locks the filter under the cursor", locks(screen))
    tmux.test(size + "the prompt completes, recalls, leaves on Esc and says what is wrong", prompt(screen))
    tmux.test(size + "a layer is found by a part of its name", search(screen))
    tmux.test(size + "pruning is undone and done again by one key", undo(screen))
    tmux.test(size + "what runs in the background gives way and is stopped by Esc", background(screen))
    tmux.test(size + "Esc stops fine-tuning and everything is as before", cancels(screen))
    tmux.test(size + "z pauses what runs and lets it go on", pauses(screen))
    tmux.test(size + "any change of size in mid-command is survived", resizes(screen))
    tmux.test(size + "q asks while something runs, and leaves the terminal as it was", asks_to_quit(screen))
    screen.close()
finish()
