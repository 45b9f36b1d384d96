/* Order among nodes: sorting them by what they read, and dropping what nothing reads. */
#include "core/memory.h"
#include "model/graph.h"
#include "model/parts.h"

#include <limits.h>
#include <string.h>

/* All a node reads: its inputs, then what its subgraphs capture. */
static int read_count(const struct tn_node *node)
{
    return node->input_count + node->capture_count;
}

static int read_value(const struct tn_node *node, int index)
{
    return index < node->input_count ? node->inputs[index]
                                     : node->captures[index - node->input_count];
}

static bool is_made(const struct tn_graph *graph, int value)
{
    return value != TN_NO_VALUE && graph->values[value].producer != TN_NO_NODE;
}

/* Kahn's algorithm; among nodes that can go next the one that stood first goes first. */
struct sorting {
    const struct tn_graph *graph;
    int *waits;   /* [nodes] inputs not made yet */
    int *first;   /* [values + 1] readers[first[v] .. first[v + 1] - 1] read value v */
    int *readers; /* nodes */
    int *heap;    /* [nodes] nodes that can go next, the lowest index on top */
    int heap_count;
    int *order; /* [nodes] */
};

static void push(struct sorting *sorting, int node)
{
    int place = sorting->heap_count++;
    while (place > 0 && sorting->heap[(place - 1) / 2] > node) {
        sorting->heap[place] = sorting->heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    sorting->heap[place] = node;
}

static int pop(struct sorting *sorting)
{
    int *heap = sorting->heap;
    int top = heap[0], last = heap[--sorting->heap_count], place = 0;
    while (2 * place + 1 < sorting->heap_count) {
        int child = 2 * place + 1;
        if (child + 1 < sorting->heap_count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = last;
    return top;
}

static bool take_room(struct sorting *sorting, struct tn_error *error)
{
    const struct tn_graph *graph = sorting->graph;
    size_t nodes = (size_t)graph->node_count, reads = 0;
    for (int i = 0; i < graph->node_count; i++)
        reads += (size_t)read_count(&graph->nodes[i]);
    if (reads > INT_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "the network has too many connections");
    sorting->waits = tn_calloc(nodes, sizeof(int));
    sorting->heap = tn_calloc(nodes, sizeof(int));
    sorting->order = tn_calloc(nodes, sizeof(int));
    sorting->first = tn_calloc((size_t)graph->value_count + 1, sizeof(int));
    sorting->readers = tn_calloc(reads, sizeof(int));
    if (!sorting->waits || !sorting->heap || !sorting->order || !sorting->first ||
        !sorting->readers)
        return tn_fail_memory(error, "sorting nodes", reads * sizeof(int));
    return true;
}

static void find_readers(struct sorting *sorting)
{
    const struct tn_graph *graph = sorting->graph;
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < read_count(&graph->nodes[i]); j++) {
            int value = read_value(&graph->nodes[i], j);
            if (!is_made(graph, value))
                continue;
            sorting->waits[i]++;
            sorting->first[value]++;
        }
    /* Counts become ends of stretches, and filling from the ends turns those into beginnings. */
    for (int i = 1; i <= graph->value_count; i++)
        sorting->first[i] += sorting->first[i - 1];
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < read_count(&graph->nodes[i]); j++) {
            int value = read_value(&graph->nodes[i], j);
            if (is_made(graph, value))
                sorting->readers[--sorting->first[value]] = i;
        }
}

static int order_nodes(struct sorting *sorting)
{
    const struct tn_graph *graph = sorting->graph;
    int done = 0;
    for (int i = 0; i < graph->node_count; i++)
        if (sorting->waits[i] == 0)
            push(sorting, i);
    while (sorting->heap_count > 0) {
        int node = pop(sorting);
        sorting->order[done++] = node;
        for (int i = 0; i < graph->nodes[node].output_count; i++) {
            int value = graph->nodes[node].outputs[i];
            if (!is_made(graph, value))
                continue;
            for (int j = sorting->first[value]; j < sorting->first[value + 1]; j++)
                if (--sorting->waits[sorting->readers[j]] == 0)
                    push(sorting, sorting->readers[j]);
        }
    }
    return done;
}

static void renumber_producers(struct tn_graph *graph)
{
    for (int i = 0; i < graph->value_count; i++)
        graph->values[i].producer = TN_NO_NODE;
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].output_count; j++) {
            int value = graph->nodes[i].outputs[j];
            if (value != TN_NO_VALUE && !graph->values[value].constant)
                graph->values[value].producer = i;
        }
}

