/* The networks of the journal as points: accuracy against cost. */
#ifndef UI_SCATTER_H
#define UI_SCATTER_H

#include "comparison.h"
#include "surface.h"

/* Rows that are needed to see anything. */
enum { SCATTER_LEAST = 9 };

/* `selected`: a row of the comparison. */
void scatter_draw(struct pane pane, const struct glyphs *glyphs,
                  const struct comparison *comparison, int selected, bool by_params);

#endif
