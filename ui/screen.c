#include "screen.h"
#include "actions.h"
#include "history.h"
#include "layout.h"
#include "lines.h"
#include "prompt.h"
#include "signals.h"
#include "state.h"
#include "terminal.h"
#include "view.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ESC_WAIT = 30 /* ms */, BURST = 1024 };

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

/* All bytes that wait, for readline. Esc alone leaves; Esc at the start of a key's sequence is
 * readline's. */
static void read_prompt(struct screen *screen, struct terminal *terminal)
{
    char bytes[BURST] = "";
    int count = 0, byte;
    screen->ending[0] = '\0';
    while (count < BURST && (byte = terminal_byte(terminal)) >= 0)
        bytes[count++] = (char)byte;
    if (count == 1 && bytes[0] == KEY_ESC && terminal_more(ESC_WAIT))
        while (count < BURST && (byte = terminal_byte(terminal)) >= 0)
            bytes[count++] = (char)byte;
    enum { CTRL_C = 3, CTRL_Z = 26 };
    if (count == 1 && bytes[0] == CTRL_Z) {
        terminal_suspend(terminal);
        terminal_raw_keys(terminal, true);
        return;
    }
    if (count == 1 && (bytes[0] == KEY_ESC || bytes[0] == CTRL_C))
        prompt_close();
    else if (count > 0)
        prompt_feed(bytes, count);
    if (prompt_active() && prompt_kind() == PROMPT_SEARCH)
        act_search(screen, prompt_text(), screen->layer);
    if (!prompt_active())
        end_prompt(screen, terminal);
}

static void read_keys(struct screen *screen, struct terminal *terminal)
{
    struct terminal_event event;
    while (!prompt_active() && !screen->quit && terminal_key(terminal, &event)) {
        enum ui_action action = act_on(screen, &event);
        if (action == UI_REDRAW)
            terminal_repaint(terminal);
        else if (action == UI_SUSPEND)
            terminal_suspend(terminal);
        if (prompt_active())
            terminal_raw_keys(terminal, true);
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
        if (poll(sources, 3, -1) < 0 && errno != EINTR)
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
        if (sources[KEYS].revents & POLLIN) {
            notice = NULL;
            if (prompt_active())
                read_prompt(screen, terminal);
            else
                read_keys(screen, terminal);
        } else if (sources[KEYS].revents & (POLLHUP | POLLERR)) {
            return; /* the terminal is gone */
        }
        screen_send_intents(screen, false);
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
        loop(&screen, terminal, options, signals);
        signals_close();
    }
    terminal_close(terminal);
    prompt_stop();
    prompt_use(NULL);
    tn_snapshot_unref(screen.snapshot);
    intents_free(&screen.intents);
    marks_clear(&screen.marks);
    tree_free(&screen.journal.tree);
    surface_free(&screen.surface);
    return signals >= 0 ||
           tn_fail(error, TN_ERROR_SYSTEM, "no pipe for signals: %s", strerror(errno));
}
