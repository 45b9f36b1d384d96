/* refit: kernels of layers that read pruned channels, fitted to what the layers gave before. */
#include "prune/refit.h"

#include "blocks.h"
#include "core/memory.h"
#include "core/threads.h"
#include "data/choice.h"
#include "engine/network.h"
#include "prune/patch.h"
#include "small_data.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tn_dataset *dataset;
static uint32_t *images;
static size_t image_count;

static int open_data(void **state)
{
    (void)state;
    dataset = small_dataset(8);
    return dataset && tn_choose_images(dataset, 1000, 1, &images, &image_count, NULL) ? 0 : -1;
}

static int close_data(void **state)
{
    (void)state;
    tn_free(images);
    tn_dataset_unref(dataset);
    return 0;
}

static int start(struct small_graph *s, uint64_t seed)
{
    small_begin(s, 3, SMALL_SIDE, SMALL_SIDE, seed);
    return s->last;
}

static int relu(struct small_graph *s, int x)
{
    return block_op(s, "Relu", x);
}

/* --- patches --- */

/* The input and, as what the next node reads, the output of one layer. */
struct caught {
    int node, reader;
    size_t in, out;
    float *input, *output;
};

static bool catch (void *context, int node, const float *input, int count, struct tn_error *error)
{
    struct caught *caught = context;
    (void)count;
    (void)error;
    if (node == caught->node)
        memcpy(caught->input, input, caught->in * sizeof *input);
    if (node == caught->reader)
        memcpy(caught->output, input, caught->out * sizeof *input);
    return true;
}

static void run(const struct tn_graph *graph, size_t seed, struct caught *caught, float *result)
{
    struct tn_error error = {0};
    struct tn_network *network = tn_network_new(graph, 1, TN_INFER, &error);
    if (!network)
        fail_msg("%s", error.text);
    float image[3 * SMALL_SIDE * SMALL_SIDE];
    assert_true(tn_dataset_image(dataset, TN_TRAIN, seed, NULL, image, NULL));
    struct tn_observer observer = {.before = catch, .context = caught};
    const float *outputs;
    assert_true(tn_network_forward(network, image, 1, caught ? &observer : NULL, &outputs, &error));
    if (result)
        memcpy(result, outputs, (size_t)tn_network_outputs(network) * sizeof *outputs);
    tn_network_free(network);
}

/* The network up to a layer, without its bias, and the patches of its input times its weights. */
static void check_patches(const struct tn_graph *graph, int node)
{
    struct tn_error error = {0};
    struct tn_patch patch;
    if (!tn_patch_open(graph, node, &patch, &error))
        fail_msg("%s", error.text);
    struct tn_graph *part = tn_graph_clone(graph, NULL);
    if (part->nodes[node].input_count > 2)
        part->nodes[node].input_count = 2;
    part->output_count = 1;
    part->outputs[0] = part->nodes[node].outputs[0];
    int filters = patch.groups * patch.filters, size = tn_patch_size(&patch);
    float *outputs = tn_calloc((size_t)(filters * patch.places), sizeof *outputs);
    struct caught caught = {.node = node, .reader = TN_NO_NODE, .in = patch.input_size};
    caught.input = tn_calloc(patch.input_size, sizeof *caught.input);
    double *numbers = tn_calloc((size_t)size, sizeof *numbers);
    run(part, 3, &caught, outputs);
    for (int place = 0; place < patch.places; place++) {
        for (int f = 0; f < filters; f++) {
            int group = f / patch.filters;
            double sum = 0;
            tn_patch_gather(&patch, caught.input, group, place, numbers);
            for (int k = 0; k < size; k++)
                sum += patch.alpha * numbers[k] *
                       (double)patch.weights[tn_patch_weight(&patch, group, k, f % patch.filters)];
            int at = patch.op == TN_OP_MATMUL ? place * filters + f : f * patch.places + place;
            assert_true(fabs(sum - (double)outputs[at]) < 1e-4);
        }
    }
    tn_free(numbers);
    tn_free(outputs);
    tn_free(caught.input);
    tn_graph_free(part);
}

static void check_all_patches(struct tn_graph *graph, int expected)
{
    for (int n = 0; n < graph->node_count; n++)
        if (tn_node_is_layer(graph, &graph->nodes[n])) {
            check_patches(graph, n);
            expected--;
        }
    assert_int_equal(expected, 0);
    tn_graph_free(graph);
}

