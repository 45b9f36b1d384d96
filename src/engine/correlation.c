#include "engine/correlation.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/row_block.h"

#include <string.h>

/* The gradient of the weights is summed in this many parts, each over its own slices, then over
 * parts in order: the same bits for any number of threads. */
enum { MAX_PARTS = 16 };
enum { PART_BYTES = 64 << 20 }; /* of all parts together */

size_t tn_correlation_in(const struct tn_correlation *c)
{
    return (size_t)c->window.channels_in * (size_t)c->window.in[0] * (size_t)c->window.in[1];
}

size_t tn_correlation_out(const struct tn_correlation *c)
{
    return (size_t)c->window.channels_out * (size_t)c->window.out[0] * (size_t)c->window.out[1];
}

static size_t input_planes(const struct tn_correlation *c)
{
    return (size_t)c->window.channels_in * (size_t)c->geometry.stored_count * c->geometry.plane;
}

static size_t output_planes(const struct tn_correlation *c)
{
    return (size_t)c->window.channels_out * c->geometry.plane;
}

static size_t tile_floats(const struct tn_correlation *c)
{
    return TN_MAX_TILE_ROWS * c->geometry.plane;
}

/* --- preparation --- */

static bool make_offsets(struct tn_correlation *c)
{
    const struct tn_conv_geometry *g = &c->geometry;
    c->offsets = tn_calloc((size_t)c->padded_depth, sizeof *c->offsets);
    if (!c->offsets)
        return false;
    for (int k = 0; k < c->padded_depth; k++) {
        int real = k < c->depth ? k : 0; /* what the padding reads is not used */
        int channel = real / g->taps, t = real % g->taps;
        c->offsets[k] = (ptrdiff_t)(((size_t)channel * (size_t)g->stored_count +
                                     (size_t)g->stored[g->phase[t]]) *
                                        g->plane +
                                    g->margin + (size_t)g->origin * (size_t)g->pitch) +
                        g->shift[t];
    }
    return true;
}

static bool make_back_offsets(struct tn_correlation *c)
{
    const struct tn_conv_geometry *g = &c->geometry;
    c->back_depth = tn_calloc((size_t)g->phases, sizeof *c->back_depth);
    c->back_offsets = tn_calloc((size_t)g->phases, sizeof *c->back_offsets);
    if (!c->back_depth || !c->back_offsets)
        return false;
    for (int phase = 0; phase < g->phases; phase++) {
        if (g->stored[phase] < 0)
            continue; /* no tap reads it */
        ptrdiff_t *offsets = tn_calloc((size_t)c->filters * (size_t)g->taps, sizeof *offsets);
        if (!offsets)
            return false;
        int depth = 0;
        for (int f = 0; f < c->filters; f++)
            for (int t = 0; t < g->taps; t++)
                if (g->phase[t] == phase)
                    offsets[depth++] = (ptrdiff_t)((size_t)f * g->plane + g->margin) - g->shift[t];
        c->back_offsets[phase] = offsets;
        c->back_depth[phase] = depth;
    }
    return true;
}

/* Room for packed weights in the shared memory; what else is there stands behind it. */
static size_t packed_room(const struct tn_correlation *c)
{
    enum { LINE = TN_ALIGNMENT / sizeof(float) };
    size_t weights = (size_t)c->window.channels_out * (size_t)c->depth;
    return (weights + LINE - 1) / LINE * LINE;
}

static void want_parts(struct tn_network *network, struct tn_correlation *c)
{
    size_t part = (size_t)c->window.channels_out * (size_t)c->padded_depth;
    size_t parts = PART_BYTES / (part * sizeof(float) + 1);
    if (parts > MAX_PARTS)
        parts = MAX_PARTS;
    if (parts > (size_t)c->slices)
        parts = (size_t)c->slices;
    c->parts = parts < 1 ? 1 : (int)parts;
    tn_want_shared(network, packed_room(c) + (size_t)c->parts * part);
}

