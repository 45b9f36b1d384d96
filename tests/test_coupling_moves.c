/* Channels that are moved to other axes and places, and what works on them there. What goes with
 * what, and that it can go. */
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
    s->graph->info.opset = 17;
    return s->last;
}

static int relu(struct small_graph *s, int x)
{
    return block_op(s, "Relu", x);
}

static int conv(struct small_graph *s, int x, int filters)
{
    return block_conv(s, x, filters, 3, 1, 1);
}

/* The last layers of a network of which the two scopes are the same. */
static void end(struct small_graph *s, int x, const char *groups, int prunable)
{
    int y = block_classify(s, x, 3);
    cutting_both_scopes(block_end(s, 1, &y), groups, prunable, NULL, 0);
}

static void a_block_with_channels_last_is_followed(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 1), 8));
    for (int i = 0; i < 2; i++) {
        int y = block_conv(&s, x, 8, 3, 1, 8);
        y = block_transpose(&s, y, 4, (const int64_t[]){0, 2, 3, 1});
        y = i == 0 ? block_along(&s, "LayerNormalization", y, 3) : y;
        y = block_each(&s, "Add", block_matmul(&s, y, 10), 3, true);
        y = block_matmul(&s, block_op(&s, "Gelu", y), 8);
        y = block_each(&s, "Mul", block_each(&s, "Add", y, 3, false), 3, false);
        x = block_two(&s, "Add", x, block_transpose(&s, y, 4, (const int64_t[]){0, 3, 1, 2}));
    }
    int y = block_classify(&s, x, 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 8: Conv_0; through Conv_2:8, Add_9:8, Mul_10:8, Add_19:8, Mul_20:8; to Gemm_25: "
        "node LayerNormalization_4 normalises across its channels: removing one would change the "
        "others\n"
        "MatMul_5 10: MatMul_5; through Add_6:10; to MatMul_8:10\n"
        "MatMul_8 8: MatMul_8; through Add_9:8, Mul_10:8, Add_19:8, Mul_20:8; to Gemm_25: node "
        "LayerNormalization_4 normalises across its channels: removing one would change the "
        "others\n"
        "Conv_13 8: Conv_13; to MatMul_15: node LayerNormalization_4 normalises across its "
        "channels: removing one would change the others\n"
        "MatMul_15 10: MatMul_15; through Add_16:10; to MatMul_18:10\n"
        "MatMul_18 8: MatMul_18; through Add_19:8, Mul_20:8; to Gemm_25: node LayerNormalization_4 "
        "normalises across its channels: removing one would change the others\n"
        "Gemm_25 3: Gemm_25: its filters are the network's outputs\n",
        2,
        "Conv_0 8: Conv_0, MatMul_8, MatMul_18; through Conv_2:8, Add_9:8, Mul_10:8, Add_19:8, "
        "Mul_20:8; to Gemm_25: node LayerNormalization_4 normalises across its channels: removing "
        "one would change the others\n"
        "MatMul_5 10: MatMul_5; through Add_6:10; to MatMul_8:10\n"
        "Conv_13 8: Conv_13; to MatMul_15: node LayerNormalization_4 normalises across its "
        "channels: removing one would change the others\n"
        "MatMul_15 10: MatMul_15; through Add_16:10; to MatMul_18:10\n"
        "Gemm_25 3: Gemm_25: its filters are the network's outputs\n",
        2);
}

