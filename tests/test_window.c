/* model/window.c: convolutions and pooling slide as ONNX says. */
#include "model_support.h"

#include "model/shape.h"
#include "model/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 3, 11, 10};

/* One window along the height of 11 and the width of 10. */
struct sliding {
    const char *op_type, *auto_pad;
    int64_t kernel[2], stride[2], dilation[2], pads[4], ceil_mode;
    int out[2], pad_begin[2], pad_end[2];
};

static const struct sliding slidings[] = {
    {"Conv", NULL, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 0, {11, 10}, {1, 1}, {1, 1}},
    {"Conv", NULL, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 0, {6, 5}, {1, 1}, {1, 1}},
    {"Conv", NULL, {3, 2}, {1, 3}, {2, 1}, {0, 1, 2, 0}, 0, {9, 4}, {0, 1}, {2, 0}},
    {"Conv", "VALID", {5, 1}, {2, 4}, {1, 1}, {0, 0, 0, 0}, 0, {4, 3}, {0, 0}, {0, 0}},
    {"Conv", "SAME_UPPER", {4, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 0, {6, 5}, {1, 0}, {2, 1}},
    {"Conv", "SAME_LOWER", {4, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 0, {6, 5}, {2, 1}, {1, 0}},
    {"MaxPool", NULL, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 0, {5, 5}, {0, 0}, {0, 0}},
    {"MaxPool", NULL, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, {6, 5}, {0, 0}, {0, 0}},
    /* a last window that would begin in the padding is left out: 10 + 2 - 3 over 3 rounds up to 4
     */
    {"AveragePool", NULL, {3, 3}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 1, {4, 4}, {1, 1}, {1, 1}},
    {"AveragePool", NULL, {1, 1}, {4, 3}, {1, 1}, {0, 0, 0, 0}, 1, {3, 4}, {0, 0}, {0, 0}},
    {"MaxPool", NULL, {2, 2}, {4, 4}, {1, 1}, {0, 0, 0, 1}, 1, {3, 3}, {0, 0}, {0, 1}},
};

static struct tn_graph *slide(const struct sliding *sliding, int *node)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    bool conv = strcmp(sliding->op_type, "Conv") == 0;
    const int64_t dims[] = {7, 3, sliding->kernel[0], sliding->kernel[1]};
    int inputs[] = {0, conv ? model_floats(graph, "w", 4, dims) : TN_NO_VALUE};
    *node = model_node(graph, sliding->op_type, "n", conv ? 2 : 1, inputs);
    model_set_ints(graph, *node, "kernel_shape", 2, sliding->kernel);
    model_set_ints(graph, *node, "strides", 2, sliding->stride);
    model_set_ints(graph, *node, "dilations", 2, sliding->dilation);
    if (sliding->auto_pad)
        model_set_string(graph, *node, "auto_pad", sliding->auto_pad);
    else
        model_set_ints(graph, *node, "pads", 4, sliding->pads);
    assert_true(tn_node_set_int(&graph->nodes[*node], "ceil_mode", sliding->ceil_mode, &error));
    return graph;
}

static void windows_slide_as_onnx_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof slidings / sizeof *slidings; i++) {
        struct tn_error error = {0};
        struct tn_window window;
        int node;
        struct tn_graph *graph = slide(&slidings[i], &node);
        assert_true(tn_graph_infer_shapes(graph, &error));
        assert_true(tn_window_of(graph, &graph->nodes[node], &window, &error));
        assert_memory_equal(window.out, slidings[i].out, sizeof window.out);
        assert_memory_equal(window.pad_begin, slidings[i].pad_begin, sizeof window.pad_begin);
        assert_memory_equal(window.pad_end, slidings[i].pad_end, sizeof window.pad_end);
        bool conv = graph->nodes[node].op == TN_OP_CONV;
        const int64_t dims[] = {TN_BATCH, conv ? 7 : 3, slidings[i].out[0], slidings[i].out[1]};
        model_assert_shape(graph, model_output(graph, node), 4, dims);
        tn_graph_free(graph);
    }
}

static void pooling_over_padding_alone_is_refused(void **state)
{
    (void)state;
    const int x = 0;
    struct tn_graph *graph = model_begin(4, image);
    int node = model_node(graph, "MaxPool", "pool", 1, &x);
    model_set_ints(graph, node, "kernel_shape", 2, (const int64_t[]){2, 2});
    model_set_ints(graph, node, "pads", 4, (const int64_t[]){2, 0, 0, 0});
    struct tn_error error = {0};
    assert_false(tn_graph_infer_shapes(graph, &error));
    assert_non_null(strstr(error.text, "'pool'"));
    assert_non_null(strstr(error.text, "smaller than the kernel"));
    tn_graph_free(graph);
}

