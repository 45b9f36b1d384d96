/* model/fold.c, model/evaluate*.c: what can be known before the network runs is worked out once. */
#include "fold_support.h"
#include "model_support.h"

#include "core/memory.h"
#include "model/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 6, 4, 5};

static void assert_floats(const struct tn_graph *graph, const char *name, int count,
                          const float *floats)
{
    const struct tn_tensor *tensor = fold_result(graph, name);
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
    int table =
        model_output(graph, fold_kept_node(graph, "Reshape", "table", 2, (int[]){list, shape}));
    model_set_ints(graph, fold_kept_node(graph, "Transpose", "turned", 1, &table), "perm", 2,
                   (const int64_t[]){1, 0});
    fold_kept_node(graph, "Slice", "back", 5, (int[]){list, minus, four, zero, minus});
    int far = model_ints(graph, "far", 1, (const int64_t[]){INT64_MAX});
    int least = model_ints(graph, "least", 1, (const int64_t[]){INT64_MIN + 1});
    fold_kept_node(graph, "Slice", "first", 5, (int[]){list, zero, far, zero, far});
    fold_kept_node(graph, "Slice", "last", 5, (int[]){list, minus, least, zero, least});
    model_set_int(graph, fold_kept_node(graph, "Gather", "rows", 2, (int[]){table, minus}), "axis",
                  0);
    model_set_int(graph, fold_kept_node(graph, "Gather", "columns", 2, (int[]){table, zero}),
                  "axis", 1);
    model_set_int(graph, fold_kept_node(graph, "Concat", "wide", 2, (int[]){table, table}), "axis",
                  1);
    fold_kept_node(graph, "Add", "sums", 2, (int[]){table, minus});
    fold_kept_node(graph, "Div", "parts", 2, (int[]){list, four});
    fold_kept_node(graph, "Unsqueeze", "deep", 2, (int[]){list, zero});
    fold_kept_node(graph, "Identity", "same", 1, &list);
    fold_graph(graph);
    assert_int_equal(graph->node_count, 0);
    fold_assert_ints(graph, "turned_out", 6, (const int64_t[]){10, 30, 50, 20, 40, 60});
    fold_assert_ints(graph, "first_out", 1, (const int64_t[]){10});
    fold_assert_ints(graph, "last_out", 1, (const int64_t[]){60});
    fold_assert_ints(graph, "back_out", 3, (const int64_t[]){60, 50, 40});
    fold_assert_ints(graph, "rows_out", 2, (const int64_t[]){50, 60});
    fold_assert_ints(graph, "columns_out", 3, (const int64_t[]){10, 30, 50});
    fold_assert_ints(graph, "wide_out", 12,
                     (const int64_t[]){10, 20, 10, 20, 30, 40, 30, 40, 50, 60, 50, 60});
    fold_assert_ints(graph, "sums_out", 6, (const int64_t[]){9, 19, 29, 39, 49, 59});
    fold_assert_ints(graph, "parts_out", 6, (const int64_t[]){-2, -5, -7, -10, -12, -15});
    assert_int_equal(fold_result(graph, "deep_out")->rank, 2);
    assert_int_equal(fold_result(graph, "same_out")->rank, 1);
    tn_graph_free(graph);
}

static void casts_cut_and_convert(void **state)
{
    (void)state;
    enum { INT8 = 3, FLOAT = 1, BOOL = 9 };
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 3, (const int64_t[]){300, -1, 0});
    model_set_int(graph, fold_kept_node(graph, "Cast", "small", 1, &list), "to", INT8);
    model_set_int(graph, fold_kept_node(graph, "Cast", "real", 1, &list), "to", FLOAT);
    model_set_int(graph, fold_kept_node(graph, "Cast", "truth", 1, &list), "to", BOOL);
    fold_graph(graph);
    fold_assert_ints(graph, "small_out", 3, (const int64_t[]){44, -1, 0});
    assert_floats(graph, "real_out", 3, (const float[]){300, -1, 0});
    fold_assert_ints(graph, "truth_out", 3, (const int64_t[]){1, 1, 0});
    assert_int_equal(graph->values[tn_graph_find_value(graph, "truth_out")].stored_type, BOOL);
    tn_graph_free(graph);
}

