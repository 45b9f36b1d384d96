/* The loops where the time goes, built once for each vector width and chosen when the program
 * starts. Everything else in the engine is plain C that calls these through tn_kernels(). */
#ifndef TN_ENGINE_KERNELS_H
#define TN_ENGINE_KERNELS_H

#include "engine/depthwise_kernels.h"
#include "engine/functions.h"
#include "engine/unfold_kernels.h"
#include "engine/winograd_kernels.h"
#include <stddef.h>
#include <stdint.h>

enum {
    TN_MAX_TILE_ROWS = 8,
    TN_MAX_TILE_WIDTH = 48, /* floats */
    TN_READ_AHEAD = 64      /* floats that kernels may read or write past a count */
};

struct tn_kernels {
    const char *name; /* "avx512" */
    int lanes;        /* floats in a vector */
    int tile_rows;    /* greatest `rows` of correlate and multiply */
    int tile_vectors; /* greatest `vectors` of multiply */
    int depth_step;   /* correlate_weights works on multiples of this many offsets */

    /* out[r * out_stride + p] = sum_k weights[k * rows + r] * input[offsets[k] + p], p < count, r <
     * rows. `out` is written up to `count` rounded up to `lanes`; `input` is read as far. */
    void (*correlate)(int rows, int depth, const float *weights, const float *input,
                      const ptrdiff_t *offsets, size_t count, float *out, size_t out_stride);

    /* out[r * out_stride + p] = sum_k weights[k * rows + r] * panel[k * vectors * lanes + p], p <
     * vectors * lanes, r < rows; added to what is there if `add`. */
    void (*multiply)(int rows, int vectors, int depth, const float *weights, const float *panel,
                     int add, float *out, size_t out_stride);
    /* sums[r * sums_stride + p] = sum_k left[r * left_stride + k] * panel[k * vectors * lanes + p],
     * p < vectors * lanes, r < rows; added to what is there if `add`. */
    void (*multiply_rows)(int rows, int vectors, int depth, const float *left, size_t left_stride,
                          const float *panel, int add, float *sums, size_t sums_stride);
    /* target[p * target_stride + r] = source[r * source_stride + p], r < rows, p < count */
    void (*interleave)(size_t rows, size_t count, const float *source, size_t source_stride,
                       float *target, size_t target_stride);

    /* sums[r * sums_stride + k] += sum_p left[r * left_stride + p] * input[offsets[k] + p], p <
     * count rounded up to `lanes` (left must be zero past count), r < rows <= 4; depth a multiple
     * of depth_step. */
    void (*correlate_weights)(int rows, int depth, const float *left, size_t left_stride,
                              const float *input, const ptrdiff_t *offsets, size_t count,
                              float *sums, size_t sums_stride);

    /* Copy a block of rows of `width` floats. trim_rows adds `shift` and, unless NULL, the
     * addend[rows,width], and brings the sum into [least, most]; pad_rows zeroes the rest of every
     * target row (target_stride >= width). Exactly the rows are read; nothing past the last row is
     * written. */
    void (*trim_rows)(size_t rows, size_t width, const float *source, size_t source_stride,
                      float shift, const float *addend, float least, float most, float *target);
    void (*pad_rows)(size_t rows, size_t width, const float *source, float *target,
                     size_t target_stride);
    /* The same with both strides free; nothing beside the rows is read or written. */
    void (*copy_rows)(size_t rows, size_t width, const float *source, size_t source_stride,
                      float *target, size_t target_stride);

    /* y[i] = the greatest of x[i * step + offsets[t]], t < taps, taps > 0; a NaN is greater than
     * any. tap[i], unless NULL, is which: the first of equals, the last NaN. */
    void (*greatest)(size_t count, size_t step, size_t taps, const ptrdiff_t *offsets,
                     const float *x, float *y, int32_t *tap);

    /* Sum of (x - shift) and of its squares. */
    void (*moments)(size_t count, const float *x, float shift, double *sum, double *squares);

    /* Add the sum of |x|, and how many x are 0. */
    void (*magnitudes)(size_t count, const float *x, double *sum, double *zeros);
    /* Sum of a * b. */
    double (*product)(size_t count, const float *a, const float *b);

    /* y = scale * x + shift, then max(0, y) if relu. y may be x. */
    void (*scale_shift)(size_t count, const float *x, float scale, float shift, int relu, float *y);

    /* BatchNorm's backward reductions: with g = dy, or 0 where relu and scale * x + shift <= 0: sum
     * of g and of g * (x - mean). */
    void (*norm_sums)(size_t count, const float *x, const float *dy, float scale, float shift,
                      int relu, float mean, double *sum, double *product);
    /* dx = scale * g + a * x + b with g as above. dx may be dy. */
    void (*norm_gradient)(size_t count, const float *x, const float *dy, float scale, float shift,
                          int relu, float a, float b, float *dx);

    /* y = a + b, then max(0, y) if relu */
    void (*add)(size_t count, const float *a, const float *b, int relu, float *y);
    /* y = y + addend, brought into [least, most] */
    void (*add_limited)(size_t count, const float *addend, float least, float most, float *y);
    /* dx = y > 0 ? dy : 0 */
    void (*relu_gradient)(size_t count, const float *y, const float *dy, float *dx);
    /* SGD step, PyTorch's form: v = momentum * v + (g + decay * w); w -= rate * v */
    void (*sgd)(size_t count, float *w, float *v, const float *g, float rate, float momentum,
                float decay);

    /* The same with Nesterov's momentum: d = g + decay * w; v = momentum * v + d; w -= rate * (d +
     * momentum * v) */
    void (*nesterov)(size_t count, float *w, float *v, const float *g, float rate, float momentum,
                     float decay);

    /* sums += x */
    void (*sum_rows)(size_t count, const float *x, double *sums);

    /* Multiply-adds between registers, for peak.h: `turns` times multiply_add_flops operations. */
    float (*multiply_add)(size_t turns);
    double multiply_add_flops;

    const struct tn_winograd_kernels *winograd;
    const struct tn_depthwise_kernels *depthwise;
    const struct tn_unfold_kernels *unfold;
    const struct tn_unary_kernels *unary;   /* [TN_UNARY_COUNT] */
    const struct tn_binary_kernels *binary; /* [TN_BINARY_COUNT] */
};

/* The widest set this processor can run. */
const struct tn_kernels *tn_kernels(void);

/* All sets this processor can run, widest first, for tests; NULL past the last. */
const struct tn_kernels *tn_kernels_at(int index);

#endif
