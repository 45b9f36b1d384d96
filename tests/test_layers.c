/* model/layers.c, model/cost.c, model/zoo.c: the built-in network, its layers and what they cost.
 */
#include "model_support.h"

#include "model/layers.h"
#include "model/shape.h"
#include "model/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tn_graph *fashion_vgg(uint64_t seed)
{
    struct tn_error error = {0};
    const struct tn_zoo_options options = {.seed = seed};
    struct tn_graph *graph = tn_zoo_build("fashion-vgg", &options, &error);
    assert_non_null(graph);
    return graph;
}

static void fashion_vgg_has_its_layers_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int filters, channels, kernel, out;
        int64_t params, flops;
    } expected[] = {
        {"conv1_1", 32, 1, 3, 28, 288 + 64, INT64_C(2) * 28 * 28 * 32 * 9},
        {"conv1_2", 32, 32, 3, 28, 9216 + 64, INT64_C(2) * 28 * 28 * 32 * 32 * 9},
        {"conv2_1", 64, 32, 3, 14, 18432 + 128, INT64_C(2) * 14 * 14 * 64 * 32 * 9},
        {"conv2_2", 64, 64, 3, 14, 36864 + 128, INT64_C(2) * 14 * 14 * 64 * 64 * 9},
        {"conv3_1", 128, 64, 3, 7, 73728 + 256, INT64_C(2) * 7 * 7 * 128 * 64 * 9},
        {"conv3_2", 128, 128, 3, 7, 147456 + 256, INT64_C(2) * 7 * 7 * 128 * 128 * 9},
        {"fc", 10, 128, 1, 1, 1280, 2560},
    };
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_graph *graph = fashion_vgg(1);
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_int_equal(layers.count, 7);
    for (int i = 0; i < 7; i++) {
        const struct tn_layer *layer = &layers.layer[i];
        assert_string_equal(layer->name, expected[i].name);
        assert_int_equal(layer->filters, expected[i].filters);
        assert_int_equal(layer->channels, expected[i].channels);
        assert_int_equal(layer->kernel[1], expected[i].kernel);
        assert_int_equal(layer->out[0], expected[i].out);
        assert_int_equal(layer->params, expected[i].params);
        assert_int_equal(layer->flops, expected[i].flops);
    }
    assert_int_equal(layers.layer[6].params_all, 1290);
    assert_int_equal(tn_layers_find(&layers, "conv3_1"), 4);
    assert_int_equal(tn_layers_find(&layers, "conv9"), -1);
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

static void the_cost_is_the_sum_without_biases(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_cost cost;
    struct tn_graph *graph = fashion_vgg(1);
    assert_true(tn_cost_of(graph, &cost, &error));
    assert_int_equal(cost.params, 288160);
    assert_int_equal(cost.params_all, 288170);
    assert_int_equal(cost.flops, 58256896);
    tn_graph_free(graph);
}

static void a_grouped_convolution_costs_a_group_s_channels(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 6, 5, 5});
    int weight = model_floats(graph, "w", 4, (const int64_t[]){12, 2, 3, 3});
    int node = model_node(graph, "Conv", "grouped", 2, (int[]){0, weight});
    assert_true(tn_node_set_int(&graph->nodes[node], "group", 3, &error));
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_int_equal(layers.layer[0].channels, 6);
    assert_int_equal(layers.layer[0].flops, 2 * 3 * 3 * 12 * 2 * 9);
    assert_string_equal(layers.layer[0].name, "grouped"); /* the weight is not called NAME.weight */
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

static void shared_weights_are_counted_once_and_names_stay_unique(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_cost cost;
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 4, 5, 5});
    int weight = model_floats(graph, "both.weight", 4, (const int64_t[]){4, 4, 1, 1});
    int first = model_node(graph, "Conv", "n", 2, (int[]){0, weight});
    model_node(graph, "Conv", "n", 2, (int[]){model_output(graph, first), weight});
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_string_equal(layers.layer[0].name, "both");
    assert_string_not_equal(layers.layer[1].name, "both");
    assert_true(tn_cost_of(graph, &cost, &error));
    assert_int_equal(cost.params, 16);
    assert_int_equal(cost.flops, 2 * 2 * 25 * 16);
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

