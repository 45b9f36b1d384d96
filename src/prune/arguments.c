/* What nodes say of sizes and places on the channel axis, as it is once channels are gone. */
#include "core/memory.h"
#include "model/argument.h"
#include "model/axes.h"
#include "model/slice.h"
#include "prune/operation.h"

#include <string.h>

/* The node at hand, and the channels on its first input and first output. */
struct at {
    struct tn_operation *operation;
    int index;
    struct tn_node *node;
    const struct tn_labels *in, *out;
};

static const struct tn_value *value_of(const struct at *at, int value)
{
    return &at->operation->graph->values[value];
}

/* Write a list of whole numbers where the node keeps it: an input, or an attribute of old opsets.
 */
static bool write_list(const struct at *at, int input, const char *attribute, bool as_attribute,
                       size_t count, const int64_t *list, struct tn_error *error)
{
    if (as_attribute)
        return tn_node_set_ints(at->node, attribute, count, list, error);
    int64_t length = (int64_t)count;
    const struct tn_tensor *old = tn_operation_constant(at->operation, at->index, input);
    if (old && old->count == count && tn_tensor_ints(old) &&
        memcmp(old->data, list, count * sizeof *list) == 0)
        return true;
    struct tn_tensor *tensor = tn_tensor_new(TN_INT64, 1, &length, error);
    if (tensor)
        memcpy(tensor->data, list, count * sizeof *list);
    return tn_operation_edit(at->operation, at->index, input, tensor, error);
}

/* A list of the node's own with one number changed. */
static bool change_list(const struct at *at, int input, const char *attribute, size_t place,
                        int64_t number, struct tn_error *error)
{
    const struct tn_tensor *edited = tn_operation_constant(at->operation, at->index, input);
    bool as_attribute = !edited;
    struct tn_ints old = edited ? (struct tn_ints){tn_tensor_ints(edited), edited->count}
                                : tn_ints_attribute(at->node, attribute);
    if (!old.list || place >= old.count)
        return tn_fail(error, TN_ERROR_INPUT, "its %s are not to be found", attribute);
    if (old.list[place] == number)
        return true;
    int64_t *list = tn_alloc(old.count, sizeof *list);
    if (!list)
        return tn_fail_memory(error, "surgery", old.count * sizeof *list);
    memcpy(list, old.list, old.count * sizeof *list);
    list[place] = number;
    bool ok = write_list(at, input, attribute, as_attribute, old.count, list, error);
    tn_free(list);
    return ok;
}

/* Of a convolution that lost whole groups: how many are left. */
static bool conv_groups(const struct at *at, bool makes, struct tn_error *error)
{
    int64_t groups = tn_node_int(at->node, "group", 1);
    if (groups == 1 || at->in->count == 0 || makes)
        return true; /* one that makes its channels loses the same number in each group */
    int64_t stays = tn_operation_count(at->operation, at->in, 0, at->in->count);
    return tn_node_set_int(at->node, "group", stays * groups / at->in->count, error);
}

/* The size of the output's channel axis in a Reshape's or Expand's target. */
static bool target(const struct at *at, struct tn_error *error)
{
    const struct tn_tensor *shape = tn_operation_constant(at->operation, at->index, 1);
    if (at->out->count == 0 || !shape || !tn_tensor_ints(shape))
        return true;
    int64_t place = at->out->axis;
    if (at->node->op == TN_OP_EXPAND)
        place += (int64_t)shape->count - value_of(at, at->node->outputs[0])->rank;
    if (place < 0 || place >= (int64_t)shape->count || tn_tensor_ints(shape)[place] < 1 ||
        (at->node->op == TN_OP_EXPAND && tn_tensor_ints(shape)[place] == 1))
        return true;
    return change_list(at, 1, "shape", (size_t)place,
                       tn_operation_count(at->operation, at->out, 0, at->out->count), error);
}

