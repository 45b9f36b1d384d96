#include "prune/draw.h"

#include "core/memory.h"
#include "core/random.h"
#include "engine/evaluate.h"
#include "model/layers.h"

#include <stdlib.h>

enum { GREATEST_BATCH = 50 };
/* FLOPs of a forward pass between two looks at the wish to stop: well under 200 ms for a single
 * node. */
static const double BATCH_FLOPS = 1e11;

static bool check_options(const struct tn_sampling_options *options, struct tn_error *error)
{
    if (options->images_per_class < 1 || options->images_per_class > 1000000)
        return tn_fail(error, TN_ERROR_USE, "images=%d: 1 to 1000000 a class expected",
                       options->images_per_class);
    if (options->locations < 1 || options->locations > 10000)
        return tn_fail(error, TN_ERROR_USE, "locations=%d: 1 to 10000 an image expected",
                       options->locations);
    return true;
}

static bool check_images(const struct tn_graph *graph, const struct tn_dataset *dataset,
                         struct tn_error *error)
{
    if (tn_dataset_count(dataset, TN_TRAIN) == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no training images to sample",
                       tn_dataset_name(dataset));
    return tn_evaluate_fits(graph, dataset, error);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Keep `wanted` of a class's images, drawn without replacement. Returns how many there are. */
static size_t draw(uint32_t *images, size_t count, size_t wanted, uint64_t seed, int class)
{
    struct tn_random random;
    tn_random_seed(&random, seed, (uint64_t) class);
    if (wanted > count)
        wanted = count;
    for (size_t i = 0; i < wanted; i++) {
        size_t j = i + tn_random_below(&random, (uint32_t)(count - i));
        uint32_t swap = images[i];
        images[i] = images[j];
        images[j] = swap;
    }
    return wanted;
}

/* Group the training images by class in by_class; end[c] is where class c ends. */
static void sort_by_class(const struct tn_dataset *dataset, size_t total, int classes, size_t *end,
                          uint32_t *by_class)
{
    for (size_t i = 0; i < total; i++) {
        int label = tn_dataset_label(dataset, TN_TRAIN, i);
        if (label >= 0 && label < classes)
            end[label]++;
    }
    size_t start = 0;
    for (int c = 0; c < classes; c++) {
        size_t count = end[c];
        end[c] = start;
        start += count;
    }
    for (size_t i = 0; i < total; i++) {
        int label = tn_dataset_label(dataset, TN_TRAIN, i);
        if (label >= 0 && label < classes)
            by_class[end[label]++] = (uint32_t)i;
    }
}

static bool choose_images(const struct tn_dataset *dataset,
                          const struct tn_sampling_options *options, struct tn_draw *drawn,
                          struct tn_error *error)
{
    size_t total = tn_dataset_count(dataset, TN_TRAIN);
    int classes = tn_dataset_classes(dataset);
    uint32_t *by_class = tn_alloc(total, sizeof *by_class);
    size_t *end = tn_calloc((size_t)classes, sizeof *end);
    if (!by_class || !end) {
        tn_free(by_class);
        tn_free(end);
        return tn_fail_memory(error, "the choice of images", total * sizeof *by_class);
    }
    sort_by_class(dataset, total, classes, end, by_class);
    size_t chosen = 0;
    for (int c = 0; c < classes; c++) {
        size_t start = c == 0 ? 0 : end[c - 1];
        size_t count = draw(by_class + start, end[c] - start, (size_t)options->images_per_class,
                            options->seed, c);
        for (size_t i = 0; i < count; i++)
            by_class[chosen++] = by_class[start + i];
    }
    tn_free(end);
    qsort(by_class, chosen, sizeof *by_class, ascending);
    drawn->images = by_class;
    drawn->count = chosen;
    return chosen > 0 || tn_fail(error, TN_ERROR_INPUT, "%s: no training image has a label",
                                 tn_dataset_name(dataset));
}

/* The batch depends on the network alone: sums are the same whatever else is asked. */
static bool choose_batch(const struct tn_graph *graph, struct tn_draw *drawn,
                         struct tn_error *error)
{
    struct tn_cost cost;
    if (!tn_cost_of(graph, &cost, error))
        return false;
    double images = cost.flops > 0 ? BATCH_FLOPS / (double)cost.flops : GREATEST_BATCH;
    drawn->batch = images < 1 ? 1 : images > GREATEST_BATCH ? GREATEST_BATCH : (int)images;
    return true;
}

bool tn_draw_images(const struct tn_graph *graph, const struct tn_dataset *dataset,
                    const struct tn_sampling_options *options, struct tn_draw *drawn,
                    struct tn_error *error)
{
    *drawn = (struct tn_draw){0};
    if (check_options(options, error) && check_images(graph, dataset, error) &&
        choose_images(dataset, options, drawn, error) && choose_batch(graph, drawn, error))
        return true;
    tn_draw_free(drawn);
    return false;
}

void tn_draw_free(struct tn_draw *drawn)
{
    tn_free(drawn->images);
    *drawn = (struct tn_draw){0};
}
