/* Where the activation of a layer's filters is to be found. */
#ifndef TN_PRUNE_ACTIVATION_H
#define TN_PRUNE_ACTIVATION_H

#include "model/graph.h"

/* The value that a layer's output `value` becomes behind the BatchNorm and the activation function
 * that follow it, before pooling (Hu et al. 2016); `value` itself where none does. Of the same
 * shape. */
int tn_activation_of(const struct tn_graph *graph, int value);

#endif
