/* Which method ranks a layer's filters, and what each would cost. */
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/selection.h"
#include <string.h>

static bool wants_samples(const struct tn_state *state, int group, const struct tn_method *method,
                          struct tn_error *error)
{
    const char *name = state->model->groups.group[group].name;
    return tn_state_can_rank(state, group, method) ||
           tn_fail(error, TN_ERROR_USE,
                   "layer '%s' is not sampled yet for method %s: sample %s first", name,
                   method->name, name);
}

/* method */

static bool run_method(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_selection selection;
    int64_t seed = 1;
    if (!tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error) ||
        !tn_session_need_model(session, error) ||
        !tn_select(session->state, tn_line_word(line, 0), &selection, error))
        return false;
    const struct tn_method *method = tn_method_find(tn_line_word(line, 1));
    bool ready = method != NULL;
    for (int i = 0; ready && i < selection.count; i++)
        ready = tn_session_need_gradients(session, selection.groups[i], method, progress, error);
    struct tn_state *next = ready ? tn_session_edit(session, error) : NULL;
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    tn_put_text(result, "method", tn_line_word(line, 1));
    bool ok = next != NULL;
    for (int i = 0; ok && i < selection.count; i++) {
        int g = selection.groups[i];
        tn_state_set_method(next, g, method, (uint64_t)seed);
        json_array_append_new(layers, tn_json_text(next->model->groups.group[g].name));
        /* What takes long is done here, where it can be seen and stopped. */
        if (tn_state_can_rank(next, g, method))
            ok = tn_state_path_by(next, g, method, progress, error) != NULL;
    }
    tn_selection_free(&selection);
    return ok;
}

/* curve */

static void put_path(json_t *json, const struct tn_layer_path *path)
{
    int channels = path->path.channels;
    tn_put(json, "error", tn_json_doubles(path->path.error, channels));
    tn_put(json, "error_ls", tn_json_doubles(path->path.error_ls, channels));
    tn_put(json, "order", tn_json_ints(path->path.order, channels));
    tn_put(json, "score", tn_json_doubles(path->score, channels));
    if (path->keep)
        tn_put_integer(json, "order_keep", path->keep);
    tn_put_number(json, "ridge", path->path.ridge);
}

/* Every method that what is sampled suffices for. */
static bool put_methods(const struct tn_state *state, int group, const struct tn_progress *progress,
                        json_t *result, struct tn_error *error)
{
    json_t *methods = json_array();
    tn_put(result, "methods", methods);
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if (!tn_state_can_rank(state, group, method))
            continue;
        struct tn_error why;
        tn_error_clear(&why);
        const struct tn_layer_path *path = tn_state_path_by(state, group, method, progress, &why);
        if (!path && why.kind == TN_ERROR_USE)
            continue; /* this layer has nothing for it, as bn-scale without a BatchNorm */
        if (!path)
            return tn_error_pass(&why, error);
        json_t *json = json_object();
        tn_put_text(json, "method", method->name);
        put_path(json, path);
        json_array_append_new(methods, json);
    }
    return true;
}

static bool run_curve(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int group;
    if (!tn_session_need_model(session, error) ||
        !tn_select_one(session->state, tn_line_word(line, 0), &group, error))
        return false;
    const struct tn_state *state = session->state;
    const struct tn_setting *setting = &state->settings[group];
    const struct tn_group *g = &state->model->groups.group[group];
    const char *asked = tn_line_option(line, "method");
    bool all = asked && strcmp(asked, "all") == 0;
    const struct tn_method *method = asked && !all ? tn_method_find(asked) : setting->method;
    if (!tn_session_need_gradients(session, group, method, progress, error) ||
        !wants_samples(state, group, method, error))
        return false;
    const struct tn_layer_path *path = tn_state_path_by(state, group, method, progress, error);
    if (!path)
        return false;
    tn_put_text(result, "layer", g->name);
    tn_put_text(result, "method", method->name);
    json_t *kept = json_array();
    for (int n = g->channels; n >= 1; n--)
        json_array_append_new(kept, json_integer(n));
    tn_put(result, "kept", kept);
    put_path(result, path);
    tn_put_integer(result, "samples", setting->statistic ? setting->statistic->gram.samples : 0);
    tn_put_bool(result, "stale", setting->stale);
    return !all || put_methods(state, group, progress, result, error);
}

#define LAYER                                                                                      \
    {                                                                                              \
        TN_WORD_LAYER, "LAYER", false, NULL                                                        \
    }

const struct tn_command tn_commands_method[] = {
    {"method",
     "how filters of a layer are ranked",
     "From the statistics: thinet removes greedily what changes the next layer's input least (Luo "
     "et al. 2017), thinet-w selects greedily with least-squares weights (Luo et al. 2018), "
     "thinet-x starts from the better of both and exchanges filters while the least-squares error "
     "falls, lasso drops filters as He et al. (2017). From the weights: l1, l2, fpgm, bn-scale. "
     "From the activations: apoz, mean-activation, taylor. random is by chance, from the seed. "
     "Locked filters stay locked.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {LAYER, {TN_WORD_NAME, "NAME", false, TN_METHODS}},
     {{"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers, for random"}},
     run_method},
    {"curve",
     "errors of a layer for every number of filters kept",
     "Relative error of the consumers' input without and with least squares, and the order of "
     "removal, by the layer's method or another one; method=all puts all methods side by side. "
     "The sets of thinet-x are not nested: its errors are those of the best set of each size, its "
     "order is made for the number that is to be kept.",
     TN_COMMAND_LONG,
     {LAYER},
     {{"method", TN_WORD_NAME, NULL, TN_METHODS "|all", "the layer's own"}},
     run_curve},
    {0},
};
