/* Parts of tensors, for surgery. Internal to src/prune. */
#ifndef TN_PRUNE_TAKE_H
#define TN_PRUNE_TAKE_H

#include "core/error.h"
#include "model/tensor.h"

/* Which positions of one axis stay: position keep[i] * per_channel + j for all i, and j <
 * per_channel. */
struct tn_take {
    int count;
    const int *keep;
    int per_channel;
    const double *scale; /* [count] factors, or NULL */
};

/* A new tensor with those positions of `axis` alone, each times its scale. */
struct tn_tensor *tn_tensor_take(const struct tn_tensor *tensor, int axis,
                                 const struct tn_take *take, struct tn_error *error);

#endif
