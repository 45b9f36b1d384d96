#include "model/graph.h"

#include "core/memory.h"
#include "model/parts.h"

#include <limits.h>
#include <string.h>

static const char *const op_names[TN_OP_COUNT] = {
    [TN_OP_UNKNOWN] = "unknown",
    [TN_OP_CONV] = "Conv",
    [TN_OP_CONV_TRANSPOSE] = "ConvTranspose",
    [TN_OP_GEMM] = "Gemm",
    [TN_OP_MATMUL] = "MatMul",
    [TN_OP_BATCH_NORM] = "BatchNormalization",
    [TN_OP_INSTANCE_NORM] = "InstanceNormalization",
    [TN_OP_LAYER_NORM] = "LayerNormalization",
    [TN_OP_LRN] = "LRN",
    [TN_OP_RELU] = "Relu",
    [TN_OP_LEAKY_RELU] = "LeakyRelu",
    [TN_OP_PRELU] = "PRelu",
    [TN_OP_ELU] = "Elu",
    [TN_OP_SELU] = "Selu",
    [TN_OP_CELU] = "Celu",
    [TN_OP_CLIP] = "Clip",
    [TN_OP_SIGMOID] = "Sigmoid",
    [TN_OP_HARD_SIGMOID] = "HardSigmoid",
    [TN_OP_HARD_SWISH] = "HardSwish",
    [TN_OP_MISH] = "Mish",
    [TN_OP_GELU] = "Gelu",
    [TN_OP_SOFTPLUS] = "Softplus",
    [TN_OP_SOFTSIGN] = "Softsign",
    [TN_OP_TANH] = "Tanh",
    [TN_OP_ERF] = "Erf",
    [TN_OP_EXP] = "Exp",
    [TN_OP_LOG] = "Log",
    [TN_OP_SQRT] = "Sqrt",
    [TN_OP_RECIPROCAL] = "Reciprocal",
    [TN_OP_ABS] = "Abs",
    [TN_OP_NEG] = "Neg",
    [TN_OP_SOFTMAX] = "Softmax",
    [TN_OP_LOG_SOFTMAX] = "LogSoftmax",
    [TN_OP_DROPOUT] = "Dropout",
    [TN_OP_IDENTITY] = "Identity",
    [TN_OP_CAST] = "Cast",
    [TN_OP_ADD] = "Add",
    [TN_OP_SUB] = "Sub",
    [TN_OP_MUL] = "Mul",
    [TN_OP_DIV] = "Div",
    [TN_OP_POW] = "Pow",
    [TN_OP_MIN] = "Min",
    [TN_OP_MAX] = "Max",
    [TN_OP_SUM] = "Sum",
    [TN_OP_MEAN] = "Mean",
    [TN_OP_MAX_POOL] = "MaxPool",
    [TN_OP_AVERAGE_POOL] = "AveragePool",
    [TN_OP_GLOBAL_AVERAGE_POOL] = "GlobalAveragePool",
    [TN_OP_GLOBAL_MAX_POOL] = "GlobalMaxPool",
    [TN_OP_REDUCE_MEAN] = "ReduceMean",
    [TN_OP_REDUCE_SUM] = "ReduceSum",
    [TN_OP_REDUCE_MAX] = "ReduceMax",
    [TN_OP_SLICE] = "Slice",
    [TN_OP_PAD] = "Pad",
    [TN_OP_SPLIT] = "Split",
    [TN_OP_CONCAT] = "Concat",
    [TN_OP_GATHER] = "Gather",
    [TN_OP_EXPAND] = "Expand",
    [TN_OP_TRANSPOSE] = "Transpose",
    [TN_OP_RESHAPE] = "Reshape",
    [TN_OP_FLATTEN] = "Flatten",
    [TN_OP_SQUEEZE] = "Squeeze",
    [TN_OP_UNSQUEEZE] = "Unsqueeze",
    [TN_OP_RESIZE] = "Resize",
    [TN_OP_UPSAMPLE] = "Upsample",
    [TN_OP_DEPTH_TO_SPACE] = "DepthToSpace",
    [TN_OP_SPACE_TO_DEPTH] = "SpaceToDepth",
};

