/* Rules of arithmetic and normalisation. */
#include "model/axes.h"
#include "prune/rules.h"

static const struct tn_value *value_at(const struct tn_flow *flow, int value)
{
    return &flow->graph->values[value];
}

/* --- normalisation --- */

/* Vectors of one number a channel behind inputs first .. last. */
static bool vectors(struct tn_flow *flow, int node, int first, int last, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int input = tn_rule_input(flow, node, 0);
    for (int i = first; i <= last; i++) {
        if (!tn_node_constant(flow->graph, n, i))
            return tn_rule_bar(flow, node, "has statistics that are not constant", error);
    }
    if (!tn_rule_is_activation(flow, input))
        return tn_rule_bar(flow, node, "normalises a constant", error);
    const struct tn_labels *labels = &flow->labels[input];
    if (labels->count > 0 && labels->axis != 1)
        return tn_rule_bar(flow, node, "normalises across its channels", error);
    for (int i = first; i <= last; i++) {
        if (!tn_rule_touch(flow, node, i, 0, TN_THROUGH, labels, error))
            return false;
    }
    return tn_rule_pass(flow, node, error);
}

bool tn_rule_norm(struct tn_flow *flow, int node, struct tn_error *error)
{
    return vectors(flow, node, 1, 4, error);
}

bool tn_rule_instance_norm(struct tn_flow *flow, int node, struct tn_error *error)
{
    return vectors(flow, node, 1, 2, error);
}

/* Pass unless channels stand on one of the axes first .. last, where each depends on the others. */
static bool unless_across(struct tn_flow *flow, int node, int first, int last, const char *what,
                          struct tn_error *error)
{
    int input = tn_rule_input(flow, node, 0);
    if (!tn_rule_is_activation(flow, input))
        return tn_rule_pass(flow, node, error);
    const struct tn_labels *labels = &flow->labels[input];
    if (labels->count > 0 && labels->axis >= first && labels->axis <= last)
        return tn_rule_bar(flow, node, what, error);
    return tn_rule_pass(flow, node, error);
}

/* Scale and shift stretch to the input's shape: they may have numbers for each channel even where
 * those are not normalised together. */
static bool touch_stretched(struct tn_flow *flow, int node, int index, struct tn_error *error)
{
    int input = tn_rule_input(flow, node, 0), constant = tn_rule_input(flow, node, index);
    if (constant == TN_NO_VALUE)
        return true;
    const struct tn_tensor *tensor = value_at(flow, constant)->constant;
    if (!tensor)
        return tn_rule_bar(flow, node, "has a scale that is not constant", error);
    const struct tn_labels labels = flow->labels[input];
    return tn_rule_touch(flow, node, index,
                         labels.axis - value_at(flow, input)->rank + tensor->rank, TN_THROUGH,
                         &labels, error);
}

bool tn_rule_layer_norm(struct tn_flow *flow, int node, struct tn_error *error)
{
    int64_t axis = tn_node_int(tn_rule_node(flow, node), "axis", -1);
    int input = tn_rule_input(flow, node, 0);
    if (!tn_rule_is_activation(flow, input) || !value_at(flow, input)->has_shape)
        return tn_rule_bar(flow, node, "normalises a tensor of unknown shape", error);
    axis += axis < 0 ? value_at(flow, input)->rank : 0;
    if (flow->labels[input].axis < axis &&
        (!touch_stretched(flow, node, 1, error) || !touch_stretched(flow, node, 2, error)))
        return false;
    return unless_across(flow, node, (int)axis, TN_MAX_RANK,
                         "normalises across its channels: removing one would change the others",
                         error);
}

bool tn_rule_lrn(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (tn_node_int(tn_rule_node(flow, node), "size", 0) == 1)
        return tn_rule_pass(flow, node, error);
    return unless_across(flow, node, 1, 1,
                         "normalises each channel by its neighbours (local response)", error);
}

bool tn_rule_softmax(struct tn_flow *flow, int node, struct tn_error *error)
{
    int from = 0, to = 0, input = tn_rule_input(flow, node, 0);
    if (tn_rule_is_activation(flow, input) && value_at(flow, input)->has_shape &&
        !tn_softmax_of(flow->graph, tn_rule_node(flow, node), &from, &to, error))
        return false;
    return unless_across(flow, node, from, to - 1, "normalises across its channels", error);
}

