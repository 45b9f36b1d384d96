/* Sample matrices for tests of selection: correlated channels, some dead, some exact copies. */
#ifndef TN_TESTS_RANDOM_SAMPLES_H
#define TN_TESTS_RANDOM_SAMPLES_H

#include "core/memory.h"
#include "core/random.h"
#include "model/tensor.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* X [m,C]: every channel a mixture of a common signal and its own noise, channels of different
 * strength. */
static inline void random_samples(struct tn_random *random, int m, int channels, double *x)
{
    for (int i = 0; i < m; i++) {
        double common = tn_random_normal(random);
        for (int c = 0; c < channels; c++) {
            double strength = 0.2 + (double)(c * 7 % channels) / channels;
            x[i * channels + c] =
                strength * (0.1 + 0.6 * common + tn_random_normal(random)) / channels;
        }
    }
}

static inline void copy_channel(int m, int channels, double *x, int from, int to)
{
    for (int i = 0; i < m; i++)
        x[i * channels + to] = x[i * channels + from];
}

static inline void kill_channel(int m, int channels, double *x, int channel)
{
    for (int i = 0; i < m; i++)
        x[i * channels + channel] = 0;
}

/* sum_i (sum over the channels with gone[c] of x_ic)^2, straight from the definition */
static inline double removed_energy(int m, int channels, const double *x, const bool *gone)
{
    double energy = 0;
    for (int i = 0; i < m; i++) {
        double sum = 0;
        for (int c = 0; c < channels; c++)
            sum += gone[c] ? x[i * channels + c] : 0;
        energy += sum * sum;
    }
    return energy;
}

/* Take from v its parts along the first `rank` of the orthonormal q, twice for accuracy. */
static inline void orthogonalise(int m, int rank, const double *q, double *v)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < rank; j++) {
            double dot = 0;
            for (int i = 0; i < m; i++)
                dot += v[i] * q[j * m + i];
            for (int i = 0; i < m; i++)
                v[i] -= dot * q[j * m + i];
        }
    }
}

static inline double squared_length(int m, const double *v)
{
    double sum = 0;
    for (int i = 0; i < m; i++)
        sum += v[i] * v[i];
    return sum;
}

/* y [m] = X 1 */
static inline void sum_channels(int m, int channels, const double *x, double *y)
{
    for (int i = 0; i < m; i++) {
        y[i] = 0;
        for (int c = 0; c < channels; c++)
            y[i] += x[i * channels + c];
    }
}

/* What a network that was pruned elsewhere has for a target: y [m] is near X 1, and partly none of
 * X. */
static inline void random_target(struct tn_random *random, int m, int channels, const double *x,
                                 double *y)
{
    sum_channels(m, channels, x, y);
    double scale = sqrt(squared_length(m, y) / m);
    for (int i = 0; i < m; i++)
        y[i] = 1.2 * y[i] - 0.5 * x[i * channels + channels / 2] +
               0.3 * scale * tn_random_normal(random);
}

/* X^T y and y^T y [C+1], for a statistic that owns it; NULL without memory. */
static inline struct tn_tensor *target_of(int m, int channels, const double *x, const double *y)
{
    struct tn_tensor *target = tn_tensor_new(TN_DOUBLE, 1, (const int64_t[]){channels + 1}, NULL);
    if (!target)
        return NULL;
    double *b = tn_tensor_doubles(target);
    for (int c = 0; c < channels; c++) {
        b[c] = 0;
        for (int i = 0; i < m; i++)
            b[c] += x[i * channels + c] * y[i];
    }
    b[channels] = squared_length(m, y);
    return target;
}

/* e [m] = y - X_S w with the least-squares w, by modified Gram-Schmidt on X_S; columns that are
 * combinations of earlier ones are left out. y [m], or NULL for X 1. Returns ||e||^2. */
static inline double least_squares_residual(int m, int channels, const double *x, const double *y,
                                            int count, const int *kept, double *e)
{
    double *q = tn_calloc((size_t)m * (size_t)(count + 1), sizeof *q);
    int rank = 0;
    for (int k = 0; k < count; k++) {
        double *v = q + (size_t)rank * (size_t)m;
        for (int i = 0; i < m; i++)
            v[i] = x[i * channels + kept[k]];
        double before = squared_length(m, v);
        orthogonalise(m, rank, q, v);
        double after = squared_length(m, v);
        if (after <= 1e-20 * before)
            continue;
        for (int i = 0; i < m; i++)
            v[i] /= sqrt(after);
        rank++;
    }
    if (y)
        memcpy(e, y, (size_t)m * sizeof *e);
    else
        sum_channels(m, channels, x, e);
    orthogonalise(m, rank, q, e);
    tn_free(q);
    return squared_length(m, e);
}

#endif
