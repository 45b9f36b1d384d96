#include "prune/groups.h"

#include "core/memory.h"
#include "prune/flow.h"

#include <stdio.h>

/* Which channel of which group an id (by root) is. */
struct place {
    int layer;   /* its first producer, or -1 */
    int channel; /* filter of that layer */
};

struct builder {
    const struct tn_graph *graph;
    const struct tn_layers *layers;
    struct tn_flow flow;
    struct place *place; /* [ids] by root */
    int *layer_of_node;  /* [nodes] or -1 */
    int *family; /* [layers] union-find: layers that share channels; the first is the root */
    const char **tangled; /* [layers] by family root: channels that do not correspond one to one */
    struct tn_groups *groups;
};

static int family_root(const struct builder *b, int layer)
{
    while (b->family[layer] != layer)
        layer = b->family[layer];
    return layer;
}

static void join_families(struct builder *b, int x, int y)
{
    x = family_root(b, x);
    y = family_root(b, y);
    int root = x < y ? x : y, child = x < y ? y : x;
    b->family[child] = root;
    if (!b->tangled[root])
        b->tangled[root] = b->tangled[child];
}

static bool builder_start(struct builder *b, struct tn_error *error)
{
    size_t nodes = (size_t)b->graph->node_count, layers = (size_t)b->layers->count;
    size_t ids = (size_t)b->flow.id_count;
    b->place = tn_alloc(ids, sizeof *b->place);
    b->layer_of_node = tn_alloc(nodes, sizeof *b->layer_of_node);
    b->family = tn_alloc(layers, sizeof *b->family);
    b->tangled = tn_calloc(layers, sizeof *b->tangled);
    if (!b->place || !b->layer_of_node || !b->family || !b->tangled)
        return tn_fail_memory(error, "groups", ids * sizeof *b->place);
    for (size_t i = 0; i < ids; i++)
        b->place[i] = (struct place){.layer = -1};
    for (size_t i = 0; i < nodes; i++)
        b->layer_of_node[i] = -1;
    for (int i = 0; i < b->layers->count; i++) {
        b->layer_of_node[b->layers->layer[i].node] = i;
        b->family[i] = i;
    }
    return true;
}

static void builder_end(struct builder *b)
{
    tn_free(b->place);
    tn_free(b->layer_of_node);
    tn_free(b->family);
    tn_free(b->tangled);
    tn_flow_free(&b->flow);
}

/* Filter c of `layer` is the channel ids[c]: it joins the layers that already have that channel. */
static void place_filters(struct builder *b, int layer, const struct tn_axis *axis)
{
    static const char *const crossed = "its filters are coupled to other filters of another order";
    for (int c = 0; c < axis->count; c++) {
        struct place *place = &b->place[tn_flow_root(&b->flow, axis->ids[c])];
        if (place->layer < 0) {
            *place = (struct place){.layer = layer, .channel = c};
            continue;
        }
        join_families(b, layer, place->layer);
        bool corresponds = place->channel == c && place->layer != layer &&
                           b->layers->layer[place->layer].filters == axis->count;
        if (!corresponds)
            b->tangled[family_root(b, layer)] = crossed;
    }
}

static void place_all(struct builder *b)
{
    for (int i = 0; i < b->flow.producer_count; i++) {
        const struct tn_touch *touch = &b->flow.producers[i];
        int layer = b->layer_of_node[touch->node];
        if (layer >= 0)
            place_filters(b, layer, &touch->axis);
    }
}

/* The family whose channels 0, 1 ... all stand on an axis in this order; -1 where there is no
 * family. Anything else than the whole in order makes the families on it unprunable. */
