#include "engine/loss.h"

#include <math.h>
#include <stdbool.h>

static void count_rank(int classes, const float *x, int32_t label, struct tn_loss *loss)
{
    int above = 0;
    bool finite = true;
    for (int i = 0; i < classes; i++) {
        above += i != label && x[i] >= x[label];
        finite = finite && isfinite(x[i]);
    }
    loss->bad += !finite;
    loss->top1 += finite && above == 0;
    loss->top5 += finite && above < 5;
}

void tn_softmax_loss(int count, int classes, const float *logits, const int32_t *labels,
                     float *gradient, struct tn_loss *loss)
{
    for (int n = 0; n < count; n++) {
        const float *x = logits + (size_t)n * (size_t)classes;
        float most = x[0];
        for (int i = 1; i < classes; i++)
            most = x[i] > most ? x[i] : most;
        double sum = 0;
        for (int i = 0; i < classes; i++)
            sum += exp((double)(x[i] - most));
        loss->sum += log(sum) - (double)(x[labels[n]] - most);
        count_rank(classes, x, labels[n], loss);
        for (int i = 0; gradient && i < classes; i++) {
            double p = exp((double)(x[i] - most)) / sum;
            gradient[(size_t)n * (size_t)classes + (size_t)i] =
                (float)((p - (i == labels[n])) / count);
        }
    }
}
