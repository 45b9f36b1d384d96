/* Shape inference: one small function an operator. */
#include "model/shape.h"

#include "model/slice.h"
#include "model/window.h"

#include <string.h>

/* A shape being worked out. `known` false: nothing can be said of it before the network runs. */
struct shape {
    bool known;
    enum tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
};

static const struct shape unknown = {.dtype = TN_FLOAT32};

static struct shape shape_of(const struct tn_graph *graph, const struct tn_node *node, int index)
{
    struct shape shape = unknown;
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return shape;
    const struct tn_value *value = &graph->values[node->inputs[index]];
    shape.known = value->has_shape;
    shape.dtype = value->dtype;
    shape.rank = value->rank;
    memcpy(shape.dims, value->dims, sizeof shape.dims);
    return shape;
}

/* Elements from dimension `from` to before `to`; false where the batch is among them or they are
 * too many. */
static bool product(const struct shape *shape, int from, int to, int64_t *elements)
{
    *elements = 1;
    for (int i = from; i < to; i++)
        if (shape->dims[i] < 0 || __builtin_mul_overflow(*elements, shape->dims[i], elements))
            return false;
    return true;
}

static bool has_batch(const struct shape *shape)
{
    return shape->rank > 0 && shape->dims[0] == TN_BATCH;
}

/* Axis counted from the front; negative ones count from the end. */
static bool normal_axis(int64_t axis, int rank, int *normal, struct tn_error *error)
{
    if (axis < -rank || axis >= rank)
        return tn_fail(error, TN_ERROR_INPUT, "axis %lld does not exist in %d dimensions",
                       (long long)axis, rank);
    *normal = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

static bool infer_window(const struct tn_graph *graph, const struct tn_node *node,
                         struct shape *out, struct tn_error *error)
{
    *out = shape_of(graph, node, 0);
    bool weighed = node->op != TN_OP_CONV || tn_node_constant(graph, node, 1);
    if (!out->known || out->rank != 4 || !weighed) {
        *out = unknown; /* one-dimensional or computed weights: can be shown, not run */
        return true;
    }
    struct tn_window window;
    if (!tn_window_decode(graph, node, &window, error))
        return false;
    out->dims[1] = window.channels_out;
    out->dims[2] = window.out[0];
    out->dims[3] = window.out[1];
    return true;
}

static bool infer_batch_norm(const struct tn_graph *graph, const struct tn_node *node,
                             struct shape *out, struct tn_error *error)
{
    static const char *const roles[] = {"input", "scale", "shift", "mean", "variance"};
    *out = shape_of(graph, node, 0);
    /* Before opset 14 the outputs beyond the first said it. */
    bool training = tn_node_int(node, "training_mode", 0) != 0;
    for (int i = 1; i < node->output_count; i++)
        training |= node->outputs[i] != TN_NO_VALUE;
    if (training)
        return tn_fail(error, TN_ERROR_INPUT,
                       "it is in training mode; export the network in evaluation mode");
    if (tn_node_int(node, "spatial", 1) == 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "statistics for every pixel (spatial=0) are not supported");
    if (!out->known)
        return true;
    if (out->rank < 2)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions", out->rank);
    for (int i = 1; i < 5; i++) {
        const struct tn_tensor *tensor = tn_node_constant(graph, node, i);
        if (tensor &&
            (tensor->dtype != TN_FLOAT32 || tensor->rank != 1 || tensor->dims[0] != out->dims[1]))
            return tn_fail(error, TN_ERROR_INPUT, "its %s has %lld numbers, expected %lld",
                           roles[i], (long long)tensor->count, (long long)out->dims[1]);
    }
    return true;
}

static bool infer_global_pool(const struct tn_graph *graph, const struct tn_node *node,
                              struct shape *out, struct tn_error *error)
{
    *out = shape_of(graph, node, 0);
    if (out->known && out->rank < 3)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,H,W]",
                       out->rank);
    for (int i = 2; i < out->rank; i++)
        out->dims[i] = 1;
    return true;
}

static bool check_gemm_bias(const struct tn_tensor *bias, int64_t outputs, struct tn_error *error)
{
    if (!bias || bias->rank == 0)
        return true;
    int64_t last = bias->dims[bias->rank - 1];
    if (bias->dtype != TN_FLOAT32 || bias->rank > 2 || (last != outputs && last != 1) ||
        (bias->rank == 2 && bias->dims[0] != 1))
        return tn_fail(error, TN_ERROR_INPUT, "its bias is not %lld numbers", (long long)outputs);
    return true;
}

