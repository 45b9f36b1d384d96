/* View 1: how important each filter is under the layer's method, and what happens to it. */
#include "core/memory.h"
#include "format.h"
#include "prune/path.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BY_RANK, BY_FILTER };

/* Columns of a row, from both ends; the bar takes what is left. */
enum { SIGN = 0, RANK = 1, FILTER = 6, BAR = 13, SCORE = 8, ALONE = 8 };

static int filter_rows(const struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (layer == NULL)
        return 0;
    return layer->path != NULL && layer->path->channels == layer->filters ? layer->filters : 0;
}

/* Row -> filter, and filter -> place in the order of removal. NULL: out of memory. */
static int *places_of(const struct tn_snapshot_path *path)
{
    int *places = tn_calloc((size_t)path->channels, sizeof *places);
    for (int i = 0; places != NULL && i < path->channels; i++)
        if (path->order[i] >= 0 && path->order[i] < path->channels)
            places[path->order[i]] = i;
    return places;
}

static int filter_at(const struct tn_snapshot_path *path, int order, int row)
{
    return order == BY_FILTER ? row : path->order[path->channels - 1 - row];
}

struct fate {
    enum style style;
    char sign;
};

static struct fate fate_of(const struct tn_snapshot_path *path, int filter, bool kept)
{
    if (path->lock[filter] == TN_LOCK_KEEP)
        return (struct fate){STYLE_LOCKED, 'K'};
    if (path->lock[filter] == TN_LOCK_PRUNE)
        return (struct fate){STYLE_LOCKED, 'X'};
    return kept ? (struct fate){STYLE_KEPT, '+'} : (struct fate){STYLE_PRUNED, '-'};
}

static void score_range(const struct tn_snapshot_path *path, double *low, double *high)
{
    *low = 0;
    *high = 0;
    for (int i = 0; i < path->channels; i++)
        if (isfinite(path->score[i])) {
            *low = fmin(*low, path->score[i]);
            *high = fmax(*high, path->score[i]);
        }
}

static void draw_columns(struct pane pane, int row, int order)
{
    pane_text(pane, row, RANK, STYLE_TITLE, "rank");
    pane_text(pane, row, FILTER, STYLE_TITLE, "filter");
    struct pane bar = pane_part(pane, row, BAR, 1, pane.columns - BAR - SCORE - ALONE);
    const char *by_rank = bar.columns >= 10 ? "importance" : "worth";
    pane_text(bar, 0, 0, STYLE_TITLE, order == BY_RANK ? by_rank : "by filter");
    pane_right(pane, row, pane.columns - ALONE - SCORE, SCORE - 1, STYLE_TITLE, "score");
    pane_right(pane, row, pane.columns - ALONE, ALONE - 1, STYLE_TITLE, "alone");
}

static void draw_legend(struct pane pane, int row, bool focused)
{
    int column = pane_text(pane, row, 0, STYLE_KEPT, "+ kept");
    column = pane_text(pane, row, column + 2, STYLE_PRUNED, "- pruned");
    column = pane_text(pane, row, column + 2, STYLE_LOCKED, "K X locked");
    const char *note = focused ? " locks" : "alone: error if only it goes";
    if (column + 2 + (focused ? 5 : 0) + (int)strlen(note) > pane.columns)
        return;
    column += 2;
    if (focused)
        column = pane_text(pane, row, column, STYLE_KEY, "Space");
    pane_text(pane, row, column, STYLE_DIM, note);
}

static void draw_filters(struct screen *screen, struct pane rows,
                         const struct tn_snapshot_path *path, const int *places)
{
    const struct view_state *state = &screen->views[screen->view];
    int removed = path->channels - screen_keep(screen, screen->layer);
    double low, high;
    score_range(path, &low, &high);
    for (int row = 0; row < rows.rows && state->scroll + row < path->channels; row++) {
        int filter = filter_at(path, state->order, state->scroll + row);
        struct fate fate = fate_of(path, filter, places[filter] >= removed);
        char text[FORMAT];
        pane_glyph(rows, row, SIGN, fate.style, (unsigned char)fate.sign);
        pane_print(rows, row, RANK, STYLE_DIM, "%4d", path->channels - places[filter]);
        pane_print(rows, row, FILTER, STYLE_NORMAL, "%6d", filter);
        pane_bar(rows, row, BAR, rows.columns - BAR - SCORE - ALONE, fate.style,
                 high > low ? (path->score[filter] - low) / (high - low) : 0, screen->glyphs);
        pane_right(rows, row, rows.columns - ALONE - SCORE, SCORE - 1, STYLE_NORMAL,
                   format_number(text, path->score[filter]));
        pane_right(rows, row, rows.columns - ALONE, ALONE - 1, STYLE_DIM,
                   format_number(text, path->energy[filter]));
    }
}

