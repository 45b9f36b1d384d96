/* groups: which channels go together, who reads them, and why some cannot go. */
#include "prune/groups.h"

#include "small_graph.h"
#include "small_nets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_not_prunable(const struct tn_group *group, const char *why_not)
{
    assert_false(group->prunable);
    assert_string_equal(group->why_not, why_not);
}

static void assert_through(const struct tn_group *group, int count, const int *nodes)
{
    assert_int_equal(group->through_count, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(group->through[i].node, nodes[i]);
}

/* A consumer reads every channel, `each` positions in a row of one. */
static void assert_reads(const struct tn_group *group, int consumer, int each)
{
    const struct tn_consumer *reader = &group->consumers[consumer];
    assert_int_equal(reader->count, each * group->channels);
    for (int i = 0; i < reader->count; i++)
        assert_int_equal(reader->channels[i], i / each);
}

static void in_a_chain_every_layer_but_the_last_is_a_group(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(1);
    struct small_groups of;
    for (int scope = TN_SCOPE_INNER; scope <= TN_SCOPE_ALL; scope++) {
        small_groups_of(graph, (enum tn_scope)scope, &of);
        assert_int_equal(of.groups.count, 3);
        assert_int_equal(of.groups.layer_count, 3);
        const struct tn_group *first = small_group(&of, "Conv_0");
        assert_true(first->prunable);
        assert_null(first->why_not);
        assert_string_equal(first->name, "Conv_0");
        assert_int_equal(first->channels, 6);
        assert_int_equal(first->producer_count, 1);
        assert_int_equal(first->consumer_count, 1);
        assert_int_equal(first->consumers[0].node, 4);
        assert_reads(first, 0, 1);
        assert_through(first, 1, (const int[]){1});
        const struct tn_group *second = small_group(&of, "Conv_4");
        assert_true(second->prunable);
        assert_int_equal(second->consumers[0].node, 8);
        assert_reads(second, 0, 1);
        assert_not_prunable(small_group(&of, "Gemm_8"), "its filters are the network's outputs");
        small_groups_free(&of);
    }
    tn_graph_free(graph);
}

static void after_flatten_a_channel_is_many_features(void **state)
{
    (void)state;
    struct tn_graph *graph = flatten_net(1);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    const struct tn_group *conv = small_group(&of, "Conv_0");
    assert_true(conv->prunable);
    assert_int_equal(conv->channels, 4);
    assert_int_equal(conv->consumers[0].node, 4);
    assert_reads(conv, 0, 16);
    const struct tn_group *hidden = small_group(&of, "Gemm_4");
    assert_true(hidden->prunable);
    assert_int_equal(hidden->channels, 7);
    assert_int_equal(hidden->consumers[0].node, 7);
    assert_reads(hidden, 0, 1);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_reshape_to_a_row_is_a_flatten(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{0, -1}, {-1, 64}, {0, 64}};
    for (int i = 0; i < 3; i++) {
        struct tn_graph *graph = reshape_net(1, shapes[i]);
        struct small_groups of;
        small_groups_of(graph, TN_SCOPE_INNER, &of);
        const struct tn_group *conv = small_group(&of, "Conv_0");
        assert_true(conv->prunable);
        assert_reads(conv, 0, 16);
        small_groups_free(&of);
        tn_graph_free(graph);
    }
}

static void scope_inner_leaves_residual_streams_alone(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(1);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    assert_int_equal(of.groups.count, 6);
    for (int i = 0; i < of.groups.count; i++) {
        assert_int_equal(of.groups.group[i].producer_count, 1);
        assert_int_equal(of.groups.of_layer[i], i);
    }
    assert_true(small_group(&of, "Conv_3")->prunable);
    assert_true(small_group(&of, "Conv_10")->prunable);
    assert_through(small_group(&of, "Conv_10"), 1, (const int[]){11});
    assert_int_equal(small_group(&of, "Conv_10")->consumers[0].node, 13);
    static const char *const shared =
        "its output is added to another at node Add_8 (scope=all prunes such streams)";
    assert_not_prunable(small_group(&of, "Conv_0"), shared);
    assert_not_prunable(small_group(&of, "Conv_6"), shared);
    assert_not_prunable(small_group(&of, "Conv_13"), shared);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void scope_all_joins_a_residual_stream_into_one_group(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(1);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    assert_int_equal(of.groups.count, 4);
    const struct tn_group *stream = small_group(&of, "Conv_0");
    assert_true(stream->prunable);
    assert_ptr_equal(stream, small_group(&of, "Conv_6"));
    assert_ptr_equal(stream, small_group(&of, "Conv_13"));
    assert_string_equal(stream->name, "Conv_0");
    assert_int_equal(stream->producer_count, 3);
    assert_through(stream, 3, (const int[]){1, 7, 14});
    assert_int_equal(stream->consumer_count, 3);
    assert_int_equal(stream->consumers[0].node, 3);
    assert_int_equal(stream->consumers[1].node, 10);
    assert_int_equal(stream->consumers[2].node, 19);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_shortcut_that_pads_channels_joins_streams_of_two_widths(void **state)
{
    (void)state;
    struct tn_graph *graph = shortcut_net(1);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    static const char *const shared =
        "its output is added to another at node Add_7 (scope=all prunes such streams)";
    assert_not_prunable(small_group(&of, "Conv_0"), shared);
    assert_not_prunable(small_group(&of, "Conv_6"), shared);
    assert_true(small_group(&of, "Conv_4")->prunable);
    small_groups_free(&of);
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    const struct tn_group *stream = small_group(&of, "Conv_0");
    assert_true(stream->prunable);
    assert_ptr_equal(stream, small_group(&of, "Conv_6"));
    assert_int_equal(stream->producer_count, 2);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void depthwise_convolution_hands_channels_on(void **state)
{
    (void)state;
    struct tn_graph *graph = depthwise_net(1);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    const struct tn_group *first = small_group(&of, "Conv_0");
    assert_true(first->prunable);
    assert_ptr_equal(first, small_group(&of, "Conv_3"));
    assert_int_equal(first->producer_count, 1);
    assert_through(first, 3, (const int[]){1, 3, 4});
    assert_int_equal(first->consumers[0].node, 6);
    small_groups_free(&of);
    tn_graph_free(graph);
}

/* input, conv 4, OP, conv 3 */
static struct tn_graph *net_with(const char *op, const char *axis_name, int64_t axis)
{
    static const int64_t one[] = {1, 1}, none[4] = {0};
    struct small_graph s;
    small_begin(&s, 3, 6, 6, 1);
    small_conv(&s, 3, 4, one, one, one, none, 1, false);
    struct tn_node *node = small_node(&s, op, 0, NULL);
    if (axis_name)
        assert_true(tn_node_set_int(node, axis_name, axis, NULL));
    small_conv(&s, 4, 3, one, one, one, none, 1, false);
    return small_end(&s);
}

static void operators_that_mix_channels_hold_them(void **state)
{
    (void)state;
    static const struct {
        const char *op, *axis_name;
        int64_t axis;
        const char *why_not;
    } cases[] = {
        {"Softmax", "axis", 1, "node Softmax_1 normalises across its channels"},
        {"Softmax", "axis", -3, "node Softmax_1 normalises across its channels"},
        {"Softmax", NULL, 0, NULL},
        {"Identity", NULL, 0, NULL},
        {"Mystery", NULL, 0, "node Mystery_1 is an operator whose coupling is not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tn_graph *graph = net_with(cases[i].op, cases[i].axis_name, cases[i].axis);
        struct small_groups of;
        small_groups_of(graph, TN_SCOPE_ALL, &of);
        const struct tn_group *group = small_group(&of, "Conv_0");
        if (cases[i].why_not)
            assert_not_prunable(group, cases[i].why_not);
        else
            assert_true(group->prunable);
        small_groups_free(&of);
        tn_graph_free(graph);
    }
}

static void channels_added_to_the_input_or_read_in_another_order_stay(void **state)
{
    (void)state;
    static const int64_t one[] = {1, 1}, none[4] = {0};
    struct small_graph s;
    small_begin(&s, 4, 6, 6, 1);
    int input = s.last;
    small_conv(&s, 4, 4, one, one, one, none, 1, false);
    small_node(&s, "Add", 1, &input);
    small_conv(&s, 4, 3, one, one, one, none, 1, false);
    struct tn_graph *graph = small_end(&s);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    assert_not_prunable(small_group(&of, "Conv_0"),
                        "its channels are coupled to the network's input input");
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_name_from_a_file_cannot_act_on_the_terminal(void **state)
{
    (void)state;
    struct tn_graph *graph = net_with("Mys\033[2Jtery", NULL, 0);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    assert_null(strchr(small_group(&of, "Conv_0")->why_not, '\033'));
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_chain_every_layer_but_the_last_is_a_group),
        cmocka_unit_test(after_flatten_a_channel_is_many_features),
        cmocka_unit_test(a_reshape_to_a_row_is_a_flatten),
        cmocka_unit_test(scope_inner_leaves_residual_streams_alone),
        cmocka_unit_test(scope_all_joins_a_residual_stream_into_one_group),
        cmocka_unit_test(a_shortcut_that_pads_channels_joins_streams_of_two_widths),
        cmocka_unit_test(depthwise_convolution_hands_channels_on),
        cmocka_unit_test(operators_that_mix_channels_hold_them),
        cmocka_unit_test(channels_added_to_the_input_or_read_in_another_order_stay),
        cmocka_unit_test(a_name_from_a_file_cannot_act_on_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
