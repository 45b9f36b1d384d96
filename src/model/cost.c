/* What a whole network costs. */
#include "core/memory.h"
#include "model/layers.h"

/* Numbers behind a node's input, the first time they are met: shared weights are there once. */
static int64_t fresh_count(const struct tn_graph *graph, const struct tn_node *node, int input,
                           bool *seen)
{
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    if (!tensor || seen[node->inputs[input]])
        return 0;
    seen[node->inputs[input]] = true;
    return (int64_t)tensor->count;
}

static void count_params(const struct tn_graph *graph, bool *seen, struct tn_cost *cost)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        bool weighed = node->op == TN_OP_CONV || node->op == TN_OP_GEMM;
        if (!weighed && node->op != TN_OP_BATCH_NORM)
            continue;
        int64_t first = fresh_count(graph, node, 1, seen),
                second = fresh_count(graph, node, 2, seen);
        cost->params += weighed ? first : first + second;
        cost->params_all += first + second;
    }
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
    bool *seen = tn_calloc((size_t)graph->value_count, sizeof *seen);
    if (ok && !seen)
        ok = tn_fail_memory(error, "counting parameters", (size_t)graph->value_count);
    if (ok)
        count_params(graph, seen, cost);
    tn_free(seen);
    return ok;
}
