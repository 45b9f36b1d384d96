#include "session/picture.h"

#include "core/memory.h"
#include "prune/filter_weights.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a screen can show at most: sides of a map and of a kernel, and numbers of all kernels. */
enum { MAP_SIDE = 64, KERNEL_SIDE = 16, KERNEL_NUMBERS = 4096 };

/* --- maps --- */

/* How many numbers in a row become one, so that neither side is longer than `side`. */
static int box_for(int rows, int columns, int side)
{
    int longest = rows > columns ? rows : columns;
    return (longest + side - 1) / side;
}

static float box_mean(const float *numbers, int rows, int columns, int row, int column, int box)
{
    double sum = 0;
    int count = 0;
    for (int r = row * box; r < rows && r < (row + 1) * box; r++)
        for (int c = column * box; c < columns && c < (column + 1) * box; c++, count++)
            sum += numbers[(size_t)r * (size_t)columns + (size_t)c];
    return count > 0 ? (float)(sum / count) : 0;
}

static void find_range(struct tn_snapshot_map *map, const float *numbers, size_t count)
{
    map->low = map->high = count > 0 ? numbers[0] : 0;
    for (size_t i = 1; i < count; i++) {
        map->low = fminf(map->low, numbers[i]);
        map->high = fmaxf(map->high, numbers[i]);
    }
}

/* `planes` maps [rows,columns] one after another, the first `shown` of which are kept; the range is
 * that of all. */
static bool fill_map(struct tn_snapshot_map *map, const float *numbers, int planes, int shown,
                     int rows, int columns, int side, struct tn_error *error)
{
    int box = box_for(rows, columns, side);
    size_t plane = (size_t)rows * (size_t)columns;
    map->full_rows = rows;
    map->full_columns = columns;
    map->rows = (rows + box - 1) / box;
    map->columns = (columns + box - 1) / box;
    size_t small = (size_t)map->rows * (size_t)map->columns;
    map->values = tn_alloc((size_t)shown * small, sizeof *map->values);
    if (!map->values)
        return tn_fail_memory(error, "a picture", (size_t)shown * small * sizeof *map->values);
    find_range(map, numbers, (size_t)planes * plane);
    for (int p = 0; p < shown; p++)
        for (int r = 0; r < map->rows; r++)
            for (int c = 0; c < map->columns; c++)
                map->values[(size_t)p * small + (size_t)(r * map->columns + c)] =
                    box_mean(numbers + (size_t)p * plane, rows, columns, r, c, box);
    return true;
}

/* --- kernels --- */

static int kernels_shown(int count, const int kernel[2])
{
    int box = box_for(kernel[0], kernel[1], KERNEL_SIDE);
    int numbers = ((kernel[0] + box - 1) / box) * ((kernel[1] + box - 1) / box);
    int most = KERNEL_NUMBERS / numbers;
    return count < most ? count : most;
}

static float *filter_numbers(const struct tn_filter_part *part, int filter, size_t count)
{
    double *exact = tn_alloc(count, sizeof *exact);
    float *numbers = exact ? tn_alloc(count, sizeof *numbers) : NULL;
    if (numbers) {
        tn_filter_numbers(part, filter, count, exact);
        for (size_t i = 0; i < count; i++)
            numbers[i] = (float)exact[i];
    }
    tn_free(exact);
    return numbers;
}

/* A layer whose weights do not count its filters has none to show: that is no error. */
static bool fill_kernels(struct tn_snapshot_picture *view, const struct tn_model *model, int layer,
                         int filter, struct tn_error *error)
{
    const struct tn_layer *it = &model->layers.layer[layer];
    struct tn_filter_part part;
    size_t area = (size_t)it->kernel[0] * (size_t)it->kernel[1];
    if (!tn_filter_part_of(model->graph, it, &part) || area == 0 ||
        tn_filter_length(&part) % area != 0 || tn_filter_length(&part) == 0)
        return true;
    size_t length = tn_filter_length(&part);
    float *numbers = filter_numbers(&part, filter, length);
    if (!numbers)
        return tn_fail_memory(error, "a filter's weights", length * sizeof *numbers);
    view->kernel_count = (int)(length / area);
    view->kernels_shown = kernels_shown(view->kernel_count, it->kernel);
    bool ok = fill_map(&view->kernels, numbers, view->kernel_count, view->kernels_shown,
                       it->kernel[0], it->kernel[1], KERNEL_SIDE, error);
    tn_free(numbers);
    return ok;
}

/* --- a filter in a scene --- */

static bool fill_activation(struct tn_snapshot_picture *view, const struct tn_scene *scene,
                            int filter, struct tn_error *error)
{
    size_t area = (size_t)scene->rows * (size_t)scene->columns;
    float *numbers = tn_alloc(area, sizeof *numbers);
    if (!numbers)
        return tn_fail_memory(error, "an activation", area * sizeof *numbers);
    for (size_t i = 0; i < area; i++)
        numbers[i] = scene->activation[(size_t)filter * scene->stride + i * scene->step];
    bool ok =
        fill_map(&view->activation, numbers, 1, 1, scene->rows, scene->columns, MAP_SIDE, error);
    tn_free(numbers);
    return ok;
}

