/* What `time` found of the network where the session stands, as the screen draws it. */
#ifndef TN_SESSION_TIMED_H
#define TN_SESSION_TIMED_H

#include "session/journal.h"
#include "session/snapshot.h"
#include <stdatomic.h>

/* Shared between snapshots, also with the thread that draws. */
struct tn_timed {
    atomic_int refs;
    double when; /* the entry's time: numbers begin anew in another session */
    struct tn_snapshot_times view;
};

struct tn_timed *tn_timed_ref(struct tn_timed *timed);
void tn_timed_unref(struct tn_timed *timed);

/* The last measurement at or above the journal's head since a network was opened, into *timed: a
 * new reference, to `known` (may be NULL) where it is that one; NULL where there is none. False
 * when out of memory. */
bool tn_timed_last(const struct tn_journal *journal, struct tn_timed *known,
                   struct tn_timed **timed, struct tn_error *error);

#endif
