/* States out of the session file: networks, settings, statistics, training under way. What is the
 * same as in a state that is in memory already is shared with it, not read. */
#include "session/store_read.h"

#include "model/onnx.h"
#include <string.h>

struct source {
    struct tn_store *store;
    const struct tn_graph *near; /* or NULL: a network whose tensors may be shared */
};

static struct tn_tensor *fetch(void *context, const struct tn_digest *digest,
                               struct tn_error *error)
{
    const struct source *source = context;
    for (int v = 0; source->near && v < source->near->value_count; v++) {
        struct tn_tensor *tensor = source->near->values[v].constant;
        if (tensor && tn_digest_equal(tn_tensor_digest(tensor), digest))
            return tn_tensor_ref(tensor);
    }
    return tn_store_read_tensor(source->store, digest, error);
}

static struct tn_graph *decode(struct tn_store *store, const struct tn_digest *digest,
                               const struct tn_graph *near, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store, "SELECT data FROM graph WHERE digest=?1", error);
    if (!s)
        return NULL;
    sqlite3_bind_blob(s, 1, digest->bytes, TN_DIGEST_BYTES, SQLITE_STATIC);
    struct tn_graph *graph = NULL;
    struct source source = {store, near};
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        graph = tn_onnx_decode(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0),
                               store->path ? store->path : "session", fetch, &source, error);
    else if (code == SQLITE_DONE)
        tn_store_damaged(store, "a network is missing", error);
    else
        tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return graph;
}

static bool is_same(const struct tn_model *model, const struct tn_digest *digest,
                    enum tn_scope scope)
{
    return model && model->stored && model->scope == scope &&
           tn_digest_equal(&model->digest, digest);
}

static struct tn_model *read_model(struct tn_store *store, struct tn_digest digest,
                                   enum tn_scope scope, const struct tn_state *near,
                                   struct tn_error *error)
{
    struct tn_model *known = near ? near->model : NULL, *opened = near ? near->opened : NULL;
    if (is_same(known, &digest, scope))
        return tn_model_ref(known);
    if (is_same(opened, &digest, scope))
        return tn_model_ref(opened);
    struct tn_graph *graph = decode(store, &digest, known ? known->graph : NULL, error);
    struct tn_model *model = graph ? tn_model_new(graph, scope, error) : NULL;
    if (model) {
        model->digest = digest;
        model->stored = true;
    }
    return model;
}

static struct tn_tensor *unpack(struct tn_store *store, const struct tn_tensor *packed,
                                int64_t channels, struct tn_error *error)
{
    bool fits =
        packed->dtype == TN_DOUBLE && packed->count == (size_t)(channels * (channels + 1) / 2);
    if (!fits) {
        tn_store_damaged(store, "a statistic of another size than its layer", error);
        return NULL;
    }
    int64_t dims[2] = {channels, channels};
    struct tn_tensor *full = tn_tensor_new(TN_DOUBLE, 2, dims, error);
    if (!full)
        return NULL;
    const double *from = tn_tensor_doubles(packed);
    double *g = tn_tensor_doubles(full);
    for (int64_t i = 0; i < channels; i++) {
        for (int64_t j = 0; j <= i; j++)
            g[i * channels + j] = g[j * channels + i] = *from++;
    }
    return full;
}

static const struct tn_setting *near_setting(const struct tn_state *near, const char *layer)
{
    int g = near && near->model ? tn_model_find_group(near->model, layer) : -1;
    return g < 0 ? NULL : &near->settings[g];
}

/* Is what a column names, or its absence, the tensor that is known? */
static bool same_column(sqlite3_stmt *s, int column, struct tn_tensor *known)
{
    struct tn_digest digest;
    if (sqlite3_column_type(s, column) == SQLITE_NULL)
        return !known;
    return known && tn_column_digest(s, column, &digest) &&
           tn_digest_equal(&digest, tn_tensor_digest(known));
}

