/* Progress and cancellation of long work. The worker calls tn_progress_step often (every few ms);
 * the receiver must be quick and may be called from any thread that does the work. */
#ifndef TN_CORE_PROGRESS_H
#define TN_CORE_PROGRESS_H

#include "core/error.h"
#include <stdatomic.h>
#include <stdbool.h>

struct tn_progress {
    /* stage: "eval", "finetune epoch 2/5"; done and total in `unit`s ("images"); detail: free text
     * such as "loss 0.211  top-1 92.8", or "" */
    void (*report)(void *context, const char *stage, double done, double total, const char *unit,
                   const char *detail);
    void *context;
    const atomic_bool *cancelled; /* set by another thread; may be NULL */
    const atomic_bool *paused;    /* likewise: the work waits at its next step while it is true */
    /* It has begun to wait there, or goes on; may be NULL. */
    void (*on_stand)(void *context, bool stands);
};

/* Report (progress may be NULL), and wait while paused. False, with TN_ERROR_CANCELLED, when the
 * work should stop. */
bool tn_progress_step(const struct tn_progress *progress, const char *stage, double done,
                      double total, const char *unit, const char *detail, struct tn_error *error);

bool tn_progress_cancelled(const struct tn_progress *progress);

#endif
