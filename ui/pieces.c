#include "pieces.h"
#include "keymap.h"
#include "keys.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

enum { ADVICE = 512 };

int piece_key(struct pane pane, int row, int column, const char *key, const char *what)
{
    if (column + text_width(key) + 1 + text_width(what) > pane.columns)
        return column;
    column = pane_text(pane, row, column, STYLE_KEY, key);
    return pane_text(pane, row, column + 1, STYLE_DIM, what) + 2;
}

int piece_action(struct pane pane, int row, int column, const char *names, const char *what)
{
    enum { MOST = 4 };
    char keys[MOST * KEY_NAME] = "", name[32];
    for (; *names != '\0'; names += strspn(names, " ")) {
        int length = (int)strcspn(names, " ");
        size_t used = strlen(keys);
        snprintf(name, sizeof name, "%.*s", length, names);
        names += length;
        const struct binding *binding = binding_named(name);
        if (binding == NULL || binding->keys[0] == 0 || used + 1 + KEY_NAME > sizeof keys)
            continue;
        if (used > 0)
            keys[used++] = ' ';
        binding_key(binding, keys + used, KEY_NAME);
    }
    return keys[0] != '\0' ? piece_key(pane, row, column, keys, what) : column;
}

void piece_text(struct pane pane, int *row, int *column, enum style style, const char *text)
{
    if (*column > 0 && *column + text_width(text) > pane.columns) {
        ++*row;
        *column = 0;
    }
    *column = pane_text(pane, *row, *column, style, text) + 3;
}

int piece_wrap(struct pane pane, int row, enum style style, const char *text)
{
    char filled[ADVICE];
    keymap_text(text, filled, sizeof filled);
    return pane_wrap(pane, row, style, filled);
}

void piece_advice(struct pane pane, int *row, int *column, enum style style, const char *text)
{
    char filled[ADVICE];
    keymap_text(text, filled, sizeof filled);
    piece_text(pane, row, column, style, filled);
}

void piece_arrows(struct pane rows, int scroll, int count, const struct glyphs *glyphs)
{
    if (scroll > 0)
        pane_glyph(rows, 0, rows.columns - 1, STYLE_DIM, glyphs->more_above);
    if (scroll + rows.rows < count)
        pane_glyph(rows, rows.rows - 1, rows.columns - 1, STYLE_DIM, glyphs->more_below);
}