static bool infer_gemm(const struct tn_graph *graph, const struct tn_node *node, struct shape *out,
                       struct tn_error *error)
{
    *out = shape_of(graph, node, 0);
    struct shape weight = shape_of(graph, node, 1);
    bool transposed = tn_node_int(node, "transB", 0) != 0;
    if (!out->known || !weight.known || tn_node_int(node, "transA", 0) != 0) {
        *out = unknown;
        return true;
    }
    if (weight.dtype != TN_FLOAT32)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not numbers of type float");
    if (out->rank != 2 || weight.rank != 2)
        return tn_fail(error, TN_ERROR_INPUT,
                       "it multiplies %d by %d dimensions, expected matrices (2 by 2)", out->rank,
                       weight.rank);
    int64_t inner = weight.dims[transposed ? 1 : 0], outputs = weight.dims[transposed ? 0 : 1];
    if (inner != out->dims[1])
        return tn_fail(error, TN_ERROR_INPUT,
                       "its input has %lld features, the weights expect %lld",
                       (long long)out->dims[1], (long long)inner);
    out->dims[1] = outputs;
    return check_gemm_bias(tn_node_constant(graph, node, 2), outputs, error);
}

/* Broadcasting as in NumPy: shapes are aligned at their ends, a 1 stretches. */
static bool infer_broadcast(const struct tn_graph *graph, const struct tn_node *node,
                            struct shape *out, struct tn_error *error)
{
    struct shape a = shape_of(graph, node, 0), b = shape_of(graph, node, 1);
    *out = unknown;
    if (!a.known || !b.known)
        return true;
    if (a.rank < b.rank) {
        struct shape swap = a;
        a = b;
        b = swap;
    }
    *out = a;
    int shift = a.rank - b.rank;
    for (int i = 0; i < b.rank; i++) {
        int64_t x = a.dims[i + shift], y = b.dims[i];
        if (x != y && x != 1 && y != 1)
            return tn_fail(error, TN_ERROR_INPUT,
                           "its inputs differ in dimension %d: %lld and %lld", i + shift,
                           (long long)x, (long long)y);
        out->dims[i + shift] = x == 1 ? y : x;
        if (i + shift > 0 && out->dims[i + shift] == TN_BATCH)
            *out = unknown; /* a batch that is not the first axis */
    }
    return true;
}

static bool infer_flatten(const struct tn_graph *graph, const struct tn_node *node,
                          struct shape *out, struct tn_error *error)
{
    struct shape in = shape_of(graph, node, 0);
    *out = unknown;
    if (!in.known)
        return true;
    int64_t axis = tn_node_int(node, "axis", 1);
    if (axis < -in.rank || axis > in.rank)
        return tn_fail(error, TN_ERROR_INPUT, "axis %lld does not exist in %d dimensions",
                       (long long)axis, in.rank);
    int split = (int)(axis < 0 ? axis + in.rank : axis);
    int64_t before, after;
    if (has_batch(&in) && split == 1)
        before = TN_BATCH;
    else if (!product(&in, 0, split, &before))
        return true;
    if (!product(&in, split, in.rank, &after))
        return true;
    *out = (struct shape){.known = true, .dtype = in.dtype, .rank = 2, .dims = {before, after}};
    return true;
}

/* The whole of a constant list of integers; NULL where it is absent or computed. */
static const int64_t *int_list(const struct tn_tensor *tensor, size_t *count)
{
    if (!tensor || tensor->dtype != TN_INT64 || tensor->rank > 1)
        return NULL;
    *count = tensor->count;
    return tensor->data;
}

/* Reshape of [N, rest]: the batch must stay in front. True in *stays when `first`, the first wanted
 * dimension, stands for it; `wanted` is what the others multiply to, 0 where one of them is -1. */
static bool batch_stays(const struct tn_graph *graph, int64_t first, int64_t wanted, int64_t rest,
                        bool zero_copies)
{
    if (first == 0 && zero_copies)
        return true;
    if (first == -1)
        return wanted == rest;
    return first > 0 && first == graph->info.batch_size;
}

