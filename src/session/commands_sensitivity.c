/* How much accuracy each layer's filters are worth: measured, one layer at a time. */
#include "core/memory.h"
#include "core/random.h"
#include "model/onnx.h"
#include "prune/surgery.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/selection.h"
#include "session/sensitivity.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RATIOS = 100 };

/* One width of one group, or nothing cut (group -1). */
struct task {
    int group, kept;
    bool weighted;
    struct tn_digest key;
};

struct survey {
    struct tn_session *session;
    struct tn_state *state;   /* the next one */
    struct tn_state *scratch; /* its widths are tried here */
    struct tn_selection selection;
    int ratio_count;
    double ratios[MOST_RATIOS];
    bool reweight, insist;
    enum tn_split split;
    int64_t limit, seed;
    uint32_t *order; /* of the images: those of the limit come first */
    struct tn_tally_images images;
    struct tn_digest images_key;
    int task_count;
    struct task *tasks; /* the first is the base */
    double before;      /* images of the tasks done */
};

/* --- what is asked --- */

static bool read_ratios(const char *text, struct survey *survey, struct tn_error *error)
{
    while (*text) {
        size_t length = strcspn(text, ",");
        char number[32] = "";
        double *ratio = &survey->ratios[survey->ratio_count];
        if (survey->ratio_count == MOST_RATIOS)
            return tn_fail(error, TN_ERROR_USE, "more than %d ratios", MOST_RATIOS);
        if (length < sizeof number)
            memcpy(number, text, length);
        if (!tn_parse_real("ratios", number, 0, 1, ratio, error))
            return false;
        if (*ratio <= 0 || *ratio >= 1)
            return tn_fail(error, TN_ERROR_USE,
                           "ratio %s is out of range: expected fractions of the filters to remove, "
                           "0 < R < 1, as in ratios=0.1,0.5",
                           number);
        survey->ratio_count++;
        text += length;
        text += *text == ',';
    }
    return survey->ratio_count > 0 || tn_fail(error, TN_ERROR_USE, "ratios: there are none");
}

static bool read_options(const struct tn_command_line *line, struct survey *survey,
                         struct tn_error *error)
{
    survey->reweight = strcmp(tn_line_option(line, "reweight"), "ls") == 0;
    survey->insist = tn_line_given(line, "reweight") && survey->reweight;
    survey->split = strcmp(tn_line_option(line, "split"), "test") == 0 ? TN_TEST : TN_TRAIN;
    return read_ratios(tn_line_option(line, "ratios"), survey, error) &&
           tn_line_integer(line, "limit", 1, INT64_MAX, &survey->limit, error) &&
           tn_line_integer(line, "seed", 0, INT64_MAX, &survey->seed, error);
}

/* --- the images --- */

/* Drawn without replacement, as folders are in order of their classes. */
static bool draw_images(struct survey *survey, struct tn_dataset *dataset, struct tn_error *error)
{
    size_t count = tn_dataset_count(dataset, survey->split);
    if (count == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no %s images", tn_dataset_name(dataset),
                       survey->split == TN_TEST ? "test" : "training");
    survey->order = tn_alloc(count, sizeof *survey->order);
    if (!survey->order)
        return tn_fail_memory(error, "an order of images", count * sizeof *survey->order);
    for (size_t i = 0; i < count; i++)
        survey->order[i] = (uint32_t)i;
    struct tn_random random;
    tn_random_seed(&random, (uint64_t)survey->seed, (uint64_t)survey->split);
    tn_random_shuffle(&random, survey->order, count);
    if ((uint64_t)survey->limit < count)
        count = (size_t)survey->limit;
    int batch = tn_evaluate_batch(survey->state->model->graph);
    survey->images = (struct tn_tally_images){dataset, survey->split, survey->order, count,
                                              (size_t)batch < count ? batch : (int)count};
    return true;
}

