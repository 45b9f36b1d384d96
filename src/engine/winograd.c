/* 3x3 convolutions of stride 1 by Winograd's F(4x4,3x3) (Lavin, Gray 2016): a quarter of the
 * multiplications. Each 4x4 tile of the output comes from 36 products of transformed tiles and
 * transformed weights, and these are 36 small matrix products over channels. The gradient of the
 * input is the convolution of the output's gradient with the turned weights; the gradient of the
 * weights is the transposed way: sums over tiles of transformed input times A dy A'. */
#include "engine/winograd.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/row_block.h"

#include <string.h>

enum {
    SLICE_FLOATS = 40 * 1024,  /* transformed tiles of a slice: should stay in the cache */
    SLICE_LEAST = 32,          /* tiles, which share the reading of weights; more where those are */
    WEIGHTS_LARGE = 256 * 1024 /* floats */
};

struct winograd {
    struct tn_winograd_direction forward, back;
    struct tn_winograd_chunk chunk;
    int passes;
};

static int tile_count(int size)
{
    return (size + TN_TILE - 1) / TN_TILE;
}

int tn_winograd_choose_rows(const struct tn_winograd_direction *d, size_t floats, size_t least,
                            size_t most)
{
    size_t tiles = floats / (TN_TILE_POINTS * ((size_t)d->channels + (size_t)d->filters));
    tiles = tiles > most ? most : tiles / TN_WINOGRAD_TILES * TN_WINOGRAD_TILES;
    tiles = tiles < least ? least : tiles;
    size_t rows = tiles / (size_t)d->across;
    return rows < 1 ? 1 : (int)rows;
}

/* --- preparation --- */

/* Floating point operations saved against what the transforms cost, measured on AVX2. */
static bool fits(const struct tn_network *network, const struct tn_window *w)
{
    (void)network;
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1 || w->pad_begin[i] > 2 ||
            w->out[i] < TN_TILE || w->in[i] < TN_TILE)
            return false;
    double filters = w->channels_out, channels = w->channels_in;
    double tiles = (double)tile_count(w->out[0]) * tile_count(w->out[1]);
    double direct = 72 * filters * channels * w->out[0] * w->out[1] / 16;
    double here = tiles * (18 * filters * channels + 220 * channels + 130 * filters);
    return w->groups == 1 && here < 0.9 * direct;
}

static bool prepare_direction(struct tn_network *network, struct tn_winograd_direction *d)
{
    size_t lanes = (size_t)network->kernels->lanes;
    d->down = tile_count(d->out[0]);
    d->across = tile_count(d->out[1]);
    size_t weights = TN_TILE_POINTS * (size_t)d->channels * (size_t)d->filters;
    d->rows = tn_winograd_choose_rows(
        d, SLICE_FLOATS, weights < WEIGHTS_LARGE ? SLICE_LEAST : TN_WINOGRAD_LEAST_LARGE, SIZE_MAX);
    if (d->rows > network->max_batch * d->down)
        d->rows = network->max_batch * d->down;
    d->tiles = tn_winograd_round_up((size_t)d->rows * (size_t)d->across, lanes);
    d->stride[0] = tn_winograd_point_stride((size_t)d->channels, d->tiles);
    d->stride[1] = tn_winograd_point_stride((size_t)d->filters, d->tiles);
    d->shares = network->mode == TN_TRAINING;
    if (d->shares)
        tn_want_shared(network, weights);
    else
        d->weights = tn_want_memory(network, weights, sizeof(float));
    d->offsets = tn_calloc((size_t)d->channels, sizeof *d->offsets);
    for (int c = 0; d->offsets && c < d->channels; c++)
        d->offsets[c] = (ptrdiff_t)((size_t)c * d->tiles);
    return (d->weights || d->shares) && d->offsets;
}

static size_t slice_floats(const struct tn_winograd_direction *d)
{
    return tn_winograd_workspace(d, d->rows) + TN_TILE_POINTS * (d->stride[0] + d->stride[1]) +
           TN_READ_AHEAD;
}

