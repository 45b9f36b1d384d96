/* The list that `m` opens: which method ranks the filters of the selected layer, or of all layers.
 */
#ifndef UI_CHOOSER_H
#define UI_CHOOSER_H

#include "keymap.h"
#include "state.h"
#include "surface.h"

/* Open it at the method in use; says why where there is nothing to choose for. */
void chooser_open(struct screen *screen, bool all);

/* Over the middle of `area`; closes itself when its layer is gone. */
void chooser_draw(struct screen *screen, struct pane area);

/* What a key does while it is open. */
void chooser_act(struct screen *screen, const struct binding *binding);
void chooser_move(struct screen *screen, int rows);
/* A click on a row selects it, a second one runs it; outside the list it closes. */
void chooser_click(struct screen *screen, int row, int column);

#endif
