#include "session/verify_compare.h"

#include "session/results.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tn_differs(struct tn_match *match, const char *field, const char *recorded, const char *now)
{
    struct tn_difference *difference = match->difference;
    snprintf(difference->field, sizeof difference->field, "%s", field);
    snprintf(difference->recorded, sizeof difference->recorded, "%s", recorded);
    snprintf(difference->now, sizeof difference->now, "%s", now);
    return false;
}

/* What a result says of time, memory, and where files are. */
static bool is_of_the_moment(const char *key)
{
    static const char *const keys[] = {"seconds",
                                       "images_per_second",
                                       "memory_bytes",
                                       "memory_needed",
                                       "memory_available",
                                       "memory_peak",
                                       "pieces",
                                       "recomputes",
                                       "path",
                                       "measured",
                                       "opened",
                                       "lineage"};
    size_t length = strlen(key);
    if (length > 3 && strcmp(key + length - 3, "_ms") == 0)
        return true;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

/* A state keeps what `sensitivity` measured with the bits of the networks it was measured on; its
 * accuracies are in the command's result too. */
static bool is_left_out(const struct tn_match *match, const char *key)
{
    return is_of_the_moment(key) || (!match->strict && strcmp(key, "sensitivity") == 0);
}

/* How far a number may be from the recorded one on another machine: thinet-tui(1) says the same. */
static double tolerance(const char *key, double recorded, double images)
{
    static const char *const shares[] = {"top1",      "top5",      "train_top1", "test_top1",
                                         "test_top5", "held_top1", "lost_top1",  "ci95"};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (strcmp(shares[i], key) == 0)
            return images > 0 ? fmax(0.01, 2 / images) : 0.01;
    }
    if (strcmp(key, "loss") == 0 || strcmp(key, "held_loss") == 0)
        return 0.02 * fabs(recorded);
    if (strcmp(key, "weights") == 0)
        return 0.01 * fabs(recorded) + 1e-4;
    return 1e-3 * fabs(recorded) + 1e-6;
}

static bool same_number(struct tn_match *match, const char *key, double images,
                        const json_t *recorded, const json_t *now)
{
    double a = json_number_value(recorded), b = json_number_value(now);
    if (json_equal(recorded, now))
        return true;
    if (match->strict || json_typeof(recorded) != json_typeof(now) || json_is_integer(now))
        return false;
    match->exact = false;
    return fabs(a - b) <= tolerance(key, a, images);
}

/* A place within a result: "layers[2].error". */
struct place {
    char text[160];
    size_t used;
};

static void go_in(struct place *place, const char *key, size_t index)
{
    size_t room = sizeof place->text - place->used;
    int length =
        key ? snprintf(place->text + place->used, room, "%s%.60s", place->used ? "." : "", key)
            : snprintf(place->text + place->used, room, "[%zu]", index);
    size_t more = length < 0 ? 0 : (size_t)length;
    place->used += more < room ? more : room - 1;
}

static void show(const json_t *value, char *text, size_t size)
{
    char *json = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    snprintf(text, size, "%s", json ? json : "nothing");
    free(json);
}

static bool say_values(struct tn_match *match, const struct place *place, const json_t *recorded,
                       const json_t *now)
{
    char was[160], is[160];
    show(recorded, was, sizeof was);
    show(now, is, sizeof is);
    return tn_differs(match, place->text, was, is);
}

static bool compare(struct tn_match *match, struct place *place, const char *key, double images,
                    const json_t *recorded, const json_t *now);

static bool compare_objects(struct tn_match *match, struct place *place, const json_t *recorded,
                            const json_t *now)
{
    const char *key;
    json_t *value;
    size_t used = place->used;
    double images = tn_get_number(recorded, "images");
    json_object_foreach((json_t *)recorded, key, value)
    {
        go_in(place, key, 0);
        if (!is_left_out(match, key) &&
            !compare(match, place, key, images, value, json_object_get(now, key)))
            return false;
        place->text[place->used = used] = '\0';
    }
    /* What this version says and the recording one did not is no difference. */
    return true;
}

static bool compare_arrays(struct tn_match *match, struct place *place, const char *key,
                           const json_t *recorded, const json_t *now)
{
    size_t used = place->used, count = json_array_size(recorded);
    if (json_array_size(now) != count)
        return say_values(match, place, recorded, now);
    for (size_t i = 0; i < count; i++) {
        go_in(place, NULL, i);
        if (!compare(match, place, key, NAN, json_array_get(recorded, i), json_array_get(now, i)))
            return false;
        place->text[place->used = used] = '\0';
    }
    return true;
}

static bool compare(struct tn_match *match, struct place *place, const char *key, double images,
                    const json_t *recorded, const json_t *now)
{
    bool fine;
    if (json_is_object(recorded) && json_is_object(now))
        return compare_objects(match, place, recorded, now);
    if (json_is_array(recorded) && json_is_array(now))
        return compare_arrays(match, place, key, recorded, now);
    if (json_is_number(recorded) && json_is_number(now))
        fine = same_number(match, key, images, recorded, now);
    else
        fine = json_equal(recorded, now);
    return fine || say_values(match, place, recorded, now);
}

bool tn_compare_json(struct tn_match *match, const json_t *recorded, const json_t *now)
{
    struct place place = {.text = ""};
    return compare(match, &place, "", NAN, recorded, now);
}

/* A metric by itself: the result may have been changed, or these. */
bool tn_compare_epochs(struct tn_match *match, const struct tn_entry *recorded,
                       const struct tn_entry *now)
{
    json_t *was = json_array(), *is = json_array();
    for (int i = 0; i < recorded->epoch_count; i++)
        json_array_append_new(was, tn_json_epoch(&recorded->epochs[i]));
    for (int i = 0; now && i < now->epoch_count; i++)
        json_array_append_new(is, tn_json_epoch(&now->epochs[i]));
    struct place place = {.text = ""};
    go_in(&place, "metric", 0);
    bool same = compare(match, &place, "metric", NAN, was, is);
    json_decref(was);
    json_decref(is);
    return same;
}
