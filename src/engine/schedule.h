/* The learning rate over a run. */
#ifndef TN_ENGINE_SCHEDULE_H
#define TN_ENGINE_SCHEDULE_H

#include "core/error.h"
#include <stddef.h>

enum tn_schedule { TN_CONSTANT, TN_STEP, TN_COSINE, TN_LINEAR };
enum { TN_MAX_STEPS = 16 };

struct tn_rates {
    enum tn_schedule schedule;
    double rate;   /* the highest: at the start, or after the warm-up */
    double warmup; /* epochs, also a part of one, over which the rate rises evenly from near 0 */
    int step_count;
    double steps[TN_MAX_STEPS]; /* step: epochs after which the rate is multiplied by gamma;
                                   none given: half of the run and three quarters */
    double gamma;
};

/* Rate of iteration `step` (0, 1 ...) of a run of `epochs` with `iterations` each. Cosine (half a
 * period, Loshchilov and Hutter 2017) and linear fall to 0 over what the warm-up leaves. */
double tn_rate_at(const struct tn_rates *rates, int epochs, size_t iterations, size_t step);

bool tn_rates_check(const struct tn_rates *rates, int epochs, struct tn_error *error);

#endif
