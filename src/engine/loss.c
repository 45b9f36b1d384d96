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

static float greatest(int classes, const float *x)
{
    float most = x[0];
    for (int i = 1; i < classes; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* ln of the sum of exp((x - most) / temperature). */
static double log_sum(int classes, const float *x, float most, double temperature)
{
    double sum = 0;
    for (int i = 0; i < classes; i++)
        sum += exp((double)(x[i] - most) / temperature);
    return log(sum);
}

/* Cross-entropy with a smoothed label, times `weight`; so is the gradient of its mean. */
static double label_loss(int classes, const float *x, int32_t label, double smoothing,
                         double weight, int count, float *gradient)
{
    float most = greatest(classes, x);
    double all = log_sum(classes, x, most, 1), loss = all - (double)(x[label] - most), mean = 0;
    for (int i = 0; smoothing > 0 && i < classes; i++)
        mean += (all - (double)(x[i] - most)) / classes;
    for (int i = 0; gradient && i < classes; i++) {
        double p = exp((double)(x[i] - most) - all);
        double target = (1 - smoothing) * (i == label) + smoothing / classes;
        gradient[i] = (float)(weight * (p - target) / count);
    }
    return weight * ((1 - smoothing) * loss + smoothing * mean);
}

/* T^2 KL(softmax(teacher / T) || softmax(x / T)), times `weight`; the gradient is added. */
static double teacher_loss(int classes, const float *x, const float *teacher, double temperature,
                           double weight, int count, float *gradient)
{
    float most = greatest(classes, x), told = greatest(classes, teacher);
    double all = log_sum(classes, x, most, temperature);
    double all_told = log_sum(classes, teacher, told, temperature), loss = 0;
    for (int i = 0; i < classes; i++) {
        double p = (double)(x[i] - most) / temperature - all;
        double q = (double)(teacher[i] - told) / temperature - all_told;
        loss += exp(q) * (q - p);
        if (gradient)
            gradient[i] += (float)(weight * temperature * (exp(p) - exp(q)) / count);
    }
    return weight * temperature * temperature * loss;
}

void tn_target_loss(int count, int classes, const float *logits, const int32_t *labels,
                    const struct tn_targets *targets, float *gradient, struct tn_loss *loss)
{
    const float *teacher = targets->teacher;
    double told = teacher ? targets->weight : 0;
    for (int n = 0; n < count; n++) {
        size_t at = (size_t)n * (size_t)classes;
        const float *x = logits + at;
        float *slope = gradient ? gradient + at : NULL;
        loss->sum += label_loss(classes, x, labels[n], targets->smoothing, 1 - told, count, slope);
        if (teacher && told > 0)
            loss->sum +=
                teacher_loss(classes, x, teacher + at, targets->temperature, told, count, slope);
        count_rank(classes, x, labels[n], loss);
    }
}

void tn_softmax_loss(int count, int classes, const float *logits, const int32_t *labels,
                     float *gradient, struct tn_loss *loss)
{
    const struct tn_targets plain = {0};
    tn_target_loss(count, classes, logits, labels, &plain, gradient, loss);
}
