/* What a word at the prompt can become, as a grid above it. */
#ifndef UI_CANDIDATES_H
#define UI_CANDIDATES_H

#include "glyphs.h"
#include "surface.h"
#include <stdbool.h>

/* Do they fit into one row, two columns apart? */
bool candidates_fit(char *const *names, int count, int columns);
void candidates_draw_row(struct pane row, char *const *names, int count);

/* A box at the bottom of an area, in order down its columns. Of those that do not fit, one page
 * after the other, around the end. */
void candidates_draw_grid(struct pane area, char *const *names, int count, int page,
                          const struct glyphs *glyphs);

#endif
