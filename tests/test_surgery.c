/* surgery: the network without channels equals the network with them zeroed where they are read. */
#include "prune/surgery.h"

#include "core/memory.h"
#include "cutting.h"
#include "model/layers.h"
#include "small_graph.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void compare(const struct tn_graph *graph, const struct small_groups *of, int count,
                    const struct tn_cut *cuts)
{
    struct cutting found = cutting_compare(graph, &of->groups, count, cuts);
    assert_true(found.difference <= 1e-5);
    assert_true(found.change > 1e-3); /* the cut was one */
}

/* Every prunable group, alone and all at once; takes the graph over. */
static void cut_all_and_compare(struct tn_graph *graph, enum tn_scope scope, int expected_groups)
{
    cutting_check(graph, scope, expected_groups);
    tn_graph_free(graph);
}

static void a_chain_without_channels_equals_zeroed_channels(void **state)
{
    (void)state;
    cut_all_and_compare(chain_net(11), TN_SCOPE_INNER, 2);
}

static void features_of_flattened_channels_go_together(void **state)
{
    (void)state;
    cut_all_and_compare(flatten_net(12), TN_SCOPE_INNER, 2);
    cut_all_and_compare(reshape_net(12, (const int64_t[]){0, -1}), TN_SCOPE_INNER, 2);
    cut_all_and_compare(reshape_net(12, (const int64_t[]){-1, 64}), TN_SCOPE_INNER, 2);
}

static void inner_convolutions_of_blocks_can_go(void **state)
{
    (void)state;
    cut_all_and_compare(residual_net(13), TN_SCOPE_INNER, 2);
    cut_all_and_compare(shortcut_net(13), TN_SCOPE_INNER, 1);
}

static void a_whole_residual_stream_can_go(void **state)
{
    (void)state;
    cut_all_and_compare(residual_net(14), TN_SCOPE_ALL, 3);
}

static void depthwise_convolution_goes_with_its_channels(void **state)
{
    (void)state;
    cut_all_and_compare(depthwise_net(15), TN_SCOPE_INNER, 3);
}

/* A residual network whose BatchNorms of so many channels share their mean, as exporters let equal
 * constants be shared. */
static struct tn_graph *net_with_shared_means(int channels)
{
    struct tn_graph *graph = residual_net(16);
    int first = -1;
    for (int n = 0; n < graph->node_count; n++) {
        if (graph->nodes[n].op != TN_OP_BATCH_NORM)
            continue;
        int *mean = &graph->nodes[n].inputs[3];
        if (graph->values[*mean].constant->dims[0] != channels)
            continue;
        first = first < 0 ? *mean : first;
        *mean = first;
    }
    return graph;
}

