/* Commands that look: accuracy, layers, cost, coupling. */
#include "core/memory.h"
#include "engine/evaluate.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/structure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_evaluation(json_t *result, const struct tn_evaluation *evaluation)
{
    tn_put_integer(result, "images", evaluation->images);
    tn_put_number(result, "top1", evaluation->top1);
    tn_put_number(result, "top5", evaluation->top5);
    tn_put_number(result, "loss", evaluation->loss);
    tn_put_number(result, "ci95", evaluation->ci95);
    tn_put_number(result, "images_per_second",
                  evaluation->seconds > 0 ? (double)evaluation->images / evaluation->seconds : NAN);
}

static bool run_eval(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int64_t limit = 0, batch = 0;
    if (!tn_line_integer(line, "limit", 1, INT64_MAX, &limit, error) ||
        !tn_line_integer(line, "batch", 1, 65536, &batch, error))
        return false;
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    if (!dataset)
        return false;
    enum tn_split split = strcmp(tn_line_option(line, "split"), "train") == 0 ? TN_TRAIN : TN_TEST;
    if (tn_dataset_count(dataset, split) == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no %s images", tn_dataset_name(dataset),
                       split == TN_TEST ? "test" : "training");
    struct tn_evaluation evaluation;
    if (!tn_evaluate(session->state->model->graph, dataset, split, limit, (int)batch, progress,
                     &evaluation, error))
        return false;
    put_evaluation(result, &evaluation);
    struct tn_state *next = tn_session_edit(session, error);
    if (!next)
        return false;
    if (split == TN_TEST) {
        next->evaluated = true;
        next->evaluated_limit = limit;
        next->evaluation = evaluation;
    }
    return true;
}

static bool put_layer(json_t *layers, const struct tn_state *state, int l, struct tn_error *error)
{
    const struct tn_model *model = state->model;
    const struct tn_layer *layer = &model->layers.layer[l];
    int g = model->groups.of_layer[l];
    const struct tn_group *group = g >= 0 ? &model->groups.group[g] : NULL;
    const struct tn_setting *setting = g >= 0 ? &state->settings[g] : NULL;
    double plain = NAN, ls = NAN;
    if (setting && !tn_state_errors(state, g, setting->kept, &plain, &ls, error))
        return false;
    json_t *json = json_object();
    int channels = group && group->prunable ? group->channels : layer->filters;
    int stay = group && setting && group->prunable ? setting->kept : channels;
    /* Of a layer that has several filters a channel, or none of some: in proportion. */
    int kept = (int)lround((double)layer->filters * stay / channels);
    tn_put_text(json, "name", layer->name);
    tn_put_text(json, "op", tn_op_name(layer->op));
    tn_put_integer(json, "filters", layer->filters);
    tn_put_integer(json, "kept", kept);
    tn_put_integer(json, "channels", layer->channels);
    tn_put(json, "kernel", tn_json_ints(layer->kernel, 2));
    tn_put(json, "out", tn_json_ints(layer->out, 2));
    tn_put_integer(json, "flops", layer->flops);
    tn_put_integer(json, "params", layer->params);
    tn_put_text(json, "group", group ? group->name : layer->name);
    tn_put_bool(json, "prunable", group && group->prunable);
    tn_put_text(json, "why_not", group && group->why_not ? group->why_not : "");
    tn_put_text(json, "method", setting ? setting->method->name : "");
    tn_put_integer(json, "group_channels", channels);
    tn_put_integer(json, "group_kept", stay);
    tn_put_number(json, "ratio", 1 - (double)stay / channels);
    tn_put_number(json, "error", plain);
    tn_put_number(json, "error_ls", ls);
    tn_put_integer(json, "samples",
                   setting && setting->statistic ? setting->statistic->gram.samples : 0);
    if (setting && setting->statistic)
        tn_put_text(json, "target", setting->statistic->gram.target ? "original" : "current");
    tn_put_bool(json, "stale", setting && setting->stale);
    if (setting && setting->sensitivity) {
        tn_put_integer(json, "sensitivity_points", setting->sensitivity->count);
        tn_put_bool(json, "sensitivity_stale", setting->sensitivity_stale);
    }
    json_array_append_new(layers, json);
    return true;
}

static bool run_layers(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress;
    if (!tn_session_need_model(session, error))
        return false;
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    for (int l = 0; l < session->state->model->layers.count; l++) {
        if (!put_layer(layers, session->state, l, error))
            return false;
    }
    return true;
}

static double ratio(int64_t now, int64_t before)
{
    return before > 0 ? (double)now / (double)before : NAN;
}

static bool run_summary(struct tn_session *session, const struct tn_command_line *line,
                        const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress;
    if (!tn_session_need_model(session, error))
        return false;
    const struct tn_state *state = session->state;
    const struct tn_cost *cost = &state->model->cost;
    int64_t params, flops;
    if (!tn_state_planned(state, &params, &flops, error))
        return false;
    tn_put_text(result, "model", state->model_name);
    tn_put_text(result, "data", state->data && state->data->name ? state->data->name : "");
    tn_put_integer(result, "layers", state->model->layers.count);
    tn_put_integer(result, "params", cost->params);
    tn_put_integer(result, "params_all", cost->params_all);
    tn_put_integer(result, "flops", cost->flops);
    tn_put_number(result, "params_ratio", ratio(cost->params, state->original.params));
    tn_put_number(result, "flops_ratio", ratio(cost->flops, state->original.flops));
    tn_put_integer(result, "params_opened", state->original.params);
    tn_put_integer(result, "flops_opened", state->original.flops);
    tn_put_integer(result, "params_planned", params);
    tn_put_integer(result, "flops_planned", flops);
    tn_put_number(result, "params_planned_ratio", ratio(params, state->original.params));
    tn_put_number(result, "flops_planned_ratio", ratio(flops, state->original.flops));
    tn_put_number(result, "top1", state->evaluated ? state->evaluation.top1 : NAN);
    tn_put_number(result, "ci95", state->evaluated ? state->evaluation.ci95 : NAN);
    return true;
}

