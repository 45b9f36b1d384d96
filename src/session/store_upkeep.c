#include "session/store_upkeep.h"

static const char *const part_names[TN_STORE_PARTS] = {
    "weights", "statistics", "checkpoints", "unneeded", "graphs",
    "states",  "journal",    "metrics",     "free",     "other"};

const char *tn_store_part_name(enum tn_store_part part)
{
    return part_names[part];
}

/* Sizes */

/* Rows (part, count, bytes). length() of a BLOB reads no more than its row's head. */
static const char parts_sql[] =
    "SELECT CASE WHEN digest IN (" TN_SQL_WEIGHTS ") THEN 0 "
    "WHEN digest IN (" TN_SQL_STATISTICS ") THEN 1 "
    "WHEN digest IN (" TN_SQL_CHECKPOINTS ") THEN 2 ELSE 3 END, "
    "count(*), sum(length(data)) FROM tensor GROUP BY 1 "
    "UNION ALL SELECT 4, count(*), sum(length(data)) FROM graph "
    "UNION ALL SELECT 5, count(*), sum(length(CAST(settings AS BLOB))) FROM state "
    "UNION ALL SELECT 6, count(*), sum(length(CAST(command AS BLOB)) + "
    "ifnull(length(CAST(result AS BLOB)), 0)) FROM entry "
    "UNION ALL SELECT 7, count(*), 0 FROM metric "
    "UNION ALL SELECT 8, freelist_count, freelist_count * page_size "
    "FROM pragma_freelist_count, pragma_page_size "
    "UNION ALL SELECT 9, page_count, page_count * page_size "
    "FROM pragma_page_count, pragma_page_size";

bool tn_store_measure(struct tn_store *store, struct tn_store_sizes *sizes, struct tn_error *error)
{
    *sizes = (struct tn_store_sizes){0};
    sqlite3_stmt *s = tn_store_prepare(store, parts_sql, error);
    if (!s)
        return false;
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int part = sqlite3_column_int(s, 0);
        sizes->parts[part].count = sqlite3_column_int64(s, 1);
        sizes->parts[part].bytes = sqlite3_column_int64(s, 2);
    }
    bool fine = code == SQLITE_DONE || tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    /* The last is the whole: what the others are not. */
    sizes->bytes = sizes->parts[TN_PART_OTHER].bytes;
    for (int part = 0; part < TN_PART_OTHER; part++)
        sizes->parts[TN_PART_OTHER].bytes -= sizes->parts[part].bytes;
    return fine;
}

/* What is needed no more goes, in this order. */
static const char *const sweeps[] = {
    "DELETE FROM metric WHERE entry NOT IN (SELECT id FROM entry)",
    "DELETE FROM epoch_state WHERE entry NOT IN (SELECT id FROM entry)",
    "DELETE FROM state WHERE id NOT IN (SELECT state FROM entry UNION SELECT state FROM "
    "epoch_state)",
    "DELETE FROM statistic WHERE state NOT IN (SELECT id FROM state)",
    "DELETE FROM statistic_more WHERE state NOT IN (SELECT id FROM state)",
    "DELETE FROM checkpoint WHERE state NOT IN (SELECT id FROM state)",
    "DELETE FROM graph WHERE digest NOT IN (" TN_SQL_GRAPHS ") AND digest NOT IN (" TN_SQL_BEST ")",
    "DELETE FROM graph_tensor WHERE graph NOT IN (SELECT digest FROM graph)",
    "DELETE FROM tensor WHERE digest NOT IN (SELECT tensor FROM graph_tensor) "
    "AND digest NOT IN (" TN_SQL_STATISTICS ") "
    "AND digest NOT IN (SELECT momentum FROM checkpoint)",
};

static bool sweep(struct tn_store *store, struct tn_error *error)
{
    bool fine = true;
    for (size_t i = 0; fine && i < sizeof sweeps / sizeof *sweeps; i++)
        fine = tn_store_execute(store, sweeps[i], "dropping what is not needed", error);
    return fine;
}

static bool finish(struct tn_store *store, bool fine, struct tn_error *error)
{
    fine = fine && tn_store_execute(store, "COMMIT", "writing", error);
    if (!fine)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return fine;
}

bool tn_store_compact(struct tn_store *store, struct tn_error *error)
{
    if (!tn_store_execute(store, "BEGIN IMMEDIATE", "writing", error) ||
        !finish(store, sweep(store, error), error))
        return false;
    return tn_store_execute(store, "VACUUM", "making the file smaller", error);
}

static bool delete_entries(struct tn_store *store, int count, const int64_t *entries,
                           struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "DELETE FROM entry WHERE id=?1", error);
    bool fine = s != NULL;
    for (int i = 0; fine && i < count; i++) {
        sqlite3_reset(s);
        sqlite3_bind_int64(s, 1, entries[i]);
        fine = sqlite3_step(s) == SQLITE_DONE || tn_store_fail(store, "writing", error);
    }
    sqlite3_finalize(s);
    return fine;
}

bool tn_store_delete(struct tn_store *store, const struct tn_journal *journal, int count,
                     const int64_t *entries, struct tn_error *error)
{
    if (!tn_store_execute(store, "BEGIN IMMEDIATE", "writing", error))
        return false;
    bool fine = delete_entries(store, count, entries, error) && sweep(store, error) &&
                tn_store_put_place(store, journal, error);
    return finish(store, fine, error);
}
