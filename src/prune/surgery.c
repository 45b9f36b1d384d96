#include "prune/surgery.h"

#include "core/memory.h"
#include "model/shape.h"
#include "prune/take.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What happens to one node. */
struct plan {
    const struct tn_cut *filters;  /* its own filters that stay: it is a producer */
    const struct tn_cut *through;  /* its constants for each channel */
    const struct tn_cut *channels; /* the channels it reads */
    int channels_before;           /* of `through` or `channels`: before the cut */
    int per_channel;
};

/* A constant that one node is to read in place of another. */
struct edit {
    int node, input, value; /* value: the old constant */
    struct tn_tensor *tensor;
};

struct surgery {
    struct tn_graph *graph;
    struct plan *plans; /* [nodes] */
    int edit_count;
    struct edit *edits; /* in order of nodes and inputs; each with one reference to its tensor */
};

static bool check_cut(const struct tn_groups *groups, const struct tn_cut *cut,
                      struct tn_error *error)
{
    if (cut->group < 0 || cut->group >= groups->count)
        return tn_fail(error, TN_ERROR_USE, "no group %d", cut->group);
    const struct tn_group *group = &groups->group[cut->group];
    if (!group->prunable)
        return tn_fail(error, TN_ERROR_USE, "%s cannot be pruned: %s", group->name, group->why_not);
    if (cut->keep_count < 1 || cut->keep_count > group->channels)
        return tn_fail(error, TN_ERROR_USE, "%s: %d filters to be kept, 1 to %d expected",
                       group->name, cut->keep_count, group->channels);
    for (int i = 0; i < cut->keep_count; i++) {
        int least = i == 0 ? 0 : cut->keep[i - 1] + 1;
        if (cut->keep[i] < least || cut->keep[i] >= group->channels)
            return tn_fail(error, TN_ERROR_USE, "%s: filters to be kept must ascend below %d",
                           group->name, group->channels);
        if (cut->weights && !isfinite(cut->weights[i]))
            return tn_fail(error, TN_ERROR_USE, "%s: the weight of filter %d is not finite",
                           group->name, cut->keep[i]);
    }
    return true;
}

static bool plan_cut(const struct tn_layers *layers, const struct tn_groups *groups,
                     const struct tn_cut *cut, struct plan *plans, struct tn_error *error)
{
    const struct tn_group *group = &groups->group[cut->group];
    for (int i = 0; i < group->producer_count; i++) {
        struct plan *plan = &plans[layers->layer[group->producers[i]].node];
        if (plan->filters)
            return tn_fail(error, TN_ERROR_USE, "%s is cut twice", group->name);
        plan->filters = cut;
    }
    for (int i = 0; i < group->through_count; i++) {
        struct plan *plan = &plans[group->through[i]];
        plan->through = cut;
        plan->channels_before = group->channels;
    }
    for (int i = 0; i < group->consumer_count; i++) {
        struct plan *plan = &plans[group->consumers[i].node];
        plan->channels = cut;
        plan->channels_before = group->channels;
        plan->per_channel = group->consumers[i].per_channel;
    }
    return true;
}

/* Remember that `node` reads `tensor` (taken over) at `input` from now on. */
static bool add_edit(struct surgery *s, int node, int input, struct tn_tensor *tensor,
                     struct tn_error *error)
{
    if (!tensor)
        return false;
    size_t count = (size_t)s->edit_count;
    struct edit *grown = tn_realloc(s->edits, count, count + 1, sizeof *s->edits);
    if (!grown) {
        tn_tensor_unref(tensor);
        return tn_fail_memory(error, "surgery", (count + 1) * sizeof *grown);
    }
    s->edits = grown;
    grown[s->edit_count++] = (struct edit){
        .node = node,
        .input = input,
        .value = s->graph->nodes[node].inputs[input],
        .tensor = tensor,
    };
    return true;
}

/* Take channels of a vector of constants that has `per_channel` numbers for each. */
static bool edit_vector(struct surgery *s, int node, int input, const struct tn_cut *cut,
                        int channels, struct tn_error *error)
{
    const struct tn_tensor *vector = tn_node_constant(s->graph, &s->graph->nodes[node], input);
    if (!vector || vector->rank < 1)
        return true;
    int axis = vector->rank - 1;
    int64_t length = vector->dims[axis];
    if (length == 1 && channels > 1)
        return true; /* one number for all of them */
    if (length % channels != 0 || length / channels > INT32_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "input %d has %lld numbers for %d channels", input,
                       (long long)length, channels);
    struct tn_take take = {
        .count = cut->keep_count,
        .keep = cut->keep,
        .per_channel = (int)(length / channels),
    };
    return add_edit(s, node, input, tn_tensor_take(vector, axis, &take, error), error);
}

