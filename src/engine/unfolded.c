/* Convolutions of many channels as blocked matrix products of the weights and the unfolded input:
 * forward, back to the input (for each phase of the strides a product of its own), and for the
 * gradient of the weights, whose depth are the positions. 1x1 convolutions ("pointwise") are the
 * plainest case.
 *
 * No sum depends on where the line of positions is cut, nor on the threads. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/unfold.h"

#include <string.h>

enum {
    TASKS = 32,              /* are enough */
    SLICE_FLOATS = 1 << 20,  /* of the unfolded input, that a task packs at most */
    SHARED_FLOATS = 2 << 20, /* both factors of a piece of the weights' gradient */
    MAX_TILE = TN_MAX_TILE_WIDTH,
    /* Below, as many channels of either side and weights, the packing is not worth its time. */
    LEAST_CHANNELS = 32,
    LEAST_WEIGHTS = 64 * 64,
    LEAST_FILTERS = 48,
};

/* One product: the rows of `to` are sums over those of `from`. */
struct way {
    struct tn_unfold from, to;
    size_t row_step, *at; /* weight (row, k) is weights[row * row_step + at[k]], NULL: k */
    float *packed;        /* NULL while training: in memory that all steps share */
};

struct unfolded {
    struct way forward;
    int back_count; /* a phase each */
    struct way *back;
    bool clear;       /* some pixels of the input lead to no output */
    bool packed_once; /* inference: weights do not change */
};

/* --- a product over the line of positions --- */

struct line_job {
    struct tn_network *network;
    const struct way *way;
    const float *weights, *from;
    struct tn_finish finish;
    float *packed, *to;
    size_t positions, slices, ranges;
};

static void pack_blocks(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct line_job *job = context;
    const struct way *way = job->way;
    const struct tn_kernels *kernels = job->network->kernels;
    size_t begin = index * TN_BLOCKS_AT_ONCE, count = tn_product_blocks(kernels, way->to.channels);
    struct tn_span blocks = {begin, tn_least(TN_BLOCKS_AT_ONCE, count - begin)};
    tn_product_pack_rows(kernels, way->to.channels, tn_unfold_rows(&way->from), blocks,
                         job->weights, way->row_step, way->at, job->packed);
}

static size_t tile_columns(const struct tn_kernels *kernels)
{
    return (size_t)kernels->lanes * (size_t)kernels->tile_vectors;
}

/* Columns of a slice at most, whole tiles. */
static size_t slice_columns(const struct tn_kernels *kernels, const struct way *way)
{
    size_t tile = tile_columns(kernels),
           most = tn_least(TN_UNFOLD_COLUMNS, SLICE_FLOATS / tn_unfold_rows(&way->from));
    return most < tile ? tile : most / tile * tile;
}

/* The positions of a slice, whole tiles but for the last's: narrower ones take longer. */
static struct tn_span slice_at(const struct line_job *job, size_t index)
{
    size_t tile = tile_columns(job->network->kernels);
    size_t size = tn_divide_up(tn_divide_up(job->positions, job->slices), tile) * tile;
    size_t begin = index * size;
    return (struct tn_span){begin,
                            begin < job->positions ? tn_least(size, job->positions - begin) : 0};
}

static void multiply_slice(const struct line_job *job, const struct tn_product *product,
                           struct tn_span slice, struct tn_span blocks, float *sums)
{
    const struct tn_kernels *kernels = product->kernels;
    size_t most = TN_ROW_RANGE / (size_t)kernels->tile_rows;
    for (size_t b = 0; b < blocks.size; b += most) {
        struct tn_region region = {{blocks.begin + b, tn_least(most, blocks.size - b)},
                                   {0, tn_product_tiles(kernels, slice.size)}};
        tn_product_make(product, region, false, sums, TN_UNFOLD_COLUMNS);
        struct tn_span first = tn_product_block(kernels, product->rows, region.blocks.begin);
        struct tn_span last =
            tn_product_block(kernels, product->rows, region.blocks.begin + region.blocks.size - 1);
        tn_fold_rows(&job->way->to, kernels, sums, TN_UNFOLD_COLUMNS, slice,
                     (struct tn_span){first.begin, last.begin + last.size - first.begin},
                     &job->finish, job->to);
    }
}

