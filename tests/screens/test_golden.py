"""Every view at three sizes, in UTF-8 and in ASCII, colours included, against screens that were looked at and saved in
golden/. What they show is a recorded session, so every figure is the same on every machine.

TN_GOLDEN=write saves what the program shows now in place of what was saved: look at the difference before you commit it."""

import difflib
import os
import re

import tmux
from thinet import QUICK, TREE, check, finish, scratch, skip_all

tmux.need()
SESSION = os.path.join(TREE, "sessions", "tour.thinet")
GOLDEN = os.path.join(TREE, "tests", "screens", "golden")
WRITE = os.environ.get("TN_GOLDEN") == "write"
SIZES = ((80, 24), (120, 40), (200, 60))
# Where the session stands, and there: the screen's name and the keys that lead to it from the one before.
SCREENS = (("4", (("filters", ["1"]), ("steps", ["2"]), ("curves", ["3", "o"]), ("methods", ["m"]), ("ratios", ["Escape", "4"]))),
           ("by-error", (("training", ["3", "o"]), ("compare", ["5"]), ("journal", ["6"]), ("time", ["t"]), ("help", ["?"]))))

if not os.path.exists(SESSION):
    skip_all("no sessions/tour.thinet")


def captured(screen):
    """The screen with its colours, less blanks at the ends of lines."""
    text = screen.tmux("capture-pane", "-p", "-e")
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")) + "\n"


def settled(screen):
    """Until two looks find the same."""
    seen = [None]

    def same():
        before, seen[0] = seen[0], captured(screen)
        return seen[0] if before == seen[0] else None
    return tmux.wait(same, "the screen to settle")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m|\x1b[()][0-9A-B]|[\x0e\x0f]", "", text).split("\n")


def differences(saved, shown):
    lines = list(difflib.unified_diff(plain(saved), plain(shown), "saved", "shown", lineterm="", n=0))
    return "\n".join(lines) or "only in colours:\n" + "\n".join(
        difflib.unified_diff(saved.split("\n"), shown.split("\n"), "saved", "shown", lineterm="", n=0)).replace("\x1b", "^[")


def compare(screen, name, before):
    """`before`: the screen before the keys that lead to this one."""
    path = os.path.join(GOLDEN, name + ".txt")
    if WRITE:
        os.makedirs(GOLDEN, exist_ok=True)
        tmux.wait(lambda: captured(screen) != before, name + " to come")
        with open(path, "w") as file:
            file.write(settled(screen))
        return
    with open(path) as file:
        saved = file.read()
    last = [""]

    def equal():
        last[0] = captured(screen)
        return last[0] == saved
    try:
        tmux.wait(equal, name, patience=tmux.PATIENCE / 3)  # of sixty, if all differ
    except tmux.Impatient:
        check("the screen " + name, False, differences(saved, last[0]))
    else:
        check("the screen " + name, True)


def copy_of_session():
    """Of its own for every run: whoever opens a session may add to it."""
    path = os.path.join(scratch(), "tour.thinet")
    with open(SESSION, "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    return path


def look(columns, rows, ascii_only):
    arguments = [copy_of_session()] + (["--ascii"] if ascii_only else [])
    screen = tmux.Screen(*arguments, columns=columns, rows=rows, TZ="UTC")
    screen.until("conv3_2", "idle")
    for entry, screens in SCREENS:
        screen.command("goto " + entry)
        screen.until(":goto " + entry, "now at entry", "idle")
        screen.keys("1", "g", "j", "j", "j")
        screen.until("conv2_1  ", "filters  ")
        for name, keys in screens:
            before = captured(screen)
            screen.keys(*keys)
            if name == "filters":
                screen.until("image 0")  # its pictures come when they are computed
            compare(screen, "%s-%dx%d%s" % (name, columns, rows, "-ascii" if ascii_only else ""), before)
    screen.keys("Escape", "Escape")
    screen.keys("q")
    check("quit at %dx%d%s" % (columns, rows, " ascii" if ascii_only else ""), screen.ended() == 0)
    screen.close()


# With sanitizers every view once in the smallest terminal and in the largest, not every way of drawing it.
for size in SIZES[::2] if QUICK else SIZES:
    for ascii_only in (size == SIZES[0],) if QUICK else (False, True):
        tmux.test("views at %dx%d" % size, lambda size=size, ascii_only=ascii_only: look(*size, ascii_only))
finish()
