#include "session/detach.h"

#include "model/onnx.h"
#include "session/store_upkeep.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool tn_session_lacks_weights(const struct tn_session *session, struct tn_error *error)
{
    char hex[TN_DIGEST_HEX];
    tn_digest_hex(&session->state->opened_digest, hex);
    const char *name = session->state->model_name;
    return tn_fail(error, TN_ERROR_USE,
                   "%s lacks the weights of the network it began with: session attach %s (digest "
                   "%.12s) gives them back",
                   session->store->path, *name ? name : "MODEL.onnx", hex);
}

/* What detached files lack: tensors of networks that are not there. */
#define LACKING       "SELECT tensor FROM graph_tensor WHERE tensor NOT IN (SELECT digest FROM tensor)"
#define OPENED_GRAPHS "SELECT digest FROM graph WHERE lower(hex(digest)) IN (" TN_SQL_OPENED ")"

static const char detach_sql[] =
    "BEGIN IMMEDIATE;"
    "DELETE FROM tensor WHERE digest IN (SELECT tensor FROM graph_tensor WHERE graph "
    "IN (" OPENED_GRAPHS "));"
    "INSERT OR REPLACE INTO meta VALUES('detached', 1);"
    "COMMIT; VACUUM";

static bool strip(const char *path, struct tn_error *error)
{
    struct tn_store *store = tn_store_open(path, error);
    bool fine = store && tn_store_execute(store, detach_sql, "leaving weights out", error);
    tn_store_close(store);
    return fine;
}

bool tn_session_detach(struct tn_session *session, const char *path, int64_t *bytes,
                       struct tn_error *error)
{
    if (!session->store->looks_on && !tn_store_write(session->store, &session->journal, error))
        return false;
    bool fine = tn_session_copy(session, path, strip, error);
    struct stat status = {0};
    if (fine && stat(path, &status) == 0)
        *bytes = status.st_size;
    return fine;
}

/* The weights that one file brings. */

/* All that networks of the session have goes in; *other is the name of the first that none has. */
static bool put_tensors(struct tn_store *store, const struct tn_graph *graph, const char **other,
                        struct tn_error *error)
{
    sqlite3_stmt *known =
        tn_store_prepare(store, "SELECT 1 FROM graph_tensor WHERE tensor=?1", error);
    bool fine = known != NULL;
    *other = NULL;
    for (int v = 0; fine && v < graph->value_count; v++) {
        struct tn_tensor *tensor = graph->values[v].constant;
        if (!tensor)
            continue;
        sqlite3_reset(known);
        sqlite3_bind_blob(known, 1, tn_tensor_digest(tensor)->bytes, TN_DIGEST_BYTES,
                          SQLITE_STATIC);
        if (sqlite3_step(known) == SQLITE_ROW)
            fine = tn_store_put_tensor(store, tensor, error);
        else if (!*other)
            *other = graph->values[v].name;
    }
    sqlite3_finalize(known);
    return fine;
}

/* How many of the networks as they were opened lack weights. */
static bool count_lacking(struct tn_store *store, int *count, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(
        store,
        "SELECT count(DISTINCT graph) FROM graph_tensor WHERE tensor IN (" LACKING ") AND "
        "graph IN (" OPENED_GRAPHS ")",
        error);
    bool fine = s && (sqlite3_step(s) == SQLITE_ROW || tn_store_fail(store, "reading", error));
    *count = fine ? sqlite3_column_int(s, 0) : 0;
    sqlite3_finalize(s);
    return fine;
}

/* The digest of the first network that lacks weights, in hexadecimal; "" where none does. */
static bool find_lacking(struct tn_store *store, char hex[TN_DIGEST_HEX], struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(
        store,
        "SELECT lower(hex(graph)) FROM graph_tensor WHERE tensor IN (" LACKING ") AND "
        "graph IN (" OPENED_GRAPHS ") ORDER BY 1 LIMIT 1",
        error);
    if (!s)
        return false;
    int code = sqlite3_step(s);
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    snprintf(hex, TN_DIGEST_HEX, "%s", found ? found : "");
    bool fine = code == SQLITE_ROW || code == SQLITE_DONE || tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return fine;
}

static bool put_network(struct tn_session *session, const struct tn_graph *graph, const char *path,
                        int *left, struct tn_error *error)
{
    struct tn_store *store = session->store;
    const char *other;
    int before;
    if (!count_lacking(store, &before, error) || !put_tensors(store, graph, &other, error) ||
        !count_lacking(store, left, error))
        return false;
    if (*left == before) {
        char hex[TN_DIGEST_HEX];
        return find_lacking(store, hex, error) &&
               tn_fail(error, TN_ERROR_INPUT,
                       "%s: not the network that %s began with (digest %.12s): %s%s%s", path,
                       store->path, hex, other ? "its weight '" : "it has not all weights",
                       other ? other : "", other ? "' is another one" : "");
    }
    return *left > 0 ||
           tn_store_execute(store, "DELETE FROM meta WHERE key='detached'", "writing", error);
}

bool tn_session_attach_graph(struct tn_session *session, const struct tn_graph *graph,
                             const char *name, int *left, struct tn_error *error)
{
    struct tn_store *store = session->store;
    if (!tn_store_execute(store, "BEGIN IMMEDIATE", "writing", error))
        return false;
    if (!put_network(session, graph, name, left, error) ||
        !tn_store_execute(store, "COMMIT", "writing", error)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    if (*left > 0)
        return true;
    store->detached = false;
    return tn_session_stand(session, error);
}

bool tn_session_attach(struct tn_session *session, const char *path, int *left,
                       struct tn_error *error)
{
    struct tn_graph *graph = tn_onnx_read(path, error);
    bool fine = graph && tn_session_attach_graph(session, graph, path, left, error);
    tn_graph_free(graph);
    return fine;
}
