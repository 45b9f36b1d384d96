#include "prune/exchange.h"

#include "core/memory.h"
#include "prune/least_squares.h"
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

enum { MOST_PASSES = 4, NO_RANK = -1 };

/* Past so many channels a swap for every number kept would take minutes: one pass goes down, and
 * at a few sizes, evenly apart, a few swaps are made. */
enum { WIDE = 1024, WIDE_STOPS = 32, WIDE_SWAPS = 32 };

/* A channel outside the set that may come in, with what the swaps need of it: u being its cell with
 * the one that goes. */
struct newcomer {
    int channel;
    double left, gain; /* x^T (y - X_S w) and its square, divided by the diagonal cell */
    double inverse;    /* of the diagonal cell */
};

/* The set at hand. */
struct work {
    const struct tn_gram *gram;
    const enum tn_lock *locks;
    const struct tn_progress *progress;
    int channels;
    struct tn_tableau tableau;
    bool *set; /* [C] the kept ones. One that is a combination of others is kept without being in
                  the tableau, with weight 0 */
    struct newcomer *newcomers; /* [C] */
};

static void end(struct work *x)
{
    tn_tableau_free(&x->tableau);
    tn_free(x->set);
    tn_free(x->newcomers);
}

static bool start(const struct tn_gram *gram, const enum tn_lock *locks,
                  const struct tn_progress *progress, struct work *x, struct tn_error *error)
{
    size_t n = (size_t)gram->channels;
    *x = (struct work){
        .gram = gram, .locks = locks, .progress = progress, .channels = gram->channels};
    x->set = tn_calloc(n, sizeof *x->set);
    x->newcomers = tn_alloc(n, sizeof *x->newcomers);
    if (!x->set || !x->newcomers)
        return tn_fail_memory(error, "the exchange", n * sizeof *x->newcomers);
    return tn_tableau_new(gram, &x->tableau, error);
}

/* --- the set --- */

/* Members that are no combination of the others; of several that are combinations of each other,
 * those that leave last, so that those outside the tableau can leave first and for nothing. */
static void let_members_in(struct work *x)
{
    for (int rank = TN_RANKS - 1; rank >= 0; rank--) {
        for (int c = 0; c < x->channels && !tn_progress_cancelled(x->progress); c++) {
            if (x->set[c] && tn_lock_rank(x->locks, c) == rank &&
                tn_tableau_is_free(&x->tableau, c))
                tn_tableau_sweep(&x->tableau, c);
        }
    }
}

static void build(struct work *x, const bool *set)
{
    memcpy(x->set, set, (size_t)x->channels * sizeof *set);
    tn_tableau_reset(x->gram, &x->tableau);
    let_members_in(x);
}

static void add(struct work *x, int c)
{
    x->set[c] = true;
    if (tn_tableau_is_free(&x->tableau, c))
        tn_tableau_sweep(&x->tableau, c);
}

static void drop(struct work *x, int c)
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

static int list_newcomers(struct work *x, int rank)
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
static void try_swaps(const struct work *x, int out, int count, struct swap *best)
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

static struct swap best_swap(struct work *x, int rank)
{
    tn_tableau_settle(&x->tableau);
    struct swap best = {.change = -SMALL_GAIN * fmax(tn_tableau_error(&x->tableau), 0)};
    best.out = best.in = -1;
    int count = list_newcomers(x, rank);
    for (int c = 0; c < x->channels; c++) {
        if (x->set[c] && tn_lock_rank(x->locks, c) == rank)
            try_swaps(x, c, count, &best);
    }
    return best;
}

static bool is_wide(const struct work *x)
{
    return x->channels > WIDE;
}

static void improve(struct work *x, int rank)
{
    /* The error falls with every swap, so there is an end; the bound is against rounding. */
    int64_t most = is_wide(x) ? WIDE_SWAPS : 16 * (int64_t)x->channels;
    for (int64_t i = 0; i < most && !tn_progress_cancelled(x->progress); i++) {
        struct swap swap = best_swap(x, rank);
        if (swap.out < 0)
            return;
        add(x, swap.in);
        drop(x, swap.out);
    }
}

/* --- one fewer, one more --- */

static int cheapest_member(const struct work *x)
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

static int best_newcomer(const struct work *x)
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

/* --- sets of all sizes --- */

struct family {
    struct work work;
    struct tn_exchange *sets;
    int *open;     /* [C+1] rank of what can be swapped in a set of that size, or NO_RANK */
    bool *settled; /* [C+1] whether no swap is known to make the set better */
    bool changed;
};

