/* Rules of operators that move numbers and do not change them. */
#include "core/memory.h"
#include "model/axes.h"
#include "model/resize.h"
#include "model/slice.h"
#include "prune/rules.h"

#include <string.h>

static const struct tn_value *value_at(const struct tn_flow *flow, int value)
{
    return &flow->graph->values[value];
}

static const struct tn_value *output_at(const struct tn_flow *flow, int node)
{
    return value_at(flow, tn_rule_node(flow, node)->outputs[0]);
}

/* Is the first input an activation of known shape, and the output's shape known as well? */
static bool shapes_known(const struct tn_flow *flow, int node)
{
    int input = tn_rule_input(flow, node, 0);
    return tn_rule_is_activation(flow, input) && value_at(flow, input)->has_shape &&
           tn_rule_node(flow, node)->output_count > 0 && output_at(flow, node)->has_shape;
}

static bool of_unknown_shape(struct tn_flow *flow, int node, struct tn_error *error)
{
    return tn_rule_bar(flow, node, "moves numbers of unknown shape", error);
}

static bool not_constant(struct tn_flow *flow, int node, struct tn_error *error)
{
    return tn_rule_bar(flow, node, "moves it to places that are not constant", error);
}

/* Channels on `axis` of an output: positions begin, begin + step ... of those of `from`. */
static bool label_part(struct tn_flow *flow, int value, const struct tn_labels *from, int64_t begin,
                       int64_t step, int64_t count, struct tn_error *error)
{
    int *ids = tn_flow_ids(flow, count, error);
    if (!ids)
        return false;
    for (int64_t i = 0; i < count; i++)
        ids[i] = from->ids[begin + i * step];
    flow->labels[value] = (struct tn_labels){.axis = from->axis, .count = (int)count, .ids = ids};
    return true;
}

/* --- Reshape, Flatten, Squeeze, Unsqueeze --- */

/* How far apart neighbours on each axis lie in memory, of one image. */
static bool strides_of(const struct tn_value *value, int64_t strides[TN_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = value->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        if (i > 0 &&
            (value->dims[i] < 1 || __builtin_mul_overflow(stride, value->dims[i], &stride)))
            return false;
    }
    return true;
}

/* The part of the channel axis (C positions, `stride` numbers apart) that an axis of the output
 * shows: position x there is part x * out / low % parts, and channel c is part c * stride / low %
 * parts. */
struct share {
    int axis;
    int64_t out, low, parts;
};

/* False where the axes cut the channels at places that do not fit; parts is 1 where the axis shows
 * nothing of them. */
static bool share_of(int axis, int64_t out, int64_t size, int64_t stride, int64_t channels,
                     struct share *share)
{
    int64_t low = out > stride ? out : stride;
    int64_t out_end = out * size, end = stride * channels;
    int64_t high = out_end < end ? out_end : end;
    *share = (struct share){.axis = axis, .out = out, .low = low, .parts = 1};
    if (high <= low)
        return true;
    share->parts = high / low;
    return high % low == 0 && low % out == 0 && low % stride == 0 && out_end % high == 0 &&
           end % high == 0;
}

/* Are all channels of one part one already? */
static bool parts_are_one(const struct tn_flow *flow, const struct tn_labels *labels,
                          const struct share *share, int64_t stride)
{
    for (int64_t c = 0; c < labels->count; c++) {
        int64_t part = c * stride / share->low % share->parts;
        if (tn_flow_root(flow, labels->ids[c]) !=
            tn_flow_root(flow, labels->ids[part * share->low / stride]))
            return false;
    }
    return true;
}

/* Is the value normalised channel by channel? Group normalisation is written so: Reshape to
 * [N,groups,rest], InstanceNormalization, Reshape back. Its channels must stand on axis 1. */
static bool is_normalised(const struct tn_flow *flow, int value)
{
    int readers[4];
    int count = tn_graph_consumers(flow->graph, value, 4, readers);
    for (int i = 0; i < count && i < 4; i++) {
        if (tn_rule_node(flow, readers[i])->op == TN_OP_INSTANCE_NORM)
            return true;
    }
    return false;
}

/* The output's axis on which channels will stand: where the channels were spread over several, one
 * on which nothing need be joined (the first, should all channels be one), or else the one with
 * most to choose from. */
