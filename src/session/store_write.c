/* The way into the session file. */
#include "session/store.h"

#include "core/memory.h"
#include "model/onnx.h"
#include "session/machines.h"
#include "session/results.h"
#include "session/store_drop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool finish(struct tn_store *store, sqlite3_stmt *statement, struct tn_error *error)
{
    bool fine = sqlite3_step(statement) == SQLITE_DONE;
    if (!fine)
        tn_store_fail(store, "writing", error);
    sqlite3_finalize(statement);
    return fine;
}

static void bind_digest(sqlite3_stmt *statement, int index, const struct tn_digest *digest)
{
    sqlite3_bind_blob(statement, index, digest->bytes, TN_DIGEST_BYTES, SQLITE_STATIC);
}

static bool has_row(struct tn_store *store, const char *sql, const struct tn_digest *digest,
                    bool *has, struct tn_error *error)
{
    sqlite3_stmt *statement = tn_store_prepare(store, sql, error);
    if (!statement)
        return false;
    bind_digest(statement, 1, digest);
    int code = sqlite3_step(statement);
    *has = code == SQLITE_ROW;
    bool fine = code == SQLITE_ROW || code == SQLITE_DONE || tn_store_fail(store, "reading", error);
    sqlite3_finalize(statement);
    return fine;
}

static void dims_text(const struct tn_tensor *tensor, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < tensor->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? "," : "",
                                 (long long)tensor->dims[i]);
}

