/* Greedy selection with weights, from G alone. Internal to src/prune. */
#ifndef TN_PRUNE_PURSUIT_H
#define TN_PRUNE_PURSUIT_H

#include "core/error.h"
#include "core/progress.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>

/* Luo et al. 2018 (TPAMI): start with no channel; add the c with the largest (b_c - (G w)_c)^2 /
 * G_cc, b = X^T y; refit the weights w of all chosen ones by least squares. That is orthogonal
 * matching pursuit: the term is what the squared error falls by when c alone joins and the weights
 * of the others stay, a lower bound of what it falls by after the refit.
 *
 * order [C] is the reverse of the order of choice, so that what was chosen first is removed last;
 * score [C] by channel is the term at its choice relative to y^T y. Equal terms: the lowest index
 * is chosen first. Filters locked to be kept are chosen first, those locked to be pruned last.
 * O(C^3).
 */
bool tn_pursuit_order(const struct tn_gram *gram, const enum tn_lock *locks,
                      const struct tn_progress *progress, int *order, double *score,
                      struct tn_error *error);

#endif
