/* What a training step does to the weights. */
#include "engine/network.h"

#include "core/threads.h"
#include "engine/plan.h"
#include "engine/step.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 16384, SLICES = 64 }; /* numbers a task; parts of a sum */

static bool is_updated(const struct tn_param *param)
{
    return param->trainable && param->gradient_set;
}

struct square_job {
    const float *x;
    size_t count;
    double sums[SLICES];
};

static void sum_slice(void *context, size_t index, unsigned worker)
{
    (void)worker;
    struct square_job *job = context;
    size_t begin = job->count * index / SLICES, end = job->count * (index + 1) / SLICES;
    double sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += (double)job->x[i] * (double)job->x[i];
    job->sums[index] = sum;
}

static double squares(const float *x, size_t count)
{
    struct square_job job = {.x = x, .count = count};
    double sum = 0;
    tn_parallel(SLICES, sum_slice, &job);
    for (int i = 0; i < SLICES; i++)
        sum += job.sums[i];
    return sum;
}

/* All gradients together get at most this norm, as torch.nn.utils.clip_grad_norm_ does it. */
static void clip_gradients(struct tn_network *network, double most)
{
    double sum = 0;
    for (int p = 0; p < network->param_count; p++) {
        const struct tn_param *param = &network->params[p];
        sum += is_updated(param) ? squares(param->gradient, param->count) : 0;
    }
    double scale = most / (sqrt(sum) + 1e-6);
    for (int p = 0; scale < 1 && p < network->param_count; p++) {
        const struct tn_param *param = &network->params[p];
        for (size_t i = 0; is_updated(param) && i < param->count; i++)
            param->gradient[i] *= (float)scale;
    }
}

struct sgd_job {
    const struct tn_network *network;
    const struct tn_param *param;
    const struct tn_sgd *sgd;
    float decay;
};

static void sgd_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct sgd_job *job = context;
    const struct tn_param *param = job->param;
    const struct tn_kernels *kernels = job->network->kernels;
    (job->sgd->nesterov ? kernels->nesterov : kernels->sgd)(
        end - begin, param->data + begin, param->velocity + begin, param->gradient + begin,
        job->sgd->learning_rate, job->sgd->momentum, job->decay);
}

void tn_network_update(struct tn_network *network, const struct tn_sgd *sgd)
{
    if (sgd->clip > 0)
        clip_gradients(network, sgd->clip);
    for (int p = 0; p < network->param_count; p++) {
        const struct tn_param *param = &network->params[p];
        bool spared = sgd->spare_vectors && network->graph->values[param->value].rank <= 1;
        struct sgd_job job = {network, param, sgd, spared ? 0 : sgd->decay};
        if (is_updated(param))
            tn_for_ranges(param->count, GRAIN, sgd_range, &job);
    }
    network->iteration++;
}

struct tn_tensor *tn_network_momentum(const struct tn_network *network, struct tn_error *error)
{
    int64_t count = 0;
    for (int p = 0; p < network->param_count; p++)
        count += network->params[p].trainable ? (int64_t)network->params[p].count : 0;
    struct tn_tensor *row = tn_tensor_new(TN_FLOAT32, 1, &count, error);
    float *to = row ? row->data : NULL;
    for (int p = 0; to && p < network->param_count; p++) {
        const struct tn_param *param = &network->params[p];
        if (!param->trainable)
            continue;
        memcpy(to, param->velocity, param->count * sizeof *to);
        to += param->count;
    }
    return row;
}

int64_t tn_network_steps(const struct tn_network *network)
{
    return (int64_t)network->iteration;
}

bool tn_network_resume(struct tn_network *network, const struct tn_tensor *momentum, int64_t steps,
                       struct tn_error *error)
{
    size_t count = 0;
    for (int p = 0; p < network->param_count; p++)
        count += network->params[p].trainable ? network->params[p].count : 0;
    if (momentum->dtype != TN_FLOAT32 || momentum->count != count)
        return tn_fail(error, TN_ERROR_INPUT, "momentum of %zu weights for a network of %zu",
                       momentum->count, count);
    const float *from = momentum->data;
    for (int p = 0; p < network->param_count; p++) {
        struct tn_param *param = &network->params[p];
        if (!param->trainable)
            continue;
        memcpy(param->velocity, from, param->count * sizeof *from);
        from += param->count;
    }
    network->iteration = (uint64_t)steps;
    return true;
}
