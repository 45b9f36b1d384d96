/* Channel selection by LASSO, from G (and its target) alone. Internal to src/prune. */
#ifndef TN_PRUNE_LASSO_H
#define TN_PRUNE_LASSO_H

#include "core/error.h"
#include "core/progress.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>

/* He et al. 2017 (section 3.2): min over beta of 1/2 ||y - X beta||^2 + lambda ||beta||_1, lambda
 * raised until so few beta_c are left that are not 0. For all lambda at once: beta(lambda) is
 * piecewise linear, and is followed from knot to knot (Osborne et al. 2000; Efron et al. 2004), so
 * no grid of lambdas limits what can be told apart.
 *
 * score [C] by channel is the largest lambda at which beta_c is not 0, in parts of the lambda from
 * which on all are: where the channel goes for good as lambda is raised. A channel that is never
 * needed (dead, or a copy of one that is in) has 0. order [C] by ascending score; locked filters
 * first or last. */
bool tn_lasso_order(const struct tn_gram *gram, const enum tn_lock *locks,
                    const struct tn_progress *progress, int *order, double *score,
                    struct tn_error *error);

#endif
