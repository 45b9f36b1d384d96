/* Doing a session again: every entry of its journal is run once more from where its parent stood,
 * in a private copy of the file, and held against what was recorded. */
#ifndef TN_SESSION_VERIFY_H
#define TN_SESSION_VERIFY_H

#include "core/error.h"
#include "core/progress.h"
#include <stdbool.h>
#include <stdint.h>

/* What is not as it was recorded. */
struct tn_difference {
    int64_t entry;
    char command[160];  /* the line, perhaps cut */
    char field[160];    /* "layers[0].error", "network", "conv1_1 statistic", "epochs[2].loss" */
    char recorded[480]; /* as JSON, or words */
    char now[480];
};

struct tn_verification {
    bool ok;
    bool exact;          /* all bits were as recorded; else within tolerances */
    bool elsewhere;      /* some entry was recorded by another build or on another machine */
    int64_t entries;     /* done again */
    int64_t left_out;    /* that measure time, or write files */
    int64_t interrupted; /* that were cancelled or cut short */
    struct tn_difference difference; /* the first; where not ok */
};

/* Called before each entry. */
typedef void (*tn_verify_entry)(void *context, int64_t number, int64_t count, const char *command);

/* `path` is only read. `data` (or NULL) is where the images are instead of where they were. Bit for
 * bit where an entry was recorded by this build on a machine of this kind, else within the
 * tolerances of thinet-tui(1). False where it cannot be done (no images, no memory, cancelled); a
 * difference is no error. */
bool tn_verify(const char *path, const char *data, tn_verify_entry entry, void *context,
               const struct tn_progress *progress, struct tn_verification *found,
               struct tn_error *error);

#endif
