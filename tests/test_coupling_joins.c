/* Channels that come together and part again: concatenation, split, shuffle, groups of a
 * convolution, gates, padded shortcuts. What goes with what, and that it can go. */
#include "blocks.h"
#include "cutting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int start(struct small_graph *s, uint64_t seed)
{
    small_begin(s, 3, 6, 6, seed);
    return s->last;
}

static int relu(struct small_graph *s, int x)
{
    return block_op(s, "Relu", x);
}

static int conv(struct small_graph *s, int x, int filters, int kernel)
{
    return block_conv(s, x, filters, kernel, 1, 1);
}

static void in_a_dense_block_each_layer_reads_all_before(void **state)
{
    (void)state;
    struct small_graph s;
    int x = conv(&s, start(&s, 1), 6, 3);
    for (int i = 0; i < 2; i++) {
        int y = conv(&s, relu(&s, block_norm(&s, x)), 5, 1);
        y = conv(&s, relu(&s, block_norm(&s, y)), 4, 3);
        x = block_concat(&s, 1, 2, (const int[]){x, y});
    }
    int y = block_classify(&s, relu(&s, block_norm(&s, x)), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 6: Conv_0; through BatchNormalization_1:6, BatchNormalization_8:6, "
        "BatchNormalization_15:6; to Conv_3:6, Conv_10:6/10, Gemm_19:6/14\n"
        "Conv_3 5: Conv_3; through BatchNormalization_4:5; to Conv_6:5\n"
        "Conv_6 4: Conv_6; through BatchNormalization_8:4, BatchNormalization_15:4; to "
        "Conv_10:4/10, Gemm_19:4/14\n"
        "Conv_10 5: Conv_10; through BatchNormalization_11:5; to Conv_13:5\n"
        "Conv_13 4: Conv_13; through BatchNormalization_15:4; to Gemm_19:4/14\n"
        "Gemm_19 3: Gemm_19: its filters are the network's outputs\n",
        5, NULL, 0);
}

static void branches_of_an_inception_block_are_parts_of_what_is_read(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 20), 6, 3)), parts[3];
    parts[0] = relu(&s, conv(&s, x, 4, 1));
    parts[1] = relu(&s, conv(&s, relu(&s, conv(&s, x, 3, 1)), 5, 3));
    parts[2] = relu(&s, conv(&s, x, 2, 1));
    int y = block_concat(&s, 1, 3, parts);
    y = block_classify(&s, relu(&s, conv(&s, y, 4, 3)), 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 6: Conv_0; to Conv_2:6, Conv_4:6, Conv_8:6\n"
                        "Conv_2 4: Conv_2; to Conv_11:4/11\n"
                        "Conv_4 3: Conv_4; to Conv_6:3\n"
                        "Conv_6 5: Conv_6; to Conv_11:5/11\n"
                        "Conv_8 2: Conv_8; to Conv_11:2/11\n"
                        "Conv_11 4: Conv_11; to Gemm_15:4\n"
                        "Gemm_15 3: Gemm_15: its filters are the network's outputs\n",
                        6, NULL, 0);
}

static void halves_that_are_split_and_joined_stay_apart(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 3), 8, 3)), halves[2];
    block_split(&s, x, 1, 2, NULL, halves);
    halves[1] = relu(&s, conv(&s, halves[1], 5, 3));
    x = block_concat(&s, 1, 2, halves);
    block_split(&s, x, 1, 2, (const int64_t[]){2, 7}, halves);
    int y = block_concat(&s, 1, 2, (const int[]){conv(&s, halves[0], 3, 1), halves[1]});
    y = block_classify(&s, y, 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 8 (3 fixed): Conv_0; to Conv_3:4, Conv_7:2, Gemm_11:2/10\n"
                        "Conv_3 5: Conv_3; to Gemm_11:5/10\n"
                        "Conv_7 3: Conv_7; to Gemm_11:3/10\n"
                        "Gemm_11 3: Gemm_11: its filters are the network's outputs\n",
                        3, NULL, 0);
}

