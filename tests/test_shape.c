/* model/shape.c, model/window.c, model/slice.c: shapes follow from inputs and constants. */
#include "model_support.h"

#include "core/memory.h"
#include "model/shape.h"
#include "model/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 3, 11, 10};

static void set_ints(struct tn_graph *graph, int node, const char *name, int count,
                     const int64_t *ints)
{
    struct tn_error error = {0};
    assert_true(tn_node_set_ints(&graph->nodes[node], name, (size_t)count, ints, &error));
}

static void set_string(struct tn_graph *graph, int node, const char *name, const char *text)
{
    struct tn_error error = {0};
    struct tn_attribute *attribute =
        tn_node_new_attribute(&graph->nodes[node], name, TN_ATTR_STRING, &error);
    assert_non_null(attribute);
    attribute->strings = tn_calloc(1, sizeof *attribute->strings);
    attribute->strings[0] = tn_strdup(text);
    attribute->count = 1;
}

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
    set_ints(graph, *node, "kernel_shape", 2, sliding->kernel);
    set_ints(graph, *node, "strides", 2, sliding->stride);
    set_ints(graph, *node, "dilations", 2, sliding->dilation);
    if (sliding->auto_pad)
        set_string(graph, *node, "auto_pad", sliding->auto_pad);
    else
        set_ints(graph, *node, "pads", 4, sliding->pads);
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

/* Shapes of a graph that cannot be; the error names the node and says `what`. */
static void assert_refused(struct tn_graph *graph, const char *name, const char *what)
{
    struct tn_error error = {0};
    assert_false(tn_graph_infer_shapes(graph, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_non_null(strstr(error.text, name));
    assert_non_null(strstr(error.text, what));
    tn_graph_free(graph);
}

static struct tn_graph *with_weights(const char *op_type, int count, const int rank,
                                     const int64_t *dims)
{
    struct tn_graph *graph = model_begin(4, image);
    int inputs[5] = {0};
    const char *const names[] = {"", "w1", "w2", "w3", "w4"};
    for (int i = 1; i <= count; i++)
        inputs[i] = model_floats(graph, names[i], rank, dims);
    model_node(graph, op_type, "the_node", count + 1, inputs);
    return graph;
}

static void weights_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    const int64_t narrow[] = {4, 2, 3, 3}, wide[] = {4, 3, 12, 3}, flat[] = {4, 3};
    const int64_t three[] = {3}, five[] = {5};
    assert_refused(with_weights("Conv", 1, 4, narrow), "'the_node'", "3 channels");
    assert_refused(with_weights("Conv", 1, 4, wide), "'the_node'", "covers 12 of height");
    assert_refused(with_weights("Conv", 1, 2, flat), "'the_node'", "weights");
    assert_refused(with_weights("BatchNormalization", 4, 1, five), "'the_node'", "expected 3");
    assert_refused(with_weights("BatchNormalization", 3, 1, three), "'the_node'",
                   "input 5 is missing");
    assert_refused(with_weights("Gemm", 1, 2, flat), "'the_node'", "matrices");
    struct tn_graph *graph = with_weights("Conv", 1, 4, (const int64_t[]){4, 3, 3, 3});
    set_ints(graph, 0, "kernel_shape", 2, (const int64_t[]){5, 5});
    assert_refused(graph, "'the_node'", "kernel_shape is 5x5");
    graph = with_weights("Conv", 1, 4, (const int64_t[]){4, 3, 3, 3});
    set_ints(graph, 0, "strides", 2, (const int64_t[]){1, 0});
    assert_refused(graph, "'the_node'", "'strides' holds 0");
    graph = with_weights("Conv", 1, 4, (const int64_t[]){4, 1, 3, 3});
    struct tn_error error = {0};
    assert_true(tn_node_set_int(&graph->nodes[0], "group", 3, &error));
    assert_refused(graph, "'the_node'", "4 filters do not divide into 3 groups");
}

static void pooling_over_padding_alone_is_refused(void **state)
{
    (void)state;
    const int x = 0;
    struct tn_graph *graph = model_begin(4, image);
    int node = model_node(graph, "MaxPool", "pool", 1, &x);
    set_ints(graph, node, "kernel_shape", 2, (const int64_t[]){2, 2});
    set_ints(graph, node, "pads", 4, (const int64_t[]){2, 0, 0, 0});
    assert_refused(graph, "'pool'", "smaller than the kernel");
}

static void batch_norm_in_training_mode_is_refused(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = with_weights("BatchNormalization", 4, 1, (const int64_t[]){3});
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_node_set_int(&graph->nodes[0], "training_mode", 1, &error));
    assert_refused(graph, "'the_node'", "evaluation mode");
}

