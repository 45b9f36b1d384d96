/* Resize and Upsample: the nearest neighbour (a move of numbers, move.h) or linear interpolation
 * over the last one or two axes. */
#include "model/resize.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/move.h"

#include <math.h>
#include <string.h>

/* Where output `x` lies in the input of axis `a`, in single precision as other runtimes do it, so
 * that ties fall to the same side. */
static float place(const struct tn_resize *resize, int a, int64_t size, int64_t x)
{
    int64_t out = resize->out[a];
    float scale = resize->scale[a], at = (float)x;
    switch (resize->place) {
    case TN_PLACE_HALF_PIXEL_OF_MANY:
        return out > 1 ? (at + 0.5f) / scale - 0.5f : 0;
    case TN_PLACE_HALF_PIXEL_CENTRED: {
        float centre = (float)size / 2;
        return centre * (1 - (float)out / (scale * (float)size)) + (at + 0.5f) / scale - 0.5f;
    }
    case TN_PLACE_ALIGN_CORNERS:
        return out > 1 ? at * (float)(size - 1) / (float)(out - 1) : 0;
    case TN_PLACE_ASYMMETRIC:
        return at / scale;
    case TN_PLACE_CENTRE_OF_PIXEL:
        return (at + 0.5f) / scale;
    case TN_PLACE_HALF_PIXEL:
    case TN_PLACE_CROP:
        break;
    }
    return (at + 0.5f) / scale - 0.5f;
}

/* --- nearest --- */

static float round_place(enum tn_resize_round round, float scale, float x)
{
    switch (round) {
    case TN_ROUND_PREFER_FLOOR:
        return ceilf(x - 0.5f);
    case TN_ROUND_PREFER_CEIL:
        return floorf(x + 0.5f);
    case TN_ROUND_CEIL:
        return ceilf(x);
    case TN_ROUND_OUTWARD:
        return scale < 1 ? ceilf(x) : floorf(x);
    case TN_ROUND_FLOOR:
        break;
    }
    return floorf(x);
}

static int64_t nearest(const struct tn_resize *resize, int a, int64_t size, int64_t x)
{
    float at = round_place(resize->round, resize->scale[a], place(resize, a, size, x));
    return at <= 0 ? 0 : at >= (float)(size - 1) ? size - 1 : (int64_t)at;
}

static bool add_nearest_axis(struct tn_box *box, const struct tn_resize *resize, int a, int64_t in,
                             int64_t out, ptrdiff_t to, ptrdiff_t from, struct tn_error *error)
{
    int64_t *index = tn_alloc((size_t)out, sizeof *index);
    if (!index)
        return tn_fail_memory(error, "Resize", (size_t)out * sizeof *index);
    for (int64_t i = 0; i < out; i++)
        index[i] = resize->resized[a] ? nearest(resize, a, in, i) : i;
    bool ok = tn_box_indexed_axis(box, out, to, from, index, error);
    tn_free(index);
    return ok;
}

static bool prepare_nearest(struct tn_network *network, struct tn_step *step,
                            const struct tn_resize *resize, struct tn_error *error)
{
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    for (int a = 0; a < out.rank; a++)
        if (!add_nearest_axis(moves->boxes, resize, a + 1, in.dims[a], out.dims[a], out.strides[a],
                              in.strides[a], error))
            return false;
    tn_moves_finish(moves);
    return true;
}

/* --- linear --- */

/* Output = (1 - share) low + share high. */
struct tap {
    size_t low, high;
    float share;
};

struct linear {
    size_t planes;
    size_t in[2], out[2]; /* rows and columns of a plane */
    struct tap *taps[2];  /* [out] */
};

static bool make_taps(const struct tn_resize *resize, int a, int64_t in, int64_t out,
                      struct tap **made)
{
    struct tap *taps = *made = tn_calloc((size_t)out, sizeof *taps);
    for (int64_t i = 0; taps && i < out; i++) {
        float at = resize->resized[a] ? place(resize, a, in, i) : (float)i;
        at = at < 0 ? 0 : at > (float)(in - 1) ? (float)(in - 1) : at;
        int64_t low = (int64_t)at;
        taps[i] =
            (struct tap){(size_t)low, (size_t)(low + 1 < in ? low + 1 : low), at - (float)low};
    }
    return taps != NULL;
}

