/* The transforms of Winograd's F(4x4,3x3) (Lavin, Gray 2016, section 4.3: points 0, 1, -1, 2, -2,
 * infinity), a vector of tiles at a time. Built once for each vector width.
 *
 * Tiles stand in lines: number x of tile t is at 4 t + x, so that rows of tiles of any width follow
 * one another without gaps. A transformed tile is 36 numbers, `stride` apart from one to the next,
 * each beside those of the other tiles. The order of tiles within a vector is the transforms' own,
 * the same for all three. `tiles` is a multiple of the vector's lanes. */
#ifndef TN_ENGINE_WINOGRAD_KERNELS_H
#define TN_ENGINE_WINOGRAD_KERNELS_H

#include <stddef.h>

enum { TN_TILE = 4, TN_TILE_IN = 6, TN_TILE_POINTS = 36 };

struct tn_winograd_kernels {
    /* B' d B: six lines of the columns 0 .. 3 of each tile's 6x6 input, then six of which the first
     * two of four are its columns 4 and 5; `span` floats from line to line. */
    void (*input)(size_t tiles, const float *lines, size_t span, float *points, size_t stride);
    /* A' m A + bias, then max(0, .) if relu: four lines. */
    void (*output)(size_t tiles, const float *points, size_t stride, float bias, int relu,
                   float *lines, size_t span);
    /* A dy A': what `output` makes of the gradient on the way back; four lines in. */
    void (*gradient)(size_t tiles, const float *lines, size_t span, float *points, size_t stride);
};

#endif