/* A node of the image with these weights, as the only layer. */
struct counted {
    const char *op_type;
    int rank;
    int64_t image[4];
    int weight_rank;
    int64_t weight[4];
    int64_t groups, stride;
    int filters, channels, kernel[2], out[2];
    int64_t flops;
};

static void layers_of_every_kind_are_measured(void **state)
{
    (void)state;
    static const struct counted cases[] = {
        /* depthwise: group = channels */
        {"Conv", 4, {TN_BATCH, 6, 5, 4}, 4, {6, 1, 3, 3}, 6, 1, 6, 6, {3, 3}, {3, 2}, 2 * 6 * 54},
        {"Conv", 4, {TN_BATCH, 1, 1, 1}, 4, {2, 1, 1, 1}, 1, 3, 2, 1, {1, 1}, {1, 1}, 2 * 2},
        {"Conv", 3, {TN_BATCH, 4, 9}, 3, {6, 2, 3}, 2, 2, 6, 4, {1, 3}, {1, 4}, 2 * 4 * 36},
        {"ConvTranspose",
         4,
         {TN_BATCH, 4, 5, 3},
         4,
         {4, 3, 2, 2},
         2,
         2,
         6,
         4,
         {2, 2},
         {10, 6},
         2 * 15 * 48},
        {"ConvTranspose",
         3,
         {TN_BATCH, 4, 5},
         3,
         {4, 3, 2},
         1,
         1,
         3,
         4,
         {1, 2},
         {1, 6},
         2 * 5 * 24},
        {"MatMul", 4, {TN_BATCH, 5, 3, 8}, 2, {8, 6}, 1, 1, 6, 8, {1, 1}, {5, 3}, 2 * 15 * 48},
        {"MatMul", 3, {TN_BATCH, 7, 8}, 2, {8, 6}, 1, 1, 6, 8, {1, 1}, {1, 7}, 2 * 7 * 48},
        {"MatMul", 2, {TN_BATCH, 8}, 2, {8, 6}, 1, 1, 6, 8, {1, 1}, {1, 1}, 2 * 48},
        {"Gemm", 2, {TN_BATCH, 8}, 2, {8, 6}, 1, 1, 6, 8, {1, 1}, {1, 1}, 2 * 48},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct counted *wanted = &cases[i];
        struct tn_error error = {0};
        struct tn_layers layers;
        struct tn_graph *graph = model_begin(wanted->rank, wanted->image);
        int weight = model_floats(graph, "w", wanted->weight_rank, wanted->weight);
        int node = model_node(graph, wanted->op_type, "n", 2, (int[]){0, weight});
        const int64_t strides[] = {wanted->stride, wanted->stride};
        if (wanted->groups > 1)
            assert_true(tn_node_set_int(&graph->nodes[node], "group", wanted->groups, &error));
        if (wanted->stride > 1)
            assert_true(tn_node_set_ints(&graph->nodes[node], "strides",
                                         (size_t)wanted->weight_rank - 2, strides, &error));
        assert_true(tn_graph_infer_shapes(graph, &error));
        assert_true(tn_layers_of(graph, &layers, &error));
        assert_int_equal(layers.count, 1);
        const struct tn_layer *layer = &layers.layer[0];
        assert_int_equal(layer->filters, wanted->filters);
        assert_int_equal(layer->channels, wanted->channels);
        assert_memory_equal(layer->kernel, wanted->kernel, sizeof layer->kernel);
        assert_memory_equal(layer->out, wanted->out, sizeof layer->out);
        assert_int_equal(layer->flops, wanted->flops);
        tn_layers_free(&layers);
        tn_graph_free(graph);
    }
}

