/* engine: every operator forward against plain loops in double, backward by finite differences. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/network.h"
#include "gradients.h"
#include "model/window.h"
#include "quick.h"
#include "small_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- convolution forward against the definition --- */

static double direct_output(const struct tn_window *w, const float *image, const float *weights,
                            double bias, int f, int oh, int ow)
{
    int channels = w->channels_in / w->groups, group = f / (w->channels_out / w->groups);
    double sum = bias;
    for (int c = 0; c < channels; c++)
        for (int a = 0; a < w->kernel[0]; a++)
            for (int b = 0; b < w->kernel[1]; b++) {
                int h = oh * w->stride[0] - w->pad_begin[0] + a * w->dilation[0];
                int v = ow * w->stride[1] - w->pad_begin[1] + b * w->dilation[1];
                if (h < 0 || v < 0 || h >= w->in[0] || v >= w->in[1])
                    continue;
                sum += (double)image[((group * channels + c) * w->in[0] + h) * w->in[1] + v] *
                       (double)weights[((f * channels + c) * w->kernel[0] + a) * w->kernel[1] + b];
            }
    return sum;
}

static void check_conv_forward(struct tn_graph *graph, int count)
{
    struct tn_error error = {0};
    struct tn_window w;
    const struct tn_node *node = &graph->nodes[0];
    assert_true(tn_window_of(graph, node, &w, &error));
    struct tn_network *network = tn_network_new(graph, count, TN_INFER, &error);
    if (!network)
        fail_msg("%s", error.text);
    float *images =
        gradients_random((size_t)count * gradients_image_size(graph, graph->inputs[0]), 5);
    const float *outputs, *weights = tn_tensor_floats(tn_node_constant(graph, node, 1));
    struct tn_tensor *bias = tn_node_constant(graph, node, 2);
    assert_true(tn_network_forward(network, images, count, NULL, &outputs, &error));
    double worst = 0, scale = 0;
    const int step = test_amount(1, 7); /* quick: another of seven outputs of every plane */
    for (int n = 0; n < count; n++)
        for (int f = 0; f < w.channels_out; f++)
            for (int o = (n + f) % step; o < w.out[0] * w.out[1]; o += step) {
                double expected = direct_output(
                    &w, images + (size_t)n * gradients_image_size(graph, graph->inputs[0]), weights,
                    bias ? (double)tn_tensor_floats(bias)[f] : 0, f, o / w.out[1], o % w.out[1]);
                double got = (double)outputs[(n * w.channels_out + f) * w.out[0] * w.out[1] + o];
                worst = fmax(worst, fabs(got - expected));
                scale = fmax(scale, fabs(expected));
            }
    if (worst > 1e-5 * scale)
        fail_msg("conv differs by %g of %g", worst, scale);
    tn_free(images);
    tn_network_free(network);
}

struct conv_case {
    int channels, filters, size[2];
    int64_t kernel[2], stride[2], dilation[2], pads[4];
    int groups, count;
};

