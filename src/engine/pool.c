/* Max and average pooling, over windows and whole images; a task is one channel of one image. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"
#include "model/window.h"

#include <limits.h>
#include <math.h>
#include <string.h>

struct pool {
    struct tn_window window;
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const float *from;
    float *to;
};

static size_t in_area(const struct pool *pool)
{
    return (size_t)pool->window.in[0] * (size_t)pool->window.in[1];
}

static size_t out_area(const struct pool *pool)
{
    return (size_t)pool->window.out[0] * (size_t)pool->window.out[1];
}

/* Where the greatest numbers of a plane are is found again in the backward pass, when the input is
 * still there: that takes less time than it would take memory to keep it. */
static void want_winners(struct tn_network *network, const struct pool *pool)
{
    if (network->mode == TN_TRAINING)
        tn_want_scratch(network, 2 * out_area(pool));
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct pool *pool = step->state = tn_calloc(1, sizeof *pool);
    if (!pool)
        return tn_fail_memory(error, node->name, sizeof *pool);
    if (!tn_window_of(network->graph, node, &pool->window, error))
        return false;
    if (node->op == TN_OP_MAX_POOL)
        want_winners(network, pool);
    return true;
}

static bool prepare_global(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    size_t area = network->blobs[step->input].size / (size_t)input->dims[1];
    struct pool *pool = step->state = tn_calloc(1, sizeof *pool);
    if (!pool)
        return tn_fail_memory(error, node->name, sizeof *pool);
    if (input->dims[1] > INT_MAX || area > INT_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': images of %zu pixels cannot be run",
                       node->name, area);
    /* One window over the whole image. */
    pool->window =
        (struct tn_window){.channels_in = (int)input->dims[1], .out = {1, 1}, .in = {1, (int)area}};
    if (node->op == TN_OP_GLOBAL_MAX_POOL)
        want_winners(network, pool);
    return true;
}

static void release(struct tn_step *step)
{
    struct pool *pool = step->state;
    if (!pool)
        return;
    tn_free(pool);
    step->state = NULL;
}

static size_t planes(const struct job *job)
{
    const struct pool *pool = job->step->state;
    return (size_t)job->network->count * (size_t)pool->window.channels_in;
}

/* First and one past the last kernel row (axis 0) or column (1) of output `o` that lie in the
 * input. */
static void range(const struct tn_window *w, int axis, int o, int *first, int *last)
{
    int start = o * w->stride[axis] - w->pad_begin[axis], d = w->dilation[axis];
    *first = start < 0 ? (-start + d - 1) / d : 0;
    int room = w->in[axis] - start;
    *last = room <= 0 ? 0 : (room + d - 1) / d;
    if (*last > w->kernel[axis])
        *last = w->kernel[axis];
    if (*last < *first)
        *last = *first;
}

/* --- max --- */

static int32_t find_winner(const struct tn_window *w, const float *x, int oh, int ow)
{
    int top, bottom, left, right;
    range(w, 0, oh, &top, &bottom);
    range(w, 1, ow, &left, &right);
    int32_t best = -1;
    for (int a = top; a < bottom; a++) {
        int row = oh * w->stride[0] - w->pad_begin[0] + a * w->dilation[0];
        for (int b = left; b < right; b++) {
            int32_t at = row * w->in[1] + ow * w->stride[1] - w->pad_begin[1] + b * w->dilation[1];
            if (best < 0 || x[at] > x[best] || isnan(x[at]))
                best = at;
        }
    }
    return best;
}

static void max_plane_any(const struct pool *pool, const float *x, float *y, int32_t *winner)
{
    const struct tn_window *w = &pool->window;
    for (int oh = 0; oh < w->out[0]; oh++)
        for (int ow = 0; ow < w->out[1]; ow++) {
            int32_t best = find_winner(w, x, oh, ow);
            *y++ = best < 0 ? -INFINITY : x[best];
            if (winner)
                *winner++ = best;
        }
}

static bool is_two_by_two(const struct tn_window *w)
{
    return w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[0] == 2 && w->stride[1] == 2 &&
           w->pad_begin[0] == 0 && w->pad_begin[1] == 0 && w->dilation[0] == 1 &&
           w->dilation[1] == 1 && w->out[0] * 2 <= w->in[0] && w->out[1] * 2 <= w->in[1];
}