static void release(void *state)
{
    struct winograd *winograd = state;
    if (!winograd)
        return;
    if (!winograd->forward.shares)
        tn_free(winograd->forward.weights);
    tn_free(winograd->forward.offsets);
    if (!winograd->back.shares)
        tn_free(winograd->back.weights);
    tn_free(winograd->back.offsets);
    tn_free(winograd);
}

static bool prepare_passes(struct tn_network *network, struct winograd *winograd)
{
    struct tn_winograd_direction *forward = &winograd->forward, *back = &winograd->back;
    if (!prepare_direction(network, forward))
        return false;
    tn_want_scratch(network, slice_floats(forward));
    if (winograd->passes == TN_PASS_FORWARD)
        return true;
    if (!prepare_direction(network, back))
        return false;
    tn_want_scratch(network, slice_floats(back));
    tn_winograd_sums_prepare(network, forward, &winograd->chunk);
    return true;
}

static void *prepare(struct tn_network *network, const struct tn_window *w, int passes,
                     const char *name, struct tn_error *error)
{
    struct winograd *winograd = tn_calloc(1, sizeof *winograd);
    if (winograd) {
        winograd->passes = passes;
        winograd->forward =
            (struct tn_winograd_direction){.channels = w->channels_in,
                                           .filters = w->channels_out,
                                           .in = {w->in[0], w->in[1]},
                                           .out = {w->out[0], w->out[1]},
                                           .pad = {w->pad_begin[0], w->pad_begin[1]}};
        winograd->back =
            (struct tn_winograd_direction){.channels = w->channels_out,
                                           .filters = w->channels_in,
                                           .in = {w->out[0], w->out[1]},
                                           .out = {w->in[0], w->in[1]},
                                           .pad = {2 - w->pad_begin[0], 2 - w->pad_begin[1]}};
        if (prepare_passes(network, winograd))
            return winograd;
    }
    tn_fail_memory(error, name,
                   TN_TILE_POINTS * (size_t)w->channels_in * (size_t)w->channels_out *
                       sizeof(float));
    release(winograd);
    return NULL;
}

/* --- weights: G w G' --- */

struct weights_job {
    struct tn_winograd_direction *direction;
    const float *weights;
    int tile_rows;
    bool turned; /* the way back: filters and channels changed about, kernels turned by 180 degrees
                  */
};

_Static_assert((int)TN_WINOGRAD_SIDE >= (int)TN_MAX_TILE_ROWS,
               "a block of filters is transformed at once");

/* G along one direction of TN_WINOGRAD_SIDE kernels; numbers and points `step` and `points_step`
 * rows apart. */
static void weight_points(float (*w)[TN_WINOGRAD_SIDE], int step, float (*points)[TN_WINOGRAD_SIDE],
                          int points_step)
{
    for (int s = 0; s < TN_WINOGRAD_SIDE; s++) {
        float a = w[0][s], b = w[step][s], c = w[2 * step][s];
        float sixth = (a + c) * (1.0f / 6), far = a * (1.0f / 24) + c * (1.0f / 6);
        points[0][s] = a * 0.25f;
        points[points_step][s] = -sixth - b * (1.0f / 6);
        points[2 * points_step][s] = b * (1.0f / 6) - sixth;
        points[3 * points_step][s] = far + b * (1.0f / 12);
        points[4 * points_step][s] = far - b * (1.0f / 12);
        points[5 * points_step][s] = c;
    }
}

static void transform_kernels(float (*kernels)[TN_WINOGRAD_SIDE], float (*points)[TN_WINOGRAD_SIDE])
{
    float across[3 * TN_TILE_IN][TN_WINOGRAD_SIDE];
    for (int i = 0; i < 3; i++)
        weight_points(kernels + 3 * i, 1, across + TN_TILE_IN * i, 1);
    for (int j = 0; j < TN_TILE_IN; j++)
        weight_points(across + j, TN_TILE_IN, points + j, TN_TILE_IN);
}

