/* InstanceNormalization (Ulyanov, Vedaldi, Lempitsky 2016), alone or with the ReLU that follows it:
 * as BatchNormalization while training, but with the statistics of each image. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"

#include <math.h>

enum { PARAM_SCALE = 1, PARAM_SHIFT };

/* Of one channel of one image, as of the last forward: y = scale x + shift */
struct moments {
    float scale, shift, mean, deviation;
};

struct instance_norm {
    size_t channels, area;
    float epsilon;
    struct moments *moments; /* [max_batch, channels] */
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const struct instance_norm *norm;
    float *to;
};

static void release(struct tn_step *step)
{
    struct instance_norm *norm = step->state;
    if (!norm)
        return;
    tn_free(norm->moments);
    tn_free(norm);
    step->state = NULL;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    struct instance_norm *norm = step->state = tn_calloc(1, sizeof *norm);
    if (!norm)
        return tn_fail_memory(error, node->name, sizeof *norm);
    norm->channels = (size_t)input->dims[1];
    norm->area = network->blobs[step->input].size / norm->channels;
    norm->epsilon = tn_node_float(node, "epsilon", 1e-5f);
    for (int i = PARAM_SCALE; i <= PARAM_SHIFT; i++) {
        const struct tn_param *param = tn_step_param(network, step, i);
        if (!param || param->count != norm->channels)
            return tn_fail(
                error, TN_ERROR_INPUT,
                "node '%s': InstanceNormalization is run with a constant %s of %zu numbers",
                node->name, i == PARAM_SCALE ? "scale" : "shift", norm->channels);
    }
    size_t count = norm->channels * (size_t)network->max_batch;
    norm->moments = tn_want_memory(network, count, sizeof *norm->moments);
    return norm->moments || tn_fail_memory(error, node->name, count * sizeof *norm->moments);
}

static struct moments moments_of(const struct job *job, const float *x, size_t c)
{
    const struct instance_norm *norm = job->norm;
    double sum = 0, squares = 0, area = (double)norm->area;
    job->network->kernels->moments(norm->area, x, x[0], &sum, &squares);
    double offset = sum / area, variance = squares / area - offset * offset;
    if (variance < 0)
        variance = 0;
    double mean = (double)x[0] + offset, deviation = sqrt(variance + (double)norm->epsilon);
    double scale = (double)tn_step_param(job->network, job->step, PARAM_SCALE)->data[c] / deviation;
    double shift = (double)tn_step_param(job->network, job->step, PARAM_SHIFT)->data[c];
    return (struct moments){(float)scale, (float)(shift - scale * mean), (float)mean,
                            (float)deviation};
}

static void forward_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct instance_norm *norm = job->norm;
    const float *x = job->network->blobs[job->step->input].data + plane * norm->area;
    struct moments own = moments_of(job, x, plane % norm->channels);
    norm->moments[plane] = own;
    job->network->kernels->scale_shift(norm->area, x, own.scale, own.shift, job->step->relu,
                                       job->to + plane * norm->area);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct instance_norm *norm = step->state;
    struct job job = {network, step, norm, network->blobs[step->output].data};
    tn_parallel(norm->channels * (size_t)network->count, forward_plane, &job);
}

/* The formulas of norm.c with the numbers of one image. Adds to the parameters' sums. */
static void backward_plane(const struct job *job, size_t plane, double *shift, double *scale)
{
    const struct instance_norm *norm = job->norm;
    const struct tn_kernels *kernels = job->network->kernels;
    const struct moments *own = &norm->moments[plane];
    size_t at = plane * norm->area;
    const float *x = job->network->blobs[job->step->input].data + at;
    const float *dy = job->network->blobs[job->step->output].gradient + at;
    double sum = 0, product = 0, area = (double)norm->area, deviation = (double)own->deviation;
    kernels->norm_sums(norm->area, x, dy, own->scale, own->shift, job->step->relu, own->mean, &sum,
                       &product);
    *shift += sum;
    *scale += product / deviation;
    if (!job->to)
        return;
    double a = -(double)own->scale * product / (deviation * deviation * area);
    double b = -(double)own->scale * sum / area - a * (double)own->mean;
    kernels->norm_gradient(norm->area, x, dy, own->scale, own->shift, job->step->relu, (float)a,
                           (float)b, job->to + at);
}

static void backward_channel(void *context, size_t c, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    double shift = 0, scale = 0;
    for (size_t n = 0; n < (size_t)job->network->count; n++)
        backward_plane(job, n * job->norm->channels + c, &shift, &scale);
    tn_step_param(job->network, job->step, PARAM_SHIFT)->gradient[c] = (float)shift;
    tn_step_param(job->network, job->step, PARAM_SCALE)->gradient[c] = (float)scale;
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct instance_norm *norm = step->state;
    struct job job = {network, step, norm, tn_gradient_begin(network, step->input)};
    tn_parallel(norm->channels, backward_channel, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_instance_norm_ops = {
    .weights = 1u << PARAM_SCALE | 1u << PARAM_SHIFT,
    .constants = 1u << PARAM_SCALE | 1u << PARAM_SHIFT,
    .name = "InstanceNormalization",
    .relu_fuses = true,
    .own_relu_gradient = true,
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
