"""Settings and keys of the user's own, as a file says them."""

import os
import re

import tmux  # also makes `thinet` importable
import thinet

tmux.need()
NETWORK = tmux.example()
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?[34]8;5;")


def settings(*lines):
    path = os.path.join(thinet.scratch(), "config")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


def opened(path, *arguments, **more):
    screen = tmux.Screen(NETWORK, "--config", path, *arguments, **more)
    screen.until("conv1_1", "next:", "idle")
    return screen


def usual_place():
    screen = tmux.Screen(NETWORK, shell=True, columns=140)
    os.mkdir(screen.path("thinet-tui"))
    with open(screen.path("thinet-tui/config"), "w") as file:
        file.write("theme = grey\nbind d = view-steps\nascii = maybe\n")
    screen.until("\n$")
    screen.type(screen.program + "\n")
    # What the opened network comes to does not push the complaint away.
    screen.until("conv1_1", "config:1: theme is \"grey\", expected auto", "1 more")
    screen.keys("d")
    screen.until("Not sampled yet", "2 Steps")
    screen.keys("?")
    screen.until("Ratio and walk")
    screen.keys("End")
    screen.until("quit; asks only")
    screen.keys("Escape", "q")
    screen.until("$", gone=["Layers"])
    screen.close()


def looks():
    screen = opened(settings("theme = mono", "ascii = on", "mouse = off"), term="xterm-256color")
    assert screen.flags()[2] == "0", "the mouse is asked for"
    screen.keys("2")
    screen.until("conv1_1  32 filters")
    screen.keys("q")
    assert screen.ended() == 0
    output = screen.read("output")
    assert not COLOUR.search(output) and max(output) < 0x7F, output[-200:]
    screen.close()
    screen = opened(settings("theme = mono"), "--theme", "dark")
    screen.keys("q")
    screen.ended()
    assert COLOUR.search(screen.read("output")), "the command line does not go first"
    screen.close()


def keys():
    path = settings("bind d = keep-less", "bind F5 = keep % 7", "bind X = : note hello ", "bind e = none",
                    "bind ü = keep % 9", "default finetune = epochs=5 lr=0.02", "bind Ctrl-G = prompt")
    screen = opened(path, rows=60)
    screen.keys("d")
    screen.until(":keep conv1_1 31")
    screen.keys("F5")
    screen.until(":keep conv1_1 7", "conv1_1 keeps 7")
    screen.type("ü")
    screen.until(":keep conv1_1 9", "conv1_1 keeps 9")
    screen.keys("e")
    screen.until("this key does nothing here")
    screen.keys("X")
    screen.until(":note hello", "Enter runs it")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.keys("f")
    screen.until(":finetune epochs=5 lr=0.02")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.keys("C-g")
    screen.until("Enter runs it")
    screen.keys("Escape")
    screen.until("next:", gone=["Enter runs it"])
    screen.keys("?")
    seen = screen.until("Keys", "Ratio and walk")
    screen.keys("End")
    seen += screen.until("Your own", "F5          runs :keep LAYER 7", "X           types :note hello")
    for row in (r"d - _ +keep one filter less", r"\(no key\) +evaluate on the test images",
                r"Ctrl-G : +type a command"):
        assert re.search(row, seen), "%s in\n%s" % (row, seen)
    screen.close()


def hints_follow():
    screen = opened(settings("bind F2 = sample", "bind S = none", "bind F3 = help", "bind ? = none"))
    shown = screen.until("F2 sample", "F3 help")
    assert re.search(r"next: .*F2 samples all layers", shown) or "data" in shown, shown
    screen.close()


def without_terminal():
    path = settings("threads = 2", "# fine", "moues = off", "bind s = nothing-like-it")
    done = thinet.run("--config", path, "-c", "help quit")
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.splitlines()
    assert first == "thinet-tui: %s:3: there is no setting \"moues\" (did you mean 'mouse'?)" % path, first
    assert second.startswith("thinet-tui: %s:4: there is no action and no command" % path), second
    done = thinet.run("--config", "/dev/null", "-c", "help quit")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def named_and_missing():
    for path, says in (("/no/such/file", "No such file"), (thinet.scratch(), "this is a folder")):
        done = thinet.run("--config", path, "-c", "help quit")
        assert done.returncode == 2, done.returncode
        assert done.stderr == "thinet-tui: %s: %s\n" % (path, done.stderr.split(": ", 2)[2].rstrip()), done.stderr
        assert says in done.stderr, done.stderr


tmux.test("the settings are found in XDG_CONFIG_HOME, and what is wrong is shown", usual_place)
tmux.test("theme, characters and mouse are as set, unless the command line says otherwise", looks)
tmux.test("keys do what they are bound to, and the help says so", keys)
tmux.test("hints name the keys that are bound", hints_follow)
tmux.test("without a terminal all that is wrong is told by file and line", without_terminal)
tmux.test("a file that is named must be there", named_and_missing)
thinet.finish()
