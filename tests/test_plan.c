/* engine: plans of networks with views, several outputs and shared weights. */
#include "core/memory.h"
#include "engine/network.h"
#include "gradients.h"
#include "small_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INTS(...)                                                                                  \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void conv(struct small_graph *small, int channels, int filters)
{
    small_conv(small, channels, filters, INTS(3, 3), INTS(1, 1), INTS(1, 1), INTS(1, 1, 1, 1), 1,
               true);
}

static int add(struct small_graph *small, const char *op_type, int count, const int *inputs)
{
    struct tn_error error = {0};
    char name[64];
    snprintf(name, sizeof name, "%s_%d", op_type, small->graph->value_count);
    int output = tn_graph_add_value(small->graph, name, NULL, &error);
    assert_true(output >= 0);
    assert_true(tn_graph_add_node(small->graph, name, op_type, count, inputs, 1, &output, &error) >=
                0);
    return small->last = output;
}

static struct tn_network *network_of(const struct tn_graph *graph, int batch, enum tn_mode mode)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new(graph, batch, mode, &error);
    if (!network)
        fail_msg("%s", error.text);
    return network;
}

/* The first output for `count` images at inference must be what training mode, in which nothing
 * shares memory and nothing is folded, makes of it. */
static void check_within(struct tn_graph *graph, int count, float tolerance)
{
    struct tn_error error = {0};
    struct tn_network *lean = network_of(graph, count, TN_INFER),
                      *roomy = network_of(graph, count, TN_TRAINING);
    tn_network_freeze(roomy); /* BatchNorm as at inference */
    size_t size = (size_t)count * gradients_image_size(graph, graph->inputs[0]);
    float *images = gradients_random(size, 4), *kept = gradients_random(size, 4);
    const float *a, *b;
    for (int times = 0; times < 2; times++) {
        assert_true(tn_network_forward(lean, images, count, NULL, &a, &error));
        assert_true(tn_network_forward(roomy, images, count, NULL, &b, &error));
        assert_int_equal(tn_network_outputs(lean), tn_network_outputs(roomy));
        for (int i = 0; i < count * tn_network_outputs(lean); i++)
            if (!(fabsf(a[i] - b[i]) <= tolerance * (1 + fabsf(b[i]))))
                fail_msg("number %d: %g, unfused %g", i, (double)a[i], (double)b[i]);
        assert_memory_equal(images, kept, size * sizeof *images);
    }
    tn_free(images);
    tn_free(kept);
    tn_network_free(lean);
    tn_network_free(roomy);
    tn_graph_free(graph);
}

static void check_reuse(struct tn_graph *graph, int count)
{
    check_within(graph, count, 1e-5f);
}

static void a_view_of_the_input_leaves_it_alone(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 3, 4, 1);
    int shape = small_whole_numbers(&small, "shape", 2, INTS(0, -1));
    int view = add(&small, "Reshape", 2, (const int[]){small.last, shape});
    int relu = add(&small, "Relu", 1, &view);
    add(&small, "Add", 2, (const int[]){view, relu});
    check_reuse(small_end(&small), 3);
}

static void an_output_may_be_a_view(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 3, 4, 2);
    conv(&small, 2, 3);
    int made = small.last;
    small_node(&small, "Flatten", 0, NULL);
    small_node(&small, "Identity", 0, NULL);
    int output = small.last;
    add(&small, "Relu", 1, &made); /* read on, and last: its memory is not the output's */
    small.last = output;
    check_reuse(small_end(&small), 3);
}

static void a_network_may_only_look_at_its_input(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 3, 4, 2);
    small_node(&small, "Flatten", 0, NULL);
    check_reuse(small_end(&small), 3);
}

static void an_output_may_be_read_on(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 3, 4, 3);
    conv(&small, 2, 4);
    assert_true(tn_graph_add_output(small.graph, small.last, &error)); /* the first: used */
    small_node(&small, "Relu", 0, NULL);
    conv(&small, 4, 4);
    small_node(&small, "Relu", 0, NULL);
    conv(&small, 4, 4);
    check_reuse(small_end(&small), 3);
}

/* A residual block, whose sum, ReLU and ReLU6 its convolutions make at inference, each on its own
 * path. The sum is of what came in and of what is made from it, in either order. */
