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

/* Four floats, for rows too short for a vector. */
typedef float quad __attribute__((vector_size(16)));
typedef float memory_quad __attribute__((vector_size(16), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *p)
{
    return *(const memory_vec *)p;
}

INLINE void store(float *p, vec v)
{
    *(memory_vec *)p = v;
}

INLINE quad load_quad(const float *p)
{
    return *(const memory_quad *)p;
}

INLINE void store_quad(float *p, quad v)
{
    *(memory_quad *)p = v;
}

/* Every second of the 2 * LANES - 1 numbers in a and b, whose ends overlap by one: nothing behind
 * the last that is wanted is read. */
#if TN_LANES == 16
#define EVERY_SECOND(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#elif TN_LANES == 8
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15)
#else
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 5, 7)
#endif

/* Every `step`th number from p on. */
INLINE vec load_each(const float *p, size_t step)
{
    vec v = {0};
    if (step == 1)
        return load(p);
    if (step == 2)
        return EVERY_SECOND(load(p), load(p + LANES - 1));
    for (size_t i = 0; i < LANES; i++)
        v[i] = p[i * step];
    return v;
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

/* The last vector of a row begins early enough to end with it: what is done twice is the same. A
 * row narrower than a vector is one. */
INLINE size_t next(size_t i, size_t step, size_t end)
{
    if (i + step >= end)
        return end;
    return i + 2 * step <= end ? i + step : end - step;
}

INLINE void copy_row(size_t width, const float *from, float *to)
{
    if (width >= LANES)
        for (size_t i = 0; i < width; i = next(i, LANES, width))
            store(to + i, load(from + i));
    else if (width >= 4)
        for (size_t i = 0; i < width; i = next(i, 4, width))
            store_quad(to + i, load_quad(from + i));
    else
        for (size_t i = 0; i < width; i++)
            to[i] = from[i];
}

#endif
