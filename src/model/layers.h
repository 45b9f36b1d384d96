/* Layers: the nodes that have weights to prune (convolutions and fully connected layers), by name.
 */
#ifndef TN_MODEL_LAYERS_H
#define TN_MODEL_LAYERS_H

#include "core/error.h"
#include "model/graph.h"

/* Node by node:
 *
 * op             weights              kernel   out                   multiply-adds for one image
 * Conv           [F, C/group, kh, kw] kh, kw   output height, width  weights x output positions
 *                [F, C/group, k]      1, k     1, output width
 * ConvTranspose  [C, F/group, kh, kw] kh, kw   output height, width  weights x input positions
 *                [C, F/group, k]      1, k     1, output width
 * Gemm           [F, C] or [C, F]     1, 1     1, 1                  weights
 * MatMul         [C, F]               1, 1     the positions in      weights x positions
 *                                              front of the channels:
 *                                              H, W of [N,H,W,C]; 1, T of [N,T,C] (where there are
 *                                              more axes, all but the last together)
 */
struct tn_layer {
    char
        *name; /* its weight's name without ".weight", else the node's (DESIGN section 3); unique */
    int node;
    enum tn_op op;      /* one of the four above */
    int filters;        /* output channels, F */
    int channels;       /* input channels (of the whole input, not of a group), C */
    int kernel[2];      /* height, width */
    int out[2];         /* height, width; 0, 0 where the shape is not known */
    int64_t params;     /* weights and, where a BatchNorm follows directly, its scale and shift; no
                           biases */
    int64_t params_all; /* and biases, those of an Add behind a MatMul too */
    int64_t flops;      /* 2 x multiply-adds for one image */
};

struct tn_layers {
    int count;
    struct tn_layer *layer; /* in execution order */
};

/* Has the node weights that can be pruned? Computed ones cannot, nor those of two activations. */
bool tn_node_is_layer(const struct tn_graph *graph, const struct tn_node *node);

bool tn_layers_of(const struct tn_graph *graph, struct tn_layers *layers, struct tn_error *error);
void tn_layers_free(struct tn_layers *layers);
int tn_layers_find(const struct tn_layers *layers, const char *name); /* or -1 */

/* Whole-network cost as the paper counts it (DESIGN section 2): params = weights of convolutions
 * and fully connected layers and scale and shift of every BatchNorm; params_all = all that training
 * changes: biases too, scale and shift of every normalisation, slopes of PRelu, and vectors that
 * are added or multiplied behind a layer. Weights that several nodes share count once. */
struct tn_cost {
    int64_t params, params_all, flops;
};
bool tn_cost_of(const struct tn_graph *graph, struct tn_cost *cost, struct tn_error *error);

#endif
