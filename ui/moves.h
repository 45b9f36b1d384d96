/* Where the keys go: which panel has them, and which of its rows. */
#ifndef UI_MOVES_H
#define UI_MOVES_H

#include "state.h"

/* Put the view's cursor on a row it has: keys may come faster than the screen is drawn. */
void move_to(struct screen *screen, int row);
/* Go down by so many rows in the panel that has the keys, to its ends at most. */
void move_rows(struct screen *screen, int rows);
int move_page(const struct screen *screen);  /* rows of a page of that panel */
int move_count(const struct screen *screen); /* rows it has */
/* A wide view closes when the layers take the keys. */
void move_focus(struct screen *screen, enum focus focus);
/* Layers, then the view or both from left to right. */
void move_panel(struct screen *screen);

#endif
