/* Graphs into ONNX files. The message is built in one arena and points into the graph, so that
 * weights need not be copied. A message begins as what the file's had beyond this program's
 * understanding, and is filled in. */
#include "core/file.h"
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_write_parts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Text that is left out where it says nothing. */
static char *text_or_none(char *text)
{
    return text && text[0] != '\0' ? text : NULL;
}

static char **write_names(struct tn_writing *writing, int count, const int *values)
{
    static char none[] = "";
    char **names = tn_writing_room(writing, (size_t)count, sizeof *names);
    for (int i = 0; names && i < count; i++)
        names[i] = values[i] == TN_NO_VALUE ? none : writing->graph->values[values[i]].name;
    return names;
}

static Onnx__NodeProto *write_node(struct tn_writing *writing, const struct tn_node *node)
{
    Onnx__NodeProto *proto =
        tn_writing_message(writing, &onnx__node_proto__descriptor, &node->rest);
    if (!proto)
        return NULL;
    proto->name = text_or_none(node->name);
    proto->op_type = node->op_type;
    proto->domain = text_or_none(node->domain);
    proto->input = write_names(writing, node->input_count, node->inputs);
    proto->output = write_names(writing, node->output_count, node->outputs);
    proto->attribute =
        tn_writing_room(writing, (size_t)node->attribute_count, sizeof *proto->attribute);
    if (writing->failed)
        return NULL;
    proto->n_input = (size_t)node->input_count;
    proto->n_output = (size_t)node->output_count;
    for (int i = 0; i < node->attribute_count; i++)
        proto->attribute[i] = tn_write_attribute(writing, &node->attributes[i]);
    proto->n_attribute = (size_t)node->attribute_count;
    return proto;
}

