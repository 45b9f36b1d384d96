/* Which axes an operator works on: arguments that older opsets keep in attributes and newer ones in
 * inputs, for shapes, the engine and the pruning alike.
 *
 * The shape of the first input must be known (Concat: of any). Axes are counted from the front.
 * Where there is `constant`, it is false, and the rest empty, when the arguments are computed by
 * the network itself. Errors do not name the node. */
#ifndef TN_MODEL_AXES_H
#define TN_MODEL_AXES_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `axis` counted from the front; negative ones count from the end. */
bool tn_axis_normal(int64_t axis, int rank, int *normal, struct tn_error *error);

/* The node's attribute "axis" in `rank` dimensions, `otherwise` where it is left out:
 * LayerNormalization (-1: this axis and all after it are normalised together). */
bool tn_axis_of(const struct tn_node *node, int rank, int64_t otherwise, int *axis,
                struct tn_error *error);

/* The axes of Reduce*, Squeeze (of the input) and Unsqueeze (of the output). */
struct tn_axes {
    int rank; /* of the shape the axes belong to */
    bool chosen[TN_MAX_RANK];
    bool keep; /* Reduce*: the reduced axes stay, with size 1 */
};

bool tn_axes_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_axes *axes,
                bool *constant, struct tn_error *error);

/* Softmax and LogSoftmax: the numbers of axes *from to before *to sum to one together. Since opset
 * 13 that is one axis; before, `axis` and all after it. */
bool tn_softmax_of(const struct tn_graph *graph, const struct tn_node *node, int *from, int *to,
                   struct tn_error *error);

/* Split into `count` outputs along `axis`. */
struct tn_split {
    int axis, count;
    const int64_t *listed; /* their sizes, owned by the graph; NULL: all equal but the last */
    int64_t each, last;
};

bool tn_split_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_split *split,
                 bool *constant, struct tn_error *error);
int64_t tn_split_size(const struct tn_split *split, int output);

/* Dimension i of the output is dimension perm[i] of the input. */
bool tn_transpose_of(const struct tn_graph *graph, const struct tn_node *node,
                     int perm[TN_MAX_RANK], struct tn_error *error);

bool tn_concat_axis(const struct tn_graph *graph, const struct tn_node *node, int *axis,
                    struct tn_error *error);

/* Elements `indices` along `axis`; the shape of the indices takes the axis's place, so that a
 * scalar drops it. All are checked to be there. */
struct tn_gather {
    int axis;
    int64_t size; /* of the input along the axis */
    const struct tn_tensor *indices;
};

bool tn_gather_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_gather *gather, bool *constant, struct tn_error *error);
/* Index i, counted from the front. */
int64_t tn_gather_at(const struct tn_gather *gather, size_t i);

/* Clip, -FLT_MAX and FLT_MAX (not infinities) where a bound is left out, as ONNX has it. */
bool tn_clip_of(const struct tn_graph *graph, const struct tn_node *node, float *least,
                float *greatest, bool *constant, struct tn_error *error);

/* DepthToSpace and SpaceToDepth of [N,C,H,W]. In the order of the channels of the deep side,
 * `column_row_depth` false: (row, column, channel), the channel running fastest; true: (channel,
 * row, column). SpaceToDepth is always the former. */
struct tn_depth {
    int64_t block;
    bool column_row_depth;
};

bool tn_depth_of(const struct tn_node *node, struct tn_depth *depth, struct tn_error *error);

#endif
