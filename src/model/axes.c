#include "model/axes.h"

#include "model/argument.h"

#include <float.h>
#include <limits.h>
#include <string.h>

bool tn_axis_normal(int64_t axis, int rank, int *normal, struct tn_error *error)
{
    if (axis < -rank || axis >= rank)
        return tn_fail(error, TN_ERROR_INPUT, "axis %lld does not exist in %d dimensions",
                       (long long)axis, rank);
    *normal = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

bool tn_axis_of(const struct tn_node *node, int rank, int64_t otherwise, int *axis,
                struct tn_error *error)
{
    return tn_axis_normal(tn_node_int(node, "axis", otherwise), rank, axis, error);
}

static const struct tn_value *first_input(const struct tn_graph *graph, const struct tn_node *node)
{
    return &graph->values[node->inputs[0]];
}

/* Mark the axes of a list; the same one twice is an error. */
static bool choose(const struct tn_ints *list, struct tn_axes *axes, struct tn_error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        int axis = 0;
        if (!tn_axis_normal(list->list[i], axes->rank, &axis, error))
            return false;
        if (axes->chosen[axis])
            return tn_fail(error, TN_ERROR_INPUT, "axis %d is there twice", axis);
        axes->chosen[axis] = true;
    }
    return true;
}

/* Without a list: all of a Reduce* (unless told to do nothing), all of size 1 of a Squeeze. */
static bool choose_all(const struct tn_graph *graph, const struct tn_node *node,
                       struct tn_axes *axes, struct tn_error *error)
{
    const struct tn_value *input = first_input(graph, node);
    if (node->op == TN_OP_UNSQUEEZE)
        return tn_fail(error, TN_ERROR_INPUT, "its axes are missing");
    bool all = tn_node_int(node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < axes->rank; i++)
        axes->chosen[i] = node->op == TN_OP_SQUEEZE ? input->dims[i] == 1 : all;
    return true;
}

bool tn_axes_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_axes *axes,
                bool *constant, struct tn_error *error)
{
    memset(axes, 0, sizeof *axes);
    *constant = true;
    struct tn_ints list = tn_ints_of(graph, node, 1, "axes", constant);
    axes->keep = tn_node_int(node, "keepdims", 1) != 0;
    axes->rank = first_input(graph, node)->rank;
    if (!*constant)
        return true;
    if (!list.list || (list.count == 0 && node->op != TN_OP_UNSQUEEZE))
        return choose_all(graph, node, axes, error);
    if (node->op == TN_OP_UNSQUEEZE) {
        if (list.count > (size_t)(TN_MAX_RANK - axes->rank))
            return tn_fail(error, TN_ERROR_INPUT,
                           "it makes %zu dimensions of %d, at most %d are supported",
                           list.count + (size_t)axes->rank, axes->rank, TN_MAX_RANK);
        axes->rank += (int)list.count;
    }
    return choose(&list, axes, error);
}

bool tn_softmax_of(const struct tn_graph *graph, const struct tn_node *node, int *from, int *to,
                   struct tn_error *error)
{
    int rank = first_input(graph, node)->rank;
    bool one = graph->info.opset >= 13;
    if (!tn_axis_of(node, rank, one ? -1 : 1, from, error))
        return false;
    *to = one ? *from + 1 : rank;
    return true;
}

/* Parts of equal size; where it does not divide, the last one is smaller (since opset 18). */
static bool split_equally(const struct tn_node *node, int64_t size, struct tn_split *split,
                          struct tn_error *error)
{
    int64_t parts = tn_node_int(node, "num_outputs", split->count);
    if (parts != split->count)
        return tn_fail(error, TN_ERROR_INPUT, "it has %d outputs, its num_outputs is %lld",
                       split->count, (long long)parts);
    bool uneven = tn_node_attribute(node, "num_outputs") != NULL;
    split->each = size / parts + (size % parts != 0);
    split->last = size - (parts - 1) * split->each;
    if (split->last < 0 || (!uneven && size % parts != 0))
        return tn_fail(error, TN_ERROR_INPUT, "%lld do not split into %lld equal parts",
                       (long long)size, (long long)parts);
    return true;
}

static bool check_split(const struct tn_ints *list, int64_t size, const struct tn_split *split,
                        struct tn_error *error)
{
    int64_t sum = 0;
    if (list->count != (size_t)split->count)
        return tn_fail(error, TN_ERROR_INPUT, "it lists %zu sizes for %d outputs", list->count,
                       split->count);
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i] < 0 || __builtin_add_overflow(sum, list->list[i], &sum))
            return tn_fail(error, TN_ERROR_INPUT, "output %zu would have size %lld", i + 1,
                           (long long)list->list[i]);
    if (sum != size)
        return tn_fail(error, TN_ERROR_INPUT, "its outputs have %lld together, its input %lld",
                       (long long)sum, (long long)size);
    return true;
}