static const struct conv_case conv_cases[] = {
    {3, 8, {9, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 5},    /* the usual one */
    {16, 20, {8, 8}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 17}, /* several slices, uneven blocks
                                                                    */
    {4, 6, {9, 8}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 1, 3},    /* stride 2, odd and even size */
    {4, 6, {7, 7}, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, 3},    /* strided 1x1 */
    {5, 3, {6, 6}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 4},    /* 1x1 */
    {2, 3, {1, 1}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 2},    /* 1x1 image */
    {2, 3, {9, 9}, {2, 2}, {3, 3}, {1, 1}, {0, 0, 0, 0}, 1, 2},    /* stride above kernel */
    {2, 3, {7, 6}, {3, 2}, {1, 2}, {1, 1}, {0, 1, 2, 0}, 1, 2},    /* asymmetric everything */
    {2, 4, {11, 11}, {3, 3}, {1, 1}, {3, 2}, {3, 2, 3, 2}, 1, 2},  /* dilation */
    {2, 4, {11, 11}, {3, 3}, {2, 2}, {2, 3}, {1, 2, 1, 2}, 1, 2},  /* dilation and stride */
    {6, 9, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 3, 2},    /* groups */
    {6, 6, {6, 6}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 6, 2},    /* depthwise */
    {1, 1, {5, 5}, {5, 5}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 1},    /* one channel, one output, one
                                                                      image */
    {5, 5, {9, 7}, {5, 3}, {2, 1}, {1, 1}, {2, 0, 1, 2}, 5, 3},    /* depthwise, asymmetric */
    {4, 4, {8, 8}, {3, 3}, {1, 1}, {2, 1}, {2, 1, 2, 1}, 4, 2},    /* and with dilation */
    {6, 6, {14, 14}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 6, 5},  /* and plain */
    {3, 2, {4, 4}, {1, 1}, {1, 1}, {1, 1}, {2, 2, 2, 2}, 1, 2},    /* padding above kernel */
    {3, 8, {16, 16}, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}, 1, 3},  /* the first layer of a ResNet */
    {16, 16, {7, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 5},  /* Winograd: cut tiles */
    {13, 19, {28, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 3}, /* an odd number of tiles */
    {17, 16, {14, 11}, {3, 3}, {1, 1}, {1, 1}, {0, 2, 1, 0}, 1, 7}, /* uneven padding */
    {16, 18, {12, 28}, {3, 3}, {1, 1}, {1, 1}, {2, 1, 2, 2}, 1, 2}, /* output above the input */
    {3, 5, {12, 12}, {5, 3}, {4, 3}, {1, 1}, {2, 0, 1, 1}, 1, 3},   /* stride 4 and 3 */
    {37, 113, {7, 7}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 9},  /* 1x1 of many channels, odd */
    {128, 32, {3, 5}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 4},  /* even */
    {33, 131, {9, 8}, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, 3},  /* strided, odd and even size */
    {64, 67, {8, 7}, {1, 1}, {3, 1}, {1, 1}, {0, 0, 0, 0}, 1, 7},   /* another stride each way */
};

enum { CONV_CASES = sizeof conv_cases / sizeof *conv_cases };

static struct tn_graph *conv_graph(const struct conv_case *c, uint64_t seed)
{
    struct small_graph small;
    small_begin(&small, c->channels, c->size[0], c->size[1], seed);
    small_conv(&small, c->channels, c->filters, c->kernel, c->stride, c->dilation, c->pads,
               c->groups, seed % 2 == 0);
    return small_end(&small);
}

static void convolutions_equal_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_CASES; i++) {
        struct tn_graph *graph = conv_graph(&conv_cases[i], (uint64_t)i);
        check_conv_forward(graph, conv_cases[i].count);
        tn_graph_free(graph);
    }
}

/* Images too large for the cache, which are cut into bands of rows. */
static void convolutions_of_large_images_equal_the_definition(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {64, 3, {115, 113}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 2},
        {32, 2, {150, 149}, {5, 3}, {2, 1}, {1, 2}, {3, 0, 0, 2}, 1, 1},
        {24, 24, {224, 224}, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}, 24, 1},
        {40, 4, {129, 130}, {3, 3}, {1, 2}, {9, 3}, {9, 3, 9, 3}, 4, 1},
        {64, 1, {100, 140}, {1, 1}, {3, 2}, {1, 1}, {2, 0, 5, 1}, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tn_graph *graph = conv_graph(&cases[i], i);
        check_conv_forward(graph, cases[i].count);
        tn_graph_free(graph);
    }
}

/* --- convolutions of many channels: blocked products --- */

/* More channels and positions than are summed at once, neither whole vectors. */
static const struct conv_case deep_cases[] = {
    {300, 130, {7, 7}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 9},
    {64, 523, {14, 13}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 1},
    {259, 270, {9, 9}, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, 17},
    {1100, 1030, {4, 4}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, 65},
    {3, 64, {31, 30}, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}, 1, 3}, /* the first layer of a ResNet */
    {130, 70, {15, 14}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 1, 3},
    {70, 50, {7, 9}, {3, 3}, {2, 1}, {2, 3}, {2, 1, 0, 3}, 1, 5},   /* another of all each way */
    {40, 60, {12, 11}, {5, 3}, {3, 4}, {1, 1}, {0, 2, 1, 1}, 1, 2}, /* pixels that reach nothing */
    {9, 48, {2, 1}, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}, 1, 4},    /* most taps outside */
    {99, 49, {5, 5}, {1, 1}, {2, 2}, {1, 1}, {1, 0, 1, 1}, 1, 3},   /* padded 1x1 */
    {99, 49, {5, 5}, {1, 1}, {1, 1}, {1, 1}, {1, 0, 1, 1}, 1, 3},   /* and each at its own place */
};
enum { DEEP_CASES = sizeof deep_cases / sizeof *deep_cases };

