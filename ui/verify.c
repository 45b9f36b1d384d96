#include "verify.h"

#include "session/results.h"
#include "session/verify.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_SAME = 0, EXIT_UNKNOWN = 1, EXIT_DIFFERENT = 3 };

static atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void on_entry(void *context, int64_t number, int64_t count, const char *command)
{
    const bool *terminal = context;
    if (*terminal)
        fprintf(stderr, "\r\033[K%lld/%lld  %.60s", (long long)number, (long long)count, command);
}

/* "; 2 left out (they measure time or write files), 1 interrupted" */
static void say_rest(const struct tn_verification *found)
{
    if (found->left_out > 0)
        printf("; %lld left out (time is measured or a file written)", (long long)found->left_out);
    if (found->interrupted > 0)
        printf("; %lld interrupted", (long long)found->interrupted);
}

static void say(const char *path, const struct tn_verification *found)
{
    const struct tn_difference *difference = &found->difference;
    if (found->ok) {
        printf("%s: %lld entries done again, all as recorded (%s)", path, (long long)found->entries,
               found->exact ? "bit for bit" : "within tolerances");
        say_rest(found);
        putchar('\n');
        return;
    }
    printf("%s: entry %lld (%s): %s: recorded %s, now %s\n", path, (long long)difference->entry,
           difference->command, difference->field, difference->recorded, difference->now);
    if (found->elsewhere)
        printf("It was recorded by another build of the program or on another kind of machine; "
               "more than the tolerances allow.\n");
}

static void say_json(const struct tn_verification *found, bool told, const struct tn_error *error)
{
    json_t *json = json_object(), *difference = json_object();
    tn_put_text(json, "command", "verify");
    tn_put_bool(json, "ok", told && found->ok);
    if (!told)
        tn_put_text(json, "error", error->text);
    tn_put_integer(json, "entries", found->entries);
    tn_put_integer(json, "left_out", found->left_out);
    tn_put_integer(json, "interrupted", found->interrupted);
    tn_put_bool(json, "exact", told && found->ok && found->exact);
    if (told && !found->ok) {
        tn_put_integer(difference, "entry", found->difference.entry);
        tn_put_text(difference, "command", found->difference.command);
        tn_put_text(difference, "field", found->difference.field);
        tn_put_text(difference, "recorded", found->difference.recorded);
        tn_put_text(difference, "now", found->difference.now);
        tn_put(json, "difference", json_incref(difference));
    }
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(difference);
    json_decref(json);
}

int ui_verify(const struct ui_arguments *arguments)
{
    struct tn_verification found;
    struct tn_error error;
    bool terminal = isatty(STDERR_FILENO);
    const struct tn_progress progress = {.cancelled = &stop};
    catch_signals();
    tn_error_clear(&error);
    bool told = tn_verify(arguments->verify, arguments->data, on_entry, &terminal, &progress,
                          &found, &error);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (arguments->json)
        say_json(&found, told, &error);
    else if (told)
        say(arguments->verify, &found);
    if (!told)
        fprintf(stderr, "thinet-tui: %s\n", error.text);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!told || !written)
        return EXIT_UNKNOWN;
    return found.ok ? EXIT_SAME : EXIT_DIFFERENT;
}
