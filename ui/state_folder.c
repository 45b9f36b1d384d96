#include "state_folder.h"
#include "core/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Make every folder above the file that a path names. */
static void make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

char *state_file(const char *name)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (state != NULL && state[0] == '/')
        path = tn_sprintf("%s/thinet-tui/%s", state, name);
    else if (home != NULL && home[0] == '/')
        path = tn_sprintf("%s/.local/state/thinet-tui/%s", home, name);
    if (path != NULL)
        make_folders(path);
    return path;
}

char *state_draft(void)
{
    char when[32], name[80];
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) == NULL ||
        strftime(when, sizeof when, "%Y%m%d-%H%M%S", &local) == 0)
        return NULL;
    snprintf(name, sizeof name, "draft-%s-%ld.thinet", when, (long)getpid());
    return state_file(name);
}