static void convolutions_of_many_channels_equal_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < DEEP_CASES; i++) {
        struct tn_graph *graph = conv_graph(&deep_cases[i], (uint64_t)i);
        check_conv_forward(graph, deep_cases[i].count);
        tn_graph_free(graph);
    }
}

struct deep_pass {
    struct tn_window w;
    int count;
    float *images, *direction;
    const float *outputs, *weights, *weights_gradient, *input_gradient;
};

/* Number i of the weights. */
static double deep_weight_gradient(const struct deep_pass *p, int i)
{
    const struct tn_window *w = &p->w;
    int b = i % w->kernel[1], a = i / w->kernel[1] % w->kernel[0],
        c = i / w->kernel[1] / w->kernel[0] % w->channels_in,
        f = i / w->kernel[1] / w->kernel[0] / w->channels_in;
    double sum = 0;
    for (int n = 0; n < p->count; n++)
        for (int o = 0; o < w->out[0] * w->out[1]; o++) {
            int h = o / w->out[1] * w->stride[0] - w->pad_begin[0] + a * w->dilation[0];
            int v = o % w->out[1] * w->stride[1] - w->pad_begin[1] + b * w->dilation[1];
            if (h < 0 || v < 0 || h >= w->in[0] || v >= w->in[1])
                continue;
            sum += (double)p->direction[(n * w->channels_out + f) * w->out[0] * w->out[1] + o] *
                   (double)p->images[((n * w->channels_in + c) * w->in[0] + h) * w->in[1] + v];
        }
    return sum;
}

/* The output that pixel `at` reaches through tap `tap`, or -1. */
static int reached(const struct tn_window *w, int d, int at, int tap)
{
    int far = at + w->pad_begin[d] - tap * w->dilation[d];
    return far >= 0 && far % w->stride[d] == 0 && far / w->stride[d] < w->out[d]
               ? far / w->stride[d]
               : -1;
}

/* At pixel (h, v). */
static double deep_input_gradient(const struct deep_pass *p, int n, int c, int h, int v)
{
    const struct tn_window *w = &p->w;
    double sum = 0;
    for (int t = 0; t < w->kernel[0] * w->kernel[1]; t++) {
        int oh = reached(w, 0, h, t / w->kernel[1]), ow = reached(w, 1, v, t % w->kernel[1]);
        for (int f = 0; oh >= 0 && ow >= 0 && f < w->channels_out; f++)
            sum +=
                (double)p->weights[(f * w->channels_in + c) * w->kernel[0] * w->kernel[1] + t] *
                (double)p->direction[((n * w->channels_out + f) * w->out[0] + oh) * w->out[1] + ow];
    }
    return sum;
}

static void check_near(double expected, float found, double scale)
{
    if (!(fabs(expected - (double)found) <= 1e-5 * scale))
        fail_msg("%g, expected %g, of numbers up to %g", (double)found, expected, scale);
}

static double largest(const float *numbers, size_t count)
{
    double most = 1;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)numbers[i]));
    return most;
}

static void check_deep_gradients(const struct deep_pass *p)
{
    const struct tn_window *w = &p->w;
    int area = w->in[0] * w->in[1];
    int weights = w->channels_in * w->channels_out * w->kernel[0] * w->kernel[1];
    int inputs = p->count * w->channels_in * area;
    double scale = largest(p->weights_gradient, (size_t)weights);
    for (int i = 0; i < weights; i += 997)
        check_near(deep_weight_gradient(p, i), p->weights_gradient[i], scale);
    scale = largest(p->input_gradient, (size_t)inputs);
    for (int i = 0; i < inputs; i += 101)
        check_near(deep_input_gradient(p, i / area / w->channels_in, i / area % w->channels_in,
                                       i % area / w->in[1], i % w->in[1]),
                   p->input_gradient[i], scale);
}

static void same_bits(float **first, const float *now, size_t count)
{
    if (!*first) {
        *first = tn_alloc(count, sizeof **first);
        assert_non_null(*first);
        memcpy(*first, now, count * sizeof **first);
    }
    assert_memory_equal(*first, now, count * sizeof **first);
}

