/* What channels themselves do over the sampled images, before their consumers. */
#ifndef TN_PRUNE_ACTIVITY_H
#define TN_PRUNE_ACTIVITY_H

#include "model/tensor.h"

/* Each array is [C] or NULL where it was not collected. */
struct tn_activity {
    int channels;
    const double *zeros;  /* fraction of activations that are 0 */
    const double *mean;   /* mean |activation| */
    const double *taylor; /* mean over images of |mean over positions of activation x gradient| */
    /* What they point into, where it is held here: TN_DOUBLE [2,C] and [1,C]. */
    struct tn_tensor *magnitudes, *gradients;
};

/* Put the numbers in; the tensor is taken over, and NULL changes nothing. */
void tn_activity_set(struct tn_activity *activity, struct tn_tensor *magnitudes);
void tn_activity_set_taylor(struct tn_activity *activity, struct tn_tensor *gradients);
void tn_activity_free(struct tn_activity *activity); /* releases the tensors, not the struct */

#endif