/* What a worker needs: planes of either side, and a tile of results. */
static bool want_scratch(struct tn_network *network, const struct tn_correlation *c, int passes)
{
    size_t planes = 0, floats = tile_floats(c);
    if (!tn_mul((size_t)c->window.channels_in * (size_t)c->geometry.stored_count +
                    (size_t)c->window.channels_out,
                c->geometry.plane, &planes))
        return false;
    if (passes & (TN_PASS_FORWARD | TN_PASS_WEIGHTS))
        floats += input_planes(c);
    if (passes & (TN_PASS_BACK | TN_PASS_WEIGHTS))
        floats += output_planes(c);
    tn_want_scratch(network, floats);
    return true;
}

static bool prepare_passes(struct tn_network *network, struct tn_correlation *c, int passes)
{
    size_t weights = (size_t)c->window.channels_out * (size_t)c->depth;
    if (!want_scratch(network, c, passes) || !make_offsets(c))
        return false;
    if (passes & TN_PASS_BACK && !make_back_offsets(c))
        return false;
    if (network->mode == TN_TRAINING) { /* packed anew at each call */
        tn_want_shared(network, packed_room(c));
        if (passes & TN_PASS_WEIGHTS)
            want_parts(network, c);
        return true;
    }
    if (passes & TN_PASS_FORWARD && !(c->packed = tn_want_memory(network, weights, sizeof(float))))
        return false;
    return !(passes & TN_PASS_BACK) ||
           (c->packed_back = tn_want_memory(network, weights, sizeof(float)));
}

bool tn_correlation_prepare(struct tn_network *network, const char *name, struct tn_correlation *c,
                            int passes, struct tn_error *error)
{
    int step_depth = network->kernels->depth_step;
    if (!tn_conv_geometry_make(&c->window, network->max_batch, passes == TN_PASS_FORWARD,
                               &c->geometry, error))
        return tn_fail_in(error, "node '%s'", name);
    c->groups = c->window.groups;
    c->shares = network->mode == TN_TRAINING;
    c->filters = c->window.channels_out / c->groups;
    c->channels = c->window.channels_in / c->groups;
    c->slices = (network->max_batch + c->geometry.slice - 1) / c->geometry.slice;
    c->depth = c->channels * c->geometry.taps;
    c->padded_depth = (c->depth + step_depth - 1) / step_depth * step_depth;
    return prepare_passes(network, c, passes) ||
           tn_fail_memory(error, name,
                          2 * (size_t)c->window.channels_out * (size_t)c->depth * sizeof(float));
}

void tn_correlation_release(struct tn_correlation *c)
{
    for (int phase = 0; c->back_offsets && phase < c->geometry.phases; phase++)
        tn_free(c->back_offsets[phase]);
    tn_conv_geometry_free(&c->geometry);
    tn_free(c->back_offsets);
    tn_free(c->back_depth);
    tn_free(c->offsets);
    if (!c->shares) {
        tn_free(c->packed);
        tn_free(c->packed_back);
    }
}

/* --- packing of weights --- */

struct pack_job {
    const struct tn_correlation *c;
    const float *weights;
    int tile_rows;
};

/* packed[group][block][k][row of the block] */
static void pack_group(void *context, size_t group, unsigned worker)
{
    (void)worker;
    const struct pack_job *job = context;
    const struct tn_correlation *c = job->c;
    size_t size = (size_t)c->filters * (size_t)c->depth;
    const float *from = job->weights + group * size;
    float *to = c->packed + group * size;
    int blocks = tn_row_blocks(c->filters, job->tile_rows);
    for (int b = 0; b < blocks; b++) {
        struct tn_row_block block = tn_row_block_at(c->filters, blocks, b);
        for (int k = 0; k < c->depth; k++)
            for (int r = 0; r < block.rows; r++)
                *to++ = from[(size_t)(block.begin + r) * (size_t)c->depth + (size_t)k];
    }
}