/* The most usual window, without a branch a number. */
static void max_plane_two(const struct pool *pool, const float *x, float *y, int32_t *winner)
{
    const struct tn_window *w = &pool->window;
    for (int oh = 0; oh < w->out[0]; oh++) {
        const float *top = x + (size_t)(2 * oh) * (size_t)w->in[1], *bottom = top + w->in[1];
        int32_t at = 2 * oh * w->in[1];
        for (int ow = 0; ow < w->out[1]; ow++, at += 2) {
            float a = top[2 * ow], b = top[2 * ow + 1], c = bottom[2 * ow], d = bottom[2 * ow + 1];
            float upper = b > a ? b : a, lower = d > c ? d : c;
            int32_t upper_at = at + (b > a), lower_at = at + w->in[1] + (d > c);
            *y++ = lower > upper ? lower : upper;
            if (winner)
                *winner++ = lower > upper ? lower_at : upper_at;
        }
    }
}

/* winner [out]: index into the input plane, -1 where a window lies outside; or NULL. */
static void max_of_plane(const struct pool *pool, const float *x, float *y, int32_t *winner)
{
    if (is_two_by_two(&pool->window))
        max_plane_two(pool, x, y, winner);
    else
        max_plane_any(pool, x, y, winner);
}

static void max_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    max_of_plane(pool, job->from + plane * in_area(pool), job->to + plane * out_area(pool), NULL);
}

static int32_t greatest(const struct pool *pool, const float *x)
{
    int32_t best = 0;
    for (int32_t i = 1; i < pool->window.in[1]; i++)
        if (x[i] > x[best] || isnan(x[i]))
            best = i;
    return best;
}

static void global_max_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->from + plane * in_area(pool);
    job->to[plane] = x[greatest(pool, x)];
}

static void max_gradient_plane(void *context, size_t plane, unsigned worker)
{
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->network->blobs[job->step->input].data + plane * in_area(pool);
    const float *dy = job->from + plane * out_area(pool);
    float *dx = job->to + plane * in_area(pool), *y = tn_scratch(job->network, worker);
    int32_t *winner = (int32_t *)(void *)(y + out_area(pool));
    if (tn_step_node(job->network, job->step)->op == TN_OP_GLOBAL_MAX_POOL)
        winner[0] = greatest(pool, x);
    else
        max_of_plane(pool, x, y, winner);
    memset(dx, 0, in_area(pool) * sizeof *dx);
    for (size_t o = 0; o < out_area(pool); o++)
        if (winner[o] >= 0)
            dx[winner[o]] += dy[o];
}

/* --- average --- */

/* Numbers an average divides by: those inside, or with count_include_pad those inside the padded
 * image. */
static int divisor(const struct tn_window *w, int axis, int o)
{
    int first, last;
    range(w, axis, o, &first, &last);
    if (!w->count_include_pad)
        return last - first;
    int room = w->in[axis] + w->pad_begin[axis] + w->pad_end[axis] - o * w->stride[axis];
    int inside = (room + w->dilation[axis] - 1) / w->dilation[axis];
    return inside < w->kernel[axis] ? inside : w->kernel[axis];
}

/* The part of one output's window that lies in the input: pixel (a, b) of it is at first + a * down
 * + b * right. */
struct patch {
    size_t first, down, right;
    int rows, columns;
    int count; /* what the average divides by; 0 where the window lies wholly in padding */
};

static struct patch patch_at(const struct tn_window *w, int oh, int ow)
{
    int top, bottom, left, right;
    range(w, 0, oh, &top, &bottom);
    range(w, 1, ow, &left, &right);
    int row = oh * w->stride[0] - w->pad_begin[0] + top * w->dilation[0];
    int column = ow * w->stride[1] - w->pad_begin[1] + left * w->dilation[1];
    return (struct patch){.first = (size_t)row * (size_t)w->in[1] + (size_t)column,
                          .down = (size_t)w->dilation[0] * (size_t)w->in[1],
                          .right = (size_t)w->dilation[1],
                          .rows = bottom - top,
                          .columns = right - left,
                          .count = divisor(w, 0, oh) * divisor(w, 1, ow)};
}

