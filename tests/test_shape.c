/* model/shape*.c, model/axes.c, model/slice.c: shapes follow from inputs and constants. */
#include "model_support.h"

#include "model/axes.h"
#include "model/shape.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t image[] = {TN_BATCH, 3, 11, 10};

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
    model_set_ints(graph, 0, "kernel_shape", 2, (const int64_t[]){5, 5});
    assert_refused(graph, "'the_node'", "kernel_shape is 5x5");
    graph = with_weights("Conv", 1, 4, (const int64_t[]){4, 3, 3, 3});
    model_set_ints(graph, 0, "strides", 2, (const int64_t[]){1, 0});
    assert_refused(graph, "'the_node'", "'strides' holds 0");
    graph = with_weights("Conv", 1, 4, (const int64_t[]){4, 1, 3, 3});
    struct tn_error error = {0};
    assert_true(tn_node_set_int(&graph->nodes[0], "group", 3, &error));
    assert_refused(graph, "'the_node'", "4 filters do not divide into 3 groups");
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
    model_set_ints(graph, slice, "starts", 1, (const int64_t[]){1});
    model_set_ints(graph, slice, "ends", 1, (const int64_t[]){3});
    model_set_ints(graph, slice, "axes", 1, (const int64_t[]){1});
    int between = model_output(graph, slice);
    int pad = model_node(graph, "Pad", "pad", 1, &between);
    model_set_ints(graph, pad, "pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
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

/* A node of the image [N,3,11,10] and of a constant, and the shape it makes. */
struct made {
    const char *op_type;
    int opset;
    const char *attribute; /* a list, or NULL */
    int count;
    int64_t list[4];
    char argument; /* the constant: 'f' floats of shape `dims`, 'i' integers `dims`, 0 none */
    int rank;
    int64_t dims[4];
    int out_rank; /* 0: not known */
    int64_t out[5];
};

static const struct made made[] = {
    {"ReduceMean", 13, "axes", 2, {2, -1}, 0, 0, {0}, 4, {TN_BATCH, 3, 1, 1}},
    {"ReduceMean", 18, NULL, 0, {0}, 'i', 2, {2, 3}, 4, {TN_BATCH, 3, 1, 1}},
    {"ReduceSum", 13, NULL, 0, {0}, 'i', 1, {1}, 4, {TN_BATCH, 1, 11, 10}},
    {"ReduceMax", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}}, /* over the batch as well */
    {"ReduceMean", 13, "axes", 1, {0}, 0, 0, {0}, 0, {0}},
    {"Transpose", 13, "perm", 4, {0, 2, 3, 1}, 0, 0, {0}, 4, {TN_BATCH, 11, 10, 3}},
    {"Transpose", 13, "perm", 4, {1, 0, 2, 3}, 0, 0, {0}, 0, {0}},
    {"Transpose", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}},
    {"Unsqueeze", 11, "axes", 1, {-1}, 0, 0, {0}, 5, {TN_BATCH, 3, 11, 10, 1}},
    {"Unsqueeze", 13, NULL, 0, {0}, 'i', 1, {0}, 0, {0}}, /* in front of the batch */
    {"Squeeze", 13, NULL, 0, {0}, 'i', 1, {0}, 0, {0}},
    {"Expand", 13, NULL, 0, {0}, 'i', 4, {1, 3, 11, 10}, 4, {TN_BATCH, 3, 11, 10}},
    {"Expand", 13, NULL, 0, {0}, 'i', 4, {2, 3, 11, 10}, 0, {0}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 2, {10, 7}, 4, {TN_BATCH, 3, 11, 7}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 4, {1, 3, 10, 2}, 4, {TN_BATCH, 3, 11, 2}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 1, {10}, 3, {TN_BATCH, 3, 11}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 4, {5, 3, 10, 2}, 0, {0}}, /* five batches at once */
    {"Mul", 13, NULL, 0, {0}, 'f', 3, {3, 1, 1}, 4, {TN_BATCH, 3, 11, 10}},
    {"Div", 13, NULL, 0, {0}, 'f', 0, {0}, 4, {TN_BATCH, 3, 11, 10}},
    {"Sub", 13, NULL, 0, {0}, 'f', 4, {4, 1, 1, 1}, 0, {0}},
    {"Gather", 13, NULL, 0, {0}, 'i', 1, {0}, 0, {0}}, /* one of the batch */
    {"GlobalMaxPool", 13, NULL, 0, {0}, 0, 0, {0}, 4, {TN_BATCH, 3, 1, 1}},
    {"Sigmoid", 13, NULL, 0, {0}, 0, 0, {0}, 4, {TN_BATCH, 3, 11, 10}},
    {"ReduceL2", 13, "axes", 1, {1}, 0, 0, {0}, 4, {TN_BATCH, 1, 11, 10}}, /* not to be run */
    {"Less", 13, NULL, 0, {0}, 'f', 1, {1}, 4, {TN_BATCH, 3, 11, 10}},
};

