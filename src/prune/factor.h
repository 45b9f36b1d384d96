/* Cholesky factors of matrices of thousands of rows, on all threads. Internal to src/prune. */
#ifndef TN_PRUNE_FACTOR_H
#define TN_PRUNE_FACTOR_H

#include "core/error.h"
#include "core/progress.h"
#include <stdbool.h>

/* The lower triangle (column major, n x n) of a symmetric matrix becomes its factor L, in blocks:
 * the same bits for any number of threads. *sound is false where it is not positive definite by
 * more than rounding, for a matrix with diagonal elements near 1. Fails when asked to stop. */
bool tn_factorise(int n, double *matrix, bool *sound, const struct tn_progress *progress,
                  struct tn_error *error);

/* L L^T X = B for B [n,columns], row major, which becomes X. */
bool tn_factor_solve(int n, const double *factor, int columns, double *right,
                     const struct tn_progress *progress, struct tn_error *error);

#endif
