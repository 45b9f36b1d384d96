/* A surface to draw on without a terminal, read back as text. */
#ifndef TESTS_UI_PAPER_H
#define TESTS_UI_PAPER_H

#include "core/memory.h"
#include "surface.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline struct surface paper_new(int rows, int columns)
{
    struct surface surface = {0};
    if (!surface_resize(&surface, rows, columns))
        abort();
    return surface;
}

/* One row, what is not ASCII as '#', without trailing spaces. Released with tn_free. */
static inline char *paper_row(const struct surface *surface, int row)
{
    char *text = tn_calloc((size_t)surface->columns + 1, 1);
    if (text == NULL)
        abort();
    int used = 0;
    for (int column = 0; column < surface->columns; column++) {
        uint32_t glyph = surface->cells[row * surface->columns + column].glyph;
        text[column] = glyph == 0 ? '_' : glyph < 0x7F ? (char)glyph : '#';
        used = text[column] != ' ' ? column + 1 : used;
    }
    text[used] = '\0';
    return text;
}

/* Does any row hold `text`? */
static inline bool paper_holds(const struct surface *surface, const char *text)
{
    bool found = false;
    for (int row = 0; row < surface->rows && !found; row++) {
        char *line = paper_row(surface, row);
        found = strstr(line, text) != NULL;
        tn_free(line);
    }
    return found;
}

#endif