static void one_dimension_is_an_image_of_height_one(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_window window;
    struct tn_graph *graph = model_begin(3, (const int64_t[]){TN_BATCH, 4, 9});
    int weight = model_floats(graph, "w", 3, (const int64_t[]){6, 2, 3});
    int conv = model_node(graph, "Conv", "conv", 2, (int[]){0, weight});
    assert_true(tn_node_set_int(&graph->nodes[conv], "group", 2, &error));
    model_set_ints(graph, conv, "strides", 1, (const int64_t[]){2});
    model_set_ints(graph, conv, "dilations", 1, (const int64_t[]){2});
    model_set_ints(graph, conv, "pads", 2, (const int64_t[]){1, 3});
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_window_of(graph, &graph->nodes[conv], &window, &error));
    const struct tn_window expected = {.spatial = 1,
                                       .kernel = {1, 3},
                                       .stride = {1, 2},
                                       .dilation = {1, 2},
                                       .pad_begin = {0, 1},
                                       .pad_end = {0, 3},
                                       .groups = 2,
                                       .channels_in = 4,
                                       .channels_out = 6,
                                       .in = {1, 9},
                                       .out = {1, 5}};
    assert_memory_equal(&window, &expected, sizeof window);
    model_assert_shape(graph, model_output(graph, conv), 3, (const int64_t[]){TN_BATCH, 6, 5});
    tn_graph_free(graph);
}

/* Along the width of 10: what a transposed convolution of kernel 3 and stride 2 makes. */
struct transposing {
    const char *auto_pad;
    int64_t pads[4], extra, wanted;
    int out, pad_begin, pad_end;
};

static void transposed_convolutions_give_back_what_convolutions_take(void **state)
{
    (void)state;
    static const struct transposing cases[] = {
        {NULL, {0, 0, 0, 0}, 0, 0, 21, 0, 0}, {NULL, {0, 1, 0, 1}, 1, 0, 20, 1, 1},
        {NULL, {0, 0, 0, 2}, 0, 0, 19, 0, 2}, {"SAME_UPPER", {0}, 0, 0, 20, 0, 1},
        {"SAME_LOWER", {0}, 0, 0, 20, 1, 0},  {"VALID", {0}, 0, 0, 21, 0, 0},
        {NULL, {0}, 0, 18, 18, 2, 1},         {"SAME_UPPER", {0}, 0, 18, 18, 1, 2},
        {NULL, {0}, 0, 25, 25, 0, 0}, /* beyond the reach of the input: the bias alone */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tn_error error = {0};
        struct tn_window window;
        struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 4, 1, 10});
        int weight = model_floats(graph, "w", 4, (const int64_t[]){4, 3, 1, 3});
        int node = model_node(graph, "ConvTranspose", "up", 2, (int[]){0, weight});
        assert_true(tn_node_set_int(&graph->nodes[node], "group", 2, &error));
        model_set_ints(graph, node, "strides", 2, (const int64_t[]){1, 2});
        model_set_ints(graph, node, "output_padding", 2, (const int64_t[]){0, cases[i].extra});
        if (cases[i].auto_pad)
            model_set_string(graph, node, "auto_pad", cases[i].auto_pad);
        else
            model_set_ints(graph, node, "pads", 4, cases[i].pads);
        if (cases[i].wanted)
            model_set_ints(graph, node, "output_shape", 2, (const int64_t[]){1, cases[i].wanted});
        assert_true(tn_graph_infer_shapes(graph, &error));
        assert_true(tn_window_of(graph, &graph->nodes[node], &window, &error));
        assert_int_equal(window.out[1], cases[i].out);
        assert_int_equal(window.pad_begin[1], cases[i].pad_begin);
        assert_int_equal(window.pad_end[1], cases[i].pad_end);
        assert_int_equal(window.channels_out, 6);
        model_assert_shape(graph, model_output(graph, node), 4,
                           (const int64_t[]){TN_BATCH, 6, 1, cases[i].out});
        tn_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_slide_as_onnx_says),
        cmocka_unit_test(pooling_over_padding_alone_is_refused),
        cmocka_unit_test(one_dimension_is_an_image_of_height_one),
        cmocka_unit_test(transposed_convolutions_give_back_what_convolutions_take),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
