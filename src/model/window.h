/* The geometry of sliding windows: convolution and pooling. */
#ifndef TN_MODEL_WINDOW_H
#define TN_MODEL_WINDOW_H

#include "core/error.h"
#include "model/graph.h"

struct tn_window {
    int kernel[2], stride[2], dilation[2]; /* height, width */
    int pad_begin[2], pad_end[2];          /* top/left, bottom/right */
    int groups;                            /* convolution only, else 1 */
    bool ceil_mode, count_include_pad;     /* pooling only */
    int channels_in, channels_out;         /* of the whole operator, all groups */
    int in[2], out[2];                     /* height, width */
};

/* Decode the attributes of a Conv, MaxPool or AveragePool node with known input shape [N,C,H,W]
 * (auto_pad resolved), checking them against the weights. */
bool tn_window_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_window *window, struct tn_error *error);

/* The same, with errors that do not name the node, for callers that do. */
bool tn_window_decode(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_window *window, struct tn_error *error);

#endif
