/* Softmax and LogSoftmax: over one axis of any rank or, before opset 13, over an axis and all after
 * it. Numbers are [outer, along, inner], those along sum to one; a task is a few columns of inner,
 * or a row where inner is 1. */
#include "core/memory.h"
#include "engine/step.h"
#include "model/axes.h"

#include <math.h>

enum { COLUMNS = 256, GRAIN = 8192 /* numbers a task, about */ };

struct softmax {
    size_t outer; /* an image */
    size_t along, inner;
    bool logarithm;
};

struct job {
    struct tn_network *network;
    const struct softmax *softmax;
    const float *x, *y, *dy;
    float *to;
};

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    int from, to;
    struct softmax *softmax = step->state = tn_calloc(1, sizeof *softmax);
    if (!softmax)
        return tn_fail_memory(error, node->name, sizeof *softmax);
    if (!tn_softmax_of(network->graph, node, &from, &to, error))
        return tn_fail_in(error, "node '%s'", node->name);
    if (from == 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': %s over the batch cannot be run",
                       node->name, node->op_type);
    *softmax = (struct softmax){1, 1, 1, node->op == TN_OP_LOG_SOFTMAX};
    for (int d = 1; d < input->rank; d++) {
        size_t *part = d < from ? &softmax->outer : d < to ? &softmax->along : &softmax->inner;
        *part *= (size_t)input->dims[d];
    }
    return true;
}

static void release(struct tn_step *step)
{
    tn_free(step->state);
    step->state = NULL;
}

/* --- along rows --- */

static void forward_row(const struct job *job, const float *x, float *y)
{
    const struct tn_kernels *kernels = job->network->kernels;
    const float none[TN_UNARY_PARAMETERS] = {0};
    size_t count = job->softmax->along;
    float most = x[0];
    double sum = 0, squares = 0;
    for (size_t i = 1; i < count; i++)
        most = x[i] > most ? x[i] : most;
    if (job->softmax->logarithm) {
        for (size_t i = 0; i < count; i++)
            sum += exp((double)(x[i] - most));
        kernels->scale_shift(count, x, 1, -most, 0, y);
        kernels->scale_shift(count, y, 1, (float)-log(sum), 0, y);
        return;
    }
    kernels->scale_shift(count, x, 1, -most, 0, y);
    kernels->unary[TN_EXP].forward(count, y, none, y);
    kernels->moments(count, y, 0, &sum, &squares);
    kernels->scale_shift(count, y, (float)(1 / sum), 0, 0, y);
}

/* Softmax: dx = y (dy - sum y dy). LogSoftmax: dx = dy - exp(y) sum dy. dx may be dy. */
static void gradient_row(const struct job *job, const float *y, const float *dy, float *dx)
{
    size_t count = job->softmax->along;
    bool logarithm = job->softmax->logarithm;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += logarithm ? (double)dy[i] : (double)y[i] * (double)dy[i];
    float total = (float)sum;
    for (size_t i = 0; i < count; i++)
        dx[i] = logarithm ? dy[i] - expf(y[i]) * total : y[i] * (dy[i] - total);
}

/* --- along columns: `count` <= COLUMNS of them side by side, `inner` apart --- */

static void find_most(const struct softmax *softmax, const float *x, size_t count, float *most)
{
    for (size_t i = 0; i < count; i++)
        most[i] = x[i];
    for (size_t a = 1; a < softmax->along; a++)
        for (size_t i = 0; i < count; i++)
            most[i] = x[a * softmax->inner + i] > most[i] ? x[a * softmax->inner + i] : most[i];
}

static void forward_columns(const struct job *job, const float *x, float *y, size_t count)
{
    const struct softmax *softmax = job->softmax;
    const struct tn_kernels *kernels = job->network->kernels;
    const float none[TN_UNARY_PARAMETERS] = {0};
    float most[COLUMNS], powers[COLUMNS];
    double sums[COLUMNS] = {0};
    find_most(softmax, x, count, most);
    for (size_t a = 0; a < softmax->along; a++) {
        const float *from = x + a * softmax->inner;
        float *to = y + a * softmax->inner;
        for (size_t i = 0; i < count; i++)
            to[i] = from[i] - most[i];
        kernels->unary[TN_EXP].forward(count, to, none, powers);
        kernels->sum_rows(count, powers, sums);
        for (size_t i = 0; !softmax->logarithm && i < count; i++)
            to[i] = powers[i];
    }
    for (size_t i = 0; i < count; i++)
        most[i] = (float)(softmax->logarithm ? log(sums[i]) : 1 / sums[i]);
    for (size_t a = 0; a < softmax->along; a++)
        for (size_t i = 0; i < count; i++) {
            float *to = y + a * softmax->inner + i;
            *to = softmax->logarithm ? *to - most[i] : *to * most[i];
        }
}

static void gradient_columns(const struct job *job, const float *y, const float *dy, float *dx,
                             size_t count)
{
    const struct softmax *softmax = job->softmax;
    double sums[COLUMNS] = {0};
    for (size_t a = 0; a < softmax->along; a++)
        for (size_t i = 0; i < count; i++) {
            size_t at = a * softmax->inner + i;
            sums[i] += softmax->logarithm ? (double)dy[at] : (double)y[at] * (double)dy[at];
        }
    for (size_t a = 0; a < softmax->along; a++)
        for (size_t i = 0; i < count; i++) {
            size_t at = a * softmax->inner + i;
            float total = (float)sums[i];
            dx[at] = softmax->logarithm ? dy[at] - expf(y[at]) * total : y[at] * (dy[at] - total);
        }
}

/* --- tasks --- */

static size_t blocks(const struct softmax *softmax)
{
    return (softmax->inner + COLUMNS - 1) / COLUMNS;
}

/* Where the block begins; *count of its columns. */
static size_t block_at(const struct softmax *softmax, size_t index, size_t *count)
{
    size_t outer = index / blocks(softmax), first = index % blocks(softmax) * COLUMNS;
    *count = softmax->inner - first < COLUMNS ? softmax->inner - first : COLUMNS;
    return outer * softmax->along * softmax->inner + first;
}

static void forward_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    for (size_t b = begin; b < end; b++) {
        size_t count, at = block_at(job->softmax, b, &count);
        if (job->softmax->inner == 1)
            forward_row(job, job->x + at, job->to + at);
        else
            forward_columns(job, job->x + at, job->to + at, count);
    }
}

static void gradient_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    for (size_t b = begin; b < end; b++) {
        size_t count, at = block_at(job->softmax, b, &count);
        if (job->softmax->inner == 1)
            gradient_row(job, job->y + at, job->dy + at, job->to + at);
        else
            gradient_columns(job, job->y + at, job->dy + at, job->to + at, count);
    }
}

static void run(struct job *job, void (*range)(void *, size_t, size_t, unsigned))
{
    const struct softmax *softmax = job->softmax;
    size_t width = softmax->inner < COLUMNS ? softmax->inner : COLUMNS;
    size_t each = softmax->along * width;
    tn_for_ranges((size_t)job->network->count * softmax->outer * blocks(softmax),
                  (GRAIN + each - 1) / each, range, job);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {.network = network,
                      .softmax = step->state,
                      .x = network->blobs[step->input].data,
                      .to = network->blobs[step->output].data};
    run(&job, forward_range);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_blob *output = &network->blobs[step->output];
    struct job job = {.network = network,
                      .softmax = step->state,
                      .y = output->data,
                      .dy = output->gradient,
                      .to = tn_gradient_begin(network, step->input)};
    if (job.to)
        run(&job, gradient_range);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_softmax_ops = {
    .name = "Softmax",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
