#include "prune/operation.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

const double TN_GONE = -INFINITY;

double tn_operation_factor(const struct tn_operation *operation, int id)
{
    int group = operation->groups->group_of[id];
    const double *factors = group < 0 ? NULL : operation->factors[group];
    return factors ? factors[operation->groups->channel_of[id]] : 1;
}

bool tn_operation_stays(const struct tn_operation *operation, int id)
{
    return tn_operation_factor(operation, id) != TN_GONE;
}

int64_t tn_operation_count(const struct tn_operation *operation, const struct tn_labels *labels,
                           int64_t begin, int64_t end)
{
    int64_t count = 0;
    for (int64_t i = begin; i < end; i++)
        count += tn_operation_stays(operation, labels->ids[i]);
    return count;
}

/* The edit of this input; edits of a node stand together, at the end while it is worked on. */
static struct tn_edit *find_edit(const struct tn_operation *operation, int node, int input)
{
    for (int i = operation->edit_count - 1; i >= 0 && operation->edits[i].node == node; i--) {
        if (operation->edits[i].input == input)
            return &operation->edits[i];
    }
    return NULL;
}

const struct tn_tensor *tn_operation_constant(const struct tn_operation *operation, int node,
                                              int input)
{
    const struct tn_edit *edit = find_edit(operation, node, input);
    return edit ? edit->tensor
                : tn_node_constant(operation->graph, &operation->graph->nodes[node], input);
}

bool tn_operation_edit(struct tn_operation *operation, int node, int input,
                       struct tn_tensor *tensor, struct tn_error *error)
{
    if (!tensor)
        return false;
    struct tn_edit *edit = find_edit(operation, node, input);
    if (edit) {
        tn_tensor_unref(edit->tensor);
        edit->tensor = tensor;
        return true;
    }
    if (operation->edit_count == operation->edit_capacity) {
        size_t old = (size_t)operation->edit_count, capacity = 2 * old + 64;
        struct tn_edit *grown = tn_realloc(operation->edits, old, capacity, sizeof *grown);
        if (!grown) {
            tn_tensor_unref(tensor);
            return tn_fail_memory(error, "surgery", capacity * sizeof *grown);
        }
        operation->edits = grown;
        operation->edit_capacity = (int)capacity;
    }
    const struct tn_node *n = &operation->graph->nodes[node];
    operation->edits[operation->edit_count++] = (struct tn_edit){
        .node = node,
        .input = input,
        .value = input < n->input_count ? n->inputs[input] : TN_NO_VALUE,
        .tensor = tensor,
    };
    return true;
}

/* --- putting edits into the graph --- */

static bool same_tensor(const struct tn_tensor *a, const struct tn_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0 &&
           memcmp(a->data, b->data, a->bytes) == 0;
}

static int *count_uses(const struct tn_graph *graph)
{
    int *uses = tn_calloc((size_t)graph->value_count, sizeof *uses);
    for (int n = 0; uses && n < graph->node_count; n++) {
        const struct tn_node *node = &graph->nodes[n];
        for (int i = 0; i < node->input_count; i++)
            if (node->inputs[i] != TN_NO_VALUE)
                uses[node->inputs[i]]++;
        for (int i = 0; i < node->capture_count; i++)
            uses[node->captures[i]]++;
    }
    for (int i = 0; uses && i < graph->output_count; i++)
        uses[graph->outputs[i]]++;
    return uses;
}

/* A constant called NAME_2, NAME_3, ...; *number is where to go on. */
static int new_value(struct tn_graph *graph, const char *old_name, struct tn_tensor *tensor,
                     int *number, struct tn_error *error)
{
    for (;; ++*number) {
        char *name = tn_sprintf("%s_%d", old_name, *number);
        if (!name) {
            tn_fail_memory(error, "a name", 1);
            return -1;
        }
        int value = tn_graph_find_value(graph, name) != TN_NO_VALUE
                        ? -2
                        : tn_graph_add_value(graph, name, tn_tensor_ref(tensor), error);
        tn_free(name);
        if (value != -2)
            return value;
    }
}

/* Make room for an input that the node did not have. */
static bool widen(struct tn_node *node, int input, struct tn_error *error)
{
    if (input < node->input_count)
        return true;
    int *inputs = tn_realloc(node->inputs, (size_t)node->input_count, (size_t)input + 1,
                             sizeof *node->inputs);
    if (!inputs)
        return tn_fail_memory(error, "a node", (size_t)input * sizeof *inputs);
    node->inputs = inputs;
    while (node->input_count <= input)
        node->inputs[node->input_count++] = TN_NO_VALUE;
    return true;
}

