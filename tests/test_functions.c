/* engine: functions of one and two numbers of every set of kernels against the C library in double,
 * their derivatives against differences. */
#include "engine/kernels.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EACH_SET(k, index)                                                                         \
    const struct tn_kernels *k;                                                                    \
    for (int index = 0; (k = tn_kernels_at(index)); index++)

static const double LEAKY = 0.125, ALPHA = 1.5, GAMMA = 1.0625, LOW = -0.75, HIGH = 1.25;

static double relu(double x)
{
    return fmax(x, 0);
}

static double leaky(double x)
{
    return x < 0 ? LEAKY * x : x;
}

static double elu(double x)
{
    return x > 0 ? x : ALPHA * expm1(x);
}

static double selu(double x)
{
    return GAMMA * (x > 0 ? x : ALPHA * expm1(x));
}

static double celu(double x)
{
    return fmax(x, 0) + fmin(0, ALPHA * expm1(x / ALPHA));
}

static double clip(double x)
{
    return fmin(fmax(x, LOW), HIGH);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double hard_sigmoid(double x)
{
    return fmin(fmax(0.25 * x + 0.5, 0), 1);
}

static double hard_swish(double x)
{
    return x * hard_sigmoid(x);
}

static double softplus(double x)
{
    return log1p(exp(x));
}

static double mish(double x)
{
    return x * tanh(softplus(x));
}

static double gelu(double x)
{
    return 0.5 * x * erfc(-x / sqrt(2));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double softsign(double x)
{
    return x / (1 + fabs(x));
}

static double reciprocal(double x)
{
    return 1 / x;
}

static double reciprocal_sqrt(double x)
{
    return 1 / sqrt(x);
}

static double square(double x)
{
    return x * x;
}

static double cube(double x)
{
    return x * x * x;
}

static double negative(double x)
{
    return -x;
}

/* `error`: of f in units of FLT_EPSILON, relative to |f| + `floor`. */
struct function {
    const char *name;
    enum tn_unary which;
    double (*f)(double x);
    float parameters[TN_UNARY_PARAMETERS];
    double from, to, error, floor;
};

static const struct function functions[] = {
    {"relu", TN_RELU, relu, {0}, -9, 9, 0, 0},
    {"leaky relu", TN_LEAKY_RELU, leaky, {0.125f}, -9, 9, 0, 0},
    {"elu", TN_ELU, elu, {1.5f}, -30, 9, 3, 0},
    {"selu", TN_SELU, selu, {1.5f, 1.0625f}, -30, 9, 3, 0},
    {"celu", TN_CELU, celu, {1.5f}, -30, 9, 3, 0},
    {"clip", TN_CLIP, clip, {-0.75f, 1.25f}, -3, 3, 0, 0},
    {"sigmoid", TN_SIGMOID, sigmoid, {0}, -87, 30, 2, 0},
    {"hard sigmoid", TN_HARD_SIGMOID, hard_sigmoid, {0.25f, 0.5f}, -5, 5, 1, 1e-3},
    {"hard swish", TN_HARD_SWISH, hard_swish, {0.25f, 0.5f}, -5, 5, 1, 1e-1},
    {"mish", TN_MISH, mish, {0}, -80, 40, 4, 0},
    {"gelu", TN_GELU, gelu, {0}, -20, 20, 4, 0.1},
    {"gelu by tanh", TN_GELU_TANH, gelu_tanh, {0}, -20, 20, 4, 0.1},
    {"softplus", TN_SOFTPLUS, softplus, {0}, -80, 40, 3, 0},
    {"softsign", TN_SOFTSIGN, softsign, {0}, -20, 20, 2, 0},
    {"tanh", TN_TANH, tanh, {0}, -10, 10, 2, 0},
    {"tanh near 0", TN_TANH, tanh, {0}, -1e-3, 1e-3, 2, 0},
    {"erf", TN_ERF, erf, {0}, -5, 5, 2, 0},
    {"erf near 0", TN_ERF, erf, {0}, -1e-3, 1e-3, 2, 0},
    {"exp", TN_EXP, exp, {0}, -87, 88, 2, 0},
    {"log", TN_LOG, log, {0}, 1e-30, 9, 2, 0},
    {"log near 1", TN_LOG, log, {0}, 0.9, 1.1, 2, 0},
    {"log of the smallest", TN_LOG, log, {0}, 1e-44, 1e-38, 2, 0},
    {"sqrt", TN_SQRT, sqrt, {0}, 0.01, 9, 1, 0},
    {"reciprocal sqrt", TN_RECIPROCAL_SQRT, reciprocal_sqrt, {0}, 0.01, 9, 2, 0},
    {"reciprocal", TN_RECIPROCAL, reciprocal, {0}, 0.1, 9, 1, 0},
    {"square", TN_SQUARE, square, {0}, -9, 9, 1, 0},
    {"cube", TN_CUBE, cube, {0}, -9, 9, 2, 0},
    {"abs", TN_ABS, fabs, {0}, -9, 9, 0, 0},
    {"neg", TN_NEG, negative, {0}, -9, 9, 0, 0},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions, COUNT = 20001 };

static float x[COUNT], y[COUNT], dy[COUNT], dx[COUNT];

static void spread(const struct function *function)
{
    for (int i = 0; i < COUNT; i++) {
        x[i] = (float)(function->from + (function->to - function->from) * i / (COUNT - 1));
        dy[i] = i % 2 ? 1.0f : -0.5f;
    }
}

static void check_forward(const struct tn_kernels *k, const struct function *function)
{
    double worst = 0;
    float at = 0;
    k->unary[function->which].forward(COUNT, x, function->parameters, y);
    for (int i = 0; i < COUNT; i++) {
        double expected = function->f((double)x[i]);
        double error = fabs((double)y[i] - expected) /
                       (fabs(expected) + function->floor + (double)FLT_MIN) / (double)FLT_EPSILON;
        if (!(error <= worst)) {
            worst = error;
            at = x[i];
        }
    }
    print_message("%s: %s: %.2f epsilon\n", k->name, function->name, worst);
    if (!(worst <= function->error))
        fail_msg("%s: %s is wrong by %.2f epsilon at %g", k->name, function->name, worst,
                 (double)at);
}

/* Where two step lengths disagree there is a corner, and no derivative. */
static void check_gradient(const struct tn_kernels *k, const struct function *function)
{
    int corners = 0;
    k->unary[function->which].gradient(COUNT, x, y, dy, function->parameters, dx);
    for (int i = 0; i < COUNT; i++) {
        double h = 1e-4 * fmin(1, fabs((double)x[i])) + 1e-12, center = (double)x[i];
        double slope = (function->f(center + h) - function->f(center - h)) / (2 * h);
        double right = (function->f(center + h) - function->f(center)) / h;
        double scale = fabs(slope) + 1;
        if (fabs(right - slope) > 0.02 * scale) {
            corners++;
            continue;
        }
        if (!(fabs((double)dx[i] - (double)dy[i] * slope) <= 2e-5 * scale))
            fail_msg("%s: slope of %s at %g: %g, by differences %g", k->name, function->name,
                     center, (double)dx[i] / (double)dy[i], slope);
    }
    assert_true(corners < COUNT / 100);
}

static void functions_match_the_library(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int f = 0; f < FUNCTIONS; f++) {
            spread(&functions[f]);
            check_forward(k, &functions[f]);
        }
    }
}

