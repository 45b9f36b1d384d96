/* What all filters of a layer make of one image. */
#ifndef TN_SESSION_SCENE_H
#define TN_SESSION_SCENE_H

#include "core/progress.h"
#include "data/dataset.h"
#include "session/state.h"

struct tn_scene {
    int layer; /* of the model */
    enum tn_split split;
    int64_t image;
    char class_name[64];
    int chw[3];
    float *input; /* [C,H,W], preprocessed */
    /* The activation, [filters,rows,columns] or, behind a MatMul, [rows,columns,filters]: number i
     * of filter f is activation[f * stride + i * step]. */
    int filters, rows, columns;
    size_t stride, step;
    float *activation;
};

/* Run the network on the image up to the layer's activation (tn_activation_of). NULL with an
 * error. The image must be there. */
struct tn_scene *tn_scene_new(const struct tn_model *model, int layer, struct tn_dataset *dataset,
                              enum tn_split split, int64_t image,
                              const struct tn_progress *progress, struct tn_error *error);
void tn_scene_free(struct tn_scene *scene); /* NULL does nothing */

#endif
