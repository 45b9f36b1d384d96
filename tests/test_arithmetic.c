/* engine: gradients of activations, arithmetic, reductions and normalisation by finite differences;
 * what is trained and what is not; the same bits for any threads. Their results are compared with
 * other programs' by tests/pipeline/test_arithmetic.py. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/network.h"
#include "gradients.h"
#include "model/shape.h"
#include "small_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t one[2] = {1, 1}, none[4] = {0};

/* Something to train in front, so that constants behind it are trained too. Not a bias: where a
 * mean is taken away behind it, its gradient is nothing but rounding. */
static void begin(struct small_graph *small, int channels, int height, int width, uint64_t seed)
{
    small_begin(small, channels, height, width, seed);
    small_conv(small, channels, channels, one, one, one, none, 1, false);
}

static void set_float(struct tn_node *node, const char *name, float value)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_float(node, name, value, &error));
}

static void set_int(struct tn_node *node, const char *name, int64_t value)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_int(node, name, value, &error));
}

static struct tn_node *reduce(struct small_graph *small, const char *op, size_t count,
                              const int64_t *axes, int64_t keep)
{
    struct tn_error error = {0};
    struct tn_node *node;
    if (strcmp(op, "ReduceSum") == 0) {
        int list = small_whole_numbers(small, "axes", (int)count, axes);
        node = small_node(small, op, 1, &list);
    } else {
        node = small_node(small, op, 0, NULL);
        assert_true(tn_node_set_ints(node, "axes", count, axes, &error));
    }
    set_int(node, "keepdims", keep);
    return node;
}

static void function_gradients_match_differences(void **state)
{
    (void)state;
    static const struct {
        const char *op, *before, *attribute;
        float value;
        double h;
    } cases[] = {
        {"Relu", NULL, NULL, 0, 0.001},       {"LeakyRelu", NULL, "alpha", 0.2f, 0.001},
        {"Elu", NULL, "alpha", 1.5f, 0.002},  {"Selu", NULL, NULL, 0, 0.002},
        {"Celu", NULL, "alpha", 2, 0.01},     {"Clip", NULL, "max", 0.5f, 0.001},
        {"Sigmoid", NULL, NULL, 0, 0.02},     {"HardSigmoid", NULL, "alpha", 0.5f, 0.002},
        {"HardSwish", NULL, NULL, 0, 0.01},   {"Mish", NULL, NULL, 0, 0.02},
        {"Gelu", NULL, NULL, 0, 0.02},        {"Softplus", NULL, NULL, 0, 0.02},
        {"Softsign", NULL, NULL, 0, 0.01},    {"Tanh", NULL, NULL, 0, 0.02},
        {"Erf", NULL, NULL, 0, 0.02},         {"Exp", NULL, NULL, 0, 0.02},
        {"Log", "Exp", NULL, 0, 0.02},        {"Sqrt", "Exp", NULL, 0, 0.02},
        {"Reciprocal", "Exp", NULL, 0, 0.02}, {"Abs", NULL, NULL, 0, 0.001},
        {"Neg", NULL, NULL, 0, 0.05},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct small_graph small;
        begin(&small, 3, 4, 5, i);
        small.graph->info.opset = strcmp(cases[i].op, "Clip") == 0 ? 10 : 20;
        if (cases[i].before)
            small_node(&small, cases[i].before, 0, NULL);
        struct tn_node *node = small_node(&small, cases[i].op, 0, NULL);
        if (cases[i].attribute)
            set_float(node, cases[i].attribute, cases[i].value);
        print_message("%s\n", cases[i].op);
        gradients_check(small_end(&small), 3, cases[i].h);
    }
}

