#include "prune/take.h"

#include <string.h>

static void scale_block(enum tn_dtype dtype, size_t count, double factor, void *block)
{
    if (dtype == TN_INT64)
        return; /* shapes and indices have no scale */
    if (dtype == TN_DOUBLE) {
        double *values = block;
        for (size_t i = 0; i < count; i++)
            values[i] *= factor;
        return;
    }
    float *values = block;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(factor * values[i]);
}

struct tn_tensor *tn_tensor_take(const struct tn_tensor *tensor, int axis,
                                 const struct tn_take *take, struct tn_error *error)
{
    size_t per_channel = (size_t)take->per_channel;
    bool fits = axis >= 0 && axis < tensor->rank;
    for (int i = 0; fits && i < take->count; i++)
        fits = ((int64_t)take->keep[i] + 1) * take->per_channel <= tensor->dims[axis];
    if (!fits) {
        tn_fail(error, TN_ERROR_INPUT, "the weights do not have the channels to be kept");
        return NULL;
    }
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, tensor->dims, sizeof dims);
    dims[axis] = (int64_t)take->count * take->per_channel;
    struct tn_tensor *taken = tn_tensor_new(tensor->dtype, tensor->rank, dims, error);
    if (!taken)
        return NULL;
    size_t outer = 1, inner = per_channel;
    for (int i = 0; i < axis; i++)
        outer *= (size_t)tensor->dims[i];
    for (int i = axis + 1; i < tensor->rank; i++)
        inner *= (size_t)tensor->dims[i];
    /* `inner` numbers in a row are one channel; a slab is all channels at one outer position. */
    size_t size = inner * tn_dtype_size(tensor->dtype);
    size_t slab = size / per_channel * (size_t)tensor->dims[axis];
    char *target = taken->data;
    for (size_t o = 0; o < outer; o++) {
        const char *source = (const char *)tensor->data + o * slab;
        for (int i = 0; i < take->count; i++) {
            memcpy(target, source + (size_t)take->keep[i] * size, size);
            if (take->scale)
                scale_block(tensor->dtype, inner, take->scale[i], target);
            target += size;
        }
    }
    return taken;
}