static void line_task(void *context, size_t index, unsigned worker)
{
    const struct line_job *job = context;
    const struct tn_kernels *kernels = job->network->kernels;
    const struct way *way = job->way;
    struct tn_span slice = slice_at(job, index / job->ranges);
    float *sums = tn_scratch(job->network, worker),
          *right = sums + TN_ROW_RANGE * TN_UNFOLD_COLUMNS;
    struct tn_product product = {kernels,    way->to.channels, tn_unfold_rows(&way->from),
                                 slice.size, job->packed,      right};
    if (!slice.size)
        return;
    tn_unfold_columns(&way->from, kernels, job->from, slice, right);
    multiply_slice(
        job, &product, slice,
        tn_span_of(tn_product_blocks(kernels, product.rows), job->ranges, index % job->ranges),
        sums);
}

/* Each task packs its slice, so that there is more than one a slice only where slices are few. */
static void run_way(struct tn_network *network, const struct way *way, bool pack,
                    const float *weights, const float *from, struct tn_finish finish, float *to)
{
    const struct tn_kernels *kernels = network->kernels;
    struct line_job job = {.network = network,
                           .way = way,
                           .weights = weights,
                           .from = from,
                           .finish = finish,
                           .packed = way->packed ? way->packed : tn_shared(network),
                           .to = to};
    job.positions = (size_t)network->count * tn_unfold_positions(&way->to);
    job.slices = tn_divide_up(job.positions, slice_columns(kernels, way));
    job.ranges =
        tn_least(tn_divide_up(way->to.channels, TN_ROW_RANGE), tn_divide_up(TASKS, job.slices));
    if (pack)
        tn_parallel(tn_divide_up(tn_product_blocks(kernels, way->to.channels), TN_BLOCKS_AT_ONCE),
                    pack_blocks, &job);
    tn_parallel(job.slices * job.ranges, line_task, &job);
}

