/* Ways to compute a convolution. Conv (conv.c) takes the first that fits its shape; each keeps what
 * it prepared behind a pointer of its own. */
#ifndef TN_ENGINE_CONV_PATH_H
#define TN_ENGINE_CONV_PATH_H

#include "core/error.h"
#include "engine/step.h"
#include "model/window.h"

/* What is done with every number of a channel before it is written. `bias` may be NULL. */
struct tn_finish {
    const float *bias;
    bool relu;
};

/* Which passes there will be. */
enum { TN_PASS_FORWARD = 1, TN_PASS_BACK = 2, TN_PASS_WEIGHTS = 4 };

struct tn_conv_path {
    const char *name;
    /* Is this the way for such a convolution? */
    bool (*fits)(const struct tn_network *network, const struct tn_window *window);
    /* What the passes need; `name` is the node's, for errors. Freed by `release`, which takes NULL.
     */
    void *(*prepare)(struct tn_network *network, const struct tn_window *window, int passes,
                     const char *name, struct tn_error *error);
    void (*release)(void *state);
    /* output [N,filters,out,out] = finished convolution of input [N,channels,in,in] with weights
     * [filters,channels / groups,kh,kw]. At inference the weights are the same at every call. */
    void (*forward)(struct tn_network *network, void *state, const float *weights,
                    const float *input, struct tn_finish finish, float *output);
    /* Gradient of the weights for that of the output, and, unless NULL, of the input; both are
     * written, not added to. */
    void (*backward)(struct tn_network *network, void *state, const float *weights,
                     const float *input, const float *output_gradient, float *weights_gradient,
                     float *input_gradient);
};

extern const struct tn_conv_path tn_winograd_path, tn_pointwise_path, tn_correlation_path;

#endif
