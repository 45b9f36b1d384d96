"""The view Curves: the cursor that reads numbers, the part of the axis that is shown, runs and methods over each other."""

import os
import re
import shutil

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
SESSION = os.path.join(thinet.TREE, "sessions", "tour.thinet")
NETWORK = tmux.example()
if not os.path.exists(SESSION):
    thinet.skip_all("no sessions/tour.thinet")


def copied():
    path = os.path.join(thinet.scratch(), "tour.thinet")
    shutil.copyfile(SESSION, path)
    return path


def sampled(columns, rows, term="tmux-256color"):
    """Where all layers are sampled, at conv2_1's error curve, with the keys in the view."""
    screen = tmux.Screen(copied(), columns=columns, rows=rows, term=term)
    screen.until("conv3_2", "idle")
    screen.command("goto 4")
    screen.until("now at entry 4", "idle")
    screen.keys("1", "g", "j", "j", "j", "3", "o", "l")
    screen.until("conv2_1  64 filters", "64 kept: error 0  ls 0")
    return screen


def ticks(screen):
    """The numbers on the axis of x, the last line of numbers alone."""
    rows = [row.strip("│ ") for row in screen.text().split("\n") if re.fullmatch(r"[│ ]*[^│]*│+ +[0-9 ]+ *│", row)]
    return [int(number) for number in rows[-1].split("│")[-1].split()]


def reads(screen):
    """What stands at the cursor is what the command curve says."""
    curve = thinet.commands("load " + copied(), "goto 4", "curve conv2_1")[2]

    def shows(kept):
        at = curve["kept"].index(kept)

        def holds():
            row = re.search(r" %d kept: error (\S+)  ls (\S+)" % kept, screen.text())
            return row and all(abs(float(value) - curve[name][at]) <= 0.0006
                               for name, value in zip(("error", "error_ls"), row.groups()))
        tmux.wait(holds, "%d kept: error %g  ls %g; the screen was:\n%s" % (kept, curve["error"][at], curve["error_ls"][at],
                                                                            screen.text()))

    def body():
        for keys, kept in ((["Left"], 63), (["h", "h", "h"], 60), (["Right", "l"], 62), (["Left"] * 30, 32),
                           (["Home"], 1), (["Left"], 1), (["End"], 64), (["l"], 64), (["g", "j", "j"], 3), (["PPage"], 1)):
            screen.keys(*keys)
            shows(kept)
    return body


def zooms(screen):
    def body():
        screen.keys("G", *["Left"] * 24)
        screen.until("40 kept: error")
        all_of_it = ticks(screen)
        screen.keys("]")
        tmux.wait(lambda: ticks(screen) != all_of_it, "half of the axis")
        seen = ticks(screen)
        assert 24 <= min(seen) and max(seen) <= 57, seen
        screen.keys("]", "]")
        tmux.wait(lambda: ticks(screen) != seen, "an eighth of it")
        seen = ticks(screen)
        assert 34 <= min(seen) and max(seen) <= 46 and len(seen) > 1, seen
        screen.keys("]", "]")
        screen.until("nothing smaller is to be seen")
        # It goes with the cursor.
        screen.keys(*["Left"] * 15)
        screen.until("25 kept: error")
        seen = ticks(screen)
        assert 19 <= min(seen) and max(seen) <= 31, seen
        screen.keys("[", "[", "[", "[")
        screen.until("all of it is shown")
        assert ticks(screen) == all_of_it, ticks(screen)
    return body


def keeps(screen):
    """Enter keeps as many as stand under the cursor; whatever else changes that takes the cursor along."""
    def body():
        screen.keys("G", *["Left"] * 14)
        screen.until("50 kept: error")
        screen.keys("Enter")
        screen.until(":keep conv2_1 50", "u undoes", "idle", "keep 50")
        screen.keys("Left", "Left", "-")
        screen.until("49 kept: error")
        screen.keys("Left")
        screen.until("48 kept: error")
        # With the keys elsewhere the cursor stands at what is kept; another layer has its own.
        screen.keys("Tab")
        screen.until("49 kept: error")
        screen.keys("j", "Tab", "Left")
        screen.until("conv2_2  64 filters", "63 kept: error")
        screen.keys("Tab", "k", "Tab")
        screen.until("conv2_1  64 filters", "49 kept: error")
    return body


