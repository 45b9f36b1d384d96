/* 1x1 convolutions of many channels: matrix products. Forward [filters x positions] = weights
 * [filters x channels] times input [channels x positions], back with the weights transposed, and
 * the gradient of the weights [filters x channels] over all positions.
 *
 * The positions of all images of a batch make one line, so that the vectors of small images are
 * full. Both factors of a product are first put into the order in which the kernel reads them, cut
 * along the depth, so that a panel of one stays in the first-level cache while the rows of the
 * other pass by (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"). No
 * sum depends on where the line is cut. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/conv_path.h"

#include <string.h>

enum {
    DEPTH = 256,             /* of a cut: a panel is 24 KiB for 24 positions */
    SLICE = 192,             /* positions of a task, at most */
    RANGE = 128,             /* rows whose weights of one cut stay in the second-level cache */
    TASKS = 32,              /* are enough */
    SHARED_FLOATS = 2 << 20, /* both factors of a piece of the weights' gradient */
    /* Below, as many channels of either side and weights, the packing is not worth its time. */
    LEAST_CHANNELS = 32,
    LEAST_WEIGHTS = 64 * 64,
};

/* Where the numbers of positions are in [N,channels,area]: in runs, `step` apart. */
struct side {
    size_t channels, area;
    size_t image; /* positions of one image */
    size_t run;   /* positions of a run */
    size_t next;  /* floats from one run to the next */
    size_t step;
};

struct pointwise {
    struct side in, out;
    float *packed;    /* weights [filters,channels] in the order they are read */
    bool shares;      /* training: packed weights are in memory that all steps share */
    bool packed_once; /* inference: weights do not change */
};

/* --- cutting --- */

/* One of `count` nearly equal parts of `total`. */
struct span {
    size_t begin, size;
};

