/* Sampling: the statistics that everything that chooses filters starts from. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/origin.h"
#include "session/results.h"
#include "session/selection.h"
#include <string.h>

/* Put the grams of a sampling into the next state; they are taken over. */
static bool place(struct tn_state *next, const struct tn_selection *selection,
                  struct tn_gram *grams, struct tn_activity *activities,
                  const struct tn_sampling_options *options, json_t *layers, struct tn_error *error)
{
    bool fine = true;
    for (int i = 0; i < selection->count; i++) {
        if (!fine) {
            tn_gram_free(&grams[i]);
            tn_activity_free(&activities[i]);
            continue;
        }
        int g = selection->groups[i];
        struct tn_statistic *statistic =
            tn_statistic_new(&grams[i], &activities[i], options, error);
        fine = statistic != NULL;
        if (fine) {
            tn_state_set_statistic(next, g, statistic);
            json_array_append_new(layers,
                                  json_pack("{s:o, s:i, s:I}", "name",
                                            tn_json_text(next->model->groups.group[g].name),
                                            "filters", next->model->groups.group[g].channels,
                                            "samples", (json_int_t)statistic->gram.samples));
            tn_statistic_unref(statistic);
        }
    }
    return fine;
}

/* Gradients too, where they are asked for or a layer's method ranks by them. */
static bool add_gradients(const struct tn_state *next, const struct tn_selection *selection,
                          bool all, struct tn_dataset *dataset, const struct tn_progress *progress,
                          struct tn_error *error)
{
    for (int i = 0; i < selection->count; i++) {
        int g = selection->groups[i];
        bool wanted = all || (next->settings[g].method->needs & TN_NEEDS_GRADIENTS);
        if (wanted && !tn_session_collect_gradients(next, g, dataset, progress, error))
            return false;
    }
    return true;
}

static bool sample_selection(struct tn_session *session, const struct tn_selection *selection,
                             struct tn_dataset *dataset, const struct tn_sampling_options *options,
                             const struct tn_sampling_origin *origin, bool gradients,
                             const struct tn_progress *progress, json_t *result,
                             struct tn_error *error)
{
    const struct tn_model *model = session->state->model;
    struct tn_gram *grams = tn_calloc((size_t)selection->count, sizeof *grams);
    struct tn_activity *activities = tn_calloc((size_t)selection->count, sizeof *activities);
    if (!grams || !activities) {
        tn_free(grams);
        tn_free(activities);
        return tn_fail_memory(error, "statistics", (size_t)selection->count * sizeof *grams);
    }
    int64_t images = 0;
    bool fine =
        tn_sample_groups(model->graph, &model->groups, selection->count, selection->groups, dataset,
                         options, origin, progress, grams, activities, &images, error);
    struct tn_state *next = fine ? tn_session_edit(session, error) : NULL;
    json_t *layers = json_array();
    tn_put(result, "layers", layers);
    tn_put_integer(result, "images", images);
    for (int i = 0; fine && !next && i < selection->count; i++) {
        tn_gram_free(&grams[i]);
        tn_activity_free(&activities[i]);
    }
    fine = next && place(next, selection, grams, activities, options, layers, error) &&
           add_gradients(next, selection, gradients, dataset, progress, error);
    tn_free(grams);
    tn_free(activities);
    return fine;
}

static bool run_sample(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int64_t images = 0, locations = 0, seed = 0;
    struct tn_selection selection;
    const char *pattern = tn_line_word(line, 0);
    if (!tn_line_integer(line, "images", 1, INT32_MAX, &images, error) ||
        !tn_line_integer(line, "locations", 1, INT32_MAX, &locations, error) ||
        !tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error) ||
        !tn_session_need_model(session, error) ||
        !tn_select(session->state, pattern ? pattern : "all", &selection, error))
        return false;
    struct tn_sampling_options options = {(int)images, (int)locations, (uint64_t)seed};
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    bool original = strcmp(tn_line_option(line, "target"), "original") == 0;
    struct tn_origin origin = {0};
    bool fine = dataset && (!original || tn_origin_of(session, &origin, error)) &&
                sample_selection(
                    session, &selection, dataset, &options, original ? &origin.origin : NULL,
                    strcmp(tn_line_option(line, "gradients"), "on") == 0, progress, result, error);
    tn_put_text(result, "target", original ? "original" : "current");
    tn_origin_free(&origin);
    tn_selection_free(&selection);
    return fine;
}

const struct tn_command tn_commands_sample[] = {
    {"sample",
     "collect the statistics that choosing filters needs, for all layers in one pass",
     "Takes images of every class at random from the training images and random locations of every "
     "layer's "
     "consumers in each, and keeps the Gram matrix of the channels' contributions. Everything that "
     "chooses "
     "filters afterwards comes from memory; so does what the filters themselves do: how often they "
     "are zero, and how large they are. gradients=on adds a backward pass, for method taylor, "
     "which otherwise takes it when it is first used. "
     "target=original keeps what the network as it was opened puts out at the same places, however "
     "much was pruned and trained since, so that layers pruned one after another do not add up "
     "their errors.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{TN_WORD_LAYER, "LAYER", true, NULL}},
     {{"images", TN_WORD_NUMBER, "10", NULL, "images of each class"},
      {"locations", TN_WORD_NUMBER, "10", NULL, "locations in each image and consumer"},
      {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers"},
      {"target", TN_WORD_NAME, "current", "current|original",
       "the network whose outputs are to be kept"},
      {"gradients", TN_WORD_NAME, "off", "on|off", "collect what method taylor ranks by at once"}},
     run_sample},
    {0},
};
