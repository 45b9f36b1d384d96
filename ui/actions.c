#include "actions.h"
#include "chooser.h"
#include "mouse.h"
#include "moves.h"
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

static void follow(struct screen *screen)
{
    if (view_at(screen->view)->follow != NULL)
        view_at(screen->view)->follow(screen);
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
        move_focus(screen, FOCUS_VIEW);
        screen_advise(screen, false, "choose a filter with the arrows, `lock` locks it");
        return;
    }
    view->lock(screen);
}

static void enter(struct screen *screen)
{
    if (screen->focus == FOCUS_LAYERS)
        move_focus(screen, FOCUS_VIEW);
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
        move_focus(screen, FOCUS_LAYERS);
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

static void submit(struct screen *screen, const struct binding *binding)
{
    char line[LINE];
    if (!line_of(screen, binding, line))
        return;
    if (binding->section == KEYS_YOURS)
        act_on_line(screen, line);
    else
        screen_submit(screen, line, binding->after);
}

static void type(struct screen *screen, const struct binding *binding)
{
    char line[LINE];
    if (line_of(screen, binding, line))
        prompt_open(PROMPT_COMMAND, line);
}

static void move_by_pages(struct screen *screen, int pages)
{
    move_rows(screen, pages * move_page(screen));
}

static void move_to_end(struct screen *screen, int direction)
{
    move_rows(screen, direction * (move_count(screen) + 1));
}

static void go_to_panel(struct screen *screen, int panel)
{
    if (!slide(screen, panel == 0 ? -1 : 1))
        move_focus(screen, panel == 0 ? FOCUS_LAYERS : FOCUS_VIEW);
}

static void show_view(struct screen *screen, int number)
{
    view_show(screen, number - 1);
}

static void choose_method(struct screen *screen, int all)
{
    chooser_open(screen, all == 1);
}

static void advise_on_queue(struct screen *screen)
{
    screen_advise(screen, false, "`queue` shows the queue, where `queue-drop` takes a command out");
}

static void play(struct screen *screen, int key)
{
    replay_act(screen, (enum replay_key)key);
}

static void measure_time(struct screen *screen)
{
    view_time_measure(screen, NULL);
}

static void own(struct screen *screen, int which)
{
    view_at(screen->view)->own(screen, which);
}

static void turn(struct screen *screen)
{
    if (view_at(screen->view)->turn != NULL)
        view_at(screen->view)->turn(screen);
}

static void ask_search(struct screen *screen)
{
    (void)screen;
    prompt_open(PROMPT_SEARCH, "");
}

static void ask_command(struct screen *screen)
{
    (void)screen;
    prompt_open(PROMPT_COMMAND, "");
}

static void show_keys(struct screen *screen)
{
    toggle_help(screen, NULL);
}

/* What an action does: by itself, with the binding's amount, or with all of the binding. */
struct deed {
    void (*alone)(struct screen *screen);
    void (*by)(struct screen *screen, int amount);
    void (*bound)(struct screen *screen, const struct binding *binding);
};

/* UI_REDRAW and UI_SUSPEND are left to who called. */
static const struct deed deeds[UI_QUIT + 1] = {
    [UI_COMMAND] = {.bound = submit},
    [UI_TYPE] = {.bound = type},
    [UI_MOVE] = {.by = move_rows},
    [UI_PAGE] = {.by = move_by_pages},
    [UI_ENDS] = {.by = move_to_end},
    [UI_NEXT_PANEL] = {.alone = move_panel},
    [UI_PANEL] = {.by = go_to_panel},
    [UI_VIEW] = {.by = show_view},
    [UI_ENTER] = {.alone = enter},
    [UI_ESCAPE] = {.alone = act_escape},
    [UI_KEEP] = {.bound = nudge},
    [UI_SHIFT] = {.bound = nudge},
    [UI_WALK] = {.bound = nudge},
    [UI_LOCK] = {.alone = lock},
    [UI_METHOD] = {.by = choose_method},
    [UI_OVERLAY] = {.alone = view_curves_overlay},
    [UI_OWN] = {.by = own},
    [UI_TIME] = {.alone = measure_time},
    [UI_PAUSE] = {.alone = pause_work},
    [UI_QUEUE] = {.alone = queue_open},
    [UI_REPLAY] = {.by = play},
    [UI_DROP] = {.alone = advise_on_queue},
    [UI_PICTURE] = {.alone = picture},
    [UI_ORDER] = {.alone = turn},
    [UI_SEARCH] = {.alone = ask_search},
    [UI_SEARCH_NEXT] = {.by = search_next},
    [UI_PROMPT] = {.alone = ask_command},
    [UI_PALETTE] = {.alone = command_palette_open},
    [UI_HELP] = {.alone = show_keys},
    [UI_QUIT] = {.alone = quit},
};

static enum ui_action act(struct screen *screen, const struct binding *binding)
{
    const struct deed *deed = &deeds[binding->action];
    if (binding->one_layer && screen->layer == LAYER_ALL && binding->action != UI_LOCK) {
        screen_say(screen, true, "choose one layer first");
        return binding->action;
    }
    follow(screen);
    if (deed->alone != NULL)
        deed->alone(screen);
    else if (deed->by != NULL)
        deed->by(screen, binding->amount);
    else if (deed->bound != NULL)
        deed->bound(screen, binding);
    return binding->action;
}

enum ui_action act_run(struct screen *screen, const struct binding *binding)
{
    int view = binding_view(binding) == KEYMAP_REPLAY ? 0 : binding_view(binding);
    if (view > 0 && view != screen->view + 1)
        view_show(screen, view - 1);
    if (view > 0)
        move_focus(screen, FOCUS_VIEW);
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
        mouse_wheel(screen, event);
    else if (event->key == KEY_MOUSE_PRESS)
        mouse_click(screen, event);
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
