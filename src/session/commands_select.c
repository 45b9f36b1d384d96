/* Commands that choose filters: nothing is computed on images. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/selection.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The result of ratio, keep, step, back and run: every layer chosen; one alone also at the top. */
static bool put_choices(const struct tn_state *state, const struct tn_selection *selection,
                        const bool *limited, json_t *result, struct tn_error *error)
{
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    for (int i = 0; i < selection->count; i++) {
        json_t *choice = tn_choice_json(state, selection->groups[i], error);
        if (!choice)
            return false;
        if (limited[i])
            tn_put_bool(choice, "limited", true);
        if (selection->count == 1)
            json_object_update(result, choice);
        json_array_append_new(layers, choice);
    }
    int64_t params, flops;
    if (!tn_state_planned(state, &params, &flops, error))
        return false;
    tn_put_number(result, "params_planned_ratio", (double)params / (double)state->original.params);
    tn_put_number(result, "flops_planned_ratio", (double)flops / (double)state->original.flops);
    return true;
}

/* How many channels of a group a command wants kept. */
typedef bool (*wish)(const struct tn_state *state, int group, const void *context, int *kept,
                     struct tn_error *error);

static bool set_kept(struct tn_session *session, const struct tn_command_line *line, wish wished,
                     const void *context, json_t *result, struct tn_error *error)
{
    struct tn_selection selection;
    if (!tn_session_need_model(session, error) ||
        !tn_select(session->state, tn_line_word(line, 0), &selection, error))
        return false;
    struct tn_state *next = tn_session_edit(session, error);
    bool *limited = tn_calloc((size_t)selection.count, sizeof *limited);
    bool fine = next && (limited || tn_fail_memory(error, "a selection", (size_t)selection.count));
    for (int i = 0; fine && i < selection.count; i++) {
        int g = selection.groups[i], kept = 0;
        fine = wished(next, g, context, &kept, error);
        if (fine)
            limited[i] = tn_state_set_kept(next, g, kept) != kept;
    }
    fine = fine && put_choices(next, &selection, limited, result, error);
    tn_free(limited);
    tn_selection_free(&selection);
    return fine;
}

int tn_kept_for_ratio(int filters, double ratio)
{
    /* 10 * (1 - 0.3) may be 7 or 6.999999999999999 in binary: what is within 1e-9 of a whole number
     * is meant to be it. */
    int kept = (int)floor(filters * (1 - ratio) + 1e-9);
    return kept < 1 ? 1 : kept;
}

static bool wish_ratio(const struct tn_state *state, int group, const void *context, int *kept,
                       struct tn_error *error)
{
    (void)error;
    *kept = tn_kept_for_ratio(state->model->groups.group[group].channels, *(const double *)context);
    return true;
}

static bool parse_ratio(const char *text, double *ratio, struct tn_error *error)
{
    double value;
    if (!tn_parse_real("ratio", text, -HUGE_VAL, HUGE_VAL, &value, error))
        return false;
    if (value < 0 || value >= 1)
        return tn_fail(
            error, TN_ERROR_USE,
            "ratio %.60s is out of range: expected the fraction of filters to remove, 0 <= R < 1%s",
            text, value > 1 && value < 100 ? " (per cent divided by 100)" : "");
    *ratio = value;
    return true;
}

static bool run_ratio(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    double ratio = 0;
    return parse_ratio(tn_line_word(line, 1), &ratio, error) &&
           set_kept(session, line, wish_ratio, &ratio, result, error);
}

static bool wish_count(const struct tn_state *state, int group, const void *context, int *kept,
                       struct tn_error *error)
{
    const struct tn_group *g = &state->model->groups.group[group];
    int64_t count = *(const int64_t *)context;
    if (count > g->channels)
        return tn_fail(error, TN_ERROR_USE, "layer '%s' has %d filters: %lld cannot be kept",
                       g->name, g->channels, (long long)count);
    *kept = (int)count;
    return true;
}

static bool run_keep(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    int64_t count = 0;
    return tn_parse_integer("N", tn_line_word(line, 1), 1, INT32_MAX, &count, error) &&
           set_kept(session, line, wish_count, &count, result, error);
}

/* The path by the group's own method; without one, which command is missing. */
static const struct tn_layer_path *need_path(const struct tn_state *state, int group,
                                             struct tn_error *error)
{
    const struct tn_setting *setting = &state->settings[group];
    const char *name = state->model->groups.group[group].name;
    if (tn_state_can_rank(state, group, setting->method))
        return tn_state_path_by(state, group, setting->method, NULL, error);
    tn_fail(error, TN_ERROR_USE, "layer '%s' is not sampled yet%s: sample %s first", name,
            setting->statistic ? " for its method" : "", name);
    return NULL;
}