struct reshaping {
    int count;
    int64_t list[4];
    int rank; /* 0: not known */
    int64_t dims[4];
};

static void reshape_keeps_the_batch_in_front(void **state)
{
    (void)state;
    static const struct reshaping cases[] = {
        {2, {0, -1}, 2, {TN_BATCH, 330}},
        {2, {-1, 330}, 2, {TN_BATCH, 330}},
        {3, {0, 3, -1}, 3, {TN_BATCH, 3, 110}},
        {4, {0, 0, 10, 11}, 4, {TN_BATCH, 3, 10, 11}},
        {2, {-1, 33}, 0, {0}},
        {2, {1, -1}, 0, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tn_error error = {0};
        struct tn_graph *graph = model_begin(4, image);
        int inputs[] = {0, model_ints(graph, "list", cases[i].count, cases[i].list)};
        int node = model_node(graph, "Reshape", "reshape", 2, inputs);
        assert_true(tn_graph_infer_shapes(graph, &error));
        if (cases[i].rank)
            model_assert_shape(graph, model_output(graph, node), cases[i].rank, cases[i].dims);
        else
            assert_false(graph->values[model_output(graph, node)].has_shape);
        tn_graph_free(graph);
    }
}

static void reshape_of_a_fixed_batch_may_name_it(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    graph->info.batch_size = 1;
    int inputs[] = {0, model_ints(graph, "list", 2, (const int64_t[]){1, -1})};
    int node = model_node(graph, "Reshape", "reshape", 2, inputs);
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, model_output(graph, node), 2, (const int64_t[]){TN_BATCH, 330});
    tn_graph_free(graph);
}

static void reshape_to_another_number_of_elements_is_refused(void **state)
{
    (void)state;
    const int64_t lists[][3] = {{0, 7, -1}, {0, 331, 1}, {0, -1, -1}, {0, -3, 2}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct tn_graph *graph = model_begin(4, image);
        int inputs[] = {0, model_ints(graph, "list", 3, lists[i])};
        model_node(graph, "Reshape", "reshape", 2, inputs);
        assert_refused(graph, "'reshape'", "");
    }
}

static void slices_and_pads_change_one_axis(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int list[] = {0, model_ints(graph, "starts", 2, (const int64_t[]){0, -1}),
                  model_ints(graph, "ends", 2, (const int64_t[]){INT64_MAX, INT64_MIN}),
                  model_ints(graph, "axes", 2, (const int64_t[]){2, -1}),
                  model_ints(graph, "steps", 2, (const int64_t[]){2, -3})};
    int slice = model_node(graph, "Slice", "slice", 5, list);
    int padding[] = {model_output(graph, slice),
                     model_ints(graph, "pads", 8, (const int64_t[]){0, 2, 0, 0, 0, 3, -1, 0})};
    int pad = model_node(graph, "Pad", "pad", 2, padding);
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, model_output(graph, slice), 4, (const int64_t[]){TN_BATCH, 3, 6, 4});
    model_assert_shape(graph, model_output(graph, pad), 4, (const int64_t[]){TN_BATCH, 8, 5, 4});
    tn_graph_free(graph);
}

