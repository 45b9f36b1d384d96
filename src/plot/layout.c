#include "plot/layout.h"

#include <math.h>
#include <string.h>

enum { MOST_TICKS = 12 }; /* along an axis; more crowd a page */

const double tn_layout_line = 1.5, tn_layout_title = 1.15;

/* Between things, in parts of the font. */
static const double GAP = 0.6, TICK = 0.45, PANEL_GAP = 1.2, EDGE = 0.5;

double tn_layout_x(const struct tn_layout_panel *panel, double value)
{
    return panel->plot.left +
           tn_range_place(&panel->x, value) * (panel->plot.right - panel->plot.left);
}

double tn_layout_y(const struct tn_layout_panel *panel, double value)
{
    return panel->plot.bottom -
           tn_range_place(&panel->y, value) * (panel->plot.bottom - panel->plot.top);
}

/* Legend: lines of entries over the plot */

static void add_entry(struct tn_legend *legend, const char *name,
                      const struct tn_figure_series *series, const struct tn_figure_bars *bars,
                      double font)
{
    bool line = series ? series->line : !bars;
    if (name && legend->count < TN_LEGEND_ENTRIES)
        legend->entries[legend->count++] = (struct tn_legend_entry){
            .name = name, .series = series, .bars = bars, .swatch = (line ? 2.4 : 1.2) * font};
}

static void list_entries(const struct tn_figure_panel *panel, struct tn_legend *legend, double font)
{
    legend->count = 0;
    for (int b = panel->bar_count - 1; b >= 0; b--) /* what is in front comes first */
        add_entry(legend, panel->bars[b].name, NULL, &panel->bars[b], font);
    for (int pass = 0; pass < 2; pass++)
        for (int s = 0; s < panel->series_count; s++)
            if (panel->series[s].background == (pass == 1))
                add_entry(legend, panel->series[s].name, &panel->series[s], NULL, font);
    if (isfinite(panel->cursor))
        add_entry(legend, panel->cursor_name, NULL, NULL, font);
}

/* Set the entries into lines; the first line's middle is at `top`. */
static void place_legend(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                         struct tn_layout_panel *out, double left, double right, double top)
{
    struct tn_legend *legend = &out->legend;
    double font = canvas->font, x = left;
    list_entries(panel, legend, font);
    legend->lines = 0;
    for (int e = 0; e < legend->count; e++) {
        struct tn_legend_entry *entry = &legend->entries[e];
        double width =
            entry->swatch + GAP * font + tn_canvas_width(canvas, font, entry->name) + 1.2 * font;
        if (e == 0 || x + width - 1.2 * font > right) {
            x = left;
            legend->lines++;
        }
        entry->x = x;
        entry->y = top + (legend->lines - 1) * tn_layout_line * font;
        x += width;
    }
}

/* Names and numbers at the axes */

static double widest_tick(const struct tn_canvas *canvas, const struct tn_ticks *ticks)
{
    double most = 0;
    for (int i = 0; i < ticks->count; i++)
        most = fmax(most, tn_canvas_width(canvas, canvas->font, ticks->text[i]));
    return most;
}

/* Names of rows get smaller down to what can be read, then fewer. */
static double widest_row(const struct tn_canvas *canvas, const struct tn_figure_axis *axis,
                         struct tn_layout_panel *out)
{
    double row = (out->plot.bottom - out->plot.top) / axis->row_count, most = 0;
    out->row_font = fmax(fmin(canvas->font, row * 0.85), fmin(canvas->font, 4.5));
    out->row_stride = row > 0 ? (int)ceil(out->row_font * 1.05 / row) : 1;
    for (int i = 0; !axis->unnamed && i < axis->row_count; i++)
        most = fmax(most, tn_canvas_width(canvas, out->row_font, axis->rows[i]));
    return fmin(most, canvas->width * 0.3);
}

static void find_ticks(const struct tn_range *range, const struct tn_figure_axis *axis, int most,
                       struct tn_ticks *ticks)
{
    if (range->log)
        tn_ticks_log(range->low, range->high, most, axis->percent, ticks);
    else
        tn_ticks_linear(range->low, range->high, most, axis->whole, axis->percent, ticks);
}

/* Ranges and vertical ticks, and what the numbers or names beside the plot take. */
static void find_y(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                   struct tn_layout_panel *out)
{
    double height = out->plot.bottom - out->plot.top;
    out->y = tn_range_y(panel);
    memset(&out->y_ticks, 0, sizeof out->y_ticks);
    if (panel->y.row_count > 0) {
        out->names = widest_row(canvas, &panel->y, out);
        return;
    }
    find_ticks(&out->y, &panel->y, (int)fmin(9, height / (canvas->font * 1.9)), &out->y_ticks);
    out->names = widest_tick(canvas, &out->y_ticks);
}

/* What is written behind the bars has room within the axes: the axis goes on for it, without ticks.
 */
