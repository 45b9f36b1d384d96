/* The gradient of the weights: of each of the 36 points the sum over tiles of transformed input
 * times transformed gradient of the output, turned back to kernels at the end. */
#include "core/threads.h"
#include "engine/product.h"
#include "engine/row_block.h"
#include "engine/winograd.h"

#include <string.h>

enum {
    CHUNK_FLOATS = 4 * 1024 * 1024, /* transformed tiles of a chunk: should stay in the cache */
    CHUNK_MOST = 480,
    PART_FLOATS = 80 * 1024, /* the same where it is summed in parts */
    PART_LEAST = 48,
    PART_MOST = 64,
    PARTS_FLOATS = 5 * 256 * 1024, /* of the sums of all parts */
    PARTS_LEAST = 8,               /* fewer would leave workers idle */
    PARTS_MOST = 16,
    DEEP = 96 /* tiles summed at once: they stay in the first-level cache, and the rounding errors
                 of short sums are small */
};

/* Many small sums: the batch in parts, each worker with chunks of its own that stay in its cache.
 * Otherwise large chunks, in which all take part. */
static void choose_chunk(const struct tn_network *network, const struct tn_winograd_direction *d,
                         struct tn_winograd_chunk *chunk)
{
    size_t lanes = (size_t)network->kernels->lanes;
    int most = network->max_batch * d->down;
    chunk->padded = tn_winograd_round_up((size_t)d->channels, lanes);
    chunk->parts = PARTS_FLOATS / (TN_TILE_POINTS * (size_t)d->filters * chunk->padded);
    chunk->parts = chunk->parts < PARTS_LEAST ? 1 : tn_least(chunk->parts, PARTS_MOST);
    chunk->rows = chunk->parts > 1 ? tn_winograd_choose_rows(d, PART_FLOATS, PART_LEAST, PART_MOST)
                                   : tn_winograd_choose_rows(d, CHUNK_FLOATS,
                                                             TN_WINOGRAD_LEAST_LARGE, CHUNK_MOST);
    chunk->rows = chunk->rows > most ? most : chunk->rows;
    chunk->tiles = tn_winograd_round_up((size_t)chunk->rows * (size_t)d->across, lanes);
    chunk->stride[0] = tn_winograd_point_stride(chunk->padded, chunk->tiles);
    chunk->stride[1] = tn_winograd_point_stride((size_t)d->filters, chunk->tiles);
}

static size_t sum_floats(const struct tn_winograd_direction *d,
                         const struct tn_winograd_chunk *chunk)
{
    return TN_TILE_POINTS * (size_t)d->filters * chunk->padded;
}

static size_t chunk_floats(const struct tn_winograd_chunk *chunk)
{
    return TN_TILE_POINTS * (chunk->stride[0] + chunk->stride[1]) + TN_READ_AHEAD;
}

/* A row of an image in all the lanes' channels, as input_channels reads it. */
static size_t channel_row_floats(const struct tn_winograd_direction *d, size_t lanes)
{
    return ((size_t)d->across * TN_TILE + TN_TILE_IN - TN_TILE) * lanes;
}

static size_t chunk_workspace(const struct tn_network *network,
                              const struct tn_winograd_direction *d,
                              const struct tn_winograd_chunk *chunk)
{
    size_t rows = (TN_TILE_IN + 1) * channel_row_floats(d, (size_t)network->kernels->lanes);
    size_t plane = tn_winograd_workspace(d, chunk->rows);
    return tn_winograd_round_up(rows > plane ? rows : plane, TN_WINOGRAD_ALIGN);
}

void tn_winograd_sums_prepare(struct tn_network *network, const struct tn_winograd_direction *d,
                              struct tn_winograd_chunk *chunk)
{
    choose_chunk(network, d, chunk);
    size_t parts = chunk->parts, floats = chunk_floats(chunk);
    tn_want_scratch(network, chunk_workspace(network, d, chunk) + (parts > 1 ? floats : 0));
    tn_want_shared(network, parts * sum_floats(d, chunk) + (parts > 1 ? 0 : floats));
}

struct job {
    struct tn_network *network;
    const struct tn_winograd_direction *direction;
    const struct tn_winograd_chunk *chunk;
    const float *from, *gradient;
    float *to, *sums;
    size_t parts; /* of the sums */
};

static int rows_from(const struct job *job, int first, int most)
{
    int left = job->network->count * job->direction->down - first;
    return left < most ? left : most;
}

/* A chunk on its way through transforms and sums. */
struct lot {
    const struct job *job;
    size_t index; /* of the chunk */
    float *points[2], *sums;
    bool add; /* to the sums */
};

