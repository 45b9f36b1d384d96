/* model/graph.c, model/attribute.c, model/order.c: graphs are built, copied, sorted and swept. */
#include "model_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 3, 8, 8};

static void a_clone_is_the_same_and_its_own(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    struct tn_graph *copy = tn_graph_clone(graph, &error);
    assert_non_null(copy);
    model_assert_same(graph, copy);
    int weight = tn_graph_find_value(graph, "first.weight");
    assert_ptr_equal(graph->values[weight].constant, copy->values[weight].constant);
    const int64_t dims[] = {2, 2};
    tn_graph_set_constant(copy, weight, tn_tensor_new(TN_FLOAT32, 2, dims, &error));
    assert_int_equal(copy->values[weight].rank, 2);
    assert_int_equal(graph->values[weight].rank, 4);
    assert_true(tn_node_set_int(&copy->nodes[0], "group", 7, &error));
    assert_int_equal(tn_node_int(&graph->nodes[0], "group", 0), 1);
    tn_graph_free(graph);
    assert_string_equal(copy->values[weight].name, "first.weight");
    tn_graph_free(copy);
}

static void attributes_are_replaced_and_have_defaults(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int index = model_node(graph, "Relu", "r", 1, &x);
    struct tn_node *node = &graph->nodes[index];
    assert_int_equal(tn_node_int(node, "axis", 5), 5);
    assert_true(tn_node_set_int(node, "axis", -2, &error));
    assert_true(tn_node_set_int(node, "axis", 3, &error));
    assert_int_equal(tn_node_int(node, "axis", 5), 3);
    assert_true(tn_node_set_float(node, "alpha", 0.5f, &error));
    assert_true(tn_node_float(node, "alpha", 0.0f) == 0.5f);
    assert_true(tn_node_float(node, "axis", 9.0f) == 9.0f); /* another kind */
    assert_true(tn_node_set_ints(node, "axis", 2, (const int64_t[]){4, 6}, &error));
    assert_int_equal(tn_node_int(node, "axis", 5), 5);
    assert_int_equal(tn_node_attribute(node, "axis")->count, 2);
    assert_int_equal(node->attribute_count, 2);
    assert_string_equal(tn_node_string(node, "mode", "constant"), "constant");
    tn_graph_free(graph);
}

static void operators_have_onnx_names(void **state)
{
    (void)state;
    for (int op = TN_OP_UNKNOWN + 1; op < TN_OP_COUNT; op++)
        assert_int_equal(tn_op_from_name(tn_op_name((enum tn_op)op)), op);
    assert_int_equal(tn_op_from_name("GlobalAveragePool"), TN_OP_GLOBAL_AVERAGE_POOL);
    assert_int_equal(tn_op_from_name("conv"), TN_OP_UNKNOWN);
}

/* c reads b, b reads a, a reads x; they stand in the order c, b, a, and d, which reads x, between.
 */
static struct tn_graph *shuffled(void)
{
    struct tn_graph *graph = model_begin(4, image);
    struct tn_error error = {0};
    int x = 0;
    int a = tn_graph_add_value(graph, "a", NULL, &error),
        b = tn_graph_add_value(graph, "b", NULL, &error);
    int c = tn_graph_add_value(graph, "c", NULL, &error),
        d = tn_graph_add_value(graph, "d", NULL, &error);
    assert_true(tn_graph_add_node(graph, "c", "Add", 2, (int[]){b, a}, 1, &c, &error) == 0);
    assert_true(tn_graph_add_node(graph, "d", "Relu", 1, &x, 1, &d, &error) == 1);
    assert_true(tn_graph_add_node(graph, "b", "Relu", 1, &a, 1, &b, &error) == 2);
    assert_true(tn_graph_add_node(graph, "a", "Relu", 1, &x, 1, &a, &error) == 3);
    assert_true(tn_graph_add_output(graph, c, &error));
    return graph;
}

static void nodes_are_sorted_by_what_they_read(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = shuffled();
    assert_true(tn_graph_sort(graph, &error));
    const char *const order[] = {"d", "a", "b", "c"};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(graph->nodes[i].name, order[i]);
        assert_int_equal(graph->values[model_output(graph, i)].producer, i);
    }
    tn_graph_free(graph);
}

static void a_sorted_graph_stays_as_it_is(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    struct tn_graph *copy = tn_graph_clone(graph, &error);
    assert_true(tn_graph_sort(copy, &error));
    assert_true(tn_graph_prune_dead(copy, &error));
    model_assert_same(graph, copy);
    tn_graph_free(copy);
    tn_graph_free(graph);
}

static void a_cycle_is_an_error_that_names_a_node(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = shuffled();
    graph->nodes[3].inputs[0] = tn_graph_find_value(graph, "b");
    assert_false(tn_graph_sort(graph, &error));
    assert_non_null(strstr(error.text, "cycle"));
    assert_non_null(strstr(error.text, "'c'"));
    tn_graph_free(graph);
}

