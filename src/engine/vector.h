/* Vectors of TN_LANES floats, in the compiler's own vector extension: for the sources that are
 * built once for each width (local.mk). */
#ifndef TN_ENGINE_VECTOR_H
#define TN_ENGINE_VECTOR_H

#include <stddef.h>
#include <string.h>

enum { LANES = TN_LANES };

typedef float vec __attribute__((vector_size(4 * TN_LANES)));
typedef int mask __attribute__((vector_size(4 * TN_LANES)));
typedef unsigned bits __attribute__((vector_size(4 * TN_LANES)));
/* The same in memory at any address that a float may have. */
typedef float memory_vec __attribute__((vector_size(4 * TN_LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *p)
{
    return *(const memory_vec *)p;
}

INLINE void store(float *p, vec v)
{
    *(memory_vec *)p = v;
}

INLINE vec splat(float x)
{
    return x - (vec){0};
}

/* The last `count` < LANES numbers of an array. */
INLINE vec load_part(const float *p, size_t count)
{
    vec v = {0};
    memcpy(&v, p, count * sizeof *p);
    return v;
}

INLINE void store_part(float *p, vec v, size_t count)
{
    memcpy(p, &v, count * sizeof *p);
}

/* A comparison gives all ones or all zeros in each lane. */
INLINE vec choose(mask condition, vec yes, vec no)
{
    return (vec)(((mask)yes & condition) | ((mask)no & ~condition));
}

/* x brought into [least, most]; NaN stays, so that it is noticed. */
INLINE vec limited(vec x, vec least, vec most)
{
    x = choose(x < least, least, x);
    return choose(x > most, most, x);
}

#endif
