/* Recipes: scripts run as one command, each of whose lines is a command of its own. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/recipe.h"
#include "session/results.h"
#include <math.h>
#include <stdio.h>

enum { MOST_NESTED = 8 };

/* Progress of a line, told with its place in the recipe. */
struct counted {
    const struct tn_progress *outer;
    int line, lines;
};

static void report_line(void *context, const char *stage, double done, double total,
                        const char *unit, const char *detail)
{
    const struct counted *counted = context;
    char text[128];
    snprintf(text, sizeof text, "%d/%d %s", counted->line, counted->lines, stage);
    counted->outer->report(counted->outer->context, text, done, total, unit, detail);
}

static void stand_in_line(void *context, bool stands)
{
    const struct counted *counted = context;
    counted->outer->on_stand(counted->outer->context, stands);
}

static struct tn_progress progress_of_line(struct counted *counted)
{
    struct tn_progress inner = {0};
    if (!counted->outer)
        return inner;
    inner = *counted->outer;
    inner.report = inner.report ? report_line : NULL;
    inner.on_stand = inner.on_stand ? stand_in_line : NULL;
    inner.context = counted;
    return inner;
}

/* The journal says where the lines that follow come from; what was refused leaves no trace. */
static bool note_recipe(struct tn_session *session, const struct tn_command_line *line,
                        struct tn_error *error)
{
    char *note = tn_sprintf("note %s", line->text);
    bool fine = note ? tn_session_run(session, note, NULL, NULL, error)
                     : tn_fail_memory(error, "a note", 1);
    tn_free(note);
    return fine;
}

static bool run_line(struct tn_session *session, const struct tn_recipe_plan *plan, int index,
                     const struct tn_progress *progress, json_t *rows, struct tn_error *error)
{
    const struct tn_recipe_line *line = &plan->lines[index];
    struct counted counted = {progress, index + 1, plan->count};
    const struct tn_progress inner = progress_of_line(&counted);
    json_t *row = json_object(), *fields = NULL;
    bool ok = line->skipped || (tn_progress_step(&inner, line->name, 0, 0, "", "", error) &&
                                tn_session_run(session, line->text, &inner, &fields, error));
    tn_put_integer(row, "line", line->number);
    tn_put_text(row, "command", line->name);
    tn_put_text(row, "text", line->text);
    tn_put_bool(row, "ok", ok);
    if (line->skipped)
        tn_put_bool(row, "skipped", true);
    json_object_update_missing(row, fields);
    json_decref(fields);
    json_array_append_new(rows, row);
    if (session->changed)
        session->changed(session->changed_context);
    return ok || tn_fail_in(error, "%.200s:%ld: %s", plan->name, line->number, line->name);
}

static double share(int64_t now, int64_t before)
{
    return before > 0 ? (double)now / (double)before : NAN;
}

static void put_cost(json_t *result, const struct tn_state *state)
{
    const struct tn_cost *cost = state->model ? &state->model->cost : NULL;
    tn_put(result, "params", cost ? json_integer(cost->params) : json_null());
    tn_put(result, "flops", cost ? json_integer(cost->flops) : json_null());
    tn_put_number(result, "params_ratio", cost ? share(cost->params, state->original.params) : NAN);
    tn_put_number(result, "flops_ratio", cost ? share(cost->flops, state->original.flops) : NAN);
}

static bool run_plan(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_recipe_plan *plan, const struct tn_progress *progress,
                     json_t *result, struct tn_error *error)
{
    json_t *rows = json_array();
    tn_put_text(result, "name", plan->name);
    tn_put(result, "lines", rows);
    bool fine = true, noted = false;
    for (int i = 0; fine && i < plan->count && !session->quit; i++) {
        fine = run_line(session, plan, i, progress, rows, error);
        if (fine && !noted && session->nested == 1)
            fine = note_recipe(session, line, error);
        noted = true;
    }
    put_cost(result, session->state);
    return fine;
}

static bool list_recipes(json_t *result)
{
    json_t *list = json_array();
    tn_put(result, "recipes", list);
    for (const struct tn_recipe *recipe = tn_recipes; recipe->name; recipe++) {
        json_t *row = json_object();
        tn_put_text(row, "name", recipe->name);
        tn_put_text(row, "summary", recipe->summary);
        json_array_append_new(list, row);
    }
    return true;
}

static bool run_recipe(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int64_t classes = 0;
    const char *name = tn_line_word(line, 0);
    if (!name)
        return list_recipes(result);
    if (!tn_line_integer(line, "classes", 1, 10000000, &classes, error))
        return false;
    const struct tn_recipe_options options = {
        .shape_only = *tn_line_option(line, "shape-only") == '1',
        .classes = tn_line_option(line, "classes"),
    };
    if (session->nested == MOST_NESTED)
        return tn_fail(error, TN_ERROR_USE, "'%.80s' is a recipe within recipes, more than %d deep",
                       name, MOST_NESTED);
    struct tn_recipe_plan plan;
    session->nested++;
    bool fine = tn_recipe_read(&plan, name, &options, error) &&
                run_plan(session, line, &plan, progress, result, error);
    session->nested--;
    tn_recipe_plan_free(&plan);
    return fine;
}

const struct tn_command tn_commands_recipe[] = {
    {"recipe",
     "run a script of commands by its name",
     "NAME is built in (without it they are listed), FILE.tns is a script of one's own. All words "
     "are "
     "checked first; then every line is run as if it had been typed: it has its own entry in the "
     "journal, behind a note that names the recipe, and undo steps over it. An error ends it and "
     "leaves what "
     "was done. With shape-only=1 nothing looks at images: filters are ranked by l1, cut without "
     "reweighting and not trained, which shows at once what the network would cost.",
     TN_COMMAND_LONG,
     {{TN_WORD_FILE, "NAME|FILE.tns", true, NULL}},
     {{"shape-only", TN_WORD_NUMBER, "0", "0|1", "cut only, by l1, without images"},
      {"classes", TN_WORD_NUMBER, NULL, NULL, "for its head commands that give none"}},
     run_recipe},
    {0},
};
