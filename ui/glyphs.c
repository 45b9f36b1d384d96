#include "glyphs.h"

static const uint32_t ascii_bar[] = {' ', '#'};
static const uint32_t plain_bar[] = {' ', 0x258C, 0x2588};
static const uint32_t full_bar[] = {' ',    0x258F, 0x258E, 0x258D, 0x258C,
                                    0x258B, 0x258A, 0x2589, 0x2588};
static const uint32_t marks[GLYPH_POINTS] = {'*', 'o', '+', 'x', '#', '%',
                                             '@', '=', '~', '&', '$', '?'};

static const struct glyphs ascii = {
    .horizontal = '-',
    .vertical = '|',
    .top_left = '+',
    .top_right = '+',
    .bottom_left = '+',
    .bottom_right = '+',
    .axis_corner = '+',
    .axis_tick_y = '|',
    .tee_right = '|',
    .tee_left = '|',
    .cut = '>',
    .change = 'o',
    .look = '.',
    .pointer = '>',
    .more_above = '^',
    .more_below = 'v',
    .cursor = ':',
    .bar_steps = 1,
    .bar = ascii_bar,
    .bar_rest = '.',
    .points = marks,
    .breakpoint = '*',
    .ellipsis = "~",
    .plus_minus = "+-",
    .times = "x",
    .arrow = "->",
    .arrows = "arrows",
};

static const struct glyphs plain = {
    .horizontal = 0x2500,
    .vertical = 0x2502,
    .top_left = 0x250C,
    .top_right = 0x2510,
    .bottom_left = 0x2514,
    .bottom_right = 0x2518,
    .axis_corner = 0x2514,
    .axis_tick_y = 0x2524,
    .tee_right = 0x251C,
    .tee_left = 0x2524,
    .cut = '>',
    .change = 'o',
    .look = 0x00B7,
    .pointer = '>',
    .more_above = '^',
    .more_below = 'v',
    .cursor = 0x2502,
    .bar_steps = 2,
    .bar = plain_bar,
    .bar_rest = 0x2500,
    .points = marks,
    .breakpoint = 0x25A0,
    .ellipsis = "~",
    .plus_minus = "\u00B1",
    .times = "x",
    .arrow = "->",
    .arrows = "arrows",
};

static const struct glyphs full = {
    .horizontal = 0x2500,
    .vertical = 0x2502,
    .top_left = 0x250C,
    .top_right = 0x2510,
    .bottom_left = 0x2514,
    .bottom_right = 0x2518,
    .axis_corner = 0x2514,
    .axis_tick_y = 0x2524,
    .tee_right = 0x251C,
    .tee_left = 0x2524,
    .cut = 0x00BB,
    .change = 0x25CF,
    .look = 0x25CB,
    .pointer = 0x25B8,
    .more_above = 0x25B4,
    .more_below = 0x25BE,
    .cursor = 0x2502,
    .bar_steps = 8,
    .bar = full_bar,
    .bar_rest = 0x2500,
    .braille = true,
    .points = marks,
    .breakpoint = 0x25CF,
    .ellipsis = "\u2026",
    .plus_minus = "\u00B1",
    .times = "x",
    .arrow = "\u2192",
    .arrows = "\u2191\u2193",
};

const struct glyphs *glyphs_for(enum glyph_level level)
{
    static struct glyphs marked;
    if (level != GLYPHS_MARKS)
        return level == GLYPHS_ASCII ? &ascii : level == GLYPHS_PLAIN ? &plain : &full;
    marked = full;
    marked.braille = false;
    return &marked;
}