static void shared_constants_stay_shared_only_where_they_agree(void **state)
{
    (void)state;
    struct tn_graph *graph = net_with_shared_means(8);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    struct tn_cut cut = {
        .group = small_group_index(&of, "Conv_0"), .keep_count = 3, .keep = (const int[]){1, 2, 6}};
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, NULL);
    assert_non_null(smaller);
    assert_int_equal(smaller->nodes[1].inputs[3], smaller->nodes[7].inputs[3]);
    assert_int_equal(smaller->nodes[1].inputs[3], graph->nodes[1].inputs[3]);
    assert_int_equal(smaller->value_count, graph->value_count);
    tn_graph_free(smaller);
    compare(graph, &of, 1, &cut);
    small_groups_free(&of);
    tn_graph_free(graph);

    /* Of the two blocks' inner layers only the first is cut: the other keeps the old constant. */
    graph = net_with_shared_means(6);
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    cut.group = small_group_index(&of, "Conv_3");
    cut.keep = (const int[]){0, 2, 5};
    smaller = tn_cut_channels(graph, &of.groups, 1, &cut, NULL);
    assert_non_null(smaller);
    assert_int_equal(smaller->nodes[11].inputs[3], graph->nodes[11].inputs[3]);
    assert_int_equal(tn_node_constant(smaller, &smaller->nodes[11], 3)->dims[0], 6);
    assert_int_equal(tn_node_constant(smaller, &smaller->nodes[4], 3)->dims[0], 3);
    tn_graph_free(smaller);
    compare(graph, &of, 1, &cut);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void two_layers_that_share_weights_are_cut_apart(void **state)
{
    (void)state;
    /* conv 4->4 twice with the same weights and biases, then a classifier */
    static const int64_t one[] = {1, 1}, none[4] = {0};
    struct small_graph s;
    small_begin(&s, 3, 8, 8, 18);
    small_conv(&s, 3, 4, one, one, one, none, 1, true);
    small_node(&s, "Relu", 0, NULL);
    small_conv(&s, 4, 4, one, one, one, none, 1, true);
    small_node(&s, "Relu", 0, NULL);
    small_conv(&s, 4, 4, one, one, one, none, 1, true);
    small_node(&s, "Relu", 0, NULL);
    small_conv(&s, 4, 2, (const int64_t[]){8, 8}, one, one, none, 1, true);
    small_node(&s, "Flatten", 0, NULL);
    struct tn_graph *graph = small_end(&s);
    graph->nodes[4].inputs[1] = graph->nodes[2].inputs[1];
    graph->nodes[4].inputs[2] = graph->nodes[2].inputs[2];
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {.group = of.groups.of_layer[1], /* the first of the two */
                         .keep_count = 2,
                         .keep = (const int[]){1, 3}};
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, NULL);
    assert_non_null(smaller);
    const struct tn_tensor *first = tn_node_constant(smaller, &smaller->nodes[2], 1);
    const struct tn_tensor *second = tn_node_constant(smaller, &smaller->nodes[4], 1);
    assert_true(first->dims[0] == 2 && first->dims[1] == 4);
    assert_true(second->dims[0] == 4 && second->dims[1] == 2);
    assert_int_equal(tn_node_constant(smaller, &smaller->nodes[4], 2)->dims[0], 4);
    float *before, *after;
    int outputs = cutting_run(graph, &before);
    assert_int_equal(cutting_run(smaller, &after), outputs);
    tn_free(before);
    tn_free(after);
    tn_graph_free(smaller);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void the_original_is_untouched_and_shapes_are_new(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(19);
    float *before, *after;
    int outputs = cutting_run(graph, &before);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {.group = 0, .keep_count = 2, .keep = (const int[]){0, 4}};
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, NULL);
    assert_int_equal(smaller->values[smaller->nodes[0].outputs[0]].dims[1], 2);
    assert_int_equal(smaller->values[smaller->nodes[3].outputs[0]].dims[1], 2);
    assert_int_equal(smaller->values[smaller->nodes[4].outputs[0]].dims[1], 8);
    assert_int_equal(graph->values[graph->nodes[0].outputs[0]].dims[1], 6);
    assert_int_equal(cutting_run(graph, &after), outputs);
    assert_memory_equal(before, after, (size_t)outputs * sizeof *before);
    tn_free(before);
    tn_free(after);
    struct tn_layers layers;
    assert_true(tn_layers_of(smaller, &layers, NULL));
    assert_int_equal(layers.layer[0].filters, 2);
    assert_int_equal(layers.layer[1].channels, 2);
    tn_layers_free(&layers);
    tn_graph_free(smaller);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void cuts_that_cannot_be_made_are_refused(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(20);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    const struct {
        struct tn_cut cut;
        const char *text;
    } cases[] = {
        {{.group = 2, .keep_count = 1, .keep = (const int[]){0}},
         "Gemm_8 cannot be pruned: its filters are the network's outputs"},
        {{.group = 0, .keep_count = 0}, "Conv_0: 0 filters to be kept, 1 to 6 expected"},
        {{.group = 0, .keep_count = 7}, "Conv_0: 7 filters to be kept, 1 to 6 expected"},
        {{.group = 0, .keep_count = 2, .keep = (const int[]){3, 3}},
         "Conv_0: filters to be kept must ascend below 6"},
        {{.group = 0, .keep_count = 2, .keep = (const int[]){3, 6}},
         "Conv_0: filters to be kept must ascend below 6"},
        {{.group = 0,
          .keep_count = 2,
          .keep = (const int[]){3, 5},
          .weights = (const double[]){1, NAN}},
         "Conv_0: the weight of filter 5 is not finite"},
        {{.group = 3}, "no group 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tn_error error = {0};
        assert_null(tn_cut_channels(graph, &of.groups, 1, &cases[i].cut, &error));
        assert_string_equal(error.text, cases[i].text);
    }
    struct tn_error error = {0};
    const struct tn_cut twice[] = {
        {.group = 0, .keep_count = 1, .keep = (const int[]){3}},
        {.group = 0, .keep_count = 1, .keep = (const int[]){2}},
    };
    assert_null(tn_cut_channels(graph, &of.groups, 2, twice, &error));
    assert_string_equal(error.text, "Conv_0 is cut twice");
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_without_channels_equals_zeroed_channels),
        cmocka_unit_test(features_of_flattened_channels_go_together),
        cmocka_unit_test(inner_convolutions_of_blocks_can_go),
        cmocka_unit_test(a_whole_residual_stream_can_go),
        cmocka_unit_test(depthwise_convolution_goes_with_its_channels),
        cmocka_unit_test(shared_constants_stay_shared_only_where_they_agree),
        cmocka_unit_test(two_layers_that_share_weights_are_cut_apart),
        cmocka_unit_test(the_original_is_untouched_and_shapes_are_new),
        cmocka_unit_test(cuts_that_cannot_be_made_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