bool tn_store_put_tensor(struct tn_store *store, struct tn_tensor *tensor, struct tn_error *error)
{
    const struct tn_digest *digest = tn_tensor_digest(tensor);
    bool has;
    if (!has_row(store, "SELECT 1 FROM tensor WHERE digest=?1", digest, &has, error))
        return false;
    if (has)
        return true;
    sqlite3_stmt *s = tn_store_prepare(store, "INSERT INTO tensor VALUES(?1, ?2, ?3, ?4)", error);
    if (!s)
        return false;
    char dims[TN_MAX_RANK * 21];
    dims_text(tensor, dims, sizeof dims);
    bind_digest(s, 1, digest);
    sqlite3_bind_int(s, 2, (int)tensor->dtype);
    sqlite3_bind_text(s, 3, dims, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(s, 4, tensor->data, tensor->bytes, SQLITE_STATIC);
    return finish(store, s, error);
}

static bool write_graph_bytes(struct tn_store *store, struct tn_model *model, const uint8_t *bytes,
                              size_t size, struct tn_error *error)
{
    tn_digest_of(&model->digest, bytes, size);
    model->stored = true;
    sqlite3_stmt *s = tn_store_prepare(store, "INSERT OR IGNORE INTO graph VALUES(?1, ?2)", error);
    if (!s)
        return false;
    bind_digest(s, 1, &model->digest);
    sqlite3_bind_blob64(s, 2, bytes, size, SQLITE_STATIC);
    return finish(store, s, error);
}

static bool write_link(struct tn_store *store, const struct tn_digest *graph,
                       struct tn_tensor *tensor, struct tn_error *error)
{
    sqlite3_stmt *s =
        tn_store_prepare(store, "INSERT OR IGNORE INTO graph_tensor VALUES(?1, ?2)", error);
    if (!s)
        return false;
    bind_digest(s, 1, graph);
    bind_digest(s, 2, tn_tensor_digest(tensor));
    return finish(store, s, error);
}

static bool write_model(struct tn_store *store, struct tn_model *model, struct tn_error *error)
{
    bool has = false;
    if (model->stored &&
        !has_row(store, "SELECT 1 FROM graph WHERE digest=?1", &model->digest, &has, error))
        return false;
    if (has)
        return true;
    uint8_t *bytes;
    size_t size;
    if (!tn_onnx_encode(model->graph, false, &bytes, &size, error))
        return false;
    bool fine = write_graph_bytes(store, model, bytes, size, error);
    tn_free(bytes);
    for (int v = 0; fine && v < model->graph->value_count; v++) {
        struct tn_tensor *tensor = model->graph->values[v].constant;
        if (tensor)
            fine = tn_store_put_tensor(store, tensor, error) &&
                   write_link(store, &model->digest, tensor, error);
    }
    return fine;
}

/* G is symmetric: its lower triangle by rows is all of it. */
static struct tn_tensor *pack(const struct tn_gram *gram, struct tn_error *error)
{
    int64_t c = gram->channels, count = c * (c + 1) / 2;
    struct tn_tensor *packed = tn_tensor_new(TN_DOUBLE, 1, &count, error);
    if (!packed)
        return NULL;
    const double *g = tn_tensor_doubles(gram->matrix);
    double *out = tn_tensor_doubles(packed);
    for (int64_t i = 0; i < c; i++) {
        memcpy(out, g + i * c, (size_t)(i + 1) * sizeof *out);
        out += i + 1;
    }
    return packed;
}

static bool write_gram(struct tn_store *store, struct tn_statistic *statistic,
                       struct tn_error *error)
{
    bool has = false;
    const char *sql = "SELECT 1 FROM tensor WHERE digest=?1";
    if (statistic->stored && !has_row(store, sql, &statistic->digest, &has, error))
        return false;
    if (has)
        return true;
    struct tn_tensor *packed = pack(&statistic->gram, error);
    if (!packed)
        return false;
    statistic->digest = *tn_tensor_digest(packed);
    statistic->stored = true;
    bool fine = tn_store_put_tensor(store, packed, error);
    tn_tensor_unref(packed);
    return fine;
}

static bool bind_tensor(struct tn_store *store, sqlite3_stmt *s, int index,
                        struct tn_tensor *tensor, struct tn_error *error)
{
    if (!tensor)
        return true;
    bind_digest(s, index, tn_tensor_digest(tensor));
    return tn_store_put_tensor(store, tensor, error);
}

/* What goes with the matrix, as far as it was collected. */
static bool write_more(struct tn_store *store, int64_t state, const char *layer,
                       const struct tn_statistic *statistic, struct tn_error *error)
{
    sqlite3_stmt *s =
        tn_store_prepare(store, "INSERT INTO statistic_more VALUES(?1, ?2, ?3, ?4, ?5)", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, state);
    sqlite3_bind_text(s, 2, layer, -1, SQLITE_STATIC);
    bool fine = bind_tensor(store, s, 3, statistic->activity.magnitudes, error) &&
                bind_tensor(store, s, 4, statistic->activity.gradients, error) &&
                bind_tensor(store, s, 5, statistic->gram.target, error);
    if (fine)
        return finish(store, s, error);
    sqlite3_finalize(s);
    return false;
}

static bool write_statistic(struct tn_store *store, int64_t state, const char *layer,
                            const struct tn_setting *setting, struct tn_error *error)
{
    struct tn_statistic *statistic = setting->statistic;
    if (!write_gram(store, statistic, error) || !write_more(store, state, layer, statistic, error))
        return false;
    sqlite3_stmt *s = tn_store_prepare(
        store, "INSERT INTO statistic VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, state);
    sqlite3_bind_text(s, 2, layer, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, statistic->gram.samples);
    sqlite3_bind_int(s, 4, statistic->sampling.images_per_class);
    sqlite3_bind_int(s, 5, statistic->sampling.locations);
    sqlite3_bind_int64(s, 6, (int64_t)statistic->sampling.seed);
    sqlite3_bind_int(s, 7, setting->stale);
    bind_digest(s, 8, &statistic->digest);
    return finish(store, s, error);
}

static bool write_state_row(struct tn_store *store, const struct tn_state *state,
                            struct tn_error *error)
{
    json_t *json = tn_state_to_json(state);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return tn_fail_memory(error, "a state", 1);
    sqlite3_stmt *s = tn_store_prepare(store, "INSERT INTO state VALUES(?1, ?2, ?3)", error);
    bool fine = s != NULL;
    if (fine) {
        sqlite3_bind_int64(s, 1, state->id);
        if (state->model)
            bind_digest(s, 2, &state->model->digest);
        sqlite3_bind_text(s, 3, text, -1, SQLITE_STATIC);
        fine = finish(store, s, error);
    }
    free(text);
    return fine;
}

static bool write_checkpoint(struct tn_store *store, int64_t state,
                             const struct tn_unfinished *unfinished, const char *best_epoch,
                             struct tn_error *error)
{
    const struct tn_checkpoint *checkpoint = &unfinished->checkpoint;
    sqlite3_stmt *s =
        tn_store_prepare(store, "INSERT INTO checkpoint VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, state);
    sqlite3_bind_text(s, 2, unfinished->command, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, checkpoint->epoch);
    sqlite3_bind_int64(s, 4, checkpoint->steps);
    bind_digest(s, 5, tn_tensor_digest(checkpoint->momentum));
    if (unfinished->best) {
        bind_digest(s, 6, &unfinished->best->digest);
        sqlite3_bind_text(s, 7, best_epoch, -1, SQLITE_STATIC);
    }
    return finish(store, s, error);
}

static bool write_unfinished(struct tn_store *store, int64_t state,
                             const struct tn_unfinished *unfinished, struct tn_error *error)
{
    if (!tn_store_put_tensor(store, unfinished->checkpoint.momentum, error) ||
        (unfinished->best && !write_model(store, unfinished->best, error)))
        return false;
    json_t *json = tn_json_epoch(&unfinished->checkpoint.best);
    char *best = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!best)
        return tn_fail_memory(error, "a checkpoint", 1);
    bool fine = write_checkpoint(store, state, unfinished, best, error);
    free(best);
    return fine;
}

static bool state_is_there(struct tn_store *store, int64_t id, bool *there, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "SELECT 1 FROM state WHERE id=?1", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, id);
    int code = sqlite3_step(s);
    *there = code == SQLITE_ROW;
    sqlite3_finalize(s);
    return code == SQLITE_ROW || code == SQLITE_DONE || tn_store_fail(store, "reading", error);
}

static bool write_state(struct tn_store *store, const struct tn_state *state,
                        struct tn_error *error)
{
    bool there;
    if (!state_is_there(store, state->id, &there, error))
        return false;
    if (there)
        return true; /* states do not change: many entries may stand at one */
    bool fine = (!state->model || write_model(store, state->model, error)) &&
                (!state->opened || write_model(store, state->opened, error));
    fine = fine && write_state_row(store, state, error) &&
           (!state->unfinished || write_unfinished(store, state->id, state->unfinished, error));
    int count = state->model ? state->model->groups.count : 0;
    for (int g = 0; fine && g < count; g++) {
        if (state->settings[g].statistic)
            fine = write_statistic(store, state->id, state->model->groups.group[g].name,
                                   &state->settings[g], error);
    }
    return fine;
}

static bool write_metric(struct tn_store *store, sqlite3_stmt *s, int64_t entry, int step,
                         const char *name, double value, struct tn_error *error)
{
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, entry);
    sqlite3_bind_int(s, 2, step);
    sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 4, value);
    return sqlite3_step(s) == SQLITE_DONE || tn_store_fail(store, "writing", error);
}