/* Slopes are trained even before anything else is, and even a single one. */
static void slopes_of_prelu_are_trained(void **state)
{
    (void)state;
    static const int64_t shapes[][4] = {{1, 1, 1, 1}, {1, 3, 1, 1}, {1, 3, 4, 5}, {1, 1, 1, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct tn_error error = {0};
        struct small_graph small;
        small_begin(&small, 3, 4, 5, i);
        int slope = small_constant(&small, "slope", 4, shapes[i], 0.25, 0.1);
        small_node(&small, "PRelu", 1, &slope);
        struct tn_graph *graph = small_end(&small);
        struct tn_network *network = tn_network_new(graph, 1, TN_TRAINING, &error);
        assert_non_null(network);
        assert_non_null(tn_network_gradient(network, slope));
        tn_network_free(network);
        gradients_check(graph, 4, 0.002);
    }
}

static void softmax_gradients_match_differences(void **state)
{
    (void)state;
    for (int logarithm = 0; logarithm < 2; logarithm++)
        for (int opset = 11; opset <= 13; opset += 2)
            for (int axis = 1; axis < 4; axis++) {
                struct small_graph small;
                begin(&small, 4, 3, 5, (uint64_t)axis);
                small.graph->info.opset = opset;
                set_int(small_node(&small, logarithm ? "LogSoftmax" : "Softmax", 0, NULL), "axis",
                        axis);
                gradients_check(small_end(&small), 3, 0.05);
            }
}

/* --- arithmetic --- */

static const char *const operators[] = {"Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean"};
enum { OPERATORS = sizeof operators / sizeof *operators };

static const struct {
    int image[3]; /* of the activation */
    int rank;
    int64_t dims[4]; /* of the constant */
} operand_cases[] = {
    {{3, 4, 5}, 3, {3, 1, 1}}, {{3, 4, 5}, 4, {1, 3, 1, 1}}, {{3, 4, 5}, 1, {5}},
    {{3, 4, 5}, 2, {4, 1}},    {{3, 4, 5}, 3, {3, 4, 5}},    {{3, 4, 5}, 3, {3, 1, 5}},
    {{3, 4, 5}, 2, {4, 5}},    {{3, 1, 1}, 3, {3, 4, 5}},    {{3, 1, 1}, 4, {1, 3, 1, 1}},
    {{1, 4, 5}, 3, {3, 1, 1}}, {{3, 50, 60}, 3, {3, 1, 1}},  {{2, 50, 60}, 2, {50, 60}},
};

/* The step for functions with corners: small, for a step of one bias moves many numbers, and those
 * that pass a corner have no derivative there. */
static const double CORNER_STEP = 0.0004;

static bool has_corners(const char *op)
{
    return strcmp(op, "Min") == 0 || strcmp(op, "Max") == 0;
}

static void swap_inputs(struct tn_node *node)
{
    int first = node->inputs[0];
    node->inputs[0] = node->inputs[1];
    node->inputs[1] = first;
}

static void check_operand(const char *op, size_t index, bool constant_first)
{
    struct tn_error error = {0};
    struct small_graph small;
    const int *image = operand_cases[index].image;
    begin(&small, image[0], image[1], image[2], index);
    bool positive = constant_first && strcmp(op, "Div") == 0;
    if (positive) /* not near 0 */
        small_node(&small, "Exp", 0, NULL);
    int constant = small_constant(&small, "operand", operand_cases[index].rank,
                                  operand_cases[index].dims, has_corners(op) ? 0 : 1, 0.5);
    struct tn_node *node = small_node(&small, op, 1, &constant);
    if (constant_first)
        swap_inputs(node);
    struct tn_graph *graph = small_end(&small);
    struct tn_network *network = tn_network_new(graph, 1, TN_TRAINING, &error);
    if (!network)
        fail_msg("%s", error.text);
    assert_non_null(tn_network_gradient(network, constant)); /* so that it is checked below */
    tn_network_free(network);
    print_message("%s, operand %zu%s\n", op, index, constant_first ? " first" : "");
    gradients_check(graph, 3, has_corners(op) ? CORNER_STEP : 0.02);
}

static void gradients_of_constants_match_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operand_cases / sizeof *operand_cases; i++)
        for (int op = 0; op < OPERATORS; op++)
            if (operand_cases[i].image[1] < 10 || !has_corners(operators[op]))
                check_operand(operators[op], i, (op + (int)i) % 2 == 0);
}

/* A gate made of the activation itself, by which it is then multiplied, divided ... */
static void check_gate(const char *op, size_t count, const int64_t *axes, bool gate_first)
{
    struct small_graph small;
    begin(&small, 3, 4, 5, count);
    int stream = small.last;
    reduce(&small, "ReduceMean", count, axes, 1);
    small_node(&small, "Exp", 0, NULL);
    int gate = small.last;
    small.last = stream;
    struct tn_node *node = small_node(&small, op, 1, &gate);
    if (gate_first)
        swap_inputs(node);
    gradients_check(small_end(&small), 3, has_corners(op) ? CORNER_STEP : 0.01);
}

