/* What surgery changes in the arguments of nodes, and what it leaves alone. */
#include "blocks.h"
#include "cutting.h"

#include "model/argument.h"
#include "model/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int start(struct small_graph *s, int64_t opset)
{
    small_begin(s, 3, 6, 6, 1);
    s->graph->info.opset = opset;
    return s->last;
}

static int conv(struct small_graph *s, int x, int filters)
{
    return block_conv(s, x, filters, 3, 1, 1);
}

/* The network without channels 1 and 3 of its first group, proved right; both are freed by the
 * caller. */
static struct tn_graph *cut_of(struct small_graph *s, int y)
{
    struct tn_graph *graph = block_end(s, 1, &y);
    struct small_groups of;
    struct tn_error error;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    int keep[32], count = 0;
    assert_true(of.groups.group[0].prunable);
    for (int c = 0; c < of.groups.group[0].channels; c++)
        if (c != 1 && c != 3)
            keep[count++] = c;
    struct tn_cut cut = {.group = 0, .keep_count = count, .keep = keep};
    assert_true(cutting_compare(graph, &of.groups, 1, &cut).difference < 1e-5);
    struct tn_graph *smaller = tn_cut_channels(graph, &of.groups, 1, &cut, &error);
    small_groups_free(&of);
    return smaller;
}

static const struct tn_node *node_called(const struct tn_graph *graph, const char *name)
{
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0)
            return &graph->nodes[i];
    fail_msg("no node %s", name);
    return NULL;
}

static void assert_list(struct tn_ints list, int count, const int64_t *expected)
{
    assert_non_null(list.list);
    assert_int_equal(list.count, count);
    assert_memory_equal(list.list, expected, (size_t)count * sizeof *expected);
}

static void assert_input(const struct tn_graph *graph, const char *name, int input, int count,
                         const int64_t *expected)
{
    bool constant = true;
    assert_list(tn_ints_of(graph, node_called(graph, name), input, NULL, &constant), count,
                expected);
}

