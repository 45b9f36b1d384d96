/* Shapes of what leaves the numbers where they are, under other axes. */
#include "model/argument.h"
#include "model/axes.h"
#include "model/shape_parts.h"

bool tn_shape_flatten(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_shape *out, struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    *out = tn_shape_unknown;
    if (!in.known)
        return true;
    int64_t axis = tn_node_int(node, "axis", 1);
    if (axis < -in.rank || axis > in.rank)
        return tn_fail(error, TN_ERROR_INPUT, "axis %lld does not exist in %d dimensions",
                       (long long)axis, in.rank);
    int split = (int)(axis < 0 ? axis + in.rank : axis);
    int64_t before, after;
    if (tn_shape_has_batch(&in) && split == 1)
        before = TN_BATCH;
    else if (!tn_shape_product(&in, 0, split, &before))
        return true;
    if (!tn_shape_product(&in, split, in.rank, &after))
        return true;
    *out = (struct tn_shape){.known = true, .dtype = in.dtype, .rank = 2, .dims = {before, after}};
    return true;
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

static bool reshape_to(const struct tn_graph *graph, const struct tn_shape *in, const int64_t *list,
                       size_t count, bool zero_copies, struct tn_shape *out, struct tn_error *error)
{
    int from = tn_shape_has_batch(in) ? 1 : 0, open = -1;
    int64_t rest, wanted = 1;
    struct tn_shape made = {.known = true, .dtype = in->dtype, .rank = (int)count};
    if (count > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT, "it makes %zu dimensions, at most %d are supported",
                       count, TN_MAX_RANK);
    if (!tn_shape_product(in, from, in->rank, &rest) || (from == 1 && count == 0))
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

bool tn_shape_reshape(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_shape *out, struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    bool constant = true;
    struct tn_ints list = tn_ints_of(graph, node, 1, NULL, &constant);
    const struct tn_tensor *given = tn_node_constant(graph, node, 1);
    *out = tn_shape_unknown;
    if (given && !list.list)
        return tn_fail(error, TN_ERROR_INPUT, "its shape is no list of whole numbers");
    if (!in.known || !constant || !list.list)
        return true;
    return reshape_to(graph, &in, list.list, list.count, tn_node_int(node, "allowzero", 0) == 0,
                      out, error);
}

bool tn_shape_squeeze(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_shape *out, struct tn_error *error)
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
    for (int i = 0; i < in.rank; i++) {
        if (axes.chosen[i] && in.dims[i] != 1)
            return tn_fail(error, TN_ERROR_INPUT, "it drops dimension %d, which has %lld", i,
                           (long long)in.dims[i]);
        if (!axes.chosen[i])
            out->dims[out->rank++] = in.dims[i];
    }
    return true;
}

bool tn_shape_unsqueeze(const struct tn_graph *graph, const struct tn_node *node,
                        struct tn_shape *out, struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    struct tn_axes axes;
    bool constant;
    int from = 0;
    *out = tn_shape_unknown;
    if (!in.known)
        return true;
    if (!tn_axes_of(graph, node, &axes, &constant, error))
        return false;
    if (!constant)
        return true;
    *out = (struct tn_shape){.known = true, .dtype = in.dtype, .rank = axes.rank};
    for (int i = 0; i < axes.rank; i++)
        out->dims[i] = axes.chosen[i] ? 1 : in.dims[from++];
    return true;
}

/* Broadcasting against a list of sizes. */
bool tn_shape_expand(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    bool constant = true;
    struct tn_ints list = tn_ints_of(graph, node, 1, NULL, &constant);
    *out = tn_shape_unknown;
    if (!in.known || !constant)
        return true;
    if (list.count > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT, "it makes %zu dimensions, at most %d are supported",
                       list.count, TN_MAX_RANK);
    int wanted = (int)list.count, rank = wanted > in.rank ? wanted : in.rank;
    *out = (struct tn_shape){.known = true, .dtype = in.dtype, .rank = rank};
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - in.rank), listed = i - (rank - wanted);
        int64_t size = listed < 0 ? 1 : list.list[listed];
        if (size < 0)
            return tn_fail(error, TN_ERROR_INPUT, "its shape has a negative dimension");
        out->dims[i] = own < 0 ? 1 : in.dims[own];
        if (!tn_shape_stretch(graph, i, &out->dims[i], size, &out->known, error))
            return false;
    }
    return true;
}
