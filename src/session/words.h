/* A command line: words, key=value, "quotes", # comments; and its check against the command's row
 * in the table. */
#ifndef TN_SESSION_WORDS_H
#define TN_SESSION_WORDS_H

#include "session/command.h"
#include <stdint.h>

enum { TN_LINE_LIMIT = 65536, TN_LINE_WORDS = 64 }; /* bytes, words and options of one line */

struct tn_word {
    char *text;     /* quotes taken off */
    int begin, end; /* bytes in the line as given */
};

struct tn_pair {
    char *key, *value;
    int begin, value_begin, end;
};

struct tn_command_line {
    char *text; /* without comment and blanks around: what the journal keeps; "" when there is
                   nothing */
    struct tn_word name;
    const struct tn_command *command; /* NULL before the check */
    int word_count, pair_count;
    struct tn_word words[TN_LINE_WORDS]; /* without the command's name */
    struct tn_pair pairs[TN_LINE_WORDS];
};

/* Cut a line into words. An empty line or a comment gives name.text NULL. Free it also after a
 * failure. */
bool tn_line_parse(const char *text, struct tn_command_line *line, struct tn_error *error);
/* Find the command and hold words, options and choices against its row. */
bool tn_line_check(struct tn_command_line *line, struct tn_error *error);
void tn_line_free(struct tn_command_line *line);

/* Word `index` after the name, or NULL; the last word of kind TEXT is all the rest of the line. */
const char *tn_line_word(const struct tn_command_line *line, int index);
bool tn_line_given(const struct tn_command_line *line, const char *key);
/* Value given for a key, else the table's default, else NULL. */
const char *tn_line_option(const struct tn_command_line *line, const char *key);
/* The same as a number within [least, most]; *value is left alone where there is none. */
bool tn_line_integer(const struct tn_command_line *line, const char *key, int64_t least,
                     int64_t most, int64_t *value, struct tn_error *error);
bool tn_line_real(const struct tn_command_line *line, const char *key, double least, double most,
                  double *value, struct tn_error *error);

/* A whole text as a number; `what` names it in the message. */
bool tn_parse_integer(const char *what, const char *text, int64_t least, int64_t most,
                      int64_t *value, struct tn_error *error);
bool tn_parse_real(const char *what, const char *text, double least, double most, double *value,
                   struct tn_error *error);

/* A word as it stands on a line, in quotes where it needs them: read again, it is the same word.
 * Truncated to size > 0; returns its length. */
int tn_word_quote(const char *word, char *text, int size);

/* Is `text` one of the parts of "a|b|c"? */
bool tn_among(const char *text, const char *choices);

#endif
