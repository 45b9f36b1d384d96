#include "engine/schedule.h"

#include <math.h>

static const double pi = 3.141592653589793;

static double stepped(const struct tn_rates *rates, int epochs, double epoch)
{
    const double halves[] = {0.5 * epochs, 0.75 * epochs};
    const double *steps = rates->step_count ? rates->steps : halves;
    int count = rates->step_count ? rates->step_count : 2;
    double rate = rates->rate;
    for (int i = 0; i < count && epoch >= steps[i]; i++)
        rate *= rates->gamma;
    return rate;
}

double tn_rate_at(const struct tn_rates *rates, int epochs, size_t iterations, size_t step)
{
    double at = (double)step, total = (double)iterations * epochs;
    double rising = rates->warmup * (double)iterations;
    if (at < rising)
        return rates->rate * fmin(1, (at + 1) / (rising + 1));
    double done = (at - rising) / (total - rising);
    switch (rates->schedule) {
    case TN_STEP:
        return stepped(rates, epochs, at / (double)iterations);
    case TN_COSINE:
        return rates->rate * 0.5 * (1 + cos(pi * done));
    case TN_LINEAR:
        return rates->rate * (1 - done);
    case TN_CONSTANT:
        break;
    }
    return rates->rate;
}

bool tn_rates_check(const struct tn_rates *rates, int epochs, struct tn_error *error)
{
    if (!(rates->rate > 0))
        return tn_fail(error, TN_ERROR_USE, "lr must be above 0");
    if (!(rates->warmup >= 0 && rates->warmup < epochs))
        return tn_fail(error, TN_ERROR_USE, "warmup=%g: must end before the run of %d epoch%s does",
                       rates->warmup, epochs, epochs == 1 ? "" : "s");
    for (int i = 0; i < rates->step_count; i++) {
        double before = i ? rates->steps[i - 1] : 0;
        if (!(rates->steps[i] > before))
            return tn_fail(error, TN_ERROR_USE,
                           "steps: epochs must be above 0 and each later than the one before");
    }
    return true;
}
