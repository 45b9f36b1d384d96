#include "session/store.h"

#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The tables of format 1. A file's own definitions must be these, letter by letter: a stranger's
 * file brings no triggers or views. */
static const struct {
    const char *name, *sql;
    bool later; /* a file may be from before it, and gets it when it is opened */
} tables[] = {
    {"meta", "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID", false},
    {"entry",
     "CREATE TABLE entry(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, command TEXT NOT NULL, "
     "time REAL NOT NULL, seconds REAL NOT NULL, ok INTEGER NOT NULL, changes INTEGER NOT NULL, "
     "result TEXT, state INTEGER NOT NULL)",
     false},
    {"metric",
     "CREATE TABLE metric(entry INTEGER NOT NULL, step INTEGER NOT NULL, name TEXT NOT NULL, "
     "value REAL, PRIMARY KEY(entry, step, name)) WITHOUT ROWID",
     false},
    {"state", "CREATE TABLE state(id INTEGER PRIMARY KEY, graph BLOB, settings TEXT NOT NULL)",
     false},
    {"graph", "CREATE TABLE graph(digest BLOB PRIMARY KEY, data BLOB NOT NULL)", false},
    {"graph_tensor",
     "CREATE TABLE graph_tensor(graph BLOB NOT NULL, tensor BLOB NOT NULL, "
     "PRIMARY KEY(graph, tensor)) WITHOUT ROWID",
     false},
    {"graph_tensor_back", "CREATE INDEX graph_tensor_back ON graph_tensor(tensor)", false},
    {"tensor",
     "CREATE TABLE tensor(digest BLOB PRIMARY KEY, dtype INTEGER NOT NULL, dims TEXT NOT NULL, "
     "data BLOB NOT NULL)",
     false},
    {"statistic",
     "CREATE TABLE statistic(state INTEGER NOT NULL, layer TEXT NOT NULL, samples INTEGER NOT "
     "NULL, "
     "images INTEGER NOT NULL, locations INTEGER NOT NULL, seed INTEGER NOT NULL, "
     "stale INTEGER NOT NULL, gram BLOB NOT NULL, PRIMARY KEY(state, layer)) WITHOUT ROWID",
     false},
    {"checkpoint",
     "CREATE TABLE checkpoint(state INTEGER PRIMARY KEY, command TEXT NOT NULL, "
     "epoch INTEGER NOT NULL, steps INTEGER NOT NULL, momentum BLOB NOT NULL, best BLOB, "
     "best_epoch TEXT)",
     true},
    {"statistic_more",
     "CREATE TABLE statistic_more(state INTEGER NOT NULL, layer TEXT NOT NULL, activity BLOB, "
     "gradients BLOB, target BLOB, PRIMARY KEY(state, layer)) WITHOUT ROWID",
     true},
    {"epoch_state",
     "CREATE TABLE epoch_state(entry INTEGER NOT NULL, step INTEGER NOT NULL, "
     "state INTEGER NOT NULL, PRIMARY KEY(entry, step)) WITHOUT ROWID",
     true},
};
enum { TABLES = sizeof tables / sizeof *tables };

enum { WRITING = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE };

/* Milliseconds to wait for others: when opening, and for those that look on while this one writes,
 * or the other way round. They read for as long as a network takes to be read. */
enum { OPENING = 1000, READERS = 20000 };

static const char *shown_path(const struct tn_store *store)
{
    return store->path ? store->path : "unsaved session";
}

bool tn_store_fail(const struct tn_store *store, const char *doing, struct tn_error *error)
{
    const char *path = shown_path(store);
    int code = sqlite3_errcode(store->db) & 0xff;
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: in use by another process", path);
    case SQLITE_FULL:
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s: no space left on the disk", path, doing);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s: the file or its folder is read-only", path,
                       doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return tn_fail(error, TN_ERROR_INPUT, "%s: %s: the session file is damaged", path, doing);
    case SQLITE_NOMEM:
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s: out of memory", path, doing);
    default:
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s: %s", path, doing,
                       sqlite3_errmsg(store->db));
    }
}

bool tn_store_execute(struct tn_store *store, const char *sql, const char *doing,
                      struct tn_error *error)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           tn_store_fail(store, doing, error);
}

sqlite3_stmt *tn_store_prepare(struct tn_store *store, const char *sql, struct tn_error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        tn_store_fail(store, "reading", error);
    return statement;
}

