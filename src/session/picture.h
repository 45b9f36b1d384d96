/* What command `look` sees of one filter: its kernels, and what it makes of one image, small enough
 * for a screen. */
#ifndef TN_SESSION_PICTURE_H
#define TN_SESSION_PICTURE_H

#include "core/progress.h"
#include "data/dataset.h"
#include "session/scene.h"
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

/* The picture of a filter, a new reference; NULL with an error. `scene` is of the gaze's layer and
 * image; where it is NULL there are the kernels alone, and view.no_map says `without`. */
struct tn_picture *tn_picture_new(const struct tn_model *model, const struct tn_gaze *gaze,
                                  const struct tn_scene *scene, const char *without,
                                  struct tn_error *error);

/* The last picture a session has taken, shown while network and images are what they were; and the
 * last scene, which is the same for all filters of a layer. */
struct tn_looked {
    struct tn_picture *picture; /* NULL: none yet */
    struct tn_scene *scene;
    struct tn_model *model;
    struct tn_data_spec *data;
};

/* The scene of a gaze: the last one, or a new one, which stays with `looked` until the next. NULL
 * with an error. */
const struct tn_scene *tn_looked_scene(struct tn_looked *looked, const struct tn_state *state,
                                       const struct tn_gaze *gaze, struct tn_dataset *dataset,
                                       const struct tn_progress *progress, struct tn_error *error);
/* Takes the picture over. */
void tn_looked_set(struct tn_looked *looked, struct tn_picture *picture,
                   const struct tn_state *state);
/* The picture where it is of this state's network and images, else NULL; not a new reference. */
struct tn_picture *tn_looked_at(const struct tn_looked *looked, const struct tn_state *state);
void tn_looked_clear(struct tn_looked *looked);

#endif
