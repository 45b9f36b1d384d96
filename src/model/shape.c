/* Shape inference: the order of work; what each operator does to shapes is in shape_*.c. */
#include "model/shape.h"

#include "model/axes.h"
#include "model/shape_parts.h"

#include <string.h>

const struct tn_shape tn_shape_unknown = {.dtype = TN_FLOAT32};

struct tn_shape tn_shape_of(const struct tn_graph *graph, const struct tn_node *node, int index)
{
    struct tn_shape shape = tn_shape_unknown;
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return shape;
    const struct tn_value *value = &graph->values[node->inputs[index]];
    shape.known = value->has_shape;
    shape.dtype = value->dtype;
    shape.rank = value->rank;
    memcpy(shape.dims, value->dims, sizeof shape.dims);
    return shape;
}

bool tn_shape_has_batch(const struct tn_shape *shape)
{
    return shape->rank > 0 && shape->dims[0] == TN_BATCH;
}

bool tn_shape_product(const struct tn_shape *shape, int from, int to, int64_t *numbers)
{
    *numbers = 1;
    for (int i = from; i < to; i++)
        if (shape->dims[i] < 0 || __builtin_mul_overflow(*numbers, shape->dims[i], numbers))
            return false;
    return true;
}

/* Of every operator: how to tell its shape, and the inputs that must be there for that. */
struct rule {
    tn_shape_function *infer;
    int inputs;
};

static const struct rule rules[TN_OP_COUNT] = {
    [TN_OP_CONV] = {tn_shape_window, 2},
    [TN_OP_CONV_TRANSPOSE] = {tn_shape_window, 2},
    [TN_OP_GEMM] = {tn_shape_gemm, 2},
    [TN_OP_MATMUL] = {tn_shape_matmul, 2},
    [TN_OP_BATCH_NORM] = {tn_shape_batch_norm, 5},
    [TN_OP_INSTANCE_NORM] = {tn_shape_instance_norm, 3},
    [TN_OP_LAYER_NORM] = {tn_shape_layer_norm, 2},
    [TN_OP_LRN] = {tn_shape_lrn, 1},
    [TN_OP_RELU] = {tn_shape_same, 1},
    [TN_OP_LEAKY_RELU] = {tn_shape_same, 1},
    [TN_OP_PRELU] = {tn_shape_prelu, 2},
    [TN_OP_ELU] = {tn_shape_same, 1},
    [TN_OP_SELU] = {tn_shape_same, 1},
    [TN_OP_CELU] = {tn_shape_same, 1},
    [TN_OP_CLIP] = {tn_shape_clip, 1},
    [TN_OP_SIGMOID] = {tn_shape_same, 1},
    [TN_OP_HARD_SIGMOID] = {tn_shape_same, 1},
    [TN_OP_HARD_SWISH] = {tn_shape_same, 1},
    [TN_OP_MISH] = {tn_shape_same, 1},
    [TN_OP_GELU] = {tn_shape_same, 1},
    [TN_OP_SOFTPLUS] = {tn_shape_same, 1},
    [TN_OP_SOFTSIGN] = {tn_shape_same, 1},
    [TN_OP_TANH] = {tn_shape_same, 1},
    [TN_OP_ERF] = {tn_shape_same, 1},
    [TN_OP_EXP] = {tn_shape_same, 1},
    [TN_OP_LOG] = {tn_shape_same, 1},
    [TN_OP_SQRT] = {tn_shape_same, 1},
    [TN_OP_RECIPROCAL] = {tn_shape_same, 1},
    [TN_OP_ABS] = {tn_shape_same, 1},
    [TN_OP_NEG] = {tn_shape_same, 1},
    [TN_OP_SOFTMAX] = {tn_shape_softmax, 1},
    [TN_OP_LOG_SOFTMAX] = {tn_shape_softmax, 1},
    [TN_OP_DROPOUT] = {tn_shape_same, 1},
    [TN_OP_IDENTITY] = {tn_shape_same, 1},
    [TN_OP_CAST] = {tn_shape_cast, 1},
    [TN_OP_ADD] = {tn_shape_broadcast, 2},
    [TN_OP_SUB] = {tn_shape_broadcast, 2},
    [TN_OP_MUL] = {tn_shape_broadcast, 2},
    [TN_OP_DIV] = {tn_shape_broadcast, 2},
    [TN_OP_POW] = {tn_shape_broadcast, 2},
    [TN_OP_MIN] = {tn_shape_broadcast, 1},
    [TN_OP_MAX] = {tn_shape_broadcast, 1},
    [TN_OP_SUM] = {tn_shape_broadcast, 1},
    [TN_OP_MEAN] = {tn_shape_broadcast, 1},
    [TN_OP_MAX_POOL] = {tn_shape_window, 1},
    [TN_OP_AVERAGE_POOL] = {tn_shape_window, 1},
    [TN_OP_GLOBAL_AVERAGE_POOL] = {tn_shape_global_pool, 1},
    [TN_OP_GLOBAL_MAX_POOL] = {tn_shape_global_pool, 1},
    [TN_OP_REDUCE_MEAN] = {tn_shape_reduce, 1},
    [TN_OP_REDUCE_SUM] = {tn_shape_reduce, 1},
    [TN_OP_REDUCE_MAX] = {tn_shape_reduce, 1},
    [TN_OP_SLICE] = {tn_shape_slice, 1},
    [TN_OP_PAD] = {tn_shape_pad, 1},
    [TN_OP_SPLIT] = {tn_shape_split, 1},
    [TN_OP_CONCAT] = {tn_shape_concat, 1},
    [TN_OP_GATHER] = {tn_shape_gather, 2},
    [TN_OP_EXPAND] = {tn_shape_expand, 2},
    [TN_OP_TRANSPOSE] = {tn_shape_transpose, 1},
    [TN_OP_RESHAPE] = {tn_shape_reshape, 1},
    [TN_OP_FLATTEN] = {tn_shape_flatten, 1},
    [TN_OP_SQUEEZE] = {tn_shape_squeeze, 1},
    [TN_OP_UNSQUEEZE] = {tn_shape_unsqueeze, 1},
    [TN_OP_RESIZE] = {tn_shape_resize, 1},
    [TN_OP_UPSAMPLE] = {tn_shape_resize, 1},
    [TN_OP_DEPTH_TO_SPACE] = {tn_shape_depth, 1},
    [TN_OP_SPACE_TO_DEPTH] = {tn_shape_depth, 1},
};

