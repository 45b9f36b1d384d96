/* View 2: the greedy walk as in a debugger: done so far, where it stands, what comes next and at
 * what cost. */
#include "chart.h"
#include "format.h"
#include "pieces.h"
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
        .cursor_x = removed,
    };
    chart_draw(pane, screen->glyphs, &chart);
}

/* Columns: the first five always; the runner-up where there is room. */
enum { STEP = 1, FILTER = 6, COST = 13, ERROR = 22, LS = 29, RUNNER = 36, LOST = 44 };

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
    int column = piece_key(pane, row, 0, "s", "step");
    column = piece_key(pane, row, column, "b", "back");
    column = piece_key(pane, row, column, "r", "run until");
    if (screen->focus == FOCUS_VIEW)
        column = piece_key(pane, row, column, "Enter", "run to here");
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
    draw_chart(screen, pane_part(pane, top, 0, height, pane.columns), path, removed);
    if (!nested(path))
        height +=
            draw_set(screen, pane_part(pane, top + height, 0, 3, pane.columns), path, removed);
    struct pane rows =
        pane_part(pane, top + height + 1, 0, pane.rows - top - height - 2, pane.columns);
    int anchor = screen->layer * 100000 + removed;
    if (state->anchor != anchor) {
        /* Follow the walk, with what was removed last in sight. */
        state->cursor = removed;
        state->scroll = removed - rows.rows / 3;
    }
    state->anchor = anchor;
    list_follow(&state->cursor, &state->scroll, path->channels, rows.rows);
    draw_columns(pane, top + height, nested(path));
    for (int row = 0; row < rows.rows && state->scroll + row < path->channels; row++)
        draw_step(rows, row, path, state->scroll + row, removed, screen->glyphs);
    draw_last(screen, pane, pane.rows - 1, path, removed);
    view_list_marks(screen, rows, path->channels);
    screen->view_rows = rows;
}

/* Walk until the cursor's row is the last one done. */
static void enter(struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    int keep = step_rows(screen) - screen->views[screen->view].cursor - 1;
    if (keep < 0)
        return; /* no rows, or a cursor that is still another layer's */
    char template[64], line[LINE];
    snprintf(template, sizeof template, "run %% keep=%d", keep < 1 ? 1 : keep);
    binding_line(&(struct binding){.line = template}, layer->name, line, sizeof line);
    screen_submit(screen, line, NULL);
}

static void turn(struct screen *screen)
{
    screen->views[screen->view].order ^= 1;
}

const struct view_ops view_steps = {
    .name = "Steps", .key = '2', .draw = draw, .rows = step_rows, .enter = enter, .turn = turn};
