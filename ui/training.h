/* The charts of fine-tuning: accuracy and loss after every epoch, earlier runs dim behind the last.
 */
#ifndef UI_TRAINING_H
#define UI_TRAINING_H

#include "curve_part.h"
#include "state.h"
#include "surface.h"

/* The last run, or NULL: nothing was trained yet. */
const struct tn_snapshot_series *training_last(const struct tn_snapshot *snapshot);

/* Numbers and cursor are of `epoch`, from 1; `part` of the axis is shown. Returns where the epochs
 * are. */
struct chart_axis training_draw(const struct screen *screen, struct pane pane, int epoch,
                                struct chart_part part);

#endif
