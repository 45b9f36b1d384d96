#include "prune/flow.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>

static bool keep(struct tn_flow *flow, void *memory, struct tn_error *error)
{
    if (memory && flow->kept_count == flow->kept_capacity) {
        int capacity = 2 * flow->kept_capacity + 64;
        void **grown =
            tn_realloc(flow->kept, (size_t)flow->kept_count, (size_t)capacity, sizeof *flow->kept);
        if (grown) {
            flow->kept = grown;
            flow->kept_capacity = capacity;
        }
    }
    if (!memory || flow->kept_count == flow->kept_capacity) {
        tn_free(memory);
        return tn_fail(error, TN_ERROR_SYSTEM, "out of memory for the coupling of channels");
    }
    flow->kept[flow->kept_count++] = memory;
    return true;
}

int tn_flow_root(const struct tn_flow *flow, int id)
{
    while (flow->parent[id] != id) {
        flow->parent[id] = flow->parent[flow->parent[id]];
        id = flow->parent[id];
    }
    return id;
}

void tn_flow_join(struct tn_flow *flow, int a, int b, int node)
{
    a = tn_flow_root(flow, a);
    b = tn_flow_root(flow, b);
    if (a == b)
        return;
    /* The lower number stays root: joined channels are known by their first producer. */
    int root = a < b ? a : b, child = a < b ? b : a;
    flow->parent[child] = root;
    if (!flow->bar[root])
        flow->bar[root] = flow->bar[child];
    if (flow->joined_at[root] == TN_NO_NODE)
        flow->joined_at[root] = flow->joined_at[child];
    if (flow->joined_at[root] == TN_NO_NODE && flow->maker[a] != flow->maker[b])
        flow->joined_at[root] = node;
}

/* What files declare without weights behind it (inputs, paddings, repetitions) must not cost
 * memory beyond the file's own scale; a real network's channels are far fewer. */
enum { MOST_POSITIONS = 1 << 24, MOST_STANDING = 1 << 16 };

static bool too_many(struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "more channels than can be followed");
}

static bool reserve_ids(struct tn_flow *flow, int count, struct tn_error *error)
{
    if (count > MOST_POSITIONS - flow->id_count)
        return too_many(error);
    if (flow->id_count + count <= flow->id_capacity)
        return true;
    size_t old = (size_t)flow->id_count;
    size_t capacity = 2 * (old + (size_t)count);
    int *parent = tn_realloc(flow->parent, old, capacity, sizeof *parent);
    if (parent)
        flow->parent = parent;
    const char **bar = tn_realloc(flow->bar, old, capacity, sizeof *bar);
    if (bar)
        flow->bar = bar;
    int *joined_at = tn_realloc(flow->joined_at, old, capacity, sizeof *joined_at);
    if (joined_at)
        flow->joined_at = joined_at;
    int *maker = tn_realloc(flow->maker, old, capacity, sizeof *maker);
    if (maker)
        flow->maker = maker;
    if (!parent || !bar || !joined_at || !maker)
        return tn_fail_memory(error, "the coupling of channels", capacity * sizeof *bar);
    flow->id_capacity = (int)capacity;
    return true;
}

int *tn_flow_ids(struct tn_flow *flow, int64_t count, struct tn_error *error)
{
    if (count < 0 || count > MOST_POSITIONS - flow->position_count) {
        too_many(error);
        return NULL;
    }
    flow->position_count += (int)count;
    int *ids = tn_alloc((size_t)count, sizeof *ids);
    return keep(flow, ids, error) ? ids : NULL;
}

bool tn_flow_fresh(struct tn_flow *flow, int count, int *ids, struct tn_error *error)
{
    if (!reserve_ids(flow, count, error))
        return false;
    for (int c = 0; c < count; c++) {
        int id = flow->id_count++;
        ids[c] = id;
        flow->parent[id] = id;
        flow->bar[id] = NULL;
        flow->joined_at[id] = TN_NO_NODE;
        flow->maker[id] = flow->node;
    }
    return true;
}

bool tn_flow_create(struct tn_flow *flow, int value, int axis, int count, struct tn_error *error)
{
    int *ids = tn_flow_ids(flow, count, error);
    if (!ids || !tn_flow_fresh(flow, count, ids, error))
        return false;
    flow->labels[value] = (struct tn_labels){.axis = axis, .count = count, .ids = ids};
    return true;
}

