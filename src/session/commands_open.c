/* Commands that bring things in: a network, images. */
#include "core/memory.h"
#include "core/threads.h"
#include "model/onnx.h"
#include "model/zoo.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/nearest.h"
#include "session/results.h"
#include <stdio.h>
#include <string.h>

static bool parse_shape(const char *text, struct tn_zoo_options *options, struct tn_error *error)
{
    int used = 0;
    int c, h, w;
    bool fine = sscanf(text, "%5dx%5dx%5d%n", &c, &h, &w, &used) == 3 && !text[used] && c > 0 &&
                h > 0 && w > 0;
    if (!fine)
        return tn_fail(error, TN_ERROR_USE, "in=%.40s: expected CxHxW, as in 1x28x28", text);
    options->channels = c;
    options->height = h;
    options->width = w;
    return true;
}

static bool check_zoo_name(const char *name, struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[96], names[256];
    tn_nearest_start(&nearest, name);
    for (int i = 0; tn_zoo_name(i); i++) {
        if (strcmp(tn_zoo_name(i), name) == 0)
            return true;
        tn_nearest_offer(&nearest, tn_zoo_name(i));
    }
    tn_nearest_hint(&nearest, hint, sizeof hint);
    tn_zoo_names(names, sizeof names);
    return tn_fail(error, TN_ERROR_USE, "there is no built-in network '%.60s'%s; there are: %s",
                   name, hint, names);
}

static struct tn_graph *draw(const char *name, const struct tn_zoo_options *options,
                             const struct tn_progress *progress, struct tn_error *error)
{
    const atomic_bool *before = tn_parallel_cancel(progress ? progress->cancelled : NULL);
    struct tn_graph *graph = tn_zoo_build(name, options, error);
    tn_parallel_cancel(before);
    if (!graph || !tn_progress_cancelled(progress))
        return graph;
    tn_graph_free(graph); /* weights were left out */
    tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
    return NULL;
}

static struct tn_graph *build(const struct tn_command_line *line, const char *name,
                              const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_zoo_options options = {0};
    int64_t classes = 0, seed = 0;
    const char *in = tn_line_option(line, "in");
    if (!check_zoo_name(name, error) || (in && !parse_shape(in, &options, error)) ||
        !tn_line_integer(line, "classes", 1, 1000000, &classes, error) ||
        !tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error))
        return NULL;
    options.classes = (int)classes;
    options.seed = (uint64_t)seed;
    return draw(name, &options, progress, error);
}

static struct tn_graph *read_or_build(const struct tn_command_line *line, const char **name,
                                      const struct tn_progress *progress, struct tn_error *error)
{
    const char *model = tn_line_word(line, 0);
    if (strncmp(model, "zoo:", 4) == 0) {
        *name = model + 4;
        return build(line, *name, progress, error);
    }
    if (line->pair_count > 0) {
        tn_fail(error, TN_ERROR_USE, "%s= is for networks of the zoo; %s says itself what it is",
                line->pairs[0].key, model);
        return NULL;
    }
    const char *slash = strrchr(model, '/');
    *name = slash ? slash + 1 : model;
    return tn_onnx_read(model, error);
}

static bool run_open(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    const char *name = NULL;
    struct tn_graph *graph = read_or_build(line, &name, progress, error);
    struct tn_model *model = graph ? tn_model_new(graph, TN_SCOPE_INNER, error) : NULL;
    struct tn_state *next = model ? tn_state_new(error) : NULL;
    if (!next) {
        tn_model_unref(model);
        return false;
    }
    tn_session_become(session, next);
    if (!tn_state_set_model(next, model, false, 0, NULL, error) ||
        !tn_state_set_name(next, name, error))
        return false;
    next->original = model->cost;
    tn_state_set_opened(next, model);
    if (session->state->data)
        tn_state_set_data(next, session->state->data);
    tn_put_text(result, "model", name);
    tn_put_integer(result, "layers", model->layers.count);
    tn_put_integer(result, "params", model->cost.params);
    tn_put_integer(result, "params_all", model->cost.params_all);
    tn_put_integer(result, "flops", model->cost.flops);
    return true;
}

