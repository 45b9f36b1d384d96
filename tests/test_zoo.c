/* model/zoo*.c, model/initialise.c: the built-in networks, and what they cost pruned as the ThiNet
 * paper prunes them (Luo et al. 2017, tables 2 and 3). The numbers come from sums over the papers'
 * tables of layers, made apart from this program. */
#include "core/normal.h"
#include "core/threads.h"
#include "model/layers.h"
#include "model/zoo.h"
#include "prune/groups.h"
#include "prune/surgery.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tn_graph *built(const char *name, const struct tn_zoo_options *options)
{
    struct tn_error error = {0};
    struct tn_graph *graph = tn_zoo_build(name, options, &error);
    if (!graph)
        fail_msg("%s", error.text);
    return graph;
}

static void assert_cost(const struct tn_graph *graph, int64_t params, int64_t flops)
{
    struct tn_error error = {0};
    struct tn_cost cost;
    if (!tn_cost_of(graph, &cost, &error))
        fail_msg("%s", error.text);
    assert_int_equal(cost.params, params);
    assert_int_equal(cost.flops, flops);
}

static void every_network_costs_what_its_paper_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int layers;
        int64_t params, flops; /* no biases; 2 x multiply-adds */
    } expected[] = {
        {"fashion-vgg", 7, 288160, 58256896},
        {"vgg16", 16, 138344128, 30940528640}, /* 138.34 M, 30.94 B */
        {"vgg16-gap", 14, 15222464, 30694285312},
        {"resnet50", 54, 25556032, 7715946496}, /* 25.56 M, 7.72 B */
        {"resnet50-v1.5", 54, 25556032, 8178368512},
        {"alexnet", 8, 61090496, 1428376960},
        {"resnet20", 20, 269712, 81102080},     /* 0.27 M */
        {"resnet32", 32, 464144, 137725184},    /* 0.46 M */
        {"resnet44", 44, 658576, 194348288},    /* 0.66 M */
        {"resnet56", 56, 853008, 250971392},    /* 0.85 M */
        {"resnet110", 110, 1727952, 505775360}, /* 1.7 M */
    };
    const size_t count = sizeof expected / sizeof expected[0];
    const struct tn_zoo_options none = {0};
    for (size_t i = 0; i < count; i++) {
        struct tn_error error = {0};
        struct tn_layers layers;
        assert_string_equal(tn_zoo_name((int)i), expected[i].name);
        struct tn_graph *graph = built(expected[i].name, &none);
        assert_cost(graph, expected[i].params, expected[i].flops);
        assert_true(tn_layers_of(graph, &layers, &error));
        assert_int_equal(layers.count, expected[i].layers);
        tn_layers_free(&layers);
        tn_graph_free(graph);
    }
    assert_null(tn_zoo_name((int)count));
}

