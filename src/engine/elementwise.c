/* Operators that act on each number by itself: ReLU, Add, Dropout; and Softmax over the classes. */
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "engine/step.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 16384 }; /* numbers a task */

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const float *a, *b;
    float *y;
};

static size_t numbers(const struct tn_network *network, int blob)
{
    return network->blobs[blob].size * (size_t)network->count;
}

/* --- ReLU where it could not be fused into the step before --- */

static void relu_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->network->kernels->scale_shift(end - begin, job->a + begin, 1, 0, 1, job->y + begin);
}

static void relu_forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data, NULL,
                      network->blobs[step->output].data};
    tn_for_ranges(numbers(network, step->output), GRAIN, relu_range, &job);
}

static void relu_gradient_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->network->kernels->relu_gradient(end - begin, job->a + begin, job->b + begin,
                                         job->y + begin);
}

static void relu_backward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->output].data,
                      network->blobs[step->output].gradient,
                      tn_gradient_begin(network, step->input)};
    if (job.y)
        tn_for_ranges(numbers(network, step->output), GRAIN, relu_gradient_range, &job);
    tn_gradient_done(network, step->input);
}

static bool prepare_nothing(struct tn_network *network, struct tn_step *step,
                            struct tn_error *error)
{
    (void)network, (void)step, (void)error;
    return true;
}

static void release_nothing(struct tn_step *step)
{
    (void)step;
}

const struct tn_step_ops tn_relu_ops = {
    .name = "Relu",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare_nothing,
    .forward = relu_forward,
    .backward = relu_backward,
    .release = release_nothing,
};

/* --- Add of two activations of the same shape --- */

static bool prepare_add(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    if (step->input_count != 2 || step->inputs[0] < 0 || step->inputs[1] < 0 ||
        network->blobs[step->inputs[0]].size != network->blobs[step->inputs[1]].size)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Add of different shapes cannot be run",
                       tn_step_node(network, step)->name);
    return true;
}

static void add_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->network->kernels->add(end - begin, job->a + begin, job->b + begin, job->step->relu,
                               job->y + begin);
}

static void add_forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data,
                      network->blobs[step->inputs[1]].data, network->blobs[step->output].data};
    tn_for_ranges(numbers(network, step->output), GRAIN, add_range, &job);
}

static void copy_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    memcpy(job->y + begin, job->a + begin, (end - begin) * sizeof *job->y);
}

static void pass_gradient(struct tn_network *network, struct tn_step *step, int blob)
{
    struct job job = {network, step, network->blobs[step->output].gradient, NULL,
                      tn_gradient_begin(network, blob)};
    if (job.y && job.y != job.a)
        tn_for_ranges(numbers(network, blob), GRAIN, copy_range, &job);
    tn_gradient_done(network, blob);
}

static void add_backward(struct tn_network *network, struct tn_step *step)
{
    pass_gradient(network, step, step->inputs[1]);
    pass_gradient(network, step, step->input);
}

const struct tn_step_ops tn_add_ops = {
    .name = "Add",
    .relu_fuses = true,
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare_add,
    .forward = add_forward,
    .backward = add_backward,
    .release = release_nothing,
};

/* --- Dropout (Srivastava et al. 2014), inverted: kept numbers are scaled up while training --- */

struct dropout {
    float ratio;
    float *mask; /* [max_batch, size] 0 or 1 / (1 - ratio) */
};

static bool prepare_dropout(struct tn_network *network, struct tn_step *step,
                            struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct dropout *dropout = step->state = tn_calloc(1, sizeof *dropout);
    size_t count = network->blobs[step->input].size * (size_t)network->max_batch;
    if (dropout)
        dropout->mask = tn_calloc(count, sizeof(float));
    if (!dropout || !dropout->mask)
        return tn_fail_memory(error, node->name, count * sizeof(float));
    const struct tn_tensor *ratio =
        tn_node_constant(network->graph, node, 1); /* opset 12 and later */
    dropout->ratio = ratio && tn_tensor_floats(ratio) && ratio->count == 1
                         ? *tn_tensor_floats(ratio)
                         : tn_node_float(node, "ratio", 0.5f);
    if (!(dropout->ratio >= 0 && dropout->ratio < 1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': dropout ratio %g, expected 0 <= ratio < 1", node->name,
                       (double)dropout->ratio);
    return true;
}

static void dropout_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct dropout *dropout = job->step->state;
    size_t size = job->network->blobs[job->step->input].size;
    const float *x = job->a + n * size;
    float *y = job->y + n * size, *mask = dropout->mask + n * size;
    struct tn_random random;
    uint64_t stream = (job->network->iteration * 1024 + (uint64_t)job->step->node) * 65536 + n;
    tn_random_seed(&random, job->network->seed, stream);
    for (size_t i = 0; i < size; i++) {
        mask[i] =
            tn_random_uniform(&random) < (double)dropout->ratio ? 0 : 1 / (1 - dropout->ratio);
        y[i] = x[i] * mask[i];
    }
}

static void dropout_forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data, NULL,
                      network->blobs[step->output].data};
    tn_parallel((size_t)network->count, dropout_image, &job);
}

static void dropout_backward(struct tn_network *network, struct tn_step *step)
{
    const struct dropout *dropout = step->state;
    const float *dy = network->blobs[step->output].gradient;
    float *dx = tn_gradient_begin(network, step->input);
    size_t count = numbers(network, step->input);
    for (size_t i = 0; dx && i < count; i++)
        dx[i] = dy[i] * dropout->mask[i];
    tn_gradient_done(network, step->input);
}

static void dropout_release(struct tn_step *step)
{
    struct dropout *dropout = step->state;
    if (!dropout)
        return;
    tn_free(dropout->mask);
    tn_free(dropout);
    step->state = NULL;
}

const struct tn_step_ops tn_dropout_ops = {
    .name = "Dropout",
    .in_place_backward = true,
    .prepare = prepare_dropout,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .release = dropout_release,
};

/* --- Softmax over the last axis of [N,classes] --- */

static bool prepare_softmax(struct tn_network *network, struct tn_step *step,
                            struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    int64_t axis = tn_node_int(node, "axis", network->graph->info.opset < 13 ? 1 : -1);
    if (tn_step_input_value(network, step)->rank != 2 || (axis != 1 && axis != -1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': Softmax is run over the classes of [N,classes] only",
                       node->name);
    return true;
}

static void softmax_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    size_t classes = job->network->blobs[job->step->input].size;
    const float *x = job->a + n * classes;
    float *y = job->y + n * classes, most = x[0];
    double sum = 0;
    for (size_t i = 1; i < classes; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < classes; i++)
        sum += (double)(y[i] = expf(x[i] - most));
    for (size_t i = 0; i < classes; i++)
        y[i] = (float)((double)y[i] / sum);
}

static void softmax_forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data, NULL,
                      network->blobs[step->output].data};
    tn_parallel((size_t)network->count, softmax_image, &job);
}

const struct tn_step_ops tn_softmax_ops = {
    .name = "Softmax",
    .in_place_forward = true,
    .prepare = prepare_softmax,
    .forward = softmax_forward,
    .release = release_nothing,
};