static void check_deep_passes(const struct conv_case *c)
{
    struct tn_error error = {0};
    float *first[3] = {0};
    struct tn_graph *graph = conv_graph(c, 3);
    const struct tn_node *node = &graph->nodes[0];
    size_t in = (size_t)c->count * gradients_image_size(graph, graph->inputs[0]),
           out = (size_t)c->count * gradients_image_size(graph, graph->outputs[0]);
    struct deep_pass p = {.count = c->count,
                          .images = gradients_random(in, 1),
                          .direction = gradients_random(out, 2),
                          .weights = tn_tensor_floats(tn_node_constant(graph, node, 1))};
    assert_true(tn_window_of(graph, node, &p.w, &error));
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct tn_network *network = tn_network_new(graph, c->count, TN_TRAINING, &error);
        assert_non_null(network);
        tn_network_want_input_gradient(network);
        tn_threads_set(threads);
        assert_true(tn_network_forward(network, p.images, c->count, NULL, &p.outputs, &error));
        assert_true(tn_network_backward(network, p.direction, &error));
        p.weights_gradient = tn_network_gradient(network, node->inputs[1]);
        p.input_gradient = tn_network_input_gradient(network);
        if (threads == 1)
            check_deep_gradients(&p);
        same_bits(&first[0], p.outputs, out);
        same_bits(&first[1], p.input_gradient, in);
        same_bits(&first[2], p.weights_gradient,
                  (size_t)(c->channels * c->filters * c->kernel[0] * c->kernel[1]));
        tn_network_free(network);
    }
    tn_threads_set(0);
    for (int i = 0; i < 3; i++)
        tn_free(first[i]);
    tn_free(p.images);
    tn_free(p.direction);
    tn_graph_free(graph);
}

static void gradients_of_many_channels_equal_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < DEEP_CASES; i++)
        check_deep_passes(&deep_cases[i]);
}

/* --- gradients by finite differences --- */

static void convolution_gradients_match_differences(void **state)
{
    (void)state;
    for (int i = 0; i < CONV_CASES; i++)
        gradients_check(conv_graph(&conv_cases[i], (uint64_t)i),
                        conv_cases[i].count > 5 ? 9 : conv_cases[i].count, 0.25);
}

static void norm_gradients_match_differences(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 3, 4, 5, 1);
    small_norm(&small, 3);
    gradients_check(small_end(&small), 4, 0.02);
    small_begin(&small, 3, 4, 5, 2);
    small_norm(&small, 3);
    small_node(&small, "Relu", 0, NULL);
    gradients_check(small_end(&small), 4, 0.002);
}

static void add_pool(struct small_graph *small, const char *op, int64_t kernel, int64_t stride,
                     int64_t pad, int64_t ceil, int64_t include)
{
    struct tn_error error = {0};
    struct tn_node *node = small_node(small, op, 0, NULL);
    const int64_t kernels[2] = {kernel, kernel}, strides[2] = {stride, stride},
                  pads[4] = {pad, pad, pad, pad};
    assert_true(tn_node_set_ints(node, "kernel_shape", 2, kernels, &error));
    assert_true(tn_node_set_ints(node, "strides", 2, strides, &error));
    assert_true(tn_node_set_ints(node, "pads", 4, pads, &error));
    assert_true(tn_node_set_int(node, "ceil_mode", ceil, &error));
    if (include >= 0)
        assert_true(tn_node_set_int(node, "count_include_pad", include, &error));
}

