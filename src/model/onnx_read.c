/* ONNX files into graphs. */
#include "core/file.h"
#include "core/memory.h"
#include "model/element.h"
#include "model/name_index.h"
#include "model/onnx_parts.h"
#include "model/onnx_wire.h"
#include "model/shape.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { OLDEST_OPSET = 7, NEWEST_OPSET = 21 };

/* Of the format itself. Later versions than 10 add fields, which are kept. */
enum { OLDEST_IR = 3, NEWEST_IR = 13 };

/* Far beyond any network; they keep the time that a hostile file can take in bounds. */
enum { MOST_VALUES = 1 << 24, MOST_ENDS = 1000, MOST_ATTRIBUTES = 200, MOST_CAPTURES = 10000 };

struct reading {
    const Onnx__GraphProto *proto;
    struct tn_graph *graph;
    struct tn_name_index index; /* of values; the names are the message's */
    const struct tn_onnx_source *source;
    struct tn_error *error;
};

static const char *text_or(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static bool keep_text(char **copy, const char *text, struct tn_error *error)
{
    if (!text)
        return true;
    *copy = tn_strdup(text);
    return *copy || tn_fail_memory(error, "a text", strlen(text));
}

static bool is_own_domain(const char *domain)
{
    return !domain || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

/* About the model. */

static bool read_opsets(const Onnx__ModelProto *model, struct tn_model_info *info,
                        struct tn_error *error)
{
    size_t others = 0;
    info->opset_domains = tn_calloc(model->n_opset_import, sizeof *info->opset_domains);
    info->opset_versions = tn_calloc(model->n_opset_import, sizeof *info->opset_versions);
    if (!info->opset_domains || !info->opset_versions)
        return tn_fail_memory(error, "opsets", model->n_opset_import);
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = model->opset_import[i];
        if (is_own_domain(opset->domain)) {
            info->opset = opset->version;
            continue;
        }
        info->opset_domains[others] = tn_strdup(opset->domain);
        if (!info->opset_domains[others])
            return tn_fail_memory(error, "opsets", strlen(opset->domain));
        info->opset_versions[others++] = opset->version;
        info->opset_count = (int)others;
    }
    if (info->opset < OLDEST_OPSET || info->opset > NEWEST_OPSET)
        return tn_fail(error, TN_ERROR_INPUT, "its opset is %lld, expected %d to %d",
                       (long long)info->opset, OLDEST_OPSET, NEWEST_OPSET);
    return true;
}

static bool read_properties(const Onnx__ModelProto *model, struct tn_model_info *info,
                            struct tn_error *error)
{
    size_t count = model->n_metadata_props;
    info->property_keys = tn_calloc(count, sizeof *info->property_keys);
    info->property_values = tn_calloc(count, sizeof *info->property_values);
    if (!info->property_keys || !info->property_values)
        return tn_fail_memory(error, "metadata", count);
    info->property_count = (int)count;
    for (size_t i = 0; i < count; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        if (!keep_text(&info->property_keys[i], text_or(entry->key, ""), error) ||
            !keep_text(&info->property_values[i], text_or(entry->value, ""), error))
            return false;
    }
    return true;
}

static bool read_info(const Onnx__ModelProto *model, struct tn_model_info *info,
                      struct tn_error *error)
{
    if (model->ir_version < OLDEST_IR || model->ir_version > NEWEST_IR)
        return tn_fail(error, TN_ERROR_INPUT, "its IR version is %lld, expected %d to %d",
                       (long long)model->ir_version, OLDEST_IR, NEWEST_IR);
    info->ir_version = model->ir_version;
    info->model_version = model->model_version;
    if (model->n_opset_import > INT_MAX || model->n_metadata_props > INT_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "it has too much metadata");
    return read_opsets(model, info, error) && read_properties(model, info, error) &&
           keep_text(&info->producer_name, model->producer_name, error) &&
           keep_text(&info->producer_version, model->producer_version, error) &&
           keep_text(&info->domain, model->domain, error) &&
           keep_text(&info->doc_string, model->doc_string, error) &&
           keep_text(&info->graph_name, model->graph->name, error) &&
           tn_onnx_rest_of_model(model, &info->rest, error) &&
           tn_onnx_rest_of_graph(model->graph, &info->graph_rest, error);
}

/* Values. */

/* A new value under a name that must not be taken; -1 with an error. */
static int new_value(struct reading *reading, const char *name, struct tn_tensor *constant)
{
    bool fits = reading->graph->value_count < MOST_VALUES;
    if (!name || name[0] == '\0' || !fits || tn_name_index_find(&reading->index, name) >= 0) {
        tn_tensor_unref(constant);
        if (!name || name[0] == '\0')
            tn_fail(reading->error, TN_ERROR_INPUT, "a tensor or input has no name");
        else if (!fits)
            tn_fail(reading->error, TN_ERROR_INPUT, "it has more than %d tensors", MOST_VALUES);
        else
            tn_fail(reading->error, TN_ERROR_INPUT, "two tensors are called '%s'", name);
        return -1;
    }
    int value = tn_graph_add_value(reading->graph, name, constant, reading->error);
    if (value < 0 || !tn_name_index_add(&reading->index, name, value, reading->error))
        return -1;
    return value;
}

static bool read_initializers(struct reading *reading)
{
    for (size_t i = 0; i < reading->proto->n_initializer; i++) {
        const Onnx__TensorProto *proto = reading->proto->initializer[i];
        int stored_type = 0;
        struct tn_tensor *tensor =
            tn_onnx_read_tensor(proto, reading->source, &stored_type, reading->error);
        if (!tensor)
            return tn_fail_in(reading->error, "tensor '%s'", text_or(proto->name, ""));
        int value = new_value(reading, proto->name, tensor);
        if (value < 0)
            return false;
        struct tn_value *place = &reading->graph->values[value];
        place->stored_type = stored_type;
        if (!tn_onnx_rest_of_tensor(proto, &place->rest, reading->error))
            return false;
    }
    return true;
}

static bool refuse_sparse(struct reading *reading)
{
    if (reading->proto->n_sparse_initializer == 0)
        return true;
    const Onnx__TensorProto *values = reading->proto->sparse_initializer[0]->values;
    return tn_fail(reading->error, TN_ERROR_INPUT, "tensor '%s': sparse tensors are not supported",
                   values ? text_or(values->name, "") : "");
}

/* The first dimension is the batch where it is left open; where it is fixed too, for an activation
 * of two dimensions or more, as long as all inputs agree on it. */
static void read_batch(struct tn_model_info *info, const Onnx__TensorShapeProto__Dimension *dim,
                       int rank, bool first, int64_t *size)
{
    bool fixed = dim->has_dim_value && dim->dim_value > 0;
    if (fixed && first && rank >= 2)
        info->batch_size = dim->dim_value;
    if (!fixed || (rank >= 2 && dim->dim_value == info->batch_size))
        *size = TN_BATCH;
}

static bool read_input_shape(struct reading *reading, const Onnx__TensorShapeProto *shape,
                             struct tn_value *value, struct tn_error *error)
{
    struct tn_model_info *info = &reading->graph->info;
    if (shape->n_dim > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT, "it has %zu dimensions, at most %d are supported",
                       shape->n_dim, TN_MAX_RANK);
    value->rank = (int)shape->n_dim;
    for (int i = 0; i < value->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        bool first = reading->graph->input_count == 0;
        value->dims[i] = dim->has_dim_value ? dim->dim_value : 0;
        if (i == 0)
            read_batch(info, dim, value->rank, first, &value->dims[0]);
        if (i == 0 && first && dim->dim_param && dim->dim_param[0] != '\0' &&
            !keep_text(&info->batch_name, dim->dim_param, error))
            return false;
        if (value->dims[i] < 1 && !(i == 0 && value->dims[0] == TN_BATCH))
            return tn_fail(error, TN_ERROR_INPUT,
                           "its dimension %d ('%s') is not fixed; only the batch may be left open",
                           i, text_or(dim->dim_param, ""));
        if (value->dims[i] > INT32_MAX)
            return tn_fail(error, TN_ERROR_INPUT, "its dimension %d is %lld", i,
                           (long long)value->dims[i]);
    }
    value->has_shape = true;
    return true;
}

static bool read_input(struct reading *reading, const Onnx__ValueInfoProto *proto)
{
    struct tn_error *error = reading->error;
    int value = new_value(reading, proto->name, NULL);
    if (value < 0)
        return false;
    const Onnx__TypeProto__Tensor *type = proto->type ? proto->type->tensor_type : NULL;
    struct tn_value *place = &reading->graph->values[value];
    bool ok = true;
    if (!type || !type->shape)
        ok = tn_fail(error, TN_ERROR_INPUT, "its type or its shape is missing");
    else if (!tn_element_dtype(type->elem_type, &place->dtype))
        ok =
            tn_fail(error, TN_ERROR_INPUT, "its element type %d is not supported", type->elem_type);
    if (ok && type->elem_type != (int)place->dtype)
        place->stored_type = type->elem_type;
    if (!ok || !read_input_shape(reading, type->shape, place, error))
        return tn_fail_in(error, "input '%s'", proto->name);
    return tn_onnx_rest_of_value(proto, &place->stated, error) &&
           tn_graph_add_input(reading->graph, value, error);
}

/* Inputs that have an initializer are its defaults: constants here. */
static bool read_inputs(struct reading *reading)
{
    for (size_t i = 0; i < reading->proto->n_input; i++) {
        const Onnx__ValueInfoProto *input = reading->proto->input[i];
        int value = input->name ? tn_name_index_find(&reading->index, input->name) : -1;
        struct tn_value *place = value >= 0 ? &reading->graph->values[value] : NULL;
        if (place && place->constant) {
            place->overridable = true;
            if (!tn_onnx_rest_of_value(input, &place->stated, reading->error))
                return false;
        } else if (reading->graph->input_count <= MOST_ENDS && !read_input(reading, input)) {
            return false;
        }
    }
    if (reading->graph->input_count == 0 || reading->graph->input_count > MOST_ENDS)
        return tn_fail(reading->error, TN_ERROR_INPUT,
                       "the network has %d inputs, expected 1 to %d", reading->graph->input_count,
                       MOST_ENDS);
    return true;
}

static bool read_outputs(struct reading *reading)
{
    if (reading->proto->n_output == 0 || reading->proto->n_output > MOST_ENDS)
        return tn_fail(reading->error, TN_ERROR_INPUT,
                       "the network has %zu outputs, expected 1 to %d", reading->proto->n_output,
                       MOST_ENDS);
    for (size_t i = 0; i < reading->proto->n_output; i++) {
        const char *name = text_or(reading->proto->output[i]->name, "");
        int value = tn_name_index_find(&reading->index, name);
        if (value < 0)
            return tn_fail(reading->error, TN_ERROR_INPUT,
                           "nothing makes the network's output '%s'", name);
        for (int j = 0; j < reading->graph->output_count; j++)
            if (reading->graph->outputs[j] == value)
                return tn_fail(reading->error, TN_ERROR_INPUT, "output '%s' is there twice", name);
        if (!tn_graph_add_output(reading->graph, value, reading->error) ||
            !tn_onnx_rest_of_value(reading->proto->output[i], &reading->graph->values[value].stated,
                                   reading->error))
            return false;
    }
    return true;
}

/* Nodes. */

static const char *label(const Onnx__NodeProto *node)
{
    if (node->name && node->name[0] != '\0')
        return node->name;
    return node->n_output > 0 ? node->output[0] : "";
}

static bool fail_in_node(struct reading *reading, const Onnx__NodeProto *node)
{
    return tn_fail_in(reading->error, "node '%s' (%s)", label(node), text_or(node->op_type, ""));
}

/* Nodes may stand in any order, so all that they make is named before any of it is read. */
static bool name_node_outputs(struct reading *reading)
{
    for (size_t i = 0; i < reading->proto->n_node; i++) {
        const Onnx__NodeProto *node = reading->proto->node[i];
        for (size_t j = 0; j < node->n_output; j++)
            if (node->output[j][0] != '\0' && new_value(reading, node->output[j], NULL) < 0)
                return fail_in_node(reading, node);
    }
    return true;
}

/* Values of a node's inputs or outputs, as a new array; NULL with an error. */
static int *find_values(struct reading *reading, size_t count, char **names)
{
    int *values = tn_alloc(count, sizeof *values);
    if (!values)
        tn_fail_memory(reading->error, "a node", count * sizeof *values);
    for (size_t i = 0; values && i < count; i++) {
        values[i] = TN_NO_VALUE;
        if (names[i][0] == '\0')
            continue;
        values[i] = tn_name_index_find(&reading->index, names[i]);
        if (values[i] < 0) {
            tn_fail(reading->error, TN_ERROR_INPUT, "nothing makes its input '%s'", names[i]);
            tn_free(values);
            return NULL;
        }
    }
    return values;
}

struct capturing {
    struct reading *reading;
    struct tn_node *node;
};

static bool capture(void *context, const char *name, struct tn_error *error)
{
    struct capturing *capturing = context;
    struct tn_node *node = capturing->node;
    int value = tn_name_index_find(&capturing->reading->index, name);
    if (value < 0)
        return true;
    for (int i = 0; i < node->capture_count; i++)
        if (node->captures[i] == value)
            return true;
    size_t count = (size_t)node->capture_count;
    if (count == MOST_CAPTURES)
        return tn_fail(error, TN_ERROR_INPUT, "its subgraphs read more than %d tensors",
                       MOST_CAPTURES);
    int *more = tn_realloc(node->captures, count, count + 1, sizeof *more);
    if (!more)
        return tn_fail_memory(error, "a node", count);
    node->captures = more;
    more[node->capture_count++] = value;
    return true;
}

static bool fill_node(struct reading *reading, const Onnx__NodeProto *proto, struct tn_node *node)
{
    struct capturing capturing = {reading, node};
    if (!is_own_domain(proto->domain)) {
        tn_free(node->domain);
        node->domain = tn_strdup(proto->domain);
        node->op = TN_OP_UNKNOWN;
        if (!node->domain)
            return tn_fail_memory(reading->error, "a node", 0);
    }
    if (proto->n_attribute > MOST_ATTRIBUTES)
        return tn_fail(reading->error, TN_ERROR_INPUT,
                       "it has %zu attributes, at most %d are supported", proto->n_attribute,
                       MOST_ATTRIBUTES);
    for (size_t i = 0; i < proto->n_attribute; i++)
        if (!tn_onnx_read_attribute(proto->attribute[i], reading->source, node, reading->error) ||
            !tn_onnx_subgraph_names(proto->attribute[i], capture, &capturing, reading->error))
            return false;
    return tn_onnx_rest_of_node(proto, &node->rest, reading->error);
}

static bool read_node(struct reading *reading, const Onnx__NodeProto *proto)
{
    if (!proto->op_type || proto->op_type[0] == '\0')
        return tn_fail(reading->error, TN_ERROR_INPUT, "it has no operator");
    if (proto->n_input > MOST_VALUES || proto->n_output > MOST_VALUES)
        return tn_fail(reading->error, TN_ERROR_INPUT, "it has too many inputs or outputs");
    int *inputs = find_values(reading, proto->n_input, proto->input);
    int *outputs = inputs ? find_values(reading, proto->n_output, proto->output) : NULL;
    int node = -1;
    if (inputs && outputs)
        node = tn_graph_add_node(reading->graph, text_or(proto->name, ""), proto->op_type,
                                 (int)proto->n_input, inputs, (int)proto->n_output, outputs,
                                 reading->error);
    tn_free(inputs);
    tn_free(outputs);
    return node >= 0 && fill_node(reading, proto, &reading->graph->nodes[node]);
}

static bool read_nodes(struct reading *reading)
{
    for (size_t i = 0; i < reading->proto->n_node; i++)
        if (!read_node(reading, reading->proto->node[i]))
            return fail_in_node(reading, reading->proto->node[i]);
    return true;
}

static bool read_graph(struct reading *reading)
{
    return refuse_sparse(reading) && read_initializers(reading) && read_inputs(reading) &&
           name_node_outputs(reading) && read_nodes(reading) && read_outputs(reading) &&
           tn_graph_sort(reading->graph, reading->error) &&
           tn_graph_fold_constants(reading->graph, reading->error) &&
           tn_graph_infer_shapes(reading->graph, reading->error);
}

static struct tn_graph *read_model(const Onnx__ModelProto *model,
                                   const struct tn_onnx_source *source, struct tn_error *error)
{
    if (!model->graph || !model->has_ir_version) {
        tn_fail(error, TN_ERROR_INPUT, "not an ONNX model: it holds no network");
        return NULL;
    }
    struct reading reading = {.proto = model->graph, .source = source, .error = error};
    reading.graph = tn_graph_new(error);
    if (!reading.graph)
        return NULL;
    bool ok = read_info(model, &reading.graph->info, error) && read_graph(&reading);
    tn_name_index_free(&reading.index);
    if (ok)
        return reading.graph;
    tn_graph_free(reading.graph);
    return NULL;
}

/* What to say of bytes that do not decode: the first field of every ONNX file is its version, 8. */
static void explain(const uint8_t *bytes, const struct tn_onnx_memory *memory,
                    struct tn_error *error)
{
    if (memory && memory->exceeded)
        tn_fail(error, TN_ERROR_INPUT, "takes more memory than a file of its size can mean");
    else if (bytes[0] == 8)
        tn_fail(error, TN_ERROR_INPUT, "the ONNX model is damaged or cut short");
    else
        tn_fail(error, TN_ERROR_INPUT, "not an ONNX model");
}

/* Let the initializers point at their data, in the file's bytes, while they are read. */
static bool attach(Onnx__ModelProto *model, const struct tn_onnx_outline *outline,
                   struct tn_error *error)
{
    size_t count = model->graph ? model->graph->n_initializer : 0;
    if (count != outline->weight_count)
        return tn_fail(error, TN_ERROR_INPUT, "the ONNX model is damaged");
    for (size_t i = 0; i < count; i++) {
        Onnx__TensorProto *tensor = model->graph->initializer[i];
        tensor->has_raw_data = outline->weights[i].data != NULL;
        tensor->raw_data.data = (uint8_t *)(uintptr_t)outline->weights[i].data;
        tensor->raw_data.len = outline->weights[i].size;
    }
    return true;
}

static void detach(Onnx__ModelProto *model)
{
    for (size_t i = 0; model->graph && i < model->graph->n_initializer; i++) {
        model->graph->initializer[i]->has_raw_data = 0;
        model->graph->initializer[i]->raw_data = (ProtobufCBinaryData){0, NULL};
    }
}

static struct tn_graph *decode_outline(const struct tn_onnx_outline *outline,
                                       const struct tn_onnx_source *source, struct tn_error *error)
{
    struct tn_onnx_memory memory;
    struct tn_graph *graph = NULL;
    if (!tn_onnx_check_texts(&onnx__model_proto__descriptor, outline->bytes, outline->size, error))
        return NULL;
    tn_onnx_memory_start(&memory, outline->size);
    Onnx__ModelProto *model =
        onnx__model_proto__unpack(&memory.allocator, outline->size, outline->bytes);
    if (!model) {
        explain(outline->bytes, &memory, error);
        return NULL;
    }
    if (attach(model, outline, error))
        graph = read_model(model, source, error);
    detach(model);
    onnx__model_proto__free_unpacked(model, &memory.allocator);
    return graph;
}

static struct tn_graph *decode(const uint8_t *bytes, size_t size, const char *name,
                               const struct tn_onnx_source *source, struct tn_error *error)
{
    struct tn_onnx_outline outline = {.bytes = NULL};
    struct tn_graph *graph = NULL;
    if (size == 0)
        tn_fail(error, TN_ERROR_INPUT, "is empty");
    else if (tn_onnx_outline(bytes, size, &outline, error))
        graph = decode_outline(&outline, source, error);
    else if (bytes[0] != 8 && error && error->kind == TN_ERROR_INPUT)
        explain(bytes, NULL, error);
    tn_onnx_outline_release(&outline);
    if (!graph)
        tn_fail_in(error, "%s", name);
    return graph;
}

struct tn_graph *tn_onnx_decode(const uint8_t *bytes, size_t size, const char *name,
                                tn_tensor_source fetch, void *context, struct tn_error *error)
{
    const struct tn_onnx_source source = {.fetch = fetch, .context = context};
    return decode(bytes, size, name, &source, error);
}

struct tn_graph *tn_onnx_read(const char *path, struct tn_error *error)
{
    size_t size;
    int descriptor = tn_file_open(path, &size, error);
    if (descriptor < 0)
        return NULL;
    struct tn_onnx_source source = {.mapping = tn_mapping_new(descriptor, path, 0, size, error)};
    close(descriptor);
    if (source.mapping)
        source.external = tn_onnx_external_new(path, error);
    struct tn_graph *graph = NULL;
    if (source.external)
        graph = decode(source.mapping->bytes, size, path, &source, error);
    tn_onnx_external_free(source.external);
    tn_mapping_unref(source.mapping);
    return graph;
}
