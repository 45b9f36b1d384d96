#include "gradients.h"

#include "core/memory.h"
#include "core/random.h"
#include "engine/network.h"
#include "quick.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

size_t gradients_image_size(const struct tn_graph *graph, int value)
{
    size_t size = 1;
    for (int i = 1; i < graph->values[value].rank; i++)
        size *= (size_t)graph->values[value].dims[i];
    return size;
}

float *gradients_random(size_t count, uint64_t seed)
{
    struct tn_random random;
    float *numbers = tn_alloc(count, sizeof *numbers);
    assert_non_null(numbers);
    tn_random_seed(&random, seed, 99);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)(2 * tn_random_uniform(&random) - 1);
    return numbers;
}

/* sum_i r_i output_i in double, for fixed random r */
static double projected(struct tn_graph *graph, const float *images, int count,
                        const float *direction)
{
    struct tn_error error = {0};
    const float *outputs;
    struct tn_network *network = tn_network_new(graph, count, TN_TRAINING, &error);
    if (!network)
        fail_msg("%s", error.text);
    assert_true(tn_network_forward(network, images, count, NULL, &outputs, &error));
    double sum = 0;
    for (size_t i = 0; i < (size_t)count * (size_t)tn_network_outputs(network); i++)
        sum += (double)outputs[i] * (double)direction[i];
    tn_network_free(network);
    return sum;
}

static double difference(struct tn_graph *graph, float *images, int count, const float *direction,
                         float *at, double h)
{
    float middle = *at;
    *at = (float)((double)middle + h);
    double up = projected(graph, images, count, direction), above = (double)*at;
    *at = (float)((double)middle - h);
    double down = projected(graph, images, count, direction), below = (double)*at;
    *at = middle;
    return (up - down) / (above - below);
}

struct tally {
    int checked, kinks;
};

/* Where two step lengths disagree a ReLU or a maximum changes sides between them: no derivative
 * there to compare. */
static void compare(const char *what, double analytic, double numeric, double half_step,
                    double scale, struct tally *tally)
{
    double tolerance = 2e-3 * scale + 2e-3 * fabs(numeric);
    tally->checked++;
    if (fabs(numeric - half_step) > tolerance)
        tally->kinks++;
    else if (!(fabs(analytic - half_step) <= 2 * tolerance))
        fail_msg("%s: gradient %g, by differences %g", what, analytic, half_step);
}

/* Compare up to 12 (quick: 4) numbers of every parameter's and of the input's gradient with central
 * differences of step h. */
static void check_gradients(struct tn_graph *graph, int count, double h, float *images)
{
    struct tally tally = {0, 0};
    struct tn_error error = {0};
    const size_t parameters = (size_t)test_amount(12, 4), inputs = (size_t)test_amount(40, 12);
    const float *outputs;
    struct tn_network *network = tn_network_new(graph, count, TN_TRAINING, &error);
    if (!network)
        fail_msg("%s", error.text);
    tn_network_want_input_gradient(network);
    float *direction = gradients_random((size_t)count * (size_t)tn_network_outputs(network), 6);
    assert_true(tn_network_forward(network, images, count, NULL, &outputs, &error));
    if (!tn_network_backward(network, direction, &error))
        fail_msg("%s", error.text);
    for (int v = 0; v < graph->value_count; v++) {
        const float *gradient = graph->values[v].constant ? tn_network_gradient(network, v) : NULL;
        if (!gradient)
            continue;
        struct tn_tensor *tensor = graph->values[v].constant;
        double scale = 0;
        for (size_t i = 0; i < tensor->count; i++)
            scale = fmax(scale, fabs((double)gradient[i]));
        for (size_t i = 0; i < tensor->count; i += 1 + tensor->count / parameters) {
            float *at = &tn_tensor_floats(tensor)[i];
            compare(graph->values[v].name, (double)gradient[i],
                    difference(graph, images, count, direction, at, h),
                    difference(graph, images, count, direction, at, h / 2), scale, &tally);
        }
    }
    const float *gradient = tn_network_input_gradient(network);
    size_t size = (size_t)count * gradients_image_size(graph, graph->inputs[0]);
    double scale = 0;
    for (size_t i = 0; i < size; i++)
        scale = fmax(scale, fabs((double)gradient[i]));
    assert_true(scale > 0);
    for (size_t i = 0; i < size; i += 1 + size / inputs)
        compare("input", (double)gradient[i],
                difference(graph, images, count, direction, &images[i], h),
                difference(graph, images, count, direction, &images[i], h / 2), scale, &tally);
    assert_true(tally.kinks * 4 < tally.checked);
    tn_free(direction);
    tn_network_free(network);
}

void gradients_check(struct tn_graph *graph, int count, double h)
{
    float *images =
        gradients_random((size_t)count * gradients_image_size(graph, graph->inputs[0]), 7);
    check_gradients(graph, count, h, images);
    tn_free(images);
    tn_graph_free(graph);
}
