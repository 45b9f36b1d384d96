#include "model/layers.h"

#include "core/memory.h"
#include "model/window.h"

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

/* DESIGN section 3: the weight's name without ".weight", else the node's. Two layers that share a
 * weight would share a name: the later ones get a number. */
static char *layer_name(const struct tn_graph *graph, const struct tn_node *node,
                        const struct tn_layers *layers)
{
    const char *weight = graph->values[node->inputs[1]].name;
    const char *label = tn_node_label(graph, node);
    char *name = ends_with(weight, ".weight")
                     ? tn_sprintf("%.*s", (int)(strlen(weight) - strlen(".weight")), weight)
                     : tn_strdup(label);
    for (int number = 2; name && tn_layers_find(layers, name) >= 0; number++) {
        char *next = tn_sprintf("%s#%d", label, number);
        tn_free(name);
        name = next;
    }
    return name;
}

static bool times(int64_t *product, int64_t factor)
{
    return !__builtin_mul_overflow(*product, factor, product);
}

static bool measure_conv(const struct tn_graph *graph, struct tn_layer *layer)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    const int64_t *dims = tn_node_constant(graph, node, 1)->dims;
    const struct tn_value *output = &graph->values[node->outputs[0]];
    int64_t channels = dims[1];
    if (!times(&channels, tn_node_int(node, "group", 1)) || channels > INT_MAX ||
        dims[0] > INT_MAX || dims[2] > INT_MAX || dims[3] > INT_MAX)
        return false;
    layer->filters = (int)dims[0];
    layer->channels = (int)channels;
    layer->kernel[0] = (int)dims[2];
    layer->kernel[1] = (int)dims[3];
    layer->flops = 2;
    for (int i = 0; i < 2; i++) {
        layer->out[i] = output->has_shape ? (int)output->dims[2 + i] : 0;
        if (!times(&layer->flops, layer->out[i]))
            return false;
    }
    return times(&layer->flops, (int64_t)tn_node_constant(graph, node, 1)->count);
}

static bool measure_gemm(const struct tn_graph *graph, struct tn_layer *layer)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    bool transposed = tn_node_int(node, "transB", 0) != 0;
    int64_t filters = weight->dims[transposed ? 0 : 1], channels = weight->dims[transposed ? 1 : 0];
    if (filters > INT_MAX || channels > INT_MAX)
        return false;
    layer->filters = (int)filters;
    layer->channels = (int)channels;
    for (int i = 0; i < 2; i++)
        layer->kernel[i] = layer->out[i] = 1;
    layer->flops = 2;
    return times(&layer->flops, (int64_t)weight->count);
}

static int64_t count_of(const struct tn_graph *graph, const struct tn_node *node, int input)
{
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    return tensor ? (int64_t)tensor->count : 0;
}

static void count_params(const struct tn_graph *graph, struct tn_layer *layer)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    int next;
    layer->params = count_of(graph, node, 1);
    if (tn_graph_consumers(graph, node->outputs[0], 1, &next) > 0 &&
        graph->nodes[next].op == TN_OP_BATCH_NORM)
        layer->params +=
            count_of(graph, &graph->nodes[next], 1) + count_of(graph, &graph->nodes[next], 2);
    layer->params_all = layer->params + count_of(graph, node, 2);
}

/* Does the node have weights that can be pruned? Computed ones cannot. */
static bool is_layer(const struct tn_graph *graph, const struct tn_node *node)
{
    if (node->op != TN_OP_CONV && node->op != TN_OP_GEMM)
        return false;
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    return weight && weight->rank == (node->op == TN_OP_CONV ? 4 : 2);
}

static bool add_layer(const struct tn_graph *graph, int index, struct tn_layers *layers,
                      struct tn_error *error)
{
    const struct tn_node *node = &graph->nodes[index];
    struct tn_layer *layer = &layers->layer[layers->count];
    layer->node = index;
    layer->op = node->op;
    layer->name = layer_name(graph, node, layers);
    if (!layer->name)
        return tn_fail_memory(error, "a layer's name", 0);
    layers->count++;
    if (!(node->op == TN_OP_CONV ? measure_conv(graph, layer) : measure_gemm(graph, layer)))
        return tn_fail(error, TN_ERROR_INPUT, "layer '%s' is too large to count", layer->name);
    count_params(graph, layer);
    return true;
}

bool tn_layers_of(const struct tn_graph *graph, struct tn_layers *layers, struct tn_error *error)
{
    size_t count = 0;
    for (int i = 0; i < graph->node_count; i++)
        count += is_layer(graph, &graph->nodes[i]);
    *layers = (struct tn_layers){.layer = tn_calloc(count, sizeof *layers->layer)};
    if (!layers->layer)
        return tn_fail_memory(error, "layers", count * sizeof *layers->layer);
    for (int i = 0; i < graph->node_count; i++)
        if (is_layer(graph, &graph->nodes[i]) && !add_layer(graph, i, layers, error)) {
            tn_layers_free(layers);
            return false;
        }
    return true;
}

void tn_layers_free(struct tn_layers *layers)
{
    for (int i = 0; i < layers->count; i++)
        tn_free(layers->layer[i].name);
    tn_free(layers->layer);
    *layers = (struct tn_layers){0};
}