/* Data */

static bool parse_floats(const char *key, const char *text, float *values, int *count,
                         struct tn_error *error)
{
    *count = 0;
    while (*text) {
        char part[40];
        size_t length = strcspn(text, ",");
        if (*count == 4 || length >= sizeof part)
            return tn_fail(error, TN_ERROR_USE,
                           "%s: expected one number, or one a channel (0.49,0.48,0.44)", key);
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        double value;
        if (!tn_parse_real(key, part, -1e9, 1e9, &value, error))
            return false;
        values[(*count)++] = (float)value;
        text += length;
        text += *text == ',';
    }
    for (int i = 0; strcmp(key, "std") == 0 && i < *count; i++) {
        if (values[i] <= 0)
            return tn_fail(error, TN_ERROR_USE, "std must be greater than 0");
    }
    return true;
}

static int choice_index(const char *text, const char *choices)
{
    int index = 0;
    size_t length = strlen(text);
    for (const char *c = choices; *c; index++) {
        size_t part = strcspn(c, "|");
        if (part == length && memcmp(c, text, part) == 0)
            break;
        c += part;
        c += *c == '|';
    }
    return index;
}

static bool fill_options(const struct tn_command_line *line, struct tn_data_options *options,
                         struct tn_error *error)
{
    const char *format = tn_line_option(line, "format"),
               *channels = tn_line_option(line, "channels");
    const char *mean = tn_line_option(line, "mean"), *deviation = tn_line_option(line, "std");
    int64_t resize = options->resize, crop = options->crop;
    double scale = options->scale;
    if ((mean && !parse_floats("mean", mean, options->mean, &options->mean_count, error)) ||
        (deviation && !parse_floats("std", deviation, options->std, &options->std_count, error)) ||
        !tn_line_integer(line, "resize", 1, 16384, &resize, error) ||
        !tn_line_integer(line, "crop", 1, 16384, &crop, error) ||
        !tn_line_real(line, "scale", 1e-9, 1e9, &scale, error))
        return false;
    if (format)
        options->format = (enum tn_data_format)choice_index(format, "auto|idx|cifar|folder");
    if (channels)
        options->channels = (enum tn_channels)(1 + choice_index(channels, "rgb|bgr|gray"));
    options->resize = (int)resize;
    options->crop = (int)crop;
    options->scale = (float)scale;
    return true;
}

static struct tn_data_spec *open_data(const struct tn_command_line *line, const char *path,
                                      const char *preset, const struct tn_progress *progress,
                                      struct tn_error *error)
{
    struct tn_data_options options = {.path = path};
    if ((*preset && !tn_data_preset(preset, &options, error)) ||
        !fill_options(line, &options, error))
        return NULL;
    struct tn_data_spec *spec = tn_data_spec_new(&options, preset, error);
    if (spec && !tn_data_spec_open(spec, progress, error)) {
        tn_data_spec_unref(spec);
        return NULL;
    }
    return spec;
}

/* The preset that well-known images go with, or "". */
static const char *fitting_preset(const struct tn_dataset *dataset)
{
    if (tn_dataset_format(dataset) == TN_FORMAT_CIFAR)
        return "cifar10";
    return strcmp(tn_dataset_name(dataset), "Fashion-MNIST") == 0 ? "fashion-mnist" : "";
}

