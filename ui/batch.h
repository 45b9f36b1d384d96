/* Commands without a screen: --batch and -c. */
#ifndef UI_BATCH_H
#define UI_BATCH_H

#include "options.h"
#include "session/session.h"

/* Run what the arguments ask for, up to the first error. Results go to stdout, errors and (on a
 * terminal) progress to stderr. Returns the exit status. */
int ui_batch(struct tn_session *session, const struct ui_arguments *arguments);

/* Command lines for the files of the command line: `open "..."`, `data "..."`. Released with
 * tn_free; NULL when out of memory. */
char *ui_line_with_file(const char *command, const char *file);

#endif