static bool reshape_to(const struct tn_graph *graph, const struct shape *in, const int64_t *list,
                       size_t count, bool zero_copies, struct shape *out, struct tn_error *error)
{
    int from = has_batch(in) ? 1 : 0, open = -1;
    int64_t rest, wanted = 1;
    struct shape made = {.known = true, .dtype = in->dtype, .rank = (int)count};
    if (count > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT, "it makes %zu dimensions, at most %d are supported",
                       count, TN_MAX_RANK);
    if (!product(in, from, in->rank, &rest) || (from == 1 && count == 0))
        return true;
    for (int i = from; i < made.rank; i++) {
        int64_t size = list[i];
        if (size == 0 && zero_copies && i >= in->rank)
            return tn_fail(error, TN_ERROR_INPUT, "it copies dimension %d, which its input lacks",
                           i);
        made.dims[i] = size == 0 && zero_copies ? in->dims[i] : size;
        if (size < -1 || (size == -1 && open >= 0))
            return tn_fail(error, TN_ERROR_INPUT, "its shape has %s",
                           size < -1 ? "a negative dimension" : "more than one -1");
        if (size == -1)
            open = i;
        else if (__builtin_mul_overflow(wanted, made.dims[i], &wanted))
            return tn_fail(error, TN_ERROR_INPUT, "its shape multiplies beyond any memory");
    }
    if (from == 1) {
        if (!batch_stays(graph, list[0], open < 0 ? wanted : 0, rest, zero_copies))
            return true; /* moves the batch: not known before it runs */
        made.dims[0] = TN_BATCH;
    }
    if (open >= 0 && wanted > 0 && rest % wanted == 0)
        made.dims[open] = rest / wanted;
    else if (wanted != rest || open >= 0)
        return tn_fail(error, TN_ERROR_INPUT, "it makes %lld of %lld numbers", (long long)wanted,
                       (long long)rest);
    *out = made;
    return true;
}

static bool infer_reshape(const struct tn_graph *graph, const struct tn_node *node,
                          struct shape *out, struct tn_error *error)
{
    struct shape in = shape_of(graph, node, 0);
    size_t count = 0;
    const int64_t *list = int_list(tn_node_constant(graph, node, 1), &count);
    *out = unknown;
    if (!in.known || !list)
        return true;
    return reshape_to(graph, &in, list, count, tn_node_int(node, "allowzero", 0) == 0, out, error);
}

static bool infer_slice(const struct tn_graph *graph, const struct tn_node *node, struct shape *out,
                        struct tn_error *error)
{
    struct shape in = shape_of(graph, node, 0);
    struct tn_slice slice;
    bool constant;
    *out = unknown;
    if (!in.known)
        return true;
    if (!tn_slice_of(graph, node, &slice, &constant, error))
        return false;
    for (int i = 0; constant && i < slice.rank; i++) {
        if (in.dims[i] == TN_BATCH && slice.whole[i])
            slice.count[i] = TN_BATCH;
        else if (in.dims[i] == TN_BATCH)
            constant = false;
    }
    if (!constant)
        return true;
    *out = in;
    memcpy(out->dims, slice.count, sizeof out->dims);
    return true;
}

static bool infer_pad(const struct tn_graph *graph, const struct tn_node *node, struct shape *out,
                      struct tn_error *error)
{
    struct shape in = shape_of(graph, node, 0);
    struct tn_padding padding;
    bool constant;
    *out = unknown;
    if (!in.known)
        return true;
    if (!tn_padding_of(graph, node, &padding, &constant, error))
        return false;
    if (!constant)
        return true;
    struct shape made = in;
    for (int i = 0; i < in.rank; i++) {
        if (padding.begin[i] == 0 && padding.end[i] == 0)
            continue;
        if (in.dims[i] == TN_BATCH)
            return true;
        made.dims[i] += padding.begin[i] + padding.end[i];
        if (made.dims[i] < 0)
            return tn_fail(error, TN_ERROR_INPUT, "it cuts more from dimension %d than there is",
                           i);
    }
    *out = made;
    return true;
}

static bool infer_softmax(const struct tn_graph *graph, const struct tn_node *node,
                          struct shape *out, struct tn_error *error)
{
    *out = shape_of(graph, node, 0);
    int axis;
    int64_t otherwise = graph->info.opset >= 13 ? -1 : 1;
    return !out->known ||
           normal_axis(tn_node_int(node, "axis", otherwise), out->rank, &axis, error);
}