/* Let the edit's node read its tensor under a new name; of the type that the old one has in files:
 * the arguments of a Slice must agree in it. */
static bool give_new(struct tn_graph *graph, struct tn_edit *edit, const char *name, int *number,
                     struct tn_error *error)
{
    int value = new_value(graph, name, edit->tensor, number, error);
    if (value < 0 || !widen(&graph->nodes[edit->node], edit->input, error))
        return false;
    if (edit->value != TN_NO_VALUE)
        graph->values[value].stored_type = graph->values[edit->value].stored_type;
    graph->nodes[edit->node].inputs[edit->input] = value;
    return true;
}

/* Edits of one old constant, chained. Exporters let nodes share equal constants (all the zeros of
 * untrained BatchNorm): nodes whose edits agree go on sharing, others get constants of their own.
 */
static bool apply_chain(struct tn_operation *operation, int first, const int *next, int uses,
                        struct tn_error *error)
{
    struct tn_graph *graph = operation->graph;
    struct tn_edit *edits = operation->edits;
    int value = edits[first].value, edited = 0, number = 2;
    for (int i = first; i >= 0; i = next[i])
        edited++;
    bool in_place = edited == uses;
    for (int i = first; i >= 0; i = next[i]) {
        if (!edits[i].tensor)
            continue;
        int target = value;
        if (!in_place && !give_new(graph, &edits[i], graph->values[value].name, &number, error))
            return false;
        if (!in_place)
            target = graph->nodes[edits[i].node].inputs[edits[i].input];
        struct tn_tensor *tensor = edits[i].tensor;
        for (int j = i; j >= 0; j = next[j]) {
            if (!edits[j].tensor || !same_tensor(edits[j].tensor, tensor))
                continue;
            graph->nodes[edits[j].node].inputs[edits[j].input] = target;
            if (j != i)
                tn_tensor_unref(edits[j].tensor);
            edits[j].tensor = NULL;
        }
        if (in_place)
            tn_graph_set_constant(graph, value, tensor);
        else
            tn_tensor_unref(tensor);
        in_place = false;
    }
    return true;
}

/* Chain the edits of each old constant: first[value], next[edit]; -1 ends. */
static void chain_edits(const struct tn_operation *operation, int values, int *first, int *next)
{
    for (int v = 0; v < values; v++)
        first[v] = -1;
    for (int i = operation->edit_count - 1; i >= 0; i--) {
        int value = operation->edits[i].value;
        next[i] = -1;
        if (value == TN_NO_VALUE)
            continue;
        next[i] = first[value];
        first[value] = i;
    }
}

static bool apply_new(struct tn_operation *operation, struct tn_edit *edit, struct tn_error *error)
{
    struct tn_graph *graph = operation->graph;
    int number = 2;
    bool ok =
        give_new(graph, edit, tn_node_label(graph, &graph->nodes[edit->node]), &number, error);
    tn_tensor_unref(edit->tensor);
    edit->tensor = NULL;
    return ok;
}

bool tn_operation_apply(struct tn_operation *operation, struct tn_error *error)
{
    int values = operation->graph->value_count;
    int *uses = count_uses(operation->graph);
    int *first = tn_alloc((size_t)values, sizeof *first);
    int *next = tn_alloc((size_t)operation->edit_count + 1, sizeof *next);
    bool ok = uses && first && next;
    if (!ok)
        tn_fail_memory(error, "surgery", (size_t)values * sizeof *first);
    if (ok)
        chain_edits(operation, values, first, next);
    for (int v = 0; ok && v < values; v++)
        ok = first[v] < 0 || apply_chain(operation, first[v], next, uses[v], error);
    for (int i = 0; ok && i < operation->edit_count; i++)
        ok = !operation->edits[i].tensor || apply_new(operation, &operation->edits[i], error);
    tn_free(uses);
    tn_free(first);
    tn_free(next);
    return ok;
}

void tn_operation_free(struct tn_operation *operation)
{
    for (int i = 0; i < operation->edit_count; i++)
        tn_tensor_unref(operation->edits[i].tensor);
    tn_free(operation->edits);
    operation->edits = NULL;
    operation->edit_count = operation->edit_capacity = 0;
}
