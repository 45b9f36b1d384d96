/* engine: depthwise convolutions. The kernels of every set this processor can run, and the passes
 * of a layer, against plain loops in double. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/kernels.h"
#include "engine/network.h"
#include "gradients.h"
#include "model/window.h"
#include "small_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- kernels --- */

enum { LENGTH = 16384, UNTOUCHED = 77 };
static float plane[LENGTH], out[LENGTH], *numbers;

static int start(void **state)
{
    (void)state;
    numbers = gradients_random(LENGTH, 3);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tn_free(numbers);
    return 0;
}

static void fill(float *to, float value)
{
    for (int i = 0; i < LENGTH; i++)
        to[i] = value;
}

#define EACH_SET(k, index)                                                                         \
    const struct tn_kernels *k;                                                                    \
    for (int index = 0; (k = tn_kernels_at(index)); index++)

static void rows_are_copied_split_and_spread(void **state)
{
    (void)state;
    enum { ROWS = 3, FROM = 101, TO = 256, ODD = 128 };
    EACH_SET(k, set)
    {
        for (size_t width = 1; width < 100; width++) {
            fill(plane, UNTOUCHED);
            k->copy_rows(ROWS, width, numbers, FROM, plane, TO);
            for (size_t i = 0; i < (size_t)ROWS * TO; i++)
                assert_true(plane[i] ==
                            (i % TO < width ? numbers[i / TO * FROM + i % TO] : UNTOUCHED));
            fill(plane, UNTOUCHED);
            k->depthwise->split_rows(ROWS, width, numbers, FROM, plane, plane + ODD, TO);
            for (size_t i = 0; i < (size_t)ROWS * TO; i++) {
                size_t column = 2 * (i % ODD) + i % TO / ODD;
                assert_true(plane[i] ==
                            (column < width ? numbers[i / TO * FROM + column] : UNTOUCHED));
            }
            fill(plane, UNTOUCHED);
            k->depthwise->spread_rows(ROWS, width, numbers, FROM, plane, TO);
            for (size_t i = 0; i < (size_t)ROWS * TO; i++)
                assert_true(plane[i] == (i % TO >= 2 * width ? UNTOUCHED
                                         : i % 2 == 1        ? 0
                                                      : numbers[i / TO * FROM + i % TO / 2]));
        }
    }
}

