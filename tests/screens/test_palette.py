"""Ctrl-P: what can be done, found by typing."""

import tmux  # also makes `thinet` importable
from thinet import finish

tmux.need()
NETWORK = tmux.example()


def opened(*arguments, **more):
    screen = tmux.Screen(NETWORK, *arguments, **more)
    screen.until("conv1_1", "next:", "idle")
    return screen


def runs_a_key(screen):
    def body():
        screen.keys("C-p")
        screen.until("What can be done", "type a word", "keep one filter more")
        screen.type("keep less")
        shown = screen.until("/keep less", "1 found", "action keep-less")
        assert "keep one filter less" in shown
        screen.keys("C-u")
        screen.type("marked")
        screen.until("Filters: mark; Space then locks all marked", "1 found")
        screen.keys("C-u")
        screen.type("keep less")
        screen.until("/keep less", "1 found", "action keep-less")
        screen.keys("Enter")
        screen.until(":keep conv1_1 31", gone=["What can be done"])
        screen.keys("C-p")
        screen.until("type a word")
        screen.type("STEPS VIEW")
        screen.until("the greedy walk, one filter at a time", "/STEPS VIEW")
        screen.keys("Enter")
        screen.until("Not sampled yet", gone=["What can be done"])
    return body


def types_a_command(screen):
    def body():
        screen.keys("C-p")
        screen.until("type a word")
        screen.type("least harm")
        screen.until("Enter types :budget")
        screen.keys("Enter")
        screen.until(":budget ", "Enter runs it", gone=["What can be done"])
        screen.keys("Escape")
        screen.until("next:", gone=["Enter runs it"])
    return body


def moves(screen):
    def body():
        screen.keys("C-p")
        screen.until("type a word")
        screen.keys("Down", "Down", "Down")
        screen.until("action remove-less")
        screen.keys("Up", "C-n", "Tab", "BTab", "C-p")
        screen.until("action remove-more")
        screen.keys("End")
        screen.until("Enter types :tour")
        screen.keys("Home")
        screen.until("action keep-more")
        screen.keys("PgDn")
        screen.until("found", gone=["action keep-more"])
        screen.keys("Escape")
        screen.until("conv1_1", gone=["What can be done"])
    return body


def edits(screen):
    def body():
        screen.keys("C-p")
        screen.until("type a word")
        screen.type("prune中é")
        screen.until("0 found", "prune中é", "nothing is")
        screen.keys("Enter")
        screen.until("0 found")
        screen.keys("BSpace", "BSpace")
        screen.until("/prune ", gone=["0 found", "中"])
        screen.type(" layer")
        screen.until("/prune layer")
        screen.keys("C-w")
        screen.until("/prune ", gone=["/prune layer"])
        screen.keys("C-u")
        screen.until("type a word")
        screen.type("x" * 100)  # more than it takes
        screen.until("0 found")
        screen.keys("C-l")
        screen.until("0 found")
        screen.keys("Escape")
        screen.until("conv1_1", gone=["What can be done"])
    return body


def resizes(screen):
    def body():
        screen.keys("C-p")
        screen.until("type a word")
        screen.type("ratio")
        for columns, rows in ((60, 12), (20, 6), (3, 2), (screen.columns, screen.rows)):
            screen.resize(columns, rows)
        screen.until("/ratio", "found")
        screen.keys("C-c")
        screen.until("conv1_1", gone=["What can be done"])
    return body


def click(screen, row, column, button=0):
    press = "\x1b[<%d;%d;%d" % (button, column + 1, row + 1)
    screen.tmux("send-keys", "-l", press + "M" + (press + "m" if button == 0 else ""))


def mouse():
    screen = opened(term="xterm-256color")
    screen.keys("C-p")
    screen.until("type a word")
    screen.type("undo")
    shown = screen.until("/undo", "runs :undo")
    row = next(i for i, line in enumerate(shown.split("\n")) if ":undo" in line)
    column = shown.split("\n")[row].index(":undo")
    click(screen, row, column)
    screen.until("Enter types :undo")
    click(screen, row, column, 64)  # the wheel, up
    screen.until("runs :undo")
    click(screen, row, column)
    screen.until("Enter types :undo")
    click(screen, row, column)
    screen.until(":undo", "Enter runs it")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.keys("C-p")
    screen.until("type a word")
    click(screen, 0, 0)
    screen.until("next:", gone=["What can be done"])
    screen.close()


def plain():
    screen = opened("--ascii")
    screen.keys("C-p")
    screen.until("+- What can be done")
    screen.type("é")
    screen.until("0 found")
    screen.keys("Escape", "q")
    screen.ended()
    assert max(screen.read("output")) < 0x7F
    screen.close()


def suspends():
    screen = tmux.Screen(NETWORK, shell=True)
    screen.until("\n$")
    screen.type(screen.program + "\n")
    screen.until("conv1_1", "idle")
    screen.keys("C-p")
    screen.until("type a word")
    screen.type("step")
    screen.until("/step")
    screen.keys("C-z")
    screen.until("Stopped", "before the program")
    screen.type("fg\n")
    screen.until("What can be done", "/step")
    screen.close()


for columns, rows in tmux.SIZES:
    size = "%dx%d: " % (columns, rows)
    screen = opened(columns=columns, rows=rows)
    screen.columns, screen.rows = columns, rows
    tmux.test(size + "what is found by its words is done by Enter", runs_a_key(screen))
    tmux.test(size + "a command is typed in", types_a_command(screen))
    tmux.test(size + "the arrows move in the list", moves(screen))
    tmux.test(size + "what is typed can be edited", edits(screen))
    tmux.test(size + "any change of size is survived", resizes(screen))
    screen.close()
tmux.test("the mouse chooses, and closes", mouse)
tmux.test("with --ascii it is ASCII alone", plain)
tmux.test("Ctrl-Z and fg come back to it", suspends)
finish()