/* Weights that have filters on one axis and channels on the other. */
static bool edit_weights(struct surgery *s, int node, int filter_axis, int channel_axis,
                         struct tn_error *error)
{
    const struct plan *plan = &s->plans[node];
    struct tn_tensor *weights =
        tn_tensor_ref(tn_node_constant(s->graph, &s->graph->nodes[node], 1));
    if (!weights)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not constant");
    if (plan->channels) {
        struct tn_take take = {
            .count = plan->channels->keep_count,
            .keep = plan->channels->keep,
            .per_channel = plan->per_channel,
            .scale = plan->channels->weights,
        };
        bool fits =
            channel_axis < weights->rank &&
            weights->dims[channel_axis] == (int64_t)plan->channels_before * plan->per_channel;
        struct tn_tensor *taken = fits ? tn_tensor_take(weights, channel_axis, &take, error) : NULL;
        tn_tensor_unref(weights);
        if (!fits)
            return tn_fail(error, TN_ERROR_INPUT, "its weights are not for %d channels",
                           plan->channels_before);
        if (!taken)
            return false;
        weights = taken;
    }
    if (plan->filters) {
        struct tn_take take = {
            .count = plan->filters->keep_count,
            .keep = plan->filters->keep,
            .per_channel = 1,
        };
        struct tn_tensor *taken = tn_tensor_take(weights, filter_axis, &take, error);
        tn_tensor_unref(weights);
        if (!taken)
            return false;
        weights = taken;
    }
    return add_edit(s, node, 1, weights, error);
}

static int filters_before(const struct tn_graph *graph, const struct tn_node *node, int axis)
{
    return (int)tn_node_constant(graph, node, 1)->dims[axis];
}

static bool cut_layer(struct surgery *s, int node, struct tn_error *error)
{
    const struct plan *plan = &s->plans[node];
    const struct tn_node *n = &s->graph->nodes[node];
    bool swapped = n->op == TN_OP_GEMM && !tn_node_int(n, "transB", 0);
    int filter_axis = swapped ? 1 : 0;
    if (!edit_weights(s, node, filter_axis, 1 - filter_axis, error))
        return false;
    return !plan->filters ||
           edit_vector(s, node, 2, plan->filters, filters_before(s->graph, n, filter_axis), error);
}

static bool cut_depthwise(struct surgery *s, int node, struct tn_error *error)
{
    const struct tn_cut *cut = s->plans[node].through;
    struct tn_node *n = &s->graph->nodes[node];
    struct tn_take take = {.count = cut->keep_count, .keep = cut->keep, .per_channel = 1};
    return add_edit(s, node, 1, tn_tensor_take(tn_node_constant(s->graph, n, 1), 0, &take, error),
                    error) &&
           edit_vector(s, node, 2, cut, s->plans[node].channels_before, error) &&
           tn_node_set_int(n, "group", cut->keep_count, error);
}

static bool cut_norm(struct surgery *s, int node, struct tn_error *error)
{
    for (int input = 1; input < 5; input++) {
        if (!edit_vector(s, node, input, s->plans[node].through, s->plans[node].channels_before,
                         error))
            return false;
    }
    return true;
}

/* The size of the channel axis in a Reshape's target. */
static bool cut_reshape(struct surgery *s, int node, struct tn_error *error)
{
    const struct plan *plan = &s->plans[node];
    const struct tn_tensor *old = tn_node_constant(s->graph, &s->graph->nodes[node], 1);
    struct tn_tensor *shape = tn_tensor_copy(old, error);
    if (!shape)
        return false;
    int64_t *sizes = tn_tensor_ints(shape);
    sizes[1] = sizes[1] / plan->channels_before * plan->through->keep_count;
    return add_edit(s, node, 1, shape, error);
}