static void name_images(struct survey *survey)
{
    const struct tn_data_options *o = &survey->state->data->options;
    char text[160];
    int size =
        snprintf(text, sizeof text, "%d %.9g %d %d %d %d %lld %lld", (int)o->channels,
                 (double)o->scale, o->resize, o->crop, (int)survey->split, survey->images.batch,
                 (long long)survey->images.count, (long long)survey->seed);
    const struct tn_digest *contents = tn_dataset_digest(survey->images.dataset);
    const void *pieces[] = {contents->bytes, text, o->mean, o->std};
    const size_t sizes[] = {TN_DIGEST_BYTES, (size_t)size, sizeof o->mean, sizeof o->std};
    tn_digest_pieces(&survey->images_key, sizeof sizes / sizeof *sizes, pieces, sizes);
}

/* --- what is to be measured --- */

static bool name_model(struct tn_model *model, struct tn_error *error)
{
    uint8_t *bytes;
    size_t size;
    if (model->stored)
        return true;
    if (!tn_onnx_encode(model->graph, false, &bytes, &size, error))
        return false;
    tn_digest_of(&model->digest, bytes, size);
    model->stored = true; /* hashed; the store looks whether it has it */
    tn_free(bytes);
    return true;
}

/* A group cut to a width. */
struct cut {
    int *stay, *removed;
    double *weights; /* NULL without */
};

static void cut_free(struct cut *cut)
{
    tn_free(cut->stay);
    tn_free(cut->removed);
    tn_free(cut->weights);
    *cut = (struct cut){0};
}

static bool not_sampled(const struct survey *survey, int group, const char *what,
                        struct tn_error *error)
{
    const char *name = survey->state->model->groups.group[group].name;
    return tn_fail(error, TN_ERROR_USE, "layer '%s' is not sampled yet, %s: sample %s first", name,
                   what, name);
}

static bool choose(const struct survey *survey, int group, int kept, struct cut *cut,
                   struct tn_error *error)
{
    struct tn_error why;
    tn_error_clear(&why);
    tn_state_set_kept(survey->scratch, group, kept);
    if (tn_state_choice(survey->scratch, group, kept, cut->removed, cut->stay, &why))
        return true;
    if (!tn_error_pass(&why, error))
        return false;
    return not_sampled(survey, group, "so which filters go is not known", error);
}

static bool make_cut(const struct survey *survey, int group, int kept, struct cut *cut,
                     struct tn_error *error)
{
    size_t channels = (size_t)survey->state->model->groups.group[group].channels;
    const struct tn_statistic *statistic = survey->state->settings[group].statistic;
    *cut = (struct cut){tn_alloc(channels, sizeof(int)), tn_alloc(channels, sizeof(int)), NULL};
    if (!cut->stay || !cut->removed)
        return tn_fail_memory(error, "a choice of filters", channels * sizeof(int));
    if (!choose(survey, group, kept, cut, error))
        return false;
    if (survey->insist && !statistic)
        return not_sampled(survey, group, "and reweight=ls needs its statistic", error);
    if (!survey->reweight || !statistic)
        return true;
    double relative, ridge;
    cut->weights = tn_alloc(channels, sizeof *cut->weights);
    return cut->weights ? tn_least_squares(&statistic->gram, kept, cut->stay, cut->weights,
                                           &relative, &ridge, error)
                        : tn_fail_memory(error, "weights", channels * sizeof *cut->weights);
}

static void name_task(const struct survey *survey, const struct cut *cut, struct task *task)
{
    const struct tn_model *model = survey->state->model;
    const char *group = task->group < 0 ? "" : model->groups.group[task->group].name;
    size_t kept = cut->stay ? (size_t)task->kept : 0;
    const void *pieces[] = {model->digest.bytes, survey->images_key.bytes,
                            &model->scope,       group,
                            cut->stay,           cut->weights};
    const size_t sizes[] = {TN_DIGEST_BYTES,     TN_DIGEST_BYTES,
                            sizeof model->scope, strlen(group) + 1,
                            kept * sizeof(int),  cut->weights ? kept * sizeof(double) : 0};
    /* The same network, whatever it could be cut to. */
    size_t count = cut->stay ? sizeof sizes / sizeof *sizes : 2;
    tn_digest_pieces(&task->key, count, pieces, sizes);
}

static bool add_task(struct survey *survey, int group, int kept, struct tn_error *error)
{
    struct task *task = &survey->tasks[survey->task_count];
    struct cut cut = {0};
    *task = (struct task){.group = group, .kept = kept};
    bool ok = group < 0 || make_cut(survey, group, kept, &cut, error);
    if (ok) {
        task->weighted = cut.weights != NULL;
        name_task(survey, &cut, task);
        survey->task_count++;
    }
    cut_free(&cut);
    return ok;
}

