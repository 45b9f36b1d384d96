#include "model_support.h"

#include "core/memory.h"
#include "model/builder.h"
#include "model/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct tn_graph *model_small(void)
{
    struct tn_error error = {0};
    struct tn_builder builder;
    struct tn_graph *graph = tn_builder_start(&builder, "small", &error);
    assert_non_null(graph);
    const struct tn_conv_options first = {.filters = 4, .kernel = 3, .pad = 1, .bias = true};
    const struct tn_conv_options second = {.filters = 6, .kernel = 3, .stride = 2};
    int x = tn_build_input(&builder, "image", 3, 8, 8);
    x = tn_build_conv(&builder, "first", x, &first);
    x = tn_build_batch_norm(&builder, "norm", x);
    x = tn_build_relu(&builder, "relu", x);
    x = tn_build_max_pool(&builder, "pool", x, 2, 1, 0);
    x = tn_build_conv(&builder, "second", x, &second);
    x = tn_build_global_pool(&builder, "mean", x);
    x = tn_build_flatten(&builder, "flat", x);
    x = tn_build_gemm(&builder, "last", x, 5);
    assert_true(tn_build_output(&builder, "scores", x));
    assert_true(tn_graph_initialise(graph, 3, &error));
    return graph;
}

struct tn_graph *model_begin(int rank, const int64_t *dims)
{
    struct tn_error error = {0};
    struct tn_graph *graph = tn_graph_new(&error);
    assert_non_null(graph);
    graph->info.ir_version = 7;
    graph->info.opset = 13;
    int value = tn_graph_add_value(graph, "x", NULL, &error);
    assert_int_equal(value, 0);
    assert_true(tn_graph_add_input(graph, value, &error));
    graph->values[value].has_shape = true;
    graph->values[value].rank = rank;
    memcpy(graph->values[value].dims, dims, (size_t)rank * sizeof *dims);
    return graph;
}

int model_node(struct tn_graph *graph, const char *op_type, const char *name, int input_count,
               const int *inputs)
{
    struct tn_error error = {0};
    char output_name[80];
    snprintf(output_name, sizeof output_name, "%s_out", name);
    int output = tn_graph_add_value(graph, output_name, NULL, &error);
    assert_true(output >= 0);
    int node = tn_graph_add_node(graph, name, op_type, input_count, inputs, 1, &output, &error);
    assert_true(node >= 0);
    return node;
}

int model_output(const struct tn_graph *graph, int node)
{
    return graph->nodes[node].outputs[0];
}

int model_ints(struct tn_graph *graph, const char *name, int count, const int64_t *ints)
{
    struct tn_error error = {0};
    int64_t dims[] = {count};
    struct tn_tensor *tensor = tn_tensor_new(TN_INT64, 1, dims, &error);
    assert_non_null(tensor);
    for (int i = 0; i < count; i++)
        tn_tensor_ints(tensor)[i] = ints[i];
    int value = tn_graph_add_value(graph, name, tensor, &error);
    assert_true(value >= 0);
    return value;
}

int model_floats(struct tn_graph *graph, const char *name, int rank, const int64_t *dims)
{
    struct tn_error error = {0};
    struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, rank, dims, &error);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        tn_tensor_floats(tensor)[i] = (float)i;
    int value = tn_graph_add_value(graph, name, tensor, &error);
    assert_true(value >= 0);
    return value;
}

void model_set_int(struct tn_graph *graph, int node, const char *name, int64_t value)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_int(&graph->nodes[node], name, value, &error));
}

void model_set_ints(struct tn_graph *graph, int node, const char *name, int count,
                    const int64_t *ints)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_ints(&graph->nodes[node], name, (size_t)count, ints, &error));
}

void model_set_string(struct tn_graph *graph, int node, const char *name, const char *text)
{
    struct tn_error error = {0};
    struct tn_attribute *attribute =
        tn_node_new_attribute(&graph->nodes[node], name, TN_ATTR_STRING, &error);
    assert_non_null(attribute);
    attribute->strings = tn_calloc(1, sizeof *attribute->strings);
    attribute->strings[0] = tn_strdup(text);
    attribute->count = 1;
}

struct tn_graph *model_unfolded(void)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 6, 4, 5});
    const int x = 0;
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    int two = model_ints(graph, "two", 1, (const int64_t[]){2});
    int open = model_ints(graph, "open", 1, (const int64_t[]){-1});
    int far = model_ints(graph, "far", 1, (const int64_t[]){INT64_MAX});
    int pairs = model_ints(graph, "pairs", 8, (const int64_t[]){0, 0, 0, 0, 1, 1, 0, 0});
    int shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    int size = model_output(graph, model_node(graph, "Gather", "size", 2, (int[]){shape, zero}));
    int joined = model_node(graph, "Concat", "joined", 2, (int[]){size, open});
    assert_true(tn_node_set_int(&graph->nodes[joined], "axis", 0, &error));
    int half = model_node(graph, "Slice", "half", 5, (int[]){0, zero, far, two, two});
    int table = model_output(
        graph, model_node(graph, "Reshape", "table", 2,
                          (int[]){pairs, model_ints(graph, "four", 2, (const int64_t[]){4, 2})}));
    int turned = model_output(graph, model_node(graph, "Transpose", "turned", 1, &table));
    int list = model_output(graph, model_node(graph, "Reshape", "list", 2, (int[]){turned, open}));
    int pad = model_node(graph, "Pad", "pad", 2, (int[]){model_output(graph, half), list});
    int flat = model_node(graph, "Reshape", "flat", 2,
                          (int[]){model_output(graph, pad), model_output(graph, joined)});
    int weight = model_floats(graph, "w", 2, (const int64_t[]){120, 3});
    int last = model_node(graph, "Gemm", "last", 2, (int[]){model_output(graph, flat), weight});
    assert_true(tn_graph_add_output(graph, model_output(graph, last), &error));
    return graph;
}

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_tensor(struct tn_tensor *a, struct tn_tensor *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_true(tn_digest_equal(tn_tensor_digest(a), tn_tensor_digest(b)));
}

