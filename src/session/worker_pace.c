#include "session/worker_pace.h"

#include <stdbool.h>
#include <string.h>

static const double window = 5; /* seconds the rate is measured over */

void tn_pace_note(struct tn_pace *pace, double time, double done)
{
    if (pace->count && time - pace->points[pace->count - 1].time < window / TN_PACE_POINTS)
        return;
    bool old = pace->count > 1 && time - pace->points[0].time > window;
    if (old || pace->count == TN_PACE_POINTS) {
        pace->count--;
        memmove(pace->points, pace->points + 1, (size_t)pace->count * sizeof *pace->points);
    }
    pace->points[pace->count].time = time;
    pace->points[pace->count++].done = done;
}

void tn_pace_estimate(const struct tn_pace *pace, double time, double done, double total,
                      double *rate, double *left)
{
    *rate = 0;
    *left = -1;
    if (!pace->count)
        return;
    double seconds = time - pace->points[0].time, units = done - pace->points[0].done;
    if (seconds < 0.2 || units <= 0)
        return;
    *rate = units / seconds;
    if (total > done)
        *left = (total - done) / *rate;
    else if (total > 0)
        *left = 0;
}
