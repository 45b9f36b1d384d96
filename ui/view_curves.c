/* View 3: fine-tuning as it runs, with earlier runs behind it; or the selected layer's error
 * against the number of filters kept. */
#include "chart.h"
#include "format.h"
#include "overlay.h"
#include "view.h"
#include <stdio.h>

static int no_rows(const struct screen *screen)
{
    (void)screen;
    return 0;
}

enum { LEAST_CHART = 6 }; /* rows */

enum { SHOW_NEWEST, SHOW_TRAINING, SHOW_ERROR };

/* Training, once there is some, until `o` chooses. */
static bool shows_training(const struct screen *screen)
{
    int order = screen->views[screen->view].order;
    return order == SHOW_TRAINING || (order == SHOW_NEWEST && screen->snapshot->series_count > 0);
}

static void turn(struct screen *screen)
{
    screen->views[screen->view].order = shows_training(screen) ? SHOW_ERROR : SHOW_TRAINING;
}

static void add(struct chart *chart, const char *name, enum style style, const double *y, int count)
{
    if (chart->series_count == CHART_MAX_SERIES)
        return;
    chart->series[chart->series_count++] = (struct chart_series){
        .name = name, .style = style, .count = count, .y = y, .first_x = 1, .step_x = 1};
}

/* Earlier runs dim and without a name, the last one over them. */
static struct chart accuracy_chart(const struct tn_snapshot *snapshot)
{
    struct chart chart = {.x_label = "epoch", .y_label = "top-1", .percent = true};
    int last = snapshot->series_count - 1;
    for (int i = last > 5 ? last - 5 : 0; i < last; i++)
        add(&chart, NULL, STYLE_DIM, snapshot->series[i].test_top1, snapshot->series[i].count);
    const struct tn_snapshot_series *now = &snapshot->series[last];
    add(&chart, "training", STYLE_SERIES2, now->train_top1, now->count);
    add(&chart, "test", STYLE_SERIES1, now->test_top1, now->count);
    return chart;
}

static struct chart loss_chart(const struct tn_snapshot *snapshot)
{
    struct chart chart = {.x_label = "epoch", .y_label = "loss"};
    int last = snapshot->series_count - 1;
    for (int i = last > 5 ? last - 5 : 0; i < last; i++)
        add(&chart, NULL, STYLE_DIM, snapshot->series[i].loss, snapshot->series[i].count);
    const struct tn_snapshot_series *now = &snapshot->series[last];
    add(&chart, "training", STYLE_SERIES2, now->loss, now->count);
    return chart;
}

static void draw_training(const struct screen *screen, struct pane pane)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (snapshot->series_count == 0) {
        pane_wrap(pane, 0, STYLE_BOLD, "No fine-tuning yet.");
        pane_wrap(pane_part(pane, 2, 0, pane.rows, pane.columns), 0, STYLE_NORMAL,
                  "Press f: loss and accuracy appear here after every epoch.");
        return;
    }
    const struct tn_snapshot_series *now = &snapshot->series[snapshot->series_count - 1];
    pane_cut(pane, 0, 0, pane.columns, STYLE_BOLD, now->label, screen->glyphs);
    if (now->count == 0) {
        pane_text(pane, 2, 0, STYLE_NORMAL, "The first epoch is running.");
        return;
    }
    int e = now->count - 1;
    char rate[FORMAT];
    int column = pane_print(pane, 1, 0, STYLE_NORMAL, "epoch %d  loss %.4f  test %.2f%%",
                            now->count, now->loss[e], now->test_top1[e] * 100);
    if (column + 28 <= pane.columns)
        pane_print(pane, 1, column, STYLE_NORMAL, "  training %.2f%%  %s img/s",
                   now->train_top1[e] * 100, format_count(rate, now->images_per_second[e]));
    int height = (pane.rows - 2) / 2;
    struct chart accuracy = accuracy_chart(snapshot), loss = loss_chart(snapshot);
    chart_draw(pane_part(pane, 2, 0, height, pane.columns), screen->glyphs, &accuracy);
    chart_draw(pane_part(pane, 2 + height, 0, pane.rows, pane.columns), screen->glyphs, &loss);
}