static void products_of_activations_are_no_layers(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_graph *graph = model_begin(3, (const int64_t[]){TN_BATCH, 5, 5});
    model_node(graph, "MatMul", "square", 2, (int[]){0, 0});
    model_node(graph, "MatMul", "left", 2,
               (int[]){model_floats(graph, "w", 2, (const int64_t[]){5, 5}), 0});
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_int_equal(layers.count, 0);
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

/* Mean and deviation of the data, a layer with its bias apart, a normalisation taken apart, a scale
 * a channel, and a slope a channel. */
static void all_that_training_changes_is_counted(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_cost cost;
    struct tn_graph *graph = model_begin(3, (const int64_t[]){TN_BATCH, 7, 4});
    int mean = model_floats(graph, "mean", 1, (const int64_t[]){4});
    int weight = model_floats(graph, "onnx::MatMul_12", 2, (const int64_t[]){4, 6});
    int bias = model_floats(graph, "proj.bias", 1, (const int64_t[]){6});
    int scale = model_floats(graph, "norm.weight", 1, (const int64_t[]){6});
    int half = model_floats(graph, "half", 0, NULL);
    int slope = model_floats(graph, "slope", 2, (const int64_t[]){7, 1});
    int x = model_output(graph, model_node(graph, "Add", "mean_off", 2, (int[]){0, mean}));
    x = model_output(graph, model_node(graph, "Mul", "deviation", 2, (int[]){x, mean}));
    x = model_output(graph, model_node(graph, "MatMul", "/proj/MatMul", 2, (int[]){x, weight}));
    x = model_output(graph, model_node(graph, "Add", "bias", 2, (int[]){bias, x}));
    x = model_output(graph, model_node(graph, "Mul", "halve", 2, (int[]){x, half}));
    x = model_output(graph, model_node(graph, "Mul", "scale", 2, (int[]){x, scale}));
    x = model_output(graph, model_node(graph, "Add", "again", 2, (int[]){x, scale}));
    x = model_output(graph,
                     model_node(graph, "LayerNormalization", "norm", 3, (int[]){x, bias, scale}));
    model_node(graph, "PRelu", "prelu", 2, (int[]){x, slope});
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_string_equal(layers.layer[0].name, "/proj/MatMul");
    assert_int_equal(layers.layer[0].params, 24);
    assert_int_equal(layers.layer[0].params_all, 30);
    assert_true(tn_cost_of(graph, &cost, &error));
    assert_int_equal(cost.params, 24);
    assert_int_equal(cost.params_all, 24 + 6 + 6 + 7);
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

static void thousands_of_layers_have_names_of_their_own(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 2, 1, 1});
    int weight = model_floats(graph, "same.weight", 4, (const int64_t[]){2, 2, 1, 1}), x = 0;
    for (int i = 0; i < MANY; i++)
        x = model_output(graph, model_node(graph, "Conv", "same", 2, (int[]){x, weight}));
    assert_true(tn_graph_infer_shapes(graph, &error));
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_int_equal(layers.count, MANY);
    assert_string_equal(layers.layer[0].name, "same");
    assert_string_equal(layers.layer[1].name, "same#2");
    for (int i = 1; i < MANY; i += 1000)
        assert_int_equal(tn_layers_find(&layers, layers.layer[i].name), i);
    tn_layers_free(&layers);
    tn_graph_free(graph);
}

static void one_seed_gives_one_network(void **state)
{
    (void)state;
    struct tn_graph *a = fashion_vgg(5), *b = fashion_vgg(5), *c = fashion_vgg(6);
    model_assert_same(a, b);
    int weight = tn_graph_find_value(a, "conv2_1.weight");
    assert_false(tn_digest_equal(tn_tensor_digest(a->values[weight].constant),
                                 tn_tensor_digest(c->values[weight].constant)));
    tn_graph_free(a);
    tn_graph_free(b);
    tn_graph_free(c);
}

