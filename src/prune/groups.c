#include "prune/groups.h"

#include "core/memory.h"
#include "prune/flow.h"

#include <string.h>

/* Layers that have a channel in common are a family. In scope all a family is one group; in scope
 * inner only where nothing but gates makes it one, else every layer of it opens a group of its own,
 * which cannot be pruned. */
struct family {
    int channels;    /* how many there are, all layers together */
    int barred;      /* of them, that cannot be removed */
    int layers;      /* that make them */
    int joined_at;   /* a node that makes it a shared stream, or TN_NO_NODE */
    const char *bar; /* why the first of those cannot */
    int group;       /* the group that stands for all of it, or -1 */
    int last; /* of the groups that its layers opened alone, or -1; the one before by `before` */
};

/* How the families stand on the value at hand. */
struct standing {
    int value;  /* for which the rest holds, or a mark of something else that holds channels */
    int count;  /* channels of the family on it */
    int lowest; /* root of the first of them */
    bool safe;  /* one of them is fixed */
};

struct builder {
    const struct tn_graph *graph;
    const struct tn_layers *layers;
    struct tn_flow *flow;
    struct tn_groups *groups;
    int *layer_of_node;           /* [nodes] or -1 */
    int *before;                  /* [groups] the group before of the same family, or -1 */
    const struct tn_touch **made; /* [layers] the filters a layer makes; NULL where it makes none */
    int *maker;                   /* [ids] by root: first layer that makes it, or -1 */
    int *channel;                 /* [ids] by root: which channel of its family */
    int *root;                    /* [layers] union-find; the first layer of a family is its root */
    struct family *families;      /* [layers] by root */
    bool *fixed;                  /* [ids] by root */
    int *seen;                    /* [ids] by root: the value it was last met on */
    struct standing *standing;    /* [layers] by root */
};

static int family_root(const struct builder *b, int layer)
{
    while (b->root[layer] != layer) {
        b->root[layer] = b->root[b->root[layer]];
        layer = b->root[layer];
    }
    return layer;
}

static void join_families(struct builder *b, int x, int y)
{
    x = family_root(b, x);
    y = family_root(b, y);
    b->root[x < y ? y : x] = x < y ? x : y;
}

/* Family of a channel by its root; NULL where no layer makes it. */
static struct family *family_of(const struct builder *b, int root)
{
    return b->maker[root] < 0 ? NULL : &b->families[family_root(b, b->maker[root])];
}

static bool builder_start(struct builder *b, struct tn_error *error)
{
    size_t nodes = (size_t)b->graph->node_count, layers = (size_t)b->layers->count;
    size_t ids = (size_t)b->flow->id_count;
    b->layer_of_node = tn_alloc(nodes, sizeof *b->layer_of_node);
    b->before = tn_alloc(layers, sizeof *b->before);
    b->made = tn_calloc(layers, sizeof *b->made);
    b->maker = tn_alloc(ids, sizeof *b->maker);
    b->channel = tn_alloc(ids, sizeof *b->channel);
    b->root = tn_alloc(layers, sizeof *b->root);
    b->families = tn_calloc(layers, sizeof *b->families);
    b->fixed = tn_calloc(ids, sizeof *b->fixed);
    b->seen = tn_alloc(ids, sizeof *b->seen);
    b->standing = tn_calloc(layers, sizeof *b->standing);
    b->groups->group_of = tn_alloc(ids, sizeof *b->groups->group_of);
    b->groups->channel_of = tn_alloc(ids, sizeof *b->groups->channel_of);
    if (!b->layer_of_node || !b->before || !b->made || !b->maker || !b->channel || !b->root ||
        !b->families || !b->fixed || !b->seen || !b->standing || !b->groups->group_of ||
        !b->groups->channel_of)
        return tn_fail_memory(error, "groups", ids * 5 * sizeof(int));
    for (size_t i = 0; i < ids; i++)
        b->maker[i] = b->channel[i] = b->seen[i] = b->groups->group_of[i] = -1;
    for (size_t i = 0; i < nodes; i++)
        b->layer_of_node[i] = -1;
    for (int i = 0; i < b->layers->count; i++) {
        b->layer_of_node[b->layers->layer[i].node] = i;
        b->root[i] = i;
        b->families[i] = (struct family){.joined_at = TN_NO_NODE, .group = -1, .last = -1};
        b->standing[i].value = TN_NO_VALUE;
    }
    return true;
}

