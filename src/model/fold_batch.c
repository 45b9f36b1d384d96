/* The batch's size in arguments of nodes that stay: said in a way that does not name it. */
#include "core/memory.h"
#include "model/argument.h"
#include "model/axes.h"
#include "model/fold_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool index_names(struct tn_folding *folding)
{
    const struct tn_graph *graph = folding->graph;
    bool ok = true;
    if (folding->names.count > 0)
        return true;
    for (int i = 0; ok && i < graph->value_count; i++)
        if (tn_name_index_find(&folding->names, graph->values[i].name) < 0)
            ok = tn_name_index_add(&folding->names, graph->values[i].name, i, folding->error);
    return ok;
}

/* A constant called NODE_WHAT after the node whose argument it is, by a name that is not taken. */
static int add_argument(struct tn_folding *folding, const char *node, const char *what,
                        struct tn_tensor *constant)
{
    struct tn_graph *graph = folding->graph;
    bool ok = index_names(folding);
    char *name = tn_sprintf("%s_%s", node, what);
    for (int i = graph->value_count; ok && name && tn_name_index_find(&folding->names, name) >= 0;
         i++) {
        tn_free(name);
        name = tn_sprintf("%s_%s%d", node, what, i);
    }
    if (!name && ok)
        tn_fail_memory(folding->error, "a name", strlen(node));
    int value = -1;
    if (name && ok)
        value = tn_graph_add_value(graph, name, constant, folding->error);
    else
        tn_tensor_unref(constant);
    tn_free(name);
    if (value >= 0 &&
        !tn_name_index_add(&folding->names, graph->values[value].name, value, folding->error))
        return -1;
    return value;
}

/* The list kept aside for input `index` of a node, or NULL. */
static const struct tn_tensor *aside_of(const struct tn_folding *folding,
                                        const struct tn_node *node, int index)
{
    int value = index < node->input_count ? node->inputs[index] : TN_NO_VALUE;
    if (value == TN_NO_VALUE || value >= folding->value_count)
        return NULL;
    return folding->graph->values[value].constant ? NULL : folding->values[value].aside;
}

/* Is the batch's size, once, the first number of the list and in no other? */
static bool batch_in_front(const struct tn_tensor *list)
{
    const int64_t *numbers = tn_tensor_ints(list);
    for (size_t i = 0; list->rank == 1 && i < list->count; i++) {
        int64_t times = 0;
        bool batch = tn_is_batch_number(numbers[i], &times);
        if (batch != (i == 0) || times > 1)
            return false;
    }
    return list->rank == 1 && list->count > 0;
}

/* The list with another number for the batch in place `index`, as a constant of its own. */
static int list_instead(struct tn_folding *folding, const struct tn_node *node, const char *what,
                        const struct tn_tensor *list, size_t index, int64_t number)
{
    struct tn_tensor *own = tn_tensor_copy(list, folding->error);
    if (!own)
        return -1;
    tn_tensor_ints(own)[index] = number;
    return add_argument(folding, tn_node_label(folding->graph, node), what, own);
}

/* A Reshape copies the batch of its input: 0. An Expand leaves it as it is: 1. */
static bool settle_shape(struct tn_folding *folding, struct tn_node *node, int64_t number)
{
    const struct tn_value *input = &folding->graph->values[node->inputs[0]];
    const struct tn_tensor *list = aside_of(folding, node, 1);
    bool batch = input->has_shape && input->rank > 0 && input->dims[0] == TN_BATCH;
    if (!list || !batch || !batch_in_front(list) || tn_node_int(node, "allowzero", 0) != 0)
        return true;
    if (node->op == TN_OP_EXPAND && list->count != (size_t)input->rank)
        return true;
    int value = list_instead(folding, node, "shape", list, 0, number);
    if (value >= 0)
        node->inputs[1] = value;
    return value >= 0;
}

/* A Slice to the end of the batch takes all of it. */
static bool settle_slice(struct tn_folding *folding, struct tn_node *node)
{
    const struct tn_value *input = &folding->graph->values[node->inputs[0]];
    const struct tn_tensor *ends = aside_of(folding, node, 2);
    bool fixed = true;
    struct tn_ints starts = tn_ints_of(folding->graph, node, 1, NULL, &fixed);
    struct tn_ints axes = tn_ints_of(folding->graph, node, 3, NULL, &fixed);
    int which = -1;
    if (!ends || ends->rank != 1 || !fixed || !input->has_shape || starts.count != ends->count ||
        (axes.list && axes.count != ends->count))
        return true;
    for (int i = 0; i < (int)ends->count; i++) {
        int axis = 0;
        if (!tn_is_batch_number(tn_tensor_ints(ends)[i], NULL))
            continue;
        if (which >= 0 || !tn_axis_normal(axes.list ? axes.list[i] : i, input->rank, &axis, NULL) ||
            input->dims[axis] != TN_BATCH || starts.list[i] != 0)
            return true;
        which = i;
    }
    if (which < 0)
        return true;
    int value = list_instead(folding, node, "ends", ends, (size_t)which, INT64_MAX);
    if (value >= 0)
        node->inputs[2] = value;
    return value >= 0;
}

