/* The characters charts, bars and frames are made of, at the levels of what a terminal can show.
 */
#ifndef UI_GLYPHS_H
#define UI_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

enum glyph_level {
    GLYPHS_ASCII, /* --ascii, or a locale without UTF-8 */
    GLYPHS_PLAIN, /* lines and half blocks: the Linux console's fonts */
    GLYPHS_MARKS, /* eighths; charts of marks, for colours too few to tell series apart */
    GLYPHS_FULL,  /* eighths and braille */
};

enum { GLYPH_POINTS = 12 };

struct glyphs {
    uint32_t horizontal, vertical;
    uint32_t top_left, top_right, bottom_left, bottom_right;
    uint32_t axis_corner, axis_tick_y; /* of a chart */
    uint32_t tee_right, tee_left, cut; /* of a tree: a line that branches off, more than fits */
    uint32_t change, look;             /* an entry of the journal that changed something, or not */
    uint32_t pointer;                  /* in front of the selected row */
    uint32_t more_above, more_below;   /* where a list goes on */
    uint32_t cursor;                   /* vertical line through a chart */
    int bar_steps;                     /* how finely the last cell of a bar is cut */
    const uint32_t *bar;               /* [bar_steps + 1]: empty ... full */
    uint32_t bar_rest;                 /* what is not filled of a progress bar */
    bool braille;
    const uint32_t *points; /* [GLYPH_POINTS] marks of chart series without braille */
    uint32_t breakpoint;    /* in front of a row of the walk */
    const char *ellipsis, *plus_minus, *times, *arrow, *arrows;
};

const struct glyphs *glyphs_for(enum glyph_level level);

#endif
