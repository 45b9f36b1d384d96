/* Networks, or methods, beside each other. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/compare.h"
#include "session/results.h"
#include "session/selection.h"
#include "session/timing.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Networks */

static double share(int64_t now, int64_t before)
{
    return now >= 0 && before > 0 ? (double)now / (double)before : NAN;
}

static void put_count(json_t *json, const char *key, int64_t count)
{
    tn_put(json, key, count >= 0 ? json_integer(count) : json_null());
}

static void put_difference(json_t *json, const struct tn_compared *row,
                           const struct tn_compared *base)
{
    bool known = row->outline->evaluated || base->outline->evaluated;
    bool comparable = tn_compared_comparable(row, base);
    bool self = row->network == base->network && (comparable || !known);
    double difference = NAN, low = NAN, high = NAN;
    if (self && row->outline->evaluated)
        difference = low = high = 0;
    else if (comparable && row->outline->evaluated) {
        double top1 = row->outline->evaluation.top1, other = base->outline->evaluation.top1;
        difference = top1 - other;
        tn_difference_interval(top1, other, (double)row->outline->evaluation.images, &low, &high);
    }
    tn_put_bool(json, "base", self);
    tn_put_bool(json, "comparable", self || comparable);
    tn_put_number(json, "top1_difference", difference);
    tn_put_number(json, "difference_low", low);
    tn_put_number(json, "difference_high", high);
    tn_put_bool(json, "exceeds", low > 0 || high < 0);
}

static json_t *row_json(const struct tn_session *session, const struct tn_compared *row,
                        const struct tn_compared *base)
{
    const struct tn_outline *outline = row->outline;
    const struct tn_evaluation *seen = outline->evaluated ? &outline->evaluation : NULL;
    const struct tn_entry *entry = tn_journal_find(&session->journal, row->entry);
    json_t *json = json_object();
    tn_put_integer(json, "entry", row->entry);
    tn_put_integer(json, "network", row->network);
    tn_put_text(json, "model", row->model);
    tn_put_text(json, "command", entry ? entry->command : "");
    tn_put_number(json, "top1", seen ? seen->top1 : NAN);
    tn_put_number(json, "top5", seen ? seen->top5 : NAN);
    tn_put_number(json, "ci95", seen ? seen->ci95 : NAN);
    put_count(json, "images", seen ? seen->images : -1);
    put_count(json, "params", row->params);
    put_count(json, "flops", row->flops);
    tn_put_number(json, "params_ratio", share(row->params, outline->original.params));
    tn_put_number(json, "flops_ratio", share(row->flops, outline->original.flops));
    tn_put_number(json, "forward_ms", row->forward_ms);
    tn_put_number(json, "backward_ms", row->backward_ms);
    put_difference(json, row, base);
    return json;
}

static bool time_row(struct tn_session *session, struct tn_compared *row, int batch,
                     const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_timing timing;
    struct tn_state *state = tn_session_state_at(session, row->network, true, error);
    struct tn_timing_order timed = {batch, TN_USUAL_TIMED, true, true};
    bool fine = state && tn_time_network(state->model->graph, &timed, progress, &timing, error);
    tn_state_unref(state);
    if (!fine)
        return tn_fail_in(error, "entry %lld", (long long)row->entry);
    row->forward_ms = timing.forward_ms;
    row->backward_ms = timing.backward_ms;
    tn_timing_free(&timing);
    return true;
}

static bool add_entry(const struct tn_comparison *comparison, const char *text,
                      struct tn_compared *row, struct tn_error *error)
{
    int64_t id;
    return tn_parse_integer("entry", text, 1, INT64_MAX, &id, error) &&
           tn_compared_entry(comparison, id, row, error);
}

static bool rows_asked(const struct tn_comparison *comparison, const struct tn_command_line *line,
                       int *count, struct tn_compared **rows, struct tn_error *error)
{
    if (line->word_count == 0)
        return tn_compared_all(comparison, count, rows, error);
    *rows = tn_calloc((size_t)line->word_count, sizeof **rows);
    if (!*rows)
        return tn_fail_memory(error, "rows", (size_t)line->word_count * sizeof **rows);
    for (*count = 0; *count < line->word_count; ++*count) {
        struct tn_compared *row = &(*rows)[*count];
        if (!add_entry(comparison, tn_line_word(line, *count), row, error))
            return false;
    }
    return true;
}

