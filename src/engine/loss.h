/* Softmax cross-entropy over logits. */
#ifndef TN_ENGINE_LOSS_H
#define TN_ENGINE_LOSS_H

#include <stddef.h>
#include <stdint.h>

struct tn_loss {
    double sum; /* of -ln p[label], natural logarithm */
    int64_t top1,
        top5;    /* images whose label is the best, among the best five; ties count against it */
    int64_t bad; /* images with a logit that is not finite */
};

/* Add the loss of `count` images with logits [count,classes] and labels [count] in 0 .. classes-1
 * to *loss. The gradient of the mean loss goes to gradient [count,classes] where that is not NULL.
 */
void tn_softmax_loss(int count, int classes, const float *logits, const int32_t *labels,
                     float *gradient, struct tn_loss *loss);

#endif
