/* Rules of the layers, and the table of all rules. */
#include "prune/rules.h"

#include "model/layers.h"

const struct tn_node *tn_rule_node(const struct tn_flow *flow, int node)
{
    return &flow->graph->nodes[node];
}

const char *tn_rule_label(const struct tn_flow *flow, int node)
{
    return tn_node_label(flow->graph, tn_rule_node(flow, node));
}

int tn_rule_input(const struct tn_flow *flow, int node, int index)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    return index < n->input_count ? n->inputs[index] : TN_NO_VALUE;
}

bool tn_rule_is_activation(const struct tn_flow *flow, int value)
{
    return value != TN_NO_VALUE && !flow->graph->values[value].constant;
}

/* Outputs get channels of their own that cannot be removed: nothing is known about them. */
static bool bar_outputs(struct tn_flow *flow, int node, const char *what, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    for (int i = 0; i < n->output_count; i++) {
        int value = n->outputs[i];
        if (value == TN_NO_VALUE)
            continue;
        if (!tn_flow_stand(flow, value, error) ||
            !tn_flow_bar(flow, value, error, "node %s %s", tn_rule_label(flow, node), what))
            return false;
    }
    return true;
}

static bool bar_value(struct tn_flow *flow, int node, int value, const char *what,
                      struct tn_error *error)
{
    return !tn_rule_is_activation(flow, value) ||
           tn_flow_bar(flow, value, error, "node %s %s", tn_rule_label(flow, node), what);
}

bool tn_rule_bar(struct tn_flow *flow, int node, const char *what, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    for (int i = 0; i < n->input_count; i++)
        if (!bar_value(flow, node, n->inputs[i], what, error))
            return false;
    for (int i = 0; i < n->capture_count; i++)
        if (!bar_value(flow, node, n->captures[i], what, error))
            return false;
    return bar_outputs(flow, node, what, error);
}

static bool unknown(struct tn_flow *flow, int node, struct tn_error *error)
{
    return tn_rule_bar(flow, node, "is an operator whose coupling is not known", error);
}

bool tn_rule_pass_to(struct tn_flow *flow, int node, int axis, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int input = tn_rule_input(flow, node, 0);
    if (!tn_rule_is_activation(flow, input))
        return unknown(flow, node, error);
    for (int i = 0; i < n->output_count; i++) {
        if (n->outputs[i] == TN_NO_VALUE)
            continue;
        flow->labels[n->outputs[i]] = flow->labels[input];
        flow->labels[n->outputs[i]].axis = axis;
    }
    return true;
}

bool tn_rule_pass(struct tn_flow *flow, int node, struct tn_error *error)
{
    int input = tn_rule_input(flow, node, 0);
    int axis = input == TN_NO_VALUE ? 0 : flow->labels[input].axis;
    return tn_rule_pass_to(flow, node, axis, error);
}

bool tn_rule_touch(struct tn_flow *flow, int node, int input, int axis, enum tn_role role,
                   const struct tn_labels *labels, struct tn_error *error)
{
    const struct tn_tensor *constant =
        tn_node_constant(flow->graph, tn_rule_node(flow, node), input);
    if (!constant || axis < 0 || axis >= constant->rank || constant->dims[axis] != labels->count)
        return true;
    struct tn_touch touch = {
        .node = node,
        .input = input,
        .axis = axis,
        .role = role,
        .count = labels->count,
        .ids = labels->ids,
    };
    return tn_flow_touch(flow, &touch, error);
}

/* --- convolution --- */

struct conv {
    int node, input, output;
    int groups, channels, filters; /* of the whole convolution */
    int filter_axis, channel_axis; /* of its weights */
};

static bool read_conv(const struct tn_flow *flow, int node, struct conv *conv)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    const struct tn_tensor *weights = tn_node_constant(flow->graph, n, 1);
    bool transposed = n->op == TN_OP_CONV_TRANSPOSE;
    int64_t groups = tn_node_int(n, "group", 1);
    conv->node = node;
    conv->input = tn_rule_input(flow, node, 0);
    if (!tn_node_is_layer(flow->graph, n) || n->output_count < 1 || groups < 1 ||
        groups > INT32_MAX)
        return false;
    conv->output = n->outputs[0];
    conv->filter_axis = transposed ? 1 : 0;
    conv->channel_axis = transposed ? 0 : 1;
    int64_t filters = weights->dims[conv->filter_axis],
            channels = weights->dims[conv->channel_axis];
    if (__builtin_mul_overflow(filters, transposed ? groups : 1, &filters) ||
        __builtin_mul_overflow(channels, transposed ? 1 : groups, &channels) || filters < 1 ||
        filters > INT32_MAX || channels < 1 || channels > INT32_MAX || filters % groups != 0 ||
        channels % groups != 0)
        return false;
    conv->groups = (int)groups;
    conv->filters = (int)filters;
    conv->channels = (int)channels;
    return true;
}