static void what_has_no_result_stays_a_node(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 2, (const int64_t[]){5, INT64_MIN});
    int zero = model_ints(graph, "zero", 2, (const int64_t[]){0, -1});
    fold_kept_node(graph, "Div", "by_zero", 2, (int[]){list, zero});
    fold_graph(graph);
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
        fold_kept_node(graph, wrong[i], "the_node", 2, (int[]){list, far});
        assert_false(tn_graph_fold_constants(graph, &error));
        assert_int_equal(error.kind, TN_ERROR_INPUT);
        assert_non_null(strstr(error.text, "'the_node'"));
        tn_graph_free(graph);
    }
}

static void the_arguments_of_slice_and_pad_are_worked_out(void **state)
{
    (void)state;
    struct tn_graph *graph = model_unfolded();
    fold_graph(graph);
    assert_int_equal(graph->node_count, 4); /* Slice, Pad, Reshape, Gemm */
    fold_assert_ints(graph, "list_out", 8, (const int64_t[]){0, 0, 1, 0, 0, 0, 1, 0});
    model_assert_shape(graph, tn_graph_find_value(graph, "half_out"), 4,
                       (const int64_t[]){TN_BATCH, 6, 2, 5});
    model_assert_shape(graph, graph->outputs[0], 2, (const int64_t[]){TN_BATCH, 3});
    tn_graph_free(graph);
}

/* Operators on two lists of four. */
struct arithmetic {
    const char *op_type;
    int64_t a[4], b[4], result[4];
};

