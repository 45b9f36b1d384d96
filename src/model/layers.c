#include "model/layers.h"

#include "core/memory.h"
#include "model/name_index.h"
#include "model/readers.h"

#include <limits.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

int tn_layers_find(const struct tn_layers *layers, const char *name)
{
    for (int i = 0; i < layers->count; i++)
        if (strcmp(layers->layer[i].name, name) == 0)
            return i;
    return -1;
}

/* Layers being found. */
struct finding {
    const struct tn_graph *graph;
    struct tn_readers readers;
    struct tn_name_index names;
    struct tn_layers *layers;
    struct tn_error *error;
};

/* DESIGN section 3: the weight's name without ".weight", else the node's. Layers that share a
 * weight would share a name: the later ones get a number. */
static char *layer_name(const struct finding *finding, int index)
{
    enum { FEW = 64 }; /* names tried in turn, before the node's own number makes it shorter */
    const struct tn_graph *graph = finding->graph;
    const struct tn_node *node = &graph->nodes[index];
    const char *weight = graph->values[node->inputs[1]].name;
    const char *label = tn_node_label(graph, node);
    char *name = ends_with(weight, ".weight")
                     ? tn_sprintf("%.*s", (int)(strlen(weight) - strlen(".weight")), weight)
                     : tn_strdup(label);
    for (int number = 2; name && tn_name_index_find(&finding->names, name) >= 0; number++) {
        char *next = tn_sprintf("%s#%d", label, number < FEW ? number : number + index);
        tn_free(name);
        name = next;
    }
    return name;
}

static bool times(int64_t *product, int64_t factor)
{
    return !__builtin_mul_overflow(*product, factor, product);
}

/* Dimension `index` as a size; false where it is too large. */
static bool size_at(const int64_t *dims, int index, int *size)
{
    if (dims[index] < 0 || dims[index] > INT_MAX)
        return false;
    *size = (int)dims[index];
    return true;
}

/* Height and width of [N,C,H,W], 1 and width of [N,C,W]; 0 and 0 where the shape is not known. */
static bool area_of(const struct tn_value *value, int spatial, int area[2])
{
    area[0] = area[1] = 0;
    if (!value->has_shape)
        return true;
    area[0] = 1;
    return size_at(value->dims, value->rank - 1, &area[1]) &&
           (spatial == 1 || size_at(value->dims, value->rank - 2, &area[0]));
}

static bool measure_conv(const struct tn_graph *graph, struct tn_layer *layer)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    const struct tn_value *input = &graph->values[node->inputs[0]];
    bool transposed = node->op == TN_OP_CONV_TRANSPOSE;
    int spatial = weight->rank - 2, in[2];
    int64_t part = weight->dims[1], whole = weight->dims[0];
    if (!times(&part, tn_node_int(node, "group", 1)) || part > INT_MAX || part < 0 ||
        whole > INT_MAX)
        return false;
    layer->filters = (int)(transposed ? part : whole);
    layer->channels = (int)(transposed ? whole : part);
    layer->kernel[0] = 1;
    layer->flops = 2;
    return (spatial == 1 || size_at(weight->dims, 2, &layer->kernel[0])) &&
           size_at(weight->dims, spatial + 1, &layer->kernel[1]) &&
           area_of(&graph->values[node->outputs[0]], spatial, layer->out) &&
           area_of(input, spatial, in) &&
           times(&layer->flops, transposed ? in[0] : layer->out[0]) &&
           times(&layer->flops, transposed ? in[1] : layer->out[1]) &&
           times(&layer->flops, (int64_t)weight->count);
}

/* Positions of [N, ..., C]: the last of them is the width. */
static bool positions_of(const struct tn_value *input, int out[2])
{
    int64_t height = 1;
    out[0] = out[1] = 0;
    if (!input->has_shape)
        return true;
    out[1] = 1;
    if (input->rank > 2 && !size_at(input->dims, input->rank - 2, &out[1]))
        return false;
    for (int i = 1; i < input->rank - 2; i++)
        if (!times(&height, input->dims[i]))
            return false;
    return size_at(&height, 0, &out[0]);
}