static void builder_end(struct builder *b)
{
    tn_free(b->layer_of_node);
    tn_free(b->before);
    tn_free(b->made);
    tn_free(b->maker);
    tn_free(b->channel);
    tn_free(b->root);
    tn_free(b->families);
    tn_free(b->fixed);
    tn_free(b->seen);
    tn_free(b->standing);
}

/* --- families and their channels --- */

static void find_families(struct builder *b)
{
    for (int t = 0; t < b->flow->touch_count; t++) {
        const struct tn_touch *touch = &b->flow->touches[t];
        int layer = b->layer_of_node[touch->node];
        if (touch->role != TN_FILTERS || touch->input != 1 || layer < 0)
            continue;
        b->made[layer] = touch;
        for (int f = 0; f < touch->count; f++) {
            int root = tn_flow_root(b->flow, touch->ids[f]);
            if (b->maker[root] < 0)
                b->maker[root] = layer;
            else
                join_families(b, layer, b->maker[root]);
        }
    }
}

/* Number the channels of each family, those of its first layer first; and gather what bars them. */
static void number_channels(struct builder *b)
{
    for (int layer = 0; layer < b->layers->count; layer++) {
        struct family *family = &b->families[family_root(b, layer)];
        family->layers += b->made[layer] != NULL;
        for (int f = 0; b->made[layer] && f < b->made[layer]->count; f++) {
            int root = tn_flow_root(b->flow, b->made[layer]->ids[f]);
            if (b->channel[root] < 0) {
                b->channel[root] = family->channels++;
                family->barred += b->flow->bar[root] != NULL;
                b->fixed[root] = b->flow->bar[root] != NULL;
            }
            if (!family->bar)
                family->bar = b->flow->bar[root];
            if (family->joined_at == TN_NO_NODE)
                family->joined_at = b->flow->joined_at[root];
        }
    }
}

/* --- channels that must stay --- */

static void meet(struct builder *b, int mark, int root)
{
    struct standing *s = &b->standing[family_root(b, b->maker[root])];
    if (s->value != mark)
        *s = (struct standing){.value = mark, .lowest = root};
    s->count++;
    s->safe |= b->fixed[root];
    if (b->channel[root] < b->channel[s->lowest])
        s->lowest = root;
}

/* Where a value or a constant holds but a part of a family's channels, one of them must stay: else
 * nothing would be left of it. `mark` tells it from others. */
static void fix_on(struct builder *b, int mark, int count, const int *ids)
{
    for (int c = 0; c < count; c++) {
        int root = tn_flow_root(b->flow, ids[c]);
        if (b->maker[root] < 0 || b->seen[root] == mark)
            continue;
        b->seen[root] = mark;
        meet(b, mark, root);
    }
    for (int c = 0; c < count; c++) {
        int root = tn_flow_root(b->flow, ids[c]);
        struct family *family = family_of(b, root);
        if (!family)
            continue;
        struct standing *s = &b->standing[family_root(b, b->maker[root])];
        if (s->count < family->channels && !s->safe)
            b->fixed[s->lowest] = s->safe = true;
    }
}

static void fix_channels(struct builder *b)
{
    const int *last = NULL;
    int values = b->graph->value_count;
    for (int v = 0; v < values; v++) {
        /* What an operator hands on unchanged need not be looked at again. */
        const struct tn_labels *labels = &b->flow->labels[v];
        if (labels->ids != last)
            fix_on(b, v, labels->count, labels->ids);
        last = labels->ids;
    }
    for (int t = 0; t < b->flow->touch_count; t++) {
        const struct tn_touch *touch = &b->flow->touches[t];
        if (touch->role == TN_THROUGH)
            fix_on(b, values + t, touch->count, touch->ids);
    }
    for (int i = 0; i < b->layers->count; i++)
        b->standing[i].value = TN_NO_VALUE;
}

/* --- groups --- */

/* Room for one more: lists are of the lengths 1, 2, 4 ... */
static void *grow(void *list, int count, size_t size, struct tn_error *error)
{
    if ((count & (count - 1)) != 0)
        return list;
    size_t capacity = count > 0 ? 2 * (size_t)count : 1;
    void *grown = tn_realloc(list, (size_t)count, capacity, size);
    if (!grown)
        tn_fail_memory(error, "groups", capacity * size);
    return grown;
}

