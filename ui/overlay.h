/* The error curves of all methods over each other, with what each costs at the number kept. */
#ifndef UI_OVERLAY_H
#define UI_OVERLAY_H

#include "curve_part.h"
#include "state.h"
#include "surface.h"

/* The selected layer's, which is sampled; least squares or plain by screen->overlay. The table is
 * of `keep` filters kept, where the cursor stands; `part` of the axis is shown. Returns where
 * the curves are. */
struct chart_axis overlay_draw(const struct screen *screen, struct pane pane, int keep,
                               struct chart_part part);

/* Is there a method that can rank the layer and whose curve nobody asked for yet? */
bool overlay_incomplete(const struct tn_snapshot_layer *layer);

#endif
