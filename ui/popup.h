/* A list that lies over the panels until it is left: of methods, of what waits. One at a time. */
#ifndef UI_POPUP_H
#define UI_POPUP_H

#include "keymap.h"
#include "surface.h"
#include "terminal.h"

struct screen;

struct popup_ops {
    /* Over the middle of `area`. Closes itself (screen->popup = NULL) when there is nothing to show
     * any more. */
    void (*draw)(struct screen *screen, struct pane area);
    /* What a key does while it is open. */
    void (*act)(struct screen *screen, const struct binding *binding);
    /* In the place of `act`, for one that takes text: every key, as act_on does. NULL: none. */
    enum ui_action (*key)(struct screen *screen, const struct terminal_event *event);
    /* The wheel. */
    void (*move)(struct screen *screen, int rows);
    /* A click on a row selects it, a second one runs it; outside the list it closes. */
    void (*click)(struct screen *screen, int row, int column);
};

extern const struct popup_ops popup_methods, popup_queue;

/* The row under the cursor. */
void popup_cursor(const struct screen *screen, struct pane rows, int row);
/* The last line of a list: what Enter does with the row under the cursor, cut where there is no
 * room for all of it, and how to leave. Returns the column after them. */
int popup_enter(const struct screen *screen, struct pane line, const char *what);

/* A box of `rows` inside rows in the middle of an area, at most `columns` wide, cleared and framed;
 * returns its inside. */
struct pane popup_box(const struct screen *screen, struct pane area, int rows, int columns,
                      const char *title);

#endif
