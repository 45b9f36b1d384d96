#include "session/brief.h"

#include "session/results.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *bytes;
    size_t size, used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text->bytes + text->used, text->size - text->used, format, args);
    va_end(args);
    size_t room = text->size - text->used;
    text->used += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

static long long whole(const json_t *result, const char *key)
{
    return (long long)json_integer_value(json_object_get(result, key));
}

static void add_amount(struct text *text, const char *what, double amount)
{
    static const struct {
        double unit;
        const char *sign;
    } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (amount >= units[i].unit) {
            add(text, "%s %.2f%s", what, amount / units[i].unit, units[i].sign);
            return;
        }
    }
    add(text, "%s %.0f", what, amount);
}

static void brief_open(struct text *text, const json_t *result)
{
    add(text, "%s: %lld layers  ", tn_get_text(result, "model"), whole(result, "layers"));
    add_amount(text, "params", tn_get_number(result, "params"));
    add_amount(text, "  FLOPs", tn_get_number(result, "flops"));
}

static void brief_data(struct text *text, const json_t *result)
{
    add(text, "%s: %lld test and %lld training images, %lld classes", tn_get_text(result, "name"),
        whole(result, "test"), whole(result, "train"), whole(result, "classes"));
    if (*tn_get_text(result, "preset"))
        add(text, ", preset %s", tn_get_text(result, "preset"));
    if (whole(result, "skipped") > 0)
        add(text, ", %lld unreadable left out", whole(result, "skipped"));
}

static void brief_eval(struct text *text, const json_t *result)
{
    add(text, "top-1 %.2f +- %.2f %%  top-5 %.2f %%  loss %.4f  (%lld images)",
        100 * tn_get_number(result, "top1"), 100 * tn_get_number(result, "ci95"),
        100 * tn_get_number(result, "top5"), tn_get_number(result, "loss"),
        whole(result, "images"));
}

static void brief_summary(struct text *text, const json_t *result)
{
    add_amount(text, "params", tn_get_number(result, "params"));
    add(text, " (%.3fx)", tn_get_number(result, "params_ratio"));
    add_amount(text, "  FLOPs", tn_get_number(result, "flops"));
    add(text, " (%.3fx)", tn_get_number(result, "flops_ratio"));
}

static void brief_layers(struct text *text, const json_t *result)
{
    add(text, "%zu layers", json_array_size(json_object_get(result, "layers")));
}

static void brief_groups(struct text *text, const json_t *result)
{
    add(text, "%zu groups, scope %s", json_array_size(json_object_get(result, "groups")),
        tn_get_text(result, "scope"));
}

static void brief_sample(struct text *text, const json_t *result)
{
    add(text, "%zu layers sampled on %lld images",
        json_array_size(json_object_get(result, "layers")), whole(result, "images"));
}

static void brief_selection(struct text *text, const json_t *result)
{
    const json_t *layers = json_object_get(result, "layers"), *one;
    if (json_array_size(layers) == 1) {
        one = json_array_get(layers, 0);
        add(text, "%s keeps %lld of %lld", tn_get_text(one, "layer"), whole(one, "keep"),
            whole(one, "filters"));
        if (!isnan(tn_get_number(one, "error")))
            add(text, "  error %.4f (ls %.4f)", tn_get_number(one, "error"),
                tn_get_number(one, "error_ls"));
        if (json_is_true(json_object_get(one, "limited")))
            add(text, "  (as far as locks allow)");
        return;
    }
    add(text, "%zu layers set", json_array_size(layers));
    if (!isnan(tn_get_number(result, "flops_planned_ratio")))
        add(text, "  planned: FLOPs %.3fx  params %.3fx",
            tn_get_number(result, "flops_planned_ratio"),
            tn_get_number(result, "params_planned_ratio"));
}

static void brief_budget(struct text *text, const json_t *result)
{
    if (json_is_true(json_object_get(result, "preview")))
        add(text, "preview: ");
    add(text, "FLOPs %.3fx  params %.3fx for %s=%g  %zu layers  %s %.4f",
        tn_get_number(result, "flops_ratio"), tn_get_number(result, "params_ratio"),
        tn_get_text(result, "measure"), tn_get_number(result, "asked"),
        json_array_size(json_object_get(result, "layers")),
        strcmp(tn_get_text(result, "objective"), "sensitivity") == 0 ? "top-1 lost (sum)"
                                                                     : "error (ls)",
        tn_get_number(result, "objective_value"));
    if (!isnan(tn_get_number(result, "latency_ms")))
        add(text, "  %.2f ms of %.2f", tn_get_number(result, "latency_ms"),
            tn_get_number(result, "latency_ms_before"));
    if (json_is_true(json_object_get(result, "limited")))
        add(text, "  (as far as locks allow)");
}

