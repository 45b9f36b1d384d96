/* The methods that put a group's channels into an order of removal, as a table of pure functions.
 */
#ifndef TN_PRUNE_METHOD_H
#define TN_PRUNE_METHOD_H

#include "core/error.h"
#include "core/progress.h"
#include "prune/activity.h"
#include "prune/filter_weights.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>
#include <stdint.h>

/* What a method needs of its input, as flags. */
enum {
    TN_NEEDS_GRAM = 1,
    TN_NEEDS_WEIGHTS = 2,
    TN_NEEDS_ACTIVITY = 4,
    TN_NEEDS_KEEP = 8,      /* the order is made for one number kept */
    TN_NEEDS_GRADIENTS = 16 /* with TN_NEEDS_ACTIVITY: its Taylor values */
};

/* All that is there; what is not is NULL. Nothing is changed or kept. */
struct tn_method_input {
    int channels;
    const enum tn_lock *locks; /* [C] or NULL */
    const struct tn_gram *gram;
    const struct tn_filter_weights *weights;
    const struct tn_activity *activity;
    const char *group; /* name */
    uint64_t seed;
    int keep; /* 0: none in particular, which stands for half */
    const struct tn_progress *progress;
};

struct tn_method {
    const char *name;
    const char *summary; /* a line, with its source */
    unsigned needs;      /* TN_NEEDS_* */
    bool (*rank)(const struct tn_method_input *input, int *order, double *score,
                 struct tn_error *error);
};

extern const struct tn_method tn_methods[];               /* ends with an empty one */
const struct tn_method *tn_method_find(const char *name); /* or NULL */

/* The whole order of removal: order [C] is the channel removed 1st, 2nd ...; score [C] by channel
 * is what the method ranks by, the more the more important. (Those of thinet, thinet-w and thinet-x
 * hold at a channel's turn, and need not ascend along the order.) Locked filters go first or last;
 * equals by the lowest index. An error says what is missing and what provides it. */
bool tn_method_rank(const struct tn_method *method, const struct tn_method_input *input, int *order,
                    double *score, struct tn_error *error);

#endif