static void forward(struct tn_network *network, void *state, const float *weights,
                    const float *input, struct tn_finish finish, float *output)
{
    struct unfolded *c = state;
    run_way(network, &c->forward, !c->packed_once, weights, input, finish, output);
    c->packed_once = network->mode == TN_INFER;
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

static void back(struct tn_network *network, struct unfolded *c, const float *weights,
                 const float *output_gradient, float *input_gradient)
{
    struct clear_job clear = {input_gradient, tn_unfold_image(&c->forward.from)};
    if (c->clear)
        tn_parallel((size_t)network->count, clear_image, &clear);
    for (int i = 0; i < c->back_count; i++)
        run_way(network, &c->back[i], true, weights, output_gradient, tn_unfinished,
                input_gradient);
}

/* --- gradient of the weights --- */

/* A piece of the line is put into memory that all workers share, then every task adds its part of
 * the product: one sum for each weight in one order. */
struct weights_job {
    struct tn_network *network;
    const struct unfolded *c;
    const float *input, *output_gradient;
    struct tn_span piece;
    float *left, *right;
    struct tn_product product;
    size_t row_ranges, tile_ranges;
    float *gradient;
};

/* A tile of the input's rows, or after those a block of the output's. */
static void pack_piece(void *context, size_t index, unsigned worker)
{
    const struct weights_job *job = context;
    const struct tn_kernels *kernels = job->network->kernels;
    const struct tn_unfold *in = &job->c->forward.from, *out = &job->c->forward.to;
    size_t columns = tn_unfold_rows(in), tiles = tn_product_tiles(kernels, columns);
    float *buffer = tn_scratch(job->network, worker);
    for (size_t k = 0; k < job->piece.size; k += TN_CUT) {
        struct tn_span span = {job->piece.begin + k, tn_least(TN_CUT, job->piece.size - k)};
        if (index < tiles) {
            struct tn_span tile = tn_product_tile(kernels, columns, index);
            tn_unfold_turned(in, kernels, job->input, span, tile.begin,
                             tn_least(tile.size, columns - tile.begin), tile.size, buffer,
                             job->right + k * tn_product_padded(kernels, columns) +
                                 tile.begin * span.size);
        } else {
            struct tn_span rows = tn_product_block(kernels, out->channels, index - tiles);
            tn_unfold_turned(out, kernels, job->output_gradient, span, rows.begin, rows.size,
                             rows.size, buffer,
                             job->left + k * out->channels + rows.begin * span.size);
        }
    }
}

static void multiply_piece(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct weights_job *job = context;
    const struct tn_product *p = &job->product;
    struct tn_region region = {tn_span_of(tn_product_blocks(p->kernels, p->rows), job->row_ranges,
                                          index / job->tile_ranges),
                               tn_span_of(tn_product_tiles(p->kernels, p->columns),
                                          job->tile_ranges, index % job->tile_ranges)};
    size_t first = tn_product_block(p->kernels, p->rows, region.blocks.begin).begin;
    tn_product_make(p, region, job->piece.begin > 0, job->gradient + first * p->columns,
                    p->columns);
}

/* Positions of a piece, whole cuts of the depth. */
static size_t piece_size(const struct tn_network *network, const struct unfolded *c)
{
    size_t each =
        SHARED_FLOATS / (tn_product_padded(network->kernels, tn_unfold_rows(&c->forward.from)) +
                         c->forward.to.channels);
    size_t positions = (size_t)network->max_batch * tn_unfold_positions(&c->forward.to);
    return TN_CUT * (each < TN_CUT ? 1 : tn_least(each / TN_CUT, tn_divide_up(positions, TN_CUT)));
}

static void choose_ranges(struct weights_job *job)
{
    size_t rows = job->c->forward.to.channels,
           tiles = tn_product_tiles(job->network->kernels, tn_unfold_rows(&job->c->forward.from));
    job->row_ranges = tn_divide_up(rows, TN_ROW_RANGE);
    job->tile_ranges = tn_divide_up(tiles, 4);
    if (job->row_ranges * job->tile_ranges < TASKS)
        job->tile_ranges = tiles;
    if (job->row_ranges * job->tile_ranges < TASKS)
        job->row_ranges = tn_divide_up(rows, TN_ROW_RANGE / 4);
}

static void gradient_of_weights(struct tn_network *network, struct unfolded *c, const float *input,
                                const float *output_gradient, float *gradient)
{
    const struct tn_kernels *kernels = network->kernels;
    size_t rows = c->forward.to.channels, columns = tn_unfold_rows(&c->forward.from);
    size_t size = piece_size(network, c),
           positions = (size_t)network->count * tn_unfold_positions(&c->forward.to);
    float *shared = tn_shared(network);
    struct weights_job job = {.network = network,
                              .c = c,
                              .input = input,
                              .output_gradient = output_gradient,
                              .left = shared,
                              .right = shared + size * rows,
                              .gradient = gradient};
    choose_ranges(&job);
    for (size_t begin = 0; begin < positions; begin += size) {
        job.piece = (struct tn_span){begin, tn_least(size, positions - begin)};
        job.product =
            (struct tn_product){kernels, rows, job.piece.size, columns, job.left, job.right};
        tn_parallel(tn_product_tiles(kernels, columns) + tn_product_blocks(kernels, rows),
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

/* A matrix of single taps, those of an image itself. */
static bool make_plain(int channels, const int size[2], struct tn_unfold *u)
{
    *u = (struct tn_unfold){.channels = (size_t)channels,
                            .size = {1, size[0] * size[1]},
                            .positions = {1, size[0] * size[1]},
                            .stride = {1, 1},
                            .taps = 1};
    u->offset = tn_calloc(1, sizeof *u->offset);
    return u->offset != NULL;
}

/* Is every output made of the numbers at its own place? */
static bool is_plain(const struct tn_window *w)
{
    return w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1 &&
           w->pad_begin[0] == 0 && w->pad_begin[1] == 0 && w->in[0] == w->out[0] &&
           w->in[1] == w->out[1];
}

/* The input as the kernel sees it. */
static bool make_input(const struct tn_window *w, struct tn_unfold *u)
{
    int taps = w->kernel[0] * w->kernel[1];
    if (is_plain(w))
        return make_plain(w->channels_in, w->in, u);
    *u = (struct tn_unfold){.channels = (size_t)w->channels_in, .taps = taps};
    u->offset = tn_calloc((size_t)taps, sizeof *u->offset);
    for (int d = 0; d < 2; d++) {
        u->size[d] = w->in[d];
        u->positions[d] = w->out[d];
        u->stride[d] = w->stride[d];
        for (int t = 0; u->offset && t < taps; t++)
            u->offset[t][d] =
                (d == 0 ? t / w->kernel[1] : t % w->kernel[1]) * w->dilation[d] - w->pad_begin[d];
    }
    return u->offset != NULL;
}

static bool make_forward(const struct tn_window *w, struct way *way)
{
    if (!make_input(w, &way->from) || !make_plain(w->channels_out, w->out, &way->to))
        return false;
    way->row_step = tn_unfold_rows(&way->from);
    return true;
}

static int remainder_of(int a, int b)
{
    return (a % b + b) % b;
}

/* The taps through which pixels (i * stride + phase) of the input reach outputs, and which. */
static int find_taps(const struct tn_window *w, const struct tn_unfold *in, const int phase[2],
                     struct tn_unfold *from, int *taps)
{
    int count = 0;
    for (int t = 0; t < w->kernel[0] * w->kernel[1]; t++) {
        int far[2] = {phase[0] - in->offset[t][0], phase[1] - in->offset[t][1]};
        if (remainder_of(far[0], w->stride[0]) != 0 || remainder_of(far[1], w->stride[1]) != 0)
            continue;
        for (int d = 0; d < 2; d++)
            from->offset[count][d] = far[d] / w->stride[d];
        taps[count++] = t;
    }
    return count;
}

/* Weight (channel, filter and tap): [filters,channels,taps]. */
static bool make_back_weights(const struct tn_window *w, const int *taps, struct way *way)
{
    size_t all = (size_t)w->kernel[0] * (size_t)w->kernel[1], some = (size_t)way->from.taps,
           filters = (size_t)w->channels_out;
    way->row_step = all;
    way->at = tn_calloc(filters * some, sizeof *way->at);
    for (size_t k = 0; way->at && k < filters * some; k++)
        way->at[k] = k / some * (size_t)w->channels_in * all + (size_t)taps[k % some];
    return way->at != NULL;
}

static bool make_phase(const struct tn_window *w, const struct tn_unfold *in, const int phase[2],
                       int *taps, struct way *way)
{
    struct tn_unfold *from = &way->from, *to = &way->to;
    *from = (struct tn_unfold){.channels = (size_t)w->channels_out, .stride = {1, 1}};
    *to = (struct tn_unfold){.channels = (size_t)w->channels_in, .taps = 1};
    from->offset = tn_calloc((size_t)w->kernel[0] * (size_t)w->kernel[1], sizeof *from->offset);
    to->offset = tn_calloc(1, sizeof *to->offset);
    if (!from->offset || !to->offset)
        return false;
    for (int d = 0; d < 2; d++) {
        from->size[d] = w->out[d];
        to->size[d] = w->in[d];
        to->stride[d] = w->stride[d];
        to->offset[0][d] = phase[d];
        from->positions[d] = to->positions[d] =
            (w->in[d] - phase[d] + w->stride[d] - 1) / w->stride[d];
    }
    from->taps = find_taps(w, in, phase, from, taps);
    return make_back_weights(w, taps, way);
}

static void release_way(struct way *way)
{
    tn_free(way->from.offset);
    tn_free(way->to.offset);
    tn_free(way->at);
    tn_free(way->packed);
}

/* Do only the pixels (i * stride) lead to outputs, as where a kernel of 1x1 skips some? Those
 * between are then cleared with them, while they are near. */
static bool has_corner_alone(const struct unfolded *c)
{
    const struct tn_unfold *to = &c->back[0].to;
    return c->back_count == 1 && to->offset[0][0] == 0 && to->offset[0][1] == 0;
}

/* Phases that reach no output, or lie outside of a small input, are left out. */
static bool make_back(const struct tn_window *w, struct unfolded *c)
{
    int phases = w->stride[0] * w->stride[1];
    int *taps = tn_calloc((size_t)w->kernel[0] * (size_t)w->kernel[1], sizeof *taps);
    c->back = tn_calloc((size_t)phases, sizeof *c->back);
    bool ok = taps && c->back;
    for (int i = 0; ok && i < phases; i++) {
        int phase[2] = {i / w->stride[1], i % w->stride[1]};
        struct way *way = &c->back[c->back_count];
        if (phase[0] >= w->in[0] || phase[1] >= w->in[1])
            continue;
        c->back_count++;
        if (is_plain(w))
            ok = make_plain(w->channels_out, w->out, &way->from) &&
                 make_plain(w->channels_in, w->in, &way->to) && make_back_weights(w, taps, way);
        else
            ok = make_phase(w, &c->forward.from, phase, taps, way);
        if (ok && way->from.taps == 0) { /* nothing to add up */
            c->clear = true;
            c->back_count--;
            release_way(way);
            *way = (struct way){.at = NULL};
        }
    }
    tn_free(taps);
    if (ok && c->clear && has_corner_alone(c)) {
        c->back[0].to.alone = true;
        c->clear = false;
    }
    return ok;
}

/* Weights that are trained change from call to call, so that nothing is lost where the next step
 * packs its own into the same memory. */
static bool want_way(struct tn_network *network, struct way *way)
{
    size_t rows = tn_unfold_rows(&way->from), weights = rows * way->to.channels;
    tn_want_scratch(network,
                    TN_ROW_RANGE * TN_UNFOLD_COLUMNS + slice_columns(network->kernels, way) * rows);
    if (network->mode == TN_TRAINING)
        tn_want_shared(network, weights);
    else
        way->packed = tn_want_memory(network, weights, sizeof *way->packed);
    return way->packed || network->mode == TN_TRAINING;
}

static void release(void *state)
{
    struct unfolded *c = state;
    if (!c)
        return;
    release_way(&c->forward);
    for (int i = 0; i < c->back_count; i++)
        release_way(&c->back[i]);
    tn_free(c->back);
    tn_free(c);
}

static bool want_memory(struct tn_network *network, struct unfolded *c, int passes)
{
    bool ok = want_way(network, &c->forward);
    for (int i = 0; ok && i < c->back_count; i++)
        ok = want_way(network, &c->back[i]);
    if (!ok || !(passes & TN_PASS_WEIGHTS))
        return ok;
    tn_want_scratch(network, (size_t)MAX_TILE * TN_CUT);
    tn_want_shared(network,
                   piece_size(network, c) *
                       (c->forward.to.channels +
                        tn_product_padded(network->kernels, tn_unfold_rows(&c->forward.from))));
    return true;
}

static void *prepare(struct tn_network *network, const struct tn_window *window, int passes,
                     const char *name, struct tn_error *error)
{
    struct unfolded *c = tn_calloc(1, sizeof *c);
    if (c && make_forward(window, &c->forward) &&
        (!(passes & TN_PASS_BACK) || make_back(window, c)) && want_memory(network, c, passes))
        return c;
    tn_fail_memory(error, name,
                   (size_t)window->channels_in * (size_t)window->channels_out * sizeof(float));
    release(c);
    return NULL;
}

static bool is_pointwise(const struct tn_window *w)
{
    return w->kernel[0] == 1 && w->kernel[1] == 1 &&
           w->pad_begin[0] + w->pad_begin[1] + w->pad_end[0] + w->pad_end[1] == 0;
}

static bool pointwise_fits(const struct tn_network *network, const struct tn_window *w)
{
    (void)network;
    return w->groups == 1 && is_pointwise(w) && w->channels_in >= LEAST_CHANNELS &&
           w->channels_out >= LEAST_CHANNELS &&
           (long)w->channels_in * w->channels_out >= LEAST_WEIGHTS;
}

/* Every number is packed once for each tap that reads it, which many filters must be worth. */
static bool unfolded_fits(const struct tn_network *network, const struct tn_window *w)
{
    (void)network;
    return w->groups == 1 && !is_pointwise(w) && w->channels_out >= LEAST_FILTERS &&
           (long)w->channels_in * w->kernel[0] * w->kernel[1] * w->channels_out >= LEAST_WEIGHTS;
}

const struct tn_conv_path tn_pointwise_path = {
    .name = "pointwise",
    .fits = pointwise_fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};

const struct tn_conv_path tn_unfolded_path = {
    .name = "unfolded",
    .fits = unfolded_fits,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};