static bool slice_places(const struct at *at, struct tn_error *error)
{
    struct tn_slice slice;
    bool constant, old = at->node->input_count == 1;
    const struct tn_graph *graph = at->operation->graph;
    if (at->in->count == 0)
        return true;
    if (!tn_slice_of(graph, at->node, &slice, &constant, error))
        return false;
    int axis = at->in->axis, rank = value_of(at, at->node->inputs[0])->rank;
    if (!constant || slice.whole[axis])
        return true;
    int64_t start = tn_operation_count(at->operation, at->in, 0, slice.start[axis]);
    int64_t end = start + tn_operation_count(at->operation, at->in, slice.start[axis],
                                             slice.start[axis] + slice.count[axis]);
    struct tn_ints axes =
        old ? tn_ints_attribute(at->node, "axes") : tn_ints_of(graph, at->node, 3, NULL, &constant);
    size_t place = (size_t)axis;
    for (size_t i = 0; axes.list && i < axes.count; i++) {
        if ((axes.list[i] < 0 ? axes.list[i] + rank : axes.list[i]) == axis)
            place = i;
    }
    return change_list(at, 1, "starts", place, start, error) &&
           change_list(at, 2, "ends", place, end, error);
}

static bool split_sizes(const struct at *at, struct tn_error *error)
{
    struct tn_split split;
    bool constant;
    const struct tn_graph *graph = at->operation->graph;
    if (at->in->count == 0)
        return true;
    if (!tn_split_of(graph, at->node, &split, &constant, error))
        return false;
    if (!constant || split.axis != at->in->axis)
        return true;
    int64_t *sizes = tn_alloc((size_t)split.count, sizeof *sizes);
    if (!sizes)
        return tn_fail_memory(error, "surgery", (size_t)split.count * sizeof *sizes);
    int64_t begin = 0;
    bool ok = true, changed = false;
    bool listed = tn_operation_constant(at->operation, at->index, 1) != NULL;
    for (int i = 0; i < split.count; i++) {
        int64_t size = tn_split_size(&split, i);
        sizes[i] = tn_operation_count(at->operation, at->in, begin, begin + size);
        changed |= sizes[i] != size;
        begin += size;
    }
    if (changed) {
        tn_node_remove_attribute(at->node, "num_outputs"); /* it stands for equal sizes */
        ok = write_list(at, 1, "split", !listed && graph->info.opset < 13, (size_t)split.count,
                        sizes, error);
    }
    tn_free(sizes);
    return ok;
}

static bool pad_amounts(const struct at *at, struct tn_error *error)
{
    struct tn_padding padding;
    bool constant;
    const struct tn_graph *graph = at->operation->graph;
    if (at->in->count == 0)
        return true;
    if (!tn_padding_of(graph, at->node, &padding, &constant, error))
        return false;
    int axis = at->in->axis;
    int64_t begin = padding.begin[axis], end = padding.end[axis], count = at->out->count;
    if (!constant || (begin == 0 && end == 0))
        return true;
    if (begin > 0)
        begin = tn_operation_count(at->operation, at->out, 0, begin);
    else
        begin = -tn_operation_count(at->operation, at->in, 0, -begin);
    if (end > 0)
        end = tn_operation_count(at->operation, at->out, count - end, count);
    else
        end = -tn_operation_count(at->operation, at->in, at->in->count + end, at->in->count);
    bool old = at->node->input_count == 1;
    struct tn_ints pads =
        old ? tn_ints_attribute(at->node, "pads") : tn_ints_of(graph, at->node, 1, NULL, &constant);
    struct tn_ints axes =
        old ? (struct tn_ints){NULL, 0} : tn_ints_of(graph, at->node, 3, NULL, &constant);
    size_t place = (size_t)axis;
    for (size_t i = 0; axes.list && i < axes.count; i++) {
        if ((axes.list[i] < 0 ? axes.list[i] + padding.rank : axes.list[i]) == axis)
            place = i;
    }
    return change_list(at, 1, "pads", place, begin, error) &&
           change_list(at, 1, "pads", place + pads.count / 2, end, error);
}

/* Where each position of the first input's channel axis comes to stand; -1 for those that go. */
static int64_t *places_now(const struct at *at, struct tn_error *error)
{
    int64_t *now = tn_alloc((size_t)at->in->count, sizeof *now), place = 0;
    if (!now)
        tn_fail_memory(error, "surgery", (size_t)at->in->count * sizeof *now);
    for (int i = 0; now && i < at->in->count; i++)
        now[i] = tn_operation_stays(at->operation, at->in->ids[i]) ? place++ : -1;
    return now;
}