/* `base` NULL: the first row. */
static bool put_rows(const struct tn_comparison *comparison, const struct tn_command_line *line,
                     const struct tn_compared *base, const struct tn_progress *progress,
                     json_t *result, struct tn_error *error)
{
    bool timed = strcmp(tn_line_option(line, "time"), "on") == 0;
    int count = 0;
    struct tn_compared *rows = NULL;
    bool fine = rows_asked(comparison, line, &count, &rows, error);
    for (int i = 0; fine && timed && i < count; i++)
        fine = time_row(comparison->session, &rows[i], comparison->batch, progress, error);
    json_t *list = json_array();
    tn_put(result, "rows", list);
    if (fine) {
        base = base ? base : &rows[0];
        tn_put_integer(result, "base", base->entry);
        tn_put_integer(result, "batch", comparison->batch);
        tn_put_text(result, "interval", "Newcombe");
    }
    for (int i = 0; fine && i < count; i++)
        json_array_append_new(list, row_json(comparison->session, &rows[i], base));
    tn_free(rows);
    return fine;
}

static bool compare_with(const struct tn_comparison *comparison, const struct tn_command_line *line,
                         const char *named, const struct tn_progress *progress, json_t *result,
                         struct tn_error *error)
{
    struct tn_compared base = {0};
    bool fine = add_entry(comparison, named, &base, error);
    if (fine && !base.outline->evaluated)
        fine = tn_fail(error, TN_ERROR_USE, "base=%.20s: its accuracy is not known: eval it first",
                       named);
    return fine && put_rows(comparison, line, &base, progress, result, error);
}

static bool compare_networks(struct tn_session *session, const struct tn_command_line *line,
                             const struct tn_progress *progress, json_t *result,
                             struct tn_error *error)
{
    int64_t batch = 0;
    struct tn_comparison comparison;
    const char *base = tn_line_option(line, "base");
    if (!tn_line_integer(line, "batch", 1, 65536, &batch, error) ||
        !tn_comparison_start(&comparison, session, (int)batch, error))
        return false;
    bool fine = base ? compare_with(&comparison, line, base, progress, result, error)
                     : put_rows(&comparison, line, NULL, progress, result, error);
    tn_comparison_end(&comparison);
    return fine;
}

/* Methods */

/* The summed errors of one method at what is to be kept; NULL on failure. */
static json_t *method_json(const struct tn_state *state, const struct tn_selection *selection,
                           const struct tn_method *method, const struct tn_progress *progress,
                           struct tn_error *error)
{
    double plain = 0, ls = 0;
    json_t *json = json_object(), *layers = json_array();
    tn_put_text(json, "method", method->name);
    tn_put(json, "layers", layers);
    for (int i = 0; i < selection->count; i++) {
        int g = selection->groups[i], removed;
        const struct tn_group *group = &state->model->groups.group[g];
        const struct tn_layer_path *path = tn_state_path_by(state, g, method, progress, error);
        if (!path) {
            json_decref(json);
            return NULL;
        }
        removed = group->channels - state->settings[g].kept;
        json_t *layer = json_object();
        tn_put_text(layer, "name", group->name);
        tn_put_integer(layer, "keep", state->settings[g].kept);
        tn_put_number(layer, "error", path->path.error[removed]);
        tn_put_number(layer, "error_ls", path->path.error_ls[removed]);
        json_array_append_new(layers, layer);
        plain += path->path.error[removed];
        ls += path->path.error_ls[removed];
    }
    tn_put_number(json, "error", plain);
    tn_put_number(json, "error_ls", ls);
    return json;
}

static bool all_can_rank(const struct tn_state *state, const struct tn_selection *selection,
                         const struct tn_method *method)
{
    for (int i = 0; i < selection->count; i++) {
        if (!tn_state_can_rank(state, selection->groups[i], method))
            return false;
    }
    return true;
}

static bool put_method(const struct tn_state *state, const struct tn_selection *selection,
                       const struct tn_method *method, const struct tn_progress *progress,
                       json_t *methods, struct tn_error *error)
{
    if (!tn_progress_step(progress, "compare", (double)json_array_size(methods), 0, "methods",
                          method->name, error))
        return false;
    json_t *json = method_json(state, selection, method, progress, error);
    if (json)
        json_array_append_new(methods, json);
    return json != NULL;
}

