/* Ratios for all layers at once. */
#include "prune/budget.h"

#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What was asked for. */
struct demand {
    enum tn_measure measure;
    const char *name; /* "flops" */
    double fraction;
};

static bool read_fraction(const char *name, const char *text, double *fraction,
                          struct tn_error *error)
{
    double value;
    if (!tn_parse_real(name, text, -HUGE_VAL, HUGE_VAL, &value, error))
        return false;
    if (value <= 0 || value > 1)
        return tn_fail(
            error, TN_ERROR_USE,
            "%s %.60s is out of range: expected the fraction of today's %s to keep, 0 < F <= 1%s",
            name, text, name, value > 1 && value <= 100 ? " (per cent divided by 100)" : "");
    *fraction = value;
    return true;
}

static bool read_demand(const struct tn_command_line *line, struct demand *demand,
                        struct tn_error *error)
{
    bool flops = tn_line_given(line, "flops");
    if (flops == tn_line_given(line, "params"))
        return tn_fail(error, TN_ERROR_USE, "expected one of flops=F, params=F");
    demand->measure = flops ? TN_FLOPS : TN_PARAMS;
    demand->name = flops ? "flops" : "params";
    return read_fraction(demand->name, tn_line_option(line, demand->name), &demand->fraction,
                         error);
}

static void set_method(struct tn_state *state, const char *name)
{
    const struct tn_method *method = name ? tn_method_find(name) : NULL;
    for (int g = 0; method && g < state->model->groups.count; g++) {
        if (state->model->groups.group[g].prunable)
            tn_state_set_method(state, g, method, state->settings[g].seed);
    }
}

/* Is there a choice to be made in the group? */
static bool is_open(const struct tn_state *state, int g)
{
    int least, most;
    tn_state_bounds(state, g, &least, &most);
    return state->model->groups.group[g].prunable && least < most;
}

static bool check_sampled(const struct tn_state *state, struct tn_error *error)
{
    const struct tn_groups *groups = &state->model->groups;
    int open = 0, missing = 0, first = 0;
    for (int g = groups->count - 1; g >= 0; g--) {
        if (!is_open(state, g))
            continue;
        open++;
        if (state->settings[g].statistic)
            continue;
        missing++;
        first = g;
    }
    if (open == 0)
        return tn_fail(error, TN_ERROR_USE,
                       "there is nothing to choose: no layer of this network can be pruned, or all "
                       "are locked");
    return missing == 0 ||
           tn_fail(error, TN_ERROR_USE,
                   "%d of %d layers are not sampled yet ('%.80s' is the first): sample all first",
                   missing, open, groups->group[first].name);
}

/* A path's errors by the number kept. */
static double *curve_of(const struct tn_path *path, struct tn_error *error)
{
    size_t count = (size_t)path->channels + 1;
    double *curve = tn_alloc(count, sizeof *curve);
    if (!curve)
        tn_fail_memory(error, "a budget", count * sizeof *curve);
    for (int k = 0; curve && k <= path->channels; k++)
        curve[k] = path->error_ls[path->channels - k];
    return curve;
}

static bool describe_group(const struct tn_state *state, int g, struct tn_budget_group *group,
                           struct tn_error *error)
{
    tn_state_bounds(state, g, &group->least, &group->most);
    if (!state->model->groups.group[g].prunable)
        group->least = group->most = state->model->groups.group[g].channels;
    if (!is_open(state, g))
        return true;
    const struct tn_layer_path *path = tn_state_path(state, g, error);
    if (!path)
        return false;
    group->order = path->path.order;
    group->curve = curve_of(&path->path, error);
    return group->curve != NULL;
}

