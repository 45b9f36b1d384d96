/* View 3: fine-tuning as it runs, with earlier runs behind it; or the selected layer's error
 * against the number of filters kept. A cursor on the axis reads numbers, and is what the axis is
 * zoomed around. */
#include "chart.h"
#include "curve_part.h"
#include "format.h"
#include "overlay.h"
#include "pieces.h"
#include "training.h"
#include "view.h"
#include <math.h>
#include <stdio.h>

enum { LEAST_CHART = 6 }; /* rows */

enum { SHOW_NEWEST, SHOW_TRAINING, SHOW_ERROR };

static struct view_state *state_of(struct screen *screen)
{
    return &screen->views[view_index(&view_curves)];
}

/* Training, once there is some, until `o` chooses. */
static bool shows_training(const struct screen *screen)
{
    int order = screen->views[view_index(&view_curves)].order;
    return order == SHOW_TRAINING || (order == SHOW_NEWEST && screen->snapshot->series_count > 0);
}

static void turn(struct screen *screen)
{
    state_of(screen)->order = shows_training(screen) ? SHOW_ERROR : SHOW_TRAINING;
}

/* --- the cursor --- */

/* Places it can stand on: epochs, or numbers of filters kept, both from 1. */
static int curve_rows(const struct screen *screen)
{
    if (shows_training(screen)) {
        const struct tn_snapshot_series *last = training_last(screen->snapshot);
        return last != NULL ? last->count : 0;
    }
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    bool there = layer != NULL && layer->path != NULL && layer->samples > 0 &&
                 layer->path->channels == layer->filters;
    return there ? layer->filters : 0;
}

/* Where it stands by itself: at the last epoch, at what is kept. */
static int place_of_rest(const struct screen *screen)
{
    int place = shows_training(screen) ? curve_rows(screen) : screen_keep(screen, screen->layer);
    return list_row(place - 1, curve_rows(screen));
}

/* Another layer, another run and another number kept put it there again; from the last epoch it
 * goes on to the next one. */
static void follow(struct screen *screen)
{
    if (curve_rows(screen) == 0)
        return;
    enum { LAYERS = 100000 };
    struct view_state *state = state_of(screen);
    int rest = place_of_rest(screen), anchor = screen->layer * LAYERS + rest;
    bool moved = anchor != state->anchor;
    if (shows_training(screen)) {
        int runs = -2 - screen->snapshot->series_count;
        anchor = runs * LAYERS - rest;
        bool same = state->anchor / LAYERS == anchor / LAYERS;
        moved = anchor != state->anchor && (!same || -state->anchor % LAYERS == state->cursor);
    }
    if (moved)
        state->cursor = rest;
    state->anchor = anchor;
    state->cursor = list_row(state->cursor, curve_rows(screen));
}

/* The number under it, from 1. With the keys elsewhere it is where it stands by itself. */
static int number_at(const struct screen *screen)
{
    const struct view_state *state = &screen->views[view_index(&view_curves)];
    return 1 + (screen->focus == FOCUS_VIEW ? state->cursor : place_of_rest(screen));
}

static struct chart_part part_of(const struct screen *screen)
{
    return curve_part(1, curve_rows(screen), number_at(screen), screen->curves_zoom);
}

/* --- drawing --- */

/* What `sensitivity` measured: the accuracy with this layer alone cut. */
static void draw_measured(const struct screen *screen, struct pane pane)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    struct chart_part part = part_of(screen);
    bool all = part.to == 0;
    struct chart chart = {.x_label = "filters kept",
                          .y_label = layer->points_stale ? "top-1 when it alone is cut (stale)"
                                                         : "top-1 when it alone is cut",
                          .percent = true,
                          .series_count = 1,
                          .has_cursor = true,
                          .cursor_x = curve_rows(screen) > 0 ? number_at(screen)
                                                             : screen_keep(screen, screen->layer),
                          .x_from = all ? 1 : part.from,
                          .x_to = all ? layer->filters : part.to,
                          .only = !all};
    chart.series[0] = (struct chart_series){.style = STYLE_SERIES3,
                                            .count = layer->point_count,
                                            .x = layer->point_kept,
                                            .y = layer->point_top1,
                                            .mark = 1};
    chart_draw(pane, screen->glyphs, &chart);
}

/* The chart in numbers, and what the keys do. */
static void draw_readout(const struct screen *screen, struct pane line)
{
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    int kept = number_at(screen), gone = path->channels - kept;
    char error[FORMAT], error_ls[FORMAT];
    pane_glyph(line, 0, 0, STYLE_CURSOR, screen->glyphs->cursor);
    int column = pane_print(line, 0, 2, STYLE_BOLD, "%d kept: error %s  ls %s", kept,
                            format_error(error, path->error[gone]),
                            format_error(error_ls, path->error_ls[gone]));
    if (screen->focus != FOCUS_VIEW)
        return;
    column = piece_action(line, 0, column + 3, "left right", "cursor");
    column = piece_action(line, 0, column, "zoom-out zoom-in", "zoom");
    if (kept != screen_keep(screen, screen->layer))
        piece_action(line, 0, column, "enter", "keeps so many");
}

