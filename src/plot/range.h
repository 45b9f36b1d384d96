/* From values to places along an axis. */
#ifndef TN_PLOT_RANGE_H
#define TN_PLOT_RANGE_H

#include "plot/figure.h"

struct tn_range {
    double low, high; /* values at the axis' ends */
    bool log;
};

/* What an axis of the panel has to show, with a little room around points. */
struct tn_range tn_range_x(const struct tn_figure_panel *panel);
struct tn_range tn_range_y(const struct tn_figure_panel *panel);

/* 0 at the low end, 1 at the high one; NAN: no place, as for what is not positive on a logarithmic
 * axis. */
double tn_range_place(const struct tn_range *range, double value);

#endif