static bool need_statistic(const struct tn_state *state, int group, struct tn_error *error)
{
    const char *name = state->model->groups.group[group].name;
    return state->settings[group].statistic ||
           tn_fail(error, TN_ERROR_USE, "layer '%s' is not sampled yet: sample %s first", name,
                   name);
}

/* `context`: how many filters to remove from what is kept; negative takes back. */
static bool wish_move(const struct tn_state *state, int group, const void *context, int *kept,
                      struct tn_error *error)
{
    const struct tn_setting *setting = &state->settings[group];
    const struct tn_group *g = &state->model->groups.group[group];
    int64_t by = *(const int64_t *)context;
    int least, most;
    tn_state_bounds(state, group, &least, &most);
    if (!need_path(state, group, error))
        return false;
    if (by > 0 && setting->kept == least)
        return tn_fail(error, TN_ERROR_USE, "layer '%s' is at its end: %d of %d filters stay",
                       g->name, least, g->channels);
    if (by < 0 && setting->kept == most)
        return tn_fail(error, TN_ERROR_USE, "layer '%s' is at its beginning: no step to take back",
                       g->name);
    int64_t to = setting->kept - by;
    *kept = (int)(to < least ? least : to > most ? most : to);
    return true;
}

static bool move(struct tn_session *session, const struct tn_command_line *line, int sign,
                 json_t *result, struct tn_error *error)
{
    int64_t steps = 1;
    const char *text = tn_line_word(line, 1);
    if (text && !tn_parse_integer("N", text, 1, INT32_MAX, &steps, error))
        return false;
    steps *= sign;
    return set_kept(session, line, wish_move, &steps, result, error);
}

static bool run_step(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    return move(session, line, 1, result, error);
}

static bool run_back(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    return move(session, line, -1, result, error);
}

/* As far down the path as every error on the way stays within the limit. */
static bool wish_error(const struct tn_state *state, int group, const void *context, int *kept,
                       struct tn_error *error)
{
    double limit = *(const double *)context;
    const struct tn_group *g = &state->model->groups.group[group];
    const struct tn_layer_path *path =
        need_statistic(state, group, error) ? need_path(state, group, error) : NULL;
    if (!path)
        return false;
    int removed = 0;
    while (removed + 1 < g->channels && path->path.error[removed + 1] <= limit)
        removed++;
    *kept = g->channels - removed;
    return true;
}

static bool run_until(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    if (line->pair_count != 1)
        return tn_fail(error, TN_ERROR_USE, "expected one of keep=N, ratio=R, error=E");
    if (tn_line_given(line, "keep")) {
        int64_t count = 0;
        return tn_line_integer(line, "keep", 1, INT32_MAX, &count, error) &&
               set_kept(session, line, wish_count, &count, result, error);
    }
    double value = 0;
    if (tn_line_given(line, "ratio"))
        return parse_ratio(tn_line_option(line, "ratio"), &value, error) &&
               set_kept(session, line, wish_ratio, &value, result, error);
    return tn_line_real(line, "error", 0, HUGE_VAL, &value, error) &&
           set_kept(session, line, wish_error, &value, result, error);
}

static json_t *locked(const enum tn_lock *locks, int channels, enum tn_lock kind)
{
    json_t *array = json_array();
    for (int c = 0; locks && c < channels; c++) {
        if (locks[c] == kind)
            json_array_append_new(array, json_integer(c));
    }
    return array;
}

