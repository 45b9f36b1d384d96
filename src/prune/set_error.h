/* What keeping some channels, as they are, costs. */
#ifndef TN_PRUNE_SET_ERROR_H
#define TN_PRUNE_SET_ERROR_H

#include "prune/gram.h"
#include <stdbool.h>

/* ||y - X_S 1||^2 of the channels with kept[c], relative to y^T y; 0 where that is 0. O(C^2). */
double tn_set_error(const struct tn_gram *gram, const bool *kept);

#endif
