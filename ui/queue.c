#include "queue.h"
#include "format.h"
#include "pieces.h"
#include "popup.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WHAT = 9, WIDEST = 110, BELOW = 2 }; /* columns of "running", of all; lines under the list */

/* Row 0 is what runs, where something does; then those that wait, in order. */
static int runs(const struct screen *screen)
{
    return screen->status.busy ? 1 : 0;
}

static int count_of(const struct screen *screen)
{
    return runs(screen) + screen->queue.count;
}

static uint64_t number_at(const struct screen *screen, int row)
{
    int waiting = row - runs(screen);
    if (waiting < 0)
        return screen->status.number;
    return waiting < screen->queue.count ? screen->queue.rows[waiting].number : 0;
}

/* What waits is asked for anew for each frame. The cursor stays at its command, and where that is
 * gone, at its place. */
static void look(struct screen *screen)
{
    struct queue_list *queue = &screen->queue;
    queue->all = tn_worker_waiting(screen->worker, queue->rows, QUEUE_ROWS);
    queue->count = queue->all < QUEUE_ROWS ? queue->all : QUEUE_ROWS;
    /* It may have begun since the status was taken. */
    if (queue->count > 0 && queue->rows[0].number == screen->status.number) {
        queue->count--;
        queue->all--;
        memmove(queue->rows, queue->rows + 1, (size_t)queue->count * sizeof *queue->rows);
    }
    int at = count_of(screen) - 1;
    while (at >= 0 && number_at(screen, at) != queue->number)
        at--;
    queue->cursor = list_row(at >= 0 ? at : queue->cursor, count_of(screen));
    queue->number = number_at(screen, queue->cursor);
}

void queue_open(struct screen *screen)
{
    screen->queue = (struct queue_list){.number = 0};
    look(screen);
    if (count_of(screen) > 0)
        screen->popup = &popup_queue;
    else
        screen_say(screen, false, "nothing runs and nothing waits");
}

/* --- drawing --- */

/* How far it is, in the line below the command. */
static void draw_progress(const struct screen *screen, struct pane rows, int row)
{
    const struct tn_worker_status *status = &screen->status;
    char text[FORMAT];
    int column = WHAT + 1, bar = rows.columns >= 90 ? 20 : 10;
    if (status->stage[0] != '\0')
        column = pane_text(rows, row, column, STYLE_NORMAL, status->stage) + 2;
    if (status->total > 0) {
        double fraction = fmin(1, fmax(0, status->done / status->total));
        pane_fill(rows, row, column, bar, STYLE_DIM, screen->glyphs->bar_rest);
        pane_bar(rows, row, column, bar, STYLE_BAR, fraction, screen->glyphs);
        column = pane_print(rows, row, column + bar, STYLE_NORMAL, " %3.0f%%", fraction * 100) + 2;
    }
    if (status->rate >= 1 && !status->paused)
        column = pane_print(rows, row, column, STYLE_DIM, "%s %s/s",
                            format_count(text, status->rate), status->unit) +
                 2;
    column =
        pane_print(rows, row, column, STYLE_DIM, "%s so far", format_time(text, status->elapsed)) +
        2;
    if (status->left >= 0 && !status->paused)
        pane_print(rows, row, column, STYLE_DIM, "%s left", format_time(text, status->left));
}

static const char *running_word(const struct tn_worker_status *status)
{
    return status->cancelling ? "stopping"
           : status->standing ? "paused"
           : status->paused   ? "pausing"
                              : "running";
}

static void draw_row(const struct screen *screen, struct pane rows, int row, int index)
{
    const struct tn_worker_status *status = &screen->status;
    int waiting = index - runs(screen);
    const char *line = waiting < 0 ? status->command : screen->queue.rows[waiting].line;
    int room = rows.columns - WHAT - 2;
    if (waiting < 0)
        pane_text(rows, row, 1, STYLE_WARNING, running_word(status));
    else if (screen->queue.rows[waiting].rests)
        pane_text(rows, row, 1, STYLE_DIM, "rests");
    else
        pane_print(rows, row, 1, STYLE_DIM, "%d", waiting + 1);
    pane_cut(rows, row, WHAT + 1, room, waiting < 0 ? STYLE_BOLD : STYLE_NORMAL, line,
             screen->glyphs);
    if (index == screen->queue.cursor)
        popup_cursor(screen, rows, row);
}