/* packed_back[group][phase][block of channels][filter, tap of the phase][channel of the block] */
static void pack_group_back(void *context, size_t group, unsigned worker)
{
    (void)worker;
    const struct pack_job *job = context;
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    size_t size = (size_t)c->filters * (size_t)c->depth;
    const float *from = job->weights + group * size;
    float *to = c->packed_back + group * size;
    int blocks = tn_row_blocks(c->channels, job->tile_rows);
    for (int phase = 0; phase < g->phases; phase++)
        for (int b = 0; g->stored[phase] >= 0 && b < blocks; b++) {
            struct tn_row_block block = tn_row_block_at(c->channels, blocks, b);
            for (int f = 0; f < c->filters; f++)
                for (int t = 0; t < g->taps; t++)
                    for (int r = 0; g->phase[t] == phase && r < block.rows; r++)
                        *to++ = from[(size_t)f * (size_t)c->depth +
                                     (size_t)((block.begin + r) * g->taps + t)];
        }
}

static void pack(const struct tn_network *network, struct tn_correlation *c, const float *weights,
                 bool back)
{
    struct pack_job job = {c, weights, network->kernels->tile_rows};
    bool *once = back ? &c->packed_back_once : &c->packed_once;
    if (c->shares)
        *(back ? &c->packed_back : &c->packed) = tn_shared(network);
    if (!*once)
        tn_parallel((size_t)c->groups, back ? pack_group_back : pack_group, &job);
    *once = network->mode == TN_INFER;
}

/* --- forward --- */

struct job {
    struct tn_network *network;
    struct tn_correlation *c;
    struct tn_finish finish;
    const float *from;     /* of the side that is read */
    const float *gradient; /* of the output, for that of the weights */
    float *to;             /* of the side that is written; NULL: not wanted */
    float *weights_gradient;
    int slices, parts;
};

static int slice_count(const struct tn_network *network, const struct tn_correlation *c)
{
    return (network->count + c->geometry.slice - 1) / c->geometry.slice;
}

static int slice_images(const struct job *job, int slice)
{
    const struct tn_conv_geometry *g = &job->c->geometry;
    int left = job->network->count - slice * g->slice;
    return left < g->slice ? left : g->slice;
}

/* A slice's images, and rows of their output. */
struct part {
    int first, images;
    int band, rows;
};

/* From positions of a tile row to rows of NCHW images. */
static void trim_outputs(const struct job *job, const float *tile, int filter,
                         const struct part *part)
{
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    const struct tn_kernels *kernels = job->network->kernels;
    const struct tn_finish *finish = &job->finish;
    size_t width = (size_t)c->window.out[1], area = (size_t)c->window.out[0] * width,
           above = (size_t)part->band * (size_t)g->band_rows * width;
    for (int n = 0; n < part->images; n++) {
        size_t at =
            (size_t)(part->first + n) * tn_correlation_out(c) + (size_t)filter * area + above;
        kernels->trim_rows(
            (size_t)part->rows, width, tile + (size_t)n * (size_t)g->rows * (size_t)g->pitch,
            (size_t)g->pitch, tn_finish_bias(finish, (size_t)filter),
            finish->addend ? finish->addend + at : NULL, finish->least, finish->most, job->to + at);
    }
}

static void forward_group(const struct job *job, int group, const float *planes, float *tile,
                          const struct part *part)
{
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    const float *in =
        planes + (size_t)group * (size_t)c->channels * (size_t)g->stored_count * g->plane;
    size_t positions =
        tn_conv_positions(g, part->images, (const int[]){part->rows, c->window.out[1]});
    int blocks = tn_row_blocks(c->filters, job->network->kernels->tile_rows);
    for (int b = 0; b < blocks; b++) {
        struct tn_row_block block = tn_row_block_at(c->filters, blocks, b);
        int filter = group * c->filters + block.begin;
        job->network->kernels->correlate(block.rows, c->depth,
                                         c->packed + (size_t)filter * (size_t)c->depth, in,
                                         c->offsets, positions, tile, g->plane);
        for (int r = 0; r < block.rows; r++)
            trim_outputs(job, tile + (size_t)r * g->plane, filter + r, part);
    }
}

