/* 3x3 convolutions of stride 1 by Winograd's F(4x4,3x3) (Lavin, Gray 2016): a quarter of the
 * multiplications. Each 4x4 tile of the output comes from 36 products of transformed tiles and
 * transformed weights, and these are 36 small matrix products over channels. The gradient of the
 * input is the convolution of the output's gradient with the turned weights; the gradient of the
 * weights is the transposed way: sums over tiles of transformed input times A dy A'. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/conv_path.h"
#include "engine/prefetch.h"
#include "engine/product.h"
#include "engine/row_block.h"

#include <string.h>

enum {
    SLICE_FLOATS = 40 * 1024, /* transformed tiles of a slice: should stay in the cache */
    SLICE_TILES = 16,         /* a multiple of this, a vector of the widest; at least these, which
                                 share the reading of weights, and more where those are large: */
    SLICE_LEAST = 32,
    SLICE_LEAST_LARGE = 48,
    WEIGHTS_LARGE = 256 * 1024,     /* floats */
    CHUNK_FLOATS = 4 * 1024 * 1024, /* the same for the gradient of the weights */
    CHUNK_MOST = 480,
    PART_FLOATS = 80 * 1024, /* the same where it is summed in parts */
    PART_LEAST = 48,
    PART_MOST = 64,
    PARTS_FLOATS = 5 * 256 * 1024, /* of the sums of all parts */
    PARTS_LEAST = 8,               /* fewer would leave workers idle */
    PARTS_MOST = 16,
    DEEP = 96,      /* tiles summed at once: they stay in the first-level cache, and the rounding
                       errors of short sums are small */
    TILE_ALIGN = 16 /* floats: the widest vector */
};

/* One convolution: forward, or on the way back from the gradient of the output to the input's. */
struct direction {
    int channels, filters;
    int in[2], out[2], pad[2];
    int down, across;   /* tiles of an image */
    int rows;           /* tile rows a slice */
    size_t tiles, span; /* of a slice: rounded up to vectors; floats of a line */
    size_t stride[2];   /* floats from point to point of a slice's inputs and outputs */
    float *weights;     /* [36][block of filters][channel][filter of the block] */
    ptrdiff_t *offsets; /* [channels] of a channel's tiles */
    bool ready;         /* the weights are transformed, and stay */
    bool shares;        /* training: they are in memory that all steps share */
};

/* The gradient of the weights goes over the batch in chunks of tile rows. Points of gradients are
 * [36][filter][tile]; those of inputs [36][tile of channels][tile][channel], as the right factor of
 * a product (product.h). */
struct chunk {
    int rows;
    size_t tiles, stride[2]; /* inputs, gradients */
    size_t padded;           /* channels in whole vectors */
    size_t parts;            /* that have sums of their own; if 1, chunks are summed in turn */
};

struct winograd {
    struct direction forward, back;
    struct chunk chunk;
    int passes;
};

static size_t round_up(size_t count, size_t to)
{
    return (count + to - 1) / to * to;
}

/* Tiles of a point of all channels. An odd number of cache lines, or 36 points a power of two apart
 * would push one another out of the cache. */
static size_t point_stride(size_t channels, size_t tiles)
{
    size_t lines = (channels * tiles + TILE_ALIGN - 1) / TILE_ALIGN;
    return (lines | 1) * TILE_ALIGN;
}

static int tile_count(int size)
{
    return (size + TN_TILE - 1) / TN_TILE;
}

/* Tile rows such that their transforms take about `floats`, in full blocks of the kernels if they
 * can. */
static int choose_rows(const struct direction *d, size_t floats, size_t least, size_t most)
{
    size_t tiles = floats / (TN_TILE_POINTS * ((size_t)d->channels + (size_t)d->filters));
    tiles = tiles > most ? most : tiles / SLICE_TILES * SLICE_TILES;
    tiles = tiles < least ? least : tiles;
    size_t rows = tiles / (size_t)d->across;
    return rows < 1 ? 1 : (int)rows;
}

static size_t area(const int size[2])
{
    return (size_t)size[0] * (size_t)size[1];
}

/* --- planes: an image's rows with zeros around them, as tiles read them --- */