static bool append(int **list, int *count, int item, struct tn_error *error)
{
    int *grown = grow(*list, *count, sizeof *grown, error);
    if (!grown)
        return false;
    *list = grown;
    grown[(*count)++] = item;
    return true;
}

static bool open_group(struct builder *b, int layer, bool alone, struct tn_error *error)
{
    struct family *family = &b->families[family_root(b, layer)];
    struct tn_group *group = &b->groups->group[b->groups->count];
    *group =
        (struct tn_group){.channels = alone ? b->layers->layer[layer].filters : family->channels};
    group->name = tn_strdup(b->layers->layer[layer].name);
    if (!group->name)
        return tn_fail_memory(error, "groups", 1);
    b->before[b->groups->count] = family->last;
    family->last = b->groups->count;
    if (!alone)
        family->group = b->groups->count;
    b->groups->of_layer[layer] = b->groups->count++;
    return append(&group->producers, &group->producer_count, layer, error);
}

static bool is_shared(const struct family *family)
{
    return family->layers > 1 && family->joined_at != TN_NO_NODE;
}

static bool enter_layer(struct builder *b, int layer, struct tn_error *error)
{
    struct family *family = &b->families[family_root(b, layer)];
    if (b->groups->scope == TN_SCOPE_INNER && is_shared(family))
        return open_group(b, layer, true, error);
    if (family->group < 0)
        return open_group(b, layer, false, error);
    struct tn_group *group = &b->groups->group[family->group];
    b->groups->of_layer[layer] = family->group;
    return append(&group->producers, &group->producer_count, layer, error);
}

/* A layer that makes no channels of its own (depthwise convolution) belongs where its channels do.
 */
static int owner_of(const struct builder *b, int layer)
{
    const struct tn_node *node = &b->graph->nodes[b->layers->layer[layer].node];
    const struct tn_labels *labels = &b->flow->labels[node->outputs[0]];
    int maker = labels->count > 0 ? b->maker[tn_flow_root(b->flow, labels->ids[0])] : -1;
    return maker < 0 ? -1 : b->groups->of_layer[maker];
}

/* Groups in order of their first producer. */
static bool open_groups(struct builder *b, struct tn_error *error)
{
    for (int layer = 0; layer < b->layers->count; layer++) {
        b->groups->of_layer[layer] = -1;
        if (b->made[layer] && !enter_layer(b, layer, error))
            return false;
    }
    for (int layer = 0; layer < b->layers->count; layer++) {
        if (!b->made[layer])
            b->groups->of_layer[layer] = owner_of(b, layer);
    }
    return true;
}

static bool append_consumer(struct tn_group *group, int node, struct tn_error *error)
{
    struct tn_consumer *grown = grow(group->consumers, group->consumer_count, sizeof *grown, error);
    if (!grown)
        return false;
    group->consumers = grown;
    grown[group->consumer_count++] = (struct tn_consumer){.node = node};
    return true;
}

static bool append_through(struct tn_group *group, int node, int positions, struct tn_error *error)
{
    struct tn_through *grown = grow(group->through, group->through_count, sizeof *grown, error);
    if (!grown)
        return false;
    group->through = grown;
    grown[group->through_count++] = (struct tn_through){.node = node, .positions = positions};
    return true;
}

/* Enter a node into a group, once for all its constants. */
static bool enter_node(struct tn_group *group, const struct tn_touch *touch, int positions,
                       struct tn_error *error)
{
    if (touch->role == TN_READS)
        return append_consumer(group, touch->node, error);
    if (group->through_count > 0 && group->through[group->through_count - 1].node == touch->node)
        return true;
    return append_through(group, touch->node, positions, error);
}

/* ... into all groups whose channels it touches. */
static bool enter_touch(struct builder *b, const struct tn_touch *touch, int mark,
                        struct tn_error *error)
{
    for (int c = 0; c < touch->count; c++) {
        int root = tn_flow_root(b->flow, touch->ids[c]);
        if (b->maker[root] < 0)
            continue;
        struct standing *s = &b->standing[family_root(b, b->maker[root])];
        if (s->value != mark)
            *s = (struct standing){.value = mark};
        s->count++;
    }
    for (int c = 0; c < touch->count; c++) {
        int root = tn_flow_root(b->flow, touch->ids[c]);
        struct family *family = family_of(b, root);
        struct standing *s = family ? &b->standing[family - b->families] : NULL;
        for (int g = s && s->count > 0 ? family->last : -1; g >= 0; g = b->before[g]) {
            /* Of a stream that is no group a layer's channels are those behind it. */
            int producer = b->groups->group[g].producers[0];
            if (family->group < 0 && b->layers->layer[producer].node > touch->node)
                continue;
            if (!enter_node(&b->groups->group[g], touch, s->count, error))
                return false;
        }
        if (s)
            s->count = 0;
    }
    return true;
}

