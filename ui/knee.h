/* Where a curve of errors bends most. */
#ifndef UI_KNEE_H
#define UI_KNEE_H

/* errors [channels + 1] by number of filters removed. How many removed filters the knee stands for:
 * with both axes scaled to 0 .. 1, the point that lies farthest below the chord from the first
 * point to the last (Satopaa et al. 2011, "Kneedle"). Up to there a filter more costs less than the
 * average one, from there on more. Errors are taken as they are, not their logarithms: those of
 * the first removals, which are nearly nothing, would outweigh all others. Of equals the farthest.
 * 0: there is none, the curve nowhere lies below its chord or is not known. */
int knee_of(const double *errors, int channels);

#endif
