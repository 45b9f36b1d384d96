/* Coupling of networks that are large, and of those that only say they are. */
#include "blocks.h"
#include "cutting.h"

#include "model/layers.h"
#include "prune/groups.h"
#include "session/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static int start(struct small_graph *s, int64_t channels)
{
    small_begin(s, 3, 4, 4, 1);
    s->graph->values[s->last].dims[1] = channels;
    s->graph->info.opset = 17;
    return s->last;
}

/* Groups and what is planned, in both scopes, in less than so many seconds of processor time: ten
 * times what it takes, so that only another order of growth fails. */
static void check_time(struct tn_graph *graph, int layers, double seconds)
{
    for (int scope = TN_SCOPE_INNER; scope <= TN_SCOPE_ALL; scope++) {
        struct tn_error error;
        double begin = processor_seconds();
        struct tn_model *model =
            tn_model_new(tn_graph_clone(graph, NULL), (enum tn_scope)scope, &error);
        if (!model)
            fail_msg("%s", error.text);
        assert_int_equal(model->layers.count, layers);
        struct tn_state *state = tn_state_new(NULL);
        assert_true(tn_state_set_model(state, model, true, 0, NULL, NULL));
        int64_t params, flops;
        for (int i = 0; i < 10; i++)
            tn_state_planned(state, &params, &flops);
        assert_int_equal(params, model->cost.params);
        double took = processor_seconds() - begin;
        if (took > seconds)
            fail_msg("%d layers, scope %d: %.1f s", layers, scope, took);
        tn_state_unref(state);
    }
    tn_graph_free(graph);
}

static void two_thousand_layers_of_a_residual_network_take_no_time(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_conv(&s, start(&s, 3), 16, 1, 1, 1);
    for (int i = 0; i < 1000; i++) {
        int y = block_op(&s, "Relu", block_norm(&s, block_conv(&s, x, 8, 1, 1, 1)));
        x = block_two(&s, "Add", x, block_norm(&s, block_conv(&s, y, 16, 1, 1, 1)));
    }
    int y = block_classify(&s, x, 3);
    check_time(block_end(&s, 1, &y), 2002, 4);
}

static void two_hundred_dense_layers_take_no_time(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_conv(&s, start(&s, 3), 8, 1, 1, 1);
    for (int i = 0; i < 200; i++) {
        int y = block_conv(&s, block_op(&s, "Relu", block_norm(&s, x)), 4, 1, 1, 1);
        x = block_concat(&s, 1, 2, (const int[]){x, y});
    }
    int y = block_classify(&s, x, 3);
    check_time(block_end(&s, 1, &y), 202, 4);
}

static void assert_refused_or_not_prunable(struct tn_graph *graph)
{
    struct tn_error error;
    struct small_groups of;
    assert_true(tn_layers_of(graph, &of.layers, &error));
    if (!tn_groups_of(graph, &of.layers, TN_SCOPE_ALL, &of.groups, &error)) {
        assert_non_null(strstr(error.text, "more channels than can be followed"));
        tn_layers_free(&of.layers);
    } else {
        for (int g = 0; g < of.groups.count; g++)
            assert_false(of.groups.group[g].prunable);
        small_groups_free(&of);
    }
    tn_graph_free(graph);
}

static void an_input_of_any_size_costs_nothing(void **state)
{
    (void)state;
    struct small_graph s;
    start(&s, INT64_C(1) << 34);
    struct tn_graph *graph = small_end(&s);
    assert_refused_or_not_prunable(graph);
    int y = block_op(&s, "Relu", start(&s, INT64_C(1) << 34));
    assert_refused_or_not_prunable(block_end(&s, 1, &y));
}

static void channels_that_multiply_are_refused_in_time(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_conv(&s, start(&s, 3), 4, 1, 1, 1);
    for (int i = 0; i < 28; i++)
        x = block_concat(&s, 1, 2, (const int[]){x, x});
    assert_refused_or_not_prunable(block_end(&s, 1, &x));
    x = block_conv(&s, start(&s, 3), 4, 1, 1, 1);
    for (int i = 0; i < 40; i++)
        x = block_pad(&s, x, 1, 1 << 19, 1 << 19);
    assert_refused_or_not_prunable(block_end(&s, 1, &x));
    x = block_conv(&s, start(&s, 3), 4, 1, 1, 1);
    x = block_each(&s, "Add", x, 1, false);
    int shape = small_whole_numbers(&s, "shape", 4, (const int64_t[]){1, 4, 1 << 18, 1 << 18});
    int sum = block_reduce(&s, "ReduceSum", x, 2, (const int64_t[]){2, 3}, true);
    s.last = sum;
    small_node(&s, "Expand", 1, &shape);
    small_node(&s, "Flatten", 0, NULL);
    assert_refused_or_not_prunable(small_end(&s));
}

static void axes_of_no_size_hold_what_meets_them(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_conv(&s, start(&s, 3), 4, 1, 1, 1);
    int none = block_slice(&s, x, 2, 4, 4, 1);
    int y = block_op(&s, "Flatten", none);
    assert_refused_or_not_prunable(block_end(&s, 1, &y));
    x = block_conv(&s, start(&s, 3), 4, 1, 1, 1);
    none = block_slice(&s, x, 1, 4, 4, 1);
    y = block_classify(&s, block_concat(&s, 1, 2, (const int[]){x, none}), 3);
    struct tn_graph *graph = block_end(&s, 1, &y);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {.group = 0, .keep_count = 2, .keep = (const int[]){0, 3}};
    assert_true(of.groups.group[0].prunable);
    struct tn_error error;
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, &error);
    if (!smaller)
        fail_msg("%s", error.text);
    tn_graph_free(smaller);
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_layers_of_a_residual_network_take_no_time),
        cmocka_unit_test(two_hundred_dense_layers_take_no_time),
        cmocka_unit_test(an_input_of_any_size_costs_nothing),
        cmocka_unit_test(channels_that_multiply_are_refused_in_time),
        cmocka_unit_test(axes_of_no_size_hold_what_meets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