static void check_block(int channels, int size, int kernel, int groups, bool swapped,
                        const char *path)
{
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, channels, size, size, 7);
    const int64_t pad = kernel / 2, shape[2] = {kernel, kernel}, pads[4] = {pad, pad, pad, pad};
    small_conv(&small, channels, channels, shape, INTS(1, 1), INTS(1, 1), pads, groups, true);
    int clip[2] = {small_constant(&small, "least", 0, NULL, 0, 0),
                   small_constant(&small, "most", 0, NULL, 0.5, 0)};
    small_node(&small, "Clip", 2, clip);
    int came = small.last;
    small_conv(&small, channels, channels, shape, INTS(1, 1), INTS(1, 1), pads, groups, false);
    small_norm(&small, channels);
    add(&small, "Add", 2,
        swapped ? (const int[]){small.last, came} : (const int[]){came, small.last});
    int sum = small.last;
    small_node(&small, "Relu", 0, NULL);
    add(&small, "Add", 2, (const int[]){small.last, sum}); /* the sum is read twice: ReLU stays */
    struct tn_graph *graph = small_end(&small);
    struct tn_network *network = tn_network_new(graph, 5, TN_INFER, &error);
    assert_non_null(network);
    assert_string_equal(tn_network_path(network, 0), path);
    tn_network_free(network);
    check_within(graph, 5, 1e-4f); /* Winograd's, and sums of many numbers above 1 */
}

static void sums_and_ceilings_are_made_by_the_layer(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        check_block(2, 5, 3, 1, swapped, "correlation");
        check_block(6, 7, 3, 6, swapped, "depthwise");
        check_block(5, 19, 5, 5, swapped, "depthwise");
        check_block(3, 90, 3, 3, swapped, "depthwise");
        check_block(128, 6, 1, 1, swapped, "pointwise");
        check_block(16, 8, 3, 1, swapped, "winograd");
        check_block(32, 7, 3, 1, swapped, "winograd");
    }
}

/* A step with several outputs may come after the convolution that could have added one of them. */
static void a_later_output_is_not_added_early(void **state)
{
    (void)state;
    struct small_graph small;
    int halves[2];
    small_begin(&small, 4, 3, 3, 8);
    int input = small.last;
    conv(&small, 4, 2);
    int made = small.last;
    small.last = input;
    conv(&small, 4, 4);
    struct tn_node *node = small_join(&small, "Split", 1, (const int[]){small.last}, 2, halves);
    assert_true(tn_node_set_int(node, "axis", 1, NULL));
    add(&small, "Add", 2, (const int[]){made, halves[1]});
    check_reuse(small_end(&small), 3);
}

/* A chain with a branch that is kept for long, so that memory is handed round in between. */
static void long_branches_keep_their_memory(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 3, 5, 5, 4);
    conv(&small, 3, 4);
    small_node(&small, "Relu", 0, NULL);
    int branch = small.last;
    for (int i = 0; i < 4; i++) {
        conv(&small, 4, 4);
        small_norm(&small, 4);
        small_node(&small, i % 2 ? "Relu" : "Identity", 0, NULL);
    }
    int sum = add(&small, "Add", 2, (const int[]){branch, small.last});
    int relu = add(&small, "Relu", 1, &sum);
    add(&small, "Add", 2, (const int[]){sum, relu});
    /* BatchNorm differs between the modes by design: compare with a training-mode network that has
     * none. */
    struct tn_graph *graph = small_end(&small);
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].op == TN_OP_BATCH_NORM) {
            graph->nodes[i].op = TN_OP_IDENTITY;
            graph->nodes[i].input_count = 1;
        }
    check_reuse(graph, 4);
}

/* The gradient of weights read by several nodes is the sum over them; here through a chain, so that
 * it is no matter of the order either. */
static void shared_weights_have_one_gradient(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 3, 4, 4, 5);
    int constants[2] = {small_constant(&small, "weight", 4, INTS(3, 3, 1, 1), 0, 1),
                        small_constant(&small, "bias", 1, INTS(3), 0, 1)};
    for (int i = 0; i < 3; i++)
        add(&small, "Conv", 3, (const int[]){small.last, constants[0], constants[1]});
    gradients_check(small_end(&small), 3, 0.01);
}

/* What no path joins to the first output has no gradient, and training leaves it as it is. */
static void other_outputs_are_not_trained(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 6);
    conv(&small, 2, 3);
    int trunk = small.last;
    conv(&small, 3, 3);
    assert_true(tn_graph_add_output(small.graph, small.last, &error));
    small.last = trunk;
    conv(&small, 3, 2);
    struct tn_graph *graph = small_end(&small);
    struct tn_network *network = network_of(graph, 2, TN_TRAINING);
    float *images = gradients_random(2 * 32, 1), *direction = gradients_random(2 * 48, 2);
    const float *outputs;
    assert_true(tn_network_forward(network, images, 2, NULL, &outputs, &error));
    assert_int_equal(tn_network_outputs(network), 48);
    assert_true(tn_network_backward(network, direction, &error));
    struct tn_graph *before = tn_graph_clone(graph, &error);
    tn_network_update(network, &(struct tn_sgd){.learning_rate = 0.1f, .decay = 0.5f});
    assert_true(tn_network_store(network, graph, &error));
    for (int n = 0; n < 3; n++) {
        const struct tn_tensor *old = tn_node_constant(before, &before->nodes[n], 1),
                               *new = tn_node_constant(graph, &graph->nodes[n], 1);
        assert_int_equal(memcmp(old->data, new->data, old->bytes) == 0, n == 2);
    }
    tn_graph_free(before);
    tn_network_free(network);
    tn_free(images);
    tn_free(direction);
    tn_graph_free(graph);
}

