#include "session/script.h"

#include "core/memory.h"
#include "session/words.h"
#include <errno.h>
#include <string.h>

enum { ROOM = TN_LINE_LIMIT + 2 }; /* newline and end */

bool tn_script_open(struct tn_script *script, const char *path, struct tn_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    memset(script, 0, sizeof *script);
    script->name = standard ? "standard input" : path;
    script->line = tn_alloc(ROOM, 1);
    if (!script->line)
        return tn_fail_memory(error, "a line", ROOM);
    script->file = standard ? stdin : fopen(path, "re");
    if (script->file)
        return true;
    tn_fail(error, TN_ERROR_INPUT, "%s: %s", path, strerror(errno));
    tn_script_close(script);
    return false;
}

void tn_script_of_lines(struct tn_script *script, const char *name, const char *const *lines)
{
    *script = (struct tn_script){.name = name, .lines = lines};
}

static bool read_line(struct tn_script *script, struct tn_error *error)
{
    errno = 0;
    if (!fgets(script->line, ROOM, script->file)) {
        if (ferror(script->file))
            tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", script->name, strerror(errno));
        return false;
    }
    script->number++;
    size_t length = strlen(script->line);
    bool whole = length > 0 && (script->line[length - 1] == '\n' || feof(script->file));
    return whole || tn_fail(error, TN_ERROR_INPUT,
                            "%s:%ld: a line of more than %d bytes, or with a zero byte",
                            script->name, script->number, TN_LINE_LIMIT);
}

bool tn_script_next(struct tn_script *script, const char **line, struct tn_error *error)
{
    tn_error_clear(error);
    if (script->file) {
        *line = script->line;
        return read_line(script, error);
    }
    *line = script->lines[script->number];
    script->number += *line != NULL;
    return *line != NULL;
}

void tn_script_close(struct tn_script *script)
{
    if (script->file && script->file != stdin)
        fclose(script->file);
    tn_free(script->line);
    memset(script, 0, sizeof *script);
}