bool tn_flow_stand(struct tn_flow *flow, int value, struct tn_error *error)
{
    const struct tn_value *v = &flow->graph->values[value];
    flow->labels[value] = (struct tn_labels){0};
    if (!v->has_shape || v->rank < 2 || v->dims[1] < 1 || v->dims[1] > MOST_STANDING)
        return true;
    return tn_flow_create(flow, value, 1, (int)v->dims[1], error);
}

bool tn_flow_bar(struct tn_flow *flow, int value, struct tn_error *error, const char *format, ...)
{
    if (value == TN_NO_VALUE || flow->labels[value].count == 0)
        return true;
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* Names come from files: the text goes through the same washing as messages. */
    struct tn_error washed;
    tn_fail(&washed, TN_ERROR_USE, "%s", text);
    char *reason = tn_strdup(washed.text);
    if (!keep(flow, reason, error))
        return false;
    const struct tn_labels *labels = &flow->labels[value];
    for (int c = 0; c < labels->count; c++) {
        int root = tn_flow_root(flow, labels->ids[c]);
        if (!flow->bar[root])
            flow->bar[root] = reason;
    }
    return true;
}

bool tn_flow_touch(struct tn_flow *flow, const struct tn_touch *touch, struct tn_error *error)
{
    if (touch->count == 0)
        return true;
    if (flow->touch_count == flow->touch_capacity) {
        size_t old = (size_t)flow->touch_count, capacity = 2 * old + 64;
        struct tn_touch *grown = tn_realloc(flow->touches, old, capacity, sizeof *grown);
        if (!grown)
            return tn_fail_memory(error, "the coupling of channels", capacity * sizeof *grown);
        flow->touches = grown;
        flow->touch_capacity = (int)capacity;
    }
    flow->touches[flow->touch_count++] = *touch;
    return true;
}

static bool start(struct tn_flow *flow, struct tn_error *error)
{
    const struct tn_graph *graph = flow->graph;
    size_t values = (size_t)graph->value_count;
    flow->labels = tn_calloc(values, sizeof *flow->labels);
    if (!flow->labels)
        return tn_fail_memory(error, "the coupling of channels", values * sizeof *flow->labels);
    for (int i = 0; i < graph->input_count; i++) {
        int input = graph->inputs[i];
        if (!tn_flow_stand(flow, input, error) ||
            !tn_flow_bar(flow, input, error, "its channels are coupled to the network's input %s",
                         graph->values[input].name))
            return false;
    }
    return true;
}

/* Where channels do not stand as the shape says, nothing is known of them. */
static bool check_outputs(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = &flow->graph->nodes[node];
    for (int i = 0; i < n->output_count; i++) {
        int value = n->outputs[i];
        if (value == TN_NO_VALUE || flow->labels[value].count == 0)
            continue;
        const struct tn_value *v = &flow->graph->values[value];
        const struct tn_labels *labels = &flow->labels[value];
        bool fits = !v->has_shape || (labels->axis > 0 && labels->axis < v->rank &&
                                      v->dims[labels->axis] == labels->count);
        if (fits)
            continue;
        if (!tn_flow_bar(flow, value, error, "node %s hands it on in a form that is not known",
                         tn_node_label(flow->graph, n)))
            return false;
        flow->labels[value].count = 0;
    }
    return true;
}

bool tn_flow_of(const struct tn_graph *graph, struct tn_flow *flow, struct tn_error *error)
{
    *flow = (struct tn_flow){.graph = graph, .node = TN_NO_NODE};
    bool ok = start(flow, error);
    for (int node = 0; ok && node < graph->node_count; node++) {
        flow->node = node;
        ok = (tn_flow_rule(flow, node, error) && check_outputs(flow, node, error)) ||
             tn_fail_in(error, "node %s", tn_node_label(graph, &graph->nodes[node]));
    }
    for (int i = 0; ok && i < graph->output_count; i++)
        ok = tn_flow_bar(flow, graph->outputs[i], error, "its filters are the network's outputs");
    if (!ok)
        tn_flow_free(flow);
    return ok;
}

void tn_flow_free(struct tn_flow *flow)
{
    for (int i = 0; i < flow->kept_count; i++)
        tn_free(flow->kept[i]);
    tn_free(flow->kept);
    tn_free(flow->labels);
    tn_free(flow->parent);
    tn_free(flow->bar);
    tn_free(flow->joined_at);
    tn_free(flow->maker);
    tn_free(flow->touches);
    *flow = (struct tn_flow){0};
}