/* What must be there before the operator's own function looks closer. */
static bool check_arity(const struct tn_node *node, struct tn_error *error)
{
    int wanted = rules[node->op].inputs;
    for (int i = 0; i < wanted; i++)
        if (i >= node->input_count || node->inputs[i] == TN_NO_VALUE)
            return tn_fail(error, TN_ERROR_INPUT, "input %d is missing, expected %d", i + 1,
                           wanted);
    if (wanted > 0 && node->output_count < 1)
        return tn_fail(error, TN_ERROR_INPUT, "it has no output");
    if (wanted > 0 && node->outputs[0] == TN_NO_VALUE && node->op != TN_OP_SPLIT)
        return tn_fail(error, TN_ERROR_INPUT, "it has no output");
    return true;
}

/* One image's activation must be a size that memory could ever hold, so that sums of them cannot
 * overflow. */
static bool check_size(const struct tn_shape *shape, struct tn_error *error)
{
    static const int64_t MOST = INT64_C(1) << 40;
    int64_t numbers;
    int first = tn_shape_has_batch(shape) ? 1 : 0;
    if (!shape->known)
        return true;
    for (int i = first; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return tn_fail(error, TN_ERROR_INPUT, "dimension %d of its output is %lld", i,
                           (long long)shape->dims[i]);
    if (!tn_shape_product(shape, first, shape->rank, &numbers) || numbers > MOST)
        return tn_fail(error, TN_ERROR_INPUT, "its output is larger than any memory");
    return true;
}

/* A batch that is not the first axis cannot be told from other dimensions. */
static bool batch_moved(const struct tn_shape *shape)
{
    for (int i = 1; shape->known && i < shape->rank; i++)
        if (shape->dims[i] == TN_BATCH)
            return true;
    return false;
}

static void set_shape(struct tn_graph *graph, int index, const struct tn_shape *shape)
{
    if (index == TN_NO_VALUE || graph->values[index].constant)
        return;
    struct tn_value *value = &graph->values[index];
    value->has_shape = shape->known;
    value->dtype = shape->dtype;
    value->rank = shape->known ? shape->rank : 0;
    memcpy(value->dims, shape->dims, sizeof value->dims);
}

/* Outputs after the first: a pooling's indices and a dropout's mask have the first one's shape, the
 * mean and deviation of a LayerNormalization one number for what is normalised together. */
static struct tn_shape side_output(const struct tn_node *node, const struct tn_shape *first)
{
    struct tn_shape side = tn_shape_unknown;
    int axis;
    if (!first->known)
        return side;
    if (node->op == TN_OP_MAX_POOL || node->op == TN_OP_DROPOUT) {
        side = *first;
        side.dtype = TN_INT64;
    } else if (node->op == TN_OP_LAYER_NORM && tn_axis_of(node, first->rank, -1, &axis, NULL)) {
        side = *first;
        for (int i = axis; i < first->rank; i++)
            side.dims[i] = 1;
    }
    return side;
}

static bool set_outputs(struct tn_graph *graph, const struct tn_node *node,
                        const struct tn_shape *first, struct tn_error *error)
{
    struct tn_shape side = side_output(node, first);
    struct tn_split split;
    bool constant = false;
    if (node->op == TN_OP_SPLIT && first->known) {
        if (!tn_split_of(graph, node, &split, &constant, error))
            return false;
        side = *first;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (constant)
            side.dims[split.axis] = tn_split_size(&split, i);
        set_shape(graph, node->outputs[i], i == 0 ? first : &side);
    }
    return true;
}

bool tn_node_infer_shape(struct tn_graph *graph, int index, struct tn_error *error)
{
    const struct tn_node *node = &graph->nodes[index];
    struct tn_shape first = tn_shape_unknown;
    tn_shape_function *infer =
        node->op == TN_OP_UNKNOWN ? tn_shape_foreign(node) : rules[node->op].infer;
    bool ok = check_arity(node, error);
    if (ok && infer)
        ok = infer(graph, node, &first, error);
    if (ok && (!first.known || batch_moved(&first)))
        first = (struct tn_shape){.dtype = first.dtype};
    ok = ok && check_size(&first, error) && set_outputs(graph, node, &first, error);
    return ok || tn_fail_in(error, "node '%s' (%s)", tn_node_label(graph, node), node->op_type);
}

bool tn_graph_infer_shapes(struct tn_graph *graph, struct tn_error *error)
{
    for (int i = 0; i < graph->node_count; i++)
        if (!tn_node_infer_shape(graph, i, error))
            return false;
    return true;
}
