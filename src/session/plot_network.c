/* Figures of all layers: what is kept of each and what that costs, and where the time goes. */
#include "session/plot.h"
#include <math.h>

enum { LOOK_MAIN = 0, LOOK_PLAIN = 1, LOOK_FIXED = 7 };

static const char **layer_names(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                                struct tn_error *error)
{
    const char **names = tn_figure_texts(figure, snapshot->layer_count, error);
    for (int l = 0; names && l < snapshot->layer_count; l++)
        names[l] = snapshot->layers[l].name;
    return names;
}

/* The next panel, its bars lying in the same rows as those of the first. */
static struct tn_figure_panel *add_rows(struct tn_figure *figure, int count,
                                        const char *const *names, const char *label)
{
    bool first = figure->panel_count == 0;
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    panel->across = true;
    panel->y.row_count = count;
    panel->y.rows = names;
    panel->y.unnamed = !first;
    panel->x.label = label;
    return panel;
}

static void add_bars(struct tn_figure_panel *panel, const char *name, struct tn_figure_look look,
                     const double *length)
{
    struct tn_figure_bars *bars = tn_figure_bars(panel);
    bars->name = name;
    bars->look = look;
    bars->count = panel->y.row_count;
    bars->length = length;
}

/* Ratios */

static bool add_kept(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                     const char *const *names, struct tn_error *error)
{
    int count = snapshot->layer_count;
    struct tn_figure_panel *panel = add_rows(figure, count, names, "filters kept (%)");
    double *whole = tn_figure_doubles(figure, count, error);
    double *kept = tn_figure_doubles(figure, count, error);
    double *fixed = tn_figure_doubles(figure, count, error);
    const char **ends = tn_figure_texts(figure, count, error);
    if (!whole || !kept || !fixed || !ends)
        return false;
    for (int l = 0; l < count; l++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[l];
        whole[l] = 1;
        kept[l] = layer->prunable ? (double)layer->kept / layer->filters : NAN;
        fixed[l] = layer->prunable ? NAN : 1;
        ends[l] = layer->prunable
                      ? tn_figure_text(figure, error, "%d/%d", layer->kept, layer->filters)
                      : "fixed";
        if (!ends[l])
            return false;
    }
    add_bars(panel, "removed", (struct tn_figure_look){LOOK_PLAIN, true}, whole);
    panel->bars[0].ends = ends;
    add_bars(panel, NULL, (struct tn_figure_look){LOOK_FIXED, true}, fixed);
    add_bars(panel, "kept", (struct tn_figure_look){LOOK_MAIN, false}, kept);
    panel->x.percent = true;
    panel->weight = 1.3;
    return true;
}

static bool add_flops(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                      const char *const *names, struct tn_error *error)
{
    struct tn_figure_panel *panel =
        add_rows(figure, snapshot->layer_count, names, "FLOPs today (%)");
    double *share = tn_figure_doubles(figure, snapshot->layer_count, error);
    for (int l = 0; share && l < snapshot->layer_count; l++)
        share[l] = snapshot->flops_now > 0
                       ? (double)snapshot->layers[l].flops / (double)snapshot->flops_now
                       : NAN;
    add_bars(panel, NULL, (struct tn_figure_look){LOOK_MAIN, false}, share);
    panel->x.percent = true;
    panel->weight = 0.8;
    return share != NULL;
}

/* Errors of the layers in which something is to go, a point each. */
static bool add_errors(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                       const char *const *names, struct tn_error *error)
{
    int count = 0;
    double *rows = tn_figure_doubles(figure, snapshot->layer_count, error);
    double *plain = tn_figure_doubles(figure, snapshot->layer_count, error);
    double *ls = tn_figure_doubles(figure, snapshot->layer_count, error);
    if (!rows || !plain || !ls)
        return false;
    for (int l = 0; l < snapshot->layer_count; l++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[l];
        if (isnan(layer->error) || layer->kept == layer->filters)
            continue;
        rows[count] = l;
        plain[count] = layer->error;
        ls[count++] = layer->error_ls;
    }
    if (count == 0)
        return true;
    struct tn_figure_panel *panel =
        add_rows(figure, snapshot->layer_count, names, "relative error");
    struct tn_figure_series *series = tn_figure_series(panel);
    *series = (struct tn_figure_series){.name = "plain",
                                        .look = {LOOK_PLAIN, false},
                                        .marks = true,
                                        .hollow = true,
                                        .count = count,
                                        .x = plain,
                                        .y = rows};
    *tn_figure_series(panel) = (struct tn_figure_series){.name = "least squares",
                                                         .look = {LOOK_MAIN, false},
                                                         .marks = true,
                                                         .count = count,
                                                         .x = ls,
                                                         .y = rows};
    panel->x.from = 0;
    return true;
}

