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
    /* Max: pixels of a window, as far from its first, [kernel rows][kernel columns]; and those of
     * its first column, [kernel rows]. */
    ptrdiff_t *taps, *down;
    int inside_begin,
        inside_end; /* output columns whose windows lie in the image from side to side */
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

/* Output columns whose windows have no column in the padding. */
static void find_inside(struct pool *pool)
{
    const struct tn_window *w = &pool->window;
    int stride = w->stride[1], last = (w->kernel[1] - 1) * w->dilation[1];
    int room = w->in[1] - 1 - last + w->pad_begin[1];
    int begin = (w->pad_begin[1] + stride - 1) / stride, end = room < 0 ? 0 : room / stride + 1;
    pool->inside_end = end < w->out[1] ? end : w->out[1];
    pool->inside_begin = begin < pool->inside_end ? begin : pool->inside_end;
}

/* Where the greatest numbers of a plane are is found again in the backward pass, when the input is
 * still there: that takes less time than it would take memory to keep it. */
static bool prepare_max(struct tn_network *network, struct pool *pool)
{
    const struct tn_window *w = &pool->window;
    size_t rows = (size_t)w->kernel[0], columns = (size_t)w->kernel[1];
    pool->taps = tn_calloc(rows * columns, sizeof *pool->taps);
    pool->down = tn_calloc(rows, sizeof *pool->down);
    if (!pool->taps || !pool->down)
        return false;
    for (size_t a = 0; a < rows; a++) {
        pool->down[a] = (ptrdiff_t)a * w->dilation[0] * w->in[1];
        for (size_t b = 0; b < columns; b++)
            pool->taps[a * columns + b] = pool->down[a] + (ptrdiff_t)b * w->dilation[1];
    }
    find_inside(pool);
    tn_want_scratch(network, (size_t)w->in[1]);
    if (network->mode == TN_TRAINING)
        tn_want_scratch(network, 2 * (size_t)w->out[1]);
    return true;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct pool *pool = step->state = tn_calloc(1, sizeof *pool);
    if (!pool)
        return tn_fail_memory(error, node->name, sizeof *pool);
    if (!tn_window_of(network->graph, node, &pool->window, error))
        return false;
    if (node->op == TN_OP_MAX_POOL && !prepare_max(network, pool))
        return tn_fail_memory(error, node->name,
                              (size_t)pool->window.kernel[0] * (size_t)pool->window.kernel[1] *
                                  sizeof *pool->taps);
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
    return true;
}

static void release(struct tn_step *step)
{
    struct pool *pool = step->state;
    if (!pool)
        return;
    tn_free(pool->taps);
    tn_free(pool->down);
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

/* Of a window that may reach beyond the image: -1 where it lies outside. */
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

/* Rows of the image that the windows of a row of outputs see. */
struct band {
    ptrdiff_t first; /* pixel */
    size_t rows;
};

static struct band band_at(const struct tn_window *w, int oh)
{
    int top, bottom;
    range(w, 0, oh, &top, &bottom);
    ptrdiff_t row = oh * w->stride[0] - w->pad_begin[0] + top * w->dilation[0];
    return (struct band){row * w->in[1], (size_t)(bottom - top)};
}

/* The first pixel, in its row, of the first window that lies inside. */
static ptrdiff_t inside_at(const struct pool *pool)
{
    return (ptrdiff_t)pool->inside_begin * pool->window.stride[1] - pool->window.pad_begin[1];
}

static float greatest_of_part(const struct tn_window *w, const float *row, int ow)
{
    int left, right;
    range(w, 1, ow, &left, &right);
    float best = -INFINITY;
    for (int b = left; b < right; b++) {
        float x = row[ow * w->stride[1] - w->pad_begin[1] + b * w->dilation[1]];
        best = x > best || isnan(x) ? x : best;
    }
    return best;
}

/* Down the columns first, then along the row that this makes. */
static void max_row(const struct tn_kernels *kernels, const struct pool *pool, const float *x,
                    int oh, float *row, float *y)
{
    const struct tn_window *w = &pool->window;
    struct band band = band_at(w, oh);
    if (band.rows > 0)
        kernels->greatest((size_t)w->in[1], 1, band.rows, pool->down, x + band.first, row, NULL);
    else
        for (int i = 0; i < w->in[1]; i++)
            row[i] = -INFINITY;
    for (int ow = 0; ow < pool->inside_begin; ow++)
        y[ow] = greatest_of_part(w, row, ow);
    if (pool->inside_begin < pool->inside_end)
        kernels->greatest((size_t)(pool->inside_end - pool->inside_begin), (size_t)w->stride[1],
                          (size_t)w->kernel[1], pool->taps, row + inside_at(pool),
                          y + pool->inside_begin, NULL);
    for (int ow = pool->inside_end; ow < w->out[1]; ow++)
        y[ow] = greatest_of_part(w, row, ow);
}

static void max_plane(void *context, size_t plane, unsigned worker)
{
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->from + plane * in_area(pool);
    float *y = job->to + plane * out_area(pool);
    for (int oh = 0; oh < pool->window.out[0]; oh++, y += pool->window.out[1])
        max_row(job->network->kernels, pool, x, oh, tn_scratch(job->network, worker), y);
}

static void give_winner(const struct tn_window *w, const float *x, int oh, int ow, const float *dy,
                        float *dx)
{
    int32_t winner = find_winner(w, x, oh, ow);
    if (winner >= 0)
        dx[winner] += dy[ow];
}

/* The first of several greatest, in the order of the rows, gets the gradient. */
static void max_gradient_row(const struct tn_kernels *kernels, const struct pool *pool,
                             const float *x, int oh, const float *dy, float *best, float *dx)
{
    const struct tn_window *w = &pool->window;
    struct band band = band_at(w, oh);
    int begin = pool->inside_begin, end = pool->inside_end, stride = w->stride[1];
    int32_t *tap = (int32_t *)(void *)(best + w->out[1]);
    if (band.rows == 0)
        return;
    for (int ow = 0; ow < begin; ow++)
        give_winner(w, x, oh, ow, dy, dx);
    if (begin < end)
        kernels->greatest((size_t)(end - begin), (size_t)stride, band.rows * (size_t)w->kernel[1],
                          pool->taps, x + band.first + inside_at(pool), best, tap);
    for (int ow = begin; ow < end; ow++)
        dx[band.first + ow * stride - w->pad_begin[1] + pool->taps[tap[ow - begin]]] += dy[ow];
    for (int ow = end; ow < w->out[1]; ow++)
        give_winner(w, x, oh, ow, dy, dx);
}

static void max_gradient_plane(void *context, size_t plane, unsigned worker)
{
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->network->blobs[job->step->input].data + plane * in_area(pool);
    const float *dy = job->from + plane * out_area(pool);
    float *dx = job->to + plane * in_area(pool);
    memset(dx, 0, in_area(pool) * sizeof *dx);
    for (int oh = 0; oh < pool->window.out[0]; oh++, dy += pool->window.out[1])
        max_gradient_row(job->network->kernels, pool, x, oh, dy, tn_scratch(job->network, worker),
                         dx);
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

static void global_max_gradient_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct pool *pool = job->step->state;
    const float *x = job->network->blobs[job->step->input].data + plane * in_area(pool);
    float *dx = job->to + plane * in_area(pool);
    memset(dx, 0, in_area(pool) * sizeof *dx);
    dx[greatest(pool, x)] = job->from[plane];
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

static void global_max_backward(struct tn_network *network, struct tn_step *step)
{
    run_backward(network, step, global_max_gradient_plane);
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
                                                   .backward = global_max_backward,
                                                   .release = release};