static bool *set_of(const struct tn_exchange *sets, int keep)
{
    return sets->kept + (size_t)keep * (size_t)sets->channels;
}

static double *error_of(const struct tn_exchange *sets, int keep)
{
    return &sets->error_ls[sets->channels - keep];
}

/* Less by more than rounding. */
static bool is_less(double a, double b)
{
    return a < b - fmax(SMALL_GAIN * b, TIE);
}

static bool take_if_better(struct family *f, int keep)
{
    double error = tn_tableau_error(&f->work.tableau) / f->work.tableau.energy;
    if (!is_less(error, *error_of(f->sets, keep)))
        return false;
    *error_of(f->sets, keep) = fmax(error, 0);
    memcpy(set_of(f->sets, keep), f->work.set, (size_t)f->work.channels * sizeof *f->work.set);
    f->settled[keep] = f->changed = true;
    return true;
}

static void move_to(struct work *x, const bool *set)
{
    int apart = 0;
    for (int c = 0; c < x->channels; c++)
        apart += x->set[c] != set[c];
    if (apart > x->channels / 2) {
        build(x, set);
        return;
    }
    for (int c = 0; c < x->channels; c++) {
        if (set[c] && !x->set[c])
            add(x, c);
    }
    for (int c = 0; c < x->channels; c++) {
        if (x->set[c] && !set[c])
            drop(x, c);
    }
}

/* Swap to the end; where a better set of that size is known, go on from that one. */
static void settle(struct family *f, int keep)
{
    const bool *known = set_of(f->sets, keep);
    if (f->settled[keep] &&
        memcmp(known, f->work.set, (size_t)f->work.channels * sizeof *known) == 0)
        return;
    improve(&f->work, f->open[keep]);
    double error = tn_tableau_error(&f->work.tableau) / f->work.tableau.energy;
    if (!take_if_better(f, keep) && is_less(*error_of(f->sets, keep), error)) {
        move_to(&f->work, known);
        if (!f->settled[keep]) {
            improve(&f->work, f->open[keep]);
            take_if_better(f, keep);
            f->settled[keep] = true;
        }
    }
}

static void settle_wide(struct family *f, int keep)
{
    int apart = f->work.channels / WIDE_STOPS;
    if (keep % apart == 0)
        improve(&f->work, f->open[keep]);
    take_if_better(f, keep);
}

static bool report(const struct work *x, int done, struct tn_error *error)
{
    return tn_progress_step(x->progress, "thinet-x", done, x->channels, "filters", "", error);
}

static bool pass_down(struct family *f, struct tn_error *error)
{
    build(&f->work, set_of(f->sets, f->work.channels));
    for (int keep = f->work.channels - 1; keep > 0; keep--) {
        drop(&f->work, cheapest_member(&f->work));
        if (is_wide(&f->work))
            settle_wide(f, keep);
        else
            settle(f, keep);
        if (!report(&f->work, f->work.channels - keep, error))
            return false;
    }
    return true;
}

static bool pass_up(struct family *f, struct tn_error *error)
{
    build(&f->work, set_of(f->sets, 0));
    for (int keep = 1; keep < f->work.channels; keep++) {
        add(&f->work, best_newcomer(&f->work));
        settle(f, keep);
        if (!report(&f->work, keep, error))
            return false;
    }
    return true;
}

/* Sets of an order, where they are better than what is there. */
static bool enter_order(struct family *f, const int *order, double *errors, struct tn_error *error)
{
    int n = f->work.channels;
    double ridge;
    if (!tn_least_squares_errors(f->work.gram, order, errors, &ridge, error))
        return false;
    for (int keep = 0; keep <= n; keep++) {
        if (!(errors[n - keep] < *error_of(f->sets, keep)))
            continue;
        bool *set = set_of(f->sets, keep);
        *error_of(f->sets, keep) = errors[n - keep];
        for (int i = 0; i < n; i++)
            set[order[i]] = i >= n - keep;
    }
    return true;
}

static bool enter_greedy(struct family *f, int *order, double *scratch, struct tn_error *error)
{
    const struct tn_gram *gram = f->work.gram;
    const enum tn_lock *locks = f->work.locks;
    int n = gram->channels;
    if (!tn_path_greedy(gram, locks, order, scratch, error) ||
        !enter_order(f, order, scratch, error))
        return false;
    /* Locks fill a set from the last rank on; what can be swapped is of the rank that is split. */
    f->open[0] = f->open[n] = NO_RANK;
    for (int keep = 1; keep < n; keep++) {
        int rank = tn_lock_rank(locks, order[n - keep]);
        f->open[keep] = tn_lock_rank(locks, order[n - keep - 1]) == rank ? rank : NO_RANK;
    }
    return tn_pursuit_order(gram, locks, f->work.progress, order, scratch, error) &&
           enter_order(f, order, scratch, error);
}

