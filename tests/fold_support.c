#include "fold_support.h"

#include "model/shape.h"
#include "model_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int fold_kept_node(struct tn_graph *graph, const char *op_type, const char *name, int count,
                   const int *inputs)
{
    struct tn_error error = {0};
    int node = model_node(graph, op_type, name, count, inputs);
    assert_true(tn_graph_add_output(graph, model_output(graph, node), &error));
    return node;
}

void fold_graph(struct tn_graph *graph)
{
    struct tn_error error = {0};
    assert_true(tn_graph_fold_constants(graph, &error));
}

const struct tn_tensor *fold_result(const struct tn_graph *graph, const char *name)
{
    int value = tn_graph_find_value(graph, name);
    assert_true(value != TN_NO_VALUE);
    return graph->values[value].constant;
}

void fold_assert_ints(const struct tn_graph *graph, const char *name, int count,
                      const int64_t *ints)
{
    const struct tn_tensor *tensor = fold_result(graph, name);
    assert_non_null(tensor);
    assert_non_null(tn_tensor_ints(tensor));
    assert_int_equal(tensor->count, count);
    assert_memory_equal(tn_tensor_ints(tensor), ints, (size_t)count * sizeof *ints);
}