static bool choose_axis(const struct tn_flow *flow, const struct tn_labels *labels,
                        const struct tn_value *in, const struct tn_value *out, bool on_first,
                        struct share *best)
{
    int64_t in_strides[TN_MAX_RANK] = {0}, out_strides[TN_MAX_RANK] = {0};
    bool free_choice = false;
    *best = (struct share){0};
    if (!strides_of(in, in_strides) || !strides_of(out, out_strides))
        return false;
    int64_t stride = in_strides[labels->axis];
    for (int i = 1; i < out->rank; i++) {
        struct share share;
        if (!share_of(i, out_strides[i], out->dims[i], stride, labels->count, &share))
            return false;
        if (share.parts < 2 || (on_first && i > 1))
            continue;
        bool is_free = parts_are_one(flow, labels, &share, stride);
        if (!free_choice && (is_free || share.parts > best->parts))
            *best = share;
        free_choice |= is_free;
    }
    return best->parts > 1;
}

bool tn_rule_reshape(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    int input = tn_rule_input(flow, node, 0), output = tn_rule_node(flow, node)->outputs[0];
    const struct tn_value *in = value_at(flow, input), *out = value_at(flow, output);
    const struct tn_labels labels = flow->labels[input];
    struct share share;
    if (labels.count == 0)
        return true;
    if (in->rank < 2 || out->rank < 2 || in->dims[0] != out->dims[0] ||
        !choose_axis(flow, &labels, in, out, is_normalised(flow, output), &share))
        return tn_rule_bar(flow, node, "rearranges its channels", error);
    int64_t strides[TN_MAX_RANK] = {0};
    strides_of(in, strides);
    int64_t stride = strides[labels.axis], count = out->dims[share.axis];
    int *ids = tn_flow_ids(flow, count, error);
    if (!ids)
        return false;
    for (int64_t c = 0; c < labels.count; c++) {
        int64_t part = c * stride / share.low % share.parts;
        tn_flow_join(flow, labels.ids[part * share.low / stride], labels.ids[c], node);
    }
    for (int64_t x = 0; x < count; x++)
        ids[x] = labels.ids[x * share.out / share.low % share.parts * share.low / stride];
    flow->labels[output] = (struct tn_labels){.axis = share.axis, .count = (int)count, .ids = ids};
    return true;
}

/* A Squeeze that names no axes drops all of size 1. Where there is none now, there is no list that
 * would say so once a single channel is left (arguments.c names the others). */
bool tn_rule_squeeze(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (output_at(flow, node)->rank == value_at(flow, tn_rule_input(flow, node, 0))->rank)
        return tn_rule_bar(flow, node, "drops whichever axes are of size 1", error);
    return tn_rule_reshape(flow, node, error);
}

/* --- one axis becomes another --- */

bool tn_rule_transpose(struct tn_flow *flow, int node, struct tn_error *error)
{
    int perm[TN_MAX_RANK], input = tn_rule_input(flow, node, 0), axis = 0;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_transpose_of(flow->graph, tn_rule_node(flow, node), perm, error))
        return false;
    for (int i = 0; i < value_at(flow, input)->rank; i++) {
        if (perm[i] == flow->labels[input].axis)
            axis = i;
    }
    return tn_rule_pass_to(flow, node, axis, error);
}

bool tn_rule_expand(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    int input = tn_rule_input(flow, node, 0);
    const struct tn_labels *labels = &flow->labels[input];
    int axis = labels->axis + output_at(flow, node)->rank - value_at(flow, input)->rank;
    if (labels->count > 0 &&
        (axis < 0 || axis >= TN_MAX_RANK || output_at(flow, node)->dims[axis] != labels->count))
        return tn_rule_bar(flow, node, "spreads it over other channels", error);
    return tn_rule_pass_to(flow, node, axis, error);
}

bool tn_rule_resize(struct tn_flow *flow, int node, struct tn_error *error)
{
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    struct tn_resize resize;
    bool constant;
    if (!tn_resize_of(flow->graph, tn_rule_node(flow, node), &resize, &constant, error))
        return false;
    const struct tn_labels *labels = &flow->labels[tn_rule_input(flow, node, 0)];
    if (labels->count > 0 && (!constant || resize.resized[labels->axis]))
        return tn_rule_bar(flow, node, "resizes across its channels", error);
    return tn_rule_pass(flow, node, error);
}

/* --- channels become pixels, and the other way round --- */

/* A channel of the shallow side is block * block channels of the deep side, which go together. */
bool tn_rule_depth(struct tn_flow *flow, int node, struct tn_error *error)
{
    struct tn_depth depth;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_depth_of(tn_rule_node(flow, node), &depth, error))
        return false;
    int output = tn_rule_node(flow, node)->outputs[0];
    const struct tn_labels labels = flow->labels[tn_rule_input(flow, node, 0)];
    bool deepens = tn_rule_node(flow, node)->op == TN_OP_SPACE_TO_DEPTH;
    int64_t area = depth.block * depth.block, count = output_at(flow, node)->dims[1];
    int64_t shallow = deepens ? labels.count : count;
    if (labels.count == 0)
        return true;
    if (labels.axis != 1 || shallow * area != (deepens ? count : labels.count))
        return tn_rule_bar(flow, node, "rearranges its channels", error);
    int *ids = tn_flow_ids(flow, count, error);
    if (!ids)
        return false;
    bool grouped = !deepens && depth.column_row_depth;
    for (int64_t i = 0; i < shallow * area; i++) {
        int64_t channel = grouped ? i / area : i % shallow;
        if (deepens) {
            ids[i] = labels.ids[channel];
            continue;
        }
        ids[channel] = labels.ids[grouped ? channel * area : channel];
        tn_flow_join(flow, ids[channel], labels.ids[i], node);
    }
    flow->labels[output] = (struct tn_labels){.axis = 1, .count = (int)count, .ids = ids};
    return true;
}

