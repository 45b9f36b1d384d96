/* Networks drawn at random: whatever the groups say can go, can go. */
#include "cutting.h"
#include "odd_net.h"
#include "random_net.h"

#include "core/random.h"
#include "model/layers.h"
#include "prune/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NETWORKS = 200, GRAPHS = 2000 };

/* Of the network at hand; TN_FIRST and TN_COUNT in the environment choose others than those of
 * every day. */
static uint64_t seed;

static bool by_chance(int group, int channel)
{
    struct tn_random random;
    tn_random_seed(&random, seed, 1000 * (uint64_t)group + (uint64_t)channel);
    return tn_random_below(&random, 5) < 2;
}

static void cut_at_random(enum tn_scope scope, int *prunable, int *cuts)
{
    struct tn_graph *graph = random_net(seed);
    struct small_groups of;
    small_groups_of(graph, scope, &of);
    struct cut_list list = cutting_all(&of.groups, by_chance, seed % 3);
    struct cutting found = {0, 0};
    if (list.count > 0)
        found = cutting_compare(graph, &of.groups, list.count, list.cuts);
    if (found.difference > 1e-4)
        fail_msg("network %llu, scope %d: differs by %g", (unsigned long long)seed, scope,
                 found.difference);
    *prunable += list.count;
    *cuts += found.change > 1e-3;
    cutting_free(&list);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void cuts_of_random_networks_equal_zeroed_channels(void **state)
{
    (void)state;
    int prunable = 0, cuts = 0;
    const char *first = getenv("TN_FIRST"), *count = getenv("TN_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t networks = count ? strtoull(count, NULL, 10) : NETWORKS;
    for (seed = from; seed < from + networks; seed++) {
        cut_at_random(TN_SCOPE_INNER, &prunable, &cuts);
        cut_at_random(TN_SCOPE_ALL, &prunable, &cuts);
    }
    print_message("%d groups, %d cuts\n", prunable, cuts);
    assert_true(prunable > 2 * NETWORKS);
}

/* Channels stand where the shapes say, and every number is one of the flow's. */
static void assert_flow(const struct tn_graph *graph, const struct tn_flow *flow)
{
    for (int v = 0; v < graph->value_count; v++) {
        const struct tn_labels *labels = &flow->labels[v];
        const struct tn_value *value = &graph->values[v];
        for (int i = 0; i < labels->count; i++)
            assert_in_range(labels->ids[i], 0, flow->id_count - 1);
        if (labels->count == 0 || !value->has_shape)
            continue;
        assert_in_range(labels->axis, 1, value->rank - 1);
        assert_int_equal(value->dims[labels->axis], labels->count);
    }
}

static void assert_groups(const struct small_groups *of)
{
    for (int g = 0; g < of->groups.count; g++) {
        const struct tn_group *group = &of->groups.group[g];
        assert_true(group->prunable == !group->why_not);
        assert_true(group->producer_count > 0 && group->channels > 0);
        assert_true(!group->prunable || tn_group_fewest(group) < group->channels);
        for (int i = 0; group->prunable && i < group->consumer_count; i++)
            for (int c = 0; c < group->consumers[i].count; c++)
                assert_in_range(group->consumers[i].channels[c] + 1, 0, group->channels);
    }
    for (int l = 0; l < of->layers.count; l++) {
        const struct tn_filter_map *map = &of->groups.filters[l];
        assert_in_range(of->groups.of_layer[l] + 1, 0, of->groups.count);
        for (int f = 0; f < map->count; f++)
            assert_in_range(map->channels[f] + 1, 0, of->groups.group[map->group].channels);
    }
}

static void cut_odd(enum tn_scope scope, int *prunable)
{
    struct tn_graph *graph = odd_net(seed);
    struct small_groups of;
    struct tn_error error = {0};
    assert_true(tn_layers_of(graph, &of.layers, &error));
    if (!tn_groups_of(graph, &of.layers, scope, &of.groups, &error))
        fail_msg("graph %llu: %s", (unsigned long long)seed, error.text);
    assert_flow(graph, of.groups.flow);
    assert_groups(&of);
    struct cut_list list = cutting_all(&of.groups, by_chance, seed);
    struct tn_graph *cut = tn_cut_channels(graph, &of.groups, list.count, list.cuts, &error);
    if (!cut)
        fail_msg("graph %llu: %s", (unsigned long long)seed, error.text);
    for (int v = 0; v < graph->value_count; v++) {
        const struct tn_value *before = &graph->values[v], *after = &cut->values[v];
        assert_true(before->constant || before->has_shape == after->has_shape);
        assert_true(before->constant || before->rank == after->rank);
    }
    *prunable += list.count;
    tn_graph_free(cut);
    cutting_free(&list);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void any_graph_can_be_looked_at_and_cut(void **state)
{
    (void)state;
    int prunable = 0;
    const char *first = getenv("TN_FIRST"), *count = getenv("TN_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t graphs = count ? strtoull(count, NULL, 10) : GRAPHS;
    for (seed = from; seed < from + graphs; seed++) {
        cut_odd(TN_SCOPE_INNER, &prunable);
        cut_odd(TN_SCOPE_ALL, &prunable);
    }
    print_message("%d groups\n", prunable);
    assert_true(prunable > GRAPHS / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_graph_can_be_looked_at_and_cut),
        cmocka_unit_test(cuts_of_random_networks_equal_zeroed_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
