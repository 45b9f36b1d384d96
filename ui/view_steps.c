/* View 2: the greedy walk as in a debugger: done so far, where it stands, what comes next and at
 * what cost. */
#include "chart.h"
#include "format.h"
#include "knee.h"
#include "pieces.h"
#include "text.h"
#include "view.h"
#include <math.h>
#include <stdio.h>

static int step_rows(const struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (layer == NULL)
        return 0;
    return layer->path != NULL && layer->path->channels == layer->filters ? layer->filters : 0;
}

/* How many removed filters the read-out is of: with the focus here that of the cursor's row done,
 * else and on the walk's own row where the walk stands. */
static int looked_at(const struct screen *screen, int removed)
{
    int cursor = screen->views[screen->view].cursor;
    return screen->focus == FOCUS_VIEW && cursor != removed ? cursor + 1 : removed;
}

static void draw_chart(const struct screen *screen, struct pane pane,
                       const struct tn_snapshot_path *path, int removed)
{
    struct chart chart = {
        .x_label = "filters removed",
        .y_label = "error",
        .scale = screen->views[screen->view].order == 0 ? CHART_AUTO : CHART_LOG,
        .series_count = 2,
        .series = {{.name = "plain",
                    .style = STYLE_SERIES2,
                    .count = path->channels,
                    .y = path->error,
                    .step_x = 1},
                   {.name = "least squares",
                    .style = STYLE_SERIES1,
                    .count = path->channels,
                    .y = path->error_ls,
                    .step_x = 1}},
        .has_cursor = true,
        .cursor_x = looked_at(screen, removed),
    };
    chart_draw(pane, screen->glyphs, &chart);
}

/* The chart in numbers. */
static void draw_readout(const struct screen *screen, struct pane pane, int row,
                         const struct tn_snapshot_path *path, int removed)
{
    int at = looked_at(screen, removed), knee = knee_of(path->error_ls, path->channels);
    char error[FORMAT], error_ls[FORMAT];
    pane_glyph(pane, row, 0, STYLE_CURSOR, screen->glyphs->cursor);
    int column = pane_print(pane, row, 2, STYLE_BOLD, "%d gone: error %s  ls %s", at,
                            format_error(error, path->error[at]),
                            format_error(error_ls, path->error_ls[at]));
    if (knee > 0 && column + 14 <= pane.columns)
        pane_print(pane, row, column + 2, STYLE_GOOD, "K knee at %d", knee);
}

/* The step under the cursor: where the walk stands, what could go next, the cheapest first; of
 * another step the first two are known. The second says by how much it lost. Returns the rows used.
 */
static int draw_candidates(const struct screen *screen, struct pane pane, int row,
                           const struct tn_snapshot_path *path, int removed)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    int cursor = screen->views[screen->view].cursor;
    int step = screen->focus == FOCUS_VIEW ? cursor : removed;
    bool all = layer->candidate_count > 0 && step == path->channels - layer->kept;
    if (step >= path->channels)
        return 1;
    const int two[] = {path->order[step], path->runner_up[step]};
    const double costs[] = {path->cost[step], path->runner_up_cost[step]};
    int count = all ? layer->candidate_count : 2;
    int column = step == removed ? pane_text(pane, row, 0, STYLE_DIM, "next")
                                 : pane_print(pane, row, 0, STYLE_DIM, "step %d:", step + 1);
    for (int i = 0; i < count; i++) {
        char text[64], cost[FORMAT], lost[FORMAT];
        int filter = all ? layer->candidates[i] : two[i];
        double price = all ? layer->candidate_costs[i] : costs[i];
        int used = snprintf(text, sizeof text, "%d (%s", filter, format_number(cost, price));
        snprintf(text + used, sizeof text - (size_t)used, i == 1 ? " +%s)" : ")",
                 format_number(lost, price - (all ? layer->candidate_costs[0] : costs[0])));
        if (filter < 0 || column + 2 + text_width(text) > pane.columns)
            break;
        column =
            pane_text(pane, row, column + (i > 0 ? 2 : 1), i > 0 ? STYLE_DIM : STYLE_NORMAL, text);
    }
    return 1;
}

/* Columns: the first five always; the runner-up where there is room. */
enum { STEP = 1, SIGN = 5, FILTER = 6, COST = 13, ERROR = 22, LS = 29, RUNNER = 36, LOST = 44 };

/* Does every step only add to what is removed? thinet-x makes a set for every size. */
static bool nested(const struct tn_snapshot_path *path)
{
    return path->order_keep == 0;
}

