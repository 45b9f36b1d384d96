#ifndef TN_CORE_MEDIAN_H
#define TN_CORE_MEDIAN_H

/* The middle one of values [count], which are sorted; of an even number the mean of the two in the
 * middle. NAN of none. */
double tn_median(int count, double *values);

#endif
