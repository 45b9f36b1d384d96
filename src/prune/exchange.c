#include "prune/exchange.h"

#include "core/memory.h"
#include "prune/path.h"
#include "prune/pursuit.h"
#include "prune/tableau.h"

#include <math.h>
#include <string.h>

/* Changes of the error that differ by less than this part of y^T y are equal, and so small a gain
 * is no gain. */
static const double TIE = 1e-13;
/* Nor is one below this part of the error itself. */
static const double SMALL_GAIN = 1e-10;

/* A channel outside the set that may come in, with what the swaps need of it: u being its cell with
 * the one that goes. */
struct newcomer {
    int channel;
    double left, gain; /* x^T (y - X_S w) and its square, divided by the diagonal cell */
    double inverse;    /* of the diagonal cell */
};

struct exchange {
    const struct tn_gram *gram;
    const enum tn_lock *locks;
    int channels;
    struct tn_tableau tableau;
    bool *set; /* [C] the kept ones. One that is a combination of others is kept without being in
                  the tableau, with weight 0 */
    struct newcomer *newcomers; /* [C] */
    int *list;                  /* [C] scratch: a set as tn_least_squares wants it */
    double *weights;            /* [C] scratch */
};

static void end(struct exchange *x)
{
    tn_tableau_free(&x->tableau);
    tn_free(x->set);
    tn_free(x->newcomers);
    tn_free(x->list);
    tn_free(x->weights);
}

static bool start(const struct tn_gram *gram, const enum tn_lock *locks, struct exchange *x,
                  struct tn_error *error)
{
    size_t n = (size_t)gram->channels;
    *x = (struct exchange){.gram = gram, .locks = locks, .channels = gram->channels};
    x->set = tn_calloc(n, sizeof *x->set);
    x->newcomers = tn_alloc(n, sizeof *x->newcomers);
    x->list = tn_alloc(n, sizeof *x->list);
    x->weights = tn_alloc(n, sizeof *x->weights);
    if (!x->set || !x->newcomers || !x->list || !x->weights)
        return tn_fail_memory(error, "the exchange", n * sizeof *x->newcomers);
    return tn_tableau_new(gram, &x->tableau, error);
}

/* --- the set --- */

/* Members that are no combination of the others; of several that are combinations of each other,
 * those that leave last, so that those outside the tableau can leave first and for nothing. */
static void let_members_in(struct exchange *x)
{
    for (int rank = TN_RANKS - 1; rank >= 0; rank--) {
        for (int c = 0; c < x->channels; c++) {
            if (x->set[c] && tn_lock_rank(x->locks, c) == rank &&
                tn_tableau_is_free(&x->tableau, c))
                tn_tableau_sweep(&x->tableau, c);
        }
    }
}

static void build(struct exchange *x, const bool *set)
{
    memcpy(x->set, set, (size_t)x->channels * sizeof *set);
    tn_tableau_reset(x->gram, &x->tableau);
    let_members_in(x);
}

static void add(struct exchange *x, int c)
{
    x->set[c] = true;
    if (tn_tableau_is_free(&x->tableau, c))
        tn_tableau_sweep(&x->tableau, c);
}

static void drop(struct exchange *x, int c)
{
    x->set[c] = false;
    if (!x->tableau.in[c])
        return;
    tn_tableau_sweep(&x->tableau, c);
    let_members_in(x);
}

/* --- swaps --- */

struct swap {
    int out, in;
    double change; /* of the squared error */
};

static int list_newcomers(struct exchange *x, int rank)
{
    int count = 0;
    for (int c = 0; c < x->channels; c++) {
        if (x->set[c] || tn_lock_rank(x->locks, c) != rank || !tn_tableau_is_free(&x->tableau, c))
            continue;
        const double *row = tn_tableau_row(&x->tableau, c);
        double left = row[x->channels];
        x->newcomers[count++] = (struct newcomer){c, left, left * left / row[c], 1 / row[c]};
    }
    return count;
}

/* With j in, the inverse's diagonal at i is P + u^2 / d_j and its weight w - u l_j / d_j; then i
 * leaves. */
static void try_swaps(const struct exchange *x, int out, int count, struct swap *best)
{
    const double *row = tn_tableau_row(&x->tableau, out);
    bool carried = !x->tableau.in[out];
    double tie = TIE * x->tableau.energy;
    double weight = carried ? 0 : row[x->channels], inverse = carried ? 1 : -row[out];
    for (int k = 0; k < count; k++) {
        const struct newcomer *j = &x->newcomers[k];
        double u = carried ? 0 : row[j->channel];
        double scaled = u * j->inverse;
        double w = weight - scaled * j->left;
        double p = inverse + scaled * u;
        /* w^2 / p - gain < change - tie, without dividing */
        if (w * w < (best->change - tie + j->gain) * p)
            *best = (struct swap){out, j->channel, w * w / p - j->gain};
    }
}

