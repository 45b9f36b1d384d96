#include "report.h"

#include "report_rows.h"
#include "session/brief.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

static void report_layers(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "layers"), *row;
    int name = ui_longest(rows, "name", 5);
    size_t i;
    fprintf(file, "%-*s  %-5s %7s %7s %6s %9s %10s %6s %8s %8s\n", name, "layer", "op", "filters",
            "channels", "kept", "params", "MFLOPs", "ratio", "error", "ls");
    json_array_foreach(rows, i, row)
    {
        fprintf(file, "%-*s  %-5s %7lld %8lld %6lld %9lld ", name, ui_text_of(row, "name"),
                ui_text_of(row, "op"), ui_whole_of(row, "filters"), ui_whole_of(row, "channels"),
                ui_whole_of(row, "kept"), ui_whole_of(row, "params"));
        ui_put_number(file, 9, 3, ui_number_of(row, "flops") / 1e6);
        ui_put_number(file, 6, 0, 100 * ui_number_of(row, "ratio"));
        fputc('%', file);
        ui_put_number(file, 9, 4, ui_number_of(row, "error"));
        ui_put_number(file, 9, 4, ui_number_of(row, "error_ls"));
        if (json_is_true(json_object_get(row, "stale")))
            fputs("  stale", file);
        if (!json_is_true(json_object_get(row, "prunable")))
            fprintf(file, "  (not prunable: %s)", ui_text_of(row, "why_not"));
        fputc('\n', file);
    }
}

/* A row a layer: accuracy at each ratio. */
static void report_sensitivity(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "layers"), *row, *point;
    const json_t *base = json_object_get(result, "base");
    int name = ui_longest(rows, "name", 5);
    size_t i, p;
    fprintf(file,
            "top-1 %.2f%% (+-%.2f) on %lld images (%s) with nothing cut; of layers cut alone:\n",
            100 * ui_number_of(base, "top1"), 100 * ui_number_of(base, "ci95"),
            ui_whole_of(result, "images"), ui_text_of(result, "split"));
    json_array_foreach(rows, i, row)
    {
        fprintf(file, "%-*s", name, ui_text_of(row, "name"));
        json_array_foreach(json_object_get(row, "points"), p, point)
        {
            fprintf(file, "  %2.0f%%: %5.2f", 100 * ui_number_of(point, "ratio"),
                    100 * ui_number_of(point, "top1"));
        }
        fputs(json_is_true(json_object_get(row, "stale")) ? "  stale\n" : "\n", file);
    }
}

static void report_budget(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "layers"), *row;
    const char *measure = ui_text_of(result, "measure");
    int name = ui_longest(rows, "name", 5);
    size_t i;
    fprintf(file, "%-*s %8s %6s %6s %9s %8s\n", name, "layer", "filters", "keep", "ratio", "error",
            "ls");
    json_array_foreach(rows, i, row)
    {
        fprintf(file, "%-*s %8lld %6lld ", name, ui_text_of(row, "name"),
                ui_whole_of(row, "filters"), ui_whole_of(row, "keep"));
        ui_put_number(file, 5, 0, 100 * ui_number_of(row, "ratio"));
        fputc('%', file);
        ui_put_number(file, 10, 4, ui_number_of(row, "error"));
        ui_put_number(file, 9, 4, ui_number_of(row, "error_ls"));
        fputs(json_is_true(json_object_get(row, "stale")) ? "  stale\n" : "\n", file);
    }
    fprintf(file, "FLOPs %.4fx, params %.4fx of before; asked: %s %.4fx%s\n",
            ui_number_of(result, "flops_ratio"), ui_number_of(result, "params_ratio"),
            strcmp(measure, "flops") == 0 ? "FLOPs" : measure, ui_number_of(result, "asked"),
            json_is_true(json_object_get(result, "limited")) ? " (as far as locks allow)" : "");
    if (json_object_get(result, "latency_ms"))
        fprintf(file, "forward %.2f ms for %lld images, before %.2f ms: %.4fx\n",
                ui_number_of(result, "latency_ms"), ui_whole_of(result, "batch"),
                ui_number_of(result, "latency_ms_before"), ui_number_of(result, "latency_ratio"));
    bool lost = strcmp(ui_text_of(result, "objective"), "sensitivity") == 0;
    fprintf(file, "%s %.4f\n",
            lost ? "summed loss of top-1, of layers cut alone" : "summed error after least squares",
            ui_number_of(result, "objective_value"));
}

