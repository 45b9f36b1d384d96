#include "session/state.h"

#include "core/memory.h"
#include <math.h>
#include <string.h>

static void setting_free(struct tn_setting *setting)
{
    tn_free(setting->locks);
    tn_statistic_unref(setting->statistic);
    tn_layer_paths_unref(setting->paths);
    tn_sensitivity_unref(setting->sensitivity);
    memset(setting, 0, sizeof *setting);
}

static void setting_start(struct tn_setting *setting, int channels)
{
    memset(setting, 0, sizeof *setting);
    setting->method = tn_method_find("thinet");
    setting->seed = 1;
    setting->kept = channels;
}

static enum tn_lock *copy_locks(const enum tn_lock *locks, int channels)
{
    enum tn_lock *copy = tn_alloc((size_t)channels, sizeof *copy);
    if (copy)
        memcpy(copy, locks, (size_t)channels * sizeof *copy);
    return copy;
}

static bool setting_copy(struct tn_setting *to, const struct tn_setting *from, int channels,
                         struct tn_error *error)
{
    *to = *from;
    to->locks = NULL;
    to->statistic = tn_statistic_ref(from->statistic);
    to->paths = tn_layer_paths_ref(from->paths);
    to->sensitivity = tn_sensitivity_ref(from->sensitivity);
    if (from->locks && !(to->locks = copy_locks(from->locks, channels)))
        return tn_fail_memory(error, "locks", (size_t)channels);
    return true;
}

static void free_settings(struct tn_setting *settings, int count)
{
    for (int g = 0; settings && g < count; g++)
        setting_free(&settings[g]);
    tn_free(settings);
}

static int group_count(const struct tn_model *model)
{
    return model ? model->groups.count : 0;
}

struct tn_state *tn_state_new(struct tn_error *error)
{
    struct tn_state *state = tn_calloc(1, sizeof *state);
    if (state)
        state->model_name = tn_strdup("");
    if (!state || !state->model_name) {
        tn_free(state);
        tn_fail_memory(error, "a state", sizeof(struct tn_state));
        return NULL;
    }
    state->refs = 1;
    return state;
}

struct tn_state *tn_state_clone(const struct tn_state *state, struct tn_error *error)
{
    struct tn_state *clone = tn_state_new(error);
    if (!clone)
        return NULL;
    clone->model = tn_model_ref(state->model);
    clone->opened = tn_model_ref(state->opened);
    clone->unfinished = tn_unfinished_ref(state->unfinished);
    clone->lineage = json_incref(state->lineage);
    clone->opened_stored = state->opened_stored;
    clone->opened_digest = state->opened_digest;
    clone->original = state->original;
    clone->data = tn_data_spec_ref(state->data);
    clone->evaluated = state->evaluated;
    clone->evaluated_limit = state->evaluated_limit;
    clone->evaluation = state->evaluation;
    int count = group_count(state->model);
    clone->settings = tn_calloc((size_t)count, sizeof *clone->settings);
    bool fine = clone->settings && tn_state_set_name(clone, state->model_name, error);
    for (int g = 0; fine && g < count; g++)
        fine = setting_copy(&clone->settings[g], &state->settings[g],
                            state->model->groups.group[g].channels, error);
    if (!fine) {
        if (!clone->settings)
            tn_fail_memory(error, "settings", (size_t)count * sizeof *clone->settings);
        tn_state_unref(clone);
        return NULL;
    }
    return clone;
}

struct tn_state *tn_state_ref(struct tn_state *state)
{
    if (state)
        state->refs++;
    return state;
}

void tn_state_unref(struct tn_state *state)
{
    if (!state || --state->refs > 0)
        return;
    free_settings(state->settings, group_count(state->model));
    tn_model_unref(state->model);
    tn_model_unref(state->opened);
    json_decref(state->lineage);
    tn_unfinished_unref(state->unfinished);
    tn_data_spec_unref(state->data);
    tn_free(state->model_name);
    tn_free(state);
}

/* A group of the new network that a group of the old one goes on as: same name, same channels. In
 * another scope it must also be read by as many layers, or its statistic would be of something
 * else. */
static int successor(const struct tn_model *old, int group, const struct tn_model *next)
{
    const struct tn_group *from = &old->groups.group[group];
    int g = tn_model_find_group(next, from->name);
    if (g < 0)
        return -1;
    const struct tn_group *to = &next->groups.group[g];
    bool same = to->channels == from->channels && to->prunable == from->prunable &&
                to->consumer_count == from->consumer_count &&
                to->producer_count == from->producer_count;
    return same ? g : -1;
}

