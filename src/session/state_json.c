/* Settings of a state as JSON, in the session file's table `state`. */
#include "session/store.h"

#include "core/memory.h"
#include "session/results.h"
#include <math.h>
#include <string.h>

static json_t *floats_json(const float *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_real((double)values[i]));
    return array;
}

static json_t *data_json(const struct tn_data_spec *spec)
{
    const struct tn_data_options *o = &spec->options;
    json_t *json = json_object();
    tn_put_text(json, "path", spec->path);
    tn_put_text(json, "preset", spec->preset);
    tn_put_text(json, "name", spec->name ? spec->name : "");
    tn_put_integer(json, "format", o->format);
    tn_put_integer(json, "channels", o->channels);
    tn_put_number(json, "scale", (double)o->scale);
    tn_put(json, "mean", floats_json(o->mean, o->mean_count));
    tn_put(json, "std", floats_json(o->std, o->std_count));
    tn_put_integer(json, "resize", o->resize);
    tn_put_integer(json, "crop", o->crop);
    tn_put_integer(json, "train", spec->train);
    tn_put_integer(json, "test", spec->test);
    tn_put_integer(json, "classes", spec->classes);
    tn_put(json, "shape", tn_json_ints(spec->shape, 3));
    return json;
}

static json_t *cost_json(const struct tn_cost *cost)
{
    return json_pack("{s:I, s:I, s:I}", "params", (json_int_t)cost->params, "params_all",
                     (json_int_t)cost->params_all, "flops", (json_int_t)cost->flops);
}

static json_t *evaluation_json(const struct tn_state *state)
{
    const struct tn_evaluation *e = &state->evaluation;
    return json_pack("{s:I, s:I, s:f, s:f, s:o, s:f, s:f}", "limit",
                     (json_int_t)state->evaluated_limit, "images", (json_int_t)e->images, "top1",
                     e->top1, "top5", e->top5, "loss", tn_json_number(e->loss), "ci95", e->ci95,
                     "seconds", e->seconds);
}

static json_t *setting_json(const struct tn_group *group, const struct tn_setting *setting)
{
    json_t *json =
        json_pack("{s:o, s:s, s:I, s:i}", "name", tn_json_text(group->name), "method",
                  setting->method->name, "seed", (json_int_t)setting->seed, "kept", setting->kept);
    if (json && setting->sensitivity) {
        json_object_set_new(json, "sensitivity", tn_sensitivity_to_json(setting->sensitivity));
        json_object_set_new(json, "sensitivity_stale", json_boolean(setting->sensitivity_stale));
    }
    if (!json || !setting->locks)
        return json;
    char *letters = tn_alloc((size_t)group->channels + 1, 1);
    for (int c = 0; letters && c < group->channels; c++)
        letters[c] = ".kp"[setting->locks[c]];
    if (letters)
        letters[group->channels] = '\0';
    json_object_set_new(json, "locks", letters ? json_string(letters) : json_null());
    tn_free(letters);
    return json;
}

/* By the name its bytes have in the store. */
static void put_opened(json_t *json, const struct tn_state *state)
{
    const struct tn_model *opened = state->opened;
    bool stored = opened ? opened->stored : state->opened_stored;
    char hex[TN_DIGEST_HEX];
    if (!stored)
        return;
    tn_digest_hex(opened ? &opened->digest : &state->opened_digest, hex);
    tn_put_text(json, "opened", hex);
    if (state->lineage)
        json_object_set(json, "lineage", state->lineage);
}

json_t *tn_state_to_json(const struct tn_state *state)
{
    json_t *json = json_pack("{s:o}", "model", tn_json_text(state->model_name));
    if (state->data)
        json_object_set_new(json, "data", data_json(state->data));
    if (state->evaluated)
        json_object_set_new(json, "evaluation", evaluation_json(state));
    if (!state->model)
        return json;
    json_object_set_new(json, "original", cost_json(&state->original));
    put_opened(json, state);
    json_object_set_new(json, "scope",
                        json_string(state->model->scope == TN_SCOPE_ALL ? "all" : "inner"));
    json_t *layers = json_array();
    for (int g = 0; g < state->model->groups.count; g++)
        json_array_append_new(layers,
                              setting_json(&state->model->groups.group[g], &state->settings[g]));
    json_object_set_new(json, "layers", layers);
    return json;
}

