/* Shape inference and folding of constants. */
#ifndef TN_MODEL_SHAPE_H
#define TN_MODEL_SHAPE_H

#include "core/error.h"
#include "model/graph.h"

/* Give every activation its shape, from the graph's inputs; also after surgery. Unknown operators
 * leave the shape of their outputs unknown (has_shape false) and so of all that follows; a shape
 * that cannot be is an error naming the node. */
bool tn_graph_infer_shapes(struct tn_graph *graph, struct tn_error *error);

/* The same for one node, whose inputs' shapes are known already or never will be. */
bool tn_node_infer_shape(struct tn_graph *graph, int node, struct tn_error *error);

/* Evaluate nodes all of whose inputs are constants (shape arithmetic, Constant) and replace them.
 */
bool tn_graph_fold_constants(struct tn_graph *graph, struct tn_error *error);

#endif