static const struct tn_depthwise_plane shapes[] = {
    {{3, 3}, {1, 1}, 96, 0},  {{3, 3}, {2, 2}, 160, 80}, {{5, 5}, {1, 1}, 90, 0},
    {{5, 3}, {2, 1}, 85, 0},  {{3, 9}, {1, 2}, 150, 75}, {{1, 2}, {2, 2}, 136, 68},
    {{2, 17}, {1, 1}, 99, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double plane_at(const struct tn_depthwise_plane *s, int row, int column)
{
    size_t at = (size_t)(column / s->step[1]) + (size_t)(column % s->step[1]) * s->half;
    return (double)numbers[(size_t)row * s->pitch + at];
}

static double expected_output(const struct tn_depthwise_plane *s, const float *weights, int row,
                              int column)
{
    double sum = 0.25;
    for (int a = 0; a < s->kernel[0]; a++)
        for (int b = 0; b < s->kernel[1]; b++)
            sum += (double)weights[a * s->kernel[1] + b] *
                   plane_at(s, row * s->step[0] + a, column * s->step[1] + b);
    return fmin(fmax(sum, -0.5), 1);
}

static void outputs_are_sums_over_a_plane(void **state)
{
    (void)state;
    const float *weights = numbers + LENGTH / 2;
    struct tn_depthwise_finish finish = {0.25f, -0.5f, 1};
    EACH_SET(k, set)
    {
        for (int i = 0; i < SHAPES * 11 * 40; i++) {
            const struct tn_depthwise_plane *shape = &shapes[i % SHAPES];
            int rows = 1 + i / SHAPES % 11, width = 1 + i / SHAPES / 11, count = rows * width;
            fill(out, UNTOUCHED);
            k->depthwise->correlate(shape, weights, numbers, (size_t)rows, (size_t)width,
                                    (size_t)count, finish, out);
            for (int j = 0; j < count; j++) {
                double expected = expected_output(shape, weights, j / width, j % width);
                assert_true(fabs(expected - (double)out[j]) < 1e-5);
            }
            assert_true(out[count] == UNTOUCHED);
        }
    }
}

static double expected_weight(const struct tn_depthwise_plane *s, const float *gradient,
                              size_t pitch, int rows, int tap)
{
    int a = tap / s->kernel[1], b = tap % s->kernel[1];
    double sum = 1;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < (int)pitch; c++)
            sum += (double)gradient[(size_t)r * pitch + (size_t)c] *
                   plane_at(s, r * s->step[0] + a, c * s->step[1] + b);
    return sum;
}

static void weights_get_sums_of_products(void **state)
{
    (void)state;
    const float *gradient = numbers + LENGTH / 2;
    EACH_SET(k, set)
    {
        size_t lanes = (size_t)k->lanes;
        for (int i = 0; i < SHAPES * 7 * 2; i++) {
            const struct tn_depthwise_plane *shape = &shapes[i % SHAPES];
            int rows = 1 + i / SHAPES % 7;
            size_t pitch = lanes * (1 + (size_t)(i / SHAPES / 7));
            double sums[64 * 16];
            for (size_t j = 0; j < 64 * lanes; j++)
                sums[j] = j % lanes == 0;
            k->depthwise->weights(shape, numbers, gradient, pitch, (size_t)rows, sums);
            for (int tap = 0; tap < shape->kernel[0] * shape->kernel[1]; tap++) {
                double sum = 0;
                for (size_t j = 0; j < lanes; j++)
                    sum += sums[(size_t)tap * lanes + j];
                assert_true(fabs(sum - expected_weight(shape, gradient, pitch, rows, tap)) < 1e-5);
            }
        }
    }
}

/* --- layers --- */

struct layer_case {
    int channels, size[2];
    int64_t kernel[2], stride[2], pads[4];
    int count;
};

static const struct layer_case cases[] = {
    {5, {7, 7}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 5},         /* the usual one */
    {3, {14, 14}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 4},       /* between vectors */
    {4, {14, 14}, {3, 3}, {2, 2}, {1, 1, 1, 1}, 3},       /* stride 2, even */
    {2, {13, 15}, {3, 3}, {2, 2}, {1, 1, 1, 1}, 2},       /* and odd */
    {3, {28, 56}, {3, 3}, {2, 2}, {0, 0, 1, 1}, 2},       /* padded at the end */
    {2, {9, 33}, {3, 3}, {2, 2}, {0, 2, 3, 1}, 2},        /* asymmetric everything */
    {2, {6, 40}, {3, 3}, {1, 1}, {2, 0, 1, 2}, 2},        /* output above the input */
    {4, {7, 7}, {5, 5}, {1, 1}, {2, 2, 2, 2}, 3},         /* kernels of MobileNetV3 */
    {3, {28, 28}, {5, 5}, {2, 2}, {2, 2, 2, 2}, 2},       /**/
    {2, {17, 23}, {5, 5}, {2, 2}, {1, 2, 2, 1}, 2},       /* padded by 2 or 1 */
    {2, {14, 15}, {7, 7}, {1, 1}, {3, 3, 3, 3}, 2},       /* of ConvNeXt */
    {2, {12, 37}, {4, 9}, {1, 2}, {1, 4, 2, 4}, 1},       /* a stride each way */
    {2, {12, 37}, {2, 1}, {2, 1}, {0, 0, 0, 0}, 1},       /**/
    {3, {8, 8}, {1, 1}, {2, 2}, {0, 0, 0, 0}, 2},         /* 1x1 */
    {2, {1, 1}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 2},         /* 1x1 image */
    {2, {3, 2}, {3, 3}, {1, 1}, {4, 5, 4, 5}, 1},         /* padding above kernel */
    {2, {4, 4}, {2, 2}, {2, 2}, {3, 4, 3, 4}, 1},         /**/
    {2, {33, 31}, {31, 31}, {1, 1}, {15, 15, 15, 15}, 1}, /* large */
    {3, {112, 112}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 2},     /* several bands */
    {2, {113, 150}, {3, 3}, {2, 2}, {1, 1, 1, 1}, 1},     /**/
    {2, {95, 112}, {5, 5}, {2, 2}, {2, 2, 2, 2}, 1},      /**/
    {2, {9, 700}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 1},       /* a row fills a plane */
    {150, {3, 5}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 3},       /* many channels */
};

/* What a layer makes, and what it should. */
struct passes {
    struct tn_window w;
    int count;
    float *images, *direction;
    const float *weights, *bias;
    double *outputs, *input_gradient, *weights_gradient;
};

static double *zeros(size_t count)
{
    double *list = tn_calloc(count, sizeof *list);
    assert_non_null(list);
    return list;
}

static void expect_one(struct passes *p, int image, int row, int column)
{
    const struct tn_window *w = &p->w;
    int f = image % w->channels_out, taps = w->kernel[0] * w->kernel[1];
    int o = (image * w->out[0] + row) * w->out[1] + column;
    p->outputs[o] = p->bias ? (double)p->bias[f] : 0;
    for (int tap = 0; tap < taps; tap++) {
        int h = row * w->stride[0] - w->pad_begin[0] + tap / w->kernel[1];
        int v = column * w->stride[1] - w->pad_begin[1] + tap % w->kernel[1];
        if (h < 0 || v < 0 || h >= w->in[0] || v >= w->in[1])
            continue;
        int i = (image * w->in[0] + h) * w->in[1] + v;
        p->outputs[o] += (double)p->weights[f * taps + tap] * (double)p->images[i];
        p->input_gradient[i] += (double)p->weights[f * taps + tap] * (double)p->direction[o];
        p->weights_gradient[f * taps + tap] += (double)p->images[i] * (double)p->direction[o];
    }
}

static void expect(struct passes *p)
{
    for (int i = 0; i < p->count * p->w.channels_out; i++)
        for (int row = 0; row < p->w.out[0]; row++)
            for (int column = 0; column < p->w.out[1]; column++)
                expect_one(p, i, row, column);
}

static void check_near(const char *what, size_t index, const double *expected, const float *got,
                       size_t count)
{
    double worst = 0, scale = 0;
    for (size_t i = 0; i < count; i++) {
        assert_false(isnan(got[i]));
        worst = fmax(worst, fabs(expected[i] - (double)got[i]));
        scale = fmax(scale, fabs(expected[i]));
    }
    if (worst > 1e-5 * scale)
        fail_msg("case %zu: %s differ by %g of %g", index, what, worst, scale);
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

static struct tn_graph *layer(const struct layer_case *c, uint64_t seed)
{
    struct small_graph small;
    small_begin(&small, c->channels, c->size[0], c->size[1], seed);
    small_conv(&small, c->channels, c->channels, c->kernel, c->stride, (const int64_t[]){1, 1},
               c->pads, c->channels, seed % 2 == 0);
    return small_end(&small);
}

/* `sizes` of outputs, gradient of the input and of the weights. */
static void check_passes(size_t index, const struct tn_graph *graph, const struct passes *p,
                         const size_t sizes[3])
{
    struct tn_error error = {0};
    float *first[3] = {0};
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct tn_network *network = tn_network_new(graph, p->count, TN_TRAINING, &error);
        assert_non_null(network);
        assert_string_equal(tn_network_path(network, 0), "depthwise");
        tn_network_want_input_gradient(network);
        tn_threads_set(threads);
        const float *got[3];
        assert_true(tn_network_forward(network, p->images, p->count, NULL, &got[0], &error));
        assert_true(tn_network_backward(network, p->direction, &error));
        got[1] = tn_network_input_gradient(network);
        got[2] = tn_network_gradient(network, graph->nodes[0].inputs[1]);
        check_near("outputs", index, p->outputs, got[0], sizes[0]);
        check_near("gradients of the input", index, p->input_gradient, got[1], sizes[1]);
        check_near("gradients of weights", index, p->weights_gradient, got[2], sizes[2]);
        for (int i = 0; i < 3; i++)
            same_bits(&first[i], got[i], sizes[i]);
        tn_network_free(network);
    }
    tn_threads_set(0);
    for (int i = 0; i < 3; i++)
        tn_free(first[i]);
}

static void check_layer(size_t index)
{
    struct tn_error error = {0};
    struct tn_graph *graph = layer(&cases[index], index);
    const struct tn_node *node = &graph->nodes[0];
    const struct tn_tensor *bias = tn_node_constant(graph, node, 2);
    struct passes p = {.count = cases[index].count,
                       .weights = tn_tensor_floats(tn_node_constant(graph, node, 1)),
                       .bias = bias ? tn_tensor_floats(bias) : NULL};
    assert_true(tn_window_of(graph, node, &p.w, &error));
    const size_t sizes[3] = {(size_t)p.count * gradients_image_size(graph, graph->outputs[0]),
                             (size_t)p.count * gradients_image_size(graph, graph->inputs[0]),
                             (size_t)p.w.channels_out * (size_t)p.w.kernel[0] *
                                 (size_t)p.w.kernel[1]};
    p.images = gradients_random(sizes[1], 1);
    p.direction = gradients_random(sizes[0], 2);
    p.outputs = zeros(sizes[0]);
    p.input_gradient = zeros(sizes[1]);
    p.weights_gradient = zeros(sizes[2]);
    expect(&p);
    check_passes(index, graph, &p, sizes);
    tn_free(p.images);
    tn_free(p.direction);
    tn_free(p.outputs);
    tn_free(p.input_gradient);
    tn_free(p.weights_gradient);
    tn_graph_free(graph);
}

static void layers_equal_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_layer(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_copied_split_and_spread),
        cmocka_unit_test(outputs_are_sums_over_a_plane),
        cmocka_unit_test(weights_get_sums_of_products),
        cmocka_unit_test(layers_equal_the_definition),
    };
    return cmocka_run_group_tests_name("depthwise", tests, start, stop);
}
