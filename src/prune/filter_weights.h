/* The weights of the filters behind a group's channels, and what methods make of them. */
#ifndef TN_PRUNE_FILTER_WEIGHTS_H
#define TN_PRUNE_FILTER_WEIGHTS_H

#include "core/error.h"
#include "model/graph.h"
#include "model/layers.h"
#include "prune/groups.h"
#include <stdbool.h>

/* One producer of a group. */
struct tn_filter_part {
    const char *layer;               /* its name */
    const struct tn_tensor *weights; /* TN_FLOAT32 or TN_DOUBLE */
    int axis;                        /* of the weights, on which filters are counted */
    int count;                       /* filters */
    const int *channels;             /* [count] the channel each is of, or TN_NO_CHANNEL */
    const struct tn_tensor *scale;   /* [count] gamma of the BatchNorm right behind, or NULL */
};

/* A view: everything but the list of parts belongs to graph, layers and groups. A channel's
 * filters, of one producer or several, are taken as one long vector. */
struct tn_filter_weights {
    int channels, part_count;
    struct tn_filter_part *parts;
};

bool tn_filter_weights_of(const struct tn_graph *graph, const struct tn_layers *layers,
                          const struct tn_groups *groups, int group,
                          struct tn_filter_weights *weights, struct tn_error *error);
void tn_filter_weights_free(struct tn_filter_weights *weights);

/* The filters of one layer, whatever group they are in: `channels` and `scale` are NULL. False
 * where its weights do not count them on an axis of their own. */
bool tn_filter_part_of(const struct tn_graph *graph, const struct tn_layer *layer,
                       struct tn_filter_part *part);
/* How many weights one filter has: those of a convolution [C,kh,kw], in this order. */
size_t tn_filter_length(const struct tn_filter_part *part);
/* The first `count` of them. */
void tn_filter_numbers(const struct tn_filter_part *part, int filter, size_t count,
                       double *numbers);

/* Scores [C], by channel; biases are no part of a filter. */

/* Li et al. 2017: sum of absolute weights. */
bool tn_filter_l1(const struct tn_filter_weights *weights, double *score, struct tn_error *error);
/* Euclidean length. */
bool tn_filter_l2(const struct tn_filter_weights *weights, double *score, struct tn_error *error);
/* He et al. 2019 (FPGM): sum of the Euclidean distances to all other channels' filters; the least
 * is nearest to the geometric median. */
bool tn_filter_median(const struct tn_filter_weights *weights, double *score,
                      struct tn_error *error);
/* Liu et al. 2017: |gamma| of the BatchNorm right behind the filter, summed over its filters. */
bool tn_filter_scale(const struct tn_filter_weights *weights, double *score,
                     struct tn_error *error);

#endif
