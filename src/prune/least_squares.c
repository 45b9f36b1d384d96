#include "prune/least_squares.h"

#include "core/memory.h"
#include "prune/blas.h"
#include "prune/path.h"

#include <cblas.h>
#include <math.h>

/* A pivot smaller than this part of its diagonal element is rounding error: the channel is a
 * combination of others. */
static const double SMALL_PIVOT = 1e-13;
static const double FIRST_RIDGE = 1e-12, LAST_RIDGE = 1.0;

/* L L^T = G_SS + ridge, z = L^-1 b_S with b = X^T y, for the channels S in a given order. */
struct factor {
    int count;
    double *lower; /* [count,count], column major */
    double *z;     /* [count] */
    double ridge;  /* relative to the mean of the diagonal */
};

static void factor_free(struct factor *factor)
{
    tn_free(factor->lower);
    tn_free(factor->z);
}

static void fill(const struct tn_gram *gram, const int *channels, double ridge,
                 struct factor *factor)
{
    const double *g = tn_tensor_doubles(gram->matrix);
    size_t n = (size_t)factor->count;
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += g[(size_t)channels[i] * (size_t)gram->channels + (size_t)channels[i]];
    double mean = trace > 0 ? trace / (double)n : 1;
    for (size_t c = 0; c < n; c++) {
        const double *row = g + (size_t)channels[c] * (size_t)gram->channels;
        double *column = factor->lower + c * n;
        for (size_t r = c; r < n; r++)
            column[r] = row[channels[r]];
        /* A dead channel has a row of zeros: any pivot gives it weight 0 and leaves the others
         * alone. */
        column[c] = column[c] > 0 ? column[c] + ridge * mean : mean;
    }
}

static bool pivots_are_sound(const struct tn_gram *gram, const int *channels,
                             const struct factor *factor)
{
    const double *g = tn_tensor_doubles(gram->matrix);
    size_t n = (size_t)factor->count;
    for (size_t i = 0; i < n; i++) {
        double pivot = factor->lower[i * n + i];
        double diagonal = g[(size_t)channels[i] * (size_t)gram->channels + (size_t)channels[i]];
        if (!(pivot * pivot > SMALL_PIVOT * diagonal))
            return false;
    }
    return true;
}

static void project(const struct tn_gram *gram, const int *channels, struct factor *factor)
{
    for (int i = 0; i < factor->count; i++)
        factor->z[i] = tn_gram_target_of(gram, channels[i]);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, factor->count, factor->lower,
                factor->count, factor->z, 1);
}

static bool factorise(const struct tn_gram *gram, int count, const int *channels,
                      struct factor *factor, struct tn_error *error)
{
    size_t n = (size_t)count;
    *factor = (struct factor){.count = count};
    factor->lower = tn_alloc(n * n, sizeof(double));
    factor->z = tn_alloc(n, sizeof(double));
    if (!factor->lower || !factor->z) {
        factor_free(factor);
        return tn_fail_memory(error, "least squares", n * n * sizeof(double));
    }
    double ridge = 0;
    while (true) {
        fill(gram, channels, ridge, factor);
        if (tn_cholesky(count, factor->lower) && pivots_are_sound(gram, channels, factor))
            break;
        if (ridge >= LAST_RIDGE) {
            factor_free(factor);
            return tn_fail(error, TN_ERROR_INPUT,
                           "the statistics are no Gram matrix: no ridge makes them positive");
        }
        ridge = ridge > 0 ? 10 * ridge : FIRST_RIDGE;
    }
    factor->ridge = ridge;
    project(gram, channels, factor);
    return true;
}

/* ||y - X_S w||^2 = y^T y - ||z||^2 with w the solution on S, and the first k elements of z belong
 * to the first k channels alone: one factor gives the error of every prefix. */
bool tn_least_squares_errors(const struct tn_gram *gram, const int *order, double *error_ls,
                             double *ridge, struct tn_error *error)
{
    int n = gram->channels;
    double energy = tn_gram_energy(gram);
    *ridge = 0;
    if (!(energy > 0)) {
        for (int i = 0; i <= n; i++)
            error_ls[i] = 0;
        return true;
    }
    int *kept = tn_alloc((size_t)n, sizeof *kept);
    if (!kept)
        return tn_fail_memory(error, "least squares", (size_t)n * sizeof *kept);
    for (int i = 0; i < n; i++)
        kept[i] = order[n - 1 - i];
    struct factor factor;
    bool ok = factorise(gram, n, kept, &factor, error);
    tn_free(kept);
    if (!ok)
        return false;
    double left = energy;
    error_ls[n] = 1;
    for (int i = 0; i < n; i++) {
        left -= factor.z[i] * factor.z[i];
        error_ls[n - 1 - i] = fmax(left, 0) / energy;
    }
    *ridge = factor.ridge;
    factor_free(&factor);
    return true;
}

bool tn_least_squares(const struct tn_gram *gram, int count, const int *kept, double *weights,
                      double *relative_error, double *ridge, struct tn_error *error)
{
    if (count < 1 || count > gram->channels)
        return tn_fail(error, TN_ERROR_USE, "least squares on %d of %d channels: 1 to %d expected",
                       count, gram->channels, gram->channels);
    for (int i = 0; i < count; i++) {
        if (kept[i] < 0 || kept[i] >= gram->channels)
            return tn_fail(error, TN_ERROR_USE, "no channel %d: 0 to %d expected", kept[i],
                           gram->channels - 1);
    }
    struct factor factor;
    if (!factorise(gram, count, kept, &factor, error))
        return false;
    double energy = tn_gram_energy(gram);
    double left = energy;
    for (int i = 0; i < count; i++)
        left -= factor.z[i] * factor.z[i];
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, count, factor.lower, count,
                factor.z, 1);
    for (int i = 0; i < count; i++)
        weights[i] = factor.z[i];
    if (relative_error)
        *relative_error = energy > 0 ? fmax(left, 0) / energy : 0;
    if (ridge)
        *ridge = factor.ridge;
    factor_free(&factor);
    return true;
}