static void without_layer_norm_the_stream_can_go(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 2), 8));
    int y = block_transpose(&s, x, 4, (const int64_t[]){0, 2, 3, 1});
    y = block_matmul(&s, relu(&s, block_each(&s, "Add", block_matmul(&s, y, 5), 3, false)), 8);
    y = block_each(&s, "Mul", y, 3, false);
    y = block_two(&s, "Add", x, block_transpose(&s, y, 4, (const int64_t[]){0, 3, 1, 2}));
    y = block_classify(&s, y, 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 8: Conv_0; through Mul_7:8; to MatMul_3, Gemm_12: its output is added to another "
        "at node Add_9 (scope=all prunes such streams)\n"
        "MatMul_3 5: MatMul_3; through Add_4:5; to MatMul_6:5\n"
        "MatMul_6 8: MatMul_6; through Mul_7:8; to Gemm_12: its output is added to another at "
        "node Add_9 (scope=all prunes such streams)\n"
        "Gemm_12 3: Gemm_12: its filters are the network's outputs\n",
        1,
        "Conv_0 8: Conv_0, MatMul_6; through Mul_7:8; to MatMul_3:8, Gemm_12:8\n"
        "MatMul_3 5: MatMul_3; through Add_4:5; to MatMul_6:5\n"
        "Gemm_12 3: Gemm_12: its filters are the network's outputs\n",
        2);
}

static void flattened_channels_are_many_features(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_pool(&s, "MaxPool", relu(&s, conv(&s, start(&s, 3), 4)));
    x = block_gemm(&s, block_op(&s, "Flatten", x), 6, false);
    int y = block_gemm(&s, relu(&s, x), 3, true);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 4: Conv_0; to Gemm_4:36\n"
                        "Gemm_4 6: Gemm_4; to Gemm_6:6\n"
                        "Gemm_6 3: Gemm_6: its filters are the network's outputs\n",
                        2, NULL, 0);
}

static void features_made_into_images_are_channels(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_op(&s, "Flatten", block_pool(&s, "MaxPool", start(&s, 4)));
    x = relu(&s, block_gemm(&s, x, 24, true));
    x = block_reshape(&s, x, 4, (const int64_t[]){-1, 6, 2, 2});
    end(&s, conv(&s, x, 4),
        "Gemm_2 6: Gemm_2; to Conv_5:6\n"
        "Conv_5 4: Conv_5; to Gemm_8:4\n"
        "Gemm_8 3: Gemm_8: its filters are the network's outputs\n",
        2);
}

static void a_permutation_is_cut_where_it_is_written(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 5), 6));
    x = block_gather(&s, x, 1, 7, (const int64_t[]){3, 1, -1, 0, 2, 4, 1});
    end(&s, relu(&s, conv(&s, x, 4)),
        "Conv_0 6: Conv_0; to Conv_3:7\n"
        "Conv_3 4: Conv_3; to Gemm_7:4\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        2);
}

static void parts_of_a_tensor_keep_one_channel_each(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 6), 8));
    int a = conv(&s, block_slice(&s, x, 1, 0, 3, 1), 4);
    int b = conv(&s, block_slice(&s, x, 1, -5, 1000, 1), 4);
    end(&s, relu(&s, block_concat(&s, 1, 2, (const int[]){a, b})),
        "Conv_0 8 (2 fixed): Conv_0; to Conv_3:3, Conv_5:5\n"
        "Conv_3 4: Conv_3; to Gemm_10:4/8\n"
        "Conv_5 4: Conv_5; to Gemm_10:4/8\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        3);
}

static void every_other_channel_cannot_be_followed(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 7), 8));
    x = relu(&s, conv(&s, block_slice(&s, x, 1, 0, 8, 2), 5));
    end(&s, x,
        "Conv_0 8: Conv_0: node Slice_2 takes every other of its channels\n"
        "Conv_3 5: Conv_3; to Gemm_7:5\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        1);
}

static void means_keep_their_channels(void **state)
{
    (void)state;
    struct small_graph s;
    static const int64_t axes[] = {2, -1};
    int x = relu(&s, conv(&s, start(&s, 8), 6));
    x = relu(&s, block_conv(&s, block_reduce(&s, "ReduceMean", x, 2, axes, true), 5, 1, 1, 1));
    x = block_reduce(&s, "ReduceSum", x, 2, axes, false);
    int y = block_matmul(&s, x, 3);
    cutting_both_scopes(block_end(&s, 1, &y),
                        "Conv_0 6: Conv_0; to Conv_3:6\n"
                        "Conv_3 5: Conv_3; to MatMul_6:5\n"
                        "MatMul_6 3: MatMul_6: its filters are the network's outputs\n",
                        2, NULL, 0);
}

