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
    MOST_BLOCK = 16,     /* channels whose planes are filled before the first is read */
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
    size_t block;                    /* planes that stay in the cache */
    bool turned;                     /* the kernel */
};

struct depthwise {
    size_t channels, taps;
    struct direction forward, back;
    size_t block;                           /* channels whose gradients are made together */
    size_t gradient_pitch, gradient_floats; /* a band of the output's gradient */
    int parts;                              /* of the batch, whose sums are made apart */
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
    d->block = (size_t)most(1, least(MOST_BLOCK, PLANE_FLOATS / (int)d->floats));
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

/* Rows of the input in a band, and the plane's row of the first. */
struct place {
    size_t begin, count, row, rows; /* of the plane, in all */
};

static struct place place_of(const struct direction *d, struct band band)
{
    int first = band.first * d->shape.step[0], rows = plane_rows(d, band.rows), begin, end;
    inputs_within(d, 0, first, rows, &begin, &end);
    return (struct place){(size_t)begin, (size_t)(end - begin),
                          (size_t)(begin * d->spread[0] + d->pad[0] - first), (size_t)rows};
}

/* What columns hold no input is zero from the beginning, and stays. */
static void clear(const struct direction *d, size_t planes, float *plane)
{
    memset(plane, 0, planes * d->floats * sizeof *plane);
}

/* The rows of a band that hold no input. With rows two apart those between are zero in every band,
 * since each begins at an even row; and a plane of one band always has the same rows. */
static void clear_rows(const struct direction *d, const struct place *place, float *plane)
{
    size_t pitch = d->shape.pitch, after = place->row + place->count * (size_t)d->spread[0];
    if (d->bands == 1)
        return;
    memset(plane, 0, place->row * pitch * sizeof *plane);
    if (after < place->rows)
        memset(plane + after * pitch, 0, (place->rows - after) * pitch * sizeof *plane);
}

/* Put the rows of an image where they belong. */
static void fill(const struct tn_kernels *kernels, const struct direction *d,
                 const struct place *place, const float *image, float *plane)
{
    size_t stride = (size_t)d->in[1], width = (size_t)(d->end[1] - d->begin[1]),
           column = (size_t)d->begin[1] * (size_t)d->spread[1] + (size_t)d->pad[1],
           next = (size_t)d->spread[0] * d->shape.pitch, half = d->shape.half;
    const float *from = image + place->begin * stride + (size_t)d->begin[1];
    float *to = plane + place->row * d->shape.pitch;
    clear_rows(d, place, plane);
    if (d->spread[1] == 2)
        kernels->depthwise->spread_rows(place->count, width, from, stride, to + column, next);
    else if (d->shape.step[1] == 2)
        kernels->depthwise->split_rows(place->count, width, from, stride,
                                       to + column % 2 * half + column / 2,
                                       to + (column + 1) % 2 * half + (column + 1) / 2, next);
    else
        kernels->copy_rows(place->count, width, from, stride, to + column, next);
}

/* --- a convolution --- */

struct job {
    struct tn_network *network;
    const struct depthwise *c;
    const struct direction *direction;
    const float *weights, *from, *gradient;
    struct tn_finish finish;
    float *to;
    double *sums; /* [parts,channels,taps] of the weights' gradient */
};

static const float *kernel_of(const struct job *job, size_t channel, float *turned)
{
    size_t taps = job->c->taps;
    const float *weights = job->weights + channel * taps;
    if (!job->direction->turned)
        return weights;
    for (size_t k = 0; k < taps; k++)
        turned[k] = weights[taps - 1 - k];
    return turned;
}

/* A band of an image's channel: `index` of [N,channels]. */
static void convolve_band(const struct job *job, struct band band, size_t index, const float *plane)
{
    const struct direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    float turned[MOST_TAPS * MOST_TAPS];
    size_t channel = index % job->c->channels, width = (size_t)d->out[1];
    size_t above = (size_t)band.first * width, at = index * area(d->out) + above;
    struct tn_finish first = tn_finish_first(&job->finish);
    struct tn_depthwise_finish finish = {tn_finish_bias(&first, channel), first.least, first.most};
    kernels->depthwise->correlate(&d->shape, kernel_of(job, channel, turned), plane,
                                  (size_t)band.rows, width, area(d->out) - above, finish,
                                  job->to + at);
    tn_finish_last(kernels, &job->finish, job->to, at, (size_t)band.rows * width);
}

/* `count` channels, a block at most. A processor waits for what it has just written in smaller
 * pieces than it now reads, so small planes are all filled first. */
static void convolve_block(const struct job *job, size_t index, size_t count, float *planes)
{
    const struct direction *d = job->direction;
    for (int b = 0; b < d->bands; b++) {
        struct band band = band_at(d, b);
        struct place place = place_of(d, band);
        for (size_t i = 0; i < count; i++)
            fill(job->network->kernels, d, &place, job->from + (index + i) * area(d->in),
                 planes + i * d->floats);
        for (size_t i = 0; i < count; i++)
            convolve_band(job, band, index + i, planes + i * d->floats);
    }
}

static void convolve_channels(void *context, size_t begin, size_t end, unsigned worker)
{
    const struct job *job = context;
    float *planes = tn_scratch(job->network, worker);
    size_t block = job->direction->block;
    clear(job->direction, block, planes);
    for (size_t i = begin; i < end; i += block)
        convolve_block(job, i, end - i < block ? end - i : block, planes);
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
    tn_for_ranges((size_t)network->count * c->channels, 1 + TASK_FLOATS / area(c->forward.out),
                  convolve_channels, &job);
}

/* --- gradients --- */

/* What the images of one part add to the gradient of a block's weights. */
struct share {
    size_t channel, channels; /* the first, how many */
    int begin, end;           /* images */
    float *planes;            /* of the input */
    float *gradients; /* of the output: bands without borders, but with zeros to whole vectors */
    float *back;      /* planes of the output's gradient, for the input's */
    double *lanes;    /* [channels,taps,lanes] sums so far */
};

/* `index` of [N,channels]: the block's first. */
static void add_image(const struct job *job, const struct share *share, size_t index)
{
    const struct depthwise *c = job->c;
    const struct direction *d = &c->forward;
    const struct tn_kernels *kernels = job->network->kernels;
    size_t width = (size_t)d->out[1], sums = c->taps * (size_t)kernels->lanes;
    for (int b = 0; b < d->bands; b++) {
        struct band band = band_at(d, b);
        struct place place = place_of(d, band);
        size_t rows = (size_t)band.rows, above = (size_t)band.first * width;
        for (size_t i = 0; i < share->channels; i++) {
            fill(kernels, d, &place, job->from + (index + i) * area(d->in),
                 share->planes + i * d->floats);
            kernels->copy_rows(rows, width, job->gradient + (index + i) * area(d->out) + above,
                               width, share->gradients + i * c->gradient_floats, c->gradient_pitch);
        }
        for (size_t i = 0; i < share->channels; i++)
            kernels->depthwise->weights(&d->shape, share->planes + i * d->floats,
                                        share->gradients + i * c->gradient_floats,
                                        c->gradient_pitch, rows, share->lanes + i * sums);
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

static void add_share(const struct job *job, const struct share *share, double *sums)
{
    const struct depthwise *c = job->c;
    size_t lanes = (size_t)job->network->kernels->lanes, count = share->channels * c->taps;
    struct job back = *job;
    back.direction = &c->back;
    back.from = job->gradient;
    memset(share->lanes, 0, count * lanes * sizeof *share->lanes);
    for (int n = share->begin; n < share->end; n++) {
        size_t index = (size_t)n * c->channels + share->channel;
        add_image(job, share, index);
        if (job->to)
            convolve_block(&back, index, share->channels, share->back);
    }
    add_lanes(share->lanes, lanes, count, sums);
}

static size_t blocks(const struct depthwise *c)
{
    return (c->channels + c->block - 1) / c->block;
}

static void gradients_of_block(void *context, size_t index, unsigned worker)
{
    const struct job *job = context;
    const struct depthwise *c = job->c;
    size_t part = index / blocks(c), channel = index % blocks(c) * c->block;
    int images = job->network->count;
    struct share share = {.channel = channel,
                          .channels =
                              c->channels - channel < c->block ? c->channels - channel : c->block,
                          .begin = images * (int)part / c->parts,
                          .end = images * ((int)part + 1) / c->parts,
                          .planes = tn_scratch(job->network, worker)};
    share.gradients = share.planes + c->block * c->forward.floats;
    share.back = share.gradients + c->block * c->gradient_floats;
    share.lanes = (double *)(void *)(share.back + c->block * c->back.floats);
    clear(&c->forward, c->block, share.planes);
    memset(share.gradients, 0, c->block * c->gradient_floats * sizeof *share.gradients);
    clear(&c->back, c->block, share.back);
    add_share(job, &share, job->sums + (part * c->channels + channel) * c->taps);
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
                      .to = input_gradient,
                      .sums = (double *)(void *)tn_shared(network)};
    size_t count = c->channels * c->taps;
    tn_parallel(blocks(c) * (size_t)c->parts, gradients_of_block, &job);
    for (size_t k = 0; k < count; k++) {
        double sum = 0;
        for (size_t part = 0; part < (size_t)c->parts; part++)
            sum += job.sums[part * count + k];
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
    tn_free(state);
}

static void prepare_back(struct tn_network *network, struct depthwise *c)
{
    size_t lanes = (size_t)network->kernels->lanes, in_double = sizeof(double) / sizeof(float);
    c->block = c->forward.block < c->back.block ? c->forward.block : c->back.block;
    c->gradient_pitch = round_up((size_t)c->forward.out[1], lanes);
    c->gradient_floats = (size_t)c->forward.band_rows * c->gradient_pitch;
    c->parts = least(network->max_batch, (int)((TASKS + blocks(c) - 1) / blocks(c)));
    tn_want_shared(network, (size_t)c->parts * c->channels * c->taps * in_double);
    tn_want_scratch(network, c->block * (c->forward.floats + c->gradient_floats + c->back.floats +
                                         c->taps * lanes * in_double));
}

static void *prepare(struct tn_network *network, const struct tn_window *window, int passes,
                     const char *name, struct tn_error *error)
{
    struct depthwise *c = tn_calloc(1, sizeof *c);
    if (!c) {
        tn_fail_memory(error, name, sizeof *c);
        return NULL;
    }
    c->channels = (size_t)window->channels_in;
    c->taps = (size_t)window->kernel[0] * (size_t)window->kernel[1];
    make_directions(window, c);
    tn_want_scratch(network, c->forward.block * c->forward.floats);
    if (passes != TN_PASS_FORWARD)
        prepare_back(network, c);
    return c;
}

const struct tn_conv_path tn_depthwise_path = {
    .name = "depthwise",
    .fits = fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};
