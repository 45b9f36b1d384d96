#include "mouse.h"
#include "layout.h"
#include "moves.h"
#include "view.h"

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

void mouse_wheel(struct screen *screen, const struct terminal_event *event)
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
        move_focus(screen, FOCUS_LAYERS);
    else if (in_pane(screen->view_rows, event))
        move_focus(screen, FOCUS_VIEW);
    else
        return;
    move_rows(screen, rows);
}

void mouse_click(struct screen *screen, const struct terminal_event *event)
{
    if (!screen->help && screen->popup == NULL)
        take_over(screen, event);
    if (screen->help) {
        screen->help = false;
    } else if (screen->popup != NULL) {
        screen->popup->click(screen, event->row, event->column);
    } else if (in_pane(screen->layer_rows, event)) {
        int row = event->row - screen->layer_rows.top + screen->layer_scroll;
        move_focus(screen, FOCUS_LAYERS);
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
        move_focus(screen, FOCUS_VIEW);
        move_to(screen, row);
        if (view->press != NULL && row < view->rows(screen))
            view->press(screen, event->column - screen->view_rows.left);
    }
}