static void arithmetic_on_integers_is_that_of_onnx(void **state)
{
    (void)state;
    static const struct arithmetic cases[] = {
        {"Add", {1, -2, INT64_MAX, 0}, {5, 5, 1, 0}, {6, 3, INT64_MIN, 0}},
        {"Sub", {1, -2, 7, 0}, {5, 5, 7, -1}, {-4, -7, 0, 1}},
        {"Mul", {3, -2, 7, 0}, {5, 5, 7, -1}, {15, -10, 49, 0}},
        {"Div", {7, -7, 7, -7}, {2, 2, -2, -2}, {3, -3, -3, 3}},
        {"Mod", {7, -7, 7, -7}, {3, 3, -3, -3}, {1, 2, -2, -1}},
        {"Pow", {2, -3, 7, 0}, {10, 3, 0, 0}, {1024, -27, 1, 1}},
        {"Min", {7, -7, 0, 5}, {3, 3, -3, 5}, {3, -7, -3, 5}},
        {"Max", {7, -7, 0, 5}, {3, 3, -3, 5}, {7, 3, 0, 5}},
        {"Equal", {7, -7, 0, 5}, {3, -7, -3, 5}, {0, 1, 0, 1}},
        {"Less", {7, -7, 0, 5}, {3, 3, -3, 5}, {0, 1, 0, 0}},
        {"LessOrEqual", {7, -7, 0, 5}, {3, 3, -3, 5}, {0, 1, 0, 1}},
        {"Greater", {7, -7, 0, 5}, {3, 3, -3, 5}, {1, 0, 1, 0}},
        {"GreaterOrEqual", {7, -7, 0, 5}, {3, 3, -3, 5}, {1, 0, 1, 1}},
        {"And", {1, 1, 0, 0}, {1, 0, 1, 0}, {1, 0, 0, 0}},
        {"Or", {1, 1, 0, 0}, {1, 0, 1, 0}, {1, 1, 1, 0}},
        {"Xor", {1, 1, 0, 0}, {1, 0, 1, 0}, {0, 1, 1, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tn_graph *graph = model_begin(4, image);
        int a = model_ints(graph, "a", 4, cases[i].a), b = model_ints(graph, "b", 4, cases[i].b);
        fold_kept_node(graph, cases[i].op_type, "n", 2, (int[]){a, b});
        fold_graph(graph);
        fold_assert_ints(graph, "n_out", 4, cases[i].result);
        tn_graph_free(graph);
    }
}

static void one_number_operators_and_reductions_are_those_of_numpy(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int table = model_floats(graph, "table", 2, (const int64_t[]){2, 3}); /* 0 to 5 */
    int signs = model_ints(graph, "signs", 4, (const int64_t[]){-2, 0, 3, -1});
    int half = model_floats(graph, "half", 0, NULL); /* 0 */
    int axis = model_ints(graph, "axis", 1, (const int64_t[]){-1});
    fold_kept_node(graph, "Sqrt", "sqrt", 1, &table);
    fold_kept_node(graph, "Neg", "neg", 1, &signs);
    fold_kept_node(graph, "Abs", "abs", 1, &signs);
    fold_kept_node(graph, "Not", "not", 1, &signs);
    fold_kept_node(graph, "Pow", "pow", 2, (int[]){table, half});
    fold_kept_node(graph, "ReduceSum", "sum", 2, (int[]){table, axis});
    fold_kept_node(graph, "ReduceMean", "mean", 1, &table);
    model_set_ints(graph, graph->node_count - 1, "axes", 1, (const int64_t[]){0});
    model_set_int(graph, fold_kept_node(graph, "ReduceMax", "max", 1, &table), "keepdims", 0);
    fold_kept_node(graph, "ReduceProd", "product", 1, &signs);
    fold_kept_node(graph, "ReduceL2", "length", 1, &table);
    fold_kept_node(graph, "NonZero", "places", 1, &signs);
    int three = model_floats(graph, "three", 1, (const int64_t[]){3}); /* 0, 1, 2 */
    fold_kept_node(graph, "MatMul", "product_of_matrices", 2, (int[]){table, three});
    fold_kept_node(graph, "Size", "size", 1, &table);
    fold_graph(graph);
    assert_int_equal(graph->node_count, 0);
    assert_floats(graph, "sqrt_out", 6,
                  (const float[]){0, 1, 1.41421356f, 1.73205081f, 2, 2.23606798f});
    fold_assert_ints(graph, "neg_out", 4, (const int64_t[]){2, 0, -3, 1});
    fold_assert_ints(graph, "abs_out", 4, (const int64_t[]){2, 0, 3, 1});
    fold_assert_ints(graph, "not_out", 4, (const int64_t[]){0, 1, 0, 0});
    assert_floats(graph, "pow_out", 6, (const float[]){1, 1, 1, 1, 1, 1});
    assert_floats(graph, "sum_out", 2, (const float[]){3, 12});
    assert_int_equal(fold_result(graph, "sum_out")->rank, 2);
    assert_floats(graph, "mean_out", 3, (const float[]){1.5f, 2.5f, 3.5f});
    assert_floats(graph, "max_out", 1, (const float[]){5});
    assert_int_equal(fold_result(graph, "max_out")->rank, 0);
    fold_assert_ints(graph, "product_out", 1, (const int64_t[]){0});
    assert_floats(graph, "length_out", 1, (const float[]){7.41619849f});
    fold_assert_ints(graph, "places_out", 3, (const int64_t[]){0, 2, 3});
    assert_floats(graph, "product_of_matrices_out", 2, (const float[]){5, 14});
    fold_assert_ints(graph, "size_out", 1, (const int64_t[]){6});
    tn_graph_free(graph);
}

static void stretching_operators_give_what_numpy_gives(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int list = model_ints(graph, "list", 3, (const int64_t[]){10, 20, 30});
    int column = model_ints(graph, "column", 2, (const int64_t[]){1, 2});
    int upright = model_ints(graph, "upright", 2, (const int64_t[]){2, 1});
    int truth = model_ints(graph, "truth", 3, (const int64_t[]){1, 0, 1});
    int twice = model_ints(graph, "twice", 1, (const int64_t[]){2});
    int pair = model_ints(graph, "pair", 2, (const int64_t[]){2, 1});
    int ends[] = {model_ints(graph, "from", 1, (const int64_t[]){7}),
                  model_ints(graph, "before", 1, (const int64_t[]){0}),
                  model_ints(graph, "by", 1, (const int64_t[]){-3})};
    int tall =
        model_output(graph, fold_kept_node(graph, "Reshape", "tall", 2, (int[]){column, upright}));
    fold_kept_node(graph, "Add", "table", 2, (int[]){list, tall});
    fold_kept_node(graph, "Where", "chosen", 3, (int[]){truth, list, tall});
    fold_kept_node(graph, "Expand", "wide", 2, (int[]){list, upright});
    fold_kept_node(graph, "Tile", "tiled", 2, (int[]){list, twice});
    fold_kept_node(graph, "Range", "range", 3, ends);
    int rows =
        model_output(graph, fold_kept_node(graph, "Reshape", "rows", 2, (int[]){pair, upright}));
    fold_kept_node(graph, "ScatterND", "scattered", 3, (int[]){list, rows, column});
    fold_kept_node(graph, "ScatterND", "beyond", 3, (int[]){column, rows, column});
    int parts[] = {tn_graph_add_value(graph, "first", NULL, &error),
                   tn_graph_add_value(graph, "second", NULL, &error)};
    assert_true(
        tn_graph_add_node(graph, "split", "Split", 2, (int[]){list, pair}, 2, parts, &error) >= 0);
    assert_true(tn_graph_add_output(graph, parts[0], &error));
    assert_true(tn_graph_add_output(graph, parts[1], &error));
    fold_graph(graph);
    assert_int_equal(graph->node_count, 1); /* ScatterND to place 2 of 2 */
    fold_assert_ints(graph, "table_out", 6, (const int64_t[]){11, 21, 31, 12, 22, 32});
    fold_assert_ints(graph, "chosen_out", 6, (const int64_t[]){10, 1, 30, 10, 2, 30});
    fold_assert_ints(graph, "wide_out", 6, (const int64_t[]){10, 20, 30, 10, 20, 30});
    fold_assert_ints(graph, "tiled_out", 6, (const int64_t[]){10, 20, 30, 10, 20, 30});
    fold_assert_ints(graph, "range_out", 3, (const int64_t[]){7, 4, 1});
    fold_assert_ints(graph, "scattered_out", 3, (const int64_t[]){10, 2, 1});
    fold_assert_ints(graph, "first", 2, (const int64_t[]){10, 20});
    fold_assert_ints(graph, "second", 1, (const int64_t[]){30});
    tn_graph_free(graph);
}

/* What a Constant node says in each of its ways. */
static void constants_may_be_said_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum tn_attribute_kind kind;
        int rank;
    } forms[] = {
        {"value_int", TN_ATTR_INT, 0},
        {"value_ints", TN_ATTR_INTS, 1},
        {"value_float", TN_ATTR_FLOAT, 0},
        {"value_floats", TN_ATTR_FLOATS, 1},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tn_error error = {0};
        struct tn_graph *graph = model_begin(4, image);
        int node = fold_kept_node(graph, "Constant", "n", 0, NULL);
        struct tn_attribute *attribute =
            tn_node_new_attribute(&graph->nodes[node], forms[i].name, forms[i].kind, &error);
        bool whole = forms[i].kind == TN_ATTR_INT || forms[i].kind == TN_ATTR_INTS;
        attribute->count = 1;
        if (whole)
            (attribute->ints = tn_calloc(1, sizeof(int64_t)))[0] = 9;
        else
            (attribute->floats = tn_calloc(1, sizeof(float)))[0] = 9;
        fold_graph(graph);
        assert_int_equal(fold_result(graph, "n_out")->rank, forms[i].rank);
        if (whole)
            fold_assert_ints(graph, "n_out", 1, (const int64_t[]){9});
        else
            assert_floats(graph, "n_out", 1, (const float[]){9});
        tn_graph_free(graph);
    }
}

