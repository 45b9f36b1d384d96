#include "actions.h"
#include "chooser.h"
#include "layout.h"
#include "own_commands.h"
#include "picture.h"
#include "prompt.h"
#include "queue.h"
#include "search.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

static void toggle_help(struct screen *screen, const struct tn_command *command)
{
    screen->help = !screen->help || command != NULL;
    screen->help_command = command;
    screen->help_scroll = 0;
}

/* Put the view's cursor on a row it has: keys may come faster than the screen is drawn. */
static void stand_on(struct screen *screen, int row)
{
    screen->views[screen->view].cursor = list_row(row, view_at(screen->view)->rows(screen));
    if (view_at(screen->view)->stand != NULL)
        view_at(screen->view)->stand(screen);
}

static void follow(struct screen *screen)
{
    if (view_at(screen->view)->follow != NULL)
        view_at(screen->view)->follow(screen);
}

static void move(struct screen *screen, int rows)
{
    if (screen->focus == FOCUS_LAYERS)
        screen_select(screen, screen->layer + rows);
    else
        stand_on(screen, screen->views[screen->view].cursor + rows);
}

static int page(const struct screen *screen)
{
    int rows = screen->focus == FOCUS_LAYERS ? screen->layer_rows.rows : screen->view_rows.rows;
    if (screen->focus == FOCUS_VIEW && (rows == 0 || view_at(screen->view)->row_at != NULL))
        rows = view_at(screen->view)->rows(screen) / 10;
    return rows > 2 ? rows - 1 : 1;
}

static int count_of(const struct screen *screen)
{
    return screen->focus == FOCUS_LAYERS ? screen->snapshot->layer_count + 1
                                         : view_at(screen->view)->rows(screen);
}

static void set_focus(struct screen *screen, enum focus focus)
{
    if (view_at(screen->view)->wide && focus == FOCUS_LAYERS)
        view_leave(screen);
    screen->focus = focus;
}

static bool slide(struct screen *screen, int by)
{
    const struct view_ops *view = view_at(screen->view);
    return screen->focus == FOCUS_VIEW && view->slide != NULL && view->slide(screen, by);
}

static void nudge(struct screen *screen, const struct binding *binding)
{
    int layer = screen->layer;
    bool moved;
    if (layer != LAYER_ALL && !screen->snapshot->layers[layer].prunable) {
        screen_say(screen, true, "%s cannot be pruned: %s", screen->snapshot->layers[layer].name,
                   screen->snapshot->layers[layer].why_not);
        return;
    }
    if (binding->action == UI_SHIFT)
        moved = layer == LAYER_ALL
                    ? intents_shift_all(&screen->intents, screen->snapshot, binding->amount)
                    : intents_shift(&screen->intents, screen->snapshot, layer, binding->amount);
    else
        moved = intents_nudge(&screen->intents, screen->snapshot, layer,
                              binding->action == UI_KEEP ? INTENT_KEEP : INTENT_WALK,
                              binding->action == UI_KEEP ? binding->amount : -binding->amount);
    bool fewer = binding->action == UI_KEEP ? binding->amount < 0 : binding->amount > 0;
    if (!moved)
        screen_say(screen, false, fewer ? "no more can be removed" : "all filters are kept");
}

static void lock(struct screen *screen)
{
    const struct view_ops *view = view_at(screen->view);
    if (view->lock == NULL || screen->focus != FOCUS_VIEW) {
        view_show(screen, 0);
        set_focus(screen, FOCUS_VIEW);
        screen_advise(screen, false, "choose a filter with the arrows, `lock` locks it");
        return;
    }
    view->lock(screen);
}

/* Layers, then the view or both from left to right. */
static void next_panel(struct screen *screen)
{
    const struct beside *beside = &screen->beside;
    bool layers = screen->focus == FOCUS_LAYERS;
    if (beside->shown && layers == beside->left)
        view_switch(screen);
    else if (!layers) {
        set_focus(screen, FOCUS_LAYERS);
        return;
    }
    set_focus(screen, FOCUS_VIEW);
}

