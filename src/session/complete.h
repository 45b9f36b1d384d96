/* Completion of command lines from the command table and a snapshot: no terminal involved. */
#ifndef TN_SESSION_COMPLETE_H
#define TN_SESSION_COMPLETE_H

#include "session/snapshot.h"

/* Candidates for the word that ends at byte `point` of `line`: commands, layers, option keys
 * ("epochs="), choices, help topics; files are left to the caller (*files becomes true).
 * NULL-terminated array; release it with tn_completions_free. *start is the byte where the word
 * begins. */
char **tn_complete(const struct tn_snapshot *snapshot, const char *line, int point, int *start,
                   bool *files);
void tn_completions_free(char **candidates);

/* The rest of the usage after what is typed, for a dim hint: "LAYER R". Released with tn_free. */
char *tn_usage_hint(const char *line);

#endif
