/* model/fold.c, model/evaluate.c: what can be known before the network runs is worked out once. */
#include "model_support.h"

#include "model/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 6, 4, 5};

static void set_int(struct tn_graph *graph, int node, const char *name, int64_t value)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_int(&graph->nodes[node], name, value, &error));
}

static void set_ints(struct tn_graph *graph, int node, const char *name, int count,
                     const int64_t *ints)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_ints(&graph->nodes[node], name, (size_t)count, ints, &error));
}

/* A node whose result is an output, so that it is not swept away. */
static int kept_node(struct tn_graph *graph, const char *op_type, const char *name, int count,
                     const int *inputs)
{
    struct tn_error error = {0};
    int node = model_node(graph, op_type, name, count, inputs);
    assert_true(tn_graph_add_output(graph, model_output(graph, node), &error));
    return node;
}

static void fold(struct tn_graph *graph)
{
    struct tn_error error = {0};
    assert_true(tn_graph_fold_constants(graph, &error));
}

static const struct tn_tensor *folded(const struct tn_graph *graph, const char *name)
{
    int value = tn_graph_find_value(graph, name);
    assert_true(value != TN_NO_VALUE);
    return graph->values[value].constant;
}

static void assert_ints(const struct tn_graph *graph, const char *name, int count,
                        const int64_t *ints)
{
    const struct tn_tensor *tensor = folded(graph, name);
    assert_non_null(tensor);
    assert_non_null(tn_tensor_ints(tensor));
    assert_int_equal(tensor->count, count);
    assert_memory_equal(tn_tensor_ints(tensor), ints, (size_t)count * sizeof *ints);
}

static void assert_floats(const struct tn_graph *graph, const char *name, int count,
                          const float *floats)
{
    const struct tn_tensor *tensor = folded(graph, name);
    assert_non_null(tensor);
    assert_non_null(tn_tensor_floats(tensor));
    assert_int_equal(tensor->count, count);
    assert_memory_equal(tn_tensor_floats(tensor), floats, (size_t)count * sizeof *floats);
}

static void list_operators_give_what_numpy_gives(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 6, (const int64_t[]){10, 20, 30, 40, 50, 60});
    int shape = model_ints(graph, "shape", 2, (const int64_t[]){-1, 2});
    int minus = model_ints(graph, "minus", 1, (const int64_t[]){-1});
    int four = model_ints(graph, "four", 1, (const int64_t[]){-4});
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    int table = model_output(graph, kept_node(graph, "Reshape", "table", 2, (int[]){list, shape}));
    set_ints(graph, kept_node(graph, "Transpose", "turned", 1, &table), "perm", 2,
             (const int64_t[]){1, 0});
    kept_node(graph, "Slice", "back", 5, (int[]){list, minus, four, zero, minus});
    set_int(graph, kept_node(graph, "Gather", "rows", 2, (int[]){table, minus}), "axis", 0);
    set_int(graph, kept_node(graph, "Gather", "columns", 2, (int[]){table, zero}), "axis", 1);
    set_int(graph, kept_node(graph, "Concat", "wide", 2, (int[]){table, table}), "axis", 1);
    kept_node(graph, "Add", "sums", 2, (int[]){table, minus});
    kept_node(graph, "Div", "parts", 2, (int[]){list, four});
    kept_node(graph, "Unsqueeze", "deep", 2, (int[]){list, zero});
    kept_node(graph, "Identity", "same", 1, &list);
    fold(graph);
    assert_int_equal(graph->node_count, 0);
    assert_ints(graph, "turned_out", 6, (const int64_t[]){10, 30, 50, 20, 40, 60});
    assert_ints(graph, "back_out", 3, (const int64_t[]){60, 50, 40});
    assert_ints(graph, "rows_out", 2, (const int64_t[]){50, 60});
    assert_ints(graph, "columns_out", 3, (const int64_t[]){10, 30, 50});
    assert_ints(graph, "wide_out", 12,
                (const int64_t[]){10, 20, 10, 20, 30, 40, 30, 40, 50, 60, 50, 60});
    assert_ints(graph, "sums_out", 6, (const int64_t[]){9, 19, 29, 39, 49, 59});
    assert_ints(graph, "parts_out", 6, (const int64_t[]){-2, -5, -7, -10, -12, -15});
    assert_int_equal(folded(graph, "deep_out")->rank, 2);
    assert_int_equal(folded(graph, "same_out")->rank, 1);
    tn_graph_free(graph);
}