static bool note(void *context, int node, const float *input, int count, struct tn_error *error)
{
    int *seen = context;
    (void)count, (void)error;
    seen[node]++;
    return input != NULL;
}

/* Whoever collects statistics of layers sees each of them once, whatever is fused around it. */
static void observers_see_every_layer(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 12);
    conv(&small, 2, 3);
    small_norm(&small, 3);
    small_node(&small, "Relu", 0, NULL);
    int weights = small_constant(&small, "weight", 4, INTS(3, 4, 2, 2), 0, 1);
    small_node(&small, "ConvTranspose", 1, &weights);
    small_node(&small, "Relu", 0, NULL);
    weights = small_constant(&small, "weight", 2, INTS(5, 6), 0, 1);
    small_node(&small, "MatMul", 1, &weights);
    int left = small_constant(&small, "left", 2, INTS(3, 5), 0, 1);
    add(&small, "MatMul", 2, (const int[]){left, small.last});
    small_node(&small, "Flatten", 0, NULL);
    weights = small_constant(&small, "weight", 2, INTS(4 * 3 * 6, 2), 0, 1);
    small_node(&small, "Gemm", 1, &weights);
    small_node(&small, "Relu", 0, NULL);
    struct tn_graph *graph = small_end(&small);
    for (int mode = TN_INFER; mode <= TN_TRAINING; mode++) {
        struct tn_network *network = network_of(graph, 2, (enum tn_mode)mode);
        float *images = gradients_random(2 * 32, 1);
        const float *outputs;
        int seen[16] = {0};
        struct tn_observer observer = {note, seen};
        assert_true(tn_network_forward(network, images, 2, &observer, &outputs, &error));
        for (int n = 0; n < graph->node_count; n++) {
            enum tn_op op = graph->nodes[n].op;
            bool layer = op == TN_OP_CONV || op == TN_OP_CONV_TRANSPOSE || op == TN_OP_GEMM ||
                         op == TN_OP_MATMUL;
            assert_true(layer ? seen[n] == 1 : seen[n] <= 1);
        }
        tn_network_free(network);
        tn_free(images);
    }
    tn_graph_free(graph);
}

/* Refitting looks at what goes into residual sums: they must not disappear in convolutions. */
static void a_watched_network_shows_its_sums(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 13);
    int input = small.last;
    conv(&small, 2, 2);
    add(&small, "Add", 2, (const int[]){input, small.last});
    struct tn_graph *graph = small_end(&small);
    float *images = gradients_random(2 * 32, 1);
    const float *outputs;
    for (int watched = 0; watched < 2; watched++) {
        int seen[2] = {0};
        struct tn_observer observer = {note, seen};
        struct tn_network *network =
            watched ? tn_network_new_watched(graph, 2, &error) : network_of(graph, 2, TN_INFER);
        assert_non_null(network);
        assert_true(tn_network_forward(network, images, 2, &observer, &outputs, &error));
        assert_int_equal(seen[0], 1);
        assert_int_equal(seen[1], watched);
        tn_network_free(network);
    }
    tn_free(images);
    tn_graph_free(graph);
}

static void must_fail(struct tn_graph *graph, enum tn_mode mode, const char *named)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new(graph, 2, mode, &error);
    assert_null(network);
    if (!strstr(error.text, named))
        fail_msg("'%s' does not name '%s'", error.text, named);
    tn_graph_free(graph);
}

/* Large images pass through the first layers a few at a time: what is read inside of them and what
 * is read behind them must both be whole, to the bit. */
