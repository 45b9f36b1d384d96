/* engine: what training needs in memory, batches in pieces, activations that are made again. */
#include "core/memory.h"
#include "engine/network.h"
#include "engine/train_memory.h"
#include "gradients.h"
#include "model/zoo.h"
#include "small_data.h"
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

enum { CHANNELS = 6, SIDE = 8, BATCH = 7, BLOCKS = 6, CLASSES = 5 };

static void conv(struct small_graph *small, int channels)
{
    small_conv(small, channels, CHANNELS, INTS(3, 3), INTS(1, 1), INTS(1, 1), INTS(1, 1, 1, 1), 1,
               true);
}

/* Over the batch, or over each image. */
static void norm(struct small_graph *small, bool batch)
{
    if (batch) {
        small_norm(small, CHANNELS);
        return;
    }
    int constants[2] = {small_constant(small, "scale", 1, INTS(CHANNELS), 1, 0.1),
                        small_constant(small, "shift", 1, INTS(CHANNELS), 0, 0.1)};
    small_node(small, "InstanceNormalization", 2, constants);
}

/* Residual blocks with dropout, then a classifier. */
static struct tn_graph *blocks(bool norms)
{
    struct small_graph small;
    small_begin(&small, 3, SIDE, SIDE, 5);
    conv(&small, 3);
    for (int b = 0; b < BLOCKS; b++) {
        int before = small.last;
        conv(&small, CHANNELS);
        norm(&small, norms);
        small_node(&small, "Relu", 0, NULL);
        small_node(&small, "Dropout", 0, NULL);
        conv(&small, CHANNELS);
        norm(&small, norms);
        int output = -1, inputs[2] = {before, small.last};
        small_join(&small, "Add", 2, inputs, 1, &output);
    }
    small_node(&small, "GlobalAveragePool", 0, NULL);
    small_node(&small, "Flatten", 0, NULL);
    int weight = small_constant(&small, "fc.weight", 2, INTS(CHANNELS, CLASSES), 0, 0.3);
    small_node(&small, "Gemm", 1, &weight);
    return small_end(&small);
}

static struct tn_network *network_with(const struct tn_graph *graph,
                                       const struct tn_network_options *options)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new_with(graph, options, &error);
    if (!network)
        fail_msg("%s", error.text);
    tn_network_seed(network, 9);
    return network;
}

/* A step of training with the batch in pieces of `piece`; the loss is a fixed sum of outputs. */
static void step(struct tn_network *network, const float *images, const float *gradient, int piece)
{
    struct tn_error error = {0};
    const struct tn_sgd sgd = {.learning_rate = 0.01F, .momentum = 0.9F, .decay = 1e-3F};
    const float *outputs;
    for (int first = 0; first < BATCH; first += piece) {
        int count = BATCH - first < piece ? BATCH - first : piece;
        assert_true(tn_network_forward_piece(network, images + first * 3 * SIDE * SIDE, first,
                                             count, &outputs, &error));
        assert_true(tn_network_backward(network, gradient + first * CLASSES, &error));
    }
    tn_network_update(network, &sgd);
}

/* The weights of `a` after three steps, and of `b` with its batches in pieces, differ no more than
 * `most`. */
static void compare_steps(struct tn_graph *graph, const struct tn_network_options *b, int piece,
                          double most)
{
    struct tn_error error = {0};
    struct tn_network_options whole = {.max_batch = BATCH, .mode = TN_TRAINING};
    struct tn_network *networks[2] = {network_with(graph, &whole), network_with(graph, b)};
    struct tn_graph *graphs[2] = {tn_graph_clone(graph, &error), tn_graph_clone(graph, &error)};
    float *images = gradients_random((size_t)BATCH * 3 * SIDE * SIDE, 3),
          *gradient = gradients_random((size_t)BATCH * CLASSES, 4);
    for (int i = 0; i < 2; i++) {
        for (int s = 0; s < 3; s++) {
            step(networks[i], images, gradient, i ? piece : BATCH);
            if (s == 1)
                tn_network_rest(networks[i]);
        }
        assert_true(tn_network_store(networks[i], graphs[i], &error));
    }
    for (int v = 0; v < graph->value_count; v++) {
        const struct tn_tensor *x = graphs[0]->values[v].constant,
                               *y = graphs[1]->values[v].constant;
        for (size_t i = 0; x && tn_tensor_floats(x) && i < x->count; i++)
            if (!(fabs((double)tn_tensor_floats(x)[i] - (double)tn_tensor_floats(y)[i]) <= most))
                fail_msg("%s[%zu]: %.9g, not %.9g", graph->values[v].name, i,
                         (double)tn_tensor_floats(y)[i], (double)tn_tensor_floats(x)[i]);
    }
    for (int i = 0; i < 2; i++) {
        tn_network_free(networks[i]);
        tn_graph_free(graphs[i]);
    }
    tn_free(images);
    tn_free(gradient);
}

static void pieces_of_a_batch_give_its_weights(void **state)
{
    (void)state;
    struct tn_graph *graph = blocks(false);
    for (int piece = 1; piece < BATCH; piece++) {
        struct tn_network_options options = {
            .max_batch = piece, .mode = TN_TRAINING, .pieces = true};
        compare_steps(graph, &options, piece, 1e-5);
    }
    tn_graph_free(graph);
}