static struct span span_of(size_t total, size_t count, size_t index)
{
    size_t begin = total * index / count;
    return (struct span){begin, total * (index + 1) / count - begin};
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t row_blocks(const struct tn_kernels *kernels, size_t rows)
{
    return divide_up(rows, (size_t)kernels->tile_rows);
}

static size_t padded(const struct tn_kernels *kernels, size_t columns)
{
    return divide_up(columns, (size_t)kernels->lanes) * (size_t)kernels->lanes;
}

static size_t tile_count(const struct tn_kernels *kernels, size_t columns)
{
    return divide_up(padded(kernels, columns) / (size_t)kernels->lanes,
                     (size_t)kernels->tile_vectors);
}

/* Columns of a tile, whole vectors: the last may reach beyond the columns there are. */
static struct span tile_at(const struct tn_kernels *kernels, size_t columns, size_t index)
{
    size_t lanes = (size_t)kernels->lanes;
    struct span vectors =
        span_of(padded(kernels, columns) / lanes, tile_count(kernels, columns), index);
    return (struct span){vectors.begin * lanes, vectors.size * lanes};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- the product of packed factors --- */

/* left[cut of the depth][block of rows][k][row], right[cut][tile of columns][k][column] */
struct product {
    const struct tn_kernels *kernels;
    size_t rows, depth, columns;
    const float *left, *right;
};

/* What of it to make: these blocks of rows, these tiles of columns. */
struct region {
    struct span blocks, tiles;
};

/* One tile; through memory of its own where it is wider than the columns that are left. */
static void multiply_tile(const struct product *p, struct span rows, struct span columns,
                          size_t depth, const float *left, const float *right, bool add, float *out,
                          size_t out_stride)
{
    float edge[TN_MAX_TILE_ROWS * TN_MAX_TILE_WIDTH];
    int vectors = (int)columns.size / p->kernels->lanes;
    size_t wide = least(columns.size, p->columns - columns.begin);
    bool whole = wide == columns.size;
    for (size_t r = 0; !whole && add && r < rows.size; r++)
        memcpy(edge + r * columns.size, out + r * out_stride, wide * sizeof *out);
    p->kernels->multiply((int)rows.size, vectors, (int)depth, left, right, add, whole ? out : edge,
                         whole ? out_stride : columns.size);
    for (size_t r = 0; !whole && r < rows.size; r++)
        memcpy(out + r * out_stride, edge + r * columns.size, wide * sizeof *out);
}

/* out[row * out_stride + column], from the region's first row and the product's first column; added
 * to what is there if `add`. */
static void multiply_region(const struct product *p, struct region region, bool add, float *out,
                            size_t out_stride)
{
    size_t blocks = row_blocks(p->kernels, p->rows), wide = padded(p->kernels, p->columns);
    size_t first = span_of(p->rows, blocks, region.blocks.begin).begin;
    for (size_t k = 0; k < p->depth; k += DEPTH) {
        size_t depth = least(DEPTH, p->depth - k);
        for (size_t t = region.tiles.begin; t < region.tiles.begin + region.tiles.size; t++) {
            struct span columns = tile_at(p->kernels, p->columns, t);
            const float *right = p->right + k * wide + columns.begin * depth;
            for (size_t b = region.blocks.begin; b < region.blocks.begin + region.blocks.size;
                 b++) {
                struct span rows = span_of(p->rows, blocks, b);
                multiply_tile(p, rows, columns, depth, p->left + k * p->rows + rows.begin * depth,
                              right, add || k > 0,
                              out + (rows.begin - first) * out_stride + columns.begin, out_stride);
            }
        }
    }
}

/* --- packing of weights --- */

struct weights_job {
    const struct tn_kernels *kernels;
    const float *weights;
    size_t rows, depth, row_step, depth_step; /* weights[row * row_step + k * depth_step] */
    float *packed;
};

static void pack_weights_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_job *job = context;
    struct span rows = span_of(job->rows, row_blocks(job->kernels, job->rows), index);
    for (size_t k0 = 0; k0 < job->depth; k0 += DEPTH) {
        size_t depth = least(DEPTH, job->depth - k0);
        float *to = job->packed + k0 * job->rows + rows.begin * depth;
        const float *from = job->weights + rows.begin * job->row_step + k0 * job->depth_step;
        for (size_t k = 0; k < depth; k++)
            for (size_t r = 0; r < rows.size; r++)
                *to++ = from[r * job->row_step + k * job->depth_step];
    }
}

static void pack_weights(const struct tn_network *network, struct pointwise *c,
                         const float *weights)
{
    struct weights_job job = {network->kernels, weights, c->out.channels, c->in.channels,
                              c->in.channels,   1,       c->packed};
    if (c->shares)
        c->packed = job.packed = tn_shared(network);
    if (!c->packed_once)
        tn_parallel(row_blocks(job.kernels, job.rows), pack_weights_block, &job);
    c->packed_once = network->mode == TN_INFER;
}

static void pack_weights_back(const struct tn_network *network, const struct pointwise *c,
                              const float *weights, float *packed)
{
    struct weights_job job = {network->kernels, weights, c->in.channels, c->out.channels, 1,
                              c->in.channels,   packed};
    tn_parallel(row_blocks(job.kernels, job.rows), pack_weights_block, &job);
}

/* --- the line of positions --- */

/* The run from a position on, as far as `end`: where its channel 0 begins, and its length. */
static size_t run_at(const struct side *side, size_t position, size_t end, size_t *at)
{
    size_t image = position / side->image, within = position % side->image;
    *at = image * side->channels * side->area + within / side->run * side->next +
          within % side->run * side->step;
    return least(side->run - within % side->run, end - position);
}

/* Finished rows of channels [rows, SLICE] to their places; `to` is the first's. */
static void place_rows(const struct tn_kernels *kernels, const struct side *side, const float *from,
                       struct span positions, struct span rows, const struct tn_finish *finish,
                       float *to)
{
    struct tn_finish first = tn_finish_first(finish);
    size_t end = positions.begin + positions.size, at;
    for (size_t p = positions.begin, length; p < end; p += length, from += length) {
        length = run_at(side, p, end, &at);
        for (size_t r = 0; r < rows.size; r++) {
            float shift = tn_finish_bias(&first, rows.begin + r);
            size_t row = at + (rows.begin + r) * side->area;
            if (side->step == 1) {
                kernels->trim_rows(1, length, from + r * SLICE, length, shift, first.least,
                                   first.most, to + row);
                tn_finish_last(kernels, finish, to, row, length);
            }
            for (size_t j = 0; side->step > 1 && j < length; j++)
                to[row + j * side->step] = tn_finish_one(&first, from[r * SLICE + j] + shift);
        }
    }
}

/* --- forward, and back to the input --- */

struct line_job {
    struct tn_network *network;
    const struct side *from_side, *to_side;
    const float *packed, *from;
    struct tn_finish finish;
    float *to;
    size_t positions, slices, ranges;
};

/* The positions of a slice, whole vectors but for the last's. */
static struct span slice_at(const struct line_job *job, size_t index)
{
    const struct tn_kernels *kernels = job->network->kernels;
    size_t size = padded(kernels, divide_up(job->positions, job->slices)), begin = index * size;
    return (struct span){begin, begin < job->positions ? least(size, job->positions - begin) : 0};
}

/* Positions of one run that go to one tile. */
struct piece {
    size_t at, length;         /* where channel 0 is */
    size_t tile, wide, column; /* the tile's first column and width, and the piece's in it */
};

/* Into pieces[SLICE]; gives their number. */
static size_t cut_slice(const struct tn_kernels *kernels, const struct side *side,
                        struct span slice, struct piece *pieces)
{
    size_t count = 0;
    for (size_t t = 0; t < tile_count(kernels, slice.size); t++) {
        struct span tile = tile_at(kernels, slice.size, t);
        size_t begin = slice.begin + tile.begin,
               end = begin + least(tile.size, slice.size - tile.begin);
        for (size_t p = begin, at; p < end; p += pieces[count++].length) {
            size_t length = run_at(side, p, end, &at);
            pieces[count] = (struct piece){at, length, tile.begin, tile.size, p - begin};
        }
    }
    return count;
}

/* A channel's numbers to their tiles, where its row begins at wide * k. */
static void pack_channel(const struct piece *pieces, size_t count, const float *from, size_t step,
                         size_t depth, size_t k, float *right)
{
    for (const struct piece *piece = pieces; piece < pieces + count; piece++) {
        const float *numbers = from + piece->at;
        float *to = right + piece->tile * depth + piece->wide * k + piece->column;
        if (step == 1)
            memcpy(to, numbers, piece->length * sizeof *to);
        for (size_t j = 0; step > 1 && j < piece->length; j++)
            to[j] = numbers[j * step];
    }
}

/* Channel by channel, since memory is read best along its order. */
static void pack_slice(const struct line_job *job, struct span slice, float *right)
{
    const struct tn_kernels *kernels = job->network->kernels;
    const struct side *side = job->from_side;
    struct piece pieces[SLICE];
    size_t count = cut_slice(kernels, side, slice, pieces), wide = padded(kernels, slice.size);
    struct piece last = pieces[count - 1];
    size_t used = last.column + last.length;
    for (size_t begin = 0; begin < side->channels; begin += DEPTH, right += wide * DEPTH) {
        size_t depth = least(DEPTH, side->channels - begin);
        for (size_t k = 0; k < depth; k++) {
            pack_channel(pieces, count, job->from + (begin + k) * side->area, side->step, depth, k,
                         right);
            memset(right + last.tile * depth + last.wide * k + used, 0,
                   (last.wide - used) * sizeof *right);
        }
    }
}

static void multiply_slice(const struct line_job *job, const struct product *product,
                           struct span slice, struct span blocks, float *sums)
{
    const struct tn_kernels *kernels = product->kernels;
    size_t all = row_blocks(kernels, product->rows), most = RANGE / (size_t)kernels->tile_rows;
    for (size_t b = 0; b < blocks.size; b += most) {
        struct region region = {{blocks.begin + b, least(most, blocks.size - b)},
                                {0, tile_count(kernels, slice.size)}};
        multiply_region(product, region, false, sums, SLICE);
        size_t first = span_of(product->rows, all, region.blocks.begin).begin;
        size_t end = product->rows * (region.blocks.begin + region.blocks.size) / all;
        place_rows(kernels, job->to_side, sums, slice, (struct span){first, end - first},
                   &job->finish, job->to);
    }
}

static void line_task(void *context, size_t index, unsigned worker)
{
    const struct line_job *job = context;
    const struct tn_kernels *kernels = job->network->kernels;
    struct span slice = slice_at(job, index / job->ranges);
    float *sums = tn_scratch(job->network, worker), *right = sums + RANGE * SLICE;
    struct product product = {
        kernels, job->to_side->channels, job->from_side->channels, slice.size, job->packed, right};
    if (!slice.size)
        return;
    pack_slice(job, slice, right);
    multiply_slice(job, &product, slice,
                   span_of(row_blocks(kernels, product.rows), job->ranges, index % job->ranges),
                   sums);
}

/* Each task packs its slice, so that there is more than one a slice only where slices are few. */
static void run_line(struct line_job *job)
{
    size_t most = divide_up(job->to_side->channels, RANGE);
    job->positions = (size_t)job->network->count * job->to_side->image;
    job->slices = divide_up(job->positions, SLICE);
    job->ranges = least(most, divide_up(TASKS, job->slices));
    tn_parallel(job->slices * job->ranges, line_task, job);
}

static void forward(struct tn_network *network, void *state, const float *weights,
                    const float *input, struct tn_finish finish, float *output)
{
    struct pointwise *c = state;
    struct line_job job = {.network = network,
                           .from_side = &c->in,
                           .to_side = &c->out,
                           .from = input,
                           .finish = finish,
                           .to = output};
    pack_weights(network, c, weights);
    job.packed = c->packed;
    run_line(&job);
}

struct clear_job {
    float *to;
    size_t size;
};

static void clear_image(void *context, size_t image, unsigned worker)
{
    (void)worker;
    const struct clear_job *job = context;
    memset(job->to + image * job->size, 0, job->size * sizeof *job->to);
}

static void back(struct tn_network *network, struct pointwise *c, const float *weights,
                 const float *output_gradient, float *input_gradient)
{
    struct clear_job clear = {input_gradient, c->in.channels * c->in.area};
    struct line_job job = {.network = network,
                           .finish = tn_unfinished,
                           .from_side = &c->out,
                           .to_side = &c->in,
                           .packed = tn_shared(network),
                           .from = output_gradient,
                           .to = input_gradient};
    if (c->in.area != c->in.image) /* pixels between those that are read */
        tn_parallel((size_t)network->count, clear_image, &clear);
    pack_weights_back(network, c, weights, tn_shared(network));
    run_line(&job);
}

/* --- gradient of the weights --- */

/* A piece of the line is put into memory that all workers share, then every task adds its part of
 * the product: one sum for each weight in one order. */
struct weights_gradient_job {
    struct tn_network *network;
    const struct pointwise *c;
    const float *input, *output_gradient;
    struct span piece;
    float *left, *right;
    struct product product;
    size_t row_ranges, tile_ranges;
    float *gradient;
};

/* packed[k * wide + row] = positions k of `rows` channels */
static void pack_across(const struct tn_kernels *kernels, const struct side *side,
                        const float *from, struct span positions, size_t rows, size_t wide,
                        float *packed)
{
    size_t end = positions.begin + positions.size, at;
    for (size_t p = positions.begin, length; p < end; p += length) {
        length = run_at(side, p, end, &at);
        float *to = packed + (p - positions.begin) * wide;
        if (side->step == 1)
            kernels->interleave(rows, length, from + at, side->area, to, wide);
        for (size_t j = 0; side->step > 1 && j < length; j++)
            for (size_t r = 0; r < rows; r++)
                to[j * wide + r] = from[at + r * side->area + j * side->step];
    }
    for (size_t k = 0; k < positions.size && rows < wide; k++)
        memset(packed + k * wide + rows, 0, (wide - rows) * sizeof *packed);
}

/* A tile of the input's channels, or after those a block of the output's. */
static void pack_piece(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_gradient_job *job = context;
    const struct tn_kernels *kernels = job->network->kernels;
    const struct side *in = &job->c->in, *out = &job->c->out;
    size_t tiles = tile_count(kernels, in->channels);
    for (size_t k = 0; k < job->piece.size; k += DEPTH) {
        struct span positions = {job->piece.begin + k, least(DEPTH, job->piece.size - k)};
        if (index < tiles) {
            struct span tile = tile_at(kernels, in->channels, index);
            pack_across(kernels, in, job->input + tile.begin * in->area, positions,
                        least(tile.size, in->channels - tile.begin), tile.size,
                        job->right + k * padded(kernels, in->channels) +
                            tile.begin * positions.size);
        } else {
            struct span rows =
                span_of(out->channels, row_blocks(kernels, out->channels), index - tiles);
            pack_across(kernels, out, job->output_gradient + rows.begin * out->area, positions,
                        rows.size, rows.size,
                        job->left + k * out->channels + rows.begin * positions.size);
        }
    }
}

static void multiply_piece(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_gradient_job *job = context;
    const struct product *p = &job->product;
    size_t blocks = row_blocks(p->kernels, p->rows);
    struct region region = {
        span_of(blocks, job->row_ranges, index / job->tile_ranges),
        span_of(tile_count(p->kernels, p->columns), job->tile_ranges, index % job->tile_ranges)};
    size_t first = span_of(p->rows, blocks, region.blocks.begin).begin;
    multiply_region(p, region, job->piece.begin > 0, job->gradient + first * p->columns,
                    p->columns);
}

/* Positions of a piece, whole cuts of the depth. */
static size_t piece_size(const struct tn_network *network, const struct pointwise *c)
{
    size_t each = SHARED_FLOATS / (padded(network->kernels, c->in.channels) + c->out.channels);
    size_t cuts = divide_up((size_t)network->max_batch * c->out.image, DEPTH);
    return DEPTH * (each < DEPTH ? 1 : least(each / DEPTH, cuts));
}

static void choose_ranges(struct weights_gradient_job *job)
{
    const struct tn_kernels *kernels = job->network->kernels;
    size_t tiles = tile_count(kernels, job->c->in.channels);
    job->row_ranges = divide_up(job->c->out.channels, RANGE);
    job->tile_ranges = divide_up(tiles, 4);
    if (job->row_ranges * job->tile_ranges < TASKS)
        job->tile_ranges = tiles;
    if (job->row_ranges * job->tile_ranges < TASKS)
        job->row_ranges = divide_up(job->c->out.channels, RANGE / 4);
}

static void gradient_of_weights(struct tn_network *network, struct pointwise *c, const float *input,
                                const float *output_gradient, float *gradient)
{
    const struct tn_kernels *kernels = network->kernels;
    size_t size = piece_size(network, c), positions = (size_t)network->count * c->out.image;
    float *shared = tn_shared(network);
    struct weights_gradient_job job = {.network = network,
                                       .c = c,
                                       .input = input,
                                       .output_gradient = output_gradient,
                                       .left = shared,
                                       .right = shared + size * c->out.channels,
                                       .gradient = gradient};
    choose_ranges(&job);
    for (size_t begin = 0; begin < positions; begin += size) {
        job.piece = (struct span){begin, least(size, positions - begin)};
        job.product = (struct product){kernels,        c->out.channels, job.piece.size,
                                       c->in.channels, job.left,        job.right};
        tn_parallel(tile_count(kernels, c->in.channels) + row_blocks(kernels, c->out.channels),
                    pack_piece, &job);
        tn_parallel(job.row_ranges * job.tile_ranges, multiply_piece, &job);
    }
}

static void backward(struct tn_network *network, void *state, const float *weights,
                     const float *input, const float *output_gradient, float *weights_gradient,
                     float *input_gradient)
{
    gradient_of_weights(network, state, input, output_gradient, weights_gradient);
    if (input_gradient)
        back(network, state, weights, output_gradient, input_gradient);
}

/* --- preparation --- */

static bool fits(const struct tn_network *network, const struct tn_window *w)
{
    (void)network;
    int padding = w->pad_begin[0] + w->pad_begin[1] + w->pad_end[0] + w->pad_end[1];
    return w->groups == 1 && w->kernel[0] == 1 && w->kernel[1] == 1 && padding == 0 &&
           w->channels_in >= LEAST_CHANNELS && w->channels_out >= LEAST_CHANNELS &&
           (long)w->channels_in * w->channels_out >= LEAST_WEIGHTS;
}

static void make_sides(const struct tn_window *w, struct pointwise *c)
{
    size_t area = (size_t)w->in[0] * (size_t)w->in[1],
           image = (size_t)w->out[0] * (size_t)w->out[1];
    c->out = (struct side){(size_t)w->channels_out, image, image, image, image, 1};
    c->in = (struct side){(size_t)w->channels_in, area, image, image, image, 1};
    if (w->stride[0] > 1 || w->stride[1] > 1) {
        c->in.run = (size_t)w->out[1];
        c->in.next = (size_t)w->stride[0] * (size_t)w->in[1];
        c->in.step = (size_t)w->stride[1];
    }
}

static void want_scratch(struct tn_network *network, const struct pointwise *c, int passes)
{
    size_t depth = 0;
    if (passes & TN_PASS_FORWARD)
        depth = c->in.channels;
    if (passes & TN_PASS_BACK && c->out.channels > depth)
        depth = c->out.channels;
    tn_want_scratch(network, (size_t)SLICE * (RANGE + depth));
    if (passes & TN_PASS_WEIGHTS)
        tn_want_shared(network, piece_size(network, c) *
                                    (c->out.channels + padded(network->kernels, c->in.channels)));
}

static void release(void *state)
{
    struct pointwise *c = state;
    if (!c)
        return;
    if (!c->shares)
        tn_free(c->packed);
    tn_free(c);
}

static void *prepare(struct tn_network *network, const struct tn_window *window, int passes,
                     const char *name, struct tn_error *error)
{
    struct pointwise *c = tn_calloc(1, sizeof *c);
    size_t count = (size_t)window->channels_in * (size_t)window->channels_out;
    bool ok = c != NULL;
    if (ok) {
        make_sides(window, c);
        want_scratch(network, c, passes);
    }
    if (ok && network->mode == TN_TRAINING) {
        c->shares = true;
        tn_want_shared(network, count);
    } else if (ok && passes & TN_PASS_FORWARD) {
        ok = (c->packed = tn_want_memory(network, count, sizeof(float))) != NULL;
    }
    if (ok)
        return c;
    tn_fail_memory(error, name, count * sizeof(float));
    release(c);
    return NULL;
}

const struct tn_conv_path tn_pointwise_path = {
    .name = "pointwise",
    .fits = fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};