/* Channels that must stay are locked so. */
static bool keep_fixed(const struct tn_group *group, enum tn_lock **locks, struct tn_error *error)
{
    if (!group->fixed)
        return true;
    if (!*locks)
        *locks = tn_calloc((size_t)group->channels, sizeof **locks);
    if (!*locks)
        return tn_fail_memory(error, "locks", (size_t)group->channels);
    for (int c = 0; c < group->channels; c++) {
        if (group->fixed[c])
            (*locks)[c] = TN_LOCK_KEEP;
    }
    return true;
}

/* How a layer is ranked does not depend on which filters it has. */
static void keep_method(const struct tn_setting *from, const char *group,
                        const struct tn_model *next, struct tn_setting *settings)
{
    int g = tn_model_find_group(next, group);
    if (g < 0)
        return;
    settings[g].method = from->method;
    settings[g].seed = from->seed;
}

static bool listed(int group, int count, const int *groups)
{
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

/* The network has other weights now. */
static void forget_weights(struct tn_setting *setting)
{
    struct tn_layer_paths *rest = tn_layer_paths_unweighted(setting->paths);
    tn_layer_paths_unref(setting->paths);
    setting->paths = rest;
}

bool tn_state_set_model(struct tn_state *state, struct tn_model *model, bool changed, int count,
                        const int *groups, struct tn_error *error)
{
    struct tn_model *old = state->model;
    int total = model->groups.count;
    struct tn_setting *settings = tn_calloc((size_t)total, sizeof *settings);
    if (!settings) {
        tn_model_unref(model);
        return tn_fail_memory(error, "settings", (size_t)total * sizeof *settings);
    }
    for (int g = 0; g < total; g++)
        setting_start(&settings[g], model->groups.group[g].channels);
    bool ok = true;
    for (int g = 0; ok && g < group_count(old); g++) {
        int to = listed(g, count, groups) ? -1 : successor(old, g, model);
        if (to < 0) {
            keep_method(&state->settings[g], old->groups.group[g].name, model, settings);
            continue;
        }
        ok = setting_copy(&settings[to], &state->settings[g], old->groups.group[g].channels, error);
        settings[to].stale |= changed && settings[to].statistic;
        settings[to].sensitivity_stale |= changed && settings[to].sensitivity;
        if (ok && model->graph != old->graph)
            forget_weights(&settings[to]);
    }
    for (int g = 0; ok && g < total; g++)
        ok = keep_fixed(&model->groups.group[g], &settings[g].locks, error);
    if (!ok) {
        free_settings(settings, total);
        tn_model_unref(model);
        return false;
    }
    free_settings(state->settings, group_count(old));
    tn_model_unref(old);
    state->model = model;
    state->settings = settings;
    state->evaluated = state->evaluated && !changed;
    if (changed)
        tn_state_set_unfinished(state, NULL);
    return true;
}

void tn_state_set_unfinished(struct tn_state *state, struct tn_unfinished *unfinished)
{
    tn_unfinished_ref(unfinished);
    tn_unfinished_unref(state->unfinished);
    state->unfinished = unfinished;
}

void tn_state_set_lineage(struct tn_state *state, json_t *lineage)
{
    json_decref(state->lineage);
    state->lineage = lineage;
}

void tn_state_set_opened(struct tn_state *state, struct tn_model *opened)
{
    tn_model_ref(opened);
    tn_model_unref(state->opened);
    state->opened = opened;
    tn_state_set_lineage(state, NULL);
}

bool tn_state_set_name(struct tn_state *state, const char *name, struct tn_error *error)
{
    char *copy = tn_strdup(name);
    if (!copy)
        return tn_fail_memory(error, "a name", strlen(name));
    tn_free(state->model_name);
    state->model_name = copy;
    return true;
}

static void outdate(struct tn_setting *setting)
{
    setting->stale |= setting->statistic != NULL;
    setting->sensitivity_stale |= setting->sensitivity != NULL;
}

void tn_state_set_data(struct tn_state *state, struct tn_data_spec *data)
{
    tn_data_spec_ref(data);
    tn_data_spec_unref(state->data);
    state->data = data;
    state->evaluated = false;
    tn_state_set_unfinished(state, NULL);
    for (int g = 0; g < group_count(state->model); g++)
        outdate(&state->settings[g]);
}

static void drop_paths(struct tn_setting *setting)
{
    tn_layer_paths_unref(setting->paths);
    setting->paths = NULL;
}

void tn_state_set_statistic(struct tn_state *state, int group, struct tn_statistic *statistic)
{
    struct tn_setting *setting = &state->settings[group];
    tn_statistic_ref(statistic);
    tn_statistic_unref(setting->statistic);
    setting->statistic = statistic;
    setting->stale = false;
    setting->sensitivity_stale |= setting->sensitivity != NULL;
    drop_paths(setting);
}

void tn_state_set_sensitivity(struct tn_state *state, int group, struct tn_sensitivity *sensitivity)
{
    struct tn_setting *setting = &state->settings[group];
    tn_sensitivity_ref(sensitivity);
    tn_sensitivity_unref(setting->sensitivity);
    setting->sensitivity = sensitivity;
    setting->sensitivity_stale = false;
}

void tn_state_set_method(struct tn_state *state, int group, const struct tn_method *method,
                         uint64_t seed)
{
    state->settings[group].method = method;
    state->settings[group].seed = seed;
}

bool tn_state_set_locks(struct tn_state *state, int group, const enum tn_lock *locks,
                        struct tn_error *error)
{
    struct tn_setting *setting = &state->settings[group];
    int channels = state->model->groups.group[group].channels;
    enum tn_lock *copy = NULL;
    for (int c = 0; locks && c < channels && !copy; c++) {
        if (locks[c] == TN_UNLOCKED)
            continue;
        copy = copy_locks(locks, channels);
        if (!copy)
            return tn_fail_memory(error, "locks", (size_t)channels);
    }
    if (!keep_fixed(&state->model->groups.group[group], &copy, error)) {
        tn_free(copy);
        return false;
    }
    tn_free(setting->locks);
    setting->locks = copy;
    setting->sensitivity_stale |= setting->sensitivity != NULL;
    drop_paths(setting);
    tn_state_set_kept(state, group, setting->kept);
    return true;
}

void tn_state_bounds(const struct tn_state *state, int group, int *least, int *most)
{
    int channels = state->model->groups.group[group].channels;
    const enum tn_lock *locks = state->settings[group].locks;
    int keep = 0, prune = 0;
    for (int c = 0; locks && c < channels; c++) {
        keep += locks[c] == TN_LOCK_KEEP;
        prune += locks[c] == TN_LOCK_PRUNE;
    }
    *least = keep > 1 ? keep : 1;
    *most = channels - prune;
}

int tn_state_set_kept(struct tn_state *state, int group, int kept)
{
    int least, most;
    tn_state_bounds(state, group, &least, &most);
    kept = kept < least ? least : kept;
    kept = kept > most ? most : kept;
    state->settings[group].kept = kept;
    return kept;
}

bool tn_state_errors(const struct tn_state *state, int group, int kept, double *plain, double *ls,
                     struct tn_error *error)
{
    *plain = *ls = NAN;
    if (!state->settings[group].statistic)
        return true;
    struct tn_error why;
    tn_error_clear(&why);
    const struct tn_layer_path *path = tn_state_path(state, group, &why);
    if (!path)
        return tn_error_pass(&why, error);
    *plain = path->path.error[path->path.channels - kept];
    *ls = path->path.error_ls[path->path.channels - kept];
    return true;
}

/* Without a path the choice is still known where nothing goes, or exactly what is locked to go. */
static bool choose_locked(const struct tn_state *state, int group, int kept, bool *gone)
{
    int channels = state->model->groups.group[group].channels, locked = 0;
    const enum tn_lock *locks = state->settings[group].locks;
    for (int c = 0; c < channels; c++) {
        gone[c] = locks && locks[c] == TN_LOCK_PRUNE;
        locked += gone[c];
    }
    return channels - kept == locked;
}

bool tn_state_choice(const struct tn_state *state, int group, int kept, int *removed, int *stay,
                     struct tn_error *error)
{
    int channels = state->model->groups.group[group].channels;
    bool *gone = tn_calloc((size_t)channels, sizeof *gone);
    if (!gone)
        return tn_fail_memory(error, "a choice of filters", (size_t)channels);
    int count = 0;
    struct tn_error why;
    tn_error_clear(&why);
    const struct tn_layer_path *path = tn_state_path(state, group, &why);
    bool known = path || (why.kind == TN_ERROR_NONE && choose_locked(state, group, kept, gone));
    for (; path && count < channels - kept; count++) {
        removed[count] = path->path.order[count];
        gone[removed[count]] = true;
    }
    for (int c = 0; known && !path && c < channels; c++) {
        if (gone[c])
            removed[count++] = c;
    }
    tn_error_pass(&why, error);
    for (int c = 0, k = 0; known && c < channels; c++) {
        if (!gone[c])
            stay[k++] = c;
    }
    tn_free(gone);
    return known;
}
