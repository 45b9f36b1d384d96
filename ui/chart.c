#include "chart.h"
#include "core/memory.h"
#include "plot/ticks.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 7, DECADES = 5 };

/* The part of the chart that holds data, and how values map to it. */
struct plot {
    struct pane pane;
    const struct glyphs *glyphs;
    bool log;
    double x_low, x_high, y_low, y_high; /* y in what is drawn: logarithms if log */
    int across, down;                    /* dots a cell */
    unsigned char *dots;                 /* [pane.rows * pane.columns] braille bits */
};

static double x_of(const struct chart_series *series, int i)
{
    return series->x != NULL ? series->x[i] : series->first_x + i * series->step_x;
}

static bool within(const struct chart *chart, double x, double other)
{
    return !chart->only || (fmax(x, other) >= chart->x_from && fmin(x, other) <= chart->x_to);
}

/* Is a point in the part that is shown, or joined to it by a line? */
static bool is_shown(const struct chart *chart, const struct chart_series *series, int i)
{
    double x = x_of(series, i);
    return within(chart, x, i > 0 ? x_of(series, i - 1) : x) ||
           within(chart, x, i + 1 < series->count ? x_of(series, i + 1) : x);
}

static void widen(double value, double *low, double *high)
{
    if (!isfinite(value))
        return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

/* On a linear axis most points would lie on the floor. */
static bool crowded(const struct chart *chart, double high)
{
    int low = 0, all = 0;
    for (int s = 0; s < chart->series_count; s++)
        for (int i = 0; i < chart->series[s].count; i++) {
            all += chart->series[s].y[i] > 0;
            low += chart->series[s].y[i] > 0 && chart->series[s].y[i] < high / 50;
        }
    return low > all / 2;
}

static bool use_log(const struct chart *chart)
{
    double low = INFINITY, high = -INFINITY;
    for (int s = 0; s < chart->series_count; s++)
        for (int i = 0; i < chart->series[s].count; i++)
            if (chart->series[s].y[i] > 0)
                widen(chart->series[s].y[i], &low, &high);
    if (!(low <= high))
        return false;
    return chart->scale == CHART_LOG || (chart->scale == CHART_AUTO && crowded(chart, high));
}

static double drawn_y(const struct plot *plot, double y)
{
    if (!plot->log)
        return y;
    return y > 0 ? fmax(log10(y), plot->y_low) : isnan(y) ? y : plot->y_low;
}

/* With their bars, which are finite where they have one. */
static void widen_by_points(struct plot *plot, const struct chart *chart)
{
    for (int i = 0; i < chart->point_count; i++) {
        const struct chart_point *point = &chart->points[i];
        if (!isfinite(point->x) || !isfinite(point->y))
            continue;
        widen(point->x, &plot->x_low, &plot->x_high);
        widen(drawn_y(plot, point->y), &plot->y_low, &plot->y_high);
        widen(drawn_y(plot, point->low), &plot->y_low, &plot->y_high);
        widen(drawn_y(plot, point->high), &plot->y_low, &plot->y_high);
    }
}

/* Ranges over all finite points; false when there is no point. */
static bool find_ranges(struct plot *plot, const struct chart *chart)
{
    plot->x_low = plot->y_low = INFINITY;
    plot->x_high = plot->y_high = -INFINITY;
    plot->log = use_log(chart);
    for (int s = 0; s < chart->series_count; s++)
        for (int i = 0; i < chart->series[s].count; i++) {
            double y = chart->series[s].y[i];
            if (!isfinite(y) || !is_shown(chart, &chart->series[s], i))
                continue;
            widen(x_of(&chart->series[s], i), &plot->x_low, &plot->x_high);
            if (plot->log && y <= 0)
                continue;
            widen(plot->log ? log10(y) : y, &plot->y_low, &plot->y_high);
        }
    widen_by_points(plot, chart);
    if (chart->x_to > chart->x_from) {
        widen(chart->x_from, &plot->x_low, &plot->x_high);
        widen(chart->x_to, &plot->x_low, &plot->x_high);
    }
    if (chart->only) {
        plot->x_low = chart->x_from;
        plot->x_high = chart->x_to;
    }
    if (!(plot->x_low <= plot->x_high) || !(plot->y_low <= plot->y_high))
        return false;
    if (plot->x_high - plot->x_low <= 0)
        plot->x_high = plot->x_low + 1;
    if (plot->log) /* rounding errors are no data */
        plot->y_low = fmax(plot->y_low, plot->y_high - DECADES);
    double span = plot->y_high - plot->y_low;
    if (!plot->log && plot->y_low > 0 && plot->y_low < span)
        plot->y_low = 0; /* almost there: show the whole */
    if (!(span > 1e-12 * fabs(plot->y_high))) {
        double pad = plot->y_high == 0 ? 1 : 0.05 * fabs(plot->y_high);
        plot->y_low -= plot->y_low == 0 ? 0 : pad;
        plot->y_high += pad;
    }
    return true;
}

/* As short as a number can be said, at most LABEL - 1 columns. */
static void say(char *text, size_t size, double value, bool percent)
{
    if (percent)
        snprintf(text, size, "%.4g%%", value * 100);
    else if (value != 0 && (fabs(value) < 0.001 || fabs(value) >= 100000))
        snprintf(text, size, "%.0e", value);
    else
        snprintf(text, size, "%.4g", value);
}

static int dot_row(const struct plot *plot, double y)
{
    int dots = plot->pane.rows * plot->down;
    double place = (y - plot->y_low) / (plot->y_high - plot->y_low);
    return dots - 1 - (int)lround(place * (dots - 1));
}

static int dot_column(const struct plot *plot, double x)
{
    int dots = plot->pane.columns * plot->across;
    return (int)lround((x - plot->x_low) / (plot->x_high - plot->x_low) * (dots - 1));
}

static void set_dot(struct plot *plot, int row, int column, const struct chart_series *series,
                    uint32_t mark)
{
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int cell_row = row / plot->down, cell_column = column / plot->across;
    if (row < 0 || column < 0 || cell_row >= plot->pane.rows || cell_column >= plot->pane.columns)
        return;
    if (!plot->glyphs->braille) {
        pane_glyph(plot->pane, cell_row, cell_column, series->style, mark);
        return;
    }
    unsigned char *dots = &plot->dots[cell_row * plot->pane.columns + cell_column];
    *dots |= bits[row % 4][column % 2];
    pane_glyph(plot->pane, cell_row, cell_column, series->style, 0x2800u + *dots);
}

/* Bresenham's line, in dots. */
static void line(struct plot *plot, int r0, int c0, int r1, int c1,
                 const struct chart_series *series, uint32_t mark)
{
    int dr = -abs(r1 - r0), dc = abs(c1 - c0), error = dc + dr;
    int step_r = r0 < r1 ? 1 : -1, step_c = c0 < c1 ? 1 : -1;
    for (;;) {
        set_dot(plot, r0, c0, series, mark);
        if (r0 == r1 && c0 == c1)
            return;
        int twice = 2 * error;
        if (twice >= dr) {
            error += dr;
            c0 += step_c;
        }
        if (twice <= dc) {
            error += dc;
            r0 += step_r;
        }
    }
}

/* A point without neighbours would be a speck. */
static void dot(struct plot *plot, int row, int column, const struct chart_series *series,
                uint32_t mark)
{
    set_dot(plot, row, column, series, mark);
    for (int i = -1; i <= 1 && plot->glyphs->braille; i += 2) {
        set_dot(plot, row + i, column, series, mark);
        set_dot(plot, row, column + i, series, mark);
    }
}

static bool ends_at(const struct chart_series *series, int i)
{
    return i + 1 == series->count || !isfinite(series->y[i + 1]);
}

static void draw_series(struct plot *plot, const struct chart *chart,
                        const struct chart_series *series, uint32_t mark)
{
    bool joined = false;
    int last_row = 0, last_column = 0;
    for (int i = 0; i < series->count; i++) {
        double x = x_of(series, i), y = drawn_y(plot, series->y[i]);
        if (!isfinite(x) || !isfinite(y) || !is_shown(chart, series, i)) {
            joined = false;
            continue;
        }
        int row = dot_row(plot, y), column = dot_column(plot, x);
        if (joined)
            line(plot, last_row, last_column, row, column, series, mark);
        else if (ends_at(series, i))
            dot(plot, row, column, series, mark);
        joined = true;
        last_row = row;
        last_column = column;
    }
}

/* --- points that stand for themselves --- */

static bool cell_of(const struct plot *plot, const struct chart_point *point, int *row, int *column)
{
    double y = drawn_y(plot, point->y);
    if (!isfinite(point->x) || !isfinite(y))
        return false;
    *row = dot_row(plot, y) / plot->down;
    *column = dot_column(plot, point->x) / plot->across;
    return true;
}

static void draw_bar(struct plot *plot, const struct chart_point *point)
{
    double low = drawn_y(plot, point->low), high = drawn_y(plot, point->high);
    if (!isfinite(point->x) || !isfinite(low) || !isfinite(high))
        return;
    const struct chart_series bar = {.style = STYLE_DIM};
    int column = dot_column(plot, point->x);
    line(plot, dot_row(plot, low), column, dot_row(plot, high), column, &bar,
         plot->glyphs->vertical);
}

static bool is_free(const struct plot *plot, const unsigned char *taken, int row, int column,
                    int width)
{
    if (row < 0 || row >= plot->pane.rows || column < 0 || column + width > plot->pane.columns)
        return false;
    for (int i = 0; i < width; i++)
        if (taken[row * plot->pane.columns + column + i])
            return false;
    return true;
}

/* On one of its sides, where neither a mark nor another label stands. */
static void draw_label(struct plot *plot, const struct chart_point *point, unsigned char *taken)
{
    int row, column, width = text_width(point->label);
    if (width == 0 || !cell_of(plot, point, &row, &column))
        return;
    const int places[4][2] = {
        {row, column + 1}, {row, column - width}, {row - 1, column}, {row + 1, column}};
    for (int i = 0; i < 4; i++) {
        int at = places[i][1];
        if (!is_free(plot, taken, places[i][0], at, width))
            continue;
        pane_text(plot->pane, places[i][0], at, point->selected ? STYLE_BOLD : STYLE_NORMAL,
                  point->label);
        memset(&taken[places[i][0] * plot->pane.columns + at], 1, (size_t)width);
        if (point->selected)
            pane_flag(plot->pane, places[i][0], at, width, CELL_SELECTED);
        return;
    }
}

static void draw_mark(struct plot *plot, const struct chart_point *point, unsigned char *taken)
{
    int row, column;
    if (!cell_of(plot, point, &row, &column) || !is_free(plot, taken, row, column, 0))
        return;
    pane_glyph(plot->pane, row, column, point->style, point->mark);
    taken[row * plot->pane.columns + column] = 1;
    if (point->selected)
        pane_flag(plot->pane, row, column, 1, CELL_SELECTED);
}

/* Bars, then marks, then labels, so that none hides what is drawn later; of each the selected
 * point's where it is seen best. */
static void draw_points(struct plot *plot, const struct chart *chart)
{
    size_t cells = (size_t)plot->pane.rows * (size_t)plot->pane.columns;
    unsigned char *taken = tn_calloc(cells, 1);
    bool bars = 2 * chart->point_count <= plot->pane.columns;
    for (int i = 0; bars && i < chart->point_count; i++)
        draw_bar(plot, &chart->points[i]);
    for (int selected = 0; taken != NULL && selected <= 1; selected++)
        for (int i = 0; i < chart->point_count; i++)
            if (chart->points[i].selected == (selected == 1))
                draw_mark(plot, &chart->points[i], taken);
    for (int selected = 1; taken != NULL && selected >= 0; selected--)
        for (int i = 0; i < chart->point_count; i++)
            if (chart->points[i].selected == (selected == 1))
                draw_label(plot, &chart->points[i], taken);
    tn_free(taken);
}

static void draw_cursor(struct plot *plot, double x)
{
    if (!(x >= plot->x_low && x <= plot->x_high))
        return;
    int column = dot_column(plot, x) / plot->across;
    for (int row = 0; row < plot->pane.rows; row++)
        pane_glyph(plot->pane, row, column, STYLE_CURSOR, plot->glyphs->cursor);
}

/* Numbers left of the plot; in a logarithmic one at the decades. */
static void draw_y_axis(struct pane pane, const struct plot *plot, const struct chart *chart)
{
    int column = plot->pane.left - pane.left - 1, top = plot->pane.top - pane.top;
    for (int row = 0; row < plot->pane.rows; row++)
        pane_glyph(pane, top + row, column, STYLE_BORDER, plot->glyphs->vertical);
    struct tn_ticks ticks; /* of a logarithmic axis: whole powers of ten */
    tn_ticks_linear(plot->y_low, plot->y_high, plot->pane.rows / 2 + 1, plot->log, false, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        char text[24];
        say(text, sizeof text, plot->log ? pow(10, ticks.at[i]) : ticks.at[i], chart->percent);
        int row = top + dot_row(plot, ticks.at[i]) / plot->down;
        pane_right(pane, row, 0, column, STYLE_DIM, text);
        pane_glyph(pane, row, column, STYLE_BORDER, plot->glyphs->axis_tick_y);
    }
}

static void draw_x_axis(struct pane pane, const struct plot *plot, const struct chart *chart)
{
    int row = plot->pane.top - pane.top + plot->pane.rows, left = plot->pane.left - pane.left;
    pane_glyph(pane, row, left - 1, STYLE_BORDER, plot->glyphs->axis_corner);
    pane_fill(pane, row, left, plot->pane.columns, STYLE_BORDER, plot->glyphs->horizontal);
    int right = left + plot->pane.columns;
    pane_print(pane, row, right - text_width(chart->x_label) - 3, STYLE_DIM, " %s ",
               chart->x_label);
    struct tn_ticks ticks; /* filters and epochs are whole */
    ticks.count = 0;
    for (int wanted = plot->pane.columns / 7; ticks.count < 2 && wanted < plot->pane.columns;
         wanted = 2 * wanted + 1) /* of a short axis few are round */
        tn_ticks_linear(plot->x_low, plot->x_high, wanted, !chart->x_parts, false, &ticks);
    int free = 0;
    for (int i = 0; i < ticks.count; i++) {
        char text[24];
        say(text, sizeof text, ticks.at[i], false);
        int width = text_width(text);
        int at = left + dot_column(plot, ticks.at[i]) / plot->across - width / 2;
        at = at + width > right ? right - width : at;
        if (at < free)
            continue;
        pane_text(pane, row + 1, at, STYLE_DIM, text);
        free = at + width + 1;
    }
}

static uint32_t mark_of(const struct glyphs *glyphs, const struct chart *chart, int s)
{
    int mark = chart->series[s].mark;
    return glyphs->points[(mark > 0 ? mark - 1 : s) % GLYPH_POINTS];
}

static void draw_legend(struct pane pane, const struct glyphs *glyphs, const struct chart *chart)
{
    int column = pane_text(pane, 0, 0, STYLE_DIM, chart->y_label);
    for (int s = 0; s < chart->series_count; s++) {
        const struct chart_series *series = &chart->series[s];
        if (series->name == NULL || series->count == 0)
            continue;
        column += 2;
        if (column + 2 + text_width(series->name) > pane.columns)
            return;
        pane_glyph(pane, 0, column, series->style,
                   glyphs->braille ? glyphs->horizontal : mark_of(glyphs, chart, s));
        pane_fill(pane, 0, column + 1, 1, series->style,
                  glyphs->braille ? glyphs->horizontal : ' ');
        column = pane_text(pane, 0, column + 3, STYLE_NORMAL, series->name);
    }
}

struct chart_axis chart_draw(struct pane pane, const struct glyphs *glyphs,
                             const struct chart *chart)
{
    static const struct chart_axis none = {0};
    struct plot plot = {
        .glyphs = glyphs, .across = glyphs->braille ? 2 : 1, .down = glyphs->braille ? 4 : 1};
    plot.pane = pane_part(pane, 1, LABEL + 1, pane.rows - 3, pane.columns - LABEL - 1);
    if (plot.pane.rows < 1 || plot.pane.columns < 4)
        return none;
    draw_legend(pane, glyphs, chart);
    if (!find_ranges(&plot, chart))
        return none;
    plot.dots = tn_calloc((size_t)plot.pane.rows * (size_t)plot.pane.columns, 1);
    if (plot.dots == NULL)
        return none;
    draw_y_axis(pane, &plot, chart);
    draw_x_axis(pane, &plot, chart);
    if (chart->has_cursor)
        draw_cursor(&plot, chart->cursor_x);
    for (int s = 0; s < chart->series_count; s++)
        draw_series(&plot, chart, &chart->series[s], mark_of(glyphs, chart, s));
    draw_points(&plot, chart);
    tn_free(plot.dots);
    return (struct chart_axis){plot.pane, plot.x_low, plot.x_high};
}

double chart_x_at(const struct chart_axis *axis, int column)
{
    int last = axis->pane.columns - 1;
    int at = column - axis->pane.left;
    at = at < 0 ? 0 : at > last ? last : at;
    return last > 0 ? axis->low + (axis->high - axis->low) * at / last : axis->low;
}
