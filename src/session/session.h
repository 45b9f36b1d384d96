/* A session: the current state (network, data, settings, statistics), the journal that led to it,
 * and the file both are kept in. Owned by one thread; every change is a command (DESIGN section 4).
 */
#ifndef TN_SESSION_SESSION_H
#define TN_SESSION_SESSION_H

#include "core/error.h"
#include "core/progress.h"
#include <jansson.h>
#include <stdbool.h>

struct tn_session;

/* A session that is in no named file yet (SQLite's private temporary file holds it). */
struct tn_session *tn_session_new(struct tn_error *error);
/* Create FILE, or open it and stand at its last entry. */
struct tn_session *tn_session_open(const char *path, struct tn_error *error);
/* The same; where another process has FILE, this one looks on: commands that change the session are
 * refused, others leave no entry. */
struct tn_session *tn_session_open_shared(const char *path, struct tn_error *error);
/* The same for a reader that cannot wait for a large network: the session has its journal, names
 * and accuracies. Before any command is run, tn_session_finish_open must have read the rest; where
 * that fails the session is of no use. */
struct tn_session *tn_session_begin_open(const char *path, struct tn_error *error);
bool tn_session_is_unread(const struct tn_session *session);
bool tn_session_finish_open(struct tn_session *session, struct tn_error *error);
/* From any thread: let tn_session_finish_open come to its end soon, without success. */
void tn_session_stop_opening(struct tn_session *session);
bool tn_session_looks_on(const struct tn_session *session);
/* "FILE: in use by process N: ..." of one that looks on. Released with tn_free; NULL where it does
 * not, or out of memory. */
char *tn_session_notice(const struct tn_session *session);
/* Read what the other process has written since. True where there is something new to show; what
 * cannot be read now is read next time. */
bool tn_session_follow(struct tn_session *session);

/* A session without a name of the user's choice, kept in FILE all the same, so that nothing is lost
 * when the program dies. FILE goes away when the session is saved elsewhere, or freed with nothing
 * done but open and data. */
struct tn_session *tn_session_draft(const char *path, struct tn_error *error);
/* FILE as it was recorded, to be looked at entry by entry (command frame): it is only read, and
 * what would change something is refused. */
struct tn_session *tn_session_replay(const char *path, struct tn_error *error);
void tn_session_free(struct tn_session *session);

/* Run one command line; "" and comments do nothing. The result is a new object with the fields of
 * DESIGN section 6 less "command", "ok" and "seconds" (NULL where there are none); after a failure
 * it holds "error" and what there is beside it. Nothing is changed on failure, except that training
 * which stops after finished epochs (cancelled, NaN) leaves the network as of the last of them, as
 * the message says; undo goes back. */
bool tn_session_run(struct tn_session *session, const char *line,
                    const struct tn_progress *progress, json_t **result, struct tn_error *error);

/* Called whenever there is something new to show while a command runs (each epoch). */
void tn_session_on_change(struct tn_session *session, void (*changed)(void *context),
                          void *context);

bool tn_session_wants_quit(const struct tn_session *session);
const char *tn_session_path(const struct tn_session *session); /* NULL while it has no name */

#endif
