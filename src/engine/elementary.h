/* Elementary functions of vectors, for functions_one.c and functions_two.c.
 *
 * The polynomials are least-maximum fits (Lawson's iteration) of the relative error, made for the
 * intervals that are named beside them. Measured against double: tests/test_functions.c. */
#ifndef TN_ENGINE_ELEMENTARY_H
#define TN_ENGINE_ELEMENTARY_H

#include "engine/vector.h"

#include <float.h>
#include <math.h>

INLINE vec magnitude(vec x)
{
    return (vec)((bits)x & 0x7fffffffu);
}

INLINE vec with_sign_of(vec size, vec sign)
{
    return (vec)(((bits)size & 0x7fffffffu) | ((bits)sign & 0x80000000u));
}

/* Keep NaN, so that it is noticed. */
INLINE vec at_least(vec x, float bound)
{
    return choose(x < bound, splat(bound), x);
}

INLINE vec at_most(vec x, float bound)
{
    return choose(x > bound, splat(bound), x);
}

INLINE vec square_root(vec x)
{
    for (int i = 0; i < LANES; i++)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
}

/* --- exponential and logarithm --- */

static const float LOG2_E = 1.44269504f, LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
/* Added to a number below 2^22, its last bits are the whole number nearest to it. */
static const float ROUNDER = 12582912.0f;
static const unsigned ROUNDER_BITS = 0x4b400000u;

/* x = n ln 2 + r, |r| <= ln 2 / 2 */
INLINE vec reduce(vec x, bits *n)
{
    vec shifted = x * LOG2_E + ROUNDER;
    vec whole = shifted - ROUNDER;
    *n = (bits)shifted - ROUNDER_BITS;
    return (x - whole * LN2_HIGH) - whole * LN2_LOW;
}

INLINE vec two_to(bits n)
{
    return (vec)((n + 127u) << 23);
}

/* exp(r) - 1 for |r| <= ln 2 / 2 */
INLINE vec small_expm1(vec r)
{
    vec p = splat(1.979024382e-04f);
    p = p * r + 1.394475810e-03f;
    p = p * r + 8.333497681e-03f;
    p = p * r + 4.166629538e-02f;
    p = p * r + 1.666666567e-01f;
    p = p * r + 0.5f;
    return p * (r * r) + r;
}

/* Beyond the bounds it is 0 or infinite. The power of two is applied in two steps, so that results
 * too small to be normal come out right. */
INLINE vec exponential(vec x)
{
    bits n;
    vec r = reduce(at_most(at_least(x, -104), 89), &n);
    bits half = (bits)((mask)n >> 1);
    return (1 + small_expm1(r)) * two_to(n - half) * two_to(half);
}

/* exp(x) - 1 for x <= 0; without loss for x near 0. */
INLINE vec negative_expm1(vec x)
{
    bits n;
    vec r = reduce(at_most(at_least(x, -87), 0), &n);
    vec power = two_to(n);
    return power * small_expm1(r) + (power - 1);
}

/* log(1 + f) = f - f^2 / 2 + f^3 P(f) for 1 + f in sqrt(1/2) .. sqrt(2) */
INLINE vec logarithm(vec x)
{
    mask tiny = x < FLT_MIN;
    vec scaled = choose(tiny, x * 8388608.0f, x);
    mask k = (mask)((bits)scaled - 0x3f3504f3u) >> 23;
    vec f = (vec)((bits)scaled - ((bits)k << 23)) - 1;
    vec exponent = __builtin_convertvector(k, vec) - choose(tiny, splat(23), splat(0));
    vec p = splat(6.746598333e-02f);
    p = p * f - 1.167965382e-01f;
    p = p * f + 1.189032346e-01f;
    p = p * f - 1.240513548e-01f;
    p = p * f + 1.421922445e-01f;
    p = p * f - 1.666800678e-01f;
    p = p * f + 2.000213414e-01f;
    p = p * f - 2.500000894e-01f;
    p = p * f + 3.333331347e-01f;
    vec square = f * f;
    vec y = p * (f * square) + exponent * LN2_LOW;
    y = (f + (y - 0.5f * square)) + exponent * LN2_HIGH;
    y = choose(x == 0, splat(-INFINITY), y);
    y = choose(x == INFINITY, x, y);
    return choose(x >= 0, y, splat(NAN));
}

/* log(1 + e) for 0 <= e <= 1: what rounding 1 + e loses is put back. */
INLINE vec log1p_positive(vec e)
{
    vec u = 1 + e;
    return logarithm(u) + (e - (u - 1)) / u;
}

#endif