static void report_summary(FILE *file, const json_t *result)
{
    fprintf(file, "%-10s %14s %9s\n", ui_text_of(result, "model"), "now", "of before");
    fprintf(file, "%-10s %14lld ", "params", ui_whole_of(result, "params"));
    ui_put_number(file, 8, 4, ui_number_of(result, "params_ratio"));
    fprintf(file, "x\n%-10s %14lld ", "FLOPs", ui_whole_of(result, "flops"));
    ui_put_number(file, 8, 4, ui_number_of(result, "flops_ratio"));
    fprintf(file, "x\n%-10s %14lld\n", "layers", ui_whole_of(result, "layers"));
    if (isfinite(ui_number_of(result, "top1")))
        fprintf(file, "%-10s %13.2f%% +- %.2f\n", "top-1", 100 * ui_number_of(result, "top1"),
                100 * ui_number_of(result, "ci95"));
    if (ui_whole_of(result, "flops_planned") != ui_whole_of(result, "flops"))
        fprintf(file, "planned: params %.4fx  FLOPs %.4fx\n",
                ui_number_of(result, "params_planned_ratio"),
                ui_number_of(result, "flops_planned_ratio"));
}

enum { COLUMNS = 80, INDENT = 12 }; /* of a screen; where the names of a group begin */

/* One more word of a paragraph that stands to the right of INDENT, at column *at. */
static void put_word(FILE *file, int *at, const char *word, const char *after)
{
    int length = (int)(strlen(word) + strlen(after));
    if (*at > INDENT && *at + 1 + length > COLUMNS)
        *at = fprintf(file, "\n%*s", INDENT, "") - 1;
    else if (*at > INDENT)
        *at += fprintf(file, " ");
    *at += fprintf(file, "%s%s", word, after);
}

static void put_names(FILE *file, const char *label, const json_t *names)
{
    size_t count = json_array_size(names);
    int at = INDENT;
    if (count == 0)
        return;
    fprintf(file, "  %-*s", INDENT - 2, label);
    for (size_t i = 0; i < count; i++)
        put_word(file, &at, json_string_value(json_array_get(names, i)), i + 1 < count ? "," : "");
    fputc('\n', file);
}

static void put_text(FILE *file, const char *label, const char *text)
{
    int at = INDENT;
    fprintf(file, "  %-*s", INDENT - 2, label);
    while (*text) {
        char word[256];
        size_t length = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        put_word(file, &at, word, "");
        text += length + strspn(text + length, " ");
    }
    fputc('\n', file);
}

static void put_group(FILE *file, const json_t *row, int name)
{
    const json_t *producers = json_object_get(row, "producers");
    bool prunable = json_is_true(json_object_get(row, "prunable"));
    const char *first = json_string_value(json_array_get(producers, 0));
    fprintf(file, "%-*s %8lld %7lld  %s", name, ui_text_of(row, "name"),
            ui_whole_of(row, "channels"), ui_whole_of(row, "filters"),
            prunable ? "prunable" : "not prunable");
    if (prunable && ui_whole_of(row, "fewest") > 1)
        fprintf(file, ", %lld must stay", ui_whole_of(row, "fewest"));
    fputc('\n', file);
    if (!prunable)
        put_text(file, "because", ui_text_of(row, "why_not"));
    if (json_array_size(producers) > 1 || !first || strcmp(first, ui_text_of(row, "name")) != 0)
        put_names(file, "made by", producers);
    put_names(file, "through", json_object_get(row, "through"));
    put_names(file, "read by", json_object_get(row, "consumers"));
}

static void report_groups(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "groups"), *row;
    int name = ui_longest(rows, "name", 5);
    size_t i;
    fprintf(file, "scope %s\n%-*s %8s %7s\n", ui_text_of(result, "scope"), name, "group",
            "channels", "filters");
    json_array_foreach(rows, i, row)
    {
        put_group(file, row, name);
    }
}

static void report_journal(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "entries"), *row;
    int command = ui_longest(rows, "command", 7);
    size_t i;
    command = command > 40 ? 40 : command;
    fprintf(file, "  %4s %6s  %-20s %9s  %-*s  %s\n", "id", "after", "time", "seconds", command,
            "command", "result");
    json_array_foreach(rows, i, row)
    {
        bool ok = json_is_true(json_object_get(row, "ok"));
        bool interrupted = json_is_true(json_object_get(row, "interrupted"));
        fprintf(file, "%c %4lld %6lld  %-20s ",
                json_is_true(json_object_get(row, "current")) ? '*' : ' ', ui_whole_of(row, "id"),
                ui_whole_of(row, "parent"), ui_text_of(row, "time"));
        ui_put_number(file, 9, 2, ui_number_of(row, "seconds"));
        fprintf(file, "  %-*s  %s%s\n", command, ui_text_of(row, "command"),
                interrupted ? "interrupted: "
                : ok        ? ""
                            : "failed: ",
                ui_text_of(row, "brief"));
    }
}

