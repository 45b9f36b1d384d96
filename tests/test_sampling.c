/* sampling: rows of x and the statistics of many groups in one pass over images. */
#include "prune/sampling.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/network.h"
#include "prune/path.h"
#include "prune/taylor.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { IMAGES = 60, CLASSES = 3, SIDE = 8, PIXELS = 3 * SIDE * SIDE };

static struct tn_dataset *dataset; /* opened once for all tests */

static void put_number(FILE *file, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        putc((int)(number >> shift & 255), file);
}

static FILE *create(const char *folder, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    return file;
}

/* 60 training images of 3 classes as IDX files; gone again once they are read. */
static int open_dataset(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_sampling_XXXXXX", images[128], labels[128];
    assert_non_null(mkdtemp(folder));
    struct tn_random random;
    tn_random_seed(&random, 1, 0);
    FILE *file = create(folder, "train-images-idx3-ubyte", images, sizeof images);
    put_number(file, 0x803);
    put_number(file, IMAGES);
    put_number(file, SIDE);
    put_number(file, SIDE);
    for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
        putc((int)tn_random_below(&random, 256), file);
    assert_int_equal(fclose(file), 0);
    file = create(folder, "train-labels-idx1-ubyte", labels, sizeof labels);
    put_number(file, 0x801);
    put_number(file, IMAGES);
    for (int i = 0; i < IMAGES; i++)
        putc(i % CLASSES, file);
    assert_int_equal(fclose(file), 0);
    struct tn_data_options options = {.path = folder, .channels = TN_CHANNELS_RGB};
    struct tn_error error = {0};
    dataset = tn_dataset_open(&options, NULL, &error);
    unlink(images);
    unlink(labels);
    rmdir(folder);
    if (!dataset)
        print_error("%s\n", error.text);
    return dataset ? 0 : -1;
}

static int close_dataset(void **state)
{
    (void)state;
    tn_dataset_unref(dataset);
    return 0;
}

static const struct tn_sampling_options few = {.images_per_class = 4, .locations = 7, .seed = 3};

static void sample(const struct tn_graph *graph, const struct small_groups *of, int count,
                   const int *chosen, const struct tn_sampling_options *options,
                   struct tn_gram *grams)
{
    struct tn_error error = {0};
    int64_t images = 0;
    if (!tn_sample_groups(graph, &of->groups, count, chosen, dataset, options, NULL, NULL, grams,
                          NULL, &images, &error))
        fail_msg("%s", error.text);
    assert_int_equal(images, CLASSES * options->images_per_class);
}

static struct tn_tensor *rows_of(const struct tn_graph *graph, const struct small_groups *of,
                                 const char *layer)
{
    struct tn_error error = {0};
    struct tn_tensor *rows = tn_sample_rows(graph, &of->groups, small_group_index(of, layer),
                                            dataset, &few, NULL, NULL, NULL, &error);
    if (!rows)
        fail_msg("%s", error.text);
    return rows;
}

/* Keeps the input of one node. */
struct tap {
    int node;
    size_t size;
    float *input;
};

static bool keep_input(void *context, int node, const float *input, int count,
                       struct tn_error *error)
{
    (void)error;
    struct tap *tap = context;
    if (node == tap->node)
        memcpy(tap->input, input, (size_t)count * tap->size * sizeof *input);
    return true;
}

/* A node's input for all training images. */
static float *inputs_of(const struct tn_graph *graph, int node)
{
    const struct tn_value *value = &graph->values[graph->nodes[node].inputs[0]];
    struct tap tap = {.node = node, .size = 1};
    for (int i = 1; i < value->rank; i++)
        tap.size *= (size_t)value->dims[i];
    tap.input = tn_alloc(IMAGES * tap.size, sizeof *tap.input);
    float *images = tn_alloc((size_t)IMAGES * PIXELS, sizeof *images);
    for (size_t i = 0; i < IMAGES; i++)
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, images + i * PIXELS, NULL));
    struct tn_network *network = tn_network_new(graph, IMAGES, TN_INFER, NULL);
    struct tn_observer observer = {keep_input, &tap};
    const float *outputs;
    assert_true(tn_network_forward(network, images, IMAGES, &observer, &outputs, NULL));
    tn_network_free(network);
    tn_free(images);
    return tap.input;
}

