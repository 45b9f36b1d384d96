/* Small pictures in cells: two pixels a cell, one above the other, where the terminal has half
 * blocks and 256 colours; elsewhere a character for both. */
#ifndef UI_RASTER_H
#define UI_RASTER_H

#include "glyphs.h"
#include "palette.h"
#include "surface.h"
#include <stdbool.h>

struct raster {
    int width, height; /* pixels */
    float *pixels;     /* [height,width] fractions 0 .. 1; NAN: nothing there */
};

/* Numbers [rows,columns], row by row. */
struct raster_map {
    const float *values;
    int rows, columns;
    double low, high; /* what fractions 0 and 1 stand for */
};

/* Can a cell show its two pixels apart? If not, only pictures that are enlarged keep every row. */
bool raster_fine(const struct surface *surface, const struct glyphs *glyphs);

/* Blank, for the cells of a pane of `rows` and `columns`. False: out of memory, or no cells. */
bool raster_new(struct raster *raster, int rows, int columns);
void raster_free(struct raster *raster);

/* The size in pixels at which a map of rows x columns fits into so many: made smaller, or enlarged
 * by a factor up to `most`. */
void raster_fit(int rows, int columns, int most, int *height, int *width);
/* A map at a place, in height x width pixels; what lies outside is cut. */
void raster_map(struct raster *raster, int top, int left, int height, int width,
                const struct raster_map *map);

/* Into the pane's top left corner. */
void raster_draw(const struct raster *raster, struct pane pane, const struct glyphs *glyphs,
                 enum palette palette);

#endif
