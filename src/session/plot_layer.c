/* Figures of one layer: its filters, the greedy walk, the errors of methods. */
#include "prune/path.h"
#include "session/plot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_LS = 0, LOOK_PLAIN = 1, LOOK_LOCKED = 2 };

static bool need_path(const struct tn_snapshot_layer *layer, struct tn_error *error)
{
    if (layer->path)
        return true;
    if (layer->samples > 0)
        return tn_fail(
            error, TN_ERROR_USE,
            "layer '%s': what %s ranks by is not collected yet: method %s %s collects it",
            layer->name, layer->method, layer->name, layer->method);
    return tn_fail(error, TN_ERROR_USE,
                   "layer '%s' is not sampled yet: sample %s first, or choose a method that needs "
                   "no images, as in method %s l1",
                   layer->name, layer->name, layer->name);
}

static bool need_errors(const struct tn_snapshot_layer *layer, struct tn_error *error)
{
    if (layer->samples == 0)
        return tn_fail(error, TN_ERROR_USE,
                       "layer '%s' is not sampled yet, so no errors are known: sample %s first",
                       layer->name, layer->name);
    return need_path(layer, error);
}

bool tn_plot_crowded(const struct tn_figure_panel *panel)
{
    double high = 0;
    int low = 0, all = 0;
    for (int s = 0; s < panel->series_count; s++)
        for (int i = 0; i < panel->series[s].count; i++)
            high = fmax(high, panel->series[s].y[i]);
    for (int s = 0; s < panel->series_count; s++)
        for (int i = 0; i < panel->series[s].count; i++) {
            double y = panel->series[s].y[i];
            all += y > 0;
            low += y > 0 && y < high / 50;
        }
    return low > all / 3;
}

/* Filters */

struct ranked {
    int filter, place; /* in the order of removal */
    double score;
};

/* The most important first; of equal ones that which stays longer. */
static int by_score(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    double l = isnan(left->score) ? -INFINITY : left->score;
    double r = isnan(right->score) ? -INFINITY : right->score;
    if (l != r)
        return l < r ? 1 : -1;
    return right->place - left->place;
}

static struct ranked *rank(struct tn_figure *figure, const struct tn_snapshot_path *path,
                           struct tn_error *error)
{
    struct ranked *ranked = tn_figure_array(figure, path->channels, sizeof *ranked, error);
    for (int i = 0; ranked && i < path->channels; i++) {
        int filter = path->order[i];
        ranked[i] = (struct ranked){filter, i, path->score[filter]};
    }
    if (ranked)
        qsort(ranked, (size_t)path->channels, sizeof *ranked, by_score);
    return ranked;
}

/* One set of bars: those of the filters that are kept, or those that are not. */
static bool add_bars(struct tn_figure *figure, struct tn_figure_panel *panel,
                     const struct tn_snapshot_layer *layer, const struct ranked *ranked, bool kept,
                     struct tn_error *error)
{
    int removed = layer->filters - layer->kept;
    double *length = tn_figure_doubles(figure, layer->filters, error);
    struct tn_figure_bars *bars = tn_figure_bars(panel);
    for (int i = 0; length && i < layer->filters; i++)
        length[i] = (ranked[i].place >= removed) == kept ? ranked[i].score : NAN;
    bars->name = kept ? "kept" : "pruned";
    bars->look = (struct tn_figure_look){kept ? LOOK_LS : LOOK_PLAIN, !kept};
    bars->count = layer->filters;
    bars->length = length;
    return length != NULL;
}

/* Locked filters carry a marker at the end of their bar. */
static bool add_locks(struct tn_figure *figure, struct tn_figure_panel *panel,
                      const struct tn_snapshot_layer *layer, const struct ranked *ranked,
                      enum tn_lock lock, struct tn_error *error)
{
    int count = 0;
    double *x = tn_figure_doubles(figure, layer->filters, error);
    double *y = x ? tn_figure_doubles(figure, layer->filters, error) : NULL;
    for (int i = 0; y && i < layer->filters; i++)
        if (layer->path->lock[ranked[i].filter] == (signed char)lock) {
            x[count] = i + 1;
            y[count++] = ranked[i].score;
        }
    if (y && count > 0)
        *tn_figure_series(panel) = (struct tn_figure_series){
            .name = lock == TN_LOCK_KEEP ? "locked: keep" : "locked: prune",
            .look = {LOOK_LOCKED + (lock == TN_LOCK_KEEP ? 0 : 2), false},
            .marks = true,
            .hollow = true,
            .count = count,
            .x = x,
            .y = y};
    return y != NULL;
}

