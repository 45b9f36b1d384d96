/* Networks that end in Softmax: their logits are one step before. */
#ifndef TN_MODEL_LOGITS_H
#define TN_MODEL_LOGITS_H

#include "core/error.h"
#include "model/graph.h"

/* A clone whose first output is what goes into the Softmax over the classes that `graph` ends in,
 * or the same output where it ends otherwise. Nodes and values keep their places, so that what is
 * learnt on it can be stored into `graph`. Cross-entropy of logits is computed with a softmax of
 * its own; a second one would flatten it. */
struct tn_graph *tn_graph_logits(const struct tn_graph *graph, struct tn_error *error);

#endif
