/* Pixels of an image's plane into a row of a packed factor. Built once for each vector width. */
#ifndef TN_ENGINE_UNFOLD_KERNELS_H
#define TN_ENGINE_UNFOLD_KERNELS_H

#include <stddef.h>

/* What of a row goes to one tile of the factor: zeros, `length` pixels, zeros. */
struct tn_unfold_piece {
    ptrdiff_t from; /* its first pixel in the plane */
    size_t before, length, after;
    size_t tile, wide; /* the tile's first column and its width */
    size_t column;     /* the piece's first in the tile */
};

struct tn_unfold_kernels {
    /* Row `k` of a factor of `depth` rows, from every `step`th pixel. Exactly these are read, and
     * exactly the pieces are written. */
    void (*pack)(size_t count, const struct tn_unfold_piece *pieces, size_t step,
                 const float *plane, size_t depth, size_t k, float *packed);
};

#endif
