/* The networks of the journal beside each other, as the screen draws them. */
#ifndef TN_SESSION_SNAPSHOT_COMPARED_H
#define TN_SESSION_SNAPSHOT_COMPARED_H

#include "session/snapshot.h"
#include <stdatomic.h>

/* The last entry that can have changed the rows, and what they are rows of. */
struct tn_compared_key {
    int64_t opened, entry;
    double time; /* the entry's: numbers begin anew in another session */
    int status, epochs;
    int removals;
};

/* Shared between snapshots, also with the thread that draws. */
struct tn_compared_rows {
    atomic_int refs;
    struct tn_compared_key key;
    int count;
    struct tn_snapshot_compared *rows; /* [count] */
};

void tn_compared_rows_unref(struct tn_compared_rows *rows);

/* The rows of command `compare` for the network that is open, none before, into *rows: a new
 * reference, to `known` (may be NULL) where nothing has changed them since. What cannot be read
 * leaves no rows: the command says why. False when out of memory. */
bool tn_compared_rows(struct tn_session *session, struct tn_compared_rows *known,
                      struct tn_compared_rows **rows, struct tn_error *error);

/* The entry that made the network as it stands; 0: none is open. */
int64_t tn_compared_network(const struct tn_session *session);

#endif