static void pooling_gradients_match_differences(void **state)
{
    (void)state;
    struct small_graph small;
    static const struct {
        const char *op;
        int64_t kernel, stride, pad, ceil, include;
    } cases[] = {{"MaxPool", 2, 2, 0, 0, -1},    {"MaxPool", 3, 2, 1, 0, -1},
                 {"MaxPool", 5, 1, 2, 0, -1},    {"MaxPool", 7, 3, 3, 1, -1},
                 {"MaxPool", 2, 2, 0, 1, -1},    {"AveragePool", 2, 2, 0, 0, 0},
                 {"AveragePool", 3, 2, 1, 0, 0}, {"AveragePool", 3, 2, 1, 0, 1},
                 {"AveragePool", 3, 2, 1, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        small_begin(&small, 2, 7, 8, i);
        add_pool(&small, cases[i].op, cases[i].kernel, cases[i].stride, cases[i].pad, cases[i].ceil,
                 cases[i].include);
        small_conv(&small, 2, 2, (const int64_t[]){1, 1}, (const int64_t[]){1, 1},
                   (const int64_t[]){1, 1}, (const int64_t[]){0, 0, 0, 0}, 1, true);
        gradients_check(small_end(&small), 3, 0.0005);
    }
    small_begin(&small, 3, 5, 6, 9);
    small_node(&small, "GlobalAveragePool", 0, NULL);
    small_conv(&small, 3, 2, (const int64_t[]){1, 1}, (const int64_t[]){1, 1},
               (const int64_t[]){1, 1}, (const int64_t[]){0, 0, 0, 0}, 1, true);
    gradients_check(small_end(&small), 3, 0.2);
}

static void fully_connected_gradients_match_differences(void **state)
{
    (void)state;
    for (int transposed = 0; transposed < 2; transposed++) {
        struct tn_error error = {0};
        struct small_graph small;
        small_begin(&small, 3, 2, 4, 3);
        small_node(&small, "Flatten", 0, NULL);
        int constants[2];
        constants[0] =
            small_constant(&small, "weight", 2,
                           transposed ? (const int64_t[]){5, 24} : (const int64_t[]){24, 5}, 0, 1);
        constants[1] = small_constant(&small, "bias", 1, (const int64_t[]){5}, 0, 1);
        struct tn_node *node = small_node(&small, "Gemm", 2, constants);
        assert_true(tn_node_set_int(node, "transB", transposed, &error));
        assert_true(tn_node_set_float(node, "alpha", 0.5f, &error));
        assert_true(tn_node_set_float(node, "beta", 2, &error));
        small_node(&small, "Relu", 0, NULL);
        gradients_check(small_end(&small), 4, 0.001);
    }
}

/* A residual block whose input is read twice, with the shortcut sliced and padded as in ResNet-20.
 */
static void residual_gradients_match_differences(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 4, 6, 6, 4);
    int64_t three[2] = {3, 3}, one[2] = {1, 1}, two[2] = {2, 2}, around[4] = {1, 1, 1, 1};
    small_conv(&small, 4, 4, three, one, one, around, 1, false);
    small_norm(&small, 4);
    small_node(&small, "Relu", 0, NULL);
    int stream = small.last;
    small_conv(&small, 4, 8, three, two, one, around, 1, false);
    small_norm(&small, 8);
    int branch = small.last;
    small.last = stream;
    int slice[4] = {small_whole_numbers(&small, "starts", 2, (const int64_t[]){0, 0}),
                    small_whole_numbers(&small, "ends", 2, (const int64_t[]){INT64_MAX, INT64_MAX}),
                    small_whole_numbers(&small, "axes", 2, (const int64_t[]){2, 3}),
                    small_whole_numbers(&small, "steps", 2, two)};
    small_node(&small, "Slice", 4, slice);
    int pads = small_whole_numbers(&small, "pads", 8, (const int64_t[]){0, 2, 0, 0, 0, 2, 0, 0});
    small_node(&small, "Pad", 1, &pads);
    int shortcut = small.last;
    small.last = branch;
    small_node(&small, "Add", 1, &shortcut);
    small_node(&small, "Relu", 0, NULL);
    small_conv(&small, 8, 2, one, one, one, (const int64_t[]){0, 0, 0, 0}, 1, true);
    (void)error;
    gradients_check(small_end(&small), 3, 0.001);
}

static void dropout_keeps_the_mean_and_passes_its_mask_back(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    enum { COUNT = 50 };
    small_begin(&small, 2, 10, 10, 8);
    int64_t one[2] = {1, 1}, none[4] = {0};
    struct tn_node *node = small_node(&small, "Dropout", 0, NULL);
    assert_true(tn_node_set_float(node, "ratio", 0.25f, &error));
    small_conv(&small, 2, 1, one, one, one, none, 1, false);
    struct tn_graph *graph = small_end(&small);
    float *weights = tn_tensor_floats(tn_node_constant(graph, &graph->nodes[1], 1));
    weights[0] = weights[1] = 1;
    struct tn_network *network = tn_network_new(graph, COUNT, TN_TRAINING, &error);
    assert_non_null(network);
    tn_network_want_input_gradient(network);
    float *images = tn_alloc(COUNT * 200, sizeof(float)),
          *ones = tn_alloc(COUNT * 100, sizeof(float));
    for (int i = 0; i < COUNT * 200; i++)
        images[i] = ones[i / 2] = 1;
    const float *outputs;
    assert_true(tn_network_forward(network, images, COUNT, NULL, &outputs, &error));
    assert_true(tn_network_backward(network, ones, &error));
    const float *gradient = tn_network_input_gradient(network);
    double sum = 0;
    int dropped = 0;
    for (int i = 0; i < COUNT * 200; i++) {
        sum += (double)gradient[i];
        dropped += gradient[i] == 0;
    }
    assert_in_range(dropped, COUNT * 200 / 4 - 200, COUNT * 200 / 4 + 200);
    assert_true(fabs(sum / (COUNT * 200) - 1) < 0.05);
    tn_network_free(network);
    network = tn_network_new(graph, COUNT, TN_INFER, &error); /* does nothing at inference */
    assert_true(tn_network_forward(network, images, COUNT, NULL, &outputs, &error));
    for (int i = 0; i < COUNT * 100; i++)
        assert_true(outputs[i] == 2);
    tn_network_free(network);
    tn_free(images);
    tn_free(ones);
    tn_graph_free(graph);
}

