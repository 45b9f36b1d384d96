/* Shapes of matrix products. */
#include "model/shape_parts.h"

static bool check_gemm_bias(const struct tn_tensor *bias, int64_t outputs, int64_t batch,
                            struct tn_error *error)
{
    if (!bias || bias->rank == 0)
        return true;
    int64_t last = bias->dims[bias->rank - 1];
    bool rows = bias->rank == 2 && bias->dims[0] != 1 && bias->dims[0] != batch;
    if (bias->dtype != TN_FLOAT32 || bias->rank > 2 || rows || (last != outputs && last != 1))
        return tn_fail(error, TN_ERROR_INPUT, "its bias is not %lld numbers", (long long)outputs);
    return true;
}

bool tn_shape_gemm(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                   struct tn_error *error)
{
    *out = tn_shape_of(graph, node, 0);
    struct tn_shape weight = tn_shape_of(graph, node, 1);
    bool transposed = tn_node_int(node, "transB", 0) != 0;
    if (!out->known || !weight.known || tn_node_int(node, "transA", 0) != 0) {
        *out = tn_shape_unknown;
        return true;
    }
    if (weight.dtype != TN_FLOAT32)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not numbers of type float");
    if (out->rank != 2 || weight.rank != 2)
        return tn_fail(error, TN_ERROR_INPUT,
                       "it multiplies %d by %d dimensions, expected matrices (2 by 2)", out->rank,
                       weight.rank);
    int64_t inner = weight.dims[transposed ? 1 : 0], outputs = weight.dims[transposed ? 0 : 1];
    if (inner == TN_BATCH || out->dims[1] == TN_BATCH) {
        *out = tn_shape_unknown;
        return true;
    }
    if (inner != out->dims[1])
        return tn_fail(error, TN_ERROR_INPUT,
                       "its input has %lld features, the weights expect %lld",
                       (long long)out->dims[1], (long long)inner);
    out->dims[1] = outputs;
    const struct tn_tensor *bias = tn_node_constant(graph, node, 2);
    if (bias && bias->rank == 2 && bias->dims[0] != 1 && bias->dims[0] == graph->info.batch_size)
        out->known = false; /* a bias for each image of a fixed batch */
    return check_gemm_bias(bias, outputs, graph->info.batch_size, error);
}

/* A vector is a matrix of one row (in front) or one column (behind). */
static void as_matrix(struct tn_shape *shape, bool row)
{
    if (shape->rank != 1)
        return;
    shape->rank = 2;
    shape->dims[1] = row ? shape->dims[0] : 1;
    shape->dims[0] = row ? 1 : shape->dims[0];
}

/* [..., rows, inner] by [..., inner, columns]; what is in front of the matrices is broadcast. */
static bool multiply(const struct tn_graph *graph, const struct tn_shape *a,
                     const struct tn_shape *b, struct tn_shape *out, struct tn_error *error)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t inner = a->dims[a->rank - 1], other = b->dims[b->rank - 2];
    if (inner == TN_BATCH || other == TN_BATCH)
        return true;
    if (inner != other)
        return tn_fail(error, TN_ERROR_INPUT,
                       "its first input has %lld in the last dimension, the second expects %lld",
                       (long long)inner, (long long)other);
    *out = (struct tn_shape){.known = true, .dtype = a->dtype, .rank = rank};
    for (int i = 0; i < rank - 2; i++) {
        int in_a = i - (rank - a->rank), in_b = i - (rank - b->rank);
        out->dims[i] = in_a < 0 ? 1 : a->dims[in_a];
        if (!tn_shape_stretch(graph, i, &out->dims[i], in_b < 0 ? 1 : b->dims[in_b], &out->known,
                              error))
            return false;
    }
    out->dims[rank - 2] = a->dims[a->rank - 2];
    out->dims[rank - 1] = b->dims[b->rank - 1];
    return true;
}

bool tn_shape_matmul(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_shape a = tn_shape_of(graph, node, 0), b = tn_shape_of(graph, node, 1);
    *out = tn_shape_unknown;
    if (!a.known || !b.known)
        return true;
    if (a.rank == 0 || b.rank == 0)
        return tn_fail(error, TN_ERROR_INPUT, "it multiplies by a single number");
    bool row = a.rank == 1, column = b.rank == 1;
    as_matrix(&a, true);
    as_matrix(&b, false);
    if (!multiply(graph, &a, &b, out, error))
        return false;
    if (out->known && column)
        out->rank--;
    if (out->known && row) {
        if (!column)
            out->dims[out->rank - 2] = out->dims[out->rank - 1];
        out->rank--;
    }
    return true;
}
