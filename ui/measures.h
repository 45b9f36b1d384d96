/* What the bars of the view Filters can show of each filter. */
#ifndef UI_MEASURES_H
#define UI_MEASURES_H

#include "session/snapshot.h"

struct measure {
    const char *title, *brief; /* over the bars: at length, where there is little room */
    const char *name;          /* over a column of numbers */
    /* Of a filter at its place in the order of removal; NAN: not known. */
    double (*value)(const struct tn_snapshot_path *path, int filter, int place);
};

enum { MEASURES = 4 };

extern const struct measure measures[MEASURES]; /* the first is the method's own */

/* The range of the bars: from 0, or what is below it, to the greatest. */
void measure_range(const struct measure *measure, const struct tn_snapshot_path *path,
                   const int *places, double *low, double *high);

#endif
