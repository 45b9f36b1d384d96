/* The key that draws what is shown into a file. */
#ifndef UI_PICTURE_H
#define UI_PICTURE_H

#include "state.h"

/* The command line that draws the shown view, with a name for the file as its last word; false
 * where there is none, and *why says why. */
bool picture_line(const struct screen *screen, char line[LINE], const char **why);

#endif
