/* model/logits.c: where a network that ends in Softmax has its logits. */
#include "model/logits.h"

#include "small_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* input [N,3,4,4], Flatten, LAST */
static struct tn_graph *ending_in(const char *last, int64_t axis)
{
    struct tn_error error = {0};
    struct small_graph s;
    small_begin(&s, 3, 4, 4, 1);
    small_node(&s, "Flatten", 0, NULL);
    struct tn_node *node = small_node(&s, last, 0, NULL);
    if (strcmp(last, "Softmax") == 0)
        assert_true(tn_node_set_int(node, "axis", axis, &error));
    return small_end(&s);
}

static void the_logits_are_what_softmax_reads(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = ending_in("Softmax", 1), *logits = tn_graph_logits(graph, &error);
    assert_non_null(logits);
    const struct tn_node *softmax = &graph->nodes[graph->node_count - 1];
    assert_int_equal(graph->outputs[0], softmax->outputs[0]);
    assert_int_equal(logits->outputs[0], softmax->inputs[0]);
    assert_int_equal(logits->value_count, graph->value_count);
    assert_int_equal(logits->node_count, graph->node_count);
    tn_graph_free(logits);
    tn_graph_free(graph);
}

static void other_networks_keep_their_output(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = ending_in("Relu", 0), *logits = tn_graph_logits(graph, &error);
    assert_non_null(logits);
    assert_int_equal(logits->outputs[0], graph->outputs[0]);
    tn_graph_free(logits);
    tn_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_logits_are_what_softmax_reads),
        cmocka_unit_test(other_networks_keep_their_output),
    };
    return cmocka_run_group_tests_name("logits", tests, NULL, NULL);
}