static struct swap best_swap(struct exchange *x, int rank)
{
    struct swap best = {.change = -SMALL_GAIN * fmax(tn_tableau_error(&x->tableau), 0)};
    best.out = best.in = -1;
    int count = list_newcomers(x, rank);
    for (int c = 0; c < x->channels; c++) {
        if (x->set[c] && tn_lock_rank(x->locks, c) == rank)
            try_swaps(x, c, count, &best);
    }
    return best;
}

static void improve(struct exchange *x, int rank)
{
    /* The error falls with every swap, so there is an end; the bound is against rounding. */
    int64_t most = 16 * (int64_t)x->channels;
    for (int64_t i = 0; i < most; i++) {
        struct swap swap = best_swap(x, rank);
        if (swap.out < 0)
            return;
        add(x, swap.in);
        drop(x, swap.out);
    }
}

/* --- the best set for one number kept --- */

static bool error_of(struct exchange *x, const bool *set, double *relative, struct tn_error *error)
{
    int count = 0;
    for (int c = 0; c < x->channels; c++) {
        if (set[c])
            x->list[count++] = c;
    }
    return tn_least_squares(x->gram, count, x->list, x->weights, relative, NULL, error);
}

static bool take_if_better(struct exchange *x, const bool *set, bool *best, double *least,
                           struct tn_error *error)
{
    double relative;
    if (!error_of(x, set, &relative, error))
        return false;
    if (relative < *least) {
        *least = relative;
        memcpy(best, set, (size_t)x->channels * sizeof *best);
    }
    return true;
}

/* Exchange from the last `keep` of an order; `best` and `least` take the better of the end and what
 * they hold, and the beginning if rounding has led astray. */
static bool exchange_from(struct exchange *x, const int *order, int keep, bool *best, double *least,
                          struct tn_error *error)
{
    int n = x->channels;
    bool *begin = tn_calloc((size_t)n, sizeof *begin);
    if (!begin)
        return tn_fail_memory(error, "the exchange", (size_t)n);
    for (int i = n - keep; i < n; i++)
        begin[order[i]] = true;
    build(x, begin);
    /* Locks fill the set from the last rank on; what can be swapped is of the rank that is split.
     */
    int kept = tn_lock_rank(x->locks, order[n - keep]);
    if (keep < n && tn_lock_rank(x->locks, order[n - keep - 1]) == kept)
        improve(x, kept);
    bool ok = take_if_better(x, x->set, best, least, error) &&
              take_if_better(x, begin, best, least, error);
    tn_free(begin);
    return ok;
}

/* --- from there both ways --- */

static int cheapest_member(const struct exchange *x)
{
    int best = -1, rank = TN_RANKS;
    double least = 0;
    for (int c = 0; c < x->channels; c++) {
        int r = tn_lock_rank(x->locks, c);
        if (!x->set[c] || r > rank)
            continue;
        double loss = tn_tableau_loss(&x->tableau, c);
        if (r < rank || loss < least - TIE * x->tableau.energy) {
            best = c;
            rank = r;
            least = loss;
        }
    }
    return best;
}

static int best_newcomer(const struct exchange *x)
{
    int best = -1, rank = -1;
    double most = 0;
    for (int c = 0; c < x->channels; c++) {
        int r = tn_lock_rank(x->locks, c);
        if (x->set[c] || r < rank)
            continue;
        double gain = tn_tableau_gain(&x->tableau, c);
        if (r > rank || gain > most + TIE * x->tableau.energy) {
            best = c;
            rank = r;
            most = gain;
        }
    }
    return best;
}

static void order_around(struct exchange *x, const bool *set, int keep, int *order, double *score)
{
    int n = x->channels;
    double scale = x->tableau.energy > 0 ? 1 / x->tableau.energy : 0;
    build(x, set);
    for (int i = n - keep; i < n; i++) {
        int c = cheapest_member(x);
        order[i] = c;
        score[c] = tn_tableau_loss(&x->tableau, c) * scale;
        drop(x, c);
    }
    build(x, set);
    for (int i = n - keep - 1; i >= 0; i--) {
        int c = best_newcomer(x);
        order[i] = c;
        score[c] = tn_tableau_gain(&x->tableau, c) * scale;
        add(x, c);
    }
}

bool tn_exchange_order(const struct tn_gram *gram, const enum tn_lock *locks, int keep, int *order,
                       double *score, struct tn_error *error)
{
    size_t n = (size_t)gram->channels;
    if (keep < 1 || keep > gram->channels)
        return tn_fail(error, TN_ERROR_USE, "an exchange for %d of %d filters: 1 to %d expected",
                       keep, gram->channels, gram->channels);
    struct exchange x = {0};
    bool *best = tn_calloc(n, sizeof *best);
    double least = INFINITY;
    bool ok = best ? start(gram, locks, &x, error) : tn_fail_memory(error, "the exchange", n);
    ok = ok && tn_path_greedy(gram, locks, order, score, error) &&
         exchange_from(&x, order, keep, best, &least, error) &&
         tn_pursuit_order(gram, locks, order, score, error) &&
         exchange_from(&x, order, keep, best, &least, error);
    if (ok)
        order_around(&x, best, keep, order, score);
    end(&x);
    tn_free(best);
    return ok;
}
