/* thinet-tui: a workbench for filter-level pruning of convolutional networks. */
#include "batch.h"
#include "configuration.h"
#include "core/memory.h"
#include "core/threads.h"
#include "options.h"
#include "remap.h"
#include "replay_text.h"
#include "screen.h"
#include "session/session.h"
#include "session/worker.h"
#include "state_folder.h"
#include "verify.h"
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct tn_error *error)
{
    fprintf(stderr, "thinet-tui: %s\n", error->text);
    return EXIT_FAILED;
}

static bool submit_with_file(struct tn_worker *worker, const char *command, const char *file)
{
    char *line = file ? ui_line_with_file(command, file) : NULL;
    if (line)
        tn_worker_submit(worker, line);
    tn_free(line);
    return !file || line;
}

/* A session for the workbench: the one that was asked for, or one without a name. Where no file can
 * be written for that, it is kept in memory alone. */
static struct tn_session *open_session(const struct ui_arguments *arguments, char **draft,
                                       struct tn_error *error)
{
    if (arguments->replay)
        return tn_session_replay(arguments->replay, error);
    if (arguments->session)
        return tn_session_begin_open(arguments->session, error);
    *draft = state_draft();
    struct tn_session *session = *draft ? tn_session_draft(*draft, error) : NULL;
    return session ? session : tn_session_new(error);
}

/* Tell, once the terminal is back, where work that was not saved is to be found. */
static void tell_of_draft(const char *draft)
{
    if (draft && access(draft, F_OK) == 0)
        fprintf(stderr,
                "thinet-tui: the session was not saved; it is kept in %s\nOpen it again with: "
                "thinet-tui %s\n",
                draft, draft);
}

static int workbench(const struct ui_arguments *arguments)
{
    struct tn_error error;
    char *draft = NULL;
    struct tn_session *session = open_session(arguments, &draft, &error);
    if (!session) {
        tn_free(draft);
        return complain(&error);
    }
    struct ui_options screen = arguments->screen;
    char *notice = tn_session_notice(session);
    screen.notice = notice ? notice : screen.notice;
    screen.replay = arguments->replay != NULL;
    struct tn_worker *worker = tn_worker_new(session, &error);
    if (!worker) {
        tn_free(notice);
        tn_free(draft);
        return complain(&error);
    }
    bool fine = submit_with_file(worker, "open", arguments->model) &&
                submit_with_file(worker, "data", arguments->data);
    if (!fine)
        tn_fail_memory(&error, "a command", 1);
    fine = fine && ui_run(worker, &screen, &error);
    fine = fine && tn_worker_begun(worker, &error);
    tn_worker_free(worker);
    tell_of_draft(draft);
    tn_free(notice);
    tn_free(draft);
    return fine ? EXIT_DONE : complain(&error);
}

/* Where another process has the session this one only looks on. */
static void tell_of_other(const struct tn_session *session)
{
    char *notice = tn_session_notice(session);
    if (notice)
        fprintf(stderr, "thinet-tui: %s\n", notice);
    tn_free(notice);
}

static bool is_batch(const struct ui_arguments *arguments)
{
    return arguments->script || arguments->command_count || arguments->verify;
}

static int run(const struct ui_arguments *arguments)
{
    bool batch = is_batch(arguments);
    if (!batch && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
        fprintf(stderr, "thinet-tui: the workbench needs a terminal; --batch and -c do not (--help "
                        "tells more)\n");
        return EXIT_USAGE;
    }
    struct tn_error error;
    tn_threads_set(arguments->threads);
    if (!batch)
        return workbench(arguments);
    if (arguments->verify)
        return ui_verify(arguments);
    if (arguments->replay)
        return ui_replay_text(arguments->replay);
    struct tn_session *session = arguments->session
                                     ? tn_session_open_shared(arguments->session, &error)
                                     : tn_session_new(&error);
    if (!session)
        return complain(&error);
    tell_of_other(session);
    int status = ui_batch(session, arguments);
    tn_session_free(session);
    return status;
}

/* What the call left open, the settings say. */
static void fill_in(struct ui_arguments *arguments, const struct configuration *settings)
{
    struct ui_options *screen = &arguments->screen;
    screen->theme = screen->theme ? screen->theme : settings->theme;
    screen->ascii = screen->ascii || settings->ascii;
    screen->mouse = screen->mouse && settings->mouse;
    screen->bell = settings->bell;
    arguments->threads = arguments->threads ? arguments->threads : settings->threads;
}

/* On the screen the first thing that is wrong with the settings, elsewhere all of it. */
static char *complain_of_settings(const struct configuration *settings, bool batch)
{
    int count = settings->problem_count,
        kept = count < CONFIGURATION_PROBLEMS ? count : CONFIGURATION_PROBLEMS;
    char *notice = NULL;
    for (int i = 0; i < (batch ? kept : kept > 0); i++) {
        char *text = configuration_complaint(settings, i);
        if (batch)
            fprintf(stderr, "thinet-tui: %s\n", text ? text : "out of memory");
        else if (text && count > 1)
            notice = tn_sprintf("%s  (%d more; thinet-tui -c quit tells all)", text, count - 1);
        else
            notice = tn_strdup(text);
        tn_free(text);
    }
    return notice;
}

static int run_with_settings(struct ui_arguments *arguments, struct configuration *settings)
{
    struct tn_error error;
    if (!configuration_read(settings, arguments->config, &error)) {
        complain(&error);
        return EXIT_USAGE;
    }
    configuration_use_keys(settings);
    fill_in(arguments, settings);
    char *notice = complain_of_settings(settings, is_batch(arguments));
    arguments->screen.notice = notice;
    int status = run(arguments);
    tn_free(notice);
    return status;
}

int main(int argc, char **argv)
{
    /* Numbers in commands and results keep their point whatever the language. */
    setlocale(LC_CTYPE, "");
    struct ui_arguments arguments;
    struct configuration settings;
    configuration_start(&settings);
    enum ui_call call = ui_read_arguments(argc, argv, &arguments);
    int status = call == UI_CALL_WRONG ? EXIT_USAGE : EXIT_DONE;
    if (call == UI_CALL_RUN)
        status = run_with_settings(&arguments, &settings);
    else if (call == UI_CALL_DONE && fflush(stdout) != 0)
        status = EXIT_FAILED;
    remap_forget();
    configuration_free(&settings);
    ui_free_arguments(&arguments);
    tn_threads_set(1); /* the helping threads end, and with them their memory */
    return status;
}
