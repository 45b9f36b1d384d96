#include "session/recipe.h"

#include "core/memory.h"
#include "session/nearest.h"
#include "session/script.h"
#include "session/words.h"
#include <string.h>

enum { MOST_LINES = 100000 };

const struct tn_recipe *tn_recipe_find(const char *name)
{
    for (const struct tn_recipe *recipe = tn_recipes; recipe->name; recipe++) {
        if (strcmp(recipe->name, name) == 0)
            return recipe;
    }
    return NULL;
}

static bool is_file(const char *name)
{
    size_t length = strlen(name);
    return strchr(name, '/') || (length > 4 && strcmp(name + length - 4, ".tns") == 0);
}

static bool unknown(const char *name, struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[96], list[256] = "";
    tn_nearest_start(&nearest, name);
    for (const struct tn_recipe *recipe = tn_recipes; recipe->name; recipe++) {
        tn_nearest_offer(&nearest, recipe->name);
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", recipe->name);
    }
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE,
                   "there is no recipe '%.60s'%s; there are %s, and files that end in .tns", name,
                   hint, list);
}

static bool open_script(struct tn_script *script, const char *name, struct tn_error *error)
{
    if (is_file(name))
        return tn_script_open(script, name, error);
    const struct tn_recipe *recipe = tn_recipe_find(name);
    memset(script, 0, sizeof *script);
    if (!recipe)
        return unknown(name, error);
    tn_script_of_lines(script, name, recipe->lines);
    return true;
}

/* Commands that only look at images, train on them, or measure. */
static bool needs_images(const char *command)
{
    static const char *const names[] = {"data",   "sample", "eval",           "finetune",
                                        "train",  "time",   "sensitivity",    "compare",
                                        "curve",  "infer",  "export-samples", "export-gram",
                                        "method", "step",   "back",           "run"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], command) == 0)
            return true;
    }
    return false;
}

/* The word after a command's name as it stands in the line, quotes and all; "" where there is none.
 * Released with tn_free. */
static char *first_word(const struct tn_command_line *line)
{
    const struct tn_word *word = &line->words[0];
    if (line->word_count == 0)
        return tn_strdup("");
    return tn_sprintf("%.*s", word->end - word->begin,
                      line->text + (word->begin - line->name.begin));
}

/* The line as it is run; NULL when out of memory. */
static char *rewrite(const struct tn_command_line *line, const struct tn_recipe_options *options)
{
    const char *name = line->name.text;
    bool recipe = strcmp(name, "recipe") == 0, head = strcmp(name, "head") == 0;
    const char *classes = tn_line_given(line, "classes") ? NULL : options->classes;
    if (options->shape_only && strcmp(name, "prune") == 0) {
        char *word = first_word(line);
        char *text = word ? tn_sprintf("prune%s%s reweight=none", *word ? " " : "", word) : NULL;
        tn_free(word);
        return text;
    }
    bool shape = recipe && options->shape_only && !tn_line_given(line, "shape-only");
    bool given = classes && (head || recipe);
    return tn_sprintf("%s%s%s%s", line->text, shape ? " shape-only=1" : "",
                      given ? " classes=" : "", given ? classes : "");
}

static bool append(struct tn_recipe_plan *plan, long number, char *text, const char *name,
                   bool skipped, struct tn_error *error)
{
    size_t count = (size_t)plan->count;
    if (plan->count == MOST_LINES) {
        tn_free(text);
        return tn_fail(error, TN_ERROR_INPUT, "more than %d commands", MOST_LINES);
    }
    struct tn_recipe_line *grown =
        text ? tn_realloc(plan->lines, count, count + 1, sizeof *grown) : NULL;
    char *copy = grown ? tn_strdup(name) : NULL;
    if (grown)
        plan->lines = grown;
    if (!copy) {
        tn_free(text);
        return tn_fail_memory(error, "a recipe", (count + 1) * sizeof *grown);
    }
    plan->lines[plan->count++] = (struct tn_recipe_line){number, text, copy, skipped};
    return true;
}

/* What ranks without images, before the first cut. */
static bool append_method(struct tn_recipe_plan *plan, long number, struct tn_error *error)
{
    for (int i = 0; i < plan->count; i++) {
        if (strcmp(plan->lines[i].name, "prune") == 0)
            return true;
    }
    return append(plan, number, tn_strdup("method all l1"), "method", false, error);
}

static bool add_checked(struct tn_recipe_plan *plan, long number, struct tn_command_line *line,
                        const struct tn_recipe_options *options, struct tn_error *error)
{
    if (!tn_line_check(line, error))
        return tn_fail_in(error, "%.60s", line->name.text);
    const char *name = line->name.text;
    if (options->shape_only && strcmp(name, "budget") == 0)
        return tn_fail(error, TN_ERROR_USE,
                       "budget: weighs errors, which are measured on images: leave shape-only out");
    bool cut = options->shape_only && strcmp(name, "prune") == 0;
    return (!cut || append_method(plan, number, error)) &&
           append(plan, number, rewrite(line, options), name,
                  options->shape_only && needs_images(name), error);
}

static bool add_line(struct tn_recipe_plan *plan, const struct tn_script *script, const char *text,
                     const struct tn_recipe_options *options, struct tn_error *error)
{
    struct tn_command_line line;
    bool fine = tn_line_parse(text, &line, error);
    if (fine && line.name.text)
        fine = add_checked(plan, script->number, &line, options, error);
    tn_line_free(&line);
    return fine || tn_fail_in(error, "%.200s:%ld", script->name, script->number);
}

bool tn_recipe_read(struct tn_recipe_plan *plan, const char *name,
                    const struct tn_recipe_options *options, struct tn_error *error)
{
    struct tn_script script;
    struct tn_error own;
    const char *text;
    *plan = (struct tn_recipe_plan){.name = name};
    if (!open_script(&script, name, error))
        return false;
    tn_error_clear(&own);
    bool fine = true;
    while (fine && tn_script_next(&script, &text, &own))
        fine = add_line(plan, &script, text, options, &own);
    tn_script_close(&script);
    if (own.kind == TN_ERROR_NONE)
        return true;
    if (error)
        *error = own;
    return false;
}

void tn_recipe_plan_free(struct tn_recipe_plan *plan)
{
    for (int i = 0; i < plan->count; i++) {
        tn_free(plan->lines[i].text);
        tn_free(plan->lines[i].name);
    }
    tn_free(plan->lines);
    memset(plan, 0, sizeof *plan);
}
