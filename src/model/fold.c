/* Folding of constants. Exporters write shape arithmetic as nodes (Shape, Gather, Concat, Reshape);
 * what can be known before the network runs is put in their place.
 *
 * The batch size is not known, but follows along (model/evaluate.h). A list that holds it is no
 * constant of the network; it is kept aside, until it ends in an argument that can do without. */
#include "core/memory.h"
#include "model/fold_parts.h"
#include "model/shape.h"

#include <string.h>

static bool holds_batch(const struct tn_tensor *tensor)
{
    const int64_t *numbers = tn_tensor_ints(tensor);
    for (size_t i = 0; numbers && i < tensor->count; i++)
        if (tn_is_batch_number(numbers[i], NULL))
            return true;
    return false;
}

static struct tn_tensor *known(const struct tn_folding *folding, int value)
{
    if (folding->graph->values[value].constant)
        return folding->graph->values[value].constant;
    return value < folding->value_count ? folding->values[value].aside : NULL;
}

/* What Shape and Size say of a value whose own contents need not be known. */
static bool is_shape(const struct tn_node *node)
{
    return strcmp(node->op_type, "Shape") == 0 || strcmp(node->op_type, "Size") == 0;
}

static struct tn_tensor *shape_list(const struct tn_folding *folding, const struct tn_node *node,
                                    const struct tn_value *value)
{
    int64_t start = tn_node_int(node, "start", 0), end = tn_node_int(node, "end", value->rank);
    start += start < 0 ? value->rank : 0;
    end += end < 0 ? value->rank : 0;
    start = start < 0 ? 0 : start > value->rank ? value->rank : start;
    end = end < start ? start : end > value->rank ? value->rank : end;
    int64_t count = end - start;
    struct tn_tensor *list = tn_tensor_new(TN_INT64, 1, &count, folding->error);
    for (int64_t i = 0; list && i < count; i++) {
        int64_t size = value->dims[start + i];
        tn_tensor_ints(list)[i] = size == TN_BATCH ? tn_batch_number(1) : size;
    }
    return list;
}

static struct tn_tensor *number_count(const struct tn_folding *folding,
                                      const struct tn_value *value)
{
    int64_t count = 1;
    bool batch = false;
    for (int i = 0; i < value->rank; i++) {
        batch |= value->dims[i] == TN_BATCH;
        if (value->dims[i] != TN_BATCH && __builtin_mul_overflow(count, value->dims[i], &count))
            return NULL;
    }
    if (batch && (count < 1 || count > TN_MOST_BATCHES))
        return NULL;
    struct tn_tensor *result = tn_tensor_new(TN_INT64, 0, NULL, folding->error);
    if (result)
        tn_tensor_ints(result)[0] = batch ? tn_batch_number(count) : count;
    return result;
}

static struct tn_tensor *shape_result(const struct tn_folding *folding, const struct tn_node *node)
{
    if (node->input_count != 1 || node->inputs[0] == TN_NO_VALUE)
        return NULL;
    const struct tn_value *value = &folding->graph->values[node->inputs[0]];
    if (!value->has_shape)
        return NULL;
    return strcmp(node->op_type, "Size") == 0 ? number_count(folding, value)
                                              : shape_list(folding, node, value);
}

/* What the node reads; false where something of it is not known, or holds the batch's size where
 * the operator could not cope with it. *batch: some does. */
static bool gather_inputs(const struct tn_folding *folding, const struct tn_node *node,
                          struct tn_tensor **inputs, bool *batch)
{
    *batch = false;
    if (node->input_count > TN_EVALUATE_INPUTS)
        return false;
    for (int i = 0; i < node->input_count; i++) {
        inputs[i] = NULL;
        if (node->inputs[i] == TN_NO_VALUE)
            continue;
        inputs[i] = known(folding, node->inputs[i]);
        bool aside = inputs[i] && !folding->graph->values[node->inputs[i]].constant;
        if (!inputs[i] || (aside && !tn_evaluates_batch(node, i)))
            return false;
        *batch |= aside;
    }
    /* A number of the network's own that looks like the batch's must not meet it. */
    for (int i = 0; *batch && i < node->input_count; i++)
        if (inputs[i] && folding->graph->values[node->inputs[i]].constant &&
            tn_evaluates_batch(node, i) && holds_batch(inputs[i]))
            return false;
    return true;
}

/* The node's results, one an output; false where they cannot be known (or memory is short: the
 * error tells). *batch: they may hold the batch's numbers. */
