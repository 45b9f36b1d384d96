/* Evaluation of what moves numbers without looking at them. */
#include "model/argument.h"
#include "model/axes.h"
#include "model/evaluate_parts.h"
#include "model/slice.h"

#include "core/memory.h"

#include <string.h>

/* Numbers after dimension `axis`, or before it. */
static size_t product(const int64_t *dims, int from, int to)
{
    size_t count = 1;
    for (int i = from; i < to; i++)
        count *= (size_t)dims[i];
    return count;
}

static struct tn_tensor *reshaped(const struct tn_work *work, int rank, const int64_t *dims)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_tensor *result = tn_work_result(work, data->dtype, rank, dims);
    if (result && result->count == data->count) {
        memcpy(result->data, data->data, data->bytes);
        return result;
    }
    tn_tensor_unref(result);
    return NULL;
}

struct tn_tensor *tn_evaluate_reshape(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    size_t rest = 1;
    bool fixed = true;
    struct tn_ints shape = tn_ints_of(work->graph, work->node, 1, NULL, &fixed);
    const int64_t *list = shape.list;
    size_t rank = shape.count;
    int64_t dims[TN_MAX_RANK];
    int open = -1;
    bool zero_copies = tn_node_int(work->node, "allowzero", 0) == 0;
    if (!data || !list || rank > TN_MAX_RANK)
        return NULL;
    for (int i = 0; i < (int)rank; i++) {
        dims[i] = list[i];
        if (list[i] == 0 && zero_copies) {
            if (i >= data->rank)
                return NULL;
            dims[i] = data->dims[i];
        }
        if (list[i] == -1 && open >= 0)
            return NULL;
        if (list[i] == -1)
            open = i;
        else if (dims[i] < 0 || !tn_mul(rest, (size_t)dims[i], &rest))
            return NULL;
    }
    if (open >= 0) {
        if (rest == 0 || data->count % rest != 0)
            return NULL;
        dims[open] = (int64_t)(data->count / rest);
    }
    return reshaped(work, (int)rank, dims);
}

struct tn_tensor *tn_evaluate_unsqueeze(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_axes axes;
    bool fixed;
    int from = 0;
    int64_t dims[TN_MAX_RANK];
    /* What is wrong with the arguments, shape inference says; here and below. */
    if (!data || !tn_axes_of(work->graph, work->node, &axes, &fixed, NULL) || !fixed)
        return NULL;
    for (int i = 0; i < axes.rank; i++)
        dims[i] = axes.chosen[i] ? 1 : data->dims[from++];
    return reshaped(work, axes.rank, dims);
}

struct tn_tensor *tn_evaluate_squeeze(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_axes axes;
    bool fixed;
    int rank = 0;
    int64_t dims[TN_MAX_RANK];
    if (!data || !tn_axes_of(work->graph, work->node, &axes, &fixed, NULL) || !fixed)
        return NULL;
    for (int i = 0; i < axes.rank; i++) {
        if (axes.chosen[i] && data->dims[i] != 1)
            return NULL;
        if (!axes.chosen[i])
            dims[rank++] = data->dims[i];
    }
    return reshaped(work, rank, dims);
}

struct tn_tensor *tn_evaluate_flatten(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    int64_t axis = tn_node_int(work->node, "axis", 1);
    if (!data || axis < -data->rank || axis > data->rank)
        return NULL;
    int split = (int)(axis < 0 ? axis + data->rank : axis);
    const int64_t dims[] = {(int64_t)product(data->dims, 0, split),
                            (int64_t)product(data->dims, split, data->rank)};
    return reshaped(work, 2, dims);
}

/* Copy from `data` into `result`, dimension by dimension: element (i0, i1, ...) of the result is
 * element first + i0 step0 + i1 step1 + ... of the data. */
static void copy_strided(struct tn_tensor *result, const struct tn_tensor *data, int64_t first,
                         const int64_t *steps)
{
    size_t size = tn_dtype_size(data->dtype);
    int64_t at[TN_MAX_RANK] = {0};
    for (size_t i = 0; i < result->count; i++) {
        memcpy((char *)result->data + i * size, (const char *)data->data + (size_t)first * size,
               size);
        for (int d = result->rank - 1; d >= 0; d--) {
            first += steps[d];
            if (++at[d] < result->dims[d])
                break;
            first -= at[d] * steps[d];
            at[d] = 0;
        }
    }
}

