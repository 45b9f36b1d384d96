/* What one frame looks like, as cells in memory. Everything that draws, draws here; terminal.c
 * alone knows how it gets to a terminal. */
#ifndef UI_SURFACE_H
#define UI_SURFACE_H

#include "glyphs.h"
#include <stdbool.h>
#include <stdint.h>

/* What a cell means; theme.c says how that looks. */
enum style {
    STYLE_NORMAL,
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_HEADER, /* the first line */
    STYLE_BORDER,
    STYLE_FOCUS, /* border of the panel that takes the arrows */
    STYLE_TITLE, /* of a panel, a section, a table's columns */
    STYLE_TAB,   /* the view that is shown */
    STYLE_KEY,   /* a key to press */
    STYLE_KEPT,
    STYLE_PRUNED,
    STYLE_LOCKED,
    STYLE_GOOD,
    STYLE_WARNING,
    STYLE_ERROR,
    STYLE_BAR,     /* progress */
    STYLE_CURSOR,  /* cursor line of a chart */
    STYLE_SERIES1, /* lines of a chart */
    STYLE_SERIES2,
    STYLE_SERIES3,
    STYLE_SERIES4,
    STYLE_SERIES5,
    STYLE_SERIES6,
    STYLE_SERIES7,
    STYLE_SERIES8,
    STYLE_SERIES9,
    STYLE_SERIES10,
    STYLE_SERIES11,
    STYLE_SERIES12,
    STYLE_OWN, /* the line among others that is meant */
    STYLE_COUNT
};

enum cell_flags {
    CELL_SELECTED = 1, /* the row under the cursor of the focused panel */
    CELL_MARKED = 2,   /* the same where another panel has the focus */
    CELL_COLOURED = 4, /* in colours of its own instead of a style's */
    CELL_INK_ONLY = 8, /* such a cell on the terminal's own background */
};

struct cell {
    uint32_t glyph; /* code point; 0: the right half of the wide one before it */
    uint8_t style, flags;
    uint8_t ink, paper; /* of a coloured cell: numbers of the 256 colours */
};

struct surface {
    int rows, columns;
    struct cell *cells;            /* [rows * columns] */
    bool ascii;                    /* code points beyond ASCII become '?' */
    bool coloured;                 /* cells can have colours of their own */
    int cursor_row, cursor_column; /* of the terminal's own cursor; row -1: hidden */
};

/* A rectangle of a surface. Drawing is relative to it and clipped to it. */
struct pane {
    struct surface *surface;
    int top, left, rows, columns;
};

bool surface_resize(struct surface *surface, int rows,
                    int columns); /* false: out of memory, unchanged */
void surface_clear(struct surface *surface);
void surface_free(struct surface *surface);

struct pane pane_of(struct surface *surface);
/* A part of a pane, cut to what lies inside. */
struct pane pane_part(struct pane pane, int top, int left, int rows, int columns);

/* Is this place of the surface in it? */
bool pane_holds(struct pane pane, int row, int column);

void pane_glyph(struct pane pane, int row, int column, enum style style, uint32_t glyph);
/* In colours of its own, only where the surface has them; paper -1: the terminal's own. */
void pane_colour(struct pane pane, int row, int column, uint32_t glyph, int ink, int paper);
void pane_fill(struct pane pane, int row, int column, int width, enum style style, uint32_t glyph);
/* Both return the column after the text. */
int pane_text(struct pane pane, int row, int column, enum style style, const char *text);
int pane_print(struct pane pane, int row, int column, enum style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* `text` in exactly `width` columns: cut with an ellipsis, or followed by nothing. */
void pane_cut(struct pane pane, int row, int column, int width, enum style style, const char *text,
              const struct glyphs *glyphs);
/* The same for a layer's name: long ones are told apart by the figures in them and by their ends.
 */
void pane_name(struct pane pane, int row, int column, int width, enum style style, const char *name,
               const struct glyphs *glyphs);
/* Ends before column + width. */
void pane_right(struct pane pane, int row, int column, int width, enum style style,
                const char *text);
/* Text over several rows, broken at spaces; returns the row after it. */
int pane_wrap(struct pane pane, int row, enum style style, const char *text);
void pane_flag(struct pane pane, int row, int column, int width, enum cell_flags flags);
/* Blank, also of flags: for what lies over something else. */
void pane_clear(struct pane pane);
void pane_frame(struct pane pane, const struct glyphs *glyphs, enum style style);
/* A bar that fills `fraction` of `width` columns; something shows for every fraction > 0. */
void pane_bar(struct pane pane, int row, int column, int width, enum style style, double fraction,
              const struct glyphs *glyphs);

#endif
