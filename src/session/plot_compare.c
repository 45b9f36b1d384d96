/* Networks of the journal: accuracy against cost. */
#include "session/plot.h"
#include <math.h>
#include <string.h>

enum { LOOK_MADE = 0, LOOK_OPENED = 1, LOOK_OTHER = 3 };

/* Columns of the points, in order of cost. */
struct points {
    int count;
    const struct tn_compared **rows;
    double *x, *y, *low, *high;
    const char **labels, **briefs; /* "pruned (12)", "12" */
};

static bool is_known(const struct tn_compared *row)
{
    return row->outline->evaluated && row->flops >= 0;
}

static bool allocate(struct tn_figure *figure, int count, struct points *points,
                     struct tn_error *error)
{
    memset(points, 0, sizeof *points);
    points->rows = tn_figure_array(figure, count, sizeof *points->rows, error);
    points->x = tn_figure_doubles(figure, count, error);
    points->y = tn_figure_doubles(figure, count, error);
    points->low = tn_figure_doubles(figure, count, error);
    points->high = tn_figure_doubles(figure, count, error);
    points->labels = tn_figure_texts(figure, count, error);
    points->briefs = tn_figure_texts(figure, count, error);
    return points->rows && points->x && points->y && points->low && points->high &&
           points->labels && points->briefs;
}

/* What was done to it; of the opened network, and of a recipe's, the whole name. */
static const char *short_name(const struct tn_compared *row)
{
    size_t length = strlen(row->outline->model_name);
    bool begins = strncmp(row->model, row->outline->model_name, length) == 0;
    return begins && row->model[length] == ' ' ? row->model + length + 1 : row->model;
}

static bool add_point(struct tn_figure *figure, struct points *points,
                      const struct tn_compared *row, double unit, struct tn_error *error)
{
    const struct tn_evaluation *seen = &row->outline->evaluation;
    int i = points->count++;
    points->rows[i] = row;
    points->x[i] = (double)row->flops / unit;
    points->y[i] = seen->top1;
    points->low[i] = fmax(0, seen->top1 - seen->ci95);
    points->high[i] = fmin(1, seen->top1 + seen->ci95);
    points->labels[i] =
        tn_figure_text(figure, error, "%s (%lld)", short_name(row), (long long)row->entry);
    points->briefs[i] = tn_figure_text(figure, error, "%lld", (long long)row->entry);
    return points->labels[i] && points->briefs[i];
}

enum kind { MADE, OPENED, OTHER_IMAGES, KINDS };

/* `base` is what accuracies are compared with. */
static enum kind kind_of(const struct tn_compared *row, const struct tn_compared *base)
{
    if (base && row != base && !tn_compared_comparable(row, base))
        return OTHER_IMAGES;
    return row->flops == row->outline->original.flops ? OPENED : MADE;
}

static bool add_kind(struct tn_figure *figure, struct tn_figure_panel *panel,
                     const struct points *all, enum kind kind, const struct tn_compared *base,
                     struct tn_error *error)
{
    static const char *const names[] = {"pruned", "as opened", "on other images"};
    static const int looks[] = {LOOK_MADE, LOOK_OPENED, LOOK_OTHER};
    struct points points;
    if (!allocate(figure, all->count, &points, error))
        return false;
    for (int i = 0; i < all->count; i++) {
        if (kind_of(all->rows[i], base) != kind)
            continue;
        int n = points.count++;
        points.x[n] = all->x[i];
        points.y[n] = all->y[i];
        points.low[n] = all->low[i];
        points.high[n] = all->high[i];
        points.labels[n] = all->labels[i];
        points.briefs[n] = all->briefs[i];
    }
    if (points.count > 0)
        *tn_figure_series(panel) = (struct tn_figure_series){.name = names[kind],
                                                             .look = {looks[kind], false},
                                                             .marks = true,
                                                             .hollow = kind == OTHER_IMAGES,
                                                             .count = points.count,
                                                             .x = points.x,
                                                             .y = points.y,
                                                             .low = points.low,
                                                             .high = points.high,
                                                             .labels = points.labels,
                                                             .briefs = points.briefs};
    return true;
}

/* Only of those on the same images. */
static bool on_front(const struct points *all, int i, const struct tn_compared *base)
{
    for (int j = 0; j < all->count; j++)
        if (tn_dominates(all->x[j], all->y[j], all->x[i], all->y[i]) &&
            kind_of(all->rows[j], base) != OTHER_IMAGES)
            return false;
    return kind_of(all->rows[i], base) != OTHER_IMAGES;
}

static bool add_front(struct tn_figure *figure, struct tn_figure_panel *panel,
                      const struct points *all, const struct tn_compared *base,
                      struct tn_error *error)
{
    struct points front;
    if (!allocate(figure, all->count, &front, error))
        return false;
    for (int i = 0; i < all->count; i++)
        if (on_front(all, i, base)) {
            int at = front.count++;
            for (; at > 0 && front.x[at - 1] > all->x[i]; at--) {
                front.x[at] = front.x[at - 1];
                front.y[at] = front.y[at - 1];
            }
            front.x[at] = all->x[i];
            front.y[at] = all->y[i];
        }
    if (front.count > 1)
        *tn_figure_series(panel) = (struct tn_figure_series){.name = "Pareto front",
                                                             .line = true,
                                                             .background = true,
                                                             .count = front.count,
                                                             .x = front.x,
                                                             .y = front.y};
    return true;
}

/* Accuracies are compared with that of the row that has most company. */
static const struct tn_compared *find_base(const struct points *all)
{
    const struct tn_compared *base = NULL;
    int most = -1;
    for (int i = 0; i < all->count; i++) {
        int company = 0;
        for (int j = 0; j < all->count; j++)
            company += tn_compared_comparable(all->rows[i], all->rows[j]);
        if (company > most)
            base = all->rows[i];
        most = company > most ? company : most;
    }
    return base;
}

bool tn_plot_compare(struct tn_figure *figure, int count, const struct tn_compared *rows,
                     struct tn_error *error)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    struct points all;
    int64_t most = 0;
    if (!allocate(figure, count, &all, error))
        return false;
    for (int i = 0; i < count; i++)
        if (is_known(&rows[i]) && rows[i].flops > most)
            most = rows[i].flops;
    bool giga = most >= 1000000000;
    for (int i = 0; i < count; i++)
        if (is_known(&rows[i]) && !add_point(figure, &all, &rows[i], giga ? 1e9 : 1e6, error))
            return false;
    if (all.count == 0)
        return tn_fail(error, TN_ERROR_USE, "no accuracy is known yet: eval first");
    const struct tn_compared *base = find_base(&all);
    panel->x.label = giga ? "GFLOPs an image" : "MFLOPs an image";
    panel->y.label = "top-1 (%)";
    panel->y.percent = true;
    figure->title =
        tn_figure_text(figure, error, "%s: top-1 with 95 %% intervals", base->outline->model_name);
    bool fine = figure->title != NULL;
    for (enum kind kind = MADE; fine && kind < KINDS; kind++)
        fine = add_kind(figure, panel, &all, kind, base, error);
    return fine && add_front(figure, panel, &all, base, error);
}