static bool same_row(int channels, const double *a, const double *b)
{
    double scale = 0, difference = 0;
    for (int c = 0; c < channels; c++) {
        scale = fmax(scale, fabs(a[c]));
        difference = fmax(difference, fabs(a[c] - b[c]));
    }
    return difference <= 1e-6 * scale;
}

/* x at (d,p,q) of chain_net's Conv_4 (6 channels 4x4, 8 filters 3x3, stride 2, padding 1), from the
 * definition */
static void conv_reference(const float *weights, const float *input, int d, int p, int q, double *x)
{
    for (int c = 0; c < 6; c++) {
        x[c] = 0;
        for (int i = 0; i < 9; i++) {
            int row = 2 * p + i / 3 - 1, column = 2 * q + i % 3 - 1;
            if (row >= 0 && row < 4 && column >= 0 && column < 4)
                x[c] += (double)weights[(d * 6 + c) * 9 + i] *
                        (double)input[(c * 4 + row) * 4 + column];
        }
    }
}

/* Which of the 8 x 2 x 2 locations of an image a row is, or -1. */
static int conv_location(const float *weights, const float *input, const double *row)
{
    double x[6];
    for (int place = 0; place < 32; place++) {
        conv_reference(weights, input, place / 4, place / 2 % 2, place % 2, x);
        if (same_row(6, x, row))
            return place;
    }
    return -1;
}

