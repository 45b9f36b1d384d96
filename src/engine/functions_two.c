/* Functions of two numbers with their derivatives. Built once for each vector width, as kernels.c.
 * A number's result does not depend on where in the array it stands. */
#include "engine/elementary.h"
#include "engine/functions.h"

#include <math.h>

/* --- functions of two numbers; each derivative is multiplied by dy already --- */

INLINE vec plus(vec a, vec b)
{
    return a + b;
}

INLINE vec plus_by_either(vec a, vec b, vec y, vec dy)
{
    (void)a, (void)b, (void)y;
    return dy;
}

INLINE vec minus(vec a, vec b)
{
    return a - b;
}

INLINE vec minus_by_b(vec a, vec b, vec y, vec dy)
{
    (void)a, (void)b, (void)y;
    return -dy;
}

INLINE vec times(vec a, vec b)
{
    return a * b;
}

INLINE vec times_by_a(vec a, vec b, vec y, vec dy)
{
    (void)a, (void)y;
    return dy * b;
}

INLINE vec times_by_b(vec a, vec b, vec y, vec dy)
{
    (void)b, (void)y;
    return dy * a;
}

INLINE vec divided(vec a, vec b)
{
    return a / b;
}

INLINE vec divided_by_a(vec a, vec b, vec y, vec dy)
{
    (void)a, (void)y;
    return dy / b;
}

INLINE vec divided_by_b(vec a, vec b, vec y, vec dy)
{
    (void)a;
    return -(dy * y) / b;
}

INLINE vec power(vec a, vec b)
{
    vec y = a;
    for (int i = 0; i < LANES; i++)
        y[i] = powf(a[i], b[i]);
    return y;
}

INLINE vec power_by_a(vec a, vec b, vec y, vec dy)
{
    (void)y;
    return choose(b == 0, splat(0), dy * b * power(a, b - 1));
}

INLINE vec power_by_b(vec a, vec b, vec y, vec dy)
{
    return choose((a == 0) & (b >= 0), splat(0), dy * y * logarithm(a));
}

INLINE mask not_a_number(vec a)
{
    return a != a; /* NOLINT(misc-redundant-expression) */
}

/* NaN in either wins, so that it is noticed. */
INLINE vec least(vec a, vec b)
{
    return choose((a < b) | not_a_number(a), a, b);
}

INLINE vec greatest(vec a, vec b)
{
    return choose((a > b) | not_a_number(a), a, b);
}

/* Equal numbers share. */
INLINE vec extreme_by_a(vec a, vec b, vec y, vec dy)
{
    return choose(a == y, choose(a == b, 0.5f * dy, dy), splat(0));
}

INLINE vec extreme_by_b(vec a, vec b, vec y, vec dy)
{
    return extreme_by_a(b, a, y, dy);
}

INLINE vec sloped(vec x, vec slope)
{
    return choose(x < 0, x * slope, x);
}

INLINE vec sloped_by_x(vec x, vec slope, vec y, vec dy)
{
    (void)y;
    return choose(x > 0, dy, dy * slope);
}

INLINE vec sloped_by_slope(vec x, vec slope, vec y, vec dy)
{
    (void)slope, (void)y;
    return choose(x > 0, splat(0), dy * x);
}

/* --- the loops: called with a function known when compiling, so that it becomes part of them ---
 */

INLINE vec operand(const float *p, size_t step, size_t i)
{
    return step ? load(p + i) : splat(*p);
}

INLINE vec operand_part(const float *p, size_t step, size_t i, size_t count)
{
    return step ? load_part(p + i, count) : splat(*p);
}

INLINE void map_steps(size_t count, const float *a, const size_t a_step, const float *b,
                      const size_t b_step, float *y, vec (*f)(vec a, vec b))
{
    vec one_a = splat(*a), one_b = splat(*b); /* y may overwrite them */
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, f(a_step ? load(a + i) : one_a, b_step ? load(b + i) : one_b));
    if (i < count)
        store_part(y + i,
                   f(a_step ? load_part(a + i, count - i) : one_a,
                     b_step ? load_part(b + i, count - i) : one_b),
                   count - i);
}