/* Tile rows first .. first + count - 1 of the batch, of any channel. Those of one image stand
 * together in a plane: the rows they read or write, then those of the next image. */
struct stretch {
    int first, count;
    int down, across;    /* tiles of an image */
    int height, width;   /* of an image */
    int pad[2], overlap; /* inputs: tiles read `overlap` rows and columns of the next one */
    size_t image;        /* floats from one image to the next */
};

static size_t plane_pitch(const struct stretch *s)
{
    return TN_TILE * ((size_t)s->across + (s->overlap ? 1 : 0));
}

/* Floats of a plane that has room for any stretch of `count` tile rows. */
static size_t plane_floats(const struct stretch *s)
{
    size_t images = (size_t)(s->count + s->down - 1) / (size_t)s->down + 1;
    return ((size_t)s->count * TN_TILE + images * (size_t)s->overlap) * plane_pitch(s) +
           TN_READ_AHEAD;
}

/* Rows of one image in a stretch. */
struct part {
    int image, first, count; /* tile rows */
    int top, begin, end;     /* image row of the plane's first; rows of the image in the plane */
    size_t row;              /* of the plane */
};

/* The part after `part`, or the first where its count is 0. False past the last. */
static bool next_part(const struct stretch *s, struct part *part)
{
    int done = part->count ? part->image * s->down + part->first + part->count : s->first;
    size_t row = part->count ? part->row + (size_t)(part->count * TN_TILE + s->overlap) : 0;
    int left = s->first + s->count - done, in_image = s->down - done % s->down;
    if (left <= 0)
        return false;
    *part = (struct part){.image = done / s->down,
                          .first = done % s->down,
                          .count = left < in_image ? left : in_image,
                          .row = row};
    part->top = part->first * TN_TILE - s->pad[0];
    part->begin = part->top > 0 ? part->top : 0;
    part->end = part->top + part->count * TN_TILE + s->overlap;
    part->end = part->end < s->height ? part->end : s->height;
    return true;
}

/* Between the images and a plane, whose other numbers stay as they are. */
static void copy_plane(const struct stretch *s, const struct tn_kernels *kernels, float *channel,
                       float *plane, bool to_plane)
{
    struct part part = {0};
    size_t width = (size_t)s->width, pitch = plane_pitch(s);
    while (next_part(s, &part)) {
        float *rows = channel + (size_t)part.image * s->image + (size_t)part.begin * width;
        float *at = plane + (part.row + (size_t)(part.begin - part.top)) * pitch + s->pad[1];
        size_t count = part.end > part.begin ? (size_t)(part.end - part.begin) : 0;
        if (to_plane)
            kernels->copy_rows(count, width, rows, width, at, pitch);
        else
            kernels->copy_rows(count, width, at, pitch, rows, width);
    }
}

/* Ask for a channel's rows before they are read or written: what comes next from memory while the
 * one before is computed. */
static void ask_ahead(const struct stretch *s, const float *channel)
{
    struct part part = {0};
    while (next_part(s, &part)) {
        const float *rows =
            channel + (size_t)part.image * s->image + (size_t)part.begin * (size_t)s->width;
        tn_expect_reads(rows, (size_t)(part.end - part.begin) * (size_t)s->width);
    }
}

/* Corners of the tiles, in a plane or, where tiles fill the images, in these. */
static void place_tiles(const struct stretch *s, bool in_images, ptrdiff_t *at)
{
    struct part part = {0};
    size_t pitch = in_images ? (size_t)s->width : plane_pitch(s);
    while (next_part(s, &part))
        for (int y = 0; y < part.count; y++)
            for (int x = 0; x < s->across; x++) {
                size_t row =
                    in_images ? (size_t)(part.first + y) * TN_TILE : part.row + (size_t)y * TN_TILE;
                *at++ = (ptrdiff_t)((in_images ? (size_t)part.image * s->image : 0) + row * pitch +
                                    (size_t)x * TN_TILE);
            }
}

static bool tiles_fill(const struct stretch *s)
{
    return s->height % TN_TILE == 0 && s->width % TN_TILE == 0;
}