/* The widths that the ratios give a group, each once. */
static bool add_group(struct survey *survey, int group, const struct tn_progress *progress,
                      struct tn_error *error)
{
    int channels = survey->state->model->groups.group[group].channels, least, most;
    int first = survey->task_count;
    tn_state_bounds(survey->state, group, &least, &most);
    for (int r = 0; r < survey->ratio_count; r++) {
        int kept = tn_kept_for_ratio(channels, survey->ratios[r]);
        kept = kept < least ? least : kept > most ? most : kept;
        bool again = kept == channels;
        for (int t = first; t < survey->task_count; t++)
            again |= survey->tasks[t].kept == kept;
        if (tn_progress_cancelled(progress))
            return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
        if (!again && !add_task(survey, group, kept, error))
            return false;
    }
    return true;
}

static bool plan(struct survey *survey, const struct tn_progress *progress, struct tn_error *error)
{
    const struct tn_model *model = survey->state->model;
    size_t most = 1 + (size_t)survey->selection.count * (size_t)survey->ratio_count;
    survey->tasks = tn_calloc(most, sizeof *survey->tasks);
    if (!survey->tasks)
        return tn_fail_memory(error, "a plan", most * sizeof *survey->tasks);
    int widest = 0;
    for (int i = 0; i < survey->selection.count; i++) {
        int channels = model->groups.group[survey->selection.groups[i]].channels;
        widest = channels > widest ? channels : widest;
    }
    bool ok = add_task(survey, -1, widest, error);
    for (int i = 0; ok && i < survey->selection.count; i++)
        ok = add_group(survey, survey->selection.groups[i], progress, error);
    return ok;
}

/* --- measuring --- */

/* What the session's states know already need not be measured again. */
static bool remember(struct survey *survey, struct tn_error *error)
{
    struct tn_tallies *tallies = &survey->session->tallies;
    for (int g = 0; g < survey->state->model->groups.count; g++) {
        const struct tn_sensitivity *known = survey->state->settings[g].sensitivity;
        for (int i = -1; known && i < known->count; i++) {
            const struct tn_sensitivity_point *point = i < 0 ? &known->base : &known->points[i];
            struct tn_tally *tally = tn_tallies_find(tallies, &point->key, error);
            if (!tally)
                return false;
            *tally = point->tally;
        }
    }
    return true;
}

static struct tn_graph *cut_graph(const struct survey *survey, const struct task *task,
                                  struct tn_error *error)
{
    const struct tn_model *model = survey->state->model;
    struct cut cut = {0};
    struct tn_graph *graph = NULL;
    if (make_cut(survey, task->group, task->kept, &cut, error)) {
        struct tn_cut one = {task->group, task->kept, cut.stay, cut.weights};
        graph = tn_cut_channels(model->graph, &model->groups, 1, &one, error);
    }
    cut_free(&cut);
    return graph;
}

static bool measure(struct survey *survey, const struct task *task,
                    const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_tally *tally = tn_tallies_find(&survey->session->tallies, &task->key, error);
    if (!tally || tally->at >= survey->images.count)
        return tally != NULL;
    const struct tn_model *model = survey->state->model;
    const struct tn_group *group = task->group < 0 ? NULL : &model->groups.group[task->group];
    char detail[80] = "as it stands";
    if (group)
        snprintf(detail, sizeof detail, "%.50s %d of %d", group->name, task->kept, group->channels);
    struct tn_tally_show show = {"sensitivity", detail, survey->before,
                                 (double)survey->images.count * survey->task_count};
    struct tn_graph *cut = group ? cut_graph(survey, task, error) : NULL;
    bool ok = (!group || cut) && tn_tally_go_on(group ? cut : model->graph, &survey->images, &show,
                                                progress, tally, error);
    tn_graph_free(cut);
    return ok;
}

/* How many tasks are done already, and their images. */
static int count_done(struct survey *survey, struct tn_error *error)
{
    int done = 0;
    for (int t = 0; t < survey->task_count; t++) {
        const struct tn_tally *tally =
            tn_tallies_find(&survey->session->tallies, &survey->tasks[t].key, error);
        if (!tally)
            return -1;
        done += tally->at >= survey->images.count;
    }
    survey->before = done * (double)survey->images.count;
    return done;
}