static void a_split_names_sizes_only_where_it_is_cut(void **state)
{
    (void)state;
    struct small_graph s;
    int halves[2], x = conv(&s, start(&s, 18), 8);
    block_split(&s, x, 1, 2, NULL, halves);
    assert_true(tn_node_set_int(&s.graph->nodes[1], "num_outputs", 2, NULL));
    int y = conv(&s, block_two(&s, "Add", conv(&s, halves[0], 4), conv(&s, halves[1], 4)), 6);
    block_split(&s, y, 1, 2, NULL, halves);
    assert_true(tn_node_set_int(&s.graph->nodes[s.graph->node_count - 1], "num_outputs", 2, NULL));
    y = block_classify(&s, block_two(&s, "Max", halves[0], halves[1]), 3);
    struct tn_graph *cut = cut_of(&s, y);
    assert_input(cut, "Split_1", 1, 2, (const int64_t[]){2, 4});
    assert_null(tn_node_attribute(node_called(cut, "Split_1"), "num_outputs"));
    assert_int_equal(node_called(cut, "Split_6")->input_count, 1);
    assert_int_equal(tn_node_int(node_called(cut, "Split_6"), "num_outputs", 0), 2);
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

static void an_old_split_keeps_its_sizes_in_an_attribute(void **state)
{
    (void)state;
    struct small_graph s;
    int parts[2], x = conv(&s, start(&s, 11), 8);
    block_split(&s, x, 1, 2, NULL, parts);
    int y = block_concat(&s, 1, 2, (const int[]){parts[1], parts[0]});
    struct tn_graph *cut = cut_of(&s, block_classify(&s, y, 3));
    assert_list(tn_ints_attribute(node_called(cut, "Split_1"), "split"), 2,
                (const int64_t[]){2, 4});
    assert_int_equal(node_called(cut, "Split_1")->input_count, 1);
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

static void places_of_a_slice_move_and_keep_their_type(void **state)
{
    (void)state;
    enum { INT32 = 6 };
    struct small_graph s;
    int x = conv(&s, start(&s, 13), 8);
    int y = block_slice(&s, x, 1, -6, 7, 1);
    const struct tn_node *slice = node_called(s.graph, "Slice_1");
    for (int i = 1; i < 5; i++)
        s.graph->values[slice->inputs[i]].stored_type = INT32;
    y = conv(&s, block_two(&s, "Add", block_slice(&s, y, 2, 0, 6, 1), y), 4);
    struct tn_graph *cut = cut_of(&s, block_classify(&s, y, 3));
    assert_input(cut, "Slice_1", 1, 1, (const int64_t[]){1});
    assert_input(cut, "Slice_1", 2, 1, (const int64_t[]){5});
    assert_input(cut, "Slice_2", 2, 1, (const int64_t[]){6});
    slice = node_called(cut, "Slice_1");
    for (int i = 1; i < 5; i++)
        assert_int_equal(cut->values[slice->inputs[i]].stored_type, INT32);
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

static void paddings_lose_what_goes_with_them(void **state)
{
    (void)state;
    struct small_graph s;
    int x = conv(&s, start(&s, 13), 8);
    int y = block_pad(&s, block_pad(&s, x, 1, -2, -1), 1, 3, 0);
    struct tn_graph *cut = cut_of(&s, block_classify(&s, conv(&s, y, 4), 3));
    assert_input(cut, "Pad_1", 1, 8, (const int64_t[]){0, -1, 0, 0, 0, -1, 0, 0});
    assert_input(cut, "Pad_2", 1, 8, (const int64_t[]){0, 3, 0, 0, 0, 0, 0, 0});
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

/* Two Reshapes that share their target, of which one is cut. */
static void a_shared_shape_stays_with_what_is_not_cut(void **state)
{
    (void)state;
    struct small_graph s;
    int x = conv(&s, start(&s, 13), 6), y = conv(&s, x, 6);
    const int64_t shape[] = {0, 6, 36};
    int target = small_whole_numbers(&s, "target", 3, shape), outputs[2];
    small_join(&s, "Reshape", 2, (const int[]){x, target}, 1, outputs);
    small_join(&s, "Reshape", 2, (const int[]){y, target}, 1, outputs + 1);
    struct tn_error error;
    s.last = outputs[0];
    small_node(&s, "Relu", 0, NULL);
    int a = s.last;
    s.last = outputs[1];
    small_node(&s, "Relu", 0, NULL);
    int b = s.last;
    for (int i = 0; i < s.graph->node_count; i++)
        assert_true(tn_node_infer_shape(s.graph, i, &error));
    int z = block_op(&s, "Flatten", conv(&s, block_concat(&s, 1, 2, (const int[]){a, b}), 3));
    struct tn_graph *cut = cut_of(&s, z);
    assert_input(cut, "Reshape_2", 1, 3, (const int64_t[]){0, 4, 36});
    assert_input(cut, "Reshape_3", 1, 3, shape);
    assert_int_equal(node_called(cut, "Reshape_3")->inputs[1], target);
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

static void a_squeeze_names_its_axes_once_channels_go(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_op(&s, "GlobalAveragePool", conv(&s, start(&s, 13), 6));
    int y = block_gemm(&s, block_op(&s, "Squeeze", x), 3, true);
    struct tn_graph *cut = cut_of(&s, y);
    assert_input(cut, "Squeeze_2", 1, 2, (const int64_t[]){2, 3});
    tn_graph_free(cut);
    tn_graph_free(s.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_names_sizes_only_where_it_is_cut),
        cmocka_unit_test(an_old_split_keeps_its_sizes_in_an_attribute),
        cmocka_unit_test(places_of_a_slice_move_and_keep_their_type),
        cmocka_unit_test(paddings_lose_what_goes_with_them),
        cmocka_unit_test(a_shared_shape_stays_with_what_is_not_cut),
        cmocka_unit_test(a_squeeze_names_its_axes_once_channels_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
