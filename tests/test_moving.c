/* engine: gradients of the operators that move, resize and multiply numbers, and of convolutions
 * and pooling of other forms than the usual one, by finite differences. */
#include "core/memory.h"
#include "gradients.h"
#include "small_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define INTS(...)                                                                                  \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static int floats(struct small_graph *small, const char *name, int count, const float *values)
{
    int value = small_constant(small, name, 1, INTS(count), 0, 1);
    for (int i = 0; i < count; i++)
        tn_tensor_floats(small->graph->values[value].constant)[i] = values[i];
    return value;
}

/* A node of any inputs and outputs; `last` is its first output. */
static struct tn_node *any_node(struct small_graph *small, const char *op_type, int input_count,
                                const int *inputs, int output_count, int *outputs)
{
    struct tn_error error = {0};
    for (int i = 0; i < output_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%d", op_type, small->graph->value_count);
        outputs[i] = tn_graph_add_value(small->graph, name, NULL, &error);
        assert_true(outputs[i] >= 0);
    }
    int node = tn_graph_add_node(small->graph, op_type, op_type, input_count, inputs, output_count,
                                 outputs, &error);
    assert_true(node >= 0);
    small->last = outputs[0];
    return &small->graph->nodes[node];
}

static int joined(struct small_graph *small, const char *op_type, int a, int b)
{
    int output;
    any_node(small, op_type, 2, (const int[]){a, b}, 1, &output);
    return output;
}

static void set_ints(struct tn_node *node, const char *name, size_t count, const int64_t *ints)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_ints(node, name, count, ints, &error));
}

static void set_int(struct tn_node *node, const char *name, int64_t value)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_int(node, name, value, &error));
}

static void set_string(struct tn_node *node, const char *name, const char *value)
{
    struct tn_error error = {0};
    struct tn_attribute *attribute = tn_node_new_attribute(node, name, TN_ATTR_STRING, &error);
    assert_non_null(attribute);
    attribute->count = 1;
    attribute->strings = tn_calloc(1, sizeof *attribute->strings);
    assert_non_null(attribute->strings);
    attribute->strings[0] = tn_strdup(value);
}

/* [N,channels,5,6], a convolution of which trains in front of what is tested, so that gradients of
 * weights come back through it. */
static void begin(struct small_graph *small, int channels)
{
    small_begin(small, 2, 5, 6, 3);
    small_conv(small, 2, channels, INTS(1, 1), INTS(1, 1), INTS(1, 1), INTS(0, 0, 0, 0), 1, true);
}

static void check(struct small_graph *small)
{
    gradients_check(small_end(small), 3, 0.25);
}

/* --- moving --- */

static void slice_gradients(void **state)
{
    (void)state;
    static const struct {
        int64_t starts[3], ends[3], steps[3];
    } cases[] = {{{0, 0, 0}, {9, 9, 9}, {1, 2, 2}},
                 {{1, 1, 2}, {3, 4, 5}, {1, 1, 1}},
                 {{-1, -1, -2}, {-9, -9, -9}, {-2, -1, -3}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct small_graph small;
        begin(&small, 4);
        int arguments[4] = {small_whole_numbers(&small, "starts", 3, cases[i].starts),
                            small_whole_numbers(&small, "ends", 3, cases[i].ends),
                            small_whole_numbers(&small, "axes", 3, INTS(1, 2, 3)),
                            small_whole_numbers(&small, "steps", 3, cases[i].steps)};
        small_node(&small, "Slice", 4, arguments);
        check(&small);
    }
}

static void pad_gradients(void **state)
{
    (void)state;
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct small_graph small;
        begin(&small, 3);
        int pads = small_whole_numbers(&small, "pads", 8, INTS(0, 1, 2, -1, 0, 1, 3, 2));
        set_string(small_node(&small, "Pad", 1, &pads), "mode", modes[i]);
        check(&small);
    }
}

/* One part is not read at all, one twice. */
static void split_and_concat_gradients(void **state)
{
    (void)state;
    for (int axis = 1; axis < 4; axis++) {
        struct small_graph small;
        int parts[3], output;
        begin(&small, 6);
        int sizes =
            small_whole_numbers(&small, "sizes", 3, axis == 2 ? INTS(1, 2, 2) : INTS(1, 2, 3));
        set_int(any_node(&small, "Split", 2, (const int[]){small.last, sizes}, 3, parts), "axis",
                axis);
        set_int(
            any_node(&small, "Concat", 3, (const int[]){parts[2], parts[1], parts[2]}, 1, &output),
            "axis", axis);
        check(&small);
    }
}

