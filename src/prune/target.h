/* y of another network at the same places: the outputs that pruning is to keep (Luo et al. 2017
 * take them from the network before any pruning). Internal to src/prune. */
#ifndef TN_PRUNE_TARGET_H
#define TN_PRUNE_TARGET_H

#include "core/error.h"
#include "engine/network.h"
#include "prune/draw.h"
#include "prune/tap.h"

/* The other network's side of one tap. */
struct tn_target_tap {
    const struct tn_tap *tap; /* where the places come from */
    struct tn_tap there;
    const int *filters; /* d there of each d here */
    double *row;        /* [batch,channels there] */
    double *y;          /* [batch,locations] of the present batch */
};

struct tn_target {
    const struct tn_sampling_options *options;
    const struct tn_draw *drawn;
    size_t done; /* images before the present batch */
    struct tn_layers layers;
    struct tn_groups groups;
    struct tn_network *network;
    int count;
    struct tn_target_tap *taps;
};

/* Prepare for the taps of `graph`. They, the graphs and `drawn` must stay. An error says which
 * layer is not there, or not the same. */
bool tn_target_open(const struct tn_sampling_origin *origin, const struct tn_graph *graph,
                    const struct tn_groups *groups, const struct tn_sampling_options *options,
                    const struct tn_draw *drawn, int count, const struct tn_tap *taps,
                    const int *group_of_tap, const int *consumer_of_tap,
                    const struct tn_progress *progress, struct tn_target *target,
                    struct tn_error *error);
void tn_target_close(struct tn_target *target);

/* Fill every y for `count` images of the choice, the first of them being number `done`. */
bool tn_target_batch(struct tn_target *target, const float *images, int count, size_t done,
                     struct tn_error *error);

#endif
