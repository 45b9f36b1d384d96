#include "knee.h"
#include <math.h>

int knee_of(const double *errors, int channels)
{
    double first = errors[0], height = errors[channels] - first, deepest = 1e-9;
    int knee = 0;
    if (!(height > 0) || !isfinite(height))
        return 0;
    for (int removed = 1; removed < channels; removed++) {
        double below = (double)removed / channels - (errors[removed] - first) / height;
        if (below >= deepest) { /* false for NaN */
            deepest = below;
            knee = removed;
        }
    }
    return knee;
}
