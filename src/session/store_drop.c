#include "session/store_drop.h"

#include <stdio.h>

/* A statement without a row, about up to three numbers. */
static bool change(struct tn_store *store, const char *sql, int count, const int64_t *numbers,
                   struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, sql, error);
    if (!s)
        return false;
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(s, i + 1, numbers[i]);
    bool fine = sqlite3_step(s) == SQLITE_DONE || tn_store_fail(store, "writing", error);
    sqlite3_finalize(s);
    return fine;
}

static bool change_all(struct tn_store *store, size_t count, const char *const *steps,
                       int64_t state, struct tn_error *error)
{
    bool fine = true;
    for (size_t i = 0; fine && i < count; i++)
        fine = change(store, steps[i], 1, &state, error);
    return fine;
}

/* Networks that go, and their tensors with them, but for those that something else has. */
#define DROP_NETWORKS(gone, kept, also)                                                            \
    "DELETE FROM tensor WHERE digest IN (SELECT tensor FROM graph_tensor WHERE graph IN (" gone    \
    ")" also ") AND digest NOT IN (SELECT tensor FROM graph_tensor WHERE graph IN (" kept ")) "    \
    "AND digest NOT IN (SELECT momentum FROM checkpoint WHERE state<>?1) "                         \
    "AND digest NOT IN (SELECT gram FROM statistic) "                                              \
    "AND digest NOT IN (SELECT activity FROM statistic_more WHERE activity IS NOT NULL "           \
    "UNION SELECT gradients FROM statistic_more WHERE gradients IS NOT NULL "                      \
    "UNION SELECT target FROM statistic_more WHERE target IS NOT NULL)",                           \
        "DELETE FROM graph_tensor WHERE graph IN (" gone ") AND graph NOT IN (" kept ")",          \
        "DELETE FROM graph WHERE digest IN (" gone ") AND digest NOT IN (" kept ")"

#define OTHER_BEST "SELECT best FROM checkpoint WHERE state<>?1 AND best IS NOT NULL"

bool tn_store_drop_checkpoint(struct tn_store *store, int64_t state, struct tn_error *error)
{
    static const char *const steps[] = {
        DROP_NETWORKS("SELECT best FROM checkpoint WHERE state=?1 AND best IS NOT NULL",
                      "SELECT graph FROM state WHERE graph IS NOT NULL UNION " OTHER_BEST,
                      " UNION SELECT momentum FROM checkpoint WHERE state=?1"),
        "DELETE FROM checkpoint WHERE state=?1"};
    return change_all(store, sizeof steps / sizeof *steps, steps, state, error);
}

bool tn_store_drop_state(struct tn_store *store, int64_t state, struct tn_error *error)
{
    static const char *const steps[] = {
        DROP_NETWORKS(
            "SELECT graph FROM state WHERE id=?1 AND graph IS NOT NULL",
            "SELECT graph FROM state WHERE id<>?1 AND graph IS NOT NULL UNION " OTHER_BEST, ""),
        "DELETE FROM statistic WHERE state=?1", "DELETE FROM statistic_more WHERE state=?1",
        "DELETE FROM state WHERE id=?1"};
    return tn_store_drop_checkpoint(store, state, error) &&
           change_all(store, sizeof steps / sizeof *steps, steps, state, error);
}

bool tn_store_put_epoch(struct tn_store *store, int64_t entry, int epoch, int64_t state,
                        struct tn_error *error)
{
    const int64_t numbers[] = {entry, epoch, state};
    return change(store, "INSERT OR REPLACE INTO epoch_state VALUES(?1, ?2, ?3)", 3, numbers,
                  error);
}

/* The first of two columns of numbers that a query about two numbers finds; 0, 0: none. */
static bool find(struct tn_store *store, const char *sql, int64_t entry, int epoch,
                 int64_t found[2], struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, sql, error);
    found[0] = found[1] = 0;
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, entry);
    sqlite3_bind_int(s, 2, epoch);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        found[0] = sqlite3_column_int64(s, 0);
        found[1] = sqlite3_column_int64(s, 1);
    }
    bool fine = code == SQLITE_ROW || code == SQLITE_DONE || tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return fine;
}

bool tn_store_drop_epochs(struct tn_store *store, int64_t entry, int epoch, struct tn_error *error)
{
    static const char beaten[] =
        "SELECT step, state FROM epoch_state WHERE entry=?1 AND step<?2 AND step<>"
        "(SELECT ifnull(max(step), 0) FROM metric WHERE entry=?1 AND name='best' AND value>0 "
        "AND step<=?2) AND state NOT IN (SELECT state FROM entry) LIMIT 1";
    int64_t row[2];
    bool fine;
    while ((fine = find(store, beaten, entry, epoch, row, error)) && row[0]) {
        const int64_t numbers[] = {entry, row[0]};
        if (!change(store, "DELETE FROM epoch_state WHERE entry=?1 AND step=?2", 2, numbers,
                    error) ||
            !tn_store_drop_state(store, row[1], error))
            return false;
    }
    return fine;
}

bool tn_store_find_epoch(struct tn_store *store, int64_t entry, int epoch, int64_t *state,
                         struct tn_error *error)
{
    int64_t row[2];
    bool fine = find(store, "SELECT step, state FROM epoch_state WHERE entry=?1 AND step=?2", entry,
                     epoch, row, error);
    *state = row[1];
    return fine;
}

bool tn_store_epochs(struct tn_store *store, int64_t entry, char *text, size_t size,
                     struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store,
                                       "SELECT group_concat(step, ', ') FROM (SELECT step FROM "
                                       "epoch_state WHERE entry=?1 ORDER BY step)",
                                       error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, entry);
    bool fine = sqlite3_step(s) == SQLITE_ROW || tn_store_fail(store, "reading", error);
    const char *found = fine ? (const char *)sqlite3_column_text(s, 0) : NULL;
    snprintf(text, size, "%s", found ? found : "none");
    sqlite3_finalize(s);
    return fine;
}
