/* Slice and Pad: a box of numbers copied from one place to another, the rest filled. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"

#include <string.h>

enum { AXES = 3 }; /* channel, height, width; images are never cut */

/* Output (out_start + i) is input (in_start + i * in_step) for 0 <= i < extent, on each axis; fill
 * elsewhere. */
struct box {
    int64_t in_dims[AXES], out_dims[AXES];
    int64_t extent[AXES], in_start[AXES], in_step[AXES], out_start[AXES];
    float fill;
};

static void read_dims(const struct tn_value *value, int64_t dims[AXES])
{
    for (int a = 0; a < AXES; a++)
        dims[a] = a + 1 < value->rank ? value->dims[a + 1] : 1;
}

static bool new_box(struct tn_network *network, struct tn_step *step, struct box **made,
                    struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct box *box = *made = step->state = tn_calloc(1, sizeof *box);
    if (!box)
        return tn_fail_memory(error, node->name, sizeof *box);
    if (tn_step_input_value(network, step)->rank > AXES + 1)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': %s of more than four axes cannot be run",
                       node->name, node->op_type);
    read_dims(tn_step_input_value(network, step), box->in_dims);
    read_dims(tn_step_output_value(network, step), box->out_dims);
    for (int a = 0; a < AXES; a++) {
        box->in_step[a] = 1;
        box->extent[a] = box->out_dims[a];
    }
    return true;
}

/* Whole numbers of a node: constant input `index`, or attribute `name` as in older opsets. NULL
 * where absent. */
static const int64_t *whole_numbers(const struct tn_network *network, const struct tn_node *node,
                                    int index, const char *name, size_t *count)
{
    const struct tn_tensor *tensor = tn_node_constant(network->graph, node, index);
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    *count = tensor ? tensor->count : attribute ? attribute->count : 0;
    return tensor ? tn_tensor_ints(tensor) : attribute ? attribute->ints : NULL;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static bool prepare_slice(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct box *box;
    const struct tn_node *node = tn_step_node(network, step);
    int rank = tn_step_input_value(network, step)->rank;
    size_t start_count, axis_count, step_count;
    const int64_t *starts = whole_numbers(network, node, 1, "starts", &start_count);
    const int64_t *axes = whole_numbers(network, node, 3, "axes", &axis_count);
    const int64_t *steps = whole_numbers(network, node, 4, "steps", &step_count);
    if (!new_box(network, step, &box, error))
        return false;
    if (!starts || (axes && axis_count != start_count) || (steps && step_count != start_count))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': Slice whose bounds are not constant cannot be run", node->name);
    for (size_t i = 0; i < start_count; i++) {
        int64_t axis = axes ? axes[i] : (int64_t)i, by = steps ? steps[i] : 1;
        axis += axis < 0 ? rank : 0;
        if (axis < 1 || axis >= rank || by == 0)
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': Slice along axis %lld by %lld cannot be run", node->name,
                           (long long)axis, (long long)by);
        int64_t size = box->in_dims[axis - 1], start = starts[i] < 0 ? starts[i] + size : starts[i];
        box->in_start[axis - 1] = clamp(start, 0, by < 0 ? size - 1 : size);
        box->in_step[axis - 1] = by;
    }
    return true;
}

static bool prepare_pad(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct box *box;
    const struct tn_node *node = tn_step_node(network, step);
    int rank = tn_step_input_value(network, step)->rank;
    const struct tn_attribute *mode = tn_node_attribute(node, "mode");
    const struct tn_tensor *fill = tn_node_constant(network->graph, node, 2);
    size_t count;
    const int64_t *pads = whole_numbers(network, node, 1, "pads", &count);
    if (!new_box(network, step, &box, error))
        return false;
    if ((mode && mode->strings && strcmp(mode->strings[0], "constant") != 0) || !pads ||
        count != 2 * (size_t)rank || pads[0] != 0 || pads[rank] != 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': only Pad with constant widths and a constant value, not of the "
                       "batch, can be run",
                       node->name);
    box->fill =
        fill && tn_tensor_floats(fill) ? *tn_tensor_floats(fill) : tn_node_float(node, "value", 0);
    for (int a = 0; a + 1 < rank; a++) {
        int64_t before = pads[a + 1], after = pads[rank + a + 1];
        box->in_start[a] = before < 0 ? -before : 0;
        box->out_start[a] = before > 0 ? before : 0;
        box->extent[a] = box->in_dims[a] + (before < 0 ? before : 0) + (after < 0 ? after : 0);
    }
    return true;
}

struct job {
    const struct tn_network *network;
    const struct tn_step *step;
    float *input, *output; /* data forward, gradients backward */
    bool backward;
};

static size_t volume(const int64_t dims[AXES])
{
    return (size_t)(dims[0] * dims[1] * dims[2]);
}

static void copy_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct box *box = job->step->state;
    float *in = job->input + n * volume(box->in_dims),
          *out = job->output + n * volume(box->out_dims);
    if (job->backward)
        memset(in, 0, volume(box->in_dims) * sizeof *in);
    else if (volume(box->extent) != volume(box->out_dims))
        for (size_t i = 0; i < volume(box->out_dims); i++)
            out[i] = box->fill;
    for (int64_t c = 0; c < box->extent[0]; c++)
        for (int64_t h = 0; h < box->extent[1]; h++)
            for (int64_t w = 0; w < box->extent[2]; w++) {
                int64_t from = ((box->in_start[0] + c * box->in_step[0]) * box->in_dims[1] +
                                box->in_start[1] + h * box->in_step[1]) *
                                   box->in_dims[2] +
                               box->in_start[2] + w * box->in_step[2];
                int64_t to = ((box->out_start[0] + c) * box->out_dims[1] + box->out_start[1] + h) *
                                 box->out_dims[2] +
                             box->out_start[2] + w;
                if (job->backward)
                    in[from] = out[to];
                else
                    out[to] = in[from];
            }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data,
                      network->blobs[step->output].data, false};
    tn_parallel((size_t)network->count, copy_image, &job);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, tn_gradient_begin(network, step->input),
                      network->blobs[step->output].gradient, true};
    if (job.input)
        tn_parallel((size_t)network->count, copy_image, &job);
    tn_gradient_done(network, step->input);
}

static void release(struct tn_step *step)
{
    tn_free(step->state);
    step->state = NULL;
}

const struct tn_step_ops tn_slice_ops = {.name = "Slice",
                                         .prepare = prepare_slice,
                                         .forward = forward,
                                         .backward = backward,
                                         .release = release};
const struct tn_step_ops tn_pad_ops = {.name = "Pad",
                                       .prepare = prepare_pad,
                                       .forward = forward,
                                       .backward = backward,
                                       .release = release};