static void of_halves_that_are_added_each_filter_ties_two(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 4), 8, 3)), halves[2];
    block_split(&s, x, 1, 2, NULL, halves);
    int y = block_classify(&s, block_two(&s, "Add", halves[0], halves[1]), 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 4: Conv_0; to Gemm_6:4\n"
                        "Gemm_6 3: Gemm_6: its filters are the network's outputs\n",
                        1, NULL, 0);
}

static void shuffled_channels_go_in_pairs(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 5), 16, 3));
    for (int i = 0; i < 3; i++) {
        int halves[2];
        block_split(&s, x, 1, 2, NULL, halves);
        int y = relu(&s, block_norm(&s, conv(&s, halves[1], 8, 1)));
        y = block_norm(&s, block_conv(&s, y, 8, 3, 1, 8));
        halves[1] = relu(&s, conv(&s, y, 8, 1));
        x = block_shuffle(&s, block_concat(&s, 1, 2, halves), 2);
    }
    int y = block_classify(&s, x, 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 16: Conv_0; to Conv_3, Conv_15, Conv_27, Gemm_40: its filters are tied to "
        "another layer's at node Reshape_11 (scope=all prunes such streams)\n"
        "Conv_3 8: Conv_3; through BatchNormalization_4:8, Conv_6:8, BatchNormalization_7:8; to "
        "Conv_8:8\n"
        "Conv_8 8: Conv_8; to Conv_15, Conv_27, Gemm_40: its filters are tied to another layer's "
        "at node Reshape_11 (scope=all prunes such streams)\n"
        "Conv_15 8: Conv_15; through BatchNormalization_16:8, Conv_18:8, "
        "BatchNormalization_19:8; to Conv_20:8\n"
        "Conv_20 8: Conv_20; to Conv_27, Gemm_40: its filters are tied to another layer's at "
        "node Reshape_11 (scope=all prunes such streams)\n"
        "Conv_27 8: Conv_27; through BatchNormalization_28:8, Conv_30:8, "
        "BatchNormalization_31:8; to Conv_32:8\n"
        "Conv_32 8: Conv_32; to Gemm_40: its filters are tied to another layer's at node "
        "Reshape_11 (scope=all prunes such streams)\n"
        "Gemm_40 3: Gemm_40: its filters are the network's outputs\n",
        3,
        "Conv_0 16 (4 fixed): Conv_0, Conv_8, Conv_20, Conv_32; to Conv_3:8, Conv_15:8, "
        "Conv_27:8, Gemm_40:16\n"
        "Conv_3 8: Conv_3; through BatchNormalization_4:8, Conv_6:8, BatchNormalization_7:8; to "
        "Conv_8:8\n"
        "Conv_15 8: Conv_15; through BatchNormalization_16:8, Conv_18:8, "
        "BatchNormalization_19:8; to Conv_20:8\n"
        "Conv_27 8: Conv_27; through BatchNormalization_28:8, Conv_30:8, "
        "BatchNormalization_31:8; to Conv_32:8\n"
        "Gemm_40 3: Gemm_40: its filters are the network's outputs\n",
        4);
}

static void a_shuffle_of_grouped_products_keeps_its_groups(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 6), 16, 3));
    int y = relu(&s, block_conv(&s, x, 16, 1, 1, 2));
    y = block_conv(&s, block_shuffle(&s, y, 2), 16, 3, 1, 16);
    y = block_conv(&s, y, 16, 1, 1, 2);
    y = block_classify(&s, relu(&s, block_two(&s, "Add", x, y)), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 16: Conv_0; to Conv_2, Gemm_13: its output is added to another at node Add_9 "
        "(scope=all prunes such streams)\n"
        "Conv_2 4: Conv_2; through Conv_7:16; to Conv_8:16\n"
        "Conv_8 16: Conv_8; to Gemm_13: its output is added to another at node Add_9 (scope=all "
        "prunes such streams)\n"
        "Gemm_13 3: Gemm_13: its filters are the network's outputs\n",
        1,
        "Conv_0 8: Conv_0, Conv_8; to Conv_2:16, Gemm_13:16\n"
        "Conv_2 4: Conv_2; through Conv_7:16; to Conv_8:16\n"
        "Gemm_13 3: Gemm_13: its filters are the network's outputs\n",
        2);
}

