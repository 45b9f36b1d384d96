/* Convolution: packed planes (conv_geometry.h) and the correlation kernels, a slice of images a
 * task. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/conv_geometry.h"
#include "engine/step.h"

#include <math.h>
#include <string.h>

/* The gradient of the weights is summed in this many parts, each over its own slices, then over
 * parts in order: the same bits for any number of threads. */
enum { MAX_PARTS = 16 };
enum { PART_BYTES = 64 << 20 }; /* of all parts together */

struct conv {
    struct tn_window window;
    struct tn_conv_geometry geometry;
    int groups, filters, channels; /* filters and channels of one group */
    int depth, padded_depth;       /* channels x taps; rounded up for correlate_weights */
    ptrdiff_t *offsets;            /* [padded_depth] from the group's first plane */
    int *back_depth;               /* [phases] filters x taps of that phase */
    ptrdiff_t **back_offsets;      /* [phases] */
    float *packed, *packed_back;   /* weights in the order the kernels read them */
    bool packed_once;              /* inference: weights do not change */
    float *folded, *folded_bias;   /* inference: weights with BatchNorm in them */
    int parts, slices;             /* slices of the greatest batch */
    float *partial;                /* [parts, filters x groups, padded_depth] */
};

/* Rows of a block: all filters of a group cut evenly into blocks the kernel can take. */
struct block {
    int begin, rows;
};

static int block_count(int filters, int most)
{
    return (filters + most - 1) / most;
}

static struct block block_at(int filters, int count, int index)
{
    int begin = (int)((long)filters * index / count);
    return (struct block){begin, (int)((long)filters * (index + 1) / count) - begin};
}

static const float *weights_of(const struct tn_network *network, const struct tn_step *step)
{
    const struct conv *conv = step->state;
    return conv->folded ? conv->folded : tn_step_param(network, step, 1)->data;
}

static const float *bias_of(const struct tn_network *network, const struct tn_step *step)
{
    const struct conv *conv = step->state;
    const struct tn_param *bias = tn_step_param(network, step, 2);
    return conv->folded_bias ? conv->folded_bias : bias ? bias->data : NULL;
}

static bool make_offsets(struct conv *conv, const struct tn_kernels *kernels)
{
    const struct tn_conv_geometry *g = &conv->geometry;
    conv->depth = conv->channels * g->taps;
    conv->padded_depth =
        (conv->depth + kernels->depth_step - 1) / kernels->depth_step * kernels->depth_step;
    conv->offsets = tn_calloc((size_t)conv->padded_depth, sizeof *conv->offsets);
    if (!conv->offsets)
        return false;
    for (int k = 0; k < conv->padded_depth; k++) {
        int real = k < conv->depth ? k : 0; /* what the padding reads is not used */
        int c = real / g->taps, t = real % g->taps;
        conv->offsets[k] =
            (ptrdiff_t)(((size_t)c * (size_t)g->stored_count + (size_t)g->stored[g->phase[t]]) *
                            g->plane +
                        g->margin) +
            g->shift[t];
    }
    return true;
}

static bool make_back_offsets(struct conv *conv)
{
    const struct tn_conv_geometry *g = &conv->geometry;
    conv->back_depth = tn_calloc((size_t)g->phases, sizeof *conv->back_depth);
    conv->back_offsets = tn_calloc((size_t)g->phases, sizeof *conv->back_offsets);
    if (!conv->back_depth || !conv->back_offsets)
        return false;
    for (int phase = 0; phase < g->phases; phase++) {
        ptrdiff_t *offsets = tn_calloc((size_t)conv->filters * (size_t)g->taps, sizeof *offsets);
        if (!offsets)
            return false;
        int depth = 0;
        for (int f = 0; f < conv->filters; f++)
            for (int t = 0; t < g->taps; t++)
                if (g->phase[t] == phase)
                    offsets[depth++] = (ptrdiff_t)((size_t)f * g->plane + g->margin) - g->shift[t];
        conv->back_offsets[phase] = offsets;
        conv->back_depth[phase] = depth;
    }
    return true;
}

static size_t input_planes(const struct conv *conv)
{
    return (size_t)conv->window.channels_in * (size_t)conv->geometry.stored_count *
           conv->geometry.plane;
}

