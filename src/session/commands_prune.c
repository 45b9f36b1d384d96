/* Pruning. */
#include "core/memory.h"
#include "data/choice.h"
#include "engine/batch_norm_reset.h"
#include "prune/refit.h"
#include "prune/surgery.h"
#include "session/commands.h"
#include "session/cuts.h"
#include "session/inside.h"
#include "session/lineage.h"
#include "session/results.h"
#include "session/selection.h"
#include <math.h>

/* Images that the options leave to be chosen: so many a class, and no more than that in all. */
enum { IMAGES_A_CLASS = 100, IMAGES_IN_ALL = 2000 };

enum reweight { REWEIGHT_NONE, REWEIGHT_LS, REWEIGHT_FULL };

struct prune_options {
    enum reweight reweight;
    bool insist;          /* on the statistics that reweighting was asked for by name to use */
    bool reset;           /* BatchNorm's statistics are taken anew */
    int images_per_class; /* 0: to be chosen */
    uint64_t seed;
    size_t memory; /* bytes */
};

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
                          const struct tn_selection *selection, const struct tn_cut *cuts,
                          json_t *result, struct tn_error *error)
{
    const struct tn_state *state = session->state;
    json_t *lineage = tn_lineage_cut(state->lineage, state->model, selection->count, cuts, error);
    if (!lineage) {
        tn_graph_free(graph);
        return false;
    }
    struct tn_model *model = tn_model_new(graph, state->model->scope, error);
    struct tn_state *next = model ? tn_session_edit(session, error) : NULL;
    if (!next) {
        json_decref(lineage);
        tn_model_unref(model);
        return false;
    }
    tn_state_set_lineage(next, lineage);
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

/* --- from images --- */

static bool uses_images(const struct prune_options *options)
{
    return options->reweight == REWEIGHT_FULL || options->reset;
}

static void put_refit(const struct tn_model *model, const struct tn_refit *refit, json_t *layers)
{
    for (size_t i = 0; i < json_array_size(layers); i++)
        tn_put(json_array_get(layers, i), "refit", json_array());
    for (int i = 0; i < refit->count; i++) {
        const struct tn_refit_result *r = &refit->results[i];
        json_t *json = json_object();
        for (int l = 0; l < model->layers.count; l++)
            if (model->layers.layer[l].node == r->node)
                tn_put_text(json, "consumer", model->layers.layer[l].name);
        bool tried = r->why[0] == '\0';
        tn_put_integer(json, "samples", r->samples);
        tn_put_integer(json, "unknowns", r->unknowns);
        tn_put_bool(json, "constant", r->constant);
        tn_put_number(json, "ridge", r->kept ? NAN : r->ridge);
        tn_put_number(json, "error_before", tried ? r->error_before : NAN);
        tn_put_number(json, "error_after", tried ? r->error_after : NAN);
        tn_put_text(json, "why_not", r->why);
        json_array_append_new(json_object_get(json_array_get(layers, (size_t)r->cut), "refit"),
                              json);
    }
}

/* Refit what reads pruned channels, then take BatchNorm's statistics anew, as far as asked for. */
static bool mend(struct tn_session *session, const struct prune_options *options, int count,
                 const struct tn_cut *cuts, const struct tn_progress *progress,
                 struct tn_graph *graph, json_t *result, struct tn_error *error)
{
    const struct tn_model *model = session->state->model;
    if (!uses_images(options))
        return true;
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    uint32_t *images;
    size_t image_count;
    int each = options->images_per_class;
    if (!dataset)
        return false;
    if (each == 0) {
        int room = IMAGES_IN_ALL / tn_dataset_classes(dataset);
        each = room < 1 ? 1 : room < IMAGES_A_CLASS ? room : IMAGES_A_CLASS;
    }
    if (!tn_choose_images(dataset, each, options->seed, &images, &image_count, error))
        return false;
    bool fine = true;
    tn_put_integer(result, "images", (int64_t)image_count);
    if (options->reweight == REWEIGHT_FULL) {
        struct tn_refit_options how = {images, image_count, options->seed, options->memory};
        struct tn_refit refit;
        fine = tn_refit(model->graph, &model->groups, count, cuts, dataset, &how, progress, graph,
                        &refit, error);
        if (fine) {
            put_refit(model, &refit, json_object_get(result, "layers"));
            tn_refit_free(&refit);
        }
    }
    int norms = 0;
    if (fine && options->reset)
        fine = tn_batch_norm_reset(graph, dataset, images, image_count, progress, &norms, error);
    tn_put_integer(result, "bn_reset", norms);
    tn_free(images);
    return fine;
}

/* --- the command --- */

static bool prune_selection(struct tn_session *session, const struct tn_selection *selection,
                            const struct prune_options *options, const struct tn_progress *progress,
                            json_t *result, struct tn_error *error)
{
    static const char *const names[] = {"none", "ls", "full"};
    const struct tn_state *state = session->state;
    size_t count = (size_t)selection->count;
    struct cut_plan *plans = tn_calloc(count, sizeof *plans);
    struct tn_cut *cuts = tn_calloc(count, sizeof *cuts);
    bool fine = plans && cuts ? true : tn_fail_memory(error, "cuts", count * sizeof *plans);
    json_t *layers = json_array();
    tn_put_text(result, "reweight", names[options->reweight]);
    tn_put(result, "layers", layers);
    for (size_t i = 0; fine && i < count; i++) {
        int g = selection->groups[i];
        fine = plan_cut(state, g, options->reweight != REWEIGHT_NONE, options->insist, &plans[i],
                        error);
        cuts[i] = (struct tn_cut){g, state->settings[g].kept, plans[i].stay,
                                  plans[i].weighted ? plans[i].weights : NULL};
        if (fine)
            json_array_append_new(layers, tn_cut_json(state->model, &cuts[i]));
    }
    struct tn_graph *graph = NULL;
    if (fine)
        graph = tn_cut_channels(state->model->graph, &state->model->groups, selection->count, cuts,
                                error);
    if (graph && !mend(session, options, selection->count, cuts, progress, graph, result, error)) {
        tn_graph_free(graph);
        graph = NULL;
    }
    fine = graph && become_pruned(session, graph, selection, cuts, result, error);
    for (size_t i = 0; plans && i < count; i++)
        plan_free(&plans[i]);
    tn_free(plans);
    tn_free(cuts);
    return fine;
}

static bool read_options(const struct tn_command_line *line, struct prune_options *options,
                         struct tn_error *error)
{
    int64_t images = 0, seed = 1, memory = 1024;
    if (!tn_line_integer(line, "images", 1, 1000000, &images, error) ||
        !tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error) ||
        !tn_line_integer(line, "memory", 1, 1 << 30, &memory, error))
        return false;
    const char *reweight = tn_line_option(line, "reweight");
    options->reweight = *reweight == 'n'   ? REWEIGHT_NONE
                        : *reweight == 'l' ? REWEIGHT_LS
                                           : REWEIGHT_FULL;
    options->insist = options->reweight == REWEIGHT_LS && tn_line_given(line, "reweight");
    options->reset = *tn_line_option(line, "bn") == 'r';
    options->images_per_class = (int)images;
    options->seed = (uint64_t)seed;
    options->memory = (size_t)memory << 20;
    if (!uses_images(options) && (tn_line_given(line, "images") || tn_line_given(line, "seed") ||
                                  tn_line_given(line, "memory")))
        return tn_fail(error, TN_ERROR_USE,
                       "images, seed and memory go with reweight=full or bn=reset");
    return true;
}

