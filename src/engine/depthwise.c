/* Depthwise convolutions, one channel and one filter a group: each number is used a few times
 * only, so that the time goes into reading and writing. A channel's image is copied in bands into a
 * plane with zeros around it, which stays in the first-level cache, and outputs are made from there
 * in one pass.
 *
 * The gradient of the input is the same with the output's gradient and the turned kernel; where
 * outputs are two apart, so are its numbers in the plane, with zeros between. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/conv_path.h"

#include <string.h>

enum {
    PLANE_FLOATS = 4096, /* of a band: half of a small first-level cache */
    LEAST_ROWS = 8,      /* of outputs in a band; even, see plane_row */
    TASK_FLOATS = 16384, /* outputs of a task, at least */
    TASKS = 64,          /* are enough for the gradient of the weights */
    MOST_TAPS = 31,      /* of a kernel, along either side */
};

/* A convolution of every channel: forward, or back from the gradient of the output. */
struct direction {
    int in[2], out[2];
    int pad[2];                      /* below 0: of the input so much is left out */
    int spread[2];                   /* 2: numbers of the input are two apart */
    int band_rows, bands;            /* of outputs; how many bands */
    struct tn_depthwise_plane shape; /* kernel, step, pitch, half */
    int begin[2], end[2];            /* rows and columns of the input that are read */
    size_t floats;                   /* of a plane */
    bool turned;                     /* the kernel */
};