static struct tn_graph *make(const struct made *case_, int *node)
{
    struct tn_graph *graph = model_begin(4, image);
    int inputs[] = {0, TN_NO_VALUE};
    graph->info.opset = case_->opset;
    if (case_->argument == 'f')
        inputs[1] = model_floats(graph, "c", case_->rank, case_->dims);
    else if (case_->argument == 'i')
        inputs[1] = model_ints(graph, "c", case_->rank, case_->dims);
    *node = model_node(graph, case_->op_type, "the_node", case_->argument ? 2 : 1, inputs);
    if (case_->attribute)
        model_set_ints(graph, *node, case_->attribute, case_->count, case_->list);
    return graph;
}

static void shapes_follow_from_arguments_and_keep_the_batch_in_front(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        struct tn_error error = {0};
        int node;
        struct tn_graph *graph = make(&made[i], &node);
        if (!tn_graph_infer_shapes(graph, &error))
            fail_msg("%s (%zu): %s", made[i].op_type, i, error.text);
        int output = model_output(graph, node);
        if (made[i].out_rank > 0)
            model_assert_shape(graph, output, made[i].out_rank, made[i].out);
        else
            assert_false(graph->values[output].has_shape);
        tn_graph_free(graph);
    }
}

static const struct made impossible[] = {
    {"ReduceMean", 13, "axes", 2, {2, -2}, 0, 0, {0}, 0, {0}}, /* the same axis twice */
    {"ReduceSum", 13, NULL, 0, {0}, 'i', 1, {4}, 0, {0}},
    {"Transpose", 13, "perm", 4, {0, 1, 1, 2}, 0, 0, {0}, 0, {0}},
    {"Transpose", 13, "perm", 3, {0, 1, 2}, 0, 0, {0}, 0, {0}},
    {"Squeeze", 13, NULL, 0, {0}, 'i', 1, {1}, 0, {0}},
    {"Unsqueeze", 13, NULL, 0, {0}, 'i', 1, {5}, 0, {0}},
    {"Expand", 13, NULL, 0, {0}, 'i', 2, {11, 7}, 0, {0}},
    {"Gather", 13, NULL, 0, {0}, 'f', 1, {1}, 0, {0}},
    {"Gather", 13, NULL, 0, {0}, 'i', 1, {3}, 0, {0}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 2, {9, 7}, 0, {0}},
    {"MatMul", 13, NULL, 0, {0}, 'f', 0, {0}, 0, {0}},
    {"Pow", 13, NULL, 0, {0}, 'f', 1, {3}, 0, {0}},
    {"PRelu", 13, NULL, 0, {0}, 'f', 1, {3}, 0, {0}}, /* along the width */
    {"LayerNormalization", 17, NULL, 0, {0}, 'f', 1, {11}, 0, {0}},
    {"LRN", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}},
    {"DepthToSpace", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}},
    {"Concat", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}},
    {"ConvTranspose", 13, NULL, 0, {0}, 'f', 4, {4, 2, 3, 3}, 0, {0}},
    {"ConvTranspose", 13, "pads", 4, {9, 9, 9, 9}, 'f', 4, {3, 2, 3, 3}, 0, {0}},
    {"ConvTranspose", 13, "output_shape", 3, {9, 9, 9}, 'f', 4, {3, 2, 3, 3}, 0, {0}},
    {"Clip", 13, NULL, 0, {0}, 'f', 1, {2}, 0, {0}},
    {"Upsample", 9, NULL, 0, {0}, 'f', 1, {4}, 0, {0}}, /* scales 0, 1, 2, 3 */
    {"Upsample", 13, NULL, 0, {0}, 0, 0, {0}, 0, {0}},
    {"Split", 13, NULL, 0, {0}, 'i', 2, {1, 1}, 0, {0}},
};

static void arguments_that_cannot_be_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        struct tn_error error = {0};
        int node;
        struct tn_graph *graph = make(&impossible[i], &node);
        if (strcmp(impossible[i].op_type, "Split") == 0 ||
            strcmp(impossible[i].op_type, "Gather") == 0)
            assert_true(tn_node_set_int(&graph->nodes[node], "axis", 1, &error));
        if (tn_graph_infer_shapes(graph, NULL))
            fail_msg("%s (%zu) is not refused", impossible[i].op_type, i);
        assert_refused(graph, "'the_node'", impossible[i].op_type);
    }
}