/* Set some filters of a group to a lock; text NULL means all of them. */
static bool lock_group(struct tn_state *state, int group, const char *text, enum tn_lock kind,
                       json_t *layers, struct tn_error *error)
{
    const struct tn_group *g = &state->model->groups.group[group];
    size_t channels = (size_t)g->channels;
    bool *chosen = tn_calloc(channels, sizeof *chosen);
    enum tn_lock *locks = tn_calloc(channels, sizeof *locks);
    bool fine = chosen && locks ? true : tn_fail_memory(error, "locks", channels * sizeof *locks);
    if (fine && text && !tn_parse_filters(text, g->channels, chosen, error))
        fine = tn_fail_in(error, "layer '%s'", g->name);
    int pruned = 0;
    for (size_t c = 0; fine && c < channels; c++) {
        const enum tn_lock *old = state->settings[group].locks;
        locks[c] = !text || chosen[c] ? kind : old ? old[c] : TN_UNLOCKED;
        pruned += locks[c] == TN_LOCK_PRUNE;
        if (g->fixed && g->fixed[c] && locks[c] == TN_LOCK_PRUNE)
            fine = tn_fail(error, TN_ERROR_USE,
                           "layer '%s': filter %zu must stay, a part of the network cannot do "
                           "without it",
                           g->name, c);
    }
    if (fine && pruned == g->channels)
        fine =
            tn_fail(error, TN_ERROR_USE, "layer '%s': all %d filters would be locked to be pruned",
                    g->name, g->channels);
    fine = fine && tn_state_set_locks(state, group, locks, error);
    if (fine) {
        json_t *json = json_object();
        tn_put_text(json, "layer", g->name);
        tn_put_integer(json, "keep", state->settings[group].kept);
        tn_put(json, "locked_keep", locked(locks, g->channels, TN_LOCK_KEEP));
        tn_put(json, "locked_prune", locked(locks, g->channels, TN_LOCK_PRUNE));
        json_array_append_new(layers, json);
    }
    tn_free(chosen);
    tn_free(locks);
    return fine;
}

static bool lock_layers(struct tn_session *session, const struct tn_command_line *line,
                        enum tn_lock kind, json_t *result, struct tn_error *error)
{
    struct tn_selection selection;
    if (!tn_session_need_model(session, error) ||
        !tn_select(session->state, tn_line_word(line, 0), &selection, error))
        return false;
    struct tn_state *next = tn_session_edit(session, error);
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    bool fine = next != NULL;
    for (int i = 0; fine && i < selection.count; i++)
        fine = lock_group(next, selection.groups[i], tn_line_word(line, 1), kind, layers, error);
    tn_selection_free(&selection);
    return fine;
}

static bool run_lock(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    bool keep = strcmp(tn_line_word(line, 2), "keep") == 0;
    return lock_layers(session, line, keep ? TN_LOCK_KEEP : TN_LOCK_PRUNE, result, error);
}

static bool run_unlock(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    return lock_layers(session, line, TN_UNLOCKED, result, error);
}

#define LAYER                                                                                      \
    {                                                                                              \
        TN_WORD_LAYER, "LAYER", false, NULL                                                        \
    }

const struct tn_command tn_commands_select[] = {
    {"ratio",
     "set the fraction of a layer's filters to remove",
     "R is the fraction removed, 0 <= R < 1; the number kept is rounded down, and at least one "
     "filter stays. "
     "Nothing is cut before `prune`.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER, {TN_WORD_NUMBER, "R", false, NULL}},
     {{0}},
     run_ratio},
    {"keep",
     "set how many filters of a layer stay",
     "Nothing is cut before `prune`.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER, {TN_WORD_NUMBER, "N", false, NULL}},
     {{0}},
     run_keep},
    {"lock",
     "fix filters: to be kept, or to be pruned first",
     "FILTERS are numbers and ranges: 3,7,10-15. The order of removal is found anew around them.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER,
      {TN_WORD_NAME, "FILTERS", false, NULL},
      {TN_WORD_NAME, "keep|prune", false, "keep|prune"}},
     {{0}},
     run_lock},
    {"unlock",
     "free locked filters",
     "Without FILTERS all of the layer's.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER, {TN_WORD_NAME, "FILTERS", true, NULL}},
     {{0}},
     run_unlock},
    {"step",
     "remove the next filter of a layer, or the next N",
     "The greedy walk, one filter at a time.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER, {TN_WORD_NUMBER, "N", true, NULL}},
     {{0}},
     run_step},
    {"back",
     "take the last removal of a layer back, or the last N",
     "The greedy walk, backwards.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER, {TN_WORD_NUMBER, "N", true, NULL}},
     {{0}},
     run_back},
    {"run",
     "walk until so many filters stay, or until the error would exceed E",
     "One of keep=N, ratio=R, error=E. E is the relative error without reweighting; the walk goes "
     "from the "
     "start and ends before the first filter that would exceed it.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {LAYER},
     {{"keep", TN_WORD_NUMBER, NULL, NULL, "filters that stay"},
      {"ratio", TN_WORD_NUMBER, NULL, NULL, "fraction removed"},
      {"error", TN_WORD_NUMBER, NULL, NULL, "largest relative error"}},
     run_until},
    {0},
};
