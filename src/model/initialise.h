/* Fresh weights. */
#ifndef TN_MODEL_INITIALISE_H
#define TN_MODEL_INITIALISE_H

#include "core/error.h"
#include "model/graph.h"

/* Draw all weights anew: convolution and Gemm weights He normal (fan out for convolutions, as
 * torchvision's VGG and ResNet do; Gemm N(0, 0.01)), biases 0, BatchNorm scale 1, shift 0, mean 0,
 * variance 1. On all threads; the same seed gives the same bits for any number of them. */
bool tn_graph_initialise(struct tn_graph *graph, uint64_t seed, struct tn_error *error);

#endif