static void forward_part(void *context, size_t index, unsigned worker)
{
    const struct job *job = context;
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    int slice = (int)(index / (size_t)g->bands), band = (int)(index % (size_t)g->bands);
    struct part part = {slice * g->slice, slice_images(job, slice), band,
                        tn_conv_band_rows(g, band)};
    float *planes = tn_scratch(job->network, worker), *tile = planes + input_planes(c);
    tn_conv_pack_input(g, job->network->kernels,
                       job->from + (size_t)part.first * tn_correlation_in(c), tn_correlation_in(c),
                       part.images, c->window.channels_in, band, planes);
    for (int group = 0; group < c->groups; group++)
        forward_group(job, group, planes, tile, &part);
}

void tn_correlation_forward(struct tn_network *network, struct tn_correlation *c,
                            const float *weights, const float *input, struct tn_finish finish,
                            float *output)
{
    struct job job = {.network = network, .c = c, .finish = finish, .from = input, .to = output};
    pack(network, c, weights, false);
    tn_parallel((size_t)slice_count(network, c) * (size_t)c->geometry.bands, forward_part, &job);
}

/* --- back to the input --- */

static void place_row(const struct tn_finish *finish, int channel, const float *from, size_t count,
                      float *to, size_t step)
{
    float shift = tn_finish_bias(finish, (size_t)channel);
    for (size_t j = 0; j < count; j++)
        to[j * step] = tn_finish_one(finish, from[j] + shift);
}

/* One channel of one phase of the input, from positions to its place in the image. */
static void place_inputs(const struct job *job, const float *tile, int channel, int phase,
                         int first, int images)
{
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    const struct tn_window *w = &c->window;
    size_t area = (size_t)w->in[0] * (size_t)w->in[1], pitch = (size_t)g->pitch;
    int extent[2];
    tn_conv_phase_extent(g, phase, extent);
    for (int n = 0; n < images; n++) {
        const float *from = tile + (size_t)n * (size_t)g->rows * pitch;
        float *to = job->to + (size_t)(first + n) * tn_correlation_in(c) + (size_t)channel * area;
        if (g->phases == 1) {
            job->network->kernels->trim_rows((size_t)extent[0], (size_t)extent[1], from, pitch,
                                             tn_finish_bias(&job->finish, (size_t)channel), NULL,
                                             job->finish.least, job->finish.most, to);
            continue;
        }
        to += (size_t)(phase / w->stride[1]) * (size_t)w->in[1] + (size_t)(phase % w->stride[1]);
        for (int i = 0; i < extent[0]; i++)
            place_row(&job->finish, channel, from + (size_t)i * pitch, (size_t)extent[1],
                      to + (size_t)i * (size_t)w->stride[0] * (size_t)w->in[1],
                      (size_t)w->stride[1]);
    }
}

static void back_phase(const struct job *job, const float *from, const float *weights, float *tile,
                       int group, int phase, int first, int images)
{
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    int extent[2], blocks = tn_row_blocks(c->channels, job->network->kernels->tile_rows);
    tn_conv_phase_extent(g, phase, extent);
    size_t positions = tn_conv_positions(g, images, extent);
    for (int b = 0; b < blocks; b++) {
        struct tn_row_block block = tn_row_block_at(c->channels, blocks, b);
        job->network->kernels->correlate(block.rows, c->back_depth[phase], weights, from,
                                         c->back_offsets[phase], positions, tile, g->plane);
        weights += (size_t)c->back_depth[phase] * (size_t)block.rows;
        for (int r = 0; positions && r < block.rows; r++)
            place_inputs(job, tile + (size_t)r * g->plane, group * c->channels + block.begin + r,
                         phase, first, images);
    }
}

