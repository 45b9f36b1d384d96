/* LRN, local response normalization across channels (Krizhevsky, Sutskever, Hinton 2012), as ONNX
 * has it: y = x s^-beta with s = bias + alpha / size * (sum of x^2 over `size` channels around it).
 * A task is a few pixels of all channels of one image. */
#include "core/memory.h"
#include "engine/step.h"

enum { PIXELS = 256 };

struct lrn {
    size_t channels, area;
    size_t before, after;    /* channels of the window before and after its own */
    float alpha, beta, bias; /* alpha divided by the size */
    float *sums;             /* training: s of the last forward, [max_batch, channels, area] */
};

struct job {
    struct tn_network *network;
    const struct lrn *lrn;
    const float *x, *y, *dy;
    float *to;
};

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    struct lrn *lrn = step->state = tn_calloc(1, sizeof *lrn);
    if (!lrn)
        return tn_fail_memory(error, node->name, sizeof *lrn);
    size_t size = (size_t)tn_node_int(node, "size", 1), floats = network->blobs[step->input].size;
    lrn->channels = (size_t)input->dims[1];
    lrn->area = floats / lrn->channels;
    lrn->before = (size - 1) / 2;
    lrn->after = size - 1 - lrn->before;
    lrn->alpha = tn_node_float(node, "alpha", 1e-4f) / (float)size;
    lrn->beta = tn_node_float(node, "beta", 0.75f);
    lrn->bias = tn_node_float(node, "bias", 1);
    if (network->mode != TN_TRAINING)
        return true;
    size_t scratch;
    if (!tn_mul(lrn->channels, PIXELS, &scratch) ||
        !(lrn->sums = tn_want_memory(network, floats * (size_t)network->max_batch, sizeof(float))))
        return tn_fail_memory(error, node->name,
                              floats * (size_t)network->max_batch * sizeof(float));
    tn_want_scratch(network, scratch);
    return true;
}

static void release(struct tn_step *step)
{
    struct lrn *lrn = step->state;
    if (!lrn)
        return;
    tn_free(lrn->sums);
    tn_free(lrn);
    step->state = NULL;
}

/* Channels from *first to before *last that are at most `before` before and `after` after c. */
static void window(const struct lrn *lrn, size_t c, size_t before, size_t after, size_t *first,
                   size_t *last)
{
    *first = c > before ? c - before : 0;
    *last = after < lrn->channels - c - 1 ? c + after + 1 : lrn->channels;
}

/* s^-beta, as exp(-beta log s) */
static void power(const struct job *job, const float *s, size_t count, float *powers)
{
    const struct tn_kernels *kernels = job->network->kernels;
    const float none[TN_UNARY_PARAMETERS] = {0};
    kernels->unary[TN_LOG].forward(count, s, none, powers);
    kernels->scale_shift(count, powers, -job->lrn->beta, 0, 0, powers);
    kernels->unary[TN_EXP].forward(count, powers, none, powers);
}

/* `count` pixels of all channels; the first channel's first pixel is number `at` of the batch. */
static void forward_pixels(const struct job *job, size_t at, size_t count)
{
    const struct lrn *lrn = job->lrn;
    float s[PIXELS], powers[PIXELS];
    for (size_t c = 0; c < lrn->channels; c++) {
        size_t first, last, own = at + c * lrn->area;
        window(lrn, c, lrn->before, lrn->after, &first, &last);
        for (size_t i = 0; i < count; i++)
            s[i] = 0;
        for (size_t j = first; j < last; j++) {
            const float *x = job->x + at + j * lrn->area;
            for (size_t i = 0; i < count; i++)
                s[i] += x[i] * x[i];
        }
        job->network->kernels->scale_shift(count, s, lrn->alpha, lrn->bias, 0, s);
        power(job, s, count, powers);
        for (size_t i = 0; i < count; i++)
            job->to[own + i] = job->x[own + i] * powers[i];
        for (size_t i = 0; lrn->sums && i < count; i++)
            lrn->sums[own + i] = s[i];
    }
}

/* dx = dy s^-beta - 2 alpha beta x (sum over the windows it is in of dy y / s). dx may be dy. */
static void gradient_pixels(const struct job *job, size_t at, size_t count, float *quotients)
{
    const struct lrn *lrn = job->lrn;
    float sum[PIXELS], powers[PIXELS], factor = 2 * lrn->alpha * lrn->beta;
    for (size_t c = 0; c < lrn->channels; c++)
        for (size_t i = 0; i < count; i++) {
            size_t own = at + c * lrn->area + i;
            quotients[c * PIXELS + i] = job->dy[own] * job->y[own] / lrn->sums[own];
        }
    for (size_t c = 0; c < lrn->channels; c++) {
        size_t first, last, own = at + c * lrn->area;
        window(lrn, c, lrn->after, lrn->before, &first, &last);
        for (size_t i = 0; i < count; i++)
            sum[i] = 0;
        for (size_t j = first; j < last; j++)
            for (size_t i = 0; i < count; i++)
                sum[i] += quotients[j * PIXELS + i];
        power(job, lrn->sums + own, count, powers);
        for (size_t i = 0; i < count; i++)
            job->to[own + i] = job->dy[own + i] * powers[i] - factor * job->x[own + i] * sum[i];
    }
}

static size_t blocks(const struct lrn *lrn)
{
    return (lrn->area + PIXELS - 1) / PIXELS;
}

static size_t block_at(const struct lrn *lrn, size_t index, size_t *count)
{
    size_t first = index % blocks(lrn) * PIXELS;
    *count = lrn->area - first < PIXELS ? lrn->area - first : PIXELS;
    return index / blocks(lrn) * lrn->channels * lrn->area + first;
}

static void forward_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    for (size_t b = begin; b < end; b++) {
        size_t count, at = block_at(job->lrn, b, &count);
        forward_pixels(job, at, count);
    }
}

static void gradient_range(void *context, size_t begin, size_t end, unsigned worker)
{
    const struct job *job = context;
    for (size_t b = begin; b < end; b++) {
        size_t count, at = block_at(job->lrn, b, &count);
        gradient_pixels(job, at, count, tn_scratch(job->network, worker));
    }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct lrn *lrn = step->state;
    struct job job = {.network = network,
                      .lrn = lrn,
                      .x = network->blobs[step->input].data,
                      .to = network->blobs[step->output].data};
    tn_for_ranges((size_t)network->count * blocks(lrn), 1, forward_range, &job);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct lrn *lrn = step->state;
    const struct tn_blob *output = &network->blobs[step->output];
    struct job job = {.network = network,
                      .lrn = lrn,
                      .x = network->blobs[step->input].data,
                      .y = output->data,
                      .dy = output->gradient,
                      .to = tn_gradient_begin(network, step->input)};
    if (job.to)
        tn_for_ranges((size_t)network->count * blocks(lrn), 1, gradient_range, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_lrn_ops = {
    .name = "LRN",
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
