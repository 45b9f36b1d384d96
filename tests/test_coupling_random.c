/* Networks drawn at random: whatever the groups say can go, can go. */
#include "cutting.h"
#include "random_net.h"

#include "core/random.h"
#include "prune/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NETWORKS = 200 };

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
        print_message("%d\n", (int)seed);
        cut_at_random(TN_SCOPE_INNER, &prunable, &cuts);
        cut_at_random(TN_SCOPE_ALL, &prunable, &cuts);
    }
    print_message("%d groups, %d cuts\n", prunable, cuts);
    assert_true(prunable > 2 * NETWORKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_of_random_networks_equal_zeroed_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
