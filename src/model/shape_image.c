/* Shapes of what slides over images, and of what makes them larger and smaller. */
#include "model/axes.h"
#include "model/resize.h"
#include "model/shape_parts.h"
#include "model/window.h"

#include <string.h>

bool tn_shape_window(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    bool convolution = node->op == TN_OP_CONV || node->op == TN_OP_CONV_TRANSPOSE;
    struct tn_window window;
    *out = tn_shape_unknown;
    /* Volumes and computed weights can be shown, not run. */
    if (!in.known || in.rank == 5 || (convolution && !tn_node_constant(graph, node, 1)))
        return true;
    if (!tn_window_decode(graph, node, &window, error))
        return false;
    *out = in;
    out->dims[1] = window.channels_out;
    out->dims[in.rank - 1] = window.out[1];
    if (in.rank == 4)
        out->dims[2] = window.out[0];
    return true;
}

bool tn_shape_global_pool(const struct tn_graph *graph, const struct tn_node *node,
                          struct tn_shape *out, struct tn_error *error)
{
    *out = tn_shape_of(graph, node, 0);
    if (out->known && out->rank < 3)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,H,W]",
                       out->rank);
    for (int i = 2; i < out->rank; i++)
        out->dims[i] = 1;
    return true;
}

bool tn_shape_resize(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_resize resize;
    bool constant;
    *out = tn_shape_of(graph, node, 0);
    if (!out->known)
        return true;
    if (!tn_resize_of(graph, node, &resize, &constant, error))
        return false;
    out->known = constant;
    memcpy(out->dims, resize.out, sizeof out->dims);
    return true;
}

bool tn_shape_depth(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                    struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    struct tn_depth depth;
    *out = in;
    if (!in.known)
        return true;
    if (!tn_depth_of(node, &depth, error))
        return false;
    if (in.rank != 4)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,H,W]",
                       in.rank);
    int64_t block = depth.block, area = block * block, most = INT64_C(1) << 40;
    for (int i = 1; i < 4; i++)
        if (in.dims[i] > most / area)
            return tn_fail(error, TN_ERROR_INPUT, "its output is larger than any memory");
    bool deepen = node->op == TN_OP_SPACE_TO_DEPTH;
    bool fits =
        deepen ? in.dims[2] % block == 0 && in.dims[3] % block == 0 : in.dims[1] % area == 0;
    if (!fits)
        return tn_fail(
            error, TN_ERROR_INPUT, "[%lld,%lld,%lld] does not divide into blocks of %lld",
            (long long)in.dims[1], (long long)in.dims[2], (long long)in.dims[3], (long long)block);
    out->dims[1] = deepen ? in.dims[1] * area : in.dims[1] / area;
    for (int i = 2; i < 4; i++)
        out->dims[i] = deepen ? in.dims[i] / block : in.dims[i] * block;
    return true;
}
