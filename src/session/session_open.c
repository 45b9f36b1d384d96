/* From a session file, or from nothing, to a session. */
#include "core/memory.h"
#include "session/inside.h"
#include "session/replay.h"

struct tn_session *tn_session_in(struct tn_store *store, struct tn_error *error)
{
    struct tn_session *session = store ? tn_calloc(1, sizeof *session) : NULL;
    if (!session) {
        if (store)
            tn_fail_memory(error, "a session", sizeof *session);
        tn_store_close(store);
        return NULL;
    }
    session->store = store;
    session->state = tn_state_new(error);
    if (!session->state) {
        tn_session_free(session);
        return NULL;
    }
    return session;
}

struct tn_session *tn_session_new(struct tn_error *error)
{
    return tn_session_in(tn_store_temporary(error), error);
}

static int64_t last_state_id(const struct tn_journal *journal)
{
    int64_t last = 0;
    for (int i = 0; i < journal->count; i++) {
        int64_t id = journal->entries[i]->state_id;
        last = id > last ? id : last;
    }
    return last;
}

bool tn_session_stand(struct tn_session *session, struct tn_error *error)
{
    const struct tn_entry *head = tn_journal_find(&session->journal, session->journal.head);
    if (!head || !head->state_id)
        return true;
    struct tn_state *state = session->store->detached || session->unread
                                 ? tn_store_read_outline(session->store, head->state_id, error)
                                 : tn_store_read_state(session->store, head->state_id, NULL, error);
    if (!state)
        return false;
    tn_state_unref(session->state);
    session->state = state;
    return true;
}

/* Take over what the store holds, and, where the whole is asked for, stand where it was left. */
static bool take_up(struct tn_session *session, bool whole, struct tn_error *error)
{
    int64_t detached = 0;
    if (!tn_store_read_journal(session->store, &session->journal, error) ||
        !tn_store_read_meta(session->store, "detached", &detached, error))
        return false;
    session->last_state_id = last_state_id(&session->journal);
    session->store->detached = detached != 0;
    session->unread = !whole && !detached && session->journal.head;
    return tn_session_stand(session, error);
}

static struct tn_session *read_session(struct tn_store *store, bool whole, struct tn_error *error)
{
    struct tn_session *session = tn_session_in(store, error);
    if (session && !take_up(session, whole, error)) {
        tn_session_free(session);
        return NULL;
    }
    return session;
}

struct tn_session *tn_session_open(const char *path, struct tn_error *error)
{
    return read_session(tn_store_open(path, error), true, error);
}

/* What is read stays the same until all of it is read. */
static struct tn_session *open_shared(const char *path, bool whole, struct tn_error *error)
{
    struct tn_store *store = tn_store_open_shared(path, error);
    if (!store || !store->looks_on)
        return read_session(store, whole, error);
    if (!tn_store_execute(store, "BEGIN", "reading", error)) {
        tn_store_close(store);
        return NULL;
    }
    struct tn_session *session = read_session(store, whole, error);
    if (session)
        sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    return session;
}

struct tn_session *tn_session_replay(const char *path, struct tn_error *error)
{
    struct tn_session *session = read_session(tn_store_scratch(path, error), true, error);
    if (session && !tn_replay_start(session, error)) {
        tn_session_free(session);
        return NULL;
    }
    return session;
}

struct tn_session *tn_session_open_shared(const char *path, struct tn_error *error)
{
    return open_shared(path, true, error);
}

struct tn_session *tn_session_begin_open(const char *path, struct tn_error *error)
{
    return open_shared(path, false, error);
}

bool tn_session_is_unread(const struct tn_session *session)
{
    return session->unread;
}

void tn_session_stop_opening(struct tn_session *session)
{
    atomic_store(&session->store->stopped, true);
}

bool tn_session_finish_open(struct tn_session *session, struct tn_error *error)
{
    /* The process that has the file may have gone on: journal and network must fit each other. */
    if (session->store->looks_on)
        return tn_session_catch_up(session, error);
    session->unread = false;
    return tn_session_stand(session, error);
}

struct tn_session *tn_session_draft(const char *path, struct tn_error *error)
{
    struct tn_session *session = tn_session_open(path, error);
    if (session)
        session->store->draft = true;
    return session;
}