static bool run_prune(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_selection selection;
    struct prune_options options;
    const char *pattern = tn_line_word(line, 0);
    if (!read_options(line, &options, error) || !tn_session_need_model(session, error) ||
        !tn_select(session->state, pattern ? pattern : "all", &selection, error))
        return false;
    drop_untouched(session->state, &selection);
    bool fine = selection.count > 0;
    if (!fine)
        tn_fail(error, TN_ERROR_USE,
                "there is nothing to prune: set a ratio first, as in ratio %s 0.5",
                pattern ? pattern : "all");
    fine = fine && prune_selection(session, &selection, &options, progress, result, error);
    tn_selection_free(&selection);
    return fine;
}

const struct tn_command tn_commands_prune[] = {
    {"prune",
     "cut the filters that ratio and keep chose",
     "Removes the channels from producers and consumers at once. reweight=ls scales the consumers' "
     "remaining input "
     "channels by least squares. reweight=full then fits the consumers' whole kernels and biases "
     "to "
     "what they gave "
     "before, on training images, layer by layer; a ridge chosen on held-out images keeps each "
     "from "
     "becoming worse, and "
     "what cannot be fitted stays as ls leaves it. bn=reset takes BatchNorm's running mean and "
     "variance anew from training "
     "images. Layers that lost filters forget their statistics; the others' are marked stale.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{TN_WORD_LAYER, "LAYER", true, NULL}},
     {{"reweight", TN_WORD_NAME, "ls", "none|ls|full",
       "scale the remaining channels, or refit whole kernels"},
      {"bn", TN_WORD_NAME, "keep", "keep|reset", "BatchNorm's running statistics"},
      {"images", TN_WORD_NUMBER, NULL, NULL,
       "training images a class for full and reset (100, in all at most 2000)"},
      {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers that choose them"},
      {"memory", TN_WORD_NUMBER, "1024", NULL, "MiB that refitting one layer may take"}},
     run_prune},
    {0},
};
