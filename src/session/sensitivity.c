#include "session/sensitivity.h"

#include "core/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_kept(const void *a, const void *b)
{
    const struct tn_sensitivity_point *x = a, *y = b;
    return (x->kept > y->kept) - (x->kept < y->kept);
}

static int place_of(const struct tn_sensitivity *sensitivity, int kept)
{
    for (int i = 0; i < sensitivity->count; i++) {
        if (sensitivity->points[i].kept == kept)
            return i;
    }
    return sensitivity->count;
}

struct tn_sensitivity *tn_sensitivity_new(const struct tn_sensitivity_terms *terms,
                                          const struct tn_sensitivity_point *base, int count,
                                          const struct tn_sensitivity_point *points,
                                          struct tn_error *error)
{
    size_t bytes = sizeof(struct tn_sensitivity) + (size_t)count * sizeof *points;
    struct tn_sensitivity *sensitivity = tn_calloc(1, bytes);
    if (!sensitivity) {
        tn_fail_memory(error, "a sensitivity", bytes);
        return NULL;
    }
    sensitivity->refs = 1;
    sensitivity->terms = *terms;
    sensitivity->base = *base;
    for (int i = 0; i < count; i++) {
        int place = place_of(sensitivity, points[i].kept);
        sensitivity->points[place] = points[i];
        sensitivity->count += place == sensitivity->count;
    }
    qsort(sensitivity->points, (size_t)sensitivity->count, sizeof *points, by_kept);
    return sensitivity;
}

struct tn_sensitivity *tn_sensitivity_ref(struct tn_sensitivity *sensitivity)
{
    if (sensitivity)
        sensitivity->refs++;
    return sensitivity;
}

void tn_sensitivity_unref(struct tn_sensitivity *sensitivity)
{
    if (sensitivity && --sensitivity->refs == 0)
        tn_free(sensitivity);
}

bool tn_sensitivity_same_terms(const struct tn_sensitivity_terms *a,
                               const struct tn_sensitivity_terms *b)
{
    return a->method == b->method && a->weighted == b->weighted && a->split == b->split &&
           a->limit == b->limit && a->seed == b->seed;
}

/* --- the curve --- */

/* Points that lie on one level. */
struct level {
    double sum;
    int count;
};

/* Loss of the points from the widest to the narrowest, made to rise: pool adjacent violators. */
static void rising_losses(const struct tn_sensitivity *sensitivity, struct level *levels,
                          int *level_count, double *losses)
{
    double base = tn_tally_evaluation(&sensitivity->base.tally).top1;
    int count = sensitivity->count, used = 0;
    for (int i = count - 1; i >= 0; i--) {
        double top1 = tn_tally_evaluation(&sensitivity->points[i].tally).top1;
        levels[used++] = (struct level){base - top1, 1};
        while (used > 1 && levels[used - 2].sum / levels[used - 2].count >=
                               levels[used - 1].sum / levels[used - 1].count) {
            levels[used - 2].sum += levels[used - 1].sum;
            levels[used - 2].count += levels[used - 1].count;
            used--;
        }
    }
    *level_count = used;
    for (int l = 0, i = count - 1; l < used; l++) {
        for (int k = 0; k < levels[l].count; k++)
            losses[i--] = fmax(levels[l].sum / levels[l].count, 0);
    }
}

static double between(double x, double x0, double y0, double x1, double y1)
{
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0);
}

static void draw(const struct tn_sensitivity *sensitivity, int channels, const double *losses,
                 double *curve)
{
    const struct tn_sensitivity_point *points = sensitivity->points;
    double most = tn_tally_evaluation(&sensitivity->base.tally).top1;
    int count = sensitivity->count;
    for (int k = channels, i = count; k >= 0; k--) {
        while (i > 0 && points[i - 1].kept >= k)
            i--;
        /* Between points i-1 and i: before the first no filter is left, past the last are all. */
        double x0 = i > 0 ? points[i - 1].kept : 0, y0 = i > 0 ? losses[i - 1] : most;
        double x1 = i < count ? points[i].kept : channels, y1 = i < count ? losses[i] : 0;
        curve[k] = fmin(between(k, x0, y0, x1, y1), most);
    }
}

void tn_sensitivity_curve(const struct tn_sensitivity *sensitivity, int channels, double *curve)
{
    enum { MOST = 1024 };
    static const struct level none = {0, 0};
    struct level levels[MOST] = {none};
    double losses[MOST];
    int level_count;
    memset(curve, 0, ((size_t)channels + 1) * sizeof *curve);
    if (sensitivity->count < 1 || sensitivity->count > MOST)
        return;
    rising_losses(sensitivity, levels, &level_count, losses);
    draw(sensitivity, channels, losses, curve);
}