const char *tn_op_name(enum tn_op op)
{
    return op_names[op];
}

enum tn_op tn_op_from_name(const char *op_type)
{
    for (int op = TN_OP_UNKNOWN + 1; op < TN_OP_COUNT; op++)
        if (strcmp(op_names[op], op_type) == 0)
            return (enum tn_op)op;
    return TN_OP_UNKNOWN;
}

struct tn_graph *tn_graph_new(struct tn_error *error)
{
    struct tn_graph *graph = tn_calloc(1, sizeof *graph);
    if (!graph)
        tn_fail_memory(error, "a network", sizeof *graph);
    return graph;
}

static void free_strings(int count, char **strings)
{
    for (int i = 0; strings && i < count; i++)
        tn_free(strings[i]);
    tn_free(strings);
}

static void free_info(struct tn_model_info *info)
{
    tn_free(info->producer_name);
    tn_free(info->producer_version);
    tn_free(info->domain);
    tn_free(info->doc_string);
    tn_free(info->graph_name);
    tn_free(info->batch_name);
    free_strings(info->property_count, info->property_keys);
    free_strings(info->property_count, info->property_values);
    free_strings(info->opset_count, info->opset_domains);
    tn_free(info->opset_versions);
    tn_bytes_release(&info->rest);
    tn_bytes_release(&info->graph_rest);
}

void tn_value_release(struct tn_value *value)
{
    tn_free(value->name);
    tn_bytes_release(&value->stated);
    tn_bytes_release(&value->rest);
    tn_tensor_unref(value->constant);
}

void tn_node_release(struct tn_node *node)
{
    tn_free(node->name);
    tn_free(node->op_type);
    tn_free(node->domain);
    tn_free(node->inputs);
    tn_free(node->outputs);
    tn_free(node->captures);
    for (int i = 0; i < node->attribute_count; i++)
        tn_attribute_release(&node->attributes[i]);
    tn_free(node->attributes);
    tn_bytes_release(&node->rest);
}

void tn_graph_free(struct tn_graph *graph)
{
    if (!graph)
        return;
    free_info(&graph->info);
    for (int i = 0; i < graph->value_count; i++)
        tn_value_release(&graph->values[i]);
    for (int i = 0; i < graph->node_count; i++)
        tn_node_release(&graph->nodes[i]);
    tn_free(graph->values);
    tn_free(graph->nodes);
    tn_free(graph->inputs);
    tn_free(graph->outputs);
    tn_free(graph);
}

/* Room for one more element of an array that grows by doubling. */
static bool grow(void **array, int count, int *capacity, size_t size, struct tn_error *error)
{
    if (count < *capacity)
        return true;
    if (count > INT_MAX / 2)
        return tn_fail(error, TN_ERROR_INPUT, "the network has too many parts");
    int wanted = count ? 2 * count : 16;
    void *more = tn_realloc(*array, (size_t)count, (size_t)wanted, size);
    if (!more)
        return tn_fail_memory(error, "a network", (size_t)wanted * size);
    *array = more;
    *capacity = wanted;
    return true;
}

static void take_shape(struct tn_value *value)
{
    const struct tn_tensor *tensor = value->constant;
    value->has_shape = true;
    value->dtype = tensor->dtype;
    value->rank = tensor->rank;
    memcpy(value->dims, tensor->dims, sizeof value->dims);
}

int tn_graph_add_value(struct tn_graph *graph, const char *name, struct tn_tensor *constant,
                       struct tn_error *error)
{
    void *values = graph->values;
    char *own = tn_strdup(name);
    bool room =
        grow(&values, graph->value_count, &graph->value_capacity, sizeof *graph->values, error);
    graph->values = values;
    if (!own || !room) {
        if (room)
            tn_fail_memory(error, "a name", strlen(name));
        tn_free(own);
        tn_tensor_unref(constant);
        return -1;
    }
    struct tn_value *value = &graph->values[graph->value_count];
    *value = (struct tn_value){.name = own, .constant = constant, .producer = TN_NO_NODE};
    value->dtype = TN_FLOAT32;
    if (constant)
        take_shape(value);
    return graph->value_count++;
}

