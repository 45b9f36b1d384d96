#include "model/head.h"

#include "core/memory.h"
#include "core/normal.h"
#include "model/shape.h"

#include <string.h>

/* Operators that may follow the last layer, or stand between features and classifier, and hand on
 * one number for each that comes in. */
static bool passes(enum tn_op op)
{
    return op == TN_OP_SOFTMAX || op == TN_OP_LOG_SOFTMAX || op == TN_OP_IDENTITY ||
           op == TN_OP_DROPOUT || op == TN_OP_FLATTEN || op == TN_OP_RESHAPE ||
           op == TN_OP_SQUEEZE || op == TN_OP_UNSQUEEZE || op == TN_OP_RELU || op == TN_OP_CAST ||
           op == TN_OP_GLOBAL_AVERAGE_POOL || op == TN_OP_AVERAGE_POOL || op == TN_OP_REDUCE_MEAN;
}

static bool is_dense(enum tn_op op)
{
    return op == TN_OP_GEMM || op == TN_OP_MATMUL;
}

static int maker(const struct tn_graph *graph, int value)
{
    return value == TN_NO_VALUE ? TN_NO_NODE : graph->values[value].producer;
}

/* Is this the Add of a bias behind a MatMul? */
static bool is_bias(const struct tn_graph *graph, const struct tn_node *node)
{
    return node->op == TN_OP_ADD && node->input_count == 2 &&
           (tn_node_constant(graph, node, 0) || tn_node_constant(graph, node, 1));
}

static int activation_input(const struct tn_graph *graph, const struct tn_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != TN_NO_VALUE && !graph->values[node->inputs[i]].constant)
            return node->inputs[i];
    return TN_NO_VALUE;
}

/* The layer that makes the first output; *bias is the Add behind it, or TN_NO_NODE. */
static bool find_classifier(const struct tn_graph *graph, int *layer, int *bias,
                            struct tn_error *error)
{
    int node = maker(graph, graph->outputs[0]);
    *bias = TN_NO_NODE;
    while (node != TN_NO_NODE) {
        const struct tn_node *n = &graph->nodes[node];
        const struct tn_tensor *weights = tn_node_constant(graph, n, 1);
        if ((is_dense(n->op) || n->op == TN_OP_CONV) && weights && tn_tensor_floats(weights)) {
            *layer = node;
            return true;
        }
        if (is_bias(graph, n))
            *bias = node;
        else if (!passes(n->op))
            return tn_fail(error, TN_ERROR_USE,
                           "node '%s' (%s) makes the output, and no layer that a new one could "
                           "replace",
                           tn_node_label(graph, n), n->op_type);
        node = maker(graph, activation_input(graph, n));
    }
    return tn_fail(error, TN_ERROR_USE, "no layer makes the network's output");
}

/* Which axis of a layer's weights the classes stand on. */
static int class_axis(const struct tn_node *node)
{
    return node->op == TN_OP_CONV || (node->op == TN_OP_GEMM && tn_node_int(node, "transB", 0)) ? 0
                                                                                                : 1;
}

/* Let the node read `tensor` (taken over) at `input`, under the name of the constant it replaces
 * unless others read that one too. */
static bool replace(struct tn_graph *graph, int node, int input, struct tn_tensor *tensor,
                    struct tn_error *error)
{
    int old = graph->nodes[node].inputs[input], readers[2];
    if (!tensor)
        return false;
    if (tn_graph_consumers(graph, old, 2, readers) == 1) {
        tn_graph_set_constant(graph, old, tensor);
        return true;
    }
    char *name = tn_sprintf("%s.head", graph->values[old].name);
    int value = name ? tn_graph_add_value(graph, name, tensor, error) : -1;
    if (!name) {
        tn_tensor_unref(tensor);
        tn_fail_memory(error, "a name", 1);
    }
    tn_free(name);
    if (value >= 0)
        graph->nodes[node].inputs[input] = value;
    return value >= 0;
}

static bool new_weights(struct tn_graph *graph, int node, int64_t classes, int64_t features,
                        uint64_t seed, struct tn_error *error)
{
    const struct tn_node *n = &graph->nodes[node];
    const struct tn_tensor *old = tn_node_constant(graph, n, 1);
    int axis = class_axis(n);
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, old->dims, sizeof dims);
    dims[axis] = classes;
    dims[1 - axis] = features;
    struct tn_tensor *weights = tn_tensor_new(TN_FLOAT32, old->rank, dims, error);
    struct tn_random random;
    tn_random_seed(&random, seed, 0);
    if (weights)
        tn_random_normals(&random, 0.01, weights->count, tn_tensor_floats(weights));
    return replace(graph, node, 1, weights, error);
}

