/* Shapes of ONNX's operators that this program cannot run: what follows them can still be counted.
 */
#include "model/axes.h"
#include "model/shape_parts.h"

#include <string.h>

static bool infer_where(const struct tn_graph *graph, const struct tn_node *node,
                        struct tn_shape *out, struct tn_error *error)
{
    if (!tn_shape_broadcast(graph, node, out, error))
        return false;
    out->dtype = tn_shape_of(graph, node, 1).dtype;
    return true;
}

static bool infer_comparison(const struct tn_graph *graph, const struct tn_node *node,
                             struct tn_shape *out, struct tn_error *error)
{
    if (!tn_shape_broadcast(graph, node, out, error))
        return false;
    out->dtype = TN_INT64;
    return true;
}

/* ArgMax and ArgMin. */
static bool infer_place(const struct tn_graph *graph, const struct tn_node *node,
                        struct tn_shape *out, struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    bool keep = tn_node_int(node, "keepdims", 1) != 0;
    int axis = 0;
    *out = (struct tn_shape){.dtype = TN_INT64};
    if (!in.known)
        return true;
    if (!tn_axis_of(node, in.rank, 0, &axis, error))
        return false;
    out->known = in.dims[axis] != TN_BATCH;
    for (int i = 0; i < in.rank; i++)
        if (i != axis || keep)
            out->dims[out->rank++] = i == axis ? 1 : in.dims[i];
    return true;
}

static const struct foreign {
    const char *op_type;
    tn_shape_function *infer;
} foreigners[] = {
    {"Floor", tn_shape_same},
    {"Ceil", tn_shape_same},
    {"Round", tn_shape_same},
    {"Sign", tn_shape_same},
    {"Not", tn_shape_same},
    {"Sin", tn_shape_same},
    {"Cos", tn_shape_same},
    {"Tan", tn_shape_same},
    {"Atan", tn_shape_same},
    {"ThresholdedRelu", tn_shape_same},
    {"Shrink", tn_shape_same},
    {"Hardmax", tn_shape_same},
    {"CumSum", tn_shape_same},
    {"GroupNormalization", tn_shape_same},
    {"LpNormalization", tn_shape_same},
    {"MeanVarianceNormalization", tn_shape_same},
    {"Mod", tn_shape_broadcast},
    {"Where", infer_where},
    {"Equal", infer_comparison},
    {"Less", infer_comparison},
    {"LessOrEqual", infer_comparison},
    {"Greater", infer_comparison},
    {"GreaterOrEqual", infer_comparison},
    {"And", infer_comparison},
    {"Or", infer_comparison},
    {"Xor", infer_comparison},
    {"ArgMax", infer_place},
    {"ArgMin", infer_place},
    {"ReduceMin", tn_shape_reduce},
    {"ReduceProd", tn_shape_reduce},
    {"ReduceL1", tn_shape_reduce},
    {"ReduceL2", tn_shape_reduce},
    {"ReduceLogSum", tn_shape_reduce},
    {"ReduceLogSumExp", tn_shape_reduce},
    {"ReduceSumSquare", tn_shape_reduce},
};

tn_shape_function *tn_shape_foreign(const struct tn_node *node)
{
    for (size_t i = 0; node->domain[0] == '\0' && i < sizeof foreigners / sizeof *foreigners; i++)
        if (strcmp(foreigners[i].op_type, node->op_type) == 0)
            return foreigners[i].infer;
    return NULL;
}
