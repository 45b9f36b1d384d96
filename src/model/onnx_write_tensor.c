/* Tensors and attributes into messages. */
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_write_parts.h"

#include <stdio.h>
#include <string.h>

/* Pieces of memory that are released together. */
struct tn_writing_piece {
    struct tn_writing_piece *next;
};

void *tn_writing_room(struct tn_writing *writing, size_t count, size_t size)
{
    size_t bytes;
    struct tn_writing_piece *piece = NULL;
    if (tn_mul(count, size, &bytes) && bytes < SIZE_MAX - TN_ALIGNMENT)
        piece = tn_calloc(bytes + TN_ALIGNMENT, 1);
    if (!piece) {
        writing->failed = true;
        return NULL;
    }
    piece->next = writing->pieces;
    writing->pieces = piece;
    return (char *)piece + TN_ALIGNMENT;
}

void tn_writing_release(struct tn_writing *writing)
{
    while (writing->pieces) {
        struct tn_writing_piece *next = writing->pieces->next;
        tn_free(writing->pieces);
        writing->pieces = next;
    }
}

static void *arena_alloc(void *writing, size_t size)
{
    return tn_writing_room(writing, size, 1);
}

static void arena_free(void *writing, void *memory)
{
    (void)writing;
    (void)memory; /* goes with the arena */
}

static void *unpack(struct tn_writing *writing, const ProtobufCMessageDescriptor *type,
                    const uint8_t *bytes, size_t size)
{
    ProtobufCAllocator arena = {arena_alloc, arena_free, writing};
    void *message = protobuf_c_message_unpack(type, &arena, size, bytes);
    writing->failed |= message == NULL;
    return message;
}

void *tn_writing_message(struct tn_writing *writing, const ProtobufCMessageDescriptor *type,
                         const struct tn_bytes *rest)
{
    return unpack(writing, type, rest ? rest->data : NULL, rest ? rest->size : 0);
}

