/* The configuration file, $XDG_CONFIG_HOME/thinet-tui/config: one setting a line, '#' starts a
 * comment.
 *
 *     theme = auto | dark | light | mono
 *     ascii = on | off
 *     mouse = on | off
 *     bell = on | off
 *     threads = N
 *     bind KEY = ACTION | COMMAND LINE | : LINE | none
 *     default COMMAND = OPTIONS
 *
 * A line that is wrong is reported and left out; the others hold. */
#ifndef UI_CONFIGURATION_H
#define UI_CONFIGURATION_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    CONFIGURATION_PROBLEMS = 16, /* are kept; there may be more */
    CONFIGURATION_THREADS = 1024,
};

/* A line about keys, for remap.h. */
struct configuration_key {
    int line;
    bool is_default; /* of a command's options, not of a key */
    char *name;      /* the key's, or the command's */
    char *value;
};

struct configuration_problem {
    int line; /* 0: of the file as a whole */
    char *text;
};

struct configuration {
    char *file;        /* its path, for messages; "" before it was looked for */
    const char *theme; /* "dark", "light", "mono", or NULL: as the terminal says */
    bool ascii, mouse, bell;
    unsigned threads; /* 0: all processors */
    int key_count;
    struct configuration_key *keys;
    int problem_count; /* greater than CONFIGURATION_PROBLEMS where some were not kept */
    struct configuration_problem problems[CONFIGURATION_PROBLEMS];
};

/* What holds without a file. */
void configuration_start(struct configuration *configuration);
void configuration_free(struct configuration *configuration);

/* Take in a text of `length` bytes, whatever is in it. */
void configuration_parse(struct configuration *configuration, const char *text, size_t length);

/* Take in a file; NULL: the user's, which need not be there. False: it was named, and cannot be
 * read. */
bool configuration_read(struct configuration *configuration, const char *file,
                        struct tn_error *error);

/* Put its keys into the keymap; those that cannot be are problems too. */
void configuration_use_keys(struct configuration *configuration);

/* "FILE:LINE: what is wrong" of one of the problems kept. Released with tn_free. */
char *configuration_complaint(const struct configuration *configuration, int index);

#endif
