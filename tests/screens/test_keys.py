"""The help of the running program begins with the view at hand and lists every key with what it does; the man page's list
is compared with the same tables by tests/pipeline/test_manual.py."""

import re

import tmux
from thinet import bindings, check, finish

tmux.need()
NETWORK = tmux.example()
VIEWS = ("Filters", "Steps", "Curves", "Ratios", "Compare", "Journal", "Time")
SECTIONS = ("Ratio and walk", "Work", "Move and look", "Session")


def joined(literal):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal)).replace('\\"', '"')


class Binding:
    def __init__(self, entry):
        self.name = re.search(r'\.name = "([^"]*)"', entry)[1]
        self.label = joined(re.search(r'\.label = ("[^"]*")', entry)[1])
        self.help = joined(re.search(r'\.help = ((?:"[^"]*"\s*)+)', entry)[1])
        view = re.search(r"\.view = (\d)", entry)
        alone = "UI_OWN" in entry or ".only = true" in entry
        self.view = int(view[1]) if view and alone else 0


BINDINGS = [Binding(entry) for entry in re.split(r"\n    (?=\{)", bindings()) if ".label" in entry]
KEYS = {binding.name: binding.label.split()[0] for binding in BINDINGS}
for binding in BINDINGS:
    binding.help = re.sub(r"`([a-z-]+)`", lambda name: KEYS[name[1]], binding.help)


def pages(screen):
    """All the help says, row by row, the rows of a window that scrolled put one behind the other."""
    screen.keys("?")
    seen = screen.until(" Keys ", "leaves").split("\n")
    first = "\n".join(seen)
    while "scroll" in first:
        before = screen.text()
        screen.keys("Down")
        try:
            now = tmux.wait(lambda: screen.text() if screen.text() != before else None, "the next row", patience=2)
        except tmux.Impatient:
            break  # the end
        seen.append([row for row in now.split("\n") if re.match(r"^[│|]", row)][-1])
    screen.keys("Escape")
    screen.until("idle", gone=[" Keys "])
    return seen


def has(text, binding):
    return re.search(re.escape(binding.label) + r"\s+" + re.escape(binding.help[:40]), text)


def lists_all(screen):
    def body():
        text = "\n".join(pages(screen))
        assert len(BINDINGS) > 60, len(BINDINGS)
        missing = [binding.label for binding in BINDINGS if not has(text, binding)]
        assert not missing, "not in the help: %s\n%s" % (missing, text)
    return body


def begins_with(screen, columns, number, name):
    """The keys of the view alone stand under its name, before all others."""
    def body():
        screen.keys("t" if name == "Time" else str(number))
        screen.until("%s %s" % ("t" if name == "Time" else number, name))
        # Where there is room, other keys stand beside them.
        rows = [row[:columns // 2] if columns >= 134 else row for row in pages(screen)]
        top = next(i for i, row in enumerate(rows) if "In this view" in row)
        assert name in rows[top] and top < 4, rows[top]
        end = next(i for i, row in enumerate(rows) if i > top and re.match(r"^[│|] (%s)" % "|".join(SECTIONS), row))
        part = "\n".join(rows[top:end])
        own = [binding for binding in BINDINGS if binding.view == number]
        missing = [binding.label for binding in own if not has(part, binding)]
        assert not missing, "not under %s: %s\n%s" % (name, missing, part)
        others = [binding.label for binding in BINDINGS if binding.view not in (0, number) and has(part, binding)]
        assert not others, "of other views: %s\n%s" % (others, part)
    return body


for size in tmux.SIZES:
    screen = tmux.Screen(NETWORK, columns=size[0], rows=size[1])
    screen.until("conv1_1", "idle")
    tmux.test("help lists every key at %dx%d" % size, lists_all(screen))
    for number, name in enumerate(VIEWS, 1):
        tmux.test("help begins with the keys of %s at %dx%d" % (name, *size), begins_with(screen, size[0], number, name))
    screen.keys("Escape", "q")
    screen.ended()
    screen.close()
check("the keymap was read", bool(BINDINGS))
finish()