static void concat_with_what_it_is_made_of(void **state)
{
    (void)state;
    struct small_graph small;
    int output;
    begin(&small, 3);
    int before = small.last;
    small_conv(&small, 3, 2, INTS(1, 1), INTS(1, 1), INTS(1, 1), INTS(0, 0, 0, 0), 1, true);
    set_int(any_node(&small, "Concat", 4, (const int[]){before, small.last, before, small.last}, 1,
                     &output),
            "axis", 1);
    check(&small);
}

static void transpose_gradients(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct small_graph small;
        begin(&small, 20); /* more than a tile */
        set_ints(small_node(&small, "Transpose", 0, NULL), "perm", 4,
                 turn ? INTS(0, 2, 3, 1) : INTS(0, 3, 1, 2));
        check(&small);
    }
}

static void gather_gradients(void **state)
{
    (void)state;
    for (int axis = 1; axis < 4; axis++) {
        struct small_graph small;
        begin(&small, 3);
        int indices = small_whole_numbers(&small, "indices", 5, INTS(2, 0, 2, -1, 1));
        set_int(small_node(&small, "Gather", 1, &indices), "axis", axis);
        check(&small);
    }
}

static void expand_gradients(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 3);
    small_node(&small, "GlobalAveragePool", 0, NULL);
    int shape = small_whole_numbers(&small, "shape", 4, INTS(1, 3, 4, 2));
    small_node(&small, "Expand", 1, &shape);
    check(&small);
}

static void depth_gradients(void **state)
{
    (void)state;
    for (int column_row_depth = 0; column_row_depth < 2; column_row_depth++) {
        struct small_graph small;
        begin(&small, 8);
        struct tn_node *node = small_node(&small, "DepthToSpace", 0, NULL);
        set_int(node, "blocksize", 2);
        set_string(node, "mode", column_row_depth ? "CRD" : "DCR");
        small_conv(&small, 2, 2, INTS(1, 1), INTS(1, 1), INTS(1, 1), INTS(0, 0, 0, 0), 1, true);
        set_int(small_node(&small, "SpaceToDepth", 0, NULL), "blocksize", 2);
        check(&small);
    }
}

static void resize_gradients(void **state)
{
    (void)state;
    static const char *const modes[] = {"nearest", "linear"}, *const places[] = {"half_pixel",
                                                                                 "align_corners",
                                                                                 "asymmetric"};
    for (int i = 0; i < 12; i++) {
        struct small_graph small;
        begin(&small, 2);
        int scales =
            floats(&small, "scales", 4,
                   i % 4 < 2 ? (const float[]){1, 1, 2, 1.5f} : (const float[]){1, 1, 0.6f, 0.5f});
        int output;
        struct tn_node *node = any_node(&small, "Resize", 3,
                                        (const int[]){small.last, TN_NO_VALUE, scales}, 1, &output);
        set_string(node, "mode", modes[i % 2]);
        set_string(node, "coordinate_transformation_mode", places[i / 4]);
        check(&small);
    }
}

/* --- products --- */

static void linear_gradients(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 7);
    set_ints(small_node(&small, "Transpose", 0, NULL), "perm", 4, INTS(0, 2, 3, 1));
    int weights = small_constant(&small, "weight", 2, INTS(7, 70), 0, 1);
    small_node(&small, "MatMul", 1, &weights);
    check(&small);
}

static void products_with_constants_on_either_side(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 3);
    int left = small_constant(&small, "left", 3, INTS(3, 4, 5), 0, 1);
    joined(&small, "MatMul", left, small.last);
    int right = small_constant(&small, "right", 3, INTS(3, 6, 2), 0, 1);
    joined(&small, "MatMul", small.last, right);
    check(&small);
}

/* Of activations: one after the other, and with one side broadcast over the channels. */
static void products_of_activations(void **state)
{
    (void)state;
    for (int broadcast = 0; broadcast < 3; broadcast++) {
        struct small_graph small;
        begin(&small, broadcast == 1 ? 1 : 3);
        int left = small.last;
        small.last = small.graph->inputs[0];
        small_conv(&small, 2, broadcast == 2 ? 1 : 3, INTS(1, 1), INTS(1, 1), INTS(1, 1),
                   INTS(0, 0, 0, 0), 1, true);
        set_ints(small_node(&small, "Transpose", 0, NULL), "perm", 4, INTS(0, 1, 3, 2));
        joined(&small, "MatMul", left, small.last);
        /* The outputs are of degree two in the input: a step that small leaves rounding aside. */
        gradients_check(small_end(&small), 3, 0.05);
    }
}

