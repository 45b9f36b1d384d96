#include "comparison.h"
#include "core/memory.h"
#include "session/compare.h"
#include <math.h>
#include <stdlib.h>

double comparison_cost(const struct tn_snapshot_compared *row, bool by_params)
{
    return by_params ? row->params_ratio : row->flops_ratio;
}

bool comparison_alike(const struct tn_snapshot_compared *a, const struct tn_snapshot_compared *b)
{
    return a->evaluated && b->evaluated && a->data == b->data && a->images == b->images;
}

bool comparison_any(const struct tn_snapshot *snapshot)
{
    for (int i = 0; i < snapshot->compared_count; i++)
        if (snapshot->compared[i].evaluated)
            return true;
    return false;
}

bool comparison_timed(const struct tn_snapshot *snapshot)
{
    for (int i = 0; i < snapshot->compared_count; i++)
        if (isfinite(snapshot->compared[i].forward_ms))
            return true;
    return false;
}

static int find_base(const struct comparison *comparison, int64_t network)
{
    int first = -1;
    for (int i = comparison->count - 1; i >= 0; i--) {
        if (!comparison->rows[i].evaluated)
            continue;
        if (comparison->rows[i].network == network)
            return i;
        first = i;
    }
    return first;
}

struct difference comparison_difference(const struct comparison *comparison, int row)
{
    struct difference difference = {DIFFERENCE_UNKNOWN, NAN, NAN, NAN};
    const struct tn_snapshot_compared *it = &comparison->rows[row];
    if (comparison->base < 0 || !it->evaluated)
        return difference;
    const struct tn_snapshot_compared *base = &comparison->rows[comparison->base];
    if (row == comparison->base || !comparison_alike(it, base)) {
        difference.kind = row == comparison->base ? DIFFERENCE_BASE : DIFFERENCE_IMAGES;
        return difference;
    }
    difference.value = it->top1 - base->top1;
    tn_difference_interval(it->top1, base->top1, (double)it->images, &difference.low,
                           &difference.high);
    difference.kind = difference.low > 0    ? DIFFERENCE_BETTER
                      : difference.high < 0 ? DIFFERENCE_WORSE
                                            : DIFFERENCE_NONE;
    return difference;
}

/* --- the order of the rows --- */

struct sorted {
    double key; /* smaller ones come first */
    int row;
};

static int by_key(const void *a, const void *b)
{
    const struct sorted *left = (const struct sorted *)a, *right = (const struct sorted *)b;
    if (left->key < right->key || left->key > right->key)
        return left->key < right->key ? -1 : 1;
    return left->row - right->row;
}

/* What is not known comes last. */
static double key_of(const struct tn_snapshot_compared *row, enum comparison_order order)
{
    double key = order == BY_ENTRY    ? (double)row->entry
                 : order == BY_TOP1   ? -row->top1
                 : order == BY_FLOPS  ? row->flops_ratio
                 : order == BY_PARAMS ? row->params_ratio
                                      : row->forward_ms;
    return isnan(key) ? INFINITY : key;
}

static bool sort(struct comparison *comparison, enum comparison_order order)
{
    struct sorted *sorted = tn_calloc((size_t)comparison->count, sizeof *sorted);
    if (sorted == NULL)
        return false;
    for (int i = 0; i < comparison->count; i++)
        sorted[i] = (struct sorted){key_of(&comparison->rows[i], order), i};
    qsort(sorted, (size_t)comparison->count, sizeof *sorted, by_key);
    for (int i = 0; i < comparison->count; i++)
        comparison->order[i] = sorted[i].row;
    tn_free(sorted);
    return true;
}

/* --- the Pareto front --- */

/* Only of those that were measured on the base's images: others are neither above nor below them.
 */
static bool on_front(const struct comparison *comparison, int row, bool by_params)
{
    const struct tn_snapshot_compared *rows = comparison->rows;
    const struct tn_snapshot_compared *base = &rows[comparison->base];
    double cost = comparison_cost(&rows[row], by_params);
    if (!comparison_alike(&rows[row], base) || isnan(cost))
        return false;
    for (int i = 0; i < comparison->count; i++)
        if (comparison_alike(&rows[i], base) &&
            tn_dominates(comparison_cost(&rows[i], by_params), rows[i].top1, cost, rows[row].top1))
            return false;
    return true;
}

bool comparison_make(struct comparison *comparison, const struct tn_snapshot *snapshot,
                     int64_t base, enum comparison_order order, bool by_params)
{
    size_t count = (size_t)snapshot->compared_count;
    *comparison =
        (struct comparison){.count = snapshot->compared_count, .rows = snapshot->compared};
    comparison->order = tn_calloc(count, sizeof *comparison->order);
    comparison->front = tn_calloc(count, sizeof *comparison->front);
    if (comparison->order == NULL || comparison->front == NULL || !sort(comparison, order)) {
        comparison_free(comparison);
        return false;
    }
    comparison->base = find_base(comparison, base);
    for (int i = 0; i < comparison->count && comparison->base >= 0; i++)
        comparison->front[i] = on_front(comparison, i, by_params);
    return true;
}

void comparison_free(struct comparison *comparison)
{
    tn_free(comparison->order);
    tn_free(comparison->front);
    *comparison = (struct comparison){.base = -1};
}

int comparison_place(const struct comparison *comparison, int64_t network)
{
    for (int place = 0; place < comparison->count; place++)
        if (comparison->rows[comparison->order[place]].network == network)
            return place;
    return -1;
}