static void layers_have_their_papers_names(void **state)
{
    (void)state;
    static const struct {
        const char *network, *name;
        int layer, filters, kernel, out;
    } expected[] = {
        {"vgg16", "conv1_1", 0, 64, 3, 224},
        {"vgg16", "conv5_3", 12, 512, 3, 14},
        {"vgg16", "fc6", 13, 4096, 1, 1},
        {"vgg16", "fc8", 15, 1000, 1, 1},
        {"vgg16-gap", "fc8", 13, 1000, 1, 1},
        {"resnet50", "conv1", 0, 64, 7, 112},
        {"resnet50", "res2a_branch1", 1, 256, 1, 56},
        {"resnet50", "res2a_branch2a", 2, 64, 1, 56},
        {"resnet50", "res2a_branch2b", 3, 64, 3, 56},
        {"resnet50", "res2a_branch2c", 4, 256, 1, 56},
        {"resnet50", "res3a_branch2a", 12, 128, 1, 28},
        {"resnet50-v1.5", "res3a_branch2a", 12, 128, 1, 56},
        {"resnet50-v1.5", "res3a_branch2b", 13, 128, 3, 28},
        {"resnet50", "res5c_branch2c", 52, 2048, 1, 7},
        {"resnet50", "fc1000", 53, 1000, 1, 1},
        {"alexnet", "conv1", 0, 64, 11, 55},
        {"alexnet", "conv5", 4, 256, 3, 13},
        {"alexnet", "fc6", 5, 4096, 1, 1},
        {"alexnet", "fc8", 7, 1000, 1, 1},
        {"resnet20", "conv1", 0, 16, 3, 32},
        {"resnet20", "layer1.0.conv1", 1, 16, 3, 32},
        {"resnet20", "layer2.0.conv1", 7, 32, 3, 16},
        {"resnet20", "layer3.2.conv2", 18, 64, 3, 8},
        {"resnet20", "fc", 19, 10, 1, 1},
        {"resnet110", "layer3.17.conv2", 108, 64, 3, 8},
    };
    const struct tn_zoo_options none = {0};
    struct tn_graph *graph = NULL;
    const char *last = "";
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct tn_layers layers;
        if (strcmp(last, expected[i].network) != 0) {
            tn_graph_free(graph);
            graph = built(expected[i].network, &none);
            last = expected[i].network;
        }
        assert_true(tn_layers_of(graph, &layers, NULL));
        const struct tn_layer *layer = &layers.layer[expected[i].layer];
        assert_string_equal(layer->name, expected[i].name);
        assert_int_equal(layer->filters, expected[i].filters);
        assert_int_equal(layer->kernel[0], expected[i].kernel);
        assert_int_equal(layer->out[0], expected[i].out);
        tn_layers_free(&layers);
    }
    assert_true(tn_graph_find_value(graph, "layer2.0.bn1.running_mean") != TN_NO_VALUE);
    tn_graph_free(graph);
    graph = built("resnet50", &none);
    assert_true(tn_graph_find_value(graph, "bn_conv1.weight") != TN_NO_VALUE);
    assert_true(tn_graph_find_value(graph, "bn2a_branch2a.running_var") != TN_NO_VALUE);
    tn_graph_free(graph);
}

static void other_images_and_classes_can_be_asked_for(void **state)
{
    (void)state;
    const struct tn_zoo_options cifar = {.channels = 1, .height = 32, .width = 48, .classes = 7};
    static const char *const names[] = {"vgg16", "vgg16-gap", "resnet50", "resnet20"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tn_graph *graph = built(names[i], &cifar);
        const struct tn_value *in = &graph->values[graph->inputs[0]],
                              *out = &graph->values[graph->outputs[0]];
        assert_true(in->dims[1] == 1 && in->dims[2] == 32 && in->dims[3] == 48);
        assert_int_equal(out->dims[1], 7);
        assert_string_equal(out->name, "logits");
        tn_graph_free(graph);
    }
}

static void wishes_that_make_no_network_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct tn_zoo_options options;
        const char *text;
    } cases[] = {
        {"vgg17", {0}, "no built-in network is called 'vgg17'; there are: fashion-vgg, vgg16, "},
        {"vgg16", {.height = 16}, "pool5"},
        {"alexnet", {.height = 32, .width = 32}, "pool5"},
        {"vgg16",
         {.height = 4096, .width = 4096},
         "vgg16: it would have more than 2147483648 weights"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tn_error error = {0};
        assert_null(tn_zoo_build(cases[i].name, &cases[i].options, &error));
        if (!strstr(error.text, cases[i].text))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].text, error.text);
    }
}

static const struct tn_digest *digest_of(const struct tn_graph *graph, const char *name)
{
    return tn_tensor_digest(graph->values[tn_graph_find_value(graph, name)].constant);
}

static void one_seed_gives_one_network_for_any_number_of_threads(void **state)
{
    (void)state;
    const struct tn_zoo_options five = {.seed = 5, .classes = 10}, six = {.seed = 6, .classes = 10};
    tn_threads_set(1);
    struct tn_graph *alone = built("resnet50", &five);
    tn_threads_set(3);
    struct tn_graph *together = built("resnet50", &five), *other = built("resnet50", &six);
    tn_threads_set(0);
    for (int i = 0; i < alone->value_count; i++) {
        const char *name = alone->values[i].name;
        if (alone->values[i].constant)
            assert_true(tn_digest_equal(digest_of(alone, name), digest_of(together, name)));
    }
    const char *large = "res5b_branch2b.weight"; /* 36 pieces */
    assert_false(tn_digest_equal(digest_of(alone, large), digest_of(other, large)));
    assert_false(
        tn_digest_equal(digest_of(alone, large), digest_of(alone, "res5c_branch2b.weight")));
    tn_graph_free(alone);
    tn_graph_free(together);
    tn_graph_free(other);
}