/* Weights and bias are the producers of the output's channels. */
static bool touch_filters(struct tn_flow *flow, const struct conv *conv, enum tn_role role,
                          struct tn_error *error)
{
    const struct tn_labels *labels = &flow->labels[conv->output];
    return tn_rule_touch(flow, conv->node, 1, conv->filter_axis, role, labels, error) &&
           tn_rule_touch(flow, conv->node, 2, 0, role, labels, error);
}

static bool plain_conv(struct tn_flow *flow, const struct conv *conv, bool reads,
                       struct tn_error *error)
{
    return tn_flow_create(flow, conv->output, 1, conv->filters, error) &&
           touch_filters(flow, conv, TN_FILTERS, error) &&
           (!reads || tn_rule_touch(flow, conv->node, 1, conv->channel_axis, TN_READS,
                                    &flow->labels[conv->input], error));
}

/* Whole groups go: the channels of one group, read or made, are one. Depthwise convolution is the
 * case of one channel a group. */
static bool whole_groups(struct tn_flow *flow, const struct conv *conv, struct tn_error *error)
{
    struct tn_labels read = flow->labels[conv->input];
    int width = conv->channels / conv->groups, made = conv->filters / conv->groups;
    for (int c = 0; c < conv->channels; c++)
        tn_flow_join(flow, read.ids[c / width * width], read.ids[c], conv->node);
    int *ids = tn_flow_ids(flow, conv->filters, error);
    if (!ids)
        return false;
    for (int f = 0; f < conv->filters; f++)
        ids[f] = read.ids[f / made * width];
    flow->labels[conv->output] = (struct tn_labels){.axis = 1, .count = conv->filters, .ids = ids};
    if (tn_rule_node(flow, conv->node)->op == TN_OP_CONV)
        return touch_filters(flow, conv, TN_THROUGH, error);
    return tn_rule_touch(flow, conv->node, 1, 0, TN_THROUGH, &read, error) &&
           tn_rule_touch(flow, conv->node, 2, 0, TN_THROUGH, &flow->labels[conv->output], error);
}

static void join_columns(struct tn_flow *flow, const struct conv *conv, int value)
{
    const struct tn_labels *labels = &flow->labels[value];
    int width = labels->count / conv->groups;
    for (int c = width; c < labels->count; c++)
        tn_flow_join(flow, labels->ids[c % width], labels->ids[c], conv->node);
}

/* The same number goes in each group: channel j of every group is one. */
static bool equal_groups(struct tn_flow *flow, const struct conv *conv, struct tn_error *error)
{
    if (!tn_flow_create(flow, conv->output, 1, conv->filters, error) ||
        !touch_filters(flow, conv, TN_FILTERS, error))
        return false;
    join_columns(flow, conv, conv->input);
    join_columns(flow, conv, conv->output);
    struct tn_labels first = flow->labels[conv->input];
    first.count /= conv->groups;
    return tn_rule_touch(flow, conv->node, 1, 1, TN_READS, &first, error);
}

/* Is there nothing to be chosen among these channels? */
static bool all_barred(const struct tn_flow *flow, const struct tn_labels *labels)
{
    for (int c = 0; c < labels->count; c++) {
        if (!flow->bar[tn_flow_root(flow, labels->ids[c])])
            return false;
    }
    return true;
}

/* A grouped convolution of channels that cannot go has filters of its own, which cannot either. */
static bool barred_groups(struct tn_flow *flow, const struct conv *conv, struct tn_error *error)
{
    const struct tn_labels *read = &flow->labels[conv->input];
    const char *why = read->count > 0 ? flow->bar[tn_flow_root(flow, read->ids[0])] : NULL;
    if (!tn_flow_create(flow, conv->output, 1, conv->filters, error) ||
        !touch_filters(flow, conv, TN_FILTERS, error))
        return false;
    return why ? tn_flow_bar(flow, conv->output, error, "%s", why)
               : tn_flow_bar(flow, conv->output, error,
                             "node %s is a grouped convolution of channels that are not known",
                             tn_rule_label(flow, conv->node));
}