static struct tn_winograd_stretch stretch_of_lot(const struct lot *lot, bool of_inputs)
{
    int rows = lot->job->chunk->rows, first = (int)lot->index * rows;
    return tn_winograd_stretch_of(lot->job->direction, of_inputs, first,
                                  rows_from(lot->job, first, rows));
}

/* Tiles that the transforms of a lot fill. */
static size_t depth_of(const struct lot *lot)
{
    struct tn_winograd_stretch s = stretch_of_lot(lot, false);
    return tn_winograd_round_up((size_t)s.count * (size_t)s.across,
                                (size_t)lot->job->network->kernels->lanes);
}

/* One row of the image in all of `channels`, from those of the first; zero where there is none. */
static void pack_row(const struct tn_winograd_stretch *s, size_t channels, size_t lanes,
                     const float *from, int row, const struct tn_kernels *kernels, float *to)
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
    const struct tn_winograd_chunk *chunk = lot->job->chunk;
    size_t panels = tn_product_tiles(kernels, chunk->padded), lanes = (size_t)kernels->lanes;
    struct tn_span panel = {0, 0};
    for (size_t p = 0; p < panels && panel.begin + panel.size <= vector * lanes; p++)
        panel = tn_product_tile(kernels, chunk->padded, p);
    *step = panel.size;
    return lot->points[0] + panel.begin * chunk->tiles + (vector * lanes - panel.begin);
}

/* The same for tile row r of `channels` inputs. */
static void ask_tile_row(const struct job *job, const struct tn_winograd_stretch *s, int r,
                         size_t first, size_t channels)
{
    struct tn_winograd_stretch row = *s;
    row.first = s->first + r;
    row.count = 1;
    for (size_t c = first; c < first + channels; c++)
        tn_winograd_expect(&row, job->from + c * tn_winograd_area(job->direction->in));
}

/* Transform the inputs of a vector of channels. A row that two tile rows share is packed once: row
 * r of the padded image is in memory r % 6. */
static void transform_channels(const struct lot *lot, size_t vector, float *workspace)
{
    const struct job *job = lot->job;
    const struct tn_winograd_direction *d = job->direction;
    const struct tn_kernels *kernels = job->network->kernels;
    struct tn_winograd_stretch s = stretch_of_lot(lot, true);
    size_t lanes = (size_t)kernels->lanes, row_floats = channel_row_floats(d, lanes), step;
    size_t across = (size_t)d->across, tiles = (size_t)s.count * across;
    size_t channels = tn_least(lanes, (size_t)d->channels - vector * lanes);
    float *points = panel_of(lot, vector, &step);
    size_t stride = job->chunk->stride[0], last = tiles / lanes * lanes;
    for (size_t p = 0; last < tiles && p < TN_TILE_POINTS; p++) /* where there is no tile */
        for (size_t t = last; t < last + lanes; t++)
            memset(points + p * stride + t * step, 0, lanes * sizeof *points);
    memset(workspace, 0, TN_TILE_IN * row_floats * sizeof *workspace); /* also the borders */
    for (int r = 0, have = 0; r < s.count; r++) {
        int image = (s.first + r) / s.down, top = (s.first + r) % s.down * TN_TILE;
        const float *from =
            job->from + (size_t)image * s.image + vector * lanes * tn_winograd_area(d->in);
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
    const struct tn_winograd_direction *d = job->direction;
    const struct tn_winograd_chunk *chunk = job->chunk;
    const struct tn_kernels *kernels = job->network->kernels;
    struct tn_winograd_stretch s = stretch_of_lot(lot, false);
    bool direct = tn_winograd_tiles_fill(&s);
    float *plane = tn_winograd_plane(workspace, d, chunk->rows);
    struct tn_tiles tiles = tn_winograd_tiles_of(&s, direct, tn_winograd_corners(workspace));
    const float *from = job->gradient + filter * tn_winograd_area(d->out);
    if (!direct) {
        memset(plane, 0, tn_winograd_plane_floats(&s) * sizeof *plane);
        tn_winograd_copy_plane(&s, kernels, (float *)(uintptr_t)from, plane, true);
    }
    if (filter + 1 < (size_t)d->filters)
        tn_winograd_expect(&s, from + tn_winograd_area(d->out));
    kernels->winograd->gradient(&tiles, direct ? from : plane,
                                lot->points[1] + filter * chunk->tiles, chunk->stride[1]);
}

static size_t lot_transforms(const struct lot *lot)
{
    return lot->job->chunk->padded / (size_t)lot->job->network->kernels->lanes +
           (size_t)lot->job->direction->filters;
}

/* The inputs of a vector of channels, or after them the gradients of a filter. */
static void transform_lot(void *context, size_t index, unsigned worker)
{
    const struct lot *lot = context;
    float *workspace = tn_scratch(lot->job->network, worker);
    size_t vectors = lot->job->chunk->padded / (size_t)lot->job->network->kernels->lanes;
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
    const struct tn_winograd_direction *d = lot->job->direction;
    const struct tn_winograd_chunk *chunk = lot->job->chunk;
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
                        (size_t)job->chunk->rows);
}

