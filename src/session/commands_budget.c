/* Ratios for all layers at once. */
#include "prune/budget.h"

#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/latency_budget.h"
#include "session/proposal.h"
#include "session/results.h"
#include <math.h>
#include <string.h>

/* What was asked for. */
struct demand {
    enum tn_measure measure;
    const char *name; /* "flops" */
    double fraction, floor;
    bool sensitivity; /* accuracy lost is to be least, not the error */
    int batch;        /* of latency */
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
    static const struct {
        const char *name;
        enum tn_measure measure;
    } measures[] = {{"flops", TN_FLOPS}, {"params", TN_PARAMS}, {"latency", TN_LATENCY}};
    int64_t batch = 0;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (!tn_line_given(line, measures[i].name))
            continue;
        if (demand->name)
            return tn_fail(error, TN_ERROR_USE, "expected one of flops=F, params=F, latency=F");
        demand->name = measures[i].name;
        demand->measure = measures[i].measure;
    }
    if (!demand->name)
        return tn_fail(error, TN_ERROR_USE, "expected one of flops=F, params=F, latency=F");
    if (tn_line_given(line, "batch") && demand->measure != TN_LATENCY)
        return tn_fail(error, TN_ERROR_USE, "batch is for latency=F");
    demand->sensitivity = strcmp(tn_line_option(line, "objective"), "sensitivity") == 0;
    if (!tn_line_real(line, "floor", 0, 1, &demand->floor, error) ||
        !tn_line_integer(line, "batch", 1, 65536, &batch, error))
        return false;
    demand->batch = (int)batch;
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

static bool need_gradients(struct tn_session *session, const char *name,
                           const struct tn_progress *progress, struct tn_error *error)
{
    const struct tn_state *state = session->state;
    const struct tn_method *method = name ? tn_method_find(name) : NULL;
    for (int g = 0; method && g < state->model->groups.count; g++) {
        if (state->model->groups.group[g].prunable &&
            !tn_session_need_gradients(session, g, method, progress, error))
            return false;
    }
    return true;
}

/* Least and most channels of a group that may stay. */
static void bounds_of(const struct tn_state *state, int g, double floor, int *least, int *most)
{
    const struct tn_group *group = &state->model->groups.group[g];
    if (!group->prunable) {
        *least = *most = group->channels;
        return;
    }
    tn_state_bounds(state, g, least, most);
    int fewest = (int)ceil(floor * group->channels - 1e-9);
    *least = fewest > *least ? fewest : *least;
    *least = *least > *most ? *most : *least; /* what is locked to go goes */
}

/* Is there a choice to be made in the group? */
static bool is_open(const struct tn_state *state, int g, double floor)
{
    int least, most;
    bounds_of(state, g, floor, &least, &most);
    return least < most;
}

/* --- what the layers must have --- */

static bool is_sampled(const struct tn_state *state, int g)
{
    return state->settings[g].statistic && tn_state_can_rank(state, g, state->settings[g].method);
}

/* Measured by the method that will choose its filters, which must be able to. */
static bool is_measured(const struct tn_state *state, int g)
{
    const struct tn_setting *setting = &state->settings[g];
    return setting->sensitivity && setting->sensitivity->count > 0 &&
           setting->sensitivity->terms.method == setting->method &&
           tn_state_can_rank(state, g, setting->method);
}

static bool check_ready(const struct tn_state *state, const struct demand *demand,
                        struct tn_error *error)
{
    const struct tn_groups *groups = &state->model->groups;
    int open = 0, missing = 0, first = 0;
    for (int g = groups->count - 1; g >= 0; g--) {
        if (!is_open(state, g, demand->floor))
            continue;
        open++;
        if (demand->sensitivity ? is_measured(state, g) : is_sampled(state, g))
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
                   "%d of %d layers are not %s ('%.80s' is the first): %s all "
                   "first",
                   missing, open,
                   demand->sensitivity ? "measured yet with their method" : "sampled yet",
                   groups->group[first].name, demand->sensitivity ? "sensitivity" : "sample");
}

/* --- curves --- */