bool tn_rule_reduce(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int input = tn_rule_input(flow, node, 0);
    struct tn_axes axes;
    bool constant;
    if (!tn_rule_is_activation(flow, input) || !value_at(flow, input)->has_shape)
        return tn_rule_bar(flow, node, "reduces a tensor of unknown shape", error);
    if (!tn_axes_of(flow->graph, n, &axes, &constant, error))
        return false;
    if (!constant)
        return tn_rule_bar(flow, node, "reduces over axes that are not constant", error);
    int axis = flow->labels[input].axis, before = 0;
    if (flow->labels[input].count > 0 && axes.chosen[axis])
        return tn_rule_bar(flow, node, "sums over its channels", error);
    for (int i = 0; i < axis; i++)
        before += axes.chosen[i];
    return tn_rule_pass_to(flow, node, axes.keep ? axis : axis - before, error);
}

/* --- arithmetic with broadcasting --- */

/* The operand whose channels the result has: an activation that has as many positions on its axis
 * as the result. -1 where there is none. */
static int leader(const struct tn_flow *flow, int node)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    const struct tn_value *out = value_at(flow, n->outputs[0]);
    for (int i = 0; i < n->input_count; i++) {
        int value = n->inputs[i];
        if (!tn_rule_is_activation(flow, value) || flow->labels[value].count == 0 ||
            !value_at(flow, value)->has_shape)
            continue;
        int axis = flow->labels[value].axis + out->rank - value_at(flow, value)->rank;
        if (out->dims[axis] == flow->labels[value].count)
            return i;
    }
    return -1;
}

/* Channel c of another activation is channel c of the leader. */
static bool couple(struct tn_flow *flow, int node, int value, const struct tn_labels *lead,
                   int mark, struct tn_error *error)
{
    const struct tn_value *out = value_at(flow, tn_rule_node(flow, node)->outputs[0]);
    const struct tn_value *other = value_at(flow, value);
    const struct tn_labels *labels = &flow->labels[value];
    int axis = lead->axis - (out->rank - other->rank);
    if (other->has_shape && (axis < 0 || (other->dims[axis] == 1 && lead->count > 1)))
        return tn_flow_bar(flow, value, error, "node %s spreads it over other channels",
                           tn_rule_label(flow, node));
    if (labels->count != lead->count || labels->axis != axis)
        return tn_rule_bar(flow, node, "adds tensors whose channels do not correspond", error);
    for (int c = 0; c < lead->count; c++)
        tn_flow_join(flow, lead->ids[c], labels->ids[c], mark);
    return true;
}

static bool elementwise(struct tn_flow *flow, int node, int mark, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    const struct tn_value *out = n->output_count > 0 ? value_at(flow, n->outputs[0]) : NULL;
    if (!out || !out->has_shape)
        return tn_rule_bar(flow, node, "makes a tensor of unknown shape", error);
    int first = leader(flow, node);
    if (first < 0)
        return tn_rule_bar(flow, node, "meets channels that are not known", error);
    int value = n->inputs[first];
    struct tn_labels lead = flow->labels[value];
    lead.axis += out->rank - value_at(flow, value)->rank;
    flow->labels[n->outputs[0]] = lead;
    for (int i = 0; i < n->input_count; i++) {
        if (i == first || n->inputs[i] == TN_NO_VALUE)
            continue;
        const struct tn_value *other = value_at(flow, n->inputs[i]);
        int rank = other->constant ? other->constant->rank : other->rank;
        bool ok = other->constant ? tn_rule_touch(flow, node, i, lead.axis - (out->rank - rank),
                                                  TN_THROUGH, &lead, error)
                                  : couple(flow, node, n->inputs[i], &lead, mark, error);
        if (!ok)
            return false;
    }
    return true;
}

bool tn_rule_sum(struct tn_flow *flow, int node, struct tn_error *error)
{
    return elementwise(flow, node, node, error);
}

/* A factor goes with what it multiplies: that makes no shared stream. */
bool tn_rule_gate(struct tn_flow *flow, int node, struct tn_error *error)
{
    return elementwise(flow, node, TN_NO_NODE, error);
}