/* --- JSON --- */

static json_t *point_json(const struct tn_sensitivity_point *point)
{
    char key[TN_DIGEST_HEX];
    const struct tn_tally *t = &point->tally;
    tn_digest_hex(&point->key, key);
    return json_pack("[i, s, I, I, I, I, I, f]", point->kept, key, (json_int_t)t->at,
                     (json_int_t)t->seen, (json_int_t)t->loss.top1, (json_int_t)t->loss.top5,
                     (json_int_t)t->loss.bad, t->loss.sum);
}

static bool read_point(json_t *json, int channels, struct tn_sensitivity_point *point)
{
    const char *key;
    json_int_t at, seen, top1, top5, bad;
    double sum;
    if (json_unpack(json, "[i, s, I, I, I, I, I, F]", &point->kept, &key, &at, &seen, &top1, &top5,
                    &bad, &sum))
        return false;
    point->tally =
        (struct tn_tally){(size_t)at, seen, {.sum = sum, .top1 = top1, .top5 = top5, .bad = bad}};
    return tn_digest_parse(key, &point->key) && point->kept > 0 && point->kept <= channels &&
           seen > 0 && at >= seen && top1 >= 0 && top1 <= seen && top5 >= 0 && top5 <= seen;
}

json_t *tn_sensitivity_to_json(const struct tn_sensitivity *sensitivity)
{
    const struct tn_sensitivity_terms *terms = &sensitivity->terms;
    json_t *points = json_array();
    for (int i = 0; i < sensitivity->count; i++)
        json_array_append_new(points, point_json(&sensitivity->points[i]));
    return json_pack("{s:s, s:b, s:i, s:I, s:I, s:o, s:o}", "method", terms->method->name,
                     "weighted", terms->weighted, "split", (int)terms->split, "limit",
                     (json_int_t)terms->limit, "seed", (json_int_t)terms->seed, "base",
                     point_json(&sensitivity->base), "points", points);
}

struct tn_sensitivity *tn_sensitivity_from_json(const json_t *json, int channels)
{
    const char *method;
    int weighted, split;
    json_int_t limit, seed;
    json_t *base, *list;
    struct tn_sensitivity_point first;
    if (json_unpack((json_t *)json, "{s:s, s:b, s:i, s:I, s:I, s:o, s:o}", "method", &method,
                    "weighted", &weighted, "split", &split, "limit", &limit, "seed", &seed, "base",
                    &base, "points", &list) ||
        !tn_method_find(method) || (split != TN_TRAIN && split != TN_TEST) ||
        !read_point(base, channels, &first) || !json_is_array(list) ||
        json_array_size(list) > (size_t)channels)
        return NULL;
    size_t count = json_array_size(list);
    struct tn_sensitivity_point *points = tn_calloc(count, sizeof *points);
    bool fine = points != NULL;
    for (size_t i = 0; fine && i < count; i++)
        fine = read_point(json_array_get(list, i), channels - 1, &points[i]);
    struct tn_sensitivity_terms terms = {tn_method_find(method), weighted != 0,
                                         (enum tn_split)split, limit, (uint64_t)seed};
    struct tn_sensitivity *sensitivity =
        fine ? tn_sensitivity_new(&terms, &first, (int)count, points, NULL) : NULL;
    tn_free(points);
    return sensitivity;
}

/* --- tallies --- */

struct tn_tally *tn_tallies_find(struct tn_tallies *tallies, const struct tn_digest *key,
                                 struct tn_error *error)
{
    for (int i = 0; i < tallies->count; i++) {
        if (tn_digest_equal(&tallies->entries[i].key, key))
            return &tallies->entries[i].tally;
    }
    if (tallies->count == tallies->capacity) {
        size_t old = (size_t)tallies->capacity, capacity = 2 * old + 64;
        struct tn_tallied *grown = tn_realloc(tallies->entries, old, capacity, sizeof *grown);
        if (!grown) {
            tn_fail_memory(error, "measurements", capacity * sizeof *grown);
            return NULL;
        }
        tallies->entries = grown;
        tallies->capacity = (int)capacity;
    }
    struct tn_tallied *entry = &tallies->entries[tallies->count++];
    *entry = (struct tn_tallied){.key = *key};
    return &entry->tally;
}

void tn_tallies_free(struct tn_tallies *tallies)
{
    tn_free(tallies->entries);
    *tallies = (struct tn_tallies){0};
}
