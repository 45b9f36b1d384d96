/* Drawing a figure on a canvas. */
#ifndef TN_PLOT_DRAW_H
#define TN_PLOT_DRAW_H

#include "plot/canvas.h"
#include "plot/figure.h"

void tn_figure_draw(const struct tn_canvas *canvas, const struct tn_figure *figure);

#endif