static void what_is_made_again_is_the_same(void **state)
{
    (void)state;
    struct tn_error error = {0};
    for (int norms = 0; norms < 2; norms++) {
        struct tn_graph *graph = blocks(norms);
        struct tn_network_options options = {.max_batch = BATCH, .mode = TN_TRAINING};
        struct tn_needs whole, least;
        assert_true(tn_network_needs(graph, &options, &whole, &error));
        options.most_bytes = 1;
        assert_true(tn_network_needs(graph, &options, &least, &error));
        assert_true(whole.segments == 1 && least.segments > 1);
        assert_true(least.bytes < whole.bytes && whole.splits == !norms);
        for (size_t most = least.bytes; most < whole.bytes; most += whole.bytes / 16) {
            options.most_bytes = most;
            struct tn_network *network = network_with(graph, &options);
            assert_true(tn_network_bytes(network) <= most);
            tn_network_free(network);
            compare_steps(graph, &options, BATCH, 0);
        }
        tn_graph_free(graph);
    }
}

static void needs_are_known_before(void **state)
{
    (void)state;
    static const char *const names[] = {"fashion-vgg", "resnet20"};
    struct tn_error error = {0};
    for (int i = 0; i < 2; i++) {
        struct tn_zoo_options zoo = {.seed = 3};
        struct tn_graph *graph = tn_zoo_build(names[i], &zoo, &error);
        for (enum tn_mode mode = TN_INFER; mode <= TN_TRAINING; mode++) {
            struct tn_network_options options = {.max_batch = 5, .mode = mode};
            struct tn_needs needs;
            const float *outputs;
            assert_true(tn_network_needs(graph, &options, &needs, &error));
            struct tn_network *network = network_with(graph, &options);
            float *images = gradients_random(5 * gradients_image_size(graph, graph->inputs[0]), 4);
            assert_true(tn_network_forward(network, images, 5, NULL, &outputs, &error));
            assert_int_equal(tn_network_bytes(network), needs.bytes);
            tn_network_free(network);
            tn_free(images);
        }
        tn_graph_free(graph);
    }
}

/* The weights of a run with so much memory. */
static struct tn_graph *trained(struct tn_dataset *dataset, bool norms, size_t memory,
                                struct tn_training_memory *found)
{
    struct tn_error error = {0};
    struct tn_train_options options;
    struct tn_graph *graph = blocks(norms);
    tn_train_defaults(&options);
    options.batch = 30;
    options.rates.rate = 1e-3;
    options.memory = memory;
    if (!tn_training_memory(graph, dataset, &options, found, &error) ||
        !tn_train(graph, dataset, &options, NULL, NULL, NULL, &error))
        fail_msg("%s", error.text);
    assert_true(memory == 0 || found->bytes <= memory);
    return graph;
}

static void less_memory_gives_the_same_training(void **state)
{
    (void)state;
    struct tn_dataset *dataset = small_dataset(2);
    assert_non_null(dataset);
    for (int norms = 0; norms < 2; norms++) {
        struct tn_training_memory roomy, tight;
        struct tn_graph *a = trained(dataset, norms, 0, &roomy);
        struct tn_graph *b = trained(dataset, norms, roomy.bytes * 9 / 10, &tight);
        assert_true(roomy.piece == 30 && roomy.segments == 1);
        assert_true(norms ? tight.piece == 30 && tight.segments > 1 : tight.piece < 30);
        for (int v = 0; v < a->value_count; v++) {
            const struct tn_tensor *x = a->values[v].constant, *y = b->values[v].constant;
            for (size_t i = 0; x && tn_tensor_floats(x) && i < x->count; i++)
                assert_true(fabsf(tn_tensor_floats(x)[i] - tn_tensor_floats(y)[i]) <=
                            (norms ? 0 : 1e-5F));
        }
        tn_graph_free(a);
        tn_graph_free(b);
    }
    tn_dataset_unref(dataset);
}

static void too_little_memory_is_an_error_with_numbers(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_training_memory memory;
    struct tn_train_options options;
    struct tn_dataset *dataset = small_dataset(2);
    struct tn_graph *graph = blocks(true);
    tn_train_defaults(&options);
    options.memory = 1000;
    assert_false(tn_train(graph, dataset, &options, NULL, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "(1000): no batch fits"));
    options.batch = 2;
    options.memory = 0;
    assert_true(tn_training_memory(graph, dataset, &options, &memory, &error));
    options.batch = 1000;
    options.memory = memory.bytes * 4;
    assert_false(tn_training_memory(graph, dataset, &options, &memory, &error));
    assert_non_null(strstr(error.text, "training with batch=1000 needs "));
    const char *largest = strstr(strstr(error.text, "batch=") + 1, "batch=");
    assert_non_null(largest);
    assert_int_equal(sscanf(largest, "batch=%d is the largest", &options.batch), 1);
    assert_true(tn_training_memory(graph, dataset, &options, &memory, &error));
    options.batch++;
    assert_false(tn_training_memory(graph, dataset, &options, &memory, &error));
    tn_graph_free(graph);
    tn_dataset_unref(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_a_batch_give_its_weights),
        cmocka_unit_test(what_is_made_again_is_the_same),
        cmocka_unit_test(needs_are_known_before),
        cmocka_unit_test(less_memory_gives_the_same_training),
        cmocka_unit_test(too_little_memory_is_an_error_with_numbers),
    };
    return cmocka_run_group_tests_name("train_memory", tests, NULL, NULL);
}
