/* What the parts of shape inference share: a function for each operator, in a file for each theme.
 */
#ifndef TN_MODEL_SHAPE_PARTS_H
#define TN_MODEL_SHAPE_PARTS_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>
#include <stdint.h>

/* A shape being worked out. `known` false: nothing can be said of it before the network runs. */
struct tn_shape {
    bool known;
    enum tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
};

extern const struct tn_shape tn_shape_unknown;

/* Of input `index`; unknown where it is left out. */
struct tn_shape tn_shape_of(const struct tn_graph *graph, const struct tn_node *node, int index);

bool tn_shape_has_batch(const struct tn_shape *shape);

/* Numbers in dimensions `from` to before `to`; false where the batch is among them or they are too
 * many. */
bool tn_shape_product(const struct tn_shape *shape, int from, int to, int64_t *numbers);

/* Make two sizes of one dimension agree as broadcasting does, 1 stretching to any. The batch agrees
 * with the size the file fixed it to; with any other number *known turns false. */
bool tn_shape_stretch(const struct tn_graph *graph, int axis, int64_t *size, int64_t other,
                      bool *known, struct tn_error *error);

/* The first output's shape, for a node whose inputs are all there (tn_node_infer_shape has counted
 * them). One that puts the batch behind the first axis need not say so: it is made unknown. Errors
 * do not name the node. */
typedef bool tn_shape_function(const struct tn_graph *graph, const struct tn_node *node,
                               struct tn_shape *out, struct tn_error *error);

tn_shape_function tn_shape_same, tn_shape_cast, tn_shape_clip, tn_shape_prelu, tn_shape_softmax,
    tn_shape_broadcast, tn_shape_reduce;          /* shape_arithmetic.c */
tn_shape_function tn_shape_gemm, tn_shape_matmul; /* shape_matrix.c */
tn_shape_function tn_shape_window, tn_shape_global_pool, tn_shape_resize,
    tn_shape_depth; /* shape_image.c */
tn_shape_function tn_shape_batch_norm, tn_shape_instance_norm, tn_shape_layer_norm,
    tn_shape_lrn; /* shape_norm.c */
tn_shape_function tn_shape_reshape, tn_shape_flatten, tn_shape_squeeze, tn_shape_unsqueeze,
    tn_shape_expand; /* shape_form.c: the same numbers under other axes */
tn_shape_function tn_shape_slice, tn_shape_pad, tn_shape_split, tn_shape_concat, tn_shape_gather,
    tn_shape_transpose; /* shape_move.c */

/* For a node of TN_OP_UNKNOWN that ONNX defines all the same; else NULL. */
tn_shape_function *tn_shape_foreign(const struct tn_node *node);

#endif
