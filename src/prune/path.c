#include "prune/path.h"

#include "core/memory.h"
#include "prune/blas.h"
#include "prune/least_squares.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Filters whose costs differ by less than the rounding of G count as equal, so that exact copies of
 * a filter go by index. In units of the last place of the terms compared. */
static const double TIE = 64 * DBL_EPSILON;

/* A greedy walk: which filters T are gone, s = ||d + X_T 1||^2 and r = X^T (d + X_T 1), where
 * d = y - X 1 is nought unless the target is another network's: s is ||y - X_S 1||^2 of the kept.
 */
struct walk {
    int channels;
    const double *g;
    double s;
    double *r;
    double *terms; /* [C] size of what r_c was the difference of at the start */
    bool *gone;
};

/* d's part of s and r: X^T d = b - G 1. */
static void walk_towards(const struct tn_gram *gram, struct walk *walk)
{
    int n = walk->channels;
    double own = 0, shared = 0;
    for (int k = 0; k < n; k++)
        cblas_daxpy(n, 1, walk->g + (size_t)k * (size_t)n, 1, walk->r, 1);
    for (int c = 0; c < n; c++) {
        double b = tn_gram_target_of(gram, c), sum = walk->r[c];
        walk->r[c] = b - sum;
        walk->terms[c] = fabs(b) + fabs(sum);
        shared += b;
        own += sum;
    }
    walk->s = fmax(tn_gram_energy(gram) - 2 * shared + own, 0);
}

static void walk_end(struct walk *walk)
{
    tn_free(walk->r);
    tn_free(walk->terms);
    tn_free(walk->gone);
}

static bool walk_start(const struct tn_gram *gram, struct walk *walk, struct tn_error *error)
{
    size_t n = (size_t)gram->channels;
    tn_blas_serial();
    *walk = (struct walk){.channels = gram->channels, .g = tn_tensor_doubles(gram->matrix)};
    walk->r = tn_calloc(n, sizeof *walk->r);
    walk->terms = tn_calloc(n, sizeof *walk->terms);
    walk->gone = tn_calloc(n, sizeof *walk->gone);
    if (!walk->r || !walk->terms || !walk->gone) {
        walk_end(walk);
        return tn_fail_memory(error, "a greedy path", n * sizeof *walk->r);
    }
    if (gram->target)
        walk_towards(gram, walk);
    return true;
}

/* What removing c next adds to s. */
static double added(const struct walk *walk, int c)
{
    return 2 * walk->r[c] + walk->g[(size_t)c * (size_t)walk->channels + (size_t)c];
}

static void walk_remove(struct walk *walk, int c)
{
    walk->s = fmax(walk->s + added(walk, c), 0);
    walk->gone[c] = true;
    cblas_daxpy(walk->channels, 1, walk->g + (size_t)c * (size_t)walk->channels, 1, walk->r, 1);
}

static void walk_put_back(struct walk *walk, int c)
{
    walk->gone[c] = false;
    cblas_daxpy(walk->channels, -1, walk->g + (size_t)c * (size_t)walk->channels, 1, walk->r, 1);
    walk->s = fmax(walk->s - added(walk, c), 0);
}

/* The lock that goes next: filters locked to be pruned, then the free ones, then those locked to be
 * kept. */
static int next_rank(const struct walk *walk, const enum tn_lock *locks)
{
    int rank = 3;
    for (int c = 0; c < walk->channels; c++) {
        if (!walk->gone[c] && tn_lock_rank(locks, c) < rank)
            rank = tn_lock_rank(locks, c);
    }
    return rank;
}

/* Cheapest removal of that rank other than `except`, lowest index first among equals; -1 if there
 * is none. */
static int cheapest(const struct walk *walk, const enum tn_lock *locks, int rank, int except)
{
    int best = -1;
    for (int c = 0; c < walk->channels; c++) {
        if (walk->gone[c] || c == except || tn_lock_rank(locks, c) != rank)
            continue;
        if (best < 0 || added(walk, c) < added(walk, best))
            best = c;
    }
    if (best < 0)
        return -1;
    double least = added(walk, best);
    double terms = walk->s + 2 * fabs(walk->r[best]) + walk->terms[best] +
                   walk->g[(size_t)best * (size_t)walk->channels + (size_t)best];
    for (int c = 0; c < best; c++) {
        if (!walk->gone[c] && c != except && tn_lock_rank(locks, c) == rank &&
            added(walk, c) - least <= TIE * terms)
            return c;
    }
    return best;
}

static bool path_new(int channels, double energy, struct tn_path *path, struct tn_error *error)
{
    size_t n = (size_t)channels;
    *path = (struct tn_path){.channels = channels, .energy = energy};
    path->order = tn_alloc(n, sizeof *path->order);
    path->error = tn_alloc(n + 1, sizeof *path->error);
    path->error_ls = tn_alloc(n + 1, sizeof *path->error_ls);
    path->cost = tn_alloc(n, sizeof *path->cost);
    path->runner_up = tn_alloc(n, sizeof *path->runner_up);
    path->runner_up_cost = tn_alloc(n, sizeof *path->runner_up_cost);
    if (path->order && path->error && path->error_ls && path->cost && path->runner_up &&
        path->runner_up_cost)
        return true;
    tn_path_free(path);
    return tn_fail_memory(error, "a path", n * sizeof(double));
}

bool tn_path_unmeasured(int channels, const int *order, struct tn_path *path,
                        struct tn_error *error)
{
    size_t n = (size_t)channels;
    if (!path_new(channels, NAN, path, error))
        return false;
    memcpy(path->order, order, n * sizeof *order);
    for (size_t i = 0; i <= n; i++)
        path->error[i] = path->error_ls[i] = NAN;
    for (size_t i = 0; i < n; i++) {
        path->cost[i] = path->runner_up_cost[i] = NAN;
        path->runner_up[i] = -1;
    }
    return true;
}

