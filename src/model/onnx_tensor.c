/* TensorProto into tensors. */
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_parts.h"

#include <string.h>

static bool read_claim(const Onnx__TensorProto *proto, struct tn_onnx_claim *claim,
                       struct tn_error *error)
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
        if (proto->dims[i] < 0 || !tn_mul(claim->count, (size_t)proto->dims[i], &claim->count) ||
            !tn_mul(claim->count, tn_element_size(claim->element), &claim->size))
            return tn_fail(error, TN_ERROR_INPUT, "its dimension %zu is %lld", i,
                           (long long)proto->dims[i]);
    claim->size = claim->count * tn_element_size(claim->element);
    return true;
}

static bool check_count(size_t found, const struct tn_onnx_claim *claim, struct tn_error *error)
{
    if (found != claim->count)
        return tn_fail(error, TN_ERROR_INPUT, "it holds %zu numbers, its dimensions say %zu", found,
                       claim->count);
    return true;
}

/* Copy piece by piece, so that of a mapped file only one piece is in memory at a time. */
static void decode(const struct tn_onnx_claim *claim, const uint8_t *raw,
                   struct tn_mapping *mapping, struct tn_tensor *tensor)
{
    enum { PIECE = 1 << 18 };
    size_t size = tn_element_size(claim->element), width = tn_dtype_size(claim->dtype);
    for (size_t i = 0; i < claim->count; i += PIECE) {
        size_t count = claim->count - i < PIECE ? claim->count - i : PIECE;
        tn_elements_decode(claim->element, raw + i * size, count, (char *)tensor->data + i * width);
        if (mapping && mapping->large)
            tn_mapping_pass(mapping, raw + i * size, count * size);
    }
}

/* The data of initializers is left in the file, that of attributes is decoded into memory that goes
 * with its message. */
static bool is_in_file(const struct tn_mapping *mapping, const uint8_t *raw)
{
    uintptr_t at = (uintptr_t)raw, begin = mapping ? (uintptr_t)mapping->bytes : 0;
    return mapping && at >= begin && at - begin < mapping->size;
}

struct tn_tensor *tn_onnx_tensor_of_bytes(const struct tn_onnx_claim *claim, const uint8_t *raw,
                                          struct tn_mapping *mapping, struct tn_error *error)
{
    if (!is_in_file(mapping, raw))
        mapping = NULL;
    bool same = TN_LITTLE_ENDIAN && claim->element == (int)claim->dtype &&
                (uintptr_t)raw % tn_dtype_size(claim->dtype) == 0;
    if (same && mapping && mapping->large && claim->count > 0)
        return tn_tensor_view(claim->dtype, claim->rank, claim->dims, raw, mapping, error);
    struct tn_tensor *tensor = tn_tensor_new_unset(claim->dtype, claim->rank, claim->dims, error);
    if (tensor)
        decode(claim, raw, mapping, tensor);
    return tensor;
}

static struct tn_tensor *from_raw(const Onnx__TensorProto *proto, const struct tn_onnx_claim *claim,
                                  struct tn_mapping *mapping, struct tn_error *error)
{
    size_t size = tn_element_size(claim->element);
    if (proto->raw_data.len % size != 0) {
        tn_fail(error, TN_ERROR_INPUT, "its %zu bytes are not whole numbers of %zu bytes",
                proto->raw_data.len, size);
        return NULL;
    }
    if (!check_count(proto->raw_data.len / size, claim, error))
        return NULL;
    return tn_onnx_tensor_of_bytes(claim, proto->raw_data.data, mapping, error);
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

static struct tn_tensor *from_fields(const Onnx__TensorProto *proto,
                                     const struct tn_onnx_claim *claim, struct tn_error *error)
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

static struct tn_tensor *from_source(const Onnx__TensorProto *proto,
                                     const struct tn_onnx_claim *claim,
                                     const struct tn_onnx_source *source, struct tn_error *error)
{
    const char *hex = tn_onnx_external_value(proto, TN_DIGEST_KEY);
    struct tn_digest digest;
    if (source->external)
        return tn_onnx_read_external(source->external, proto, claim, error);
    if (!source->fetch || !hex) {
        tn_fail(error, TN_ERROR_INPUT, "its data is in another file");
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
    struct tn_onnx_claim claim;
    if (!read_claim(proto, &claim, error))
        return NULL;
    *stored_type = claim.element == (int)claim.dtype ? 0 : claim.element;
    if (proto->data_location == TN_DATA_EXTERNAL)
        return from_source(proto, &claim, source, error);
    if (proto->has_raw_data)
        return from_raw(proto, &claim, source->mapping, error);
    return from_fields(proto, &claim, error);
}