static void gradients_of_gates_match_differences(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        int64_t axes[3];
    } gates[] = {{2, {2, 3}}, {1, {1}}, {3, {1, 2, 3}}, {1, {3}}, {2, {1, 3}}};
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++)
        for (int op = 0; op < OPERATORS; op++) {
            print_message("%s by a gate of %zu axes\n", operators[op], gates[i].count);
            check_gate(operators[op], gates[i].count, gates[i].axes,
                       op % 2 && strcmp(operators[op], "Div") != 0);
        }
}

/* Two that stretch over each other, and one that is there twice. */
static void gradients_of_both_match_differences(void **state)
{
    (void)state;
    for (int op = 0; op < OPERATORS; op++) {
        struct small_graph small;
        begin(&small, 3, 4, 5, (uint64_t)op);
        int stream = small.last;
        reduce(&small, "ReduceMean", 1, (const int64_t[]){2}, 1);
        int rows = small.last;
        small.last = stream;
        reduce(&small, "ReduceMean", 2, (const int64_t[]){1, 3}, 1);
        small_node(&small, "Exp", 0, NULL);
        int columns = small.last;
        small.last = rows;
        small_node(&small, operators[op], 1, &columns);
        gradients_check(small_end(&small), 3, has_corners(operators[op]) ? CORNER_STEP : 0.005);

        begin(&small, 3, 4, 5, (uint64_t)op);
        small_node(&small, "Exp", 0, NULL);
        int twice = small.last;
        small_node(&small, operators[op], 1, &twice);
        if (strcmp(operators[op], "Sub") == 0 || strcmp(operators[op], "Div") == 0)
            small_node(&small, "Add", 1, &twice); /* 0 and 1 alone have no gradient */
        gradients_check(small_end(&small), 3, 0.02);
    }
}

static void gradients_of_many_match_differences(void **state)
{
    (void)state;
    static const char *const many[] = {"Sum", "Mean", "Min", "Max"};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        struct small_graph small;
        begin(&small, 3, 4, 5, i);
        int stream = small.last, inputs[5];
        reduce(&small, "ReduceMean", 2, (const int64_t[]){2, 3}, 1);
        inputs[0] = small.last;
        inputs[1] = small_constant(&small, "operand", 3, (const int64_t[]){3, 1, 1}, 0, 1);
        small.last = stream;
        small_node(&small, "Neg", 0, NULL);
        inputs[2] = small.last;
        inputs[3] = stream;
        small.last = stream;
        small_node(&small, many[i], 4, inputs);
        print_message("%s of five\n", many[i]);
        gradients_check(small_end(&small), 3, has_corners(many[i]) ? CORNER_STEP : 0.02);
    }
}

static void power_gradients_match_differences(void **state)
{
    (void)state;
    static const double exponents[] = {2, 3, 0.5, -0.5, -1, 1.7, 1};
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        struct small_graph small;
        begin(&small, 3, 4, 5, i);
        small_node(&small, "Exp", 0, NULL);
        int exponent = small_constant(&small, "exponent", 0, none, exponents[i], 0);
        small_node(&small, "Pow", 1, &exponent);
        gradients_check(small_end(&small), 3, 0.01);
    }
    struct small_graph small;
    begin(&small, 3, 4, 5, 9);
    int exponent = small.last;
    small_node(&small, "Exp", 0, NULL);
    small_node(&small, "Pow", 1, &exponent);
    gradients_check(small_end(&small), 3, 0.01);
}

static void reduction_gradients_match_differences(void **state)
{
    (void)state;
    static const char *const reductions[] = {"ReduceMean", "ReduceSum", "ReduceMax"};
    for (size_t op = 0; op < sizeof reductions / sizeof *reductions; op++)
        for (unsigned axes = 2; axes < 16; axes += 2) {
            struct small_graph small;
            int64_t list[3];
            size_t count = 0;
            for (unsigned axis = 1; axis < 4; axis++)
                if (axes >> axis & 1)
                    list[count++] = axis;
            begin(&small, 3, 4, 5, axes);
            reduce(&small, reductions[op], count, list, axes % 4 == 0 || count == 3);
            print_message("%s of axes %x\n", reductions[op], axes);
            gradients_check(small_end(&small), 3, op == 2 ? 0.002 : 0.1);
        }
}

