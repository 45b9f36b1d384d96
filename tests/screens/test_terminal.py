"""How the program treats its terminal: what it sends, and what it leaves behind however it ends."""

import os
import re
import signal

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-79]|4[0-79]|9[0-7]|10[0-7]|[34]8;[25])[0-9;]*m")


def opened(*arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, **more)
    screen.until("conv1_1", "idle", "next:")
    return screen


def quits():
    screen = opened()
    assert screen.flags()[0] == "1", "the alternate screen is not in use"
    screen.keys("q")
    assert screen.ended() == 0
    assert screen.restored() == "", screen.restored()
    screen.close()


def quits_from_prompt():
    screen = opened()
    screen.keys(":")
    screen.until("Enter runs it")
    screen.type("quit")
    screen.keys("Enter")
    assert screen.ended() == 0
    assert screen.restored() == "", screen.restored()
    screen.close()


def ends_on(number, orderly):
    def body():
        screen = opened()
        screen.keys(":")
        screen.until("Enter runs it")
        os.kill(screen.pid(), number)
        status = screen.ended()
        # A sanitizer reports a crash in its own way and ends the program itself.
        assert (status == 0) == orderly, "exit status %d" % status
        if not orderly and not thinet.QUICK:
            assert status == 128 + number, "exit status %d" % status
        assert screen.restored() == "", screen.restored()
        screen.close()
    return body


def goes_away():
    screen = opened()
    pid = screen.pid()
    screen.tmux("kill-server")

    def gone():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    tmux.wait(gone, "the program to end with its terminal")
    screen.close()


def says_all():
    """An error longer than the line goes on in the line above it."""
    screen = opened()
    screen.command("open /tmp/%s/%s.onnx" % ("x" * 30, "y" * 30))
    shown = screen.until("open: ", "idle").split("\n")
    last = [line for line in shown if line.strip()][-2:]
    assert "y" * 30 + ".onnx" in "".join(line.strip() for line in last), shown
    screen.close()


def suspends():
    screen = tmux.Screen(NETWORK, shell=True)
    screen.until("\n$")
    screen.type(screen.program + "\n")
    screen.until("conv1_1", "idle")
    screen.keys("C-z")
    screen.until("Stopped", "before the program")
    screen.type("fg\n")
    screen.until("conv1_1", "Layers", "idle")
    screen.keys("j")
    screen.until("conv1_2  32 filters")
    screen.keys("q")
    screen.until("Stopped", gone=["Layers"])
    screen.close()


def ascii_only():
    screen = opened("--ascii")
    for view in "123":
        screen.keys(view)
        screen.until("conv1_1  32 filters")
    screen.keys("?")
    screen.until("+- Keys")
    screen.keys("Escape", ":")
    screen.until("Enter runs it")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.keys("q")
    screen.ended()
    beyond = [byte for byte in screen.read("output") if byte > 0x7E]
    assert not beyond, beyond[:20]
    screen.close()


def plain_locale():
    screen = opened(LC_ALL="C")
    screen.keys("q")
    screen.ended()
    assert max(screen.read("output")) < 0x7F
    screen.close()


def no_colour():
    screen = opened(NO_COLOR="1")
    screen.keys("2", "3", "?")
    screen.until("Keys")
    screen.keys("Escape", "q")
    screen.ended()
    found = COLOUR.search(screen.read("output"))
    assert not found, found
    screen.close()


def colours():
    screen = opened()
    screen.keys("q")
    screen.ended()
    assert re.search(rb"38;5;", screen.read("output")), "no colour of 256 although TERM has them"
    screen.close()
    screen = opened("--theme", "mono")
    screen.keys("q")
    screen.ended()
    assert not COLOUR.search(screen.read("output"))
    screen.close()


def kinds(term):
    def body():
        # On the console ncurses asks gpm for the mouse, whose library loses ten bytes: a sanitizer minds.
        screen = opened(*(["--no-mouse"] if term == "linux" and thinet.QUICK else []), term=term)
        screen.keys("j")
        screen.until("conv1_2  32 filters")
        screen.keys("q")
        assert screen.ended() == 0
        screen.close()
    return body


def refuses(term, says):
    def body():
        screen = tmux.Screen(NETWORK, term=term)
        assert screen.ended() != 0
        assert says in screen.text(), screen.text()
        screen.close()
    return body


