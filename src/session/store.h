/* The session file: an SQLite database (DESIGN section 7, thinet-session(5)). Written in one
 * transaction after every command and every epoch. One process writes it, others may look on. A
 * rollback journal (not a write-ahead log) keeps
 * the session one file whenever no transaction is under way, so that it can be copied;
 * synchronous=EXTRA makes a finished transaction outlive a power cut. */
#ifndef TN_SESSION_STORE_H
#define TN_SESSION_STORE_H

#include "session/journal.h"
#include "session/state.h"
#include <sqlite3.h>
#include <stdatomic.h>

enum {
    TN_STORE_APPLICATION = 0x546e5374, /* "TnSt" */
    TN_STORE_FORMAT = 1,
};

struct tn_store {
    sqlite3 *db;
    char *path;          /* NULL: a private temporary database */
    bool draft;          /* the file has no name of the user's choice yet */
    bool scratch;        /* a private copy: what is written to it is lost */
    bool detached;       /* it lacks the weights of the networks it began with: detach.h */
    bool looks_on;       /* another process has it for writing: it is only read, and followed */
    long holder;         /* that process, as far as is known, else 0 */
    atomic_bool stopped; /* by tn_store_stop */
    int lock;            /* descriptor that keeps others from writing, or -1 */
    int64_t version;     /* of the file's contents when they were read last: tn_store_changed */
};

/* Look at a file without SQLite. False with an error when it is there and is no session this
 * program can read; *exists tells whether there is a session to open (an empty file is none). */
bool tn_store_inspect(const char *path, bool *exists, struct tn_error *error);

struct tn_store *tn_store_temporary(struct tn_error *error);
/* Open a session file, or create it; no other process can write it until it is closed. */
struct tn_store *tn_store_open(const char *path, struct tn_error *error);
/* The same; a file that another process has for writing is opened to be looked at. */
struct tn_store *tn_store_open_shared(const char *path, struct tn_error *error);
/* Of one that looks on: has the other process written since this was asked last? */
bool tn_store_changed(struct tn_store *store, bool *changed, struct tn_error *error);
/* A private copy of a session file, which is only read; what is done to the copy is nowhere kept.
 */
struct tn_store *tn_store_scratch(const char *path, struct tn_error *error);
void tn_store_close(struct tn_store *store);

/* Write all that is new in the journal, and where it stands, in one transaction. */
bool tn_store_put(struct tn_store *store, const struct tn_journal *journal, struct tn_error *error);
/* Only where it stands: part of a transaction that is under way. */
bool tn_store_put_place(struct tn_store *store, const struct tn_journal *journal,
                        struct tn_error *error);
void tn_journal_mark_written(struct tn_journal *journal);
/* Both. */
bool tn_store_write(struct tn_store *store, struct tn_journal *journal, struct tn_error *error);

/* Read the journal; an empty one from a new file. */
bool tn_store_read_journal(struct tn_store *store, struct tn_journal *journal,
                           struct tn_error *error);

/* Read a state, sharing with `near` (may be NULL) what is the same. */
struct tn_state *tn_store_read_state(struct tn_store *store, int64_t id,
                                     const struct tn_state *near, struct tn_error *error);

/* Read what a state is without its network and statistics: names, data, accuracy, the cost of what
 * was opened. */
struct tn_state *tn_store_read_outline(struct tn_store *store, int64_t id, struct tn_error *error);

/* Read the network that a state was opened with; state->opened_digest is in the store. */
struct tn_model *tn_store_read_opened(struct tn_store *store, const struct tn_state *state,
                                      struct tn_error *error);

/* Write a tensor that is not there yet: part of a transaction that is under way. */
bool tn_store_put_tensor(struct tn_store *store, struct tn_tensor *tensor, struct tn_error *error);
/* A number of the table meta; 0 where it has none of that key. */
bool tn_store_read_meta(struct tn_store *store, const char *key, int64_t *value,
                        struct tn_error *error);

/* A tensor by its digest, which is held against what is read. NULL with an error. */
struct tn_tensor *tn_store_read_tensor(struct tn_store *store, const struct tn_digest *digest,
                                       struct tn_error *error);

/* Write a copy to `path`, which must be absent or empty, and push it to the disk. */
bool tn_store_copy(struct tn_store *store, const char *path, struct tn_error *error);

/* Keep other processes from writing a file: store_lock.c. *lock is a descriptor to close after the
 * database is; -1 where another process has the file, then *holder is its number, 0 if that cannot
 * be told. The kernel lets go of the lock when its process dies, however it dies: no lock is ever
 * stale. False with an error when the file cannot be opened for writing. */
bool tn_store_lock(const char *path, int *lock, long *holder, struct tn_error *error);

/* Fill an error from SQLite's last one: "FILE: doing WHAT: why". */
bool tn_store_fail(const struct tn_store *store, const char *doing, struct tn_error *error);
bool tn_store_execute(struct tn_store *store, const char *sql, const char *doing,
                      struct tn_error *error);
/* NULL with an error; finalize it with sqlite3_finalize. */
sqlite3_stmt *tn_store_prepare(struct tn_store *store, const char *sql, struct tn_error *error);

/* State settings as JSON and back (state_json.c). Networks and statistics are stored beside it. */
json_t *tn_state_to_json(const struct tn_state *state);
/* Fill names, data, scope and evaluation; the settings of layers follow when the network is in
 * place. */
bool tn_state_from_json(struct tn_state *state, const json_t *json, enum tn_scope *scope,
                        struct tn_error *error);
bool tn_state_settings_from_json(struct tn_state *state, const json_t *json,
                                 struct tn_error *error);

#endif
