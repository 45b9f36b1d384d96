#include "plot/draw.h"

#include "plot/labels.h"
#include "plot/layout.h"
#include <math.h>

static const double TICK = 0.45, THIN = 0.5, LINE = 1.2; /* of the font; points */

/* Bars that are less thick than this have no outline, standing ones of less than that no gaps. */
static const double OUTLINED = 2.8, APART = 2;

/* A row's middle: rows are numbered, and each is 1 high. */
static double row_at(const struct tn_figure_panel *panel, double y)
{
    return panel->y.row_count > 0 ? y + 0.5 : y;
}

static double marker_size(const struct tn_canvas *canvas)
{
    return canvas->font * 0.28;
}

/* Axes */

static void draw_grid(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      const struct tn_layout_panel *at)
{
    tn_canvas_ink(canvas, TN_INK_GRID);
    for (int i = 0; i < at->x_ticks.count && (panel->across || panel->bar_count == 0); i++) {
        double x = tn_layout_x(at, at->x_ticks.at[i]);
        tn_canvas_line(canvas, x, at->plot.top, x, at->plot.bottom, THIN);
    }
    for (int i = 0; i < at->y_ticks.count; i++) {
        double y = tn_layout_y(at, at->y_ticks.at[i]);
        tn_canvas_line(canvas, at->plot.left, y, at->plot.right, y, THIN);
    }
}

static void draw_x_axis(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                        const struct tn_layout_panel *at)
{
    double tick = TICK * canvas->font, bottom = at->plot.bottom;
    tn_canvas_ink(canvas, TN_INK_AXIS);
    tn_canvas_line(canvas, at->plot.left, bottom, at->plot.right, bottom, THIN);
    for (int i = 0; i < at->x_ticks.minor_count; i++) {
        double x = tn_layout_x(at, at->x_ticks.minor[i]);
        tn_canvas_line(canvas, x, bottom, x, bottom + tick / 2, THIN);
    }
    for (int i = 0; i < at->x_ticks.count; i++) {
        double x = tn_layout_x(at, at->x_ticks.at[i]);
        tn_canvas_ink(canvas, TN_INK_AXIS);
        tn_canvas_line(canvas, x, bottom, x, bottom + tick, THIN);
        tn_canvas_ink(canvas, TN_INK_TEXT);
        tn_canvas_text(canvas, x, bottom + tick + 0.75 * canvas->font, 0.5, canvas->font,
                       at->x_ticks.text[i]);
    }
    tn_canvas_ink(canvas, TN_INK_TEXT);
    if (panel->x.label)
        tn_canvas_squeeze(canvas, (at->plot.left + at->plot.right) / 2,
                          bottom + tick + 2.1 * canvas->font, canvas->font,
                          at->plot.right - at->plot.left + canvas->font, panel->x.label);
}

static void draw_rows(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      const struct tn_layout_panel *at)
{
    char text[256];
    tn_canvas_ink(canvas, TN_INK_TEXT);
    for (int i = 0; !panel->y.unnamed && i < panel->y.row_count; i += at->row_stride) {
        tn_canvas_fit(canvas, at->row_font, at->names, panel->y.rows[i], text, sizeof text);
        tn_canvas_text(canvas, at->plot.left - TICK * canvas->font, tn_layout_y(at, i + 0.5), 1,
                       at->row_font, text);
    }
}

static void draw_y_axis(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                        const struct tn_layout_panel *at)
{
    double tick = TICK * canvas->font, left = at->plot.left;
    tn_canvas_ink(canvas, TN_INK_AXIS);
    tn_canvas_line(canvas, left, at->plot.top, left, at->plot.bottom, THIN);
    for (int i = 0; i < at->y_ticks.minor_count; i++) {
        double y = tn_layout_y(at, at->y_ticks.minor[i]);
        tn_canvas_line(canvas, left - tick / 2, y, left, y, THIN);
    }
    for (int i = 0; i < at->y_ticks.count; i++) {
        double y = tn_layout_y(at, at->y_ticks.at[i]);
        tn_canvas_ink(canvas, TN_INK_AXIS);
        tn_canvas_line(canvas, left - tick, y, left, y, THIN);
        tn_canvas_ink(canvas, TN_INK_TEXT);
        tn_canvas_text(canvas, left - tick - 0.3 * canvas->font, y, 1, canvas->font,
                       at->y_ticks.text[i]);
    }
    draw_rows(canvas, panel, at);
    tn_canvas_ink(canvas, TN_INK_TEXT);
    if (panel->y.label)
        tn_canvas_text_up(canvas, at->cell.left + 0.6 * canvas->font,
                          (at->plot.top + at->plot.bottom) / 2, canvas->font,
                          at->plot.bottom - at->plot.top + canvas->font, panel->y.label);
}

