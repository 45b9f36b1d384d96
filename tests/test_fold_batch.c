/* model/fold_batch.c: the batch's size follows through shape arithmetic and is gone at its end. */
#include "fold_support.h"
#include "model_support.h"

#include "model/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 6, 4, 5};

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
    model_set_int(graph, joined, "axis", 0);
    fold_kept_node(graph, "Reshape", "flat", 2, (int[]){0, model_output(graph, joined)});
    return graph;
}

static void the_batch_size_is_followed_into_a_reshape(void **state)
{
    (void)state;
    struct tn_graph *graph = view_of_size();
    fold_graph(graph);
    assert_int_equal(graph->node_count, 1);
    assert_string_equal(graph->nodes[0].op_type, "Reshape");
    const struct tn_tensor *list = tn_node_constant(graph, &graph->nodes[0], 1);
    assert_non_null(list);
    assert_memory_equal(tn_tensor_ints(list), ((const int64_t[]){0, -1}), 16);
    model_assert_shape(graph, graph->outputs[0], 2, (const int64_t[]){TN_BATCH, 120});
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
    fold_kept_node(graph, "Reshape", "reshape", 2, (int[]){0, twice});
    fold_graph(graph);
    assert_int_equal(graph->node_count, 3);
    assert_null(fold_result(graph, "twice_out"));
    assert_null(fold_result(graph, "shape_out"));
    assert_false(graph->values[graph->outputs[0]].has_shape);
    tn_graph_free(graph);
}

/* The batch's size, [N], and the whole shape, [N,6,4,5], of the image. */
static int batch_of(struct tn_graph *graph, int *shape)
{
    const int x = 0;
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    *shape = model_output(graph, model_node(graph, "Shape", "shape", 1, &x));
    return model_output(graph, model_node(graph, "Gather", "size", 2, (int[]){*shape, zero}));
}

/* N op NUMBER, or NUMBER op N, then times `again`, goes in front of -1 as the shape of a Reshape;
 * true if it comes out as 0, "as the input", false if the result cannot be known. */
static bool batch_survives(const char *op_type, int64_t number, bool behind, const char *again,
                           int64_t then)
{
    struct tn_graph *graph = model_begin(4, image);
    int shape, size = batch_of(graph, &shape);
    int one = model_ints(graph, "number", 1, &number), two = model_ints(graph, "then", 1, &then);
    int rest = model_ints(graph, "rest", 1, (const int64_t[]){-1});
    int pair[] = {behind ? one : size, behind ? size : one};
    int made = model_output(graph, model_node(graph, op_type, "made", 2, pair));
    if (again)
        made = model_output(graph, model_node(graph, again, "again", 2, (int[]){made, two}));
    int list = model_node(graph, "Concat", "list", 2, (int[]){made, rest});
    model_set_int(graph, list, "axis", 0);
    fold_kept_node(graph, "Reshape", "flat", 2, (int[]){0, model_output(graph, list)});
    fold_graph(graph);
    const struct tn_node *last = &graph->nodes[graph->node_count - 1];
    const struct tn_tensor *found = tn_node_constant(graph, last, 1);
    bool known = found && tn_tensor_ints(found)[0] == 0;
    assert_int_equal(graph->values[graph->outputs[0]].has_shape, known);
    tn_graph_free(graph);
    return known;
}

static void the_batch_size_follows_as_far_as_it_is_certain(void **state)
{
    (void)state;
    assert_true(batch_survives("Mul", 1, false, NULL, 0));
    assert_true(batch_survives("Div", 1, false, NULL, 0));
    assert_true(batch_survives("Add", 0, true, NULL, 0));
    assert_true(batch_survives("Sub", 0, false, NULL, 0));
    assert_true(batch_survives("Max", 1, false, NULL, 0));
    assert_true(batch_survives("Mul", 6, true, "Div", 6));
    assert_true(batch_survives("Mul", 6, false, "Div", 6));
    assert_false(batch_survives("Mul", 6, false, "Div", 4));
    assert_false(batch_survives("Mul", 2, false, NULL, 0));
    assert_false(batch_survives("Div", 2, false, NULL, 0));
    assert_false(batch_survives("Div", 1, true, NULL, 0)); /* 1 / N */
    assert_false(batch_survives("Sub", 0, true, NULL, 0)); /* -N */
    assert_false(batch_survives("Max", 2, false, NULL, 0));
    assert_false(batch_survives("Mul", INT64_MAX, false, "Div", INT64_MAX));
    assert_false(batch_survives("Mod", 1, false, NULL, 0));
}