/* The image in shades of grey, as it is preprocessed. */
static bool fill_input(struct tn_snapshot_picture *view, const struct tn_scene *scene,
                       struct tn_error *error)
{
    const int *chw = scene->chw;
    size_t area = (size_t)chw[1] * (size_t)chw[2];
    float *grey = tn_calloc(area, sizeof *grey);
    if (!grey)
        return tn_fail_memory(error, "an image", area * sizeof *grey);
    for (int c = 0; c < chw[0]; c++)
        for (size_t i = 0; i < area; i++)
            grey[i] += scene->input[(size_t)c * area + i] / (float)chw[0];
    bool ok = fill_map(&view->input, grey, 1, 1, chw[1], chw[2], MAP_SIDE, error);
    tn_free(grey);
    return ok;
}

/* --- pictures --- */

int tn_picture_channels(const struct tn_model *model, int layer)
{
    int g = model->groups.of_layer[layer];
    bool prunable = g >= 0 && model->groups.group[g].prunable;
    return prunable ? model->groups.group[g].channels : model->layers.layer[layer].filters;
}

/* The first filter of a layer that is of the channel; -1: none is. */
static int filter_of(const struct tn_model *model, const struct tn_gaze *gaze)
{
    const struct tn_filter_map *map = &model->groups.filters[gaze->layer];
    if (!map->channels)
        return gaze->channel;
    for (int f = 0; f < map->count; f++)
        if (map->channels[f] == gaze->channel)
            return f;
    return -1;
}

static void free_view(struct tn_snapshot_picture *view)
{
    tn_free(view->layer);
    tn_free(view->no_map);
    tn_free(view->kernels.values);
    tn_free(view->input.values);
    tn_free(view->activation.values);
}

struct tn_picture *tn_picture_ref(struct tn_picture *picture)
{
    if (picture)
        atomic_fetch_add(&picture->refs, 1);
    return picture;
}

void tn_picture_unref(struct tn_picture *picture)
{
    if (!picture || atomic_fetch_sub(&picture->refs, 1) > 1)
        return;
    free_view(&picture->view);
    tn_free(picture);
}

static bool fill_view(struct tn_snapshot_picture *view, const struct tn_model *model,
                      const struct tn_gaze *gaze, const struct tn_scene *scene, const char *without,
                      struct tn_error *error)
{
    int filter = filter_of(model, gaze);
    const char *name = model->layers.layer[gaze->layer].name;
    view->layer = tn_strdup(name);
    view->no_map = tn_strdup(scene ? "" : without);
    view->filter = gaze->channel;
    view->image = gaze->image;
    view->training = gaze->split == TN_TRAIN;
    if (!view->layer || !view->no_map)
        return tn_fail_memory(error, "a picture", strlen(name));
    if (filter < 0)
        return tn_fail(error, TN_ERROR_USE, "layer '%s' has no filter for channel %d of its group",
                       name, gaze->channel);
    if (!fill_kernels(view, model, gaze->layer, filter, error))
        return false;
    if (!scene)
        return true;
    snprintf(view->class_name, sizeof view->class_name, "%s", scene->class_name);
    return fill_activation(view, scene, filter, error) && fill_input(view, scene, error);
}

struct tn_picture *tn_picture_new(const struct tn_model *model, const struct tn_gaze *gaze,
                                  const struct tn_scene *scene, const char *without,
                                  struct tn_error *error)
{
    struct tn_picture *picture = tn_calloc(1, sizeof *picture);
    if (!picture) {
        tn_fail_memory(error, "a picture", sizeof *picture);
        return NULL;
    }
    atomic_init(&picture->refs, 1);
    if (fill_view(&picture->view, model, gaze, scene, without, error))
        return picture;
    tn_picture_unref(picture);
    return NULL;
}

/* --- the session's last --- */

void tn_looked_clear(struct tn_looked *looked)
{
    tn_picture_unref(looked->picture);
    tn_scene_free(looked->scene);
    tn_model_unref(looked->model);
    tn_data_spec_unref(looked->data);
    *looked = (struct tn_looked){0};
}

static bool is_of(const struct tn_looked *looked, const struct tn_state *state)
{
    return looked->model == state->model && looked->data == state->data;
}

static void begin(struct tn_looked *looked, const struct tn_state *state)
{
    if (is_of(looked, state))
        return;
    tn_looked_clear(looked);
    looked->model = tn_model_ref(state->model);
    looked->data = tn_data_spec_ref(state->data);
}

const struct tn_scene *tn_looked_scene(struct tn_looked *looked, const struct tn_state *state,
                                       const struct tn_gaze *gaze, struct tn_dataset *dataset,
                                       const struct tn_progress *progress, struct tn_error *error)
{
    begin(looked, state);
    const struct tn_scene *last = looked->scene;
    if (last && last->layer == gaze->layer && last->split == gaze->split &&
        last->image == gaze->image)
        return last;
    tn_scene_free(looked->scene);
    looked->scene =
        tn_scene_new(state->model, gaze->layer, dataset, gaze->split, gaze->image, progress, error);
    return looked->scene;
}

void tn_looked_set(struct tn_looked *looked, struct tn_picture *picture,
                   const struct tn_state *state)
{
    begin(looked, state);
    tn_picture_unref(looked->picture);
    looked->picture = picture;
}

struct tn_picture *tn_looked_at(const struct tn_looked *looked, const struct tn_state *state)
{
    return is_of(looked, state) ? looked->picture : NULL;
}
