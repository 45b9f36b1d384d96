/* model/head.c: a fresh classifier, and average pooling in place of fully connected layers. */
#include "model/head.h"

#include "model/layers.h"
#include "model/zoo.h"
#include "small_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tn_graph *built(const char *name)
{
    struct tn_error error = {0};
    const struct tn_zoo_options options = {.seed = 3};
    struct tn_graph *graph = tn_zoo_build(name, &options, &error);
    if (!graph)
        fail_msg("%s", error.text);
    return graph;
}

static void put_head(struct tn_graph *graph, const struct tn_head *head)
{
    struct tn_error error = {0};
    if (!tn_graph_new_head(graph, head, &error))
        fail_msg("%s", error.text);
}

static int64_t classes_of(const struct tn_graph *graph)
{
    const struct tn_value *output = &graph->values[graph->outputs[0]];
    assert_true(output->has_shape && output->rank == 2);
    return output->dims[1];
}

static void a_classifier_gets_other_classes_and_the_rest_stays(void **state)
{
    (void)state;
    struct tn_graph *graph = built("fashion-vgg"), *old = tn_graph_clone(graph, NULL);
    put_head(graph, &(struct tn_head){.classes = 7, .seed = 5});
    assert_int_equal(classes_of(graph), 7);
    struct tn_layers layers;
    assert_true(tn_layers_of(graph, &layers, NULL));
    int fc = tn_layers_find(&layers, "fc");
    assert_true(fc >= 0);
    assert_int_equal(layers.layer[fc].filters, 7);
    assert_int_equal(layers.layer[fc].channels, 128);
    for (int i = 0; i < layers.count; i++) {
        const struct tn_node *node = &graph->nodes[layers.layer[i].node];
        int was = tn_graph_find_value(old, graph->values[node->inputs[1]].name);
        assert_true(was != TN_NO_VALUE);
        if (i != fc)
            assert_ptr_equal(old->values[was].constant, graph->values[node->inputs[1]].constant);
    }
    tn_layers_free(&layers);
    tn_graph_free(old);
    tn_graph_free(graph);
}

static void average_pooling_replaces_fully_connected_layers(void **state)
{
    (void)state;
    struct tn_graph *graph = built("vgg16"), *wanted = built("vgg16-gap");
    struct tn_cost cost, expected;
    put_head(graph, &(struct tn_head){.gap = true});
    assert_int_equal(classes_of(graph), 1000);
    assert_true(tn_cost_of(graph, &cost, NULL) && tn_cost_of(wanted, &expected, NULL));
    assert_int_equal(cost.params, expected.params);
    assert_int_equal(cost.flops, expected.flops);
    tn_graph_free(wanted);
    tn_graph_free(graph);
}

static void the_same_seed_gives_the_same_weights(void **state)
{
    (void)state;
    const struct tn_digest *digests[3];
    struct tn_graph *graphs[3];
    for (int i = 0; i < 3; i++) {
        graphs[i] = built("fashion-vgg");
        put_head(graphs[i], &(struct tn_head){.seed = i < 2 ? 1 : 2});
        int value = tn_graph_find_value(graphs[i], "fc.weight");
        digests[i] = tn_tensor_digest(graphs[i]->values[value].constant);
    }
    assert_memory_equal(digests[0], digests[1], sizeof *digests[0]);
    assert_memory_not_equal(digests[0], digests[2], sizeof *digests[0]);
    for (int i = 0; i < 3; i++)
        tn_graph_free(graphs[i]);
}

static void a_network_without_a_layer_at_its_end_is_refused(void **state)
{
    (void)state;
    struct small_graph s;
    small_begin(&s, 3, 4, 4, 1);
    small_node(&s, "Tanh", 0, NULL);
    struct tn_graph *graph = small_end(&s);
    struct tn_error error = {0};
    assert_false(tn_graph_new_head(graph, &(struct tn_head){.classes = 2}, &error));
    assert_non_null(strstr(error.text, "makes the output"));
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_classifier_gets_other_classes_and_the_rest_stays),
        cmocka_unit_test(average_pooling_replaces_fully_connected_layers),
        cmocka_unit_test(the_same_seed_gives_the_same_weights),
        cmocka_unit_test(a_network_without_a_layer_at_its_end_is_refused),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
