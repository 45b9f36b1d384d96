#include "scatter.h"
#include "chart.h"
#include "core/memory.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct place {
    double cost, top1;
};

static int cheapest_first(const void *a, const void *b)
{
    const struct place *left = (const struct place *)a, *right = (const struct place *)b;
    return (left->cost > right->cost) - (left->cost < right->cost);
}

/* The front's members from cheap to costly, into x and y [count]; returns how many. False is 0. */
static int trace_front(const struct comparison *comparison, bool by_params, double *x, double *y)
{
    struct place *places = tn_calloc((size_t)comparison->count, sizeof *places);
    int count = 0;
    for (int i = 0; places != NULL && i < comparison->count; i++)
        if (comparison->front[i])
            places[count++] = (struct place){comparison_cost(&comparison->rows[i], by_params),
                                             comparison->rows[i].top1};
    if (count > 0)
        qsort(places, (size_t)count, sizeof *places, cheapest_first);
    for (int i = 0; i < count; i++) {
        x[i] = places[i].cost;
        y[i] = places[i].top1;
    }
    tn_free(places);
    return count;
}

static struct chart_point point_of(const struct comparison *comparison, int row, bool selected,
                                   bool by_params)
{
    const struct tn_snapshot_compared *it = &comparison->rows[row];
    bool front = comparison->front[row];
    bool alike = comparison->base >= 0 && comparison_alike(it, &comparison->rows[comparison->base]);
    struct chart_point point = {.x = comparison_cost(it, by_params),
                                .y = it->top1,
                                .low = fmax(0, it->top1 - it->ci95),
                                .high = fmin(1, it->top1 + it->ci95),
                                .mark = front   ? '*'
                                        : alike ? 'o'
                                                : '?',
                                .style = front   ? STYLE_SERIES2
                                         : alike ? STYLE_SERIES1
                                                 : STYLE_DIM,
                                .selected = selected};
    if (!it->evaluated)
        point.low = point.high = NAN;
    snprintf(point.label, sizeof point.label, "%lld", (long long)it->entry);
    return point;
}

/* A margin, so that nothing stands on the axes. */
static void set_range(struct chart *chart)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < chart->point_count; i++)
        if (isfinite(chart->points[i].x) && isfinite(chart->points[i].y)) {
            low = fmin(low, chart->points[i].x);
            high = fmax(high, chart->points[i].x);
        }
    if (!(low <= high))
        return;
    double margin = fmax(0.05 * (high - low), 0.02);
    chart->x_from = fmax(0, low - margin);
    chart->x_to = high + margin;
}

void scatter_draw(struct pane pane, const struct glyphs *glyphs,
                  const struct comparison *comparison, int selected, bool by_params)
{
    size_t count = (size_t)comparison->count;
    struct chart_point *points = tn_calloc(count, sizeof *points);
    double *x = tn_calloc(2 * count, sizeof *x);
    if (points != NULL && x != NULL) {
        for (int i = 0; i < comparison->count; i++)
            points[i] = point_of(comparison, i, i == selected, by_params);
        struct chart chart = {.x_label = by_params ? "parameters, opened = 1" : "FLOPs, opened = 1",
                              .y_label = "top-1 (numbers: entries)",
                              .scale = CHART_LINEAR,
                              .series_count = 1,
                              .series = {{.name = "Pareto front",
                                          .style = STYLE_SERIES2,
                                          .count = trace_front(comparison, by_params, x, x + count),
                                          .x = x,
                                          .y = x + count,
                                          .mark = 9}},
                              .point_count = comparison->count,
                              .points = points,
                              .x_parts = true,
                              .percent = true};
        set_range(&chart);
        chart_draw(pane, glyphs, &chart);
    }
    tn_free(points);
    tn_free(x);
}
