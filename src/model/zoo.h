/* Built-in architectures with seeded He initialisation (He et al. 2015). */
#ifndef TN_MODEL_ZOO_H
#define TN_MODEL_ZOO_H

#include "core/error.h"
#include "model/graph.h"

struct tn_zoo_options {
    int channels, height, width; /* 0: the architecture's own */
    int classes;                 /* 0: the architecture's own */
    uint64_t seed;
};

/* Build NAME ("fashion-vgg"); NULL and an error listing the names otherwise. */
struct tn_graph *tn_zoo_build(const char *name, const struct tn_zoo_options *options,
                              struct tn_error *error);
const char *tn_zoo_name(int index); /* NULL past the last */

/* Draw all weights anew: convolution and Gemm weights He normal (fan out for convolutions, as
 * torchvision's VGG and ResNet do; Gemm N(0, 0.01)), biases 0, BatchNorm scale 1, shift 0, mean 0,
 * variance 1. */
bool tn_graph_initialise(struct tn_graph *graph, uint64_t seed, struct tn_error *error);

#endif
