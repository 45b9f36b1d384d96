#include "screen.h"
#include "actions.h"
#include "core/clock.h"
#include "history.h"
#include "key_bytes.h"
#include "layout.h"
#include "lines.h"
#include "prompt.h"
#include "search.h"
#include "signals.h"
#include "state.h"
#include "terminal.h"
#include "view.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOLD = 100, MOST_HOLD = 2000 /* ms */ };

/* Keys wait for this command. */
struct hold {
    uint64_t number;
    double since; /* of tn_clock_seconds */
};

static bool fit_surface(struct screen *screen, const struct terminal *terminal)
{
    int rows, columns;
    terminal_size(terminal, &rows, &columns);
    if (rows == screen->surface.rows && columns == screen->surface.columns)
        return true;
    return surface_resize(&screen->surface, rows, columns);
}

static void draw(struct screen *screen, struct terminal *terminal)
{
    char title[200];
    if (!fit_surface(screen, terminal))
        return; /* no memory for a larger frame: the old one stays */
    layout_draw(screen);
    terminal_paint(terminal, &screen->surface);
    line_title(screen, title, sizeof title);
    terminal_title(terminal, title);
}

/* The prompt is gone: what becomes of what was typed. */
static void end_prompt(struct screen *screen, struct terminal *terminal)
{
    char *line = NULL;
    terminal_raw_keys(terminal, false);
    if (!prompt_take(&line))
        return;
    if (prompt_kind() == PROMPT_SEARCH)
        strncpy(screen->search, line, sizeof screen->search - 1);
    else
        act_on_line(screen, line);
    free(line);
}

/* One key for readline. Esc alone leaves; Esc at the start of a key's sequence is readline's.
 * False: there is none. */
static bool read_prompt(struct screen *screen, struct terminal *terminal)
{
    enum { CTRL_C = 3, CTRL_Z = 26 };
    char bytes[KEY_BYTES];
    int count = key_bytes(terminal, bytes);
    if (count == 0)
        return false;
    screen->ending[0] = '\0';
    if (count == 1 && bytes[0] == CTRL_Z) {
        terminal_suspend(terminal);
        terminal_raw_keys(terminal, true);
        return true;
    }
    if (count == 1 && (bytes[0] == KEY_ESC || bytes[0] == CTRL_C))
        prompt_close();
    else
        prompt_feed(bytes, count);
    if (prompt_active() && prompt_kind() == PROMPT_SEARCH)
        search_typed(screen, prompt_text());
    if (!prompt_active())
        end_prompt(screen, terminal);
    return true;
}

static bool read_key(struct screen *screen, struct terminal *terminal)
{
    struct terminal_event event;
    if (!terminal_key(terminal, &event))
        return false;
    enum ui_action action = act_on(screen, &event);
    if (action == UI_REDRAW)
        terminal_repaint(terminal);
    else if (action == UI_SUSPEND)
        terminal_suspend(terminal);
    if (prompt_active())
        terminal_raw_keys(terminal, true);
    return true;
}

/* What was typed behind a command means what it does once that has ended, so it waits for the
 * command: a moment where it says that it has begun long work, else not for ever. Milliseconds it
 * has yet to wait, 0: none. */
static int holds(const struct screen *screen, const struct hold *hold)
{
    const struct tn_worker_status *status = &screen->status;
    if (hold->number <= status->finished)
        return 0;
    bool works = status->number == hold->number && status->stage[0] != '\0';
    double left = hold->since + (works ? HOLD : MOST_HOLD) / 1000.0 - tn_clock_seconds();
    return left > 0 ? (int)ceil(left * 1000) : 0;
}

/* All that was typed, however fast, key by key: each goes where the one before it has led. Behind
 * long work nothing need wait. */
static void read_keys(struct screen *screen, struct terminal *terminal, struct hold *hold)
{
    bool more = true;
    while (more && !screen->quit && holds(screen, hold) == 0) {
        uint64_t before = screen->submitted;
        bool worked = screen_working(screen);
        more = prompt_active() ? read_prompt(screen, terminal) : read_key(screen, terminal);
        if (screen->submitted != before && !worked)
            *hold = (struct hold){screen->submitted, tn_clock_seconds()};
    }
}