static void report_curve(FILE *file, const json_t *result)
{
    const json_t *kept = json_object_get(result, "kept"), *order = json_object_get(result, "order");
    const json_t *plain = json_object_get(result, "error"),
                 *ls = json_object_get(result, "error_ls");
    fprintf(file, "%s, %s\n%6s %9s %9s %8s\n", ui_text_of(result, "layer"),
            ui_text_of(result, "method"), "kept", "error", "ls", "removed");
    for (size_t i = 0; i < json_array_size(kept); i++) {
        fprintf(file, "%6lld", (long long)json_integer_value(json_array_get(kept, i)));
        ui_put_number(file, 10, 5, json_number_value(json_array_get(plain, i)));
        ui_put_number(file, 10, 5, json_number_value(json_array_get(ls, i)));
        if (i > 0)
            fprintf(file, " %8lld", (long long)json_integer_value(json_array_get(order, i - 1)));
        fputc('\n', file);
    }
}

static void report_time(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "layers"), *row;
    int name = ui_longest(rows, "name", 5);
    size_t i;
    char line[200];
    tn_brief("time", result, line, sizeof line);
    fprintf(file, "%s  memory %.1f MB\n", line, ui_number_of(result, "memory_bytes") * 1e-6);
    fprintf(file, "%-*s %-11s %9s %8s %5s %9s %8s %5s\n", name, "layer", "path", "forward",
            "GFLOP/s", "share", "backward", "GFLOP/s", "share");
    json_array_foreach(rows, i, row)
    {
        fprintf(file, "%-*s %-11s", name, ui_text_of(row, "name"), ui_text_of(row, "path"));
        ui_put_number(file, 10, 3, ui_number_of(row, "forward_ms"));
        ui_put_number(file, 9, 1, ui_number_of(row, "gflops"));
        ui_put_number(file, 6, 2, ui_number_of(row, "share"));
        ui_put_number(file, 10, 3, ui_number_of(row, "backward_ms"));
        ui_put_number(file, 9, 1, ui_number_of(row, "backward_gflops"));
        ui_put_number(file, 6, 2, ui_number_of(row, "backward_share"));
        fputc('\n', file);
    }
    fprintf(file, "%-*s %-11s", name, "the rest", "");
    ui_put_number(file, 10, 3, ui_number_of(result, "other_forward_ms"));
    ui_put_number(file, 25, 3, ui_number_of(result, "other_backward_ms"));
    fprintf(file, "\nshare of %.0f GFLOP/s, what all threads together reach between registers\n",
            ui_number_of(result, "peak_gflops"));
}

static void report_training(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "epochs"), *row;
    size_t i;
    fprintf(file, "needed %.1f MB of memory of %.1f MB there were\n",
            ui_number_of(result, "memory_needed") * 1e-6,
            ui_number_of(result, "memory_available") * 1e-6);
    if (ui_whole_of(result, "pieces") > 1)
        fprintf(file, "batches were trained in %lld pieces\n", ui_whole_of(result, "pieces"));
    if (json_is_true(json_object_get(result, "recomputes")))
        fputs("activations were made again in the backward pass\n", file);
    fprintf(file, "%5s %9s %9s %11s %11s %8s\n", "epoch", "lr", "loss", "train top-1", "test top-1",
            "img/s");
    json_array_foreach(rows, i, row)
    {
        fprintf(file, "%5lld", ui_whole_of(row, "epoch"));
        ui_put_number(file, 10, 6, ui_number_of(row, "lr"));
        ui_put_number(file, 10, 4, ui_number_of(row, "loss"));
        ui_put_number(file, 11, 2, 100 * ui_number_of(row, "train_top1"));
        ui_put_number(file, 12, 2, 100 * ui_number_of(row, "test_top1"));
        ui_put_number(file, 10, 0, ui_number_of(row, "images_per_second"));
        fputc('\n', file);
    }
}

