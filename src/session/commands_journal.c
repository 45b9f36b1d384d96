/* Commands about the session itself: its file, and moving in its journal. */
#include "session/branches.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include <string.h>
#include <time.h>

static bool run_save(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    const char *file = tn_line_word(line, 0);
    if (!file)
        file = tn_session_path(session);
    if (!file)
        return tn_fail(error, TN_ERROR_USE, "the session has no file yet: save FILE.thinet");
    if (!tn_session_save(session, file, error))
        return false;
    tn_put_text(result, "file", tn_session_path(session));
    tn_put_integer(result, "entries", session->journal.count);
    return true;
}

static bool run_load(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    if (!tn_session_load(session, tn_line_word(line, 0), error))
        return false;
    tn_put_text(result, "file", tn_session_path(session));
    tn_put_integer(result, "entries", session->journal.count);
    tn_put_integer(result, "entry", session->journal.head);
    return true;
}

static json_t *entry_json(const struct tn_session *session, const struct tn_entry *entry)
{
    json_t *json = json_object();
    time_t when = (time_t)entry->time;
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&when, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    tn_put_integer(json, "id", entry->id);
    tn_put_integer(json, "parent", entry->parent);
    tn_put_text(json, "command", entry->command);
    tn_put_text(json, "time", text);
    tn_put_number(json, "seconds", entry->seconds);
    tn_put_bool(json, "ok", entry->status == TN_ENTRY_DONE);
    tn_put_bool(json, "interrupted", entry->status == TN_ENTRY_RUNNING);
    tn_put_bool(json, "changes", entry->changes);
    tn_put_bool(json, "current", entry->id == session->journal.head);
    tn_put_integer(json, "epochs", entry->epoch_count);
    tn_put_text(json, "brief", entry->brief);
    if (tn_entry_branch(entry))
        tn_put_text(json, "branch", tn_entry_branch(entry));
    return json;
}

static bool run_journal(struct tn_session *session, const struct tn_command_line *line,
                        const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress, (void)error;
    json_t *entries = json_array();
    tn_put(result, "entries", entries);
    for (int i = 0; i < session->journal.count; i++)
        json_array_append_new(entries, entry_json(session, session->journal.entries[i]));
    tn_put_integer(result, "head", session->journal.head);
    return true;
}

static bool stand(struct tn_session *session, int64_t id, json_t *result, struct tn_error *error)
{
    if (!tn_session_move(session, id, error))
        return false;
    const struct tn_entry *entry = tn_journal_find(&session->journal, id);
    tn_put_integer(result, "entry", id);
    tn_put_text(result, "line", entry ? entry->command : "");
    return true;
}

static bool run_undo(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress;
    int64_t id = tn_journal_undo(&session->journal);
    if (id < 0)
        return tn_fail(error, TN_ERROR_USE, "there is nothing to undo");
    return stand(session, id, result, error);
}

static bool run_redo(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress;
    int64_t id = tn_journal_redo(&session->journal);
    if (id < 0)
        return tn_fail(error, TN_ERROR_USE, "there is nothing to redo");
    return stand(session, id, result, error);
}

static bool run_goto(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    const char *place = tn_line_word(line, 0);
    int64_t id = 0;
    if (!tn_journal_place(&session->journal, place, false, &id, error))
        return false;
    return stand(session, id, result, error);
}

static bool run_note(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)session, (void)progress, (void)error;
    tn_put_text(result, "note", tn_line_word(line, 0));
    return true;
}

static bool run_branch(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    const char *name = tn_line_word(line, 0);
    if (!tn_branch_check(&session->journal, name, error))
        return false;
    tn_put_text(result, "branch", name);
    return true;
}

const struct tn_command tn_commands_journal[] = {
    {"save",
     "keep the session in a file",
     "Everything after it goes into this file, command by command.",
     0,
     {{TN_WORD_FILE, "FILE.thinet", true, NULL}},
     {{0}},
     run_save},
    {"load",
     "go on with the session of a file",
     "The session that was open is left; what has no file is lost.",
     0,
     {{TN_WORD_FILE, "FILE.thinet", false, NULL}},
     {{0}},
     run_load},
    {"journal",
     "list what was done",
     "The entries are a tree: each names the one it followed.",
     0,
     {{0}},
     {{0}},
     run_journal},
    {"undo",
     "go back before the last change",
     "Nothing is lost: redo comes back, goto goes anywhere.",
     TN_COMMAND_WRITES,
     {{0}},
     {{0}},
     run_undo},
    {"redo",
     "go forward again after undo",
     "Leads to where undo came from.",
     TN_COMMAND_WRITES,
     {{0}},
     {{0}},
     run_redo},
    {"goto",
     "stand at an entry of the journal",
     "ENTRY is its number, 0 the empty session; or the name of a branch, for the last of its "
     "entries.",
     TN_COMMAND_WRITES,
     {{TN_WORD_NAME, "ENTRY", false, NULL}},
     {{0}},
     run_goto},
    {"note",
     "write a remark into the journal",
     "The rest of the line.",
     TN_COMMAND_JOURNALED | TN_COMMAND_WRITES,
     {{TN_WORD_TEXT, "TEXT", false, NULL}},
     {{0}},
     run_note},
    {"branch",
     "name the work that follows",
     "The name is for everything that is done from here on, until another branch is named; goto "
     "NAME "
     "comes back to the last of it.",
     TN_COMMAND_JOURNALED | TN_COMMAND_WRITES,
     {{TN_WORD_NAME, "NAME", false, NULL}},
     {{0}},
     run_branch},
    {0},
};
