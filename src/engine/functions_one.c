/* Functions of one number with their derivatives. Built once for each vector width, as kernels.c. A
 * number's result does not depend on where in the array it stands. */
#include "engine/elementary.h"
#include "engine/functions.h"

/* --- functions of one number; derivatives are told x, y = f(x) and the parameters --- */

INLINE vec relu(vec x, const float *p)
{
    (void)p;
    return at_least(x, 0);
}

INLINE vec relu_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return choose(y > 0, splat(1), splat(0));
}

INLINE vec leaky(vec x, const float *p)
{
    return choose(x < 0, x * p[0], x);
}

INLINE vec leaky_slope(vec x, vec y, const float *p)
{
    (void)y;
    return choose(x > 0, splat(1), splat(p[0]));
}

INLINE vec elu(vec x, const float *p)
{
    return choose(x > 0, x, p[0] * negative_expm1(x));
}

INLINE vec elu_slope(vec x, vec y, const float *p)
{
    return choose(x > 0, splat(1), y + p[0]);
}

INLINE vec selu(vec x, const float *p)
{
    return p[1] * choose(x > 0, x, p[0] * negative_expm1(x));
}

INLINE vec selu_slope(vec x, vec y, const float *p)
{
    return choose(x > 0, splat(p[1]), y + p[0] * p[1]);
}

INLINE vec celu(vec x, const float *p)
{
    return choose(x > 0, x, p[0] * negative_expm1(x / p[0]));
}

INLINE vec celu_slope(vec x, vec y, const float *p)
{
    return choose(x > 0, splat(1), y / p[0] + 1);
}

INLINE vec clip(vec x, const float *p)
{
    return at_most(at_least(x, p[0]), p[1]);
}

INLINE vec clip_slope(vec x, vec y, const float *p)
{
    (void)y;
    return choose((x >= p[0]) & (x <= p[1]), splat(1), splat(0));
}

/* From exp(-|x|), which cannot overflow. */
INLINE vec logistic(vec x)
{
    vec e = exponential(-magnitude(x));
    return choose(x < 0, e, splat(1)) / (1 + e);
}

INLINE vec sigmoid(vec x, const float *p)
{
    (void)p;
    return logistic(x);
}

INLINE vec sigmoid_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return y * (1 - y);
}

INLINE vec hard_sigmoid(vec x, const float *p)
{
    return at_most(at_least(p[0] * x + p[1], 0), 1);
}

INLINE vec hard_sigmoid_slope(vec x, vec y, const float *p)
{
    (void)x;
    return choose((y > 0) & (y < 1), splat(p[0]), splat(0));
}

INLINE vec hard_swish(vec x, const float *p)
{
    return x * hard_sigmoid(x, p);
}

INLINE vec hard_swish_slope(vec x, vec y, const float *p)
{
    (void)y;
    vec gate = p[0] * x + p[1];
    return choose(gate < 1, choose(gate > 0, gate + p[0] * x, splat(0)), splat(1));
}

/* tanh(softplus(x)) = n / (n + 2) with n = e^2 + 2 e, e = exp(x); 1 beyond the bound. */
INLINE vec mish_gate(vec e)
{
    vec n = e * (e + 2);
    return n / (n + 2);
}

INLINE vec mish(vec x, const float *p)
{
    (void)p;
    return x * mish_gate(exponential(at_most(x, 20)));
}

INLINE vec mish_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    vec e = exponential(at_most(x, 20)), gate = mish_gate(e);
    return gate + x * (1 - gate * gate) * (e / (1 + e));
}

/* erf(x) = x + x P(x^2) up to 0.93, 1 - exp(P(x) - x^2) beyond, to 4, where it is 1 */
static const float ERF_MIDDLE = 0.93f;

INLINE vec small_erf(vec x)
{
    vec s = x * x, p = splat(8.316775347e-05f);
    p = p * s - 8.130013011e-04f;
    p = p * s + 5.199906882e-03f;
    p = p * s - 2.685894072e-02f;
    p = p * s + 1.128368750e-01f;
    p = p * s - 3.761263192e-01f;
    p = p * s + 1.283791661e-01f;
    return p * x + x;
}

INLINE vec large_erfc(vec x)
{
    vec t = at_most(x, 10), p = splat(-2.121785656e-05f);
    p = p * t + 4.358839942e-04f;
    p = p * t - 4.177958705e-03f;
    p = p * t + 2.513761260e-02f;
    p = p * t - 1.083082557e-01f;
    p = p * t + 3.666787446e-01f;
    p = p * t - 1.129527688e+00f;
    p = p * t + 1.773337572e-04f;
    return exponential(p - t * t);
}

