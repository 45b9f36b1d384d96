/* What a figure is drawn with: cairo, a palette, and text whose size is known. Lengths are in
 * points (1/72 inch), from the left and the top. */
#ifndef TN_PLOT_CANVAS_H
#define TN_PLOT_CANVAS_H

#include "plot/figure.h"
#include <cairo.h>

struct tn_box {
    double left, top, right, bottom;
};

struct tn_canvas {
    cairo_t *cairo;
    double width, height;
    double font; /* size of the text of ticks and legends */
    /* Told of every text that is drawn and where; NULL: nobody asks. */
    void (*on_text)(void *context, const char *text, struct tn_box box);
    void *context;
};

enum tn_ink { TN_INK_TEXT, TN_INK_AXIS, TN_INK_GRID, TN_INK_BACKGROUND };

/* On a surface of this size in points. The font grows with the figure's width, within what can be
 * read on paper. */
void tn_canvas_start(struct tn_canvas *canvas, cairo_t *cairo, double width, double height);

double tn_canvas_width(const struct tn_canvas *canvas, double size, const char *text);

/* Text whose part `align` (0: left end, 0.5: middle, 1: right end) is at x, and whose letters stand
 * centred on y. */
void tn_canvas_text(const struct tn_canvas *canvas, double x, double y, double align, double size,
                    const char *text);
/* The text, shortened with an ellipsis to fit into `width`. */
void tn_canvas_fit(const struct tn_canvas *canvas, double size, double width, const char *text,
                   char *out, size_t room);
/* Text centred on x, made smaller and then shorter to fit into `width`. */
void tn_canvas_squeeze(const struct tn_canvas *canvas, double x, double y, double size,
                       double width, const char *text);
/* The same reading upwards, its middle at x, y. */
void tn_canvas_text_up(const struct tn_canvas *canvas, double x, double y, double size,
                       double length, const char *text);

void tn_canvas_ink(const struct tn_canvas *canvas, enum tn_ink ink);
void tn_canvas_line(const struct tn_canvas *canvas, double x1, double y1, double x2, double y2,
                    double thickness);
/* Colour and dashes of a look, for a line that follows. */
void tn_canvas_pen(const struct tn_canvas *canvas, struct tn_figure_look look, double thickness);
/* A marker of the look's shape; `radius` of the circle that is as large. An edged one has a white
 * edge, which parts it from the line it lies on. */
enum tn_marker { TN_MARKER_FILLED, TN_MARKER_EDGED, TN_MARKER_HOLLOW };
void tn_canvas_marker(const struct tn_canvas *canvas, double x, double y, double radius,
                      struct tn_figure_look look, enum tn_marker marker);
/* A filled rectangle; without `outline` its edges are not drawn. */
void tn_canvas_bar(const struct tn_canvas *canvas, struct tn_box box, struct tn_figure_look look,
                   bool outline);

#endif
