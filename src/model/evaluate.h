/* Single nodes evaluated on constants: the shape arithmetic that exporters write, and what little
 * they compute of weights. */
#ifndef TN_MODEL_EVALUATE_H
#define TN_MODEL_EVALUATE_H

#include "core/error.h"
#include "model/graph.h"

enum { TN_EVALUATE_INPUTS = 64, TN_EVALUATE_OUTPUTS = 64 };

struct tn_evaluation_budget {
    size_t bytes; /* what results may still take in memory */
    size_t work;  /* what may still be written, whatever becomes of it */
    size_t fills; /* what ConstantOfShape may still fill with floats: files from which the weights
                     were taken to make them small have it in their place */
};

/* The batch's size is not known, but follows along: among the integers of shapes a number stands
 * for `times` of it, 1 to TN_MOST_BATCHES. */
#define TN_MOST_BATCHES (INT64_C(1) << 40)
int64_t tn_batch_number(int64_t times);
bool tn_is_batch_number(int64_t number, int64_t *times);

/* Can the operator cope with such numbers in input `index`? */
bool tn_evaluates_batch(const struct tn_node *node, int index);

/* Output `output` of `node` for these inputs (NULL where one is left out), a new reference;
 * `batch`: some hold the batch's numbers. What is not data (axes, indices, sizes) is taken from the
 * graph. NULL without an error where the operator is not one of those known here, its arguments
 * make no sense, the result depends on the batch's size or the budget is spent: the node then
 * stays. NULL with an error when memory is short. */
struct tn_tensor *tn_evaluate_node(const struct tn_graph *graph, const struct tn_node *node,
                                   struct tn_tensor *const *inputs, bool batch, int output,
                                   struct tn_evaluation_budget *budget, struct tn_error *error);

/* ONNX's number for the element type of the outputs, 0 for what goes with the tensor's own type. */
int tn_evaluated_type(const struct tn_graph *graph, const struct tn_node *node);

#endif