INLINE vec error_function(vec x, const float *p)
{
    (void)p;
    vec size = magnitude(x);
    return choose(size > ERF_MIDDLE, with_sign_of(1 - large_erfc(size), x), small_erf(x));
}

INLINE vec error_function_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return 1.128379167f * exponential(-(x * x)); /* 2 / sqrt(pi) */
}

/* The normal distribution: (1 + erf(x / sqrt 2)) / 2, without cancelling where x < 0. */
INLINE vec normal_below(vec x)
{
    vec z = x * 0.707106781f, size = magnitude(z);
    vec tail = 0.5f * choose(size > ERF_MIDDLE, large_erfc(size), 1 - small_erf(size));
    return choose(x < 0, tail, 1 - tail);
}

INLINE vec gelu(vec x, const float *p)
{
    (void)p;
    return x * normal_below(x);
}

INLINE vec gelu_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return normal_below(x) + x * 0.398942280f * exponential(-0.5f * (x * x)); /* 1 / sqrt(2 pi) */
}

/* x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3) */
INLINE vec gelu_tanh(vec x, const float *p)
{
    (void)p;
    return x * logistic(1.595769122f * (x + 0.044715f * (x * x * x)));
}

INLINE vec gelu_tanh_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    vec square = x * x;
    vec gate = logistic(1.595769122f * (x + 0.044715f * (x * square)));
    return gate + x * gate * (1 - gate) * (1.595769122f * (1 + 0.134145f * square));
}

INLINE vec softplus(vec x, const float *p)
{
    (void)p;
    return at_least(x, 0) + log1p_positive(exponential(-magnitude(x)));
}

INLINE vec softplus_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return logistic(x);
}

INLINE vec softsign(vec x, const float *p)
{
    (void)p;
    return x / (1 + magnitude(x));
}

INLINE vec softsign_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    vec inverse = 1 / (1 + magnitude(x));
    return inverse * inverse;
}

/* x + x^3 P(x^2) up to 0.625, 1 - 2 / (exp(2 x) + 1) beyond */
INLINE vec hyperbolic_tangent(vec x, const float *p)
{
    (void)p;
    vec size = magnitude(x), s = x * x, q = splat(-5.704986863e-03f);
    vec large = 1 - 2 / (exponential(2 * size) + 1);
    q = q * s + 2.063908614e-02f;
    q = q * s - 5.373971537e-02f;
    q = q * s + 1.333144158e-01f;
    q = q * s - 3.333328068e-01f;
    return choose(size > 0.625f, with_sign_of(large, x), q * (s * x) + x);
}

INLINE vec hyperbolic_tangent_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return 1 - y * y;
}

INLINE vec natural_exponential(vec x, const float *p)
{
    (void)p;
    return exponential(x);
}

INLINE vec natural_exponential_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return y;
}

INLINE vec natural_logarithm(vec x, const float *p)
{
    (void)p;
    return logarithm(x);
}

INLINE vec natural_logarithm_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return 1 / x;
}

INLINE vec root(vec x, const float *p)
{
    (void)p;
    return square_root(x);
}

INLINE vec root_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return 0.5f / y;
}

INLINE vec reciprocal_root(vec x, const float *p)
{
    (void)p;
    return 1 / square_root(x);
}

INLINE vec reciprocal_root_slope(vec x, vec y, const float *p)
{
    (void)p;
    return -0.5f * y / x;
}

INLINE vec reciprocal(vec x, const float *p)
{
    (void)p;
    return 1 / x;
}

INLINE vec reciprocal_slope(vec x, vec y, const float *p)
{
    (void)x, (void)p;
    return -(y * y);
}

INLINE vec square(vec x, const float *p)
{
    (void)p;
    return x * x;
}

INLINE vec square_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return x + x;
}

INLINE vec cube(vec x, const float *p)
{
    (void)p;
    return x * x * x;
}

INLINE vec cube_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return 3 * (x * x);
}

INLINE vec absolute(vec x, const float *p)
{
    (void)p;
    return magnitude(x);
}

INLINE vec absolute_slope(vec x, vec y, const float *p)
{
    (void)y, (void)p;
    return choose(x == 0, splat(0), with_sign_of(splat(1), x));
}

INLINE vec negative(vec x, const float *p)
{
    (void)p;
    return -x;
}

INLINE vec negative_slope(vec x, vec y, const float *p)
{
    (void)x, (void)y, (void)p;
    return splat(-1);
}