static bool solve(const struct tn_state *state, const struct demand *demand,
                  struct tn_budget_answer *answer, struct tn_error *error)
{
    size_t count = (size_t)state->model->groups.count;
    struct tn_budget_group *groups = tn_calloc(count, sizeof *groups);
    bool ok = groups ? true : tn_fail_memory(error, "a budget", count * sizeof *groups);
    for (size_t g = 0; ok && g < count; g++)
        ok = describe_group(state, (int)g, &groups[g], error);
    struct tn_budget budget = {&state->model->widths, groups, demand->measure, demand->fraction};
    ok = ok && tn_budget_solve(&budget, answer, error);
    for (size_t g = 0; groups && g < count; g++)
        tn_free((double *)groups[g].curve);
    tn_free(groups);
    return ok;
}

static bool put_layer(const struct tn_state *state, int g, json_t *layers, struct tn_error *error)
{
    const struct tn_group *group = &state->model->groups.group[g];
    int kept = state->settings[g].kept;
    double plain, ls;
    if (!tn_state_errors(state, g, kept, &plain, &ls, error))
        return false;
    json_t *json = json_object();
    tn_put_text(json, "name", group->name);
    tn_put_integer(json, "filters", group->channels);
    tn_put_integer(json, "keep", kept);
    tn_put_number(json, "ratio", 1 - (double)kept / group->channels);
    tn_put_number(json, "error", plain);
    tn_put_number(json, "error_ls", ls);
    tn_put_bool(json, "stale", state->settings[g].stale);
    json_array_append_new(layers, json);
    return true;
}

static void put_answer(const struct tn_state *state, const struct demand *demand,
                       const struct tn_budget_answer *answer, json_t *result)
{
    const struct tn_width_cost *cost = &answer->cost, *today = &answer->today;
    tn_put_text(result, "measure", demand->name);
    tn_put_number(result, "asked", demand->fraction);
    tn_put_number(result, "flops_ratio", cost->flops / today->flops);
    tn_put_number(result, "params_ratio", cost->params / today->params);
    tn_put_number(result, "flops_planned_ratio", cost->flops / (double)state->original.flops);
    tn_put_number(result, "params_planned_ratio", cost->params / (double)state->original.params);
    tn_put_text(result, "objective", "error");
    tn_put_number(result, "objective_value", answer->error);
    tn_put_bool(result, "limited", answer->over || answer->under);
}

static bool apply(struct tn_state *state, const struct tn_budget_answer *answer, json_t *result,
                  struct tn_error *error)
{
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    for (int g = 0; g < state->model->groups.count; g++) {
        if (!state->model->groups.group[g].prunable)
            continue;
        tn_state_set_kept(state, g, answer->kept[g]);
        if (!put_layer(state, g, layers, error))
            return false;
    }
    return true;
}

static bool run_budget(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    struct demand demand = {0};
    struct tn_budget_answer answer;
    if (!read_demand(line, &demand, error) || !tn_session_need_model(session, error) ||
        !check_sampled(session->state, error))
        return false;
    struct tn_state *next = tn_session_edit(session, error);
    if (!next)
        return false;
    set_method(next, tn_line_option(line, "method"));
    if (!solve(next, &demand, &answer, error))
        return false;
    put_answer(next, &demand, &answer, result);
    bool ok = apply(next, &answer, result, error);
    tn_free(answer.kept);
    return ok;
}

const struct tn_command tn_commands_budget[] = {
    {"budget",
     "set the ratios of all layers at once: the least error within a cost",
     "Keeps the fraction F of today's FLOPs or parameters, 0 < F <= 1, and chooses how many "
     "filters of each layer stay so that the layers' relative errors after least squares, added "
     "up, are least. Cost is the true product of what neighbouring layers keep; the answer is "
     "just below it. Locks are respected. All layers must be sampled. Nothing is cut before "
     "`prune`.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {{0}},
     {{"flops", TN_WORD_NUMBER, NULL, NULL, "fraction of today's FLOPs to keep"},
      {"params", TN_WORD_NUMBER, NULL, NULL, "fraction of today's parameters to keep"},
      {"method", TN_WORD_NAME, NULL, TN_METHODS, "rank the filters of all layers by it"},
      {"objective", TN_WORD_NAME, "error", "error", "what is to be least"}},
     run_budget},
    {0},
};