/* --- parts of an axis --- */

bool tn_rule_slice(struct tn_flow *flow, int node, struct tn_error *error)
{
    struct tn_slice slice;
    bool constant;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_slice_of(flow->graph, tn_rule_node(flow, node), &slice, &constant, error))
        return false;
    if (!constant)
        return not_constant(flow, node, error);
    const struct tn_labels labels = flow->labels[tn_rule_input(flow, node, 0)];
    int axis = labels.axis;
    if (labels.count == 0 || slice.whole[axis])
        return tn_rule_pass(flow, node, error);
    if (slice.step[axis] != 1)
        return tn_rule_bar(flow, node, "takes every other of its channels", error);
    return label_part(flow, tn_rule_node(flow, node)->outputs[0], &labels, slice.start[axis], 1,
                      slice.count[axis], error);
}

bool tn_rule_split(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    struct tn_split split;
    bool constant;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_split_of(flow->graph, n, &split, &constant, error))
        return false;
    if (!constant)
        return not_constant(flow, node, error);
    const struct tn_labels labels = flow->labels[tn_rule_input(flow, node, 0)];
    if (labels.count == 0 || labels.axis != split.axis)
        return tn_rule_pass(flow, node, error);
    int64_t begin = 0;
    for (int i = 0; i < split.count; i++) {
        int64_t size = tn_split_size(&split, i);
        if (i < n->output_count && n->outputs[i] != TN_NO_VALUE && size > 0 &&
            !label_part(flow, n->outputs[i], &labels, begin, 1, size, error))
            return false;
        begin += size;
    }
    return true;
}

/* What is padded is no filter's, but goes with the filters it is added to. */
static bool pad_channels(struct tn_flow *flow, int node, const struct tn_padding *padding,
                         struct tn_error *error)
{
    const struct tn_labels labels = flow->labels[tn_rule_input(flow, node, 0)];
    int output = tn_rule_node(flow, node)->outputs[0];
    int64_t begin = padding->begin[labels.axis], end = padding->end[labels.axis];
    int64_t count = value_at(flow, output)->dims[labels.axis];
    int *ids = tn_flow_ids(flow, count, error);
    if (!ids)
        return false;
    int before = begin > 0 ? (int)begin : 0, after = end > 0 ? (int)end : 0;
    int cut = begin < 0 ? (int)-begin : 0;
    for (int i = before; i < count - after; i++)
        ids[i] = labels.ids[i - before + cut];
    flow->labels[output] = (struct tn_labels){.axis = labels.axis, .count = (int)count, .ids = ids};
    return tn_flow_fresh(flow, before, ids, error) &&
           tn_flow_fresh(flow, after, ids + count - after, error);
}

bool tn_rule_pad(struct tn_flow *flow, int node, struct tn_error *error)
{
    struct tn_padding padding;
    bool constant;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_padding_of(flow->graph, tn_rule_node(flow, node), &padding, &constant, error))
        return false;
    if (!constant)
        return not_constant(flow, node, error);
    const struct tn_labels *labels = &flow->labels[tn_rule_input(flow, node, 0)];
    bool padded =
        labels->count > 0 && (padding.begin[labels->axis] != 0 || padding.end[labels->axis] != 0);
    if (!padded)
        return tn_rule_pass(flow, node, error);
    if (strcmp(padding.mode, "constant") != 0)
        return tn_rule_bar(flow, node, "pads it with its own channels", error);
    return pad_channels(flow, node, &padding, error);
}

