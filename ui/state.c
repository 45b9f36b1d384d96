#include "state.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct tn_snapshot_layer *screen_layer(const struct screen *screen)
{
    if (screen->layer < 0 || screen->layer >= screen->snapshot->layer_count)
        return NULL;
    return &screen->snapshot->layers[screen->layer];
}

const char *screen_layer_name(const struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (layer != NULL)
        return layer->name;
    return screen->snapshot->layer_count > 0 ? "all" : NULL;
}

int screen_keep(const struct screen *screen, int layer)
{
    return intents_keep(&screen->intents, screen->snapshot, layer);
}

/* The worker's own number where the user asks for nothing new; otherwise from the path, at once. */
static double error_at(const struct screen *screen, int index, double stated, bool least_squares)
{
    const struct tn_snapshot_layer *layer = &screen->snapshot->layers[index];
    const struct tn_snapshot_path *path = layer->path;
    int keep = screen_keep(screen, index);
    if (keep == layer->kept || path == NULL || keep < 0 || keep > path->channels)
        return keep == layer->kept ? stated : NAN;
    return (least_squares ? path->error_ls : path->error)[path->channels - keep];
}

double screen_error(const struct screen *screen, int layer)
{
    return error_at(screen, layer, screen->snapshot->layers[layer].error, false);
}

double screen_error_ls(const struct screen *screen, int layer)
{
    return error_at(screen, layer, screen->snapshot->layers[layer].error_ls, true);
}

bool screen_busy(const struct screen *screen)
{
    const struct tn_worker_status *status = &screen->status;
    return status->busy || status->waiting > 0 || status->resting > 0;
}

bool screen_working(const struct screen *screen)
{
    const struct tn_worker_status *status = &screen->status;
    return (status->busy && !status->giving_way) || status->waiting > 0;
}

static uint64_t submit(struct screen *screen, const char *line, const char *after)
{
    struct echo *echo = &screen->echoes[screen->echo_next];
    screen->echo_next = (screen->echo_next + 1) % ECHOES;
    snprintf(echo->line, sizeof echo->line, "%s", line);
    echo->after = after;
    echo->number = screen->submitted = tn_worker_submit(screen->worker, line);
    snprintf(screen->line, sizeof screen->line, "%s", line);
    screen->result[0] = '\0';
    screen->after = NULL;
    screen->failed = false;
    return echo->number;
}

void screen_send_intents(struct screen *screen, bool all)
{
    char line[LINE];
    while (intents_next(&screen->intents, screen->snapshot,
                        all ? UINT64_MAX : screen->status.finished, line, sizeof line))
        intents_sent(&screen->intents, submit(screen, line, NULL));
}

uint64_t screen_submit(struct screen *screen, const char *line, const char *after)
{
    /* A command must see the ratios the user saw when giving it. */
    screen_send_intents(screen, true);
    screen->status.waiting++; /* until the worker says so itself: the next paint shows it */
    return submit(screen, line, after);
}

void screen_dropped(struct screen *screen, uint64_t number)
{
    if (intents_carried(&screen->intents, number))
        intents_forget(&screen->intents);
    if (screen->time_number == number)
        screen->time_number = 0;
    if (screen->overlay_number == number)
        screen->overlay_number = 0;
}

void screen_say(struct screen *screen, bool failed, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(screen->result, sizeof screen->result, format, arguments);
    va_end(arguments);
    screen->line[0] = '\0';
    screen->after = NULL;
    screen->failed = failed;
}

void screen_advise(struct screen *screen, bool failed, const char *text)
{
    char filled[LINE];
    keymap_text(text, filled, sizeof filled);
    screen_say(screen, failed, "%s", filled);
}

static void show_result(struct screen *screen)
{
    const struct tn_worker_status *status = &screen->status;
    screen->failed = status->failed;
    screen->after = NULL;
    snprintf(screen->result, sizeof screen->result, "%s", status->message);
    for (int i = 0; i < ECHOES; i++)
        if (screen->echoes[i].number == status->ended) {
            snprintf(screen->line, sizeof screen->line, "%s", screen->echoes[i].line);
            screen->after = status->failed ? NULL : screen->echoes[i].after;
        }
}

/* Where the user first looks: the first layer that can be pruned. */
static int first_layer(const struct tn_snapshot *snapshot)
{
    for (int i = 0; i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable)
            return i;
    return snapshot->layer_count > 0 ? 0 : LAYER_ALL;
}

static void take_snapshot(struct screen *screen, struct tn_snapshot *snapshot)
{
    bool other = screen->snapshot == NULL || screen->snapshot->layer_count != snapshot->layer_count;
    tn_snapshot_unref(screen->snapshot);
    screen->snapshot = snapshot;
    intents_fit(&screen->intents, snapshot->layer_count);
    if (other)
        screen_select(screen, first_layer(snapshot));
}

/* What is no work to be shown: a look, which is for the eyes alone, and a step, which is done
 * before its line could be read (one that takes long reports progress). */
static void overlook(const struct screen *screen, struct tn_worker_status *status)
{
    uint64_t look = screen->looking.number, step = screen->intents.in_flight;
    bool quick = status->number == step && status->stage[0] == '\0';
    if (status->busy && !status->giving_way && (status->number == look || quick))
        status->busy = false;
    else if (look > status->finished && status->waiting > 0)
        status->waiting--;
}

/* Nobody may be looking any more: the bell and the title tell. What was stopped here is no news. */
static void tell_ending(struct screen *screen, bool stopped)
{
    enum { LONG = 5 /* seconds */ };
    const struct tn_worker_status *status = &screen->status;
    if (status->took < LONG || stopped)
        return;
    screen->ring = screen->bell;
    snprintf(screen->ending, sizeof screen->ending, "%s: %s", status->failed ? "failed" : "done",
             status->ended_command);
}

void screen_update(struct screen *screen)
{
    uint64_t endings = screen->status.endings;
    bool stopped = screen->status.cancelling;
    take_snapshot(screen, tn_worker_poll(screen->worker, &screen->status));
    overlook(screen, &screen->status);
    if (screen->status.endings == endings || screen->status.ended == screen->looking.number)
        return;
    bool failed = screen->status.failed && screen->status.ended == screen->status.finished;
    intents_finished(&screen->intents, screen->status.finished, failed);
    show_result(screen);
    tell_ending(screen, stopped);
}

void screen_select(struct screen *screen, int layer)
{
    int count = screen->snapshot->layer_count;
    layer = layer >= count ? count - 1 : layer;
    screen->layer = layer < LAYER_ALL ? LAYER_ALL : layer;
}

int list_row(int row, int count)
{
    row = row >= count ? count - 1 : row;
    return row < 0 ? 0 : row;
}

void list_follow(int *cursor, int *scroll, int count, int rows)
{
    *cursor = list_row(*cursor, count);
    if (*scroll > *cursor)
        *scroll = *cursor;
    if (*scroll < *cursor - rows + 1)
        *scroll = *cursor - rows + 1;
    if (*scroll > count - rows)
        *scroll = count - rows;
    *scroll = *scroll < 0 ? 0 : *scroll;
}