static struct tn_data_spec *open_with_preset(const struct tn_command_line *line,
                                             const struct tn_progress *progress,
                                             struct tn_error *error)
{
    const char *path = tn_line_word(line, 0), *preset = tn_line_option(line, "preset");
    bool said = preset || tn_line_given(line, "mean") || tn_line_given(line, "std");
    if (!said && strcmp(path, "fashion-mnist") == 0)
        preset = path; /* the name says it before the images are read */
    struct tn_data_spec *spec = open_data(line, path, preset ? preset : "", progress, error);
    if (!spec || said || preset || !*fitting_preset(spec->dataset))
        return spec;
    struct tn_data_spec *fitted =
        open_data(line, path, fitting_preset(spec->dataset), progress, error);
    tn_data_spec_unref(spec);
    return fitted;
}

/* The session file has it as JSON. */
static bool check_utf8(const char *path, struct tn_error *error)
{
    json_t *text = json_string(path);
    json_decref(text);
    return text ||
           tn_fail(error, TN_ERROR_USE, "%s: a session cannot keep a path that is not UTF-8", path);
}

/* Where the images are must not depend on where the program is started next. */
static bool make_absolute(struct tn_data_spec *spec, struct tn_error *error)
{
    if (strcmp(spec->path, "fashion-mnist") == 0)
        return true;
    if (!check_utf8(tn_dataset_path(spec->dataset), error))
        return false;
    char *path = tn_strdup(tn_dataset_path(spec->dataset));
    if (!path)
        return tn_fail_memory(error, "a path", 1);
    tn_free(spec->path);
    spec->path = path;
    spec->options.path = path;
    return true;
}

static bool run_data(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_data_spec *spec = open_with_preset(line, progress, error);
    if (!spec)
        return false;
    struct tn_state *next = make_absolute(spec, error) ? tn_session_edit(session, error) : NULL;
    if (next)
        tn_state_set_data(next, spec);
    tn_put_images(result, spec);
    tn_put_text(result, "path", spec->path);
    tn_data_spec_unref(spec);
    return next != NULL;
}

const struct tn_command tn_commands_open[] = {
    {"open",
     "open a network: an ONNX file, or a built-in one with fresh weights",
     "MODEL is an ONNX file or zoo:NAME: vgg16, vgg16-gap, resnet50, resnet50-v1.5, alexnet, "
     "resnet20, resnet32, resnet44, resnet56, resnet110 or fashion-vgg. The options are for "
     "built-in networks: image shape, number of classes and start of the random numbers. Images "
     "that are open stay open.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {{TN_WORD_FILE, "MODEL", false, NULL}},
     {{"in", TN_WORD_NAME, NULL, NULL, "image shape, CxHxW"},
      {"classes", TN_WORD_NUMBER, NULL, NULL, "number of classes"},
      {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers"}},
     run_open},
    {"data",
     "open labelled images",
     "PATH is a folder with IDX files, CIFAR binary files, or train/CLASS/*.png|jpg and val or "
     "test; "
     "fashion-mnist is Debian's dataset-fashion-mnist. Pixels are multiplied by scale (1/255), "
     "then mean is "
     "subtracted and std divided by. Without preset, mean and std, Fashion-MNIST and CIFAR-10 take "
     "their own "
     "preset.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{TN_WORD_DATA, "PATH", false, NULL}},
     {{"format", TN_WORD_NAME, "auto", "auto|idx|cifar|folder", "kind of files"},
      {"mean", TN_WORD_NAME, NULL, NULL, "subtracted; one number or one a channel"},
      {"std", TN_WORD_NAME, NULL, NULL, "divided by; one number or one a channel"},
      {"resize", TN_WORD_NUMBER, NULL, NULL, "shorter side in pixels"},
      {"crop", TN_WORD_NUMBER, NULL, NULL, "centre square in pixels"},
      {"channels", TN_WORD_NAME, NULL, "rgb|bgr|gray", "order of colours"},
      {"scale", TN_WORD_NUMBER, NULL, NULL, "multiplies pixels 0 to 255"},
      {"preset", TN_WORD_NAME, NULL, "imagenet|imagenet-caffe|cifar10|fashion-mnist",
       "all of these at once"}},
     run_data},
    {0},
};
