#include "core/progress.h"

#include <stddef.h>
#include <time.h>

bool tn_progress_cancelled(const struct tn_progress *progress)
{
    return progress && progress->cancelled &&
           atomic_load_explicit(progress->cancelled, memory_order_relaxed);
}

static bool is_paused(const struct tn_progress *progress)
{
    return progress && progress->paused &&
           atomic_load_explicit(progress->paused, memory_order_relaxed);
}

static void stand(const struct tn_progress *progress)
{
    if (progress->on_stand)
        progress->on_stand(progress->context, true);
    while (is_paused(progress) && !tn_progress_cancelled(progress)) {
        const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&moment, NULL);
    }
    if (progress->on_stand)
        progress->on_stand(progress->context, false);
}

bool tn_progress_step(const struct tn_progress *progress, const char *stage, double done,
                      double total, const char *unit, const char *detail, struct tn_error *error)
{
    if (progress && progress->report)
        progress->report(progress->context, stage, done, total, unit, detail);
    if (is_paused(progress))
        stand(progress);
    if (tn_progress_cancelled(progress))
        return tn_fail(error, TN_ERROR_CANCELLED, "%s: cancelled", stage);
    return true;
}