/* By the number kept: relative errors after least squares, of all layers that read the channels
 * (a statistic holds their mean), or accuracy lost. */
static double *curve_of(const struct tn_state *state, int g, bool sensitivity,
                        const struct tn_path *path, struct tn_error *error)
{
    int channels = state->model->groups.group[g].channels;
    size_t count = (size_t)channels + 1;
    double *curve = tn_alloc(count, sizeof *curve);
    if (!curve) {
        tn_fail_memory(error, "a budget", count * sizeof *curve);
        return NULL;
    }
    if (sensitivity)
        tn_sensitivity_curve(state->settings[g].sensitivity, channels, curve);
    int readers = state->model->groups.group[g].consumer_count;
    for (int k = 0; !sensitivity && k <= channels; k++)
        curve[k] = readers * path->error_ls[channels - k];
    return curve;
}

static bool describe_group(const struct tn_state *state, const struct demand *demand, int g,
                           const struct tn_progress *progress, struct tn_budget_group *group,
                           struct tn_error *error)
{
    bounds_of(state, g, demand->floor, &group->least, &group->most);
    if (group->least == group->most)
        return true;
    const struct tn_layer_path *path =
        tn_state_path_by(state, g, state->settings[g].method, progress, error);
    if (!path)
        return false;
    group->order = path->path.order;
    group->curve = curve_of(state, g, demand->sensitivity, &path->path, error);
    return group->curve != NULL;
}

static void free_groups(struct tn_budget_group *groups, size_t count)
{
    for (size_t g = 0; groups && g < count; g++)
        tn_free((double *)groups[g].curve);
    tn_free(groups);
}

static struct tn_budget_group *describe(const struct tn_state *state, const struct demand *demand,
                                        const struct tn_progress *progress, struct tn_error *error)
{
    size_t count = (size_t)state->model->groups.count;
    struct tn_budget_group *groups = tn_calloc(count, sizeof *groups);
    bool ok = groups ? true : tn_fail_memory(error, "a budget", count * sizeof *groups);
    for (size_t g = 0; ok && g < count; g++)
        ok = describe_group(state, demand, (int)g, progress, &groups[g], error);
    if (ok)
        return groups;
    free_groups(groups, count);
    return NULL;
}

/* --- the answer --- */

static bool put_layer(const struct tn_state *state, const struct demand *demand, int g,
                      const struct tn_budget_group *known, json_t *layers, struct tn_error *error)
{
    const struct tn_group *group = &state->model->groups.group[g];
    const struct tn_setting *setting = &state->settings[g];
    int kept = setting->kept;
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
    if (demand->sensitivity)
        tn_put_number(json, "lost_top1", known->curve ? known->curve[kept] : 0);
    tn_put_bool(json, "stale",
                setting->stale || (demand->sensitivity && setting->sensitivity_stale));
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
    tn_put_text(result, "objective", demand->sensitivity ? "sensitivity" : "error");
    tn_put_number(result, "objective_value", answer->error);
    tn_put_bool(result, "limited", answer->over || answer->under);
}

static bool apply(struct tn_state *state, const struct demand *demand,
                  const struct tn_budget_group *groups, const struct tn_budget_answer *answer,
                  json_t *result, struct tn_error *error)
{
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    for (int g = 0; g < state->model->groups.count; g++) {
        if (!state->model->groups.group[g].prunable)
            continue;
        tn_state_set_kept(state, g, answer->kept[g]);
        if (!put_layer(state, demand, g, &groups[g], layers, error))
            return false;
    }
    return true;
}

static bool solve(struct tn_state *state, const struct demand *demand,
                  const struct tn_budget_group *groups, const struct tn_progress *progress,
                  struct tn_budget_answer *answer, json_t *result, struct tn_error *error)
{
    if (demand->measure == TN_LATENCY)
        return tn_latency_budget(state, groups, demand->fraction, demand->batch, progress, answer,
                                 result, error);
    struct tn_budget budget = {&state->model->widths, groups, demand->measure, demand->fraction};
    return tn_budget_solve(&budget, answer, error);
}

