/* The views: what the right-hand panel can show of the selected layer or of the run. */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include "keys.h"
#include "state.h"
#include "surface.h"
#include <stdbool.h>

struct view_ops {
    const char *name;
    const char *also; /* names of bindings that mean something of its own here, for the help */
    bool wide;        /* takes the layers' panel's room too */
    /* Draw into the inside of the panel. Sets screen->view_rows to where the list's rows are. */
    void (*draw)(struct screen *screen, struct pane pane);
    /* Rows its cursor can stand on; 0: none. */
    int (*rows)(const struct screen *screen);
    /* Put its cursor where it belongs when the layer, or what else it goes with, has changed:
     * before a key, as keys may come faster than frames; NULL: it stays. */
    void (*follow)(struct screen *screen);
    /* The row at a column of the screen, where they run along an axis; NULL: one below the other.
     */
    int (*row_at)(const struct screen *screen, int column);
    /* Its cursor was put on another row; NULL: that is all there is to it. */
    void (*stand)(struct screen *screen);
    /* What `/` asks: does a row hold this text? NULL: it searches layers instead. */
    bool (*holds)(struct screen *screen, int row, const char *text);
    /* Left, -1, and Right, 1, where it has the keys; false, or NULL: they mean the panels. */
    bool (*slide)(struct screen *screen, int by);
    /* Enter and Space on the cursor's row; NULL: they mean nothing here. */
    void (*enter)(struct screen *screen);
    void (*lock)(struct screen *screen);
    /* What `o` does; NULL: nothing. */
    void (*turn)(struct screen *screen);
    /* Esc, before it leaves: true when there was something of the view's own to end, of which it
     * says what is to be said; NULL: never. */
    bool (*escape)(struct screen *screen);
    /* Keys of this view alone (UI_OWN in the keymap); NULL: it has none. */
    void (*own)(struct screen *screen, int amount);
    /* A click in this column of the row it has put the cursor on; NULL: that is all it does. */
    void (*press)(struct screen *screen, int column);
    /* Have computed what it wants to show and the snapshot lacks; called when nothing runs. NULL:
     * it always has all. */
    void (*ask)(struct screen *screen);
};

extern const struct view_ops view_filters, view_steps, view_curves, view_ratios, view_compare,
    view_journal, view_time;

/* What the amount of UI_OWN says in each view. */
enum filters_key {
    FILTERS_MARK,
    FILTERS_INVERT, /* what is marked */
    FILTERS_MEASURE,
    FILTERS_IMAGE_BACK,
    FILTERS_IMAGE_ON
};
enum curves_key { CURVES_OUT, CURVES_IN };
enum steps_key { STEPS_BREAK, STEPS_CONTINUE, STEPS_KNEE };
enum ratios_key { RATIOS_TAKE, RATIOS_DROP }; /* what a budget answered */
enum compare_key { COMPARE_BASE, COMPARE_SHOW, COMPARE_COST };

/* Show the view Curves, and turn to the next of its overlays. */
void view_curves_overlay(struct screen *screen);

/* The options of the command `plot` that draw what it shows, '%' for the layer. */
const char *view_curves_picture(const struct screen *screen);

/* Show the view Time and measure with this command line; NULL: the key was pressed, which shows the
 * view first. */
void view_time_measure(struct screen *screen, const char *line);

const struct view_ops *view_at(int index); /* NULL past the last */
int view_index(const struct view_ops *view);
/* The key that shows a view, "" where the user has taken it away. Returns `key`. */
const char *view_key(int index, char key[KEY_NAME]);
/* Show a view; a wide one remembers what it came from. One that is shown beside takes the keys. */
void view_show(struct screen *screen, int index);
/* The view beside takes the keys, and each stays where it is. */
void view_switch(struct screen *screen);
/* From a wide view back to what was shown before, with the layer that was selected then. */
void view_leave(struct screen *screen);

/* What all views of a layer begin with: its name, size, method, keep and errors; or why there is
 * nothing to see and what to press. Returns the rows used; *ready says whether a path is there to
 * show. */
int view_heading(const struct screen *screen, struct pane pane, bool *ready);

/* Cursor and arrows of a list whose rows were drawn into `rows`. */
void view_list_marks(const struct screen *screen, struct pane rows, int count);

#endif