static void a_mean_over_channels_holds_them(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 9), 6));
    int mean = block_reduce(&s, "ReduceMean", x, 1, (const int64_t[]){1}, true);
    end(&s, conv(&s, block_two(&s, "Sub", x, mean), 4),
        "Conv_0 6: Conv_0; to Conv_4: node ReduceMean_2 sums over its channels\n"
        "Conv_4 4: Conv_4; to Gemm_7:4\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        1);
}

static void normalisations_of_each_channel_go_with_it(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_instance_norm(&s, conv(&s, start(&s, 10), 6));
    x = block_each(&s, "PRelu", x, 1, false);
    x = block_along(&s, "LayerNormalization", conv(&s, x, 5), 2);
    end(&s, relu(&s, conv(&s, x, 4)),
        "Conv_0 6: Conv_0; through InstanceNormalization_1:6, PRelu_2:6; to Conv_3:6\n"
        "Conv_3 5: Conv_3; to Conv_5:5\n"
        "Conv_5 4: Conv_5; to Gemm_9:4\n"
        "Gemm_9 3: Gemm_9: its filters are the network's outputs\n",
        3);
}

static void a_group_normalisation_leaves_whole_groups(void **state)
{
    (void)state;
    struct small_graph s;
    int x = conv(&s, start(&s, 11), 12);
    x = block_instance_norm(&s, block_reshape(&s, x, 3, (const int64_t[]){0, 3, -1}));
    x = block_reshape(&s, x, 4, (const int64_t[]){0, 12, 6, 6});
    x = block_each(&s, "Add", block_each(&s, "Mul", x, 1, false), 1, false);
    end(&s, relu(&s, conv(&s, x, 4)),
        "Conv_0 3: Conv_0; through InstanceNormalization_2:3, Mul_4:12, Add_5:12; to Conv_6:12\n"
        "Conv_6 4: Conv_6; to Gemm_10:4\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        2);
}

static void constants_of_each_channel_go_with_it(void **state)
{
    (void)state;
    struct small_graph s;
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Min", "Max"};
    int x = conv(&s, start(&s, 12), 6);
    for (int i = 0; i < 6; i++)
        x = block_each(&s, ops[i], x, 1, i < 2);
    end(&s, conv(&s, x, 4),
        "Conv_0 6: Conv_0; through Add_1:6, Sub_2:6, Mul_3:6, Div_4:6, Min_5:6, Max_6:6; to "
        "Conv_7:6\n"
        "Conv_7 4: Conv_7; to Gemm_10:4\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        2);
}

static void convolutions_back_and_resizing_are_followed(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_pool(&s, "AveragePool", relu(&s, conv(&s, start(&s, 23), 6)));
    x = relu(&s, block_deconv(&s, x, 8, 1));
    x = relu(&s, block_deconv(&s, x, 8, 4));
    x = relu(&s, conv(&s, block_resize(&s, x, true), 5));
    end(&s, conv(&s, block_resize(&s, x, false), 4),
        "Conv_0 6: Conv_0; to ConvTranspose_3:6\n"
        "ConvTranspose_3 4: ConvTranspose_3; through ConvTranspose_5:8; to Conv_8:8\n"
        "Conv_8 5: Conv_8; to Conv_11:5\n"
        "Conv_11 4: Conv_11; to Gemm_14:4\n"
        "Gemm_14 3: Gemm_14: its filters are the network's outputs\n",
        4);
}

static void channels_that_become_pixels_go_by_fours(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 17), 12));
    x = relu(&s, conv(&s, block_depth(&s, "DepthToSpace", x, false), 16));
    x = relu(&s, conv(&s, block_depth(&s, "DepthToSpace", x, true), 3));
    x = relu(&s, conv(&s, block_depth(&s, "SpaceToDepth", x, false), 4));
    end(&s, x,
        "Conv_0 3: Conv_0; to Conv_3:3\n"
        "Conv_3 4: Conv_3; to Conv_6:4\n"
        "Conv_6 3: Conv_6; to Conv_9:12\n"
        "Conv_9 4: Conv_9; to Gemm_13:4\n"
        "Gemm_13 3: Gemm_13: its filters are the network's outputs\n",
        4);
}

