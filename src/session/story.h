/* The journal as files for elsewhere: a script that does it again, tables of what came of it. */
#ifndef TN_SESSION_STORY_H
#define TN_SESSION_STORY_H

#include "session/journal.h"

/* A buffer of text that grows; `failed` once memory was short. */
struct tn_text {
    char *bytes;
    size_t used, room;
    bool failed;
};
void tn_text_add(struct tn_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The commands that lead from the empty session to an entry, one a line: run with --batch, they do
 * it again to the same bits. What only writes files, and what failed, stands there as a comment. An
 * error where no script can come to stand there: training that was cut short. */
bool tn_story_script(const struct tn_journal *journal, int64_t entry, struct tn_text *text,
                     struct tn_error *error);

/* A row an entry, and one an epoch of training behind it. Texts that a spreadsheet would take for a
 * formula begin with a single quote. */
void tn_story_csv(const struct tn_journal *journal, struct tn_text *text);

#endif
