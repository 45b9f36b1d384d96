/* What the parts of evaluation share: a function for each operator, in a file for each theme. */
#ifndef TN_MODEL_EVALUATE_PARTS_H
#define TN_MODEL_EVALUATE_PARTS_H

#include "model/evaluate.h"

/* The node at hand and what it is given. */
struct tn_work {
    const struct tn_graph *graph;
    const struct tn_node *node;
    struct tn_tensor *const *inputs;
    bool batch; /* numbers that stand for the batch may be among the inputs */
    int output;
    struct tn_evaluation_budget *budget;
    struct tn_error *error;
};

struct tn_tensor *tn_work_input(const struct tn_work *work, int index);

/* Room for a result, out of the budget; NULL without an error where that is spent. */
struct tn_tensor *tn_work_result(const struct tn_work *work, enum tn_dtype dtype, int rank,
                                 const int64_t *dims);

/* Distance between neighbours along each axis, in elements. */
void tn_strides_of(const struct tn_tensor *tensor, int64_t *strides);

/* Steps through several inputs that are broadcast together. */
enum { TN_WALK_INPUTS = 3 };
struct tn_walk {
    int count, rank;
    int64_t dims[TN_MAX_RANK];
    int64_t steps[TN_WALK_INPUTS][TN_MAX_RANK];
    int64_t at[TN_MAX_RANK];
    int64_t place[TN_WALK_INPUTS]; /* element of each input that meets at the present one */
};

/* False where the shapes do not stretch to each other. */
bool tn_walk_begin(struct tn_walk *walk, int count, struct tn_tensor *const *inputs);
void tn_walk_next(struct tn_walk *walk);

/* Each gives a new reference, or NULL as tn_evaluate_node does. */
typedef struct tn_tensor *tn_evaluator(const struct tn_work *work);

tn_evaluator tn_evaluate_reshape, tn_evaluate_unsqueeze, tn_evaluate_squeeze, tn_evaluate_flatten,
    tn_evaluate_transpose, tn_evaluate_slice, tn_evaluate_gather, tn_evaluate_concat,
    tn_evaluate_split, tn_evaluate_expand, tn_evaluate_tile,
    tn_evaluate_scatter; /* evaluate_move.c */
tn_evaluator tn_evaluate_unary, tn_evaluate_binary, tn_evaluate_where,
    tn_evaluate_cast; /* evaluate_arithmetic.c */
tn_evaluator tn_evaluate_reduce, tn_evaluate_size, tn_evaluate_nonzero,
    tn_evaluate_matmul; /* evaluate_reduce.c */

#endif