static bool measure_all(struct survey *survey, const struct tn_progress *progress, int *measured,
                        struct tn_error *error)
{
    int known = remember(survey, error) ? count_done(survey, error) : -1;
    bool ok = known >= 0;
    for (int t = 0; ok && t < survey->task_count; t++) {
        const struct tn_tally *tally =
            tn_tallies_find(&survey->session->tallies, &survey->tasks[t].key, error);
        bool fresh = tally && tally->at < survey->images.count;
        ok = tally && measure(survey, &survey->tasks[t], progress, error);
        *measured += ok && fresh;
        survey->before += ok && fresh ? (double)survey->images.count : 0;
    }
    if (!ok && error && error->kind == TN_ERROR_CANCELLED)
        return tn_fail(error, TN_ERROR_CANCELLED,
                       "cancelled; %d of %d points are measured, and not measured again",
                       count_done(survey, NULL), survey->task_count);
    return ok;
}

/* --- the result --- */

static bool point_of(struct survey *survey, const struct task *task,
                     struct tn_sensitivity_point *point, struct tn_error *error)
{
    const struct tn_tally *tally = tn_tallies_find(&survey->session->tallies, &task->key, error);
    if (tally)
        *point = (struct tn_sensitivity_point){task->kept, task->key, *tally};
    return tally != NULL;
}

/* Points of before that still hold, then the new ones. */
static struct tn_sensitivity *join(struct survey *survey, int group, struct tn_error *error)
{
    const struct tn_setting *setting = &survey->state->settings[group];
    const struct tn_sensitivity *old = setting->sensitivity;
    struct tn_sensitivity_terms terms = {setting->method, survey->reweight && setting->statistic,
                                         survey->split, (int64_t)survey->images.count,
                                         (uint64_t)survey->seed};
    bool holds = old && !setting->sensitivity_stale &&
                 tn_sensitivity_same_terms(&old->terms, &terms) &&
                 tn_digest_equal(&old->base.key, &survey->tasks[0].key);
    int before = holds ? old->count : 0;
    size_t most = (size_t)before + (size_t)survey->ratio_count;
    struct tn_sensitivity_point base, *points = tn_alloc(most, sizeof *points);
    if (!points) {
        tn_fail_memory(error, "measurements", most * sizeof *points);
        return NULL;
    }
    int count = 0;
    for (; count < before; count++)
        points[count] = old->points[count];
    bool ok = point_of(survey, &survey->tasks[0], &base, error);
    base.kept = survey->state->model->groups.group[group].channels;
    for (int t = 1; ok && t < survey->task_count; t++) {
        if (survey->tasks[t].group == group)
            ok = point_of(survey, &survey->tasks[t], &points[count++], error);
    }
    struct tn_sensitivity *sensitivity =
        ok ? tn_sensitivity_new(&terms, &base, count, points, error) : NULL;
    tn_free(points);
    return sensitivity;
}

static bool keep_results(struct survey *survey, json_t *result, struct tn_error *error)
{
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    for (int i = 0; i < survey->selection.count; i++) {
        int g = survey->selection.groups[i];
        struct tn_sensitivity *sensitivity = join(survey, g, error);
        if (!sensitivity)
            return false;
        tn_state_set_sensitivity(survey->state, g, sensitivity);
        tn_sensitivity_unref(sensitivity);
        json_array_append_new(layers, tn_sensitivity_json(survey->state, g));
    }
    return true;
}

static void put_evaluation(json_t *json, const struct tn_tally *tally)
{
    struct tn_evaluation evaluation = tn_tally_evaluation(tally);
    tn_put_number(json, "top1", evaluation.top1);
    tn_put_number(json, "top5", evaluation.top5);
    tn_put_number(json, "loss", evaluation.loss);
    tn_put_number(json, "ci95", evaluation.ci95);
}