static void brief_sensitivity(struct text *text, const json_t *result)
{
    json_t *layers = json_object_get(result, "layers"), *layer;
    size_t points = 0, i;
    json_array_foreach(layers, i, layer)
    {
        points += json_array_size(json_object_get(layer, "points"));
    }
    add(text, "%zu layers, %zu points on %lld images  top-1 %.2f%% uncut", json_array_size(layers),
        points, whole(result, "images"),
        100 * tn_get_number(json_object_get(result, "base"), "top1"));
}

static void brief_curve(struct text *text, const json_t *result)
{
    add(text, "%s: %zu points", tn_get_text(result, "layer"),
        json_array_size(json_object_get(result, "kept")));
}

static void brief_prune(struct text *text, const json_t *result)
{
    size_t layers = json_array_size(json_object_get(result, "layers"));
    add(text, "%zu layer%s pruned  FLOPs %.3fx  params %.3fx", layers, layers == 1 ? "" : "s",
        tn_get_number(result, "flops_ratio"), tn_get_number(result, "params_ratio"));
}

static void brief_training(struct text *text, const json_t *result)
{
    const json_t *epochs = json_object_get(result, "epochs");
    size_t count = json_array_size(epochs);
    const json_t *last = count ? json_array_get(epochs, count - 1) : NULL;
    if (last)
        add(text, "%zu epoch%s  loss %.4f  top-1 %.2f %%  %.0f img/s", count, count == 1 ? "" : "s",
            tn_get_number(last, "loss"), 100 * tn_get_number(last, "test_top1"),
            tn_get_number(last, "images_per_second"));
}

static void brief_epoch(struct text *text, const json_t *result)
{
    add(text, "epoch %lld of entry %lld", whole(result, "epoch"), whole(result, "entry"));
    if (isfinite(tn_get_number(result, "top1")))
        add(text, "  top-1 %.2f %%", 100 * tn_get_number(result, "top1"));
}

static void brief_time(struct text *text, const json_t *result)
{
    static const char *const parts[][2] = {
        {"forward", "forward_ms"}, {"backward", "backward_ms"}, {"step", "step_ms"}};
    add(text, "batch %lld:", whole(result, "batch"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!isnan(tn_get_number(result, parts[i][1])))
            add(text, "%s%s %.1f ms", i ? "  " : " ", parts[i][0],
                tn_get_number(result, parts[i][1]));
    }
}

static void brief_file(struct text *text, const json_t *result)
{
    const json_t *shape = json_object_get(result, "shape");
    add(text, "wrote %s", tn_get_text(result, "file"));
    for (size_t i = 0; i < json_array_size(shape); i++)
        add(text, "%s%lld%s", i ? "x" : " [",
            (long long)json_integer_value(json_array_get(shape, i)),
            i + 1 == json_array_size(shape) ? "]" : "");
}

static void brief_load(struct text *text, const json_t *result)
{
    add(text, "%s: %lld entries", tn_get_text(result, "file"), whole(result, "entries"));
}

static void brief_locks(struct text *text, const json_t *result)
{
    const json_t *layers = json_object_get(result, "layers");
    long long keep = 0, prune = 0;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        keep +=
            (long long)json_array_size(json_object_get(json_array_get(layers, i), "locked_keep"));
        prune +=
            (long long)json_array_size(json_object_get(json_array_get(layers, i), "locked_prune"));
    }
    add(text, "locked: %lld to keep, %lld to prune", keep, prune);
}

static void brief_method(struct text *text, const json_t *result)
{
    size_t layers = json_array_size(json_object_get(result, "layers"));
    add(text, "%s for %zu layer%s", tn_get_text(result, "method"), layers, layers == 1 ? "" : "s");
}

static void brief_journal(struct text *text, const json_t *result)
{
    add(text, "%zu entries", json_array_size(json_object_get(result, "entries")));
}

static void brief_move(struct text *text, const json_t *result)
{
    if (whole(result, "entry") == 0)
        add(text, "now at the beginning");
    else
        add(text, "now at entry %lld: %s", whole(result, "entry"), tn_get_text(result, "line"));
}

static void brief_look(struct text *text, const json_t *result)
{
    const json_t *map = json_object_get(result, "map");
    add(text, "%s filter %lld", tn_get_text(result, "layer"), whole(result, "filter"));
    if (whole(result, "kernels") > 0)
        add(text, ": %lld kernels %.3g .. %.3g", whole(result, "kernels"),
            tn_get_number(result, "kernel_min"), tn_get_number(result, "kernel_max"));
    if (json_array_size(map) == 2)
        add(text, "  image %lld: %lldx%lld, %.3g .. %.3g", whole(result, "image"),
            (long long)json_integer_value(json_array_get(map, 0)),
            (long long)json_integer_value(json_array_get(map, 1)), tn_get_number(result, "map_min"),
            tn_get_number(result, "map_max"));
}

static void brief_note(struct text *text, const json_t *result)
{
    add(text, "%s", tn_get_text(result, "note"));
}

static void brief_branch(struct text *text, const json_t *result)
{
    add(text, "%s", tn_get_text(result, "branch"));
}

