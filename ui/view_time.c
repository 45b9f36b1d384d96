/* View Time: where the time of a batch goes, by layer. It is wide because it is itself a list of
 * the layers: its cursor stands on the selected one. */
#include "core/memory.h"
#include "format.h"
#include "keys.h"
#include "pieces.h"
#include "time_table.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the order of the rows --- */

struct row {
    double ms;
    int layer;
};

static int slowest_first(const void *a, const void *b)
{
    const struct row *left = (const struct row *)a, *right = (const struct row *)b;
    if (left->ms < right->ms || left->ms > right->ms)
        return left->ms > right->ms ? -1 : 1;
    return left->layer - right->layer;
}

static int order_of(const struct screen *screen)
{
    int order = screen->views[view_index(&view_time)].order;
    return order == TIME_BY_BACKWARD && !time_has_backward(screen->snapshot->times)
               ? TIME_BY_FORWARD
               : order;
}

/* Row -> layer of the measurement. NULL: out of memory. */
static struct row *rows_of(const struct screen *screen)
{
    const struct tn_snapshot_times *times = screen->snapshot->times;
    struct row *rows = tn_calloc((size_t)times->layer_count, sizeof *rows);
    int order = order_of(screen);
    for (int l = 0; rows != NULL && l < times->layer_count; l++) {
        const struct tn_snapshot_time *layer = &times->layers[l];
        double ms = order == TIME_BY_BACKWARD ? layer->backward_ms : layer->forward_ms;
        rows[l] = (struct row){isfinite(ms) ? ms : -1, l};
    }
    if (rows != NULL && order != TIME_IN_NETWORK)
        qsort(rows, (size_t)times->layer_count, sizeof *rows, slowest_first);
    return rows;
}

/* The measured layer's place in the network as it stands; LAYER_ALL: it is not there any more. */
static int layer_now(const struct tn_snapshot *snapshot, int measured)
{
    const char *name = snapshot->times->layers[measured].name;
    for (int i = 0; i < snapshot->layer_count; i++) {
        int l = (measured + i) % snapshot->layer_count; /* as a rule the first look finds it */
        if (strcmp(snapshot->layers[l].name, name) == 0)
            return l;
    }
    return LAYER_ALL;
}

/* What the cursor last followed: it moves when another layer is selected, the rows are put in
 * another order or measured anew. */
static int anchor_of(const struct screen *screen)
{
    enum { MANY = 100000, ENTRIES = 10000 };
    return (int)(screen->snapshot->times->entry % ENTRIES) * MANY +
           (screen->layer + 1) * TIME_ORDERS % MANY + order_of(screen);
}

static int time_rows(const struct screen *screen)
{
    const struct tn_snapshot_times *times = screen->snapshot->times;
    return times != NULL && screen->snapshot->layer_count > 0 ? times->layer_count : 0;
}

/* The layer under the cursor is the selected one. */
static void stand(struct screen *screen)
{
    struct view_state *state = &screen->views[screen->view];
    struct row *rows = time_rows(screen) > 0 ? rows_of(screen) : NULL;
    if (rows == NULL)
        return;
    int row = state->cursor < time_rows(screen) ? state->cursor : 0;
    int layer = layer_now(screen->snapshot, rows[row].layer);
    if (layer != LAYER_ALL)
        screen_select(screen, layer);
    state->anchor = anchor_of(screen);
    tn_free(rows);
}

/* And the other way round. */
static void follow(struct screen *screen, const struct row *rows)
{
    struct view_state *state = &screen->views[screen->view];
    if (screen->layer == LAYER_ALL)
        stand(screen);
    if (state->anchor == anchor_of(screen))
        return;
    state->anchor = anchor_of(screen);
    for (int row = 0; row < time_rows(screen); row++)
        if (layer_now(screen->snapshot, rows[row].layer) == screen->layer)
            state->cursor = row;
}

static void follow_layer(struct screen *screen)
{
    struct row *rows = time_rows(screen) > 0 ? rows_of(screen) : NULL;
    if (rows != NULL)
        follow(screen, rows);
    tn_free(rows);
}