static void folded_norm_equals_the_norm(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    int64_t three[2] = {3, 3}, one[2] = {1, 1}, around[4] = {1, 1, 1, 1};
    small_begin(&small, 3, 6, 6, 12);
    small_conv(&small, 3, 5, three, one, one, around, 1, true);
    int before = small.last;
    small_norm(&small, 5);
    struct tn_graph *graph = small_end(&small);
    struct tn_network *folded = tn_network_new(graph, 2, TN_INFER, &error);
    /* The convolution's own output being wanted too, nothing may be folded. */
    assert_true(tn_graph_add_output(graph, before, &error));
    struct tn_network *plain = tn_network_new(graph, 2, TN_INFER, &error);
    assert_true(folded && plain);
    float *images = gradients_random(2 * 108, 3);
    const float *a, *b;
    assert_true(tn_network_forward(folded, images, 2, NULL, &a, &error));
    assert_true(tn_network_forward(plain, images, 2, NULL, &b, &error));
    for (int i = 0; i < 2 * 5 * 36; i++)
        assert_true(fabsf(a[i] - b[i]) < 1e-4f);
    tn_free(images);
    tn_network_free(folded);
    tn_network_free(plain);
    tn_graph_free(graph);
}

static void training_gives_the_same_bits_for_any_threads(void **state)
{
    (void)state;
    struct tn_error error = {0};
    float first[8 * 16 * 9] = {0};
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct tn_graph *graph = conv_graph(
            &(struct conv_case){16, 8, {12, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 0}, 1);
        struct tn_network *network = tn_network_new(graph, 40, TN_TRAINING, &error);
        float *images = gradients_random(40 * 16 * 144, 3),
              *direction = gradients_random(40 * 8 * 144, 4);
        const float *outputs;
        tn_threads_set(threads);
        assert_true(tn_network_forward(network, images, 40, NULL, &outputs, &error));
        assert_true(tn_network_backward(network, direction, &error));
        const float *gradient = tn_network_gradient(network, graph->nodes[0].inputs[1]);
        if (threads == 1)
            memcpy(first, gradient, sizeof first);
        assert_memory_equal(first, gradient, sizeof first);
        tn_network_free(network);
        tn_free(images);
        tn_free(direction);
        tn_graph_free(graph);
    }
    tn_threads_set(0);
}

static void what_cannot_be_run_is_named(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 2, 4, 4, 1);
    small_node(&small, "Einsum", 0, NULL);
    struct tn_graph *graph = small_end(&small);
    assert_null(tn_network_new(graph, 1, TN_INFER, &error));
    assert_non_null(strstr(error.text, "Einsum_0"));
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_equal_the_definition),
        cmocka_unit_test(convolutions_of_large_images_equal_the_definition),
        cmocka_unit_test(convolutions_of_many_channels_equal_the_definition),
        cmocka_unit_test(gradients_of_many_channels_equal_the_definition),
        cmocka_unit_test(convolution_gradients_match_differences),
        cmocka_unit_test(norm_gradients_match_differences),
        cmocka_unit_test(pooling_gradients_match_differences),
        cmocka_unit_test(fully_connected_gradients_match_differences),
        cmocka_unit_test(residual_gradients_match_differences),
        cmocka_unit_test(dropout_keeps_the_mean_and_passes_its_mask_back),
        cmocka_unit_test(folded_norm_equals_the_norm),
        cmocka_unit_test(training_gives_the_same_bits_for_any_threads),
        cmocka_unit_test(what_cannot_be_run_is_named),
    };
    return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