static bool bad_settings(const char *what, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "the session file is damaged: settings: %s", what);
}

static bool read_floats(const json_t *array, float *values, int *count)
{
    *count = (int)json_array_size(array);
    if (!json_is_array(array) || json_array_size(array) > 4)
        return false;
    for (int i = 0; i < *count; i++)
        values[i] = (float)json_number_value(json_array_get(array, (size_t)i));
    return true;
}

static bool read_data(struct tn_state *state, json_t *json, struct tn_error *error)
{
    struct tn_data_options o = {0};
    const char *preset, *name;
    json_t *mean, *std;
    int format, channels, classes, shape[3];
    double scale;
    json_int_t train, test;
    int code = json_unpack(
        json, "{s:s, s:s, s:s, s:i, s:i, s:F, s:o, s:o, s:i, s:i, s:I, s:I, s:i, s:[i,i,i]}",
        "path", &o.path, "preset", &preset, "name", &name, "format", &format, "channels", &channels,
        "scale", &scale, "mean", &mean, "std", &std, "resize", &o.resize, "crop", &o.crop, "train",
        &train, "test", &test, "classes", &classes, "shape", &shape[0], &shape[1], &shape[2]);
    bool fine = code == 0 && read_floats(mean, o.mean, &o.mean_count) &&
                read_floats(std, o.std, &o.std_count) && format >= TN_FORMAT_AUTO &&
                format <= TN_FORMAT_FOLDER && channels >= TN_CHANNELS_AUTO &&
                channels <= TN_CHANNELS_GRAY && train >= 0 && test >= 0 && o.resize >= 0 &&
                o.crop >= 0;
    if (!fine)
        return bad_settings("data", error);
    o.format = (enum tn_data_format)format;
    o.channels = (enum tn_channels)channels;
    o.scale = (float)scale;
    state->data = tn_data_spec_new(&o, preset, error);
    if (!state->data)
        return false;
    state->data->name = tn_strdup(name);
    state->data->train = train;
    state->data->test = test;
    state->data->classes = classes;
    memcpy(state->data->shape, shape, sizeof shape);
    return state->data->name || tn_fail_memory(error, "a name", strlen(name));
}

static bool read_evaluation(struct tn_state *state, json_t *json, struct tn_error *error)
{
    struct tn_evaluation *e = &state->evaluation;
    json_int_t limit, images;
    json_t *loss;
    int code = json_unpack(json, "{s:I, s:I, s:F, s:F, s:o, s:F, s:F}", "limit", &limit, "images",
                           &images, "top1", &e->top1, "top5", &e->top5, "loss", &loss, "ci95",
                           &e->ci95, "seconds", &e->seconds);
    if (code != 0)
        return bad_settings("evaluation", error);
    state->evaluated_limit = limit;
    e->images = images;
    e->loss = json_is_number(loss) ? json_number_value(loss) : NAN;
    state->evaluated = true;
    return true;
}

static bool read_original(struct tn_state *state, json_t *json, struct tn_error *error)
{
    json_int_t params, params_all, flops;
    if (json_unpack(json, "{s:I, s:I, s:I}", "params", &params, "params_all", &params_all, "flops",
                    &flops))
        return bad_settings("original", error);
    state->original = (struct tn_cost){.params = params, .params_all = params_all, .flops = flops};
    return true;
}

static bool read_lineage(struct tn_state *state, json_t *json, struct tn_error *error)
{
    if (!json_is_object(json))
        return bad_settings("lineage", error);
    tn_state_set_lineage(state, json_incref(json));
    return true;
}