/* Every kind of layer: strides, groups, the way back, sequences, products. */
static struct tn_graph *net_of_convolutions(void)
{
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 1), 12, 3, 2, 1));
    x = relu(&s, block_conv(&s, x, 8, 3, 1, 2));
    x = relu(&s, block_deconv(&s, x, 6, 1));
    x = relu(&s, block_conv(&s, x, 5, 1, 1, 1));
    x = block_classify(&s, x, SMALL_CLASSES);
    return block_end(&s, 1, &x);
}

static struct tn_graph *net_of_products(void)
{
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 2), 5, 3, 2, 1));
    x = block_transpose(&s, x, 4, (const int64_t[]){0, 2, 3, 1});
    x = relu(&s, block_matmul(&s, x, 6));
    x = block_matmul(&s, x, 4);
    x = block_transpose(&s, x, 4, (const int64_t[]){0, 3, 1, 2});
    x = relu(&s, block_gemm(&s, block_op(&s, "Flatten", x), 7, false));
    x = block_gemm(&s, x, 6, true);
    assert_true(tn_node_set_float(&s.graph->nodes[s.graph->node_count - 1], "alpha", 0.5F, NULL));
    assert_true(tn_node_set_float(&s.graph->nodes[s.graph->node_count - 1], "beta", 2, NULL));
    x = block_gemm(&s, relu(&s, x), SMALL_CLASSES, true);
    return block_end(&s, 1, &x);
}

static struct tn_graph *net_of_sequences(void)
{
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 4), 5, 3, 1, 1));
    x = block_reshape(&s, x, 3, (const int64_t[]){0, 5, -1});
    x = relu(&s, block_conv(&s, x, 4, 3, 2, 1));
    x = block_classify(&s, x, SMALL_CLASSES);
    return block_end(&s, 1, &x);
}

static void patches_times_weights_are_outputs(void **state)
{
    (void)state;
    check_all_patches(net_of_convolutions(), 5);
    check_all_patches(net_of_products(), 6);
    check_all_patches(net_of_sequences(), 3);
}

/* --- refitting --- */

struct refitted {
    struct tn_graph *cut, *now; /* as cut, and refitted */
    struct tn_refit refit;
    struct tn_error error;
    bool fine;
};

static struct refitted refit(const struct tn_graph *graph, const struct small_groups *of, int count,
                             const struct tn_cut *cuts, size_t memory,
                             const struct tn_progress *progress)
{
    struct refitted r = {0};
    struct tn_refit_options options = {images, image_count, 1, memory};
    r.cut = tn_cut_channels(graph, &of->groups, count, cuts, &r.error);
    r.now = r.cut ? tn_graph_clone(r.cut, &r.error) : NULL;
    r.fine = r.now && tn_refit(graph, &of->groups, count, cuts, dataset, &options, progress, r.now,
                               &r.refit, &r.error);
    return r;
}

static void release(struct refitted *r)
{
    tn_refit_free(&r->refit);
    tn_graph_free(r->cut);
    tn_graph_free(r->now);
}

/* ||outputs - outputs of the other||^2 over some images */
static double difference(const struct tn_graph *a, const struct tn_graph *b)
{
    float first[16], second[16];
    double sum = 0;
    const struct tn_value *output = &a->values[a->outputs[0]];
    for (size_t i = 0; i < SMALL_IMAGES; i++) {
        run(a, i, NULL, first);
        run(b, i, NULL, second);
        for (int64_t o = 0; o < output->dims[1]; o++)
            sum += ((double)first[o] - (double)second[o]) * ((double)first[o] - (double)second[o]);
    }
    return sum;
}

