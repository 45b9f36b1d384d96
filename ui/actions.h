/* What keys and clicks do. */
#ifndef UI_ACTIONS_H
#define UI_ACTIONS_H

#include "state.h"
#include "terminal.h"

/* Handle one key or click outside the prompt. UI_REDRAW and UI_SUSPEND are the caller's: they are
 * returned. */
enum ui_action act_on(struct screen *screen, const struct terminal_event *event);

/* Do what a binding says, whatever its keys: one of a single view shows that first. Returns as
 * act_on does. */
enum ui_action act_run(struct screen *screen, const struct binding *binding);

/* Run what was typed at the prompt: what only the screen can do (help, quit) here, all else by the
 * worker. */
void act_on_line(struct screen *screen, const char *line);

/* Does Esc cancel what runs? What runs in the background is left to run until Esc has nothing else
 * to leave. */
bool act_cancels(const struct screen *screen);
/* What Esc does: cancel, or go back. */
void act_escape(struct screen *screen);

#endif
