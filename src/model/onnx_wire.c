#include "model/onnx_wire.h"

#include "core/memory.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

/* Field numbers on the way to the weights. */
enum { MODEL_GRAPH = 7, GRAPH_INITIALIZER = 5, TENSOR_RAW_DATA = 9 };

enum { LENGTH_BYTES = 5 }; /* of a length that is written before it is known */

struct cursor {
    const uint8_t *at, *end;
};

struct field {
    uint32_t number;
    int type;
    const uint8_t *begin; /* of the field; its end is where the cursor is then */
    const uint8_t *data;  /* of a delimited one */
    size_t size;
};

static bool read_varint(struct cursor *cursor, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

static bool skip(struct cursor *cursor, uint64_t size)
{
    if (size > (size_t)(cursor->end - cursor->at))
        return false;
    cursor->at += size;
    return true;
}

static bool next_field(struct cursor *cursor, struct field *field)
{
    uint64_t tag, number;
    field->begin = cursor->at;
    if (!read_varint(cursor, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return false;
    field->number = (uint32_t)(tag >> 3);
    field->type = (int)(tag & 7);
    switch (field->type) {
    case VARINT:
        return read_varint(cursor, &number);
    case FIXED64:
        return skip(cursor, 8);
    case FIXED32:
        return skip(cursor, 4);
    case DELIMITED:
        if (!read_varint(cursor, &number))
            return false;
        field->data = cursor->at;
        field->size = (size_t)number;
        return skip(cursor, number);
    default:
        return false;
    }
}

/* The outline */

static bool more_room(void **memory, size_t count, size_t *capacity, size_t wanted, size_t size,
                      struct tn_error *error)
{
    if (wanted <= *capacity)
        return true;
    size_t larger = wanted + wanted / 2 + 256;
    void *more = larger > wanted ? tn_realloc(*memory, count, larger, size) : NULL;
    if (!more)
        return tn_fail_memory(error, "an ONNX model", larger);
    *memory = more;
    *capacity = larger;
    return true;
}

static bool append(struct tn_onnx_outline *outline, const uint8_t *from, const uint8_t *end,
                   struct tn_error *error)
{
    size_t size = (size_t)(end - from);
    void *memory = outline->bytes;
    if (size > INT32_MAX - outline->size) /* more cannot be decoded */
        return tn_fail(error, TN_ERROR_INPUT, "an ONNX model takes at most %d bytes, weights aside",
                       INT32_MAX);
    bool ok = more_room(&memory, outline->size, &outline->capacity, outline->size + size, 1, error);
    outline->bytes = memory;
    if (ok && size > 0)
        memcpy(outline->bytes + outline->size, from, size);
    outline->size += ok ? size : 0;
    return ok;
}

/* The tag of a message and room for its length, which close_message fills. */
static bool open_message(struct tn_onnx_outline *outline, uint32_t number, size_t *start,
                         struct tn_error *error)
{
    const uint8_t head[1 + LENGTH_BYTES] = {(uint8_t)(number << 3 | DELIMITED)};
    bool ok = append(outline, head, head + sizeof head, error);
    *start = outline->size;
    return ok;
}

/* A length may be written with more bytes than it needs. */
static void close_message(struct tn_onnx_outline *outline, size_t start)
{
    size_t size = outline->size - start;
    for (int i = 0; i < LENGTH_BYTES; i++)
        outline->bytes[start - LENGTH_BYTES + (size_t)i] =
            (uint8_t)((size >> 7 * i & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0));
}

static bool is_no_message(struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "the ONNX model is damaged or cut short");
}

static bool outline_tensor(struct tn_onnx_outline *outline, const struct field *whole,
                           struct tn_error *error)
{
    struct cursor cursor = {whole->data, whole->data + whole->size};
    struct tn_onnx_span weights = {NULL, 0};
    size_t start;
    if (!open_message(outline, GRAPH_INITIALIZER, &start, error))
        return false;
    while (cursor.at < cursor.end) {
        struct field field;
        if (!next_field(&cursor, &field))
            return is_no_message(error);
        if (field.number == TENSOR_RAW_DATA && field.type == DELIMITED)
            weights = (struct tn_onnx_span){field.data, field.size};
        else if (!append(outline, field.begin, cursor.at, error))
            return false;
    }
    close_message(outline, start);
    void *memory = outline->weights;
    bool ok = more_room(&memory, outline->weight_count, &outline->weight_capacity,
                        outline->weight_count + 1, sizeof *outline->weights, error);
    outline->weights = memory;
    if (ok)
        outline->weights[outline->weight_count++] = weights;
    return ok;
}

static bool outline_graph(struct tn_onnx_outline *outline, const struct field *whole,
                          struct tn_error *error)
{
    struct cursor cursor = {whole->data, whole->data + whole->size};
    size_t start;
    if (!open_message(outline, MODEL_GRAPH, &start, error))
        return false;
    while (cursor.at < cursor.end) {
        struct field field;
        if (!next_field(&cursor, &field))
            return is_no_message(error);
        bool tensor = field.number == GRAPH_INITIALIZER && field.type == DELIMITED;
        if (!(tensor ? outline_tensor(outline, &field, error)
                     : append(outline, field.begin, cursor.at, error)))
            return false;
    }
    close_message(outline, start);
    return true;
}

bool tn_onnx_outline(const uint8_t *bytes, size_t size, struct tn_onnx_outline *outline,
                     struct tn_error *error)
{
    struct cursor cursor = {bytes, bytes + size};
    *outline = (struct tn_onnx_outline){.bytes = NULL};
    while (cursor.at < cursor.end) {
        struct field field;
        if (!next_field(&cursor, &field))
            return is_no_message(error);
        bool graph = field.number == MODEL_GRAPH && field.type == DELIMITED;
        if (!(graph ? outline_graph(outline, &field, error)
                    : append(outline, field.begin, cursor.at, error)))
            return false;
    }
    return true;
}

void tn_onnx_outline_release(struct tn_onnx_outline *outline)
{
    tn_free(outline->bytes);
    tn_free(outline->weights);
}

/* Texts */

/* Bytes of the character that begins here; 0 where none does (RFC 3629). */
static size_t character(const uint8_t *text, size_t size)
{
    uint32_t code = text[0];
    if (code < 0x80)
        return 1;
    size_t length = code < 0xc2 ? 0 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : code < 0xf5 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    code &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static bool check_text(const ProtobufCMessageDescriptor *type, const char *field,
                       const uint8_t *text, size_t size, struct tn_error *error)
{
    enum { SHOWN = 40 };
    for (size_t i = 0, length; i < size; i += length) {
        length = character(text + i, size - i);
        if (length > 0 && text[i] != '\0')
            continue;
        return tn_fail(error, TN_ERROR_INPUT, "the %s of a %s ('%.*s...') %s", field,
                       type->short_name, (int)(i < SHOWN ? i : SHOWN), (const char *)text,
                       text[i] == '\0' ? "holds a zero byte" : "is not UTF-8");
    }
    return true;
}

/* Messages do not nest without end: subgraphs are bytes in this program's description. */
bool tn_onnx_check_texts(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
                         struct tn_error *error)
{
    struct cursor cursor = {bytes, bytes + size};
    while (cursor.at < cursor.end) {
        struct field field;
        if (!next_field(&cursor, &field))
            return true;
        const ProtobufCFieldDescriptor *known =
            protobuf_c_message_descriptor_get_field(type, field.number);
        if (!known || field.type != DELIMITED)
            continue;
        if (known->type == PROTOBUF_C_TYPE_STRING &&
            !check_text(type, known->name, field.data, field.size, error))
            return false;
        if (known->type == PROTOBUF_C_TYPE_MESSAGE &&
            !tn_onnx_check_texts(known->descriptor, field.data, field.size, error))
            return false;
    }
    return true;
}