static void casts_cut_and_convert(void **state)
{
    (void)state;
    enum { INT8 = 3, FLOAT = 1, BOOL = 9 };
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 3, (const int64_t[]){300, -1, 0});
    set_int(graph, kept_node(graph, "Cast", "small", 1, &list), "to", INT8);
    set_int(graph, kept_node(graph, "Cast", "real", 1, &list), "to", FLOAT);
    set_int(graph, kept_node(graph, "Cast", "truth", 1, &list), "to", BOOL);
    fold(graph);
    assert_ints(graph, "small_out", 3, (const int64_t[]){44, -1, 0});
    assert_floats(graph, "real_out", 3, (const float[]){300, -1, 0});
    assert_ints(graph, "truth_out", 3, (const int64_t[]){1, 1, 0});
    assert_int_equal(graph->values[tn_graph_find_value(graph, "truth_out")].stored_type, BOOL);
    tn_graph_free(graph);
}

static void what_has_no_result_stays_a_node(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 2, (const int64_t[]){5, INT64_MIN});
    int zero = model_ints(graph, "zero", 2, (const int64_t[]){0, -1});
    kept_node(graph, "Div", "by_zero", 2, (int[]){list, zero});
    fold(graph);
    assert_int_equal(graph->node_count, 1);
    tn_graph_free(graph);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Gather", "Squeeze", "Unsqueeze"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct tn_error error = {0};
        struct tn_graph *graph = model_begin(4, image);
        int list = model_ints(graph, "list", 2, (const int64_t[]){5, 6});
        int far = model_ints(graph, "far", 1, (const int64_t[]){9});
        kept_node(graph, wrong[i], "the_node", 2, (int[]){list, far});
        assert_false(tn_graph_fold_constants(graph, &error));
        assert_int_equal(error.kind, TN_ERROR_INPUT);
        assert_non_null(strstr(error.text, "'the_node'"));
        tn_graph_free(graph);
    }
}

/* x.view(x.size(0), -1) as PyTorch exports it. */
static struct tn_graph *view_of_size(void)
{
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    int rest = model_ints(graph, "rest", 1, (const int64_t[]){-1});
    int shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    int size = model_output(graph, model_node(graph, "Gather", "size", 2, (int[]){shape, zero}));
    int joined = model_node(graph, "Concat", "joined", 2, (int[]){size, rest});
    set_int(graph, joined, "axis", 0);
    kept_node(graph, "Reshape", "flat", 2, (int[]){0, model_output(graph, joined)});
    return graph;
}

static void the_batch_size_is_followed_into_a_reshape(void **state)
{
    (void)state;
    struct tn_graph *graph = view_of_size();
    fold(graph);
    assert_int_equal(graph->node_count, 1);
    assert_string_equal(graph->nodes[0].op_type, "Reshape");
    const struct tn_tensor *list = tn_node_constant(graph, &graph->nodes[0], 1);
    assert_non_null(list);
    assert_memory_equal(tn_tensor_ints(list), ((const int64_t[]){0, -1}), 16);
    model_assert_shape(graph, graph->outputs[0], 2, (const int64_t[]){TN_BATCH, 120});
    tn_graph_free(graph);
}