static char *text_in(struct tn_writing *writing, const char *text)
{
    char *copy = tn_writing_room(writing, strlen(text) + 1, 1);
    if (copy)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

int tn_stored_element(enum tn_dtype dtype, int stored_type)
{
    return stored_type ? stored_type : (int)dtype;
}

static bool as_in_memory(const struct tn_tensor *tensor, int element)
{
    return TN_LITTLE_ENDIAN && element == (int)tensor->dtype;
}

static void set_data(struct tn_writing *writing, const struct tn_tensor *tensor, int element,
                     Onnx__TensorProto *proto)
{
    size_t size = tn_element_size(element);
    proto->has_raw_data = 1;
    proto->raw_data.len = tensor->count * size;
    if (as_in_memory(tensor, element)) {
        proto->raw_data.data = tensor->data;
        return;
    }
    proto->raw_data.data = tn_writing_room(writing, tensor->count, size);
    if (proto->raw_data.data)
        tn_elements_encode(element, tensor->data, tensor->count, proto->raw_data.data);
}

/* Data that is elsewhere, told by pairs of texts. */
static void set_external(struct tn_writing *writing, Onnx__TensorProto *proto, size_t count,
                         const char *const keys[], const char *const values[])
{
    Onnx__StringStringEntryProto *entries = tn_writing_room(writing, count, sizeof *entries);
    proto->external_data = tn_writing_room(writing, count, sizeof *proto->external_data);
    if (!entries || !proto->external_data)
        return;
    for (size_t i = 0; i < count; i++) {
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = text_in(writing, keys[i]);
        entries[i].value = text_in(writing, values[i]);
        proto->external_data[i] = &entries[i];
    }
    proto->n_external_data = count;
    proto->has_data_location = 1;
    proto->data_location = TN_DATA_EXTERNAL;
}

static void set_digest(struct tn_writing *writing, struct tn_tensor *tensor,
                       Onnx__TensorProto *proto)
{
    char hex[TN_DIGEST_HEX];
    tn_digest_hex(tn_tensor_digest(tensor), hex);
    set_external(writing, proto, 1, (const char *const[]){TN_DIGEST_KEY},
                 (const char *const[]){hex});
}

/* Weights in a file of their own begin on pages, so that others can map them too; small ones stay
 * in the message. */
enum { PAGE = 4096, LEAST_BESIDE = 1024 };

static bool goes_beside(const struct tn_tensor *tensor, int element)
{
    return tensor->count * tn_element_size(element) >= LEAST_BESIDE;
}

static size_t next_page(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

static void set_place(struct tn_writing *writing, const struct tn_tensor *tensor, int element,
                      Onnx__TensorProto *proto)
{
    char offset[24], length[24];
    size_t size = tensor->count * tn_element_size(element);
    writing->beside = next_page(writing->beside);
    snprintf(offset, sizeof offset, "%zu", writing->beside);
    snprintf(length, sizeof length, "%zu", size);
    set_external(writing, proto, 3, (const char *const[]){"location", "offset", "length"},
                 (const char *const[]){writing->location, offset, length});
    writing->beside += size;
}

static void append_elements(struct tn_file_draft *draft, const struct tn_tensor *tensor,
                            int element, uint8_t *piece, size_t piece_bytes)
{
    size_t size = tn_element_size(element), width = tn_dtype_size(tensor->dtype);
    size_t most = piece_bytes / size;
    for (size_t i = 0; i < tensor->count; i += most) {
        size_t count = tensor->count - i < most ? tensor->count - i : most;
        tn_elements_encode(element, (const char *)tensor->data + i * width, count, piece);
        tn_file_append(draft, piece, count * size);
    }
}

bool tn_write_weights(const struct tn_graph *graph, struct tn_file_draft *draft,
                      struct tn_error *error)
{
    enum { PIECE = 1 << 16 };
    static const uint8_t gap[PAGE];
    uint8_t *piece = tn_alloc(PIECE, 1);
    if (!piece)
        return tn_fail_memory(error, draft->path, PIECE);
    for (int i = 0; i < graph->value_count; i++) {
        const struct tn_tensor *tensor = graph->values[i].constant;
        if (!tensor)
            continue;
        int element = tn_stored_element(tensor->dtype, graph->values[i].stored_type);
        if (!goes_beside(tensor, element))
            continue;
        tn_file_append(draft, gap, next_page(draft->size) - draft->size);
        if (as_in_memory(tensor, element))
            tn_file_append(draft, tensor->data, tensor->bytes);
        else
            append_elements(draft, tensor, element, piece, PIECE);
    }
    tn_free(piece);
    return true;
}

void tn_write_tensor(struct tn_writing *writing, Onnx__TensorProto *proto, struct tn_tensor *tensor,
                     int stored_type, enum tn_onnx_weights weights)
{
    proto->has_data_type = 1;
    proto->data_type = tn_stored_element(tensor->dtype, stored_type);
    proto->n_dims = (size_t)tensor->rank;
    proto->dims = tensor->dims;
    if (weights == TN_WEIGHTS_DIGESTS)
        set_digest(writing, tensor, proto);
    else if (weights == TN_WEIGHTS_BESIDE && goes_beside(tensor, proto->data_type))
        set_place(writing, tensor, proto->data_type, proto);
    else
        set_data(writing, tensor, proto->data_type, proto);
}

/* Attributes */

static void set_strings(struct tn_writing *writing, const struct tn_attribute *attribute,
                        Onnx__AttributeProto *proto)
{
    proto->strings = tn_writing_room(writing, attribute->count, sizeof *proto->strings);
    if (!proto->strings)
        return;
    proto->n_strings = attribute->count;
    for (size_t i = 0; i < attribute->count; i++) {
        proto->strings[i].data = (uint8_t *)attribute->strings[i];
        proto->strings[i].len = strlen(attribute->strings[i]);
    }
}

/* The rest of the attribute has the rest of its tensor. */
static void set_tensor(struct tn_writing *writing, const struct tn_attribute *attribute,
                       Onnx__AttributeProto *proto)
{
    if (!proto->t)
        proto->t = tn_writing_message(writing, &onnx__tensor_proto__descriptor, NULL);
    if (proto->t)
        tn_write_tensor(writing, proto->t, attribute->tensor, attribute->stored_type,
                        TN_WEIGHTS_INSIDE);
}

Onnx__AttributeProto *tn_write_attribute(struct tn_writing *writing,
                                         const struct tn_attribute *attribute)
{
    const ProtobufCMessageDescriptor *type = &onnx__attribute_proto__descriptor;
    if (attribute->kind == TN_ATTR_OPAQUE)
        return unpack(writing, type, attribute->opaque, attribute->count);
    Onnx__AttributeProto *proto = tn_writing_message(writing, type, &attribute->rest);
    if (!proto)
        return NULL;
    proto->name = attribute->name;
    proto->has_type = 1;
    proto->type = (int)attribute->kind;
    switch (attribute->kind) {
    case TN_ATTR_FLOAT:
        proto->has_f = 1;
        proto->f = attribute->floats[0];
        break;
    case TN_ATTR_INT:
        proto->has_i = 1;
        proto->i = attribute->ints[0];
        break;
    case TN_ATTR_STRING:
        proto->has_s = 1;
        proto->s.data = (uint8_t *)attribute->strings[0];
        proto->s.len = strlen(attribute->strings[0]);
        break;
    case TN_ATTR_TENSOR:
        set_tensor(writing, attribute, proto);
        break;
    case TN_ATTR_FLOATS:
        proto->n_floats = attribute->count;
        proto->floats = attribute->floats;
        break;
    case TN_ATTR_INTS:
        proto->n_ints = attribute->count;
        proto->ints = attribute->ints;
        break;
    case TN_ATTR_STRINGS:
        set_strings(writing, attribute, proto);
        break;
    case TN_ATTR_OPAQUE:
        break;
    }
    return proto;
}
