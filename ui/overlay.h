/* The error curves of all methods over each other, with what each costs at the number kept. */
#ifndef UI_OVERLAY_H
#define UI_OVERLAY_H

#include "state.h"
#include "surface.h"

/* The selected layer's, which is sampled; least squares or plain by screen->overlay. */
void overlay_draw(const struct screen *screen, struct pane pane);

/* Is there a method that can rank the layer and whose curve nobody asked for yet? */
bool overlay_incomplete(const struct tn_snapshot_layer *layer);

#endif
