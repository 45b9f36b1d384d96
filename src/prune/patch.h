/* What a layer multiplies its kernel by: at one place (an output position of a convolution, a row
 * of a MatMul, an image of a Gemm) the inputs in reach of the window, [channels,taps]. Internal to
 * src/prune. */
#ifndef TN_PRUNE_PATCH_H
#define TN_PRUNE_PATCH_H

#include "core/error.h"
#include "model/graph.h"
#include "model/window.h"
#include <stddef.h>

struct tn_patch {
    int node;
    enum tn_op op;           /* TN_OP_CONV, TN_OP_CONV_TRANSPOSE, TN_OP_GEMM, TN_OP_MATMUL */
    struct tn_window window; /* of a convolution */
    int groups;              /* of a convolution, else 1; what follows is of one group */
    int channels, taps;      /* numbers of a patch: channels x taps */
    int filters;             /* that read it */
    int places;              /* an image */
    size_t input_size;       /* numbers of the layer's input for one image */
    bool transposed;         /* Gemm's transB */
    double alpha;            /* Gemm's factor, else 1 */
    const float *weights;    /* the graph's */
};

/* Prepare a layer with constant weights; the graph must stay. */
bool tn_patch_open(const struct tn_graph *graph, int node, struct tn_patch *patch,
                   struct tn_error *error);

/* Numbers of a patch. */
int tn_patch_size(const struct tn_patch *patch);

/* The patch of one group at `place`, from the layer's input for one image. */
void tn_patch_gather(const struct tn_patch *patch, const float *input, int group, int place,
                     double *numbers);

/* Where the weight stands that filter `filter` of a group has for one number of its patch. */
size_t tn_patch_weight(const struct tn_patch *patch, int group, int number, int filter);

#endif
