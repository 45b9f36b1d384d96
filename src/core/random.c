#include "core/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void tn_random_seed(struct tn_random *random, uint64_t seed, uint64_t stream)
{
    uint64_t mixer = seed;
    uint64_t state = splitmix64(&mixer) ^ (stream * 0xd1342543de82ef95u + 1);
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix64(&state);
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t tn_random_u64(struct tn_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t tn_random_below(struct tn_random *random, uint32_t bound)
{
    if (bound < 2)
        return 0;
    /* Reject the tail that would make low numbers likelier. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t x;
    do {
        x = tn_random_u64(random);
    } while (x >= limit);
    return (uint32_t)(x % bound);
}

double tn_random_uniform(struct tn_random *random)
{
    return (double)(tn_random_u64(random) >> 11) * 0x1p-53;
}

double tn_random_normal(struct tn_random *random)
{
    /* Box and Muller 1958; 1 - u keeps the logarithm finite. */
    double radius = sqrt(-2.0 * log(1.0 - tn_random_uniform(random)));
    return radius * cos(6.283185307179586 * tn_random_uniform(random));
}

void tn_random_shuffle(struct tn_random *random, uint32_t *values, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = tn_random_below(random, (uint32_t)i);
        uint32_t swap = values[i - 1];
        values[i - 1] = values[j];
        values[j] = swap;
    }
}