/* What `sensitivity` measured: the accuracy with this layer alone cut. */
static void draw_measured(const struct screen *screen, struct pane pane)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    struct chart chart = {.x_label = "filters kept",
                          .y_label = layer->points_stale ? "top-1 when it alone is cut (stale)"
                                                         : "top-1 when it alone is cut",
                          .percent = true,
                          .series_count = 1,
                          .has_cursor = true,
                          .cursor_x = screen_keep(screen, screen->layer),
                          .x_from = 1,
                          .x_to = layer->filters};
    chart.series[0] = (struct chart_series){.style = STYLE_SERIES3,
                                            .count = layer->point_count,
                                            .x = layer->point_kept,
                                            .y = layer->point_top1,
                                            .mark = 1};
    chart_draw(pane, screen->glyphs, &chart);
}

static void draw_error(const struct screen *screen, struct pane pane)
{
    bool ready;
    int top = view_heading(screen, pane, &ready);
    if (!ready) {
        if (screen->layer == LAYER_ALL)
            pane_text(pane, 2, 0, STYLE_NORMAL, "Choose one layer to see its error curve.");
        return;
    }
    pane = pane_part(pane, top, 0, pane.rows, pane.columns);
    if (screen_layer(screen)->point_count > 0 && screen->overlay == OVERLAY_OWN &&
        pane.rows >= 2 * LEAST_CHART) {
        draw_measured(screen,
                      pane_part(pane, pane.rows - pane.rows / 2, 0, pane.rows, pane.columns));
        pane.rows -= pane.rows / 2;
    }
    if (screen_layer(screen)->samples == 0)
        return; /* the heading says what to do */
    if (screen->overlay != OVERLAY_OWN) {
        overlay_draw(screen, pane);
        return;
    }
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    struct chart chart = {.x_label = "filters kept",
                          .y_label = "error",
                          .scale = CHART_AUTO,
                          .series_count = 2,
                          .has_cursor = true,
                          .cursor_x = screen_keep(screen, screen->layer)};
    for (int i = 0; i < 2; i++)
        chart.series[i] = (struct chart_series){.name = i == 0 ? "plain" : "least squares",
                                                .style = i == 0 ? STYLE_SERIES2 : STYLE_SERIES1,
                                                .count = path->channels,
                                                .y = i == 0 ? path->error : path->error_ls,
                                                .first_x = path->channels,
                                                .step_x = -1};
    chart_draw(pane, screen->glyphs, &chart);
}

static void draw(struct screen *screen, struct pane pane)
{
    /* With no network at all, the heading's advice is all there is to say. */
    const struct tn_snapshot *snapshot = screen->snapshot;
    bool trained = snapshot->detached && snapshot->series_count > 0;
    if (shows_training(screen) && (snapshot->layer_count > 0 || trained))
        draw_training(screen, pane);
    else
        draw_error(screen, pane);
}

/* Asked once: where the command that computes them failed or was stopped, back to its own. */
static void ask(struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    uint64_t number = screen->overlay_number;
    if (screen->overlay == OVERLAY_OWN || number > screen->status.finished)
        return;
    if (number > 0 && number == screen->status.ended && screen->status.failed)
        screen->overlay = OVERLAY_OWN;
    else if (!shows_training(screen) && layer != NULL && layer->path != NULL &&
             layer->samples > 0 && overlay_incomplete(layer)) {
        char line[LINE];
        layer_command("curve % method=all", layer->name, line, LINE);
        screen->overlay_number = screen_submit(screen, line, NULL);
    }
}

/* A press from elsewhere, or while training is shown, first of all shows the curves. */
void view_curves_overlay(struct screen *screen)
{
    bool there = view_at(screen->view) == &view_curves && !shows_training(screen);
    view_show(screen, view_index(&view_curves));
    screen->views[screen->view].order = SHOW_ERROR;
    if (!there && screen->overlay != OVERLAY_OWN)
        return;
    screen->overlay = (screen->overlay + 1) % OVERLAYS;
    screen->overlay_number = 0;
}

const char *view_curves_picture(const struct screen *screen)
{
    if (shows_training(screen))
        return "what=training";
    return screen->overlay == OVERLAY_OWN  ? "what=error layer=%"
           : screen->overlay == OVERLAY_LS ? "what=error methods=all layer=%"
                                           : "what=error methods=all error=plain layer=%";
}

const struct view_ops view_curves = {
    .name = "Curves", .key = '3', .draw = draw, .rows = no_rows, .turn = turn, .ask = ask};
