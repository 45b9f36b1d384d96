/* Layers: the nodes that have weights to prune (convolutions and fully connected layers), by name.
 */
#ifndef TN_MODEL_LAYERS_H
#define TN_MODEL_LAYERS_H

#include "core/error.h"
#include "model/graph.h"

struct tn_layer {
    char
        *name; /* its weight's name without ".weight", else the node's (DESIGN section 3); unique */
    int node;
    enum tn_op op;      /* TN_OP_CONV or TN_OP_GEMM */
    int filters;        /* output channels */
    int channels;       /* input channels (of the whole input, not of a group) */
    int kernel[2];      /* 1, 1 for Gemm */
    int out[2];         /* output height and width; 1, 1 for Gemm */
    int64_t params;     /* weights and, where a BatchNorm follows directly, its scale and shift; no
                           biases */
    int64_t params_all; /* and biases */
    int64_t flops;      /* 2 x multiply-adds for one image */
};

struct tn_layers {
    int count;
    struct tn_layer *layer; /* in execution order */
};

bool tn_layers_of(const struct tn_graph *graph, struct tn_layers *layers, struct tn_error *error);
void tn_layers_free(struct tn_layers *layers);
int tn_layers_find(const struct tn_layers *layers, const char *name); /* or -1 */

/* Whole-network cost as the paper counts it (DESIGN section 2): params = weights of convolutions
 * and fully connected layers and scale and shift of every BatchNorm; params_all = all trainable
 * ones, biases too. */
struct tn_cost {
    int64_t params, params_all, flops;
};
bool tn_cost_of(const struct tn_graph *graph, struct tn_cost *cost, struct tn_error *error);

#endif
