/* How a convolution is laid out for the kernels: every stride, padding and dilation becomes a plain
 * correlation over one line of positions.
 *
 * An image is laid out in rows of `pitch` floats, `rows` rows, in which the image itself takes the
 * top left corner and the rest is zero; images of a slice follow one another. A position is an
 * index into that line; output (oh, ow) of image n has position (n * rows + oh) * pitch + ow. For
 * strides above 1 the input is split into phases, phase (a, b) holding the pixels (i * stride + a,
 * j * stride + b). Kernel tap t then reads phase phase[t] at position + shift[t]: one offset a tap,
 * the same for all positions, and the zero margin plays the padding. The gradient of the input is
 * the same with -shift. */
#ifndef TN_ENGINE_CONV_GEOMETRY_H
#define TN_ENGINE_CONV_GEOMETRY_H

#include "core/error.h"
#include "engine/kernels.h"
#include "model/window.h"
#include <stdbool.h>
#include <stddef.h>

struct tn_conv_geometry {
    int taps;         /* kernel height x width */
    int *phase;       /* [taps] */
    ptrdiff_t *shift; /* [taps] */
    int phases;       /* stride height x width; those without taps are not stored */
    int *stored;      /* [phases] index among the stored ones, or -1 */
    int stored_count;
    int rows, pitch; /* of an image on the line */
    int slice;       /* images a slice */
    int bands;       /* parts a slice; above 1 only in slices of one image */
    int band_rows;   /* rows of the output in a band, the last may have fewer */
    int origin;      /* rows on the line before a band's first */
    size_t margin;   /* zero floats before and after each plane */
    size_t plane;    /* floats of one channel and phase of a slice, margins included */
    const struct tn_window *window;
};

/* `batch` bounds the images a slice. `banded`: large images may be cut into bands; only the way
 * forward can be. */
bool tn_conv_geometry_make(const struct tn_window *window, int batch, bool banded,
                           struct tn_conv_geometry *geometry, struct tn_error *error);
void tn_conv_geometry_free(struct tn_conv_geometry *geometry);

/* Positions from the first to the last that the last of `images` images needs when rows x columns
 * of each matter. */
size_t tn_conv_positions(const struct tn_conv_geometry *geometry, int images, const int extent[2]);

/* Height and width of a phase of the input. */
void tn_conv_phase_extent(const struct tn_conv_geometry *geometry, int phase, int extent[2]);

/* Rows of the output in a band. */
int tn_conv_band_rows(const struct tn_conv_geometry *geometry, int band);

/* Lay out a band of channels of NCHW images: planes[(c * stored_count + phase) * plane ...];
 * `image_stride` floats from one image to the next. */
void tn_conv_pack_input(const struct tn_conv_geometry *geometry, const struct tn_kernels *kernels,
                        const float *images, size_t image_stride, int count, int channels, int band,
                        float *planes);
/* The same for [N,channels,out,out] images: one phase, planes[c * plane ...]. */
void tn_conv_pack_output(const struct tn_conv_geometry *geometry, const struct tn_kernels *kernels,
                         const float *images, size_t image_stride, int count, int channels,
                         float *planes);

#endif
