/* filter_weights: removal orders from the weights of a group's filters. */
#include "prune/filter_weights.h"

#include "method_support.h"
#include "small_graph.h"
#include "small_nets.h"

struct network {
    struct tn_graph *graph;
    struct small_groups of;
    struct tn_filter_weights weights;
    struct tn_method_input input;
};

static void open_network(struct network *net, struct tn_graph *graph, enum tn_scope scope,
                         const char *layer)
{
    struct tn_error error = {0};
    net->graph = graph;
    small_groups_of(graph, scope, &net->of);
    if (!tn_filter_weights_of(graph, &net->of.layers, &net->of.groups,
                              small_group_index(&net->of, layer), &net->weights, &error))
        fail_msg("%s", error.text);
    net->input = (struct tn_method_input){
        .channels = net->weights.channels, .weights = &net->weights, .group = layer};
}

static void close_network(struct network *net)
{
    tn_filter_weights_free(&net->weights);
    small_groups_free(&net->of);
    tn_graph_free(net->graph);
}

/* The channel's filters as one long vector, straight from the tensors. The axis of filters is
 * `axis`. */
static int vector_of(const struct network *net, int channel, int axis, double *vector)
{
    const struct tn_group *group =
        &net->of.groups.group[small_group_index(&net->of, net->input.group)];
    int length = 0;
    for (int p = 0; p < group->producer_count; p++) {
        int layer = group->producers[p];
        const struct tn_tensor *w =
            tn_node_constant(net->graph, &net->graph->nodes[net->of.layers.layer[layer].node], 1);
        const struct tn_filter_map *map = &net->of.groups.filters[layer];
        int each = (int)w->count / map->count;
        for (int f = 0; f < map->count; f++) {
            if (map->channels[f] != channel)
                continue;
            for (int i = 0; i < each; i++)
                vector[length++] =
                    (double)tn_tensor_floats(w)[axis == 0 ? f * each + i : i * map->count + f];
        }
    }
    return length;
}

enum { LONGEST = 4096 };

static void compare_weights(const struct network *net, int axis)
{
    static double vectors[MOST][LONGEST];
    int n = net->input.channels, length = 0, order[MOST];
    double l1[MOST] = {0}, l2[MOST] = {0}, fpgm[MOST] = {0}, score[MOST];
    for (int c = 0; c < n; c++) {
        length = vector_of(net, c, axis, vectors[c]);
        assert_in_range(length, 1, LONGEST);
        for (int i = 0; i < length; i++) {
            l1[c] += fabs(vectors[c][i]);
            l2[c] += vectors[c][i] * vectors[c][i];
        }
        l2[c] = sqrt(l2[c]);
    }
    for (int a = 0; a < n; a++) {
        for (int b = 0; b < n; b++) {
            double sum = 0;
            for (int i = 0; i < length; i++)
                sum += pow(vectors[a][i] - vectors[b][i], 2);
            fpgm[a] += sqrt(sum);
        }
    }
    const char *names[] = {"l1", "l2", "fpgm"};
    const double *expected[] = {l1, l2, fpgm};
    for (int m = 0; m < 3; m++) {
        rank_with(names[m], &net->input, order, score);
        for (int c = 0; c < n; c++)
            assert_true(fabs(score[c] - expected[m][c]) <= 1e-12 * fabs(expected[m][c]));
        for (int i = 1; i < n; i++)
            assert_true(score[order[i - 1]] < score[order[i]] ||
                        (score[order[i - 1]] == score[order[i]] && order[i - 1] < order[i]));
    }
}

static void weights_of_one_filter_a_channel(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(1), TN_SCOPE_INNER, "Conv_4");
    compare_weights(&net, 0);
    close_network(&net);
    open_network(&net, flatten_net(2), TN_SCOPE_INNER, "Gemm_4"); /* filters are columns */
    compare_weights(&net, 1);
    close_network(&net);
}

static float *weights_at(const struct network *net, int node, int input)
{
    return tn_tensor_floats(tn_node_constant(net->graph, &net->graph->nodes[node], input));
}

/* conv 4, transposed conv 6, relu, global pool, flatten, product with a [6,7] matrix, relu, gemm 5
 */
static struct tn_graph *transposed_net(void)
{
    struct small_graph small;
    small_begin(&small, 3, 6, 6, 9);
    small_conv(&small, 3, 4, (const int64_t[]){3, 3}, (const int64_t[]){1, 1},
               (const int64_t[]){1, 1}, (const int64_t[]){1, 1, 1, 1}, 1, true);
    int kernels = small_constant(&small, "kernels", 4, (const int64_t[]){4, 6, 2, 3}, 0, 1);
    small_node(&small, "ConvTranspose", 1, &kernels);
    small_node(&small, "Relu", 0, NULL);
    small_node(&small, "GlobalAveragePool", 0, NULL);
    small_node(&small, "Flatten", 0, NULL);
    int matrix = small_constant(&small, "matrix", 2, (const int64_t[]){6, 7}, 0, 1);
    small_node(&small, "MatMul", 1, &matrix);
    small_node(&small, "Relu", 0, NULL);
    int last = small_constant(&small, "last", 2, (const int64_t[]){7, 5}, 0, 1);
    small_node(&small, "Gemm", 1, &last);
    return small_end(&small);
}

