/* What the parts of constant folding share. */
#ifndef TN_MODEL_FOLD_PARTS_H
#define TN_MODEL_FOLD_PARTS_H

#include "model/evaluate.h"
#include "model/name_index.h"

/* What is known of a value while its graph is folded. */
struct tn_folded {
    struct tn_tensor *aside; /* a list that holds the batch's numbers: no constant of the network */
    size_t cost;             /* of the budget, for a constant made here */
    int readers;             /* nodes and outputs of the graph that still need it */
};

struct tn_folding {
    struct tn_graph *graph;
    int value_count; /* of the graph as it came; values may be added behind */
    struct tn_folded *values;
    struct tn_evaluation_budget budget;
    struct tn_name_index names; /* of all values, once a new one is needed */
    struct tn_error *error;
};

/* Where a list that holds the batch's size ends as the argument of a node, put what says the same
 * without it: 0 in the shape of a Reshape, 1 in that of an Expand, an open end of a Slice, scales
 * for the sizes of a Resize. False with an error when memory is short. */
bool tn_settle_batch(struct tn_folding *folding, int node);

#endif
