/* Softmax cross-entropy over logits, and what training adds to it. */
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

/* What the network is to say of an image, besides its label. All zero: nothing else. */
struct tn_targets {
    double
        smoothing; /* S: the label gets 1 - S, and every class S / classes (Szegedy et al. 2016) */
    const float *teacher; /* [count,classes]: logits of another network, or NULL */
    double weight;        /* A: of what the teacher says */
    double temperature;   /* T, above 0 */
};

/* As tn_softmax_loss, of the loss (1 - A) CE + A T^2 KL(softmax(teacher / T) || softmax(logits /
 * T)) (Hinton, Vinyals, Dean 2015), CE being the cross-entropy with the smoothed label. */
void tn_target_loss(int count, int classes, const float *logits, const int32_t *labels,
                    const struct tn_targets *targets, float *gradient, struct tn_loss *loss);

#endif
