#include "surface.h"
#include "core/memory.h"
#include "text.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool surface_resize(struct surface *surface, int rows, int columns)
{
    struct cell *cells = tn_calloc((size_t)rows * (size_t)columns, sizeof *cells);
    if (cells == NULL)
        return false;
    tn_free(surface->cells);
    surface->cells = cells;
    surface->rows = rows;
    surface->columns = columns;
    surface_clear(surface);
    return true;
}

void surface_clear(struct surface *surface)
{
    size_t count = (size_t)surface->rows * (size_t)surface->columns;
    for (size_t i = 0; i < count; i++)
        surface->cells[i] = (struct cell){.glyph = ' '};
    surface->cursor_row = -1;
}

void surface_free(struct surface *surface)
{
    tn_free(surface->cells);
    *surface = (struct surface){.cursor_row = -1};
}

struct pane pane_of(struct surface *surface)
{
    return (struct pane){surface, 0, 0, surface->rows, surface->columns};
}

static int between(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

struct pane pane_part(struct pane pane, int top, int left, int rows, int columns)
{
    top = between(top, 0, pane.rows);
    left = between(left, 0, pane.columns);
    return (struct pane){pane.surface, pane.top + top, pane.left + left,
                         between(rows, 0, pane.rows - top),
                         between(columns, 0, pane.columns - left)};
}

static struct cell *cell_at(struct pane pane, int row, int column)
{
    if (row < 0 || column < 0 || row >= pane.rows || column >= pane.columns)
        return NULL;
    const struct surface *surface = pane.surface;
    return &surface->cells[(pane.top + row) * surface->columns + pane.left + column];
}

/* Writing over one half of a wide character leaves no other half behind. */
static void part_wide(struct pane pane, struct cell *cell)
{
    const struct surface *surface = pane.surface;
    long at = cell - surface->cells;
    if (cell->glyph == 0 && at % surface->columns > 0)
        cell[-1].glyph = ' ';
    if (at % surface->columns < surface->columns - 1 && cell[1].glyph == 0)
        cell[1].glyph = ' ';
}

bool pane_holds(struct pane pane, int row, int column)
{
    return row >= pane.top && row < pane.top + pane.rows && column >= pane.left &&
           column < pane.left + pane.columns;
}

void pane_glyph(struct pane pane, int row, int column, enum style style, uint32_t glyph)
{
    struct cell *cell = cell_at(pane, row, column);
    if (cell == NULL)
        return;
    part_wide(pane, cell);
    cell->glyph = pane.surface->ascii && glyph > 0x7E ? '?' : glyph;
    cell->style = (uint8_t)style;
    cell->flags &= (uint8_t) ~(CELL_COLOURED | CELL_INK_ONLY);
    cell->ink = cell->paper = 0;
}

void pane_colour(struct pane pane, int row, int column, uint32_t glyph, int ink, int paper)
{
    struct cell *cell = cell_at(pane, row, column);
    if (cell == NULL || !pane.surface->coloured)
        return;
    pane_glyph(pane, row, column, STYLE_NORMAL, glyph);
    cell->flags |= paper < 0 ? CELL_COLOURED | CELL_INK_ONLY : CELL_COLOURED;
    cell->ink = (uint8_t)ink;
    cell->paper = paper < 0 ? 0 : (uint8_t)paper;
}

void pane_fill(struct pane pane, int row, int column, int width, enum style style, uint32_t glyph)
{
    for (int i = 0; i < width; i++)
        pane_glyph(pane, row, column + i, style, glyph);
}

static void wide_glyph(struct pane pane, int row, int column, enum style style, uint32_t glyph)
{
    /* Of one that is cut in the middle nothing is left to show. */
    if (column < 0 || column + 1 >= pane.columns || pane.surface->ascii) {
        pane_fill(pane, row, column, 2, style, pane.surface->ascii ? '?' : ' ');
        return;
    }
    pane_fill(pane, row, column, 2, style, glyph);
    struct cell *right = cell_at(pane, row, column + 1);
    if (right != NULL)
        right->glyph = 0;
}

int pane_text(struct pane pane, int row, int column, enum style style, const char *text)
{
    struct text_piece piece;
    for (; text_piece_at(text, &piece) && column < pane.columns; text += piece.bytes) {
        if (piece.width == 2 && piece.count == 1)
            wide_glyph(pane, row, column, style, piece.glyphs[0]);
        else
            for (int i = 0; i < piece.count; i++)
                pane_glyph(pane, row, column + i, style, piece.glyphs[i]);
        column += piece.width;
    }
    return column;
}

int pane_print(struct pane pane, int row, int column, enum style style, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return pane_text(pane, row, column, style, text);
}

void pane_cut(struct pane pane, int row, int column, int width, enum style style, const char *text,
              const struct glyphs *glyphs)
{
    struct pane part = pane_part(pane, row, column, 1, width);
    pane_text(part, 0, 0, style, text);
    if (part.columns > 0 && text_width(text) > part.columns)
        pane_text(part, 0, part.columns - 1, style, glyphs->ellipsis);
}

void pane_name(struct pane pane, int row, int column, int width, enum style style, const char *name,
               const struct glyphs *glyphs)
{
    struct pane part = pane_part(pane, row, column, 1, width);
    char *shorter = tn_alloc(strlen(name) + 1, 1);
    if (shorter)
        text_shorten_parts(name, width, shorter);
    const char *shown = shorter ? shorter : name;
    int excess = width < 2 ? 0 : text_width(shown) - width;
    pane_text(part, 0, excess > 0 ? -excess : 0, style, shown);
    if (excess > 0)
        pane_text(part, 0, 0, style, glyphs->ellipsis);
    tn_free(shorter);
}

void pane_right(struct pane pane, int row, int column, int width, enum style style,
                const char *text)
{
    pane_text(pane_part(pane, row, 0, 1, pane.columns), 0, column + width - text_width(text), style,
              text);
}

int pane_wrap(struct pane pane, int row, enum style style, const char *text)
{
    while (*text != '\0' && pane.columns > 0) {
        int fit = text_fit(text, pane.columns);
        const char *newline = memchr(text, '\n', (size_t)fit);
        if (newline != NULL)
            fit = (int)(newline - text);
        else if (text[fit] != '\0' && text[fit] != ' ' && text[fit] != '\n') {
            int space = fit;
            while (space > 0 && text[space - 1] != ' ')
                space--;
            fit = space > 0 ? space : fit;
        }
        pane_print(pane, row++, 0, style, "%.*s", fit, text);
        text += fit;
        if (fit == 0 && *text != '\n')
            break; /* not even one character fits */
        text += *text == '\n' || *text == ' ';
    }
    return row;
}

void pane_flag(struct pane pane, int row, int column, int width, enum cell_flags flags)
{
    for (int i = 0; i < width; i++) {
        struct cell *cell = cell_at(pane, row, column + i);
        if (cell != NULL)
            cell->flags |= (uint8_t)flags;
    }
}

void pane_clear(struct pane pane)
{
    for (int row = 0; row < pane.rows; row++)
        for (int column = 0; column < pane.columns; column++) {
            struct cell *cell = cell_at(pane, row, column);
            if (cell != NULL)
                *cell = (struct cell){.glyph = ' ', .style = STYLE_NORMAL};
        }
}

void pane_frame(struct pane pane, const struct glyphs *glyphs, enum style style)
{
    int bottom = pane.rows - 1, right = pane.columns - 1;
    pane_fill(pane, 0, 1, right - 1, style, glyphs->horizontal);
    pane_fill(pane, bottom, 1, right - 1, style, glyphs->horizontal);
    for (int row = 1; row < bottom; row++) {
        pane_glyph(pane, row, 0, style, glyphs->vertical);
        pane_glyph(pane, row, right, style, glyphs->vertical);
    }
    pane_glyph(pane, 0, 0, style, glyphs->top_left);
    pane_glyph(pane, 0, right, style, glyphs->top_right);
    pane_glyph(pane, bottom, 0, style, glyphs->bottom_left);
    pane_glyph(pane, bottom, right, style, glyphs->bottom_right);
}

void pane_bar(struct pane pane, int row, int column, int width, enum style style, double fraction,
              const struct glyphs *glyphs)
{
    if (!(fraction > 0) || width <= 0)
        return;
    double steps = fmin(fraction, 1.0) * width * glyphs->bar_steps;
    int whole = (int)lround(fmax(steps, 1.0));
    int cells = whole / glyphs->bar_steps, rest = whole % glyphs->bar_steps;
    pane_fill(pane, row, column, cells, style, glyphs->bar[glyphs->bar_steps]);
    if (rest > 0)
        pane_glyph(pane, row, column + cells, style, glyphs->bar[rest]);
}
