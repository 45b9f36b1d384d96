/* Does a network without channels equal the network with them zeroed where they are read? For the
 * tests of pruning. All functions fail the test on error. */
#ifndef TN_TESTS_CUTTING_H
#define TN_TESTS_CUTTING_H

#include "prune/surgery.h"
#include "small_nets.h"

/* What a network makes of random images: all outputs one after another. *numbers is released with
 * tn_free. */
int cutting_run(const struct tn_graph *graph, float **numbers);

/* Largest differences, relative to the largest output: between the network that is cut and the one
 * whose consumers' weights are multiplied by the channels' factors; and what the cut changed. */
struct cutting {
    double difference, change;
};
struct cutting cutting_compare(const struct tn_graph *graph, const struct tn_groups *groups,
                               int count, const struct tn_cut *cuts);

/* Cuts of all groups that can be pruned: channels are kept as `keeps` says (always those that must
 * stay, and at least one); with random weights where `seed` is not 0. */
struct cut_list {
    int count;
    struct tn_cut *cuts;
};
struct cut_list cutting_all(const struct tn_groups *groups, bool (*keeps)(int group, int channel),
                            uint64_t seed);
void cutting_free(struct cut_list *list);

/* Cut every prunable group of a network alone and all at once, with weights and without, and
 * compare each time; there are so many of them. The graph stays the caller's. */
void cutting_check(const struct tn_graph *graph, enum tn_scope scope, int expected_groups);

/* The groups in lines "NAME CHANNELS[ (N fixed)]: PRODUCERS; through NODE:POSITIONS ...; to
 * CONSUMER:POSITIONS ..." with ": WHY NOT" at the end of those that cannot be pruned. */
void cutting_expect(const struct tn_graph *graph, enum tn_scope scope, const char *expected);

/* Expect these groups in both scopes and check cuts of each; `all` NULL: the scopes do not differ.
 * Frees the graph. */
void cutting_both_scopes(struct tn_graph *graph, const char *inner, int inner_groups,
                         const char *all, int all_groups);

#endif