struct depthwise {
    int channels, taps;
    struct direction forward, back;
    size_t gradient_pitch, gradient_floats; /* a band of the output's gradient */
    int parts;                              /* of the batch, whose sums are made apart */
    double *sums;                           /* [parts,channels,taps] */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* a >= 0 or not */
static int divide_up(int a, int b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

static size_t round_up(size_t count, size_t to)
{
    return (count + to - 1) / to * to;
}

static size_t area(const int size[2])
{
    return (size_t)size[0] * (size_t)size[1];
}

/* --- layout --- */

/* Rows of a plane that `rows` rows of outputs are made from. */
static int plane_rows(const struct direction *d, int rows)
{
    return (rows - 1) * d->shape.step[0] + d->shape.kernel[0];
}

/* The input's numbers that stand in rows or columns first .. first + count - 1. */
static void inputs_within(const struct direction *d, int axis, int first, int count, int *begin,
                          int *end)
{
    *begin = most(0, divide_up(first - d->pad[axis], d->spread[axis]));
    *end = least(d->in[axis], divide_up(first + count - d->pad[axis], d->spread[axis]));
    *end = most(*begin, *end);
}

static void lay_out(struct direction *d)
{
    enum { ALIGN = 8 };
    int columns = (d->out[1] - 1) * d->shape.step[1] + d->shape.kernel[1];
    inputs_within(d, 1, 0, columns, &d->begin[1], &d->end[1]);
    columns += d->spread[1] - 1; /* the zero after the last number */
    size_t step = (size_t)d->shape.step[1];
    d->shape.half = round_up(((size_t)columns + step - 1) / step, ALIGN);
    d->shape.pitch = step * d->shape.half;
    int rows = PLANE_FLOATS / (int)d->shape.pitch;
    rows = (rows - d->shape.kernel[0]) / d->shape.step[0] + 1;
    d->band_rows = most(rows, LEAST_ROWS) / 2 * 2;
    d->bands = (d->out[0] + d->band_rows - 1) / d->band_rows;
    d->band_rows = least(d->band_rows, d->out[0]);
    d->floats = (size_t)plane_rows(d, d->band_rows) * d->shape.pitch + TN_READ_AHEAD;
}

static void make_directions(const struct tn_window *w, struct depthwise *c)
{
    struct direction *forward = &c->forward, *back = &c->back;
    for (int i = 0; i < 2; i++) {
        forward->in[i] = back->out[i] = w->in[i];
        forward->out[i] = back->in[i] = w->out[i];
        forward->shape.kernel[i] = back->shape.kernel[i] = w->kernel[i];
        forward->shape.step[i] = back->spread[i] = w->stride[i];
        forward->spread[i] = back->shape.step[i] = 1;
        forward->pad[i] = w->pad_begin[i];
        back->pad[i] = w->kernel[i] - 1 - w->pad_begin[i];
    }
    back->turned = true;
    lay_out(forward);
    lay_out(back);
}

/* --- planes --- */

struct band {
    int first, rows; /* of outputs */
};

static struct band band_at(const struct direction *d, int index)
{
    int first = index * d->band_rows;
    return (struct band){first, least(d->band_rows, d->out[0] - first)};
}

/* What columns hold no input is zero from the beginning, and stays. */
static void clear(const struct direction *d, float *plane)
{
    memset(plane, 0, d->floats * sizeof *plane);
}

/* Put the rows of an image where they belong; in a plane of one band, always the same ones. */
static void fill(const struct tn_depthwise_kernels *kernels, const struct direction *d,
                 struct band band, const float *image, float *plane)
{
    int first = band.first * d->shape.step[0], rows = plane_rows(d, band.rows), begin, end;
    inputs_within(d, 0, first, rows, &begin, &end);
    size_t count = (size_t)(end - begin), pitch = d->shape.pitch;
    /* With rows two apart those between are zero in every band: a band begins at an even row. */
    size_t row = (size_t)(begin * d->spread[0] + d->pad[0] - first);
    if (d->bands > 1) {
        size_t after = row + count * (size_t)d->spread[0];
        memset(plane, 0, row * pitch * sizeof *plane);
        if (after < (size_t)rows)
            memset(plane + after * pitch, 0, ((size_t)rows - after) * pitch * sizeof *plane);
    }
    size_t stride = (size_t)d->in[1], column = (size_t)(d->begin[1] * d->spread[1] + d->pad[1]);
    const float *from = image + (size_t)begin * stride + (size_t)d->begin[1];
    size_t width = (size_t)(d->end[1] - d->begin[1]);
    float *to = plane + row * pitch;
    size_t next = (size_t)d->spread[0] * pitch;
    if (d->spread[1] == 2)
        kernels->spread_rows(count, width, from, stride, to + column, next);
    else if (d->shape.step[1] == 2)
        kernels->split_rows(count, width, from, stride,
                            to + column % 2 * d->shape.half + column / 2,
                            to + (column + 1) % 2 * d->shape.half + (column + 1) / 2, next);
    else
        kernels->copy_rows(count, width, from, stride, to + column, next);
}

/* --- a convolution --- */

struct job {
    struct tn_network *network;
    const struct depthwise *c;
    const struct direction *direction;
    const float *weights, *from, *gradient;
    struct tn_finish finish;
    float *to;
};

/* All bands of one channel of one image: `index` of [N,channels]. */
static void convolve_channel(const struct job *job, size_t index, float *plane)
{
    const struct direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    struct tn_finish first = tn_finish_first(&job->finish);
    size_t taps = (size_t)job->c->taps, channel = index % (size_t)job->c->channels;
    float turned[MOST_TAPS * MOST_TAPS];
    const float *weights = job->weights + channel * taps;
    if (d->turned) {
        for (size_t k = 0; k < taps; k++)
            turned[k] = weights[taps - 1 - k];
        weights = turned;
    }
    struct tn_depthwise_finish finish = {tn_finish_bias(&first, channel), first.least, first.most};
    for (int b = 0; b < d->bands; b++) {
        struct band band = band_at(d, b);
        size_t at = (size_t)band.first * (size_t)d->out[1];
        fill(kernels->depthwise, d, band, job->from + index * area(d->in), plane);
        kernels->depthwise->correlate(&d->shape, weights, plane, (size_t)band.rows,
                                      (size_t)d->out[1], area(d->out) - at, finish,
                                      job->to + index * area(d->out) + at);
        tn_finish_last(kernels, &job->finish, job->to, index * area(d->out) + at,
                       (size_t)band.rows * (size_t)d->out[1]);
    }
}

static void convolve_channels(void *context, size_t begin, size_t end, unsigned worker)
{
    const struct job *job = context;
    float *plane = tn_scratch(job->network, worker);
    clear(job->direction, plane);
    for (size_t i = begin; i < end; i++)
        convolve_channel(job, i, plane);
}

static void forward(struct tn_network *network, void *state, const float *weights,
                    const float *input, struct tn_finish finish, float *output)
{
    const struct depthwise *c = state;
    struct job job = {.network = network,
                      .c = c,
                      .direction = &c->forward,
                      .weights = weights,
                      .from = input,
                      .finish = finish,
                      .to = output};
    tn_for_ranges((size_t)network->count * (size_t)c->channels,
                  1 + TASK_FLOATS / area(c->forward.out), convolve_channels, &job);
}

/* --- gradients --- */

/* What the images of one part add to the gradient of a channel's weights. */
struct share {
    size_t channel;
    int begin, end;  /* images */
    double *sums;    /* [taps] */
    float *plane;    /* of the input */
    float *gradient; /* of the output: a band without borders, but with zeros to whole vectors */
    float *back;     /* of the output's gradient, for the input's */
    double *lanes;   /* [taps,lanes] sums so far */
};

static void add_image(const struct job *job, const struct share *share, size_t index)
{
    const struct depthwise *c = job->c;
    const struct direction *d = &c->forward;
    const struct tn_depthwise_kernels *kernels = job->network->kernels->depthwise;
    size_t width = (size_t)d->out[1];
    for (int b = 0; b < d->bands; b++) {
        struct band band = band_at(d, b);
        fill(kernels, d, band, job->from + index * area(d->in), share->plane);
        kernels->copy_rows((size_t)band.rows, width,
                           job->gradient + index * area(d->out) + (size_t)band.first * width, width,
                           share->gradient, c->gradient_pitch);
        kernels->weights(&d->shape, share->plane, share->gradient, c->gradient_pitch,
                         (size_t)band.rows, share->lanes);
    }
}

/* Sums of lanes in their order. */
static void add_lanes(const double *lanes, size_t count, size_t taps, double *sums)
{
    for (size_t k = 0; k < taps; k++) {
        sums[k] = 0;
        for (size_t i = 0; i < count; i++)
            sums[k] += lanes[k * count + i];
    }
}

static void add_share(const struct job *job, const struct share *share)
{
    const struct depthwise *c = job->c;
    size_t taps = (size_t)c->taps, count = (size_t)job->network->kernels->lanes;
    struct job back = *job;
    back.direction = &c->back;
    back.from = job->gradient;
    memset(share->lanes, 0, taps * count * sizeof *share->lanes);
    for (int n = share->begin; n < share->end; n++) {
        size_t index = (size_t)n * (size_t)c->channels + share->channel;
        add_image(job, share, index);
        if (job->to)
            convolve_channel(&back, index, share->back);
    }
    add_lanes(share->lanes, count, taps, share->sums);
}

static void gradients_of_channel(void *context, size_t index, unsigned worker)
{
    const struct job *job = context;
    const struct depthwise *c = job->c;
    int part = (int)(index / (size_t)c->channels), images = job->network->count;
    struct share share = {.channel = index % (size_t)c->channels,
                          .begin = images * part / c->parts,
                          .end = images * (part + 1) / c->parts,
                          .sums = c->sums + index * (size_t)c->taps,
                          .plane = tn_scratch(job->network, worker)};
    share.gradient = share.plane + c->forward.floats;
    share.back = share.gradient + c->gradient_floats;
    share.lanes = (double *)(void *)(share.back + c->back.floats);
    clear(&c->forward, share.plane);
    memset(share.gradient, 0, c->gradient_floats * sizeof *share.gradient);
    clear(&c->back, share.back);
    add_share(job, &share);
}

static void backward(struct tn_network *network, void *state, const float *weights,
                     const float *input, const float *output_gradient, float *weights_gradient,
                     float *input_gradient)
{
    const struct depthwise *c = state;
    struct job job = {.network = network,
                      .c = c,
                      .weights = weights,
                      .from = input,
                      .gradient = output_gradient,
                      .finish = tn_unfinished,
                      .to = input_gradient};
    size_t count = (size_t)c->channels * (size_t)c->taps;
    tn_parallel((size_t)c->channels * (size_t)c->parts, gradients_of_channel, &job);
    for (size_t k = 0; k < count; k++) {
        double sum = 0;
        for (size_t part = 0; part < (size_t)c->parts; part++)
            sum += c->sums[part * count + k];
        weights_gradient[k] = (float)sum;
    }
}

/* --- preparation --- */

static bool fits(const struct tn_network *network, const struct tn_window *w)
{
    (void)network;
    bool fits = w->groups > 1 && w->groups == w->channels_in && w->groups == w->channels_out;
    for (int i = 0; i < 2; i++)
        fits = fits && w->dilation[i] == 1 && w->stride[i] <= 2 && w->kernel[i] <= MOST_TAPS;
    return fits;
}

static void release(void *state)
{
    struct depthwise *c = state;
    if (c)
        tn_free(c->sums);
    tn_free(c);
}

static bool prepare_back(struct tn_network *network, struct depthwise *c)
{
    size_t lanes = (size_t)network->kernels->lanes;
    c->gradient_pitch = round_up((size_t)c->forward.out[1], lanes);
    c->gradient_floats = (size_t)c->forward.band_rows * c->gradient_pitch;
    c->parts = least(network->max_batch, (TASKS + c->channels - 1) / c->channels);
    c->sums = tn_calloc((size_t)c->parts * (size_t)c->channels * (size_t)c->taps, sizeof *c->sums);
    tn_want_scratch(network, c->forward.floats + c->gradient_floats + c->back.floats +
                                 (size_t)c->taps * lanes * (sizeof(double) / sizeof(float)));
    return c->sums != NULL;
}

static void *prepare(struct tn_network *network, const struct tn_window *window, int passes,
                     const char *name, struct tn_error *error)
{
    struct depthwise *c = tn_calloc(1, sizeof *c);
    if (c) {
        c->channels = window->channels_in;
        c->taps = window->kernel[0] * window->kernel[1];
        make_directions(window, c);
        tn_want_scratch(network, c->forward.floats);
        if (passes == TN_PASS_FORWARD || prepare_back(network, c))
            return c;
    }
    tn_fail_memory(error, name, sizeof *c);
    release(c);
    return NULL;
}

const struct tn_conv_path tn_depthwise_path = {
    .name = "depthwise",
    .fits = fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};