static bool write_epochs(struct tn_store *store, const struct tn_entry *entry,
                         struct tn_error *error)
{
    sqlite3_stmt *s =
        tn_store_prepare(store, "INSERT OR REPLACE INTO metric VALUES(?1, ?2, ?3, ?4)", error);
    bool fine = s != NULL;
    for (int i = entry->epochs_written; fine && i < entry->epoch_count; i++) {
        const struct tn_epoch *e = &entry->epochs[i];
        const struct {
            const char *name;
            double value;
        } metrics[] = {{"lr", e->learning_rate},
                       {"loss", e->loss},
                       {"train_top1", e->train_top1},
                       {"test_top1", e->test_top1},
                       {"test_top5", e->test_top5},
                       {"images_per_second", e->images_per_second},
                       {"seconds", e->seconds},
                       {"held", (double)e->held},
                       {"held_top1", e->held_top1},
                       {"held_loss", e->held_loss},
                       {"best", e->best}};
        size_t count = e->held > 0 ? 11 : 7;
        for (size_t m = 0; fine && m < count; m++)
            fine = write_metric(store, s, entry->id, e->epoch, metrics[m].name, metrics[m].value,
                                error);
    }
    sqlite3_finalize(s);
    return fine;
}

/* The state that the entry had before goes, or stays as that of its epoch. */
static bool settle_epochs(struct tn_store *store, const struct tn_entry *entry,
                          struct tn_error *error)
{
    bool replaced = entry->stored_state_id && entry->stored_state_id != entry->state_id;
    if (entry->keep == TN_KEEP_RESULT)
        return !replaced || tn_store_drop_state(store, entry->stored_state_id, error);
    if (replaced && !tn_store_drop_checkpoint(store, entry->stored_state_id, error))
        return false;
    if (entry->epochs_written == entry->epoch_count)
        return true;
    int epoch = entry->epochs[entry->epoch_count - 1].epoch;
    return tn_store_put_epoch(store, entry->id, epoch, entry->state_id, error) &&
           (entry->keep == TN_KEEP_ALL || tn_store_drop_epochs(store, entry->id, epoch, error));
}