static bool find_widths(struct tn_session *session, const struct tn_command_line *line,
                        const struct demand *demand, const struct tn_progress *progress,
                        json_t *result, struct tn_error *error)
{
    struct tn_budget_answer answer = {0};
    if (!need_gradients(session, tn_line_option(line, "method"), progress, error))
        return false;
    struct tn_state *next = tn_session_edit(session, error);
    if (!next)
        return false;
    set_method(next, tn_line_option(line, "method"));
    struct tn_budget_group *groups =
        check_ready(next, demand, error) ? describe(next, demand, progress, error) : NULL;
    bool ok = groups && solve(next, demand, groups, progress, &answer, result, error);
    if (ok)
        put_answer(next, demand, &answer, result);
    ok = ok && apply(next, demand, groups, &answer, result, error);
    free_groups(groups, (size_t)next->model->groups.count);
    tn_free(answer.kept);
    return ok;
}

/* --- before it is taken --- */

/* The line that takes what this one shows: as the options stand in the table, so that it is known
 * again however it is written. */
static char *line_to_take(const struct tn_command_line *line, struct tn_error *error)
{
    char *text = tn_strdup(line->command->name);
    const struct tn_option_spec *option = line->command->options;
    for (; text && option->key; option++) {
        if (!tn_line_given(line, option->key) || strcmp(option->key, "preview") == 0)
            continue;
        char *longer = tn_sprintf("%s %s=%s", text, option->key, tn_line_option(line, option->key));
        tn_free(text);
        text = longer;
    }
    if (!text)
        tn_fail_memory(error, "a command line", 1);
    return text;
}

static bool run_budget(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct demand demand = {0};
    bool taken = false, preview = strcmp(tn_line_option(line, "preview"), "on") == 0;
    session->looking = preview;
    if (!read_demand(line, &demand, error) || !tn_session_need_model(session, error))
        return false;
    char *take = line_to_take(line, error);
    bool ok = take && (preview || tn_session_take_proposal(session, take, result, &taken, error)) &&
              (taken || find_widths(session, line, &demand, progress, result, error)) &&
              (!preview || tn_session_propose(session, take, result, error));
    if (ok && preview)
        tn_put_bool(result, "preview", true);
    if (ok && !preview)
        tn_session_drop_proposal(session);
    tn_free(take);
    return ok;
}

const struct tn_command tn_commands_budget[] = {
    {"budget",
     "set the ratios of all layers at once: the least harm within a cost",
     "Keeps the fraction F of today's FLOPs, parameters or time, 0 < F <= 1, and chooses how many "
     "filters of each layer stay. objective=error makes the layers' relative errors after least "
     "squares least, added up; objective=sensitivity the accuracy that was measured to be lost "
     "with each layer cut alone (straight lines between the points of `sensitivity`), added up. "
     "FLOPs and parameters are the true product of what neighbouring layers keep; the answer is "
     "just below what is asked. latency is the time of a forward pass, measured: each layer is "
     "timed at several widths, and the answer cut in shape only, timed beside the network as it "
     "is, and corrected until it comes near; it depends on the machine. Locks are respected, and "
     "a floor. All layers must be sampled (objective=error). Nothing is cut before `prune`. "
     "preview=on only shows the answer; the same line without it takes what was shown.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{0}},
     {{"flops", TN_WORD_NUMBER, NULL, NULL, "fraction of today's FLOPs to keep"},
      {"params", TN_WORD_NUMBER, NULL, NULL, "fraction of today's parameters to keep"},
      {"latency", TN_WORD_NUMBER, NULL, NULL, "fraction of today's forward time to keep"},
      {"batch", TN_WORD_NUMBER, "32", NULL, "images at once, for latency (as in time)"},
      {"method", TN_WORD_NAME, NULL, TN_METHODS, "rank the filters of all layers by it"},
      {"objective", TN_WORD_NAME, "error", "error|sensitivity", "what is to be least"},
      {"floor", TN_WORD_NUMBER, "0", NULL, "least fraction of each layer's filters that stays"},
      {"preview", TN_WORD_NAME, "off", "on|off", "show the answer, change nothing"}},
     run_budget},
    {0},
};
