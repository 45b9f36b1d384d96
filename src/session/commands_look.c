/* The command that looks at one filter: nothing is changed, and nothing kept in the journal. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/picture.h"
#include "session/results.h"
#include "session/selection.h"
#include <string.h>

/* Any layer can be looked at, also those that cannot be pruned. */
static bool find_layer(const struct tn_state *state, const char *name, int *layer,
                       struct tn_error *error)
{
    int group;
    *layer = tn_layers_find(&state->model->layers, name);
    if (*layer >= 0)
        return true;
    if (!tn_select_one(state, name, &group, error))
        return false;
    *layer = tn_model_leader(state->model, group);
    return true;
}

static bool read_gaze(const struct tn_session *session, const struct tn_command_line *line,
                      struct tn_gaze *gaze, struct tn_error *error)
{
    const struct tn_state *state = session->state;
    int64_t filter = 0;
    *gaze = (struct tn_gaze){
        .split = strcmp(tn_line_option(line, "split"), "train") == 0 ? TN_TRAIN : TN_TEST};
    if (!find_layer(state, tn_line_word(line, 0), &gaze->layer, error) ||
        !tn_parse_integer("filter", tn_line_word(line, 1), 0,
                          tn_picture_channels(state->model, gaze->layer) - 1, &filter, error) ||
        !tn_line_integer(line, "image", 0, INT32_MAX, &gaze->image, error))
        return false;
    gaze->channel = (int)filter;
    return true;
}

/* The images, where there are some that the network takes; else why not. */
static struct tn_dataset *images_for(struct tn_session *session, const struct tn_progress *progress,
                                     struct tn_error *why)
{
    if (!session->state->data) {
        tn_fail(why, TN_ERROR_USE, "no images are open: data PATH first");
        return NULL;
    }
    return tn_session_need_both(session, progress, why);
}

static bool check_image(const struct tn_dataset *dataset, const struct tn_gaze *gaze,
                        struct tn_error *error)
{
    long long count = (long long)tn_dataset_count(dataset, gaze->split);
    const char *split = gaze->split == TN_TRAIN ? "training" : "test";
    if (gaze->image < count)
        return true;
    if (count == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no %s images", tn_dataset_name(dataset), split);
    return tn_fail(error, TN_ERROR_USE, "image %lld is not there: the %s images are 0 to %lld",
                   (long long)gaze->image, split, count - 1);
}

static json_t *size_json(int rows, int columns)
{
    return tn_json_ints((const int[]){rows, columns}, 2);
}

static void put_picture(const struct tn_snapshot_picture *picture, json_t *result)
{
    tn_put_text(result, "layer", picture->layer);
    tn_put_integer(result, "filter", picture->filter);
    if (picture->kernel_count > 0) {
        const struct tn_snapshot_map *kernels = &picture->kernels;
        tn_put_integer(result, "kernels", picture->kernel_count);
        tn_put(result, "kernel", size_json(kernels->full_rows, kernels->full_columns));
        tn_put_number(result, "kernel_min", kernels->low);
        tn_put_number(result, "kernel_max", kernels->high);
    }
    if (!picture->activation.values) {
        tn_put_text(result, "no_map", picture->no_map);
        return;
    }
    const struct tn_snapshot_map *map = &picture->activation;
    tn_put_text(result, "split", picture->training ? "train" : "test");
    tn_put_integer(result, "image", picture->image);
    tn_put_text(result, "class", picture->class_name);
    tn_put(result, "map", size_json(map->full_rows, map->full_columns));
    tn_put_number(result, "map_min", map->low);
    tn_put_number(result, "map_max", map->high);
}

static bool run_look(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_gaze gaze;
    struct tn_error why;
    tn_error_clear(&why);
    if (!tn_session_need_model(session, error) || !read_gaze(session, line, &gaze, error))
        return false;
    struct tn_dataset *dataset = images_for(session, progress, &why);
    if (dataset && !check_image(dataset, &gaze, error))
        return false;
    const struct tn_scene *scene =
        dataset ? tn_looked_scene(&session->looked, session->state, &gaze, dataset, progress, &why)
                : NULL;
    /* What keeps the network from being run is told in the picture; what stops the command is not.
     */
    if (why.kind == TN_ERROR_CANCELLED || why.kind == TN_ERROR_SYSTEM)
        return tn_error_pass(&why, error);
    struct tn_picture *picture =
        tn_picture_new(session->state->model, &gaze, scene, why.text, error);
    if (!picture)
        return false;
    put_picture(&picture->view, result);
    tn_looked_set(&session->looked, picture, session->state);
    return true;
}

const struct tn_command tn_commands_look[] = {
    {"look",
     "look at one filter: its kernels, and what it makes of an image",
     "The workbench shows it as small pictures in its view Filters. The image goes through the "
     "network as it stands, up to the layer: behind BatchNorm and ReLU, before pooling. Nothing "
     "is changed. JSON: kernels (how many: its input channels), kernel (height, width), "
     "kernel_min, kernel_max; image, split, class, map (height, width), map_min, map_max, or "
     "no_map: why not.",
     0,
     {{TN_WORD_LAYER, "LAYER", false, NULL}, {TN_WORD_NUMBER, "FILTER", false, NULL}},
     {{"image", TN_WORD_NUMBER, "0", NULL, "which image, from 0"},
      {"split", TN_WORD_NAME, "test", "test|train", "of which images"}},
     run_look},
    {0},
};