bool tn_plot_filters(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                     struct tn_error *error)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    const struct ranked *ranked = need_path(layer, error) ? rank(figure, layer->path, error) : NULL;
    if (!ranked)
        return false;
    panel->x.label = "filters, the most important first";
    panel->x.whole = true;
    panel->y.label = tn_figure_text(figure, error, "importance (%s)", layer->method);
    figure->title = tn_figure_text(figure, error, "%s: %d of %d filters kept", layer->name,
                                   layer->kept, layer->filters);
    return panel->y.label && figure->title &&
           (layer->kept == layer->filters ||
            add_bars(figure, panel, layer, ranked, false, error)) &&
           add_bars(figure, panel, layer, ranked, true, error) &&
           add_locks(figure, panel, layer, ranked, TN_LOCK_KEEP, error) &&
           add_locks(figure, panel, layer, ranked, TN_LOCK_PRUNE, error);
}

/* Errors */

static void add_error(struct tn_figure_panel *panel, const char *name, int look, const double *y,
                      int channels, bool against_kept)
{
    *tn_figure_series(panel) = (struct tn_figure_series){.name = name,
                                                         .look = {look, false},
                                                         .line = true,
                                                         .marks = true,
                                                         .count = channels,
                                                         .first_x = against_kept ? channels : 0,
                                                         .step_x = against_kept ? -1 : 1,
                                                         .y = y};
}

bool tn_plot_steps(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                   struct tn_error *error)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    if (!need_errors(layer, error))
        return false;
    int removed = layer->filters - layer->kept;
    add_error(panel, "plain", LOOK_PLAIN, layer->path->error, layer->filters, false);
    add_error(panel, "least squares", LOOK_LS, layer->path->error_ls, layer->filters, false);
    panel->x.label = "filters removed";
    panel->x.whole = true;
    panel->y.label = "relative error";
    panel->y.log = tn_plot_crowded(panel);
    panel->cursor = removed;
    panel->cursor_name = removed == 0
                             ? "none removed"
                             : tn_figure_text(figure, error, "%d removed: error %.3g, ls %.3g",
                                              removed, layer->error, layer->error_ls);
    figure->title =
        tn_figure_text(figure, error, "%s: filters removed by %s", layer->name, layer->method);
    return panel->cursor_name && figure->title;
}

static bool add_cursor(struct tn_figure *figure, struct tn_figure_panel *panel,
                       const struct tn_snapshot_layer *layer, struct tn_error *error)
{
    panel->x.label = tn_figure_text(figure, error, "filters kept of %s", layer->name);
    panel->x.whole = true;
    panel->y.log = tn_plot_crowded(panel);
    panel->cursor = layer->kept;
    panel->cursor_name = tn_figure_text(figure, error, "keep %d", layer->kept);
    return panel->x.label && panel->cursor_name;
}

bool tn_plot_errors(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                    struct tn_error *error)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    if (!need_errors(layer, error))
        return false;
    add_error(panel, "plain", LOOK_PLAIN, layer->path->error, layer->filters, true);
    add_error(panel, "least squares", LOOK_LS, layer->path->error_ls, layer->filters, true);
    panel->y.label = tn_figure_text(figure, error, "relative error (%s)", layer->method);
    return panel->y.label && add_cursor(figure, panel, layer, error);
}

bool tn_plot_methods(struct tn_figure *figure, const struct tn_snapshot_layer *layer, bool plain,
                     struct tn_error *error)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    if (!need_errors(layer, error))
        return false;
    for (int m = 0; m < layer->ranking_count; m++) {
        const struct tn_snapshot_path *path = layer->rankings[m].path;
        if (path)
            add_error(panel, layer->rankings[m].method, m, plain ? path->error : path->error_ls,
                      layer->filters, true);
    }
    panel->y.label = plain ? "relative error" : "relative error after least squares";
    return add_cursor(figure, panel, layer, error);
}