static void portions_give_the_same_bits(void **state)
{
    (void)state;
    enum { SIDE = 160, MOST = 5 };
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 3, SIDE, SIDE, 17);
    conv(&small, 3, 8);
    int early = small.last;
    conv(&small, 8, 16);
    small_node(&small, "Relu", 0, NULL);
    conv(&small, 16, 8);
    int sum = add(&small, "Add", 2, (const int[]){early, small.last});
    int pooled = add(&small, "GlobalAveragePool", 1, &sum);
    int other = add(&small, "GlobalAveragePool", 1, &early);
    add(&small, "Add", 2, (const int[]){pooled, other});
    small_node(&small, "Flatten", 0, NULL);
    struct tn_graph *graph = small_end(&small);
    struct tn_network *whole = network_of(graph, MOST, TN_INFER),
                      *portioned = tn_network_new_evaluating(graph, MOST, NULL, &error);
    assert_non_null(portioned);
    float *images = gradients_random((size_t)MOST * 3 * SIDE * SIDE, 9);
    for (int count = MOST; count >= 1; count -= 2) {
        const float *a, *b;
        int seen[16] = {0};
        struct tn_observer observer = {note, seen};
        assert_true(tn_network_forward(whole, images, count, NULL, &a, &error));
        assert_true(tn_network_forward(portioned, images, count, &observer, &b, &error));
        assert_memory_equal(a, b, sizeof(float) * 8 * (size_t)count);
        assert_int_equal(seen[1], (count + 1) / 2); /* two at a time */
    }
    tn_free(images);
    tn_network_free(whole);
    tn_network_free(portioned);
    tn_graph_free(graph);
}

static void computed_weights_are_refused_by_name(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 7);
    int input = small.last;
    int output = add(&small, "Conv", 2, (const int[]){input, input});
    assert_true(tn_graph_add_output(small.graph, output, &error));
    must_fail(small.graph, TN_INFER, "Conv whose input 2, 'input', is computed");
}

static void a_computed_bias_is_refused_by_name(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 1, 1, 8);
    int input = small.last;
    int weights = small_constant(&small, "weight", 4, INTS(2, 2, 1, 1), 0, 1);
    add(&small, "Conv", 3, (const int[]){input, weights, input});
    must_fail(small_end(&small), TN_INFER, "Conv_");
}

static void weights_that_are_also_a_statistic_are_not_trained(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 3, 3, 9);
    int one = small_constant(&small, "one", 1, INTS(2), 1, 0),
        zero = small_constant(&small, "zero", 1, INTS(2), 0, 0);
    add(&small, "BatchNormalization", 5, (const int[]){small.last, one, zero, zero, one});
    must_fail(small_end(&small), TN_TRAINING, "BatchNormalization_");
}

static void indices_of_a_maximum_are_refused_by_name(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 10);
    int outputs[2];
    for (int i = 0; i < 2; i++)
        outputs[i] = tn_graph_add_value(small.graph, i ? "where" : "most", NULL, &error);
    int node =
        tn_graph_add_node(small.graph, "pool", "MaxPool", 1, &small.last, 2, outputs, &error);
    assert_true(tn_node_set_ints(&small.graph->nodes[node], "kernel_shape", 2, INTS(2, 2), &error));
    small.last = outputs[0];
    assert_true(tn_graph_add_output(small.graph, outputs[0], &error));
    small.last = outputs[1];
    must_fail(small_end(&small), TN_INFER, "pool");
}

/* A long network is planned in no time: nothing walks it all for every node. */
static void many_nodes_are_planned(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 1, 2, 2, 11);
    for (int i = 0; i < 3000; i++) {
        int last = small.last, relu = add(&small, "Relu", 1, &last);
        add(&small, "Add", 2, (const int[]){last, relu});
    }
    struct tn_graph *graph = small_end(&small);
    struct tn_network *network = network_of(graph, 1, TN_INFER);
    assert_true(tn_network_bytes(network) < 4096); /* three activations at a time, not 6000 */
    tn_network_free(network);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_of_the_input_leaves_it_alone),
        cmocka_unit_test(an_output_may_be_a_view),
        cmocka_unit_test(a_network_may_only_look_at_its_input),
        cmocka_unit_test(an_output_may_be_read_on),
        cmocka_unit_test(sums_and_ceilings_are_made_by_the_layer),
        cmocka_unit_test(a_later_output_is_not_added_early),
        cmocka_unit_test(long_branches_keep_their_memory),
        cmocka_unit_test(shared_weights_have_one_gradient),
        cmocka_unit_test(other_outputs_are_not_trained),
        cmocka_unit_test(observers_see_every_layer),
        cmocka_unit_test(a_watched_network_shows_its_sums),
        cmocka_unit_test(portions_give_the_same_bits),
        cmocka_unit_test(computed_weights_are_refused_by_name),
        cmocka_unit_test(a_computed_bias_is_refused_by_name),
        cmocka_unit_test(weights_that_are_also_a_statistic_are_not_trained),
        cmocka_unit_test(indices_of_a_maximum_are_refused_by_name),
        cmocka_unit_test(many_nodes_are_planned),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
