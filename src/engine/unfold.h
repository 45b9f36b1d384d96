/* Convolution as a matrix product: the images of a batch as a matrix with a row for each channel
 * and kernel tap, and a column for each position. Positions of all images make one line, image by
 * image, row by row. The matrix is never whole in memory: pieces are packed as they are needed. */
#ifndef TN_ENGINE_UNFOLD_H
#define TN_ENGINE_UNFOLD_H

#include "engine/conv_path.h"
#include "engine/product.h"

enum { TN_UNFOLD_COLUMNS = 192 }; /* that are packed at once, at most */

/* Where a position's numbers are: tap t of position (i, j) is pixel (i * stride + offset[t]) of
 * [channels,height,width], and zero outside. */
struct tn_unfold {
    size_t channels;
    int size[2];      /* height, width of an image */
    int positions[2]; /* rows and columns of an image */
    int stride[2];    /* pixels from one position to the next */
    int taps;         /* none: no position has a number */
    int (*offset)[2]; /* [taps] */
    bool alone;       /* folded to: pixels between the positions are 0 */
};

size_t tn_unfold_image(const struct tn_unfold *u);     /* floats of an image */
size_t tn_unfold_positions(const struct tn_unfold *u); /* of an image */
size_t tn_unfold_rows(const struct tn_unfold *u);      /* channels x taps, taps running fastest */

/* Positions [span] of all rows, packed as the right factor of a product whose columns they are, at
 * most TN_UNFOLD_COLUMNS; images is [N,channels,height,width]. */
void tn_unfold_columns(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       const float *images, struct tn_span span, float *packed);

/* The same rows turned, packed[position][row], for `rows` rows from `first` on, zero from there to
 * `wide`. `buffer` has wide x span.size floats. */
void tn_unfold_turned(const struct tn_unfold *u, const struct tn_kernels *kernels,
                      const float *images, struct tn_span span, size_t first, size_t rows,
                      size_t wide, float *buffer, float *packed);

/* Where there is one tap: rows of positions [rows.size x span.size], `stride` floats apart, to
 * their places, finished. */
void tn_fold_rows(const struct tn_unfold *u, const struct tn_kernels *kernels, const float *from,
                  size_t stride, struct tn_span span, struct tn_span rows,
                  const struct tn_finish *finish, float *images);

#endif
