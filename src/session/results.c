#include "session/results.h"

#include "core/memory.h"
#include "session/state.h"
#include <math.h>

json_t *tn_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *tn_json_doubles(const double *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, tn_json_number(values[i]));
    return array;
}

json_t *tn_json_ints(const int *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

json_t *tn_json_epoch(const struct tn_epoch *epoch)
{
    json_t *json = json_object();
    tn_put_integer(json, "epoch", epoch->epoch);
    tn_put_number(json, "lr", epoch->learning_rate);
    tn_put_number(json, "loss", epoch->loss);
    tn_put_number(json, "train_top1", epoch->train_top1);
    tn_put_number(json, "test_top1", epoch->test_top1);
    tn_put_number(json, "test_top5", epoch->test_top5);
    tn_put_number(json, "images_per_second", epoch->images_per_second);
    tn_put_number(json, "seconds", epoch->seconds);
    if (epoch->held > 0) {
        tn_put_integer(json, "held", epoch->held);
        tn_put_number(json, "held_top1", epoch->held_top1);
        tn_put_number(json, "held_loss", epoch->held_loss);
        tn_put_bool(json, "best", epoch->best);
    }
    return json;
}

void tn_put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

void tn_put_number(json_t *object, const char *key, double value)
{
    tn_put(object, key, tn_json_number(value));
}

void tn_put_integer(json_t *object, const char *key, int64_t value)
{
    tn_put(object, key, json_integer(value));
}

json_t *tn_json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    char *plain = tn_strdup(text);
    for (char *c = plain; c && *c; c++) {
        if (*c & 0x80)
            *c = '?';
    }
    json = plain ? json_string(plain) : json_null();
    tn_free(plain);
    return json;
}

void tn_put_text(json_t *object, const char *key, const char *value)
{
    tn_put(object, key, tn_json_text(value));
}

void tn_put_bool(json_t *object, const char *key, bool value)
{
    tn_put(object, key, json_boolean(value));
}

double tn_get_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *tn_get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void tn_put_images(json_t *result, const struct tn_data_spec *spec)
{
    char digest[TN_DIGEST_HEX];
    tn_digest_hex(tn_dataset_digest(spec->dataset), digest);
    tn_put_text(result, "name", spec->name);
    tn_put_text(result, "preset", spec->preset);
    tn_put_integer(result, "train", spec->train);
    tn_put_integer(result, "test", spec->test);
    tn_put_integer(result, "classes", spec->classes);
    tn_put(result, "shape", tn_json_ints(spec->shape, 3));
    tn_put_integer(result, "skipped", (int64_t)tn_dataset_skipped(spec->dataset, NULL));
    tn_put_text(result, "digest", digest);
}