static bool write_entry(struct tn_store *store, const struct tn_entry *entry,
                        struct tn_error *error)
{
    if (entry->state && !write_state(store, entry->state, error))
        return false;
    sqlite3_stmt *s = tn_store_prepare(
        store, "INSERT OR REPLACE INTO entry VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, entry->id);
    sqlite3_bind_int64(s, 2, entry->parent);
    sqlite3_bind_text(s, 3, entry->command, -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 4, entry->time);
    sqlite3_bind_double(s, 5, entry->seconds);
    sqlite3_bind_int(s, 6, (int)entry->status);
    sqlite3_bind_int(s, 7, entry->changes);
    sqlite3_bind_text(s, 8, entry->result, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, entry->state_id);
    return finish(store, s, error) && write_epochs(store, entry, error) &&
           settle_epochs(store, entry, error);
}

static bool write_meta(struct tn_store *store, const char *key, int64_t value,
                       struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)", error);
    if (!s)
        return false;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, value);
    return finish(store, s, error);
}

bool tn_store_put_place(struct tn_store *store, const struct tn_journal *journal,
                        struct tn_error *error)
{
    return write_meta(store, "head", journal->head, error) &&
           write_meta(store, "tip", journal->tip, error) &&
           (!journal->last || write_meta(store, "last", journal->last, error));
}

bool tn_store_put(struct tn_store *store, const struct tn_journal *journal, struct tn_error *error)
{
    if (!tn_store_execute(store, "BEGIN IMMEDIATE", "writing", error))
        return false;
    bool fine = true;
    int64_t first_new = 0;
    for (int i = 0; fine && i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        if (!first_new && !entry->stored_state_id)
            first_new = entry->id;
        if (!entry->written)
            fine = write_entry(store, entry, error);
    }
    fine = fine && (!first_new || tn_store_note_machine(store, first_new, error)) &&
           tn_store_put_place(store, journal, error) &&
           tn_store_execute(store, "COMMIT", "writing", error);
    if (!fine)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return fine;
}

void tn_journal_mark_written(struct tn_journal *journal)
{
    for (int i = 0; i < journal->count; i++) {
        struct tn_entry *entry = journal->entries[i];
        entry->written = true;
        entry->epochs_written = entry->epoch_count;
        entry->stored_state_id = entry->state_id;
        tn_state_unref(entry->state);
        entry->state = NULL;
    }
}

bool tn_store_write(struct tn_store *store, struct tn_journal *journal, struct tn_error *error)
{
    if (!tn_store_put(store, journal, error))
        return false;
    tn_journal_mark_written(journal);
    return true;
}
