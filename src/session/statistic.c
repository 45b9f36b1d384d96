/* What sampling says of a group, and the paths that follow from it. */
#include "core/memory.h"
#include "session/state.h"

struct tn_statistic *tn_statistic_new(const struct tn_gram *gram,
                                      const struct tn_activity *activity,
                                      const struct tn_sampling_options *sampling,
                                      struct tn_error *error)
{
    struct tn_statistic *statistic = tn_calloc(1, sizeof *statistic);
    if (!statistic) {
        struct tn_gram copy = *gram;
        struct tn_activity its = activity ? *activity : (struct tn_activity){0};
        tn_gram_free(&copy);
        tn_activity_free(&its);
        tn_fail_memory(error, "a statistic", sizeof *statistic);
        return NULL;
    }
    statistic->refs = 1;
    statistic->gram = *gram;
    if (activity)
        statistic->activity = *activity;
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
    tn_activity_free(&statistic->activity);
    tn_free(statistic);
}

/* What a method takes from the images it finds here. */
static const struct tn_activity *activity_of(const struct tn_statistic *statistic)
{
    return statistic && statistic->activity.channels > 0 ? &statistic->activity : NULL;
}

bool tn_state_can_rank(const struct tn_state *state, int group, const struct tn_method *method)
{
    const struct tn_statistic *statistic = state->settings[group].statistic;
    if ((method->needs & TN_NEEDS_GRAM) && !statistic)
        return false;
    const struct tn_activity *activity = activity_of(statistic);
    if (method->needs & TN_NEEDS_GRADIENTS)
        return activity && activity->taylor;
    return !(method->needs & TN_NEEDS_ACTIVITY) || (activity && activity->zeros);
}

/* An order that is made for one number kept is made for the pending one, or for half. */
static int keep_for(const struct tn_state *state, int group)
{
    int channels = state->model->groups.group[group].channels, kept = state->settings[group].kept;
    int least, most;
    tn_state_bounds(state, group, &least, &most);
    if (kept < most)
        return kept;
    int half = (channels + 1) / 2;
    return half < least ? least : half > most ? most : half;
}

struct tn_layer_path *tn_state_path_by(const struct tn_state *state, int group,
                                       const struct tn_method *method,
                                       const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_setting *setting = &state->settings[group];
    const struct tn_model *model = state->model;
    struct tn_filter_weights weights = {0};
    struct tn_method_input input = {
        .channels = model->groups.group[group].channels,
        .locks = setting->locks,
        .gram = setting->statistic ? &setting->statistic->gram : NULL,
        .activity = activity_of(setting->statistic),
        .group = model->groups.group[group].name,
        .seed = setting->seed,
        .keep = keep_for(state, group),
        .progress = progress,
    };
    if (!setting->paths && !(setting->paths = tn_layer_paths_new(error)))
        return NULL;
    if (method->needs & TN_NEEDS_WEIGHTS) {
        if (!tn_filter_weights_of(model->graph, &model->layers, &model->groups, group, &weights,
                                  error))
            return NULL;
        input.weights = &weights;
    }
    struct tn_layer_path *path = tn_layer_paths_get(setting->paths, method, &input, error);
    tn_filter_weights_free(&weights);
    return path;
}

struct tn_layer_path *tn_state_path(const struct tn_state *state, int group, struct tn_error *error)
{
    const struct tn_method *method = state->settings[group].method;
    if (!state->model->groups.group[group].prunable || !tn_state_can_rank(state, group, method))
        return NULL;
    return tn_state_path_by(state, group, method, NULL, error);
}
