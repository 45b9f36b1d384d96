/* Sample matrices for tests of selection: correlated channels, some dead, some exact copies. */
#ifndef TN_TESTS_RANDOM_SAMPLES_H
#define TN_TESTS_RANDOM_SAMPLES_H

#include "core/random.h"

#include <stdbool.h>

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

#endif