static void enter(struct screen *screen)
{
    if (screen->focus == FOCUS_LAYERS)
        set_focus(screen, FOCUS_VIEW);
    else if (view_at(screen->view)->enter != NULL)
        view_at(screen->view)->enter(screen);
}

bool act_cancels(const struct screen *screen)
{
    return screen_working(screen) || (screen_busy(screen) && screen->focus == FOCUS_LAYERS);
}

void act_escape(struct screen *screen)
{
    if (screen->help) {
        screen->help = false;
    } else if (screen->popup != NULL) {
        screen->popup = NULL;
    } else if (act_cancels(screen) && !screen->status.cancelling) {
        tn_worker_cancel(screen->worker);
        intents_forget(&screen->intents);
        screen->time_number = 0;
        screen_say(screen, false, "stopping");
    } else if (view_at(screen->view)->escape != NULL && view_at(screen->view)->escape(screen)) {
        return;
    } else if (view_at(screen->view)->wide) {
        view_leave(screen);
        screen_say(screen, false, "%s", "");
    } else {
        set_focus(screen, FOCUS_LAYERS);
        screen_say(screen, false, "%s", "");
    }
}

static void quit(struct screen *screen)
{
    if (screen_busy(screen))
        screen->asking_quit = true;
    else
        screen->quit = true;
}

/* The status line shows at once what the worker's next one will say. */
static void pause_work(struct screen *screen)
{
    struct tn_worker_status *status = &screen->status;
    if (!status->busy) {
        screen_say(screen, false, "nothing runs that could pause");
        return;
    }
    status->paused = !status->paused;
    tn_worker_pause(screen->worker, status->paused);
}

/* The command that draws the view stands in the prompt, its last word the file's name. */
static void picture(struct screen *screen)
{
    char line[LINE];
    const char *why;
    if (picture_line(screen, line, &why))
        prompt_open(PROMPT_COMMAND, line);
    else
        screen_say(screen, true, "%s", why);
}

/* Lines of keys that name a layer need one. */
static bool line_of(struct screen *screen, const struct binding *binding, char line[LINE])
{
    const char *layer = screen_layer_name(screen);
    if (strchr(binding->line, '%') != NULL && layer == NULL) {
        screen_say(screen, true, "no network is open: type :open FILE.onnx");
        return false;
    }
    layer_command(binding->line, layer != NULL ? layer : "", line, LINE);
    return true;
}

static enum ui_action act(struct screen *screen, const struct binding *binding)
{
    char line[LINE] = "";
    if (binding->one_layer && screen->layer == LAYER_ALL && binding->action != UI_LOCK) {
        screen_say(screen, true, "choose one layer first");
        return binding->action;
    }
    follow(screen);
    switch (binding->action) {
    case UI_COMMAND:
        if (line_of(screen, binding, line) && binding->section == KEYS_YOURS)
            act_on_line(screen, line);
        else if (line[0] != '\0')
            screen_submit(screen, line, binding->after);
        break;
    case UI_TYPE:
        if (line_of(screen, binding, line))
            prompt_open(PROMPT_COMMAND, line);
        break;
    case UI_MOVE:
        move(screen, binding->amount);
        break;
    case UI_PAGE:
        move(screen, binding->amount * page(screen));
        break;
    case UI_ENDS:
        move(screen, binding->amount * (count_of(screen) + 1));
        break;
    case UI_NEXT_PANEL:
        next_panel(screen);
        break;
    case UI_PANEL:
        if (!slide(screen, binding->amount == 0 ? -1 : 1))
            set_focus(screen, binding->amount == 0 ? FOCUS_LAYERS : FOCUS_VIEW);
        break;
    case UI_VIEW:
        view_show(screen, binding->amount - 1);
        break;
    case UI_ENTER:
        enter(screen);
        break;
    case UI_ESCAPE:
        act_escape(screen);
        break;
    case UI_KEEP:
    case UI_SHIFT:
    case UI_WALK:
        nudge(screen, binding);
        break;
    case UI_LOCK:
        lock(screen);
        break;
    case UI_METHOD:
        chooser_open(screen, binding->amount == 1);
        break;
    case UI_PAUSE:
        pause_work(screen);
        break;
    case UI_QUEUE:
        queue_open(screen);
        break;
    case UI_DROP:
        screen_advise(screen, false,
                      "`queue` shows the queue, where `queue-drop` takes a command out");
        break;
    case UI_PICTURE:
        picture(screen);
        break;
    case UI_REPLAY:
        replay_act(screen, (enum replay_key)binding->amount);
        break;
    case UI_TIME:
        view_time_measure(screen, NULL);
        break;
    case UI_OVERLAY:
        view_curves_overlay(screen);
        break;
    case UI_OWN:
        view_at(screen->view)->own(screen, binding->amount);
        break;
    case UI_ORDER:
        if (view_at(screen->view)->turn != NULL)
            view_at(screen->view)->turn(screen);
        break;
    case UI_SEARCH:
        prompt_open(PROMPT_SEARCH, "");
        break;
    case UI_SEARCH_NEXT:
        search_next(screen, binding->amount);
        break;
    case UI_PROMPT:
        prompt_open(PROMPT_COMMAND, "");
        break;
    case UI_PALETTE:
        command_palette_open(screen);
        break;
    case UI_HELP:
        toggle_help(screen, NULL);
        break;
    case UI_QUIT:
        quit(screen);
        break;
    case UI_REDRAW:
    case UI_SUSPEND:
        break;
    }
    return binding->action;
}