def help_keys():
    """The labels of the built-in keys, and what the help shows when it is read to its end."""
    labels = re.findall(r'\.label = "((?:[^"\\]|\\.)*)"', thinet.bindings())
    assert len(labels) > 30, labels
    for columns, rows in ((80, 24), (140, 40)):
        screen = opened(columns=columns, rows=rows)
        screen.keys("?")
        seen = screen.until("In this view, Filters")
        ends = ("quit; asks only", "Replay: the last entry")  # of the columns
        while not all(end in seen for end in ends):
            before = screen.text()
            seen += before  # what came since the last look, perhaps the end
            if all(end in seen for end in ends):
                break
            screen.keys("Down", "Down", "Down", "Down", "Down")
            tmux.wait(lambda: screen.text() != before, "the help to scroll")
            seen += screen.text()
        for label in labels:
            assert re.search(r"(^|[│ ]) %s  +\S" % re.escape(label), seen, re.M) or \
                re.search(r" %s +\S" % re.escape(label), seen), "the help lacks %r:\n%s" % (label, seen)
        screen.command("help ratio")
        screen.until("ratio LAYER R")
        screen.keys("Escape")
        screen.until("Layers")
        screen.close()


def tiny():
    screen = opened()
    for columns, rows in ((40, 10), (10, 3), (1, 1), (80, 24)):
        screen.resize(columns, rows)
        screen.keys("Tab", "j", "1", "2")
    screen.until("conv1_1", "2 Steps")
    screen.close()


def mouse():
    screen = opened(term="xterm-256color")
    assert screen.flags()[2] == "1", "the mouse is not asked for"
    row, column = next((i, line.index("conv2_1")) for i, line in enumerate(screen.lines()) if "conv2_1" in line)
    screen.tmux("send-keys", "-l", "\x1b[<0;%d;%dM" % (column + 1, row + 1))
    screen.until("conv2_1  64 filters")
    screen.close()
    screen = opened("--no-mouse")
    assert screen.flags()[2] == "0"
    screen.close()


def eight_colours():
    """With no shade for it the selected row is reversed, all of it alike."""
    screen = opened(term="xterm")
    row = next(line for line in screen.tmux("capture-pane", "-p", "-e").split("\n") if re.search("conv1_1 +32 +32", line))
    selected = re.search("\x1b\\[(?:[0-9;]*;)?7m(.*?conv1_1.*?) *\x1b\\[0", row)
    assert selected and not re.search("\x1b\\[(?:[0-9;]*;)?[34][0-7]m", selected[1]), row
    screen.close()


tmux.test("q leaves the terminal as it was", quits)
tmux.test("so does :quit", quits_from_prompt)
tmux.test("SIGTERM ends in order and leaves the terminal as it was", ends_on(signal.SIGTERM, True))
tmux.test("so does SIGHUP", ends_on(signal.SIGHUP, True))
tmux.test("SIGSEGV leaves the terminal as it was", ends_on(signal.SIGSEGV, False))
tmux.test("so does SIGABRT", ends_on(signal.SIGABRT, False))
tmux.test("a terminal that goes away ends the program", goes_away)
tmux.test("an error longer than a line is shown whole", says_all)
tmux.test("Ctrl-Z gives the shell its screen, fg comes back", suspends)
tmux.test("--ascii sends no byte beyond ASCII", ascii_only)
tmux.test("a locale without UTF-8 is sent ASCII alone", plain_locale)
tmux.test("NO_COLOR sends no colour", no_colour)
tmux.test("256 colours are used where there are, none with --theme mono", colours)
tmux.test("of 8 colours none makes a patch in the selected row", eight_colours)
for kind in ("vt100", "linux", "xterm", "screen", "xterm-256color"):
    tmux.test("TERM=%s is usable" % kind, kinds(kind))
tmux.test("TERM=dumb is refused in a line", refuses("dumb", "cannot move the cursor"))
tmux.test("an unknown TERM is refused in a line", refuses("no-such-terminal", "no-such-terminal is unknown"))
tmux.test("the help shows every key of the keymap", help_keys)
tmux.test("a terminal of one cell is survived", tiny)
tmux.test("a click selects a layer, --no-mouse leaves the mouse alone", mouse)
thinet.finish()