bool tn_plot_ratios(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                    struct tn_error *error)
{
    const char **names = layer_names(figure, snapshot, error);
    double flops = (double)snapshot->flops, params = (double)snapshot->params;
    figure->title =
        tn_figure_text(figure, error, "%s: FLOPs %.3fx, params %.3fx", snapshot->model_name,
                       flops > 0 ? (double)snapshot->flops_planned / flops : NAN,
                       params > 0 ? (double)snapshot->params_planned / params : NAN);
    return names && figure->title && add_kept(figure, snapshot, names, error) &&
           add_flops(figure, snapshot, names, error) && add_errors(figure, snapshot, names, error);
}

/* Time */

/* A panel with one column of what was measured, and what belongs to no layer. */
static bool add_time(struct tn_figure *figure, const struct tn_snapshot_times *times, bool back,
                     const char *const *names, struct tn_error *error)
{
    int count = times->layer_count + 1;
    struct tn_figure_panel *panel =
        add_rows(figure, count, names, back ? "backward (ms)" : "forward (ms)");
    double *ms = tn_figure_doubles(figure, count, error);
    for (int l = 0; ms && l < times->layer_count; l++)
        ms[l] = back ? times->layers[l].backward_ms : times->layers[l].forward_ms;
    if (ms)
        ms[count - 1] = back ? times->other_backward_ms : times->other_forward_ms;
    add_bars(panel, NULL, (struct tn_figure_look){back ? LOOK_PLAIN : LOOK_MAIN, false}, ms);
    return ms != NULL;
}

static bool add_shares(struct tn_figure *figure, const struct tn_snapshot_times *times,
                       const char *const *names, struct tn_error *error)
{
    int count = times->layer_count + 1;
    double total = 0;
    struct tn_figure_panel *panel = add_rows(figure, count, names, "FLOPs (%)");
    double *share = tn_figure_doubles(figure, count, error);
    for (int l = 0; l < times->layer_count; l++)
        total += times->layers[l].flops;
    for (int l = 0; share && l < times->layer_count; l++)
        share[l] = total > 0 ? times->layers[l].flops / total : NAN;
    add_bars(panel, NULL, (struct tn_figure_look){2, false}, share);
    panel->x.percent = true;
    return share != NULL;
}

bool tn_plot_time(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                  struct tn_error *error)
{
    const struct tn_snapshot_times *times = snapshot->times;
    if (!times || snapshot->times_stale)
        return tn_fail(error, TN_ERROR_USE,
                       times ? "the network was changed since its time was measured: time first"
                             : "nothing was measured yet: time first");
    const char **names = tn_figure_texts(figure, times->layer_count + 1, error);
    for (int l = 0; names && l < times->layer_count; l++)
        names[l] = times->layers[l].name;
    if (names)
        names[times->layer_count] = "the rest";
    bool back = isfinite(times->backward_ms);
    figure->title =
        back ? tn_figure_text(figure, error, "%s, batch %.0f: forward %.1f ms, backward %.1f ms",
                              snapshot->model_name, times->batch, times->forward_ms,
                              times->backward_ms)
             : tn_figure_text(figure, error, "%s, batch %.0f: forward %.1f ms",
                              snapshot->model_name, times->batch, times->forward_ms);
    return names && figure->title && add_time(figure, times, false, names, error) &&
           (!back || add_time(figure, times, true, names, error)) &&
           add_shares(figure, times, names, error);
}
