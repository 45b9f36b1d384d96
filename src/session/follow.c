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

static struct tn_state *read_head(struct tn_session *session, int64_t id, struct tn_error *error)
{
    if (id && session->store->detached)
        return tn_store_read_outline(session->store, id, error);
    if (id == session->state->id && !session->unread)
        return tn_state_ref(session->state);
    return id ? tn_store_read_state(session->store, id, session->state, error)
              : tn_state_new(error);
}

/* The journal and the state it stands at, as of one moment. */
static bool read_both(struct tn_session *session, struct tn_journal *journal,
                      struct tn_state **state, struct tn_error *error)
{
    if (!tn_store_execute(session->store, "BEGIN", "reading", error))
        return false;
    bool fine = tn_store_read_journal(session->store, journal, error);
    if (fine) {
        const struct tn_entry *head = tn_journal_find(journal, journal->head);
        *state = read_head(session, head ? head->state_id : 0, error);
        fine = *state != NULL;
        if (!fine)
            tn_journal_free(journal);
    }
    sqlite3_exec(session->store->db, "COMMIT", NULL, NULL, NULL);
    return fine;
}

bool tn_session_catch_up(struct tn_session *session, struct tn_error *error)
{
    struct tn_journal journal;
    struct tn_state *state = NULL;
    if (!read_both(session, &journal, &state, error))
        return false;
    keep_outlines(&session->journal, &journal);
    tn_journal_free(&session->journal);
    session->journal = journal;
    tn_state_unref(session->state);
    session->state = state;
    session->unread = false;
    tn_session_review_proposal(session);
    return true;
}

bool tn_session_follow(struct tn_session *session)
{
    struct tn_store *store = session->store;
    int64_t version = store->version;
    bool changed = false;
    if (!store->looks_on || !tn_store_changed(store, &changed, NULL) || !changed)
        return false;
    bool fine = tn_session_catch_up(session, NULL);
    if (!fine)
        store->version = version; /* again next time */
    return fine;
}