static bool measure_matrix(const struct tn_graph *graph, struct tn_layer *layer)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    bool gemm = node->op == TN_OP_GEMM;
    int last = gemm && tn_node_int(node, "transB", 0) != 0 ? 0 : 1;
    layer->kernel[0] = layer->kernel[1] = 1;
    layer->out[0] = layer->out[1] = 1;
    layer->flops = 2;
    return size_at(weight->dims, last, &layer->filters) &&
           size_at(weight->dims, 1 - last, &layer->channels) &&
           (gemm || positions_of(&graph->values[node->inputs[0]], layer->out)) &&
           times(&layer->flops, layer->out[0]) && times(&layer->flops, layer->out[1]) &&
           times(&layer->flops, (int64_t)weight->count);
}

static int64_t count_of(const struct tn_graph *graph, const struct tn_node *node, int input)
{
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    return tensor ? (int64_t)tensor->count : 0;
}

static void count_params(const struct finding *finding, struct tn_layer *layer)
{
    const struct tn_graph *graph = finding->graph;
    const struct tn_node *node = &graph->nodes[layer->node];
    int reader = tn_first_reader(&finding->readers, node->outputs[0]);
    const struct tn_node *next = reader == TN_NO_NODE ? NULL : &graph->nodes[reader];
    layer->params = count_of(graph, node, 1);
    if (next && next->op == TN_OP_BATCH_NORM)
        layer->params += count_of(graph, next, 1) + count_of(graph, next, 2);
    layer->params_all = layer->params + count_of(graph, node, 2);
    if (next && next->op == TN_OP_ADD && node->op == TN_OP_MATMUL)
        layer->params_all += count_of(graph, next, 0) + count_of(graph, next, 1);
}

bool tn_node_is_layer(const struct tn_graph *graph, const struct tn_node *node)
{
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    if (!weight || !tn_tensor_floats(weight) || node->inputs[0] == TN_NO_VALUE ||
        graph->values[node->inputs[0]].constant)
        return false;
    switch (node->op) {
    case TN_OP_CONV:
    case TN_OP_CONV_TRANSPOSE:
        return weight->rank == 3 || weight->rank == 4;
    case TN_OP_GEMM:
        return weight->rank == 2 && tn_node_int(node, "transA", 0) == 0;
    case TN_OP_MATMUL:
        return weight->rank == 2;
    default:
        return false;
    }
}

static bool add_layer(struct finding *finding, int index)
{
    const struct tn_node *node = &finding->graph->nodes[index];
    struct tn_layer *layer = &finding->layers->layer[finding->layers->count];
    layer->node = index;
    layer->op = node->op;
    layer->name = layer_name(finding, index);
    if (!layer->name)
        return tn_fail_memory(finding->error, "a layer's name", 0);
    int number = finding->layers->count++;
    if (!tn_name_index_add(&finding->names, layer->name, number, finding->error))
        return false;
    bool matrix = node->op == TN_OP_GEMM || node->op == TN_OP_MATMUL;
    if (!(matrix ? measure_matrix(finding->graph, layer) : measure_conv(finding->graph, layer)))
        return tn_fail(finding->error, TN_ERROR_INPUT, "layer '%s' is too large to count",
                       layer->name);
    count_params(finding, layer);
    return true;
}

bool tn_layers_of(const struct tn_graph *graph, struct tn_layers *layers, struct tn_error *error)
{
    struct finding finding = {.graph = graph, .layers = layers, .error = error};
    size_t count = 0;
    for (int i = 0; i < graph->node_count; i++)
        count += tn_node_is_layer(graph, &graph->nodes[i]);
    *layers = (struct tn_layers){.layer = tn_calloc(count, sizeof *layers->layer)};
    if (!layers->layer)
        return tn_fail_memory(error, "layers", count * sizeof *layers->layer);
    bool ok = tn_readers_of(graph, &finding.readers, error);
    for (int i = 0; ok && i < graph->node_count; i++)
        if (tn_node_is_layer(graph, &graph->nodes[i]))
            ok = add_layer(&finding, i);
    tn_readers_free(&finding.readers);
    tn_name_index_free(&finding.names);
    if (!ok)
        tn_layers_free(layers);
    return ok;
}

void tn_layers_free(struct tn_layers *layers)
{
    for (int i = 0; i < layers->count; i++)
        tn_free(layers->layer[i].name);
    tn_free(layers->layer);
    *layers = (struct tn_layers){0};
}
