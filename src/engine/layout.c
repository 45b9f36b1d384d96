/* Slice and Pad: a box of numbers copied from one place to another, the rest filled. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"
#include "model/slice.h"

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

/* Fails where the arguments are not constant. */
static bool need_constant(const struct tn_node *node, bool constant, struct tn_error *error)
{
    return constant || tn_fail(error, TN_ERROR_INPUT,
                               "node '%s': %s whose arguments are not constant cannot be run",
                               node->name, node->op_type);
}

static bool prepare_slice(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct box *box;
    struct tn_slice slice;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!new_box(network, step, &box, error) ||
        !tn_slice_of(network->graph, node, &slice, &constant, error) ||
        !need_constant(node, constant, error))
        return false;
    if (!slice.whole[0])
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Slice of the batch cannot be run",
                       node->name);
    for (int a = 0; a + 1 < slice.rank; a++) {
        box->in_start[a] = slice.start[a + 1];
        box->in_step[a] = slice.step[a + 1];
    }
    return true;
}

static bool prepare_pad(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct box *box;
    struct tn_padding padding;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!new_box(network, step, &box, error) ||
        !tn_padding_of(network->graph, node, &padding, &constant, error) ||
        !need_constant(node, constant, error))
        return false;
    if (strcmp(padding.mode, "constant") != 0 || padding.begin[0] != 0 || padding.end[0] != 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': only Pad with a constant value, not of the batch, can be run",
                       node->name);
    box->fill = padding.value;
    for (int a = 0; a + 1 < padding.rank; a++) {
        int64_t before = padding.begin[a + 1], after = padding.end[a + 1];
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
