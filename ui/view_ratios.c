/* View 4: every layer's ratio as a slider, what it costs, and the totals against a budget, whose
 * answer is seen before it is taken. It is wide because it is itself a list of the layers: its
 * cursor stands on the selected one. */
#include "core/memory.h"
#include "format.h"
#include "pieces.h"
#include "ratios_table.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what there is to see --- */

struct row {
    double key; /* it is sorted by */
    int layer;
};

/* One frame's numbers and rows. Row 0 stands for all layers, row i + 1 for rows[i]. */
struct scene {
    const struct tn_snapshot_proposal *proposal; /* that is shown, or NULL */
    struct ratios set, proposed;
    struct row *rows;
    int row_count;
};

static const struct tn_snapshot_proposal *proposal_of(const struct screen *screen)
{
    const struct tn_snapshot_proposal *proposal = screen->snapshot->proposal;
    return proposal != NULL && proposal->number > screen->proposal_dropped ? proposal : NULL;
}

static enum ratios_order order_of(const struct screen *screen)
{
    return (enum ratios_order)screen->views[view_index(&view_ratios)].order;
}

static int greatest_first(const void *a, const void *b)
{
    const struct row *left = (const struct row *)a, *right = (const struct row *)b;
    if (left->key < right->key || left->key > right->key)
        return left->key > right->key ? -1 : 1;
    return left->layer - right->layer;
}

static bool has_row(const struct tn_snapshot *snapshot, int layer)
{
    return snapshot->layers[layer].prunable && snapshot->layers[layer].leader == layer;
}

/* Errors of nothing removed are zero but for the last bits, which make no order. */
static double key_of(const struct ratio_figures *figures, enum ratios_order order)
{
    double key = order == RATIOS_BY_FLOPS ? figures->flops : figures->error_ls;
    return !isfinite(key) ? -1 : fabs(key) < 1e-12 ? 0 : key;
}

static void fill_rows(const struct screen *screen, struct scene *scene)
{
    enum ratios_order order = order_of(screen);
    for (int l = 0; l < scene->set.count; l++)
        if (has_row(screen->snapshot, l))
            scene->rows[scene->row_count++] = (struct row){key_of(&scene->set.each[l], order), l};
    if (order != RATIOS_IN_NETWORK)
        qsort(scene->rows, (size_t)scene->row_count, sizeof *scene->rows, greatest_first);
}

static void scene_free(struct scene *scene)
{
    ratios_free(&scene->set);
    ratios_free(&scene->proposed);
    tn_free(scene->rows);
}

/* False: out of memory. Free it all the same. */
static bool scene_of(const struct screen *screen, struct scene *scene)
{
    *scene = (struct scene){.proposal = proposal_of(screen)};
    scene->rows = tn_alloc((size_t)screen->snapshot->layer_count, sizeof *scene->rows);
    if (scene->rows == NULL || !ratios_set(screen, &scene->set) ||
        (scene->proposal != NULL && !ratios_proposed(screen, &scene->proposed)))
        return false;
    fill_rows(screen, scene);
    return true;
}

static int rows_of(const struct screen *screen)
{
    int count = screen->snapshot->layer_count > 0 ? 1 : 0;
    for (int l = 0; l < screen->snapshot->layer_count; l++)
        count += has_row(screen->snapshot, l);
    return count;
}

static int layer_of(const struct scene *scene, int row)
{
    return row < 1 || row > scene->row_count ? LAYER_ALL : scene->rows[row - 1].layer;
}

/* --- the cursor is the selected layer --- */

static void stand(struct screen *screen)
{
    struct scene scene;
    if (scene_of(screen, &scene))
        screen_select(screen, layer_of(&scene, screen->views[screen->view].cursor));
    scene_free(&scene);
}

/* The layer with a row that stands for the selected one: the leader of its group, else, where it
 * cannot be pruned, the nearest before it. */
static int nearest(const struct tn_snapshot *snapshot, int layer)
{
    if (layer == LAYER_ALL || layer >= snapshot->layer_count)
        return LAYER_ALL;
    layer = snapshot->layers[layer].leader;
    for (int l = layer; l >= 0; l--)
        if (has_row(snapshot, l))
            return l;
    while (layer < snapshot->layer_count && !has_row(snapshot, layer))
        layer++;
    return layer < snapshot->layer_count ? layer : LAYER_ALL;
}

static void follow(struct screen *screen, const struct scene *scene)
{
    struct view_state *state = &screen->views[screen->view];
    screen_select(screen, nearest(screen->snapshot, screen->layer));
    state->cursor = 0;
    for (int r = 0; r < scene->row_count; r++)
        if (scene->rows[r].layer == screen->layer)
            state->cursor = r + 1;
}

