/* Is a session file sound? Everything in it is read once. */
#include "session/store_upkeep.h"

#include <stdio.h>
#include <string.h>

static bool broken(const struct tn_store *store, const char *what, const char *which,
                   struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "%s: %s%s%.200s",
                   store->path ? store->path : "unsaved session", what, *which ? ": " : "", which);
}

/* SQLite's own check: one row "ok", or what is wrong. */
static bool check_pages(struct tn_store *store, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "PRAGMA integrity_check(1)", error);
    if (!s)
        return false;
    bool fine = sqlite3_step(s) == SQLITE_ROW;
    const char *said = fine ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (!said)
        fine = tn_store_fail(store, "checking", error);
    else if (strcmp(said, "ok") != 0)
        fine = broken(store, "the database is damaged", said, error);
    sqlite3_finalize(s);
    return fine;
}

/* Every row that a query finds is wrong; its first column says which. */
static const struct {
    const char *sql, *what;
} rules[] = {
    {"SELECT 'entry ' || id FROM entry WHERE parent<>0 AND (parent>=id OR parent NOT IN (SELECT id "
     "FROM entry))",
     "an entry follows one that is not there"},
    {"SELECT 'entry ' || id FROM entry WHERE state<>0 AND state NOT IN (SELECT id FROM state)",
     "the state of an entry is missing"},
    {"SELECT key || ' ' || value FROM meta WHERE key IN ('head', 'tip') AND value<>0 AND value NOT "
     "IN (SELECT id FROM entry)",
     "the session stands at an entry that is not there"},
    {"SELECT 'state ' || id FROM state WHERE NOT json_valid(settings)",
     "settings that are no JSON"},
    {"SELECT 'state ' || id FROM state WHERE graph IS NOT NULL AND graph NOT IN (SELECT digest "
     "FROM "
     "graph)",
     "the network of a state is missing"},
    {"SELECT 'state ' || id FROM state WHERE json_extract(settings, '$.opened') NOT IN (SELECT "
     "lower(hex(digest)) FROM graph)",
     "the network that a state was opened with is missing"},
    {"SELECT 'tensor ' || lower(hex(tensor)) FROM graph_tensor WHERE tensor NOT IN (SELECT digest "
     "FROM tensor) AND NOT (EXISTS (SELECT 1 FROM meta WHERE key='detached') AND tensor IN (SELECT "
     "tensor FROM graph_tensor WHERE graph IN (SELECT digest FROM graph WHERE lower(hex(digest)) "
     "IN (" TN_SQL_OPENED "))))",
     "weights of a network are missing"},
    {"SELECT 'tensor ' || lower(hex(gram)) FROM (" TN_SQL_STATISTICS ") WHERE gram NOT IN (SELECT "
     "digest FROM tensor)",
     "a statistic is missing"},
    {"SELECT 'state ' || state FROM checkpoint WHERE momentum NOT IN (SELECT digest FROM tensor) "
     "OR best NOT IN (SELECT digest FROM graph)",
     "training cannot go on: its momentum or best network is missing"},
    {"SELECT 'entry ' || entry FROM metric WHERE entry NOT IN (SELECT id FROM entry)",
     "figures of an entry that is not there"},
    {"SELECT 'state ' || state FROM (SELECT state FROM statistic UNION SELECT state FROM "
     "statistic_more UNION SELECT state FROM checkpoint) WHERE state NOT IN (SELECT id FROM state)",
     "what belongs to a state that is not there (session compact drops it)"},
    {"SELECT 'entry ' || entry || ' epoch ' || step FROM epoch_state WHERE state NOT IN (SELECT id "
     "FROM state)",
     "the network that was kept of an epoch is missing"},
    {"SELECT 'entry ' || entry FROM epoch_state WHERE entry NOT IN (SELECT id FROM entry)",
     "networks of epochs of an entry that is not there (session compact drops them)"},
    {"SELECT 'state ' || id FROM state WHERE id NOT IN (SELECT state FROM entry UNION SELECT state "
     "FROM epoch_state)",
     "a state that no entry has (session compact drops it)"},
    {"SELECT 'network ' || lower(hex(graph)) FROM graph_tensor WHERE graph NOT IN (SELECT digest "
     "FROM graph)",
     "weights of a network that is not there (session compact drops them)"},
    {"SELECT 'network ' || lower(hex(digest)) FROM graph WHERE digest NOT IN (" TN_SQL_GRAPHS ") "
     "AND digest NOT IN (" TN_SQL_BEST ")",
     "a network that no state has (session compact drops it)"},
    {"SELECT 'tensor ' || lower(hex(digest)) FROM tensor WHERE digest NOT IN (" TN_SQL_WEIGHTS
     ") AND digest NOT IN (" TN_SQL_STATISTICS ") AND digest NOT IN (" TN_SQL_CHECKPOINTS ")",
     "a tensor that nothing needs (session compact drops it)"},
};

