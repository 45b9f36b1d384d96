/* All that can be done, in one list that is searched by typing: keys and commands. */
#ifndef UI_COMMAND_PALETTE_H
#define UI_COMMAND_PALETTE_H

#include "keymap.h"
#include "popup.h"
#include "surface.h"

struct screen;

enum { COMMAND_PALETTE_TEXT = 64, COMMAND_HITS = 400 };

struct command_palette {
    char text[COMMAND_PALETTE_TEXT]; /* what is searched for */
    int cursor, scroll;
    struct pane rows; /* where the last frame put them */
};

struct command_hit {
    const struct binding *binding; /* NULL: a command */
    const char *name, *help;       /* of either */
    int score;
};

extern const struct popup_ops popup_palette;

void command_palette_open(struct screen *screen);

/* What has all words of `text` in its name, its help or its key, the best first, up to
 * COMMAND_HITS. Returns how many. */
int command_palette_find(const char *text, struct command_hit *hits);

#endif