static void slopes_match_differences(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int f = 0; f < FUNCTIONS; f++) {
            if (functions[f].from > 0 && functions[f].from < 1e-20)
                continue; /* too steep for differences */
            spread(&functions[f]);
            k->unary[functions[f].which].forward(COUNT, x, functions[f].parameters, y);
            check_gradient(k, &functions[f]);
        }
    }
}

/* So that work may be cut anywhere. */
static void results_do_not_depend_on_the_place(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int f = 0; f < FUNCTIONS; f++) {
            spread(&functions[f]);
            k->unary[functions[f].which].forward(100, x, functions[f].parameters, y);
            for (int n = 0; n < 100; n += 7) {
                float one;
                k->unary[functions[f].which].forward(1, x + n, functions[f].parameters, &one);
                assert_memory_equal(&one, y + n, sizeof one);
            }
            y[37] = 77;
            k->unary[functions[f].which].forward(37, x, functions[f].parameters, y);
            assert_true(y[37] == 77); /* not one float past the end */
        }
    }
}

static float one(const struct tn_kernels *k, enum tn_unary which, float number)
{
    const float parameters[TN_UNARY_PARAMETERS] = {1, 2};
    float result;
    k->unary[which].forward(1, &number, parameters, &result);
    return result;
}

static void ends_of_the_line_are_right(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int f = 0; f < TN_UNARY_COUNT; f++)
            assert_true(isnan(one(k, (enum tn_unary)f, NAN)));
        assert_true(one(k, TN_EXP, 1000) == INFINITY && one(k, TN_EXP, INFINITY) == INFINITY);
        assert_true(one(k, TN_EXP, -1000) == 0 && one(k, TN_EXP, -INFINITY) == 0);
        assert_true(one(k, TN_EXP, 0) == 1 && one(k, TN_EXP, -100) > 0);
        assert_true(one(k, TN_LOG, 0) == -INFINITY && isnan(one(k, TN_LOG, -1)));
        assert_true(one(k, TN_LOG, INFINITY) == INFINITY && one(k, TN_LOG, 1) == 0);
        assert_true(one(k, TN_SIGMOID, -INFINITY) == 0 && one(k, TN_SIGMOID, INFINITY) == 1);
        assert_true(one(k, TN_TANH, -INFINITY) == -1 && one(k, TN_TANH, 1e30f) == 1);
        assert_true(one(k, TN_ERF, -1e30f) == -1 && one(k, TN_ERF, INFINITY) == 1);
        assert_true(one(k, TN_GELU, 1e10f) == 1e10f && fabsf(one(k, TN_GELU, -1e10f)) < 1e-6f);
        assert_true(one(k, TN_MISH, 1e10f) == 1e10f && one(k, TN_MISH, -1000) == 0);
        assert_true(one(k, TN_SOFTPLUS, 1e10f) == 1e10f && one(k, TN_SOFTPLUS, -1000) == 0);
        assert_true(one(k, TN_ELU, -INFINITY) == -1 && one(k, TN_ELU, INFINITY) == INFINITY);
        assert_true(one(k, TN_SQRT, 4) == 2 && isnan(one(k, TN_SQRT, -1)));
    }
}