enum ui_action act_run(struct screen *screen, const struct binding *binding)
{
    int view = binding_view(binding) == KEYMAP_REPLAY ? 0 : binding_view(binding);
    if (view > 0 && view != screen->view + 1)
        view_show(screen, view - 1);
    if (view > 0)
        set_focus(screen, FOCUS_VIEW);
    return act(screen, binding);
}

/* In the help the arrows scroll and any way out leaves. */
static enum ui_action act_in_help(struct screen *screen, const struct binding *binding)
{
    switch (binding->action) {
    case UI_MOVE:
        screen->help_scroll += binding->amount;
        break;
    case UI_PAGE:
        screen->help_scroll += 10 * binding->amount;
        break;
    case UI_ENDS:
        screen->help_scroll = binding->amount < 0 ? 0 : 1000;
        break;
    case UI_HELP:
    case UI_ESCAPE:
    case UI_ENTER:
    case UI_QUIT:
        screen->help = false;
        break;
    case UI_PROMPT:
        prompt_open(PROMPT_COMMAND, "");
        break;
    default:
        break;
    }
    return binding->action;
}

static bool in_pane(struct pane pane, const struct terminal_event *event)
{
    return pane_holds(pane, event->row, event->column);
}

/* Where the mouse is on the view beside, that one takes over. */
static void take_over(struct screen *screen, const struct terminal_event *event)
{
    if (screen->beside.shown &&
        (in_pane(screen->beside.rows, event) || in_pane(screen->beside.tabs, event)))
        view_switch(screen);
}

static void wheel(struct screen *screen, const struct terminal_event *event)
{
    int rows = event->key == KEY_WHEEL_UP ? -3 : 3;
    if (screen->help) {
        screen->help_scroll += rows;
        return;
    }
    if (screen->popup != NULL) {
        screen->popup->move(screen, rows / 3);
        return;
    }
    take_over(screen, event);
    if (in_pane(screen->layer_rows, event))
        set_focus(screen, FOCUS_LAYERS);
    else if (in_pane(screen->view_rows, event))
        set_focus(screen, FOCUS_VIEW);
    else
        return;
    move(screen, rows);
}

