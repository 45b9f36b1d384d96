/* Statistics and the removal paths that follow from them. */
#include "core/memory.h"
#include "session/state.h"
#include <string.h>

struct tn_statistic *tn_statistic_new(const struct tn_gram *gram,
                                      const struct tn_sampling_options *sampling,
                                      struct tn_error *error)
{
    struct tn_statistic *statistic = tn_calloc(1, sizeof *statistic);
    if (!statistic) {
        struct tn_gram copy = *gram;
        tn_gram_free(&copy);
        tn_fail_memory(error, "a statistic", sizeof *statistic);
        return NULL;
    }
    statistic->refs = 1;
    statistic->gram = *gram;
    statistic->sampling = *sampling;
    return statistic;
}

struct tn_statistic *tn_statistic_ref(struct tn_statistic *statistic)
{
    if (statistic)
        statistic->refs++;
    return statistic;
}

void tn_statistic_unref(struct tn_statistic *statistic)
{
    if (!statistic || --statistic->refs > 0)
        return;
    tn_gram_free(&statistic->gram);
    tn_free(statistic);
}

struct tn_layer_path *tn_layer_path_ref(struct tn_layer_path *path)
{
    if (path)
        atomic_fetch_add(&path->refs, 1);
    return path;
}

void tn_layer_path_unref(struct tn_layer_path *path)
{
    if (!path || atomic_fetch_sub(&path->refs, 1) > 1)
        return;
    tn_path_free(&path->path);
    tn_free(path->score);
    tn_free(path->energy);
    tn_free(path->lock);
    tn_free(path);
}

static void fill_view(struct tn_layer_path *path)
{
    path->view = (struct tn_snapshot_path){
        .channels = path->path.channels,
        .order = path->path.order,
        .error = path->path.error,
        .error_ls = path->path.error_ls,
        .cost = path->path.cost,
        .runner_up = path->path.runner_up,
        .runner_up_cost = path->path.runner_up_cost,
        .score = path->score,
        .energy = path->energy,
        .lock = path->lock,
        .ridge = path->path.ridge,
    };
}

static struct tn_layer_path *compute(const struct tn_setting *setting, struct tn_error *error)
{
    const struct tn_gram *gram = &setting->statistic->gram;
    size_t channels = (size_t)gram->channels;
    struct tn_layer_path *path = tn_calloc(1, sizeof *path);
    if (!path) {
        tn_fail_memory(error, "a path", sizeof *path);
        return NULL;
    }
    atomic_init(&path->refs, 1);
    path->score = tn_calloc(channels, sizeof *path->score);
    path->energy = tn_calloc(channels, sizeof *path->energy);
    path->lock = tn_calloc(channels, sizeof *path->lock);
    if (!path->score || !path->energy || !path->lock) {
        tn_layer_path_unref(path);
        tn_fail_memory(error, "a path", channels * sizeof *path->score);
        return NULL;
    }
    if (!tn_path_thinet(gram, setting->locks, &path->path, error)) {
        tn_layer_path_unref(path);
        return NULL;
    }
    const double *g = tn_tensor_doubles(gram->matrix);
    double energy = tn_gram_energy(gram);
    for (size_t i = 0; i < channels; i++) {
        path->score[path->path.order[i]] = path->path.cost[i];
        path->energy[i] = energy > 0 ? g[i * channels + i] / energy : 0;
        path->lock[i] = setting->locks ? (signed char)setting->locks[i] : 0;
    }
    fill_view(path);
    return path;
}

struct tn_layer_path *tn_state_path(const struct tn_state *state, int group, struct tn_error *error)
{
    struct tn_setting *setting = &state->settings[group];
    if (!setting->statistic)
        return NULL;
    if (!setting->path)
        setting->path = compute(setting, error);
    return setting->path;
}