/* --- normalisation --- */

static void layer_norm_gradients_match_differences(void **state)
{
    (void)state;
    const int64_t image[3] = {3, 4, 5};
    for (int axis = 1; axis < 4; axis++)
        for (int shift = 0; shift < 2; shift++) {
            struct small_graph small;
            int constants[2];
            begin(&small, 3, 4, 5, (uint64_t)axis);
            small.graph->info.opset = 17;
            constants[0] = small_constant(&small, "scale", 4 - axis, image + axis - 1, 1, 0.5);
            if (shift)
                constants[1] = small_constant(&small, "shift", 4 - axis, image + axis - 1, 0, 0.5);
            set_int(small_node(&small, "LayerNormalization", 1 + shift, constants), "axis", axis);
            gradients_check(small_end(&small), 3, 0.02);
        }
}

static void layer_norm_in_parts_has_its_gradient(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 3, 4, 5, 1);
    int stream = small.last;
    reduce(&small, "ReduceMean", 1, (const int64_t[]){3}, 1);
    int mean = small.last;
    small.last = stream;
    small_node(&small, "Sub", 1, &mean);
    int deviation = small.last;
    int two = small_constant(&small, "two", 0, none, 2, 0);
    small_node(&small, "Pow", 1, &two);
    reduce(&small, "ReduceMean", 1, (const int64_t[]){3}, 1);
    int epsilon = small_constant(&small, "epsilon", 0, none, 1e-3, 0);
    small_node(&small, "Add", 1, &epsilon);
    int half = small_constant(&small, "half", 0, none, 0.5, 0);
    small_node(&small, "Pow", 1, &half);
    int root = small.last;
    small.last = deviation;
    small_node(&small, "Div", 1, &root);
    int scale = small_constant(&small, "scale", 1, (const int64_t[]){5}, 1, 0.5);
    small_node(&small, "Mul", 1, &scale);
    int shift = small_constant(&small, "shift", 1, (const int64_t[]){5}, 0, 0.5);
    small_node(&small, "Add", 1, &shift);
    gradients_check(small_end(&small), 3, 0.01);
}

static void instance_norm_gradients_match_differences(void **state)
{
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        struct small_graph small;
        int constants[2];
        begin(&small, 3, 4, 5, 1);
        constants[0] = small_constant(&small, "scale", 1, (const int64_t[]){3}, 1, 0.5);
        constants[1] = small_constant(&small, "shift", 1, (const int64_t[]){3}, 0, 0.5);
        small_node(&small, "InstanceNormalization", 2, constants);
        if (relu)
            small_node(&small, "Relu", 0, NULL);
        gradients_check(small_end(&small), 3, relu ? 0.002 : 0.02);
    }
}

static void lrn_gradients_match_differences(void **state)
{
    (void)state;
    for (int size = 1; size < 6; size++) {
        struct small_graph small;
        begin(&small, 4, 3, 5, (uint64_t)size);
        struct tn_node *node = small_node(&small, "LRN", 0, NULL);
        set_int(node, "size", size);
        set_float(node, "alpha", 1.5f);
        set_float(node, "beta", size % 2 ? 0.75f : 0.5f);
        set_float(node, "bias", 1.5f);
        gradients_check(small_end(&small), 3, 0.02);
    }
}

static void norm_of_features_has_its_gradient(void **state)
{
    (void)state;
    struct small_graph small;
    begin(&small, 6, 1, 1, 1);
    small_node(&small, "Flatten", 0, NULL);
    small_norm(&small, 6);
    gradients_check(small_end(&small), 5, 0.02);
}

/* --- what is trained --- */

static const float *gradient_of(struct tn_network *network, int value)
{
    return tn_network_gradient(network, value);
}

