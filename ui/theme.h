/* How each style looks, for dark and light backgrounds and for terminals with many, few or no
 * colours. */
#ifndef UI_THEME_H
#define UI_THEME_H

#include "surface.h"
#include <stdbool.h>

enum theme_attribute { THEME_BOLD = 1, THEME_DIM = 2, THEME_REVERSE = 4, THEME_UNDERLINE = 8 };

struct theme_look {
    short foreground, background; /* colour numbers; -1: the terminal's own */
    unsigned attributes;
};

enum theme_kind { THEME_DARK, THEME_LIGHT, THEME_MONO };

/* "dark", "light" or "mono"; false for other names. NULL chooses by COLORFGBG, dark where that is
 * not set. */
bool theme_find(const char *name, enum theme_kind *kind);

/* The look of a style on a terminal of `colours` colours (0: none). */
struct theme_look theme_look(enum theme_kind kind, int colours, enum style style, unsigned flags);

#endif
