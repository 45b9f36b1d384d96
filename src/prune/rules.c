/* One rule an operator: what it does to the channels that reach it. */
#include "model/slice.h"
#include "prune/flow.h"

#include <string.h>

static const struct tn_node *node_at(const struct tn_flow *flow, int node)
{
    return &flow->graph->nodes[node];
}

static const char *label(const struct tn_flow *flow, int node)
{
    return tn_node_label(flow->graph, node_at(flow, node));
}

static int input_at(const struct tn_node *node, int index)
{
    return index < node->input_count ? node->inputs[index] : TN_NO_VALUE;
}

static bool is_activation(const struct tn_flow *flow, int value)
{
    return value != TN_NO_VALUE && !flow->graph->values[value].constant;
}

/* Outputs get channels of their own that cannot be removed: nothing is known about them. */
static bool bar_outputs(struct tn_flow *flow, int node, const char *what, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    for (int i = 0; i < n->output_count; i++) {
        int value = n->outputs[i];
        if (value == TN_NO_VALUE)
            continue;
        const struct tn_value *v = &flow->graph->values[value];
        bool known = v->has_shape && v->rank > 1 && v->dims[1] > 0 && v->dims[1] <= INT32_MAX / 4;
        if (known && (!tn_flow_create(flow, value, (int)v->dims[1], error) ||
                      !tn_flow_bar(flow, value, error, "node %s %s", label(flow, node), what)))
            return false;
    }
    return true;
}

/* Nothing that enters or leaves the node can be removed. */
static bool bar_node(struct tn_flow *flow, int node, const char *what, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    for (int i = 0; i < n->input_count; i++) {
        if (is_activation(flow, n->inputs[i]) &&
            !tn_flow_bar(flow, n->inputs[i], error, "node %s %s", label(flow, node), what))
            return false;
    }
    for (int i = 0; i < n->capture_count; i++) {
        if (is_activation(flow, n->captures[i]) &&
            !tn_flow_bar(flow, n->captures[i], error, "node %s %s", label(flow, node), what))
            return false;
    }
    return bar_outputs(flow, node, what, error);
}

static bool unknown(struct tn_flow *flow, int node, struct tn_error *error)
{
    return bar_node(flow, node, "is an operator whose coupling is not known", error);
}

/* Channel c of every output is channel c of the first input. */
static bool pass(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int input = input_at(n, 0);
    if (!is_activation(flow, input))
        return unknown(flow, node, error);
    for (int i = 0; i < n->output_count; i++) {
        if (n->outputs[i] != TN_NO_VALUE)
            flow->axis[n->outputs[i]] = flow->axis[input];
    }
    return true;
}

static bool conv(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    const struct tn_tensor *weights = tn_node_constant(flow->graph, n, 1);
    int input = input_at(n, 0);
    if (!weights || weights->rank != 4 || !is_activation(flow, input) || n->output_count < 1)
        return bar_node(flow, node, "is no convolution of images with constant weights", error);
    int64_t groups = tn_node_int(n, "group", 1);
    const struct tn_axis *axis = &flow->axis[input];
    if (groups > 1 && weights->dims[1] == 1 && weights->dims[0] == groups &&
        axis->count == groups && axis->per_channel == 1)
        return tn_flow_through(flow, node, input, error) && pass(flow, node, error);
    if (!tn_flow_create(flow, n->outputs[0], (int)weights->dims[0], error) ||
        !tn_flow_produces(flow, node, n->outputs[0], error))
        return false;
    if (groups != 1)
        return tn_flow_bar(flow, input, error, "node %s is a grouped convolution",
                           label(flow, node)) &&
               tn_flow_bar(flow, n->outputs[0], error, "it is a grouped convolution");
    return axis->count == 0 || tn_flow_consumes(flow, node, input, error);
}

static bool gemm(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    const struct tn_tensor *weights = tn_node_constant(flow->graph, n, 1);
    int input = input_at(n, 0);
    if (!weights || weights->rank != 2 || !is_activation(flow, input) || n->output_count < 1 ||
        tn_node_int(n, "transA", 0) || is_activation(flow, input_at(n, 2)))
        return bar_node(flow, node, "is a matrix product of a form that cannot be pruned", error);
    bool transposed = tn_node_int(n, "transB", 0) != 0;
    if (!tn_flow_create(flow, n->outputs[0], (int)weights->dims[transposed ? 0 : 1], error) ||
        !tn_flow_produces(flow, node, n->outputs[0], error))
        return false;
    return flow->axis[input].count == 0 || tn_flow_consumes(flow, node, input, error);
}

static bool norm(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    for (int i = 1; i < 5; i++) {
        if (!tn_node_constant(flow->graph, n, i))
            return bar_node(flow, node, "has statistics that are not constant", error);
    }
    int input = input_at(n, 0);
    if (is_activation(flow, input) && flow->axis[input].count > 0 &&
        !tn_flow_through(flow, node, input, error))
        return false;
    return pass(flow, node, error);
}

