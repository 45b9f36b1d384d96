/* The greedy path of ThiNet and its errors, from G alone (and the target, where it has one). */
#ifndef TN_PRUNE_PATH_H
#define TN_PRUNE_PATH_H

#include "core/error.h"
#include "core/progress.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>

/* A whole path: filters in order of removal, and the relative error for every number kept.
 * Immutable once made. */
struct tn_path {
    int channels;
    double
        energy; /* y^T y, the unit of errors and costs; 0 or less: nothing to lose, all errors 0 */
    int *order; /* [C] filter removed 1st, 2nd ... ; filters locked to be pruned come first, locked
                   to be kept last */
    /* [C+1] index = number removed: ||y - X_S 1||^2 / ||y||^2 with S the kept ones. error[C] = 1.
     * error[0] = 0 where y is the network's own; with another's as target it need not be, errors
     * may fall as filters go, and may be greater than 1 on the way. */
    double *error;
    double *error_ls;       /* [C+1] after least squares on the kept ones */
    double *cost;           /* [C] what removing order[i] added at its turn, relative to y^T y */
    int *runner_up;         /* [C] the second best at that step, -1 where there is none */
    double *runner_up_cost; /* [C] what it would have added, relative */
    double ridge; /* added to the diagonal for least squares, relative to its mean; 0 where G was
                     regular */
};

/* Luo et al. 2017, algorithm 1, by greedy removal in O(C^2); least-squares errors of all prefixes
 * by one Cholesky factorisation in reverse removal order, O(C^3). Ties go to the lowest index.
 * locks [C] or NULL. */
bool tn_path_thinet(const struct tn_gram *gram, const enum tn_lock *locks, struct tn_path *path,
                    struct tn_error *error);

/* Errors of a given removal order (any method), same fields; cost and runner_up are what the greedy
 * rule says at each step. */
bool tn_path_of_order(const struct tn_gram *gram, const int *order, const enum tn_lock *locks,
                      struct tn_path *path, struct tn_error *error);

/* A path of which only the order is known: errors and costs are NAN, there are no runner-ups. */
bool tn_path_unmeasured(int channels, const int *order, struct tn_path *path,
                        struct tn_error *error);

/* The greedy order alone, in O(C^2): order [C], cost [C] by turn, relative to y^T y. */
bool tn_path_greedy(const struct tn_gram *gram, const enum tn_lock *locks, int *order, double *cost,
                    struct tn_error *error);
void tn_path_free(struct tn_path *path);

/* Errors, as a path's, of one set a size that need not hold each other: kept [C+1,C], row k the k
 * channels kept; errors [C+1] by number removed. O(C) for each channel in which two neighbours
 * differ. progress may be NULL. */
bool tn_path_set_errors(const struct tn_gram *gram, const bool *kept,
                        const struct tn_progress *progress, double *errors, struct tn_error *error);

/* Cheapest next removals when the first `removed` of the path are gone: up to `limit` filters,
 * cheapest first, with their costs relative to y^T y. Returns how many. */
int tn_path_candidates(const struct tn_gram *gram, const struct tn_path *path, int removed,
                       const enum tn_lock *locks, int limit, int *filters, double *costs);

/* Least-squares weights w of the kept channels kept[0 .. count-1]: G_SS w = (X^T y)_S (He et
 * al.'s and Luo et al.'s reweighting); *ridge as above. */
bool tn_least_squares(const struct tn_gram *gram, int count, const int *kept, double *weights,
                      double *relative_error, double *ridge, struct tn_error *error);

#endif
