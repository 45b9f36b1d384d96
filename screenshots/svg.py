"""A terminal's screen, as tmux captures it with its colours, as an SVG picture of text."""

import re
import unicodedata
from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE = 8.4, 17, 14  # of a cell and its font, in pixels
FOREGROUND, BACKGROUND = "#d6d6d6", "#16181d"
BASIC = ["#1d1f24", "#d2584e", "#6aab5e", "#d0a545", "#4f8fd6", "#b673bd", "#4ba9b5", "#c8c8c8",
         "#6b6f78", "#ef7a70", "#8fce83", "#efc66b", "#79b0f0", "#d398da", "#74cbd6", "#f2f2f2"]
FONT = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"


def colour(number):
    """Of xterm's 256: sixteen, a cube of six levels, a ramp of greys."""
    if number < 16:
        return BASIC[number]
    if number >= 232:
        return "#%02x%02x%02x" % ((8 + 10 * (number - 232),) * 3)
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6])


class Look:
    """How the next characters look: what SGR sequences so far have asked for."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.foreground = self.background = None
        self.bold = self.dim = self.underline = self.reverse = False

    def take(self, numbers):
        at = 0
        while at < len(numbers):
            n = numbers[at]
            if n == 0:
                self.reset()
            elif n in (38, 48) and numbers[at + 1:at + 2] == [5]:
                setattr(self, "foreground" if n == 38 else "background", colour(numbers[at + 2]))
                at += 2
            elif n in (39, 49):
                setattr(self, "foreground" if n == 39 else "background", None)
            elif 30 <= n <= 37 or 40 <= n <= 47:
                setattr(self, "foreground" if n < 40 else "background", BASIC[n % 10])
            elif 90 <= n <= 97 or 100 <= n <= 107:
                setattr(self, "foreground" if n < 100 else "background", BASIC[8 + n % 10])
            elif n in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[n], True)
            elif n in (22, 24, 27):
                for name in {22: ("bold", "dim"), 24: ("underline",), 27: ("reverse",)}[n]:
                    setattr(self, name, False)
            at += 1

    def key(self):
        foreground, background = self.foreground or FOREGROUND, self.background
        if self.reverse:
            foreground, background = background or BACKGROUND, foreground
        return foreground, background, self.bold, self.dim, self.underline


def runs(line, look):
    """(column, text, look) of the pieces of a line that look alike."""
    column, pieces = 0, []
    for part in re.split(r"(\x1b\[[0-9;]*m|\x1b[()][A-Z0-9]|[\x0e\x0f])", line):
        if part.startswith("\x1b["):
            look.take([int(n or 0) for n in part[2:-1].split(";")])
        elif part and part[0] not in "\x1b\x0e\x0f":
            pieces.append((column, part, look.key()))
            column += sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)
    return pieces


# Where the dots of a braille character are, by bit.
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
# Arms of the box-drawing characters: left, right, up, down.
ARMS = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru"}


def shape(character, left, top, colour):
    """What fonts draw in different widths, or with gaps, as shapes; None for what is a letter."""
    code = ord(character)
    if 0x2800 <= code <= 0x28ff:
        return "".join('<circle cx="%g" cy="%g" r="1.3" fill="%s"/>' % (
            left + WIDTH * (0.25 + 0.5 * x), top + HEIGHT * (0.125 + 0.25 * y), colour)
            for bit, (x, y) in enumerate(DOTS) if code >> bit & 1)
    if 0x2588 <= code <= 0x258f:  # full, then seven eighths of the width to one
        return rectangle(left, top, WIDTH * (0x2590 - code) / 8 + (0.4 if code == 0x2588 else 0), HEIGHT, colour)
    if character in "▀▄":
        return rectangle(left, top + (HEIGHT / 2 if character == "▄" else 0), WIDTH, HEIGHT / 2, colour)
    if character in ARMS:
        x, y = left + WIDTH / 2, top + HEIGHT / 2
        ends = {"l": (left, y), "r": (left + WIDTH, y), "u": (x, top), "d": (x, top + HEIGHT)}
        return '<path d="%s" stroke="%s"/>' % ("".join("M%g %gL%g %g" % ((x, y) + ends[arm]) for arm in ARMS[character]), colour)
    return None


def rectangle(left, top, width, height, colour):
    return '<rect x="%g" y="%g" width="%g" height="%g" fill="%s"/>' % (left, top, width, height, colour)


def letters(text, left, top, attributes):
    """Words by themselves, each at its own place: no font is exactly as wide as the cells."""
    return ['<text x="%g" y="%g"%s>%s</text>' % (left + word.start() * WIDTH, top + 13, attributes, escape(word[0]))
            for word in re.finditer(r"\S+", text)]


def draw(screen, columns, rows):
    """The SVG of a captured screen."""
    width, height = columns * WIDTH + 16, rows * HEIGHT + 16
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g">' % (width, height, width, height),
           '<rect width="100%%" height="100%%" rx="6" fill="%s"/>' % BACKGROUND,
           '<g font-family="%s" font-size="%g" xml:space="preserve">' % (FONT, SIZE)]
    look = Look()
    for row, line in enumerate(screen.split("\n")[:rows]):
        top = 8 + row * HEIGHT
        for column, text, (foreground, background, bold, dim, underline) in runs(line, look):
            left, plain = 8 + column * WIDTH, ""
            if background:
                out.append(rectangle(left, top, len(text) * WIDTH + 0.3, HEIGHT + 0.3, background))
            for i, character in enumerate(text):
                drawn = shape(character, left + i * WIDTH, top, foreground)
                if drawn:
                    out.append(drawn)
                plain += " " if drawn is not None else character
            out += letters(plain, left, top, ' fill="%s"%s%s%s' % (
                foreground, ' font-weight="bold"' if bold else "", ' opacity="0.6"' if dim else "",
                ' text-decoration="underline"' if underline else ""))
    return "\n".join(out + ["</g>", "</svg>", ""])
