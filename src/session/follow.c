/* Looking on while another process works: what it has finished appears here too. */
#include "core/memory.h"
#include "session/command.h"
#include "session/detach.h"
#include "session/inside.h"
#include "session/outline.h"
#include "session/proposal.h"
#include <stdio.h>

bool tn_session_looks_on(const struct tn_session *session)
{
    return session->store->looks_on;
}

static char *user_of(const struct tn_store *store)
{
    return store->holder ? tn_sprintf("%s: in use by process %ld", store->path, store->holder)
                         : tn_sprintf("%s: in use by another process", store->path);
}

char *tn_session_notice(const struct tn_session *session)
{
    if (!session->store->looks_on)
        return NULL;
    char *user = user_of(session->store);
    char *notice =
        user ? tn_sprintf("%s: read-only here; save FILE.thinet goes on in a copy", user) : NULL;
    tn_free(user);
    return notice;
}

bool tn_session_may(const struct tn_session *session, const struct tn_command *command,
                    struct tn_error *error)
{
    if (!(command->flags & (TN_COMMAND_CHANGES | TN_COMMAND_WRITES)))
        return true;
    if (session->store->detached)
        return tn_session_lacks_weights(session, error);
    if (!session->store->looks_on)
        return true;
    char *user = user_of(session->store);
    if (!user)
        return tn_fail_memory(error, "a message", 1);
    tn_fail(error, TN_ERROR_USE,
            "%s and read-only here: save FILE.thinet goes on in a copy, load FILE in the session "
            "itself when the other has ended",
            user);
    tn_free(user);
    return false;
}

/* What has been worked out about entries that are still what they were goes over. */
static void keep_outlines(struct tn_journal *old, struct tn_journal *next)
{
    bool removed = false;
    for (int i = 0; i < old->count; i++) {
        struct tn_entry *from = old->entries[i], *to = tn_journal_find(next, from->id);
        removed = removed || !to;
        if (!to || to->state_id != from->state_id)
            continue;
        struct tn_outline *outline = to->outline;
        to->outline = from->outline;
        from->outline = outline;
    }
    next->removals = old->removals + removed;
}

/* The journal and the state it stands at, as of one moment. */
static bool read_both(struct tn_session *session, struct tn_journal *journal,
                      struct tn_state **state)
{
    if (!tn_store_read_journal(session->store, journal, NULL))
        return false;
    const struct tn_entry *head = tn_journal_find(journal, journal->head);
    int64_t id = head ? head->state_id : 0;
    *state = id == session->state->id ? tn_state_ref(session->state)
             : id ? tn_store_read_state(session->store, id, session->state, NULL)
                  : tn_state_new(NULL);
    if (*state)
        return true;
    tn_journal_free(journal);
    return false;
}

bool tn_session_follow(struct tn_session *session)
{
    struct tn_store *store = session->store;
    struct tn_journal journal;
    struct tn_state *state = NULL;
    int64_t version = store->version;
    bool changed = false;
    if (!store->looks_on || !tn_store_changed(store, &changed, NULL) || !changed)
        return false;
    bool fine =
        tn_store_execute(store, "BEGIN", "reading", NULL) && read_both(session, &journal, &state);
    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    if (!fine) {
        store->version = version; /* again next time */
        return false;
    }
    keep_outlines(&session->journal, &journal);
    tn_journal_free(&session->journal);
    session->journal = journal;
    tn_state_unref(session->state);
    session->state = state;
    tn_session_review_proposal(session);
    return true;
}
