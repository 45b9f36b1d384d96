/* Small networks and comparisons for the tests of model. */
#ifndef TN_TESTS_MODEL_SUPPORT_H
#define TN_TESTS_MODEL_SUPPORT_H

#include "model/graph.h"

/* [N,3,8,8] -> conv 4 (3x3, bias), norm, relu, max pool, conv 6, global pool, flatten, gemm 5,
 * seeded. */
struct tn_graph *model_small(void);

/* [N,6,4,5] -> slice, pad, reshape to the batch size and the rest, gemm 3; its arguments are
 * computed by nodes as exporters do: to be encoded, not yet folded. */
struct tn_graph *model_unfolded(void);

/* A graph with one input "x" of this shape, to which nodes are added. */
struct tn_graph *model_begin(int rank, const int64_t *dims);
/* Add a node that reads these values; its output is called NAME_out. Returns the node. */
int model_node(struct tn_graph *graph, const char *op_type, const char *name, int input_count,
               const int *inputs);
int model_output(const struct tn_graph *graph, int node); /* its first output */
int model_ints(struct tn_graph *graph, const char *name, int count, const int64_t *ints);
int model_floats(struct tn_graph *graph, const char *name, int rank, const int64_t *dims);

/* Attributes of node `node`. */
void model_set_int(struct tn_graph *graph, int node, const char *name, int64_t value);
void model_set_ints(struct tn_graph *graph, int node, const char *name, int count,
                    const int64_t *ints);
void model_set_string(struct tn_graph *graph, int node, const char *name, const char *text);

/* Fail the test unless both are the same network: names, operators, attributes, shapes, tensors,
 * metadata. */
void model_assert_same(const struct tn_graph *a, const struct tn_graph *b);

/* Fail the test unless the value's shape is known and is this. */
void model_assert_shape(const struct tn_graph *graph, int value, int rank, const int64_t *dims);

#endif