static float average(const struct patch *patch, const float *x)
{
    double sum = 0;
    for (int a = 0; a < patch->rows; a++)
        for (int b = 0; b < patch->columns; b++)
            sum += (double)x[patch->first + (size_t)a * patch->down + (size_t)b * patch->right];
    return patch->count > 0 ? (float)(sum / patch->count) : 0;
}

static void spread(const struct patch *patch, float gradient, float *dx)
{
    for (int a = 0; a < patch->rows; a++)
        for (int b = 0; b < patch->columns; b++)
            dx[patch->first + (size_t)a * patch->down + (size_t)b * patch->right] +=
                gradient / (float)patch->count;
}

static void average_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->from + plane * in_area(pool);
    float *y = job->to + plane * out_area(pool);
    for (int oh = 0; oh < pool->window.out[0]; oh++)
        for (int ow = 0; ow < pool->window.out[1]; ow++) {
            struct patch patch = patch_at(&pool->window, oh, ow);
            *y++ = average(&patch, x);
        }
}

static void average_gradient_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *dy = job->from + plane * out_area(pool);
    float *dx = job->to + plane * in_area(pool);
    memset(dx, 0, in_area(pool) * sizeof *dx);
    for (int oh = 0; oh < pool->window.out[0]; oh++)
        for (int ow = 0; ow < pool->window.out[1]; ow++) {
            struct patch patch = patch_at(&pool->window, oh, ow);
            spread(&patch, *dy++, dx);
        }
}

static void global_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    double sum = 0, squares = 0;
    job->network->kernels->moments(in_area(pool), job->from + plane * in_area(pool), 0, &sum,
                                   &squares);
    job->to[plane] = (float)(sum / (double)in_area(pool));
}

static void global_gradient_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    float *dx = job->to + plane * in_area(pool);
    float share = job->from[plane] / (float)in_area(pool);
    for (size_t i = 0; i < in_area(pool); i++)
        dx[i] = share;
}

/* --- the steps --- */

static void run_forward(struct tn_network *network, struct tn_step *step,
                        void (*task)(void *, size_t, unsigned))
{
    struct job job = {network, step, network->blobs[step->input].data,
                      network->blobs[step->output].data};
    tn_parallel(planes(&job), task, &job);
}

static void run_backward(struct tn_network *network, struct tn_step *step,
                         void (*task)(void *, size_t, unsigned))
{
    struct job job = {network, step, network->blobs[step->output].gradient,
                      tn_gradient_begin(network, step->input)};
    if (job.to)
        tn_parallel(planes(&job), task, &job);
    tn_gradient_done(network, step->input);
}

static void max_forward(struct tn_network *network, struct tn_step *step)
{
    run_forward(network, step, max_plane);
}

static void max_backward(struct tn_network *network, struct tn_step *step)
{
    run_backward(network, step, max_gradient_plane);
}

static void average_forward(struct tn_network *network, struct tn_step *step)
{
    run_forward(network, step, average_plane);
}

static void average_backward(struct tn_network *network, struct tn_step *step)
{
    run_backward(network, step, average_gradient_plane);
}

static void global_forward(struct tn_network *network, struct tn_step *step)
{
    run_forward(network, step, global_plane);
}

static void global_backward(struct tn_network *network, struct tn_step *step)
{
    run_backward(network, step, global_gradient_plane);
}

static void global_max_forward(struct tn_network *network, struct tn_step *step)
{
    run_forward(network, step, global_max_plane);
}

const struct tn_step_ops tn_max_pool_ops = {.name = "MaxPool",
                                            .prepare = prepare,
                                            .forward = max_forward,
                                            .backward = max_backward,
                                            .release = release};
const struct tn_step_ops tn_average_pool_ops = {.name = "AveragePool",
                                                .prepare = prepare,
                                                .forward = average_forward,
                                                .backward = average_backward,
                                                .release = release};
const struct tn_step_ops tn_global_pool_ops = {.name = "GlobalAveragePool",
                                               .prepare = prepare_global,
                                               .forward = global_forward,
                                               .backward = global_backward,
                                               .release = release};
const struct tn_step_ops tn_global_max_pool_ops = {.name = "GlobalMaxPool",
                                                   .prepare = prepare_global,
                                                   .forward = global_max_forward,
                                                   .backward = max_backward,
                                                   .release = release};
