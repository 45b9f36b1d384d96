/* Line and scatter charts in cells: braille dots where the terminal has them, marks elsewhere; axes
 * with numbers, a legend and a cursor. */
#ifndef UI_CHART_H
#define UI_CHART_H

#include "glyphs.h"
#include "surface.h"
#include <stdbool.h>

enum { CHART_MAX_SERIES = 16 };

struct chart_series {
    const char *name; /* in the legend; NULL: not there */
    enum style style;
    int count;
    const double *x; /* [count], or NULL: first_x, first_x + step_x, ... */
    const double *y; /* [count]; what is not finite leaves a gap */
    double first_x, step_x;
    int mark; /* of the glyphs' points, without braille: its number from 1; 0: by its place */
};

/* A point that stands for itself. */
struct chart_point {
    double x, y;
    double low, high; /* of a bar through it, drawn where there is room; NAN: none */
    uint32_t mark;
    enum style style;
    char label[12]; /* beside it where there is room */
    bool selected;  /* on top of the others, and flagged */
};

enum chart_scale {
    CHART_LINEAR,
    CHART_LOG,  /* what is not positive, or very small, lies on the floor */
    CHART_AUTO, /* logarithmic where most points would lie on the floor of a linear one */
};

struct chart {
    const char *x_label, *y_label; /* y_label goes in front of the legend */
    enum chart_scale scale;
    int series_count;
    struct chart_series series[CHART_MAX_SERIES]; /* later ones lie over earlier ones */
    int point_count;
    const struct chart_point *points; /* [point_count], over the series */
    bool has_cursor;
    double cursor_x;
    double x_from, x_to; /* at least so wide; x_to 0: as wide as the points */
    bool only;           /* no wider than that, whatever the points */
    bool x_parts;        /* numbers on x need not be whole */
    bool percent;        /* y runs 0 .. 1 and is labelled in per cent */
};

/* Where on the screen a chart's points are, and which x its first and its last column stand for. */
struct chart_axis {
    struct pane pane; /* no rows: there is no chart */
    double low, high;
};

/* Draw into the whole pane; nothing where it is too small for axes and one row of data. */
struct chart_axis chart_draw(struct pane pane, const struct glyphs *glyphs,
                             const struct chart *chart);

/* The x of a column of the screen, within the axis. */
double chart_x_at(const struct chart_axis *axis, int column);

#endif
