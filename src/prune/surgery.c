#include "prune/surgery.h"

#include "core/memory.h"
#include "model/shape.h"
#include "prune/operation.h"
#include "prune/take.h"

#include <math.h>

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

/* The factor of every channel of a group: what the cut says, or TN_GONE. */
static double *factors_of(const struct tn_group *group, const struct tn_cut *cut,
                          struct tn_error *error)
{
    double *factors = tn_alloc((size_t)group->channels, sizeof *factors);
    if (!factors) {
        tn_fail_memory(error, "surgery", (size_t)group->channels * sizeof *factors);
        return NULL;
    }
    for (int c = 0; c < group->channels; c++)
        factors[c] = TN_GONE;
    for (int i = 0; i < cut->keep_count; i++)
        factors[cut->keep[i]] = cut->weights ? cut->weights[i] : 1;
    for (int c = 0; c < group->channels; c++) {
        if (group->fixed && group->fixed[c] && factors[c] == TN_GONE) {
            tn_fail(error, TN_ERROR_USE,
                    "%s: filter %d must stay, a part of the network cannot do without it",
                    group->name, c);
            tn_free(factors);
            return NULL;
        }
    }
    return factors;
}

static bool plan_cuts(const struct tn_groups *groups, int count, const struct tn_cut *cuts,
                      double **factors, struct tn_error *error)
{
    for (int i = 0; i < count; i++) {
        int group = cuts[i].group;
        if (!check_cut(groups, &cuts[i], error))
            return false;
        if (factors[group])
            return tn_fail(error, TN_ERROR_USE, "%s is cut twice", groups->group[group].name);
        factors[group] = factors_of(&groups->group[group], &cuts[i], error);
        if (!factors[group])
            return false;
    }
    return true;
}

/* The positions of a constant's axis that stay, and what they are multiplied by. */
struct choice {
    int count;
    int *keep;
    double *scale;
    bool changes;
};

static bool choose(const struct tn_operation *operation, const struct tn_touch *touch,
                   struct choice *choice, struct tn_error *error)
{
    size_t positions = (size_t)touch->count;
    *choice = (struct choice){0};
    choice->keep = tn_alloc(positions, sizeof *choice->keep);
    choice->scale = tn_alloc(positions, sizeof *choice->scale);
    if (!choice->keep || !choice->scale)
        return tn_fail_memory(error, "surgery", positions * sizeof *choice->scale);
    for (int i = 0; i < touch->count; i++) {
        double factor = tn_operation_factor(operation, touch->ids[i]);
        if (factor == TN_GONE)
            continue;
        choice->keep[choice->count] = i;
        choice->scale[choice->count++] = factor;
        choice->changes |= factor != 1 && touch->role == TN_READS;
    }
    choice->changes |= choice->count < touch->count;
    return choice->count > 0 ||
           tn_fail(error, TN_ERROR_USE, "no channel would be left of input %d", touch->input);
}

static bool cut_constant(struct tn_operation *operation, const struct tn_touch *touch,
                         struct tn_error *error)
{
    struct choice choice;
    bool ok = choose(operation, touch, &choice, error);
    if (ok && choice.changes) {
        struct tn_take take = {
            .count = choice.count,
            .keep = choice.keep,
            .per_channel = 1,
            .scale = touch->role == TN_READS ? choice.scale : NULL,
        };
        const struct tn_tensor *old = tn_operation_constant(operation, touch->node, touch->input);
        struct tn_tensor *taken = tn_tensor_take(old, touch->axis, &take, error);
        ok = tn_operation_edit(operation, touch->node, touch->input, taken, error);
    }
    tn_free(choice.keep);
    tn_free(choice.scale);
    return ok;
}

static bool operate(struct tn_operation *operation, struct tn_error *error)
{
    const struct tn_flow *flow = operation->flow;
    struct tn_graph *graph = operation->graph;
    int t = 0;
    for (int node = 0; node < graph->node_count; node++) {
        bool ok = true, makes = false;
        for (; ok && t < flow->touch_count && flow->touches[t].node == node; t++) {
            ok = cut_constant(operation, &flow->touches[t], error);
            makes |= flow->touches[t].role == TN_FILTERS;
        }
        if (!ok || !tn_operation_arguments(operation, node, makes, error))
            return tn_fail_in(error, "node %s", tn_node_label(graph, &graph->nodes[node]));
    }
    if (!tn_operation_apply(operation, error))
        return false;
    if (!tn_graph_infer_shapes(graph, error))
        return tn_fail_in(error, "after pruning");
    return true;
}

struct tn_graph *tn_cut_channels(const struct tn_graph *graph, const struct tn_groups *groups,
                                 int count, const struct tn_cut *cuts, struct tn_error *error)
{
    size_t group_count = (size_t)groups->count;
    double **factors = tn_calloc(group_count, sizeof *factors);
    struct tn_operation operation = {
        .groups = groups, .flow = groups->flow, .factors = (const double *const *)factors};
    bool ok = factors ? plan_cuts(groups, count, cuts, factors, error)
                      : tn_fail_memory(error, "surgery", group_count * sizeof *factors);
    if (ok) {
        operation.graph = tn_graph_clone(graph, error);
        ok = operation.graph && operate(&operation, error);
    }
    tn_operation_free(&operation);
    for (size_t g = 0; factors && g < group_count; g++)
        tn_free(factors[g]);
    tn_free(factors);
    if (!ok) {
        tn_graph_free(operation.graph);
        operation.graph = NULL;
    }
    return operation.graph;
}