static void draw_columns(struct pane pane, int row, bool nest)
{
    pane_text(pane, row, STEP, STYLE_TITLE, nest ? "step" : "gone");
    pane_right(pane, row, ERROR, 6, STYLE_TITLE, "error");
    pane_right(pane, row, LS, 6, STYLE_TITLE, "ls");
    if (!nest)
        return;
    pane_text(pane, row, FILTER, STYLE_TITLE, "filter");
    pane_right(pane, row, COST, 8, STYLE_TITLE, "cost");
    if (pane.columns >= LOST)
        pane_right(pane, row, RUNNER, 7, STYLE_TITLE, "2nd");
    if (pane.columns >= LOST + 9)
        pane_right(pane, row, LOST, 9, STYLE_TITLE, "lost by");
}

/* Where the walk would stop: at a breakpoint, at the knee. */
static void draw_sign(const struct screen *screen, struct pane rows, int row, int step, int knee)
{
    if (breakpoints_has(&screen->breakpoints, screen->layer, step_rows(screen), step))
        pane_glyph(rows, row, SIGN, STYLE_ERROR, screen->glyphs->breakpoint);
    else if (step == knee && knee > 0)
        pane_glyph(rows, row, SIGN, STYLE_GOOD, 'K');
}

static void draw_step(struct pane rows, int row, const struct tn_snapshot_path *path, int step,
                      int removed, const struct glyphs *glyphs)
{
    char text[FORMAT];
    enum style style = step < removed ? STYLE_DIM : step == removed ? STYLE_BOLD : STYLE_NORMAL;
    enum style filter_style = step < removed ? STYLE_PRUNED : STYLE_KEPT;
    if (step == removed)
        pane_glyph(rows, row, 0, STYLE_CURSOR, glyphs->pointer);
    else if (step < removed)
        pane_glyph(rows, row, 0, STYLE_PRUNED, '-');
    pane_print(rows, row, STEP, style, "%4d", step + 1);
    pane_right(rows, row, ERROR, 6, style, format_error(text, path->error[step + 1]));
    pane_right(rows, row, LS, 6, style, format_error(text, path->error_ls[step + 1]));
    if (!nested(path))
        return;
    pane_print(rows, row, FILTER, filter_style, "%6d", path->order[step]);
    pane_right(rows, row, COST, 8, style, format_number(text, path->cost[step]));
    if (path->runner_up[step] < 0 || rows.columns < LOST)
        return;
    snprintf(text, sizeof text, "%d", path->runner_up[step]);
    pane_right(rows, row, RUNNER, 7, style, text);
    if (rows.columns >= LOST + 9)
        pane_right(rows, row, LOST, 9, style,
                   format_number(text, path->runner_up_cost[step] - path->cost[step]));
}

static void draw_last(const struct screen *screen, struct pane pane, int row,
                      const struct tn_snapshot_path *path, int removed)
{
    char cost[FORMAT];
    int column = piece_action(pane, row, 0, "step", "step");
    column = piece_action(pane, row, column, "back", "back");
    if (screen->focus == FOCUS_VIEW)
        column = piece_action(pane, row, column, "enter", "run to here");
    column = piece_action(pane, row, column, "knee", "to the knee");
    column = piece_action(pane, row, column, "breakpoint", "breakpoint");
    column = piece_action(pane, row, column, "continue", "continue");
    column = piece_action(pane, row, column, "run", "run until");
    if (removed > 0 && nested(path) && column + 28 < pane.columns)
        pane_print(pane, row, column + 2, STYLE_DIM, "last out: %d (%s)", path->order[removed - 1],
                   format_number(cost, path->cost[removed - 1]));
}

