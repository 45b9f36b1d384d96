/* On which machines a session was recorded: rows `machine:N` of the table meta, each for the
 * entries from N on. A session can be continued elsewhere, so there may be several. */
#ifndef TN_SESSION_MACHINES_H
#define TN_SESSION_MACHINES_H

#include "session/store.h"

/* Entries from `first` on are written by this build on this machine: a row, unless the one that
 * holds for them says the same. */
bool tn_store_note_machine(struct tn_store *store, int64_t first, struct tn_error *error);

/* What is known of the machine that wrote an entry, as JSON text, to be released with tn_free: ""
 * where an earlier version of the program did. NULL with an error. */
char *tn_store_machine(struct tn_store *store, int64_t entry, struct tn_error *error);

/* This machine in the same form, to be released with tn_free; NULL when out of memory. */
char *tn_machine_text(void);

#endif
