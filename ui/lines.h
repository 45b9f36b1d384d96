/* The lines above and below the panels: what is open, what runs, what to press next, what was said.
 */
#ifndef UI_LINES_H
#define UI_LINES_H

#include "state.h"
#include "surface.h"

void line_header(const struct screen *screen, struct pane line);
/* While something runs its progress; else the next sensible thing to do. */
void line_progress(const struct screen *screen, struct pane line);
void line_keys(const struct screen *screen, struct pane line);
/* What does not fit into the line goes on in the one above it. */
void line_message(const struct screen *screen, struct pane line, struct pane above);

/* "thinet-tui: fashion-vgg.thinet - finetune 40%", for the terminal's title. */
void line_title(const struct screen *screen, char *title, int size);

#endif