/* The chunks of a part, one after the other, by one worker. */
static void sum_part(void *context, size_t part, unsigned worker)
{
    const struct job *job = context;
    struct tn_span span = tn_span_of(chunk_count(job), job->parts, part);
    struct lot lot = {.job = job,
                      .sums = job->sums + part * sum_floats(job->direction, job->chunk)};
    lot.points[0] = tn_scratch(job->network, worker) +
                    chunk_workspace(job->network, job->direction, job->chunk);
    lot.points[1] = lot.points[0] + TN_TILE_POINTS * job->chunk->stride[0];
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
    size_t count = sum_floats(job->direction, job->chunk) / TN_TILE_POINTS;
    float *to = job->sums + point * count;
    for (size_t part = 1; part < job->parts; part++)
        job->network->kernels->add(count, to, to + part * sum_floats(job->direction, job->chunk), 0,
                                   to);
}

/* All chunks, one after the other, by all workers. */
static void sum_chunks(const struct job *job)
{
    struct lot lot = {.job = job, .sums = job->sums};
    lot.points[0] = job->sums + sum_floats(job->direction, job->chunk);
    lot.points[1] = lot.points[0] + TN_TILE_POINTS * job->chunk->stride[0];
    for (size_t count = chunk_count(job); lot.index < count; lot.index++) {
        lot.add = lot.index > 0;
        tn_parallel(lot_transforms(&lot), transform_lot, &lot);
        tn_parallel(TN_TILE_POINTS, sum_point, &lot);
    }
}

/* G' along one direction of TN_WINOGRAD_SIDE kernels; points and numbers `step` and `w_step` rows
 * apart. */
static void weight_values(float (*points)[TN_WINOGRAD_SIDE], int step, float (*w)[TN_WINOGRAD_SIDE],
                          int w_step)
{
    for (int s = 0; s < TN_WINOGRAD_SIDE; s++) {
        float near = points[step][s] + points[2 * step][s];
        float far = points[3 * step][s] + points[4 * step][s];
        float tilt = points[2 * step][s] - points[step][s];
        float lean = points[3 * step][s] - points[4 * step][s];
        w[0][s] = points[0][s] * 0.25f - near * (1.0f / 6) + far * (1.0f / 24);
        w[w_step][s] = tilt * (1.0f / 6) + lean * (1.0f / 12);
        w[2 * w_step][s] = (far - near) * (1.0f / 6) + points[5 * step][s];
    }
}

/* G' sums G of `count` <= TN_WINOGRAD_SIDE channels. */
static void finish_kernels(const float *sums, size_t point, size_t count, float *to)
{
    float points[TN_TILE_POINTS][TN_WINOGRAD_SIDE] = {{0}},
          across[TN_TILE_IN * 3][TN_WINOGRAD_SIDE], kernels[9][TN_WINOGRAD_SIDE];
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
    const struct tn_winograd_direction *d = job->direction;
    size_t padded = job->chunk->padded, channels = (size_t)d->channels;
    for (size_t c = 0; c < channels; c += TN_WINOGRAD_SIDE)
        finish_kernels(job->sums + filter * padded + c, (size_t)d->filters * padded,
                       channels - c < TN_WINOGRAD_SIDE ? channels - c : TN_WINOGRAD_SIDE,
                       job->to + 9 * (filter * channels + c));
}

void tn_winograd_sums(struct tn_network *network, const struct tn_winograd_direction *d,
                      const struct tn_winograd_chunk *chunk, const float *input,
                      const float *output_gradient, float *weights_gradient)
{
    struct job job = {.network = network,
                      .direction = d,
                      .chunk = chunk,
                      .from = input,
                      .gradient = output_gradient,
                      .to = weights_gradient,
                      .sums = tn_shared(network)};
    job.parts = tn_least(chunk->parts, chunk_count(&job));
    if (chunk->parts > 1) {
        tn_parallel(job.parts, sum_part, &job);
        tn_parallel(TN_TILE_POINTS, add_parts, &job);
    } else {
        sum_chunks(&job);
    }
    tn_parallel((size_t)d->filters, finish_filter, &job);
}