static bool read_opened(struct tn_state *state, const json_t *json, struct tn_error *error)
{
    const char *hex = json_string_value(json);
    if (!hex || !tn_digest_parse(hex, &state->opened_digest))
        return bad_settings("opened", error);
    state->opened_stored = true;
    return true;
}

bool tn_state_from_json(struct tn_state *state, const json_t *json, enum tn_scope *scope,
                        struct tn_error *error)
{
    const char *name = json_string_value(json_object_get(json, "model"));
    const char *scope_name = json_string_value(json_object_get(json, "scope"));
    json_t *data = json_object_get(json, "data"), *evaluation = json_object_get(json, "evaluation");
    json_t *original = json_object_get(json, "original"), *opened = json_object_get(json, "opened");
    json_t *lineage = json_object_get(json, "lineage");
    *scope = scope_name && strcmp(scope_name, "all") == 0 ? TN_SCOPE_ALL : TN_SCOPE_INNER;
    if (!name)
        return bad_settings("no model name", error);
    return tn_state_set_name(state, name, error) && (!data || read_data(state, data, error)) &&
           (!evaluation || read_evaluation(state, evaluation, error)) &&
           (!original || read_original(state, original, error)) &&
           (!opened || read_opened(state, opened, error)) &&
           (!lineage || read_lineage(state, lineage, error));
}

static bool read_locks(struct tn_state *state, int group, const char *letters,
                       struct tn_error *error)
{
    int channels = state->model->groups.group[group].channels;
    if (strlen(letters) != (size_t)channels || strspn(letters, ".kp") != (size_t)channels)
        return bad_settings("locks", error);
    enum tn_lock *locks = tn_calloc((size_t)channels, sizeof *locks);
    if (!locks)
        return tn_fail_memory(error, "locks", (size_t)channels);
    for (int c = 0; c < channels; c++)
        locks[c] = letters[c] == 'k'   ? TN_LOCK_KEEP
                   : letters[c] == 'p' ? TN_LOCK_PRUNE
                                       : TN_UNLOCKED;
    bool fine = tn_state_set_locks(state, group, locks, error);
    tn_free(locks);
    return fine;
}

static bool read_sensitivity(struct tn_state *state, int group, const json_t *json,
                             struct tn_error *error)
{
    const json_t *found = json_object_get(json, "sensitivity");
    if (!found)
        return true;
    struct tn_sensitivity *sensitivity =
        tn_sensitivity_from_json(found, state->model->groups.group[group].channels);
    if (!sensitivity)
        return bad_settings("a sensitivity", error);
    tn_state_set_sensitivity(state, group, sensitivity);
    tn_sensitivity_unref(sensitivity);
    state->settings[group].sensitivity_stale =
        json_is_true(json_object_get(json, "sensitivity_stale"));
    return true;
}

static bool read_setting(struct tn_state *state, int group, json_t *json, struct tn_error *error)
{
    const char *name, *locks = NULL;
    json_int_t seed = 1;
    int kept;
    if (json_unpack(json, "{s:s, s?I, s:i, s?s}", "method", &name, "seed", &seed, "kept", &kept,
                    "locks", &locks))
        return bad_settings("a layer", error);
    const struct tn_method *method = tn_method_find(name);
    if (!method)
        return bad_settings("a method this program does not know", error);
    tn_state_set_method(state, group, method, (uint64_t)seed);
    if (locks && !read_locks(state, group, locks, error))
        return false;
    if (tn_state_set_kept(state, group, kept) != kept)
        return bad_settings("a kept count out of range", error);
    return read_sensitivity(state, group, json, error);
}

bool tn_state_settings_from_json(struct tn_state *state, const json_t *json, struct tn_error *error)
{
    /* Groups follow from the network alone, so their order is the same again. */
    const json_t *layers = json_object_get(json, "layers");
    if (json_array_size(layers) != (size_t)state->model->groups.count)
        return bad_settings("not one for each group of the network", error);
    for (int g = 0; g < state->model->groups.count; g++) {
        if (!read_setting(state, g, json_array_get(layers, (size_t)g), error))
            return false;
    }
    return true;
}
