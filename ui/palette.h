/* All that can be done, in one list that is searched by typing: keys and commands. */
#ifndef UI_PALETTE_H
#define UI_PALETTE_H

#include "keymap.h"
#include "popup.h"
#include "surface.h"

struct screen;

enum { PALETTE_TEXT = 64, PALETTE_HITS = 400 };

struct palette {
    char text[PALETTE_TEXT]; /* what is searched for */
    int cursor, scroll;
    struct pane rows; /* where the last frame put them */
};

struct palette_hit {
    const struct binding *binding; /* NULL: a command */
    const char *name, *help;       /* of either */
    int score;
};

extern const struct popup_ops popup_palette;

void palette_open(struct screen *screen);

/* What has all words of `text` in its name, its help or its key, the best first, up to
 * PALETTE_HITS. Returns how many. */
int palette_find(const char *text, struct palette_hit *hits);

#endif