static bool add(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int a = input_at(n, 0), b = input_at(n, 1);
    if (!is_activation(flow, a) || !is_activation(flow, b))
        return bar_node(flow, node, "adds a constant to it", error);
    const struct tn_axis *left = &flow->axis[a], *right = &flow->axis[b];
    if (left->count == 0 || left->count != right->count || left->per_channel != right->per_channel)
        return bar_node(flow, node, "adds tensors whose channels do not correspond", error);
    for (int c = 0; c < left->count; c++) {
        tn_flow_join(flow, left->ids[c], right->ids[c]);
        int root = tn_flow_root(flow, left->ids[c]);
        if (flow->added_at[root] == TN_NO_NODE)
            flow->added_at[root] = node;
    }
    return pass(flow, node, error);
}

/* Positions of a flattened axis that belong to one channel, or 0 when the shapes do not say. */
static int flattened(const struct tn_flow *flow, int input, int output)
{
    const struct tn_value *in = &flow->graph->values[input], *out = &flow->graph->values[output];
    const struct tn_axis *axis = &flow->axis[input];
    if (axis->count == 0 || !in->has_shape || !out->has_shape || in->rank < 2 || out->rank != 2 ||
        in->dims[0] != out->dims[0])
        return 0;
    if (out->dims[1] <= 0 || out->dims[1] % axis->count != 0 ||
        out->dims[1] / axis->count > INT32_MAX)
        return 0;
    return (int)(out->dims[1] / axis->count);
}

static bool same_shape(const struct tn_value *a, const struct tn_value *b)
{
    return a->has_shape && b->has_shape && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

static bool flatten(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int input = input_at(n, 0);
    if (!is_activation(flow, input) || n->output_count < 1)
        return unknown(flow, node, error);
    if (same_shape(&flow->graph->values[input], &flow->graph->values[n->outputs[0]]))
        return pass(flow, node, error);
    int per_channel = flattened(flow, input, n->outputs[0]);
    if (per_channel == 0)
        return bar_node(flow, node, "rearranges its channels", error);
    flow->axis[n->outputs[0]] = flow->axis[input];
    flow->axis[n->outputs[0]].per_channel = per_channel;
    return true;
}

/* A Reshape names its target sizes; where it names the channels' own, surgery must change them. */
static bool reshape(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    const struct tn_tensor *shape = tn_node_constant(flow->graph, n, 1);
    if (!shape || !tn_tensor_ints(shape) || shape->count < 2)
        return bar_node(flow, node, "reshapes it to sizes that are not constant", error);
    int input = input_at(n, 0);
    if (tn_tensor_ints(shape)[1] > 0 && is_activation(flow, input) && flow->axis[input].count > 0 &&
        !tn_flow_through(flow, node, input, error))
        return false;
    return flatten(flow, node, error);
}

static bool softmax(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int input = input_at(n, 0);
    if (!is_activation(flow, input))
        return unknown(flow, node, error);
    /* Up to opset 12 all axes from `axis` on are normalised together, from 13 on that one alone. */
    bool old = flow->graph->info.opset < 13;
    int64_t axis = tn_node_int(n, "axis", old ? 1 : -1);
    const struct tn_value *value = &flow->graph->values[input];
    if (axis < 0 && value->has_shape)
        axis += value->rank;
    if (axis < 2)
        return bar_node(flow, node, "normalises across its channels", error);
    return pass(flow, node, error);
}

static bool slice(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int input = input_at(n, 0);
    if (!is_activation(flow, input) || !flow->graph->values[input].has_shape)
        return unknown(flow, node, error);
    struct tn_slice slice;
    bool constant;
    if (!tn_slice_of(flow->graph, n, &slice, &constant, error))
        return false;
    if (!constant)
        return bar_node(flow, node, "cuts it at places that are not constant", error);
    if (slice.rank < 2 || !slice.whole[1])
        return bar_node(flow, node, "takes a part of its channels", error);
    return pass(flow, node, error);
}

static bool pad(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = node_at(flow, node);
    int input = input_at(n, 0);
    if (!is_activation(flow, input) || !flow->graph->values[input].has_shape)
        return unknown(flow, node, error);
    struct tn_padding padding;
    bool constant;
    if (!tn_padding_of(flow->graph, n, &padding, &constant, error))
        return false;
    if (!constant)
        return bar_node(flow, node, "pads it by amounts that are not constant", error);
    if (padding.rank < 2 || padding.begin[1] != 0 || padding.end[1] != 0)
        return bar_node(flow, node, "pads its channels", error);
    return pass(flow, node, error);
}

typedef bool (*rule)(struct tn_flow *flow, int node, struct tn_error *error);

bool tn_flow_rule(struct tn_flow *flow, int node, struct tn_error *error)
{
    static const rule rules[TN_OP_COUNT] = {
        [TN_OP_CONV] = conv,     [TN_OP_BATCH_NORM] = norm,   [TN_OP_RELU] = pass,
        [TN_OP_MAX_POOL] = pass, [TN_OP_AVERAGE_POOL] = pass, [TN_OP_GLOBAL_AVERAGE_POOL] = pass,
        [TN_OP_GEMM] = gemm,     [TN_OP_ADD] = add,           [TN_OP_FLATTEN] = flatten,
        [TN_OP_DROPOUT] = pass,  [TN_OP_SLICE] = slice,       [TN_OP_PAD] = pad,
        [TN_OP_IDENTITY] = pass, [TN_OP_SOFTMAX] = softmax,   [TN_OP_RESHAPE] = reshape,
    };
    rule apply = rules[node_at(flow, node)->op];
    return apply ? apply(flow, node, error) : unknown(flow, node, error);
}
