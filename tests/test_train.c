/* engine: training and evaluation of the example's architecture on Fashion-MNIST. */
#include "core/threads.h"
#include "engine/evaluate.h"
#include "engine/network.h"
#include "engine/train.h"
#include "model/zoo.h"
#include "quick.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tn_dataset *dataset;

static int open_data(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_data_options options = {0};
    tn_data_preset("fashion-mnist", &options, &error);
    options.path = "fashion-mnist";
    dataset = tn_dataset_open(&options, NULL, &error);
    if (!dataset)
        print_error("%s\n", error.text);
    return dataset ? 0 : -1;
}

static int close_data(void **state)
{
    (void)state;
    tn_dataset_unref(dataset);
    return 0;
}

static struct tn_graph *fresh(void)
{
    struct tn_error error = {0};
    struct tn_zoo_options options = {.seed = 3};
    struct tn_graph *graph = tn_zoo_build("fashion-vgg", &options, &error);
    assert_non_null(graph);
    return graph;
}

static struct tn_train_options quick(void)
{
    struct tn_train_options options;
    tn_train_defaults(&options);
    options.batch = test_amount(32, 4);
    options.limit = 10 * options.batch;
    options.test_limit = test_amount(200, 50);
    options.rates.rate = 0.05;
    return options;
}

struct log {
    int epochs;
    struct tn_epoch last;
    double first_loss;
    struct tn_digest digest; /* of the first weights after the last finished epoch */
};

static const struct tn_digest *first_weights(const struct tn_graph *graph)
{
    return tn_tensor_digest(tn_node_constant(graph, &graph->nodes[0], 1));
}

static bool note_epoch(void *context, const struct tn_epoch *epoch, const struct tn_graph *graph,
                       const struct tn_checkpoint *checkpoint, struct tn_error *error)
{
    (void)checkpoint, (void)error;
    struct log *log = context;
    if (log->epochs++ == 0)
        log->first_loss = epoch->loss;
    log->last = *epoch;
    log->digest = *first_weights(graph);
    return true;
}

static void training_learns_and_repeats_for_any_threads(void **state)
{
    (void)state;
    struct tn_digest digest[2];
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct tn_error error = {0};
        struct log log = {0};
        struct tn_graph *graph = fresh();
        struct tn_train_options options = quick();
        options.epochs = 2;
        options.batch *= 2; /* images enough to learn something, unless it must be quick */
        options.limit *= 2;
        options.augmentation = TN_AUGMENT_CROP_FLIP;
        tn_threads_set(threads);
        if (!tn_train(graph, dataset, &options, note_epoch, &log, NULL, &error))
            fail_msg("%s", error.text);
        assert_int_equal(log.epochs, 2);
        assert_true(test_is_quick() ||
                    (log.last.loss < 0.98 * log.first_loss && log.last.train_top1 > 0.15));
        digest[threads - 1] = *first_weights(graph);
        tn_graph_free(graph);
    }
    assert_memory_equal(&digest[0], &digest[1], sizeof *digest);
    tn_threads_set(0);
}

struct stopper {
    atomic_bool cancelled;
    int steps, stop_at;
};

static void stop_after(void *context, const char *stage, double done, double total,
                       const char *unit, const char *detail)
{
    (void)stage, (void)done, (void)total, (void)unit, (void)detail;
    struct stopper *stopper = context;
    if (++stopper->steps == stopper->stop_at)
        atomic_store(&stopper->cancelled, true);
}

static void cancelled_training_leaves_the_last_epoch(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_train_options options = quick();
    options.epochs = 3;
    for (int stop_at = 4; stop_at < 20;
         stop_at += 14) { /* within the first epoch, within the second */
        struct log log = {0};
        struct stopper stopper = {.stop_at = stop_at};
        struct tn_progress progress = {
            .report = stop_after, .context = &stopper, .cancelled = &stopper.cancelled};
        struct tn_graph *graph = fresh();
        struct tn_digest before = *first_weights(graph);
        assert_false(tn_train(graph, dataset, &options, note_epoch, &log, &progress, &error));
        assert_int_equal(error.kind, TN_ERROR_CANCELLED);
        const struct tn_digest *expected = log.epochs == 0 ? &before : &log.digest;
        assert_true(tn_digest_equal(first_weights(graph), expected));
        tn_graph_free(graph);
    }
}

static void not_a_number_stops_training_by_name(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = fresh();
    struct tn_digest before = *first_weights(graph);
    struct tn_train_options options = quick();
    options.rates.rate = 1e30;
    assert_false(tn_train(graph, dataset, &options, NULL, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "epoch 1, step "));
    assert_non_null(strstr(error.text, "first in '"));
    assert_true(tn_digest_equal(first_weights(graph), &before));
    tn_graph_free(graph);
}

static void schedules_end_where_they_should(void **state)
{
    (void)state;
    static const struct {
        enum tn_schedule schedule;
        double last; /* learning rate at the start of epoch 4 of 4, of 0.1 */
    } cases[] = {
        {TN_CONSTANT, 0.1}, {TN_STEP, 0.001}, {TN_COSINE, 0.1 * 0.5 * (1 - 0.70710678118654752)}};
    for (int i = 0; i < 3; i++) {
        struct tn_error error = {0};
        struct log log = {0};
        struct tn_graph *graph = fresh();
        struct tn_train_options options = quick();
        options.rates.schedule = cases[i].schedule;
        options.rates.rate = 0.1;
        options.epochs = 4;
        options.limit = test_amount(128, 2 * options.batch);
        options.test_limit = test_amount(50, 10);
        assert_true(tn_train(graph, dataset, &options, note_epoch, &log, NULL, &error));
        assert_true(fabs(log.last.learning_rate - cases[i].last) < 1e-6);
        tn_graph_free(graph);
    }
}