static void make_room(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      struct tn_layout_panel *out)
{
    double width = out->plot.right - out->plot.left, needed = 1;
    for (int b = 0; panel->across && b < panel->bar_count; b++)
        for (int i = 0; panel->bars[b].ends && i < panel->bars[b].count; i++) {
            const char *text = panel->bars[b].ends[i];
            double behind = text ? tn_canvas_width(canvas, out->row_font, text) + canvas->font : 0;
            double length = tn_range_place(&out->x, panel->bars[b].length[i]);
            if (text && isfinite(length) && width > 2 * behind)
                needed = fmax(needed, length / (1 - behind / width));
        }
    out->x.high = out->x.low + needed * (out->x.high - out->x.low);
}

/* The horizontal range, and as many ticks as have room beside each other. */
static void find_x(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                   struct tn_layout_panel *out)
{
    struct tn_range ticked = tn_range_x(panel);
    out->x = ticked;
    make_room(canvas, panel, out);
    double width = out->plot.right - out->plot.left;
    width *= tn_range_place(&out->x, ticked.high);
    for (int most = MOST_TICKS; most >= 2; most--) {
        find_ticks(&ticked, &panel->x, most, &out->x_ticks);
        if ((widest_tick(canvas, &out->x_ticks) + 1.2 * canvas->font) * out->x_ticks.count <= width)
            break;
    }
}

static double left_of(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                      const struct tn_layout_panel *out)
{
    double label = panel->y.label ? 1.5 * canvas->font : 0;
    return label + out->names + (out->names > 0 ? GAP * canvas->font : 0) + TICK * canvas->font;
}

/* The last number at the horizontal axis stands out by half of itself. */
static double right_of(const struct tn_canvas *canvas, const struct tn_layout_panel *out)
{
    double half = widest_tick(canvas, &out->x_ticks) / 2;
    return fmax(half, EDGE * canvas->font);
}

/* Share the width out: what the axes' names take first, the rest by weight. */
static void share(const struct tn_canvas *canvas, const struct tn_figure *figure,
                  struct tn_layout *layout)
{
    double font = canvas->font, weights = 0, taken = 2 * EDGE * font;
    double lefts[TN_FIGURE_PANELS] = {0}, rights[TN_FIGURE_PANELS] = {0};
    for (int p = 0; p < figure->panel_count; p++) {
        const struct tn_figure_panel *panel = &figure->panels[p];
        find_y(canvas, panel, &layout->panels[p]);
        lefts[p] = left_of(canvas, panel, &layout->panels[p]);
        rights[p] = right_of(canvas, &layout->panels[p]);
        taken += lefts[p] + rights[p] + (p > 0 ? PANEL_GAP * font : 0);
        weights += panel->weight > 0 ? panel->weight : 1;
    }
    double x = EDGE * font, room = fmax(canvas->width - taken, 1);
    for (int p = 0; p < figure->panel_count; p++) {
        const struct tn_figure_panel *panel = &figure->panels[p];
        struct tn_layout_panel *out = &layout->panels[p];
        double width = room * (panel->weight > 0 ? panel->weight : 1) / weights;
        out->cell.left = x;
        out->plot.left = x + lefts[p];
        out->plot.right = out->plot.left + width;
        out->cell.right = out->plot.right + rights[p];
        x = out->cell.right + PANEL_GAP * font;
        find_x(canvas, panel, out);
    }
}

/* The legend that takes most lines says where all plots begin. */
static double legends(const struct tn_canvas *canvas, const struct tn_figure *figure,
                      struct tn_layout *layout, double top)
{
    int lines = 0;
    for (int p = 0; p < figure->panel_count; p++) {
        struct tn_layout_panel *out = &layout->panels[p];
        double left = fmin(out->plot.left, out->cell.left + 1.5 * canvas->font);
        place_legend(canvas, &figure->panels[p], out, left, out->cell.right,
                     top + canvas->font * 0.7);
        lines = out->legend.lines > lines ? out->legend.lines : lines;
    }
    return top + lines * tn_layout_line * canvas->font + (lines > 0 ? 0.5 * canvas->font : 0);
}

void tn_layout(const struct tn_canvas *canvas, const struct tn_figure *figure,
               struct tn_layout *layout)
{
    enum { ROUNDS = 3 }; /* widths follow from heights, and heights from widths */
    double font = canvas->font, top = EDGE * font, below = TICK * font + 1.3 * font;
    memset(layout, 0, sizeof *layout);
    layout->title = top + tn_layout_title * font * 0.6;
    top += figure->title ? tn_layout_title * tn_layout_line * font : 0.3 * font;
    for (int p = 0; p < figure->panel_count; p++)
        below = fmax(below, (figure->panels[p].x.label ? TICK + 2.9 : 0) * font);
    double begin = top;
    for (int round = 0; round < ROUNDS; round++) {
        for (int p = 0; p < figure->panel_count; p++) {
            struct tn_layout_panel *out = &layout->panels[p];
            out->cell.top = top;
            out->cell.bottom = canvas->height - EDGE * font;
            out->plot.top = begin;
            out->plot.bottom = fmax(canvas->height - below, begin + font);
        }
        share(canvas, figure, layout);
        begin = legends(canvas, figure, layout, top);
    }
}
