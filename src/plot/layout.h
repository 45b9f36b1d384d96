/* Where everything in a figure goes, so that nothing lies over anything else. */
#ifndef TN_PLOT_LAYOUT_H
#define TN_PLOT_LAYOUT_H

#include "plot/canvas.h"
#include "plot/figure.h"
#include "plot/range.h"
#include "plot/ticks.h"

enum { TN_LEGEND_ENTRIES = TN_FIGURE_SERIES + TN_FIGURE_BARS + 1 };

struct tn_legend_entry {
    const char *name;
    const struct tn_figure_series *series; /* one of them; neither: the cursor */
    const struct tn_figure_bars *bars;
    double x, y, swatch; /* its left end, its middle; how wide what it shows is */
};

struct tn_legend {
    int count, lines;
    struct tn_legend_entry entries[TN_LEGEND_ENTRIES];
};

struct tn_layout_panel {
    struct tn_box cell; /* all that is the panel's */
    struct tn_box plot; /* within the axes */
    struct tn_range x, y;
    struct tn_ticks x_ticks, y_ticks;
    double row_font; /* of the rows' names */
    int row_stride;  /* every how many have room for one */
    double names;    /* width of the rows' names or the ticks' numbers */
    struct tn_legend legend;
};

struct tn_layout {
    double title; /* middle of its line */
    struct tn_layout_panel panels[TN_FIGURE_PANELS];
};

/* Sizes in parts of the canvas' font. */
extern const double tn_layout_line;  /* from line to line */
extern const double tn_layout_title; /* size of the title */

void tn_layout(const struct tn_canvas *canvas, const struct tn_figure *figure,
               struct tn_layout *layout);

/* Places in points. */
double tn_layout_x(const struct tn_layout_panel *panel, double value);
double tn_layout_y(const struct tn_layout_panel *panel, double value);

#endif
