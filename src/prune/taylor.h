/* The first-order effect of channels on the loss (Molchanov et al. 2017), from a backward pass. */
#ifndef TN_PRUNE_TAYLOR_H
#define TN_PRUNE_TAYLOR_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "prune/groups.h"
#include "prune/sampling.h"

/* Values [1,C] of groups chosen[0 .. count-1] over the images that the options choose: the mean
 * over images of |mean over positions of activation x gradient of the image's loss|, with
 * BatchNorm's running statistics. taylor[i] (TN_DOUBLE) belongs to chosen[i]. */
bool tn_taylor_groups(const struct tn_graph *graph, const struct tn_groups *groups, int count,
                      const int *chosen, struct tn_dataset *dataset,
                      const struct tn_sampling_options *options, const struct tn_progress *progress,
                      struct tn_tensor **taylor, struct tn_error *error);

#endif
