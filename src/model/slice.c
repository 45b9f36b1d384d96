#include "model/slice.h"

#include "model/argument.h"
#include "model/axes.h"

#include <string.h>

enum { MOST = 1 << 20 }; /* of one side's padding */

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Does it take the whole batch, which `fixed` says the size of, or 0? */
static bool whole_batch(int64_t fixed, int64_t start, int64_t end, int64_t step)
{
    return start == 0 && step == 1 && (end >= INT32_MAX || (fixed > 0 && end >= fixed));
}

/* ONNX's rule for one axis of `size` elements. */
static void slice_axis(struct tn_slice *slice, int axis, int64_t size, int64_t start, int64_t end,
                       int64_t step)
{
    start = start < 0 ? clamp(start + size, -1, size) : start;
    end = end < 0 ? (end < -size ? -1 : end + size) : end;
    int64_t span;
    if (step > 0) {
        start = clamp(start, 0, size);
        span = clamp(end, 0, size) - start;
    } else {
        start = clamp(start, 0, size - 1);
        span = start - clamp(end, -1, size - 1);
    }
    int64_t stride = step > 0 ? step : -step;
    slice->start[axis] = start;
    slice->count[axis] = span > 0 ? (span - 1) / stride + 1 : 0;
    slice->step[axis] = slice->count[axis] > 1 ? step : 1; /* a step that is taken fits the image */
    slice->whole[axis] = slice->count[axis] == size && step == 1;
}

static void whole_slice(const struct tn_value *input, struct tn_slice *slice)
{
    memset(slice, 0, sizeof *slice);
    slice->rank = input->rank;
    for (int i = 0; i < input->rank; i++) {
        slice->step[i] = 1;
        slice->count[i] = input->dims[i];
        slice->whole[i] = true;
    }
}

bool tn_slice_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_slice *slice,
                 bool *constant, struct tn_error *error)
{
    *constant = true;
    const struct tn_value *input = &graph->values[node->inputs[0]];
    bool old = node->input_count == 1;
    struct tn_ints starts =
        old ? tn_ints_attribute(node, "starts") : tn_ints_of(graph, node, 1, NULL, constant);
    struct tn_ints ends =
        old ? tn_ints_attribute(node, "ends") : tn_ints_of(graph, node, 2, NULL, constant);
    struct tn_ints axes =
        old ? tn_ints_attribute(node, "axes") : tn_ints_of(graph, node, 3, NULL, constant);
    struct tn_ints steps =
        old ? (struct tn_ints){NULL, 0} : tn_ints_of(graph, node, 4, NULL, constant);
    whole_slice(input, slice);
    if (!*constant)
        return true;
    if (!starts.list || !ends.list || starts.count != ends.count ||
        (axes.list && axes.count != starts.count) || (steps.list && steps.count != starts.count))
        return tn_fail(error, TN_ERROR_INPUT, "starts, ends, axes and steps differ in length");
    for (size_t i = 0; i < starts.count; i++) {
        int axis = 0;
        int64_t step = steps.list ? steps.list[i] : 1;
        if (!tn_axis_normal(axes.list ? axes.list[i] : (int64_t)i, input->rank, &axis, error))
            return false;
        if (step == 0 || step == INT64_MIN)
            return tn_fail(error, TN_ERROR_INPUT, "its step is %lld", (long long)step);
        if (input->dims[axis] == TN_BATCH)
            slice->whole[axis] =
                whole_batch(graph->info.batch_size, starts.list[i], ends.list[i], step);
        else
            slice_axis(slice, axis, input->dims[axis], starts.list[i], ends.list[i], step);
    }
    return true;
}

static bool padding_value(const struct tn_graph *graph, const struct tn_node *node,
                          struct tn_padding *padding, bool *constant)
{
    if (node->input_count < 3 || node->inputs[2] == TN_NO_VALUE) {
        padding->value = tn_node_float(node, "value", 0.0f);
        return true;
    }
    const struct tn_tensor *tensor = tn_node_constant(graph, node, 2);
    if (!tensor)
        *constant = false;
    else if (tensor->count != 1)
        return false;
    else
        padding->value = (float)tn_number_at(tensor, 0);
    return true;
}

bool tn_padding_of(const struct tn_graph *graph, const struct tn_node *node,
                   struct tn_padding *padding, bool *constant, struct tn_error *error)
{
    memset(padding, 0, sizeof *padding);
    *constant = true;
    int rank = graph->values[node->inputs[0]].rank;
    bool old = node->input_count == 1;
    struct tn_ints pads =
        old ? tn_ints_attribute(node, "pads") : tn_ints_of(graph, node, 1, NULL, constant);
    struct tn_ints axes =
        old ? (struct tn_ints){NULL, 0} : tn_ints_of(graph, node, 3, NULL, constant);
    padding->rank = rank;
    padding->mode = tn_node_string(node, "mode", "constant");
    if (!padding_value(graph, node, padding, constant))
        return tn_fail(error, TN_ERROR_INPUT, "its padding value is not one number");
    if (!*constant)
        return true;
    size_t count = axes.list ? axes.count : (size_t)rank;
    if (!pads.list || pads.count != 2 * count)
        return tn_fail(error, TN_ERROR_INPUT, "it has %zu paddings, expected %zu", pads.count,
                       2 * count);
    for (size_t i = 0; i < count; i++) {
        int axis = 0;
        int64_t begin = pads.list[i], end = pads.list[count + i];
        if (!tn_axis_normal(axes.list ? axes.list[i] : (int64_t)i, rank, &axis, error))
            return false;
        if (begin < -MOST || begin > MOST || end < -MOST || end > MOST)
            return tn_fail(error, TN_ERROR_INPUT, "its padding is beyond %d", MOST);
        padding->begin[axis] = begin;
        padding->end[axis] = end;
    }
    return true;
}