static bool enter_touches(struct builder *b, struct tn_error *error)
{
    for (int t = 0; t < b->flow->touch_count; t++) {
        const struct tn_touch *touch = &b->flow->touches[t];
        struct tn_touch seen = *touch;
        if (touch->role == TN_FILTERS || (touch->role == TN_READS && touch->input != 1))
            continue;
        if (touch->role == TN_READS) {
            /* A grouped convolution's weights show the channels of one group only. */
            const struct tn_labels *labels =
                &b->flow->labels[b->graph->nodes[touch->node].inputs[0]];
            seen.count = labels->count;
            seen.ids = labels->ids;
        }
        if (!enter_touch(b, &seen, b->graph->value_count + t, error))
            return false;
    }
    return true;
}

static char *shared_reason(const struct builder *b, const struct family *family)
{
    const struct tn_node *node = &b->graph->nodes[family->joined_at];
    bool sum = node->op == TN_OP_ADD || node->op == TN_OP_SUM;
    return tn_sprintf("%s at node %s (scope=all prunes such streams)",
                      sum ? "its output is added to another"
                          : "its filters are tied to another layer's",
                      tn_node_label(b->graph, node));
}

/* Why a group cannot be pruned, in the order in which it helps: what no scope can change first. */
static bool judge(struct builder *b, int index, struct tn_error *error)
{
    struct tn_group *group = &b->groups->group[index];
    const struct family *family = &b->families[family_root(b, group->producers[0])];
    const char *bar = family->barred == family->channels ? family->bar : NULL;
    if (!bar && group->consumer_count == 0)
        bar = "nothing that could be measured reads its filters";
    if (!bar && group->channels < 2)
        bar = b->layers->layer[group->producers[0]].filters > 1
                  ? "its filters are all tied together"
                  : "it has one filter only";
    if (!bar && tn_group_fewest(group) >= group->channels)
        bar = family->bar ? family->bar
                          : "each of its channels is the last of some part of the network";
    if (bar)
        group->why_not = tn_strdup(bar);
    else if (family->group != index)
        group->why_not = shared_reason(b, family);
    else
        group->prunable = true;
    group->fixed_count = group->prunable ? group->fixed_count : 0;
    if (!group->prunable && !group->why_not)
        return tn_fail_memory(error, "groups", 1);
    return true;
}

/* --- what is known of the channels of a group that can be pruned --- */

static void place_channels(struct builder *b)
{
    for (int id = 0; id < b->flow->id_count; id++) {
        int root = tn_flow_root(b->flow, id);
        const struct family *family = family_of(b, root);
        if (!family || family->group < 0 || !b->groups->group[family->group].prunable)
            continue;
        b->groups->group_of[id] = family->group;
        b->groups->channel_of[id] = b->channel[root];
    }
}

static int *channels_on(const struct builder *b, const struct tn_labels *labels, int group,
                        struct tn_error *error)
{
    int *channels = tn_alloc((size_t)labels->count, sizeof *channels);
    if (!channels)
        tn_fail_memory(error, "groups", (size_t)labels->count * sizeof *channels);
    for (int c = 0; channels && c < labels->count; c++) {
        int id = labels->ids[c];
        channels[c] = b->groups->group_of[id] == group ? b->groups->channel_of[id] : TN_NO_CHANNEL;
    }
    return channels;
}

static bool describe_consumers(struct builder *b, int index, struct tn_error *error)
{
    struct tn_group *group = &b->groups->group[index];
    for (int c = 0; group->prunable && c < group->consumer_count; c++) {
        struct tn_consumer *consumer = &group->consumers[c];
        const struct tn_labels *labels =
            &b->flow->labels[b->graph->nodes[consumer->node].inputs[0]];
        consumer->count = labels->count;
        consumer->channels = channels_on(b, labels, index, error);
        if (!consumer->channels)
            return false;
    }
    return true;
}