static void drawing_anew_leaves_copies_alone(void **state)
{
    (void)state;
    const struct tn_zoo_options one = {.seed = 1};
    struct tn_graph *graph = built("resnet20", &one);
    struct tn_graph *copy = tn_graph_clone(graph, NULL);
    int weight = tn_graph_find_value(graph, "layer1.0.conv1.weight");
    float before = tn_tensor_floats(copy->values[weight].constant)[7];
    assert_true(tn_graph_initialise(graph, 2, NULL));
    assert_true(tn_tensor_floats(copy->values[weight].constant)[7] == before);
    assert_true(tn_tensor_floats(graph->values[weight].constant)[7] != before);
    tn_graph_free(copy);
    tn_graph_free(graph);
}

/* Share of normal numbers below x (Abramowitz, Stegun 7.1.2). */
static double normal_share(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static void bulk_numbers_are_normal(void **state)
{
    (void)state;
    enum { COUNT = 4000001, BINS = 60 }; /* odd: the last pair is half used */
    static float numbers[COUNT];
    static int counts[BINS + 2];
    struct tn_random random;
    tn_random_seed(&random, 9, 0);
    tn_random_normals(&random, 2.0, COUNT, numbers);
    double sum = 0, squares = 0, fourth = 0, lag = 0;
    for (int i = 0; i < COUNT; i++) {
        double x = (double)numbers[i] / 2;
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        lag += i ? x * (double)numbers[i - 1] / 2 : 0;
        int bin = (int)floor((x + 4.5) / 9 * BINS);
        counts[bin < 0 ? 0 : bin >= BINS ? BINS + 1 : bin + 1]++;
    }
    /* Four standard errors each. */
    double root = sqrt((double)COUNT);
    assert_true(fabs(sum / COUNT) < 4 / root);
    assert_true(fabs(squares / COUNT - 1) < 4 * sqrt(2) / root);
    assert_true(fabs(fourth / COUNT - 3) < 4 * sqrt(96) / root);
    assert_true(fabs(lag / COUNT) < 4 / root);
    double chi = 0;
    for (int b = 0; b < BINS + 2; b++) {
        double from = b == 0 ? -HUGE_VAL : -4.5 + 9.0 * (b - 1) / BINS;
        double to = b == BINS + 1 ? HUGE_VAL : -4.5 + 9.0 * b / BINS;
        double expected = COUNT * (normal_share(to) - normal_share(from));
        chi += (counts[b] - expected) * (counts[b] - expected) / expected;
    }
    /* chi^2 of 61 degrees of freedom: mean 61, deviation 11; this is one in a million. */
    assert_true(chi < 120);
}

static void numbers_start_as_he_says(void **state)
{
    (void)state;
    const struct tn_zoo_options seven = {.seed = 7};
    struct tn_graph *graph = built("resnet50", &seven);
    const struct tn_tensor *weight =
        graph->values[tn_graph_find_value(graph, "res5b_branch2b.weight")].constant;
    double squares = 0;
    for (size_t i = 0; i < weight->count; i++)
        squares += (double)tn_tensor_floats(weight)[i] * (double)tn_tensor_floats(weight)[i];
    double wanted = 2.0 / (512 * 9);
    assert_true(fabs(squares / (double)weight->count / wanted - 1) < 0.005);
    tn_graph_free(graph);
}

/* --- Pruned as the paper does --- */

enum { MOST_CUTS = 32, MOST_FILTERS = 512 };

struct shrink {
    const char *layer;
    int keep;
};

/* Cut so many layers down to their first `keep` filters: what a network costs does not depend on
 * which they are. */
static void assert_cost_cut(const struct tn_graph *graph, int count, const struct shrink *shrinks,
                            int64_t params, int64_t flops)
{
    struct tn_error error = {0};
    struct tn_layers layers;
    struct tn_groups groups;
    struct tn_cut cuts[MOST_CUTS];
    int keep[MOST_FILTERS];
    for (int i = 0; i < MOST_FILTERS; i++)
        keep[i] = i;
    assert_true(tn_layers_of(graph, &layers, &error));
    assert_true(tn_groups_of(graph, &layers, TN_SCOPE_INNER, &groups, &error));
    for (int i = 0; i < count; i++) {
        int layer = tn_layers_find(&layers, shrinks[i].layer);
        assert_true(layer >= 0);
        cuts[i] = (struct tn_cut){
            .group = groups.of_layer[layer], .keep_count = shrinks[i].keep, .keep = keep};
    }
    struct tn_graph *smaller = tn_cut_channels(graph, &groups, count, cuts, &error);
    if (!smaller)
        fail_msg("%s", error.text);
    assert_cost(smaller, params, flops);
    tn_graph_free(smaller);
    tn_groups_free(&groups);
    tn_layers_free(&layers);
}

static void vgg16_pruned_as_the_paper_does(void **state)
{
    (void)state;
    static const struct shrink half[] = {
        {"conv1_1", 32},  {"conv1_2", 32},  {"conv2_1", 64},  {"conv2_2", 64},  {"conv3_1", 128},
        {"conv3_2", 128}, {"conv3_3", 128}, {"conv4_1", 256}, {"conv4_2", 256}, {"conv4_3", 256},
    };
    static const struct shrink tiny[] = {
        {"conv1_1", 16},  {"conv1_2", 16},  {"conv2_1", 32},  {"conv2_2", 32},  {"conv3_1", 64},
        {"conv3_2", 64},  {"conv3_3", 64},  {"conv4_1", 128}, {"conv4_2", 128}, {"conv4_3", 128},
        {"conv5_1", 128}, {"conv5_2", 128}, {"conv5_3", 256},
    };
    const struct tn_zoo_options none = {0};
    struct tn_graph *graph = built("vgg16", &none);
    assert_cost_cut(graph, 10, half, 131440480, 9582411776); /* ThiNet-Conv: 131.44 M, 9.58 B */
    tn_graph_free(graph);
    graph = built("vgg16-gap", &none);
    assert_cost_cut(graph, 10, half, 8318816, 9336168448); /* ThiNet-GAP: 8.32 M, 9.34 B */
    assert_cost_cut(graph, 13, tiny, 1323184, 2009157632); /* ThiNet-Tiny: 1.32 M, 2.01 B */
    tn_graph_free(graph);
}

static void resnet50_pruned_as_the_paper_does(void **state)
{
    (void)state;
    static const int blocks[4] = {3, 4, 6, 3};
    static const struct {
        int percent;
        int64_t params, flops;
    } expected[] = {
        {70, 16944246, 4880052680}, /* ThiNet-70: 16.94 M, 4.88 B */
        {50, 12380864, 3412852736}, /* ThiNet-50: 12.38 M, 3.41 B */
        {30, 8664318, 2194985078},  /* ThiNet-30: 8.66 M; 2.195 B, in the paper 2.20 */
    };
    const struct tn_zoo_options none = {0};
    struct tn_graph *graph = built("resnet50", &none);
    for (int i = 0; i < 3; i++) {
        struct shrink shrinks[MOST_CUTS];
        char names[MOST_CUTS][32];
        int count = 0;
        for (int stage = 0; stage < 4; stage++) {
            for (int b = 0; b < 2 * blocks[stage]; b++) {
                snprintf(names[count], sizeof names[count], "res%d%c_branch2%c", stage + 2,
                         'a' + b / 2, 'a' + b % 2);
                shrinks[count].keep = (64 << stage) * expected[i].percent / 100;
                shrinks[count].layer = names[count];
                count++;
            }
        }
        assert_int_equal(count, 32);
        assert_cost_cut(graph, count, shrinks, expected[i].params, expected[i].flops);
    }
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_costs_what_its_paper_says),
        cmocka_unit_test(layers_have_their_papers_names),
        cmocka_unit_test(other_images_and_classes_can_be_asked_for),
        cmocka_unit_test(wishes_that_make_no_network_are_refused),
        cmocka_unit_test(one_seed_gives_one_network_for_any_number_of_threads),
        cmocka_unit_test(drawing_anew_leaves_copies_alone),
        cmocka_unit_test(bulk_numbers_are_normal),
        cmocka_unit_test(numbers_start_as_he_says),
        cmocka_unit_test(vgg16_pruned_as_the_paper_does),
        cmocka_unit_test(resnet50_pruned_as_the_paper_does),
    };
    return cmocka_run_group_tests_name("zoo", tests, NULL, NULL);
}