static bool create_tables(struct tn_store *store, struct tn_error *error)
{
    char pragmas[96];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             TN_STORE_APPLICATION, TN_STORE_FORMAT);
    bool fine = tn_store_execute(store, "BEGIN EXCLUSIVE", "creating", error) &&
                tn_store_execute(store, pragmas, "creating", error);
    for (int t = 0; fine && t < TABLES; t++)
        fine = tn_store_execute(store, tables[t].sql, "creating", error);
    fine = fine && tn_store_execute(store, "COMMIT", "creating", error);
    if (!fine)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return fine;
}

/* Index of a table, or -1 when the definition is not this program's. */
static int known_definition(const char *name, const char *sql)
{
    for (int t = 0; name && sql && t < TABLES; t++) {
        if (strcmp(tables[t].name, name) == 0)
            return strcmp(tables[t].sql, sql) == 0 ? t : -1;
    }
    return -1;
}

static bool find_tables(struct tn_store *store, bool *found, struct tn_error *error)
{
    const char *sql =
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    sqlite3_stmt *statement = tn_store_prepare(store, sql, error);
    if (!statement)
        return false;
    int code = SQLITE_DONE;
    bool fine = true;
    while (fine && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        int table = known_definition(name, (const char *)sqlite3_column_text(statement, 1));
        fine = table >= 0;
        if (fine)
            found[table] = true;
        else
            tn_fail(error, TN_ERROR_INPUT,
                    "%s: not a session as this program writes them: it has a '%.40s' of its own",
                    shown_path(store), name ? name : "?");
    }
    if (fine && code != SQLITE_DONE)
        fine = tn_store_fail(store, "reading", error);
    sqlite3_finalize(statement);
    return fine;
}

static bool check_tables(struct tn_store *store, struct tn_error *error)
{
    bool found[TABLES] = {false};
    bool fine = find_tables(store, found, error);
    for (int t = 0; fine && t < TABLES; t++) {
        if (!found[t] && !tables[t].later)
            fine =
                tn_fail(error, TN_ERROR_INPUT,
                        "%s: the session file is damaged: a table is missing", shown_path(store));
    }
    for (int t = 0; fine && t < TABLES; t++) {
        if (!found[t] && !store->looks_on)
            fine = tn_store_execute(store, tables[t].sql, "opening", error);
    }
    return fine;
}

static struct tn_store *open_database(const char *path, const char *name, int flags,
                                      struct tn_error *error)
{
    struct tn_store *store = tn_calloc(1, sizeof *store);
    if (!store || (path && !(store->path = tn_strdup(path)))) {
        tn_free(store);
        tn_fail_memory(error, "a session file", sizeof *store);
        return NULL;
    }
    store->lock = -1;
    bool fine = sqlite3_open_v2(name, &store->db, flags, NULL) == SQLITE_OK;
    if (!fine && store->db)
        tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be opened for writing: %s", shown_path(store),
                sqlite3_system_errno(store->db) ? strerror(sqlite3_system_errno(store->db))
                                                : sqlite3_errmsg(store->db));
    else if (!fine)
        tn_fail_memory(error, "a session file", sizeof *store);
    if (!fine) {
        tn_store_close(store);
        return NULL;
    }
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_timeout(store->db, OPENING);
    return store;
}

struct tn_store *tn_store_temporary(struct tn_error *error)
{
    struct tn_store *store = open_database(NULL, "", WRITING, error);
    if (!store)
        return NULL;
    /* Nobody else sees it and it dies with the program: no need to wait for a disk. */
    if (!tn_store_execute(store, "PRAGMA synchronous=OFF", "creating", error) ||
        !create_tables(store, error)) {
        tn_store_close(store);
        return NULL;
    }
    return store;
}

static bool in_use(const char *path, long holder, struct tn_error *error)
{
    if (holder)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: in use by another process, %ld", path, holder);
    return tn_fail(error, TN_ERROR_SYSTEM, "%s: in use by another process", path);
}

/* The file is this process's to write: its tables are made, or looked at. */
static bool begin_writing(struct tn_store *store, bool exists, struct tn_error *error)
{
    const char *pragmas = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; "
                          "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA";
    bool fine = tn_store_execute(store, pragmas, "opening", error);
    if (fine && exists)
        fine = tn_store_execute(store, "BEGIN EXCLUSIVE; COMMIT", "opening", error) &&
               check_tables(store, error);
    else if (fine)
        fine = create_tables(store, error);
    sqlite3_busy_timeout(store->db, READERS);
    return fine;
}

static bool begin_looking(struct tn_store *store, long holder, struct tn_error *error)
{
    bool changed;
    store->looks_on = true;
    store->holder = holder;
    sqlite3_busy_timeout(store->db, READERS);
    return tn_store_execute(store, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", "opening",
                            error) &&
           check_tables(store, error) && tn_store_changed(store, &changed, error);
}

