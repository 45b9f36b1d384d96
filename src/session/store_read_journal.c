/* The journal out of the session file: entries, figures of epochs, where it stands. */
#include "session/store_read.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

bool tn_store_read_meta(struct tn_store *store, const char *key, int64_t *value,
                        struct tn_error *error)
{
    *value = 0;
    sqlite3_stmt *s = tn_store_prepare(store, "SELECT value FROM meta WHERE key=?1", error);
    if (!s)
        return false;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return code == SQLITE_ROW || code == SQLITE_DONE || tn_store_fail(store, "reading", error);
}

static bool fill_entry(struct tn_store *store, struct tn_entry *entry, sqlite3_stmt *s,
                       struct tn_error *error)
{
    entry->time = sqlite3_column_double(s, 3);
    entry->seconds = sqlite3_column_double(s, 4);
    int status = sqlite3_column_int(s, 5);
    if (status < TN_ENTRY_FAILED || status > TN_ENTRY_RUNNING)
        return tn_store_damaged(store, "an entry with a strange 'ok'", error);
    entry->status = (enum tn_entry_status)status;
    entry->changes = sqlite3_column_int(s, 6) != 0;
    entry->state_id = entry->stored_state_id = sqlite3_column_int64(s, 8);
    entry->written = true;
    const char *text = (const char *)sqlite3_column_text(s, 7);
    if (!text)
        return true;
    json_t *result = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool fine = result ? tn_entry_set_result(entry, result, error)
                       : tn_store_damaged(store, "an entry whose result is not JSON", error);
    json_decref(result);
    return fine;
}

static bool read_entry(struct tn_store *store, struct tn_journal *journal, sqlite3_stmt *s,
                       struct tn_error *error)
{
    int64_t id = sqlite3_column_int64(s, 0), parent = sqlite3_column_int64(s, 1);
    const char *command = (const char *)sqlite3_column_text(s, 2);
    bool rooted = parent == 0 || (parent < id && tn_journal_find(journal, parent));
    if (id <= 0 || parent < 0 || !command || !rooted)
        return tn_store_damaged(store, "the journal is no tree", error);
    struct tn_entry *entry = tn_journal_add(journal, id, parent, command, error);
    return entry && fill_entry(store, entry, s, error);
}

static void set_metric(struct tn_epoch *epoch, const char *name, double value)
{
    const struct {
        const char *name;
        double *field;
    } fields[] = {
        {"lr", &epoch->learning_rate},      {"loss", &epoch->loss},
        {"train_top1", &epoch->train_top1}, {"test_top1", &epoch->test_top1},
        {"test_top5", &epoch->test_top5},   {"images_per_second", &epoch->images_per_second},
        {"seconds", &epoch->seconds},       {"held_top1", &epoch->held_top1},
        {"held_loss", &epoch->held_loss}};
    for (size_t i = 0; name && i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) == 0)
            *fields[i].field = value;
    }
    if (name && strcmp(name, "held") == 0 && value > 0 && value < 1e15)
        epoch->held = (int64_t)value;
    if (name && strcmp(name, "best") == 0)
        epoch->best = value > 0;
}

static bool read_metric(struct tn_store *store, struct tn_journal *journal, sqlite3_stmt *s,
                        struct tn_error *error)
{
    struct tn_entry *entry = tn_journal_find(journal, sqlite3_column_int64(s, 0));
    int step = sqlite3_column_int(s, 1);
    if (!entry || step < 1)
        return tn_store_damaged(store, "a metric of no entry", error);
    if (!entry->epoch_count || entry->epochs[entry->epoch_count - 1].epoch != step) {
        struct tn_epoch epoch = {.epoch = step};
        if (!tn_entry_add_epoch(entry, &epoch, error))
            return false;
        entry->written = true;
        entry->epochs_written = entry->epoch_count;
    }
    double value = sqlite3_column_type(s, 3) == SQLITE_NULL ? NAN : sqlite3_column_double(s, 3);
    set_metric(&entry->epochs[entry->epoch_count - 1], (const char *)sqlite3_column_text(s, 2),
               value);
    return true;
}

static bool read_rows(struct tn_store *store, struct tn_journal *journal, const char *sql,
                      bool (*row)(struct tn_store *, struct tn_journal *, sqlite3_stmt *,
                                  struct tn_error *),
                      struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, sql, error);
    if (!s)
        return false;
    int code = SQLITE_DONE;
    bool fine = true;
    while (fine && (code = sqlite3_step(s)) == SQLITE_ROW)
        fine = row(store, journal, s, error);
    if (fine && code != SQLITE_DONE)
        fine = tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return fine;
}

bool tn_store_read_journal(struct tn_store *store, struct tn_journal *journal,
                           struct tn_error *error)
{
    memset(journal, 0, sizeof *journal);
    bool fine = read_rows(store, journal, "SELECT * FROM entry ORDER BY id", read_entry, error) &&
                read_rows(store, journal, "SELECT * FROM metric ORDER BY entry, step", read_metric,
                          error) &&
                tn_store_read_meta(store, "head", &journal->head, error) &&
                tn_store_read_meta(store, "tip", &journal->tip, error) &&
                tn_store_read_meta(store, "last", &journal->last, error);
    bool placed = fine && (journal->head == 0 || tn_journal_find(journal, journal->head)) &&
                  (journal->tip == 0 || tn_journal_find(journal, journal->tip));
    if (fine && !placed)
        fine = tn_store_damaged(store, "it stands at an entry that is not there", error);
    if (!fine)
        tn_journal_free(journal);
    return fine;
}
