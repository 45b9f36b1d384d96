"""The help of the running program lists every key of the keymap with what it does; the man page's list is compared with
the same table by tests/pipeline/test_manual.py."""

import os
import re

import tmux
from thinet import TREE, check, finish

tmux.need()

with open(os.path.join(TREE, "ui", "keymap.c")) as file:
    table = file.read().split("bindings[] = {", 1)[1].split("\n};", 1)[0]
BINDINGS = [(re.search(r'\.label = "([^"]*)"', entry), re.search(r'\.help = ((?:"[^"]*"\s*)+)', entry))
            for entry in re.split(r"\n    (?=\{)", table) if ".label" in entry]


def joined(literal):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal)).replace('\\"', '"')


def pages(columns, rows):
    """All the help says, page by page."""
    screen = tmux.Screen(columns=columns, rows=rows)
    screen.until("idle")
    screen.keys("?")
    seen = [screen.until(" Keys ", "Esc leaves")]
    while "Up Down scroll" in seen[-1]:
        screen.keys("Down")
        try:
            seen.append(tmux.wait(lambda: screen.text() if screen.text() != seen[-1] else None, "the next row", patience=2))
        except tmux.Impatient:
            break  # the end
    screen.keys("Escape")
    screen.until("idle", gone=[" Keys "])
    screen.keys("q")
    screen.ended()
    screen.close()
    return "\n".join(seen)


def lists_all(columns, rows):
    def body():
        text = pages(columns, rows)
        assert len(BINDINGS) > 40, len(BINDINGS)
        missing = [joined(label[0]) for label, said in BINDINGS
                   if not re.search(re.escape(joined(label[0][9:])) + r"\s+" + re.escape(joined(said[1])[:40]), text)]
        assert not missing, "not in the help: %s\n%s" % (missing, text)
    return body


for size in tmux.SIZES:
    tmux.test("help lists every key at %dx%d" % size, lists_all(*size))
check("the keymap was read", bool(BINDINGS))
finish()