/* What must be there before the operator's own function looks closer. */
static bool check_arity(const struct tn_node *node, struct tn_error *error)
{
    static const int least[TN_OP_COUNT] = {
        [TN_OP_CONV] = 2,
        [TN_OP_BATCH_NORM] = 5,
        [TN_OP_GEMM] = 2,
        [TN_OP_ADD] = 2,
    };
    int wanted = least[node->op] ? least[node->op] : node->op == TN_OP_UNKNOWN ? 0 : 1;
    for (int i = 0; i < wanted; i++)
        if (i >= node->input_count || node->inputs[i] == TN_NO_VALUE)
            return tn_fail(error, TN_ERROR_INPUT, "input %d is missing, expected %d", i + 1,
                           wanted);
    if (wanted > 0 && (node->output_count < 1 || node->outputs[0] == TN_NO_VALUE))
        return tn_fail(error, TN_ERROR_INPUT, "it has no output");
    return true;
}

static bool infer_first(const struct tn_graph *graph, const struct tn_node *node, struct shape *out,
                        struct tn_error *error)
{
    switch (node->op) {
    case TN_OP_CONV:
    case TN_OP_MAX_POOL:
    case TN_OP_AVERAGE_POOL:
        return infer_window(graph, node, out, error);
    case TN_OP_BATCH_NORM:
        return infer_batch_norm(graph, node, out, error);
    case TN_OP_RELU:
    case TN_OP_DROPOUT:
    case TN_OP_IDENTITY:
        *out = shape_of(graph, node, 0);
        return true;
    case TN_OP_GLOBAL_AVERAGE_POOL:
        return infer_global_pool(graph, node, out, error);
    case TN_OP_GEMM:
        return infer_gemm(graph, node, out, error);
    case TN_OP_ADD:
        return infer_broadcast(graph, node, out, error);
    case TN_OP_FLATTEN:
        return infer_flatten(graph, node, out, error);
    case TN_OP_SLICE:
        return infer_slice(graph, node, out, error);
    case TN_OP_PAD:
        return infer_pad(graph, node, out, error);
    case TN_OP_SOFTMAX:
        return infer_softmax(graph, node, out, error);
    case TN_OP_RESHAPE:
        return infer_reshape(graph, node, out, error);
    default:
        break;
    }
    *out = unknown;
    return true;
}

/* One image's activation must be a size that memory could ever hold, so that sums of them cannot
 * overflow. */
static bool check_size(const struct shape *shape, struct tn_error *error)
{
    int64_t elements;
    if (!shape->known)
        return true;
    for (int i = has_batch(shape) ? 1 : 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return tn_fail(error, TN_ERROR_INPUT, "dimension %d of its output is %lld", i,
                           (long long)shape->dims[i]);
    if (!product(shape, has_batch(shape) ? 1 : 0, shape->rank, &elements) || elements > INT64_C(1)
                                                                                            << 40)
        return tn_fail(error, TN_ERROR_INPUT, "its output is larger than any memory");
    return true;
}

static void set_shape(struct tn_graph *graph, int index, const struct shape *shape)
{
    if (index == TN_NO_VALUE || graph->values[index].constant)
        return;
    struct tn_value *value = &graph->values[index];
    value->has_shape = shape->known;
    value->dtype = shape->dtype;
    value->rank = shape->known ? shape->rank : 0;
    memcpy(value->dims, shape->dims, sizeof value->dims);
}

/* Outputs after the first: a pooling's indices and a dropout's mask have the first one's shape. */
static struct shape side_output(const struct tn_node *node, const struct shape *first)
{
    struct shape side = unknown;
    if (node->op == TN_OP_MAX_POOL || node->op == TN_OP_DROPOUT)
        side = *first;
    side.dtype = TN_INT64;
    return side;
}

bool tn_node_infer_shape(struct tn_graph *graph, int index, struct tn_error *error)
{
    const struct tn_node *node = &graph->nodes[index];
    struct shape first = unknown;
    if (!check_arity(node, error) || !infer_first(graph, node, &first, error) ||
        !check_size(&first, error))
        return tn_fail_in(error, "node '%s' (%s)", tn_node_label(graph, node), node->op_type);
    for (int i = 0; i < node->output_count; i++) {
        struct shape side = side_output(node, &first);
        set_shape(graph, node->outputs[i], i == 0 ? &first : &side);
    }
    return true;
}

bool tn_graph_infer_shapes(struct tn_graph *graph, struct tn_error *error)
{
    for (int i = 0; i < graph->node_count; i++)
        if (!tn_node_infer_shape(graph, i, error))
            return false;
    return true;
}
