/* Single nodes evaluated on constants: the shape arithmetic that exporters write. */
#ifndef TN_MODEL_EVALUATE_H
#define TN_MODEL_EVALUATE_H

#include "core/error.h"
#include "model/graph.h"

enum { TN_EVALUATE_INPUTS = 64 };

struct tn_evaluation_budget {
    size_t bytes; /* what results may still take */
};

/* The only output of `node` for these inputs (NULL where one is left out), a new reference. NULL
 * without an error where the operator is not one of them, its arguments make no sense or the budget
 * is spent: the node then stays. NULL with an error when memory is short. */
struct tn_tensor *tn_evaluate_node(const struct tn_graph *graph, const struct tn_node *node,
                                   struct tn_tensor *const *inputs,
                                   struct tn_evaluation_budget *budget, struct tn_error *error);

/* ONNX's number for the element type of that output, 0 for what goes with the tensor's own type. */
int tn_evaluated_type(const struct tn_graph *graph, const struct tn_node *node);

#endif
