/* The thread that owns the session and runs commands one after another, for a user interface that
 * must never wait. */
#ifndef TN_SESSION_WORKER_H
#define TN_SESSION_WORKER_H

#include "core/error.h"
#include "session/session.h"
#include "session/snapshot.h"
#include <stdint.h>

struct tn_worker;

/* Takes over the session (freed with the worker). */
struct tn_worker *tn_worker_new(struct tn_session *session, struct tn_error *error);
/* Cancels what runs, waits for it, closes the session. */
void tn_worker_free(struct tn_worker *worker);

/* Queue a command line. A number that grows. Commands that may run in the background
 * (TN_COMMAND_BACKGROUND) give way: another one that is submitted goes first, and they go on where
 * they were when nothing else waits, one after the other. */
uint64_t tn_worker_submit(struct tn_worker *worker, const char *line);
/* Ask the running command to stop and drop what waits; what is dropped never ends, unless nothing
 * runs: then it ends at once as cancelled. What waits in the background stays while another command
 * runs, and goes with it when it is the one that runs. Returns at once. */
void tn_worker_cancel(struct tn_worker *worker);

struct tn_worker_queued { /* a command that waits */
    uint64_t number;      /* as tn_worker_submit gave it */
    bool rests;           /* in the background: behind all that do not */
    double spent;         /* seconds it has run before it gave way */
    char line[256];       /* its beginning */
};

/* Copy the first `room` of the commands that wait, in the order in which they will run; returns how
 * many wait in all. */
int tn_worker_waiting(struct tn_worker *worker, struct tn_worker_queued *queued, int room);
/* Take one command out of those that wait, or ask it to stop where it runs; the others stay. What
 * waited never ends. False where it has ended already. Returns at once. */
bool tn_worker_drop(struct tn_worker *worker, uint64_t number);

/* Let the running command wait at its next step of progress, or go on; cancelling works all the
 * same. Nothing when none runs. */
void tn_worker_pause(struct tn_worker *worker, bool pause);

/* Readable whenever a snapshot, a message or progress is new (eventfd); tn_worker_poll makes it
 * quiet again. */
int tn_worker_fd(const struct tn_worker *worker);

struct tn_worker_status {
    bool busy;
    int waiting;       /* commands queued behind the running one */
    char command[256]; /* the running one */
    uint64_t number;   /* its number, 0: none runs */
    bool giving_way;   /* it runs in the background */
    int resting;       /* commands that wait in the background */
    char rests[256];   /* the one of them that goes on first */
    char stage[64], unit[16], detail[128];
    double done, total;   /* total 0: unknown */
    double elapsed, left; /* seconds; left < 0: unknown */
    double rate;          /* units a second, 0: unknown */
    bool cancelling;
    bool paused;             /* waits, or will at its next step */
    bool standing;           /* it waits: that step has come */
    bool quit;               /* a quit command has run */
    uint64_t finished;       /* greatest number of a command that ended */
    uint64_t ended;          /* number of the last command that ended: smaller where that was in the
                                background */
    uint64_t endings;        /* how many have ended */
    char ended_command[256]; /* its line */
    double took;             /* seconds the last one that ended was at work, pauses counted too */
    bool failed;             /* how the last one ended */
    char message[512];       /* its error, or a short result ("FLOPs 0.31x  params 0.30x") */
};

/* False with an error where the session could not be read to its end: the worker does nothing, and
 * status.quit is set. */
bool tn_worker_begun(struct tn_worker *worker, struct tn_error *error);

/* Copy the status, and take a reference on the newest snapshot (never NULL). Never blocks on work.
 */
struct tn_snapshot *tn_worker_poll(struct tn_worker *worker, struct tn_worker_status *status);

#endif
