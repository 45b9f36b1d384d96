"""Keys that come faster than anything is done about them, as a paste or a held key sends them: all in one write."""

import os
import re
import shutil

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
SESSION = os.path.join(thinet.TREE, "sessions", "tour.thinet")
NETWORK = tmux.example()


def opened(**more):
    screen = tmux.Screen(NETWORK, **more)
    screen.until("conv1_1", "next:", "idle")
    return screen


def kept(screen, layer):
    row = re.search(r"%s +(\d+) +(\d+) +\d+%%" % layer, screen.text())
    return int(row[2]) if row else None


def keeps(screen, layer, keep):
    tmux.wait(lambda: kept(screen, layer) == keep, "%s to keep %d, not %s" % (layer, keep, kept(screen, layer)))


def journal(screen, *commands):
    """The journal's entries behind the first, oldest first, are these; of a note its text."""
    screen.keys("6")
    screen.until("command", "result", "the session stands here")

    def listed():
        rows = [re.search(r" (\d+) (%s)(?: |$)" % "|".join(map(re.escape, commands)), line) for line in screen.lines()
                if "entry" not in line]
        return [row[2] for row in sorted([row for row in rows if row], key=lambda row: int(row[1]))]
    tmux.wait(lambda: listed() == list(commands), "the journal to list %s, not %s" % (commands, listed()))
    screen.keys("Escape")
    screen.until("next:", "1 Filters", gone=["the session stands here"])


def command_and_key():
    """The key behind Enter is a key, not the prompt's."""
    screen = opened()
    screen.keys(":", "keep conv2_1 40", "Enter", "u", "j", "j")
    screen.until("Ctrl-R does it again", "conv2_1  64 filters", "idle", gone=["Enter runs it"])
    keeps(screen, "conv2_1", 64)
    screen.keys("C-r")
    keeps(screen, "conv2_1", 40)
    # A key that counts from where the command has led.
    screen.keys(":", "keep conv2_1 30", "Enter", "-", "-", ":", "keep conv1_1 9", "Enter", "-")
    keeps(screen, "conv1_1", 9)
    keeps(screen, "conv2_1", 27)
    screen.close()


def commands():
    """Prompt after prompt; each line is a command of its own."""
    screen = opened(rows=40)
    lines = ["keep conv1_1 %d" % keep for keep in range(30, 20, -1)]
    screen.keys(*[key for line in lines for key in (":", line, "Enter")], "j", "j", "j", "j")
    keeps(screen, "conv1_1", 21)
    screen.until("conv3_1  128 filters", "idle")
    journal(screen, *lines)
    screen.close()


def leaving():
    """What ends the prompt ends it where it was typed."""
    screen = opened()
    screen.keys("j", ":", "keep conv1_1 3", "C-c", "j", "j", "-")
    keeps(screen, "conv2_2", 63)
    screen.keys(":", "keep conv1_1 4", "Escape", "Escape", "Escape")
    screen.until("next:", gone=["Enter runs it"])
    assert kept(screen, "conv1_1") == 32
    # Keys of more than one byte, and characters of more than one.
    screen.keys(":", "note hällo", "Left", "Left", "BSpace", "Home", "Right", "End", "!", "Enter", "Up", "Up", "-")
    screen.until("idle", gone=["Enter runs it"])
    keeps(screen, "conv1_2", 31)
    screen.keys(":", "Up", "Up", "C-e", "Enter")  # the note is the second last line typed, and runs again
    journal(screen, "keep conv2_2 63", "hälo!", "keep conv1_2 31", "hälo!")
    screen.close()


def search():
    screen = opened()
    screen.keys("/", "3_2", "Enter", "-", "/", "1_2", "Enter", "-", "n", "2")
    keeps(screen, "conv3_2", 127)
    keeps(screen, "conv1_2", 31)
    screen.until("conv1_2  32 filters", "Not sampled yet", "idle")
    screen.close()


def pasted():
    """A line longer than any buffer, and a thousand keys behind it."""
    screen = opened(columns=120, rows=40)
    text = "wide " + "x" * 3000
    screen.keys(":", "note " + text, "Enter", *["j"] * 500, *["k"] * 500, "g", "j", "-")
    keeps(screen, "conv1_1", 31)
    screen.keys(":", "Up")
    screen.until("x" * 100, "Enter runs it")
    screen.keys("C-a", "C-k", "keep conv1_1 7", "Enter")
    keeps(screen, "conv1_1", 7)
    screen.close()


def held():
    """A key that repeats while the command before it is being done."""
    screen = opened()
    screen.keys(":", "keep conv3_1 120", "Enter", "g", "j", "j", "j", "j", "j", *["-"] * 50, "u", "C-r")
    keeps(screen, "conv3_1", 70)
    screen.close()


def cursors():
    """In a list that was not drawn since: another layer's, another view's, one that goes with what the keys do."""
    path = os.path.join(thinet.scratch(), "tour.thinet")
    shutil.copyfile(SESSION, path)
    screen = tmux.Screen(path)
    screen.until("conv3_2", "idle")
    screen.command("goto 4")
    screen.until("now at entry 4", "idle")
    screen.keys("1", "g", "j", "j", "j", "l", "G", "h")
    screen.until("conv2_1  64 filters")
    # The list of another layer begins at its first row, and each mark goes on to the next.
    screen.keys("k", "l", "v", "v", "v")
    screen.until("conv1_2  32 filters", "* 3 marked")
    rows = [row for row in screen.lines() if re.search(r"[+-] +[123] \* ", row)]
    assert len(rows) == 3, screen.text()
    # Marks are the layer's: Esc ends them, and the walk's cursor goes with it.
    screen.keys("Escape", "h", "j", "2", "l", "s", "s", "s", "j", "j", "Enter")
    screen.until("conv2_1 keeps 58 of 64", "idle")
    screen.keys("b", "b", "Enter")
    screen.until("conv2_1 keeps 59 of 64", "idle")
    # Curves and Ratios stand where the layer and its walk do.
    screen.keys("3", "o", "Left", "h", "Enter")
    screen.until("conv2_1 keeps 57 of 64", "idle")
    screen.keys("4", "j", "j", "-")
    screen.until("conv3_1 keeps 127 of 128", "idle")
    # The journal's cursor stands at the newest.
    screen.keys("6", "k", "Enter")
    screen.until("the session stands here", ":goto ", "now at entry", "keep conv2_1 57")
    screen.close()


tmux.test("a key behind Enter is not the prompt's", command_and_key)
tmux.test("ten commands typed at once are ten commands", commands)
tmux.test("Ctrl-C, Esc and keys of many bytes amid others", leaving)
tmux.test("a search and what is done with what it found", search)
tmux.test("a pasted line of 3000 characters and 1000 keys", pasted)
tmux.test("fifty presses of a held key behind a command", held)
if os.path.exists(SESSION):
    tmux.test("cursors stand where they belong before the first frame", cursors)
else:
    thinet.skip("cursors", "no sessions/tour.thinet")
thinet.finish()