static struct tn_store *open_named(const char *path, const char *name, bool exists, bool shared,
                                   struct tn_error *error)
{
    long holder;
    int lock;
    struct tn_store *store = open_database(path, name, WRITING, error);
    if (!store || !tn_store_lock(path, &lock, &holder, error)) {
        tn_store_close(store);
        return NULL;
    }
    bool fine;
    if (lock >= 0) {
        store->lock = lock;
        fine = begin_writing(store, exists, error);
    } else {
        tn_store_close(store);
        store = shared ? open_database(path, name, SQLITE_OPEN_READONLY, error) : NULL;
        fine = store && begin_looking(store, holder, error);
        if (!shared)
            in_use(path, holder, error);
    }
    if (fine)
        return store;
    tn_store_close(store);
    return NULL;
}

static struct tn_store *open_file(const char *path, bool shared, struct tn_error *error)
{
    bool exists;
    if (!tn_store_inspect(path, &exists, error))
        return NULL;
    /* "./" keeps names such as ":memory:" from meaning something to SQLite. */
    char *name = tn_sprintf(*path == '/' ? "%s" : "./%s", path);
    if (!name) {
        tn_fail_memory(error, "a file name", strlen(path));
        return NULL;
    }
    struct tn_store *store = open_named(path, name, exists, shared, error);
    tn_free(name);
    return store;
}

struct tn_store *tn_store_open(const char *path, struct tn_error *error)
{
    return open_file(path, false, error);
}

struct tn_store *tn_store_open_shared(const char *path, struct tn_error *error)
{
    return open_file(path, true, error);
}

bool tn_store_changed(struct tn_store *store, bool *changed, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "PRAGMA data_version", error);
    if (!s)
        return false;
    bool fine = sqlite3_step(s) == SQLITE_ROW || tn_store_fail(store, "reading", error);
    int64_t version = fine ? sqlite3_column_int64(s, 0) : store->version;
    *changed = version != store->version;
    store->version = version;
    sqlite3_finalize(s);
    return fine;
}

/* Page by page, so that nothing of the file is interpreted before it is the copy. */
static bool take_copy(struct tn_store *store, const char *path, sqlite3 *from,
                      struct tn_error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(store->db, "main", from, "main");
    int code = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(store->db);
    sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE)
        return true;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: in use by another process", path);
    if ((code & 0xff) == SQLITE_READONLY)
        return tn_fail(error, TN_ERROR_SYSTEM,
                       "%s: its last change was cut off and is not mended yet: open it once "
                       "(thinet-tui %s), which takes the file back to before it",
                       path, path);
    return tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be read: %s", path, sqlite3_errstr(code));
}

struct tn_store *tn_store_scratch(const char *path, struct tn_error *error)
{
    bool exists;
    if (!tn_store_inspect(path, &exists, error))
        return NULL;
    if (!exists) {
        tn_fail(error, TN_ERROR_INPUT, "%s: there is no such session", path);
        return NULL;
    }
    char *name = tn_sprintf(*path == '/' ? "%s" : "./%s", path);
    struct tn_store *store = name ? open_database(path, "", WRITING, error) : NULL;
    sqlite3 *from = NULL;
    bool fine = store && (sqlite3_open_v2(name, &from, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK ||
                          tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be read: %s", path,
                                  from ? sqlite3_errmsg(from) : "out of memory"));
    fine = fine && take_copy(store, path, from, error) &&
           tn_store_execute(store, "PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF", "opening",
                            error) &&
           check_tables(store, error);
    sqlite3_close(from);
    tn_free(name);
    if (fine) {
        store->scratch = true;
        return store;
    }
    tn_store_close(store);
    return NULL;
}

void tn_store_close(struct tn_store *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    if (store->lock >= 0) /* after the database: closing lets go of SQLite's locks as well */
        close(store->lock);
    tn_free(store->path);
    tn_free(store);
}

static bool push_to_disk(const char *path, struct tn_error *error)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    bool fine = file >= 0 && fsync(file) == 0;
    if (!fine)
        tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return fine;
}

bool tn_store_copy(struct tn_store *store, const char *path, struct tn_error *error)
{
    sqlite3_stmt *statement = tn_store_prepare(store, "VACUUM INTO ?1", error);
    if (!statement)
        return false;
    char *name = tn_sprintf(*path == '/' ? "%s" : "./%s", path);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    bool fine = name && sqlite3_step(statement) == SQLITE_DONE;
    if (!fine)
        tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be written: %s", path,
                sqlite3_errmsg(store->db));
    sqlite3_finalize(statement);
    tn_free(name);
    return fine && push_to_disk(path, error);
}
