/* Where an axis has its ticks, and what is written at them. */
#ifndef TN_PLOT_TICKS_H
#define TN_PLOT_TICKS_H

#include <stdbool.h>

enum { TN_TICKS_MOST = 24, TN_TICKS_MINOR = 128 };

struct tn_ticks {
    int count;
    double at[TN_TICKS_MOST]; /* ascending, within the axis */
    char text[TN_TICKS_MOST][24];
    int minor_count;
    double minor[TN_TICKS_MINOR]; /* between them, without text; of logarithmic axes */
};

/* At most `most` ticks (2 where it is less) in low .. high, of the charts on the screen too, at
 * multiples of 1, 2 or 5 times a power of ten. whole: none between whole numbers. percent: written
 * as 100 times as much. */
void tn_ticks_linear(double low, double high, int most, bool whole, bool percent,
                     struct tn_ticks *ticks);

/* The same for 0 < low < high: powers of ten, every one or every other or ...; where they are fewer
 * than two, also 2 and 5 times them, or as on a linear axis. */
void tn_ticks_log(double low, double high, int most, bool percent, struct tn_ticks *ticks);

#endif