static void slices_and_pads_of_old_opsets_have_attributes(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int slice = model_node(graph, "Slice", "slice", 1, &x);
    set_ints(graph, slice, "starts", 1, (const int64_t[]){1});
    set_ints(graph, slice, "ends", 1, (const int64_t[]){3});
    set_ints(graph, slice, "axes", 1, (const int64_t[]){1});
    int between = model_output(graph, slice);
    int pad = model_node(graph, "Pad", "pad", 1, &between);
    set_ints(graph, pad, "pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, between, 4, (const int64_t[]){TN_BATCH, 2, 11, 10});
    model_assert_shape(graph, model_output(graph, pad), 4, (const int64_t[]){TN_BATCH, 2, 13, 12});
    tn_graph_free(graph);
}

static void wrong_axes_and_steps_are_refused(void **state)
{
    (void)state;
    struct tn_graph *graph = model_begin(4, image);
    int one = model_ints(graph, "one", 1, (const int64_t[]){1});
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    int seven = model_ints(graph, "seven", 1, (const int64_t[]){7});
    struct tn_error error = {0};
    struct tn_graph *second = tn_graph_clone(graph, &error), *third = tn_graph_clone(graph, &error);
    model_node(graph, "Slice", "slice", 4, (int[]){0, zero, one, seven});
    assert_refused(graph, "'slice'", "axis 7");
    model_node(second, "Slice", "slice", 5, (int[]){0, zero, one, one, zero});
    assert_refused(second, "'slice'", "step is 0");
    model_node(third, "Pad", "pad", 2, (int[]){0, one});
    assert_refused(third, "'pad'", "1 paddings, expected 8");
}

static void additions_broadcast_and_refuse_what_differs(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int channel = model_floats(graph, "channel", 3, (const int64_t[]){3, 1, 1});
    int add = model_node(graph, "Add", "add", 2, (int[]){channel, 0});
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, model_output(graph, add), 4, image);
    int four = model_floats(graph, "four", 3, (const int64_t[]){4, 1, 1});
    model_node(graph, "Add", "wrong", 2, (int[]){0, four});
    assert_refused(graph, "'wrong'", "3 and 4");
}

static void after_an_unknown_operator_shapes_are_unknown(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    const int x = 0;
    int strange = model_output(graph, model_node(graph, "Strange", "strange", 1, &x));
    int relu = model_output(graph, model_node(graph, "Relu", "relu", 1, &strange));
    int before = model_output(graph, model_node(graph, "Relu", "before", 1, &x));
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_false(graph->values[strange].has_shape);
    assert_false(graph->values[relu].has_shape);
    model_assert_shape(graph, before, 4, image);
    tn_graph_free(graph);
}

static void shapes_follow_when_weights_shrink(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    int weight = tn_graph_find_value(graph, "second.weight");
    tn_graph_set_constant(graph, weight,
                          tn_tensor_new(TN_FLOAT32, 4, (const int64_t[]){2, 4, 3, 3}, &error));
    assert_false(tn_graph_infer_shapes(graph, &error));
    assert_non_null(strstr(error.text, "'last' (Gemm)"));
    tn_graph_set_constant(graph, tn_graph_find_value(graph, "last.weight"),
                          tn_tensor_new(TN_FLOAT32, 2, (const int64_t[]){5, 2}, &error));
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, tn_graph_find_value(graph, "second/out"), 4,
                       (const int64_t[]){TN_BATCH, 2, 3, 3});
    tn_graph_free(graph);
}

static void an_output_beyond_memory_is_refused(void **state)
{
    (void)state;
    const int64_t large[] = {TN_BATCH, 1 << 20, 1 << 20, 1 << 20};
    const int x = 0;
    struct tn_graph *graph = model_begin(4, large);
    model_node(graph, "Relu", "relu", 1, &x);
    assert_refused(graph, "'relu'", "larger than any memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_slide_as_onnx_says),
        cmocka_unit_test(weights_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(pooling_over_padding_alone_is_refused),
        cmocka_unit_test(batch_norm_in_training_mode_is_refused),
        cmocka_unit_test(reshape_keeps_the_batch_in_front),
        cmocka_unit_test(reshape_of_a_fixed_batch_may_name_it),
        cmocka_unit_test(reshape_to_another_number_of_elements_is_refused),
        cmocka_unit_test(slices_and_pads_change_one_axis),
        cmocka_unit_test(slices_and_pads_of_old_opsets_have_attributes),
        cmocka_unit_test(wrong_axes_and_steps_are_refused),
        cmocka_unit_test(additions_broadcast_and_refuse_what_differs),
        cmocka_unit_test(after_an_unknown_operator_shapes_are_unknown),
        cmocka_unit_test(shapes_follow_when_weights_shrink),
        cmocka_unit_test(an_output_beyond_memory_is_refused),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