/* A tensor of doubles of this many numbers, or NULL where the column has none. */
static bool read_optional(struct tn_store *store, sqlite3_stmt *s, int column, size_t count,
                          int rank, struct tn_tensor **tensor, struct tn_error *error)
{
    struct tn_digest digest;
    *tensor = NULL;
    if (sqlite3_column_type(s, column) == SQLITE_NULL)
        return true;
    if (!tn_column_digest(s, column, &digest))
        return tn_store_damaged(store, "a statistic without contents", error);
    *tensor = tn_store_read_tensor(store, &digest, error);
    if (!*tensor)
        return false;
    bool fits = (*tensor)->dtype == TN_DOUBLE && (*tensor)->count == count &&
                (*tensor)->rank == rank && (*tensor)->dims[rank - 1] > 0;
    return fits || tn_store_damaged(store, "a statistic of another size than its layer", error);
}

static bool read_more(struct tn_store *store, sqlite3_stmt *s, struct tn_gram *gram,
                      struct tn_activity *activity, struct tn_error *error)
{
    size_t c = (size_t)gram->channels;
    struct tn_tensor *magnitudes = NULL, *gradients = NULL;
    bool fine = read_optional(store, s, 7, 2 * c, 2, &magnitudes, error) &&
                read_optional(store, s, 8, c, 2, &gradients, error) &&
                read_optional(store, s, 9, c + 1, 1, &gram->target, error);
    bool right = fine && (!magnitudes || magnitudes->dims[0] == 2) &&
                 (!gradients || gradients->dims[0] == 1);
    if (!right) {
        tn_tensor_unref(magnitudes);
        tn_tensor_unref(gradients);
        return fine ? tn_store_damaged(store, "a statistic of another size than its layer", error)
                    : false;
    }
    tn_activity_set(activity, magnitudes);
    tn_activity_set_taylor(activity, gradients);
    return true;
}

static struct tn_statistic *read_statistic(struct tn_store *store, sqlite3_stmt *s, int channels,
                                           const struct tn_setting *near, struct tn_error *error)
{
    struct tn_digest digest;
    struct tn_sampling_options sampling = {.images_per_class = sqlite3_column_int(s, 2),
                                           .locations = sqlite3_column_int(s, 3),
                                           .seed = (uint64_t)sqlite3_column_int64(s, 4)};
    struct tn_gram gram = {.channels = channels, .samples = sqlite3_column_int64(s, 1)};
    if (!tn_column_digest(s, 6, &digest) || gram.samples < 1) {
        tn_store_damaged(store, "a statistic without contents", error);
        return NULL;
    }
    struct tn_statistic *known = near ? near->statistic : NULL;
    bool same =
        known && known->stored && tn_digest_equal(&known->digest, &digest) &&
        known->gram.samples == gram.samples && known->gram.channels == channels &&
        known->sampling.seed == sampling.seed && known->sampling.locations == sampling.locations &&
        known->sampling.images_per_class == sampling.images_per_class &&
        same_column(s, 7, known->activity.magnitudes) &&
        same_column(s, 8, known->activity.gradients) && same_column(s, 9, known->gram.target);
    if (same)
        return tn_statistic_ref(known);
    struct tn_tensor *packed = tn_store_read_tensor(store, &digest, error);
    if (!packed)
        return NULL;
    gram.matrix = unpack(store, packed, channels, error);
    tn_tensor_unref(packed);
    struct tn_activity activity = {0};
    if (!gram.matrix || !read_more(store, s, &gram, &activity, error)) {
        tn_gram_free(&gram);
        tn_activity_free(&activity);
        return NULL;
    }
    struct tn_statistic *statistic = tn_statistic_new(&gram, &activity, &sampling, error);
    if (statistic) {
        statistic->digest = digest;
        statistic->stored = true;
    }
    return statistic;
}

static bool same_locks(const enum tn_lock *a, const enum tn_lock *b, int channels)
{
    if (!a || !b)
        return a == b;
    return memcmp(a, b, (size_t)channels * sizeof *a) == 0;
}

