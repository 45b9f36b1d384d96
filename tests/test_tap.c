/* tap: x of every kind of consumer. Each row must be what the channels, each alone, give to one and
 * the same number of the consumer's real output without its bias. */
#include "prune/tap.h"

#include "blocks.h"
#include "core/memory.h"
#include "engine/network.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LOCATIONS = 60 };

static int start(struct small_graph *s, uint64_t seed)
{
    small_begin(s, 3, 6, 6, seed);
    return s->last;
}

static int relu(struct small_graph *s, int x)
{
    return block_op(s, "Relu", x);
}

/* What a consumer reads of one image, caught on its way. */
struct caught {
    int node;
    size_t size;
    float *input;
};

static bool catch_input(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    struct caught *caught = context;
    (void)count;
    (void)error;
    if (node == caught->node)
        memcpy(caught->input, input, caught->size * sizeof *input);
    return true;
}

/* Run a graph on one random image; *numbers is released with tn_free. */
static int run(const struct tn_graph *graph, struct caught *caught, float **numbers)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new(graph, 1, TN_INFER, &error);
    if (!network)
        fail_msg("%s", error.text);
    float image[3 * 6 * 6];
    struct tn_random random;
    tn_random_seed(&random, 5, 0);
    for (size_t i = 0; i < sizeof image / sizeof image[0]; i++)
        image[i] = (float)tn_random_normal(&random);
    struct tn_observer observer = {.before = catch_input, .context = caught};
    const float *result;
    if (!tn_network_forward(network, image, 1, caught ? &observer : NULL, &result, &error))
        fail_msg("%s", error.text);
    int count = tn_network_outputs(network);
    *numbers = tn_alloc((size_t)count, sizeof **numbers);
    memcpy(*numbers, result, (size_t)count * sizeof *result);
    tn_network_free(network);
    return count;
}

/* Which position of the consumer's channel axis weight i belongs to. */
static int position_of(const struct tn_node *node, const struct tn_tensor *weights, size_t i)
{
    size_t kernel = 1, groups = (size_t)tn_node_int(node, "group", 1);
    for (int d = 2; d < weights->rank; d++)
        kernel *= (size_t)weights->dims[d];
    size_t rows = (size_t)weights->dims[0], columns = (size_t)weights->dims[1];
    size_t row = i / kernel / columns, column = i / kernel % columns;
    if (node->op == TN_OP_CONV)
        return (int)(row / (rows / groups) * columns + column);
    return (int)(node->op == TN_OP_GEMM && tn_node_int(node, "transB", 0) ? column : row);
}

/* The network up to the consumer, which reads one channel alone and has no bias. */
static struct tn_graph *reading_one(const struct tn_graph *graph,
                                    const struct tn_consumer *consumer, int channel)
{
    struct tn_graph *copy = tn_graph_clone(graph, NULL);
    struct tn_node *node = &copy->nodes[consumer->node];
    struct tn_tensor *weights = tn_tensor_copy(tn_node_constant(copy, node, 1), NULL);
    for (size_t i = 0; i < weights->count; i++) {
        if (consumer->channels[position_of(node, weights, i)] != channel)
            tn_tensor_floats(weights)[i] = 0;
    }
    tn_graph_set_constant(copy, node->inputs[1], weights);
    if (node->input_count > 2)
        node->input_count = 2;
    copy->output_count = 1;
    copy->outputs[0] = node->outputs[0];
    return copy;
}

/* Distance of a row from number `index` of the outputs [channels][numbers]. */
static double distance(const double *row, float *const *outputs, int channels, int index)
{
    double most = 0;
    for (int c = 0; c < channels; c++)
        most = fmax(most, fabs(row[c] - (double)outputs[c][index]));
    return most;
}

static void check_rows(const double *rows, float *const *outputs, int channels, int numbers)
{
    bool *met = tn_calloc((size_t)numbers, sizeof *met);
    int different = 0;
    for (int i = 0; i < LOCATIONS; i++) {
        int best = 0;
        for (int index = 1; index < numbers; index++) {
            if (distance(rows + i * channels, outputs, channels, index) <
                distance(rows + i * channels, outputs, channels, best))
                best = index;
        }
        double off = distance(rows + i * channels, outputs, channels, best);
        if (off > 1e-5)
            fail_msg("row %d is %g off all numbers of the output", i, off);
        different += !met[best];
        met[best] = true;
    }
    /* As many draws of so many numbers meet this many different ones, with room for chance. */
    double expected = numbers * (1 - pow(1 - 1.0 / numbers, LOCATIONS));
    assert_true(different > 0.6 * expected);
    tn_free(met);
}