static struct tn_tiles tiles_of(const struct stretch *s, bool in_images, ptrdiff_t *at)
{
    place_tiles(s, in_images, at);
    return (struct tn_tiles){.count = (size_t)s->count * (size_t)s->across,
                             .at = at,
                             .pitch = in_images ? (size_t)s->width : plane_pitch(s),
                             .across = s->across};
}

static struct stretch stretch_of(const struct direction *d, bool of_inputs, int first, int count)
{
    const int *size = of_inputs ? d->in : d->out;
    return (struct stretch){.first = first,
                            .count = count,
                            .down = d->down,
                            .across = d->across,
                            .height = size[0],
                            .width = size[1],
                            .pad = {of_inputs ? d->pad[0] : 0, of_inputs ? d->pad[1] : 0},
                            .overlap = of_inputs ? TN_TILE_IN - TN_TILE : 0,
                            .image = (size_t)(of_inputs ? d->channels : d->filters) *
                                     (size_t)size[0] * (size_t)size[1]};
}

/* What transforms of `rows` tile rows need besides the points: a plane and the tiles' corners. */
static size_t workspace_floats(const struct direction *d, int rows)
{
    struct stretch in = stretch_of(d, true, 0, rows), out = stretch_of(d, false, 0, rows);
    size_t plane = plane_floats(&in) > plane_floats(&out) ? plane_floats(&in) : plane_floats(&out);
    size_t corners = (size_t)rows * (size_t)d->across * (sizeof(ptrdiff_t) / sizeof(float));
    return round_up(corners, TILE_ALIGN) + round_up(plane, TILE_ALIGN);
}

static ptrdiff_t *corners_in(float *workspace)
{
    return (ptrdiff_t *)(void *)workspace;
}