/* Which filters are gone, of a method of which no list of steps tells. Returns the rows used. */
static int draw_set(const struct screen *screen, struct pane pane,
                    const struct tn_snapshot_path *path, int removed)
{
    int row = pane_wrap(pane, 0, STYLE_WARNING,
                        "A set of its own for every size: no filter is the next to go.");
    char text[1024];
    int used = snprintf(text, sizeof text, "Gone now:%s", removed == 0 ? " none" : "");
    bool made = path->order_keep == path->channels - removed;
    for (int i = 0; made && i < removed && used < (int)sizeof text - 12; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %d", path->order[i]);
    if (!made && removed > 0)
        snprintf(text + used, sizeof text - (size_t)used, " ...");
    pane_cut(pane, row, 0, pane.columns, STYLE_PRUNED, text, screen->glyphs);
    return row + 1;
}

/* The cursor goes with the walk. */
static void follow(struct screen *screen)
{
    enum { LAYERS = 100000 };
    struct view_state *state = &screen->views[view_index(&view_steps)];
    int rows = step_rows(screen);
    if (rows == 0)
        return;
    int removed = rows - screen_keep(screen, screen->layer);
    int anchor = screen->layer * LAYERS + removed;
    if (state->anchor != anchor)
        state->cursor = list_row(removed, rows);
    state->anchor = anchor;
}

/* What was removed last and what is next stay in sight. The list stands still as long as they are:
 * a held key would else write all its rows with every step. */
static void scroll_to(struct view_state *state, int removed, int rows)
{
    if (removed - 1 < state->scroll || removed + 1 >= state->scroll + rows)
        state->scroll = removed - rows / 3;
}

static void draw(struct screen *screen, struct pane pane)
{
    struct view_state *state = &screen->views[screen->view];
    bool ready;
    int top = view_heading(screen, pane, &ready);
    if (!ready) {
        if (screen->layer == LAYER_ALL)
            pane_text(pane, 2, 0, STYLE_NORMAL, "Choose one layer to walk through it.");
        return;
    }
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    int removed = path->channels - screen_keep(screen, screen->layer);
    /* Without errors there is nothing to draw but the order. */
    bool errors = screen_layer(screen)->samples > 0;
    int height = errors ? (pane.rows - top) / 2 : 0;
    follow(screen);
    if (errors) {
        struct pane chart = pane_part(pane, top, 0, height - 1, pane.columns);
        draw_chart(screen, chart, path, removed);
        draw_readout(screen, pane, top + height - 1, path, removed);
    }
    if (!nested(path))
        height +=
            draw_set(screen, pane_part(pane, top + height, 0, 3, pane.columns), path, removed);
    else if (errors)
        height += draw_candidates(screen, pane, top + height, path, removed);
    struct pane rows =
        pane_part(pane, top + height + 1, 0, pane.rows - top - height - 2, pane.columns);
    if (state->shown != state->anchor)
        scroll_to(state, removed, rows.rows);
    state->shown = state->anchor;
    list_follow(&state->cursor, &state->scroll, path->channels, rows.rows);
    draw_columns(pane, top + height, nested(path));
    int knee = errors ? knee_of(path->error_ls, path->channels) : 0;
    for (int row = 0; row < rows.rows && state->scroll + row < path->channels; row++) {
        draw_step(rows, row, path, state->scroll + row, removed, screen->glyphs);
        draw_sign(screen, rows, row, state->scroll + row, knee);
    }
    draw_last(screen, pane, pane.rows - 1, path, removed);
    view_list_marks(screen, rows, path->channels);
    screen->view_rows = rows;
}

/* --- keys --- */

static void run_to(struct screen *screen, int removed)
{
    int keep = step_rows(screen) - removed;
    char template[64], line[LINE];
    snprintf(template, sizeof template, "run %% keep=%d", keep < 1 ? 1 : keep);
    layer_command(template, screen_layer(screen)->name, line, sizeof line);
    screen_submit(screen, line, NULL);
}

/* Walk until the cursor's row is the last one done. */
static void enter(struct screen *screen)
{
    int cursor = screen->views[screen->view].cursor;
    if (cursor < step_rows(screen)) /* else no rows, or a cursor that is still another layer's */
        run_to(screen, cursor + 1);
}

/* As in a debugger: the walk stops before this row is done. */
static void flip_breakpoint(struct screen *screen)
{
    int cursor = screen->views[screen->view].cursor;
    if (screen->focus != FOCUS_VIEW) {
        screen->focus = FOCUS_VIEW;
        screen_advise(screen, false,
                      "choose a row with the arrows, `breakpoint` sets a breakpoint on it");
        return;
    }
    if (cursor >= step_rows(screen))
        return;
    if (!breakpoints_flip(&screen->breakpoints, screen->layer, step_rows(screen), cursor)) {
        char text[80];
        snprintf(text, sizeof text, "there are %d breakpoints already: `breakpoint` takes one away",
                 MAX_BREAKPOINTS);
        screen_advise(screen, true, text);
    }
}

static void go_on(struct screen *screen)
{
    int removed = step_rows(screen) - screen_keep(screen, screen->layer);
    int next = breakpoints_next(&screen->breakpoints, screen->layer, step_rows(screen), removed);
    if (next >= 0)
        run_to(screen, next);
    else
        screen_advise(screen, false,
                      "no breakpoint ahead: `breakpoint` sets one on the cursor's row");
}

static void run_to_knee(struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    int knee = layer->samples > 0 ? knee_of(layer->path->error_ls, layer->path->channels) : 0;
    if (layer->samples == 0)
        screen_advise(screen, true, "no errors before the layer is sampled: press `sample`");
    else if (knee == 0)
        screen_say(screen, false, "the error curve of this layer has no knee");
    else
        run_to(screen, knee);
}

static void own(struct screen *screen, int amount)
{
    if (step_rows(screen) == 0)
        screen_advise(screen, false,
                      "this layer has no walk yet: press `sample` to sample all layers");
    else if (amount == STEPS_BREAK)
        flip_breakpoint(screen);
    else if (amount == STEPS_CONTINUE)
        go_on(screen);
    else
        run_to_knee(screen);
}

static void turn(struct screen *screen)
{
    screen->views[screen->view].order ^= 1;
}

const struct view_ops view_steps = {.name = "Steps",
                                    .also = "step back run enter order",
                                    .draw = draw,
                                    .rows = step_rows,
                                    .follow = follow,
                                    .enter = enter,
                                    .turn = turn,
                                    .own = own};
