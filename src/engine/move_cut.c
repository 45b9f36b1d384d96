/* Slice, Pad, Split and Concat: parts of a tensor, and tensors of parts. */
#include "core/memory.h"
#include "engine/move.h"
#include "model/axes.h"
#include "model/slice.h"

#include <string.h>

static bool fail_in(const struct tn_node *node, struct tn_error *error)
{
    return tn_fail_in(error, "node '%s' (%s)", node->name, node->op_type);
}

/* --- Slice --- */

static bool prepare_slice(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_slice slice;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_slice_of(network->graph, node, &slice, &constant, error))
        return fail_in(node, error);
    if (!tn_need_constant(node, constant, error))
        return false;
    if (!slice.whole[0])
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Slice of the batch cannot be run",
                       node->name);
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    struct tn_box *box = moves->boxes;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    for (int a = 0; a < out.rank; a++) {
        box->from += (ptrdiff_t)slice.start[a + 1] * in.strides[a];
        tn_box_axis(box, slice.count[a + 1], out.strides[a],
                    (ptrdiff_t)slice.step[a + 1] * in.strides[a]);
    }
    tn_moves_finish(moves);
    return true;
}

/* --- Pad --- */

static int64_t modulo(int64_t a, int64_t b)
{
    return ((a % b) + b) % b;
}

/* The element of `size` that stands at place `i`, which may be before the first or past the last.
 */
static int64_t padded_index(const char *mode, int64_t i, int64_t size)
{
    if (strcmp(mode, "edge") == 0)
        return i < 0 ? 0 : i >= size ? size - 1 : i;
    if (strcmp(mode, "wrap") == 0)
        return modulo(i, size);
    int64_t period = size > 1 ? 2 * (size - 1) : 1; /* reflect: the edge itself is not doubled */
    int64_t place = modulo(i, period);
    return place < size ? place : period - place;
}

static bool add_mirrored(struct tn_box *box, const char *mode, int64_t begin, int64_t in_count,
                         int64_t out_count, ptrdiff_t to, ptrdiff_t from, struct tn_error *error)
{
    int64_t *index = tn_alloc((size_t)out_count, sizeof *index);
    if (!index)
        return tn_fail_memory(error, "Pad", (size_t)out_count * sizeof *index);
    for (int64_t i = 0; i < out_count; i++)
        index[i] = padded_index(mode, i - begin, in_count);
    bool ok = tn_box_indexed_axis(box, out_count, to, from, index, error);
    tn_free(index);
    return ok;
}

/* What of the input stays, on one axis; false where nothing does. */
static bool add_kept(struct tn_box *box, int64_t begin, int64_t end, int64_t in_count, ptrdiff_t to,
                     ptrdiff_t from)
{
    int64_t first = begin < 0 ? -begin : 0, last = end < 0 ? in_count + end : in_count;
    if (first >= last)
        return false;
    box->from += (ptrdiff_t)first * from;
    box->to += (ptrdiff_t)(begin > 0 ? begin : 0) * to;
    tn_box_axis(box, last - first, to, from);
    return true;
}

static bool add_padding(struct tn_network *network, struct tn_step *step,
                        const struct tn_padding *padding, struct tn_error *error)
{
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    bool constant = strcmp(padding->mode, "constant") == 0, any = true;
    moves->fill = padding->value;
    for (int a = 0; a < out.rank; a++) {
        int64_t begin = padding->begin[a + 1], end = padding->end[a + 1];
        if (constant)
            any = any &&
                  add_kept(moves->boxes, begin, end, in.dims[a], out.strides[a], in.strides[a]);
        else if (!add_mirrored(moves->boxes, padding->mode, begin, in.dims[a], out.dims[a],
                               out.strides[a], in.strides[a], error))
            return false;
    }
    if (!any)
        moves->count = 0; /* all of the input is cut off */
    tn_moves_finish(moves);
    return true;
}

static bool prepare_pad(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    struct tn_padding padding;
    bool constant, known = false;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_padding_of(network->graph, node, &padding, &constant, error))
        return fail_in(node, error);
    if (!tn_need_constant(node, constant, error))
        return false;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        known |= strcmp(padding.mode, modes[i]) == 0;
    if (!known)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Pad with mode '%s' cannot be run",
                       node->name, padding.mode);
    if (padding.begin[0] != 0 || padding.end[0] != 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Pad of the batch cannot be run",
                       node->name);
    return add_padding(network, step, &padding, error);
}