static void filters_that_are_not_on_the_first_axis(void **state)
{
    (void)state;
    struct network net;
    int order[MOST];
    double score[MOST];
    open_network(&net, transposed_net(), TN_SCOPE_INNER, "ConvTranspose_1");
    assert_int_equal(net.weights.channels, 6);
    const float *w = weights_at(&net, 1, 1);
    rank_with("l1", &net.input, order, score);
    for (int f = 0; f < 6; f++) {
        double sum = 0;
        for (int c = 0; c < 4; c++) {
            for (int i = 0; i < 6; i++)
                sum += fabs((double)w[(c * 6 + f) * 6 + i]);
        }
        assert_true(fabs(score[f] - sum) < 1e-12);
    }
    rank_with("fpgm", &net.input, order, score);
    close_network(&net);
    open_network(&net, transposed_net(), TN_SCOPE_INNER, "MatMul_5");
    compare_weights(&net, 1);
    close_network(&net);
}

static void weights_of_several_filters_and_producers(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, depthwise_net(3), TN_SCOPE_INNER, "Conv_7"); /* the same of each group */
    assert_int_equal(net.weights.channels, 3);
    compare_weights(&net, 0);
    close_network(&net);
    open_network(&net, residual_net(4), TN_SCOPE_ALL, "Conv_0");
    assert_int_equal(net.weights.part_count, 3);
    compare_weights(&net, 0);
    close_network(&net);
}

static void equal_filters_go_lowest_index_first(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(5), TN_SCOPE_INNER, "Conv_4");
    float *w = weights_at(&net, 4, 1);
    size_t each = 6 * 9;
    memcpy(w + 6 * each, w + 1 * each, each * sizeof *w);
    memcpy(w + 4 * each, w + 1 * each, each * sizeof *w);
    memset(w + 3 * each, 0, each * sizeof *w);
    memset(w + 7 * each, 0, each * sizeof *w);
    compare_weights(&net, 0);
    const char *names[] = {"l1", "l2", "fpgm"};
    for (int m = 0; m < 3; m++) {
        int order[MOST], at[MOST];
        double score[MOST];
        rank_with(names[m], &net.input, order, score);
        for (int i = 0; i < 8; i++)
            at[order[i]] = i;
        assert_true(at[1] + 1 == at[4] && at[4] + 1 == at[6] && at[3] + 1 == at[7]);
        assert_true(score[1] == score[4] && score[4] == score[6] && score[3] == score[7]);
    }
    close_network(&net);
}

static void close_filters_keep_their_distance(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(5), TN_SCOPE_INNER, "Conv_4");
    float *w = weights_at(&net, 4, 1);
    for (int i = 0; i < 54; i++)
        w[5 * 54 + i] = w[54 + i] * (1 + 1e-6f * (float)i); /* nothing but differences in float */
    for (int f = 2; f < 5; f++) {
        for (int i = 0; i < 54; i++)
            w[f * 54 + i] = w[i] * (1 + 3e-7f * (float)(f * i % 7));
    }
    compare_weights(&net, 0);
    close_network(&net);
}

static void bn_scale_is_the_gamma_behind_each_producer(void **state)
{
    (void)state;
    struct network net;
    int order[MOST];
    double score[MOST];
    open_network(&net, residual_net(6), TN_SCOPE_INNER, "Conv_3");
    float *gamma = weights_at(&net, 4, 1);
    gamma[2] = -gamma[2];
    rank_with("bn-scale", &net.input, order, score);
    for (int c = 0; c < 6; c++)
        assert_true(score[c] == fabs((double)gamma[c]));
    close_network(&net);

    open_network(&net, residual_net(6), TN_SCOPE_ALL, "Conv_0");
    rank_with("bn-scale", &net.input, order, score);
    for (int c = 0; c < 8; c++) {
        double sum = 0;
        for (int node = 1; node <= 14; node += node == 1 ? 6 : 7)
            sum += fabs((double)weights_at(&net, node, 1)[c]);
        assert_true(fabs(score[c] - sum) < 1e-12);
    }
    close_network(&net);

    struct tn_error error = {0};
    open_network(&net, chain_net(6), TN_SCOPE_ALL, "Conv_4");
    assert_false(tn_method_rank(tn_method_find("bn-scale"), &net.input, order, score, &error));
    assert_string_equal(error.text,
                        "method bn-scale: no BatchNorm follows layer 'Conv_4' directly: bn-scale "
                        "needs one; take another method (l2), or a network exported with "
                        "BatchNorm not fused");
    close_network(&net);
}

static void a_group_that_cannot_be_pruned_has_no_weights(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(1);
    struct small_groups of;
    struct tn_filter_weights weights;
    struct tn_error error = {0};
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    assert_false(tn_filter_weights_of(graph, &of.layers, &of.groups,
                                      small_group_index(&of, "Gemm_8"), &weights, &error));
    assert_string_equal(error.text,
                        "Gemm_8 cannot be pruned: its filters are the network's outputs");
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_of_one_filter_a_channel),
        cmocka_unit_test(filters_that_are_not_on_the_first_axis),
        cmocka_unit_test(weights_of_several_filters_and_producers),
        cmocka_unit_test(equal_filters_go_lowest_index_first),
        cmocka_unit_test(close_filters_keep_their_distance),
        cmocka_unit_test(bn_scale_is_the_gamma_behind_each_producer),
        cmocka_unit_test(a_group_that_cannot_be_pruned_has_no_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
