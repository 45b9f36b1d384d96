#include "prune/width.h"

#include "core/memory.h"
#include "prune/flow.h"

#include <string.h>

/* --- what there is to be counted --- */

struct builder {
    const struct tn_graph *graph;
    const struct tn_layers *layers;
    const struct tn_groups *groups;
    struct tn_widths *widths;
    int part_capacity;
    int *constant_of; /* [values] or -1 */
    int *axis_seen;   /* [groups] the last axis that had a part for it */
    int layer, touch; /* the next of each */
    struct tn_error *error;
};

/* Upper bounds: two axes a touch, two constants a node. */
static bool builder_start(struct builder *b)
{
    struct tn_widths *widths = b->widths;
    size_t nodes = (size_t)b->graph->node_count, values = (size_t)b->graph->value_count;
    size_t touches = (size_t)b->groups->flow->touch_count, groups = (size_t)b->groups->count;
    *widths = (struct tn_widths){.group_count = b->groups->count};
    widths->axes = tn_calloc(touches, sizeof *widths->axes);
    widths->uses = tn_calloc(2 * nodes, sizeof *widths->uses);
    widths->constants = tn_calloc(2 * nodes, sizeof *widths->constants);
    widths->reach = tn_calloc(groups, sizeof *widths->reach);
    b->constant_of = tn_alloc(values, sizeof *b->constant_of);
    b->axis_seen = tn_alloc(groups, sizeof *b->axis_seen);
    if (!widths->axes || !widths->uses || !widths->constants || !widths->reach || !b->constant_of ||
        !b->axis_seen)
        return tn_fail_memory(b->error, "the widths of a network",
                              2 * nodes * sizeof *widths->uses);
    for (size_t v = 0; v < values; v++)
        b->constant_of[v] = -1;
    for (size_t g = 0; g < groups; g++) {
        b->axis_seen[g] = -1;
        widths->reach[g].channels = b->groups->group[g].channels;
    }
    return true;
}

/* The prunable group of a channel by its number, or -1. */
static int group_of(const struct builder *b, int id, int *channel)
{
    int root = tn_flow_root(b->groups->flow, id);
    *channel = b->groups->channel_of[root];
    return b->groups->group_of[root];
}

static struct tn_width_part *open_part(struct builder *b, int axis, int group)
{
    struct tn_widths *widths = b->widths;
    if (widths->part_count == b->part_capacity) {
        size_t old = (size_t)b->part_capacity, capacity = 2 * old + 64;
        struct tn_width_part *grown = tn_realloc(widths->parts, old, capacity, sizeof *grown);
        if (!grown) {
            tn_fail_memory(b->error, "the widths of a network", capacity * sizeof *grown);
            return NULL;
        }
        widths->parts = grown;
        b->part_capacity = (int)capacity;
    }
    struct tn_width_part *part = &widths->parts[widths->part_count];
    *part = (struct tn_width_part){.axis = axis, .group = group};
    part->each = tn_calloc((size_t)widths->reach[group].channels, sizeof *part->each);
    if (!part->each) {
        tn_fail_memory(b->error, "the widths of a network", sizeof *part->each);
        return NULL;
    }
    widths->part_count++;
    widths->axes[axis].part_count++;
    return part;
}

static void count_part(struct builder *b, struct tn_width_part *part)
{
    const struct tn_width_axis *axis = &b->widths->axes[part->axis];
    struct tn_width_reach *reach = &b->widths->reach[part->group];
    for (int i = 0; i < axis->count; i++) {
        int channel;
        if (group_of(b, axis->ids[i], &channel) != part->group)
            continue;
        part->each[channel]++;
        part->positions++;
    }
    bool even = true;
    for (int c = 1; even && c < reach->channels; c++)
        even = part->each[c] == part->each[0];
    if (even) {
        tn_free(part->each);
        part->each = NULL;
    }
    reach->uneven |= !even;
}

/* The axis that these channels stand on; BatchNorm has that of the convolution before it. */
static int axis_of(struct builder *b, const struct tn_touch *touch)
{
    struct tn_widths *widths = b->widths;
    for (int a = widths->axis_count - 1; a >= 0; a--) {
        if (widths->axes[a].ids == touch->ids && widths->axes[a].count == touch->count)
            return a;
    }
    int index = widths->axis_count++;
    struct tn_width_axis *axis = &widths->axes[index];
    *axis = (struct tn_width_axis){
        .count = touch->count, .first_part = widths->part_count, .ids = touch->ids};
    for (int i = 0; i < touch->count; i++) {
        int channel, group = group_of(b, touch->ids[i], &channel);
        if (group < 0) {
            axis->fixed++;
        } else if (b->axis_seen[group] != index) {
            b->axis_seen[group] = index;
            struct tn_width_part *part = open_part(b, index, group);
            if (!part)
                return -1;
            count_part(b, part);
        }
    }
    return index;
}

/* Do the same channels stand on both, each at the same place? */
static bool same_axis(const struct builder *b, int x, int y)
{
    const struct tn_width_axis *first = &b->widths->axes[x], *second = &b->widths->axes[y];
    if (first->count != second->count)
        return false;
    for (int i = 0; x != y && i < first->count; i++) {
        if (tn_flow_root(b->groups->flow, first->ids[i]) !=
            tn_flow_root(b->groups->flow, second->ids[i]))
            return false;
    }
    return true;
}