void tn_path_free(struct tn_path *path)
{
    tn_free(path->order);
    tn_free(path->error);
    tn_free(path->error_ls);
    tn_free(path->cost);
    tn_free(path->runner_up);
    tn_free(path->runner_up_cost);
    *path = (struct tn_path){0};
}

/* Walk the whole way: along `order`, or greedily where it is NULL. */
static bool walk_path(const struct tn_gram *gram, const int *order, const enum tn_lock *locks,
                      struct tn_path *path, struct tn_error *error)
{
    struct walk walk;
    if (!walk_start(gram, &walk, error))
        return false;
    double scale = path->energy > 0 ? 1 / path->energy : 0;
    int n = gram->channels;
    path->error[0] = walk.s * scale;
    for (int i = 0; i < n; i++) {
        int rank = next_rank(&walk, locks);
        int c = order ? order[i] : cheapest(&walk, locks, rank, -1);
        int other = cheapest(&walk, locks, rank, c);
        path->order[i] = c;
        path->cost[i] = added(&walk, c) * scale;
        path->runner_up[i] = other;
        path->runner_up_cost[i] = other < 0 ? 0 : added(&walk, other) * scale;
        walk_remove(&walk, c);
        path->error[i + 1] = walk.s * scale;
    }
    /* Nothing of y is left: exact, whatever rounding gathered on the way. */
    path->error[n] = path->energy > 0 ? 1 : 0;
    walk_end(&walk);
    return true;
}

static bool make_path(const struct tn_gram *gram, const int *order, const enum tn_lock *locks,
                      struct tn_path *path, struct tn_error *error)
{
    if (!tn_gram_is_finite(gram, error) ||
        !path_new(gram->channels, tn_gram_energy(gram), path, error))
        return false;
    if (walk_path(gram, order, locks, path, error) &&
        tn_least_squares_errors(gram, path->order, path->error_ls, &path->ridge, error))
        return true;
    tn_path_free(path);
    return false;
}

bool tn_path_thinet(const struct tn_gram *gram, const enum tn_lock *locks, struct tn_path *path,
                    struct tn_error *error)
{
    return make_path(gram, NULL, locks, path, error);
}

bool tn_path_of_order(const struct tn_gram *gram, const int *order, const enum tn_lock *locks,
                      struct tn_path *path, struct tn_error *error)
{
    bool *seen = tn_calloc((size_t)gram->channels, sizeof *seen);
    if (!seen)
        return tn_fail_memory(error, "a path", (size_t)gram->channels);
    bool whole = true;
    for (int i = 0; whole && i < gram->channels; i++) {
        whole = order[i] >= 0 && order[i] < gram->channels && !seen[order[i]];
        if (whole)
            seen[order[i]] = true;
    }
    tn_free(seen);
    if (!whole)
        return tn_fail(error, TN_ERROR_USE, "a removal order must name each of %d filters once",
                       gram->channels);
    return make_path(gram, order, locks, path, error);
}

bool tn_path_greedy(const struct tn_gram *gram, const enum tn_lock *locks, int *order, double *cost,
                    struct tn_error *error)
{
    struct walk walk;
    if (!tn_gram_is_finite(gram, error) || !walk_start(gram, &walk, error))
        return false;
    double energy = tn_gram_energy(gram);
    double scale = energy > 0 ? 1 / energy : 0;
    for (int i = 0; i < gram->channels; i++) {
        int c = cheapest(&walk, locks, next_rank(&walk, locks), -1);
        order[i] = c;
        cost[i] = added(&walk, c) * scale;
        walk_remove(&walk, c);
    }
    walk_end(&walk);
    return true;
}

bool tn_path_set_errors(const struct tn_gram *gram, const bool *kept,
                        const struct tn_progress *progress, double *errors, struct tn_error *error)
{
    struct walk walk;
    if (!walk_start(gram, &walk, error))
        return false;
    int n = gram->channels;
    double energy = tn_gram_energy(gram);
    double scale = energy > 0 ? 1 / energy : 0;
    bool ok = true;
    for (int removed = 0; ok && removed <= n; removed++) {
        const bool *set = kept + (size_t)(n - removed) * (size_t)n;
        for (int c = 0; c < n; c++) {
            if (!set[c] && !walk.gone[c])
                walk_remove(&walk, c);
            else if (set[c] && walk.gone[c])
                walk_put_back(&walk, c);
        }
        errors[removed] = walk.s * scale;
        ok = tn_progress_step(progress, "errors", removed, n, "filters", "", error);
    }
    errors[n] = energy > 0 ? 1 : 0;
    walk_end(&walk);
    return ok;
}

int tn_path_candidates(const struct tn_gram *gram, const struct tn_path *path, int removed,
                       const enum tn_lock *locks, int limit, int *filters, double *costs)
{
    struct walk walk;
    if (removed < 0 || removed >= gram->channels || !walk_start(gram, &walk, NULL))
        return 0;
    for (int i = 0; i < removed; i++)
        walk_remove(&walk, path->order[i]);
    double scale = path->energy > 0 ? 1 / path->energy : 0;
    int rank = next_rank(&walk, locks);
    int count = 0;
    while (count < limit) {
        int c = cheapest(&walk, locks, rank, -1);
        if (c < 0)
            break;
        filters[count] = c;
        costs[count++] = added(&walk, c) * scale;
        walk.gone[c] = true; /* set aside, not removed: the costs of the others stay */
    }
    walk_end(&walk);
    return count;
}
