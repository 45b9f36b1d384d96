#include "session/replay.h"

#include "core/memory.h"
#include "session/inside.h"
#include <string.h>

bool tn_replay_start(struct tn_session *session, struct tn_error *error)
{
    session->replay = tn_calloc(1, sizeof *session->replay);
    if (!session->replay)
        return tn_fail_memory(error, "a replay", sizeof *session->replay);
    session->replay->count = session->journal.count;
    return true;
}

static void show_all(struct tn_session *session)
{
    struct tn_replay *replay = session->replay;
    session->journal.count = replay->count;
    if (!replay->playing)
        return;
    tn_free(replay->playing->brief);
    replay->playing->brief = replay->brief;
    replay->playing->epoch_count = replay->epochs;
    replay->playing = NULL;
}

void tn_replay_end(struct tn_session *session)
{
    if (session->replay)
        show_all(session);
    tn_free(session->replay);
    session->replay = NULL;
}

bool tn_replay_allows(const struct tn_command *command, struct tn_error *error)
{
    static const char *const others[] = {"save", "load", "undo", "redo", "goto", "recipe"};
    bool changes = (command->flags & TN_COMMAND_JOURNALED) != 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        changes = changes || strcmp(command->name, others[i]) == 0;
    return !changes || tn_fail(error, TN_ERROR_USE,
                               "a replay changes nothing: open the session without --replay");
}

static bool show_part(struct tn_session *session, struct tn_entry *entry, int epochs,
                      struct tn_error *error)
{
    struct tn_replay *replay = session->replay;
    char *nothing = tn_strdup("");
    if (!nothing)
        return tn_fail_memory(error, "a replay", 1);
    replay->playing = entry;
    replay->epochs = entry->epoch_count;
    replay->brief = entry->brief;
    entry->brief = nothing;
    entry->epoch_count = epochs;
    return true;
}

bool tn_replay_show(struct tn_session *session, int64_t id, int64_t epochs, struct tn_error *error)
{
    struct tn_journal *journal = &session->journal;
    show_all(session);
    int index = 0;
    while (index < journal->count && journal->entries[index]->id < id)
        index++;
    struct tn_entry *entry = id && index < journal->count ? journal->entries[index] : NULL;
    if (id && (!entry || entry->id != id))
        return tn_fail(error, TN_ERROR_USE, "there is no entry %lld", (long long)id);
    bool part = entry && epochs >= 0 && epochs < entry->epoch_count;
    /* What failed left the session where it was. */
    bool moved = entry && !part && (entry->status == TN_ENTRY_DONE || entry->epoch_count > 0);
    int64_t head = !entry ? 0 : moved ? id : entry->parent;
    if (!tn_session_move(session, head, error))
        return false;
    journal->tip = head;
    journal->count = entry ? index + 1 : 0;
    return !part || show_part(session, entry, (int)epochs, error);
}
