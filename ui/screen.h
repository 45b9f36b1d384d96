/* The workbench: everything the user sees. It reads snapshots, submits command lines, and never
 * waits for work. */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H

#include "core/error.h"
#include "session/worker.h"
#include <stdbool.h>

#define REPLAY_SLOWEST 0.01
#define REPLAY_FASTEST 10000.0

struct ui_options {
    bool mouse;         /* take clicks and the wheel */
    bool ascii;         /* nothing beyond ASCII, whatever the locale says */
    const char *theme;  /* "dark", "light", "mono", or NULL: as the terminal allows */
    bool bell;          /* rings when a command ends that took long */
    double speed;       /* of a replay; 0: as it was done */
    bool replay;        /* the worker's session is a replay */
    const char *notice; /* what is wrong with the settings, said until a key is pressed; or NULL */
};

/* Show the workbench on the controlling terminal until the user quits, a `quit` command runs, or
 * SIGTERM or SIGHUP ask for an orderly end. The worker stays the caller's, who frees it afterwards
 * (that cancels what runs and finishes the journal). The caller has called setlocale(LC_CTYPE, "")
 * before starting any thread. The terminal is as it was before when this returns, and also after a
 * crash signal. False only when the screen could not be set up: not a terminal, a TERM that is
 * unknown or cannot move the cursor, a theme that does not exist. */
bool ui_run(struct tn_worker *worker, const struct ui_options *options, struct tn_error *error);

#endif
