/* TensorProto into tensors. */
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_parts.h"

#include <string.h>

/* What the message claims to hold, checked as far as it can be without looking at the data. */
struct claim {
    int element;
    enum tn_dtype dtype;
    int rank;
    const int64_t *dims;
    size_t count;
};

static bool read_claim(const Onnx__TensorProto *proto, struct claim *claim, struct tn_error *error)
{
    claim->element = proto->data_type;
    if (!tn_element_dtype(claim->element, &claim->dtype))
        return tn_fail(error, TN_ERROR_INPUT, "its element type %d is not supported",
                       claim->element);
    if (proto->n_dims > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT, "it has %zu dimensions, at most %d are supported",
                       proto->n_dims, TN_MAX_RANK);
    claim->rank = (int)proto->n_dims;
    claim->dims = proto->dims;
    claim->count = 1;
    for (size_t i = 0; i < proto->n_dims; i++)
        if (proto->dims[i] < 0 || !tn_mul(claim->count, (size_t)proto->dims[i], &claim->count))
            return tn_fail(error, TN_ERROR_INPUT, "its dimension %zu is %lld", i,
                           (long long)proto->dims[i]);
    return true;
}

static bool check_count(size_t found, const struct claim *claim, struct tn_error *error)
{
    if (found != claim->count)
        return tn_fail(error, TN_ERROR_INPUT, "it holds %zu numbers, its dimensions say %zu", found,
                       claim->count);
    return true;
}

static struct tn_tensor *from_raw(const Onnx__TensorProto *proto, const struct claim *claim,
                                  struct tn_error *error)
{
    size_t size = tn_element_size(claim->element);
    if (proto->raw_data.len % size != 0) {
        tn_fail(error, TN_ERROR_INPUT, "its %zu bytes are not whole numbers of %zu bytes",
                proto->raw_data.len, size);
        return NULL;
    }
    if (!check_count(proto->raw_data.len / size, claim, error))
        return NULL;
    struct tn_tensor *tensor = tn_tensor_new(claim->dtype, claim->rank, claim->dims, error);
    if (tensor)
        tn_elements_decode(claim->element, proto->raw_data.data, claim->count, tensor->data);
    return tensor;
}

/* How many numbers the field has that goes with the element type. */
static size_t typed_count(const Onnx__TensorProto *proto, int element)
{
    switch (element) {
    case TN_ELEMENT_FLOAT:
        return proto->n_float_data;
    case TN_ELEMENT_DOUBLE:
        return proto->n_double_data;
    case TN_ELEMENT_INT64:
        return proto->n_int64_data;
    case TN_ELEMENT_UINT32:
    case TN_ELEMENT_UINT64:
        return proto->n_uint64_data;
    default:
        return proto->n_int32_data;
    }
}

static float float_from_field(const Onnx__TensorProto *proto, int element, size_t i)
{
    if (element == TN_ELEMENT_FLOAT)
        return proto->float_data[i];
    if (element == TN_ELEMENT_DOUBLE)
        return (float)proto->double_data[i];
    uint16_t bits = (uint16_t)proto->int32_data[i];
    return element == TN_ELEMENT_HALF ? tn_half_to_float(bits) : tn_bfloat16_to_float(bits);
}

static int64_t int_from_field(const Onnx__TensorProto *proto, int element, size_t i)
{
    if (element == TN_ELEMENT_INT64)
        return proto->int64_data[i];
    if (element == TN_ELEMENT_UINT32 || element == TN_ELEMENT_UINT64)
        return tn_element_wrap(element, (int64_t)proto->uint64_data[i]);
    return tn_element_wrap(element, proto->int32_data[i]);
}

static struct tn_tensor *from_fields(const Onnx__TensorProto *proto, const struct claim *claim,
                                     struct tn_error *error)
{
    if (!check_count(typed_count(proto, claim->element), claim, error))
        return NULL;
    struct tn_tensor *tensor = tn_tensor_new(claim->dtype, claim->rank, claim->dims, error);
    for (size_t i = 0; tensor && i < claim->count; i++) {
        if (claim->dtype == TN_FLOAT32)
            tn_tensor_floats(tensor)[i] = float_from_field(proto, claim->element, i);
        else
            tn_tensor_ints(tensor)[i] = int_from_field(proto, claim->element, i);
    }
    return tensor;
}

static const char *external_value(const Onnx__TensorProto *proto, const char *key)
{
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = proto->external_data[i];
        if (entry->key && entry->value && strcmp(entry->key, key) == 0)
            return entry->value;
    }
    return NULL;
}

static struct tn_tensor *from_source(const Onnx__TensorProto *proto, const struct claim *claim,
                                     const struct tn_onnx_source *source, struct tn_error *error)
{
    const char *hex = external_value(proto, TN_DIGEST_KEY);
    struct tn_digest digest;
    if (!source || !source->fetch || !hex) {
        tn_fail(error, TN_ERROR_INPUT,
                "its data is in another file; save the network with its weights inside");
        return NULL;
    }
    if (!tn_digest_parse(hex, &digest)) {
        tn_fail(error, TN_ERROR_INPUT, "its digest is not %d hexadecimal figures",
                TN_DIGEST_HEX - 1);
        return NULL;
    }
    struct tn_tensor *tensor = source->fetch(source->context, &digest, error);
    if (!tensor)
        return NULL;
    bool same = tensor->dtype == claim->dtype && tensor->rank == claim->rank;
    for (int i = 0; same && i < claim->rank; i++)
        same = tensor->dims[i] == claim->dims[i];
    if (same)
        return tensor;
    tn_tensor_unref(tensor);
    tn_fail(error, TN_ERROR_INPUT, "the tensor kept for it has another type or shape");
    return NULL;
}

struct tn_tensor *tn_onnx_read_tensor(const Onnx__TensorProto *proto,
                                      const struct tn_onnx_source *source, int *stored_type,
                                      struct tn_error *error)
{
    struct claim claim;
    if (!read_claim(proto, &claim, error))
        return NULL;
    *stored_type = claim.dtype == TN_INT64 && claim.element != TN_ELEMENT_INT64 ? claim.element : 0;
    if (proto->data_location == TN_DATA_EXTERNAL)
        return from_source(proto, &claim, source, error);
    if (proto->has_raw_data)
        return from_raw(proto, &claim, error);
    return from_fields(proto, &claim, error);
}
