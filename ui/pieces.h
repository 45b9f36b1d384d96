/* Lines that are put together piece by piece, for what stands above and below a view's list. */
#ifndef UI_PIECES_H
#define UI_PIECES_H

#include "surface.h"

/* A key and what it does, where there is room for both; returns the column after them. */
int piece_key(struct pane pane, int row, int column, const char *key, const char *what);

/* A piece of text at *row and *column, or on the next line where this one is full; both move behind
 * it. */
void piece_text(struct pane pane, int *row, int *column, enum style style, const char *text);

#endif
