#include "history.h"
#include "core/memory.h"
#include "state_folder.h"
#include <fcntl.h>
#include <readline/history.h>
#include <stdio.h> /* readline's headers use FILE */
#include <string.h>
#include <unistd.h>

enum { LINES_KEPT = 1000 };

static char *file;
static bool is_new;

void history_start(void)
{
    using_history();
    stifle_history(LINES_KEPT);
    file = state_file("history");
    if (file == NULL)
        return;
    is_new = access(file, F_OK) != 0;
    read_history(file);
}

bool history_is_new(void)
{
    return is_new;
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
