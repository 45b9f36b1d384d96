#include "history.h"
#include "core/memory.h"
#include <fcntl.h>
#include <readline/history.h>
#include <stdio.h> /* readline's headers use FILE */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_KEPT = 1000 };

static char *file;

/* Make every folder of a path that ends in '/'. */
static void make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static char *find_file(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state != NULL && state[0] == '/')
        return tn_sprintf("%s/thinet-tui/history", state);
    return home != NULL && home[0] == '/' ? tn_sprintf("%s/.local/state/thinet-tui/history", home)
                                          : NULL;
}

void history_start(void)
{
    using_history();
    stifle_history(LINES_KEPT);
    file = find_file();
    if (file == NULL)
        return;
    make_folders(file);
    read_history(file);
}

void history_remember(const char *line)
{
    HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (last != NULL && strcmp(last->line, line) == 0)
        return;
    add_history(line);
    if (file == NULL)
        return;
    int made = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0)
        return;
    close(made);
    append_history(1, file);
}

void history_stop(void)
{
    if (file != NULL)
        history_truncate_file(file, LINES_KEPT);
    tn_free(file);
    file = NULL;
    clear_history();
}