static Onnx__TensorShapeProto__Dimension *write_dimension(struct tn_writing *writing, int64_t size)
{
    const struct tn_model_info *info = &writing->graph->info;
    Onnx__TensorShapeProto__Dimension *dim = tn_writing_room(writing, 1, sizeof *dim);
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

static Onnx__TensorShapeProto *write_shape(struct tn_writing *writing, const struct tn_value *value)
{
    Onnx__TensorShapeProto *shape = tn_writing_room(writing, 1, sizeof *shape);
    if (!shape)
        return NULL;
    onnx__tensor_shape_proto__init(shape);
    shape->dim = tn_writing_room(writing, (size_t)value->rank, sizeof *shape->dim);
    if (!shape->dim)
        return NULL;
    for (int i = 0; i < value->rank; i++)
        shape->dim[i] = write_dimension(writing, value->dims[i]);
    shape->n_dim = (size_t)value->rank;
    return shape;
}

/* What the file said of a dimension stands, unless it is no longer so. */
static void mend_dimension(struct tn_writing *writing, Onnx__TensorShapeProto__Dimension *dim,
                           int64_t size)
{
    const struct tn_model_info *info = &writing->graph->info;
    bool named = dim->dim_param && dim->dim_param[0] != '\0';
    int64_t now = size == TN_BATCH ? info->batch_size : size;
    if (size == TN_BATCH && now == 0 && dim->has_dim_value && dim->dim_value > 0) {
        dim->has_dim_value = 0;
        dim->dim_param = info->batch_name;
    } else if (now > 0 && !named) {
        dim->has_dim_value = 1;
        dim->dim_value = now;
    }
}

static void mend_shape(struct tn_writing *writing, Onnx__TypeProto__Tensor *tensor,
                       const struct tn_value *value)
{
    if (!tensor->shape || tensor->shape->n_dim != (size_t)value->rank)
        tensor->shape = write_shape(writing, value);
    else
        for (int i = 0; i < value->rank; i++)
            mend_dimension(writing, tensor->shape->dim[i], value->dims[i]);
}

static void state_type(struct tn_writing *writing, Onnx__ValueInfoProto *proto,
                       const struct tn_value *value)
{
    proto->type = tn_writing_message(writing, &onnx__type_proto__descriptor, NULL);
    Onnx__TypeProto__Tensor *tensor =
        tn_writing_message(writing, &onnx__type_proto__tensor__descriptor, NULL);
    if (writing->failed)
        return;
    proto->type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = tn_stored_element(value->dtype, value->stored_type);
}

/* Where nothing is known of a shape, what the file said of it still holds: outputs are never
 * pruned. */
static Onnx__ValueInfoProto *write_value(struct tn_writing *writing, const struct tn_value *value)
{
    Onnx__ValueInfoProto *proto =
        tn_writing_message(writing, &onnx__value_info_proto__descriptor, &value->stated);
    if (!proto)
        return NULL;
    proto->name = value->name;
    if (!proto->type)
        state_type(writing, proto, value);
    if (!writing->failed && proto->type->tensor_type && value->has_shape)
        mend_shape(writing, proto->type->tensor_type, value);
    return proto;
}

static Onnx__ValueInfoProto **write_values(struct tn_writing *writing, int count, const int *values)
{
    Onnx__ValueInfoProto **protos = tn_writing_room(writing, (size_t)count, sizeof *protos);
    for (int i = 0; protos && i < count; i++)
        protos[i] = write_value(writing, &writing->graph->values[values[i]]);
    return protos;
}

/* The network's inputs, then initializers that are inputs too: those the file had so, and before IR
 * version 4 all of them. */
static void write_inputs(struct tn_writing *writing, Onnx__GraphProto *proto)
{
    enum { NEED_NO_INPUT = 4 };
    const struct tn_graph *graph = writing->graph;
    size_t most = (size_t)graph->input_count + (size_t)graph->value_count;
    proto->input = tn_writing_room(writing, most, sizeof *proto->input);
    if (!proto->input)
        return;
    for (int i = 0; i < graph->input_count; i++)
        proto->input[proto->n_input++] = write_value(writing, &graph->values[graph->inputs[i]]);
    for (int i = 0; i < graph->value_count; i++) {
        const struct tn_value *value = &graph->values[i];
        bool all = graph->info.ir_version < NEED_NO_INPUT;
        if (value->constant && (all || value->overridable))
            proto->input[proto->n_input++] = write_value(writing, value);
    }
}

static Onnx__TensorProto *write_initializer(struct tn_writing *writing,
                                            const struct tn_value *value)
{
    Onnx__TensorProto *proto =
        tn_writing_message(writing, &onnx__tensor_proto__descriptor, &value->rest);
    if (!proto)
        return NULL;
    proto->name = value->name;
    tn_write_tensor(writing, proto, value->constant, value->stored_type, writing->weights);
    return proto;
}

static void write_initializers(struct tn_writing *writing, Onnx__GraphProto *proto)
{
    const struct tn_graph *graph = writing->graph;
    proto->initializer =
        tn_writing_room(writing, (size_t)graph->value_count, sizeof *proto->initializer);
    for (int i = 0; proto->initializer && i < graph->value_count; i++)
        if (graph->values[i].constant)
            proto->initializer[proto->n_initializer++] =
                write_initializer(writing, &graph->values[i]);
}

static Onnx__GraphProto *write_graph(struct tn_writing *writing)
{
    static char unnamed[] = "network"; /* ONNX wants a name */
    const struct tn_graph *graph = writing->graph;
    Onnx__GraphProto *proto =
        tn_writing_message(writing, &onnx__graph_proto__descriptor, &graph->info.graph_rest);
    if (!proto)
        return NULL;
    proto->name = graph->info.graph_name ? graph->info.graph_name : unnamed;
    proto->node = tn_writing_room(writing, (size_t)graph->node_count, sizeof *proto->node);
    for (int i = 0; proto->node && i < graph->node_count; i++)
        proto->node[proto->n_node++] = write_node(writing, &graph->nodes[i]);
    write_initializers(writing, proto);
    write_inputs(writing, proto);
    proto->output = write_values(writing, graph->output_count, graph->outputs);
    proto->n_output = (size_t)graph->output_count;
    return proto;
}

static Onnx__OperatorSetIdProto *write_opset(struct tn_writing *writing, char *domain,
                                             int64_t version)
{
    Onnx__OperatorSetIdProto *proto = tn_writing_room(writing, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__operator_set_id_proto__init(proto);
    proto->domain = domain;
    proto->has_version = 1;
    proto->version = version;
    return proto;
}

static void write_opsets(struct tn_writing *writing, Onnx__ModelProto *model)
{
    static char own[] = "";
    const struct tn_model_info *info = &writing->graph->info;
    model->opset_import =
        tn_writing_room(writing, (size_t)info->opset_count + 1, sizeof *model->opset_import);
    if (!model->opset_import)
        return;
    model->opset_import[model->n_opset_import++] = write_opset(writing, own, info->opset);
    for (int i = 0; i < info->opset_count; i++)
        model->opset_import[model->n_opset_import++] =
            write_opset(writing, info->opset_domains[i], info->opset_versions[i]);
}

static void write_properties(struct tn_writing *writing, Onnx__ModelProto *model)
{
    const struct tn_model_info *info = &writing->graph->info;
    size_t count = (size_t)info->property_count;
    model->metadata_props = tn_writing_room(writing, count, sizeof *model->metadata_props);
    for (size_t i = 0; model->metadata_props && i < count; i++) {
        Onnx__StringStringEntryProto *entry = tn_writing_room(writing, 1, sizeof *entry);
        if (!entry)
            return;
        onnx__string_string_entry_proto__init(entry);
        entry->key = info->property_keys[i];
        entry->value = info->property_values[i];
        model->metadata_props[model->n_metadata_props++] = entry;
    }
}

/* NULL when memory ran short; lives until tn_writing_release. */
static const Onnx__ModelProto *write_model(struct tn_writing *writing)
{
    const struct tn_model_info *info = &writing->graph->info;
    Onnx__ModelProto *model =
        tn_writing_message(writing, &onnx__model_proto__descriptor, &info->rest);
    if (!model)
        return NULL;
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
    return writing->failed ? NULL : model;
}

static bool check_size(size_t size, struct tn_error *error)
{
    return size <= INT32_MAX ||
           tn_fail(error, TN_ERROR_USE, "the network takes %zu bytes, an ONNX file can hold %d",
                   size, INT32_MAX);
}

bool tn_onnx_encode(const struct tn_graph *graph, bool weights, uint8_t **bytes, size_t *size,
                    struct tn_error *error)
{
    *bytes = NULL;
    *size = 0;
    if (!tn_graph_check_files(graph, error))
        return false;
    struct tn_writing writing = {.graph = graph,
                                 .weights = weights ? TN_WEIGHTS_INSIDE : TN_WEIGHTS_DIGESTS};
    const Onnx__ModelProto *model = write_model(&writing);
    *size = model ? onnx__model_proto__get_packed_size(model) : 0;
    bool ok = model ? check_size(*size, error) : tn_fail_memory(error, "the ONNX file", 0);
    if (ok && !(*bytes = tn_alloc(*size, 1)))
        ok = tn_fail_memory(error, "the ONNX file", *size);
    if (ok)
        onnx__model_proto__pack(model, *bytes);
    tn_writing_release(&writing);
    return ok;
}

/* Files */

struct stream {
    ProtobufCBuffer base;
    struct tn_file_draft *draft;
};

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    tn_file_append(((struct stream *)buffer)->draft, bytes, size);
}

static bool draft_model(const Onnx__ModelProto *model, const char *path,
                        struct tn_file_draft *draft, struct tn_error *error)
{
    struct stream stream = {{append}, draft};
    if (!tn_file_begin(draft, path, error))
        return false;
    onnx__model_proto__pack_to_buffer(model, &stream.base);
    return tn_file_end(draft, error);
}

static bool write_one(const Onnx__ModelProto *model, const char *path, struct tn_error *error)
{
    struct tn_file_draft draft = {0};
    bool ok = draft_model(model, path, &draft, error) && tn_file_publish(&draft, error);
    tn_file_drop(&draft);
    return ok;
}

/* Both files are whole before either takes its name; the model comes last, as it is what is opened.
 */
static bool write_two(const struct tn_graph *graph, const Onnx__ModelProto *model, const char *path,
                      const char *data_path, struct tn_error *error)
{
    struct tn_file_draft draft = {.descriptor = -1}, data;
    bool fresh = !tn_file_exists(data_path);
    bool ok = tn_file_begin(&data, data_path, error);
    ok = ok && tn_write_weights(graph, &data, error) && tn_file_end(&data, error) &&
         draft_model(model, path, &draft, error) && tn_file_publish(&data, error);
    bool whole = ok && tn_file_publish(&draft, error);
    if (ok && !whole && fresh)
        remove(data_path);
    tn_file_drop(&data);
    tn_file_drop(&draft);
    return whole;
}

/* Bytes of all weights; more than any file can hold where they cannot be counted. */
static size_t weigh(const struct tn_graph *graph)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->value_count; i++) {
        const struct tn_value *value = &graph->values[i];
        const struct tn_tensor *tensor = value->constant;
        int element = tensor ? tn_stored_element(tensor->dtype, value->stored_type) : 0;
        if (tensor &&
            __builtin_add_overflow(bytes, tensor->count * tn_element_size(element), &bytes))
            return SIZE_MAX;
    }
    return bytes;
}

