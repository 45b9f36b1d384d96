/* The line at the bottom where commands are typed: GNU readline, drawn by us. Readline has one
 * state a process, and so has this. */
#ifndef UI_PROMPT_H
#define UI_PROMPT_H

#include "glyphs.h"
#include "session/snapshot.h"
#include "surface.h"
#include <stdbool.h>

enum prompt_kind { PROMPT_COMMAND, PROMPT_SEARCH };

/* Set readline up and read the history. Before the terminal is opened: both use terminfo. */
void prompt_start(void);
void prompt_stop(void);

/* Begin to type, with `text` already there. */
void prompt_open(enum prompt_kind kind, const char *text);
void prompt_close(void);
bool prompt_active(void);
enum prompt_kind prompt_kind(void);
const char *prompt_text(void);

/* The snapshot whose layers complete; must live until the next call. */
void prompt_use(const struct tn_snapshot *snapshot);

/* Give readline the bytes of one key. What follows Enter is not the prompt's: a call with more
 * would lose it. */
void prompt_feed(const char *bytes, int count);

/* True once when Enter was pressed: *line is what was typed, released with free. */
bool prompt_take(char **line);

/* `line` gets the prompt, `above` the candidates where they fit there, or what can be done. */
void prompt_draw(struct pane line, struct pane above, const struct glyphs *glyphs);
/* Candidates that need more room, at the bottom of an area. */
void prompt_draw_list(struct pane area, const struct glyphs *glyphs);

#endif
