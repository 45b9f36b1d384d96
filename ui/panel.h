/* The panel on the left: every layer, what it costs and what it keeps. */
#ifndef UI_PANEL_H
#define UI_PANEL_H

#include "state.h"
#include "surface.h"

/* Columns the panel wants of `columns`; more room gives more of the table. */
int panel_width(const struct screen *screen, int columns);

/* Draw into the inside of the panel; sets screen->layer_rows. */
void panel_draw(struct screen *screen, struct pane pane);

#endif
