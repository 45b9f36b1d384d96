/* A fresh classifier on a trained network: transfer learning, and global average pooling in place
 * of large fully connected layers (Luo et al. 2017, sections 4.2 and 5). */
#ifndef TN_MODEL_HEAD_H
#define TN_MODEL_HEAD_H

#include "core/error.h"
#include "model/graph.h"

struct tn_head {
    int classes; /* 0: as many as there are */
    bool gap;    /* read the last feature maps [N,C,H,W] by global average pooling alone: a pooling
                    and the fully connected layers between go */
    uint64_t seed; /* of the new weights, N(0, 0.01); biases are 0 */
};

/* Change `graph` in place: the last layer, which makes the network's first output, gets new weights
 * of the same names. False, the graph spoilt, where no layer makes the output or memory is short.
 */
bool tn_graph_new_head(struct tn_graph *graph, const struct tn_head *head, struct tn_error *error);

#endif
