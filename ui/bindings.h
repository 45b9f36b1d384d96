/* The built-in keys, in the order the help shows them. They are reached by keymap.h. */
#ifndef UI_BINDINGS_H
#define UI_BINDINGS_H

#include "keymap.h"

struct bindings {
    const struct binding *list; /* [count] */
    int count;
};

extern const struct bindings bindings_prune, bindings_look, bindings_replay;

#endif
