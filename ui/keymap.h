/* The keys, as one table: the help, the hint bar and what a key does all come from it. */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>

enum ui_action {
    UI_COMMAND, /* submit the line, LAYER replaced by the selected layer */
    UI_TYPE,    /* open the prompt with the line typed in */
    UI_MOVE,    /* amount rows down; UI_PAGE, UI_ENDS likewise in pages, to the ends */
    UI_PAGE,
    UI_ENDS,
    UI_NEXT_PANEL,
    UI_PANEL, /* amount 0: layers, 1: view */
    UI_VIEW,  /* amount: its number, from 1 */
    UI_ENTER,
    UI_ESCAPE,
    UI_KEEP,  /* amount filters more to keep */
    UI_SHIFT, /* amount times five per cent more to remove */
    UI_WALK,  /* amount steps along the greedy path */
    UI_LOCK,
    UI_METHOD, /* amount 1: of all layers */
    UI_OVERLAY,
    UI_OWN, /* the view's own: amount says which */
    UI_TIME,
    UI_PAUSE,
    UI_QUEUE,
    UI_REPLAY, /* amount: enum replay_key */
    UI_DROP,   /* in the queue */
    UI_PICTURE,
    UI_ORDER,
    UI_SEARCH,
    UI_SEARCH_NEXT, /* amount -1: the one before */
    UI_PROMPT,
    UI_PALETTE,
    UI_HELP,
    UI_REDRAW,
    UI_SUSPEND,
    UI_QUIT,
};

enum key_section {
    KEYS_RATIO,
    KEYS_WORK,
    KEYS_MOVE,
    KEYS_SESSION,
    KEYS_REPLAY,
    KEYS_YOURS,
    KEYS_SECTIONS
};

enum { BINDING_KEYS = 5 };

/* The view of keys that are for replays: there they come before those of any view. */
enum { KEYMAP_REPLAY = 100 };
enum replay_key {
    REPLAY_PLAY,
    REPLAY_FASTER,
    REPLAY_SLOWER,
    REPLAY_NEXT,
    REPLAY_BEFORE,
    REPLAY_FIRST,
    REPLAY_LAST
};

struct binding {
    int keys[BINDING_KEYS]; /* 0: no more */
    const char *label;      /* how help and hints write the keys */
    const char *name;       /* in a configuration file; it stays from version to version */
    enum ui_action action;
    int amount;
    const char *line; /* of UI_COMMAND and UI_TYPE; '%' stands for the layer */
    bool one_layer;   /* not for the row "all" */
    enum key_section section;
    const char *help; /* of other keys `NAME` stands in it, as in keymap_text */
    const char *hint; /* in the hint bar, or NULL; shorter */
    int view;         /* the hint is for this view alone, from 1, and comes first; 0: for all.
                         Of UI_OWN, and where `only` is set, the key too */
    bool only;
    const char *after; /* what can be done then: "`undo` undoes", or NULL */
};

const struct binding *binding_at(int index); /* NULL past the last */
/* What a key does in a view (from 1): what it means there alone, else what it means everywhere;
 * NULL: nothing. */
const struct binding *binding_find(int key, int view);
/* The view a binding's keys are bound to, from 1; 0: they mean it everywhere. */
int binding_view(const struct binding *binding);
const struct binding *binding_named(const char *name); /* NULL: there is none of that name */
/* The first key of a binding as help and hints write it, the one to press; where the user has taken
 * it away, the command to type, ":undo", or "(no key)". Truncated to size; returns what it takes.
 */
int binding_key(const struct binding *binding, char *key, int size);
/* A text in which `NAME` stands for the key of the binding of that name; other `words` stay.
 * Truncated to size. */
void keymap_text(const char *text, char *filled, int size);
/* What a binding does, as help shows it: with the keys of others it names. Truncated to size. */
void binding_help(const struct binding *binding, char *text, int size);
/* Use another table from now on, made from this one; it must live as long. NULL: the built-in one.
 */
void keymap_use(const struct binding *other, int count);
const char *key_section_name(enum key_section section);

/* A command line for a layer, whose name takes the place of the '%' in the pattern, if there is
 * one. Truncated to size. */
void layer_command(const char *pattern, const char *layer, char *line, int size);

#endif