/* What is tested, and on how many images, changes nothing of what is trained and kept. */
static void test_images_choose_nothing(void **state)
{
    (void)state;
    struct tn_digest digest[2];
    for (int other = 0; other < 2; other++) {
        struct tn_error error = {0};
        struct log log = {0};
        struct tn_graph *graph = fresh();
        struct tn_train_options options = quick();
        options.epochs = 2;
        options.held = test_amount(300, 60);
        options.keep_best = true;
        options.test_limit = other ? 10 : test_amount(200, 40);
        if (!tn_train(graph, dataset, &options, note_epoch, &log, NULL, &error))
            fail_msg("%s", error.text);
        assert_int_equal(log.last.held, options.held);
        assert_true(log.last.held_top1 > 0 && log.last.held_loss > 0);
        digest[other] = *first_weights(graph);
        tn_graph_free(graph);
    }
    assert_memory_equal(&digest[0], &digest[1], sizeof *digest);
}

static void evaluation_counts_and_fits(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_evaluation a, b;
    const int images = test_amount(333, 133);
    struct tn_graph *graph = fresh();
    assert_true(tn_evaluate(graph, dataset, TN_TEST, images, 100, NULL, &a, &error));
    assert_int_equal(a.images, images);
    assert_true(tn_evaluate(graph, dataset, TN_TEST, images, 37, NULL, &b,
                            &error)); /* another cut, the same counts */
    assert_true(a.top1 == b.top1 && a.top5 == b.top5 && fabs(a.loss - b.loss) < 1e-6);
    assert_true(a.top5 >= a.top1 && a.ci95 > 0 && a.ci95 < 0.06);
    tn_graph_free(graph);
    struct tn_zoo_options options = {.channels = 3, .height = 32, .width = 32};
    graph = tn_zoo_build("fashion-vgg", &options, &error);
    assert_non_null(graph);
    assert_false(tn_evaluate(graph, dataset, TN_TEST, 10, 0, NULL, &a, &error));
    assert_non_null(strstr(error.text, "3x32x32"));
    tn_graph_free(graph);
}

struct seen {
    int nodes, images;
};

static bool note_node(void *context, int node, const float *input, int count,
                      struct tn_error *error)
{
    (void)node, (void)error;
    struct seen *seen = context;
    assert_true(isfinite(input[0]));
    seen->nodes++;
    seen->images = count;
    return true;
}

static void observers_see_every_weighted_node(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct seen seen = {0};
    const struct tn_observer observer = {note_node, &seen};
    struct tn_graph *graph = fresh();
    struct tn_network *network = tn_network_new(graph, 4, TN_INFER, &error);
    float images[3 * 784] = {0};
    const float *outputs;
    assert_non_null(network);
    assert_true(tn_network_forward(network, images, 3, &observer, &outputs, &error));
    assert_int_equal(seen.images, 3);
    assert_int_equal(seen.nodes,
                     6 + 2 + 1 + 1); /* convolutions, max pools, global pool, fully connected */
    assert_false(tn_network_forward(network, images, 5, NULL, &outputs, &error));
    tn_network_free(network);
    tn_graph_free(graph);
}

struct late_stop {
    atomic_bool cancelled;
    int nodes, stop_at;
};

static bool stop_within(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    (void)node, (void)input, (void)count, (void)error;
    struct late_stop *stop = context;
    if (stop->nodes++ == stop->stop_at)
        atomic_store(&stop->cancelled, true);
    return true;
}

/* Wherever it is cancelled, the last operator too: nobody is given what was not made whole. */
static void cancelled_passes_fail_in_any_operator(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = fresh();
    struct tn_network *network = tn_network_new(graph, 4, TN_TRAINING, &error);
    float images[4 * 784] = {0}, gradient[4 * 10] = {0};
    const float *outputs;
    assert_non_null(network);
    int nodes[2] = {0};
    for (int back = 0; back <= 1; back++) {
        for (int at = -1; at < nodes[back]; at++) {
            struct late_stop stop = {.stop_at = at};
            const struct tn_progress progress = {.cancelled = &stop.cancelled};
            const struct tn_observer observer = {stop_within, &stop};
            tn_network_watch(network, back ? NULL : &progress);
            bool done =
                tn_network_forward(network, images, 4, back ? NULL : &observer, &outputs, &error);
            tn_network_watch(network, &progress);
            if (back)
                done = done && tn_network_backward_observed(network, gradient, &observer, &error);
            assert_int_equal(done, at < 0);
            assert_true(done || error.kind == TN_ERROR_CANCELLED);
            assert_int_equal(stop.nodes, at < 0 ? stop.nodes : at + 1);
            if (at < 0)
                nodes[back] = stop.nodes;
        }
        assert_true(nodes[back] > 5);
    }
    tn_network_watch(network, NULL);
    assert_true(tn_network_forward(network, images, 4, NULL, &outputs, &error));
    tn_network_free(network);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_learns_and_repeats_for_any_threads),
        cmocka_unit_test(cancelled_training_leaves_the_last_epoch),
        cmocka_unit_test(not_a_number_stops_training_by_name),
        cmocka_unit_test(schedules_end_where_they_should),
        cmocka_unit_test(test_images_choose_nothing),
        cmocka_unit_test(evaluation_counts_and_fits),
        cmocka_unit_test(observers_see_every_weighted_node),
        cmocka_unit_test(cancelled_passes_fail_in_any_operator),
    };
    return cmocka_run_group_tests_name("train", tests, open_data, close_data);
}
