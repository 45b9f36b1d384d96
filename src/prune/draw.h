/* Which images a statistic is collected on, and how many at once. Internal to src/prune. */
#ifndef TN_PRUNE_DRAW_H
#define TN_PRUNE_DRAW_H

#include "core/error.h"
#include "data/dataset.h"
#include "model/graph.h"
#include "prune/sampling.h"

struct tn_draw {
    uint32_t *images; /* [count] indices in the training split, ascending */
    size_t count;
    int batch;
};

/* images_per_class of every class, by chance from (seed, class), from the training split. Says what
 * is wrong with options, network or data. */
bool tn_draw_images(const struct tn_graph *graph, const struct tn_dataset *dataset,
                    const struct tn_sampling_options *options, struct tn_draw *drawn,
                    struct tn_error *error);
void tn_draw_free(struct tn_draw *drawn);

#endif
