/* How fast a network is. */
#ifndef TN_SESSION_TIMING_H
#define TN_SESSION_TIMING_H

#include "core/error.h"
#include "core/progress.h"
#include "model/graph.h"

/* What is to be measured. */
struct tn_timing_order {
    int batch, passes;        /* passes: 1 to TN_MOST_TIMED, after one that is not counted */
    bool inference, training; /* a mode that is left out takes no memory either */
};

enum { TN_USUAL_TIMED = 7, TN_MOST_TIMED = 100 };

struct tn_node_time {
    double forward_ms, backward_ms; /* with what is fused into the node; 0 where it does not run */
    const char *path;               /* of a convolution, or NULL */
};

struct tn_timing {
    double forward_ms, backward_ms,
        step_ms; /* medians for a batch; NAN where not asked for, or where it cannot be trained */
    struct tn_error untrained;  /* why not, then */
    struct tn_node_time *nodes; /* [nodes of the graph], medians; freed by tn_timing_free */
    size_t memory;              /* bytes: the most that either mode takes, with the weights that
                               are there already; found beforehand */
    size_t memory_training;     /* of a step; 0 where the network cannot be trained */
    double peak_gflops;         /* of the machine, with all threads (engine/peak.h) */
};

/* Several runs on random images: forward when evaluating; backward, and a whole step (forward,
 * backward, update), when training. Each node's part of forward and backward too. */
bool tn_time_network(const struct tn_graph *graph, const struct tn_timing_order *timed,
                     const struct tn_progress *progress, struct tn_timing *timing,
                     struct tn_error *error);
void tn_timing_free(struct tn_timing *timing);

#endif