static void a_product_with_itself(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 5);
    small_conv(&small, 2, 3, INTS(1, 1), INTS(1, 1), INTS(1, 1), INTS(0, 0, 0, 0), 1, true);
    joined(&small, "MatMul", small.last, small.last);
    gradients_check(small_end(&small), 2, 0.05);
}

static void fully_connected_with_a_computed_bias(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 1);
    small_node(&small, "Flatten", 0, NULL);
    int features = small.last, output;
    int weights = small_constant(&small, "weight", 2, INTS(30, 30), 0, 1);
    any_node(&small, "Gemm", 3, (const int[]){features, weights, features}, 1, &output);
    check(&small);
}

/* --- convolutions --- */

struct transposed_case {
    int channels, filters;
    int64_t kernel[2], stride[2], dilation[2], pads[4], extra[2];
    int groups, count;
};

static void transposed_convolution_gradients(void **state)
{
    (void)state;
    static const struct transposed_case cases[] = {
        {4, 3, {3, 3}, {1, 1}, {1, 1}, {0, 0, 0, 0}, {0, 0}, 1, 2},
        {4, 3, {4, 4}, {2, 2}, {1, 1}, {1, 1, 1, 1}, {0, 0}, 1, 9},
        {3, 5, {3, 2}, {2, 3}, {1, 1}, {1, 0, 0, 1}, {1, 2}, 1, 2},
        {2, 3, {2, 1}, {3, 4}, {1, 1}, {0, 0, 0, 0}, {0, 0}, 1, 2},
        {4, 6, {3, 3}, {1, 2}, {2, 1}, {1, 1, 1, 1}, {0, 0}, 2, 2},
        {4, 4, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, {0, 0}, 4, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct transposed_case *c = &cases[i];
        struct small_graph small;
        begin(&small, c->channels);
        int constants[2] = {
            small_constant(&small, "weight", 4,
                           INTS(c->channels, c->filters / c->groups, c->kernel[0], c->kernel[1]), 0,
                           1),
            small_constant(&small, "bias", 1, INTS(c->filters), 0, 1)};
        struct tn_node *node = small_node(&small, "ConvTranspose", 2, constants);
        set_ints(node, "strides", 2, c->stride);
        set_ints(node, "dilations", 2, c->dilation);
        set_ints(node, "pads", 4, c->pads);
        set_ints(node, "output_padding", 2, c->extra);
        set_int(node, "group", c->groups);
        gradients_check(small_end(&small), c->count, 0.25);
    }
}

static void one_dimension(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 4);
    int shape = small_whole_numbers(&small, "shape", 3, INTS(0, 4, 30));
    small_node(&small, "Reshape", 1, &shape);
    int weights = small_constant(&small, "weight", 3, INTS(6, 2, 5), 0, 1);
    struct tn_node *node = small_node(&small, "Conv", 1, &weights);
    set_int(node, "group", 2);
    set_ints(node, "pads", 2, INTS(2, 0));
    set_ints(node, "strides", 1, INTS(2));
    node = small_node(&small, "AveragePool", 0, NULL);
    set_ints(node, "kernel_shape", 1, INTS(3));
    set_ints(node, "strides", 1, INTS(2));
    weights = small_constant(&small, "weight", 3, INTS(6, 2, 4), 0, 1);
    set_ints(small_node(&small, "ConvTranspose", 1, &weights), "strides", 1, INTS(3));
    small_node(&small, "GlobalAveragePool", 0, NULL);
    check(&small);
}

static void global_max_pool_gradients(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 4);
    small_node(&small, "GlobalMaxPool", 0, NULL);
    gradients_check(small_end(&small), 3, 0.0005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slice_gradients),
        cmocka_unit_test(pad_gradients),
        cmocka_unit_test(split_and_concat_gradients),
        cmocka_unit_test(concat_with_what_it_is_made_of),
        cmocka_unit_test(transpose_gradients),
        cmocka_unit_test(gather_gradients),
        cmocka_unit_test(expand_gradients),
        cmocka_unit_test(depth_gradients),
        cmocka_unit_test(resize_gradients),
        cmocka_unit_test(linear_gradients),
        cmocka_unit_test(products_with_constants_on_either_side),
        cmocka_unit_test(products_of_activations),
        cmocka_unit_test(a_product_with_itself),
        cmocka_unit_test(fully_connected_with_a_computed_bias),
        cmocka_unit_test(transposed_convolution_gradients),
        cmocka_unit_test(one_dimension),
        cmocka_unit_test(global_max_pool_gradients),
    };
    return cmocka_run_group_tests_name("moving", tests, NULL, NULL);
}