static void check_consumer(const struct tn_graph *graph, const struct tn_group *group, int consumer)
{
    struct tn_error error = {0};
    struct tn_tap tap;
    if (!tn_tap_open(graph, group, consumer, &tap, &error))
        fail_msg("%s", error.text);
    struct caught caught = {.node = tap.node, .size = tap.input_size};
    caught.input = tn_calloc(tap.input_size, sizeof *caught.input);
    float **outputs = tn_calloc((size_t)group->channels, sizeof *outputs);
    int numbers = 0;
    for (int c = 0; c < group->channels; c++) {
        struct tn_graph *one = reading_one(graph, &group->consumers[consumer], c);
        numbers = run(one, &caught, &outputs[c]);
        tn_graph_free(one);
    }
    double *rows = tn_calloc((size_t)(LOCATIONS * group->channels), sizeof *rows);
    tn_tap_image(&tap, caught.input, 9, 0, LOCATIONS, rows);
    check_rows(rows, outputs, group->channels, numbers);
    for (int c = 0; c < group->channels; c++)
        tn_free(outputs[c]);
    tn_free(outputs);
    tn_free(caught.input);
    tn_free(rows);
}

/* Every consumer of every group that can be pruned; takes the graph over. */
static void check(struct small_graph *s, int y, int consumers)
{
    struct tn_graph *graph = block_end(s, 1, &y);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    for (int g = 0; g < of.groups.count; g++) {
        const struct tn_group *group = &of.groups.group[g];
        for (int c = 0; group->prunable && c < group->consumer_count; c++, consumers--)
            check_consumer(graph, group, c);
    }
    assert_int_equal(consumers, 0);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void convolutions_with_stride_and_products(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 1), 5, 3, 1, 1));
    x = relu(&s, block_conv(&s, x, 4, 3, 2, 1));
    check(&s, block_classify(&s, x, 3), 2);
}

static void convolutions_in_groups(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 2), 12, 3, 1, 1));
    x = relu(&s, block_conv(&s, x, 8, 3, 1, 2));
    x = relu(&s, block_conv(&s, x, 16, 3, 1, 8));
    check(&s, block_classify(&s, relu(&s, block_conv(&s, x, 4, 1, 1, 1)), 3), 3);
}

static void convolutions_back(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 3), 5, 3, 2, 1));
    x = relu(&s, block_deconv(&s, x, 4, 1));
    check(&s, block_classify(&s, x, 3), 2);
}

static void convolutions_of_sequences(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 4), 5, 3, 1, 1));
    x = block_reshape(&s, x, 3, (const int64_t[]){0, 5, -1});
    x = relu(&s, block_conv(&s, x, 4, 3, 2, 1));
    check(&s, block_classify(&s, x, 3), 2);
}

static void products_with_channels_last(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 5), 5, 3, 1, 1));
    x = block_transpose(&s, x, 4, (const int64_t[]){0, 2, 3, 1});
    x = relu(&s, block_matmul(&s, x, 6));
    x = block_matmul(&s, x, 4);
    x = block_transpose(&s, x, 4, (const int64_t[]){0, 3, 1, 2});
    check(&s, block_classify(&s, x, 3), 3);
}

static void products_of_flattened_channels(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 6), 5, 3, 2, 1));
    x = relu(&s, block_gemm(&s, block_op(&s, "Flatten", x), 7, false));
    struct tn_node *node;
    x = block_gemm(&s, x, 6, true);
    node = &s.graph->nodes[s.graph->node_count - 1];
    assert_true(tn_node_set_float(node, "alpha", 0.5f, NULL));
    check(&s, block_gemm(&s, relu(&s, x), 3, true), 3);
}

static void readers_of_parts(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 7), 8, 3, 1, 1)), halves[2];
    block_split(&s, x, 1, 2, (const int64_t[]){3, 5}, halves);
    int a = relu(&s, block_conv(&s, halves[0], 4, 3, 1, 1));
    int b = block_concat(&s, 1, 3, (const int[]){a, halves[1], halves[1]});
    /* The first is read in one half by a convolution, in the other twice by the last layer. */
    check(&s, block_classify(&s, b, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_with_stride_and_products),
        cmocka_unit_test(convolutions_in_groups),
        cmocka_unit_test(convolutions_back),
        cmocka_unit_test(convolutions_of_sequences),
        cmocka_unit_test(products_with_channels_last),
        cmocka_unit_test(products_of_flattened_channels),
        cmocka_unit_test(readers_of_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