/* The row "all": where the cost lies. */
static void draw_overview(const struct screen *screen, struct pane pane)
{
    enum { NAME = 12, PERCENT = 5, LS = 7 };
    const struct tn_snapshot *snapshot = screen->snapshot;
    int bar = pane.columns - NAME - PERCENT - LS;
    char text[FORMAT];
    pane_text(pane, 2, 0, STYLE_TITLE, "layer");
    pane_text(pane, 2, NAME, STYLE_TITLE, "FLOPs today");
    pane_right(pane, 2, pane.columns - LS, LS, STYLE_TITLE, "ls");
    for (int i = 0; i < snapshot->layer_count && i < pane.rows - 5; i++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[i];
        enum style style = layer->prunable ? STYLE_NORMAL : STYLE_DIM;
        double share =
            snapshot->flops_now > 0 ? (double)layer->flops / (double)snapshot->flops_now : 0;
        pane_cut(pane, 3 + i, 0, NAME - 1, style, layer->name, screen->glyphs);
        pane_bar(pane, 3 + i, NAME, bar, layer->prunable ? STYLE_KEPT : STYLE_DIM, share,
                 screen->glyphs);
        snprintf(text, sizeof text, "%.0f%%", share * 100);
        pane_right(pane, 3 + i, NAME + bar, PERCENT, style, text);
        pane_right(pane, 3 + i, pane.columns - LS, LS, style,
                   format_error(text, screen_error_ls(screen, i)));
    }
    int column = pane_text(pane, pane.rows - 1, 0, STYLE_KEY, "< >");
    pane_text(pane, pane.rows - 1, column + 1, STYLE_DIM, "the ratio of all layers at once");
}

static void draw(struct screen *screen, struct pane pane)
{
    struct view_state *state = &screen->views[screen->view];
    bool ready;
    int top = view_heading(screen, pane, &ready);
    if (screen->layer == LAYER_ALL && screen->snapshot->layer_count > 0)
        draw_overview(screen, pane);
    if (!ready)
        return;
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    struct pane rows = pane_part(pane, top + 1, 0, pane.rows - top - 2, pane.columns);
    if (state->anchor != screen->layer)
        state->cursor = state->scroll = 0;
    state->anchor = screen->layer;
    list_follow(&state->cursor, &state->scroll, path->channels, rows.rows);
    int *places = places_of(path);
    if (places == NULL)
        return;
    draw_columns(pane, top, state->order);
    draw_filters(screen, rows, path, places);
    draw_legend(pane, pane.rows - 1, screen->focus == FOCUS_VIEW);
    tn_free(places);
    view_list_marks(screen, rows, path->channels);
    screen->view_rows = rows;
}

/* Free, kept, pruned, free. */
static void lock(struct screen *screen)
{
    const struct view_state *state = &screen->views[screen->view];
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (filter_rows(screen) == 0)
        return;
    /* A layer that was not drawn yet begins at its first row. */
    int row = state->anchor == screen->layer && state->cursor < layer->filters ? state->cursor : 0;
    int filter = filter_at(layer->path, state->order, row);
    int now = (unsigned char)layer->path->lock[filter];
    char template[64], line[LINE];
    if (now == TN_LOCK_PRUNE)
        snprintf(template, sizeof template, "unlock %% %d", filter);
    else
        snprintf(template, sizeof template, "lock %% %d %s", filter,
                 now == TN_LOCK_KEEP ? "prune" : "keep");
    binding_line(&(struct binding){.line = template}, layer->name, line, sizeof line);
    screen_submit(screen, line, NULL);
}

static void turn(struct screen *screen)
{
    struct view_state *state = &screen->views[screen->view];
    state->order = state->order == BY_RANK ? BY_FILTER : BY_RANK;
}

const struct view_ops view_filters = {
    .name = "Filters", .key = '1', .draw = draw, .rows = filter_rows, .lock = lock, .turn = turn};