static void draw_below(const struct screen *screen, struct pane below)
{
    const struct queue_list *queue = &screen->queue;
    bool stops = queue->cursor < runs(screen);
    if (queue->all > queue->count)
        pane_print(below, 0, WHAT + 1, STYLE_DIM, "and %d more", queue->all - queue->count);
    int column = piece_action(below, 1, 1, "queue-drop", stops ? "stops it" : "takes it out");
    column = piece_action(below, 1, column, "escape", "leaves");
    if (runs(screen) > 0 && queue->all > 0)
        pane_print(below, 1, column + 1, STYLE_DIM, "what waits runs in this order");
}

/* The rows that show waiting commands; what runs and its progress stay above them. */
static void draw_waiting(struct screen *screen, struct pane rows)
{
    struct queue_list *queue = &screen->queue;
    int first = runs(screen), at = queue->cursor - first;
    int shown = at < 0 ? 0 : at;
    list_follow(&shown, &queue->scroll, queue->count, rows.rows);
    for (int row = 0; row < rows.rows && queue->scroll + row < queue->count; row++)
        draw_row(screen, rows, row, first + queue->scroll + row);
    piece_arrows(rows, queue->scroll, queue->count, screen->glyphs);
}

static void draw(struct screen *screen, struct pane area)
{
    struct queue_list *queue = &screen->queue;
    look(screen);
    if (count_of(screen) == 0) {
        screen->popup = NULL;
        return;
    }
    int above = 2 * runs(screen);
    struct pane inside = popup_box(screen, area, above + queue->count + BELOW, WIDEST, "Queue");
    int least = above + (queue->count > 0 ? 1 : 0),
        below = inside.rows >= least + BELOW ? BELOW : 0;
    queue->list = pane_part(inside, 0, 0, inside.rows - below, inside.columns);
    if (above > 0) {
        draw_row(screen, queue->list, 0, 0);
        draw_progress(screen, queue->list, 1);
    }
    draw_waiting(screen,
                 pane_part(queue->list, above, 0, queue->list.rows - above, inside.columns));
    if (below > 0)
        draw_below(screen, pane_part(inside, inside.rows - below, 0, below, inside.columns));
}

/* --- keys --- */

static void stand_on(struct screen *screen, int row)
{
    screen->queue.cursor = list_row(row, count_of(screen));
    screen->queue.number = number_at(screen, screen->queue.cursor);
}

static void move(struct screen *screen, int rows)
{
    stand_on(screen, screen->queue.cursor + rows);
}

/* What is taken out never ends, so whoever waits for it is told here. */
static void drop(struct screen *screen)
{
    struct queue_list *queue = &screen->queue;
    uint64_t number = queue->number;
    int waiting = queue->cursor - runs(screen);
    char line[LINE];
    if (waiting >= queue->count)
        return;
    snprintf(line, sizeof line, "%s",
             waiting < 0 ? screen->status.command : queue->rows[waiting].line);
    if (!tn_worker_drop(screen->worker, number)) {
        screen_say(screen, false, "it has ended already");
        return;
    }
    screen_dropped(screen, number);
    screen_say(screen, false, waiting < 0 ? "stopping %s" : "taken out: %s", line);
}

static void act(struct screen *screen, const struct binding *binding)
{
    switch (binding->action) {
    case UI_MOVE:
        move(screen, binding->amount);
        break;
    case UI_PAGE:
        move(screen, binding->amount * screen->queue.list.rows);
        break;
    case UI_ENDS:
        move(screen, binding->amount * count_of(screen));
        break;
    case UI_DROP:
        drop(screen);
        break;
    case UI_QUEUE:
    case UI_ESCAPE:
    case UI_QUIT:
        screen->popup = NULL;
        break;
    default:
        break;
    }
}

static void click(struct screen *screen, int row, int column)
{
    const struct queue_list *queue = &screen->queue;
    if (!pane_holds(queue->list, row, column)) {
        screen->popup = NULL;
        return;
    }
    int above = 2 * runs(screen), at = row - queue->list.top;
    stand_on(screen, at < above ? 0 : runs(screen) + queue->scroll + at - above);
}

const struct popup_ops popup_queue = {.draw = draw, .act = act, .move = move, .click = click};
