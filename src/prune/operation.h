/* A network under the knife: what stays of every axis, and the constants that take the place of old
 * ones. Internal to src/prune. */
#ifndef TN_PRUNE_OPERATION_H
#define TN_PRUNE_OPERATION_H

#include "core/error.h"
#include "model/graph.h"
#include "prune/flow.h"
#include "prune/groups.h"
#include "prune/surgery.h"

/* A constant that one node is to read in place of another. */
struct tn_edit {
    int node, input;
    int value; /* the old constant, or TN_NO_VALUE where there was none */
    struct tn_tensor *tensor;
};

struct tn_operation {
    struct tn_graph *graph; /* a clone, being changed; its shapes are still the old ones */
    const struct tn_groups *groups;
    const struct tn_flow *flow;
    const double *const *factors; /* [groups] NULL where nothing is cut; else [channels] the factor
                                    of a channel that stays, or TN_GONE */
    int edit_count, edit_capacity;
    struct tn_edit *edits; /* in order of nodes; each with one reference to its tensor */
};

extern const double TN_GONE; /* negative infinity: no factor */

/* Does the channel of this id stay, and times what? */
bool tn_operation_stays(const struct tn_operation *operation, int id);
double tn_operation_factor(const struct tn_operation *operation, int id);
/* How many of the positions begin .. end - 1 stay. */
int64_t tn_operation_count(const struct tn_operation *operation, const struct tn_labels *labels,
                           int64_t begin, int64_t end);

/* The constant behind an input of a node, as far as it is edited by now. */
const struct tn_tensor *tn_operation_constant(const struct tn_operation *operation, int node,
                                              int input);
/* Let `node` read `tensor` (taken over; NULL fails) at `input` from now on. */
bool tn_operation_edit(struct tn_operation *operation, int node, int input,
                       struct tn_tensor *tensor, struct tn_error *error);
/* Put all edits into the graph. */
bool tn_operation_apply(struct tn_operation *operation, struct tn_error *error);
void tn_operation_free(struct tn_operation *operation); /* the edits; not the graph */

/* Change what a node says of sizes and places on the channel axis: a Reshape's target, a Split's
 * sizes (arguments.c). The labels of its values are the old ones. `makes`: it makes channels. */
bool tn_operation_arguments(struct tn_operation *operation, int node, bool makes,
                            struct tn_error *error);

#endif