static void a_known_part_of_a_shape_is_a_constant(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int last = model_ints(graph, "last", 2, (const int64_t[]){1, 3});
    int shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    fold_kept_node(graph, "Gather", "some", 2, (int[]){shape, last});
    fold_graph(graph);
    fold_assert_ints(graph, "some_out", 2, (const int64_t[]){6, 5});
    tn_graph_free(graph);
}

static void constants_made_of_shapes_are_filled(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int dims = model_ints(graph, "dims", 2, (const int64_t[]){2, 2});
    int node = fold_kept_node(graph, "ConstantOfShape", "ones", 1, &dims);
    fold_kept_node(graph, "ConstantOfShape", "zeros", 1, &dims);
    struct tn_attribute *fill =
        tn_node_new_attribute(&graph->nodes[node], "value", TN_ATTR_TENSOR, &error);
    assert_non_null(fill);
    fill->count = 1;
    fill->tensor = tn_tensor_new(TN_INT64, 1, (const int64_t[]){1}, &error);
    tn_tensor_ints(fill->tensor)[0] = 7;
    fold_graph(graph);
    fold_assert_ints(graph, "ones_out", 4, (const int64_t[]){7, 7, 7, 7});
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
        int node = fold_kept_node(graph, "Concat", name, 2, (int[]){doubling, doubling});
        model_set_int(graph, node, "axis", 0);
        doubling = model_output(graph, node);
    }
    int huge = model_ints(graph, "huge", 2, (const int64_t[]){INT64_C(1) << 40, INT64_C(1) << 40});
    fold_kept_node(graph, "ConstantOfShape", "vast", 1, &huge);
    fold_graph(graph);
    assert_non_null(fold_result(graph, "c12_out"));
    assert_null(fold_result(graph, "c35_out"));
    assert_null(fold_result(graph, "vast_out"));
    tn_graph_free(graph);
}

