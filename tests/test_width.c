/* width: what a choice of widths costs, against the network after real surgery. */
#include "prune/width.h"

#include "core/random.h"
#include "prune/surgery.h"
#include "random_net.h"
#include "small_graph.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_GROUPS = 40, MOST_CHANNELS = 96, TRIES = 25, NETWORKS = 120 };

static const int64_t one[] = {1, 1}, three[] = {3, 3}, none[4] = {0}, same[] = {1, 1, 1, 1};

/* A network under random cuts. */
struct trial {
    struct tn_graph *graph;
    struct small_groups of;
    struct tn_widths widths;
    struct tn_random random;
    int order[MOST_GROUPS][MOST_CHANNELS];
    const int *orders[MOST_GROUPS];
    int kept[MOST_GROUPS];
};

/* A random order of removal in which channels that must stay come last. */
static void shuffle(struct trial *trial, int g)
{
    const struct tn_group *group = &trial->of.groups.group[g];
    int *order = trial->order[g], count = 0;
    for (int fixed = 0; fixed < 2; fixed++) {
        for (int c = 0; c < group->channels; c++) {
            if (fixed != (group->fixed && group->fixed[c]))
                continue;
            int at = fixed ? count : (int)tn_random_below(&trial->random, (uint32_t)count + 1);
            order[count++] = order[at];
            order[at] = c;
        }
    }
    trial->orders[g] = order;
}

static void trial_begin(struct trial *trial, struct tn_graph *graph, enum tn_scope scope)
{
    struct tn_error error = {0};
    trial->graph = graph;
    small_groups_of(graph, scope, &trial->of);
    assert_true(trial->of.groups.count <= MOST_GROUPS);
    for (int g = 0; g < trial->of.groups.count; g++)
        assert_true(trial->of.groups.group[g].channels <= MOST_CHANNELS);
    if (!tn_widths_of(graph, &trial->of.layers, &trial->of.groups, &trial->widths, &error))
        fail_msg("%s", error.text);
    tn_random_seed(&trial->random, 5, 0);
    for (int g = 0; g < trial->of.groups.count; g++)
        trial->kept[g] = trial->of.groups.group[g].channels;
}

static void trial_end(struct trial *trial)
{
    tn_widths_free(&trial->widths);
    small_groups_free(&trial->of);
    tn_graph_free(trial->graph);
}

static int some_width(struct trial *trial, int g)
{
    const struct tn_group *group = &trial->of.groups.group[g];
    int fewest = tn_group_fewest(group);
    if (!group->prunable || tn_random_below(&trial->random, 4) == 0)
        return group->channels;
    return fewest + (int)tn_random_below(&trial->random, (uint32_t)(group->channels - fewest) + 1);
}

/* Cost of the network cut to trial->kept. */
static struct tn_cost surgery(const struct trial *trial)
{
    struct tn_cut cuts[MOST_GROUPS];
    int keep[MOST_GROUPS][MOST_CHANNELS], count = 0;
    for (int g = 0; g < trial->of.groups.count; g++) {
        const struct tn_group *group = &trial->of.groups.group[g];
        if (!group->prunable || trial->kept[g] == group->channels)
            continue;
        bool stays[MOST_CHANNELS] = {false};
        for (int i = group->channels - trial->kept[g]; i < group->channels; i++)
            stays[trial->order[g][i]] = true;
        int kept = 0;
        for (int c = 0; c < group->channels; c++) {
            if (stays[c])
                keep[count][kept++] = c;
        }
        cuts[count] = (struct tn_cut){.group = g, .keep_count = kept, .keep = keep[count]};
        count++;
    }
    struct tn_error error = {0};
    struct tn_cost cost;
    struct tn_graph *cut = tn_cut_channels(trial->graph, &trial->of.groups, count, cuts, &error);
    if (!cut)
        fail_msg("%s", error.text);
    assert_true(tn_cost_of(cut, &cost, &error));
    tn_graph_free(cut);
    return cost;
}

static void assert_cost(struct tn_width_cost cost, struct tn_cost real)
{
    assert_float_equal(cost.params, (double)real.params, 0.001);
    assert_float_equal(cost.flops, (double)real.flops, 0.001);
}

/* One group after the other gets another width; what try, curve and set say must be what surgery
 * makes. */