static void the_arguments_of_slice_and_pad_are_worked_out(void **state)
{
    (void)state;
    struct tn_graph *graph = model_unfolded();
    fold(graph);
    assert_int_equal(graph->node_count, 4); /* Slice, Pad, Reshape, Gemm */
    assert_ints(graph, "list_out", 8, (const int64_t[]){0, 0, 1, 0, 0, 0, 1, 0});
    model_assert_shape(graph, tn_graph_find_value(graph, "half_out"), 4,
                       (const int64_t[]){TN_BATCH, 6, 2, 5});
    model_assert_shape(graph, graph->outputs[0], 2, (const int64_t[]){TN_BATCH, 3});
    tn_graph_free(graph);
}

static void computing_with_the_batch_size_is_left_to_the_runtime(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int two = model_ints(graph, "two", 1, (const int64_t[]){2});
    int shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    int twice = model_output(graph, model_node(graph, "Mul", "twice", 2, (int[]){shape, two}));
    kept_node(graph, "Reshape", "reshape", 2, (int[]){0, twice});
    fold(graph);
    assert_int_equal(graph->node_count, 3);
    assert_null(folded(graph, "twice_out"));
    assert_null(folded(graph, "shape_out"));
    assert_false(graph->values[graph->outputs[0]].has_shape);
    tn_graph_free(graph);
}

static void a_known_part_of_a_shape_is_a_constant(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int last = model_ints(graph, "last", 2, (const int64_t[]){1, 3});
    int shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    kept_node(graph, "Gather", "some", 2, (int[]){shape, last});
    fold(graph);
    assert_ints(graph, "some_out", 2, (const int64_t[]){6, 5});
    tn_graph_free(graph);
}

static void constants_made_of_shapes_are_filled(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int dims = model_ints(graph, "dims", 2, (const int64_t[]){2, 2});
    int node = kept_node(graph, "ConstantOfShape", "ones", 1, &dims);
    kept_node(graph, "ConstantOfShape", "zeros", 1, &dims);
    struct tn_attribute *fill =
        tn_node_new_attribute(&graph->nodes[node], "value", TN_ATTR_TENSOR, &error);
    assert_non_null(fill);
    fill->count = 1;
    fill->tensor = tn_tensor_new(TN_INT64, 1, (const int64_t[]){1}, &error);
    tn_tensor_ints(fill->tensor)[0] = 7;
    fold(graph);
    assert_ints(graph, "ones_out", 4, (const int64_t[]){7, 7, 7, 7});
    assert_floats(graph, "zeros_out", 4, (const float[]){0, 0, 0, 0});
    tn_graph_free(graph);
}

static void folding_takes_no_more_memory_than_the_network_has(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int doubling = model_ints(graph, "start", 1, (const int64_t[]){1});
    for (int i = 0; i < 36; i++) { /* 2^36 numbers at the end */
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        int node = kept_node(graph, "Concat", name, 2, (int[]){doubling, doubling});
        set_int(graph, node, "axis", 0);
        doubling = model_output(graph, node);
    }
    int huge = model_ints(graph, "huge", 2, (const int64_t[]){INT64_C(1) << 40, INT64_C(1) << 40});
    kept_node(graph, "ConstantOfShape", "vast", 1, &huge);
    fold(graph);
    assert_non_null(folded(graph, "c12_out"));
    assert_null(folded(graph, "c35_out"));
    assert_null(folded(graph, "vast_out"));
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_operators_give_what_numpy_gives),
        cmocka_unit_test(casts_cut_and_convert),
        cmocka_unit_test(what_has_no_result_stays_a_node),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(the_batch_size_is_followed_into_a_reshape),
        cmocka_unit_test(the_arguments_of_slice_and_pad_are_worked_out),
        cmocka_unit_test(computing_with_the_batch_size_is_left_to_the_runtime),
        cmocka_unit_test(a_known_part_of_a_shape_is_a_constant),
        cmocka_unit_test(constants_made_of_shapes_are_filled),
        cmocka_unit_test(folding_takes_no_more_memory_than_the_network_has),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
