/* Vectors that exporters have merged become one for each reader again. */
#include "core/memory.h"
#include "model/graph.h"
#include "model/layers.h"
#include "model/name_index.h"

/* Of each value as the graph came. */
struct own {
    bool taken;          /* its first reader has it */
    int copies;          /* that others have, for their names */
    int bias, bias_from; /* of a weight: what its first layer reads as a bias now, and read before;
                            1 + the value, 0 for none */
};

struct unsharing {
    struct tn_graph *graph;
    int value_count;
    struct own *own;
    struct tn_name_index names;
    struct tn_error *error;
};

/* More than one number, all along one axis: [C] or [C,1,1]. */
static bool is_vector(const struct tn_tensor *tensor)
{
    if (!tensor || !tn_tensor_floats(tensor) || tensor->count < 2)
        return false;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] != 1 && (size_t)tensor->dims[i] != tensor->count)
            return false;
    return true;
}

/* A value of its own for one reader of `value`; -1 when memory is short. */
static int add_copy(struct unsharing *unsharing, int value)
{
    struct tn_graph *graph = unsharing->graph;
    char *name = NULL;
    int *copies = &unsharing->own[value].copies;
    do {
        tn_free(name);
        name = tn_sprintf("%s_%d", graph->values[value].name, ++*copies + 1);
    } while (name && tn_name_index_find(&unsharing->names, name) >= 0);
    if (!name) {
        tn_fail_memory(unsharing->error, "a name", 0);
        return -1;
    }
    struct tn_tensor *tensor = tn_tensor_ref(graph->values[value].constant);
    int copy = tn_graph_add_value(graph, name, tensor, unsharing->error);
    tn_free(name);
    if (copy < 0 ||
        !tn_name_index_add(&unsharing->names, graph->values[copy].name, copy, unsharing->error))
        return -1;
    graph->values[copy].stored_type = graph->values[value].stored_type;
    return copy;
}

/* Layers that share their weights were made to: they share their bias too. */
static int *bias_of_weight(struct unsharing *unsharing, const struct tn_node *node, int input)
{
    if (input != 2 || !tn_node_is_layer(unsharing->graph, node))
        return NULL;
    struct own *weight = &unsharing->own[node->inputs[1]];
    if (weight->bias == 0)
        weight->bias_from = node->inputs[2] + 1;
    return weight->bias_from == node->inputs[2] + 1 ? &weight->bias : NULL;
}

static bool unshare_input(struct unsharing *unsharing, const struct tn_node *node, int input)
{
    int value = node->inputs[input];
    if (value == TN_NO_VALUE || value >= unsharing->value_count ||
        !is_vector(unsharing->graph->values[value].constant) ||
        (input == 1 && tn_node_is_layer(unsharing->graph, node)))
        return true;
    struct own *own = &unsharing->own[value];
    int *tied = bias_of_weight(unsharing, node, input);
    int mine = value;
    if (tied && *tied)
        mine = *tied - 1;
    else if (own->taken)
        mine = add_copy(unsharing, value);
    if (mine < 0)
        return false;
    own->taken = true;
    node->inputs[input] = mine;
    if (tied)
        *tied = mine + 1;
    return true;
}

/* What is read by name, from outside or from a subgraph, keeps its value. */
static void take_named(struct unsharing *unsharing)
{
    const struct tn_graph *graph = unsharing->graph;
    for (int i = 0; i < graph->output_count; i++)
        unsharing->own[graph->outputs[i]].taken = true;
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].capture_count; j++)
            unsharing->own[graph->nodes[i].captures[j]].taken = true;
}

static bool index_names(struct unsharing *unsharing)
{
    const struct tn_graph *graph = unsharing->graph;
    bool ok = true;
    for (int i = 0; ok && i < graph->value_count; i++)
        if (tn_name_index_find(&unsharing->names, graph->values[i].name) < 0)
            ok = tn_name_index_add(&unsharing->names, graph->values[i].name, i, unsharing->error);
    return ok;
}

bool tn_graph_unshare_vectors(struct tn_graph *graph, struct tn_error *error)
{
    size_t values = (size_t)graph->value_count;
    struct unsharing unsharing = {
        .graph = graph,
        .value_count = graph->value_count,
        .own = tn_calloc(values, sizeof *unsharing.own),
        .error = error,
    };
    if (!unsharing.own)
        return tn_fail_memory(error, "values", values * sizeof *unsharing.own);
    bool ok = index_names(&unsharing);
    take_named(&unsharing);
    for (int i = 0; ok && i < graph->node_count; i++)
        for (int j = 0; ok && j < graph->nodes[i].input_count; j++)
            ok = unshare_input(&unsharing, &graph->nodes[i], j);
    tn_name_index_free(&unsharing.names);
    tn_free(unsharing.own);
    return ok;
}
