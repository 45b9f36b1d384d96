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
    screen.until("Not sampled yet", "d Steps")
    screen.keys("?")
    screen.until("In this view, Steps")
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
    seen = screen.until("Keys", "In this view", "Ratio and walk")
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


def nothing_but_own_keys():
    """Every message that names a key names the one that does it."""
    path = settings("bind F1 = help", "bind F2 = sample", "bind F3 = eval", "bind F4 = finetune", "bind F5 = undo", "bind F6 = redo",
                    "bind F7 = method", "bind F8 = time", "bind F9 = budget", "bind F10 = breakpoint", "bind F11 = lock",
                    "bind F12 = mark", "bind X = enter", "bind Ctrl-T = view-steps", "bind E = view-compare", "bind Y = queue",
                    "bind L = knee", "bind C = continue", "bind Ctrl-W = view-ratios", "bind W = search", "bind 2 = none",
                    "bind % = prompt", "default prune = reweight=none", *["bind %s = none" % key for key in "muSefQB"])
    screen = opened(path, columns=139, rows=40)
    screen.until("F1 help", "1 Filters ", " Ctrl-T ", " Ctrl-W ", " F8 ")
    screen.until("Then press F2.", "press F7.")
    screen.keys("!")
    screen.until("this key does nothing here; F1 shows the keys, % types a command")
    screen.keys("d")
    screen.until("Y shows the queue, where d takes a command out")
    screen.keys("F11")
    screen.until("choose a filter with the arrows, F11 locks it")
    screen.keys("n")
    screen.until("W searches")
    screen.keys("C-t", "L")
    screen.until("this layer has no walk yet: press F2 to sample all layers")
    screen.keys("3", "o")
    screen.until("Press F4: loss and accuracy")
    screen.keys("E", "c")
    screen.until("nothing is evaluated yet: press F3", "Then press F3.")
    screen.keys("C-w", "y")
    screen.until("there is no answer to a budget here: F9 asks for one", "F8 measures the time", ":data, then F2")
    screen.keys("F8")
    screen.until("F8 measures it now", "Esc leads back")
    screen.keys("Escape", "j", "F7")
    screen.until("Method of", "X runs :method")
    screen.keys("j", "j", "j", "j", "X")
    screen.until(" l1", "idle", gone=["Method of"])
    screen.keys("C-t", "h", "-", "p")
    screen.until("F5 undoes", "idle")
    screen.keys("F5")
    screen.until("F6 does it again", "idle")
    screen.keys("l", "C")
    screen.until("no breakpoint ahead: F10 sets one on the cursor's row")
    screen.keys("F1")
    screen.until("In this view, Steps", "F10         Steps: breakpoint")
    screen.keys("Escape", "1", "F1")
    screen.until("In this view, Filters", "mark; F11 then locks all marked")
    screen.close()


def without_a_key():
    """Where the user has taken a key away, the command is named."""
    screen = opened(settings("bind S = none", "bind u = none", "bind f = none"))
    screen.until("Then press :sample all.")
    screen.keys("3", "o")
    screen.until("Press :finetune epochs=1")
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
tmux.test("all messages name the keys that are bound", nothing_but_own_keys)
tmux.test("where no key is bound they name the command", without_a_key)
tmux.test("without a terminal all that is wrong is told by file and line", without_terminal)
tmux.test("a file that is named must be there", named_and_missing)
thinet.finish()
