#include "data/choice.h"

#include "core/memory.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Put `wanted` images drawn from a class first. Returns how many there are. */
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

/* Training images class by class; end[c] (zeroed) is where class c ends. */
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

bool tn_choose_images(const struct tn_dataset *dataset, int per_class, uint64_t seed,
                      uint32_t **images, size_t *count, struct tn_error *error)
{
    size_t total = tn_dataset_count(dataset, TN_TRAIN), chosen = 0;
    int classes = tn_dataset_classes(dataset);
    uint32_t *by_class = tn_alloc(total, sizeof *by_class);
    size_t *end = tn_calloc((size_t)classes, sizeof *end);
    if (!by_class || !end) {
        tn_free(by_class);
        tn_free(end);
        return tn_fail_memory(error, "the choice of images", total * sizeof *by_class);
    }
    sort_by_class(dataset, total, classes, end, by_class);
    for (int c = 0; c < classes; c++) {
        size_t start = c == 0 ? 0 : end[c - 1];
        size_t drawn = draw(by_class + start, end[c] - start, (size_t)per_class, seed, c);
        for (size_t i = 0; i < drawn; i++)
            by_class[chosen++] = by_class[start + i];
    }
    tn_free(end);
    qsort(by_class, chosen, sizeof *by_class, ascending);
    *images = by_class;
    *count = chosen;
    if (chosen > 0)
        return true;
    tn_free(by_class);
    *images = NULL;
    return tn_fail(error, TN_ERROR_USE, "%s has no training images with a label",
                   tn_dataset_name(dataset));
}
