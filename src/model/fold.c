/* Folding of constants. Exporters write shape arithmetic as nodes (Shape, Gather, Concat, Reshape);
 * what can be known before the network runs is put in their place.
 *
 * The batch size is not known, but follows along: in the integers computed here UNKNOWN_BATCH
 * stands for it. A list that holds it is no constant of the network; it is kept aside, and where it
 * ends as the shape of a Reshape, with the batch in front, 0 ("as the input") takes its place. */
#include "core/memory.h"
#include "model/evaluate.h"
#include "model/name_index.h"
#include "model/shape.h"

#include <stdio.h>
#include <string.h>

static const int64_t UNKNOWN_BATCH = INT64_MIN;

struct folding {
    struct tn_graph *graph;
    int aside_count;          /* values the table below has room for */
    struct tn_tensor **aside; /* lists that hold UNKNOWN_BATCH, by value */
    struct tn_evaluation_budget budget;
    struct tn_name_index names; /* of all values, once a new one is needed */
    struct tn_error *error;
};

static bool holds_batch(const struct tn_tensor *tensor)
{
    const int64_t *numbers = tn_tensor_ints(tensor);
    for (size_t i = 0; numbers && i < tensor->count; i++)
        if (numbers[i] == UNKNOWN_BATCH)
            return true;
    return false;
}

static struct tn_tensor *known(const struct folding *folding, int value)
{
    if (value == TN_NO_VALUE)
        return NULL;
    if (folding->graph->values[value].constant)
        return folding->graph->values[value].constant;
    return value < folding->aside_count ? folding->aside[value] : NULL;
}

/* What Shape says of a value whose own contents need not be known. */
static struct tn_tensor *shape_list(const struct folding *folding, const struct tn_node *node)
{
    if (node->input_count != 1 || node->inputs[0] == TN_NO_VALUE)
        return NULL;
    const struct tn_value *value = &folding->graph->values[node->inputs[0]];
    if (!value->has_shape)
        return NULL;
    int64_t start = tn_node_int(node, "start", 0), end = tn_node_int(node, "end", value->rank);
    start += start < 0 ? value->rank : 0;
    end += end < 0 ? value->rank : 0;
    start = start < 0 ? 0 : start > value->rank ? value->rank : start;
    end = end < start ? start : end > value->rank ? value->rank : end;
    int64_t count = end - start;
    struct tn_tensor *list = tn_tensor_new(TN_INT64, 1, &count, folding->error);
    for (int64_t i = 0; list && i < count; i++) {
        int64_t size = value->dims[start + i];
        tn_tensor_ints(list)[i] = size == TN_BATCH ? UNKNOWN_BATCH : size;
    }
    return list;
}

/* Operators that move numbers without looking at them; the others cannot take the batch's stand-in.
 */
static bool only_moves(const char *op_type)
{
    static const char *const movers[] = {"Slice",  "Concat",    "Reshape", "Transpose",
                                         "Gather", "Unsqueeze", "Squeeze", "Identity"};
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
        if (strcmp(movers[i], op_type) == 0)
            return true;
    return false;
}

/* The node's result, or NULL where it cannot be known (or memory is short: the error tells).
 * *batch: it may hold the batch's stand-in. */
static struct tn_tensor *result_of(struct folding *folding, const struct tn_node *node, bool *batch)
{
    struct tn_tensor *inputs[TN_EVALUATE_INPUTS];
    if (node->domain[0] != '\0' || node->output_count != 1 ||
        node->input_count > TN_EVALUATE_INPUTS)
        return NULL;
    *batch = strcmp(node->op_type, "Shape") == 0;
    if (*batch)
        return shape_list(folding, node);
    for (int i = 0; i < node->input_count; i++) {
        inputs[i] = known(folding, node->inputs[i]);
        if (!inputs[i] && node->inputs[i] != TN_NO_VALUE)
            return NULL;
        bool aside = inputs[i] && !folding->graph->values[node->inputs[i]].constant;
        bool data = i == 0 || strcmp(node->op_type, "Concat") == 0;
        if (aside && !(data && only_moves(node->op_type)))
            return NULL;
        *batch |= aside;
    }
    return tn_evaluate_node(folding->graph, node, inputs, &folding->budget, folding->error);
}

static void keep_aside(struct folding *folding, int value, struct tn_tensor *tensor)
{
    struct tn_value *place = &folding->graph->values[value];
    tn_tensor_unref(folding->aside[value]);
    folding->aside[value] = tensor;
    place->has_shape = true;
    place->dtype = tensor->dtype;
    place->rank = tensor->rank;
    memcpy(place->dims, tensor->dims, sizeof place->dims);
}

