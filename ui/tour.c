#include "tour.h"
#include "actions.h"
#include "keymap.h"
#include "keys.h"
#include "pieces.h"
#include "state.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum { TEXT = 512, FRAME = 3, LEAST = 12 }; /* rows of frame and keys; rows of an area with room */

static struct tour_mark look(const struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    struct tour_mark mark = {
        .view = screen->view, .layer = screen->layer, .entries = snapshot->entry_count};
    if (layer != NULL) {
        mark.keep = screen_keep(screen, screen->layer);
        mark.filters = layer->filters;
    }
    const struct tn_snapshot_entry *current = tn_snapshot_current(snapshot);
    mark.entry = current != NULL ? current->id : 0;
    return mark;
}

/* The arrows move in the layers' panel, where one is selected that the keys can do something to. */
static void prepare(struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (!view_at(screen->view)->wide)
        screen->focus = FOCUS_LAYERS;
    for (int i = 0; (layer == NULL || !layer->prunable) && i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable) {
            screen_select(screen, i);
            return;
        }
}

/* Steps to leave out are passed in the direction of the walk. */
static void begin(struct screen *screen, int step, int direction)
{
    struct tour *tour = &screen->tour;
    prepare(screen);
    tour->mark = look(screen);
    while (tour_step_at(step) != NULL && tour_step_at(step)->skip &&
           tour_step_at(step)->done(screen, &tour->mark))
        step += direction;
    const struct tour_step *now = tour_step_at(step);
    tour->open = now != NULL;
    tour->step = step;
    tour->tried = false;
    tour->already = now != NULL && now->done != NULL && now->done(screen, &tour->mark);
}

void tour_start(struct screen *screen)
{
    screen->help = false;
    screen->popup = NULL;
    screen->first_time = false;
    view_show(screen, 0);
    begin(screen, 0, 1);
}

void tour_watch(struct screen *screen)
{
    struct tour *tour = &screen->tour;
    if (!tour->open)
        return;
    const struct tour_step *step = tour_step_at(tour->step);
    if (step->done != NULL && !tour->already && step->done(screen, &tour->mark))
        begin(screen, tour->step + 1, 1);
}

static const struct binding *binding_of(const struct tour_step *step)
{
    return step->key != NULL ? binding_named(step->key) : NULL;
}

/* Is there nothing left to do but to go on? */
static bool is_over(const struct tour *tour, const struct tour_step *step)
{
    return step->done == NULL || tour->already || tour->tried;
}

static bool is_waiting(const struct screen *screen, const struct tour_step *step)
{
    return step->waits && !screen->tour.already && screen_working(screen);
}

static void perform(struct screen *screen)
{
    struct tour *tour = &screen->tour;
    const struct tour_step *step = tour_step_at(tour->step);
    if (is_waiting(screen, step))
        return; /* the box says so */
    if (is_over(tour, step)) {
        begin(screen, tour->step + 1, 1);
        return;
    }
    tour->tried = true;
    if (step->perform != NULL)
        step->perform(screen);
    else if (binding_of(step) != NULL)
        act_run(screen, binding_of(step));
}

/* The key of a step that types something of its own in. */
static bool types(const struct screen *screen, int key)
{
    const struct tour_step *step = tour_step_at(screen->tour.step);
    return step->types && !is_waiting(screen, step) &&
           binding_find(key, screen->view + 1) == binding_of(step);
}

bool tour_key(struct screen *screen, const struct terminal_event *event)
{
    struct tour *tour = &screen->tour;
    if (!tour->open || screen->help || screen->popup != NULL)
        return false;
    switch (event->key) {
    case KEY_RETURN:
    case KEY_ARROW_RIGHT:
        perform(screen);
        return true;
    case KEY_ARROW_LEFT:
        if (tour->step > 0)
            begin(screen, tour->step - 1, -1);
        return true;
    case KEY_ESC:
        if (act_cancels(screen))
            return false;
        tour->open = false;
        screen_say(screen, false, "the tour is left; :tour begins it anew");
        return true;
    default:
        if (!types(screen, event->key))
            return false;
        tour_step_at(tour->step)->perform(screen);
        return true;
    }
}

static void draw_keys(const struct screen *screen, struct pane line)
{
    enum { GAP = 1 }; /* more than elsewhere: there are only three */
    const struct tour *tour = &screen->tour;
    const struct tour_step *step = tour_step_at(tour->step);
    const struct binding *binding = binding_of(step);
    bool over = is_over(tour, step);
    int column = 0;
    if (is_waiting(screen, step)) {
        pane_text(line, 0, 0, STYLE_NORMAL, "It is at work; the line below shows how far it is.");
        return;
    }
    if (binding != NULL && !over) {
        char key[KEY_NAME];
        binding_key(binding, key, sizeof key);
        column = pane_text(line, 0, 0, STYLE_BOLD, "Press ");
        column = pane_text(line, 0, column, STYLE_KEY, key) + 3;
    }
    column = piece_key(line, 0, column, "Enter", over ? "goes on" : "does it for you") + GAP;
    if (tour->step > 0)
        column = piece_key(line, 0, column, "Left", "goes back") + GAP;
    piece_key(line, 0, column, "Esc", "leaves the tour");
}

static int count_steps(void)
{
    int count = 0;
    while (tour_step_at(count) != NULL)
        count++;
    return count;
}

struct pane tour_draw(const struct screen *screen, struct pane area)
{
    const struct tour_step *step = tour_step_at(screen->tour.step);
    char text[TEXT];
    keymap_text(step->text, text, sizeof text);
    /* Without rows nothing is drawn, and the rows it would take are counted. */
    int rows = pane_wrap(pane_part(area, 0, 0, 0, area.columns - 4), 0, STYLE_NORMAL, text) + FRAME;
    if (area.rows < LEAST || area.columns < 24)
        return area;
    rows = rows > area.rows - LEAST / 2 ? area.rows - LEAST / 2 : rows;
    struct pane box = pane_part(area, area.rows - rows, 0, rows, area.columns);
    pane_frame(box, screen->glyphs, STYLE_FOCUS);
    pane_print(box, 0, 2, STYLE_TAB, " Tour %d/%d: %s ", screen->tour.step + 1, count_steps(),
               step->title);
    struct pane inside = pane_part(box, 1, 2, box.rows - 2, box.columns - 4);
    pane_wrap(pane_part(inside, 0, 0, inside.rows - 1, inside.columns), 0, STYLE_NORMAL, text);
    draw_keys(screen, pane_part(inside, inside.rows - 1, 0, 1, inside.columns));
    return pane_part(area, 0, 0, area.rows - rows, area.columns);
}
