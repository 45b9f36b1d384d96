/* The arguments of Slice and Pad, which older opsets keep in attributes and newer ones in inputs.
 */
#ifndef TN_MODEL_SLICE_H
#define TN_MODEL_SLICE_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>

/* Of every axis, counted from the front: elements start, start + step, ... , `count` of them. On
 * the batch axis only `whole` means anything: whether all of it is taken. */
struct tn_slice {
    int rank;
    int64_t start[TN_MAX_RANK], step[TN_MAX_RANK], count[TN_MAX_RANK];
    bool whole[TN_MAX_RANK];
};

/* The first input's shape must be known. *constant is false, and the rest empty, where the
 * arguments are computed. */
bool tn_slice_of(const struct tn_graph *graph, const struct tn_node *node, struct tn_slice *slice,
                 bool *constant, struct tn_error *error);

struct tn_padding {
    int rank;
    int64_t begin[TN_MAX_RANK], end[TN_MAX_RANK]; /* negative: cut */
    float value;                                  /* what to pad with */
    const char *mode; /* "constant", "reflect", "edge": the node's own text */
};

bool tn_padding_of(const struct tn_graph *graph, const struct tn_node *node,
                   struct tn_padding *padding, bool *constant, struct tn_error *error);

#endif
