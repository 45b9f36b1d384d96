/* Exchange of kept and removed channels while the least-squares error falls, from G (and its
 * target) alone. */
#ifndef TN_PRUNE_EXCHANGE_H
#define TN_PRUNE_EXCHANGE_H

#include "core/error.h"
#include "core/progress.h"
#include "prune/gram.h"
#include "prune/rank.h"
#include <stdbool.h>

/* For every number kept, a set of channels that no swap of a kept one for a removed one makes
 * better, and whose least-squares error is never larger than either greedy method's.
 *
 * The sets start as the better of what greedy removal and greedy selection with weights keep. Then
 * passes go down from all channels (leave out the one whose loss is least, swap as long as the
 * error falls, take the set that is there if it is better) and up from none (take in the one whose
 * gain is largest ...), until two find nothing; four at most, as more change the last digits only.
 * A set needs few swaps, the one before being nearly right: about O(C^3) in all.
 *
 * Past 1024 channels one pass goes down, and no more than 32 swaps are made at each of 32 sizes: no
 * set is worse than either greedy's, but a swap may be left that would make it better.
 *
 * Sets of neighbouring sizes need not be nested. Where the best single channel belongs to no best
 * pair, no order of removal has both, so an order is made for one number kept. */
struct tn_exchange {
    int channels;
    double *error_ls; /* [C+1] by number removed, relative to y^T y */
    double *error;    /* [C+1] without the weights */
    bool *kept;       /* [C+1,C] row k: the k channels kept */
};

/* locks [C] or NULL: sets hold the channels locked to be kept, and none locked to be pruned, as far
 * as their size lets them. Immutable once made. progress may be NULL: 512 channels take about
 * half a second, 1024 three, and 2048, in one pass, five. */
bool tn_exchange_of(const struct tn_gram *gram, const enum tn_lock *locks,
                    const struct tn_progress *progress, struct tn_exchange *exchange,
                    struct tn_error *error);
void tn_exchange_free(struct tn_exchange *exchange);

/* An order whose last `keep` channels, 0..C, are the set of that size. From there it goes on
 * greedily both ways by the exact change of the least-squares error: fewer kept by leaving out
 * whose loss is least, more by taking in whose gain is largest.
 *
 * order [C]; score [C] by channel is what its removal adds to the least-squares error at its turn,
 * relative to y^T y. Equal changes: the lowest index. */
bool tn_exchange_order(const struct tn_gram *gram, const enum tn_lock *locks,
                       const struct tn_exchange *exchange, int keep,
                       const struct tn_progress *progress, int *order, double *score,
                       struct tn_error *error);

#endif