static bool check_rule(struct tn_store *store, const char *sql, const char *what,
                       struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, sql, error);
    if (!s)
        return false;
    int code = sqlite3_step(s);
    bool fine = code == SQLITE_DONE;
    const char *which = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (code == SQLITE_ROW)
        broken(store, what, which ? which : "", error);
    else if (!fine)
        tn_store_fail(store, "checking", error);
    sqlite3_finalize(s);
    return fine;
}

static bool check_rules(struct tn_store *store, struct tn_error *error)
{
    bool fine = true;
    for (size_t r = 0; fine && r < sizeof rules / sizeof *rules; r++)
        fine = check_rule(store, rules[r].sql, rules[r].what, error);
    return fine;
}

static bool column_is(sqlite3_stmt *s, int column, const struct tn_digest *digest)
{
    return sqlite3_column_bytes(s, column) == TN_DIGEST_BYTES &&
           memcmp(sqlite3_column_blob(s, column), digest->bytes, TN_DIGEST_BYTES) == 0;
}

static bool check_graph(struct tn_store *store, sqlite3_stmt *s, struct tn_error *error)
{
    struct tn_digest digest;
    tn_digest_of(&digest, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
    return column_is(s, 0, &digest) ||
           broken(store, "a network is not what its digest says", "", error);
}

static bool check_tensor(struct tn_store *store, sqlite3_stmt *s, struct tn_error *error)
{
    struct tn_digest digest;
    if (sqlite3_column_bytes(s, 0) != TN_DIGEST_BYTES)
        return broken(store, "a tensor without a digest", "", error);
    memcpy(digest.bytes, sqlite3_column_blob(s, 0), TN_DIGEST_BYTES);
    struct tn_tensor *tensor = tn_store_read_tensor(store, &digest, error);
    tn_tensor_unref(tensor);
    return tensor != NULL;
}

/* What a state is in the file is what it can be read as; it is compared with nothing in memory but
 * the tensors it has in common with the one before. */
struct walk {
    struct tn_state *near;
};

static bool check_state(struct tn_store *store, struct walk *walk, sqlite3_stmt *s,
                        struct tn_error *error)
{
    struct tn_state *state =
        tn_store_read_state(store, sqlite3_column_int64(s, 0), walk->near, error);
    if (!state)
        return false;
    tn_state_unref(walk->near);
    walk->near = state;
    return true;
}

enum pass { GRAPHS, TENSORS, STATES, PASSES };
static const struct {
    const char *unit, *count, *rows;
} passes[PASSES] = {
    {"networks", "SELECT count(*) FROM graph", "SELECT digest, data FROM graph"},
    {"tensors", "SELECT count(*) FROM tensor", "SELECT digest FROM tensor ORDER BY rowid"},
    {"states", "SELECT count(*) FROM state", "SELECT id FROM state ORDER BY id"},
};

static double count_rows(struct tn_store *store, const char *sql)
{
    sqlite3_stmt *s = tn_store_prepare(store, sql, NULL);
    double count = s && sqlite3_step(s) == SQLITE_ROW ? (double)sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return count;
}

static bool check_pass(struct tn_store *store, enum pass pass, struct walk *walk,
                       const struct tn_progress *progress, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, passes[pass].rows, error);
    if (!s)
        return false;
    double total = count_rows(store, passes[pass].count), count = 0;
    int code = SQLITE_DONE;
    bool fine = true;
    while (fine && (code = sqlite3_step(s)) == SQLITE_ROW) {
        fine = tn_progress_step(progress, "checking", count++, total, passes[pass].unit, "", error);
        fine = fine && (pass == GRAPHS    ? check_graph(store, s, error)
                        : pass == TENSORS ? check_tensor(store, s, error)
                                          : check_state(store, walk, s, error));
    }
    if (fine && code != SQLITE_DONE)
        fine = tn_store_fail(store, "checking", error);
    sqlite3_finalize(s);
    return fine;
}

bool tn_store_check(struct tn_store *store, struct tn_state *near,
                    const struct tn_progress *progress, struct tn_error *error)
{
    struct walk walk = {tn_state_ref(near)};
    bool fine = check_pages(store, error) && check_rules(store, error);
    /* Of networks that lack weights all but those is checked. */
    for (int pass = 0; fine && pass < (store->detached ? STATES : PASSES); pass++)
        fine = check_pass(store, (enum pass)pass, &walk, progress, error);
    tn_state_unref(walk.near);
    return fine;
}
