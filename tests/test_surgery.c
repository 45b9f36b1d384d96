/* surgery: the network without channels equals the network with them zeroed where they are read. */
#include "prune/surgery.h"

#include "core/memory.h"
#include "engine/network.h"
#include "small_graph.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 3, MOST_OUTPUTS = 16 };

static int run(const struct tn_graph *graph, float *outputs)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new(graph, IMAGES, TN_INFER, &error);
    if (!network)
        fail_msg("%s", error.text);
    float images[IMAGES * 3 * 8 * 8];
    struct tn_random random;
    tn_random_seed(&random, 77, 0);
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        images[i] = (float)tn_random_normal(&random);
    const float *result;
    assert_true(tn_network_forward(network, images, IMAGES, NULL, &result, &error));
    int count = IMAGES * tn_network_outputs(network);
    assert_true(count <= IMAGES * MOST_OUTPUTS);
    memcpy(outputs, result, (size_t)count * sizeof *outputs);
    tn_network_free(network);
    return count;
}

/* Factor of channel c at the consumers: 0 for one that goes. */
static double factor_of(const struct tn_cut *cut, int c)
{
    for (int i = 0; i < cut->keep_count; i++) {
        if (cut->keep[i] == c)
            return cut->weights ? cut->weights[i] : 1;
    }
    return 0;
}

/* Multiply what a consumer reads of each channel by its factor, in its weights [filters][features].
 */
static void scale_consumer(struct tn_graph *graph, const struct tn_consumer *consumer,
                           const struct tn_cut *cut)
{
    const struct tn_node *node = &graph->nodes[consumer->node];
    struct tn_tensor *weights = tn_tensor_copy(tn_node_constant(graph, node, 1), NULL);
    bool columns = node->op == TN_OP_CONV || tn_node_int(node, "transB", 0);
    size_t kernel = 1, groups = (size_t)tn_node_int(node, "group", 1);
    for (int i = 2; i < weights->rank; i++)
        kernel *= (size_t)weights->dims[i];
    size_t filters = (size_t)weights->dims[columns ? 0 : 1];
    size_t depth = (size_t)weights->dims[columns ? 1 : 0];
    for (size_t i = 0; i < weights->count; i++) {
        size_t filter = columns ? i / kernel / depth : i % filters;
        size_t feature = columns ? i / kernel % depth : i / filters;
        int channel = consumer->channels[filter / (filters / groups) * depth + feature];
        if (channel != TN_NO_CHANNEL)
            tn_tensor_floats(weights)[i] *= (float)factor_of(cut, channel);
    }
    tn_graph_set_constant(graph, node->inputs[1], weights);
}

static void compare(const struct tn_graph *graph, const struct small_groups *of, int count,
                    const struct tn_cut *cuts)
{
    struct tn_error error = {0};
    struct tn_graph *cut = tn_cut_channels(graph, &of->groups, count, cuts, &error);
    if (!cut)
        fail_msg("%s", error.text);
    struct tn_graph *zeroed = tn_graph_clone(graph, NULL);
    for (int i = 0; i < count; i++) {
        const struct tn_group *group = &of->groups.group[cuts[i].group];
        for (int j = 0; j < group->consumer_count; j++)
            scale_consumer(zeroed, &group->consumers[j], &cuts[i]);
    }
    float expected[IMAGES * MOST_OUTPUTS], actual[IMAGES * MOST_OUTPUTS];
    float before[IMAGES * MOST_OUTPUTS];
    int outputs = run(zeroed, expected);
    assert_int_equal(run(cut, actual), outputs);
    run(graph, before);
    double scale = 0, difference = 0, change = 0;
    for (int i = 0; i < outputs; i++) {
        scale = fmax(scale, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)expected[i] - (double)actual[i]));
        change = fmax(change, fabs((double)expected[i] - (double)before[i]));
    }
    assert_true(difference <= 1e-5 * scale);
    assert_true(change > 1e-3 * scale); /* the cut was one */
    tn_graph_free(zeroed);
    tn_graph_free(cut);
}

/* Cut every prunable group of a network at once: keep every second and the last filter, with
 * weights. */
static void cut_all_and_compare(struct tn_graph *graph, enum tn_scope scope, int expected_groups)
{
    enum { MOST_GROUPS = 8, MOST_CHANNELS = 8 };
    struct small_groups of;
    small_groups_of(graph, scope, &of);
    struct tn_cut cuts[MOST_GROUPS];
    int keep[MOST_GROUPS][MOST_CHANNELS];
    double weights[MOST_GROUPS][MOST_CHANNELS];
    int count = 0;
    for (int g = 0; g < of.groups.count; g++) {
        const struct tn_group *group = &of.groups.group[g];
        if (!group->prunable)
            continue;
        int kept = 0;
        for (int c = 0; c < group->channels; c++) {
            if (c % 2 == g % 2 || c == group->channels - 1) {
                keep[count][kept] = c;
                weights[count][kept++] = 0.5 + 0.3 * c;
            }
        }
        cuts[count] = (struct tn_cut){
            .group = g, .keep_count = kept, .keep = keep[count], .weights = weights[count]};
        compare(graph, &of, 1, &cuts[count]);
        count++;
    }
    assert_int_equal(count, expected_groups);
    compare(graph, &of, count, cuts);
    for (int i = 0; i < count; i++)
        cuts[i].weights = NULL;
    compare(graph, &of, count, cuts);
    small_groups_free(&of);
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
    float outputs[IMAGES * MOST_OUTPUTS];
    assert_int_equal(run(smaller, outputs), IMAGES * 2);
    tn_graph_free(smaller);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void the_original_is_untouched_and_shapes_are_new(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(19);
    float before[IMAGES * MOST_OUTPUTS], after[IMAGES * MOST_OUTPUTS];
    int outputs = run(graph, before);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {.group = 0, .keep_count = 2, .keep = (const int[]){0, 4}};
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, NULL);
    assert_int_equal(smaller->values[smaller->nodes[0].outputs[0]].dims[1], 2);
    assert_int_equal(smaller->values[smaller->nodes[3].outputs[0]].dims[1], 2);
    assert_int_equal(smaller->values[smaller->nodes[4].outputs[0]].dims[1], 8);
    assert_int_equal(graph->values[graph->nodes[0].outputs[0]].dims[1], 6);
    run(graph, after);
    assert_memory_equal(before, after, (size_t)outputs * sizeof *before);
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
