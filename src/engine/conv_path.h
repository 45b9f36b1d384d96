/* Ways to compute a convolution. Conv (conv.c) takes the first that fits its shape; each keeps what
 * it prepared behind a pointer of its own. */
#ifndef TN_ENGINE_CONV_PATH_H
#define TN_ENGINE_CONV_PATH_H

#include "core/error.h"
#include "engine/step.h"
#include "model/window.h"
#include <math.h>

/* What is done with every number before it is written: the channel's bias is added, then what
 * stands at its place in `addend`, [N,filters,out,out]; then it is brought into [least, most].
 * `bias` and `addend` may be NULL. An addend is only used forward. */
struct tn_finish {
    const float *bias, *addend;
    float least, most;
};

static const struct tn_finish tn_unfinished = {NULL, NULL, -INFINITY, INFINITY};

/* What the step fuses, but for an addend. */
static inline struct tn_finish tn_finish_of(const struct tn_step *step, const float *bias)
{
    return (struct tn_finish){bias, NULL, step->relu ? 0 : -INFINITY,
                              step->relu ? step->ceiling : INFINITY};
}

static inline float tn_finish_bias(const struct tn_finish *finish, size_t channel)
{
    return finish->bias ? finish->bias[channel] : 0;
}

static inline float tn_finish_one(const struct tn_finish *finish, float x)
{
    return x < finish->least ? finish->least : x > finish->most ? finish->most : x;
}

/* Where there is an addend, numbers are written with their bias alone at first; then, while they
 * are near, this finishes `count` of them from output[at] on. */
static inline struct tn_finish tn_finish_first(const struct tn_finish *finish)
{
    bool whole = !finish->addend;
    return (struct tn_finish){finish->bias, NULL, whole ? finish->least : -INFINITY,
                              whole ? finish->most : INFINITY};
}

static inline void tn_finish_last(const struct tn_kernels *kernels, const struct tn_finish *finish,
                                  float *output, size_t at, size_t count)
{
    if (finish->addend)
        kernels->add_limited(count, finish->addend + at, finish->least, finish->most, output + at);
}

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

extern const struct tn_conv_path tn_winograd_path, tn_pointwise_path, tn_unfolded_path,
    tn_depthwise_path, tn_correlation_path;

#endif