static bool place_statistic(struct tn_store *store, sqlite3_stmt *s, struct tn_state *state,
                            const struct tn_state *near, struct tn_error *error)
{
    const char *layer = (const char *)sqlite3_column_text(s, 0);
    int g = layer && state->model ? tn_model_find_group(state->model, layer) : -1;
    if (g < 0)
        return tn_store_damaged(store, "a statistic of no layer", error);
    int channels = state->model->groups.group[g].channels;
    const struct tn_setting *known = near_setting(near, layer);
    struct tn_statistic *statistic = read_statistic(store, s, channels, known, error);
    if (!statistic)
        return false;
    struct tn_setting *setting = &state->settings[g];
    bool measured_before = setting->sensitivity_stale;
    tn_state_set_statistic(state, g, statistic);
    setting->sensitivity_stale = measured_before;
    tn_statistic_unref(statistic);
    setting->stale = sqlite3_column_int(s, 5) != 0;
    bool same = known && known->statistic == statistic &&
                same_locks(known->locks, setting->locks, channels);
    if (same) {
        tn_layer_paths_unref(setting->paths);
        setting->paths = near->model == state->model ? tn_layer_paths_ref(known->paths)
                                                     : tn_layer_paths_unweighted(known->paths);
    }
    return true;
}

static bool read_statistics(struct tn_store *store, struct tn_state *state,
                            const struct tn_state *near, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(
        store,
        "SELECT layer, samples, images, locations, seed, stale, gram, activity, gradients, target "
        "FROM statistic LEFT JOIN statistic_more USING(state, layer) WHERE state=?1",
        error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, state->id);
    int code = SQLITE_DONE;
    bool fine = true;
    while (fine && (code = sqlite3_step(s)) == SQLITE_ROW)
        fine = place_statistic(store, s, state, near, error);
    if (fine && code != SQLITE_DONE)
        fine = tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return fine;
}

static bool is_opened(const struct tn_state *state, const struct tn_model *model)
{
    return model && model->stored && tn_digest_equal(&model->digest, &state->opened_digest);
}

/* The network as it was opened is often there already. */
static void share_opened(struct tn_state *state, const struct tn_state *near)
{
    struct tn_model *known[] = {state->model, near ? near->opened : NULL,
                                near ? near->model : NULL};
    for (size_t i = 0; state->opened_stored && !state->opened && i < 3; i++) {
        if (is_opened(state, known[i]))
            tn_state_set_opened(state, known[i]);
    }
}

static bool read_best_epoch(struct tn_store *store, const char *text, struct tn_epoch *best,
                            struct tn_error *error)
{
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_int_t held = 0;
    int code = json_unpack(json, "{s:i, s:I, s:F, s:F, s:F, s:F}", "epoch", &best->epoch, "held",
                           &held, "held_top1", &best->held_top1, "held_loss", &best->held_loss,
                           "test_top1", &best->test_top1, "test_top5", &best->test_top5);
    json_decref(json);
    best->held = held;
    best->best = true;
    return (code == 0 && best->epoch >= 1 && held >= 1) ||
           tn_store_damaged(store, "a checkpoint's best epoch", error);
}

static bool fill_unfinished(struct tn_store *store, struct tn_state *state, sqlite3_stmt *s,
                            const struct tn_state *near, struct tn_error *error)
{
    struct tn_digest digest, best;
    const char *command = (const char *)sqlite3_column_text(s, 0);
    struct tn_checkpoint checkpoint = {.epoch = sqlite3_column_int(s, 1),
                                       .steps = sqlite3_column_int64(s, 2)};
    if (!command || checkpoint.epoch < 1 || checkpoint.steps < 0 ||
        !tn_column_digest(s, 3, &digest))
        return tn_store_damaged(store, "a checkpoint", error);
    struct tn_unfinished *known = near ? near->unfinished : NULL;
    if (known && known->checkpoint.epoch == checkpoint.epoch &&
        strcmp(known->command, command) == 0 &&
        tn_digest_equal(tn_tensor_digest(known->checkpoint.momentum), &digest)) {
        tn_state_set_unfinished(state, known);
        return true;
    }
    struct tn_model *model = NULL;
    bool fine = true;
    if (tn_column_digest(s, 4, &best)) {
        fine = read_best_epoch(store, (const char *)sqlite3_column_text(s, 5), &checkpoint.best,
                               error);
        model = fine ? read_model(store, best, state->model->scope, state, error) : NULL;
        fine = model != NULL;
    }
    checkpoint.momentum = fine ? tn_store_read_tensor(store, &digest, error) : NULL;
    state->unfinished =
        checkpoint.momentum ? tn_unfinished_new(command, &checkpoint, model, error) : NULL;
    tn_tensor_unref(checkpoint.momentum);
    tn_model_unref(model);
    return state->unfinished != NULL;
}

