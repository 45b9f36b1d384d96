#include "session/machines.h"

#include "core/memory.h"
#include "engine/machine.h"
#include "session/results.h"
#include <stdlib.h>
#include <string.h>

char *tn_machine_text(void)
{
    const struct tn_machine *machine = tn_machine();
    json_t *json = json_object();
    tn_put_text(json, "program", machine->program);
    tn_put_text(json, "compiler", machine->compiler);
    tn_put_text(json, "flags", machine->flags);
    tn_put_text(json, "kernels", machine->kernels);
    tn_put_text(json, "openblas", machine->openblas);
    tn_put_text(json, "libc", machine->libc);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    char *own = text ? tn_strdup(text) : NULL;
    free(text);
    json_decref(json);
    return own;
}

char *tn_store_machine(struct tn_store *store, int64_t entry, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(
        store,
        "SELECT value FROM meta WHERE key LIKE 'machine:%' AND CAST(substr(key, 9) AS INTEGER) <= "
        "?1 ORDER BY CAST(substr(key, 9) AS INTEGER) DESC LIMIT 1",
        error);
    if (!s)
        return NULL;
    sqlite3_bind_int64(s, 1, entry);
    char *text = NULL;
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        const char *value = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
        text = tn_strdup(value ? value : "");
        if (!text)
            tn_fail_memory(error, "a machine's description", 1);
    } else {
        tn_store_fail(store, "reading", error);
    }
    sqlite3_finalize(s);
    return text;
}

static bool write_row(struct tn_store *store, int64_t first, const char *text,
                      struct tn_error *error)
{
    char key[40];
    snprintf(key, sizeof key, "machine:%lld", (long long)first);
    sqlite3_stmt *s = tn_store_prepare(store, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)", error);
    if (!s)
        return false;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    bool fine = sqlite3_step(s) == SQLITE_DONE || tn_store_fail(store, "writing", error);
    sqlite3_finalize(s);
    return fine;
}

bool tn_store_note_machine(struct tn_store *store, int64_t first, struct tn_error *error)
{
    char *here = tn_machine_text();
    if (!here)
        return tn_fail_memory(error, "a machine's description", 1);
    char *known = tn_store_machine(store, first, error);
    bool fine = known && (strcmp(known, here) == 0 || write_row(store, first, here, error));
    tn_free(known);
    tn_free(here);
    return fine;
}
