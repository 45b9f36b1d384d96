/* What the tests of folding share. Everything fails the test on error. */
#ifndef TN_TESTS_FOLD_SUPPORT_H
#define TN_TESTS_FOLD_SUPPORT_H

#include "model/graph.h"

/* A node whose result is an output, so that it is not swept away. */
int fold_kept_node(struct tn_graph *graph, const char *op_type, const char *name, int count,
                   const int *inputs);
void fold_graph(struct tn_graph *graph);
/* The constant that a value has become, or NULL. */
const struct tn_tensor *fold_result(const struct tn_graph *graph, const char *name);
void fold_assert_ints(const struct tn_graph *graph, const char *name, int count,
                      const int64_t *ints);

#endif
