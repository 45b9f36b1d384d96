/* Functions of one and of two numbers with their derivatives, as loops for each vector width: part
 * of struct tn_kernels. */
#ifndef TN_ENGINE_FUNCTIONS_H
#define TN_ENGINE_FUNCTIONS_H

#include <stddef.h>

enum tn_unary {
    TN_RELU,
    TN_LEAKY_RELU, /* slope */
    TN_ELU,        /* alpha */
    TN_SELU,       /* alpha, gamma */
    TN_CELU,       /* alpha */
    TN_CLIP,       /* least, greatest */
    TN_SIGMOID,
    TN_HARD_SIGMOID, /* alpha, beta */
    TN_HARD_SWISH,   /* x hard_sigmoid(x): alpha, beta */
    TN_MISH,
    TN_GELU,
    TN_GELU_TANH, /* its approximation */
    TN_SOFTPLUS,
    TN_SOFTSIGN,
    TN_TANH,
    TN_ERF,
    TN_EXP,
    TN_LOG,
    TN_SQRT,
    TN_RECIPROCAL_SQRT,
    TN_RECIPROCAL,
    TN_SQUARE,
    TN_CUBE,
    TN_ABS,
    TN_NEG,
    TN_UNARY_COUNT
};

enum { TN_UNARY_PARAMETERS = 2 };

struct tn_unary_kernels {
    /* y = f(x); y may be x */
    void (*forward)(size_t count, const float *x, const float parameters[TN_UNARY_PARAMETERS],
                    float *y);
    /* dx = f'(x) dy; dx may be dy */
    void (*gradient)(size_t count, const float *x, const float *y, const float *dy,
                     const float parameters[TN_UNARY_PARAMETERS], float *dx);
};

enum tn_binary {
    TN_PLUS,
    TN_MINUS,
    TN_TIMES,
    TN_DIVIDED,
    TN_POWER,
    TN_LEAST,
    TN_GREATEST,
    TN_SLOPED, /* x or, below 0, slope x: PRelu */
    TN_BINARY_COUNT
};

/* Steps are 1, or 0 where one number stands for all. */
struct tn_binary_kernels {
    /* y = f(a, b); y may be a or b */
    void (*forward)(size_t count, const float *a, size_t a_step, const float *b, size_t b_step,
                    float *y);
    /* g = dy times the derivative by a, by b; g may be dy */
    void (*gradient[2])(size_t count, const float *a, size_t a_step, const float *b, size_t b_step,
                        const float *y, const float *dy, float *g);
};

#endif