static void constants_before_the_first_layer_stay(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct small_graph small;
    small_begin(&small, 3, 4, 4, 1);
    int mean = small_constant(&small, "mean", 3, (const int64_t[]){3, 1, 1}, 0, 1);
    small_node(&small, "Sub", 1, &mean);
    int scale = small_constant(&small, "deviation", 3, (const int64_t[]){3, 1, 1}, 1, 0.5);
    small_node(&small, "Mul", 1, &scale);
    small_conv(&small, 3, 3, one, one, one, none, 1, true);
    int after = small_constant(&small, "layer scale", 3, (const int64_t[]){3, 1, 1}, 1, 0.5);
    small_node(&small, "Mul", 1, &after);
    int single = small_constant(&small, "single", 3, (const int64_t[]){1, 1, 1}, 1, 0.5);
    small_node(&small, "Mul", 1, &single);
    struct tn_graph *graph = small_end(&small);
    struct tn_network *network = tn_network_new(graph, 2, TN_TRAINING, &error);
    assert_non_null(network);
    assert_null(gradient_of(network, mean));
    assert_null(gradient_of(network, scale));
    assert_null(gradient_of(network, single));
    assert_non_null(gradient_of(network, after));
    tn_network_free(network);
    gradients_check(graph, 2, 0.05);
}

/* --- the same numbers in every way of running --- */

static struct tn_graph *mixture(void)
{
    struct small_graph small;
    begin(&small, 8, 30, 31, 5);
    small.graph->info.opset = 17;
    int bias = small_constant(&small, "bias", 3, (const int64_t[]){8, 1, 1}, 0, 1);
    small_node(&small, "Add", 1, &bias);
    small_node(&small, "Relu", 0, NULL);
    int stream = small.last;
    reduce(&small, "ReduceMean", 2, (const int64_t[]){2, 3}, 1);
    small_node(&small, "Sigmoid", 0, NULL);
    int gate = small.last;
    small.last = stream;
    small_node(&small, "Mul", 1, &gate);
    int slope = small_constant(&small, "slope", 0, none, 0.25, 0);
    small_node(&small, "PRelu", 1, &slope);
    set_int(small_node(&small, "LRN", 0, NULL), "size", 3);
    int last_axis = small_constant(&small, "scale", 1, (const int64_t[]){31}, 1, 1);
    small_node(&small, "LayerNormalization", 1, &last_axis);
    int many[3] = {stream, gate, bias};
    small_node(&small, "Sum", 3, many);
    set_int(small_node(&small, "Softmax", 0, NULL), "axis", 1);
    int row = small_constant(&small, "row", 1, (const int64_t[]){31}, 1, 1);
    small_node(&small, "Mul", 1, &row);
    reduce(&small, "ReduceMax", 1, (const int64_t[]){2}, 0);
    return small_end(&small);
}

enum { IMAGES = 40, IMAGE = 8 * 30 * 31, OUTPUTS = 8 * 31 };

static void bits_are_the_same_for_any_threads(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = mixture();
    float *images = gradients_random(IMAGES * IMAGE, 3),
          *direction = gradients_random(IMAGES * OUTPUTS, 4);
    float *first[200] = {NULL};
    assert_true(graph->value_count < 200);
    for (unsigned threads = 1; threads <= 3; threads++) {
        const float *outputs;
        struct tn_network *network = tn_network_new(graph, IMAGES, TN_TRAINING, &error);
        tn_threads_set(threads);
        assert_true(tn_network_forward(network, images, IMAGES, NULL, &outputs, &error));
        assert_true(tn_network_backward(network, direction, &error));
        int compared = 0;
        for (int v = 0; v < graph->value_count; v++) {
            const float *gradient = tn_network_gradient(network, v);
            if (!gradient)
                continue;
            size_t count = graph->values[v].constant->count;
            if (!first[v]) {
                first[v] = tn_alloc(count, sizeof(float));
                memcpy(first[v], gradient, count * sizeof(float));
            }
            assert_memory_equal(first[v], gradient, count * sizeof(float));
            compared++;
        }
        assert_int_equal(compared, 5);
        tn_network_free(network);
    }
    for (int v = 0; v < 200; v++)
        tn_free(first[v]);
    tn_threads_set(0);
    tn_free(images);
    tn_free(direction);
    tn_graph_free(graph);
}