static void follow_layer(struct screen *screen)
{
    struct scene scene;
    if (screen->snapshot->layer_count > 0 && scene_of(screen, &scene))
        follow(screen, &scene);
    if (screen->snapshot->layer_count > 0)
        scene_free(&scene);
}

/* --- drawing --- */

/* "FLOPs 12.3M->6.41M, 52.1 %": of the network as it stands. */
static void say_total(const struct screen *screen, char *text, int size, const char *name,
                      int64_t now, double then)
{
    char from[FORMAT], to[FORMAT];
    bool same = fabs(then - (double)now) < 0.5;
    format_count(from, (double)now);
    format_count(to, then);
    int used = snprintf(text, (size_t)size, "%s %s", name, from);
    if (!same && now > 0)
        snprintf(text + used, (size_t)(size - used), "%s%s, %.1f %%", screen->glyphs->arrow, to,
                 100 * then / (double)now);
}

static void draw_totals(const struct screen *screen, struct pane pane, int *row, int *column,
                        const struct ratio_figures *all)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    char text[120], ls[FORMAT];
    say_total(screen, text, sizeof text, "FLOPs", snapshot->flops_now, all->flops);
    piece_text(pane, row, column, STYLE_NORMAL, text);
    say_total(screen, text, sizeof text, "params", snapshot->params_now, all->params);
    piece_text(pane, row, column, STYLE_NORMAL, text);
    if (isfinite(all->error_ls)) {
        snprintf(text, sizeof text, "ls %s", format_error(ls, all->error_ls));
        piece_text(pane, row, column, STYLE_NORMAL, text);
    }
}

static bool is_outdated(const struct tn_snapshot *snapshot)
{
    for (int l = 0; l < snapshot->layer_count; l++)
        if (has_row(snapshot, l) && snapshot->layers[l].stale)
            return true;
    return false;
}

/* How things stand, with what the user asked for since. Returns the rows used. */
static int draw_heading(const struct screen *screen, struct pane pane, const struct scene *scene)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct ratio_figures *all = &scene->set.all;
    int row = 0, column = 0;
    char text[120];
    draw_totals(screen, pane, &row, &column, all);
    if (isfinite(all->ms))
        snprintf(text, sizeof text, "forward about %.3g of %.3g ms", all->ms,
                 ratios_ms_now(snapshot));
    else
        keymap_text("`time` measures the time", text, sizeof text);
    piece_text(pane, &row, &column, isfinite(all->ms) ? STYLE_NORMAL : STYLE_DIM, text);
    if (!isfinite(all->error_ls))
        piece_advice(pane, &row, &column, STYLE_WARNING,
                     snapshot->data_name[0] != '\0' ? "`sample` samples: then errors are known"
                                                    : "errors need images: :data, then `sample`");
    else if (is_outdated(snapshot))
        piece_advice(pane, &row, &column, STYLE_WARNING, "sampled before a change: `sample` anew");
    return row + 1;
}

/* What the budget would make of it. Returns the rows used. */
static int draw_proposal(const struct screen *screen, struct pane pane, const struct scene *scene)
{
    const struct tn_snapshot_proposal *proposal = scene->proposal;
    int row = 0, column = 0;
    char text[120];
    if (proposal == NULL)
        return 0;
    piece_text(pane, &row, &column, STYLE_SERIES4, proposal->line);
    draw_totals(screen, pane, &row, &column, &scene->proposed.all);
    bool measured = isfinite(proposal->latency);
    if (measured)
        snprintf(text, sizeof text, "forward %.3g of %.3g ms, measured", proposal->latency,
                 proposal->latency_before);
    else
        snprintf(text, sizeof text, "forward about %.3g ms", scene->proposed.all.ms);
    if (measured || isfinite(scene->proposed.all.ms))
        piece_text(pane, &row, &column, STYLE_NORMAL, text);
    if (proposal->limited)
        piece_text(pane, &row, &column, STYLE_WARNING, "as far as locks and floors allow");
    return row + 1;
}

static void draw_keys(const struct screen *screen, struct pane pane, int row, bool proposal)
{
    static const char *const next[] = {"most FLOPs first", "greatest error first", "network order"};
    int column = 0;
    if (proposal) {
        column = piece_action(pane, row, column, "budget-take", "takes the budget");
        column = piece_action(pane, row, column, "budget-drop", "drops it");
    }
    column = piece_action(pane, row, column, "remove-less remove-more", "5 %");
    column = piece_action(pane, row, column, "keep-more keep-less", "one filter");
    column = piece_action(pane, row, column, "budget", proposal ? "another" : "budget");
    column = piece_action(pane, row, column, "order", next[order_of(screen)]);
    column = piece_action(pane, row, column, "enter", "to the layer");
    piece_action(pane, row, column, "escape", proposal ? "drops it" : "back");
}