bool tn_rule_gather(struct tn_flow *flow, int node, struct tn_error *error)
{
    struct tn_gather gather;
    bool constant;
    if (!shapes_known(flow, node))
        return of_unknown_shape(flow, node, error);
    if (!tn_gather_of(flow->graph, tn_rule_node(flow, node), &gather, &constant, error))
        return false;
    if (!constant)
        return not_constant(flow, node, error);
    const struct tn_labels labels = flow->labels[tn_rule_input(flow, node, 0)];
    int output = tn_rule_node(flow, node)->outputs[0];
    if (labels.count == 0)
        return true;
    if (labels.axis != gather.axis) {
        int shift = labels.axis > gather.axis ? gather.indices->rank - 1 : 0;
        return tn_rule_pass_to(flow, node, labels.axis + shift, error);
    }
    if (gather.indices->rank != 1 || gather.indices->count > INT32_MAX)
        return tn_rule_bar(flow, node, "takes single channels out of it", error);
    int count = (int)gather.indices->count;
    int *ids = tn_flow_ids(flow, count, error);
    for (int i = 0; ids && i < count; i++)
        ids[i] = labels.ids[tn_gather_at(&gather, (size_t)i)];
    flow->labels[output] = (struct tn_labels){.axis = labels.axis, .count = count, .ids = ids};
    return ids != NULL;
}

/* --- Concat --- */

/* The positions of one input along the axis of its channels: its own, or new ones for what has
 * none, which cannot be removed where they are activations. */
static bool append_input(struct tn_flow *flow, int node, int index, int axis, int count, int *ids,
                         struct tn_error *error)
{
    int value = tn_rule_node(flow, node)->inputs[index];
    const struct tn_labels *labels = &flow->labels[value];
    if (labels->count == count) {
        memcpy(ids, labels->ids, (size_t)count * sizeof *ids);
        return true;
    }
    struct tn_labels fresh = {.axis = axis, .count = count, .ids = ids};
    if (!tn_flow_fresh(flow, count, ids, error))
        return false;
    if (!tn_rule_is_activation(flow, value))
        return tn_rule_touch(flow, node, index, axis, TN_THROUGH, &fresh, error);
    struct tn_labels none = flow->labels[value];
    flow->labels[value] = fresh;
    bool ok = tn_flow_bar(flow, value, error, "node %s joins it to channels that are not known",
                          tn_rule_label(flow, node));
    flow->labels[value] = none;
    return ok;
}

static bool concat_channels(struct tn_flow *flow, int node, int axis, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int64_t total = output_at(flow, node)->dims[axis];
    int *ids = tn_flow_ids(flow, total, error);
    if (!ids)
        return false;
    int at = 0;
    for (int i = 0; i < n->input_count; i++) {
        const struct tn_value *input = value_at(flow, n->inputs[i]);
        int count = (int)(input->constant ? input->constant->dims[axis] : input->dims[axis]);
        if (!append_input(flow, node, i, axis, count, ids + at, error))
            return false;
        at += count;
    }
    flow->labels[n->outputs[0]] = (struct tn_labels){.axis = axis, .count = (int)total, .ids = ids};
    return true;
}

/* Put one behind another on another axis, they have their channels in common. */
static bool concat_elsewhere(struct tn_flow *flow, int node, int leader, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    const struct tn_labels lead = flow->labels[n->inputs[leader]];
    for (int i = 0; i < n->input_count; i++) {
        const struct tn_labels *labels = &flow->labels[n->inputs[i]];
        if (!tn_rule_is_activation(flow, n->inputs[i])) {
            if (!tn_rule_touch(flow, node, i, lead.axis, TN_THROUGH, &lead, error))
                return false;
            continue;
        }
        if (labels->count != lead.count || labels->axis != lead.axis)
            return tn_rule_bar(flow, node, "joins tensors whose channels do not correspond", error);
        for (int c = 0; c < lead.count; c++)
            tn_flow_join(flow, lead.ids[c], labels->ids[c], node);
    }
    flow->labels[n->outputs[0]] = lead;
    return true;
}

bool tn_rule_concat(struct tn_flow *flow, int node, struct tn_error *error)
{
    const struct tn_node *n = tn_rule_node(flow, node);
    int axis, leader = -1;
    bool along = false, across = false;
    for (int i = 0; i < n->input_count; i++) {
        const struct tn_value *v = n->inputs[i] < 0 ? NULL : value_at(flow, n->inputs[i]);
        if (!v || (!v->constant && !v->has_shape))
            return of_unknown_shape(flow, node, error);
    }
    if (n->output_count < 1 || !output_at(flow, node)->has_shape)
        return of_unknown_shape(flow, node, error);
    if (!tn_concat_axis(flow->graph, n, &axis, error))
        return false;
    for (int i = 0; i < n->input_count; i++) {
        const struct tn_labels *labels = &flow->labels[n->inputs[i]];
        if (labels->count == 0)
            continue;
        leader = leader < 0 ? i : leader;
        along |= labels->axis == axis;
        across |= labels->axis != axis;
    }
    if (leader < 0)
        return true;
    if (along && across)
        return tn_rule_bar(flow, node, "joins tensors whose channels do not correspond", error);
    return along ? concat_channels(flow, node, axis, error)
                 : concat_elsewhere(flow, node, leader, error);
}