/* "thinet,l1", or all that what is sampled suffices for. */
static bool put_methods(const struct tn_state *state, const struct tn_selection *selection,
                        const char *names, const struct tn_progress *progress, json_t *methods,
                        struct tn_error *error)
{
    bool fine = true;
    if (strcmp(names, "all") == 0) {
        for (const struct tn_method *method = tn_methods; fine && method->name; method++) {
            if (all_can_rank(state, selection, method))
                fine = put_method(state, selection, method, progress, methods, error);
        }
        return fine;
    }
    while (fine && *names) {
        char name[32];
        size_t length = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 31, names);
        const struct tn_method *method = tn_method_find(name);
        if (!method)
            return tn_fail(error, TN_ERROR_USE, "methods '%s' is not one of %s, or all", name,
                           TN_METHODS);
        fine = put_method(state, selection, method, progress, methods, error);
        names += length;
        names += *names == ',';
    }
    return fine;
}

/* Layers in which something is to go, and whose errors can be known. */
static bool keep_pending(const struct tn_state *state, struct tn_selection *selection,
                         struct tn_error *error)
{
    int count = 0;
    for (int i = 0; i < selection->count; i++) {
        int g = selection->groups[i];
        const struct tn_group *group = &state->model->groups.group[g];
        if (state->settings[g].kept == group->channels)
            continue;
        if (!state->settings[g].statistic)
            return tn_fail(error, TN_ERROR_USE,
                           "layer '%s' is not sampled yet, so no errors are known: sample %s first",
                           group->name, group->name);
        selection->groups[count++] = g;
    }
    selection->count = count;
    return count > 0 ||
           tn_fail(error, TN_ERROR_USE,
                   "no filters are to go: methods differ once a ratio is set, as in ratio all 0.5");
}

static bool compare_methods(struct tn_session *session, const struct tn_command_line *line,
                            const struct tn_progress *progress, json_t *result,
                            struct tn_error *error)
{
    const char *layer = tn_line_option(line, "layer");
    struct tn_selection selection;
    if (line->word_count || tn_line_given(line, "base"))
        return tn_fail(error, TN_ERROR_USE,
                       "methods= compares methods on the network as it stands: "
                       "no entries and no base then");
    if (!tn_session_need_model(session, error) ||
        !tn_select(session->state, layer, &selection, error))
        return false;
    json_t *methods = json_array();
    tn_put(result, "methods", methods);
    bool fine = keep_pending(session->state, &selection, error) &&
                put_methods(session->state, &selection, tn_line_option(line, "methods"), progress,
                            methods, error);
    tn_selection_free(&selection);
    return fine;
}

static bool run_compare(struct tn_session *session, const struct tn_command_line *line,
                        const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    if (tn_line_given(line, "methods"))
        return compare_methods(session, line, progress, result, error);
    if (tn_line_given(line, "layer"))
        return tn_fail(error, TN_ERROR_USE, "layer= goes with methods=");
    return compare_networks(session, line, progress, result, error);
}

const struct tn_command tn_commands_compare[] = {
    {"compare",
     "networks of the journal side by side: accuracy, size, speed",
     "Without ENTRY the network that was opened and all that were made from it whose accuracy is "
     "known, in branches too, each with its best-known accuracy. Differences from the base are "
     "marked "
     "where the 95 % interval of the difference of two independent shares (Newcombe 1998) leaves "
     "out "
     "zero; accuracies on other images, or on another number of them, are not compared. Times are "
     "those of time commands with the same batch, unless time=on measures them. methods= compares "
     "instead how large the error of the pending ratios is with each method, summed over the "
     "layers "
     "that lose filters.",
     TN_COMMAND_LONG,
     {{TN_WORD_NUMBERS, "ENTRY", true, NULL}},
     {{"base", TN_WORD_NUMBER, NULL, NULL, "the entry to compare with; the first row"},
      {"time", TN_WORD_NAME, "off", "on|off", "measure the speed of every row"},
      {"batch", TN_WORD_NUMBER, "32", NULL, "images at once, for times"},
      {"methods", TN_WORD_NAME, NULL, NULL, "thinet,l1 ... or all"},
      {"layer", TN_WORD_LAYER, "all", NULL, "layers that methods are compared on"}},
     run_compare},
    {0},
};
