/* What method taylor ranks by takes a backward pass, so it is collected when first asked for: on
 * the images of the statistic, for all layers that were sampled alike in one pass. */
#include "core/memory.h"
#include "prune/taylor.h"
#include "session/inside.h"

static bool same_sampling(const struct tn_sampling_options *a, const struct tn_sampling_options *b)
{
    return a->images_per_class == b->images_per_class && a->seed == b->seed;
}

/* A statistic of the network as it stands, without gradients. */
static bool lacks(const struct tn_setting *setting)
{
    return setting->statistic && !setting->stale && !setting->statistic->activity.taylor;
}

/* Collect for every group that was sampled as `like` was. */
static bool collect(const struct tn_state *state, struct tn_dataset *dataset,
                    const struct tn_sampling_options *like, const struct tn_progress *progress,
                    struct tn_error *error)
{
    const struct tn_model *model = state->model;
    size_t most = (size_t)model->groups.count;
    int count = 0, *chosen = tn_alloc(most, sizeof *chosen);
    struct tn_tensor **taylor = tn_calloc(most, sizeof(struct tn_tensor *));
    bool ok = chosen && taylor;
    if (!ok)
        tn_fail_memory(error, "gradients", most * sizeof(struct tn_tensor *));
    for (int g = 0; ok && g < model->groups.count; g++) {
        if (lacks(&state->settings[g]) &&
            same_sampling(&state->settings[g].statistic->sampling, like))
            chosen[count++] = g;
    }
    ok = ok && tn_taylor_groups(model->graph, &model->groups, count, chosen, dataset, like,
                                progress, taylor, error);
    for (int i = 0; ok && i < count; i++)
        tn_activity_set_taylor(&state->settings[chosen[i]].statistic->activity, taylor[i]);
    tn_free(chosen);
    tn_free(taylor);
    return ok;
}

bool tn_session_collect_gradients(const struct tn_state *state, int group,
                                  struct tn_dataset *dataset, const struct tn_progress *progress,
                                  struct tn_error *error)
{
    const struct tn_setting *setting = &state->settings[group];
    if (!lacks(setting))
        return true;
    struct tn_sampling_options like = setting->statistic->sampling;
    return collect(state, dataset, &like, progress, error);
}

bool tn_session_need_gradients(struct tn_session *session, int group,
                               const struct tn_method *method, const struct tn_progress *progress,
                               struct tn_error *error)
{
    const struct tn_state *state = session->state;
    const struct tn_setting *setting = &state->settings[group];
    if (!(method->needs & TN_NEEDS_GRADIENTS) || !setting->statistic ||
        setting->statistic->activity.taylor)
        return true;
    const char *name = state->model->groups.group[group].name;
    if (setting->stale)
        return tn_fail(error, TN_ERROR_USE,
                       "layer '%s' was sampled before the network or the data changed, and method "
                       "%s takes a pass over its images: sample %s first",
                       name, method->name, name);
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    return dataset && tn_session_collect_gradients(state, group, dataset, progress, error);
}