/* The scale from which a runtime finds the same size again: it rounds in * scale down. */
static float scale_to(int64_t in, int64_t out)
{
    float scale = (float)out / (float)in;
    while ((double)in * (double)scale < (double)out)
        scale = nextafterf(scale, INFINITY);
    return scale;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Does a scale that is a little too large find the same neighbours? Only where x in / out falls on
 * one is there a difference, and then on none but the first if in and out have no divisor in
 * common. What is interpolated hardly changes. */
static bool scale_serves(const struct tn_node *node, int64_t in, int64_t out)
{
    bool nearest = strcmp(tn_node_string(node, "mode", "nearest"), "nearest") == 0;
    const char *place = tn_node_string(node, "coordinate_transformation_mode", "half_pixel");
    bool exact = (double)in * (double)scale_to(in, out) == (double)out;
    return exact || !nearest || (strcmp(place, "asymmetric") == 0 && common_divisor(in, out) == 1);
}

static bool sizes_are_usual(const struct tn_value *input, const struct tn_tensor *sizes)
{
    enum { MOST = 1 << 20 };
    if (!batch_in_front(sizes) || !input->has_shape || input->rank < 3 ||
        input->dims[0] != TN_BATCH || sizes->count != (size_t)input->rank)
        return false;
    for (int i = 1; i < input->rank; i++) {
        int64_t in = input->dims[i], out = tn_tensor_ints(sizes)[i];
        if (in < 1 || in > MOST || out < 1 || out > MOST || (i == 1 && in != out))
            return false;
    }
    return true;
}

enum { SCALES = 2, SIZES = 3 }; /* inputs of a Resize */

/* Since opset 18 a Resize may say which axes it means. */
static bool name_axes(struct tn_folding *folding, struct tn_node *node, int rank,
                      const struct tn_tensor *sizes)
{
    int64_t axes[TN_MAX_RANK], count = rank - 2;
    for (int i = 0; i < count; i++)
        axes[i] = i + 2;
    struct tn_tensor *own = tn_tensor_new(TN_INT64, 1, &count, folding->error);
    if (!own)
        return false;
    memcpy(own->data, tn_tensor_ints(sizes) + 2, own->bytes);
    int value = add_argument(folding, tn_node_label(folding->graph, node), "sizes", own);
    if (value < 0 || !tn_node_set_ints(node, "axes", (size_t)count, axes, folding->error))
        return false;
    node->inputs[SIZES] = value;
    return true;
}

static bool give_scales(struct tn_folding *folding, struct tn_node *node,
                        const struct tn_value *input, const struct tn_tensor *sizes)
{
    int64_t count = input->rank;
    struct tn_tensor *scales = tn_tensor_new(TN_FLOAT32, 1, &count, folding->error);
    if (!scales)
        return false;
    tn_tensor_floats(scales)[0] = 1.0f;
    for (int i = 1; i < count; i++)
        tn_tensor_floats(scales)[i] = scale_to(input->dims[i], tn_tensor_ints(sizes)[i]);
    int value = add_argument(folding, tn_node_label(folding->graph, node), "scales", scales);
    if (value < 0)
        return false;
    node->inputs[SCALES] = value;
    node->input_count = SIZES;
    return true;
}

static bool settle_resize(struct tn_folding *folding, struct tn_node *node)
{
    const struct tn_graph *graph = folding->graph;
    const struct tn_value *input = &graph->values[node->inputs[0]];
    const struct tn_tensor *sizes = aside_of(folding, node, SIZES);
    const char *policy = tn_node_string(node, "keep_aspect_ratio_policy", "stretch");
    if (!sizes || !sizes_are_usual(input, sizes) || tn_node_attribute(node, "axes") ||
        strcmp(policy, "stretch") != 0)
        return true;
    if (graph->info.opset >= 18)
        return name_axes(folding, node, input->rank, sizes);
    for (int i = 2; i < input->rank; i++)
        if (!scale_serves(node, input->dims[i], tn_tensor_ints(sizes)[i]))
            return true;
    return give_scales(folding, node, input, sizes);
}

bool tn_settle_batch(struct tn_folding *folding, int index)
{
    struct tn_node *node = &folding->graph->nodes[index];
    if (node->input_count < 1 || node->inputs[0] == TN_NO_VALUE)
        return true;
    switch (node->op) {
    case TN_OP_RESHAPE:
        return settle_shape(folding, node, 0);
    case TN_OP_EXPAND:
        return settle_shape(folding, node, 1);
    case TN_OP_SLICE:
        return settle_slice(folding, node);
    case TN_OP_RESIZE:
        return settle_resize(folding, node);
    default:
        return true;
    }
}