static void sequences_are_convolved_as_images(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 24), 6));
    x = block_reshape(&s, x, 3, (const int64_t[]){0, 6, 36});
    x = relu(&s, block_norm(&s, conv(&s, x, 5)));
    x = relu(&s, conv(&s, x, 4));
    end(&s, x,
        "Conv_0 6: Conv_0; to Conv_3:6\n"
        "Conv_3 5: Conv_3; through BatchNormalization_4:5; to Conv_6:5\n"
        "Conv_6 4: Conv_6; to Gemm_10:4\n"
        "Gemm_10 3: Gemm_10: its filters are the network's outputs\n",
        3);
}

static void channels_one_above_the_other_are_the_same(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, conv(&s, start(&s, 15), 6)), y = conv(&s, x, 6);
    x = block_concat(&s, 2, 2, (const int[]){x, y});
    y = block_classify(&s, conv(&s, x, 4), 3);
    cutting_both_scopes(
        block_end(&s, 1, &y),
        "Conv_0 6: Conv_0; to Conv_2, Conv_4: its filters are tied to another layer's at node "
        "Concat_3 (scope=all prunes such streams)\n"
        "Conv_2 6: Conv_2; to Conv_2, Conv_4: its filters are tied to another layer's at node "
        "Concat_3 (scope=all prunes such streams)\n"
        "Conv_4 4: Conv_4; to Gemm_7:4\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        1,
        "Conv_0 6: Conv_0, Conv_2; to Conv_2:6, Conv_4:6\n"
        "Conv_4 4: Conv_4; to Gemm_7:4\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        2);
}

static void a_softmax_over_channels_holds_them(void **state)
{
    (void)state;
    struct small_graph s;
    int x = block_along(&s, "Softmax", conv(&s, start(&s, 16), 6), 1);
    end(&s, conv(&s, block_along(&s, "Softmax", conv(&s, x, 5), 3), 4),
        "Conv_0 6: Conv_0: node Softmax_1 normalises across its channels\n"
        "Conv_2 5: Conv_2; to Conv_4:5\n"
        "Conv_4 4: Conv_4; to Gemm_7:4\n"
        "Gemm_7 3: Gemm_7: its filters are the network's outputs\n",
        2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_with_channels_last_is_followed),
        cmocka_unit_test(without_layer_norm_the_stream_can_go),
        cmocka_unit_test(flattened_channels_are_many_features),
        cmocka_unit_test(features_made_into_images_are_channels),
        cmocka_unit_test(a_permutation_is_cut_where_it_is_written),
        cmocka_unit_test(parts_of_a_tensor_keep_one_channel_each),
        cmocka_unit_test(every_other_channel_cannot_be_followed),
        cmocka_unit_test(means_keep_their_channels),
        cmocka_unit_test(a_mean_over_channels_holds_them),
        cmocka_unit_test(normalisations_of_each_channel_go_with_it),
        cmocka_unit_test(a_group_normalisation_leaves_whole_groups),
        cmocka_unit_test(constants_of_each_channel_go_with_it),
        cmocka_unit_test(convolutions_back_and_resizing_are_followed),
        cmocka_unit_test(channels_that_become_pixels_go_by_fours),
        cmocka_unit_test(sequences_are_convolved_as_images),
        cmocka_unit_test(channels_one_above_the_other_are_the_same),
        cmocka_unit_test(a_softmax_over_channels_holds_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
