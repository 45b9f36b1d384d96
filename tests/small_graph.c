#include "small_graph.h"

#include "model/shape.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

void small_begin(struct small_graph *small, int channels, int height, int width, uint64_t seed)
{
    struct tn_error error = {0};
    small->graph = tn_graph_new(&error);
    assert_non_null(small->graph);
    small->graph->info.opset = 13;
    small->graph->info.ir_version = 7;
    tn_random_seed(&small->random, seed, 0);
    small->last = tn_graph_add_value(small->graph, "input", NULL, &error);
    assert_true(small->last >= 0 && tn_graph_add_input(small->graph, small->last, &error));
    struct tn_value *input = &small->graph->values[small->last];
    input->has_shape = true;
    input->dtype = TN_FLOAT32;
    input->rank = 4;
    input->dims[0] = TN_BATCH;
    input->dims[1] = channels;
    input->dims[2] = height;
    input->dims[3] = width;
}

static int named_value(struct small_graph *small, const char *name, struct tn_tensor *tensor)
{
    struct tn_error error = {0};
    char unique[64];
    snprintf(unique, sizeof unique, "%s.%d", name, small->graph->value_count);
    int value = tn_graph_add_value(small->graph, unique, tensor, &error);
    assert_true(value >= 0);
    return value;
}

int small_constant(struct small_graph *small, const char *name, int rank, const int64_t *dims,
                   double mean, double spread)
{
    struct tn_error error = {0};
    struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, rank, dims, &error);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        tn_tensor_floats(tensor)[i] =
            (float)(mean + spread * (2 * tn_random_uniform(&small->random) - 1));
    return named_value(small, name, tensor);
}

int small_whole_numbers(struct small_graph *small, const char *name, int count,
                        const int64_t *numbers)
{
    struct tn_error error = {0};
    struct tn_tensor *tensor = tn_tensor_new(TN_INT64, 1, (const int64_t[]){count}, &error);
    assert_non_null(tensor);
    for (int i = 0; i < count; i++)
        tn_tensor_ints(tensor)[i] = numbers[i];
    return named_value(small, name, tensor);
}

struct tn_node *small_join(struct small_graph *small, const char *op_type, int input_count,
                           const int *inputs, int output_count, int *outputs)
{
    struct tn_error error = {0};
    char name[64];
    for (int i = 0; i < output_count; i++)
        outputs[i] = named_value(small, op_type, NULL);
    snprintf(name, sizeof name, "%s_%d", op_type, small->graph->node_count);
    int node = tn_graph_add_node(small->graph, name, op_type, input_count, inputs, output_count,
                                 outputs, &error);
    assert_true(node >= 0);
    small->last = outputs[0];
    return &small->graph->nodes[node];
}

struct tn_node *small_node(struct small_graph *small, const char *op_type, int constant_count,
                           const int *constants)
{
    int inputs[6] = {small->last}, output;
    for (int i = 0; i < constant_count; i++)
        inputs[i + 1] = constants[i];
    return small_join(small, op_type, 1 + constant_count, inputs, 1, &output);
}

void small_conv(struct small_graph *small, int channels, int filters, const int64_t kernel[2],
                const int64_t stride[2], const int64_t dilation[2], const int64_t pads[4],
                int groups, bool bias)
{
    struct tn_error error = {0};
    int constants[2];
    constants[0] =
        small_constant(small, "weight", 4,
                       (const int64_t[]){filters, channels / groups, kernel[0], kernel[1]}, 0, 1);
    if (bias)
        constants[1] = small_constant(small, "bias", 1, (const int64_t[]){filters}, 0, 1);
    struct tn_node *node = small_node(small, "Conv", bias ? 2 : 1, constants);
    assert_true(tn_node_set_ints(node, "kernel_shape", 2, kernel, &error));
    assert_true(tn_node_set_ints(node, "strides", 2, stride, &error));
    assert_true(tn_node_set_ints(node, "dilations", 2, dilation, &error));
    assert_true(tn_node_set_ints(node, "pads", 4, pads, &error));
    assert_true(tn_node_set_int(node, "group", groups, &error));
}

void small_norm(struct small_graph *small, int channels)
{
    const int64_t dims[1] = {channels};
    int constants[4];
    constants[0] = small_constant(small, "scale", 1, dims, 1, 0.5);
    constants[1] = small_constant(small, "shift", 1, dims, 0, 0.5);
    constants[2] = small_constant(small, "mean", 1, dims, 0, 0.5);
    constants[3] = small_constant(small, "variance", 1, dims, 1, 0.5);
    small_node(small, "BatchNormalization", 4, constants);
}

struct tn_graph *small_end(struct small_graph *small)
{
    struct tn_error error = {0};
    assert_true(tn_graph_add_output(small->graph, small->last, &error));
    if (!tn_graph_infer_shapes(small->graph, &error))
        fail_msg("%s", error.text);
    return small->graph;
}