static void deviation(const struct tn_graph *graph, const char *name, double *mean, double *spread)
{
    const struct tn_tensor *tensor = graph->values[tn_graph_find_value(graph, name)].constant;
    const float *x = tn_tensor_floats(tensor);
    double sum = 0, squares = 0, count = (double)tensor->count;
    for (size_t i = 0; i < tensor->count; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    *mean = sum / count;
    *spread = sqrt(squares / count - *mean * *mean);
}

static void weights_start_as_he_says(void **state)
{
    (void)state;
    struct tn_graph *graph = fashion_vgg(7);
    double mean, spread, wanted = sqrt(2.0 / (64 * 9));
    deviation(graph, "conv2_2.weight", &mean, &spread);
    assert_true(fabs(mean) < 0.02 * wanted && fabs(spread / wanted - 1) < 0.02);
    deviation(graph, "fc.weight", &mean, &spread);
    assert_true(fabs(spread / 0.01 - 1) < 0.1);
    deviation(graph, "fc.bias", &mean, &spread);
    assert_true(mean == 0 && spread == 0);
    deviation(graph, "bn3_1.weight", &mean, &spread);
    assert_true(mean == 1 && spread == 0);
    deviation(graph, "bn3_1.running_var", &mean, &spread);
    assert_true(mean == 1 && spread == 0);
    deviation(graph, "bn3_1.running_mean", &mean, &spread);
    assert_true(mean == 0 && spread == 0);
    tn_graph_free(graph);
}

static void a_network_can_be_built_for_other_images(void **state)
{
    (void)state;
    struct tn_error error = {0};
    const struct tn_zoo_options colour = {.channels = 3, .height = 32, .width = 40, .classes = 100};
    struct tn_graph *graph = tn_zoo_build("fashion-vgg", &colour, &error);
    assert_non_null(graph);
    model_assert_shape(graph, graph->inputs[0], 4, (const int64_t[]){TN_BATCH, 3, 32, 40});
    model_assert_shape(graph, graph->outputs[0], 2, (const int64_t[]){TN_BATCH, 100});
    assert_string_equal(graph->values[graph->outputs[0]].name, "logits");
    tn_graph_free(graph);
}

static void wrong_wishes_are_refused(void **state)
{
    (void)state;
    struct tn_error error = {0};
    const struct tn_zoo_options none = {0}, tiny = {.height = 3}, negative = {.classes = -1};
    assert_null(tn_zoo_build("lenet", &none, &error));
    assert_int_equal(error.kind, TN_ERROR_USE);
    assert_non_null(strstr(error.text, "fashion-vgg"));
    assert_null(tn_zoo_build("fashion-vgg", &tiny, &error));
    assert_non_null(strstr(error.text, "'pool2'"));
    assert_null(tn_zoo_build("fashion-vgg", &negative, &error));
    assert_string_equal(tn_zoo_name(0), "fashion-vgg");
    assert_null(tn_zoo_name(-1));
    assert_null(tn_zoo_name(1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fashion_vgg_has_its_layers_by_name),
        cmocka_unit_test(the_cost_is_the_sum_without_biases),
        cmocka_unit_test(a_grouped_convolution_costs_a_group_s_channels),
        cmocka_unit_test(shared_weights_are_counted_once_and_names_stay_unique),
        cmocka_unit_test(layers_of_every_kind_are_measured),
        cmocka_unit_test(products_of_activations_are_no_layers),
        cmocka_unit_test(all_that_training_changes_is_counted),
        cmocka_unit_test(thousands_of_layers_have_names_of_their_own),
        cmocka_unit_test(one_seed_gives_one_network),
        cmocka_unit_test(weights_start_as_he_says),
        cmocka_unit_test(a_network_can_be_built_for_other_images),
        cmocka_unit_test(wrong_wishes_are_refused),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
