/* BatchNormalization (Ioffe, Szegedy 2015), alone or with the ReLU that follows it. A task is a
 * channel: its numbers of the whole batch fit the second-level cache, so the second pass over them
 * costs little. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"

#include <math.h>

struct norm {
    int channels;
    size_t area; /* height x width */
    float epsilon, momentum;
    float *scale, *shift;    /* [channels] y = scale x + shift, as of the last forward */
    float *mean, *deviation; /* [channels] of the batch; deviation = sqrt(variance + epsilon) */
};

enum { PARAM_SCALE = 1, PARAM_SHIFT, PARAM_MEAN, PARAM_VARIANCE };

static void release(struct tn_step *step)
{
    struct norm *norm = step->state;
    if (!norm)
        return;
    tn_free(norm->scale);
    tn_free(norm->shift);
    tn_free(norm->mean);
    tn_free(norm->deviation);
    tn_free(norm);
    step->state = NULL;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    struct norm *norm = step->state = tn_calloc(1, sizeof *norm);
    if (!norm)
        return tn_fail_memory(error, node->name, sizeof *norm);
    norm->channels = (int)input->dims[1];
    norm->area = 1;
    for (int i = 2; i < input->rank; i++)
        norm->area *= (size_t)input->dims[i];
    norm->epsilon = tn_node_float(node, "epsilon", 1e-5f);
    norm->momentum = tn_node_float(node, "momentum", 0.9f);
    for (int i = PARAM_SCALE; i <= PARAM_VARIANCE; i++)
        if (!tn_step_param(network, step, i))
            return tn_fail(
                error, TN_ERROR_INPUT,
                "node '%s': BatchNormalization whose parameters are not constants cannot be run",
                node->name);
    size_t channels = (size_t)norm->channels;
    norm->scale = tn_calloc(channels, sizeof(float));
    norm->shift = tn_calloc(channels, sizeof(float));
    norm->mean = tn_calloc(channels, sizeof(float));
    norm->deviation = tn_calloc(channels, sizeof(float));
    if (!norm->scale || !norm->shift || !norm->mean || !norm->deviation)
        return tn_fail_memory(error, node->name, channels * 4 * sizeof(float));
    return true;
}

/* Mean and variance of channel c over the batch. Deviations are taken from the first number, so
 * that a mean far from zero does not cost digits. */
static void batch_moments(const struct tn_network *network, const struct norm *norm, const float *x,
                          size_t c, double *mean, double *variance)
{
    double sum = 0, squares = 0, count = (double)network->count * (double)norm->area;
    float first = x[c * norm->area];
    for (size_t n = 0; n < (size_t)network->count; n++)
        network->kernels->moments(norm->area, x + (n * (size_t)norm->channels + c) * norm->area,
                                  first, &sum, &squares);
    double offset = sum / count;
    *mean = (double)first + offset;
    *variance = squares / count - offset * offset;
    if (*variance < 0)
        *variance = 0;
}

struct job {
    struct tn_network *network;
    struct tn_step *step;
    float *input_gradient;
};

static void use_statistics(struct tn_network *network, const struct tn_step *step, size_t c)
{
    struct norm *norm = step->state;
    float *running_mean = tn_step_param(network, step, PARAM_MEAN)->data;
    float *running_variance = tn_step_param(network, step, PARAM_VARIANCE)->data;
    double mean = (double)running_mean[c], variance = (double)running_variance[c];
    if (network->mode == TN_TRAINING && !network->frozen) {
        batch_moments(network, norm, network->blobs[step->input].data, c, &mean, &variance);
        double count = (double)network->count * (double)norm->area, keep = (double)norm->momentum;
        /* Running statistics as PyTorch keeps them: with the unbiased variance. */
        double unbiased = count > 1 ? variance * count / (count - 1) : variance;
        if (network->again)
            keep = 1;
        running_mean[c] = (float)(keep * (double)running_mean[c] + (1 - keep) * mean);
        running_variance[c] = (float)(keep * (double)running_variance[c] + (1 - keep) * unbiased);
    }
    double deviation = sqrt(variance + (double)norm->epsilon);
    double scale = (double)tn_step_param(network, step, PARAM_SCALE)->data[c] / deviation;
    norm->mean[c] = (float)mean;
    norm->deviation[c] = (float)deviation;
    norm->scale[c] = (float)scale;
    norm->shift[c] =
        (float)((double)tn_step_param(network, step, PARAM_SHIFT)->data[c] - scale * mean);
}

static void forward_channel(void *context, size_t c, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    struct tn_network *network = job->network;
    const struct norm *norm = job->step->state;
    const float *x = network->blobs[job->step->input].data;
    float *y = network->blobs[job->step->output].data;
    use_statistics(network, job->step, c);
    for (size_t n = 0; n < (size_t)network->count; n++) {
        size_t at = (n * (size_t)norm->channels + c) * norm->area;
        network->kernels->scale_shift(norm->area, x + at, norm->scale[c], norm->shift[c],
                                      job->step->relu, y + at);
    }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct norm *norm = step->state;
    struct job job = {network, step, NULL};
    tn_parallel((size_t)norm->channels, forward_channel, &job);
}

/* With g the gradient behind the ReLU, xhat = (x - mean) / deviation and m numbers a channel:
 * dshift = sum g, dscale = sum g xhat, dx = scale / deviation (g - dshift / m - xhat dscale / m).
 */
static void backward_channel(void *context, size_t c, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    struct tn_network *network = job->network;
    const struct norm *norm = job->step->state;
    const float *x = network->blobs[job->step->input].data;
    const float *dy = network->blobs[job->step->output].gradient;
    const struct tn_kernels *kernels = network->kernels;
    int relu = job->step->relu;
    float scale = norm->scale[c], shift = norm->shift[c];
    double sum = 0, product = 0;
    for (size_t n = 0; n < (size_t)network->count; n++) {
        size_t at = (n * (size_t)norm->channels + c) * norm->area;
        kernels->norm_sums(norm->area, x + at, dy + at, scale, shift, relu, norm->mean[c], &sum,
                           &product);
    }
    double deviation = (double)norm->deviation[c], mean = (double)norm->mean[c];
    double count = (double)network->count * (double)norm->area;
    tn_step_param(network, job->step, PARAM_SHIFT)->gradient[c] = (float)sum;
    tn_step_param(network, job->step, PARAM_SCALE)->gradient[c] = (float)(product / deviation);
    if (!job->input_gradient)
        return;
    double a = -(double)scale * product / (deviation * deviation * count);
    double b = -(double)scale * sum / count - a * mean;
    if (network->frozen)
        a = b = 0; /* mean and deviation do not depend on x */
    for (size_t n = 0; n < (size_t)network->count; n++) {
        size_t at = (n * (size_t)norm->channels + c) * norm->area;
        kernels->norm_gradient(norm->area, x + at, dy + at, scale, shift, relu, (float)a, (float)b,
                               job->input_gradient + at);
    }
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct norm *norm = step->state;
    struct job job = {network, step, tn_gradient_begin(network, step->input)};
    tn_parallel((size_t)norm->channels, backward_channel, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_norm_ops = {
    .weights = 1u << PARAM_SCALE | 1u << PARAM_SHIFT,
    .statistics = 1u << PARAM_MEAN | 1u << PARAM_VARIANCE,
    .name = "BatchNormalization",
    .relu_fuses = true,
    .own_relu_gradient = true,
    .mixes_images = true,
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
