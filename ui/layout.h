/* One whole frame: where everything goes for the size at hand. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include "state.h"

/* Draw everything into screen->surface. */
void layout_draw(struct screen *screen);

/* The view whose tab is at a column of the tab line, -1 if none. */
int layout_tab_at(const struct screen *screen, int column);

#endif
