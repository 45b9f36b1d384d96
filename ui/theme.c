#include "theme.h"
#include <stdlib.h>
#include <string.h>

/* Kept and pruned are blue and vermilion, the pair of Okabe and Ito's palette that colour-blind
 * readers tell apart best; no meaning rests on colour alone, signs and words always go with it. */
struct choice {
    short dark, light; /* of 256 colours */
    short basic;       /* of 8 colours */
    unsigned attributes, mono;
};

static const struct choice choices[STYLE_COUNT] = {
    [STYLE_NORMAL] = {-1, -1, -1, 0, 0},
    [STYLE_DIM] = {246, 241, -1, 0, 0},
    [STYLE_BOLD] = {-1, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_HEADER] = {255, 232, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_BORDER] = {241, 245, -1, 0, 0},
    [STYLE_FOCUS] = {75, 25, 6, 0, THEME_BOLD},
    [STYLE_TITLE] = {250, 238, -1, 0, THEME_UNDERLINE},
    [STYLE_TAB] = {117, 25, 6, THEME_BOLD, THEME_REVERSE},
    [STYLE_KEY] = {222, 94, 3, THEME_BOLD, THEME_BOLD},
    [STYLE_KEPT] = {75, 26, 4, 0, 0},
    [STYLE_PRUNED] = {209, 130, 1, 0, THEME_DIM},
    [STYLE_LOCKED] = {221, 90, 3, THEME_BOLD, THEME_BOLD},
    [STYLE_GOOD] = {78, 29, 2, 0, 0},
    [STYLE_WARNING] = {221, 94, 3, 0, THEME_BOLD},
    [STYLE_ERROR] = {203, 160, 1, THEME_BOLD, THEME_BOLD},
    [STYLE_BAR] = {75, 26, 4, 0, 0},
    [STYLE_CURSOR] = {222, 94, 3, 0, THEME_BOLD},
    [STYLE_SERIES1] = {75, 26, 4, 0, 0},
    [STYLE_SERIES2] = {214, 130, 3, 0, 0},
    [STYLE_SERIES3] = {78, 29, 2, 0, 0},
    [STYLE_SERIES4] = {175, 126, 5, 0, 0},
    [STYLE_SERIES5] = {227, 94, 3, 0, 0},
    [STYLE_SERIES6] = {80, 23, 6, 0, 0},
    [STYLE_SERIES7] = {203, 160, 1, 0, 0},
    [STYLE_SERIES8] = {141, 92, 5, 0, 0},
    [STYLE_SERIES9] = {180, 95, 3, 0, 0},
    [STYLE_SERIES10] = {112, 22, 2, 0, 0},
    [STYLE_SERIES11] = {246, 243, -1, 0, 0},
    [STYLE_SERIES12] = {33, 18, 6, 0, 0},
    [STYLE_OWN] = {255, 232, -1, THEME_BOLD, THEME_BOLD},
};

bool theme_find(const char *name, enum theme_kind *kind)
{
    static const char *const names[] = {"dark", "light", "mono"};
    if (name == NULL) {
        /* "15;0": foreground; background. Set by rxvt, konsole and others. */
        const char *hint = getenv("COLORFGBG");
        const char *background = hint == NULL ? NULL : strrchr(hint, ';');
        bool light =
            background != NULL && (strcmp(background, ";7") == 0 || strcmp(background, ";15") == 0);
        *kind = light ? THEME_LIGHT : THEME_DARK;
        return true;
    }
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum theme_kind)i;
            return true;
        }
    return false;
}

/* One of eight colours that can be read: on black blue and red only where they are bright, which is
 * what bold does to them on a console; on white the darkest three alone. */
static void basic_look(enum theme_kind kind, int colours, short basic, struct theme_look *look)
{
    enum { RED = 1, BLUE = 4, MAGENTA = 5, CYAN = 6, BRIGHT = 8 };
    look->foreground = basic;
    if (basic < 0)
        return;
    if (kind == THEME_LIGHT)
        look->foreground = basic == RED || basic == BLUE || basic == MAGENTA ? basic
                           : basic == CYAN                                   ? BLUE
                                                                             : MAGENTA;
    else if (colours >= 2 * BRIGHT)
        look->foreground = (short)(basic + BRIGHT);
    else if (basic == RED || basic == BLUE)
        look->attributes |= THEME_BOLD;
}

struct theme_look theme_look(enum theme_kind kind, int colours, enum style style, unsigned flags)
{
    const struct choice *choice = &choices[style];
    struct theme_look look = {-1, -1, choice->attributes};
    if (kind == THEME_MONO || colours < 8) {
        look.attributes = choice->mono;
    } else if (colours < 256) {
        basic_look(kind, colours, choice->basic, &look);
    } else {
        look.foreground = kind == THEME_LIGHT ? choice->light : choice->dark;
    }
    bool shades = kind != THEME_MONO && colours >= 256;
    if (flags & CELL_SELECTED) {
        if (shades)
            look.background = kind == THEME_LIGHT ? 159 : 18;
        else
            look = (struct theme_look){-1, -1, THEME_REVERSE | (look.attributes & THEME_BOLD)};
    } else if (flags & CELL_MARKED) {
        if (shades)
            look.background = kind == THEME_LIGHT ? 255 : 236;
        else
            look.attributes |= THEME_BOLD;
    }
    return look;
}