static void many_inputs_join_and_many_outputs_part(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_split split;
    bool constant;
    struct tn_graph *graph = model_begin(4, image);
    int table = model_floats(graph, "table", 4, (const int64_t[]){1, 2, 11, 10});
    int same = model_node(graph, "Relu", "same", 1, (int[]){0});
    int wide = model_node(graph, "Concat", "wide", 3,
                          (int[]){0, model_output(graph, same), model_output(graph, same)});
    int mixed = model_node(graph, "Concat", "mixed", 2, (int[]){0, table});
    assert_true(tn_node_set_int(&graph->nodes[wide], "axis", -3, &error));
    assert_true(tn_node_set_int(&graph->nodes[mixed], "axis", 1, &error));
    int parts[4];
    for (int i = 0; i < 4; i++)
        parts[i] = tn_graph_add_value(graph, (const char *[]){"a", "b", "c", "d"}[i], NULL, &error);
    int joined = model_output(graph, wide);
    int node = tn_graph_add_node(graph, "split", "Split", 1, &joined, 4, parts, &error);
    assert_true(tn_node_set_int(&graph->nodes[node], "axis", 1, &error));
    assert_true(tn_node_set_int(&graph->nodes[node], "num_outputs", 4, &error));
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, joined, 4, (const int64_t[]){TN_BATCH, 9, 11, 10});
    for (int i = 0; i < 4; i++) /* 9 in four: 3, 3, 3 and none */
        model_assert_shape(graph, parts[i], 4, (const int64_t[]){TN_BATCH, i < 3 ? 3 : 0, 11, 10});
    assert_true(tn_split_of(graph, &graph->nodes[node], &split, &constant, &error));
    assert_true(constant && split.axis == 1 && tn_split_size(&split, 3) == 0);
    /* A constant of one image goes with a batch only where the file fixed it to one. */
    assert_false(graph->values[model_output(graph, mixed)].has_shape);
    graph->info.batch_size = 1;
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, model_output(graph, mixed), 4,
                       (const int64_t[]){TN_BATCH, 5, 11, 10});
    tn_graph_free(graph);
}

static void arguments_are_decoded_once_for_all(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    int least = model_floats(graph, "least", 0, NULL);
    int index = model_ints(graph, "index", 2, (const int64_t[]){-1, 0});
    int clip = model_node(graph, "Clip", "clip", 2, (int[]){0, least});
    int gather = model_node(graph, "Gather", "gather", 2, (int[]){0, index});
    int softmax = model_node(graph, "Softmax", "softmax", 1, (int[]){0});
    assert_true(tn_node_set_int(&graph->nodes[gather], "axis", 1, &error));
    assert_true(tn_graph_infer_shapes(graph, &error));
    float low, high;
    bool constant;
    assert_true(tn_clip_of(graph, &graph->nodes[clip], &low, &high, &constant, &error));
    assert_true(constant && low == 0.0f && high == FLT_MAX);
    struct tn_gather taken;
    assert_true(tn_gather_of(graph, &graph->nodes[gather], &taken, &constant, &error));
    assert_int_equal(tn_gather_at(&taken, 0), 2);
    assert_int_equal(tn_gather_at(&taken, 1), 0);
    int from, to;
    assert_true(tn_softmax_of(graph, &graph->nodes[softmax], &from, &to, &error));
    assert_true(from == 3 && to == 4);
    graph->info.opset = 11;
    assert_true(tn_softmax_of(graph, &graph->nodes[softmax], &from, &to, &error));
    assert_true(from == 1 && to == 4);
    tn_graph_free(graph);
}

static void a_fixed_batch_may_be_sliced_by_its_number(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, image);
    graph->info.batch_size = 2;
    int zero = model_ints(graph, "zero", 1, (const int64_t[]){0});
    int ends[] = {model_ints(graph, "all", 1, (const int64_t[]){2}),
                  model_ints(graph, "one", 1, (const int64_t[]){1})};
    int whole = model_node(graph, "Slice", "whole", 4, (int[]){0, zero, ends[0], zero});
    int part = model_node(graph, "Slice", "part", 4, (int[]){0, zero, ends[1], zero});
    assert_true(tn_graph_infer_shapes(graph, &error));
    model_assert_shape(graph, model_output(graph, whole), 4, image);
    assert_false(graph->values[model_output(graph, part)].has_shape);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_that_do_not_fit_are_refused_by_name),
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
        cmocka_unit_test(shapes_follow_from_arguments_and_keep_the_batch_in_front),
        cmocka_unit_test(arguments_that_cannot_be_are_refused_by_name),
        cmocka_unit_test(many_inputs_join_and_many_outputs_part),
        cmocka_unit_test(arguments_are_decoded_once_for_all),
        cmocka_unit_test(a_fixed_batch_may_be_sliced_by_its_number),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