static void back_images(const struct job *job, const float *planes, float *tile, int first,
                        int images)
{
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    for (int group = 0; group < c->groups; group++) {
        const float *weights =
            c->packed_back + (size_t)group * (size_t)c->filters * (size_t)c->depth;
        for (int phase = 0; phase < g->phases; phase++) {
            back_phase(job, planes + (size_t)group * (size_t)c->filters * g->plane, weights, tile,
                       group, phase, first, images);
            weights += (size_t)c->back_depth[phase] * (size_t)c->channels;
        }
    }
}

static void back_slice(void *context, size_t slice, unsigned worker)
{
    const struct job *job = context;
    const struct tn_correlation *c = job->c;
    int images = slice_images(job, (int)slice), first = (int)slice * c->geometry.slice;
    float *planes = tn_scratch(job->network, worker);
    tn_conv_pack_output(&c->geometry, job->network->kernels,
                        job->from + (size_t)first * tn_correlation_out(c), tn_correlation_out(c),
                        images, c->window.channels_out, planes);
    back_images(job, planes, planes + output_planes(c), first, images);
}

void tn_correlation_back(struct tn_network *network, struct tn_correlation *c, const float *weights,
                         const float *output, struct tn_finish finish, float *input)
{
    struct job job = {.network = network, .c = c, .finish = finish, .from = output, .to = input};
    pack(network, c, weights, true);
    tn_parallel((size_t)slice_count(network, c), back_slice, &job);
}

/* --- gradient of the weights --- */

static void weights_slice(const struct job *job, const float *planes, const float *gradient,
                          float *sums, int images)
{
    enum { ROWS = 4 }; /* of correlate_weights */
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    size_t positions = tn_conv_positions(g, images, c->window.out);
    int blocks = tn_row_blocks(c->filters, ROWS);
    for (int group = 0; group < c->groups; group++) {
        const float *in =
            planes + (size_t)group * (size_t)c->channels * (size_t)g->stored_count * g->plane;
        for (int b = 0; b < blocks; b++) {
            struct tn_row_block block = tn_row_block_at(c->filters, blocks, b);
            size_t filter = (size_t)group * (size_t)c->filters + (size_t)block.begin;
            job->network->kernels->correlate_weights(
                block.rows, c->padded_depth, gradient + filter * g->plane + g->margin, g->plane, in,
                c->offsets, positions, sums + filter * (size_t)c->padded_depth,
                (size_t)c->padded_depth);
        }
    }
}

/* All slices of a part: their share of the weights' gradient, and the input's gradient. */
static void weights_part(void *context, size_t part, unsigned worker)
{
    const struct job *job = context;
    const struct tn_correlation *c = job->c;
    const struct tn_conv_geometry *g = &c->geometry;
    const struct tn_kernels *kernels = job->network->kernels;
    float *planes = tn_scratch(job->network, worker), *tile = planes + input_planes(c);
    float *gradient = tile + tile_floats(c);
    size_t part_floats = (size_t)c->window.channels_out * (size_t)c->padded_depth;
    float *sums = c->partial + part * part_floats;
    memset(sums, 0, part_floats * sizeof *sums);
    int begin = (int)(part * (size_t)job->slices / (size_t)job->parts);
    int end = (int)((part + 1) * (size_t)job->slices / (size_t)job->parts);
    for (int slice = begin; slice < end; slice++) {
        int images = slice_images(job, slice), first = slice * g->slice;
        tn_conv_pack_output(g, kernels, job->gradient + (size_t)first * tn_correlation_out(c),
                            tn_correlation_out(c), images, c->window.channels_out, gradient);
        tn_conv_pack_input(g, kernels, job->from + (size_t)first * tn_correlation_in(c),
                           tn_correlation_in(c), images, c->window.channels_in, 0, planes);
        weights_slice(job, planes, gradient, sums, images);
        if (job->to)
            back_images(job, gradient, tile, first, images);
    }
}

