#include "model/logits.h"

#include "model/axes.h"

/* Does the node normalise over all that is there of an image, [N,classes] or [N,classes,1,1]? */
static bool over_classes(const struct tn_graph *graph, const struct tn_node *node)
{
    int from, to;
    const struct tn_value *value = &graph->values[node->inputs[0]];
    if (!value->has_shape || value->constant || !tn_softmax_of(graph, node, &from, &to, NULL))
        return false;
    for (int i = 1; i < value->rank; i++)
        if ((i < from || i >= to) && value->dims[i] != 1)
            return false;
    return from > 0;
}

struct tn_graph *tn_graph_logits(const struct tn_graph *graph, struct tn_error *error)
{
    struct tn_graph *clone = tn_graph_clone(graph, error);
    if (!clone || clone->output_count < 1)
        return clone;
    int producer = clone->values[clone->outputs[0]].producer;
    const struct tn_node *node = producer == TN_NO_NODE ? NULL : &clone->nodes[producer];
    if (node && node->op == TN_OP_SOFTMAX && over_classes(clone, node))
        clone->outputs[0] = node->inputs[0];
    return clone;
}