static struct chart_axis draw_own(const struct screen *screen, struct pane pane)
{
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    struct chart_part part = part_of(screen);
    struct chart chart = {.x_label = "filters kept",
                          .y_label = "error",
                          .scale = CHART_AUTO,
                          .series_count = 2,
                          .has_cursor = true,
                          .cursor_x = number_at(screen),
                          .x_from = part.from,
                          .x_to = part.to,
                          .only = part.to > part.from};
    for (int i = 0; i < 2; i++)
        chart.series[i] = (struct chart_series){.name = i == 0 ? "plain" : "least squares",
                                                .style = i == 0 ? STYLE_SERIES2 : STYLE_SERIES1,
                                                .count = path->channels,
                                                .y = i == 0 ? path->error : path->error_ls,
                                                .first_x = path->channels,
                                                .step_x = -1};
    int height = pane.rows > LEAST_CHART ? pane.rows - 1 : pane.rows;
    draw_readout(screen, pane_part(pane, height, 0, 1, pane.columns));
    return chart_draw(pane_part(pane, 0, 0, height, pane.columns), screen->glyphs, &chart);
}

static struct chart_axis draw_error(struct screen *screen, struct pane pane)
{
    static const struct chart_axis none = {0};
    bool ready;
    int top = view_heading(screen, pane, &ready);
    if (!ready) {
        if (screen->layer == LAYER_ALL)
            pane_text(pane, 2, 0, STYLE_NORMAL, "Choose one layer to see its error curve.");
        return none;
    }
    pane = pane_part(pane, top, 0, pane.rows, pane.columns);
    if (screen_layer(screen)->point_count > 0 && screen->overlay == OVERLAY_OWN &&
        pane.rows >= 2 * LEAST_CHART) {
        draw_measured(screen,
                      pane_part(pane, pane.rows - pane.rows / 2, 0, pane.rows, pane.columns));
        pane.rows -= pane.rows / 2;
    }
    if (screen_layer(screen)->samples == 0)
        return none; /* the heading says what to do */
    if (screen->overlay != OVERLAY_OWN)
        return overlay_draw(screen, pane, number_at(screen), part_of(screen));
    return draw_own(screen, pane);
}

static void draw(struct screen *screen, struct pane pane)
{
    follow(screen);
    /* With no network at all, the heading's advice is all there is to say. */
    const struct tn_snapshot *snapshot = screen->snapshot;
    bool trained = snapshot->detached && snapshot->series_count > 0;
    if (shows_training(screen) && (snapshot->layer_count > 0 || trained))
        screen->curves_axis = training_draw(screen, pane, number_at(screen), part_of(screen));
    else
        screen->curves_axis = draw_error(screen, pane);
    if (screen->curves_axis.pane.rows > 0)
        screen->view_rows = screen->curves_axis.pane;
}

static int row_at(const struct screen *screen, int column)
{
    return (int)lround(chart_x_at(&screen->curves_axis, column)) - 1;
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

/* --- keys --- */

static bool slide(struct screen *screen, int by)
{
    if (curve_rows(screen) == 0)
        return false;
    state_of(screen)->cursor = list_row(state_of(screen)->cursor + by, curve_rows(screen));
    return true;
}

/* Keep as many filters as stand under the cursor. */
static void enter(struct screen *screen)
{
    char template[64], line[LINE];
    if (shows_training(screen) || curve_rows(screen) == 0)
        return;
    snprintf(template, sizeof template, "keep %% %d", number_at(screen));
    layer_command(template, screen_layer(screen)->name, line, sizeof line);
    screen_submit(screen, line, "`undo` undoes");
}

/* The cursor's keys are wanted next. */
static void own(struct screen *screen, int amount)
{
    int most = curve_part_most(1, curve_rows(screen));
    int zoom = screen->curves_zoom < most ? screen->curves_zoom : most;
    if (curve_rows(screen) == 0)
        screen_say(screen, false, "there is no curve here yet");
    else if (amount == CURVES_IN && zoom == most)
        screen_say(screen, false, "nothing smaller is to be seen");
    else if (amount == CURVES_OUT && zoom == 0)
        screen_say(screen, false, "all of it is shown");
    else
        zoom += amount == CURVES_IN ? 1 : -1;
    screen->curves_zoom = zoom;
    screen->focus = FOCUS_VIEW;
}

/* A press from elsewhere, or while training is shown, first of all shows the curves. */
void view_curves_overlay(struct screen *screen)
{
    bool there = view_at(screen->view) == &view_curves && !shows_training(screen);
    view_show(screen, view_index(&view_curves));
    state_of(screen)->order = SHOW_ERROR;
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

const struct view_ops view_curves = {.name = "Curves",
                                     .also = "left right order",
                                     .draw = draw,
                                     .rows = curve_rows,
                                     .follow = follow,
                                     .row_at = row_at,
                                     .slide = slide,
                                     .enter = enter,
                                     .turn = turn,
                                     .own = own,
                                     .ask = ask};
