/* Exchange of kept and removed channels while the least-squares error falls. Internal to src/prune.
 */
#ifndef TN_PRUNE_EXCHANGE_H
#define TN_PRUNE_EXCHANGE_H

#include "core/error.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>

/* For one number kept: start from what greedy removal keeps and, again, from what greedy selection
 * with weights keeps; as long as some swap of a kept channel for a removed one makes the
 * least-squares error smaller, make the best such swap; take the better end. So the error there is
 * never larger than either greedy's.
 *
 * That cannot be had for all numbers at once in one order: sets of an order are nested, and the
 * best sets of neighbouring sizes may have nothing in common. So the order is made for
 * `keep`, 1..C: its last `keep` channels are that set. From there it goes on greedily both ways, by
 * the exact change of the least-squares error: fewer kept by leaving out whose loss costs least,
 * more by taking in whose gain is largest.
 *
 * order [C]; score [C] by channel is what its removal adds to the least-squares error at its turn,
 * relative to y^T y. Equal changes: the lowest index. Locked filters first or last. O(C^3). */
bool tn_exchange_order(const struct tn_gram *gram, const enum tn_lock *locks, int keep, int *order,
                       double *score, struct tn_error *error);

#endif