bool tn_split_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_split *split,
                 bool *constant, struct tn_error *error)
{
    const struct tn_value *input = first_input(graph, node);
    memset(split, 0, sizeof *split);
    *constant = true;
    split->count = node->output_count;
    struct tn_ints list = tn_ints_of(graph, node, 1, "split", constant);
    if (!tn_axis_of(node, input->rank, 0, &split->axis, error))
        return false;
    int64_t size = input->dims[split->axis];
    if (size == TN_BATCH)
        *constant = false;
    if (!*constant)
        return true;
    if (!list.list)
        return split_equally(node, size, split, error);
    split->listed = list.list;
    return check_split(&list, size, split, error);
}

int64_t tn_split_size(const struct tn_split *split, int output)
{
    if (split->listed)
        return split->listed[output];
    return output == split->count - 1 ? split->last : split->each;
}

bool tn_transpose_of(const struct tn_graph *graph, const struct tn_node *node,
                     int perm[TN_MAX_RANK], struct tn_error *error)
{
    int rank = first_input(graph, node)->rank;
    const struct tn_attribute *attribute = tn_node_attribute(node, "perm");
    bool taken[TN_MAX_RANK] = {false};
    for (int i = 0; i < rank; i++)
        perm[i] = rank - 1 - i;
    if (!attribute)
        return true;
    if (attribute->kind != TN_ATTR_INTS || attribute->count != (size_t)rank)
        return tn_fail(error, TN_ERROR_INPUT, "attribute 'perm' is not a list of %d axes", rank);
    for (int i = 0; i < rank; i++) {
        int64_t from = attribute->ints[i];
        if (from < 0 || from >= rank || taken[from])
            return tn_fail(error, TN_ERROR_INPUT, "attribute 'perm' does not name every axis once");
        taken[from] = true;
        perm[i] = (int)from;
    }
    return true;
}

bool tn_concat_axis(const struct tn_graph *graph, const struct tn_node *node, int *axis,
                    struct tn_error *error)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, "axis");
    int rank = 0;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != TN_NO_VALUE && graph->values[node->inputs[i]].has_shape)
            rank = graph->values[node->inputs[i]].rank;
    if (!attribute || attribute->kind != TN_ATTR_INT)
        return tn_fail(error, TN_ERROR_INPUT, "attribute 'axis' is missing");
    return tn_axis_normal(attribute->ints[0], rank, axis, error);
}

bool tn_gather_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_gather *gather, bool *constant, struct tn_error *error)
{
    const struct tn_value *input = first_input(graph, node);
    memset(gather, 0, sizeof *gather);
    if (!tn_axis_of(node, input->rank, 0, &gather->axis, error))
        return false;
    gather->size = input->dims[gather->axis];
    gather->indices = tn_node_constant(graph, node, 1);
    *constant = gather->indices && gather->size != TN_BATCH;
    if (!*constant)
        return true;
    const int64_t *indices = tn_tensor_ints(gather->indices);
    if (!indices)
        return tn_fail(error, TN_ERROR_INPUT, "its indices are not whole numbers");
    for (size_t i = 0; i < gather->indices->count; i++)
        if (indices[i] < -gather->size || indices[i] >= gather->size)
            return tn_fail(error, TN_ERROR_INPUT, "index %lld does not exist among %lld",
                           (long long)indices[i], (long long)gather->size);
    return true;
}

int64_t tn_gather_at(const struct tn_gather *gather, size_t i)
{
    int64_t index = tn_tensor_ints(gather->indices)[i];
    return index < 0 ? index + gather->size : index;
}

/* One bound of a Clip: an attribute before opset 11, an input since. */
static bool clip_bound(const struct tn_graph *graph, const struct tn_node *node, int input,
                       const char *name, float *bound, bool *constant, struct tn_error *error)
{
    *bound = tn_node_float(node, name, *bound);
    if (input >= node->input_count || node->inputs[input] == TN_NO_VALUE)
        return true;
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    if (!tensor) {
        *constant = false;
        return true;
    }
    if (tensor->count != 1)
        return tn_fail(error, TN_ERROR_INPUT, "its %simum is not one number", name);
    *bound = (float)tn_number_at(tensor, 0);
    return true;
}

bool tn_clip_of(const struct tn_graph *graph, const struct tn_node *node, float *least,
                float *greatest, bool *constant, struct tn_error *error)
{
    *least = -FLT_MAX;
    *greatest = FLT_MAX;
    *constant = true;
    return clip_bound(graph, node, 1, "min", least, constant, error) &&
           clip_bound(graph, node, 2, "max", greatest, constant, error);
}

bool tn_depth_of(const struct tn_node *node, struct tn_depth *depth, struct tn_error *error)
{
    const char *mode = tn_node_string(node, "mode", "DCR");
    depth->block = tn_node_int(node, "blocksize", 0);
    depth->column_row_depth = strcmp(mode, "CRD") == 0;
    if (depth->block < 1 || depth->block > INT_MAX / 2)
        return tn_fail(error, TN_ERROR_INPUT, "its blocksize is %lld", (long long)depth->block);
    if (!depth->column_row_depth && strcmp(mode, "DCR") != 0)
        return tn_fail(error, TN_ERROR_INPUT, "its mode is '%s', expected DCR or CRD", mode);
    return true;
}
