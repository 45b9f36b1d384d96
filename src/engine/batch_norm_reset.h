/* BatchNorm's running statistics, taken anew from images. */
#ifndef TN_ENGINE_BATCH_NORM_RESET_H
#define TN_ENGINE_BATCH_NORM_RESET_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "model/graph.h"

/* Give every BatchNorm of `graph` the mean and the unbiased variance of all that comes to it from
 * training images order[0 .. count-1], in place of its running ones; on the way each normalises by
 * its batch, as in training. (torch.optim.swa_utils.update_bn averages the batches' variances
 * instead, which leaves out how their means differ; for a single batch both are the same.) Dropout
 * does nothing. Tensors are replaced, never written. *layers is the number of BatchNorms; with none
 * no image is read. */
bool tn_batch_norm_reset(struct tn_graph *graph, struct tn_dataset *dataset, const uint32_t *order,
                         size_t count, const struct tn_progress *progress, int *layers,
                         struct tn_error *error);

#endif
