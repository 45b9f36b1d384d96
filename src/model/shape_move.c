/* Shapes of what takes numbers from other places. */
#include "model/axes.h"
#include "model/shape_parts.h"
#include "model/slice.h"

#include <string.h>

bool tn_shape_slice(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                    struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    struct tn_slice slice;
    bool constant;
    *out = tn_shape_unknown;
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

bool tn_shape_pad(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                  struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    struct tn_padding padding;
    bool constant;
    *out = tn_shape_unknown;
    if (!in.known)
        return true;
    if (!tn_padding_of(graph, node, &padding, &constant, error))
        return false;
    if (!constant)
        return true;
    struct tn_shape made = in;
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

/* The first output; the others differ along the axis (tn_split_size). */
bool tn_shape_split(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                    struct tn_error *error)
{
    struct tn_split split;
    bool constant;
    *out = tn_shape_of(graph, node, 0);
    if (!out->known)
        return true;
    if (!tn_split_of(graph, node, &split, &constant, error))
        return false;
    out->known = constant;
    if (constant)
        out->dims[split.axis] = tn_split_size(&split, 0);
    return true;
}

/* The next input of a Concat joins what is there. */
static bool join(const struct tn_graph *graph, struct tn_shape *out, const struct tn_shape *next,
                 int axis, struct tn_error *error)
{
    if (next->rank != out->rank)
        return tn_fail(error, TN_ERROR_INPUT, "its inputs have %d and %d dimensions", out->rank,
                       next->rank);
    for (int i = 0; i < out->rank; i++) {
        int64_t mine = out->dims[i], other = next->dims[i];
        bool batch = mine == TN_BATCH || other == TN_BATCH;
        if (i == axis && batch)
            out->known = false;
        else if (i == axis && __builtin_add_overflow(mine, other, &out->dims[i]))
            return tn_fail(error, TN_ERROR_INPUT, "its output is larger than any memory");
        else if (i != axis && mine != other && !batch)
            return tn_fail(error, TN_ERROR_INPUT,
                           "its inputs differ in dimension %d: %lld and %lld", i, (long long)mine,
                           (long long)other);
        else if (i != axis && mine != other) {
            out->known &= (mine == TN_BATCH ? other : mine) == graph->info.batch_size;
            out->dims[i] = TN_BATCH;
        }
    }
    return true;
}

bool tn_shape_concat(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    int axis = 0;
    *out = tn_shape_of(graph, node, 0);
    for (int i = 0; i < node->input_count; i++)
        if (!tn_shape_of(graph, node, i).known) {
            out->known = false;
            return true;
        }
    if (!tn_concat_axis(graph, node, &axis, error))
        return false;
    for (int i = 1; i < node->input_count; i++) {
        struct tn_shape next = tn_shape_of(graph, node, i);
        if (!join(graph, out, &next, axis, error))
            return false;
    }
    return true;
}

bool tn_shape_gather(const struct tn_graph *graph, const struct tn_node *node, struct tn_shape *out,
                     struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0), indices = tn_shape_of(graph, node, 1);
    struct tn_gather gather;
    bool constant;
    *out = tn_shape_unknown;
    if (!in.known)
        return true;
    if (!tn_gather_of(graph, node, &gather, &constant, error))
        return false;
    if (!indices.known || gather.size == TN_BATCH || in.rank - 1 + indices.rank > TN_MAX_RANK)
        return true;
    *out = (struct tn_shape){.known = true, .dtype = in.dtype};
    for (int i = 0; i < gather.axis; i++)
        out->dims[out->rank++] = in.dims[i];
    for (int i = 0; i < indices.rank; i++)
        out->dims[out->rank++] = indices.dims[i];
    for (int i = gather.axis + 1; i < in.rank; i++)
        out->dims[out->rank++] = in.dims[i];
    return true;
}

bool tn_shape_transpose(const struct tn_graph *graph, const struct tn_node *node,
                        struct tn_shape *out, struct tn_error *error)
{
    struct tn_shape in = tn_shape_of(graph, node, 0);
    int perm[TN_MAX_RANK];
    *out = in;
    if (!in.known)
        return true;
    if (!tn_transpose_of(graph, node, perm, error))
        return false;
    for (int i = 0; i < in.rank; i++)
        out->dims[i] = in.dims[perm[i]];
    return true;
}