def overlays(screen):
    """The table of all methods is of the cursor's number."""
    def body():
        screen.keys("a")
        screen.until("at keep 49, best first", "idle")
        screen.keys("Left", "Left")
        screen.until("at keep 47, best first")
        before = ticks(screen) if "filters kept" in screen.text() else []
        screen.keys("]")
        tmux.wait(lambda: ticks(screen) != before, "half of the axis")
        screen.keys("[", "a", "a")
        screen.until("47 kept: error")
    return body


def mouse(columns, rows):
    """A click puts the cursor there, on the curve and on that of training; the wheel moves it."""
    def point(button, row, column):
        for end in "Mm" if button == 0 else "M":  # pressed, and let go
            screen.tmux("send-keys", "-l", "\x1b[<%d;%d;%d%s" % (button, column + 1, row + 1, end))

    def number():
        return int(re.search(r" (\d+) kept: error", screen.text())[1])

    screen = sampled(columns, rows, term="xterm-256color")  # which says how it sends clicks
    row, line = next((i, line) for i, line in enumerate(screen.lines()) if "┤" in line)
    left, right = line.index("┤") + 1, line.rindex("│") - 2
    screen.keys("Tab")
    screen.until("64 kept: error")
    point(0, row, (left + right) // 2)
    tmux.wait(lambda: 31 <= number() <= 34, "the cursor in the middle")
    middle = number()
    point(0, row + 1, left)
    tmux.wait(lambda: number() == 1, "the cursor at the left end")
    point(65, row, left)
    tmux.wait(lambda: number() == 4, "three to the right by the wheel")
    point(64, row, left)
    tmux.wait(lambda: number() == 1, "three to the left")
    point(0, row, (left + right) // 2)
    tmux.wait(lambda: number() == middle, "the middle again")
    point(0, next(i for i, line in enumerate(screen.lines()) if "▸conv2_1" in line), 5)
    screen.until("64 kept: error")
    screen.keys("o")
    screen.until("epoch 3  loss")
    row, line = next((i, line) for i, line in enumerate(screen.lines()) if "┤" in line)
    point(0, row, line.index("┤") + 1)
    screen.until("epoch 1  loss")
    point(0, screen.lines().index(next(line for line in screen.lines() if "loss  ──" in line)) + 2, (left + right) // 2)
    screen.until("epoch 2  loss")
    screen.close()


def runs():
    """Each epoch's numbers, of the run and of those before it, which are drawn behind it."""
    screen = tmux.Screen(NETWORK, "--data", "fashion-mnist", columns=120, rows=40)
    screen.until("conv1_1", "idle", "Fashion-MNIST")
    screen.command("finetune epochs=3 limit=200 test-limit=500 lr=0.001")
    screen.until(":finetune", "idle", "3 epochs")
    screen.keys("3", "l")
    screen.until("epoch 3  loss", "training", gone=["earlier"])
    screen.command("finetune epochs=4 limit=200 test-limit=500 lr=0.01 seed=2")
    screen.until("seed=2", "epoch 4  loss", "idle", "── training  ── test", "── earlier")
    assert "earlier " not in next(row for row in screen.lines() if "epoch 4  loss" in row)
    seen = {}
    for epoch in (3, 2, 1):
        screen.keys("Left")
        numbers = re.compile(r"epoch %d  loss (\S+)  test (\S+)%%.*earlier (\S+)%%" % epoch)
        seen[epoch] = tmux.wait(lambda: numbers.search(screen.text()), "epoch %d and what was there earlier" % epoch).groups()
    assert len({numbers[0] for numbers in seen.values()}) == 3, seen
    screen.keys("Right")
    screen.until("epoch 2  loss " + seen[2][0])
    screen.close()


for columns, rows in tmux.SIZES:
    size = "%dx%d: " % (columns, rows)
    screen = sampled(columns, rows)
    tmux.test(size + "the cursor reads the numbers of the curve", reads(screen))
    tmux.test(size + "[ and ] show more and less of the axis around it", zooms(screen))
    tmux.test(size + "Enter keeps as many as stand there", keeps(screen))
    tmux.test(size + "with all methods laid over each other too", overlays(screen))
    screen.close()
    tmux.test(size + "a click puts it on a number, the wheel moves it", lambda: mouse(columns, rows))
if tmux.have_images():
    tmux.test("of fine-tuning it reads every epoch, beside earlier runs", runs)
else:
    thinet.skip("fine-tuning", "dataset-fashion-mnist is not there")
thinet.finish()