json_t *tn_sensitivity_json(const struct tn_state *state, int group)
{
    const struct tn_group *g = &state->model->groups.group[group];
    const struct tn_setting *setting = &state->settings[group];
    const struct tn_sensitivity *sensitivity = setting->sensitivity;
    json_t *json = json_object(), *points = json_array();
    tn_put_text(json, "name", g->name);
    tn_put_integer(json, "filters", g->channels);
    tn_put_text(json, "method", sensitivity->terms.method->name);
    tn_put_text(json, "reweight", sensitivity->terms.weighted ? "ls" : "none");
    tn_put_bool(json, "stale", setting->sensitivity_stale);
    for (int i = sensitivity->count - 1; i >= 0; i--) {
        const struct tn_sensitivity_point *point = &sensitivity->points[i];
        json_t *row = json_object();
        tn_put_number(row, "ratio", 1 - (double)point->kept / g->channels);
        tn_put_integer(row, "keep", point->kept);
        put_evaluation(row, &point->tally);
        json_array_append_new(points, row);
    }
    tn_put(json, "points", points);
    return json;
}

static bool put_base(struct survey *survey, int measured, json_t *result, struct tn_error *error)
{
    struct tn_sensitivity_point base;
    if (!point_of(survey, &survey->tasks[0], &base, error))
        return false;
    json_t *json = json_object();
    put_evaluation(json, &base.tally);
    tn_put(result, "base", json);
    tn_put_text(result, "split", survey->split == TN_TEST ? "test" : "train");
    tn_put_integer(result, "images", base.tally.seen);
    tn_put_integer(result, "measured", measured);
    return true;
}

static bool run(struct survey *survey, const struct tn_command_line *line,
                const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_session *session = survey->session;
    const char *pattern = tn_line_word(line, 0);
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    int measured = 0;
    if (!dataset ||
        !tn_select(session->state, pattern ? pattern : "all", &survey->selection, error))
        return false;
    if (survey->selection.count == 0)
        return tn_fail(error, TN_ERROR_USE, "no layer of this network can be pruned");
    survey->state = tn_session_edit(session, error);
    survey->scratch = survey->state ? tn_state_clone(survey->state, error) : NULL;
    if (!survey->scratch || !draw_images(survey, dataset, error) ||
        !name_model(survey->state->model, error))
        return false;
    name_images(survey);
    return plan(survey, progress, error) && measure_all(survey, progress, &measured, error) &&
           put_base(survey, measured, result, error) && keep_results(survey, result, error);
}

static bool run_sensitivity(struct tn_session *session, const struct tn_command_line *line,
                            const struct tn_progress *progress, json_t *result,
                            struct tn_error *error)
{
    struct survey *survey = tn_calloc(1, sizeof *survey);
    if (!survey)
        return tn_fail_memory(error, "measurements", sizeof *survey);
    survey->session = session;
    bool ok = read_options(line, survey, error) && run(survey, line, progress, result, error);
    tn_selection_free(&survey->selection);
    tn_state_unref(survey->scratch);
    tn_free(survey->order);
    tn_free(survey->tasks);
    tn_free(survey);
    return ok;
}

const struct tn_command tn_commands_sensitivity[] = {
    {"sensitivity",
     "measure the accuracy with one layer cut at a time",
     "Cuts each layer alone to each of the ratios, by its method and locks, and counts the images "
     "that are still classified right; nothing else is cut, nothing is trained. The images are "
     "drawn from the training images, so that ratios which are chosen by the result (budget "
     "objective=sensitivity) have not seen the test images; split=test shows what those say. The "
     "points are kept in the session, and none is measured twice. In the workbench it runs in the "
     "background: other commands go first. Esc stops it; the points measured until then are not "
     "measured again.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG | TN_COMMAND_BACKGROUND,
     {{TN_WORD_LAYER, "LAYER", true, NULL}},
     {{"ratios", TN_WORD_TEXT, "0.1,0.3,0.5,0.7,0.9", NULL, "fractions of the filters to remove"},
      {"limit", TN_WORD_NUMBER, "2000", NULL, "images, drawn at random"},
      {"split", TN_WORD_NAME, "train", "train|test", "which images"},
      {"reweight", TN_WORD_NAME, "ls", "none|ls", "scale the remaining channels, where sampled"},
      {"seed", TN_WORD_NUMBER, "1", NULL, "of the draw"}},
     run_sensitivity},
    {0},
};
