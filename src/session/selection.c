#include "session/selection.h"

#include "core/memory.h"
#include "session/nearest.h"
#include "session/results.h"
#include "session/words.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_glob(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

static bool unknown_layer(const struct tn_layers *layers, const char *name, struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[160];
    tn_nearest_start(&nearest, name);
    for (int l = 0; l < layers->count; l++)
        tn_nearest_offer(&nearest, layers->layer[l].name);
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE, "there is no layer '%.80s'%s; 'layers' lists them", name,
                   hint);
}

/* Groups whose layers match, each once; how many layers matched at all. */
static int match(const struct tn_state *state, const char *pattern, struct tn_selection *selection)
{
    const struct tn_model *model = state->model;
    bool all = strcmp(pattern, "all") == 0;
    int matched = 0;
    for (int g = 0; g < model->groups.count; g++) {
        bool wanted = false;
        for (int l = 0; l < model->layers.count; l++) {
            bool hit = model->groups.of_layer[l] == g &&
                       (all || fnmatch(pattern, model->layers.layer[l].name, 0) == 0);
            matched += hit;
            wanted |= hit;
        }
        if (wanted && model->groups.group[g].prunable)
            selection->groups[selection->count++] = g;
    }
    return matched;
}

static bool select_named(const struct tn_state *state, int layer, struct tn_selection *selection,
                         struct tn_error *error)
{
    const struct tn_model *model = state->model;
    int g = model->groups.of_layer[layer];
    const struct tn_group *group = g >= 0 ? &model->groups.group[g] : NULL;
    if (!group || !group->prunable)
        return tn_fail(error, TN_ERROR_USE, "layer '%s' cannot be pruned: %s",
                       model->layers.layer[layer].name,
                       group && group->why_not ? group->why_not : "it is in no group of channels");
    selection->groups[selection->count++] = g;
    return true;
}

void tn_selection_free(struct tn_selection *selection)
{
    tn_free(selection->groups);
    memset(selection, 0, sizeof *selection);
}

/* What a list of numbers counts, and within which bounds they are. */
struct counted {
    const char *what; /* "filter" */
    int least, most;
};

static bool parse_range(const char *part, const struct counted *counted, bool *chosen,
                        struct tn_error *error)
{
    const char *dash = strchr(part, '-');
    char first[16];
    int64_t from, to;
    snprintf(first, sizeof first, "%.*s", dash ? (int)(dash - part) : 15, part);
    if (!tn_parse_integer(counted->what, first, counted->least, counted->most, &from, error))
        return false;
    to = from;
    if (dash &&
        !tn_parse_integer(counted->what, dash + 1, counted->least, counted->most, &to, error))
        return false;
    if (to < from)
        return tn_fail(error, TN_ERROR_USE, "%ss %s: the range runs backwards", counted->what,
                       part);
    for (int64_t c = from; c <= to; c++)
        chosen[c] = true;
    return true;
}

/* "3,7,10-15" as flags [most + 1]. */
static bool parse_numbers(const char *text, const struct counted *counted, bool *chosen,
                          struct tn_error *error)
{
    memset(chosen, 0, ((size_t)counted->most + 1) * sizeof *chosen);
    while (*text) {
        size_t length = strcspn(text, ",");
        char part[32];
        if (length == 0 || length >= sizeof part)
            return tn_fail(error, TN_ERROR_USE,
                           "%ss '%.40s': expected numbers and ranges as in 3,7,10-15",
                           counted->what, text);
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        if (!parse_range(part, counted, chosen, error))
            return false;
        text += length;
        if (*text == ',' && !*++text)
            return tn_fail(error, TN_ERROR_USE, "%ss: a number is missing after the last comma",
                           counted->what);
    }
    return true;
}

bool tn_parse_filters(const char *text, int channels, bool *chosen, struct tn_error *error)
{
    return parse_numbers(text, &(struct counted){"filter", 0, channels - 1}, chosen, error);
}

/* "@2-5,9": by place among the layers that can be pruned, from 1. */
static bool select_places(const struct tn_state *state, const char *text,
                          struct tn_selection *selection, struct tn_error *error)
{
    const struct tn_groups *groups = &state->model->groups;
    struct counted counted = {"layer", 1, 0};
    for (int g = 0; g < groups->count; g++)
        counted.most += groups->group[g].prunable;
    bool *chosen = tn_calloc((size_t)counted.most + 1, sizeof *chosen);
    if (!chosen)
        return tn_fail_memory(error, "a selection", (size_t)counted.most + 1);
    bool fine = parse_numbers(text + 1, &counted, chosen, error) ||
                tn_fail_in(error, "'%.40s', the places of layers that can be pruned", text);
    for (int g = 0, place = 0; fine && g < groups->count; g++) {
        place += groups->group[g].prunable;
        if (groups->group[g].prunable && chosen[place])
            selection->groups[selection->count++] = g;
    }
    tn_free(chosen);
    return fine &&
           (selection->count > 0 || tn_fail(error, TN_ERROR_USE, "'%.40s' names no layer", text));
}