static bool read_unfinished(struct tn_store *store, struct tn_state *state,
                            const struct tn_state *near, struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(store,
                                       "SELECT command, epoch, steps, momentum, best, best_epoch "
                                       "FROM checkpoint WHERE state=?1",
                                       error);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, state->id);
    int code = sqlite3_step(s);
    bool fine =
        code == SQLITE_DONE || (code == SQLITE_ROW ? fill_unfinished(store, state, s, near, error)
                                                   : tn_store_fail(store, "reading", error));
    sqlite3_finalize(s);
    return fine;
}

struct tn_model *tn_store_read_opened(struct tn_store *store, const struct tn_state *state,
                                      struct tn_error *error)
{
    return read_model(store, state->opened_digest, TN_SCOPE_INNER, state, error);
}

static bool fill_outline(struct tn_store *store, struct tn_state *state, sqlite3_stmt *s,
                         const struct tn_state *near, struct tn_error *error)
{
    (void)near;
    enum tn_scope scope;
    const char *text = (const char *)sqlite3_column_text(s, 1);
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool fine = json ? tn_state_from_json(state, json, &scope, error)
                     : tn_store_damaged(store, "settings that are not JSON", error);
    json_decref(json);
    return fine;
}

static bool fill_state(struct tn_store *store, struct tn_state *state, sqlite3_stmt *s,
                       const struct tn_state *near, struct tn_error *error)
{
    const char *text = (const char *)sqlite3_column_text(s, 1);
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json)
        return tn_store_damaged(store, "settings that are not JSON", error);
    enum tn_scope scope;
    struct tn_digest digest;
    bool fine = tn_state_from_json(state, json, &scope, error);
    /* The same data goes on being open. */
    if (fine && near && near->data && state->data && near->data->dataset &&
        tn_data_spec_same(near->data, state->data)) {
        tn_data_spec_unref(state->data);
        state->data = tn_data_spec_ref(near->data);
    }
    if (fine && tn_column_digest(s, 0, &digest)) {
        struct tn_model *model = read_model(store, digest, scope, near, error);
        bool evaluated = state->evaluated;
        fine = model && tn_state_set_model(state, model, false, 0, NULL, error) &&
               tn_state_settings_from_json(state, json, error) &&
               read_statistics(store, state, near, error);
        state->evaluated = evaluated;
        fine = fine && read_unfinished(store, state, near, error);
        if (fine)
            share_opened(state, near);
    }
    json_decref(json);
    return fine;
}

typedef bool (*filler)(struct tn_store *store, struct tn_state *state, sqlite3_stmt *s,
                       const struct tn_state *near, struct tn_error *error);

static struct tn_state *read_state(struct tn_store *store, int64_t id, filler fill,
                                   const struct tn_state *near, struct tn_error *error)
{
    sqlite3_stmt *s =
        tn_store_prepare(store, "SELECT graph, settings FROM state WHERE id=?1", error);
    if (!s)
        return NULL;
    sqlite3_bind_int64(s, 1, id);
    struct tn_state *state = NULL;
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        state = tn_state_new(error);
        if (state)
            state->id = id;
        if (state && !fill(store, state, s, near, error)) {
            tn_state_unref(state);
            state = NULL;
        }
    } else if (code == SQLITE_DONE) {
        tn_store_damaged(store, "a state is missing", error);
    } else {
        tn_store_fail(store, "reading", error);
    }
    sqlite3_finalize(s);
    return state;
}

struct tn_state *tn_store_read_state(struct tn_store *store, int64_t id,
                                     const struct tn_state *near, struct tn_error *error)
{
    return read_state(store, id, fill_state, near, error);
}

struct tn_state *tn_store_read_outline(struct tn_store *store, int64_t id, struct tn_error *error)
{
    return read_state(store, id, fill_outline, NULL, error);
}
