/* The tour: a box below the panels says what is seen and which key to press next, and goes on when
 * what the key does has happened. */
#ifndef UI_TOUR_H
#define UI_TOUR_H

#include "surface.h"
#include "terminal.h"
#include <stdbool.h>
#include <stdint.h>

struct screen;

/* How things stood when a step began: it is done when they differ. */
struct tour_mark {
    int view, layer, keep, filters, entries;
    int64_t entry; /* of the journal, where the session stood */
};

struct tour {
    bool open;
    int step;
    bool already; /* what the step asks for was so when it began: only Enter goes on */
    bool tried;   /* Enter has done it: once more goes on whatever came of it */
    struct tour_mark mark;
};

struct tour_step {
    const char *title;
    const char *text; /* `NAME` stands for the key of the binding of that name */
    const char *key;  /* the binding to press; NULL: there is nothing to do */
    /* Has it been done? NULL: nothing to do. */
    bool (*done)(const struct screen *screen, const struct tour_mark *mark);
    /* What Enter does in the user's place; NULL: what the binding does. */
    void (*perform)(struct screen *screen);
    bool skip;  /* left out where it is already so */
    bool waits; /* it is a command that takes its time: one at a time */
    bool types; /* its key, too, does `perform` instead of what the binding does */
};

const struct tour_step *tour_step_at(int index); /* NULL past the last */

void tour_start(struct screen *screen);
/* Take Enter, the arrows left and right, and Esc where nothing runs; false: the key is not the
 * tour's. */
bool tour_key(struct screen *screen, const struct terminal_event *event);
/* Go on where the step is done; to be called whenever something may have changed. */
void tour_watch(struct screen *screen);
/* Draw at the bottom of an area; returns what it leaves of it. */
struct pane tour_draw(const struct screen *screen, struct pane area);

#endif