static void what_no_output_needs_is_dropped(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = shuffled();
    model_floats(graph, "unused", 1, (const int64_t[]){3});
    assert_true(tn_graph_sort(graph, &error));
    assert_true(tn_graph_prune_dead(graph, &error));
    assert_int_equal(graph->node_count, 3);
    assert_int_equal(graph->value_count, 4);
    assert_int_equal(tn_graph_find_value(graph, "d"), TN_NO_VALUE);
    assert_int_equal(tn_graph_find_value(graph, "unused"), TN_NO_VALUE);
    int a = tn_graph_find_value(graph, "a"), nodes[1];
    assert_int_equal(tn_graph_consumers(graph, a, 1, nodes), 2);
    assert_string_equal(graph->nodes[nodes[0]].name, "b");
    assert_string_equal(graph->values[graph->outputs[0]].name, "c");
    assert_string_equal(graph->values[graph->inputs[0]].name, "x");
    tn_graph_free(graph);
}

static void a_node_without_a_name_is_called_by_its_output(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int x = 0, y = tn_graph_add_value(graph, "y", NULL, &error);
    int node = tn_graph_add_node(graph, "", "Relu", 1, &x, 1, &y, &error);
    assert_string_equal(tn_node_label(graph, &graph->nodes[node]), "y");
    assert_null(tn_node_constant(graph, &graph->nodes[node], 0));
    assert_null(tn_node_constant(graph, &graph->nodes[node], 1));
    tn_graph_free(graph);
}

/* The name of what a node reads. */
static const char *input_name(const struct tn_graph *graph, int node, int input)
{
    return graph->values[graph->nodes[node].inputs[input]].name;
}

static void vectors_that_exporters_merged_are_apart_again(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int ones = model_floats(graph, "ones", 1, (const int64_t[]){3});
    int zeros = model_floats(graph, "zeros", 1, (const int64_t[]){3});
    model_floats(graph, "ones_2", 1, (const int64_t[]){3}); /* the name is taken */
    int scalar = model_floats(graph, "half", 1, (const int64_t[]){1});
    int list = model_ints(graph, "list", 2, (const int64_t[]){0, -1});
    int first =
        model_node(graph, "BatchNormalization", "a", 5, (int[]){0, ones, zeros, zeros, ones});
    int second = model_node(graph, "BatchNormalization", "b", 5,
                            (int[]){model_output(graph, first), ones, zeros, zeros, ones});
    int half = model_node(graph, "Mul", "c", 2, (int[]){model_output(graph, second), scalar});
    int flat = model_node(graph, "Reshape", "d", 2, (int[]){model_output(graph, half), list});
    int more = model_node(graph, "Mul", "e", 2, (int[]){model_output(graph, flat), scalar});
    model_node(graph, "Reshape", "f", 2, (int[]){model_output(graph, more), list});
    assert_true(tn_graph_unshare_vectors(graph, &error));
    assert_string_equal(input_name(graph, first, 1), "ones");
    assert_string_equal(input_name(graph, first, 2), "zeros");
    assert_string_equal(input_name(graph, first, 3), "zeros_2");
    assert_string_equal(input_name(graph, first, 4), "ones_3");
    assert_string_equal(input_name(graph, second, 1), "ones_4");
    assert_string_equal(input_name(graph, second, 4), "ones_5");
    assert_ptr_equal(tn_node_constant(graph, &graph->nodes[second], 1),
                     tn_node_constant(graph, &graph->nodes[first], 1));
    assert_string_equal(input_name(graph, more, 1), "half");
    assert_string_equal(input_name(graph, 5, 1), "list");
    int values = graph->value_count;
    assert_true(tn_graph_unshare_vectors(graph, &error)); /* nothing is left to do */
    assert_int_equal(graph->value_count, values);
    tn_graph_free(graph);
}

static void layers_made_to_share_weights_share_their_bias(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int weight = model_floats(graph, "head.weight", 4, (const int64_t[]){3, 3, 1, 1});
    int other = model_floats(graph, "neck.weight", 4, (const int64_t[]){3, 3, 1, 1});
    int bias = model_floats(graph, "bias", 1, (const int64_t[]){3});
    int neck = model_node(graph, "Conv", "neck", 3, (int[]){0, other, bias});
    int first =
        model_node(graph, "Conv", "first", 3, (int[]){model_output(graph, neck), weight, bias});
    int second =
        model_node(graph, "Conv", "second", 3, (int[]){model_output(graph, first), weight, bias});
    assert_true(tn_graph_unshare_vectors(graph, &error));
    assert_string_equal(input_name(graph, neck, 2), "bias");
    assert_string_equal(input_name(graph, first, 2), "bias_2");
    assert_string_equal(input_name(graph, second, 2), "bias_2");
    assert_string_equal(input_name(graph, second, 1), "head.weight");
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_is_the_same_and_its_own),
        cmocka_unit_test(attributes_are_replaced_and_have_defaults),
        cmocka_unit_test(operators_have_onnx_names),
        cmocka_unit_test(nodes_are_sorted_by_what_they_read),
        cmocka_unit_test(a_sorted_graph_stays_as_it_is),
        cmocka_unit_test(a_cycle_is_an_error_that_names_a_node),
        cmocka_unit_test(what_no_output_needs_is_dropped),
        cmocka_unit_test(a_node_without_a_name_is_called_by_its_output),
        cmocka_unit_test(vectors_that_exporters_merged_are_apart_again),
        cmocka_unit_test(layers_made_to_share_weights_share_their_bias),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