static bool permute(struct tn_graph *graph, const int *order, struct tn_error *error)
{
    size_t count = (size_t)graph->node_count;
    struct tn_node *sorted = tn_calloc(count, sizeof *sorted);
    if (!sorted)
        return tn_fail_memory(error, "sorting nodes", count * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = graph->nodes[order[i]];
    tn_free(graph->nodes);
    graph->nodes = sorted;
    graph->node_capacity = graph->node_count;
    renumber_producers(graph);
    return true;
}

bool tn_graph_sort(struct tn_graph *graph, struct tn_error *error)
{
    struct sorting sorting = {.graph = graph};
    bool ok = take_room(&sorting, error);
    if (ok) {
        find_readers(&sorting);
        if (order_nodes(&sorting) < graph->node_count) {
            int stuck = 0;
            while (sorting.waits[stuck] == 0)
                stuck++;
            const struct tn_node *node = &graph->nodes[stuck];
            ok = tn_fail(error, TN_ERROR_INPUT, "node '%s' (%s) is in a cycle or behind one",
                         tn_node_label(graph, node), node->op_type);
        }
    }
    ok = ok && permute(graph, sorting.order, error);
    tn_free(sorting.waits);
    tn_free(sorting.first);
    tn_free(sorting.readers);
    tn_free(sorting.heap);
    tn_free(sorting.order);
    return ok;
}

/* What stays, and where to. */
struct survivors {
    int *nodes;  /* [nodes] 1 where the node stays */
    int *values; /* [values] 1 where the value stays, then its new index */
};

/* Nodes stand in topological order, so one pass from the back reaches all that is needed. */
static void mark(const struct tn_graph *graph, struct survivors *stay)
{
    for (int i = 0; i < graph->input_count; i++)
        stay->values[graph->inputs[i]] = 1;
    for (int i = 0; i < graph->output_count; i++)
        stay->values[graph->outputs[i]] = 1;
    for (int i = graph->node_count; i-- > 0;) {
        const struct tn_node *node = &graph->nodes[i];
        for (int j = 0; j < node->output_count; j++) {
            int value = node->outputs[j];
            if (is_made(graph, value) && stay->values[value])
                stay->nodes[i] = 1;
        }
        for (int j = 0; stay->nodes[i] && j < read_count(node); j++)
            if (read_value(node, j) != TN_NO_VALUE)
                stay->values[read_value(node, j)] = 1;
    }
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; stay->nodes[i] && j < graph->nodes[i].output_count; j++)
            if (graph->nodes[i].outputs[j] != TN_NO_VALUE)
                stay->values[graph->nodes[i].outputs[j]] = 1;
}

static void renumber(int count, int *indices, const int *now)
{
    for (int i = 0; i < count; i++)
        if (indices[i] != TN_NO_VALUE)
            indices[i] = now[indices[i]];
}

static void sweep(struct tn_graph *graph, struct survivors *stay)
{
    int values = 0, nodes = 0;
    for (int i = 0; i < graph->value_count; i++) {
        if (!stay->values[i]) {
            tn_value_release(&graph->values[i]);
            continue;
        }
        stay->values[i] = values;
        graph->values[values++] = graph->values[i];
    }
    for (int i = 0; i < graph->node_count; i++) {
        struct tn_node *node = &graph->nodes[i];
        if (!stay->nodes[i]) {
            tn_node_release(node);
            continue;
        }
        renumber(node->input_count, node->inputs, stay->values);
        renumber(node->capture_count, node->captures, stay->values);
        renumber(node->output_count, node->outputs, stay->values);
        graph->nodes[nodes++] = *node;
    }
    graph->value_count = values;
    graph->node_count = nodes;
    renumber(graph->input_count, graph->inputs, stay->values);
    renumber(graph->output_count, graph->outputs, stay->values);
    renumber_producers(graph);
}

bool tn_graph_prune_dead(struct tn_graph *graph, struct tn_error *error)
{
    struct survivors stay = {
        .nodes = tn_calloc((size_t)graph->node_count, sizeof(int)),
        .values = tn_calloc((size_t)graph->value_count, sizeof(int)),
    };
    bool ok = stay.nodes && stay.values;
    if (ok) {
        mark(graph, &stay);
        sweep(graph, &stay);
    } else {
        tn_fail_memory(error, "dropping dead nodes", (size_t)graph->value_count * sizeof(int));
    }
    tn_free(stay.nodes);
    tn_free(stay.values);
    return ok;
}