static void read_signals(struct screen *screen, struct terminal *terminal)
{
    int number;
    while ((number = signals_next()) != 0)
        switch (number) {
        case SIGTERM:
        case SIGHUP:
            screen->quit = true;
            break;
        case SIGINT:
            act_escape(screen);
            break;
        case SIGTSTP:
            terminal_suspend(terminal);
            terminal_raw_keys(terminal, prompt_active());
            break;
        default:
            terminal_resized(terminal);
            break; /* SIGWINCH; SIGCONT, after a SIGSTOP */
        }
}

/* What the views shown lack. */
static void ask(struct screen *screen)
{
    for (int i = 0; i < (screen->beside.shown ? 2 : 1); i++) {
        if (!screen_working(screen) && view_at(screen->view)->ask != NULL)
            view_at(screen->view)->ask(screen);
        if (screen->beside.shown)
            view_switch(screen);
    }
}

static void loop(struct screen *screen, struct terminal *terminal, const struct ui_options *options,
                 int signals)
{
    const char *notice = options->notice;
    enum { KEYS, WORK, SIGNALS };
    struct hold hold = {.number = 0};
    struct pollfd sources[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = tn_worker_fd(screen->worker), .events = POLLIN},
                               {.fd = signals, .events = POLLIN}};
    screen->quit = screen->status.quit; /* it may have failed before anybody looked */
    while (!screen->quit) {
        tour_watch(screen);
        if (notice != NULL)
            screen_say(screen, true, "%s", notice);
        draw(screen, terminal);
        ask(screen);
        int held = holds(screen, &hold), wait = held > 0 ? held : replay_timeout(screen);
        sources[KEYS].fd = held > 0 ? -1 : STDIN_FILENO; /* they stay where they are */
        if (poll(sources, 3, wait) < 0 && errno != EINTR)
            return;
        if (sources[SIGNALS].revents != 0)
            read_signals(screen, terminal);
        if (sources[WORK].revents != 0) {
            screen_update(screen);
            prompt_use(screen->snapshot);
        }
        if (screen->ring)
            terminal_bell();
        screen->ring = false;
        if (held > 0 || sources[KEYS].revents & POLLIN) {
            /* Of keys that waited some may have been read from the terminal already. */
            if (held == 0)
                notice = NULL;
            read_keys(screen, terminal, &hold);
        } else if (sources[KEYS].revents & (POLLHUP | POLLERR)) {
            return; /* the terminal is gone */
        }
        screen_send_intents(screen, false);
        replay_tick(screen);
        screen->quit = screen->quit || screen->status.quit;
    }
}

bool ui_run(struct tn_worker *worker, const struct ui_options *options, struct tn_error *error)
{
    prompt_start();
    struct terminal *terminal = terminal_open(options, error);
    if (terminal == NULL) {
        prompt_stop();
        return false;
    }
    struct screen screen = {.worker = worker,
                            .layer = LAYER_ALL,
                            .beside = {.view = 1},
                            .bell = options->bell,
                            .first_time = history_is_new()};
    screen.glyphs = glyphs_for(terminal_glyphs(terminal));
    screen.surface.ascii = terminal_glyphs(terminal) == GLYPHS_ASCII;
    screen.surface.coloured = terminal_coloured(terminal);
    int signals = signals_open();
    if (signals >= 0) {
        screen_update(&screen);
        prompt_use(screen.snapshot);
        if (options->replay)
            replay_start(&screen, options->speed);
        loop(&screen, terminal, options, signals);
        signals_close();
    }
    terminal_close(terminal);
    prompt_stop();
    prompt_use(NULL);
    tn_snapshot_unref(screen.snapshot);
    intents_free(&screen.intents);
    replay_free(&screen.replay);
    marks_clear(&screen.marks);
    tree_free(&screen.journal.tree);
    surface_free(&screen.surface);
    return signals >= 0 ||
           tn_fail(error, TN_ERROR_SYSTEM, "no pipe for signals: %s", strerror(errno));
}