/* At inference memory is used again, results take the place of operands, and ReLUs are fused. */
static void inference_equals_the_training_pass(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = mixture();
    float *images = gradients_random(IMAGES * IMAGE, 3);
    struct tn_network *lasting = tn_network_new(graph, IMAGES, TN_TRAINING, &error);
    struct tn_network *reusing = tn_network_new(graph, IMAGES, TN_INFER, &error);
    const float *a, *b;
    assert_true(tn_network_forward(lasting, images, IMAGES, NULL, &a, &error));
    for (int count = IMAGES; count >= 1; count -= 13) {
        assert_true(tn_network_forward(reusing, images, count, NULL, &b, &error));
        assert_memory_equal(a, b, (size_t)count * OUTPUTS * sizeof(float));
    }
    tn_network_free(lasting);
    tn_network_free(reusing);
    tn_free(images);
    tn_graph_free(graph);
}

/* --- what is refused --- */

static void expect_refused(struct small_graph *small, const char *name)
{
    struct tn_error error = {0};
    struct tn_graph *graph = small->graph;
    assert_true(tn_graph_add_output(graph, small->last, &error));
    if (tn_graph_infer_shapes(graph, &error)) {
        struct tn_network *network = tn_network_new(graph, 1, TN_INFER, &error);
        assert_null(network);
    }
    if (!strstr(error.text, name))
        fail_msg("'%s' does not name %s", error.text, name);
    tn_graph_free(graph);
}

static void what_cannot_be_run_is_named(void **state)
{
    (void)state;
    struct small_graph small;
    small_begin(&small, 2, 3, 4, 1);
    set_int(small_node(&small, "Cast", 0, NULL), "to", 7);
    small_node(&small, "Relu", 0, NULL);
    expect_refused(&small, "Cast_0");
    small_begin(&small, 2, 3, 4, 1);
    set_int(small_node(&small, "Softmax", 0, NULL), "axis", 0);
    expect_refused(&small, "Softmax_0");
    small_begin(&small, 2, 3, 4, 1);
    reduce(&small, "ReduceMax", 2, (const int64_t[]){0, 1}, 1);
    expect_refused(&small, "ReduceMax_0");
    small_begin(&small, 2, 3, 4, 1);
    int whole = small_whole_numbers(&small, "whole", 4, (const int64_t[]){1, 2, 3, 4});
    small_node(&small, "Mul", 1, &whole);
    expect_refused(&small, "Mul_0");
    small_begin(&small, 2, 3, 4, 1);
    int batch = small_constant(&small, "batch", 4, (const int64_t[]){5, 2, 3, 4}, 0, 1);
    small_node(&small, "Add", 1, &batch);
    expect_refused(&small, "Add_0");
    small_begin(&small, 2, 3, 4, 1);
    small.graph->info.opset = 17;
    int scale = small_constant(&small, "scale", 1, (const int64_t[]){1}, 0, 1);
    small_node(&small, "LayerNormalization", 1, &scale);
    expect_refused(&small, "LayerNormalization_0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function_gradients_match_differences),
        cmocka_unit_test(slopes_of_prelu_are_trained),
        cmocka_unit_test(softmax_gradients_match_differences),
        cmocka_unit_test(gradients_of_constants_match_differences),
        cmocka_unit_test(gradients_of_gates_match_differences),
        cmocka_unit_test(gradients_of_both_match_differences),
        cmocka_unit_test(gradients_of_many_match_differences),
        cmocka_unit_test(power_gradients_match_differences),
        cmocka_unit_test(reduction_gradients_match_differences),
        cmocka_unit_test(layer_norm_gradients_match_differences),
        cmocka_unit_test(layer_norm_in_parts_has_its_gradient),
        cmocka_unit_test(instance_norm_gradients_match_differences),
        cmocka_unit_test(lrn_gradients_match_differences),
        cmocka_unit_test(norm_of_features_has_its_gradient),
        cmocka_unit_test(constants_before_the_first_layer_stay),
        cmocka_unit_test(bits_are_the_same_for_any_threads),
        cmocka_unit_test(inference_equals_the_training_pass),
        cmocka_unit_test(what_cannot_be_run_is_named),
    };
    return cmocka_run_group_tests_name("arithmetic", tests, NULL, NULL);
}
