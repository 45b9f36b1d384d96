/* Graphs into ONNX files. The message is built in one arena and points into the graph, so that
 * weights are copied once only, into the file's bytes. */
#include "core/file.h"
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Pieces of memory that are released together. */
struct piece {
    struct piece *next;
};

struct writing {
    const struct tn_graph *graph;
    bool weights;
    struct piece *pieces;
    bool failed; /* memory ran short */
};

static void *room(struct writing *writing, size_t count, size_t size)
{
    size_t bytes;
    struct piece *piece = NULL;
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

static void release(struct writing *writing)
{
    while (writing->pieces) {
        struct piece *next = writing->pieces->next;
        tn_free(writing->pieces);
        writing->pieces = next;
    }
}

static char *text_in(struct writing *writing, const char *text)
{
    char *copy = room(writing, strlen(text) + 1, 1);
    if (copy)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

/* Type of a value in the file. */
static int element_of(enum tn_dtype dtype, int stored_type)
{
    return stored_type ? stored_type : (int)dtype;
}

static void set_data(struct writing *writing, const struct tn_tensor *tensor, int element,
                     Onnx__TensorProto *proto)
{
    size_t size = tn_element_size(element);
    proto->has_raw_data = 1;
    proto->raw_data.len = tensor->count * size;
    if (TN_LITTLE_ENDIAN && element == (int)tensor->dtype) {
        proto->raw_data.data = tensor->data;
    } else if (tensor->dtype == TN_INT64) {
        proto->raw_data.data = room(writing, tensor->count, size);
        if (proto->raw_data.data)
            tn_elements_encode(element, tn_tensor_ints(tensor), tensor->count,
                               proto->raw_data.data);
    } else {
        proto->has_raw_data = 0; /* the typed field minds the byte order */
        proto->n_float_data = tensor->count;
        proto->float_data = tn_tensor_floats(tensor);
    }
}

static void set_digest(struct writing *writing, struct tn_tensor *tensor, Onnx__TensorProto *proto)
{
    char hex[TN_DIGEST_HEX];
    Onnx__StringStringEntryProto *entry = room(writing, 1, sizeof *entry);
    proto->external_data = room(writing, 1, sizeof *proto->external_data);
    if (!entry || !proto->external_data)
        return;
    onnx__string_string_entry_proto__init(entry);
    tn_digest_hex(tn_tensor_digest(tensor), hex);
    entry->key = text_in(writing, TN_DIGEST_KEY);
    entry->value = text_in(writing, hex);
    proto->external_data[0] = entry;
    proto->n_external_data = 1;
    proto->has_data_location = 1;
    proto->data_location = TN_DATA_EXTERNAL;
}

static Onnx__TensorProto *write_tensor(struct writing *writing, char *name,
                                       struct tn_tensor *tensor, int stored_type, bool data)
{
    Onnx__TensorProto *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__tensor_proto__init(proto);
    proto->name = name;
    proto->has_data_type = 1;
    proto->data_type = element_of(tensor->dtype, stored_type);
    proto->n_dims = (size_t)tensor->rank;
    proto->dims = tensor->dims;
    if (data)
        set_data(writing, tensor, proto->data_type, proto);
    else
        set_digest(writing, tensor, proto);
    return proto;
}

static void set_strings(struct writing *writing, const struct tn_attribute *attribute,
                        Onnx__AttributeProto *proto)
{
    proto->strings = room(writing, attribute->count, sizeof *proto->strings);
    if (!proto->strings)
        return;
    proto->n_strings = attribute->count;
    for (size_t i = 0; i < attribute->count; i++) {
        proto->strings[i].data = (uint8_t *)attribute->strings[i];
        proto->strings[i].len = strlen(attribute->strings[i]);
    }
}

static void *arena_alloc(void *writing, size_t size)
{
    return room(writing, size, 1);
}

static void arena_free(void *writing, void *memory)
{
    (void)writing;
    (void)memory; /* goes with the arena */
}

/* A kind that is not understood comes back out of its bytes. */
static Onnx__AttributeProto *write_opaque(struct writing *writing,
                                          const struct tn_attribute *attribute)
{
    ProtobufCAllocator arena = {arena_alloc, arena_free, writing};
    Onnx__AttributeProto *proto =
        onnx__attribute_proto__unpack(&arena, attribute->count, attribute->opaque);
    writing->failed |= proto == NULL;
    return proto;
}

static Onnx__AttributeProto *write_attribute(struct writing *writing,
                                             const struct tn_attribute *attribute)
{
    if (attribute->kind == TN_ATTR_OPAQUE)
        return write_opaque(writing, attribute);
    Onnx__AttributeProto *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__attribute_proto__init(proto);
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
        proto->t = write_tensor(writing, NULL, attribute->tensor, attribute->stored_type, true);
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

/* Text that is left out where it says nothing. */
static char *text_or_none(char *text)
{
    return text && text[0] != '\0' ? text : NULL;
}

static char **write_names(struct writing *writing, int count, const int *values)
{
    static char none[] = "";
    char **names = room(writing, (size_t)count, sizeof *names);
    for (int i = 0; names && i < count; i++)
        names[i] = values[i] == TN_NO_VALUE ? none : writing->graph->values[values[i]].name;
    return names;
}

static Onnx__NodeProto *write_node(struct writing *writing, const struct tn_node *node)
{
    Onnx__NodeProto *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__node_proto__init(proto);
    proto->name = text_or_none(node->name);
    proto->op_type = node->op_type;
    proto->domain = text_or_none(node->domain);
    proto->input = write_names(writing, node->input_count, node->inputs);
    proto->output = write_names(writing, node->output_count, node->outputs);
    proto->attribute = room(writing, (size_t)node->attribute_count, sizeof *proto->attribute);
    if (writing->failed)
        return NULL;
    proto->n_input = (size_t)node->input_count;
    proto->n_output = (size_t)node->output_count;
    for (int i = 0; i < node->attribute_count; i++)
        proto->attribute[i] = write_attribute(writing, &node->attributes[i]);
    proto->n_attribute = (size_t)node->attribute_count;
    return proto;
}

static Onnx__TensorShapeProto__Dimension *write_dimension(struct writing *writing, int64_t size)
{
    const struct tn_model_info *info = &writing->graph->info;
    Onnx__TensorShapeProto__Dimension *dim = room(writing, 1, sizeof *dim);
    if (!dim)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(dim);
    if (size == TN_BATCH && info->batch_size == 0) {
        dim->dim_param = info->batch_name;
    } else {
        dim->has_dim_value = 1;
        dim->dim_value = size == TN_BATCH ? info->batch_size : size;
    }
    return dim;
}

static Onnx__TensorShapeProto *write_shape(struct writing *writing, const struct tn_value *value)
{
    Onnx__TensorShapeProto *shape = room(writing, 1, sizeof *shape);
    if (!shape)
        return NULL;
    onnx__tensor_shape_proto__init(shape);
    shape->dim = room(writing, (size_t)value->rank, sizeof *shape->dim);
    if (!shape->dim)
        return NULL;
    for (int i = 0; i < value->rank; i++)
        shape->dim[i] = write_dimension(writing, value->dims[i]);
    shape->n_dim = (size_t)value->rank;
    return shape;
}

/* Where nothing is known of a shape, what the file said of it still holds: outputs are never
 * pruned. */
static Onnx__TypeProto *write_stated_type(struct writing *writing, const struct tn_value *value)
{
    ProtobufCAllocator arena = {arena_alloc, arena_free, writing};
    Onnx__TypeProto *type = onnx__type_proto__unpack(&arena, value->stated_size, value->stated);
    writing->failed |= type == NULL;
    return type;
}

static Onnx__ValueInfoProto *write_value(struct writing *writing, const struct tn_value *value)
{
    struct {
        Onnx__ValueInfoProto info;
        Onnx__TypeProto type;
        Onnx__TypeProto__Tensor tensor;
    } *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__value_info_proto__init(&proto->info);
    onnx__type_proto__init(&proto->type);
    onnx__type_proto__tensor__init(&proto->tensor);
    proto->info.name = value->name;
    proto->info.type = &proto->type;
    proto->type.tensor_type = &proto->tensor;
    proto->tensor.has_elem_type = 1;
    proto->tensor.elem_type = element_of(value->dtype, value->stored_type);
    if (value->has_shape)
        proto->tensor.shape = write_shape(writing, value);
    else if (value->stated)
        proto->info.type = write_stated_type(writing, value);
    return &proto->info;
}

static Onnx__ValueInfoProto **write_values(struct writing *writing, int count, const int *values)
{
    Onnx__ValueInfoProto **protos = room(writing, (size_t)count, sizeof *protos);
    for (int i = 0; protos && i < count; i++)
        protos[i] = write_value(writing, &writing->graph->values[values[i]]);
    return protos;
}

static void write_initializers(struct writing *writing, Onnx__GraphProto *proto)
{
    const struct tn_graph *graph = writing->graph;
    proto->initializer = room(writing, (size_t)graph->value_count, sizeof *proto->initializer);
    for (int i = 0; proto->initializer && i < graph->value_count; i++) {
        const struct tn_value *value = &graph->values[i];
        if (value->constant)
            proto->initializer[proto->n_initializer++] = write_tensor(
                writing, value->name, value->constant, value->stored_type, writing->weights);
    }
}

static Onnx__GraphProto *write_graph(struct writing *writing)
{
    static char unnamed[] = "network"; /* ONNX wants a name */
    const struct tn_graph *graph = writing->graph;
    Onnx__GraphProto *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__graph_proto__init(proto);
    proto->name = graph->info.graph_name ? graph->info.graph_name : unnamed;
    proto->node = room(writing, (size_t)graph->node_count, sizeof *proto->node);
    for (int i = 0; proto->node && i < graph->node_count; i++)
        proto->node[proto->n_node++] = write_node(writing, &graph->nodes[i]);
    write_initializers(writing, proto);
    proto->input = write_values(writing, graph->input_count, graph->inputs);
    proto->n_input = (size_t)graph->input_count;
    proto->output = write_values(writing, graph->output_count, graph->outputs);
    proto->n_output = (size_t)graph->output_count;
    return proto;
}

static Onnx__OperatorSetIdProto *write_opset(struct writing *writing, char *domain, int64_t version)
{
    Onnx__OperatorSetIdProto *proto = room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__operator_set_id_proto__init(proto);
    proto->domain = domain;
    proto->has_version = 1;
    proto->version = version;
    return proto;
}

static void write_opsets(struct writing *writing, Onnx__ModelProto *model)
{
    static char own[] = "";
    const struct tn_model_info *info = &writing->graph->info;
    model->opset_import = room(writing, (size_t)info->opset_count + 1, sizeof *model->opset_import);
    if (!model->opset_import)
        return;
    model->opset_import[model->n_opset_import++] = write_opset(writing, own, info->opset);
    for (int i = 0; i < info->opset_count; i++)
        model->opset_import[model->n_opset_import++] =
            write_opset(writing, info->opset_domains[i], info->opset_versions[i]);
}

static void write_properties(struct writing *writing, Onnx__ModelProto *model)
{
    const struct tn_model_info *info = &writing->graph->info;
    size_t count = (size_t)info->property_count;
    model->metadata_props = room(writing, count, sizeof *model->metadata_props);
    for (size_t i = 0; model->metadata_props && i < count; i++) {
        Onnx__StringStringEntryProto *entry = room(writing, 1, sizeof *entry);
        if (!entry)
            return;
        onnx__string_string_entry_proto__init(entry);
        entry->key = info->property_keys[i];
        entry->value = info->property_values[i];
        model->metadata_props[model->n_metadata_props++] = entry;
    }
}

static void write_model(struct writing *writing, Onnx__ModelProto *model)
{
    const struct tn_model_info *info = &writing->graph->info;
    onnx__model_proto__init(model);
    model->has_ir_version = 1;
    model->ir_version = info->ir_version;
    model->producer_name = info->producer_name;
    model->producer_version = info->producer_version;
    model->domain = info->domain;
    model->has_model_version = info->model_version != 0;
    model->model_version = info->model_version;
    model->doc_string = info->doc_string;
    model->graph = write_graph(writing);
    write_opsets(writing, model);
    write_properties(writing, model);
}

static bool pack(const Onnx__ModelProto *model, uint8_t **bytes, size_t *size,
                 struct tn_error *error)
{
    *size = onnx__model_proto__get_packed_size(model);
    if (*size > INT32_MAX)
        return tn_fail(error, TN_ERROR_USE, "the network takes %zu bytes, an ONNX file can hold %d",
                       *size, INT32_MAX);
    *bytes = tn_alloc(*size, 1);
    if (!*bytes)
        return tn_fail_memory(error, "the ONNX file", *size);
    *size = onnx__model_proto__pack(model, *bytes);
    return true;
}

bool tn_onnx_encode(const struct tn_graph *graph, bool weights, uint8_t **bytes, size_t *size,
                    struct tn_error *error)
{
    struct writing writing = {.graph = graph, .weights = weights};
    Onnx__ModelProto model;
    write_model(&writing, &model);
    bool ok = writing.failed ? tn_fail_memory(error, "the ONNX file", 0)
                             : pack(&model, bytes, size, error);
    release(&writing);
    return ok;
}

bool tn_onnx_write(const struct tn_graph *graph, const char *path, struct tn_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool ok = tn_onnx_encode(graph, true, &bytes, &size, error) || tn_fail_in(error, "%s", path);
    ok = ok && tn_file_write(path, 1, (const void *const[]){bytes}, &size, error);
    tn_free(bytes);
    return ok;
}
