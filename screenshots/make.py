#!/usr/bin/python3
"""The pictures of the README, from the real program in a real terminal: `screenshots/make.py` draws all of them anew, with
the names given only those. Needs tmux and the example's images; THINET_TUI names the program (build/thinet-tui)."""

import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TREE, "tests", "screens"))
os.environ.setdefault("THINET_TUI", os.path.join(TREE, "build", "thinet-tui"))
import svg  # noqa: E402
import tmux  # noqa: E402 (first: it finds thinet)
import thinet  # noqa: E402

SAMPLED = [(":goto 4", "now at entry 4"), ("g", ""), ("j", ""), ("j", ""), ("j", "conv2_1  64 filters")]
FIGURES = {"plot-curves": "plot curves", "plot-compare": "plot compare"}
# Name: size, and what is pressed in the recorded session, each with what the screen must say before the next.
PICTURES = {
    "filters": ((120, 36), SAMPLED + [("1", "image 0")] + [(">", "")] * 4 + [("", "conv2_1 keeps 51"), ("Tab", "filter 28")]),
    "steps": ((120, 36), SAMPLED + [("2", "2nd")] + [("s", "")] * 12 + [("", "conv2_1 keeps 52")]),
    "curves": ((120, 36), SAMPLED + [(":keep conv2_1 32", "keeps 32"), ("3", ""), ("a", "at keep 32, best first")]),
    "ratios": ((120, 24), SAMPLED + [("4", "Ratios")] + [(">", "")] * 3 + [("B", "Enter runs"), ("Enter", "preview:")]),
    "compare": ((120, 30), [("5", "Pareto front")]),
    "journal": ((120, 30), [("6", "the session stands here")]),
    "wide": ((180, 48), SAMPLED + [("1", "image 0"), ("", "2nd")]),
}


def press(screen, keys):
    for key, shown in keys:
        if key.startswith(":"):
            screen.command(key[1:])
        elif key:
            screen.keys(key)
        screen.until(shown, "idle", patience=60)


def settled(screen):
    """What it shows when what it asked for has come: it stays the same for a second."""
    seen, since = None, time.monotonic()
    while time.monotonic() < since + 1:
        now = screen.tmux("capture-pane", "-p", "-e", "-N")
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def picture(name):
    (columns, rows), keys = PICTURES[name]
    session = os.path.join(thinet.scratch(), "tour.thinet")  # a copy: looking around adds to a session
    shutil.copy(os.path.join(TREE, "sessions", "tour.thinet"), session)
    screen = tmux.Screen(session, columns=columns, rows=rows, TZ="UTC")
    screen.until("Layers", "idle")
    press(screen, keys)
    with open(os.path.join(HERE, name + ".svg"), "w") as file:
        file.write(svg.draw(settled(screen), columns, rows))
    screen.close()
    print("screenshots/%s.svg" % name)


def figure(name):
    """What `plot` draws of the recorded session."""
    folder = thinet.scratch()
    shutil.copy(os.path.join(TREE, "sessions", "tour.thinet"), folder)
    thinet.commands(FIGURES[name] + " %s.png" % name, options=("--session", "tour.thinet"), cwd=folder)
    shutil.copy(os.path.join(folder, name + ".png"), HERE)
    print("screenshots/%s.png" % name)


for wanted in sys.argv[1:] or [*PICTURES, *FIGURES]:
    (picture if wanted in PICTURES else figure)(wanted)
