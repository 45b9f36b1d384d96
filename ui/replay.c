#include "replay.h"
#include "core/clock.h"
#include "core/memory.h"
#include "screen.h"
#include "state.h"
#include "text.h"
#include <math.h>
#include <stdio.h>

static const double longest_wait = 2; /* seconds: what took hours is not waited for */

static const struct tn_snapshot_series *series_of(const struct tn_snapshot *snapshot, int64_t entry)
{
    for (int i = 0; i < snapshot->series_count; i++)
        if (snapshot->series[i].entry == entry)
            return &snapshot->series[i];
    return NULL;
}

static void add(struct replay *replay, int index, int64_t entry, int epochs, double wait)
{
    replay->frames[replay->count++] =
        (struct replay_frame){.entry = entry, .index = index, .epochs = epochs, .wait = wait};
}

/* Training has a frame where it begins, one after every epoch, and one where it has come to its
 * end, which is that of the last epoch. */
static void add_entry(struct replay *replay, const struct tn_snapshot *snapshot, int index)
{
    const struct tn_snapshot_entry *entry = &snapshot->entries[index],
                                   *before = index > 0 ? entry - 1 : entry;
    const struct tn_snapshot_series *series = series_of(snapshot, entry->id);
    double idle = index > 0 ? entry->when - before->when - before->seconds : 0;
    int epochs = series != NULL ? series->count : 0;
    for (int e = 0; e < epochs; e++)
        add(replay, index, entry->id, e, e == 0 ? idle : series->seconds[e - 1]);
    add(replay, index, entry->id, -1,
        epochs > 0 ? series->seconds[epochs - 1] : idle + entry->seconds);
}

static bool make_frames(struct replay *replay, const struct tn_snapshot *snapshot)
{
    size_t count = (size_t)snapshot->entry_count;
    for (int i = 0; i < snapshot->series_count; i++)
        count += (size_t)snapshot->series[i].count;
    replay->frames = tn_calloc(count + 1, sizeof *replay->frames);
    replay->entries = snapshot->entry_count;
    for (int i = 0; replay->frames != NULL && i < snapshot->entry_count; i++)
        add_entry(replay, snapshot, i);
    return replay->frames != NULL;
}

void replay_free(struct replay *replay)
{
    tn_free(replay->frames);
    *replay = (struct replay){0};
}

/* When the frame after this one is to be seen. */
static void set_due(struct replay *replay)
{
    if (replay->at + 1 >= replay->count)
        return;
    double wait = replay->frames[replay->at + 1].wait / replay->speed;
    replay->due = tn_clock_seconds() + fmin(longest_wait, fmax(0, wait));
}

static void show(struct screen *screen, int at)
{
    struct replay *replay = &screen->replay;
    const struct replay_frame *frame = &replay->frames[at];
    char line[64];
    replay->at = at;
    if (frame->epochs < 0)
        snprintf(line, sizeof line, "frame %lld", (long long)frame->entry);
    else
        snprintf(line, sizeof line, "frame %lld epochs=%d", (long long)frame->entry, frame->epochs);
    screen_submit(screen, line, NULL);
    set_due(replay);
}

void replay_start(struct screen *screen, double speed)
{
    struct replay *replay = &screen->replay;
    replay->on = true;
    replay->speed = speed > 0 ? speed : 1;
    if (!make_frames(replay, screen->snapshot) || replay->count == 0) {
        screen_say(screen, true, "there is nothing to replay: the session's journal is empty");
        return;
    }
    replay->playing = true;
    show(screen, 0);
}

/* The frame in which an entry has come to its end; the nearest where there is no such entry. */
static int end_of(const struct replay *replay, int index)
{
    int at = 0;
    while (at + 1 < replay->count &&
           (replay->frames[at].index < index || replay->frames[at].epochs >= 0))
        at++;
    return at;
}

static void change_speed(struct screen *screen, double factor)
{
    struct replay *replay = &screen->replay;
    replay->speed = fmin(REPLAY_FASTEST, fmax(REPLAY_SLOWEST, replay->speed * factor));
    set_due(replay);
    screen_say(screen, false, "speed %gx", replay->speed);
}