static float *plane_in(float *workspace, const struct direction *d, int rows)
{
    size_t corners = (size_t)rows * (size_t)d->across * (sizeof(ptrdiff_t) / sizeof(float));
    return workspace + round_up(corners, TILE_ALIGN);
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

static bool prepare_direction(struct tn_network *network, struct direction *d)
{
    size_t lanes = (size_t)network->kernels->lanes;
    d->down = tile_count(d->out[0]);
    d->across = tile_count(d->out[1]);
    size_t weights = TN_TILE_POINTS * (size_t)d->channels * (size_t)d->filters;
    d->rows = choose_rows(d, SLICE_FLOATS,
                          weights < WEIGHTS_LARGE ? SLICE_LEAST : SLICE_LEAST_LARGE, SIZE_MAX);
    if (d->rows > network->max_batch * d->down)
        d->rows = network->max_batch * d->down;
    d->tiles = round_up((size_t)d->rows * (size_t)d->across, lanes);
    d->stride[0] = point_stride((size_t)d->channels, d->tiles);
    d->stride[1] = point_stride((size_t)d->filters, d->tiles);
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

static size_t slice_floats(const struct direction *d)
{
    return workspace_floats(d, d->rows) + TN_TILE_POINTS * (d->stride[0] + d->stride[1]) +
           TN_READ_AHEAD;
}

/* Many small sums: the batch in parts, each worker with chunks of its own that stay in its cache.
 * Otherwise large chunks, in which all take part. */
static void prepare_chunk(const struct tn_network *network, struct winograd *winograd)
{
    const struct direction *d = &winograd->forward;
    struct chunk *chunk = &winograd->chunk;
    size_t lanes = (size_t)network->kernels->lanes;
    int most = network->max_batch * d->down;
    chunk->padded = round_up((size_t)d->channels, lanes);
    chunk->parts = PARTS_FLOATS / (TN_TILE_POINTS * (size_t)d->filters * chunk->padded);
    chunk->parts = chunk->parts < PARTS_LEAST ? 1 : tn_least(chunk->parts, PARTS_MOST);
    chunk->rows = chunk->parts > 1 ? choose_rows(d, PART_FLOATS, PART_LEAST, PART_MOST)
                                   : choose_rows(d, CHUNK_FLOATS, SLICE_LEAST_LARGE, CHUNK_MOST);
    chunk->rows = chunk->rows > most ? most : chunk->rows;
    chunk->tiles = round_up((size_t)chunk->rows * (size_t)d->across, lanes);
    chunk->stride[0] = point_stride(chunk->padded, chunk->tiles);
    chunk->stride[1] = point_stride((size_t)d->filters, chunk->tiles);
}

static size_t sum_floats(const struct winograd *winograd)
{
    return TN_TILE_POINTS * (size_t)winograd->forward.filters * winograd->chunk.padded;
}

static size_t chunk_floats(const struct winograd *winograd)
{
    return TN_TILE_POINTS * (winograd->chunk.stride[0] + winograd->chunk.stride[1]) + TN_READ_AHEAD;
}

/* A row of an image in all the lanes' channels, as input_channels reads it. */
static size_t channel_row_floats(const struct direction *d, size_t lanes)
{
    return ((size_t)d->across * TN_TILE + TN_TILE_IN - TN_TILE) * lanes;
}

static size_t chunk_workspace(const struct tn_network *network, const struct winograd *winograd)
{
    const struct direction *d = &winograd->forward;
    size_t rows = (TN_TILE_IN + 1) * channel_row_floats(d, (size_t)network->kernels->lanes);
    size_t plane = workspace_floats(d, winograd->chunk.rows);
    return round_up(rows > plane ? rows : plane, TILE_ALIGN);
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
    struct direction *forward = &winograd->forward, *back = &winograd->back;
    if (!prepare_direction(network, forward))
        return false;
    tn_want_scratch(network, slice_floats(forward));
    if (winograd->passes == TN_PASS_FORWARD)
        return true;
    if (!prepare_direction(network, back))
        return false;
    prepare_chunk(network, winograd);
    size_t parts = winograd->chunk.parts, chunk = chunk_floats(winograd);
    tn_want_scratch(network, slice_floats(back));
    tn_want_scratch(network, chunk_workspace(network, winograd) + (parts > 1 ? chunk : 0));
    tn_want_shared(network, parts * sum_floats(winograd) + (parts > 1 ? 0 : chunk));
    return true;
}

static void *prepare(struct tn_network *network, const struct tn_window *w, int passes,
                     const char *name, struct tn_error *error)
{
    struct winograd *winograd = tn_calloc(1, sizeof *winograd);
    if (winograd) {
        winograd->passes = passes;
        winograd->forward = (struct direction){.channels = w->channels_in,
                                               .filters = w->channels_out,
                                               .in = {w->in[0], w->in[1]},
                                               .out = {w->out[0], w->out[1]},
                                               .pad = {w->pad_begin[0], w->pad_begin[1]}};
        winograd->back = (struct direction){.channels = w->channels_out,
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
    struct direction *direction;
    const float *weights;
    int tile_rows;
    bool turned; /* the way back: filters and channels changed about, kernels turned by 180 degrees
                  */
};

enum {
    SIDE = 8 /* kernels that are transformed side by side, so that the compiler can use vectors */
};
_Static_assert((int)SIDE >= (int)TN_MAX_TILE_ROWS, "a block of filters is transformed at once");

/* G along one direction of SIDE kernels; numbers and points `step` and `points_step` rows apart. */
static void weight_points(float (*w)[SIDE], int step, float (*points)[SIDE], int points_step)
{
    for (int s = 0; s < SIDE; s++) {
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

static void transform_kernels(float (*kernels)[SIDE], float (*points)[SIDE])
{
    float across[3 * TN_TILE_IN][SIDE];
    for (int i = 0; i < 3; i++)
        weight_points(kernels + 3 * i, 1, across + TN_TILE_IN * i, 1);
    for (int j = 0; j < TN_TILE_IN; j++)
        weight_points(across + j, TN_TILE_IN, points + j, TN_TILE_IN);
}

static const float *kernel_at(const struct weights_job *job, int filter, int channel)
{
    const struct direction *d = job->direction;
    size_t at = job->turned ? (size_t)channel * (size_t)d->filters + (size_t)filter
                            : (size_t)filter * (size_t)d->channels + (size_t)channel;
    return job->weights + 9 * at;
}

static void transform_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_job *job = context;
    struct direction *d = job->direction;
    size_t size = (size_t)d->channels * (size_t)d->filters;
    struct tn_row_block block =
        tn_row_block_at(d->filters, tn_row_blocks(d->filters, job->tile_rows), (int)index);
    size_t row_bytes = (size_t)block.rows * sizeof(float);
    float kernels[9][SIDE] = {{0}}, points[TN_TILE_POINTS][SIDE];
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

static void transform_weights(struct tn_network *network, struct direction *d, const float *weights,
                              bool turned)
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
    const struct winograd *winograd;
    const struct direction *direction;
    const float *from, *gradient;
    struct tn_finish finish;
    float *to, *sums;
    size_t parts; /* of the sums */
};

static void multiply(const struct job *job, const float *inputs, float *outputs)
{
    const struct direction *d = job->direction;
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
static void transform_inputs(const struct job *job, struct stretch in, float *workspace,
                             float *inputs)
{
    const struct direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    struct tn_tiles tiles = tiles_of(&in, false, corners_in(workspace));
    float *plane = plane_in(workspace, d, d->rows);
    memset(plane, 0, plane_floats(&in) * sizeof *plane); /* once: copies leave the borders */
    for (int c = 0; c < d->channels; c++) {
        copy_plane(&in, kernels, (float *)(uintptr_t)job->from + (size_t)c * area(d->in), plane,
                   true);
        if (c + 1 < d->channels)
            ask_ahead(&in, job->from + (size_t)(c + 1) * area(d->in));
        kernels->winograd->input(&tiles, plane, inputs + (size_t)c * d->tiles, d->stride[0]);
    }
}

/* Add to the outputs of filter f what stands at their places. */
static void add_addend(const struct job *job, const struct stretch *out, size_t f)
{
    struct part part = {0};
    size_t width = (size_t)out->width;
    while (next_part(out, &part))
        tn_finish_last(job->network->kernels, &job->finish, job->to,
                       (size_t)part.image * out->image + f * area(job->direction->out) +
                           (size_t)part.begin * width,
                       (size_t)(part.end - part.begin) * width);
}

/* Points of all filters to outputs. */
static void transform_outputs(const struct job *job, struct stretch out, float *workspace,
                              const float *outputs)
{
    const struct direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    bool fill = tiles_fill(&out);
    struct tn_tiles tiles = tiles_of(&out, fill, corners_in(workspace));
    float *plane = plane_in(workspace, d, d->rows);
    struct tn_finish first = tn_finish_first(&job->finish);
    for (int f = 0; f < d->filters; f++) {
        float *to = job->to + (size_t)f * area(d->out);
        if (f + 1 < d->filters)
            ask_ahead(&out, to + area(d->out));
        kernels->winograd->output(&tiles, outputs + (size_t)f * d->tiles, d->stride[1],
                                  tn_finish_bias(&first, (size_t)f), first.least, first.most,
                                  fill ? to : plane);
        if (!fill)
            copy_plane(&out, kernels, to, plane, false);
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
    const struct direction *d = job->direction;
    float *workspace = tn_scratch(job->network, worker);
    float *inputs = workspace + workspace_floats(d, d->rows);
    float *outputs = inputs + TN_TILE_POINTS * d->stride[0];
    int first = (int)index * d->rows, count = rows_from(job, first, d->rows);
    transform_inputs(job, stretch_of(d, true, first, count), workspace, inputs);
    multiply(job, inputs, outputs);
    transform_outputs(job, stretch_of(d, false, first, count), workspace, outputs);
}

static void convolve(struct tn_network *network, struct direction *d, const float *weights,
                     bool turned, const float *from, struct tn_finish finish, float *to)
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

/* --- gradient of the weights --- */

/* A chunk on its way through transforms and sums. */
struct lot {
    const struct job *job;
    size_t index; /* of the chunk */
    float *points[2], *sums;
    bool add; /* to the sums */
};

static struct stretch stretch_of_lot(const struct lot *lot, bool of_inputs)
{
    int rows = lot->job->winograd->chunk.rows, first = (int)lot->index * rows;
    return stretch_of(lot->job->direction, of_inputs, first, rows_from(lot->job, first, rows));
}

/* Tiles that the transforms of a lot fill. */
static size_t depth_of(const struct lot *lot)
{
    struct stretch s = stretch_of_lot(lot, false);
    return round_up((size_t)s.count * (size_t)s.across, (size_t)lot->job->network->kernels->lanes);
}

/* One row of the image in all of `channels`, from those of the first; zero where there is none. */
static void pack_row(const struct stretch *s, size_t channels, size_t lanes, const float *from,
                     int row, const struct tn_kernels *kernels, float *to)
{
    size_t width = (size_t)s->width, plane = (size_t)s->height * width;
    if (row < 0 || row >= s->height)
        memset(to, 0, ((size_t)s->across * TN_TILE + (size_t)s->overlap) * lanes * sizeof *to);
    else
        kernels->interleave(channels, width, from + (size_t)row * width, plane,
                            to + (size_t)s->pad[1] * lanes, lanes);
}

/* Where the points of a vector of channels begin, and how far its tiles are apart. */
static float *panel_of(const struct lot *lot, size_t vector, size_t *step)
{
    const struct tn_kernels *kernels = lot->job->network->kernels;
    const struct chunk *chunk = &lot->job->winograd->chunk;
    size_t panels = tn_product_tiles(kernels, chunk->padded), lanes = (size_t)kernels->lanes;
    struct tn_span panel = {0, 0};
    for (size_t p = 0; p < panels && panel.begin + panel.size <= vector * lanes; p++)
        panel = tn_product_tile(kernels, chunk->padded, p);
    *step = panel.size;
    return lot->points[0] + panel.begin * chunk->tiles + (vector * lanes - panel.begin);
}

/* The same for tile row r of `channels` inputs. */
static void ask_tile_row(const struct job *job, const struct stretch *s, int r, size_t first,
                         size_t channels)
{
    struct stretch row = *s;
    row.first = s->first + r;
    row.count = 1;
    for (size_t c = first; c < first + channels; c++)
        ask_ahead(&row, job->from + c * area(job->direction->in));
}

/* Transform the inputs of a vector of channels. A row that two tile rows share is packed once: row
 * r of the padded image is in memory r % 6. */
static void transform_channels(const struct lot *lot, size_t vector, float *workspace)
{
    const struct job *job = lot->job;
    const struct direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    struct stretch s = stretch_of_lot(lot, true);
    size_t lanes = (size_t)kernels->lanes, row_floats = channel_row_floats(d, lanes), step;
    size_t across = (size_t)d->across, tiles = (size_t)s.count * across;
    size_t channels = tn_least(lanes, (size_t)d->channels - vector * lanes);
    float *points = panel_of(lot, vector, &step);
    size_t stride = job->winograd->chunk.stride[0], last = tiles / lanes * lanes;
    for (size_t p = 0; last < tiles && p < TN_TILE_POINTS; p++) /* where there is no tile */
        for (size_t t = last; t < last + lanes; t++)
            memset(points + p * stride + t * step, 0, lanes * sizeof *points);
    memset(workspace, 0, TN_TILE_IN * row_floats * sizeof *workspace); /* also the borders */
    for (int r = 0, have = 0; r < s.count; r++) {
        int image = (s.first + r) / s.down, top = (s.first + r) % s.down * TN_TILE;
        const float *from = job->from + (size_t)image * s.image + vector * lanes * area(d->in);
        const float *rows[TN_TILE_IN];
        for (int i = 0; i < TN_TILE_IN; i++) {
            float *row = workspace + (size_t)((top + i) % TN_TILE_IN) * row_floats;
            rows[i] = row;
            if (i >= have)
                pack_row(&s, channels, lanes, from, top + i - s.pad[0], kernels, row);
        }
        if (r + 1 < s.count)
            ask_tile_row(job, &s, r + 1, vector * lanes, channels);
        kernels->winograd->input_channels(rows, (size_t)r * across, across, points, stride, step);
        have = (s.first + r + 1) % s.down == 0 ? 0 : TN_TILE_IN - TN_TILE;
    }
}

/* Transform the gradients of a filter. */
static void transform_filter(const struct lot *lot, size_t filter, float *workspace)
{
    const struct job *job = lot->job;
    const struct direction *d = job->direction;
    const struct chunk *chunk = &job->winograd->chunk;
    const struct tn_kernels *kernels = job->network->kernels;
    struct stretch s = stretch_of_lot(lot, false);
    bool direct = tiles_fill(&s);
    float *plane = plane_in(workspace, d, chunk->rows);
    struct tn_tiles tiles = tiles_of(&s, direct, corners_in(workspace));
    const float *from = job->gradient + filter * area(d->out);
    if (!direct) {
        memset(plane, 0, plane_floats(&s) * sizeof *plane);
        copy_plane(&s, kernels, (float *)(uintptr_t)from, plane, true);
    }
    if (filter + 1 < (size_t)d->filters)
        ask_ahead(&s, from + area(d->out));
    kernels->winograd->gradient(&tiles, direct ? from : plane,
                                lot->points[1] + filter * chunk->tiles, chunk->stride[1]);
}

static size_t lot_transforms(const struct lot *lot)
{
    return lot->job->winograd->chunk.padded / (size_t)lot->job->network->kernels->lanes +
           (size_t)lot->job->direction->filters;
}

/* The inputs of a vector of channels, or after them the gradients of a filter. */
static void transform_lot(void *context, size_t index, unsigned worker)
{
    const struct lot *lot = context;
    float *workspace = tn_scratch(lot->job->network, worker);
    size_t vectors = lot->job->winograd->chunk.padded / (size_t)lot->job->network->kernels->lanes;
    if (index < vectors)
        transform_channels(lot, index, workspace);
    else
        transform_filter(lot, index - vectors, workspace);
}

/* Add to the sums of one point. */
static void sum_point(void *context, size_t point, unsigned worker)
{
    (void)worker;
    const struct lot *lot = context;
    const struct direction *d = lot->job->direction;
    const struct chunk *chunk = &lot->job->winograd->chunk;
    const struct tn_kernels *kernels = lot->job->network->kernels;
    const float *inputs = lot->points[0] + point * chunk->stride[0];
    const float *gradients = lot->points[1] + point * chunk->stride[1];
    float *sums = lot->sums + point * (size_t)d->filters * chunk->padded;
    int blocks = tn_row_blocks(d->filters, kernels->tile_rows);
    size_t depth = depth_of(lot), panels = tn_product_tiles(kernels, chunk->padded);
    for (size_t k = 0; k < depth; k += DEEP)
        for (size_t p = 0; p < panels; p++) {
            struct tn_span panel = tn_product_tile(kernels, chunk->padded, p);
            const float *right = inputs + panel.begin * chunk->tiles + k * panel.size;
            for (int b = 0; b < blocks; b++) {
                struct tn_row_block block = tn_row_block_at(d->filters, blocks, b);
                kernels->multiply_rows(
                    block.rows, (int)panel.size / kernels->lanes, (int)tn_least(DEEP, depth - k),
                    gradients + (size_t)block.begin * chunk->tiles + k, chunk->tiles, right,
                    lot->add || k > 0, sums + (size_t)block.begin * chunk->padded + panel.begin,
                    chunk->padded);
            }
        }
}

static size_t chunk_count(const struct job *job)
{
    return tn_divide_up((size_t)job->network->count * (size_t)job->direction->down,
                        (size_t)job->winograd->chunk.rows);
}

/* The chunks of a part, one after the other, by one worker. */
static void sum_part(void *context, size_t part, unsigned worker)
{
    const struct job *job = context;
    const struct winograd *winograd = job->winograd;
    struct tn_span span = tn_span_of(chunk_count(job), job->parts, part);
    struct lot lot = {.job = job, .sums = job->sums + part * sum_floats(winograd)};
    lot.points[0] = tn_scratch(job->network, worker) + chunk_workspace(job->network, winograd);
    lot.points[1] = lot.points[0] + TN_TILE_POINTS * winograd->chunk.stride[0];
    size_t transforms = lot_transforms(&lot);
    for (size_t i = 0; i < span.size; i++) {
        lot.index = span.begin + i;
        lot.add = i > 0;
        for (size_t t = 0; t < transforms; t++)
            transform_lot(&lot, t, worker);
        for (size_t p = 0; p < TN_TILE_POINTS; p++)
            sum_point(&lot, p, worker);
    }
}

/* Add the sums of the other parts to the first part's. */
static void add_parts(void *context, size_t point, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    size_t count = sum_floats(job->winograd) / TN_TILE_POINTS;
    float *to = job->sums + point * count;
    for (size_t part = 1; part < job->parts; part++)
        job->network->kernels->add(count, to, to + part * sum_floats(job->winograd), 0, to);
}

/* All chunks, one after the other, by all workers. */
static void sum_chunks(const struct job *job)
{
    const struct winograd *winograd = job->winograd;
    struct lot lot = {.job = job, .sums = job->sums};
    lot.points[0] = job->sums + sum_floats(winograd);
    lot.points[1] = lot.points[0] + TN_TILE_POINTS * winograd->chunk.stride[0];
    for (size_t count = chunk_count(job); lot.index < count; lot.index++) {
        lot.add = lot.index > 0;
        tn_parallel(lot_transforms(&lot), transform_lot, &lot);
        tn_parallel(TN_TILE_POINTS, sum_point, &lot);
    }
}

/* G' along one direction of SIDE kernels; points and numbers `step` and `w_step` rows apart. */
static void weight_values(float (*points)[SIDE], int step, float (*w)[SIDE], int w_step)
{
    for (int s = 0; s < SIDE; s++) {
        float near = points[step][s] + points[2 * step][s];
        float far = points[3 * step][s] + points[4 * step][s];
        float tilt = points[2 * step][s] - points[step][s];
        float lean = points[3 * step][s] - points[4 * step][s];
        w[0][s] = points[0][s] * 0.25f - near * (1.0f / 6) + far * (1.0f / 24);
        w[w_step][s] = tilt * (1.0f / 6) + lean * (1.0f / 12);
        w[2 * w_step][s] = (far - near) * (1.0f / 6) + points[5 * step][s];
    }
}

/* G' sums G of `count` <= SIDE channels. */
static void finish_kernels(const float *sums, size_t point, size_t count, float *to)
{
    float points[TN_TILE_POINTS][SIDE] = {{0}}, across[TN_TILE_IN * 3][SIDE], kernels[9][SIDE];
    for (size_t p = 0; p < TN_TILE_POINTS; p++)
        memcpy(points[p], sums + p * point, count * sizeof *sums);
    for (int i = 0; i < TN_TILE_IN; i++)
        weight_values(points + TN_TILE_IN * i, 1, across + 3 * i, 1);
    for (int j = 0; j < 3; j++)
        weight_values(across + j, 3, kernels + j, 3);
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < 9; i++)
            to[9 * s + i] = kernels[i][s];
}

static void finish_filter(void *context, size_t filter, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct direction *d = job->direction;
    size_t padded = job->winograd->chunk.padded, channels = (size_t)d->channels;
    for (size_t c = 0; c < channels; c += SIDE)
        finish_kernels(job->sums + filter * padded + c, (size_t)d->filters * padded,
                       channels - c < SIDE ? channels - c : SIDE,
                       job->to + 9 * (filter * channels + c));
}

static void backward(struct tn_network *network, void *state, const float *weights,
                     const float *input, const float *output_gradient, float *weights_gradient,
                     float *input_gradient)
{
    struct winograd *winograd = state;
    const struct direction *d = &winograd->forward;
    struct job job = {.network = network,
                      .winograd = winograd,
                      .direction = d,
                      .from = input,
                      .gradient = output_gradient,
                      .to = weights_gradient,
                      .sums = tn_shared(network)};
    job.parts = tn_least(winograd->chunk.parts, chunk_count(&job));
    if (winograd->chunk.parts > 1) {
        tn_parallel(job.parts, sum_part, &job);
        tn_parallel(TN_TILE_POINTS, add_parts, &job);
    } else
        sum_chunks(&job);
    tn_parallel((size_t)d->filters, finish_filter, &job);
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