/* Sum the parts of one filter's gradient in their order. */
static void sum_parts(void *context, size_t filter, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_correlation *c = job->c;
    size_t padded = (size_t)c->padded_depth, part_floats = (size_t)c->window.channels_out * padded;
    float *gradient = job->weights_gradient + filter * (size_t)c->depth;
    memcpy(gradient, c->partial + filter * padded, (size_t)c->depth * sizeof *gradient);
    for (int part = 1; part < job->parts; part++) {
        const float *more = c->partial + (size_t)part * part_floats + filter * padded;
        for (int k = 0; k < c->depth; k++)
            gradient[k] += more[k];
    }
}

void tn_correlation_weights(struct tn_network *network, struct tn_correlation *c,
                            const float *weights, const float *input, const float *output_gradient,
                            float *weights_gradient, float *input_gradient)
{
    struct job job = {.network = network,
                      .c = c,
                      .from = input,
                      .gradient = output_gradient,
                      .finish = tn_unfinished,
                      .to = input_gradient,
                      .weights_gradient = weights_gradient,
                      .slices = slice_count(network, c)};
    job.parts = c->parts < job.slices ? c->parts : job.slices;
    c->partial = tn_shared(network) + packed_room(c);
    if (input_gradient)
        pack(network, c, weights, true);
    tn_parallel((size_t)job.parts, weights_part, &job);
    tn_parallel((size_t)c->window.channels_out, sum_parts, &job);
}

/* --- gradient of the bias --- */

struct bias_job {
    struct tn_network *network;
    const float *output_gradient;
    size_t channels, area;
    float *gradient;
};

static void sum_channel(void *context, size_t channel, unsigned worker)
{
    (void)worker;
    const struct bias_job *job = context;
    double sum = 0, squares = 0;
    for (size_t n = 0; n < (size_t)job->network->count; n++)
        job->network->kernels->moments(
            job->area, job->output_gradient + (n * job->channels + channel) * job->area, 0, &sum,
            &squares);
    job->gradient[channel] = (float)sum;
}

void tn_bias_gradient(struct tn_network *network, const float *output_gradient, size_t channels,
                      size_t area, float *gradient)
{
    struct bias_job job = {network, output_gradient, channels, area, gradient};
    tn_parallel(channels, sum_channel, &job);
}

/* --- as a path of Conv: it fits every shape --- */

static bool path_fits(const struct tn_network *network, const struct tn_window *window)
{
    (void)network;
    (void)window;
    return true;
}

static void path_release(void *state)
{
    if (state)
        tn_correlation_release(state);
    tn_free(state);
}

static void *path_prepare(struct tn_network *network, const struct tn_window *window, int passes,
                          const char *name, struct tn_error *error)
{
    struct tn_correlation *c = tn_calloc(1, sizeof *c);
    if (!c) {
        tn_fail_memory(error, name, sizeof *c);
        return NULL;
    }
    c->window = *window;
    if (tn_correlation_prepare(network, name, c, passes, error))
        return c;
    path_release(c);
    return NULL;
}

static void path_forward(struct tn_network *network, void *state, const float *weights,
                         const float *input, struct tn_finish finish, float *output)
{
    tn_correlation_forward(network, state, weights, input, finish, output);
}

static void path_backward(struct tn_network *network, void *state, const float *weights,
                          const float *input, const float *output_gradient, float *weights_gradient,
                          float *input_gradient)
{
    tn_correlation_weights(network, state, weights, input, output_gradient, weights_gradient,
                           input_gradient);
}

const struct tn_conv_path tn_correlation_path = {
    .name = "correlation",
    .fits = path_fits,
    .prepare = path_prepare,
    .release = path_release,
    .forward = path_forward,
    .backward = path_backward,
};
