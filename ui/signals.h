/* Signals, turned into bytes of a pipe for the event loop; and the crash signals, which put the
 * terminal back before they take their course. */
#ifndef UI_SIGNALS_H
#define UI_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Catch SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP and SIGCONT. Returns the descriptor that becomes
 * readable when one came, -1 on failure. */
int signals_open(void);
/* The next one that came, 0 when there is none. */
int signals_next(void);
/* Put back the handlers that were there before. */
void signals_close(void);

/* Let SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and SIGQUIT write `restore` to `terminal`, set
 * `modes`, and then do what they would have done. The text is copied. */
void signals_guard(int terminal, const struct termios *modes, const char *restore, size_t length);
void signals_unguard(void);

/* Stop the process group as Ctrl-Z does; returns when it is continued. */
void signals_stop(void);

#endif