/* Nothing is written where *beside turns out to be needed. */
static bool write_inside(const struct tn_graph *graph, const char *path, size_t most, bool *beside,
                         struct tn_error *error)
{
    struct tn_writing writing = {.graph = graph, .weights = TN_WEIGHTS_INSIDE};
    const Onnx__ModelProto *model = write_model(&writing);
    *beside = model && onnx__model_proto__get_packed_size(model) > most;
    bool ok = model ? *beside || write_one(model, path, error) : tn_fail_memory(error, path, 0);
    tn_writing_release(&writing);
    return ok;
}

static bool write_beside(const struct tn_graph *graph, const char *path, struct tn_error *error)
{
    const char *slash = strrchr(path, '/');
    char *data_path = tn_sprintf("%s.data", path);
    if (!data_path)
        return tn_fail_memory(error, path, strlen(path));
    struct tn_writing writing = {.graph = graph,
                                 .weights = TN_WEIGHTS_BESIDE,
                                 .location = slash ? data_path + (slash + 1 - path) : data_path};
    const Onnx__ModelProto *model = write_model(&writing);
    bool ok = model ? check_size(onnx__model_proto__get_packed_size(model), error) ||
                          tn_fail_in(error, "%s", path)
                    : tn_fail_memory(error, path, 0);
    ok = ok && write_two(graph, model, path, data_path, error);
    tn_writing_release(&writing);
    tn_free(data_path);
    return ok;
}

bool tn_onnx_write_within(const struct tn_graph *graph, const char *path, size_t most,
                          struct tn_error *error)
{
    bool beside = weigh(graph) > most;
    if (!tn_graph_check_files(graph, error))
        return false;
    if (!beside && !write_inside(graph, path, most, &beside, error))
        return false;
    return !beside || write_beside(graph, path, error);
}

bool tn_onnx_write(const struct tn_graph *graph, const char *path, struct tn_error *error)
{
    return tn_onnx_write_within(graph, path, INT32_MAX, error);
}