/* A paragraph, broken between words. */
static void put_paragraph(FILE *file, const char *text)
{
    enum { WIDTH = 78 };
    while (*text) {
        size_t length = strlen(text);
        if (length > WIDTH) {
            for (length = WIDTH; length > 1 && text[length] != ' ';)
                length--;
        }
        fprintf(file, "  %.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

static void report_one_command(FILE *file, const json_t *result, const json_t *command)
{
    json_t *options = json_object_get(result, "options"), *option;
    size_t i;
    fprintf(file, "%s\n  %s\n\n", ui_text_of(command, "usage"), ui_text_of(command, "summary"));
    put_paragraph(file, ui_text_of(result, "details"));
    if (json_array_size(options))
        fputc('\n', file);
    json_array_foreach(options, i, option)
    {
        const char *otherwise = ui_text_of(option, "default");
        const char *choices = ui_text_of(option, "choices");
        fprintf(file, "  %-12s %s", ui_text_of(option, "key"), ui_text_of(option, "help"));
        if (*choices)
            fprintf(file, "; %s", choices);
        if (*otherwise)
            fprintf(file, " (%s)", otherwise);
        fputc('\n', file);
    }
}

/* What every line of a recipe came to; those of a recipe within it stand to the right. */
static void put_recipe_lines(FILE *file, const json_t *rows, int indent)
{
    json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i, row)
    {
        char brief[256];
        const json_t *inner = json_object_get(row, "lines");
        bool nested = strcmp(ui_text_of(row, "command"), "recipe") == 0;
        tn_brief(ui_text_of(row, "command"), row, brief, sizeof brief);
        if (json_is_true(json_object_get(row, "skipped")))
            continue;
        fprintf(file, "%*s%4lld  %-*s  %s\n", indent, "", ui_whole_of(row, "line"),
                indent < 30 ? 38 - indent : 8, ui_text_of(row, "text"), nested ? "" : brief);
        if (nested)
            put_recipe_lines(file, inner, indent + 4);
    }
}

static void report_recipe(FILE *file, const json_t *result)
{
    json_t *recipes = json_object_get(result, "recipes"), *recipe;
    char brief[256];
    size_t i;
    json_array_foreach(recipes, i, recipe)
        fprintf(file, "  %-19s %s\n", ui_text_of(recipe, "name"), ui_text_of(recipe, "summary"));
    if (recipes)
        return;
    put_recipe_lines(file, json_object_get(result, "lines"), 0);
    tn_brief("recipe", result, brief, sizeof brief);
    fprintf(file, "%s\n", brief);
}

static void report_help(FILE *file, const json_t *result)
{
    json_t *commands = json_object_get(result, "commands"), *command;
    size_t i;
    if (json_object_get(result, "details")) {
        report_one_command(file, result, json_array_get(commands, 0));
        return;
    }
    json_array_foreach(commands, i, command)
        fprintf(file, "  %-15s %s\n", ui_text_of(command, "name"), ui_text_of(command, "summary"));
}

/* What takes the room in the file. */
static void report_session(FILE *file, const json_t *result)
{
    json_t *parts = json_object_get(result, "parts"), *part;
    double bytes = ui_number_of(result, "bytes");
    char brief[256];
    size_t i;
    tn_brief("session", result, brief, sizeof brief);
    fprintf(file, "%s%s%s\n", ui_text_of(result, "file"), *ui_text_of(result, "file") ? ": " : "",
            brief);
    json_array_foreach(parts, i, part)
    {
        fprintf(file, "  %-12s %6lld %12lld bytes ", ui_text_of(part, "name"),
                ui_whole_of(part, "count"), ui_whole_of(part, "bytes"));
        ui_put_number(file, 5, 1, 100 * ui_number_of(part, "bytes") / bytes);
        fputs("%\n", file);
    }
}

static const struct {
    const char *command;
    void (*write)(FILE *file, const json_t *result);
} reports[] = {
    {"layers", report_layers},      {"summary", report_summary},
    {"groups", report_groups},      {"journal", report_journal},
    {"curve", report_curve},        {"time", report_time},
    {"finetune", report_training},  {"train", report_training},
    {"help", report_help},          {"budget", report_budget},
    {"recipe", report_recipe},      {"sensitivity", report_sensitivity},
    {"compare", ui_report_compare}, {"session", report_session},
};

void ui_report(FILE *file, const char *command, const json_t *result)
{
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        if (strcmp(reports[i].command, command) == 0) {
            reports[i].write(file, result);
            return;
        }
    }
    char line[512];
    tn_brief(command, result, line, sizeof line);
    if (*line)
        fprintf(file, "%s: %s\n", command, line);
}
