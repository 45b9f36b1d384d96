/* What a whole network costs. */
#include "core/memory.h"
#include "model/layers.h"

/* Of each value, while parameters are counted. */
struct mark {
    bool seen;   /* weights that several nodes share are there once */
    bool behind; /* made, at any distance, from what a layer gives */
};

/* Numbers behind a node's input, the first time they are met. */
static int64_t fresh_count(const struct tn_graph *graph, const struct tn_node *node, int input,
                           struct mark *marks)
{
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    if (!tensor || !tn_tensor_floats(tensor) || marks[node->inputs[input]].seen)
        return 0;
    marks[node->inputs[input]].seen = true;
    return (int64_t)tensor->count;
}

static bool is_behind(const struct tn_node *node, const struct mark *marks)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != TN_NO_VALUE && marks[node->inputs[i]].behind)
            return true;
    return false;
}

/* Vectors that are added or multiplied: what is left of a layer's bias and of a normalisation's
 * scale and shift where exporters take these apart. Single numbers are part of a formula. */
static int64_t count_vectors(const struct tn_graph *graph, const struct tn_node *node,
                             struct mark *marks)
{
    int64_t count = 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct tn_tensor *tensor = tn_node_constant(graph, node, i);
        if (tensor && tensor->count > 1)
            count += fresh_count(graph, node, i, marks);
    }
    return count;
}

static void count_node(const struct tn_graph *graph, const struct tn_node *node, struct mark *marks,
                       struct tn_cost *cost)
{
    bool layer = tn_node_is_layer(graph, node), behind = layer || is_behind(node, marks);
    int64_t count = 0;
    switch (node->op) {
    case TN_OP_BATCH_NORM:
        count = fresh_count(graph, node, 1, marks) + fresh_count(graph, node, 2, marks);
        cost->params += count;
        break;
    case TN_OP_INSTANCE_NORM:
    case TN_OP_LAYER_NORM:
        count = fresh_count(graph, node, 1, marks) + fresh_count(graph, node, 2, marks);
        break;
    case TN_OP_PRELU:
        count = fresh_count(graph, node, 1, marks);
        break;
    case TN_OP_ADD:
    case TN_OP_MUL:
        if (behind)
            count = count_vectors(graph, node, marks);
        break;
    default:
        if (layer) {
            int64_t weights = fresh_count(graph, node, 1, marks);
            cost->params += weights;
            count = weights + fresh_count(graph, node, 2, marks);
        }
    }
    cost->params_all += count;
    for (int i = 0; behind && i < node->output_count; i++)
        if (node->outputs[i] != TN_NO_VALUE)
            marks[node->outputs[i]].behind = true;
}

bool tn_cost_of(const struct tn_graph *graph, struct tn_cost *cost, struct tn_error *error)
{
    struct tn_layers layers;
    *cost = (struct tn_cost){0};
    if (!tn_layers_of(graph, &layers, error))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < layers.count; i++)
        if (__builtin_add_overflow(cost->flops, layers.layer[i].flops, &cost->flops))
            ok = tn_fail(error, TN_ERROR_INPUT, "the network is too large to count");
    tn_layers_free(&layers);
    struct mark *marks = tn_calloc((size_t)graph->value_count, sizeof *marks);
    if (ok && !marks)
        ok = tn_fail_memory(error, "counting parameters", (size_t)graph->value_count);
    for (int i = 0; ok && i < graph->node_count; i++)
        count_node(graph, &graph->nodes[i], marks, cost);
    tn_free(marks);
    return ok;
}
