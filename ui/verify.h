/* --verify: doing a session again. */
#ifndef UI_VERIFY_H
#define UI_VERIFY_H

#include "options.h"

/* Verify arguments->verify; the verdict goes to stdout, errors and (on a terminal) progress to
 * stderr. Returns the exit status: 0 as recorded, 1 it could not be told, 3 a difference. */
int ui_verify(const struct ui_arguments *arguments);

#endif
