/* What command `look` sees of one filter: its kernels, and what it makes of one image, small enough
 * for a screen. */
#ifndef TN_SESSION_PICTURE_H
#define TN_SESSION_PICTURE_H

#include "core/progress.h"
#include "data/dataset.h"
#include "session/snapshot.h"
#include "session/state.h"
#include <stdatomic.h>

/* Immutable once made; shared between snapshots, also with the thread that draws. */
struct tn_picture {
    atomic_int refs;
    struct tn_snapshot_picture view;
};

struct tn_picture *tn_picture_ref(struct tn_picture *picture);
void tn_picture_unref(struct tn_picture *picture);

/* Where to look. */
struct tn_gaze {
    int layer;   /* of the model */
    int channel; /* of the layer's group, or where that cannot be pruned the filter itself */
    enum tn_split split;
    int64_t image;
};

/* How many channels a gaze on a layer can choose from. */
int tn_picture_channels(const struct tn_model *model, int layer);

/* The picture of a filter, a new reference; NULL with an error. The network runs on the one image,
 * up to the layer's activation. Without `dataset`, or where the network cannot be run on it, there
 * are the kernels alone and view.no_map says why: `without` for the former. */
struct tn_picture *tn_picture_new(const struct tn_model *model, const struct tn_gaze *gaze,
                                  struct tn_dataset *dataset, const char *without,
                                  const struct tn_progress *progress, struct tn_error *error);

/* The last picture a session has taken, and of what: it is shown while both are the session's. */
struct tn_looked {
    struct tn_picture *picture; /* NULL: none yet */
    struct tn_model *model;
    struct tn_data_spec *data;
};

/* Takes the picture over. */
void tn_looked_set(struct tn_looked *looked, struct tn_picture *picture,
                   const struct tn_state *state);
/* The picture where it is of this state's network and images, else NULL; not a new reference. */
struct tn_picture *tn_looked_at(const struct tn_looked *looked, const struct tn_state *state);
void tn_looked_clear(struct tn_looked *looked);

#endif
