#include "moves.h"
#include "view.h"

void move_to(struct screen *screen, int row)
{
    screen->views[screen->view].cursor = list_row(row, view_at(screen->view)->rows(screen));
    if (view_at(screen->view)->stand != NULL)
        view_at(screen->view)->stand(screen);
}

void move_rows(struct screen *screen, int rows)
{
    if (screen->focus == FOCUS_LAYERS)
        screen_select(screen, screen->layer + rows);
    else
        move_to(screen, screen->views[screen->view].cursor + rows);
}

int move_page(const struct screen *screen)
{
    int rows = screen->focus == FOCUS_LAYERS ? screen->layer_rows.rows : screen->view_rows.rows;
    if (screen->focus == FOCUS_VIEW && (rows == 0 || view_at(screen->view)->row_at != NULL))
        rows = view_at(screen->view)->rows(screen) / 10;
    return rows > 2 ? rows - 1 : 1;
}

int move_count(const struct screen *screen)
{
    return screen->focus == FOCUS_LAYERS ? screen->snapshot->layer_count + 1
                                         : view_at(screen->view)->rows(screen);
}

void move_focus(struct screen *screen, enum focus focus)
{
    if (view_at(screen->view)->wide && focus == FOCUS_LAYERS)
        view_leave(screen);
    screen->focus = focus;
}

void move_panel(struct screen *screen)
{
    const struct beside *beside = &screen->beside;
    bool layers = screen->focus == FOCUS_LAYERS;
    if (beside->shown && layers == beside->left)
        view_switch(screen);
    else if (!layers) {
        move_focus(screen, FOCUS_LAYERS);
        return;
    }
    move_focus(screen, FOCUS_VIEW);
}