/* Cut the last channels of every group, a third; takes the graph over. */
static void check_refit(struct tn_graph *graph, enum tn_scope scope, int layers)
{
    struct small_groups of;
    struct tn_cut cuts[16];
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int count = 0;
    small_groups_of(graph, scope, &of);
    for (int g = 0; g < of.groups.count; g++) {
        const struct tn_group *group = &of.groups.group[g];
        int keep = group->channels - (group->channels + 2) / 3;
        if (group->prunable && keep >= tn_group_fewest(group))
            cuts[count++] = (struct tn_cut){g, keep, all, NULL};
    }
    struct refitted r = refit(graph, &of, count, cuts, 0, NULL);
    if (!r.fine)
        fail_msg("%s", r.error.text);
    assert_int_equal(r.refit.count, layers);
    int better = 0;
    for (int i = 0; i < r.refit.count; i++) {
        const struct tn_refit_result *result = &r.refit.results[i];
        assert_string_equal(result->why, "");
        assert_true(result->samples > 0);
        assert_true(result->error_after <= result->error_before);
        assert_true(i == 0 || result->node > r.refit.results[i - 1].node);
        better += !result->kept;
    }
    assert_true(better > 0);
    assert_true(difference(graph, r.now) < 0.7 * difference(graph, r.cut));
    release(&r);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void layers_of_every_kind_are_refitted(void **state)
{
    (void)state;
    check_refit(net_of_convolutions(), TN_SCOPE_INNER, 4);
    check_refit(net_of_products(), TN_SCOPE_INNER, 5);
    check_refit(net_of_sequences(), TN_SCOPE_INNER, 2);
    check_refit(chain_net(5), TN_SCOPE_INNER, 2);
    check_refit(flatten_net(6), TN_SCOPE_INNER, 2);
    check_refit(residual_net(7), TN_SCOPE_INNER, 2);
}

/* Where the constant term of the second layer can go. */
enum holder { BIAS, NORM, ADD };

/* conv, relu, conv, norm, relu, classifier; or a product and an Add in place of the second conv. */
static struct tn_graph *net_with_odd_channel(enum holder holder, bool copied)
{
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 9), 6, 3, 1, 1));
    struct tn_node *first = &s.graph->nodes[0];
    float *weights = tn_tensor_floats(s.graph->values[first->inputs[1]].constant);
    float *biases = tn_tensor_floats(s.graph->values[first->inputs[2]].constant);
    /* Channel 2 is always the same number, or the same as channel 4. */
    for (int i = 0; i < 27; i++)
        weights[2 * 27 + i] = copied ? weights[4 * 27 + i] : 0;
    biases[2] = copied ? biases[4] : 0.75F;
    if (holder == ADD) {
        x = block_transpose(&s, x, 4, (const int64_t[]){0, 2, 3, 1});
        x = block_each(&s, "Add", block_matmul(&s, x, 4), 3, true);
        x = block_transpose(&s, x, 4, (const int64_t[]){0, 3, 1, 2});
    } else {
        x = block_conv(&s, x, 4, 1, 1, 1);
        if (holder == NORM)
            s.graph->nodes[s.graph->node_count - 1].input_count = 2;
    }
    x = relu(&s, block_norm(&s, x));
    x = block_classify(&s, x, SMALL_CLASSES);
    return block_end(&s, 1, &x);
}

static const int without_2[] = {0, 1, 3, 4, 5};