static void walk(struct trial *trial, struct tn_width_plan *plan)
{
    for (int g = 0; g < trial->of.groups.count; g++) {
        double flops[MOST_CHANNELS + 1], params[MOST_CHANNELS + 1];
        trial->kept[g] = some_width(trial, g);
        struct tn_width_cost tried = tn_width_plan_try(plan, g, trial->kept[g]);
        tn_width_plan_curve(plan, g, TN_FLOPS, flops);
        tn_width_plan_curve(plan, g, TN_PARAMS, params);
        struct tn_cost real = surgery(trial);
        assert_cost(tried, real);
        assert_float_equal(flops[trial->kept[g]], (double)real.flops, 0.001);
        assert_float_equal(params[trial->kept[g]], (double)real.params, 0.001);
        tn_width_plan_set(plan, g, trial->kept[g]);
        assert_cost(plan->total, real);
    }
}

/* Some orders and widths of the groups that can be pruned. */
static void compare_once(struct trial *trial)
{
    struct tn_width_plan plan;
    for (int g = 0; g < trial->of.groups.count; g++)
        shuffle(trial, g);
    assert_true(tn_width_plan_new(&trial->widths, trial->kept, trial->orders, &plan, NULL));
    assert_cost(plan.total, surgery(trial));
    walk(trial, &plan);
    tn_width_plan_free(&plan);
}

static void compare(struct tn_graph *graph, enum tn_scope scope, int prunable, bool uneven)
{
    struct trial trial;
    trial_begin(&trial, graph, scope);
    int found = 0;
    bool any = false;
    for (int g = 0; g < trial.of.groups.count; g++) {
        found += trial.of.groups.group[g].prunable;
        any |= trial.widths.reach[g].uneven;
    }
    assert_int_equal(found, prunable);
    assert_int_equal(any, uneven);
    for (int i = 0; i < TRIES; i++)
        compare_once(&trial);
    trial_end(&trial);
}

static void chains_cost_the_product_of_neighbours(void **state)
{
    (void)state;
    compare(chain_net(1), TN_SCOPE_INNER, 2, false);
    compare(flatten_net(2), TN_SCOPE_INNER, 2, false);
}

static void residual_networks_in_both_scopes(void **state)
{
    (void)state;
    compare(residual_net(3), TN_SCOPE_INNER, 2, false);
    compare(residual_net(4), TN_SCOPE_ALL, 3, false);
    compare(shortcut_net(5), TN_SCOPE_INNER, 1, false);
}

static void a_stream_with_a_padded_shortcut_needs_the_order(void **state)
{
    (void)state;
    compare(shortcut_net(6), TN_SCOPE_ALL, 2, true);
}

static void depthwise_and_grouped_convolutions(void **state)
{
    (void)state;
    compare(depthwise_net(7), TN_SCOPE_INNER, 3, false);
}

/* conv 4, relu; conv 6, relu; both side by side, normalised; conv 8; conv 8 in four groups, which
 * go whole; flatten; gemm */
static struct tn_graph *concat_net(uint64_t seed)
{
    struct small_graph s;
    small_begin(&s, 3, 4, 4, seed);
    small_conv(&s, 3, 4, three, one, one, same, 1, true);
    small_node(&s, "Relu", 0, NULL);
    int first = s.last;
    small_conv(&s, 4, 6, three, one, one, same, 1, false);
    small_node(&s, "Relu", 0, NULL);
    struct tn_node *node = small_node(&s, "Concat", 1, &first);
    assert_true(tn_node_set_int(node, "axis", 1, NULL));
    small_norm(&s, 10);
    small_conv(&s, 10, 8, one, one, one, none, 1, true);
    small_conv(&s, 8, 8, three, one, one, same, 4, true);
    small_node(&s, "Flatten", 0, NULL);
    int matrix = small_constant(&s, "matrix", 2, (const int64_t[]){128, 5}, 0, 1);
    small_node(&s, "Gemm", 1, &matrix);
    return small_end(&s);
}

static void concatenated_channels_of_several_groups(void **state)
{
    (void)state;
    compare(concat_net(8), TN_SCOPE_INNER, 3, false);
}

/* A layer whose output is added to its own input reads and makes the same channels. */
static void a_layer_with_one_group_on_both_sides(void **state)
{
    (void)state;
    struct small_graph s;
    small_begin(&s, 3, 4, 4, 9);
    small_conv(&s, 3, 7, three, one, one, same, 1, true);
    int stream = s.last;
    small_conv(&s, 7, 7, three, one, one, same, 1, true);
    small_node(&s, "Add", 1, &stream);
    small_conv(&s, 7, 2, one, one, one, none, 1, true);
    compare(small_end(&s), TN_SCOPE_ALL, 1, false);
}