void tn_graph_set_constant(struct tn_graph *graph, int value, struct tn_tensor *constant)
{
    struct tn_value *place = &graph->values[value];
    tn_tensor_unref(place->constant);
    place->constant = constant;
    take_shape(place);
}

static int *copy_indices(int count, const int *indices)
{
    int *copy = tn_alloc((size_t)count, sizeof *copy);
    if (copy && count > 0)
        memcpy(copy, indices, (size_t)count * sizeof *copy);
    return copy;
}

int tn_graph_add_node(struct tn_graph *graph, const char *name, const char *op_type,
                      int input_count, const int *inputs, int output_count, const int *outputs,
                      struct tn_error *error)
{
    void *nodes = graph->nodes;
    bool room = grow(&nodes, graph->node_count, &graph->node_capacity, sizeof *graph->nodes, error);
    graph->nodes = nodes;
    if (!room)
        return -1;
    struct tn_node node = {
        .name = tn_strdup(name),
        .op = tn_op_from_name(op_type),
        .op_type = tn_strdup(op_type),
        .domain = tn_strdup(""),
        .input_count = input_count,
        .output_count = output_count,
        .inputs = copy_indices(input_count, inputs),
        .outputs = copy_indices(output_count, outputs),
    };
    if (!node.name || !node.op_type || !node.domain || !node.inputs || !node.outputs) {
        tn_node_release(&node);
        tn_fail_memory(error, "a node", sizeof node);
        return -1;
    }
    for (int i = 0; i < output_count; i++)
        if (outputs[i] != TN_NO_VALUE)
            graph->values[outputs[i]].producer = graph->node_count;
    graph->nodes[graph->node_count] = node;
    return graph->node_count++;
}

static bool append(int **list, int *count, int value, struct tn_error *error)
{
    int *more = tn_realloc(*list, (size_t)*count, (size_t)*count + 1, sizeof *more);
    if (!more)
        return tn_fail_memory(error, "a network", sizeof *more);
    *list = more;
    more[(*count)++] = value;
    return true;
}

bool tn_graph_add_input(struct tn_graph *graph, int value, struct tn_error *error)
{
    return append(&graph->inputs, &graph->input_count, value, error);
}

bool tn_graph_add_output(struct tn_graph *graph, int value, struct tn_error *error)
{
    return append(&graph->outputs, &graph->output_count, value, error);
}

static bool copy_text(char **copy, const char *text)
{
    *copy = tn_strdup(text);
    return *copy || !text;
}

static char **copy_strings(int count, char **strings)
{
    char **copy = tn_calloc((size_t)count, sizeof *copy);
    for (int i = 0; copy && i < count; i++) {
        copy[i] = tn_strdup(strings[i]);
        if (!copy[i]) {
            free_strings(i, copy);
            return NULL;
        }
    }
    return copy;
}

static bool copy_info(struct tn_model_info *copy, const struct tn_model_info *info)
{
    copy->ir_version = info->ir_version;
    copy->opset = info->opset;
    copy->batch_size = info->batch_size;
    copy->model_version = info->model_version;
    bool ok =
        copy_text(&copy->producer_name, info->producer_name) &&
        copy_text(&copy->producer_version, info->producer_version) &&
        copy_text(&copy->domain, info->domain) && copy_text(&copy->doc_string, info->doc_string) &&
        copy_text(&copy->graph_name, info->graph_name) &&
        copy_text(&copy->batch_name, info->batch_name) && tn_bytes_copy(&copy->rest, &info->rest) &&
        tn_bytes_copy(&copy->graph_rest, &info->graph_rest);
    if (!ok)
        return false;
    copy->property_count = info->property_count;
    copy->property_keys = copy_strings(info->property_count, info->property_keys);
    copy->property_values = copy_strings(info->property_count, info->property_values);
    copy->opset_count = info->opset_count;
    copy->opset_domains = copy_strings(info->opset_count, info->opset_domains);
    copy->opset_versions = tn_calloc((size_t)info->opset_count, sizeof *copy->opset_versions);
    for (int i = 0; copy->opset_versions && i < info->opset_count; i++)
        copy->opset_versions[i] = info->opset_versions[i];
    return copy->property_keys && copy->property_values && copy->opset_domains &&
           copy->opset_versions;
}