static bool fill(const struct tn_state *state, const char *pattern, struct tn_selection *selection,
                 struct tn_error *error)
{
    int layer = tn_layers_find(&state->model->layers, pattern);
    if (layer >= 0)
        return select_named(state, layer, selection, error);
    if (*pattern == '@')
        return select_places(state, pattern, selection, error);
    if (strcmp(pattern, "all") != 0 && !is_glob(pattern))
        return unknown_layer(&state->model->layers, pattern, error);
    int matched = match(state, pattern, selection);
    if (matched == 0)
        return tn_fail(error, TN_ERROR_USE, "no layer matches '%.80s'; 'layers' lists them",
                       pattern);
    return selection->count > 0 ||
           tn_fail(error, TN_ERROR_USE, "none of the %d layers that '%.80s' names can be pruned",
                   matched, pattern);
}

bool tn_select(const struct tn_state *state, const char *pattern, struct tn_selection *selection,
               struct tn_error *error)
{
    memset(selection, 0, sizeof *selection);
    size_t count = (size_t)state->model->groups.count + 1;
    selection->groups = tn_alloc(count, sizeof *selection->groups);
    if (!selection->groups)
        return tn_fail_memory(error, "a selection", count * sizeof *selection->groups);
    if (fill(state, pattern, selection, error))
        return true;
    tn_selection_free(selection);
    return false;
}

bool tn_select_one(const struct tn_state *state, const char *pattern, int *group,
                   struct tn_error *error)
{
    struct tn_selection selection;
    if (!tn_select(state, pattern, &selection, error))
        return false;
    bool one = selection.count == 1;
    if (one)
        *group = selection.groups[0];
    else
        tn_fail(error, TN_ERROR_USE, "'%.80s' names %d layers, expected one", pattern,
                selection.count);
    tn_selection_free(&selection);
    return one;
}

static bool put_choice(json_t *json, const struct tn_state *state, int group, int *removed,
                       int *stay, double *weights, struct tn_error *error)
{
    const struct tn_setting *setting = &state->settings[group];
    int channels = state->model->groups.group[group].channels, kept = setting->kept;
    double plain, ls, ridge = 0;
    if (!tn_state_errors(state, group, kept, &plain, &ls, error))
        return false;
    tn_put_number(json, "error", plain);
    tn_put_number(json, "error_ls", ls);
    struct tn_error none;
    tn_error_clear(&none);
    if (!tn_state_choice(state, group, kept, removed, stay, &none)) {
        if (!tn_error_pass(&none, error))
            return false;
        tn_put(json, "removed", json_null());
        tn_put(json, "kept", json_null());
        tn_put(json, "weights", json_null());
        return true;
    }
    tn_put(json, "removed", tn_json_ints(removed, channels - kept));
    tn_put(json, "kept", tn_json_ints(stay, kept));
    if (!setting->statistic) {
        tn_put(json, "weights", json_null());
        return true;
    }
    double relative;
    if (!tn_least_squares(&setting->statistic->gram, kept, stay, weights, &relative, &ridge, error))
        return false;
    tn_put(json, "weights", tn_json_doubles(weights, kept));
    tn_put_number(json, "ridge", ridge);
    return true;
}

json_t *tn_choice_json(const struct tn_state *state, int group, struct tn_error *error)
{
    const struct tn_group *g = &state->model->groups.group[group];
    size_t channels = (size_t)g->channels;
    json_t *json = json_object();
    int *removed = tn_alloc(channels, sizeof *removed), *stay = tn_alloc(channels, sizeof *stay);
    double *weights = tn_alloc(channels, sizeof *weights);
    tn_put_text(json, "layer", g->name);
    tn_put_integer(json, "filters", g->channels);
    tn_put_integer(json, "keep", state->settings[group].kept);
    bool fine = removed && stay && weights;
    if (!fine)
        tn_fail_memory(error, "a choice of filters", channels * sizeof *weights);
    fine = fine && put_choice(json, state, group, removed, stay, weights, error);
    tn_free(removed);
    tn_free(stay);
    tn_free(weights);
    if (fine)
        return json;
    json_decref(json);
    return NULL;
}