static bool conv(struct tn_flow *flow, int node, struct tn_error *error)
{
    struct conv conv;
    if (!read_conv(flow, node, &conv))
        return tn_rule_bar(flow, node, "is no convolution of images with constant weights", error);
    const struct tn_labels *read = &flow->labels[conv.input];
    bool reads = read->count == conv.channels && read->axis == 1;
    if (!reads && !bar_value(flow, node, conv.input, "reads it across its channels", error))
        return false;
    if (conv.groups == 1)
        return plain_conv(flow, &conv, reads, error);
    if (!reads || all_barred(flow, read))
        return barred_groups(flow, &conv, error);
    /* Either way keeps the form of the network; the one that leaves more to choose from is taken.
     */
    int width = conv.channels / conv.groups, made = conv.filters / conv.groups;
    bool whole = conv.groups > (width < made ? width : made) ||
                 tn_rule_node(flow, node)->op == TN_OP_CONV_TRANSPOSE;
    return whole ? whole_groups(flow, &conv, error) : equal_groups(flow, &conv, error);
}

/* --- fully connected --- */

static bool dense(struct tn_flow *flow, int node, bool transposed, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    const struct tn_tensor *weights = tn_node_constant(flow->graph, n, 1);
    int input = tn_rule_input(flow, node, 0), output = n->outputs[0];
    int axis = flow->graph->values[input].rank - 1;
    int filter_axis = transposed ? 0 : 1;
    if (weights->dims[filter_axis] < 1 || weights->dims[filter_axis] > INT32_MAX)
        return tn_rule_bar(flow, node, "has no number of filters that could be pruned", error);
    const struct tn_labels read = flow->labels[input];
    bool reads =
        read.count > 0 && read.axis == axis && read.count == weights->dims[1 - filter_axis];
    if (!reads && !bar_value(flow, node, input, "reads it across its channels", error))
        return false;
    if (!tn_flow_create(flow, output, axis, (int)weights->dims[filter_axis], error))
        return false;
    const struct tn_labels *made = &flow->labels[output];
    const struct tn_tensor *bias = tn_node_constant(flow->graph, n, 2);
    return tn_rule_touch(flow, node, 1, filter_axis, TN_FILTERS, made, error) &&
           (!bias || tn_rule_touch(flow, node, 2, bias->rank - 1, TN_FILTERS, made, error)) &&
           (!reads || tn_rule_touch(flow, node, 1, 1 - filter_axis, TN_READS, &read, error));
}

/* Can a product be followed: activation [N,...,features] by constant weights? */
static bool is_dense(const struct tn_flow *flow, int node)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    if (!tn_node_is_layer(flow->graph, n) || n->output_count < 1)
        return false;
    const struct tn_value *input = &flow->graph->values[n->inputs[0]];
    return input->has_shape && input->rank > 1;
}

static bool gemm(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!is_dense(flow, node) || tn_rule_is_activation(flow, tn_rule_input(flow, node, 2)))
        return tn_rule_bar(flow, node, "is a matrix product of a form that cannot be pruned",
                           error);
    return dense(flow, node, tn_node_int(tn_rule_node(flow, node), "transB", 0) != 0, error);
}

static bool matmul(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!is_dense(flow, node))
        return tn_rule_bar(flow, node, "is a matrix product of a form that cannot be pruned",
                           error);
    return dense(flow, node, false, error);
}

/* Pooling runs over the axes behind the first two. */
static bool pool(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int input = tn_rule_input(flow, node, 0);
    if (input == TN_NO_VALUE || (flow->labels[input].count > 0 && flow->labels[input].axis != 1))
        return tn_rule_bar(flow, node, "pools over its channels", error);
    for (int i = 1; i < n->output_count; i++) {
        if (n->outputs[i] != TN_NO_VALUE)
            return tn_rule_bar(flow, node, "tells where among all channels its maxima are", error);
    }
    return tn_rule_pass(flow, node, error);
}

