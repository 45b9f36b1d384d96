#!/usr/bin/python3
"""The pictures of the README, from the real program in a real terminal: `screenshots/make.py` draws all of them anew, with
the names given only those. Needs tmux and the example's images; THINET_TUI names the program (build/thinet-tui)."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TREE, "tests", "screens"))
os.environ.setdefault("THINET_TUI", os.path.join(TREE, "build", "thinet-tui"))
import svg  # noqa: E402
import tmux  # noqa: E402

SAMPLED = [("S", "sampled on"), ("j", ""), ("j", "conv2_1  64 filters")]
# Name: size, and what is pressed, each with what the screen must say before the next.
PICTURES = {
    "filters": ((120, 36), SAMPLED + [(">", "0.05"), (">", "0.1"), (">", "0.15"), (">", "conv2_1 keeps 51")]),
    "steps": ((120, 36), SAMPLED + [("2", "2nd")] + [("s", "step")] * 12 + [("", "conv2_1 keeps 52")]),
    "curves": ((120, 36), SAMPLED + [("3", ""), ("a", "best first"), ("", "fpgm")]),
    "wide": ((180, 48), SAMPLED + [(">", "0.05"), (">", "conv2_1 keeps 57")]),
}


def press(screen, keys):
    for key, shown in keys:
        if key.startswith(":"):
            screen.command(key[1:])
        elif key:
            screen.keys(key)
        screen.until(shown, "idle", patience=60)


def picture(name):
    (columns, rows), keys = PICTURES[name]
    screen = tmux.Screen(tmux.example(), "--data", "fashion-mnist", columns=columns, rows=rows)
    screen.until("conv3_2", "idle")
    press(screen, keys)
    with open(os.path.join(HERE, name + ".svg"), "w") as file:
        file.write(svg.draw(screen.tmux("capture-pane", "-p", "-e", "-N"), columns, rows))
    screen.close()
    print("screenshots/%s.svg" % name)


for wanted in sys.argv[1:] or PICTURES:
    picture(wanted)
