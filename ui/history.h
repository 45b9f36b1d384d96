/* Where the typed commands are remembered: $XDG_STATE_HOME/thinet-tui/history. */
#ifndef UI_HISTORY_H
#define UI_HISTORY_H

#include <stdbool.h>

/* Read what is there; a history that cannot be read or written is no reason to stop. */
void history_start(void);
/* Was there none yet? */
bool history_is_new(void);
/* Remember a line, here and in the file. */
void history_remember(const char *line);
void history_stop(void);

#endif
