/* What the mouse does. */
#ifndef UI_MOUSE_H
#define UI_MOUSE_H

#include "state.h"
#include "terminal.h"

/* Three rows up or down of what it is on; what lies over the panels goes first. */
void mouse_wheel(struct screen *screen, const struct terminal_event *event);
/* Choose a layer, a view or a row; with the help open, close it. */
void mouse_click(struct screen *screen, const struct terminal_event *event);

#endif
