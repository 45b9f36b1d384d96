/* Time. */
#ifndef TN_CORE_CLOCK_H
#define TN_CORE_CLOCK_H

double tn_clock_seconds(void); /* monotonic seconds, for durations */

#endif
