/* Least squares on kept channels, for every prefix of a removal order. Internal to src/prune. */
#ifndef TN_PRUNE_LEAST_SQUARES_H
#define TN_PRUNE_LEAST_SQUARES_H

#include "core/error.h"
#include "prune/gram.h"
#include <stdbool.h>

/* error_ls [C+1] by number removed, relative to y^T y; *ridge as in struct tn_path. O(C^3). */
bool tn_least_squares_errors(const struct tn_gram *gram, const int *order, double *error_ls,
                             double *ridge, struct tn_error *error);

#endif
