/* The passes of a convolution over packed planes (conv_geometry.h), for Conv and, the other way
 * round, for ConvTranspose: a convolution's forward, its way back to the input, and the gradient of
 * its weights. */
#ifndef TN_ENGINE_CORRELATION_H
#define TN_ENGINE_CORRELATION_H

#include "engine/conv_geometry.h"
#include "engine/conv_path.h"

struct tn_correlation {
    struct tn_window window; /* of the convolution */
    struct tn_conv_geometry geometry;
    int groups, filters, channels;      /* filters and channels of one group */
    int depth, padded_depth;            /* channels x taps; rounded up for correlate_weights */
    ptrdiff_t *offsets;                 /* [padded_depth] from the group's first plane */
    int *back_depth;                    /* [phases] filters x taps of that phase */
    ptrdiff_t **back_offsets;           /* [phases] */
    float *packed, *packed_back;        /* weights in the order the kernels read them; while
                                           training in memory that all steps share */
    bool shares;                        /* packed weights are in the shared memory */
    bool packed_once, packed_back_once; /* inference: weights do not change */
    int parts, slices;                  /* slices of the greatest batch */
    float *partial;                     /* [parts, filters x groups, padded_depth], shared */
};

/* `c` zeroed but for its window. Errors name the node, `name`. */
bool tn_correlation_prepare(struct tn_network *network, const char *name, struct tn_correlation *c,
                            int passes, struct tn_error *error);
void tn_correlation_release(struct tn_correlation *c);

/* Numbers of one image on either side of the convolution. */
size_t tn_correlation_in(const struct tn_correlation *c);
size_t tn_correlation_out(const struct tn_correlation *c);

/* output [N,filters,out,out] = finished convolution of input [N,channels,in,in] with weights
 * [filters,channels / groups,kh,kw] */
void tn_correlation_forward(struct tn_network *network, struct tn_correlation *c,
                            const float *weights, const float *input, struct tn_finish finish,
                            float *output);
/* input [N,channels,in,in] = finished sum of what each number of it contributes to output: the
 * gradient of the input where `output` is that of the output */
void tn_correlation_back(struct tn_network *network, struct tn_correlation *c, const float *weights,
                         const float *output, struct tn_finish finish, float *input);
/* gradient of the weights for that of the output, and, unless NULL, of the input */
void tn_correlation_weights(struct tn_network *network, struct tn_correlation *c,
                            const float *weights, const float *input, const float *output_gradient,
                            float *weights_gradient, float *input_gradient);

/* gradient[channel] of a bias added to each of `area` numbers of [N,channels,area] */
void tn_bias_gradient(struct tn_network *network, const float *output_gradient, size_t channels,
                      size_t area, float *gradient);

#endif