/* --- the loops: called with a function known when compiling, so that it becomes part of them ---
 */

INLINE void map(size_t count, const float *x, const float *p, float *y,
                vec (*f)(vec x, const float *p))
{
    const float own[TN_UNARY_PARAMETERS] = {p[0], p[1]}; /* y cannot overwrite them */
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, f(load(x + i), own));
    if (i < count)
        store_part(y + i, f(load_part(x + i, count - i), own), count - i);
}

INLINE void map_gradient(size_t count, const float *x, const float *y, const float *dy,
                         const float *p, float *dx, vec (*f)(vec x, vec y, const float *p))
{
    const float own[TN_UNARY_PARAMETERS] = {p[0], p[1]};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(dx + i, load(dy + i) * f(load(x + i), load(y + i), own));
    size_t rest = count - i;
    if (rest > 0)
        store_part(dx + i,
                   load_part(dy + i, rest) * f(load_part(x + i, rest), load_part(y + i, rest), own),
                   rest);
}

#define UNARY(name)                                                                                \
    static void name##_forward(size_t count, const float *x, const float *p, float *y)             \
    {                                                                                              \
        map(count, x, p, y, name);                                                                 \
    }                                                                                              \
    static void name##_gradient(size_t count, const float *x, const float *y, const float *dy,     \
                                const float *p, float *dx)                                         \
    {                                                                                              \
        map_gradient(count, x, y, dy, p, dx, name##_slope);                                        \
    }

UNARY(relu)
UNARY(leaky)
UNARY(elu)
UNARY(selu)
UNARY(celu)
UNARY(clip)
UNARY(sigmoid)
UNARY(hard_sigmoid)
UNARY(hard_swish)
UNARY(mish)
UNARY(gelu)
UNARY(gelu_tanh)
UNARY(softplus)
UNARY(softsign)
UNARY(hyperbolic_tangent)
UNARY(error_function)
UNARY(natural_exponential)
UNARY(natural_logarithm)
UNARY(root)
UNARY(reciprocal_root)
UNARY(reciprocal)
UNARY(square)
UNARY(cube)
UNARY(absolute)
UNARY(negative)

#define SYMBOL_(kind, name) tn_##kind##_##name
#define SYMBOL(kind, name)  SYMBOL_(kind, name)

extern const struct tn_unary_kernels SYMBOL(unary, TN_KERNELS_NAME)[TN_UNARY_COUNT];
const struct tn_unary_kernels SYMBOL(unary, TN_KERNELS_NAME)[TN_UNARY_COUNT] = {
    [TN_RELU] = {relu_forward, relu_gradient},
    [TN_LEAKY_RELU] = {leaky_forward, leaky_gradient},
    [TN_ELU] = {elu_forward, elu_gradient},
    [TN_SELU] = {selu_forward, selu_gradient},
    [TN_CELU] = {celu_forward, celu_gradient},
    [TN_CLIP] = {clip_forward, clip_gradient},
    [TN_SIGMOID] = {sigmoid_forward, sigmoid_gradient},
    [TN_HARD_SIGMOID] = {hard_sigmoid_forward, hard_sigmoid_gradient},
    [TN_HARD_SWISH] = {hard_swish_forward, hard_swish_gradient},
    [TN_MISH] = {mish_forward, mish_gradient},
    [TN_GELU] = {gelu_forward, gelu_gradient},
    [TN_GELU_TANH] = {gelu_tanh_forward, gelu_tanh_gradient},
    [TN_SOFTPLUS] = {softplus_forward, softplus_gradient},
    [TN_SOFTSIGN] = {softsign_forward, softsign_gradient},
    [TN_TANH] = {hyperbolic_tangent_forward, hyperbolic_tangent_gradient},
    [TN_ERF] = {error_function_forward, error_function_gradient},
    [TN_EXP] = {natural_exponential_forward, natural_exponential_gradient},
    [TN_LOG] = {natural_logarithm_forward, natural_logarithm_gradient},
    [TN_SQRT] = {root_forward, root_gradient},
    [TN_RECIPROCAL_SQRT] = {reciprocal_root_forward, reciprocal_root_gradient},
    [TN_RECIPROCAL] = {reciprocal_forward, reciprocal_gradient},
    [TN_SQUARE] = {square_forward, square_gradient},
    [TN_CUBE] = {cube_forward, cube_gradient},
    [TN_ABS] = {absolute_forward, absolute_gradient},
    [TN_NEG] = {negative_forward, negative_gradient},
};
