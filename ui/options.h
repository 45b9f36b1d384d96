/* What the program was called with. */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include "screen.h"
#include <stdbool.h>

struct ui_arguments {
    struct ui_options screen;
    const char *session; /* --session, or a session given as FILE; or NULL */
    const char *model;   /* a network given as FILE, or NULL */
    const char *data;    /* --data, or NULL */
    const char *config;  /* --config, or NULL */
    const char *script;  /* --batch; "-" is standard input; or NULL */
    const char *verify;  /* --verify, or NULL */
    const char *replay;  /* --replay, or NULL */
    int command_count;   /* -c */
    const char **commands;
    bool json;
    unsigned threads; /* 0: all processors */
};

enum ui_call { UI_CALL_RUN, UI_CALL_DONE /* --help, --version */, UI_CALL_WRONG };

/* Read the command line; help goes to stdout, complaints to stderr. */
enum ui_call ui_read_arguments(int argc, char **argv, struct ui_arguments *arguments);
void ui_free_arguments(struct ui_arguments *arguments);

#endif