static bool prepare_linear(struct tn_network *network, struct tn_step *step,
                           const struct tn_resize *resize, struct tn_error *error)
{
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    const struct tn_node *node = tn_step_node(network, step);
    for (int a = 0; a + 2 < out.rank; a++)
        if (resize->resized[a + 1])
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': linear %s of more than the last two axes cannot be run",
                           node->name, node->op_type);
    struct linear *linear = step->state = tn_calloc(1, sizeof *linear);
    if (!linear)
        return tn_fail_memory(error, node->name, sizeof *linear);
    linear->planes = 1;
    for (int a = 0; a + 2 < out.rank; a++)
        linear->planes *= (size_t)out.dims[a];
    for (int side = 0; side < 2; side++) {
        int a = out.rank - 2 + side;
        linear->in[side] = a < 0 ? 1 : (size_t)in.dims[a];
        linear->out[side] = a < 0 ? 1 : (size_t)out.dims[a];
        if (!make_taps(resize, a < 0 ? 0 : a + 1, (int64_t)linear->in[side],
                       (int64_t)linear->out[side], &linear->taps[side]))
            return tn_fail_memory(error, node->name, linear->out[side] * sizeof(struct tap));
    }
    return true;
}

struct job {
    const struct linear *linear;
    float *in, *out; /* data forward, gradients backward */
};

static void interpolate_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct linear *linear = job->linear;
    const float *in = job->in + plane * linear->in[0] * linear->in[1];
    float *out = job->out + plane * linear->out[0] * linear->out[1];
    for (size_t i = 0; i < linear->out[0]; i++) {
        const struct tap *row = &linear->taps[0][i];
        const float *above = in + row->low * linear->in[1], *below = in + row->high * linear->in[1];
        for (size_t j = 0; j < linear->out[1]; j++) {
            const struct tap *column = &linear->taps[1][j];
            float upper =
                above[column->low] + column->share * (above[column->high] - above[column->low]);
            float lower =
                below[column->low] + column->share * (below[column->high] - below[column->low]);
            *out++ = upper + row->share * (lower - upper);
        }
    }
}

static void spread_plane(void *context, size_t plane, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct linear *linear = job->linear;
    float *in = job->in + plane * linear->in[0] * linear->in[1];
    const float *out = job->out + plane * linear->out[0] * linear->out[1];
    memset(in, 0, linear->in[0] * linear->in[1] * sizeof *in);
    for (size_t i = 0; i < linear->out[0]; i++) {
        const struct tap *row = &linear->taps[0][i];
        float *above = in + row->low * linear->in[1], *below = in + row->high * linear->in[1];
        for (size_t j = 0; j < linear->out[1]; j++, out++) {
            const struct tap *column = &linear->taps[1][j];
            float lower = row->share * *out, upper = *out - lower;
            above[column->low] += (1 - column->share) * upper;
            above[column->high] += column->share * upper;
            below[column->low] += (1 - column->share) * lower;
            below[column->high] += column->share * lower;
        }
    }
}

static void linear_forward(struct tn_network *network, struct tn_step *step)
{
    struct linear *linear = step->state;
    struct job job = {linear, network->blobs[step->input].data, network->blobs[step->output].data};
    tn_parallel((size_t)network->count * linear->planes, interpolate_plane, &job);
}

static void linear_backward(struct tn_network *network, struct tn_step *step)
{
    struct linear *linear = step->state;
    struct job job = {linear, tn_gradient_begin(network, step->input),
                      network->blobs[step->output].gradient};
    if (job.in)
        tn_parallel((size_t)network->count * linear->planes, spread_plane, &job);
    tn_gradient_done(network, step->input);
}

static void linear_release(struct tn_step *step)
{
    struct linear *linear = step->state;
    if (!linear)
        return;
    tn_free(linear->taps[0]);
    tn_free(linear->taps[1]);
    tn_free(linear);
    step->state = NULL;
}

static const struct tn_step_ops linear_ops = {.name = "Resize",
                                              .forward = linear_forward,
                                              .backward = linear_backward,
                                              .release = linear_release};

/* --- which of them --- */

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_resize resize;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_resize_of(network->graph, node, &resize, &constant, error))
        return tn_fail_in(error, "node '%s' (%s)", node->name, node->op_type);
    if (!tn_need_constant(node, constant && step->inputs[0] >= 0, error))
        return false;
    if (resize.mode == TN_RESIZE_CUBIC || resize.antialias || resize.place == TN_PLACE_CROP)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': %s that is %s cannot be run", node->name,
                       node->op_type,
                       resize.mode == TN_RESIZE_CUBIC ? "cubic"
                       : resize.antialias             ? "antialiased"
                                                      : "of a region");
    if (resize.mode == TN_RESIZE_NEAREST)
        return prepare_nearest(network, step, &resize, error);
    step->ops = &linear_ops;
    return prepare_linear(network, step, &resize, error);
}

const struct tn_step_ops tn_resize_ops = {.constants = 1u << 1 | 1u << 2 | 1u << 3,
                                          .name = "Resize",
                                          .prepare = prepare,
                                          .forward = tn_moves_forward,
                                          .backward = tn_moves_backward,
                                          .release = tn_moves_release};