static void draw_table(struct screen *screen, struct pane pane, const struct scene *scene)
{
    struct view_state *state = &screen->views[screen->view];
    struct ratios_table table = ratios_table_for(
        screen, &scene->set, scene->proposal != NULL ? &scene->proposed : NULL, pane.columns);
    int top = draw_heading(screen, pane, scene), below = 2, count = 1 + scene->row_count;
    top += draw_proposal(screen, pane_part(pane, top, 0, pane.rows, pane.columns), scene);
    ratios_table_titles(screen, pane_part(pane, top, 0, 1, pane.columns), &table, order_of(screen));
    top++;
    struct pane rows = pane_part(pane, top, 0, pane.rows - top - below, pane.columns);
    follow(screen, scene);
    list_follow(&state->cursor, &state->scroll, count, rows.rows);
    for (int row = 0; row < rows.rows && state->scroll + row < count; row++)
        ratios_table_layer(screen, pane_part(rows, row, 0, 1, rows.columns), &table,
                           layer_of(scene, state->scroll + row));
    pane_glyph(rows, state->cursor - state->scroll, 0, STYLE_CURSOR, screen->glyphs->pointer);
    view_list_marks(screen, rows, count);
    int shown = count < rows.rows ? count : rows.rows;
    ratios_table_rest(screen, pane_part(pane, top + shown, 0, 1, pane.columns), &table);
    draw_keys(screen, pane, pane.rows - 1, scene->proposal != NULL);
    screen->view_rows = rows;
}

static void draw(struct screen *screen, struct pane pane)
{
    struct scene scene;
    bool ready;
    if (screen->snapshot->layer_count == 0) {
        view_heading(screen, pane, &ready);
        return;
    }
    if (scene_of(screen, &scene))
        draw_table(screen, pane, &scene);
    scene_free(&scene);
}

/* --- keys and mouse --- */

static void turn(struct screen *screen)
{
    struct view_state *state = &screen->views[screen->view];
    state->order = (state->order + 1) % RATIOS_ORDERS;
}

/* To the layer under the cursor, in the view this one was called from. */
static void enter(struct screen *screen)
{
    view_show(screen, screen->back.view);
}

static bool drop(struct screen *screen)
{
    const struct tn_snapshot_proposal *proposal = proposal_of(screen);
    if (proposal == NULL)
        return false;
    screen->proposal_dropped = proposal->number;
    screen_say(screen, false, "the budget's answer is dropped; nothing was changed");
    return true;
}

static void own(struct screen *screen, int amount)
{
    const struct tn_snapshot_proposal *proposal = proposal_of(screen);
    if (proposal == NULL)
        screen_advise(screen, false, "there is no answer to a budget here: `budget` asks for one");
    else if (amount == RATIOS_TAKE)
        screen_submit(screen, proposal->line, "`undo` undoes");
    else
        drop(screen);
}

/* The ratio of all layers goes by twentieths. */
static void slide_all(struct screen *screen, double ratio)
{
    const double near = 0.025;
    double now = intents_ratio_all(&screen->intents, screen->snapshot);
    int direction = ratio > now ? 1 : -1;
    while (fabs(ratio - now) > near &&
           intents_shift_all(&screen->intents, screen->snapshot, direction)) {
        now = intents_ratio_all(&screen->intents, screen->snapshot);
        if (direction * (ratio - now) <= 0)
            return;
    }
}

/* On a slider: the ratio goes there. */
static void press(struct screen *screen, int column)
{
    struct scene scene;
    if (!scene_of(screen, &scene)) {
        scene_free(&scene);
        return;
    }
    int layer = screen->layer;
    const struct ratio_figures *it = layer == LAYER_ALL ? &scene.set.all : &scene.set.each[layer];
    struct ratios_table table =
        ratios_table_for(screen, &scene.set, scene.proposal != NULL ? &scene.proposed : NULL,
                         screen->view_rows.columns);
    int kept = ratios_table_kept_at(&table, it->filters, column);
    if (kept > 0 && layer == LAYER_ALL)
        slide_all(screen, 1 - (double)kept / it->filters);
    else if (kept > 0)
        intents_nudge(&screen->intents, screen->snapshot, layer, INTENT_KEEP, kept - it->kept);
    scene_free(&scene);
}

const struct view_ops view_ratios = {
    .name = "Ratios",
    .also = "remove-more remove-less keep-more keep-less order enter escape",
    .wide = true,
    .draw = draw,
    .rows = rows_of,
    .follow = follow_layer,
    .stand = stand,
    .enter = enter,
    .turn = turn,
    .own = own,
    .escape = drop,
    .press = press};