static void depthwise_filters_go_with_the_channel_they_read(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 7), 5, 3));
    x = relu(&s, block_norm(&s, block_conv(&s, x, 10, 3, 1, 5)));
    int y = block_classify(&s, relu(&s, conv(&s, x, 4, 1)), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 5: Conv_0; through Conv_2:10, BatchNormalization_3:10; to Conv_5:10\n"
        "Conv_5 4: Conv_5; to Gemm_9:4\n"
        "Gemm_9 3: Gemm_9: its filters are the network's outputs\n",
        2, NULL, 0);
}

static void many_narrow_groups_go_whole(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 8), 32, 1));
    x = relu(&s, block_norm(&s, block_conv(&s, x, 32, 3, 1, 8)));
    int y = block_classify(&s, relu(&s, conv(&s, x, 6, 1)), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 8: Conv_0; through Conv_2:32, BatchNormalization_3:32; to Conv_5:32\n"
        "Conv_5 6: Conv_5; to Gemm_9:6\n"
        "Gemm_9 3: Gemm_9: its filters are the network's outputs\n",
        2, NULL, 0);
}

static void few_wide_groups_lose_the_same_number_each(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 9), 16, 1));
    x = relu(&s, block_norm(&s, block_conv(&s, x, 16, 3, 1, 2)));
    int y = block_classify(&s, relu(&s, conv(&s, x, 6, 1)), 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 8: Conv_0; to Conv_2:16\n"
                        "Conv_2 8: Conv_2; through BatchNormalization_3:16; to Conv_5:16\n"
                        "Conv_5 6: Conv_5; to Gemm_9:6\n"
                        "Gemm_9 3: Gemm_9: its filters are the network's outputs\n",
                        3, NULL, 0);
}

static void a_gate_goes_with_what_it_gates(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 10), 8, 3));
    int y = block_squeeze(&s, relu(&s, conv(&s, x, 6, 3)), 4);
    y = block_two(&s, "Add", x, block_squeeze(&s, conv(&s, y, 8, 1), 3));
    y = block_classify(&s, relu(&s, y), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 8: Conv_0; to Conv_2, Conv_12, Gemm_21: its output is added to another at node "
        "Add_17 (scope=all prunes such streams)\n"
        "Conv_2 6: Conv_2, Conv_7; to Conv_5:6, Conv_10:6\n"
        "Conv_5 4: Conv_5; to Conv_7:4\n"
        "Conv_10 8: Conv_10; to Conv_12, Gemm_21: its output is added to another at node Add_17 "
        "(scope=all prunes such streams)\n"
        "Conv_12 3: Conv_12; to Conv_14:3\n"
        "Conv_14 8: Conv_14; to Gemm_21: its output is added to another at node Add_17 "
        "(scope=all prunes such streams)\n"
        "Gemm_21 3: Gemm_21: its filters are the network's outputs\n",
        3,
        "Conv_0 8: Conv_0, Conv_10, Conv_14; to Conv_2:8, Conv_12:8, Gemm_21:8\n"
        "Conv_2 6: Conv_2, Conv_7; to Conv_5:6, Conv_10:6\n"
        "Conv_5 4: Conv_5; to Conv_7:4\n"
        "Conv_12 3: Conv_12; to Conv_14:3\n"
        "Gemm_21 3: Gemm_21: its filters are the network's outputs\n",
        4);
}

static void a_padded_shortcut_joins_streams_of_two_widths(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 11), 4, 3));
    int y = conv(&s, relu(&s, conv(&s, x, 6, 3)), 8, 3);
    y = block_classify(&s, relu(&s, block_two(&s, "Add", y, block_pad(&s, x, 1, 2, 2))), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 4: Conv_0; to Conv_2, Gemm_10: its output is added to another at node Add_6 "
        "(scope=all prunes such streams)\n"
        "Conv_2 6: Conv_2; to Conv_4:6\n"
        "Conv_4 8: Conv_4; to Gemm_10: its output is added to another at node Add_6 (scope=all "
        "prunes such streams)\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        1,
        "Conv_0 8 (1 fixed): Conv_0, Conv_4; to Conv_2:4, Gemm_10:8\n"
        "Conv_2 6: Conv_2; to Conv_4:6\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        2);
}

