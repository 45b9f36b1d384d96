/* Removing channels from a network. */
#ifndef TN_PRUNE_SURGERY_H
#define TN_PRUNE_SURGERY_H

#include "core/error.h"
#include "model/graph.h"
#include "prune/groups.h"

struct tn_cut {
    int group;
    int keep_count;
    const int *keep;       /* ascending channel indices that stay */
    const double *weights; /* [keep_count] scales of the consumers' input channels, or NULL */
};

/* A new graph with all cuts made at once (shapes inferred anew). The result equals the network with
 * the removed channels zeroed, and the kept ones scaled, at the consumers' input. The groups must
 * be of this graph. */
struct tn_graph *tn_cut_channels(const struct tn_graph *graph, const struct tn_groups *groups,
                                 int count, const struct tn_cut *cuts, struct tn_error *error);

#endif