/* --- Split --- */

static void add_part(struct tn_moves *moves, int output, const struct tn_extent *in, int axis,
                     int64_t begin, int64_t size)
{
    struct tn_box *box = &moves->boxes[moves->count++];
    struct tn_extent out = *in;
    out.dims[axis] = size;
    box->output = output;
    box->from = (ptrdiff_t)begin * in->strides[axis];
    for (int a = 0; a < in->rank; a++) { /* outside the axis the output's rows are shorter */
        ptrdiff_t to = a < axis ? in->strides[a] / (ptrdiff_t)in->dims[axis] * (ptrdiff_t)size
                                : in->strides[a];
        tn_box_axis(box, out.dims[a], to, in->strides[a]);
    }
}

static bool prepare_split(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_split split;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_split_of(network->graph, node, &split, &constant, error))
        return fail_in(node, error);
    if (!tn_need_constant(node, constant, error))
        return false;
    if (split.axis == 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Split of the batch cannot be run",
                       node->name);
    struct tn_moves *moves = tn_moves_new(network, step, step->output_count, error);
    if (!moves)
        return false;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step));
    int64_t begin = 0;
    moves->count = 0; /* outputs that nobody reads have no box */
    for (int i = 0; i < step->output_count; i++) {
        int64_t size = tn_split_size(&split, i);
        if (step->outputs[i] >= 0)
            add_part(moves, i, &in, split.axis - 1, begin, size);
        begin += size;
    }
    tn_moves_finish(moves);
    return true;
}

/* --- Concat --- */

static bool check_parts(const struct tn_network *network, const struct tn_step *step,
                        struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    for (int i = 0; i < step->input_count; i++) {
        int value = node->inputs[i];
        const struct tn_tensor *constant =
            value == TN_NO_VALUE ? NULL : network->graph->values[value].constant;
        if (value == TN_NO_VALUE || (constant && (!tn_tensor_floats(constant) ||
                                                  constant->rank < 1 || constant->count == 0)))
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': input %d of Concat holds no numbers of type float",
                           node->name, i + 1);
    }
    return true;
}

static bool prepare_concat(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    int axis;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_concat_axis(network->graph, node, &axis, error))
        return fail_in(node, error);
    if (axis == 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Concat of batches cannot be run",
                       node->name);
    if (!check_parts(network, step, error))
        return false;
    struct tn_moves *moves = tn_moves_new(network, step, step->input_count, error);
    if (!moves)
        return false;
    struct tn_extent out = tn_extent_of(tn_step_output_value(network, step));
    int64_t begin = 0;
    for (int i = 0; i < step->input_count; i++) {
        struct tn_extent in = tn_extent_of(&network->graph->values[node->inputs[i]]);
        struct tn_box *box = &moves->boxes[i];
        box->input = i;
        box->to = (ptrdiff_t)begin * out.strides[axis - 1];
        for (int a = 0; a < in.rank; a++)
            tn_box_axis(box, in.dims[a], out.strides[a], in.strides[a]);
        begin += in.dims[axis - 1];
    }
    tn_moves_finish(moves);
    return true;
}

const struct tn_step_ops tn_slice_ops = {.constants = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4,
                                         .name = "Slice",
                                         .prepare = prepare_slice,
                                         .forward = tn_moves_forward,
                                         .backward = tn_moves_backward,
                                         .release = tn_moves_release};
const struct tn_step_ops tn_pad_ops = {.constants = 1u << 1 | 1u << 2 | 1u << 3,
                                       .name = "Pad",
                                       .prepare = prepare_pad,
                                       .forward = tn_moves_forward,
                                       .backward = tn_moves_backward,
                                       .release = tn_moves_release};
const struct tn_step_ops tn_split_ops = {.constants = 1u << 1,
                                         .name = "Split",
                                         .many_outputs = true,
                                         .prepare = prepare_split,
                                         .forward = tn_moves_forward,
                                         .backward = tn_moves_backward,
                                         .release = tn_moves_release};
const struct tn_step_ops tn_concat_ops = {.name = "Concat",
                                          .prepare = prepare_concat,
                                          .forward = tn_moves_forward,
                                          .backward = tn_moves_backward,
                                          .release = tn_moves_release};