/* A bias of zeros, of the old one's rank, where there is one. */
static bool new_bias(struct tn_graph *graph, int node, int input, int64_t classes,
                     struct tn_error *error)
{
    const struct tn_tensor *old = tn_node_constant(graph, &graph->nodes[node], input);
    if (!old || old->count == 1)
        return true;
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, old->dims, sizeof dims);
    dims[old->rank - 1] = classes;
    return replace(graph, node, input, tn_tensor_new(TN_FLOAT32, old->rank, dims, error), error);
}

/* The last feature maps before the classifier: what is pooled and flattened on the way to it. */
static int find_features(const struct tn_graph *graph, int classifier)
{
    int value = graph->nodes[classifier].inputs[0];
    while (value != TN_NO_VALUE) {
        const struct tn_value *v = &graph->values[value];
        int node = v->producer;
        enum tn_op op = node == TN_NO_NODE ? TN_OP_UNKNOWN : graph->nodes[node].op;
        bool pooled =
            op == TN_OP_MAX_POOL || op == TN_OP_AVERAGE_POOL || op == TN_OP_GLOBAL_AVERAGE_POOL;
        bool between = is_dense(op) || passes(op) || op == TN_OP_ADD;
        if (v->has_shape && v->rank == 4 && (v->dims[2] > 1 || v->dims[3] > 1) && !pooled)
            return value;
        if (node == TN_NO_NODE || !(pooled || between))
            return v->has_shape && v->rank == 4 ? value : TN_NO_VALUE;
        value = activation_input(graph, &graph->nodes[node]);
    }
    return TN_NO_VALUE;
}

static int append_node(struct tn_graph *graph, const char *op, int input, struct tn_error *error)
{
    char *name = tn_sprintf("head_%s", op);
    int output = name ? tn_graph_add_value(graph, name, NULL, error) : -1;
    int node = output < 0 ? -1 : tn_graph_add_node(graph, name, op, 1, &input, 1, &output, error);
    tn_free(name);
    return node < 0 ? -1 : output;
}

/* Let the classifier read the features' averages; returns how many features, or -1. */
static int64_t pool_features(struct tn_graph *graph, int classifier, struct tn_error *error)
{
    int features = find_features(graph, classifier);
    if (features == TN_NO_VALUE || !is_dense(graph->nodes[classifier].op)) {
        tn_fail(error, TN_ERROR_USE,
                "node '%s' is no fully connected layer that reads feature maps: pool=gap has "
                "nothing to replace",
                tn_node_label(graph, &graph->nodes[classifier]));
        return -1;
    }
    int64_t channels = graph->values[features].dims[1];
    int pooled = append_node(graph, "GlobalAveragePool", features, error);
    int flat = pooled < 0 ? -1 : append_node(graph, "Flatten", pooled, error);
    if (flat < 0)
        return -1;
    graph->nodes[classifier].inputs[0] = flat;
    return channels;
}

bool tn_graph_new_head(struct tn_graph *graph, const struct tn_head *head, struct tn_error *error)
{
    int layer = TN_NO_NODE, bias = TN_NO_NODE;
    if (!find_classifier(graph, &layer, &bias, error))
        return false;
    const struct tn_tensor *weights = tn_node_constant(graph, &graph->nodes[layer], 1);
    int axis = class_axis(&graph->nodes[layer]);
    int64_t classes = head->classes ? head->classes : weights->dims[axis];
    int64_t features = weights->dims[1 - axis];
    if (head->gap && (features = pool_features(graph, layer, error)) < 0)
        return false;
    if (!new_weights(graph, layer, classes, features, head->seed, error) ||
        (graph->nodes[layer].input_count > 2 && !new_bias(graph, layer, 2, classes, error)))
        return false;
    for (int i = 0; bias != TN_NO_NODE && i < 2; i++)
        if (!new_bias(graph, bias, i, classes, error))
            return false;
    return tn_graph_sort(graph, error) && tn_graph_prune_dead(graph, error) &&
           tn_graph_infer_shapes(graph, error);
}