static bool cut_node(struct surgery *s, int node, struct tn_error *error)
{
    const struct plan *plan = &s->plans[node];
    if (plan->filters || plan->channels)
        return cut_layer(s, node, error);
    if (!plan->through)
        return true;
    switch (s->graph->nodes[node].op) {
    case TN_OP_CONV:
        return cut_depthwise(s, node, error);
    case TN_OP_BATCH_NORM:
        return cut_norm(s, node, error);
    case TN_OP_RESHAPE:
        return cut_reshape(s, node, error);
    default:
        return tn_fail(error, TN_ERROR_INPUT, "no way to cut a %s", s->graph->nodes[node].op_type);
    }
}

static bool same_tensor(const struct tn_tensor *a, const struct tn_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0 &&
           memcmp(a->data, b->data, a->bytes) == 0;
}

static int uses_of(const struct tn_graph *graph, int value)
{
    int uses = 0;
    for (int n = 0; n < graph->node_count; n++) {
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            uses += graph->nodes[n].inputs[i] == value;
    }
    for (int i = 0; i < graph->output_count; i++)
        uses += graph->outputs[i] == value;
    return uses;
}

static int new_value(struct tn_graph *graph, const char *old_name, struct tn_tensor *tensor,
                     struct tn_error *error)
{
    for (int number = 2;; number++) {
        char *name = tn_sprintf("%s_%d", old_name, number);
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

/* Put the edits of one old constant into the graph. Exporters let nodes share equal constants (all
 * the zeros of untrained BatchNorm): nodes whose edits agree go on sharing, others get constants of
 * their own. */
static bool apply_edits_of(struct surgery *s, int first, struct tn_error *error)
{
    struct tn_graph *graph = s->graph;
    int value = s->edits[first].value;
    int uses = uses_of(graph, value), edited = 0;
    for (int i = first; i < s->edit_count; i++)
        edited += s->edits[i].value == value;
    bool in_place = edited == uses;
    for (int i = first; i < s->edit_count; i++) {
        if (s->edits[i].value != value || !s->edits[i].tensor)
            continue;
        int target = value;
        if (!in_place) {
            target = new_value(graph, graph->values[value].name, s->edits[i].tensor, error);
            if (target < 0)
                return false;
            graph->values[target].stored_type = graph->values[value].stored_type;
        }
        struct tn_tensor *tensor = s->edits[i].tensor;
        for (int j = i; j < s->edit_count; j++) {
            struct edit *edit = &s->edits[j];
            if (edit->value != value || !edit->tensor || !same_tensor(edit->tensor, tensor))
                continue;
            graph->nodes[edit->node].inputs[edit->input] = target;
            if (j != i)
                tn_tensor_unref(edit->tensor);
            edit->tensor = NULL;
        }
        if (in_place)
            tn_graph_set_constant(graph, value, tensor);
        else
            tn_tensor_unref(tensor);
        in_place = false;
    }
    return true;
}

static bool operate(struct surgery *s, struct tn_error *error)
{
    for (int node = 0; node < s->graph->node_count; node++) {
        if (!cut_node(s, node, error))
            return tn_fail_in(error, "node %s", tn_node_label(s->graph, &s->graph->nodes[node]));
    }
    for (int i = 0; i < s->edit_count; i++) {
        if (s->edits[i].tensor && !apply_edits_of(s, i, error))
            return false;
    }
    if (!tn_graph_infer_shapes(s->graph, error))
        return tn_fail_in(error, "after pruning");
    return true;
}

struct tn_graph *tn_cut_channels(const struct tn_graph *graph, const struct tn_layers *layers,
                                 const struct tn_groups *groups, int count,
                                 const struct tn_cut *cuts, struct tn_error *error)
{
    struct surgery s = {0};
    bool ok = true;
    s.plans = tn_calloc((size_t)graph->node_count, sizeof *s.plans);
    if (!s.plans)
        ok = tn_fail_memory(error, "surgery", (size_t)graph->node_count * sizeof *s.plans);
    for (int i = 0; ok && i < count; i++)
        ok = check_cut(groups, &cuts[i], error) &&
             plan_cut(layers, groups, &cuts[i], s.plans, error);
    if (ok) {
        s.graph = tn_graph_clone(graph, error);
        ok = s.graph && operate(&s, error);
    }
    for (int i = 0; i < s.edit_count; i++)
        tn_tensor_unref(s.edits[i].tensor);
    tn_free(s.edits);
    tn_free(s.plans);
    if (!ok) {
        tn_graph_free(s.graph);
        s.graph = NULL;
    }
    return s.graph;
}