/* Bars */

/* The box of one bar. Bars get thinner towards the front, so that those behind are seen. */
static struct tn_box bar_box(const struct tn_figure_panel *panel, const struct tn_layout_panel *at,
                             int i, double length)
{
    double zero = panel->across ? tn_layout_x(at, 0) : tn_layout_y(at, 0);
    if (panel->across) {
        double end = tn_layout_x(at, length);
        return (struct tn_box){fmin(zero, end), tn_layout_y(at, i + 0.14), fmax(zero, end),
                               tn_layout_y(at, i + 0.86)};
    }
    double end = tn_layout_y(at, length), left = tn_layout_x(at, i + 0.6),
           right = tn_layout_x(at, i + 1.4);
    if (right - left < APART) { /* no room for gaps: they would only make it gray */
        left = tn_layout_x(at, i + 0.5);
        right =
            tn_layout_x(at, i + 1.5) + 0.25; /* under the next, or a light line stands between */
    }
    return (struct tn_box){left, fmin(zero, end), right, fmax(zero, end)};
}

static void draw_bars(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      const struct tn_figure_bars *bars, const struct tn_layout_panel *at)
{
    for (int i = 0; i < bars->count; i++) {
        if (!isfinite(bars->length[i]))
            continue;
        struct tn_box box = bar_box(panel, at, i, bars->length[i]);
        double thickness = panel->across ? box.bottom - box.top : box.right - box.left;
        tn_canvas_bar(canvas, box, bars->look, bars->look.pale && thickness > OUTLINED);
        if (!panel->across || !bars->ends || !bars->ends[i] || i % at->row_stride != 0)
            continue;
        tn_canvas_ink(canvas, TN_INK_TEXT);
        tn_canvas_text(canvas, box.right + 0.4 * canvas->font, (box.top + box.bottom) / 2, 0,
                       at->row_font, bars->ends[i]);
    }
}

/* Series */

static void draw_line(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      const struct tn_figure_series *series, const struct tn_layout_panel *at)
{
    bool pen_down = false;
    tn_canvas_pen(canvas, series->look, LINE);
    if (series->background) {
        tn_canvas_ink(canvas, TN_INK_BACKGROUND);
        cairo_set_line_width(canvas->cairo, LINE * 0.7);
    }
    cairo_new_path(canvas->cairo);
    for (int i = 0; i < series->count; i++) {
        double x = tn_layout_x(at, tn_figure_x(series, i));
        double y = tn_layout_y(at, row_at(panel, series->y[i]));
        bool there = isfinite(x) && isfinite(y);
        if (there && pen_down)
            cairo_line_to(canvas->cairo, x, y);
        else if (there)
            cairo_move_to(canvas->cairo, x, y);
        pen_down = there;
    }
    cairo_stroke(canvas->cairo);
}

static void draw_error_bar(const struct tn_canvas *canvas, const struct tn_figure_series *series,
                           const struct tn_layout_panel *at, int i, double x)
{
    double cap = marker_size(canvas) * 0.9;
    double low = tn_layout_y(at, series->low[i]), high = tn_layout_y(at, series->high[i]);
    if (!isfinite(low) || !isfinite(high))
        return;
    tn_canvas_pen(canvas, series->look, LINE);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
    tn_canvas_line(canvas, x, low, x, high, 0.8);
    tn_canvas_line(canvas, x - cap, low, x + cap, low, 0.8);
    tn_canvas_line(canvas, x - cap, high, x + cap, high, 0.8);
}

static enum tn_marker marker_of(const struct tn_figure_series *series)
{
    return series->hollow ? TN_MARKER_HOLLOW : series->line ? TN_MARKER_EDGED : TN_MARKER_FILLED;
}

/* On a line with many points, only as many as can be told apart carry a marker, and lines that run
 * together carry them at different places. */
static void draw_marks(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                       const struct tn_figure_series *series, const struct tn_layout_panel *at)
{
    const double golden = 0.618034; /* its multiples never come near each other */
    double apart = 4 * canvas->font, last = tn_layout_x(at, tn_figure_x(series, 0));
    double wait = apart * fmod(0.25 + golden * series->look.number, 1);
    bool sparse = series->line && series->count > 12;
    for (int i = 0; i < series->count; i++) {
        double x = tn_layout_x(at, tn_figure_x(series, i));
        double y = tn_layout_y(at, row_at(panel, series->y[i]));
        if (!isfinite(x) || !isfinite(y) || (sparse && fabs(x - last) < wait))
            continue;
        last = x;
        wait = apart;
        if (series->low)
            draw_error_bar(canvas, series, at, i, x);
        tn_canvas_marker(canvas, x, y, marker_size(canvas), series->look, marker_of(series));
    }
}