struct tn_tensor *tn_evaluate_transpose(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    int64_t strides[TN_MAX_RANK] = {0}, steps[TN_MAX_RANK], dims[TN_MAX_RANK];
    int perm[TN_MAX_RANK];
    if (!data || !tn_transpose_of(work->graph, work->node, perm, NULL))
        return NULL;
    tn_strides_of(data, strides);
    for (int i = 0; i < data->rank; i++) {
        dims[i] = data->dims[perm[i]];
        steps[i] = strides[perm[i]];
    }
    struct tn_tensor *result = tn_work_result(work, data->dtype, data->rank, dims);
    if (result)
        copy_strided(result, data, 0, steps);
    return result;
}

struct tn_tensor *tn_evaluate_slice(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_slice slice;
    bool fixed;
    if (!data || !tn_slice_of(work->graph, work->node, &slice, &fixed, NULL) || !fixed)
        return NULL;
    int64_t steps[TN_MAX_RANK], first = 0;
    tn_strides_of(data, steps);
    for (int i = 0; i < data->rank; i++) {
        first += slice.start[i] * steps[i];
        steps[i] = slice.count[i] > 1 ? steps[i] * slice.step[i] : 0; /* a step may be vast */
    }
    struct tn_tensor *result = tn_work_result(work, data->dtype, data->rank, slice.count);
    if (result)
        copy_strided(result, data, first, steps);
    return result;
}

struct tn_tensor *tn_evaluate_gather(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0), *indices = tn_work_input(work, 1);
    struct tn_gather gather;
    bool fixed;
    if (!data || data->rank == 0 || !indices || indices->dtype != TN_INT64 ||
        data->rank - 1 + indices->rank > TN_MAX_RANK)
        return NULL;
    int64_t dims[TN_MAX_RANK];
    int rank = 0, axis = 0;
    if (!tn_axis_of(work->node, data->rank, 0, &axis, NULL))
        return NULL;
    for (int i = 0; i < axis; i++)
        dims[rank++] = data->dims[i];
    for (int i = 0; i < indices->rank; i++)
        dims[rank++] = indices->dims[i];
    for (int i = axis + 1; i < data->rank; i++)
        dims[rank++] = data->dims[i];
    /* Room first: once the budget is spent, no long list is looked through again. */
    struct tn_tensor *result = tn_work_result(work, data->dtype, rank, dims);
    if (!result || result->count == 0)
        return result;
    if (!tn_gather_of(work->graph, work->node, &gather, &fixed, NULL) || !fixed) {
        tn_tensor_unref(result);
        return NULL;
    }
    size_t outer = product(data->dims, 0, axis), size = (size_t)gather.size;
    size_t block = product(data->dims, axis + 1, data->rank) * tn_dtype_size(data->dtype);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < indices->count; i++)
            memcpy((char *)result->data + (o * indices->count + i) * block,
                   (const char *)data->data + (o * size + (size_t)tn_gather_at(&gather, i)) * block,
                   block);
    return result;
}

/* Do all inputs agree but for dimension `axis`? Their sum along it goes to *sum. */
static bool can_concat(const struct tn_work *work, int axis, int64_t *sum)
{
    const struct tn_tensor *first = tn_work_input(work, 0);
    *sum = 0;
    for (int i = 0; i < work->node->input_count; i++) {
        const struct tn_tensor *next = tn_work_input(work, i);
        if (!next || next->rank != first->rank || next->dtype != first->dtype)
            return false;
        for (int d = 0; d < first->rank; d++)
            if (d != axis && next->dims[d] != first->dims[d])
                return false;
        if (__builtin_add_overflow(*sum, next->dims[axis], sum))
            return false;
    }
    return true;
}

struct tn_tensor *tn_evaluate_concat(const struct tn_work *work)
{
    const struct tn_tensor *first = tn_work_input(work, 0);
    int axis = 0;
    int64_t sum, dims[TN_MAX_RANK];
    if (!first || !tn_concat_axis(work->graph, work->node, &axis, NULL) || axis >= first->rank ||
        !can_concat(work, axis, &sum))
        return NULL;
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = sum;
    struct tn_tensor *result = tn_work_result(work, first->dtype, first->rank, dims);
    if (!result || result->count == 0)
        return result;
    size_t outer = product(dims, 0, axis);
    size_t unit = product(dims, axis + 1, first->rank) * tn_dtype_size(first->dtype);
    char *to = result->data;
    for (size_t o = 0; o < outer; o++)
        for (int i = 0; i < work->node->input_count; i++) {
            const struct tn_tensor *next = tn_work_input(work, i);
            size_t block = (size_t)next->dims[axis] * unit;
            memcpy(to, (const char *)next->data + o * block, block);
            to += block;
        }
    return result;
}

