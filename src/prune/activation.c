#include "prune/activation.h"

enum { MANY_READERS = 3 };

/* A function of each number by itself. */
static bool is_function(enum tn_op op)
{
    return op >= TN_OP_RELU && op <= TN_OP_NEG;
}

static bool same_shape(const struct tn_graph *graph, int a, int b)
{
    const struct tn_value *x = &graph->values[a], *y = &graph->values[b];
    bool same = x->has_shape && y->has_shape && x->rank == y->rank;
    for (int i = 0; same && i < x->rank; i++)
        same = x->dims[i] == y->dims[i];
    return same;
}

/* Does the node go on with the channels of `value` alone, a number for a number? */
static bool goes_on(const struct tn_graph *graph, const struct tn_node *node, int value)
{
    bool with_constant = (node->op == TN_OP_ADD || node->op == TN_OP_MUL) &&
                         node->input_count == 2 &&
                         (tn_node_constant(graph, node, 0) || tn_node_constant(graph, node, 1));
    bool alone = node->op == TN_OP_BATCH_NORM || is_function(node->op) || with_constant;
    return alone && (with_constant || node->inputs[0] == value) && node->outputs[0] >= 0 &&
           same_shape(graph, value, node->outputs[0]);
}

/* x f(x), as SiLU is written: the product, or TN_NO_VALUE. */
static int gated_by_itself(const struct tn_graph *graph, int value, const int *readers)
{
    for (int i = 0; i < 2; i++) {
        const struct tn_node *f = &graph->nodes[readers[i]],
                             *product = &graph->nodes[readers[1 - i]];
        int only;
        if (is_function(f->op) && product->op == TN_OP_MUL && product->input_count == 2 &&
            tn_graph_consumers(graph, f->outputs[0], 1, &only) == 1 && only == readers[1 - i] &&
            (product->inputs[0] == f->outputs[0] || product->inputs[1] == f->outputs[0]) &&
            same_shape(graph, value, product->outputs[0]))
            return product->outputs[0];
    }
    return TN_NO_VALUE;
}

static bool is_output(const struct tn_graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == value)
            return true;
    }
    return false;
}

int tn_activation_of(const struct tn_graph *graph, int value)
{
    for (int step = 0; step < graph->node_count && !is_output(graph, value); step++) {
        int readers[MANY_READERS], next = TN_NO_VALUE;
        int count = tn_graph_consumers(graph, value, MANY_READERS, readers);
        if (count == 1 && goes_on(graph, &graph->nodes[readers[0]], value))
            next = graph->nodes[readers[0]].outputs[0];
        else if (count == 2)
            next = gated_by_itself(graph, value, readers);
        if (next == TN_NO_VALUE)
            break;
        value = next;
    }
    return value;
}