/* The shape given to a Reshape, with 0 for the batch; NULL where the batch is not in front, or
 * would not be copied from the front. */
static struct tn_tensor *shape_with_batch(const struct folding *folding, const struct tn_node *node,
                                          const struct tn_tensor *list)
{
    const struct tn_value *input = &folding->graph->values[node->inputs[0]];
    bool batch = input->has_shape && input->rank > 0 && input->dims[0] == TN_BATCH;
    if (!batch || list->rank != 1 || tn_node_int(node, "allowzero", 0) != 0)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        if ((tn_tensor_ints(list)[i] == UNKNOWN_BATCH) != (i == 0))
            return NULL;
    struct tn_tensor *shape = tn_tensor_copy(list, folding->error);
    if (shape)
        tn_tensor_ints(shape)[0] = 0;
    return shape;
}

static bool index_names(struct folding *folding)
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

/* A constant called after the node whose shape it is, by a name that is not taken. */
static int add_shape_value(struct folding *folding, const char *node, struct tn_tensor *constant)
{
    struct tn_graph *graph = folding->graph;
    bool ok = index_names(folding);
    char *name = tn_sprintf("%s_shape", node);
    for (int i = graph->value_count; ok && name && tn_name_index_find(&folding->names, name) >= 0;
         i++) {
        tn_free(name);
        name = tn_sprintf("%s_shape%d", node, i);
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

static bool settle_reshape(struct folding *folding, int index)
{
    struct tn_graph *graph = folding->graph;
    struct tn_node *node = &graph->nodes[index];
    if (node->op != TN_OP_RESHAPE || node->input_count < 2 || node->inputs[0] == TN_NO_VALUE)
        return true;
    const struct tn_tensor *list = known(folding, node->inputs[1]);
    if (!list || graph->values[node->inputs[1]].constant)
        return true;
    struct tn_tensor *shape = shape_with_batch(folding, node, list);
    if (!shape)
        return true;
    int value = add_shape_value(folding, tn_node_label(graph, node), shape);
    if (value < 0)
        return false;
    node->inputs[1] = value;
    return true;
}

static bool fold_node(struct folding *folding, int index)
{
    struct tn_graph *graph = folding->graph;
    struct tn_error trouble = {0};
    struct tn_error *error = folding->error;
    folding->error = &trouble;
    bool batch = false;
    struct tn_tensor *result = result_of(folding, &graph->nodes[index], &batch);
    bool settled = result || trouble.kind != TN_ERROR_NONE || settle_reshape(folding, index);
    folding->error = error;
    if (trouble.kind != TN_ERROR_NONE || !settled) {
        tn_fail(error, trouble.kind, "%s", trouble.text);
        return tn_fail_in(error, "node '%s' (%s)", tn_node_label(graph, &graph->nodes[index]),
                          graph->nodes[index].op_type);
    }
    if (!result)
        return tn_node_infer_shape(graph, index, error);
    int output = graph->nodes[index].outputs[0];
    if (output == TN_NO_VALUE) {
        tn_tensor_unref(result);
    } else if (batch && holds_batch(result)) {
        keep_aside(folding, output, result);
    } else {
        graph->values[output].producer = TN_NO_NODE;
        graph->values[output].stored_type = tn_evaluated_type(graph, &graph->nodes[index]);
        tn_graph_set_constant(graph, output, result);
    }
    return true;
}

/* Folding may take as much memory again as the network's own constants, and a little: no more,
 * whatever a hostile chain of Concat nodes says. */
static size_t allowance(const struct tn_graph *graph)
{
    size_t bytes = (size_t)1 << 20;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].constant)
            bytes += graph->values[i].constant->bytes;
    return bytes;
}

bool tn_graph_fold_constants(struct tn_graph *graph, struct tn_error *error)
{
    struct folding folding = {
        .graph = graph,
        .aside_count = graph->value_count,
        .aside = tn_calloc((size_t)graph->value_count, sizeof *folding.aside),
        .budget = {.bytes = allowance(graph)},
        .error = error,
    };
    if (!folding.aside)
        return tn_fail_memory(error, "folding constants", (size_t)graph->value_count);
    bool ok = true;
    for (int i = 0; ok && i < graph->node_count; i++)
        ok = fold_node(&folding, i);
    for (int i = 0; i < folding.aside_count; i++)
        tn_tensor_unref(folding.aside[i]);
    tn_free(folding.aside);
    tn_name_index_free(&folding.names);
    return ok && tn_graph_prune_dead(graph, error);
}
