/* Commands about the session's file: what it holds, whether it is sound, what may go. */
#include "core/memory.h"
#include "session/branches.h"
#include "session/commands.h"
#include "session/detach.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/store_upkeep.h"
#include <string.h>

/* All that the journal has must be in the store before that is looked at. */
static bool write_all(struct tn_session *session, struct tn_error *error)
{
    return session->store->looks_on || tn_store_write(session->store, &session->journal, error);
}

static json_t *parts_json(const struct tn_store_sizes *sizes)
{
    json_t *parts = json_array();
    for (int part = 0; part < TN_STORE_PARTS; part++) {
        json_t *row = json_object();
        tn_put_text(row, "name", tn_store_part_name((enum tn_store_part)part));
        tn_put_integer(row, "count", sizes->parts[part].count);
        tn_put_integer(row, "bytes", sizes->parts[part].bytes);
        json_array_append_new(parts, row);
    }
    return parts;
}

static bool report_sizes(struct tn_session *session, json_t *result, struct tn_error *error)
{
    struct tn_store_sizes sizes;
    if (!write_all(session, error) || !tn_store_measure(session->store, &sizes, error))
        return false;
    tn_put_integer(result, "bytes", sizes.bytes);
    tn_put(result, "parts", parts_json(&sizes));
    return true;
}

static bool check(struct tn_session *session, const struct tn_progress *progress, json_t *result,
                  struct tn_error *error)
{
    if (!write_all(session, error) ||
        !tn_store_check(session->store, session->state, progress, error))
        return false;
    tn_put_bool(result, "sound", true);
    return true;
}

static bool compact(struct tn_session *session, json_t *result, struct tn_error *error)
{
    struct tn_store_sizes before, after;
    static const struct tn_command writes = {.flags = TN_COMMAND_WRITES};
    if (!tn_session_may(session, &writes, error))
        return false;
    if (!write_all(session, error) || !tn_store_measure(session->store, &before, error) ||
        !tn_store_compact(session->store, error) ||
        !tn_store_measure(session->store, &after, error))
        return false;
    tn_put_integer(result, "bytes_before", before.bytes);
    tn_put_integer(result, "bytes", after.bytes);
    return true;
}

static bool detach(struct tn_session *session, const char *file, json_t *result,
                   struct tn_error *error)
{
    int64_t bytes = 0;
    if (!file)
        return tn_fail(error, TN_ERROR_USE, "expected session detach FILE.thinet");
    if (!tn_session_detach(session, file, &bytes, error))
        return false;
    tn_put(result, "detached", tn_json_text(file));
    tn_put_integer(result, "bytes", bytes);
    return true;
}

static bool attach(struct tn_session *session, const char *file, json_t *result,
                   struct tn_error *error)
{
    int left = 0;
    if (!file)
        return tn_fail(error, TN_ERROR_USE, "expected session attach MODEL.onnx");
    if (!session->store->detached)
        return tn_fail(error, TN_ERROR_USE, "this session lacks no weights");
    if (session->store->looks_on)
        return tn_fail(error, TN_ERROR_USE, "another process has this session");
    if (!tn_session_attach(session, file, &left, error))
        return false;
    tn_put(result, "attached", tn_json_text(file));
    tn_put_integer(result, "lacking", left);
    return true;
}

static bool run_session(struct tn_session *session, const struct tn_command_line *line,
                        const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    const char *what = tn_line_word(line, 0), *path = tn_session_path(session);
    const char *file = tn_line_word(line, 1);
    bool takes_file = what && (strcmp(what, "detach") == 0 || strcmp(what, "attach") == 0);
    if (file && !takes_file)
        return tn_fail(error, TN_ERROR_USE, "session %s takes no file", what);
    tn_put(result, "file", path ? tn_json_text(path) : json_null());
    tn_put_integer(result, "entries", session->journal.count);
    if (what && strcmp(what, "check") == 0)
        return check(session, progress, result, error);
    if (what && strcmp(what, "compact") == 0)
        return compact(session, result, error);
    if (takes_file)
        return *what == 'd' ? detach(session, file, result, error)
                            : attach(session, file, result, error);
    return report_sizes(session, result, error);
}

static bool may_go(const struct tn_journal *journal, int64_t id, struct tn_error *error)
{
    if (id == 0)
        return tn_fail(error, TN_ERROR_USE, "0 is the empty session: only entries can be deleted");
    if (!tn_journal_above(journal, id, journal->head))
        return true;
    return tn_fail(error, TN_ERROR_USE,
                   "the session stands at entry %lld, which is entry %lld or follows it: goto "
                   "another one first",
                   (long long)journal->head, (long long)id);
}

/* Out of the file, then out of the journal. */
static bool delete_below(struct tn_session *session, int64_t id, int *count, struct tn_error *error)
{
    struct tn_journal *journal = &session->journal;
    int64_t *ids, tip = journal->tip, last = journal->last;
    if (!tn_journal_below(journal, id, count, &ids, error))
        return false;
    int64_t newest = journal->entries[journal->count - 1]->id;
    journal->last = newest > last ? newest : last;
    if (tn_journal_above(journal, id, tip))
        journal->tip = journal->head;
    bool fine = tn_store_delete(session->store, journal, *count, ids, error);
    if (fine) {
        tn_journal_remove(journal, *count, ids);
    } else {
        journal->tip = tip;
        journal->last = last;
    }
    tn_free(ids);
    return fine;
}

static bool run_delete(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    int64_t id;
    int count;
    if (!tn_journal_place(&session->journal, tn_line_word(line, 0), true, &id, error) ||
        !may_go(&session->journal, id, error) || !write_all(session, error) ||
        !delete_below(session, id, &count, error))
        return false;
    tn_put_integer(result, "entry", id);
    tn_put_integer(result, "deleted", count);
    tn_put_integer(result, "entries", session->journal.count);
    return true;
}

const struct tn_command tn_commands_session[] = {
    {"session",
     "what the session's file holds; whether it is sound; make it smaller",
     "Alone: its size, by what takes it. check reads all of it: SQLite's own check, every "
     "reference, every digest, every state; it fails with the first thing that is wrong. compact "
     "drops what no entry needs and gives free pages back to the disk. detach FILE.thinet writes a "
     "copy without the weights of the network as it was opened, to be sent to somebody who has "
     "it; attach MODEL.onnx gives them back.",
     TN_COMMAND_LONG,
     {{TN_WORD_NAME, "WHAT", true, "check|compact|detach|attach"},
      {TN_WORD_FILE, "FILE", true, NULL}},
     {{0}},
     run_session},
    {"delete",
     "take an entry and all that follows it out of the journal, with what only they needed",
     "ENTRY is a number or the name of a branch, for the entry that named it. It is gone for "
     "good. Not the entry the session stands at, nor one above it: goto another one first. The "
     "file keeps its size, and the room in it is used again; session compact gives it back.",
     TN_COMMAND_WRITES,
     {{TN_WORD_NAME, "ENTRY", false, NULL}},
     {{0}},
     run_delete},
    {0},
};