/* x.expand(-1, C, -1, -1) as PyTorch writes it: where the list says -1, 1. */
static void an_expansion_leaves_the_batch_as_it_is(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 1, 4, 5});
    int shape, size = batch_of(graph, &shape);
    int rest = model_ints(graph, "rest", 3, (const int64_t[]){7, -1, -1});
    int minus = model_ints(graph, "minus", 1, (const int64_t[]){-1});
    int list = model_node(graph, "Concat", "list", 2, (int[]){size, rest});
    model_set_int(graph, list, "axis", 0);
    int whole = model_output(graph, list);
    int length = model_output(graph, model_node(graph, "Shape", "length", 1, &whole));
    int ones = model_node(graph, "ConstantOfShape", "ones", 1, &length);
    struct tn_attribute *fill =
        tn_node_new_attribute(&graph->nodes[ones], "value", TN_ATTR_TENSOR, &error);
    fill->count = 1;
    fill->tensor = tn_tensor_new(TN_INT64, 1, (const int64_t[]){1}, &error);
    tn_tensor_ints(fill->tensor)[0] = 1;
    int is_open = model_output(graph, model_node(graph, "Equal", "open", 2, (int[]){whole, minus}));
    int wanted =
        model_node(graph, "Where", "wanted", 3, (int[]){is_open, model_output(graph, ones), whole});
    fold_kept_node(graph, "Expand", "wide", 2, (int[]){0, model_output(graph, wanted)});
    fold_graph(graph);
    assert_int_equal(graph->node_count, 1);
    fold_assert_ints(graph, "wide_shape", 4, (const int64_t[]){1, 7, 1, 1});
    model_assert_shape(graph, graph->outputs[0], 4, (const int64_t[]){TN_BATCH, 7, 4, 5});
    tn_graph_free(graph);
}

static void a_slice_to_the_end_of_the_batch_takes_all_of_it(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int shape, size = batch_of(graph, &shape);
    int zero = model_ints(graph, "start", 1, (const int64_t[]){0});
    int one = model_ints(graph, "one", 1, (const int64_t[]){1});
    fold_kept_node(graph, "Slice", "all", 4, (int[]){0, zero, size, zero});
    fold_kept_node(graph, "Slice", "some", 4, (int[]){0, one, size, zero});
    fold_graph(graph);
    fold_assert_ints(graph, "all_ends", 1, (const int64_t[]){INT64_MAX});
    model_assert_shape(graph, graph->outputs[0], 4, image);
    assert_false(graph->values[graph->outputs[1]].has_shape);
    tn_graph_free(graph);
}

/* Resize to [N,6,h,w]: interpolate(x, size=...) in a network that takes any batch. */
static struct tn_graph *resized(int64_t opset, int64_t height, int64_t width, const char *place)
{
    struct tn_graph *graph = model_begin(4, image);
    graph->info.opset = opset;
    int shape, size = batch_of(graph, &shape);
    int rest = model_ints(graph, "rest", 3, (const int64_t[]){6, height, width});
    int list = model_node(graph, "Concat", "list", 2, (int[]){size, rest});
    model_set_int(graph, list, "axis", 0);
    int node = fold_kept_node(graph, "Resize", "r", 4,
                              (int[]){0, TN_NO_VALUE, TN_NO_VALUE, model_output(graph, list)});
    model_set_string(graph, node, "coordinate_transformation_mode", place);
    fold_graph(graph);
    return graph;
}

static void the_sizes_of_a_resize_are_said_without_the_batch(void **state)
{
    (void)state;
    struct tn_graph *graph = resized(13, 9, 5, "asymmetric");
    assert_int_equal(graph->node_count, 1);
    const float *scales = tn_tensor_floats(fold_result(graph, "r_scales"));
    assert_true(scales[0] == 1 && scales[1] == 1 && scales[2] == 2.25f && scales[3] == 1);
    model_assert_shape(graph, graph->outputs[0], 4, (const int64_t[]){TN_BATCH, 6, 9, 5});
    tn_graph_free(graph);
    graph = resized(13, 4, 11, "asymmetric"); /* 2.2 in float is less than 11 / 5 needs */
    scales = tn_tensor_floats(fold_result(graph, "r_scales"));
    assert_true(5.0 * (double)scales[3] >= 11 && 5.0 * (double)scales[3] < 11.00001);
    tn_graph_free(graph);
    graph = resized(18, 9, 7, "half_pixel");
    fold_assert_ints(graph, "r_sizes", 2, (const int64_t[]){9, 7});
    assert_int_equal(tn_node_attribute(&graph->nodes[0], "axes")->count, 2);
    model_assert_shape(graph, graph->outputs[0], 4, (const int64_t[]){TN_BATCH, 6, 9, 7});
    tn_graph_free(graph);
}

static void a_resize_that_no_scale_says_exactly_stays(void **state)
{
    (void)state;
    struct tn_graph *graph = resized(13, 4, 7, "half_pixel");
    assert_true(graph->node_count > 1);
    assert_false(graph->values[graph->outputs[0]].has_shape);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_batch_size_is_followed_into_a_reshape),
        cmocka_unit_test(computing_with_the_batch_size_is_left_to_the_runtime),
        cmocka_unit_test(the_batch_size_follows_as_far_as_it_is_certain),
        cmocka_unit_test(an_expansion_leaves_the_batch_as_it_is),
        cmocka_unit_test(a_slice_to_the_end_of_the_batch_takes_all_of_it),
        cmocka_unit_test(the_sizes_of_a_resize_are_said_without_the_batch),
        cmocka_unit_test(a_resize_that_no_scale_says_exactly_stays),
    };
    return cmocka_run_group_tests_name("fold_batch", tests, NULL, NULL);
}
