#include "plot/range.h"

#include <math.h>

/* Below the greatest value by this factor all is rounding. */
static const double LEAST_PART = 1e-6;

static void take(struct tn_range *range, double value)
{
    if (!isfinite(value) || (range->log && value <= 0))
        return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

static struct tn_range nothing(bool log)
{
    return (struct tn_range){INFINITY, -INFINITY, log};
}

/* Some room on both sides: a part of the whole. */
static void pad(struct tn_range *range, double part)
{
    if (range->log) {
        double factor = pow(range->high / range->low, part);
        range->low /= factor;
        range->high *= factor;
    } else {
        double room = part * (range->high - range->low);
        range->low -= room;
        range->high += room;
    }
}

/* An axis has two different ends, whatever there is to show. */
static struct tn_range settled(struct tn_range range, const struct tn_figure_axis *axis)
{
    if (!(range.high >= range.low)) {
        range.low = range.log ? 0.1 : 0;
        range.high = 1;
    }
    if (range.log)
        range.low = fmax(range.low, range.high * LEAST_PART);
    if (isfinite(axis->from))
        range.low = axis->from;
    if (isfinite(axis->to))
        range.high = axis->to;
    if (!(range.high > range.low)) {
        double room = range.low == 0 || axis->whole ? 1 : fabs(range.low) * 0.1;
        range.low -= range.log || range.low > 0 ? room / 2 : 0;
        range.high = range.low + room;
    }
    return range;
}

/* Curves go from end to end; points by themselves want room around them. */
static bool any_points(const struct tn_figure_panel *panel)
{
    for (int s = 0; s < panel->series_count; s++)
        if (!panel->series[s].line)
            return true;
    return false;
}

static void take_lengths(struct tn_range *range, const struct tn_figure_panel *panel)
{
    take(range, 0);
    for (int b = 0; b < panel->bar_count; b++)
        for (int i = 0; i < panel->bars[b].count; i++)
            take(range, panel->bars[b].length[i]);
}

struct tn_range tn_range_x(const struct tn_figure_panel *panel)
{
    struct tn_range range = nothing(panel->x.log);
    bool standing = panel->bar_count > 0 && !panel->across;
    for (int s = 0; s < panel->series_count; s++)
        for (int i = 0; i < panel->series[s].count; i++)
            if (isfinite(panel->series[s].y[i]))
                take(&range, tn_figure_x(&panel->series[s], i));
    for (int b = 0; standing && b < panel->bar_count; b++) {
        take(&range, 0.5);
        take(&range, panel->bars[b].count + 0.5);
    }
    if (panel->across && panel->bar_count > 0) {
        take_lengths(&range, panel);
        range.high += 0.03 * (range.high - range.low);
    } else if (range.high > range.low && !standing && any_points(panel)) {
        pad(&range, 0.08);
    }
    return settled(range, &panel->x);
}

struct tn_range tn_range_y(const struct tn_figure_panel *panel)
{
    struct tn_range range = nothing(panel->y.log);
    bool standing = panel->bar_count > 0 && !panel->across;
    if (panel->y.row_count > 0)
        return (struct tn_range){panel->y.row_count, 0, false}; /* the first row on top */
    for (int s = 0; s < panel->series_count; s++) {
        const struct tn_figure_series *series = &panel->series[s];
        for (int i = 0; i < series->count; i++) {
            take(&range, series->y[i]);
            take(&range, series->low ? series->low[i] : NAN);
            take(&range, series->high ? series->high[i] : NAN);
        }
    }
    if (standing)
        take_lengths(&range, panel);
    if (range.log && range.high > 0)
        range.low = fmax(range.low, range.high * LEAST_PART);
    /* Where nothing is near, it is shown; where it is far, it would press the data flat. */
    bool from_zero = !range.log && range.low >= 0 && range.low < 0.4 * range.high;
    if (range.high > range.low)
        pad(&range, 0.06);
    if (from_zero)
        range.low = 0;
    return settled(range, &panel->y);
}

double tn_range_place(const struct tn_range *range, double value)
{
    if (range->log)
        return value > 0 ? log(value / range->low) / log(range->high / range->low) : NAN;
    return (value - range->low) / (range->high - range->low);
}
