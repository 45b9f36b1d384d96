#include "prune/rank.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

int tn_lock_rank(const enum tn_lock *locks, int channel)
{
    static const int ranks[] = {[TN_LOCK_PRUNE] = 0, [TN_UNLOCKED] = 1, [TN_LOCK_KEEP] = 2};
    return locks ? ranks[locks[channel]] : 1;
}

struct entry {
    int rank, channel;
    double score;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return (x->channel > y->channel) - (x->channel < y->channel);
}

bool tn_order_by_score(int channels, const double *scores, const enum tn_lock *locks, int *order,
                       struct tn_error *error)
{
    size_t n = (size_t)channels;
    struct entry *entries = tn_alloc(n, sizeof *entries);
    if (!entries)
        return tn_fail_memory(error, "an order", n * sizeof *entries);
    for (int c = 0; c < channels; c++) {
        if (!isfinite(scores[c])) {
            tn_free(entries);
            return tn_fail(error, TN_ERROR_INPUT, "the score of filter %d is not finite", c);
        }
        entries[c] = (struct entry){tn_lock_rank(locks, c), c, scores[c]};
    }
    qsort(entries, n, sizeof *entries, compare);
    for (int c = 0; c < channels; c++)
        order[c] = entries[c].channel;
    tn_free(entries);
    return true;
}
