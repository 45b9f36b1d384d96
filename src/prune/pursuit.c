#include "prune/pursuit.h"

#include "core/memory.h"
#include "prune/blas.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Correlations (of unit vectors) closer than this are equal: in units of the last place. */
static const double TIE = 64 * DBL_EPSILON;
/* A channel of which no more than this part lies outside the chosen ones' span adds nothing. */
static const double SMALL_PIVOT = 1e-13;

/* A report at least every so many cells of the factor, which one step reads once. */
enum { STEPS_A_REPORT = 32, CHANNELS_A_REPORT = 16384 };

/* With Q the orthonormal basis that Gram-Schmidt makes of the chosen columns of X, `lower` holds
 * X^T Q, which on the rows of the chosen ones is the Cholesky factor of G; the residual
 * e = y - X w is y - Q Q^T y. */
struct pursuit {
    int channels, chosen;
    const double *g;
    double energy;
    double *lower;       /* [C,chosen] column major, leading dimension C */
    double *correlation; /* [C] X^T e = b - G w */
    double *outside;     /* [C] squared length of each column outside the span of the chosen */
    bool *taken;         /* [C] */
};

static void pursuit_end(struct pursuit *p)
{
    tn_free(p->lower);
    tn_free(p->correlation);
    tn_free(p->outside);
    tn_free(p->taken);
}

static bool pursuit_start(const struct tn_gram *gram, struct pursuit *p, struct tn_error *error)
{
    size_t n = (size_t)gram->channels, cells;
    *p = (struct pursuit){.channels = gram->channels, .g = tn_tensor_doubles(gram->matrix)};
    if (!tn_mul(n, n, &cells))
        return tn_fail_memory(error, "a selection", SIZE_MAX);
    p->lower = tn_alloc(cells, sizeof *p->lower);
    p->correlation = tn_alloc(n, sizeof *p->correlation);
    p->outside = tn_alloc(n, sizeof *p->outside);
    p->taken = tn_calloc(n, sizeof *p->taken);
    if (!p->lower || !p->correlation || !p->outside || !p->taken) {
        pursuit_end(p);
        return tn_fail_memory(error, "a selection", cells * sizeof *p->lower);
    }
    tn_blas_serial();
    p->energy = tn_gram_energy(gram);
    tn_gram_target(gram, p->correlation);
    for (size_t c = 0; c < n; c++)
        p->outside[c] = p->g[c * n + c];
    return true;
}

static double own(const struct pursuit *p, int c)
{
    return p->g[(size_t)c * (size_t)p->channels + (size_t)c];
}

static bool adds(const struct pursuit *p, int c)
{
    return p->outside[c] > SMALL_PIVOT * own(p, c);
}

/* |x_c^T e| / ||x_c||: the square of it is the term to be made large. */
static double gain(const struct pursuit *p, int c)
{
    return adds(p, c) ? fabs(p->correlation[c]) / sqrt(own(p, c)) : 0;
}

static int best_of_rank(const struct pursuit *p, const enum tn_lock *locks, int rank)
{
    double most = -1;
    for (int c = 0; c < p->channels; c++) {
        if (!p->taken[c] && tn_lock_rank(locks, c) == rank)
            most = fmax(most, gain(p, c));
    }
    double enough = most - TIE * sqrt(fmax(p->energy, 0));
    for (int c = 0; most >= 0 && c < p->channels; c++) {
        if (!p->taken[c] && tn_lock_rank(locks, c) == rank && gain(p, c) >= enough)
            return c;
    }
    return -1;
}

/* Gram-Schmidt: what column c has outside the span becomes the next of Q. */
static void widen(struct pursuit *p, int c)
{
    int n = p->channels;
    double *column = p->lower + (size_t)p->chosen * (size_t)n;
    memcpy(column, p->g + (size_t)c * (size_t)n, (size_t)n * sizeof *column);
    if (p->chosen > 0)
        cblas_dgemv(CblasColMajor, CblasNoTrans, n, p->chosen, -1, p->lower, n, p->lower + c, n, 1,
                    column, 1);
    double pivot = sqrt(column[c]);
    cblas_dscal(n, 1 / pivot, column, 1);
    double share = p->correlation[c] / pivot; /* q^T y */
    for (int k = 0; k < n; k++) {
        p->correlation[k] -= share * column[k];
        p->outside[k] -= column[k] * column[k];
    }
    p->chosen++;
}

bool tn_pursuit_order(const struct tn_gram *gram, const enum tn_lock *locks,
                      const struct tn_progress *progress, int *order, double *score,
                      struct tn_error *error)
{
    struct pursuit p;
    if (!tn_gram_is_finite(gram, error) || !pursuit_start(gram, &p, error))
        return false;
    bool ok = true;
    int last = gram->channels;
    int steps =
        last * STEPS_A_REPORT <= CHANNELS_A_REPORT ? STEPS_A_REPORT : CHANNELS_A_REPORT / last + 1;
    for (int rank = TN_RANKS - 1; ok && rank >= 0; rank--) {
        int c;
        while (ok && (c = best_of_rank(&p, locks, rank)) >= 0) {
            double part = gain(&p, c);
            score[c] = p.energy > 0 ? part * part / p.energy : 0;
            order[--last] = c;
            p.taken[c] = true;
            /* A copy, or a dead filter, changes nothing and needs no place in the factor. */
            if (adds(&p, c))
                widen(&p, c);
            ok = last % steps != 0 || tn_progress_step(progress, "thinet-w", gram->channels - last,
                                                       gram->channels, "filters", "", error);
        }
    }
    pursuit_end(&p);
    return ok;
}
