/* A session that is looked at as it was: its journal ends at the entry that is shown, and training
 * may be shown as far as some epoch. */
#ifndef TN_SESSION_REPLAY_H
#define TN_SESSION_REPLAY_H

#include "session/command.h"
#include "session/journal.h"

struct tn_replay {
    int count;                /* entries there are; the journal shows its first so many of them */
    struct tn_entry *playing; /* training that is shown in part, or NULL */
    int epochs;               /* it has in all */
    char *brief;              /* and what came of it */
};

bool tn_replay_start(struct tn_session *session, struct tn_error *error);
/* The journal is whole again. */
void tn_replay_end(struct tn_session *session);
/* Does a command leave a session as it is? An error says why it may not run here. */
bool tn_replay_allows(const struct tn_command *command, struct tn_error *error);

/* Show the session as it was after an entry, 0 for its beginning; with 0 <= epochs < all of them,
 * as it was while the entry trained. */
bool tn_replay_show(struct tn_session *session, int64_t entry, int64_t epochs,
                    struct tn_error *error);

#endif
