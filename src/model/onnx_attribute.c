/* AttributeProto into attributes. */
#include "core/memory.h"
#include "model/onnx_parts.h"
#include "model/onnx_wire.h"
#include "model/parts.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 8 }; /* subgraphs inside subgraphs */

static void *counted_alloc(void *data, size_t size)
{
    struct tn_onnx_memory *memory = data;
    if (size > memory->left) {
        memory->exceeded = true;
        return NULL;
    }
    memory->left -= size;
    return malloc(size);
}

static void counted_free(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

void tn_onnx_memory_start(struct tn_onnx_memory *memory, size_t message_bytes)
{
    enum {
        FACTOR = 24
    }; /* the densest honest part: a list of one-byte integers becomes 8 bytes each */
    size_t most;
    *memory = (struct tn_onnx_memory){.allocator = {counted_alloc, counted_free, memory}};
    if (!tn_mul(message_bytes, FACTOR, &most) || most > SIZE_MAX / 2)
        most = SIZE_MAX / 2;
    memory->left = most + ((size_t)1 << 20);
}

static int kind_of(const Onnx__AttributeProto *proto)
{
    if (proto->has_type && proto->type != 0)
        return proto->type;
    /* The first versions of the format did not say. */
    return proto->has_f      ? TN_ATTR_FLOAT
           : proto->has_i    ? TN_ATTR_INT
           : proto->has_s    ? TN_ATTR_STRING
           : proto->t        ? TN_ATTR_TENSOR
           : proto->n_floats ? TN_ATTR_FLOATS
           : proto->n_ints   ? TN_ATTR_INTS
                             : TN_ATTR_OPAQUE;
}

static bool has_nul(const ProtobufCBinaryData *text)
{
    return text->len > 0 && memchr(text->data, '\0', text->len) != NULL;
}

static char *copy_text(const ProtobufCBinaryData *text)
{
    char *copy = tn_alloc(text->len + 1, 1);
    if (!copy)
        return NULL;
    if (text->len > 0)
        memcpy(copy, text->data, text->len);
    copy[text->len] = '\0';
    return copy;
}

/* Kinds this program understands the content of; the others are kept as they came. */
static enum tn_attribute_kind understood(const Onnx__AttributeProto *proto)
{
    int kind = kind_of(proto);
    switch (kind) {
    case TN_ATTR_FLOAT:
    case TN_ATTR_INT:
    case TN_ATTR_FLOATS:
    case TN_ATTR_INTS:
        return (enum tn_attribute_kind)kind;
    case TN_ATTR_STRING:
        return has_nul(&proto->s) ? TN_ATTR_OPAQUE : TN_ATTR_STRING;
    case TN_ATTR_STRINGS:
        for (size_t i = 0; i < proto->n_strings; i++)
            if (has_nul(&proto->strings[i]))
                return TN_ATTR_OPAQUE;
        return TN_ATTR_STRINGS;
    case TN_ATTR_TENSOR: {
        enum { STRING_TENSOR = 8 };
        bool numbers = proto->t && proto->t->data_type != STRING_TENSOR;
        return numbers ? TN_ATTR_TENSOR : TN_ATTR_OPAQUE;
    }
    default:
        return TN_ATTR_OPAQUE;
    }
}

static bool fill_opaque(const Onnx__AttributeProto *proto, struct tn_attribute *attribute)
{
    size_t size = onnx__attribute_proto__get_packed_size(proto);
    attribute->opaque = tn_alloc(size, 1);
    if (!attribute->opaque)
        return false;
    attribute->count = onnx__attribute_proto__pack(proto, attribute->opaque);
    return true;
}

static bool fill_floats(struct tn_attribute *attribute, size_t count, const float *floats)
{
    attribute->floats = tn_alloc(count, sizeof *floats);
    if (!attribute->floats)
        return false;
    attribute->count = count;
    if (count > 0)
        memcpy(attribute->floats, floats, count * sizeof *floats);
    return true;
}

static bool fill_ints(struct tn_attribute *attribute, size_t count, const int64_t *ints)
{
    attribute->ints = tn_alloc(count, sizeof *ints);
    if (!attribute->ints)
        return false;
    attribute->count = count;
    if (count > 0)
        memcpy(attribute->ints, ints, count * sizeof *ints);
    return true;
}

static bool fill_strings(struct tn_attribute *attribute, size_t count,
                         const ProtobufCBinaryData *texts)
{
    attribute->strings = tn_calloc(count, sizeof *attribute->strings);
    if (!attribute->strings)
        return false;
    attribute->count = count;
    for (size_t i = 0; i < count; i++)
        if (!(attribute->strings[i] = copy_text(&texts[i])))
            return false;
    return true;
}

static bool fill_tensor(const Onnx__TensorProto *proto, const struct tn_onnx_source *source,
                        struct tn_attribute *attribute, struct tn_error *error)
{
    attribute->count = 1;
    attribute->tensor = tn_onnx_read_tensor(proto, source, &attribute->stored_type, error);
    if (attribute->tensor)
        return true;
    return tn_fail_in(error, "attribute '%s'", attribute->name);
}

bool tn_onnx_read_attribute(const Onnx__AttributeProto *proto, const struct tn_onnx_source *source,
                            struct tn_node *node, struct tn_error *error)
{
    if (!proto->name || proto->name[0] == '\0')
        return tn_fail(error, TN_ERROR_INPUT, "an attribute has no name");
    if (tn_node_attribute(node, proto->name))
        return tn_fail(error, TN_ERROR_INPUT, "attribute '%s' is there twice", proto->name);
    enum tn_attribute_kind kind = understood(proto);
    struct tn_attribute *attribute = tn_node_new_attribute(node, proto->name, kind, error);
    if (!attribute)
        return false;
    bool ok = true;
    switch (kind) {
    case TN_ATTR_OPAQUE:
        ok = fill_opaque(proto, attribute);
        break;
    case TN_ATTR_FLOAT:
        ok = fill_floats(attribute, 1, &proto->f);
        break;
    case TN_ATTR_FLOATS:
        ok = fill_floats(attribute, proto->n_floats, proto->floats);
        break;
    case TN_ATTR_INT:
        ok = fill_ints(attribute, 1, &proto->i);
        break;
    case TN_ATTR_INTS:
        ok = fill_ints(attribute, proto->n_ints, proto->ints);
        break;
    case TN_ATTR_STRING:
        ok = fill_strings(attribute, 1, &proto->s);
        break;
    case TN_ATTR_STRINGS:
        ok = fill_strings(attribute, proto->n_strings, proto->strings);
        break;
    case TN_ATTR_TENSOR:
        if (!fill_tensor(proto->t, source, attribute, error))
            return false;
        break;
    }
    if (ok && kind != TN_ATTR_OPAQUE)
        return tn_onnx_rest_of_attribute(proto, &attribute->rest, error);
    return ok || tn_fail_memory(error, "an attribute", 0);
}

static bool names_of(size_t size, const uint8_t *bytes, int depth, tn_name_found found,
                     void *context, struct tn_error *error);

static bool names_in_attribute(const Onnx__AttributeProto *proto, int depth, tn_name_found found,
                               void *context, struct tn_error *error)
{
    if (proto->has_g && !names_of(proto->g.len, proto->g.data, depth, found, context, error))
        return false;
    for (size_t i = 0; i < proto->n_graphs; i++)
        if (!names_of(proto->graphs[i].len, proto->graphs[i].data, depth, found, context, error))
            return false;
    return true;
}

static bool names_in_graph(const Onnx__GraphProto *graph, int depth, tn_name_found found,
                           void *context, struct tn_error *error)
{
    for (size_t i = 0; i < graph->n_output; i++)
        if (graph->output[i]->name && !found(context, graph->output[i]->name, error))
            return false;
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        for (size_t j = 0; j < node->n_input; j++)
            if (!found(context, node->input[j], error))
                return false;
        for (size_t j = 0; j < node->n_attribute; j++)
            if (!names_in_attribute(node->attribute[j], depth + 1, found, context, error))
                return false;
    }
    return true;
}

static bool names_of(size_t size, const uint8_t *bytes, int depth, tn_name_found found,
                     void *context, struct tn_error *error)
{
    struct tn_onnx_memory memory;
    if (depth > DEEPEST)
        return tn_fail(error, TN_ERROR_INPUT, "its subgraphs are nested more than %d deep",
                       DEEPEST);
    if (!tn_onnx_check_texts(&onnx__graph_proto__descriptor, bytes, size, error))
        return false;
    tn_onnx_memory_start(&memory, size);
    Onnx__GraphProto *graph = onnx__graph_proto__unpack(&memory.allocator, size, bytes);
    if (!graph)
        return tn_fail(error, TN_ERROR_INPUT, "its subgraph cannot be decoded");
    bool ok = names_in_graph(graph, depth, found, context, error);
    onnx__graph_proto__free_unpacked(graph, &memory.allocator);
    return ok;
}

bool tn_onnx_subgraph_names(const Onnx__AttributeProto *proto, tn_name_found found, void *context,
                            struct tn_error *error)
{
    return names_in_attribute(proto, 1, found, context, error);
}
