/* Pruning. */
#include "core/memory.h"
#include "prune/surgery.h"
#include "session/commands.h"
#include "session/cuts.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/selection.h"
#include <string.h>

/* One group on its way to the surgeon. */
struct cut_plan {
    int *removed, *stay;
    double *weights;
    bool weighted;
};

static void plan_free(struct cut_plan *plan)
{
    tn_free(plan->removed);
    tn_free(plan->stay);
    tn_free(plan->weights);
}

static bool plan_choice(const struct tn_state *state, int group, struct cut_plan *plan,
                        struct tn_error *error)
{
    const struct tn_group *g = &state->model->groups.group[group];
    struct tn_error why;
    tn_error_clear(&why);
    if (tn_state_choice(state, group, state->settings[group].kept, plan->removed, plan->stay, &why))
        return true;
    if (why.kind != TN_ERROR_NONE) {
        if (error)
            *error = why;
        return false;
    }
    return tn_fail(
        error, TN_ERROR_USE,
        "layer '%s' is not sampled yet, so which filters go is not known: sample %s first", g->name,
        g->name);
}

static bool plan_cut(const struct tn_state *state, int group, bool reweight, bool insist,
                     struct cut_plan *plan, struct tn_error *error)
{
    const struct tn_group *g = &state->model->groups.group[group];
    const struct tn_setting *setting = &state->settings[group];
    size_t channels = (size_t)g->channels;
    plan->removed = tn_alloc(channels, sizeof *plan->removed);
    plan->stay = tn_alloc(channels, sizeof *plan->stay);
    plan->weights = tn_alloc(channels, sizeof *plan->weights);
    if (!plan->removed || !plan->stay || !plan->weights)
        return tn_fail_memory(error, "a choice of filters", channels * sizeof *plan->weights);
    if (!plan_choice(state, group, plan, error))
        return false;
    if (reweight && !setting->statistic && insist)
        return tn_fail(error, TN_ERROR_USE,
                       "layer '%s' is not sampled yet: reweight=ls needs its statistic", g->name);
    plan->weighted = reweight && setting->statistic;
    double relative, ridge;
    return !plan->weighted || tn_least_squares(&setting->statistic->gram, setting->kept, plan->stay,
                                               plan->weights, &relative, &ridge, error);
}

/* Keep of a selection the groups in which something is to go. */
static void drop_untouched(const struct tn_state *state, struct tn_selection *selection)
{
    int count = 0;
    for (int i = 0; i < selection->count; i++) {
        int g = selection->groups[i];
        if (state->settings[g].kept < state->model->groups.group[g].channels)
            selection->groups[count++] = g;
    }
    selection->count = count;
}

static bool become_pruned(struct tn_session *session, struct tn_graph *graph,
                          const struct tn_selection *selection, json_t *result,
                          struct tn_error *error)
{
    struct tn_model *model = tn_model_new(graph, session->state->model->scope, error);
    struct tn_state *next = model ? tn_session_edit(session, error) : NULL;
    if (!next) {
        tn_model_unref(model);
        return false;
    }
    if (!tn_state_set_model(next, model, true, selection->count, selection->groups, error))
        return false;
    tn_put_integer(result, "params", model->cost.params);
    tn_put_integer(result, "params_all", model->cost.params_all);
    tn_put_integer(result, "flops", model->cost.flops);
    tn_put_number(result, "params_ratio",
                  (double)model->cost.params / (double)next->original.params);
    tn_put_number(result, "flops_ratio", (double)model->cost.flops / (double)next->original.flops);
    return true;
}

static bool prune_selection(struct tn_session *session, const struct tn_selection *selection,
                            bool reweight, bool insist, json_t *result, struct tn_error *error)
{
    const struct tn_state *state = session->state;
    size_t count = (size_t)selection->count;
    struct cut_plan *plans = tn_calloc(count, sizeof *plans);
    struct tn_cut *cuts = tn_calloc(count, sizeof *cuts);
    bool fine = plans && cuts ? true : tn_fail_memory(error, "cuts", count * sizeof *plans);
    json_t *layers = json_array();
    tn_put_text(result, "reweight", reweight ? "ls" : "none");
    tn_put(result, "layers", layers);
    for (size_t i = 0; fine && i < count; i++) {
        int g = selection->groups[i];
        fine = plan_cut(state, g, reweight, insist, &plans[i], error);
        cuts[i] = (struct tn_cut){g, state->settings[g].kept, plans[i].stay,
                                  plans[i].weighted ? plans[i].weights : NULL};
        if (fine)
            json_array_append_new(layers, tn_cut_json(state->model, &cuts[i]));
    }
    struct tn_graph *graph = NULL;
    if (fine)
        graph = tn_cut_channels(state->model->graph, &state->model->groups, selection->count, cuts,
                                error);
    fine = graph && become_pruned(session, graph, selection, result, error);
    for (size_t i = 0; plans && i < count; i++)
        plan_free(&plans[i]);
    tn_free(plans);
    tn_free(cuts);
    return fine;
}

static bool run_prune(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    struct tn_selection selection;
    const char *pattern = tn_line_word(line, 0);
    if (!tn_session_need_model(session, error) ||
        !tn_select(session->state, pattern ? pattern : "all", &selection, error))
        return false;
    drop_untouched(session->state, &selection);
    bool reweight = strcmp(tn_line_option(line, "reweight"), "ls") == 0;
    bool fine = selection.count > 0;
    if (!fine)
        tn_fail(error, TN_ERROR_USE,
                "there is nothing to prune: set a ratio first, as in ratio %s 0.5",
                pattern ? pattern : "all");
    fine = fine && prune_selection(session, &selection, reweight, tn_line_given(line, "reweight"),
                                   result, error);
    tn_selection_free(&selection);
    return fine;
}

const struct tn_command tn_commands_prune[] = {
    {"prune",
     "cut the filters that ratio and keep chose",
     "Removes the channels from producers and consumers at once. reweight=ls scales the consumers' "
     "remaining input "
     "channels by least squares. Layers that lost filters forget their statistics; the others' are "
     "marked stale.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{TN_WORD_LAYER, "LAYER", true, NULL}},
     {{"reweight", TN_WORD_NAME, "ls", "none|ls", "scale the remaining channels"}},
     run_prune},
    {0},
};
