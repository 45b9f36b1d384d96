/* How fast a network is. */
#ifndef TN_SESSION_TIMING_H
#define TN_SESSION_TIMING_H

#include "core/error.h"
#include "core/progress.h"
#include "model/graph.h"

struct tn_timing {
    double forward_ms, backward_ms,
        step_ms; /* medians for a batch; the last two NAN where the network cannot be trained */
    struct tn_error untrained; /* why not, then */
};

/* Several runs on random images: forward when evaluating; backward, and a whole step (forward,
 * backward, update), when training. */
bool tn_time_network(const struct tn_graph *graph, int batch, const struct tn_progress *progress,
                     struct tn_timing *timing, struct tn_error *error);

#endif