static bool clone_node(struct tn_graph *copy, const struct tn_node *node, struct tn_error *error)
{
    int index = tn_graph_add_node(copy, node->name, node->op_type, node->input_count, node->inputs,
                                  node->output_count, node->outputs, error);
    if (index < 0)
        return false;
    struct tn_node *own = &copy->nodes[index];
    own->op = node->op;
    tn_free(own->domain);
    own->domain = tn_strdup(node->domain);
    own->captures = copy_indices(node->capture_count, node->captures);
    own->attributes = tn_calloc((size_t)node->attribute_count, sizeof *own->attributes);
    if (!own->domain || !own->captures || !own->attributes ||
        !tn_bytes_copy(&own->rest, &node->rest))
        return tn_fail_memory(error, "a node", sizeof *own);
    own->capture_count = node->capture_count;
    for (int i = 0; i < node->attribute_count; i++) {
        if (!tn_attribute_copy(&own->attributes[i], &node->attributes[i], error))
            return false;
        own->attribute_count = i + 1;
    }
    return true;
}

static bool clone_values(struct tn_graph *copy, const struct tn_graph *graph,
                         struct tn_error *error)
{
    for (int i = 0; i < graph->value_count; i++) {
        const struct tn_value *value = &graph->values[i];
        if (tn_graph_add_value(copy, value->name, tn_tensor_ref(value->constant), error) < 0)
            return false;
        struct tn_value *own = &copy->values[i];
        own->stored_type = value->stored_type;
        own->overridable = value->overridable;
        if (!tn_bytes_copy(&own->stated, &value->stated) ||
            !tn_bytes_copy(&own->rest, &value->rest))
            return tn_fail_memory(error, "a network", value->stated.size + value->rest.size);
        own->has_shape = value->has_shape;
        own->dtype = value->dtype;
        own->rank = value->rank;
        memcpy(own->dims, value->dims, sizeof own->dims);
    }
    return true;
}

struct tn_graph *tn_graph_clone(const struct tn_graph *graph, struct tn_error *error)
{
    struct tn_graph *copy = tn_graph_new(error);
    if (!copy)
        return NULL;
    bool ok = copy_info(&copy->info, &graph->info);
    if (!ok)
        tn_fail_memory(error, "a network", sizeof *copy);
    ok = ok && clone_values(copy, graph, error);
    for (int i = 0; ok && i < graph->node_count; i++)
        ok = clone_node(copy, &graph->nodes[i], error);
    for (int i = 0; ok && i < graph->input_count; i++)
        ok = tn_graph_add_input(copy, graph->inputs[i], error);
    for (int i = 0; ok && i < graph->output_count; i++)
        ok = tn_graph_add_output(copy, graph->outputs[i], error);
    if (ok)
        return copy;
    tn_graph_free(copy);
    return NULL;
}

const char *tn_node_label(const struct tn_graph *graph, const struct tn_node *node)
{
    if (node->name[0] != '\0')
        return node->name;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != TN_NO_VALUE)
            return graph->values[node->outputs[i]].name;
    return "";
}

struct tn_tensor *tn_node_constant(const struct tn_graph *graph, const struct tn_node *node,
                                   int index)
{
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return NULL;
    return graph->values[node->inputs[index]].constant;
}

bool tn_graph_check_files(const struct tn_graph *graph, struct tn_error *error)
{
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].constant && !tn_tensor_check(graph->values[i].constant, error))
            return false;
    return true;
}

int tn_graph_find_value(const struct tn_graph *graph, const char *name)
{
    for (int i = 0; i < graph->value_count; i++)
        if (strcmp(graph->values[i].name, name) == 0)
            return i;
    return TN_NO_VALUE;
}

int tn_graph_consumers(const struct tn_graph *graph, int value, int limit, int *nodes)
{
    int found = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        bool reads = false;
        for (int j = 0; j < node->input_count; j++)
            reads |= node->inputs[j] == value;
        for (int j = 0; j < node->capture_count; j++)
            reads |= node->captures[j] == value;
        if (!reads)
            continue;
        if (found < limit)
            nodes[found] = i;
        found++;
    }
    return found;
}
