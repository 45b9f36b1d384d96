#include "model/readers.h"

#include "core/memory.h"

/* Call `visit` for every value that nodes read, in order of the nodes. */
static void visit_all(const struct tn_graph *graph,
                      void (*visit)(struct tn_readers *readers, int *last, int value, int node),
                      struct tn_readers *readers, int *last)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] != TN_NO_VALUE)
                visit(readers, last, node->inputs[j], i);
        for (int j = 0; j < node->capture_count; j++)
            visit(readers, last, node->captures[j], i);
    }
}

/* `last`: of each value, 1 + the node met last, so that none counts twice. */
static void count(struct tn_readers *readers, int *last, int value, int node)
{
    if (last[value] != node + 1)
        readers->start[value + 1]++;
    last[value] = node + 1;
}

/* `next`: of each value, where its next reader goes. */
static void place(struct tn_readers *readers, int *next, int value, int node)
{
    int at = next[value];
    if (at > readers->start[value] && readers->nodes[at - 1] == node)
        return;
    readers->nodes[at] = node;
    next[value] = at + 1;
}

bool tn_readers_of(const struct tn_graph *graph, struct tn_readers *readers, struct tn_error *error)
{
    size_t values = (size_t)graph->value_count;
    *readers = (struct tn_readers){.start = tn_calloc(values + 1, sizeof *readers->start)};
    int *marks = tn_calloc(values, sizeof *marks);
    bool ok = readers->start && marks;
    if (ok) {
        visit_all(graph, count, readers, marks);
        for (size_t i = 0; ok && i < values; i++)
            ok = !__builtin_add_overflow(readers->start[i], readers->start[i + 1],
                                         &readers->start[i + 1]);
    }
    if (ok)
        readers->nodes = tn_alloc((size_t)readers->start[values], sizeof *readers->nodes);
    if (ok && readers->nodes) {
        for (size_t i = 0; i < values; i++)
            marks[i] = readers->start[i];
        visit_all(graph, place, readers, marks);
    }
    tn_free(marks);
    if (ok && readers->nodes)
        return true;
    tn_readers_free(readers);
    return tn_fail_memory(error, "the readers of values", values * sizeof *readers->start);
}

void tn_readers_free(struct tn_readers *readers)
{
    tn_free(readers->start);
    tn_free(readers->nodes);
    *readers = (struct tn_readers){0};
}

int tn_reader_count(const struct tn_readers *readers, int value)
{
    return readers->start[value + 1] - readers->start[value];
}

int tn_first_reader(const struct tn_readers *readers, int value)
{
    return tn_reader_count(readers, value) ? readers->nodes[readers->start[value]] : TN_NO_NODE;
}