/* --- drawing --- */

/* Winograd's convolution multiplies less often than is counted. */
static bool exceeds_peak(const struct tn_snapshot_times *times)
{
    for (int l = 0; l < times->layer_count; l++)
        if (times->layers[l].share > 1 || times->layers[l].backward_share > 1)
            return true;
    return false;
}

/* The totals. Returns the rows used. */
static int draw_heading(struct pane pane, const struct tn_snapshot *snapshot)
{
    const struct tn_snapshot_times *times = snapshot->times;
    char text[120], rate[FORMAT];
    int row = 0, column = 0;
    snprintf(text, sizeof text, "batch %.0f", times->batch);
    piece_text(pane, &row, &column, STYLE_BOLD, text);
    snprintf(text, sizeof text, "forward %.4g ms, %s images/s", times->forward_ms,
             format_count(rate, 1000 * times->batch / times->forward_ms));
    piece_text(pane, &row, &column, STYLE_NORMAL, text);
    if (time_has_backward(times)) {
        snprintf(text, sizeof text, "backward %.4g ms", times->backward_ms);
        piece_text(pane, &row, &column, STYLE_NORMAL, text);
        snprintf(text, sizeof text, "step %.4g ms, %s images/s", times->step_ms,
                 format_count(rate, 1000 * times->batch / times->step_ms));
        piece_text(pane, &row, &column, STYLE_NORMAL, text);
    }
    int used = snprintf(text, sizeof text, "peak %.4g GFLOP/s", times->peak_gflops);
    if (exceeds_peak(times))
        snprintf(text + used, sizeof text - (size_t)used, ", winograd may exceed it");
    piece_text(pane, &row, &column, STYLE_DIM, text);
    row++;
    struct pane below = pane_part(pane, row, 0, pane.rows, pane.columns);
    if (times->untrained[0] != '\0')
        row += pane_wrap(below, 0, STYLE_WARNING, times->untrained);
    below = pane_part(pane, row, 0, pane.rows, pane.columns);
    if (snapshot->times_stale)
        row +=
            piece_wrap(below, 0, STYLE_WARNING,
                       "Measured before the network was changed: `time` measures it as it stands.");
    return row;
}

static void draw_keys(const struct screen *screen, struct pane pane, int row)
{
    int order = order_of(screen);
    bool last = order == TIME_BY_BACKWARD ||
                (order == TIME_BY_FORWARD && !time_has_backward(screen->snapshot->times));
    const char *next = last                       ? "network order"
                       : order == TIME_IN_NETWORK ? "slowest forward first"
                                                  : "slowest backward first";
    int column = piece_action(pane, row, 0, "order", next);
    column = piece_action(pane, row, column, "time", "measures again");
    column = piece_action(pane, row, column, "enter", "to the layer");
    piece_action(pane, row, column, "escape", "back");
}

static bool measures(const struct screen *screen)
{
    return screen->time_number > screen->status.finished;
}

static const char *key_of(const char *name, char key[KEY_NAME])
{
    binding_key(binding_named(name), key, KEY_NAME);
    return key;
}

/* What the view is for, while there is nothing to show. */
static void draw_purpose(const struct screen *screen, struct pane pane)
{
    enum { READABLE = 76 };
    pane = pane_part(pane, 0, 0, pane.rows, READABLE);
    int row = pane_wrap(pane, 0, STYLE_BOLD, "Where does the time of a batch go?");
    row = pane_wrap(pane, row + 1, STYLE_NORMAL,
                    "Every layer has a row here, once it is measured: its milliseconds forward and "
                    "backward, how it is computed, and what share of the machine's peak it "
                    "reaches. FLOPs alone do not tell: a layer that counts few of them may take "
                    "long, and filters are best saved where the time is.");
    if (measures(screen)) {
        piece_wrap(pane, row + 1, STYLE_BOLD,
                   screen->status.busy && strncmp(screen->status.command, "time", 4) != 0
                       ? "It is measured when what runs has ended."
                       : "It is being measured. `escape` stops it.");
        return;
    }
    char key[KEY_NAME];
    int column = pane_text(pane, ++row, 0, STYLE_KEY, key_of("time", key));
    pane_text(pane, row, column, STYLE_NORMAL,
              " measures it now, on 32 random images: no data is needed.");
    column = pane_text(pane, ++row, 0, STYLE_KEY, ":time batch=1");
    pane_text(pane, row, column, STYLE_NORMAL, " takes another number of images.");
    column = pane_text(pane, ++row, 0, STYLE_KEY, key_of("escape", key));
    pane_text(pane, row, column, STYLE_NORMAL, " leads back.");
}

