/* What the user asked of the ratios and the worker has not yet answered. While a key is held the
 * screen shows the target at once, from the paths in the snapshot, and one command at a time
 * carries the sum of the key presses. */
#ifndef UI_INTENTS_H
#define UI_INTENTS_H

#include "session/snapshot.h"
#include <stdbool.h>
#include <stdint.h>

enum intent_kind { INTENT_KEEP, INTENT_RATIO, INTENT_WALK };

struct intent {
    bool active, sent;
    enum intent_kind kind;
    int base, target; /* filters kept: when last sent, and wanted */
    double ratio;     /* wanted, for INTENT_RATIO */
    uint64_t number;  /* of the command that carries it */
};

struct intents {
    struct intent *layers; /* [count] */
    int count;
    struct intent all;  /* a ratio for all layers; base and target unused */
    uint64_t in_flight; /* number of the last command sent for any of them */
};

/* Match the snapshot's layers; drops everything when their number changed. False: out of memory. */
bool intents_fit(struct intents *intents, int layers);
void intents_free(struct intents *intents);

/* Filters that layer `index` will keep. */
int intents_keep(const struct intents *intents, const struct tn_snapshot *snapshot, int index);

/* Ask for `delta` filters more (negative: fewer). False at the end of the range. */
bool intents_nudge(struct intents *intents, const struct tn_snapshot *snapshot, int index,
                   enum intent_kind kind, int delta);
/* Ask for the next multiple of five per cent that changes something, up (more removed) or down. */
bool intents_shift(struct intents *intents, const struct tn_snapshot *snapshot, int index,
                   int direction);
bool intents_shift_all(struct intents *intents, const struct tn_snapshot *snapshot, int direction);
/* The ratio over all layers that can be pruned. */
double intents_ratio_all(const struct intents *intents, const struct tn_snapshot *snapshot);

/* The next command line to send, if it is time: nothing is in flight any more. The caller submits
 * it and tells its number with intents_sent before asking again. */
bool intents_next(struct intents *intents, const struct tn_snapshot *snapshot, uint64_t finished,
                  char *line, int size);
void intents_sent(struct intents *intents, uint64_t number);
/* Forget everything asked for: the commands that carry it were dropped. */
void intents_forget(struct intents *intents);
/* Does this command carry what was asked for? */
bool intents_carried(const struct intents *intents, uint64_t number);
/* Forget what the worker has answered; a failure drops everything that waits. */
void intents_finished(struct intents *intents, uint64_t finished, bool failed);

#endif
