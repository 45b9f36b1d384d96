/* The transforms of Winograd's F(4x4,3x3) (Lavin, Gray 2016, section 4.3: points 0, 1, -1, 2, -2,
 * infinity), a vector of tiles at a time. Built once for each vector width.
 *
 * A transformed tile is 36 numbers, `stride` apart from one to the next, each beside those of the
 * other tiles: points[p * stride + t]. They are written up to the count of tiles rounded up to
 * vectors, zero where there is no tile. The order of tiles within a vector is the transforms' own,
 * the same for all three. */
#ifndef TN_ENGINE_WINOGRAD_KERNELS_H
#define TN_ENGINE_WINOGRAD_KERNELS_H

#include <stddef.h>

enum { TN_TILE = 4, TN_TILE_IN = 6, TN_TILE_POINTS = 36 };

/* Where tiles are in memory: tile t has its corner at `at[t]`, rows are `pitch` floats apart. */
struct tn_tiles {
    size_t count;
    const ptrdiff_t *at;
    size_t pitch;
    int across; /* tiles beside one another in a row, again and again */
};

struct tn_winograd_kernels {
    /* B' d B of 6x6 numbers from each corner; 8 of each row are read. */
    void (*input)(const struct tn_tiles *tiles, const float *from, float *points, size_t stride);
    /* The same of `lanes` channels at once, for `count` tiles beside one another, the first of
     * which is tile `first`. Number x of row i of all channels is the vector at rows[i] + x *
     * lanes. Point p of tile t becomes the vector at points + p * stride + place * step, the place
     * being that which the other transforms give tile t. */
    void (*input_channels)(const float *const rows[TN_TILE_IN], size_t first, size_t count,
                           float *points, size_t stride, size_t step);
    /* A' m A + bias, brought into [least, most], to 4x4 numbers from each corner. */
    void (*output)(const struct tn_tiles *tiles, const float *points, size_t stride, float bias,
                   float least, float most, float *to);
    /* A dy A' of 4x4 numbers: what `output` makes of the gradient on the way back. */
    void (*gradient)(const struct tn_tiles *tiles, const float *from, float *points, size_t stride);
};

#endif
