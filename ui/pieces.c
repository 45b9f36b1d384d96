#include "pieces.h"
#include "text.h"

int piece_key(struct pane pane, int row, int column, const char *key, const char *what)
{
    if (column + text_width(key) + 1 + text_width(what) > pane.columns)
        return column;
    column = pane_text(pane, row, column, STYLE_KEY, key);
    return pane_text(pane, row, column + 1, STYLE_DIM, what) + 2;
}

void piece_text(struct pane pane, int *row, int *column, enum style style, const char *text)
{
    if (*column > 0 && *column + text_width(text) > pane.columns) {
        ++*row;
        *column = 0;
    }
    *column = pane_text(pane, *row, *column, style, text) + 3;
}