static bool results_of(struct tn_folding *folding, const struct tn_node *node,
                       struct tn_tensor **results, bool *batch)
{
    struct tn_tensor *inputs[TN_EVALUATE_INPUTS];
    if (node->domain[0] != '\0' || node->output_count < 1 ||
        node->output_count > TN_EVALUATE_OUTPUTS)
        return false;
    if (is_shape(node)) {
        *batch = true;
        results[0] = node->output_count == 1 ? shape_result(folding, node) : NULL;
        return results[0] != NULL;
    }
    if (!gather_inputs(folding, node, inputs, batch))
        return false;
    for (int i = 0; i < node->output_count; i++) {
        size_t before = folding->budget.bytes;
        results[i] = tn_evaluate_node(folding->graph, node, inputs, *batch, i, &folding->budget,
                                      folding->error);
        if (folding->budget.bytes < before) /* what was needed on the way is free again */
            folding->budget.bytes = before - (results[i] ? results[i]->bytes : 0);
        if (results[i])
            continue;
        while (i > 0)
            tn_tensor_unref(results[--i]);
        return false;
    }
    return true;
}

static void keep_aside(struct tn_folding *folding, int value, struct tn_tensor *tensor)
{
    struct tn_value *place = &folding->graph->values[value];
    tn_tensor_unref(folding->values[value].aside);
    folding->values[value].aside = tensor;
    place->has_shape = true;
    place->dtype = tensor->dtype;
    place->rank = tensor->rank;
    memcpy(place->dims, tensor->dims, sizeof place->dims);
}

static void keep(struct tn_folding *folding, const struct tn_node *node, int value, bool batch,
                 struct tn_tensor *result)
{
    struct tn_graph *graph = folding->graph;
    if (value == TN_NO_VALUE) {
        tn_tensor_unref(result);
    } else if (batch && holds_batch(result)) {
        keep_aside(folding, value, result);
    } else {
        graph->values[value].producer = TN_NO_NODE;
        graph->values[value].stored_type = tn_evaluated_type(graph, node);
        tn_graph_set_constant(graph, value, result);
    }
}

/* A constant made here that nobody reads any more makes room for others. */
static void release_inputs(struct tn_folding *folding, const struct tn_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        int value = node->inputs[i];
        if (value == TN_NO_VALUE || value >= folding->value_count)
            continue;
        struct tn_folded *folded = &folding->values[value];
        struct tn_value *place = &folding->graph->values[value];
        if (--folded->readers > 0 || folded->cost == 0 || !place->constant)
            continue;
        folding->budget.bytes += folded->cost;
        folded->cost = 0;
        tn_tensor_unref(place->constant);
        place->constant = NULL;
    }
}

static bool fold_node(struct tn_folding *folding, int index)
{
    struct tn_graph *graph = folding->graph;
    struct tn_node *node = &graph->nodes[index];
    struct tn_tensor *results[TN_EVALUATE_OUTPUTS];
    struct tn_error trouble = {0}, *error = folding->error;
    size_t before = folding->budget.bytes;
    bool batch = false;
    folding->error = &trouble;
    bool done = results_of(folding, node, results, &batch);
    bool settled = done || trouble.kind != TN_ERROR_NONE || tn_settle_batch(folding, index);
    folding->error = error;
    if (trouble.kind != TN_ERROR_NONE || !settled) {
        tn_fail(error, trouble.kind, "%s", trouble.text);
        return tn_fail_in(error, "node '%s' (%s)", tn_node_label(graph, node), node->op_type);
    }
    if (!done)
        return tn_node_infer_shape(graph, index, error);
    for (int i = 0; i < node->output_count; i++)
        keep(folding, node, node->outputs[i], batch, results[i]);
    if (batch)
        return true;
    if (node->outputs[0] != TN_NO_VALUE && node->output_count == 1 &&
        folding->budget.bytes < before)
        folding->values[node->outputs[0]].cost = before - folding->budget.bytes;
    release_inputs(folding, node);
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

static void count_readers(struct tn_folding *folding)
{
    const struct tn_graph *graph = folding->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] != TN_NO_VALUE)
                folding->values[node->inputs[j]].readers++;
        for (int j = 0; j < node->capture_count; j++)
            folding->values[node->captures[j]].readers++;
    }
    for (int i = 0; i < graph->output_count; i++)
        folding->values[graph->outputs[i]].readers++;
}

bool tn_graph_fold_constants(struct tn_graph *graph, struct tn_error *error)
{
    enum { REWRITES = 16 };                        /* of the whole allowance, before it is enough */
    static const size_t FILLS = (size_t)640 << 20; /* VGG-19 has 548 MiB of weights */
    size_t bytes = allowance(graph);
    struct tn_folding folding = {
        .graph = graph,
        .value_count = graph->value_count,
        .values = tn_calloc((size_t)graph->value_count, sizeof *folding.values),
        .budget = {.bytes = bytes, .work = REWRITES * bytes, .fills = FILLS},
        .error = error,
    };
    if (!folding.values)
        return tn_fail_memory(error, "folding constants", (size_t)graph->value_count);
    count_readers(&folding);
    bool ok = true;
    for (int i = 0; ok && i < graph->node_count; i++)
        ok = fold_node(&folding, i);
    for (int i = 0; i < folding.value_count; i++)
        tn_tensor_unref(folding.values[i].aside);
    tn_free(folding.values);
    tn_name_index_free(&folding.names);
    return ok && tn_graph_prune_dead(graph, error);
}
