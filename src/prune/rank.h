/* What all removal orders share: locks, and sorting by a score. */
#ifndef TN_PRUNE_RANK_H
#define TN_PRUNE_RANK_H

#include "core/error.h"
#include <stdbool.h>

enum tn_lock { TN_UNLOCKED = 0, TN_LOCK_KEEP, TN_LOCK_PRUNE };

/* Filters go by rank: 0 those locked to be pruned, 1 the free ones, 2 those locked to be kept.
 * locks [C] or NULL. */
enum { TN_RANKS = 3 };
int tn_lock_rank(const enum tn_lock *locks, int channel);

/* Removal order [channels] by rank, then ascending score, then lowest index. A score that is not
 * finite is refused. */
bool tn_order_by_score(int channels, const double *scores, const enum tn_lock *locks, int *order,
                       struct tn_error *error);

#endif