static const float *kernel_at(const struct weights_job *job, int filter, int channel)
{
    const struct tn_winograd_direction *d = job->direction;
    size_t at = job->turned ? (size_t)channel * (size_t)d->filters + (size_t)filter
                            : (size_t)filter * (size_t)d->channels + (size_t)channel;
    return job->weights + 9 * at;
}

static void transform_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_job *job = context;
    struct tn_winograd_direction *d = job->direction;
    size_t size = (size_t)d->channels * (size_t)d->filters;
    struct tn_row_block block =
        tn_row_block_at(d->filters, tn_row_blocks(d->filters, job->tile_rows), (int)index);
    size_t row_bytes = (size_t)block.rows * sizeof(float);
    float kernels[9][TN_WINOGRAD_SIDE] = {{0}}, points[TN_TILE_POINTS][TN_WINOGRAD_SIDE];
    for (int c = 0; c < d->channels; c++) {
        for (int r = 0; r < block.rows; r++) {
            const float *kernel = kernel_at(job, block.begin + r, c);
            for (int i = 0; i < 9; i++)
                kernels[i][r] = kernel[job->turned ? 8 - i : i];
        }
        transform_kernels(kernels, points);
        float *to =
            d->weights + (size_t)block.begin * (size_t)d->channels + (size_t)c * (size_t)block.rows;
        for (size_t p = 0; p < TN_TILE_POINTS; p++)
            memcpy(to + p * size, points[p], row_bytes);
    }
}

static void transform_weights(struct tn_network *network, struct tn_winograd_direction *d,
                              const float *weights, bool turned)
{
    struct weights_job job = {d, weights, network->kernels->tile_rows, turned};
    if (d->ready)
        return;
    if (d->shares)
        job.direction->weights = tn_shared(network);
    tn_parallel((size_t)tn_row_blocks(d->filters, job.tile_rows), transform_block, &job);
    d->ready = network->mode == TN_INFER;
}

/* --- a convolution --- */

struct job {
    struct tn_network *network;
    const struct tn_winograd_direction *direction;
    const float *from;
    struct tn_finish finish;
    float *to;
};

static void multiply(const struct job *job, const float *inputs, float *outputs)
{
    const struct tn_winograd_direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    int blocks = tn_row_blocks(d->filters, kernels->tile_rows);
    size_t size = (size_t)d->channels * (size_t)d->filters;
    for (size_t p = 0; p < TN_TILE_POINTS; p++)
        for (int b = 0; b < blocks; b++) {
            struct tn_row_block block = tn_row_block_at(d->filters, blocks, b);
            kernels->correlate(block.rows, d->channels,
                               d->weights + p * size + (size_t)block.begin * (size_t)d->channels,
                               inputs + p * d->stride[0], d->offsets, d->tiles,
                               outputs + p * d->stride[1] + (size_t)block.begin * d->tiles,
                               d->tiles);
        }
}

/* Inputs of all channels to points. */
static void transform_inputs(const struct job *job, struct tn_winograd_stretch in, float *workspace,
                             float *inputs)
{
    const struct tn_winograd_direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    struct tn_tiles tiles = tn_winograd_tiles_of(&in, false, tn_winograd_corners(workspace));
    float *plane = tn_winograd_plane(workspace, d, d->rows);
    memset(plane, 0,
           tn_winograd_plane_floats(&in) * sizeof *plane); /* once: copies leave the borders */
    for (int c = 0; c < d->channels; c++) {
        tn_winograd_copy_plane(&in, kernels,
                               (float *)(uintptr_t)job->from + (size_t)c * tn_winograd_area(d->in),
                               plane, true);
        if (c + 1 < d->channels)
            tn_winograd_expect(&in, job->from + (size_t)(c + 1) * tn_winograd_area(d->in));
        kernels->winograd->input(&tiles, plane, inputs + (size_t)c * d->tiles, d->stride[0]);
    }
}