static bool find(struct family *f, struct tn_error *error)
{
    size_t n = (size_t)f->sets->channels;
    int *order = tn_alloc(n, sizeof *order);
    double *scratch = tn_alloc(n + 1, sizeof *scratch);
    bool ok = order && scratch ? enter_greedy(f, order, scratch, error)
                               : tn_fail_memory(error, "the exchange", n * sizeof *scratch);
    tn_free(order);
    tn_free(scratch);
    if (!ok || !(f->work.tableau.energy > 0))
        return ok;
    int idle = 0;
    int most = is_wide(&f->work) ? 1 : MOST_PASSES;
    for (int pass = 0; pass < most && idle < 2; pass++) {
        f->changed = false;
        if (!(pass % 2 == 0 ? pass_down(f, error) : pass_up(f, error)))
            return false;
        idle = f->changed ? 0 : idle + 1;
    }
    return true;
}

static bool sets_new(int channels, struct tn_exchange *sets, struct tn_error *error)
{
    size_t n = (size_t)channels, cells;
    *sets = (struct tn_exchange){.channels = channels};
    if (!tn_mul(n + 1, n, &cells))
        return tn_fail_memory(error, "the exchange", SIZE_MAX);
    sets->kept = tn_calloc(cells, sizeof *sets->kept);
    sets->error_ls = tn_alloc(n + 1, sizeof *sets->error_ls);
    sets->error = tn_calloc(n + 1, sizeof *sets->error);
    if (!sets->kept || !sets->error_ls || !sets->error)
        return tn_fail_memory(error, "the exchange", cells);
    for (size_t i = 0; i <= n; i++)
        sets->error_ls[i] = INFINITY;
    return true;
}

void tn_exchange_free(struct tn_exchange *exchange)
{
    tn_free(exchange->kept);
    tn_free(exchange->error_ls);
    tn_free(exchange->error);
    *exchange = (struct tn_exchange){0};
}

bool tn_exchange_of(const struct tn_gram *gram, const enum tn_lock *locks,
                    const struct tn_progress *progress, struct tn_exchange *exchange,
                    struct tn_error *error)
{
    size_t n = (size_t)gram->channels;
    struct family f = {.sets = exchange};
    bool ok = sets_new(gram->channels, exchange, error) && tn_gram_is_finite(gram, error) &&
              start(gram, locks, progress, &f.work, error);
    if (ok) {
        f.open = tn_alloc(n + 1, sizeof *f.open);
        f.settled = tn_calloc(n + 1, sizeof *f.settled);
        ok = f.open && f.settled ? find(&f, error)
                                 : tn_fail_memory(error, "the exchange", n * sizeof *f.open);
    }
    tn_free(f.open);
    tn_free(f.settled);
    end(&f.work);
    ok = ok && tn_path_set_errors(gram, exchange->kept, progress, exchange->error, error);
    if (!ok)
        tn_exchange_free(exchange);
    return ok;
}

/* --- an order for one size --- */

static bool order_around(struct work *x, const bool *set, int keep, int *order, double *score,
                         struct tn_error *error)
{
    int n = x->channels;
    double scale = x->tableau.energy > 0 ? 1 / x->tableau.energy : 0;
    build(x, set);
    for (int i = n - keep; i < n; i++) {
        int c = cheapest_member(x);
        order[i] = c;
        score[c] = tn_tableau_loss(&x->tableau, c) * scale;
        drop(x, c);
        if (!report(x, i - (n - keep), error))
            return false;
    }
    build(x, set);
    for (int i = n - keep - 1; i >= 0; i--) {
        int c = best_newcomer(x);
        order[i] = c;
        score[c] = tn_tableau_gain(&x->tableau, c) * scale;
        add(x, c);
        if (!report(x, n - i, error))
            return false;
    }
    return true;
}

bool tn_exchange_order(const struct tn_gram *gram, const enum tn_lock *locks,
                       const struct tn_exchange *exchange, int keep,
                       const struct tn_progress *progress, int *order, double *score,
                       struct tn_error *error)
{
    if (keep < 0 || keep > gram->channels)
        return tn_fail(error, TN_ERROR_USE, "an order for %d of %d filters: 0 to %d expected", keep,
                       gram->channels, gram->channels);
    struct work x;
    bool ok = start(gram, locks, progress, &x, error) &&
              order_around(&x, set_of(exchange, keep), keep, order, score, error);
    end(&x);
    return ok;
}
