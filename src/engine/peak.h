/* What the machine could do at most. */
#ifndef TN_ENGINE_PEAK_H
#define TN_ENGINE_PEAK_H

/* Billions of floating point operations a second that all threads of tn_parallel together reach in
 * a loop of multiply-adds between registers, an addition and a multiplication counting one each.
 * Measured at every call, the best of a few rounds of some milliseconds. */
double tn_peak_gflops(void);

#endif