INLINE void map_two(size_t count, const float *a, size_t a_step, const float *b, size_t b_step,
                    float *y, vec (*f)(vec a, vec b))
{
    if (a_step && b_step)
        map_steps(count, a, 1, b, 1, y, f);
    else if (a_step)
        map_steps(count, a, 1, b, 0, y, f);
    else
        map_steps(count, a, 0, b, b_step, y, f);
}

INLINE void map_two_gradient(size_t count, const float *a, size_t a_step, const float *b,
                             size_t b_step, const float *y, const float *dy, float *g,
                             vec (*f)(vec a, vec b, vec y, vec dy))
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(g + i, f(operand(a, a_step, i), operand(b, b_step, i), load(y + i), load(dy + i)));
    size_t rest = count - i;
    if (rest > 0)
        store_part(g + i,
                   f(operand_part(a, a_step, i, rest), operand_part(b, b_step, i, rest),
                     load_part(y + i, rest), load_part(dy + i, rest)),
                   rest);
}

#define BINARY(name)                                                                               \
    static void name##_forward(size_t count, const float *a, size_t a_step, const float *b,        \
                               size_t b_step, float *y)                                            \
    {                                                                                              \
        map_two(count, a, a_step, b, b_step, y, name);                                             \
    }

#define BINARY_GRADIENT(name)                                                                      \
    static void name##_gradient(size_t count, const float *a, size_t a_step, const float *b,       \
                                size_t b_step, const float *y, const float *dy, float *g)          \
    {                                                                                              \
        map_two_gradient(count, a, a_step, b, b_step, y, dy, g, name);                             \
    }

BINARY(plus)
BINARY(minus)
BINARY(times)
BINARY(divided)
BINARY(power)
BINARY(least)
BINARY(greatest)
BINARY(sloped)
BINARY_GRADIENT(plus_by_either)
BINARY_GRADIENT(minus_by_b)
BINARY_GRADIENT(times_by_a)
BINARY_GRADIENT(times_by_b)
BINARY_GRADIENT(divided_by_a)
BINARY_GRADIENT(divided_by_b)
BINARY_GRADIENT(power_by_a)
BINARY_GRADIENT(power_by_b)
BINARY_GRADIENT(extreme_by_a)
BINARY_GRADIENT(extreme_by_b)
BINARY_GRADIENT(sloped_by_x)
BINARY_GRADIENT(sloped_by_slope)

#define SYMBOL_(kind, name) tn_##kind##_##name
#define SYMBOL(kind, name)  SYMBOL_(kind, name)

extern const struct tn_binary_kernels SYMBOL(binary, TN_KERNELS_NAME)[TN_BINARY_COUNT];
const struct tn_binary_kernels SYMBOL(binary, TN_KERNELS_NAME)[TN_BINARY_COUNT] = {
    [TN_PLUS] = {plus_forward, {plus_by_either_gradient, plus_by_either_gradient}},
    [TN_MINUS] = {minus_forward, {plus_by_either_gradient, minus_by_b_gradient}},
    [TN_TIMES] = {times_forward, {times_by_a_gradient, times_by_b_gradient}},
    [TN_DIVIDED] = {divided_forward, {divided_by_a_gradient, divided_by_b_gradient}},
    [TN_POWER] = {power_forward, {power_by_a_gradient, power_by_b_gradient}},
    [TN_LEAST] = {least_forward, {extreme_by_a_gradient, extreme_by_b_gradient}},
    [TN_GREATEST] = {greatest_forward, {extreme_by_a_gradient, extreme_by_b_gradient}},
    [TN_SLOPED] = {sloped_forward, {sloped_by_x_gradient, sloped_by_slope_gradient}},
};