static bool describe_filters(struct builder *b, int layer, struct tn_error *error)
{
    struct tn_filter_map *map = &b->groups->filters[layer];
    const struct tn_node *node = &b->graph->nodes[b->layers->layer[layer].node];
    const struct tn_labels *labels = &b->flow->labels[node->outputs[0]];
    map->group = b->groups->of_layer[layer];
    if (map->group < 0 || !b->groups->group[map->group].prunable)
        return true;
    map->count = labels->count;
    map->channels = channels_on(b, labels, map->group, error);
    return map->channels != NULL;
}

static bool describe_fixed(struct builder *b, struct tn_error *error)
{
    for (int id = 0; id < b->flow->id_count; id++) {
        int index = b->groups->group_of[id];
        if (index < 0 || !b->fixed[id])
            continue;
        struct tn_group *group = &b->groups->group[index];
        if (!group->fixed)
            group->fixed = tn_calloc((size_t)group->channels, sizeof *group->fixed);
        if (!group->fixed)
            return tn_fail_memory(error, "groups", (size_t)group->channels);
        group->fixed[b->groups->channel_of[id]] = true;
    }
    return true;
}

static void count_fixed(struct builder *b)
{
    for (int id = 0; id < b->flow->id_count; id++) {
        struct family *family = b->fixed[id] ? family_of(b, id) : NULL;
        if (family && family->group >= 0)
            b->groups->group[family->group].fixed_count++;
    }
}

static bool build(struct builder *b, struct tn_error *error)
{
    if (!builder_start(b, error))
        return false;
    find_families(b);
    number_channels(b);
    fix_channels(b);
    if (!open_groups(b, error) || !enter_touches(b, error))
        return false;
    count_fixed(b);
    for (int i = 0; i < b->groups->count; i++)
        if (!judge(b, i, error))
            return false;
    place_channels(b);
    for (int i = 0; i < b->groups->count; i++)
        if (!describe_consumers(b, i, error))
            return false;
    for (int layer = 0; layer < b->layers->count; layer++)
        if (!describe_filters(b, layer, error))
            return false;
    return describe_fixed(b, error);
}

int tn_group_fewest(const struct tn_group *group)
{
    return group->fixed_count > 1 ? group->fixed_count : 1;
}

bool tn_groups_of(const struct tn_graph *graph, const struct tn_layers *layers, enum tn_scope scope,
                  struct tn_groups *groups, struct tn_error *error)
{
    size_t count = (size_t)layers->count;
    *groups = (struct tn_groups){.scope = scope, .layer_count = layers->count};
    groups->group = tn_calloc(count, sizeof *groups->group);
    groups->of_layer = tn_calloc(count, sizeof *groups->of_layer);
    groups->filters = tn_calloc(count, sizeof *groups->filters);
    groups->flow = tn_calloc(1, sizeof *groups->flow);
    if (!groups->group || !groups->of_layer || !groups->filters || !groups->flow) {
        tn_groups_free(groups);
        return tn_fail_memory(error, "groups", count * sizeof *groups->group);
    }
    struct builder builder = {
        .graph = graph, .layers = layers, .groups = groups, .flow = groups->flow};
    bool ok = tn_flow_of(graph, groups->flow, error) && build(&builder, error);
    builder_end(&builder);
    if (!ok)
        tn_groups_free(groups);
    return ok;
}

static void group_free(struct tn_group *group)
{
    for (int c = 0; c < group->consumer_count; c++)
        tn_free(group->consumers[c].channels);
    tn_free(group->name);
    tn_free(group->producers);
    tn_free(group->through);
    tn_free(group->consumers);
    tn_free(group->fixed);
    tn_free(group->why_not);
}

void tn_groups_free(struct tn_groups *groups)
{
    for (int i = 0; groups->group && i < groups->count; i++)
        group_free(&groups->group[i]);
    for (int i = 0; groups->filters && i < groups->layer_count; i++)
        tn_free(groups->filters[i].channels);
    if (groups->flow)
        tn_flow_free(groups->flow);
    tn_free(groups->flow);
    tn_free(groups->group);
    tn_free(groups->of_layer);
    tn_free(groups->filters);
    tn_free(groups->group_of);
    tn_free(groups->channel_of);
    *groups = (struct tn_groups){0};
}