static void draw_table(struct screen *screen, struct pane pane, const struct row *order)
{
    struct view_state *state = &screen->views[screen->view];
    const struct tn_snapshot_times *times = screen->snapshot->times;
    struct time_table table = time_table_for(times, pane.columns);
    int top = draw_heading(pane, screen->snapshot) + 1, below = 2;
    struct pane rows = pane_part(pane, top, 0, pane.rows - top - below, pane.columns);
    time_table_titles(pane_part(pane, top - 1, 0, 1, pane.columns), screen->glyphs, &table,
                      order_of(screen));
    follow(screen, order);
    list_follow(&state->cursor, &state->scroll, times->layer_count, rows.rows);
    for (int row = 0; row < rows.rows && state->scroll + row < times->layer_count; row++)
        time_table_layer(pane_part(rows, row, 0, 1, rows.columns), screen->glyphs, &table,
                         &times->layers[order[state->scroll + row].layer]);
    pane_glyph(rows, state->cursor - state->scroll, 0, STYLE_CURSOR, screen->glyphs->pointer);
    view_list_marks(screen, rows, times->layer_count);
    int shown = times->layer_count < rows.rows ? times->layer_count : rows.rows;
    time_table_layer(pane_part(pane, top + shown, 0, 1, pane.columns), screen->glyphs, &table,
                     NULL);
    draw_keys(screen, pane, pane.rows - 1);
    screen->view_rows = rows;
}

static void draw(struct screen *screen, struct pane pane)
{
    bool ready;
    if (screen->snapshot->layer_count == 0) {
        view_heading(screen, pane, &ready);
        return;
    }
    struct row *rows = time_rows(screen) > 0 ? rows_of(screen) : NULL;
    if (rows != NULL)
        draw_table(screen, pane, rows);
    else
        draw_purpose(screen, pane);
    tn_free(rows);
}

/* --- keys --- */

static void turn(struct screen *screen)
{
    if (time_rows(screen) == 0)
        return;
    int next = order_of(screen) + 1;
    bool end = next == TIME_ORDERS ||
               (next == TIME_BY_BACKWARD && !time_has_backward(screen->snapshot->times));
    struct view_state *state = &screen->views[screen->view];
    state->order = end ? TIME_IN_NETWORK : next;
    if (end)
        return;                        /* the layer is shown where it belongs */
    state->cursor = state->scroll = 0; /* the slowest is what was asked for */
    stand(screen);
}

/* To the layer under the cursor, in the view this one was called from. */
static void enter(struct screen *screen)
{
    view_show(screen, screen->back.view);
}

void view_time_measure(struct screen *screen, const char *line)
{
    bool there = view_at(screen->view) == &view_time;
    char again[LINE] = "time";
    const struct tn_snapshot_times *times = screen->snapshot->times;
    view_show(screen, view_index(&view_time));
    if (line == NULL && (!there || measures(screen)))
        return;
    if (line == NULL && times != NULL && times->batch >= 1)
        snprintf(again, sizeof again, "time batch=%.0f", times->batch);
    screen->time_number = screen_submit(screen, line != NULL ? line : again, NULL);
}

const struct view_ops view_time = {.name = "Time",
                                   .also = "time order enter",
                                   .wide = true,
                                   .draw = draw,
                                   .rows = time_rows,
                                   .follow = follow_layer,
                                   .stand = stand,
                                   .enter = enter,
                                   .turn = turn};
