#include "measures.h"
#include <math.h>

static double score(const struct tn_snapshot_path *path, int filter, int place)
{
    (void)place;
    return path->score[filter];
}

static double cost(const struct tn_snapshot_path *path, int filter, int place)
{
    (void)filter;
    return path->cost[place];
}

static double alone(const struct tn_snapshot_path *path, int filter, int place)
{
    (void)place;
    return path->energy[filter];
}

static double zeros(const struct tn_snapshot_path *path, int filter, int place)
{
    (void)place;
    return path->zeros != NULL ? path->zeros[filter] : NAN;
}

const struct measure measures[MEASURES] = {
    {"importance", "worth", "score", score},
    {"error added at its turn", "added", "cost", cost},
    {"error if only it goes", "error", "alone", alone},
    {"share of zeros", "share", "zeros", zeros},
};

void measure_range(const struct measure *measure, const struct tn_snapshot_path *path,
                   const int *places, double *low, double *high)
{
    *low = *high = 0;
    for (int f = 0; f < path->channels; f++) {
        double value = measure->value(path, f, places[f]);
        if (!isfinite(value))
            continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}
