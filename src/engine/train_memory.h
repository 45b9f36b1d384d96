/* How much memory training takes, and how a batch is trained where that is more than there is. */
#ifndef TN_ENGINE_TRAIN_MEMORY_H
#define TN_ENGINE_TRAIN_MEMORY_H

#include "engine/train.h"

struct tn_training_memory {
    size_t bytes;        /* that training takes besides what the process holds before it */
    size_t weights;      /* of the network it begins with, which are there already */
    size_t available;    /* that it may take */
    size_t network_most; /* of these, for the network that is trained */
    int piece;           /* images in one pass; below the batch: it is trained in pieces */
    int segments;        /* above 1: activations are made again in the backward pass */
};

/* Networks whose images do not depend on each other are trained in pieces of the batch where it
 * does not fit as a whole: the gradients are the same up to the rounding of their sums. With
 * BatchNorm, activations are made again instead, to the same bits. An error says how much is needed
 * where neither is enough, and which batch would fit. Nothing big is allocated. */
bool tn_training_memory(const struct tn_graph *graph, const struct tn_dataset *dataset,
                        const struct tn_train_options *options, struct tn_training_memory *memory,
                        struct tn_error *error);

#endif
