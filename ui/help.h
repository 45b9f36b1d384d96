/* The help: all keys from the keymap, or what one command is for, over the panels. */
#ifndef UI_HELP_H
#define UI_HELP_H

#include "glyphs.h"
#include "session/command.h"
#include "surface.h"

/* Of the keys those of a view (from 1; 0: none) come first. Draw from row *scroll on, which is put
 * back into range. */
void help_draw(struct pane pane, const struct glyphs *glyphs, const struct tn_command *command,
               int view, int *scroll);

#endif
