/* The table of commands: the only way to change anything. Help, completion, the man page's command
 * section and the journal come from it. */
#ifndef TN_SESSION_COMMAND_H
#define TN_SESSION_COMMAND_H

#include "core/error.h"
#include "core/progress.h"
#include "session/session.h"
#include <jansson.h>
#include <stdbool.h>

enum tn_command_flags {
    TN_COMMAND_JOURNALED = 1,  /* gets an entry in the journal */
    TN_COMMAND_CHANGES = 2,    /* makes a new state: undo steps over it */
    TN_COMMAND_LONG = 4,       /* may take seconds: progress is shown */
    TN_COMMAND_BACKGROUND = 8, /* gives way to other commands and goes on where it was; stopped, it
                                  leaves no entry */
    TN_COMMAND_WRITES = 16,    /* writes the session's file though it has no entry of its own, or
                                  one that is all it is for */
};

/* What the words of a command are, for completion and checking. */
enum tn_word_kind {
    TN_WORD_NONE = 0,
    TN_WORD_LAYER,
    TN_WORD_FILE,
    TN_WORD_NUMBER,
    TN_WORD_NUMBERS, /* the last word: one or several */
    TN_WORD_NAME,
    TN_WORD_COMMAND,
    TN_WORD_TEXT,
    TN_WORD_DATA
};

enum { TN_MAX_WORDS = 4, TN_MAX_OPTIONS = 32 };

struct tn_word_spec {
    enum tn_word_kind kind;
    const char *name; /* "LAYER" */
    bool optional;
    const char *choices; /* "thinet|random", or NULL */
};

struct tn_option_spec {
    const char *key; /* "epochs" */
    enum tn_word_kind kind;
    const char *otherwise; /* default as text, or NULL */
    const char *choices;
    const char *help; /* "passes over the training images" */
};

struct tn_command_line; /* a parsed line: session/words.h */

struct tn_command {
    const char *name;
    const char *summary; /* one line for `help` */
    const char *details; /* a paragraph for `help COMMAND` and the man page */
    unsigned flags;
    struct tn_word_spec words[TN_MAX_WORDS];
    struct tn_option_spec options[TN_MAX_OPTIONS];
    bool (*run)(struct tn_session *session, const struct tn_command_line *line,
                const struct tn_progress *progress, json_t *result, struct tn_error *error);
};

const struct tn_command *tn_command_at(int index); /* NULL past the last */
const struct tn_command *tn_command_find(const char *name);

/* How many of `filters` the command `ratio` keeps: rounded down, as in the paper's networks (its
 * ResNet-50 that keeps 70 %), and at least one. */
int tn_kept_for_ratio(int filters, double ratio);

/* "ratio LAYER R", from the table. Released with tn_free. */
char *tn_command_usage(const struct tn_command *command);

#endif