static void check_nothing_is_lost(enum holder holder, bool copied)
{
    struct tn_graph *graph = net_with_odd_channel(holder, copied);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {0, 5, without_2, NULL};
    struct refitted r = refit(graph, &of, 1, &cut, 0, NULL);
    if (!r.fine)
        fail_msg("%s", r.error.text);
    assert_int_equal(r.refit.count, 1);
    assert_true(r.refit.results[0].constant);
    assert_int_equal(r.refit.results[0].unknowns, 6);
    assert_true(r.refit.results[0].error_before > 1e-3);
    assert_true(r.refit.results[0].error_after < 1e-8);
    assert_true(difference(graph, r.cut) > 1e-3);
    assert_true(difference(graph, r.now) < 1e-5 * difference(graph, r.cut));
    release(&r);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void a_constant_channel_goes_into_bias_or_mean(void **state)
{
    (void)state;
    check_nothing_is_lost(BIAS, false);
    check_nothing_is_lost(NORM, false);
    check_nothing_is_lost(ADD, false);
}

static void a_copy_of_another_channel_is_made_up_for(void **state)
{
    (void)state;
    check_nothing_is_lost(BIAS, true);
    check_nothing_is_lost(NORM, true);
    check_nothing_is_lost(ADD, true);
}

/* What is left alone keeps its very tensor. */
static void check_left_alone(struct tn_graph *graph, int group, int keep_count, const int *keep,
                             size_t memory, const char *why)
{
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {group, keep_count, keep, NULL};
    struct refitted r = refit(graph, &of, 1, &cut, memory, NULL);
    if (!r.fine)
        fail_msg("%s", r.error.text);
    for (int i = 0; i < r.refit.count; i++) {
        const struct tn_refit_result *result = &r.refit.results[i];
        if (!strstr(result->why, why))
            fail_msg("\"%s\" where \"%s\" was expected", result->why, why);
        assert_true(result->kept);
        assert_ptr_equal(tn_node_constant(r.now, &r.now->nodes[result->node], 1),
                         tn_node_constant(r.cut, &r.cut->nodes[result->node], 1));
    }
    assert_true(r.refit.count > 0);
    release(&r);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void beyond_the_memory_bound_a_layer_is_left_alone(void **state)
{
    (void)state;
    check_left_alone(net_with_odd_channel(BIAS, false), 0, 5, without_2, 4096, "MiB");
}

static void layers_that_share_weights_are_left_alone(void **state)
{
    (void)state;
    struct small_graph s;
    int x = relu(&s, block_conv(&s, start(&s, 9), 6, 3, 1, 1));
    int a = block_conv(&s, x, 4, 3, 1, 1), first = s.graph->node_count - 1;
    int b = block_conv(&s, block_op(&s, "Sigmoid", x), 4, 3, 1, 1);
    for (int i = 1; i < 3; i++)
        s.graph->nodes[s.graph->node_count - 1].inputs[i] = s.graph->nodes[first].inputs[i];
    int y = block_classify(&s, relu(&s, block_two(&s, "Add", a, b)), SMALL_CLASSES);
    check_left_alone(block_end(&s, 1, &y), 0, 5, without_2, 0, "the same weights");
}

static void refitting_gives_the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    struct tn_graph *graph = net_of_convolutions();
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {0, 4, (const int[]){0, 1, 3, 5}, NULL};
    struct tn_tensor *one = NULL;
    for (unsigned threads = 1; threads <= 3; threads++) {
        tn_threads_set(threads);
        struct refitted r = refit(graph, &of, 1, &cut, 0, NULL);
        if (!r.fine)
            fail_msg("%s", r.error.text);
        struct tn_tensor *weights =
            tn_node_constant(r.now, &r.now->nodes[r.refit.results[0].node], 1);
        if (!one)
            one = tn_tensor_ref(weights);
        assert_memory_equal(one->data, weights->data, one->bytes);
        release(&r);
    }
    tn_threads_set(0);
    tn_tensor_unref(one);
    small_groups_free(&of);
    tn_graph_free(graph);
}

/* Asks to stop at the n-th report. */
struct stopper {
    atomic_bool cancelled;
    int left;
};

static void count_down(void *context, const char *stage, double done, double total,
                       const char *unit, const char *detail)
{
    struct stopper *stopper = context;
    (void)stage, (void)done, (void)total, (void)unit, (void)detail;
    if (stopper->left-- == 0)
        atomic_store(&stopper->cancelled, true);
}

static void it_stops_wherever_it_is_asked(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(5);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cuts[] = {{0, 3, (const int[]){0, 1, 4}, NULL},
                            {1, 2, (const int[]){2, 3}, NULL}};
    int stops = 0;
    for (bool done = false; !done; stops++) {
        struct stopper stopper = {.left = stops};
        struct tn_progress progress = {
            .report = count_down, .context = &stopper, .cancelled = &stopper.cancelled};
        struct refitted r = refit(graph, &of, 2, cuts, 0, &progress);
        done = r.fine;
        if (!done) {
            assert_int_equal(r.error.kind, TN_ERROR_CANCELLED);
            assert_null(r.refit.results);
        }
        release(&r);
    }
    assert_true(stops > 5);
    small_groups_free(&of);
    tn_graph_free(graph);
}

static void it_needs_a_few_images(void **state)
{
    (void)state;
    size_t all = image_count;
    struct tn_graph *graph = chain_net(5);
    struct small_groups of;
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    struct tn_cut cut = {0, 3, (const int[]){0, 1, 4}, NULL};
    image_count = TN_REFIT_FEWEST - 1;
    struct refitted r = refit(graph, &of, 1, &cut, 0, NULL);
    assert_false(r.fine);
    assert_non_null(strstr(r.error.text, "at least 5"));
    release(&r);
    image_count = TN_REFIT_FEWEST;
    r = refit(graph, &of, 1, &cut, 0, NULL);
    assert_true(r.fine);
    release(&r);
    image_count = all;
    small_groups_free(&of);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_times_weights_are_outputs),
        cmocka_unit_test(layers_of_every_kind_are_refitted),
        cmocka_unit_test(a_constant_channel_goes_into_bias_or_mean),
        cmocka_unit_test(a_copy_of_another_channel_is_made_up_for),
        cmocka_unit_test(beyond_the_memory_bound_a_layer_is_left_alone),
        cmocka_unit_test(layers_that_share_weights_are_left_alone),
        cmocka_unit_test(refitting_gives_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(it_stops_wherever_it_is_asked),
        cmocka_unit_test(it_needs_a_few_images),
    };
    return cmocka_run_group_tests(tests, open_data, close_data);
}