static int family_on(struct builder *b, const struct tn_axis *axis)
{
    static const char *const parts = "its filters are read in parts or in another order";
    int first = -1;
    bool whole = true;
    for (int c = 0; c < axis->count; c++) {
        const struct place *place = &b->place[tn_flow_root(&b->flow, axis->ids[c])];
        int family = place->layer < 0 ? -1 : family_root(b, place->layer);
        if (c == 0)
            first = family;
        whole = whole && family == first && (family < 0 || place->channel == c);
    }
    if (first >= 0 && b->layers->layer[first].filters != axis->count)
        whole = false;
    for (int c = 0; !whole && c < axis->count; c++) {
        const struct place *place = &b->place[tn_flow_root(&b->flow, axis->ids[c])];
        if (place->layer >= 0)
            b->tangled[family_root(b, place->layer)] = parts;
    }
    return whole ? first : -1;
}

static const struct tn_axis *axis_of_layer(const struct builder *b, int layer)
{
    const struct tn_node *node = &b->graph->nodes[b->layers->layer[layer].node];
    return &b->flow.axis[node->outputs[0]];
}

/* Does a layer make channels of its own (true), or hand on those it reads, as depthwise convolution
 * does? */
static bool makes_channels(const struct builder *b, int layer)
{
    const struct tn_axis *axis = axis_of_layer(b, layer);
    if (axis->count == 0)
        return true;
    int first = b->place[tn_flow_root(&b->flow, axis->ids[0])].layer;
    if (first < 0)
        return true;
    for (int i = 0; i < b->flow.producer_count; i++) {
        if (b->flow.producers[i].node == b->layers->layer[layer].node)
            return true;
    }
    return false;
}

static bool append(int **list, int *count, int item, struct tn_error *error)
{
    int *grown = tn_realloc(*list, (size_t)*count, (size_t)*count + 1, sizeof **list);
    if (!grown)
        return tn_fail_memory(error, "groups", ((size_t)*count + 1) * sizeof **list);
    *list = grown;
    grown[(*count)++] = item;
    return true;
}

static bool append_consumer(struct tn_group *group, int node, int per_channel,
                            struct tn_error *error)
{
    size_t count = (size_t)group->consumer_count;
    struct tn_consumer *grown =
        tn_realloc(group->consumers, count, count + 1, sizeof *group->consumers);
    if (!grown)
        return tn_fail_memory(error, "groups", (count + 1) * sizeof *group->consumers);
    group->consumers = grown;
    grown[group->consumer_count++] = (struct tn_consumer){.node = node, .per_channel = per_channel};
    return true;
}

static bool open_group(struct builder *b, int layer, struct tn_error *error)
{
    struct tn_group *group = &b->groups->group[b->groups->count];
    *group = (struct tn_group){.channels = b->layers->layer[layer].filters};
    group->name = tn_strdup(b->layers->layer[layer].name);
    if (!group->name)
        return tn_fail_memory(error, "groups", 1);
    b->groups->of_layer[layer] = b->groups->count++;
    return append(&group->producers, &group->producer_count, layer, error);
}

/* Groups in order of their first producer. In scope inner a group has one producer, so every layer
 * of a shared stream opens its own (which will not be prunable); in scope all a family is one
 * group. */
static bool open_groups(struct builder *b, struct tn_error *error)
{
    struct tn_groups *groups = b->groups;
    for (int layer = 0; layer < b->layers->count; layer++)
        groups->of_layer[layer] = -1;
    for (int layer = 0; layer < b->layers->count; layer++) {
        if (!makes_channels(b, layer))
            continue;
        int first = family_root(b, layer);
        if (groups->scope == TN_SCOPE_INNER || first == layer) {
            if (!open_group(b, layer, error))
                return false;
            continue;
        }
        int index = groups->of_layer[layer] = groups->of_layer[first];
        struct tn_group *group = &groups->group[index];
        if (!append(&group->producers, &group->producer_count, layer, error))
            return false;
    }
    for (int layer = 0; layer < b->layers->count; layer++) {
        if (groups->of_layer[layer] >= 0)
            continue;
        const struct tn_axis *axis = axis_of_layer(b, layer);
        int owner = b->place[tn_flow_root(&b->flow, axis->ids[0])].layer;
        groups->of_layer[layer] = groups->of_layer[owner];
    }
    return true;
}