static bool same_axes(const struct builder *b, const struct tn_width_use *x,
                      const struct tn_width_use *y)
{
    bool same = x->axis_count == y->axis_count;
    for (int i = 0; same && i < x->axis_count; i++)
        same = same_axis(b, x->axes[i], y->axes[i]);
    return same;
}

/* Chain a use to the others of its constant. */
static void enter_use(struct builder *b, int value)
{
    struct tn_widths *widths = b->widths;
    int index = widths->use_count++;
    struct tn_width_use *use = &widths->uses[index];
    use->next = -1;
    if (b->constant_of[value] < 0) {
        b->constant_of[value] = widths->constant_count++;
        widths->constants[b->constant_of[value]] = index;
        return;
    }
    int last = widths->constants[b->constant_of[value]];
    for (;; last = widths->uses[last].next) {
        use->twin |= same_axes(b, use, &widths->uses[last]);
        if (widths->uses[last].next < 0)
            break;
    }
    widths->uses[last].next = index;
}

/* Enter the constant behind `input` of a node; `flops` of the node are in proportion to it. */
static bool enter_constant(struct builder *b, int node, int input, double flops)
{
    enum { MOST_AXES = 2 }; /* those of filters and channels */
    const struct tn_node *n = &b->graph->nodes[node];
    const struct tn_tensor *tensor = tn_node_constant(b->graph, n, input);
    if (!tensor || !tn_tensor_floats(tensor))
        return true;
    struct tn_width_use *use = &b->widths->uses[b->widths->use_count];
    const struct tn_flow *flow = b->groups->flow;
    use->node = node;
    use->whole = use->rest = (double)tensor->count;
    use->flops = tensor->count > 0 ? flops / (double)tensor->count : 0;
    for (int t = b->touch; t < flow->touch_count && flow->touches[t].node == node; t++) {
        const struct tn_touch *touch = &flow->touches[t];
        if (touch->input != input || touch->count == 0 || use->axis_count == MOST_AXES)
            continue;
        int axis = axis_of(b, touch);
        if (axis < 0)
            return false;
        use->axes[use->axis_count++] = axis;
        use->rest /= touch->count;
    }
    enter_use(b, n->inputs[input]);
    return true;
}

static bool enter_node(struct builder *b, int node)
{
    const struct tn_flow *flow = b->groups->flow;
    while (b->touch < flow->touch_count && flow->touches[b->touch].node < node)
        b->touch++;
    if (b->layer < b->layers->count && b->layers->layer[b->layer].node == node)
        return enter_constant(b, node, 1, (double)b->layers->layer[b->layer++].flops);
    return b->graph->nodes[node].op != TN_OP_BATCH_NORM ||
           (enter_constant(b, node, 1, 0) && enter_constant(b, node, 2, 0));
}

/* --- what changes with a group --- */

static bool append(int **list, int *count, int item, struct tn_error *error)
{
    int *grown = tn_realloc(*list, (size_t)*count, (size_t)*count + 1, sizeof **list);
    if (!grown)
        return tn_fail_memory(error, "the widths of a network", sizeof **list);
    *list = grown;
    grown[(*count)++] = item;
    return true;
}

static bool reach_axis(struct builder *b, int axis, int constant)
{
    const struct tn_width_axis *a = &b->widths->axes[axis];
    for (int p = a->first_part; p < a->first_part + a->part_count; p++) {
        struct tn_width_reach *reach = &b->widths->reach[b->widths->parts[p].group];
        int count = reach->constant_count;
        if (count > 0 && reach->constants[count - 1] == constant)
            continue;
        if (!append(&reach->constants, &reach->constant_count, constant, b->error))
            return false;
    }
    return true;
}

static bool find_reach(struct builder *b)
{
    struct tn_widths *widths = b->widths;
    for (int p = 0; p < widths->part_count; p++) {
        struct tn_width_reach *reach = &widths->reach[widths->parts[p].group];
        if (!append(&reach->parts, &reach->part_count, p, b->error))
            return false;
    }
    for (int c = 0; c < widths->constant_count; c++) {
        for (int u = widths->constants[c]; u >= 0; u = widths->uses[u].next) {
            for (int i = 0; i < widths->uses[u].axis_count; i++) {
                if (!reach_axis(b, widths->uses[u].axes[i], c))
                    return false;
            }
        }
    }
    return true;
}

bool tn_widths_of(const struct tn_graph *graph, const struct tn_layers *layers,
                  const struct tn_groups *groups, struct tn_widths *widths, struct tn_error *error)
{
    struct builder b = {
        .graph = graph, .layers = layers, .groups = groups, .widths = widths, .error = error};
    bool ok = builder_start(&b);
    for (int node = 0; ok && node < graph->node_count; node++)
        ok = enter_node(&b, node);
    ok = ok && find_reach(&b);
    for (int a = 0; a < widths->axis_count; a++)
        widths->axes[a].ids = NULL;
    tn_free(b.constant_of);
    tn_free(b.axis_seen);
    if (!ok)
        tn_widths_free(widths);
    return ok;
}

void tn_widths_free(struct tn_widths *widths)
{
    for (int p = 0; p < widths->part_count; p++)
        tn_free(widths->parts[p].each);
    for (int g = 0; widths->reach && g < widths->group_count; g++) {
        tn_free(widths->reach[g].parts);
        tn_free(widths->reach[g].constants);
    }
    tn_free(widths->axes);
    tn_free(widths->parts);
    tn_free(widths->uses);
    tn_free(widths->constants);
    tn_free(widths->reach);
    *widths = (struct tn_widths){0};
}