/* Add to the outputs of filter f what stands at their places. */
static void add_addend(const struct job *job, const struct tn_winograd_stretch *out, size_t f)
{
    struct tn_winograd_part part = {0};
    size_t width = (size_t)out->width;
    while (tn_winograd_next_part(out, &part))
        tn_finish_last(job->network->kernels, &job->finish, job->to,
                       (size_t)part.image * out->image + f * tn_winograd_area(job->direction->out) +
                           (size_t)part.begin * width,
                       (size_t)(part.end - part.begin) * width);
}

/* Points of all filters to outputs. */
static void transform_outputs(const struct job *job, struct tn_winograd_stretch out,
                              float *workspace, const float *outputs)
{
    const struct tn_winograd_direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    bool fill = tn_winograd_tiles_fill(&out);
    struct tn_tiles tiles = tn_winograd_tiles_of(&out, fill, tn_winograd_corners(workspace));
    float *plane = tn_winograd_plane(workspace, d, d->rows);
    struct tn_finish first = tn_finish_first(&job->finish);
    for (int f = 0; f < d->filters; f++) {
        float *to = job->to + (size_t)f * tn_winograd_area(d->out);
        if (f + 1 < d->filters)
            tn_winograd_expect(&out, to + tn_winograd_area(d->out));
        kernels->winograd->output(&tiles, outputs + (size_t)f * d->tiles, d->stride[1],
                                  tn_finish_bias(&first, (size_t)f), first.least, first.most,
                                  fill ? to : plane);
        if (!fill)
            tn_winograd_copy_plane(&out, kernels, to, plane, false);
        if (job->finish.addend)
            add_addend(job, &out, (size_t)f);
    }
}

static int rows_from(const struct job *job, int first, int most)
{
    int left = job->network->count * job->direction->down - first;
    return left < most ? left : most;
}

static void convolve_slice(void *context, size_t index, unsigned worker)
{
    const struct job *job = context;
    const struct tn_winograd_direction *d = job->direction;
    float *workspace = tn_scratch(job->network, worker);
    float *inputs = workspace + tn_winograd_workspace(d, d->rows);
    float *outputs = inputs + TN_TILE_POINTS * d->stride[0];
    int first = (int)index * d->rows, count = rows_from(job, first, d->rows);
    transform_inputs(job, tn_winograd_stretch_of(d, true, first, count), workspace, inputs);
    multiply(job, inputs, outputs);
    transform_outputs(job, tn_winograd_stretch_of(d, false, first, count), workspace, outputs);
}

static void convolve(struct tn_network *network, struct tn_winograd_direction *d,
                     const float *weights, bool turned, const float *from, struct tn_finish finish,
                     float *to)
{
    struct job job = {.network = network, .direction = d, .from = from, .finish = finish, .to = to};
    int rows = network->count * d->down;
    transform_weights(network, d, weights, turned);
    tn_parallel((size_t)((rows + d->rows - 1) / d->rows), convolve_slice, &job);
}

static void forward(struct tn_network *network, void *state, const float *weights,
                    const float *input, struct tn_finish finish, float *output)
{
    struct winograd *winograd = state;
    convolve(network, &winograd->forward, weights, false, input, finish, output);
}

static void backward(struct tn_network *network, void *state, const float *weights,
                     const float *input, const float *output_gradient, float *weights_gradient,
                     float *input_gradient)
{
    struct winograd *winograd = state;
    tn_winograd_sums(network, &winograd->forward, &winograd->chunk, input, output_gradient,
                     weights_gradient);
    if (input_gradient)
        convolve(network, &winograd->back, weights, true, output_gradient, tn_unfinished,
                 input_gradient);
}

const struct tn_conv_path tn_winograd_path = {
    .name = "winograd",
    .fits = fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};