static void rows_of_a_convolution_are_its_terms_at_random_places(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(5);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_tensor *rows = rows_of(graph, &of, "Conv_0");
    assert_int_equal(rows->dims[0], CLASSES * few.images_per_class * few.locations);
    assert_int_equal(rows->dims[1], 6);
    const double *x = tn_tensor_doubles(rows);
    const float *weights = tn_tensor_floats(tn_node_constant(graph, &graph->nodes[4], 1));
    float *inputs = inputs_of(graph, 4);
    int image = 0, per_class[CLASSES] = {0};
    bool seen[32] = {false};
    for (int i = 0; i < CLASSES * few.images_per_class; i++, image++) {
        /* images come in ascending order: find the next one that the rows fit */
        const double *row = x + i * few.locations * 6;
        while (image < IMAGES && conv_location(weights, inputs + image * 96, row) < 0)
            image++;
        assert_true(image < IMAGES);
        per_class[image % CLASSES]++;
        for (int j = 0; j < few.locations; j++) {
            int place = conv_location(weights, inputs + image * 96, row + j * 6);
            assert_true(place >= 0);
            seen[place] = true;
        }
    }
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(per_class[c], few.images_per_class);
    int places = 0;
    for (int i = 0; i < 32; i++)
        places += seen[i];
    assert_true(places > 24); /* 84 draws of 32 */
    tn_free(inputs);
    tn_tensor_unref(rows);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void rows_of_a_matrix_sum_the_features_of_a_channel(void **state)
{
    (void)state;
    struct tn_graph *graph = flatten_net(6);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_tensor *rows = rows_of(graph, &of, "Conv_0");
    assert_int_equal(rows->dims[1], 4);
    const double *x = tn_tensor_doubles(rows);
    const float *weights = tn_tensor_floats(tn_node_constant(graph, &graph->nodes[4], 1));
    float *inputs = inputs_of(graph, 4);
    for (int64_t i = 0; i < rows->dims[0]; i++) {
        bool found = false;
        for (int place = 0; !found && place < IMAGES * 7; place++) {
            const float *input = inputs + place / 7 * 64;
            double expected[4] = {0};
            for (int f = 0; f < 64; f++)
                expected[f / 16] += (double)weights[f * 7 + place % 7] * (double)input[f];
            found = same_row(4, expected, x + i * 4);
        }
        assert_true(found);
    }
    tn_free(inputs);
    tn_tensor_unref(rows);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void the_statistic_is_the_product_of_the_rows(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(7);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    const int chosen[] = {small_group_index(&of, "Conv_10"), small_group_index(&of, "Conv_3")};
    static const char *const names[] = {"Conv_10", "Conv_3"};
    struct tn_gram grams[2];
    sample(graph, &of, 2, chosen, &few, grams);
    for (int i = 0; i < 2; i++) {
        struct tn_tensor *rows = rows_of(graph, &of, names[i]);
        struct tn_gram expected;
        assert_true(tn_gram_of_samples(rows->dims[0], (int)rows->dims[1], tn_tensor_doubles(rows),
                                       &expected, NULL));
        assert_int_equal(grams[i].channels, 6);
        assert_int_equal(grams[i].samples, rows->dims[0]);
        for (int j = 0; j < 36; j++) {
            double a = tn_tensor_doubles(grams[i].matrix)[j];
            double b = tn_tensor_doubles(expected.matrix)[j];
            assert_true(fabs(a - b) <= 1e-12 * tn_tensor_doubles(expected.matrix)[j % 6 * 7]);
        }
        tn_gram_free(&expected);
        tn_tensor_unref(rows);
        tn_gram_free(&grams[i]);
    }
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_group_s_statistic_does_not_depend_on_threads_or_company(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(8);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    const int all[] = {0, 1, 2};
    struct tn_gram first[3], again[3], alone;
    tn_threads_set(1);
    sample(graph, &of, 3, all, &few, first);
    for (unsigned threads = 2; threads <= 3; threads++) {
        tn_threads_set(threads);
        sample(graph, &of, 3, all, &few, again);
        for (int i = 0; i < 3; i++) {
            assert_memory_equal(first[i].matrix->data, again[i].matrix->data,
                                first[i].matrix->bytes);
            tn_gram_free(&again[i]);
        }
    }
    tn_threads_set(0);
    for (int i = 0; i < 3; i++) {
        sample(graph, &of, 1, &all[i], &few, &alone);
        assert_memory_equal(first[i].matrix->data, alone.matrix->data, first[i].matrix->bytes);
        tn_gram_free(&alone);
    }
    struct tn_sampling_options other = few;
    other.seed++;
    sample(graph, &of, 1, all, &other, &alone);
    assert_memory_not_equal(first[0].matrix->data, alone.matrix->data, first[0].matrix->bytes);
    tn_gram_free(&alone);
    for (int i = 0; i < 3; i++)
        tn_gram_free(&first[i]);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void each_of_several_consumers_counts_the_same(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(9);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    int chosen = small_group_index(&of, "Conv_0");
    assert_int_equal(of.groups.group[chosen].consumer_count, 3);
    struct tn_gram gram;
    sample(graph, &of, 1, &chosen, &few, &gram);
    assert_true(fabs(tn_gram_energy(&gram) - 3) < 1e-9);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    tn_path_free(&path);
    tn_gram_free(&gram);
    small_groups_free(&of);
    tn_graph_free(graph);
}

/* Of all training images: then which were chosen does not matter. */
static const struct tn_sampling_options everything = {.images_per_class = IMAGES, .locations = 1};

static void activity_is_read_behind_the_relu_and_before_the_pool(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(5);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    int chosen = small_group_index(&of, "Conv_0");
    struct tn_gram gram;
    struct tn_activity activity;
    assert_true(tn_sample_groups(graph, &of.groups, 1, &chosen, dataset, &everything, NULL, NULL,
                                 &gram, &activity, NULL, NULL));
    float *pooled = inputs_of(graph, 3); /* [IMAGES,6,8,8] */
    double all_zeros = 0;
    for (size_t c = 0; c < 6; c++) {
        double zeros = 0, sum = 0;
        for (size_t i = 0; i < (size_t)IMAGES * 64; i++) {
            float x = pooled[(i / 64 * 6 + c) * 64 + i % 64];
            zeros += x == 0;
            sum += fabs((double)x);
        }
        all_zeros += zeros;
        assert_true(fabs(activity.zeros[c] - zeros / (IMAGES * 64)) < 1e-9);
        assert_true(fabs(activity.mean[c] - sum / (IMAGES * 64)) <= 1e-6 * sum / (IMAGES * 64));
    }
    assert_true(all_zeros > 0 && all_zeros < 6 * 64 * IMAGES);
    assert_null(activity.taylor);
    tn_free(pooled);
    tn_gram_free(&gram);
    tn_activity_free(&activity);
    small_groups_free(&of);
    tn_graph_free(graph);
}

/* Losses of all training images. */
static void losses_of(const struct tn_graph *graph, double *losses)
{
    float *images = tn_alloc((size_t)IMAGES * PIXELS, sizeof *images);
    assert_non_null(images);
    struct tn_network *network = tn_network_new(graph, IMAGES, TN_INFER, NULL);
    const float *logits;
    for (size_t i = 0; i < IMAGES; i++)
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, images + i * PIXELS, NULL));
    assert_true(tn_network_forward(network, images, IMAGES, NULL, &logits, NULL));
    for (size_t i = 0; i < IMAGES; i++) {
        double sum = 0;
        for (int k = 0; k < 5; k++)
            sum += exp((double)logits[i * 5 + (size_t)k]);
        losses[i] = log(sum) - (double)logits[i * 5 + i % CLASSES];
    }
    tn_network_free(network);
    tn_free(images);
}

/* The loss where channel c, behind its ReLU, is `factor` times what it is: BatchNorm's scale and
 * shift are. */
static void losses_with(const struct tn_graph *graph, size_t c, float factor, double *losses)
{
    struct tn_graph *changed = tn_graph_clone(graph, NULL);
    for (int i = 1; i <= 2; i++) {
        int value = changed->nodes[1].inputs[i];
        const struct tn_tensor *old = changed->values[value].constant;
        struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, old->rank, old->dims, NULL);
        assert_non_null(tensor);
        memcpy(tensor->data, old->data, old->bytes);
        tn_tensor_floats(tensor)[c] *= factor;
        tn_graph_set_constant(changed, value, tensor);
    }
    losses_of(changed, losses);
    tn_graph_free(changed);
}

static void taylor_values_are_the_loss_s_slopes_along_each_channel(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(5);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    int chosen = small_group_index(&of, "Conv_0");
    struct tn_tensor *taylor;
    assert_true(
        tn_taylor_groups(graph, &of.groups, 1, &chosen, dataset, &everything, NULL, &taylor, NULL));
    const float step = 0.01f;
    int alive = 0;
    for (size_t c = 0; c < 6; c++) {
        double up[IMAGES], down[IMAGES], expected = 0;
        losses_with(graph, c, 1 + step, up);
        losses_with(graph, c, 1 - step, down);
        for (int i = 0; i < IMAGES; i++)
            expected += fabs(up[i] - down[i]) / (2 * (double)step) / 64 / IMAGES;
        alive += expected > 0;
        assert_true(fabs(tn_tensor_doubles(taylor)[c] - expected) <= 0.01 * expected);
    }
    assert_true(alive >= 4);
    tn_tensor_unref(taylor);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_stream_s_activity_is_the_mean_over_its_producers(void **state)
{
    (void)state;
    struct tn_graph *graph = residual_net(9);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_ALL, &of);
    int chosen = small_group_index(&of, "Conv_0");
    struct tn_gram gram;
    struct tn_activity activity;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        double before = threads > 1 ? activity.mean[3] : 0;
        if (threads > 1)
            tn_activity_free(&activity);
        tn_threads_set(threads);
        assert_true(tn_sample_groups(graph, &of.groups, 1, &chosen, dataset, &everything, NULL,
                                     NULL, &gram, &activity, NULL, NULL));
        assert_int_equal(activity.channels, 8);
        for (int c = 0; c < 8; c++)
            assert_true(activity.mean[c] > 0 && activity.zeros[c] >= 0 && activity.zeros[c] < 1);
        assert_true(threads == 1 || before == activity.mean[3]);
        tn_gram_free(&gram);
    }
    tn_threads_set(0);
    tn_activity_free(&activity);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void more_images_than_there_are_takes_all(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(10);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_sampling_options options = {.images_per_class = 1000, .locations = 1};
    struct tn_gram gram;
    int chosen = 0;
    int64_t images = 0;
    assert_true(tn_sample_groups(graph, &of.groups, 1, &chosen, dataset, &options, NULL, NULL,
                                 &gram, NULL, &images, NULL));
    assert_int_equal(images, IMAGES);
    assert_int_equal(gram.samples, IMAGES);
    tn_gram_free(&gram);
    small_groups_free(&of);
    tn_graph_free(graph);
}

struct watch {
    atomic_bool cancelled;
    double last, total;
    int reports;
};

static void watch_progress(void *context, const char *stage, double done, double total,
                           const char *unit, const char *detail)
{
    (void)detail;
    struct watch *watch = context;
    assert_string_equal(stage, "sample");
    assert_string_equal(unit, "images");
    watch->last = done;
    watch->total = total;
    watch->reports++;
}

static void sampling_reports_progress_and_stops_when_asked(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(10);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct watch watch = {.reports = 0};
    struct tn_progress progress = {
        .report = watch_progress, .context = &watch, .cancelled = &watch.cancelled};
    struct tn_gram gram;
    int chosen = 0;
    assert_true(tn_sample_groups(graph, &of.groups, 1, &chosen, dataset, &few, NULL, &progress,
                                 &gram, NULL, NULL, NULL));
    assert_true(watch.reports >= 2);
    assert_true(watch.last == 12 && watch.total == 12);
    tn_gram_free(&gram);
    atomic_store(&watch.cancelled, true);
    struct tn_error error = {0};
    assert_false(tn_sample_groups(graph, &of.groups, 1, &chosen, dataset, &few, NULL, &progress,
                                  &gram, NULL, NULL, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    assert_null(gram.matrix);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void what_cannot_be_sampled_is_refused(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(10);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_error error = {0};
    struct tn_gram gram;
    int output = small_group_index(&of, "Gemm_8"), first = 0, none = 3;
    assert_false(tn_sample_groups(graph, &of.groups, 1, &output, dataset, &few, NULL, NULL, &gram,
                                  NULL, NULL, &error));
    assert_string_equal(error.text,
                        "Gemm_8 cannot be sampled: its filters are the network's outputs");
    assert_false(tn_sample_groups(graph, &of.groups, 1, &none, dataset, &few, NULL, NULL, &gram,
                                  NULL, NULL, &error));
    assert_string_equal(error.text, "no group 3");
    struct tn_sampling_options options = few;
    options.locations = 0;
    assert_false(tn_sample_groups(graph, &of.groups, 1, &first, dataset, &options, NULL, NULL,
                                  &gram, NULL, NULL, &error));
    assert_string_equal(error.text, "locations=0: 1 to 10000 an image expected");
    options = few;
    options.images_per_class = -1;
    assert_null(
        tn_sample_rows(graph, &of.groups, first, dataset, &options, NULL, NULL, NULL, &error));
    assert_string_equal(error.text, "images=-1: 1 to 1000000 a class expected");
    graph->values[graph->inputs[0]].dims[2] = 32;
    assert_null(tn_sample_rows(graph, &of.groups, first, dataset, &few, NULL, NULL, NULL, &error));
    assert_non_null(strstr(error.text, "the network takes images of 3x32x8 (channels"));
    assert_non_null(strstr(error.text, "the data has 3x8x8"));
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_convolution_are_its_terms_at_random_places),
        cmocka_unit_test(rows_of_a_matrix_sum_the_features_of_a_channel),
        cmocka_unit_test(the_statistic_is_the_product_of_the_rows),
        cmocka_unit_test(a_group_s_statistic_does_not_depend_on_threads_or_company),
        cmocka_unit_test(each_of_several_consumers_counts_the_same),
        cmocka_unit_test(activity_is_read_behind_the_relu_and_before_the_pool),
        cmocka_unit_test(taylor_values_are_the_loss_s_slopes_along_each_channel),
        cmocka_unit_test(a_stream_s_activity_is_the_mean_over_its_producers),
        cmocka_unit_test(more_images_than_there_are_takes_all),
        cmocka_unit_test(sampling_reports_progress_and_stops_when_asked),
        cmocka_unit_test(what_cannot_be_sampled_is_refused),
    };
    return cmocka_run_group_tests(tests, open_dataset, close_dataset);
}
