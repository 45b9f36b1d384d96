/* The geometry of sliding windows: convolution and pooling. */
#ifndef TN_MODEL_WINDOW_H
#define TN_MODEL_WINDOW_H

#include "core/error.h"
#include "model/graph.h"

/* A window along one dimension, [N,C,W], is one of height 1: kernel {1,k}, in {1,W}.
 *
 * ConvTranspose is the way back of the convolution with this kernel, stride, dilation and padding:
 * that convolution's input is this one's output. The weights are [channels_in,
 * channels_out / groups, kh, kw]. Below and to the right, what output_padding or output_shape add
 * beyond the reach of the input is in `out` too: there the output is the bias alone. */
struct tn_window {
    int spatial;                           /* dimensions in the node: 1 or 2 */
    int kernel[2], stride[2], dilation[2]; /* height, width */
    int pad_begin[2], pad_end[2];          /* top/left, bottom/right */
    int output_padding[2];                 /* ConvTranspose only, else 0 */
    int groups;                            /* convolution only, else 1 */
    bool ceil_mode, count_include_pad;     /* pooling only */
    int channels_in, channels_out;         /* of the whole operator, all groups */
    int in[2], out[2];                     /* height, width */
};

/* Decode the attributes of a Conv, ConvTranspose, MaxPool or AveragePool node with known input
 * shape [N,C,W] or [N,C,H,W] (auto_pad resolved), checking them against the weights. With ceil_mode
 * the last window may reach beyond pad_end (what is there is never counted), but begins in the
 * image or before it; with dilation a window may miss the image altogether. */
bool tn_window_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_window *window, struct tn_error *error);

/* The same, with errors that do not name the node, for callers that do. */
bool tn_window_decode(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_window *window, struct tn_error *error);

#endif