static size_t tile_floats(const struct conv *conv)
{
    return TN_MAX_TILE_ROWS * conv->geometry.plane;
}

static bool prepare_training(struct tn_network *network, struct conv *conv)
{
    size_t weights = (size_t)conv->window.channels_out * (size_t)conv->depth;
    size_t part = (size_t)conv->window.channels_out * (size_t)conv->padded_depth;
    size_t parts = PART_BYTES / (part * sizeof(float) + 1);
    if (parts > MAX_PARTS)
        parts = MAX_PARTS;
    if (parts > (size_t)conv->slices)
        parts = (size_t)conv->slices;
    conv->parts = parts < 1 ? 1 : (int)parts;
    conv->partial = tn_calloc((size_t)conv->parts * part, sizeof(float));
    conv->packed_back = tn_calloc(weights, sizeof(float));
    tn_want_scratch(network, input_planes(conv) + tile_floats(conv) +
                                 (size_t)conv->window.channels_out * conv->geometry.plane);
    return conv->partial && conv->packed_back && make_back_offsets(conv);
}

static void release(struct tn_step *step)
{
    struct conv *conv = step->state;
    if (!conv)
        return;
    for (int phase = 0; conv->back_offsets && phase < conv->geometry.phases; phase++)
        tn_free(conv->back_offsets[phase]);
    tn_conv_geometry_free(&conv->geometry);
    tn_free(conv->back_offsets);
    tn_free(conv->back_depth);
    tn_free(conv->offsets);
    tn_free(conv->packed);
    tn_free(conv->packed_back);
    tn_free(conv->folded);
    tn_free(conv->folded_bias);
    tn_free(conv->partial);
    tn_free(conv);
    step->state = NULL;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct conv *conv = step->state = tn_calloc(1, sizeof *conv);
    const struct tn_node *node = tn_step_node(network, step);
    if (!conv)
        return tn_fail_memory(error, node->name, sizeof *conv);
    if (!tn_window_of(network->graph, node, &conv->window, error))
        return false;
    if (!tn_step_param(network, step, 1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': Conv whose weights are not constants cannot be run", node->name);
    if (!tn_conv_geometry_make(&conv->window, network->max_batch, &conv->geometry, error))
        return false;
    conv->groups = conv->window.groups;
    conv->filters = conv->window.channels_out / conv->groups;
    conv->channels = conv->window.channels_in / conv->groups;
    conv->slices = (network->max_batch + conv->geometry.slice - 1) / conv->geometry.slice;
    bool ok = make_offsets(conv, network->kernels);
    size_t weights = (size_t)conv->window.channels_out * (size_t)conv->depth;
    conv->packed = ok ? tn_calloc(weights, sizeof(float)) : NULL;
    tn_want_scratch(network, input_planes(conv) + tile_floats(conv));
    ok = conv->packed && (network->mode == TN_INFER || prepare_training(network, conv));
    return ok || tn_fail_memory(error, node->name, 2 * weights * sizeof(float));
}

bool tn_conv_fold_norm(struct tn_network *network, struct tn_step *step, const struct tn_node *norm,
                       struct tn_error *error)
{
    struct conv *conv = step->state;
    size_t filters = (size_t)conv->window.channels_out, depth = (size_t)conv->depth;
    const float *part[4]; /* scale, shift, mean, variance */
    for (int i = 0; i < 4; i++)
        part[i] = tn_tensor_floats(tn_node_constant(network->graph, norm, i + 1));
    const float *weights = weights_of(network, step), *bias = bias_of(network, step);
    float epsilon = tn_node_float(norm, "epsilon", 1e-5f);
    conv->folded = tn_calloc(filters * depth, sizeof(float));
    conv->folded_bias = tn_calloc(filters, sizeof(float));
    if (!conv->folded || !conv->folded_bias)
        return tn_fail_memory(error, norm->name, filters * depth * sizeof(float));
    for (size_t f = 0; f < filters; f++) {
        double scale = (double)part[0][f] / sqrt((double)part[3][f] + (double)epsilon);
        for (size_t k = 0; k < depth; k++)
            conv->folded[f * depth + k] = (float)(scale * (double)weights[f * depth + k]);
        double before = bias ? (double)bias[f] : 0;
        conv->folded_bias[f] = (float)((double)part[1][f] + scale * (before - (double)part[2][f]));
    }
    return true;
}

/* --- packing of weights --- */

struct pack_job {
    const struct conv *conv;
    const float *weights;
    int tile_rows;
};

/* packed[group][block][k][row of the block] */
static void pack_group(void *context, size_t group, unsigned worker)
{
    (void)worker;
    const struct pack_job *job = context;
    const struct conv *conv = job->conv;
    size_t size = (size_t)conv->filters * (size_t)conv->depth;
    const float *from = job->weights + group * size;
    float *to = conv->packed + group * size;
    int blocks = block_count(conv->filters, job->tile_rows);
    for (int b = 0; b < blocks; b++) {
        struct block block = block_at(conv->filters, blocks, b);
        for (int k = 0; k < conv->depth; k++)
            for (int r = 0; r < block.rows; r++)
                *to++ = from[(size_t)(block.begin + r) * (size_t)conv->depth + (size_t)k];
    }
}

/* packed_back[group][phase][block of channels][filter, tap of the phase][channel of the block] */
static void pack_group_back(void *context, size_t group, unsigned worker)
{
    (void)worker;
    const struct pack_job *job = context;
    const struct conv *conv = job->conv;
    const struct tn_conv_geometry *g = &conv->geometry;
    size_t size = (size_t)conv->filters * (size_t)conv->depth;
    const float *from = job->weights + group * size;
    float *to = conv->packed_back + group * size;
    int blocks = block_count(conv->channels, job->tile_rows);
    for (int phase = 0; phase < g->phases; phase++)
        for (int b = 0; b < blocks; b++) {
            struct block block = block_at(conv->channels, blocks, b);
            for (int f = 0; f < conv->filters; f++)
                for (int t = 0; t < g->taps; t++)
                    for (int r = 0; g->phase[t] == phase && r < block.rows; r++)
                        *to++ = from[(size_t)f * (size_t)conv->depth +
                                     (size_t)((block.begin + r) * g->taps + t)];
        }
}

/* --- forward --- */

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const float *input, *gradient;
    float *output, *input_gradient;
    int slices, parts;
};

static int slice_images(const struct job *job, int slice)
{
    const struct conv *conv = job->step->state;
    int left = job->network->count - slice * conv->geometry.slice;
    return left < conv->geometry.slice ? left : conv->geometry.slice;
}

static size_t input_image(const struct conv *conv)
{
    return (size_t)conv->window.channels_in * (size_t)conv->window.in[0] *
           (size_t)conv->window.in[1];
}

static size_t output_image(const struct conv *conv)
{
    return (size_t)conv->window.channels_out * (size_t)conv->window.out[0] *
           (size_t)conv->window.out[1];
}

/* From positions of a tile row to rows of NCHW images. */
static void trim_outputs(const struct job *job, const float *tile, int filter, int first,
                         int images)
{
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    const float *bias = bias_of(job->network, job->step);
    size_t area = (size_t)conv->window.out[0] * (size_t)conv->window.out[1];
    for (int n = 0; n < images; n++)
        job->network->kernels->trim_rows((size_t)conv->window.out[0], (size_t)conv->window.out[1],
                                         tile + (size_t)n * (size_t)g->rows * (size_t)g->pitch,
                                         (size_t)g->pitch, bias ? bias[filter] : 0, job->step->relu,
                                         job->output + (size_t)(first + n) * output_image(conv) +
                                             (size_t)filter * area);
}

static void forward_slice(void *context, size_t slice, unsigned worker)
{
    const struct job *job = context;
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    const struct tn_kernels *kernels = job->network->kernels;
    int images = slice_images(job, (int)slice), first = (int)slice * g->slice;
    float *planes = tn_scratch(job->network, worker), *tile = planes + input_planes(conv);
    size_t positions = tn_conv_positions(g, images, conv->window.out);
    tn_conv_pack_input(g, kernels, job->input + (size_t)first * input_image(conv),
                       input_image(conv), images, conv->window.channels_in, planes);
    int blocks = block_count(conv->filters, kernels->tile_rows);
    for (int group = 0; group < conv->groups; group++) {
        const float *in =
            planes + (size_t)group * (size_t)conv->channels * (size_t)g->stored_count * g->plane;
        for (int b = 0; b < blocks; b++) {
            struct block block = block_at(conv->filters, blocks, b);
            int filter = group * conv->filters + block.begin;
            kernels->correlate(block.rows, conv->depth,
                               conv->packed + (size_t)filter * (size_t)conv->depth, in,
                               conv->offsets, positions, tile, g->plane);
            for (int r = 0; r < block.rows; r++)
                trim_outputs(job, tile + (size_t)r * g->plane, filter + r, first, images);
        }
    }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    struct pack_job pack = {conv, weights_of(network, step), network->kernels->tile_rows};
    if (!conv->packed_once)
        tn_parallel((size_t)conv->groups, pack_group, &pack);
    conv->packed_once = network->mode == TN_INFER;
    struct job job = {.network = network,
                      .step = step,
                      .input = network->blobs[step->input].data,
                      .output = network->blobs[step->output].data};
    tn_parallel((size_t)((network->count + conv->geometry.slice - 1) / conv->geometry.slice),
                forward_slice, &job);
}

/* --- backward --- */

/* One channel of one phase of the input's gradient, from positions to its place in the image. */
static void place_gradient(const struct job *job, const float *tile, int channel, int phase,
                           int first, int images)
{
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    const struct tn_window *w = &conv->window;
    size_t area = (size_t)w->in[0] * (size_t)w->in[1], pitch = (size_t)g->pitch;
    int extent[2];
    tn_conv_phase_extent(g, phase, extent);
    for (int n = 0; n < images; n++) {
        const float *from = tile + (size_t)n * (size_t)g->rows * pitch;
        float *to =
            job->input_gradient + (size_t)(first + n) * input_image(conv) + (size_t)channel * area;
        if (g->phases == 1) {
            job->network->kernels->trim_rows((size_t)extent[0], (size_t)extent[1], from, pitch, 0,
                                             0, to);
            continue;
        }
        to += (size_t)(phase / w->stride[1]) * (size_t)w->in[1] + (size_t)(phase % w->stride[1]);
        for (int i = 0; i < extent[0]; i++)
            for (int j = 0; j < extent[1]; j++)
                to[(size_t)(i * w->stride[0]) * (size_t)w->in[1] + (size_t)(j * w->stride[1])] =
                    from[(size_t)i * pitch + (size_t)j];
    }
}

static void input_gradient_slice(const struct job *job, const float *gradient, float *tile,
                                 int first, int images)
{
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    const struct tn_kernels *kernels = job->network->kernels;
    int blocks = block_count(conv->channels, kernels->tile_rows);
    for (int group = 0; group < conv->groups; group++) {
        const float *from = gradient + (size_t)group * (size_t)conv->filters * g->plane;
        const float *weights =
            conv->packed_back + (size_t)group * (size_t)conv->filters * (size_t)conv->depth;
        for (int phase = 0; phase < g->phases; phase++) {
            int extent[2];
            tn_conv_phase_extent(g, phase, extent);
            size_t positions = tn_conv_positions(g, images, extent);
            for (int b = 0; b < blocks; b++) {
                struct block block = block_at(conv->channels, blocks, b);
                kernels->correlate(block.rows, conv->back_depth[phase], weights, from,
                                   conv->back_offsets[phase], positions, tile, g->plane);
                weights += (size_t)conv->back_depth[phase] * (size_t)block.rows;
                for (int r = 0; positions && r < block.rows; r++)
                    place_gradient(job, tile + (size_t)r * g->plane,
                                   group * conv->channels + block.begin + r, phase, first, images);
            }
        }
    }
}

static void weight_gradient_slice(const struct job *job, const float *planes, const float *gradient,
                                  float *sums, int images)
{
    enum { ROWS = 4 }; /* of correlate_weights */
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    size_t positions = tn_conv_positions(g, images, conv->window.out);
    int blocks = block_count(conv->filters, ROWS);
    for (int group = 0; group < conv->groups; group++) {
        const float *in =
            planes + (size_t)group * (size_t)conv->channels * (size_t)g->stored_count * g->plane;
        for (int b = 0; b < blocks; b++) {
            struct block block = block_at(conv->filters, blocks, b);
            size_t filter = (size_t)group * (size_t)conv->filters + (size_t)block.begin;
            job->network->kernels->correlate_weights(
                block.rows, conv->padded_depth, gradient + filter * g->plane + g->margin, g->plane,
                in, conv->offsets, positions, sums + filter * (size_t)conv->padded_depth,
                (size_t)conv->padded_depth);
        }
    }
}

static void backward_part(void *context, size_t part, unsigned worker)
{
    const struct job *job = context;
    const struct conv *conv = job->step->state;
    const struct tn_conv_geometry *g = &conv->geometry;
    const struct tn_kernels *kernels = job->network->kernels;
    float *planes = tn_scratch(job->network, worker), *tile = planes + input_planes(conv);
    float *gradient = tile + tile_floats(conv);
    size_t part_floats = (size_t)conv->window.channels_out * (size_t)conv->padded_depth;
    float *sums = conv->partial + part * part_floats;
    memset(sums, 0, part_floats * sizeof *sums);
    int begin = (int)(part * (size_t)job->slices / (size_t)job->parts);
    int end = (int)((part + 1) * (size_t)job->slices / (size_t)job->parts);
    for (int slice = begin; slice < end; slice++) {
        int images = slice_images(job, slice), first = slice * g->slice;
        tn_conv_pack_output(g, kernels, job->gradient + (size_t)first * output_image(conv),
                            output_image(conv), images, conv->window.channels_out, gradient);
        tn_conv_pack_input(g, kernels, job->input + (size_t)first * input_image(conv),
                           input_image(conv), images, conv->window.channels_in, planes);
        weight_gradient_slice(job, planes, gradient, sums, images);
        if (job->input_gradient)
            input_gradient_slice(job, gradient, tile, first, images);
    }
}

/* Sum the parts of one filter's gradient in their order. */
static void sum_parts(void *context, size_t filter, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct conv *conv = job->step->state;
    size_t padded = (size_t)conv->padded_depth,
           part_floats = (size_t)conv->window.channels_out * padded;
    float *gradient =
        tn_step_param(job->network, job->step, 1)->gradient + filter * (size_t)conv->depth;
    memcpy(gradient, conv->partial + filter * padded, (size_t)conv->depth * sizeof *gradient);
    for (int part = 1; part < job->parts; part++) {
        const float *more = conv->partial + (size_t)part * part_floats + filter * padded;
        for (int k = 0; k < conv->depth; k++)
            gradient[k] += more[k];
    }
}

static void bias_gradient(void *context, size_t filter, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct conv *conv = job->step->state;
    size_t area = (size_t)conv->window.out[0] * (size_t)conv->window.out[1];
    double sum = 0, squares = 0;
    for (int n = 0; n < job->network->count; n++)
        job->network->kernels->moments(
            area, job->gradient + (size_t)n * output_image(conv) + filter * area, 0, &sum,
            &squares);
    tn_step_param(job->network, job->step, 2)->gradient[filter] = (float)sum;
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    struct job job = {.network = network,
                      .step = step,
                      .input = network->blobs[step->input].data,
                      .gradient = network->blobs[step->output].gradient,
                      .input_gradient = tn_gradient_begin(network, step->input)};
    job.slices = (network->count + conv->geometry.slice - 1) / conv->geometry.slice;
    job.parts = conv->parts < job.slices ? conv->parts : job.slices;
    struct pack_job pack = {conv, weights_of(network, step), network->kernels->tile_rows};
    if (job.input_gradient)
        tn_parallel((size_t)conv->groups, pack_group_back, &pack);
    tn_parallel((size_t)job.parts, backward_part, &job);
    tn_parallel((size_t)conv->window.channels_out, sum_parts, &job);
    if (tn_step_param(network, step, 2))
        tn_parallel((size_t)conv->window.channels_out, bias_gradient, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_conv_ops = {
    .weights = 1u << 1 | 1u << 2,
    .name = "Conv",
    .relu_fuses = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
