#include "session/verify_epochs.h"

#include "core/memory.h"
#include "session/store_drop.h"
#include <stdio.h>
#include <string.h>

static bool add_row(struct tn_kept *kept, sqlite3_stmt *s, struct tn_error *error)
{
    size_t count = (size_t)kept->count;
    void *grown = tn_realloc(kept->rows, count, count + 1, sizeof *kept->rows);
    if (!grown)
        return tn_fail_memory(error, "epochs", count * sizeof *kept->rows);
    kept->rows = grown;
    kept->rows[count].epoch = sqlite3_column_int(s, 0);
    kept->rows[count].state = sqlite3_column_int64(s, 1);
    kept->count++;
    return true;
}

bool tn_kept_read(struct tn_store *store, int64_t entry, struct tn_kept *kept,
                  struct tn_error *error)
{
    *kept = (struct tn_kept){0};
    sqlite3_stmt *s = tn_store_prepare(
        store, "SELECT step, state FROM epoch_state WHERE entry=?1 ORDER BY step", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, entry);
    int code = SQLITE_DONE;
    bool fine = true;
    while (fine && (code = sqlite3_step(s)) == SQLITE_ROW)
        fine = add_row(kept, s, error);
    if (fine && code != SQLITE_DONE)
        fine = tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    if (!fine)
        tn_free(kept->rows);
    return fine;
}

/* The difference is in an epoch's network: its field says in which. */
static void name_epoch(struct tn_match *match, int epoch)
{
    char field[sizeof match->difference->field];
    snprintf(field, sizeof field, "epoch %d: %.140s", epoch, match->difference->field);
    memcpy(match->difference->field, field, sizeof field);
}

static bool compare_one(struct tn_store *store, int64_t recorded, int64_t now,
                        const struct tn_state *near, struct tn_match *match, bool *failed,
                        struct tn_error *error)
{
    struct tn_error own;
    struct tn_state *was = tn_store_read_state(store, recorded, near, &own);
    if (!was && own.kind == TN_ERROR_INPUT)
        return tn_differs(match, "the state kept in the file", own.text, "cannot be compared");
    if (!was && error)
        *error = own;
    struct tn_state *is = was ? tn_store_read_state(store, now, near, error) : NULL;
    *failed = !is;
    bool same = is && tn_compare_states(match, was, is, failed, error);
    tn_state_unref(was);
    tn_state_unref(is);
    return same;
}

bool tn_kept_compare(struct tn_store *store, const struct tn_kept *kept, int64_t again,
                     const struct tn_state *near, struct tn_match *match, bool *failed,
                     struct tn_error *error)
{
    bool same = true;
    *failed = false;
    for (int i = 0; same && i < kept->count; i++) {
        int epoch = kept->rows[i].epoch;
        int64_t now;
        *failed = !tn_store_find_epoch(store, again, epoch, &now, error);
        if (*failed)
            return false;
        /* The entry's number may be the same: then what was recorded is there until it is replaced.
         */
        bool is_kept = now && now != kept->rows[i].state;
        same = is_kept ? compare_one(store, kept->rows[i].state, now, near, match, failed, error)
                       : tn_differs(match, "network", "kept", "not kept");
        if (!same && !*failed)
            name_epoch(match, epoch);
    }
    return same;
}
