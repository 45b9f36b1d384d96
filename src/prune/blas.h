/* How this folder calls OpenBLAS and the LAPACK in it. Internal to src/prune. */
#ifndef TN_PRUNE_BLAS_H
#define TN_PRUNE_BLAS_H

#include <stdbool.h>

/* Keep OpenBLAS to the thread that calls it: work is divided by tn_parallel alone, so that results
 * do not depend on the number of threads. Call before any BLAS call; cheap after the first. */
void tn_blas_serial(void);

/* Cholesky factor of a symmetric positive definite matrix, LAPACK dpotrf: the lower triangle of
 * `matrix` (column major, n x n) becomes L. False when a pivot is not positive. */
bool tn_cholesky(int n, double *matrix);
/* The same for a matrix inside a larger one, whose columns are `stride` numbers apart. */
bool tn_cholesky_part(int n, double *matrix, int stride);

#endif
