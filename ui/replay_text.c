#include "replay_text.h"

#include "core/error.h"
#include "session/results.h"
#include "session/session.h"
#include <stdio.h>

static int longest(const json_t *rows, const char *key, int least, int most)
{
    json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i, row)
    {
        int length = (int)json_string_length(json_object_get(row, key));
        least = length > least ? length : least;
    }
    return least < most ? least : most;
}

/* "*" where it stands, ">" where it goes on from elsewhere than the entry before, and from where.
 */
static void print_entry(const json_t *row, json_int_t before, int width)
{
    json_int_t id = json_integer_value(json_object_get(row, "id"));
    json_int_t parent = json_integer_value(json_object_get(row, "parent"));
    bool ok = json_is_true(json_object_get(row, "ok"));
    bool interrupted = json_is_true(json_object_get(row, "interrupted"));
    char from[32] = "";
    if (parent != before)
        snprintf(from, sizeof from, "after %lld", (long long)parent);
    printf("%c%c%4lld  %-10s  %s  %8.2f s  %-*s  %s%s\n",
           json_is_true(json_object_get(row, "current")) ? '*' : ' ', parent != before ? '>' : ' ',
           (long long)id, from, tn_get_text(row, "time"), tn_get_number(row, "seconds"), width,
           tn_get_text(row, "command"),
           interrupted ? "interrupted  "
           : ok        ? ""
                       : "failed: ",
           tn_get_text(row, "brief"));
}

int ui_replay_text(const char *path)
{
    struct tn_error error;
    json_t *result = NULL, *row;
    size_t i;
    struct tn_session *session = tn_session_replay(path, &error);
    bool fine = session && tn_session_run(session, "journal", NULL, &result, &error);
    const json_t *rows = json_object_get(result, "entries");
    int width = longest(rows, "command", 7, 44);
    json_int_t before = 0;
    json_array_foreach((json_t *)rows, i, row)
    {
        print_entry(row, before, width);
        before = json_integer_value(json_object_get(row, "id"));
    }
    json_decref(result);
    tn_session_free(session);
    if (!fine)
        fprintf(stderr, "thinet-tui: %s\n", error.text);
    return fine && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