static void click(struct screen *screen, const struct terminal_event *event)
{
    if (!screen->help && screen->popup == NULL)
        take_over(screen, event);
    if (screen->help) {
        screen->help = false;
    } else if (screen->popup != NULL) {
        screen->popup->click(screen, event->row, event->column);
    } else if (in_pane(screen->layer_rows, event)) {
        int row = event->row - screen->layer_rows.top + screen->layer_scroll;
        set_focus(screen, FOCUS_LAYERS);
        if (row <= screen->snapshot->layer_count)
            screen_select(screen, row - 1);
    } else if (in_pane(screen->tabs, event)) {
        int view = layout_tab_at(screen, event->column);
        if (view >= 0)
            view_show(screen, view);
    } else if (in_pane(screen->view_rows, event)) {
        struct view_state *state = &screen->views[screen->view];
        const struct view_ops *view = view_at(screen->view);
        int row = view->row_at != NULL ? view->row_at(screen, event->column)
                                       : state->scroll + event->row - screen->view_rows.top;
        set_focus(screen, FOCUS_VIEW);
        stand_on(screen, row);
        if (view->press != NULL && row < view->rows(screen))
            view->press(screen, event->column - screen->view_rows.left);
    }
}

static void answer_quit(struct screen *screen, int key)
{
    screen->asking_quit = false;
    screen->quit = key == 'y' || key == 'Y';
}

/* A replay's own keys come before those of the view. */
static const struct binding *find_binding(const struct screen *screen, int key)
{
    const struct binding *own = screen->replay.on ? binding_find(key, KEYMAP_REPLAY) : NULL;
    if (own != NULL && own->action == UI_REPLAY)
        return own;
    return binding_find(key, screen->view + 1);
}

enum ui_action act_on(struct screen *screen, const struct terminal_event *event)
{
    /* What lies over the panels does not know the view's own keys. */
    const struct binding *binding =
        screen->popup != NULL ? binding_find(event->key, 0) : find_binding(screen, event->key);
    screen->ending[0] = '\0';
    bool types = screen->popup != NULL && screen->popup->key != NULL && !screen->help;
    bool layout_only = binding != NULL && !(types && event->key >= ' ') &&
                       (binding->action == UI_REDRAW || binding->action == UI_SUSPEND);
    if (layout_only)
        return binding->action;
    if (screen->asking_quit) {
        answer_quit(screen, event->key);
        return UI_QUIT;
    }
    if (event->key == KEY_WHEEL_UP || event->key == KEY_WHEEL_DOWN)
        wheel(screen, event);
    else if (event->key == KEY_MOUSE_PRESS)
        click(screen, event);
    else if (types)
        return screen->popup->key(screen, event);
    else if (tour_key(screen, event))
        return UI_ENTER;
    else if (binding != NULL && screen->popup != NULL && !screen->help)
        screen->popup->act(screen, binding);
    else if (binding != NULL)
        return screen->help ? act_in_help(screen, binding) : act(screen, binding);
    else if (event->key > ' ' && event->key < KEY_BASE && !screen->help)
        screen_advise(
            screen, true,
            "this key does nothing here; `help` shows the keys, `prompt` types a command");
    return UI_MOVE;
}

void act_on_line(struct screen *screen, const char *line)
{
    char command[32] = "", topic[64] = "";
    int words = sscanf(line, " %31s %63s", command, topic);
    if (words < 1)
        return;
    if (strcmp(command, "help") == 0) {
        const struct tn_command *about = words > 1 ? tn_command_find(topic) : NULL;
        const struct own_command *own = words > 1 ? own_command_find(topic) : NULL;
        if (own != NULL)
            screen_say(screen, false, "%s: %s", own->name, own->summary);
        else if (words > 1 && about == NULL)
            screen_say(screen, true, "help: there is no command \"%s\"", topic);
        else if (about != NULL || !screen->help)
            toggle_help(screen, about);
        return;
    }
    if (words == 1 && (strcmp(command, "quit") == 0 || strcmp(command, "q") == 0)) {
        quit(screen);
        return;
    }
    if (strcmp(command, "tour") == 0) {
        tour_start(screen);
        return;
    }
    screen->help = false;
    screen->popup = NULL;
    if (strcmp(command, "time") == 0)
        view_time_measure(screen, line);
    else
        screen_submit(screen, line, NULL);
}