static void a_channel_twice_in_one_tensor_goes_from_both_places(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 12), 6, 3));
    x = block_two(&s, "Add", x, x);
    int y = block_concat(&s, 1, 3, (const int[]){x, x, conv(&s, x, 4, 1)});
    y = block_classify(&s, y, 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 6: Conv_0; to Conv_3:6, Gemm_7:12/16\n"
                        "Conv_3 4: Conv_3; to Gemm_7:4/16\n"
                        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
                        2, NULL, 0);
}

static void what_is_joined_to_the_input_goes_alone(void **state)
{
    (void)state;
    struct small_graph s;
    int input = start(&s, 13), x = relu(&s, conv(&s, input, 6, 3));
    int y = block_concat(&s, 1, 2, (const int[]){input, x});
    y = relu(&s, conv(&s, y, 5, 3));
    y = block_classify(&s, y, 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 6: Conv_0; to Conv_3:6/9\n"
                        "Conv_3 5: Conv_3; to Gemm_7:5\n"
                        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
                        2, NULL, 0);
}

static void only_the_channels_that_are_an_output_must_stay(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 14), 8, 3)), halves[2], outputs[3];
    block_split(&s, x, 1, 2, (const int64_t[]){3, 5}, halves);
    outputs[0] = block_classify(&s, halves[1], 3);
    outputs[1] = block_op(&s, "Flatten", halves[0]);
    outputs[2] = block_classify(&s, relu(&s, conv(&s, x, 4, 1)), 2);
    cutting_both_scopes(block_end(&s, 3, outputs),
                        "Conv_0 8 (4 fixed): Conv_0; to Gemm_5:5, Conv_7:8\n"
                        "Gemm_5 3: Gemm_5: its filters are the network's outputs\n"
                        "Conv_7 4: Conv_7; to Gemm_11:4\n"
                        "Gemm_11 2: Gemm_11: its filters are the network's outputs\n",
                        2, NULL, 0);
}

static void an_output_that_is_read_on_stays(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 15), 6, 3)), outputs[2];
    x = relu(&s, conv(&s, x, 4, 3));
    outputs[0] = block_classify(&s, x, 3);
    outputs[1] = block_op(&s, "Flatten", block_pool(&s, "MaxPool", x));
    cutting_both_scopes(block_end(&s, 2, outputs),
                        "Conv_0 6: Conv_0; to Conv_2:6\n"
                        "Conv_2 4: Conv_2; to Gemm_6: its filters are the network's outputs\n"
                        "Gemm_6 3: Gemm_6: its filters are the network's outputs\n",
                        1, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_dense_block_each_layer_reads_all_before),
        cmocka_unit_test(branches_of_an_inception_block_are_parts_of_what_is_read),
        cmocka_unit_test(halves_that_are_split_and_joined_stay_apart),
        cmocka_unit_test(of_halves_that_are_added_each_filter_ties_two),
        cmocka_unit_test(shuffled_channels_go_in_pairs),
        cmocka_unit_test(a_shuffle_of_grouped_products_keeps_its_groups),
        cmocka_unit_test(depthwise_filters_go_with_the_channel_they_read),
        cmocka_unit_test(many_narrow_groups_go_whole),
        cmocka_unit_test(few_wide_groups_lose_the_same_number_each),
        cmocka_unit_test(a_gate_goes_with_what_it_gates),
        cmocka_unit_test(a_padded_shortcut_joins_streams_of_two_widths),
        cmocka_unit_test(a_channel_twice_in_one_tensor_goes_from_both_places),
        cmocka_unit_test(what_is_joined_to_the_input_goes_alone),
        cmocka_unit_test(only_the_channels_that_are_an_output_must_stay),
        cmocka_unit_test(an_output_that_is_read_on_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