static void brief_recipe(struct text *text, const json_t *result)
{
    const json_t *lines = json_object_get(result, "lines");
    if (!lines) {
        add(text, "%zu recipes", json_array_size(json_object_get(result, "recipes")));
        return;
    }
    add(text, "%s: %zu lines", tn_get_text(result, "name"), json_array_size(lines));
    if (!isnan(tn_get_number(result, "params"))) {
        add_amount(text, "  params", tn_get_number(result, "params"));
        add(text, " (%.3fx)", tn_get_number(result, "params_ratio"));
        add_amount(text, "  FLOPs", tn_get_number(result, "flops"));
        add(text, " (%.3fx)", tn_get_number(result, "flops_ratio"));
    }
}

/* How many, and how the newest does. */
static void add_networks(struct text *text, const json_t *rows)
{
    size_t count = json_array_size(rows);
    const json_t *row = count > 0 ? json_array_get(rows, count - 1) : NULL;
    add(text, "%zu networks", count);
    if (!isfinite(tn_get_number(row, "top1")))
        return;
    add(text, "  entry %.0f: top-1 %.2f%% at %.2fx FLOPs", tn_get_number(row, "entry"),
        100 * tn_get_number(row, "top1"), tn_get_number(row, "flops_ratio"));
    if (isfinite(tn_get_number(row, "top1_difference")))
        add(text, ", %+.2f to base (%s)", 100 * tn_get_number(row, "top1_difference"),
            json_is_true(json_object_get(row, "exceeds")) ? "more than chance" : "within chance");
}

static void brief_compare(struct text *text, const json_t *result)
{
    const json_t *rows = json_object_get(result, "rows"),
                 *methods = json_object_get(result, "methods");
    const json_t *row;
    const char *best = "";
    double least = INFINITY;
    size_t i;
    if (rows)
        add_networks(text, rows);
    json_array_foreach((json_t *)methods, i, row)
    {
        if (tn_get_number(row, "error_ls") < least) {
            least = tn_get_number(row, "error_ls");
            best = tn_get_text(row, "method");
        }
    }
    if (methods)
        add(text, "%zu methods  least error %.4f (ls) by %s", json_array_size(methods), least,
            best);
}

static void brief_session(struct text *text, const json_t *result)
{
    if (json_object_get(result, "sound"))
        add(text, "sound: %lld entries, every state and every digest", whole(result, "entries"));
    else if (json_object_get(result, "detached"))
        add(text, "wrote %s, %lld bytes", tn_get_text(result, "detached"), whole(result, "bytes"));
    else if (json_object_get(result, "attached"))
        add(text, "the weights are there again%s",
            whole(result, "lacking") > 0 ? "; those of other networks are not" : "");
    else if (json_object_get(result, "bytes_before"))
        add(text, "%lld bytes, before %lld", whole(result, "bytes"), whole(result, "bytes_before"));
    else
        add(text, "%lld bytes in %lld entries", whole(result, "bytes"), whole(result, "entries"));
}

static void brief_delete(struct text *text, const json_t *result)
{
    add(text, "%lld entries are gone, %lld are left", whole(result, "deleted"),
        whole(result, "entries"));
}

static const struct {
    const char *command;
    void (*write)(struct text *text, const json_t *result);
} briefs[] = {
    {"open", brief_open},          {"data", brief_data},
    {"eval", brief_eval},          {"summary", brief_summary},
    {"layers", brief_layers},      {"groups", brief_groups},
    {"sample", brief_sample},      {"ratio", brief_selection},
    {"keep", brief_selection},     {"step", brief_selection},
    {"back", brief_selection},     {"run", brief_selection},
    {"curve", brief_curve},        {"prune", brief_prune},
    {"finetune", brief_training},  {"train", brief_training},
    {"time", brief_time},          {"infer", brief_file},
    {"export", brief_file},        {"export-samples", brief_file},
    {"export-gram", brief_file},   {"save", brief_file},
    {"load", brief_load},          {"lock", brief_locks},
    {"unlock", brief_locks},       {"method", brief_method},
    {"journal", brief_journal},    {"undo", brief_move},
    {"redo", brief_move},          {"goto", brief_move},
    {"note", brief_note},          {"budget", brief_budget},
    {"recipe", brief_recipe},      {"sensitivity", brief_sensitivity},
    {"compare", brief_compare},    {"branch", brief_branch},
    {"plot", brief_file},          {"look", brief_look},
    {"export-script", brief_file}, {"export-journal", brief_file},
    {"frame", brief_move},         {"session", brief_session},
    {"delete", brief_delete},      {"epoch", brief_epoch},
};

void tn_brief(const char *command, const json_t *result, char *text, size_t size)
{
    struct text out = {text, size, 0};
    text[0] = '\0';
    const char *error = tn_get_text(result, "error");
    if (*error)
        add(&out, "%s", error);
    size_t length = strcspn(command, " \t");
    for (size_t i = 0; !*error && result && i < sizeof briefs / sizeof *briefs; i++) {
        if (strlen(briefs[i].command) == length && memcmp(briefs[i].command, command, length) == 0)
            briefs[i].write(&out, result);
    }
}
