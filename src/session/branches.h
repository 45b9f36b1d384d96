/* Names in the journal's tree. `branch NAME` is an entry like any other: it names the work that
 * follows it, until an entry that gives another name. */
#ifndef TN_SESSION_BRANCHES_H
#define TN_SESSION_BRANCHES_H

#include "session/journal.h"

enum { TN_BRANCH_LENGTH = 60 }; /* bytes of a name */

/* The name that an entry gives to what follows, or NULL. Belongs to the entry. */
const char *tn_entry_branch(const struct tn_entry *entry);

/* Is this a name that a new branch can have? A number would be taken for an entry's. */
bool tn_branch_check(const struct tn_journal *journal, const char *name, struct tn_error *error);

/* The newest entry of a branch that has come to an end, also by training that was stopped after
 * epochs. False where there is no such branch. */
bool tn_branch_tip(const struct tn_journal *journal, const char *name, int64_t *id,
                   struct tn_error *error);

/* A place in the journal as a command names it: an entry's number, 0 the empty session; or a
 * branch, which is its newest entry, or where it `begins`. */
bool tn_journal_place(const struct tn_journal *journal, const char *word, bool begins, int64_t *id,
                      struct tn_error *error);

#endif