/* --- two numbers --- */

static double apply(enum tn_binary which, double a, double b)
{
    switch (which) {
    case TN_PLUS:
        return a + b;
    case TN_MINUS:
        return a - b;
    case TN_TIMES:
        return a * b;
    case TN_DIVIDED:
        return a / b;
    case TN_POWER:
        return pow(a, b);
    case TN_LEAST:
        return fmin(a, b);
    case TN_GREATEST:
        return fmax(a, b);
    case TN_SLOPED:
    case TN_BINARY_COUNT:
        break;
    }
    return a < 0 ? a * b : a;
}

enum { PAIRS = 100 };

static void check_pair(const struct tn_kernels *k, enum tn_binary which, size_t a_step,
                       size_t b_step)
{
    float a[PAIRS], b[PAIRS], g[2][PAIRS];
    const struct tn_binary_kernels *pair = &k->binary[which];
    for (int i = 0; i < PAIRS; i++) {
        a[i] = (which == TN_POWER ? 0.2f : -2.03f) + 0.041f * (float)i;
        b[i] = 0.3f + 0.07f * (float)(i * 37 % PAIRS);
        dy[i] = i % 2 ? 1.0f : -0.5f;
    }
    pair->forward(PAIRS, a, a_step, b, b_step, y);
    for (int by = 0; by < 2; by++)
        pair->gradient[by](PAIRS, a, a_step, b, b_step, y, dy, g[by]);
    for (int i = 0; i < PAIRS; i++) {
        double p = (double)a[a_step * (size_t)i], q = (double)b[b_step * (size_t)i], h = 1e-6;
        double expected = apply(which, p, q);
        double by_a = (apply(which, p + h, q) - apply(which, p - h, q)) / (2 * h) * (double)dy[i];
        double by_b = (apply(which, p, q + h) - apply(which, p, q - h)) / (2 * h) * (double)dy[i];
        assert_true(fabs((double)y[i] - expected) <= 1e-6 * (1 + fabs(expected)));
        assert_true(fabs((double)g[0][i] - by_a) <= 1e-5 * (1 + fabs(by_a)));
        assert_true(fabs((double)g[1][i] - by_b) <= 1e-5 * (1 + fabs(by_b)));
    }
}

static void pairs_match_the_definition(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int which = 0; which < TN_BINARY_COUNT; which++)
            for (int steps = 0; steps < 4; steps++)
                check_pair(k, (enum tn_binary)which, (size_t)steps % 2, (size_t)steps / 2);
    }
}

static void equal_numbers_share_the_gradient(void **state)
{
    (void)state;
    const float two = 2, slope = 1;
    EACH_SET(k, i)
    {
        for (int by = 0; by < 2; by++) {
            float g = 0;
            k->binary[TN_GREATEST].gradient[by](1, &two, 1, &two, 1, &two, &slope, &g);
            assert_true(g == 0.5f);
        }
        float bad = NAN, result;
        k->binary[TN_LEAST].forward(1, &bad, 1, &two, 1, &result);
        assert_true(isnan(result));
        k->binary[TN_GREATEST].forward(1, &two, 1, &bad, 1, &result);
        assert_true(isnan(result));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_match_the_library),
        cmocka_unit_test(slopes_match_differences),
        cmocka_unit_test(results_do_not_depend_on_the_place),
        cmocka_unit_test(ends_of_the_line_are_right),
        cmocka_unit_test(pairs_match_the_definition),
        cmocka_unit_test(equal_numbers_share_the_gradient),
    };
    return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
