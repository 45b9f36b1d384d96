/* Random numbers that are the same on every machine: xoshiro256** (Blackman, Vigna 2018) seeded by
 * splitmix64 from (seed, stream), so that every image, layer or epoch can have its own stream. */
#ifndef TN_CORE_RANDOM_H
#define TN_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct tn_random {
    uint64_t state[4];
};

void tn_random_seed(struct tn_random *random, uint64_t seed, uint64_t stream);
uint64_t tn_random_u64(struct tn_random *random);
uint32_t tn_random_below(struct tn_random *random, uint32_t bound); /* 0 .. bound-1, unbiased */
double tn_random_uniform(struct tn_random *random);                 /* [0, 1) */
double tn_random_normal(struct tn_random *random);                  /* mean 0, variance 1 */
void tn_random_shuffle(struct tn_random *random, uint32_t *values, size_t count);

#endif