/* `names`: of the layers, by node; the others have the node's own. */
static json_t *group_json(const struct tn_model *model, const struct tn_group *group,
                          const char *const *names)
{
    json_t *json = json_object(), *producers = json_array(), *consumers = json_array();
    for (int p = 0; p < group->producer_count; p++)
        json_array_append_new(producers,
                              tn_json_text(model->layers.layer[group->producers[p]].name));
    for (int c = 0; c < group->consumer_count; c++) {
        int node = group->consumers[c].node;
        const char *label = tn_node_label(model->graph, &model->graph->nodes[node]);
        json_array_append_new(consumers, tn_json_text(names[node] ? names[node] : label));
    }
    tn_put_text(json, "name", group->name);
    tn_put_integer(json, "channels", group->channels);
    tn_put(json, "producers", producers);
    tn_put(json, "consumers", consumers);
    json_t *through = json_array();
    for (int t = 0; t < group->through_count; t++)
        json_array_append_new(
            through, tn_json_text(tn_node_label(model->graph,
                                                &model->graph->nodes[group->through[t].node])));
    tn_put(json, "through", through);
    tn_put_integer(json, "filters", model->layers.layer[group->producers[0]].filters);
    tn_put_integer(json, "fewest", tn_group_fewest(group));
    tn_put_bool(json, "prunable", group->prunable);
    tn_put_text(json, "why_not", group->why_not ? group->why_not : "");
    return json;
}

static bool set_scope(struct tn_session *session, enum tn_scope scope, struct tn_error *error)
{
    struct tn_graph *graph = tn_graph_clone(session->state->model->graph, error);
    struct tn_model *model = graph ? tn_model_new(graph, scope, error) : NULL;
    struct tn_state *next = model ? tn_session_edit(session, error) : NULL;
    if (!next) {
        tn_model_unref(model);
        return false;
    }
    return tn_state_set_model(next, model, false, 0, NULL, error);
}

static bool run_groups(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    if (!tn_session_need_model(session, error))
        return false;
    const char *text = tn_line_option(line, "scope"), *expected = tn_line_option(line, "expect");
    enum tn_scope scope = session->state->model->scope;
    if (text)
        scope = strcmp(text, "all") == 0 ? TN_SCOPE_ALL : TN_SCOPE_INNER;
    if (scope != session->state->model->scope && !set_scope(session, scope, error))
        return false;
    const struct tn_model *model = session->next ? session->next->model : session->state->model;
    if (expected && !tn_structure_check(model, expected, error))
        return false;
    const char **names = tn_calloc((size_t)model->graph->node_count, sizeof *names);
    if (!names)
        return tn_fail_memory(error, "names", (size_t)model->graph->node_count * sizeof *names);
    for (int l = 0; l < model->layers.count; l++)
        names[model->layers.layer[l].node] = model->layers.layer[l].name;
    json_t *groups = json_array();
    tn_put_text(result, "scope", model->scope == TN_SCOPE_ALL ? "all" : "inner");
    tn_put(result, "groups", groups);
    for (int g = 0; g < model->groups.count; g++)
        json_array_append_new(groups, group_json(model, &model->groups.group[g], names));
    tn_free(names);
    return true;
}

const struct tn_command tn_commands_measure[] = {
    {"eval",
     "accuracy on the images",
     "Top-1 with the half width of its 95 % interval (Wilson), top-5, and mean cross-entropy.",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{0}},
     {{"split", TN_WORD_NAME, "test", "test|train", "which images"},
      {"limit", TN_WORD_NUMBER, NULL, NULL, "only the first N images"},
      {"batch", TN_WORD_NUMBER, NULL, NULL, "images at once"}},
     run_eval},
    {"layers",
     "list the layers: size, cost, what is set for them",
     "Convolutions and fully connected layers in order, with filters, pending ratio and its error.",
     0,
     {{0}},
     {{0}},
     run_layers},
    {"summary",
     "parameters and FLOPs of the whole network",
     "As it stands and relative to when it was opened; FLOPs are twice the multiply-adds of one "
     "image.",
     0,
     {{0}},
     {{0}},
     run_summary},
    {"groups",
     "show which channels go together; choose the scope",
     "scope=inner prunes channels with one producer (in residual blocks the inner convolutions), "
     "scope=all also "
     "shared streams. The scope that is given stays. expect=conv3x3*13,fc*2 fails unless the "
     "layers "
     "that can be pruned are these, in order; conv7x7,(conv1x1,conv3x3)*16 repeats several, and "
     "... "
     "at the end allows any more. A script begins with it to be sure of its network.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {{0}},
     {{"scope", TN_WORD_NAME, NULL, "inner|all", "which channels may be pruned"},
      {"expect", TN_WORD_NAME, NULL, NULL, "kinds of the layers that can be pruned"}},
     run_groups},
    {0},
};
