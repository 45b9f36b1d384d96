#include "batch.h"

#include "core/clock.h"
#include "core/memory.h"
#include "report.h"
#include "session/results.h"
#include "session/script.h"
#include "session/words.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Set by a signal: the running command stops as soon as it can, the journal is finished, no other
 * begins. */
static atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* a closed pipe shows as a failed write */
}

struct batch {
    struct tn_session *session;
    bool json;
    bool terminal; /* stderr is one: show progress there */
    bool drawn;    /* a progress line stands on it */
    double shown;  /* when */
};

/* Progress on one line of a terminal. */

static void clear_progress(struct batch *batch)
{
    if (batch->drawn)
        fputs("\r\033[K", stderr);
    batch->drawn = false;
}

static void on_progress(void *context, const char *stage, double done, double total,
                        const char *unit, const char *detail)
{
    struct batch *batch = context;
    double now = tn_clock_seconds();
    if (!batch->terminal || now - batch->shown < 0.1)
        return;
    batch->shown = now;
    batch->drawn = true;
    fprintf(stderr, "\r\033[K%.30s  %.0f%% of %.0f %.12s  %.60s", stage,
            total > 0 ? 100 * done / total : 0, total, unit ? unit : "", detail ? detail : "");
}

/* One command */

static void print_json(const char *name, bool ok, double seconds, json_t *result,
                       const struct tn_error *error)
{
    json_t *object = json_object();
    tn_put_text(object, "command", name);
    tn_put_bool(object, "ok", ok);
    tn_put_number(object, "seconds", seconds);
    if (!ok)
        tn_put_text(object, "error", error->text);
    json_object_update_missing(object, result);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static bool output_works(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    fprintf(stderr, "thinet-tui: standard output: %s\n", strerror(errno));
    return false;
}

/* `where` and `number`: FILE:LINE of messages. */
static bool run_line(struct batch *batch, const char *text, const char *where, long number)
{
    struct tn_progress progress = {.report = on_progress, .context = batch, .cancelled = &stop};
    struct tn_error error;
    json_t *result = NULL;
    tn_error_clear(&error);
    struct tn_command_line line;
    bool empty = tn_line_parse(text, &line, &error) && !line.name.text;
    char name[64];
    snprintf(name, sizeof name, "%.60s", line.name.text ? line.name.text : "?");
    tn_line_free(&line);
    if (empty)
        return true;
    double begun = tn_clock_seconds();
    bool ok = tn_session_run(batch->session, text, &progress, &result, &error);
    clear_progress(batch);
    if (batch->json)
        print_json(name, ok, tn_clock_seconds() - begun, result, &error);
    else if (ok)
        ui_report(stdout, name, result);
    json_decref(result);
    if (!ok)
        fprintf(stderr, "thinet-tui: %s:%ld: %s: %s\n", where, number, name, error.text);
    return output_works() && ok;
}

/* Sources of lines */

static bool go_on(const struct batch *batch)
{
    return !atomic_load(&stop) && !tn_session_wants_quit(batch->session);
}

static bool run_script(struct batch *batch, const char *path)
{
    struct tn_script script;
    struct tn_error error;
    const char *line;
    if (!tn_script_open(&script, path, &error)) {
        fprintf(stderr, "thinet-tui: %s\n", error.text);
        return false;
    }
    bool ok = true;
    tn_error_clear(&error);
    while (ok && go_on(batch) && tn_script_next(&script, &line, &error))
        ok = run_line(batch, line, script.name, script.number);
    tn_script_close(&script);
    if (error.kind != TN_ERROR_NONE && !atomic_load(&stop)) {
        fprintf(stderr, "thinet-tui: %s\n", error.text);
        return false;
    }
    return ok && !atomic_load(&stop);
}

static bool run_commands(struct batch *batch, int count, const char **commands)
{
    bool ok = true;
    for (int i = 0; ok && i < count && go_on(batch); i++)
        ok = run_line(batch, commands[i], "-c", i + 1);
    return ok && !atomic_load(&stop);
}

char *ui_line_with_file(const char *command, const char *file)
{
    size_t size = strlen(command) + 2 * strlen(file) + 4;
    char *line = tn_alloc(size, 1);
    if (!line)
        return NULL;
    char *out = line + snprintf(line, size, "%s \"", command);
    for (const char *c = file; *c; c++) {
        if (*c == '"' || *c == '\\')
            *out++ = '\\';
        *out++ = *c;
    }
    *out++ = '"';
    *out = '\0';
    return line;
}

static bool run_with_file(struct batch *batch, const char *command, const char *file)
{
    if (!file)
        return true;
    char *line = ui_line_with_file(command, file);
    bool ok = line && run_line(batch, line, "command line", 1);
    tn_free(line);
    return ok;
}

int ui_batch(struct tn_session *session, const struct ui_arguments *arguments)
{
    struct batch batch = {
        .session = session, .json = arguments->json, .terminal = isatty(STDERR_FILENO)};
    catch_signals();
    bool ok = run_with_file(&batch, "open", arguments->model) &&
              run_with_file(&batch, "data", arguments->data);
    if (ok && arguments->script)
        ok = run_script(&batch, arguments->script);
    else if (ok)
        ok = run_commands(&batch, arguments->command_count, arguments->commands);
    if (atomic_load(&stop))
        fprintf(stderr, "thinet-tui: stopped by a signal\n");
    return ok ? 0 : 1;
}
