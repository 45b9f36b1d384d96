/* Commands that write the journal for elsewhere. */
#include "core/file.h"
#include "core/memory.h"
#include "session/branches.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/story.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool write_text(const char *file, struct tn_text *text, struct tn_error *error)
{
    const void *piece = text->bytes;
    bool fine = text->failed ? tn_fail_memory(error, "a file", text->room)
                             : tn_file_write(file, 1, &piece, &text->used, error);
    tn_free(text->bytes);
    return fine;
}

/* The entry that is named by number or branch; without a word, where the session stands. */
static bool find_entry(const struct tn_session *session, const char *place, int64_t *id,
                       struct tn_error *error)
{
    const struct tn_journal *journal = &session->journal;
    *id = journal->head;
    if (!place)
        return *id > 0 || tn_fail(error, TN_ERROR_USE,
                                  "the session stands at its beginning: nothing leads there");
    if (place[strspn(place, "0123456789")])
        return tn_branch_tip(journal, place, id, error);
    return tn_parse_integer("entry", place, 1, INT64_MAX, id, error) &&
           (tn_journal_find(journal, *id) ||
            tn_fail(error, TN_ERROR_USE, "there is no entry %lld; 'journal' lists them",
                    (long long)*id));
}

static bool run_export_script(struct tn_session *session, const struct tn_command_line *line,
                              const struct tn_progress *progress, json_t *result,
                              struct tn_error *error)
{
    (void)progress;
    const char *file = tn_line_word(line, 0), *path = tn_session_path(session);
    struct tn_text text = {0};
    int64_t id = 0;
    if (!find_entry(session, tn_line_word(line, 1), &id, error))
        return false;
    const char *slash = path ? strrchr(path, '/') : NULL;
    tn_text_add(&text,
                "# What leads to entry %lld of %s: run with thinet-tui --batch, in the folder it "
                "was done in.\n",
                (long long)id,
                slash  ? slash + 1
                : path ? path
                       : "a session");
    if (!tn_story_script(&session->journal, id, &text, error)) {
        tn_free(text.bytes);
        return false;
    }
    if (!write_text(file, &text, error))
        return false;
    tn_put_text(result, "file", file);
    tn_put_integer(result, "entry", id);
    return true;
}

static json_t *entry_json(const struct tn_entry *entry)
{
    json_t *json = json_object(), *epochs = json_array(),
           *was = entry->result ? json_loads(entry->result, 0, NULL) : NULL;
    tn_put_integer(json, "id", entry->id);
    tn_put_integer(json, "parent", entry->parent);
    tn_put_text(json, "command", entry->command);
    tn_put_number(json, "time", entry->time);
    tn_put_number(json, "seconds", entry->seconds);
    tn_put_bool(json, "ok", entry->status == TN_ENTRY_DONE);
    tn_put_bool(json, "interrupted", entry->status == TN_ENTRY_RUNNING);
    tn_put_bool(json, "changes", entry->changes);
    tn_put_text(json, "brief", entry->brief);
    if (tn_entry_branch(entry))
        tn_put_text(json, "branch", tn_entry_branch(entry));
    for (int e = 0; e < entry->epoch_count; e++)
        json_array_append_new(epochs, tn_json_epoch(&entry->epochs[e]));
    tn_put(json, "epochs", epochs);
    tn_put(json, "result", was ? was : json_null());
    return json;
}

static bool journal_json(const struct tn_session *session, struct tn_text *text,
                         struct tn_error *error)
{
    const struct tn_journal *journal = &session->journal;
    json_t *json = json_object(), *entries = json_array();
    tn_put_integer(json, "head", journal->head);
    tn_put(json, "entries", entries);
    for (int i = 0; i < journal->count; i++)
        if (journal->entries[i] != session->running)
            json_array_append_new(entries, entry_json(journal->entries[i]));
    char *bytes = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    if (!bytes)
        return tn_fail_memory(error, "the journal", 1);
    tn_text_add(text, "%s\n", bytes);
    free(bytes);
    return true;
}

static bool ends_in(const char *file, const char *ending)
{
    size_t length = strlen(file), tail = strlen(ending);
    return length >= tail && strcmp(file + length - tail, ending) == 0;
}

static bool run_export_journal(struct tn_session *session, const struct tn_command_line *line,
                               const struct tn_progress *progress, json_t *result,
                               struct tn_error *error)
{
    (void)progress;
    const char *file = tn_line_word(line, 0);
    struct tn_text text = {0};
    struct tn_journal before = session->journal;
    before.count -= session->running != NULL; /* this command itself */
    if (ends_in(file, ".csv"))
        tn_story_csv(&before, &text);
    else if (!ends_in(file, ".json"))
        return tn_fail(error, TN_ERROR_USE, "%s: expected a name that ends in .json or .csv", file);
    else if (!journal_json(session, &text, error))
        return false;
    if (!write_text(file, &text, error))
        return false;
    tn_put_text(result, "file", file);
    tn_put_integer(result, "entries", before.count);
    return true;
}

const struct tn_command tn_commands_story[] = {
    {"export-script",
     "write a script that does again what led to an entry",
     "The commands from the empty session to ENTRY, a number or a branch's name, or to where the "
     "session stands. With --batch it comes to the same bits. What only wrote files is a comment "
     "in it; training that was resumed is one run; a budget of measured time is what it came to.",
     TN_COMMAND_JOURNALED,
     {{TN_WORD_FILE, "FILE.tns", false, NULL}, {TN_WORD_NAME, "ENTRY", true, NULL}},
     {{0}},
     run_export_script},
    {"export-journal",
     "write the journal with its metrics as JSON or CSV",
     "By the ending of the file's name. JSON has every entry with its result and its epochs. CSV "
     "has a row an entry and behind it a row an epoch; texts that a spreadsheet would take for a "
     "formula begin with a single quote.",
     TN_COMMAND_JOURNALED,
     {{TN_WORD_FILE, "FILE.json|FILE.csv", false, NULL}},
     {{0}},
     run_export_journal},
    {0},
};
