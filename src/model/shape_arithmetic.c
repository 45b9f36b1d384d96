/* Shapes of what works on numbers by themselves, with broadcasting, or along axes. */
#include "model/axes.h"
#include "model/element.h"
#include "model/shape_parts.h"

bool tn_shape_same(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                   struct tn_error *error)
{
    (void)error;
    *out = tn_shape_of(graph, node, 0);
    return true;
}

bool tn_shape_cast(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                   struct tn_error *error)
{
    (void)error;
    *out = tn_shape_of(graph, node, 0);
    if (!tn_element_dtype(tn_node_int(node, "to", 0), &out->dtype))
        *out = tn_shape_unknown;
    return true;
}

bool tn_shape_clip(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                   struct tn_error *error)
{
    float least, greatest;
    bool constant;
    *out = tn_shape_of(graph, node, 0);
    return tn_clip_of(graph, node, &least, &greatest, &constant, error);
}

bool tn_shape_softmax(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_shape *out, struct tn_error *error)
{
    int from, to;
    *out = tn_shape_of(graph, node, 0);
    return !out->known || tn_softmax_of(graph, node, &from, &to, error);
}

bool tn_shape_stretch(const struct tn_graph *graph, int axis, int64_t *size, int64_t other,
                      bool *known, struct tn_error *error)
{
    int64_t mine = *size;
    if (mine == other || other == 1)
        return true;
    *size = other;
    if (mine == 1)
        return true;
    if (mine != TN_BATCH && other != TN_BATCH)
        return tn_fail(error, TN_ERROR_INPUT, "its inputs differ in dimension %d: %lld and %lld",
                       axis, (long long)mine, (long long)other);
    int64_t number = mine == TN_BATCH ? other : mine;
    if (number != graph->info.batch_size)
        *known = false;
    *size = TN_BATCH;
    return true;
}

/* Broadcasting as in NumPy: shapes are aligned at their ends. */
static bool stretch_over(const struct tn_graph *graph, struct tn_shape *out,
                         const struct tn_shape *next, struct tn_error *error)
{
    struct tn_shape wide = next->rank > out->rank ? *next : *out;
    const struct tn_shape *narrow = next->rank > out->rank ? out : next;
    int shift = wide.rank - narrow->rank;
    wide.dtype = out->dtype;
    for (int i = 0; i < narrow->rank; i++)
        if (!tn_shape_stretch(graph, i + shift, &wide.dims[i + shift], narrow->dims[i], &wide.known,
                              error))
            return false;
    *out = wide;
    return true;
}

bool tn_shape_broadcast(const struct tn_graph *graph, const struct tn_node *node,
                        struct tn_shape *out, struct tn_error *error)
{
    *out = tn_shape_of(graph, node, 0);
    for (int i = 1; i < node->input_count; i++) {
        struct tn_shape next = tn_shape_of(graph, node, i);
        if (node->inputs[i] == TN_NO_VALUE)
            return tn_fail(error, TN_ERROR_INPUT, "input %d is missing", i + 1);
        if (!out->known || !next.known)
            out->known = false;
        else if (!stretch_over(graph, out, &next, error))
            return false;
    }
    return true;
}

bool tn_shape_prelu(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                    struct tn_error *error)
{
    struct tn_shape slope = tn_shape_of(graph, node, 1);
    *out = tn_shape_of(graph, node, 0);
    if (!out->known || !slope.known)
        return true;
    int shift = out->rank - slope.rank;
    for (int i = 0; i < slope.rank; i++) {
        int64_t size = slope.dims[i];
        if (shift == 0 && i == 0 && out->dims[0] == TN_BATCH && size != 1) {
            out->known = false; /* slopes for each image: not known before it runs */
            return true;
        }
        if (shift < 0 || (size != 1 && size != out->dims[i + shift]))
            return tn_fail(error, TN_ERROR_INPUT, "its slopes do not stretch to its input's shape");
    }
    return true;
}

bool tn_shape_reduce(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    struct tn_axes axes;
    bool constant;
    *out = tn_shape_unknown;
    if (!in.known)
        return true;
    if (!tn_axes_of(graph, node, &axes, &constant, error))
        return false;
    if (!constant || (tn_shape_has_batch(&in) && axes.chosen[0]))
        return true;
    *out = (struct tn_shape){.known = true, .dtype = in.dtype};
    for (int i = 0; i < in.rank; i++)
        if (!axes.chosen[i] || axes.keep)
            out->dims[out->rank++] = axes.chosen[i] ? 1 : in.dims[i];
    return true;
}