/* Enter a node into all groups of a family. */
static bool enter(struct builder *b, const struct tn_touch *touch, bool consumes,
                  struct tn_error *error)
{
    int family = family_on(b, &touch->axis);
    for (int i = 0; family >= 0 && i < b->groups->count; i++) {
        struct tn_group *group = &b->groups->group[i];
        if (family_root(b, group->producers[0]) != family)
            continue;
        bool ok = consumes ? append_consumer(group, touch->node, touch->axis.per_channel, error)
                           : append(&group->through, &group->through_count, touch->node, error);
        if (!ok)
            return false;
    }
    return true;
}

static bool enter_all(struct builder *b, struct tn_error *error)
{
    for (int i = 0; i < b->flow.through_count; i++) {
        if (!enter(b, &b->flow.throughs[i], false, error))
            return false;
    }
    for (int i = 0; i < b->flow.consumer_count; i++) {
        if (!enter(b, &b->flow.consumers[i], true, error))
            return false;
    }
    return true;
}

/* Why a group cannot be pruned, in the order in which it helps: what no scope can change first. */
static bool judge(struct builder *b, struct tn_group *group, struct tn_error *error)
{
    int layer = group->producers[0];
    const struct tn_axis *axis = axis_of_layer(b, layer);
    const char *bar = b->tangled[family_root(b, layer)];
    int added_at = TN_NO_NODE;
    for (int c = 0; c < axis->count; c++) {
        int root = tn_flow_root(&b->flow, axis->ids[c]);
        if (b->flow.bar[root])
            bar = b->flow.bar[root];
        if (b->flow.added_at[root] != TN_NO_NODE)
            added_at = b->flow.added_at[root];
    }
    if (!bar && group->consumer_count == 0)
        bar = "nothing that could be measured reads its filters";
    if (!bar && group->channels < 2)
        bar = "it has one filter only";
    if (bar)
        group->why_not = tn_strdup(bar);
    else if (b->groups->scope == TN_SCOPE_INNER && added_at != TN_NO_NODE)
        group->why_not =
            tn_sprintf("its output is added to another at node %s (scope=all prunes such streams)",
                       tn_node_label(b->graph, &b->graph->nodes[added_at]));
    else
        group->prunable = true;
    if (!group->prunable && !group->why_not)
        return tn_fail_memory(error, "groups", 1);
    return true;
}

static bool build(struct builder *b, struct tn_error *error)
{
    if (!builder_start(b, error))
        return false;
    place_all(b);
    if (!open_groups(b, error) || !enter_all(b, error))
        return false;
    for (int i = 0; i < b->groups->count; i++) {
        if (!judge(b, &b->groups->group[i], error))
            return false;
    }
    return true;
}

bool tn_groups_of(const struct tn_graph *graph, const struct tn_layers *layers, enum tn_scope scope,
                  struct tn_groups *groups, struct tn_error *error)
{
    size_t count = (size_t)layers->count;
    *groups = (struct tn_groups){.scope = scope, .layer_count = layers->count};
    groups->group = tn_calloc(count, sizeof *groups->group);
    groups->of_layer = tn_calloc(count, sizeof *groups->of_layer);
    if (!groups->group || !groups->of_layer) {
        tn_groups_free(groups);
        return tn_fail_memory(error, "groups", count * sizeof *groups->group);
    }
    struct builder builder = {.graph = graph, .layers = layers, .groups = groups};
    bool ok = tn_flow_of(graph, &builder.flow, error) && build(&builder, error);
    builder_end(&builder);
    if (!ok)
        tn_groups_free(groups);
    return ok;
}

void tn_groups_free(struct tn_groups *groups)
{
    for (int i = 0; groups->group && i < groups->count; i++) {
        struct tn_group *group = &groups->group[i];
        tn_free(group->name);
        tn_free(group->producers);
        tn_free(group->through);
        tn_free(group->consumers);
        tn_free(group->why_not);
    }
    tn_free(groups->group);
    tn_free(groups->of_layer);
    *groups = (struct tn_groups){0};
}
