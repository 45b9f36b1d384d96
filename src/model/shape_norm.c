/* Normalisation: shapes stay; what comes with them is checked. */
#include "model/axes.h"
#include "model/shape_parts.h"

/* Constant inputs `from` to before `to`, as far as they are there, are one number a channel. */
static bool check_channels(const struct tn_graph *graph, const struct tn_node *node, int from,
                           int to, int64_t channels, struct tn_error *error)
{
    static const char *const roles[] = {"input", "scale", "shift", "mean", "variance"};
    for (int i = from; i < to; i++) {
        const struct tn_tensor *tensor = tn_node_constant(graph, node, i);
        if (tensor &&
            (tensor->dtype != TN_FLOAT32 || tensor->rank != 1 || tensor->dims[0] != channels))
            return tn_fail(error, TN_ERROR_INPUT, "its %s has %lld numbers, expected %lld",
                           roles[i], (long long)tensor->count, (long long)channels);
    }
    return true;
}

bool tn_shape_batch_norm(const struct tn_graph *graph, const struct tn_node *node,
                         struct tn_shape *out, struct tn_error *error)
{
    *out = tn_shape_of(graph, node, 0);
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
    return check_channels(graph, node, 1, 5, out->dims[1], error);
}

bool tn_shape_instance_norm(const struct tn_graph *graph, const struct tn_node *node,
                            struct tn_shape *out, struct tn_error *error)
{
    *out = tn_shape_of(graph, node, 0);
    if (!out->known)
        return true;
    if (out->rank < 3)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,H,W]",
                       out->rank);
    return check_channels(graph, node, 1, 3, out->dims[1], error);
}

/* Scale and shift stretch over the axes that are normalised. */
bool tn_shape_layer_norm(const struct tn_graph *graph, const struct tn_node *node,
                         struct tn_shape *out, struct tn_error *error)
{
    int axis = 0;
    *out = tn_shape_of(graph, node, 0);
    if (!out->known)
        return true;
    if (!tn_axis_of(node, out->rank, -1, &axis, error))
        return false;
    if (out->dims[axis] == TN_BATCH) {
        out->known = false; /* across the batch: not known before it runs */
        return true;
    }
    for (int i = 1; i < 3; i++) {
        const struct tn_tensor *tensor = tn_node_constant(graph, node, i);
        bool fits = !tensor || (tensor->dtype == TN_FLOAT32 && tensor->rank <= out->rank);
        for (int d = 0; fits && tensor && d < tensor->rank; d++) {
            int64_t size = out->dims[out->rank - tensor->rank + d];
            fits = tensor->dims[d] == 1 || tensor->dims[d] == size;
        }
        if (!fits)
            return tn_fail(error, TN_ERROR_INPUT, "its %s does not stretch to what is normalised",
                           i == 1 ? "scale" : "shift");
    }
    return true;
}

bool tn_shape_lrn(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                  struct tn_error *error)
{
    int64_t size = tn_node_int(node, "size", 0);
    *out = tn_shape_of(graph, node, 0);
    if (out->known && out->rank < 2)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,...]",
                       out->rank);
    if (size < 1)
        return tn_fail(error, TN_ERROR_INPUT, "its size is %lld", (long long)size);
    return true;
}