static void weights_that_were_taken_out_to_make_a_file_small_are_filled(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int dims = model_ints(graph, "dims", 2, (const int64_t[]){2048, 1024}); /* 8 MB */
    int weight = model_output(graph, model_node(graph, "ConstantOfShape", "w", 1, &dims));
    fold_kept_node(graph, "Transpose", "turned", 1, &weight);
    fold_graph(graph);
    assert_int_equal(fold_result(graph, "turned_out")->count, 2048 * 1024);
    tn_graph_free(graph);
}

/* A chain as long as this needs its room only once: what has been read is let go. */
static void what_has_been_read_makes_room(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int x = model_floats(graph, "w", 1, (const int64_t[]){1 << 18}); /* 1 MB, of 2 allowed */
    for (int i = 0; i < 7; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        x = model_output(graph, model_node(graph, i % 2 ? "Neg" : "Abs", name, 1, &x));
    }
    struct tn_error error = {0};
    assert_true(tn_graph_add_output(graph, x, &error));
    fold_graph(graph);
    assert_int_equal(graph->node_count, 0);
    assert_true(tn_tensor_floats(fold_result(graph, "n6_out"))[9] == 9);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_operators_give_what_numpy_gives),
        cmocka_unit_test(casts_cut_and_convert),
        cmocka_unit_test(what_has_no_result_stays_a_node),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(the_arguments_of_slice_and_pad_are_worked_out),
        cmocka_unit_test(a_known_part_of_a_shape_is_a_constant),
        cmocka_unit_test(constants_made_of_shapes_are_filled),
        cmocka_unit_test(folding_takes_no_more_memory_than_the_network_has),
        cmocka_unit_test(arithmetic_on_integers_is_that_of_onnx),
        cmocka_unit_test(one_number_operators_and_reductions_are_those_of_numpy),
        cmocka_unit_test(stretching_operators_give_what_numpy_gives),
        cmocka_unit_test(constants_may_be_said_in_every_form),
        cmocka_unit_test(weights_that_were_taken_out_to_make_a_file_small_are_filled),
        cmocka_unit_test(what_has_been_read_makes_room),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
