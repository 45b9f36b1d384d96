/* Least squares of many outputs at once from sums over samples: with rows x of X [m,n] and y of Y
 * [m,f], minimise ||Y - X W||^2 + ridge ||W - W0||^2_D, D = diag(X^T X). Internal to src/prune. */
#ifndef TN_PRUNE_REGRESSION_H
#define TN_PRUNE_REGRESSION_H

#include "core/error.h"
#include "core/progress.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is kept of the samples. */
struct tn_regression {
    int unknowns, outputs; /* n, f */
    int64_t samples;
    double *square;  /* [n,n] X^T X, lower triangle, row major */
    double *product; /* [n,f] X^T Y */
    double *energy;  /* [f] squares of each output */
};

bool tn_regression_open(int unknowns, int outputs, struct tn_regression *r, struct tn_error *error);
void tn_regression_free(struct tn_regression *r);
/* Bytes that one holds, and those that solving and judging take besides. */
size_t tn_regression_bytes(int unknowns, int outputs);
size_t tn_regression_work_bytes(int unknowns, int outputs);

/* Take in m more rows. The same bits for any number of threads. */
void tn_regression_add(struct tn_regression *r, int m, const double *x, const double *y);
/* Take in all that another one has. */
void tn_regression_merge(struct tn_regression *r, const struct tn_regression *other);

/* ||Y - X W||^2 of W [n,f], in all; and of W = 0. Fails when memory is short or `progress` (may be
 * NULL) says stop. */
bool tn_regression_error(const struct tn_regression *r, const double *weights, double *squares,
                         const struct tn_progress *progress, struct tn_error *error);
double tn_regression_energy(const struct tn_regression *r);

/* The minimum for a ridge, which is relative to each unknown's own sum of squares: `start` is W0.
 * Unknowns that never were anything but zero keep what they start with. *sound is false, and
 * `weights` not to be used, where others depend on each other and the ridge does not mend it. Fails
 * when memory is short or `progress` (may be NULL) says stop. */
bool tn_regression_solve(const struct tn_regression *r, double ridge, const double *start,
                         double *weights, bool *sound, const struct tn_progress *progress,
                         struct tn_error *error);

#endif
