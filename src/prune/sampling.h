/* Collecting the statistics of many groups in one pass over images (DESIGN section 2). */
#ifndef TN_PRUNE_SAMPLING_H
#define TN_PRUNE_SAMPLING_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "prune/activity.h"
#include "prune/gram.h"
#include "prune/groups.h"

struct tn_sampling_options {
    int images_per_class; /* 10: chosen at random from the training split */
    int locations;        /* 10 (d,p,q) an image and consumer */
    uint64_t seed;
};

/* Another network at the same images and places, whose outputs y are the target (struct tn_gram):
 * layers and groups are found in it by their names. */
struct tn_sampling_origin {
    const struct tn_graph *graph;
    /* By layer of the network that is sampled: which filter each of its filters is there; NULL
     * where it is not known. */
    const int *const *filters;
};

/* For every group index in chosen[0 .. chosen_count-1], G over images x locations (several
 * consumers: each divided by its own y^T y, then added). grams[i] belongs to chosen[i], and so does
 * activities[i], its zeros and means (NULL: not wanted). images_used
 * may be NULL. Without an `origin` (NULL) the network is its own target. The sample of a group
 * depends on (seed, group name, image) only, not on which others are chosen. */
bool tn_sample_groups(const struct tn_graph *graph, const struct tn_groups *groups,
                      int chosen_count, const int *chosen, struct tn_dataset *dataset,
                      const struct tn_sampling_options *options,
                      const struct tn_sampling_origin *origin, const struct tn_progress *progress,
                      struct tn_gram *grams, struct tn_activity *activities, int64_t *images_used,
                      struct tn_error *error);

/* The rows X [m,C] themselves (TN_DOUBLE) of one group's first consumer, the same locations in the
 * same order, for export-samples; y [m] in *target, unless that is NULL. */
struct tn_tensor *tn_sample_rows(const struct tn_graph *graph, const struct tn_groups *groups,
                                 int group, struct tn_dataset *dataset,
                                 const struct tn_sampling_options *options,
                                 const struct tn_sampling_origin *origin,
                                 const struct tn_progress *progress, struct tn_tensor **target,
                                 struct tn_error *error);

#endif