static void play(struct screen *screen)
{
    struct replay *replay = &screen->replay;
    bool over = replay->at + 1 >= replay->count;
    replay->playing = !replay->playing;
    if (replay->playing && over)
        show(screen, 0);
    set_due(replay);
    screen_say(screen, false, "%s", replay->playing ? "playing" : "paused");
}

/* From within an entry's training, back leads to the end of the entry before, too. */
static void step(struct screen *screen, int entries)
{
    struct replay *replay = &screen->replay;
    const struct replay_frame *frame = &replay->frames[replay->at];
    int index = frame->index + entries;
    bool within = entries > 0 && frame->epochs >= 0;
    replay->playing = false;
    if (within)
        index = frame->index;
    if (index < 0 || index >= replay->entries)
        screen_say(screen, false, index < 0 ? "this is the first entry" : "this is the last entry");
    else
        show(screen, end_of(replay, index));
}

void replay_act(struct screen *screen, enum replay_key key)
{
    struct replay *replay = &screen->replay;
    if (!replay->on || replay->count == 0) {
        screen_say(screen, true,
                   replay->on ? "there is nothing to replay"
                              : "this key is for replays: thinet-tui --replay FILE");
        return;
    }
    switch (key) {
    case REPLAY_PLAY:
        play(screen);
        break;
    case REPLAY_FASTER:
        change_speed(screen, 2);
        break;
    case REPLAY_SLOWER:
        change_speed(screen, 0.5);
        break;
    case REPLAY_NEXT:
        step(screen, 1);
        break;
    case REPLAY_BEFORE:
        step(screen, -1);
        break;
    case REPLAY_FIRST:
        replay->playing = false;
        show(screen, end_of(replay, 0));
        break;
    case REPLAY_LAST:
        replay->playing = false;
        show(screen, replay->count - 1);
        break;
    }
}

static bool goes_on(const struct replay *replay)
{
    return replay->on && replay->playing && replay->count > 0;
}

int replay_timeout(const struct screen *screen)
{
    const struct replay *replay = &screen->replay;
    if (!goes_on(replay) || screen_working(screen))
        return -1; /* the end of what runs wakes */
    double left = replay->due - tn_clock_seconds();
    return left > 0 ? (int)ceil(left * 1000) : 0;
}

void replay_tick(struct screen *screen)
{
    struct replay *replay = &screen->replay;
    if (!goes_on(replay) || screen_working(screen))
        return;
    if (replay->at + 1 >= replay->count)
        replay->playing = false;
    else if (tn_clock_seconds() >= replay->due)
        show(screen, replay->at + 1);
}

const char *replay_state(const struct screen *screen)
{
    const struct replay *replay = &screen->replay;
    bool over = replay->at + 1 >= replay->count;
    return replay->playing ? "playing" : over ? "replayed" : "paused";
}

void replay_draw(const struct screen *screen, struct pane line)
{
    const struct replay *replay = &screen->replay;
    if (replay->count == 0)
        return;
    const struct replay_frame *frame = &replay->frames[replay->at];
    int bar = line.columns >= 100 ? 20 : 10;
    int column = pane_print(line, 0, 1, STYLE_BOLD, "replay %gx", replay->speed) + 2;
    double fraction = replay->count > 1 ? (double)replay->at / (replay->count - 1) : 1;
    pane_fill(line, 0, column, bar, STYLE_DIM, screen->glyphs->bar_rest);
    pane_bar(line, 0, column, bar, STYLE_BAR, fraction, screen->glyphs);
    column = pane_print(line, 0, column + bar, STYLE_NORMAL, " entry %d/%d  ", frame->index + 1,
                        replay->entries);
    if (frame->epochs >= 0)
        column = pane_print(line, 0, column, STYLE_NORMAL, "epoch %d  ", frame->epochs);
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (frame->index < snapshot->entry_count)
        pane_cut(line, 0, column, line.columns - column - 1, STYLE_NORMAL,
                 snapshot->entries[frame->index].command, screen->glyphs);
}