/* conv 4->4 three times, the second and third with the same weights. */
static void shared_weights_count_once_while_they_are_shared(void **state)
{
    (void)state;
    struct small_graph s;
    small_begin(&s, 3, 4, 4, 10);
    small_conv(&s, 3, 4, one, one, one, none, 1, true);
    small_conv(&s, 4, 4, one, one, one, none, 1, true);
    small_conv(&s, 4, 4, one, one, one, none, 1, true);
    small_conv(&s, 4, 4, one, one, one, none, 1, true);
    small_conv(&s, 4, 2, one, one, one, none, 1, true);
    struct tn_graph *graph = small_end(&s);
    graph->nodes[3].inputs[1] = graph->nodes[2].inputs[1];
    compare(graph, TN_SCOPE_INNER, 4, false);
}

/* Two blocks with the same weights in one stream: what goes, goes from both. */
static void shared_weights_stay_shared_where_the_same_channels_go(void **state)
{
    (void)state;
    struct small_graph s;
    small_begin(&s, 3, 4, 4, 13);
    small_conv(&s, 3, 5, one, one, one, none, 1, true);
    for (int block = 0; block < 2; block++) {
        int stream = s.last;
        small_conv(&s, 5, 5, three, one, one, same, 1, false);
        small_node(&s, "Add", 1, &stream);
    }
    small_conv(&s, 5, 2, one, one, one, none, 1, true);
    struct tn_graph *graph = small_end(&s);
    graph->nodes[3].inputs[1] = graph->nodes[1].inputs[1];
    compare(graph, TN_SCOPE_ALL, 1, false);
}

static void networks_of_every_coupling_drawn_at_random(void **state)
{
    (void)state;
    int uneven = 0;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        for (int scope = TN_SCOPE_INNER; scope <= TN_SCOPE_ALL; scope++) {
            struct trial trial;
            trial_begin(&trial, random_net(seed), (enum tn_scope)scope);
            for (int g = 0; g < trial.of.groups.count; g++)
                uneven += trial.widths.reach[g].uneven;
            compare_once(&trial);
            trial_end(&trial);
        }
    }
    assert_true(uneven > NETWORKS / 10);
}

static void without_an_order_channels_count_as_their_mean(void **state)
{
    (void)state;
    struct trial trial;
    struct tn_width_plan plan;
    struct tn_cost before;
    trial_begin(&trial, shortcut_net(11), TN_SCOPE_ALL);
    int stream = small_group_index(&trial.of, "Conv_0"); /* 4 of whose 8 channels the stem makes */
    assert_int_equal(trial.of.groups.group[stream].channels, 8);
    assert_true(tn_cost_of(trial.graph, &before, NULL));
    assert_true(tn_width_plan_new(&trial.widths, trial.kept, NULL, &plan, NULL));
    assert_cost(plan.total, before);
    struct tn_width_cost half = tn_width_plan_try(&plan, stream, 4);
    /* stem 3x3x3, then 3x3 convolutions 4->6 and 6->8, and the classifier 8->4 */
    assert_float_equal(half.params, 27 * 2 + 9 * 2 * 6 + 9 * 6 * 4 + 4 * 4, 1e-9);
    assert_cost(plan.total, before); /* trying changes nothing */
    tn_width_plan_free(&plan);
    trial_end(&trial);
}

static void groups_that_cannot_be_pruned_stay(void **state)
{
    (void)state;
    struct trial trial;
    struct tn_width_plan plan;
    struct tn_cost before;
    trial_begin(&trial, residual_net(12), TN_SCOPE_INNER);
    int stem = small_group_index(&trial.of, "Conv_0");
    assert_false(trial.of.groups.group[stem].prunable);
    trial.kept[stem] = 1;
    assert_true(tn_cost_of(trial.graph, &before, NULL));
    assert_true(tn_width_plan_new(&trial.widths, trial.kept, NULL, &plan, NULL));
    assert_cost(plan.total, before);
    assert_cost(tn_width_plan_try(&plan, stem, 2), before);
    tn_width_plan_set(&plan, stem, 2);
    assert_cost(plan.total, before);
    tn_width_plan_free(&plan);
    trial_end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_cost_the_product_of_neighbours),
        cmocka_unit_test(residual_networks_in_both_scopes),
        cmocka_unit_test(a_stream_with_a_padded_shortcut_needs_the_order),
        cmocka_unit_test(depthwise_and_grouped_convolutions),
        cmocka_unit_test(concatenated_channels_of_several_groups),
        cmocka_unit_test(a_layer_with_one_group_on_both_sides),
        cmocka_unit_test(shared_weights_count_once_while_they_are_shared),
        cmocka_unit_test(shared_weights_stay_shared_where_the_same_channels_go),
        cmocka_unit_test(networks_of_every_coupling_drawn_at_random),
        cmocka_unit_test(without_an_order_channels_count_as_their_mean),
        cmocka_unit_test(groups_that_cannot_be_pruned_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