static bool gather_places(const struct at *at, struct tn_error *error)
{
    struct tn_gather gather;
    bool constant;
    if (at->in->count == 0)
        return true;
    if (!tn_gather_of(at->operation->graph, at->node, &gather, &constant, error))
        return false;
    if (!constant || gather.axis != at->in->axis || gather.indices->rank != 1)
        return true;
    int64_t *places = tn_alloc(gather.indices->count, sizeof *places);
    if (!places)
        return tn_fail_memory(error, "surgery", gather.indices->count * sizeof *places);
    int64_t *now = places_now(at, error);
    size_t count = 0;
    for (size_t i = 0; now && i < gather.indices->count; i++) {
        int64_t place = now[tn_gather_at(&gather, i)];
        if (place >= 0)
            places[count++] = place;
    }
    bool ok = now && write_list(at, 1, NULL, false, count, places, error);
    tn_free(now);
    tn_free(places);
    return ok;
}

/* The size of the channel axis where a Resize names sizes; scales are 1 there. */
static bool resize_sizes(const struct at *at, struct tn_error *error)
{
    const struct tn_tensor *sizes = tn_operation_constant(at->operation, at->index, 3);
    if (at->in->count == 0 || !sizes || sizes->count == 0)
        return true;
    struct tn_ints axes = tn_ints_attribute(at->node, "axes");
    int rank = value_of(at, at->node->inputs[0])->rank;
    int64_t stays = tn_operation_count(at->operation, at->out, 0, at->out->count);
    if (!axes.list)
        return change_list(at, 3, "sizes", (size_t)at->in->axis, stays, error);
    for (size_t i = 0; i < axes.count; i++) {
        if ((axes.list[i] < 0 ? axes.list[i] + rank : axes.list[i]) == at->in->axis)
            return change_list(at, 3, "sizes", i, stays, error);
    }
    return true;
}

/* A Squeeze that names no axes drops all of size 1: not the channels', should one be left. */
static bool squeezed_axes(const struct at *at, struct tn_error *error)
{
    struct tn_axes axes;
    bool constant;
    int64_t list[TN_MAX_RANK];
    size_t count = 0;
    const struct tn_graph *graph = at->operation->graph;
    if (at->in->count < 2)
        return true;
    if (!tn_axes_of(graph, at->node, &axes, &constant, error))
        return false;
    for (int i = 0; i < axes.rank; i++) {
        if (axes.chosen[i])
            list[count++] = i;
    }
    bool named = tn_node_attribute(at->node, "axes") ||
                 (at->node->input_count > 1 && at->node->inputs[1] != TN_NO_VALUE);
    return named || !constant ||
           write_list(at, 1, "axes", graph->info.opset < 13, count, list, error);
}

/* Are all the channels of these labels still there? */
static bool whole(const struct tn_operation *operation, const struct tn_labels *labels)
{
    return tn_operation_count(operation, labels, 0, labels->count) == labels->count;
}

bool tn_operation_arguments(struct tn_operation *operation, int node, bool makes,
                            struct tn_error *error)
{
    struct tn_node *n = &operation->graph->nodes[node];
    if (n->input_count < 1 || n->inputs[0] == TN_NO_VALUE || n->output_count < 1 ||
        n->outputs[0] == TN_NO_VALUE)
        return true;
    const struct at at = {operation, node, n, &operation->flow->labels[n->inputs[0]],
                          &operation->flow->labels[n->outputs[0]]};
    if (whole(operation, at.in) && whole(operation, at.out))
        return true;
    switch (n->op) {
    case TN_OP_CONV:
    case TN_OP_CONV_TRANSPOSE:
        return conv_groups(&at, makes, error);
    case TN_OP_RESHAPE:
    case TN_OP_EXPAND:
        return target(&at, error);
    case TN_OP_SLICE:
        return slice_places(&at, error);
    case TN_OP_SPLIT:
        return split_sizes(&at, error);
    case TN_OP_PAD:
        return pad_amounts(&at, error);
    case TN_OP_GATHER:
        return gather_places(&at, error);
    case TN_OP_SQUEEZE:
        return squeezed_axes(&at, error);
    case TN_OP_RESIZE:
        return resize_sizes(&at, error);
    default:
        return true;
    }
}