/* A line that stands, or the piece of it in the legend. */
static void draw_cursor_line(const struct tn_canvas *canvas, double x1, double y1, double x2,
                             double y2)
{
    tn_canvas_ink(canvas, TN_INK_TEXT);
    cairo_set_dash(canvas->cairo, (double[]){2, 2}, 2, 0);
    tn_canvas_line(canvas, x1, y1, x2, y2, 0.9);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
}

static void draw_cursor(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                        const struct tn_layout_panel *at)
{
    double x = tn_layout_x(at, panel->cursor);
    if (isfinite(x) && x > at->plot.left - 0.01 && x < at->plot.right + 0.01)
        draw_cursor_line(canvas, x, at->plot.top, x, at->plot.bottom);
}

/* Legend */

static void draw_entry(const struct tn_canvas *canvas, const struct tn_layout_panel *at,
                       const struct tn_legend_entry *entry)
{
    char name[256];
    double font = canvas->font, right = entry->x + entry->swatch;
    const struct tn_figure_series *series = entry->series;
    struct tn_box box = {entry->x, entry->y - 0.4 * font, right, entry->y + 0.4 * font};
    if (entry->bars)
        tn_canvas_bar(canvas, box, entry->bars->look, entry->bars->look.pale);
    else if (!series)
        draw_cursor_line(canvas, entry->x, entry->y, right, entry->y);
    if (series && series->line) {
        tn_canvas_pen(canvas, series->look, LINE);
        if (series->background)
            tn_canvas_ink(canvas, TN_INK_BACKGROUND);
        tn_canvas_line(canvas, entry->x, entry->y, right, entry->y, LINE);
    }
    if (series && series->marks)
        tn_canvas_marker(canvas, (entry->x + right) / 2, entry->y, marker_size(canvas),
                         series->look, marker_of(series));
    tn_canvas_ink(canvas, TN_INK_TEXT);
    tn_canvas_fit(canvas, font, at->cell.right - right - 0.5 * font, entry->name, name,
                  sizeof name);
    tn_canvas_text(canvas, right + 0.5 * font, entry->y, 0, font, name);
}

static void clip_to(const struct tn_canvas *canvas, struct tn_box box, double more)
{
    cairo_rectangle(canvas->cairo, box.left - more, box.top - more, box.right - box.left + 2 * more,
                    box.bottom - box.top + 2 * more);
    cairo_clip(canvas->cairo);
}

static void draw_panel(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                       const struct tn_layout_panel *at)
{
    draw_grid(canvas, panel, at);
    cairo_save(canvas->cairo);
    clip_to(canvas, at->plot, LINE / 2);
    for (int b = 0; b < panel->bar_count; b++)
        draw_bars(canvas, panel, &panel->bars[b], at);
    for (int s = 0; s < panel->series_count; s++)
        if (panel->series[s].line)
            draw_line(canvas, panel, &panel->series[s], at);
    cairo_restore(canvas->cairo);
    tn_labels_draw(canvas, panel, at);
    cairo_save(canvas->cairo);
    clip_to(canvas, at->plot, marker_size(canvas) * 1.7);
    for (int s = 0; s < panel->series_count; s++)
        if (panel->series[s].marks)
            draw_marks(canvas, panel, &panel->series[s], at);
    cairo_restore(canvas->cairo);
    draw_x_axis(canvas, panel, at);
    draw_y_axis(canvas, panel, at);
    draw_cursor(canvas, panel, at);
    for (int e = 0; e < at->legend.count; e++)
        draw_entry(canvas, at, &at->legend.entries[e]);
}

void tn_figure_draw(const struct tn_canvas *canvas, const struct tn_figure *figure)
{
    struct tn_layout layout;
    tn_layout(canvas, figure, &layout);
    cairo_set_source_rgb(canvas->cairo, 1, 1, 1);
    cairo_paint(canvas->cairo);
    if (figure->title) {
        tn_canvas_ink(canvas, TN_INK_TEXT);
        tn_canvas_squeeze(canvas, canvas->width / 2, layout.title, tn_layout_title * canvas->font,
                          canvas->width - 2 * canvas->font, figure->title);
    }
    for (int p = 0; p < figure->panel_count; p++)
        draw_panel(canvas, &figure->panels[p], &layout.panels[p]);
}
