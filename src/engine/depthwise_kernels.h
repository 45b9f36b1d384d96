/* Convolutions of one channel with one kernel, over a plane: rows of an image with zeros around
 * them. Built once for each vector width.
 *
 * Where outputs are two columns apart, a row of a plane is cut in two: its even columns, and from
 * `half` on its odd ones; what vectors of outputs read are then neighbours again. */
#ifndef TN_ENGINE_DEPTHWISE_KERNELS_H
#define TN_ENGINE_DEPTHWISE_KERNELS_H

#include <stddef.h>

struct tn_depthwise_plane {
    int kernel[2]; /* height, width */
    int step[2];   /* rows and columns of the plane from one output to the next: 1 or 2 */
    size_t pitch;  /* floats of a row */
    size_t half;   /* to the odd columns, if step[1] is 2 */
};

/* What is written to a channel's outputs after its kernel: + bias, brought into [least, most]. */
struct tn_depthwise_finish {
    float bias, least, most;
};

struct tn_depthwise_kernels {
    /* Put rows of `width` numbers into rows of a plane `to_stride` apart. Exactly these are read.
     * split_rows puts those at even places to `to`, those at odd
     * places to `odd`; spread_rows puts one at every other place, with zeros after each. */
    void (*split_rows)(size_t rows, size_t width, const float *from, size_t from_stride, float *to,
                       float *odd, size_t to_stride);
    void (*spread_rows)(size_t rows, size_t width, const float *from, size_t from_stride, float *to,
                        size_t to_stride);

    /* out[rows,width] = finished sums of weights[kernel] times the plane. `room` floats of `out`
     * may be written: what is past the rows is then worthless. Up to a vector past a row of the
     * plane is read. */
    void (*correlate)(const struct tn_depthwise_plane *shape, const float *weights,
                      const float *plane, size_t rows, size_t width, size_t room,
                      struct tn_depthwise_finish finish, float *out);

    /* Add to sums[kernel, lanes]: lane by lane, the sums of gradient[rows,width] times what each
     * weight meets in the plane. gradient_pitch is `width` rounded up to lanes, with zeros there.
     */
    void (*weights)(const struct tn_depthwise_plane *shape, const float *plane,
                    const float *gradient, size_t gradient_pitch, size_t rows, double *sums);
};

#endif