static void assert_same_attribute(const struct tn_attribute *a, const struct tn_attribute *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->stored_type, b->stored_type);
    if (a->floats)
        assert_memory_equal(a->floats, b->floats, a->count * sizeof *a->floats);
    if (a->ints)
        assert_memory_equal(a->ints, b->ints, a->count * sizeof *a->ints);
    if (a->opaque)
        assert_memory_equal(a->opaque, b->opaque, a->count);
    for (size_t i = 0; a->strings && i < a->count; i++)
        assert_string_equal(a->strings[i], b->strings[i]);
    assert_same_tensor(a->tensor, b->tensor);
}

static void assert_same_value(const struct tn_graph *a, const struct tn_graph *b, int in_a,
                              int in_b)
{
    assert_int_equal(in_a == TN_NO_VALUE, in_b == TN_NO_VALUE);
    if (in_a == TN_NO_VALUE)
        return;
    const struct tn_value *x = &a->values[in_a], *y = &b->values[in_b];
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->producer, y->producer);
    assert_int_equal(x->stored_type, y->stored_type);
    assert_int_equal(x->has_shape, y->has_shape);
    assert_int_equal(x->dtype, y->dtype);
    if (x->has_shape) {
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dims, y->dims, (size_t)x->rank * sizeof *x->dims);
    }
    assert_same_tensor(x->constant, y->constant);
}

static void assert_same_node(const struct tn_graph *a, const struct tn_graph *b, int index)
{
    const struct tn_node *x = &a->nodes[index], *y = &b->nodes[index];
    assert_string_equal(x->name, y->name);
    assert_string_equal(x->op_type, y->op_type);
    assert_string_equal(x->domain, y->domain);
    assert_int_equal(x->op, y->op);
    assert_int_equal(x->input_count, y->input_count);
    assert_int_equal(x->output_count, y->output_count);
    assert_int_equal(x->capture_count, y->capture_count);
    assert_int_equal(x->attribute_count, y->attribute_count);
    for (int i = 0; i < x->input_count; i++)
        assert_same_value(a, b, x->inputs[i], y->inputs[i]);
    for (int i = 0; i < x->output_count; i++)
        assert_same_value(a, b, x->outputs[i], y->outputs[i]);
    for (int i = 0; i < x->capture_count; i++)
        assert_same_value(a, b, x->captures[i], y->captures[i]);
    for (int i = 0; i < x->attribute_count; i++)
        assert_same_attribute(&x->attributes[i], &y->attributes[i]);
}

static void assert_same_info(const struct tn_model_info *a, const struct tn_model_info *b)
{
    assert_int_equal(a->ir_version, b->ir_version);
    assert_int_equal(a->opset, b->opset);
    assert_int_equal(a->model_version, b->model_version);
    assert_int_equal(a->batch_size, b->batch_size);
    assert_same_text(a->producer_name, b->producer_name);
    assert_same_text(a->producer_version, b->producer_version);
    assert_same_text(a->domain, b->domain);
    assert_same_text(a->doc_string, b->doc_string);
    assert_same_text(a->graph_name, b->graph_name);
    assert_same_text(a->batch_name, b->batch_name);
    assert_int_equal(a->property_count, b->property_count);
    for (int i = 0; i < a->property_count; i++) {
        assert_string_equal(a->property_keys[i], b->property_keys[i]);
        assert_string_equal(a->property_values[i], b->property_values[i]);
    }
    assert_int_equal(a->opset_count, b->opset_count);
    for (int i = 0; i < a->opset_count; i++) {
        assert_string_equal(a->opset_domains[i], b->opset_domains[i]);
        assert_int_equal(a->opset_versions[i], b->opset_versions[i]);
    }
}

void model_assert_same(const struct tn_graph *a, const struct tn_graph *b)
{
    assert_same_info(&a->info, &b->info);
    assert_int_equal(a->value_count, b->value_count);
    assert_int_equal(a->node_count, b->node_count);
    assert_int_equal(a->input_count, b->input_count);
    assert_int_equal(a->output_count, b->output_count);
    for (int i = 0; i < a->node_count; i++)
        assert_same_node(a, b, i);
    for (int i = 0; i < a->input_count; i++)
        assert_same_value(a, b, a->inputs[i], b->inputs[i]);
    for (int i = 0; i < a->output_count; i++)
        assert_same_value(a, b, a->outputs[i], b->outputs[i]);
}

void model_assert_shape(const struct tn_graph *graph, int value, int rank, const int64_t *dims)
{
    const struct tn_value *place = &graph->values[value];
    assert_true(place->has_shape);
    assert_int_equal(place->rank, rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(place->dims[i], dims[i]);
}
