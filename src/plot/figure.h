/* A figure as plain data: panels side by side, each with two axes and lines, points or bars. It is
 * drawn to a file by plot/write.h. */
#ifndef TN_PLOT_FIGURE_H
#define TN_PLOT_FIGURE_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

enum { TN_FIGURE_PANELS = 3, TN_FIGURE_SERIES = 26, TN_FIGURE_BARS = 3 };

struct tn_figure_axis {
    const char *label; /* with its unit, or NULL */
    double from, to;   /* NAN: what the data needs */
    bool log;          /* values that are not positive are left out */
    bool percent;      /* values are fractions, shown in % */
    bool whole;        /* ticks at whole numbers only */
    /* Of a vertical axis: rows with names, from the top; a row's place is its number. */
    int row_count;
    const char *const *rows;
    bool unnamed; /* the rows' names stand at the panel to the left */
};

/* How a thing is marked beyond its place: by colour, dashes and shape at once, so that none of them
 * is the only sign. */
struct tn_figure_look {
    int number; /* 0 ..: of the palette */
    bool pale;  /* light, with an outline */
};

struct tn_figure_series {
    const char *name; /* in the legend; NULL: not there */
    struct tn_figure_look look;
    bool line, marks, hollow;
    bool background; /* thin and grey, behind the others */
    int count;
    const double *x; /* [count], or NULL: first_x + i * step_x */
    double first_x, step_x;
    const double *y;           /* [count]; NAN: a gap */
    const double *low, *high;  /* [count] ends of the error bars, or NULL */
    const char *const *labels; /* [count] written beside the points where there is room, or NULL */
    const char *const *briefs; /* [count] written there where the label has no room, or NULL */
};

struct tn_figure_bars {
    const char *name;
    struct tn_figure_look look;
    int count;
    const double *length;    /* [count] from 0; NAN: no bar */
    const char *const *ends; /* [count] written behind the bars, or NULL */
};

struct tn_figure_panel {
    struct tn_figure_axis x, y;
    bool
        across; /* bars lie: one a row of y; otherwise they stand, one a whole number of x from 1 */
    int bar_count;
    struct tn_figure_bars bars[TN_FIGURE_BARS]; /* each over the ones before */
    int series_count;
    struct tn_figure_series series[TN_FIGURE_SERIES];
    double cursor; /* a line across at this x; NAN: none */
    const char *cursor_name;
    double weight; /* its part of the width; 0 counts as 1 */
};

struct tn_figure {
    const char *title;    /* or NULL */
    double width, height; /* mm */
    int panel_count;
    struct tn_figure_panel panels[TN_FIGURE_PANELS];
    int kept_count;
    void **kept; /* memory that lives as long as the figure */
};

/* An empty figure of this size in mm. */
void tn_figure_start(struct tn_figure *figure, double width, double height);
void tn_figure_free(struct tn_figure *figure);

/* Texts and arrays of a figure belong to whoever makes it, or to the figure: NULL with an error. */
const char *tn_figure_text(struct tn_figure *figure, struct tn_error *error, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));
void *tn_figure_array(struct tn_figure *figure, int count, size_t size, struct tn_error *error);
double *tn_figure_doubles(struct tn_figure *figure, int count, struct tn_error *error);
const char **tn_figure_texts(struct tn_figure *figure, int count, struct tn_error *error);

/* One more, to be filled; the last one again where there is no room. */
struct tn_figure_panel *tn_figure_panel(struct tn_figure *figure);
struct tn_figure_series *tn_figure_series(struct tn_figure_panel *panel);
struct tn_figure_bars *tn_figure_bars(struct tn_figure_panel *panel);

/* The x of a series' point. */
double tn_figure_x(const struct tn_figure_series *series, int i);

#endif