struct tn_tensor *tn_evaluate_split(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_split split;
    bool fixed;
    if (!data || !tn_split_of(work->graph, work->node, &split, &fixed, NULL) || !fixed)
        return NULL;
    int64_t steps[TN_MAX_RANK], dims[TN_MAX_RANK], start = 0;
    for (int i = 0; i < work->output; i++)
        start += tn_split_size(&split, i);
    tn_strides_of(data, steps);
    memcpy(dims, data->dims, sizeof dims);
    dims[split.axis] = tn_split_size(&split, work->output);
    struct tn_tensor *result = tn_work_result(work, data->dtype, data->rank, dims);
    if (result)
        copy_strided(result, data, start * steps[split.axis], steps);
    return result;
}

struct tn_tensor *tn_evaluate_expand(const struct tn_work *work)
{
    struct tn_tensor *data = tn_work_input(work, 0);
    bool fixed = true;
    struct tn_ints list = tn_ints_of(work->graph, work->node, 1, NULL, &fixed);
    struct tn_walk walk;
    if (!data || !fixed || list.count > TN_MAX_RANK || !tn_walk_begin(&walk, 1, &data))
        return NULL;
    int count = (int)list.count, rank = count > data->rank ? count : data->rank;
    int64_t dims[TN_MAX_RANK], steps[TN_MAX_RANK] = {0};
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - data->rank), listed = i - (rank - count);
        int64_t size = own < 0 ? 1 : data->dims[own], wanted = listed < 0 ? 1 : list.list[listed];
        if (size != 1 && wanted != 1 && wanted != size)
            return NULL;
        dims[i] = size == 1 ? wanted : size;
        steps[i] = size == 1 ? 0 : walk.steps[0][own];
    }
    struct tn_tensor *result = tn_work_result(work, data->dtype, rank, dims);
    if (result)
        copy_strided(result, data, 0, steps);
    return result;
}

struct tn_tensor *tn_evaluate_tile(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0), *times = tn_work_input(work, 1);
    const int64_t *list = times ? tn_tensor_ints(times) : NULL;
    int64_t dims[TN_MAX_RANK] = {0}, strides[TN_MAX_RANK], at[TN_MAX_RANK] = {0};
    if (!data || !list || times->count != (size_t)data->rank)
        return NULL;
    for (int i = 0; i < data->rank; i++)
        if (list[i] < 0 || __builtin_mul_overflow(data->dims[i], list[i], &dims[i]))
            return NULL;
    struct tn_tensor *result = tn_work_result(work, data->dtype, data->rank, dims);
    size_t size = tn_dtype_size(data->dtype);
    tn_strides_of(data, strides);
    for (size_t i = 0; result && i < result->count; i++) {
        int64_t from = 0;
        for (int d = 0; d < data->rank; d++)
            from += at[d] % data->dims[d] * strides[d];
        memcpy((char *)result->data + i * size, (const char *)data->data + (size_t)from * size,
               size);
        for (int d = data->rank - 1; d >= 0 && ++at[d] == dims[d]; d--)
            at[d] = 0;
    }
    return result;
}

/* Where a row of ScatterND's indices points to, in elements; -1 beyond the data. */
static int64_t scatter_place(const struct tn_tensor *data, const int64_t *index, int64_t depth)
{
    int64_t strides[TN_MAX_RANK], place = 0;
    tn_strides_of(data, strides);
    for (int64_t i = 0; i < depth; i++) {
        int64_t at = index[i] < 0 ? index[i] + data->dims[i] : index[i];
        if (at < 0 || at >= data->dims[i])
            return -1;
        place += at * strides[i];
    }
    return place;
}

struct tn_tensor *tn_evaluate_scatter(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0), *indices = tn_work_input(work, 1),
                           *updates = tn_work_input(work, 2);
    const int64_t *index = indices ? tn_tensor_ints(indices) : NULL;
    if (!data || !index || !updates || indices->rank == 0 || updates->dtype != data->dtype ||
        strcmp(tn_node_string(work->node, "reduction", "none"), "none") != 0)
        return NULL;
    int64_t depth = indices->dims[indices->rank - 1];
    if (depth < 1 || depth > data->rank)
        return NULL;
    size_t rows = indices->count / (size_t)depth, size = tn_dtype_size(data->dtype);
    size_t block = product(data->dims, (int)depth, data->rank), most;
    if (!tn_mul(rows, block, &most) || most != updates->count)
        return NULL;
    struct tn_tensor *result = tn_work_result(work, data->dtype, data->rank, data->dims);
    if (!result)
        return NULL;
    memcpy(result->data, data->data, data->bytes);
    for (size_t i = 0; i < rows; i++) {
        int64_t place = scatter_place(data, index + i * (size_t)depth, depth);
        if (place < 0) {
            tn_tensor_unref(result);
            return NULL;
        }
        memcpy((char *)result->data + (size_t)place * size,
               (const char *)updates->data + i * block * size, block * size);
    }
    return result;
}