bool tn_flow_rule(struct tn_flow *flow, int node, struct tn_error *error)
{
    static const tn_rule rules[TN_OP_COUNT] = {
        [TN_OP_CONV] = conv,
        [TN_OP_CONV_TRANSPOSE] = conv,
        [TN_OP_GEMM] = gemm,
        [TN_OP_MATMUL] = matmul,
        [TN_OP_BATCH_NORM] = tn_rule_norm,
        [TN_OP_INSTANCE_NORM] = tn_rule_instance_norm,
        [TN_OP_LAYER_NORM] = tn_rule_layer_norm,
        [TN_OP_LRN] = tn_rule_lrn,
        [TN_OP_RELU] = tn_rule_pass,
        [TN_OP_LEAKY_RELU] = tn_rule_pass,
        [TN_OP_PRELU] = tn_rule_gate,
        [TN_OP_ELU] = tn_rule_pass,
        [TN_OP_SELU] = tn_rule_pass,
        [TN_OP_CELU] = tn_rule_pass,
        [TN_OP_CLIP] = tn_rule_pass,
        [TN_OP_SIGMOID] = tn_rule_pass,
        [TN_OP_HARD_SIGMOID] = tn_rule_pass,
        [TN_OP_HARD_SWISH] = tn_rule_pass,
        [TN_OP_MISH] = tn_rule_pass,
        [TN_OP_GELU] = tn_rule_pass,
        [TN_OP_SOFTPLUS] = tn_rule_pass,
        [TN_OP_SOFTSIGN] = tn_rule_pass,
        [TN_OP_TANH] = tn_rule_pass,
        [TN_OP_ERF] = tn_rule_pass,
        [TN_OP_EXP] = tn_rule_pass,
        [TN_OP_LOG] = tn_rule_pass,
        [TN_OP_SQRT] = tn_rule_pass,
        [TN_OP_RECIPROCAL] = tn_rule_pass,
        [TN_OP_ABS] = tn_rule_pass,
        [TN_OP_NEG] = tn_rule_pass,
        [TN_OP_SOFTMAX] = tn_rule_softmax,
        [TN_OP_LOG_SOFTMAX] = tn_rule_softmax,
        [TN_OP_DROPOUT] = tn_rule_pass,
        [TN_OP_IDENTITY] = tn_rule_pass,
        [TN_OP_CAST] = tn_rule_pass,
        [TN_OP_ADD] = tn_rule_sum,
        [TN_OP_SUB] = tn_rule_sum,
        [TN_OP_MUL] = tn_rule_gate,
        [TN_OP_DIV] = tn_rule_gate,
        [TN_OP_POW] = tn_rule_gate,
        [TN_OP_MIN] = tn_rule_sum,
        [TN_OP_MAX] = tn_rule_sum,
        [TN_OP_SUM] = tn_rule_sum,
        [TN_OP_MEAN] = tn_rule_sum,
        [TN_OP_MAX_POOL] = pool,
        [TN_OP_AVERAGE_POOL] = pool,
        [TN_OP_GLOBAL_AVERAGE_POOL] = pool,
        [TN_OP_GLOBAL_MAX_POOL] = pool,
        [TN_OP_REDUCE_MEAN] = tn_rule_reduce,
        [TN_OP_REDUCE_SUM] = tn_rule_reduce,
        [TN_OP_REDUCE_MAX] = tn_rule_reduce,
        [TN_OP_SLICE] = tn_rule_slice,
        [TN_OP_PAD] = tn_rule_pad,
        [TN_OP_SPLIT] = tn_rule_split,
        [TN_OP_CONCAT] = tn_rule_concat,
        [TN_OP_GATHER] = tn_rule_gather,
        [TN_OP_EXPAND] = tn_rule_expand,
        [TN_OP_TRANSPOSE] = tn_rule_transpose,
        [TN_OP_RESHAPE] = tn_rule_reshape,
        [TN_OP_FLATTEN] = tn_rule_reshape,
        [TN_OP_SQUEEZE] = tn_rule_squeeze,
        [TN_OP_UNSQUEEZE] = tn_rule_reshape,
        [TN_OP_RESIZE] = tn_rule_resize,
        [TN_OP_UPSAMPLE] = tn_rule_resize,
        [TN_OP_DEPTH_TO_SPACE] = tn_rule_depth,
        [TN_OP_SPACE_TO_DEPTH] = tn_rule_depth,
    };
    tn_rule apply = rules[tn_rule_node(flow, node)->op];
    return apply ? apply(flow, node, error) : unknown(flow, node, error);
}
