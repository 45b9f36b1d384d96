/* How the cost of a layer follows from what the groups keep, for a screen that must know before the
 * worker answers. */
#ifndef TN_SESSION_SNAPSHOT_AXES_H
#define TN_SESSION_SNAPSHOT_AXES_H

#include "session/snapshot.h"
#include "session/state.h"

/* Fill leader, weights and axes of layers [model->layers.count] whose filters are filled. The parts
 * of all axes lie in one block, *parts, which is the caller's also on failure (tn_free). */
bool tn_snapshot_axes(const struct tn_model *model, struct tn_snapshot_layer *layers,
                      struct tn_snapshot_part **parts, struct tn_error *error);

#endif
