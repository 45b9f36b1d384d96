#include "engine/depthwise_kernels.h"

#include "engine/vector.h"

/* --- rows into planes --- */

/* Of two vectors that follow one another: the numbers at even or, `odd` 1, at odd places. */
#define FOUR_OF(a, b, odd) __builtin_shufflevector(a, b, (odd), 2 + (odd), 4 + (odd), 6 + (odd))
/* Each number of a vector's lower half, or of its upper from `at` on, and a zero after it. */
#define FOUR_SPREAD(a, at) __builtin_shufflevector(a, (quad){0}, (at), 4, (at) + 1, 4)
#if TN_LANES == 16
#define EVERY_OTHER(a, b, odd)                                                                     \
    __builtin_shufflevector(a, b, (odd), 2 + (odd), 4 + (odd), 6 + (odd), 8 + (odd), 10 + (odd),   \
                            12 + (odd), 14 + (odd), 16 + (odd), 18 + (odd), 20 + (odd),            \
                            22 + (odd), 24 + (odd), 26 + (odd), 28 + (odd), 30 + (odd))
#define SPREAD(a, at)                                                                              \
    __builtin_shufflevector(a, (vec){0}, (at), 16, (at) + 1, 16, (at) + 2, 16, (at) + 3, 16,       \
                            (at) + 4, 16, (at) + 5, 16, (at) + 6, 16, (at) + 7, 16)
#elif TN_LANES == 8
#define EVERY_OTHER(a, b, odd)                                                                     \
    __builtin_shufflevector(a, b, (odd), 2 + (odd), 4 + (odd), 6 + (odd), 8 + (odd), 10 + (odd),   \
                            12 + (odd), 14 + (odd))
#define SPREAD(a, at)                                                                              \
    __builtin_shufflevector(a, (vec){0}, (at), 8, (at) + 1, 8, (at) + 2, 8, (at) + 3, 8)
#else
#define EVERY_OTHER(a, b, odd) FOUR_OF(a, b, odd)
#define SPREAD(a, at)          FOUR_SPREAD(a, at)
#endif

INLINE void split_pairs(size_t pairs, const float *from, float *even, float *odd)
{
    if (pairs >= LANES)
        for (size_t i = 0; i < pairs; i = next(i, LANES, pairs)) {
            vec a = load(from + 2 * i), b = load(from + 2 * i + LANES);
            store(even + i, EVERY_OTHER(a, b, 0));
            store(odd + i, EVERY_OTHER(a, b, 1));
        }
    else if (pairs >= 4)
        for (size_t i = 0; i < pairs; i = next(i, 4, pairs)) {
            quad a = load_quad(from + 2 * i), b = load_quad(from + 2 * i + 4);
            store_quad(even + i, FOUR_OF(a, b, 0));
            store_quad(odd + i, FOUR_OF(a, b, 1));
        }
    else
        for (size_t i = 0; i < pairs; i++) {
            even[i] = from[2 * i];
            odd[i] = from[2 * i + 1];
        }
}

static void split_rows(size_t rows, size_t width, const float *from, size_t from_stride, float *to,
                       float *odd, size_t to_stride)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = from + r * from_stride;
        split_pairs(width / 2, row, to + r * to_stride, odd + r * to_stride);
        if (width % 2)
            to[r * to_stride + width / 2] = row[width - 1];
    }
}

INLINE void spread_row(size_t width, const float *from, float *to)
{
    if (width >= LANES)
        for (size_t i = 0; i < width; i = next(i, LANES, width)) {
            vec a = load(from + i);
            store(to + 2 * i, SPREAD(a, 0));
            store(to + 2 * i + LANES, SPREAD(a, LANES / 2));
        }
    else if (width >= 4)
        for (size_t i = 0; i < width; i = next(i, 4, width)) {
            quad a = load_quad(from + i);
            store_quad(to + 2 * i, FOUR_SPREAD(a, 0));
            store_quad(to + 2 * i + 4, FOUR_SPREAD(a, 2));
        }
    else
        for (size_t i = 0; i < width; i++) {
            to[2 * i] = from[i];
            to[2 * i + 1] = 0;
        }
}

static void spread_rows(size_t rows, size_t width, const float *from, size_t from_stride, float *to,
                        size_t to_stride)
{
    for (size_t r = 0; r < rows; r++)
        spread_row(width, from + r * from_stride, to + r * to_stride);
}

/* --- correlation --- */

enum { ROWS = 4 }; /* of outputs made together: they share the reading of weights or inputs */

/* Where a kernel's column reads; a step is 1 or 2. */
INLINE size_t column_at(const int step, size_t half, int column)
{
    return (size_t)(column & (step - 1)) * half + (size_t)(column >> (step - 1));
}

/* A 3x3 kernel, whose weights stay in registers: each number of the plane is read once for all
 * rows of outputs that need it. */
INLINE void sum_3x3(const struct tn_depthwise_plane *shape, const int rows, const int step_down,
                    const int step_across, const vec w[9], const float *from, vec *sums)
{
#pragma GCC unroll 16
    for (int i = 0; i < step_down * (rows - 1) + 3; i++, from += shape->pitch) {
        vec x[3];
#pragma GCC unroll 3
        for (int b = 0; b < 3; b++)
            x[b] = load(from + column_at(step_across, shape->half, b));
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            int a = i - step_down * r;
            if (a >= 0 && a < 3)
#pragma GCC unroll 3
                for (int b = 0; b < 3; b++)
                    sums[r] += w[3 * a + b] * x[b];
        }
    }
}

/* Any kernel: sums[row][vector]. */
INLINE void sum_any(const struct tn_depthwise_plane *shape, const int rows, const int vectors,
                    const float *weights, const float *from, vec *sums)
{
    size_t down = (size_t)shape->step[0] * shape->pitch;
    for (int a = 0; a < shape->kernel[0]; a++, from += shape->pitch)
        for (int b = 0; b < shape->kernel[1]; b++) {
            const float *x = from + column_at(shape->step[1], shape->half, b);
            vec w = splat(*weights++);
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
                for (int v = 0; v < vectors; v++)
                    sums[r * vectors + v] += w * load(x + (size_t)r * down + v * LANES);
        }
}

/* What an output is made of, and where it goes. */
struct target {
    const struct tn_depthwise_plane *shape;
    const float *weights, *plane;
    struct tn_depthwise_finish finish;
    float *out;
    size_t width, room;
};

INLINE void start(const struct target *t, const int count, vec *sums)
{
#pragma GCC unroll 8
    for (int i = 0; i < count; i++)
        sums[i] = splat(t->finish.bias);
}

INLINE void store_row(float *to, vec v, size_t width)
{
    float row[LANES];
    store(row, v);
    copy_row(width, row, to);
}

/* One row after the other, so that what spills past the end of a row narrower than a vector is
 * overwritten by the next. */
INLINE void finish(const struct target *t, const int rows, const int vectors, size_t row,
                   size_t column, const vec *sums)
{
    vec least = splat(t->finish.least), most = splat(t->finish.most);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            size_t at = (row + (size_t)r) * t->width + column + (size_t)v * LANES;
            vec y = limited(sums[r * vectors + v], least, most);
            if (at + LANES <= t->room)
                store(t->out + at, y);
            else
                store_row(t->out + at, y, t->width);
        }
}

INLINE const float *source(const struct target *t, size_t row, size_t column)
{
    return t->plane + row * (size_t)t->shape->step[0] * t->shape->pitch + column;
}

INLINE void rows_3x3(const struct target *t, const int rows, const int step_down,
                     const int step_across, const vec w[9], size_t row)
{
    for (size_t column = 0; column < t->width; column = next(column, LANES, t->width)) {
        vec sums[ROWS];
        start(t, rows, sums);
        sum_3x3(t->shape, rows, step_down, step_across, w, source(t, row, column), sums);
        finish(t, rows, 1, row, column, sums);
    }
}

INLINE void correlate_3x3(const struct target *t, const int step_down, const int step_across,
                          size_t rows)
{
    vec w[9];
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++)
        w[i] = splat(t->weights[i]);
    if (rows >= ROWS)
        for (size_t row = 0; row < rows; row = next(row, ROWS, rows))
            rows_3x3(t, ROWS, step_down, step_across, w, row);
    else
        for (size_t row = 0; row < rows; row++)
            rows_3x3(t, 1, step_down, step_across, w, row);
}

INLINE void rows_any(const struct target *t, const int rows, const int vectors, size_t row)
{
    for (size_t column = 0; column < t->width;
         column = next(column, (size_t)vectors * LANES, t->width)) {
        vec sums[2 * ROWS];
        start(t, rows * vectors, sums);
        sum_any(t->shape, rows, vectors, t->weights, source(t, row, column), sums);
        finish(t, rows, vectors, row, column, sums);
    }
}

INLINE void correlate_any(const struct target *t, const int vectors, size_t rows)
{
    if (rows >= ROWS)
        for (size_t row = 0; row < rows; row = next(row, ROWS, rows))
            rows_any(t, ROWS, vectors, row);
    else
        for (size_t row = 0; row < rows; row++)
            rows_any(t, 1, vectors, row);
}

static void correlate(const struct tn_depthwise_plane *shape, const float *weights,
                      const float *plane, size_t rows, size_t width, size_t room,
                      struct tn_depthwise_finish finish, float *out)
{
    struct target t = {shape, weights, plane, finish, out, width, room};
    const int *kernel = shape->kernel, *step = shape->step;
    if (kernel[0] == 3 && kernel[1] == 3 && step[0] == 1 && step[1] == 1)
        correlate_3x3(&t, 1, 1, rows);
    else if (kernel[0] == 3 && kernel[1] == 3 && step[0] == 2 && step[1] == 2)
        correlate_3x3(&t, 2, 2, rows);
    else if (width >= 2 * LANES)
        correlate_any(&t, 2, rows);
    else
        correlate_any(&t, 1, rows);
}

/* --- gradient of the weights --- */

typedef double wide __attribute__((vector_size(8 * TN_LANES)));
typedef double memory_wide __attribute__((vector_size(8 * TN_LANES), aligned(8), may_alias));

/* `height` x `width` weights, from a corner of the plane. */
INLINE void sum_products(const struct tn_depthwise_plane *shape, const int height, const int width,
                         const int step, const float *plane, const float *gradient, size_t pitch,
                         size_t rows, double *sums)
{
    vec total[9];
#pragma GCC unroll 9
    for (int k = 0; k < height * width; k++)
        total[k] = (vec){0};
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < pitch; i += LANES) {
            vec g = load(gradient + i);
#pragma GCC unroll 3
            for (int a = 0; a < height; a++)
#pragma GCC unroll 8
                for (int b = 0; b < width; b++)
                    total[a * width + b] += g * load(plane + (size_t)a * shape->pitch + i +
                                                     column_at(step, shape->half, b));
        }
        gradient += pitch;
        plane += (size_t)shape->step[0] * shape->pitch;
    }
#pragma GCC unroll 9
    for (int k = 0; k < height * width; k++)
        *(memory_wide *)(sums + k * LANES) += __builtin_convertvector(total[k], wide);
}

/* `count` <= 8 weights of a row of the kernel. */
static void sum_row(const struct tn_depthwise_plane *shape, int count, const float *plane,
                    const float *gradient, size_t pitch, size_t rows, double *sums)
{
    switch (count) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        sum_products(shape, 1, n, shape->step[1], plane, gradient, pitch, rows, sums);             \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
#undef CASE
    }
}

static void weights(const struct tn_depthwise_plane *shape, const float *plane,
                    const float *gradient, size_t gradient_pitch, size_t rows, double *sums)
{
    int height = shape->kernel[0], width = shape->kernel[1];
    if (height == 3 && width == 3 && shape->step[1] == 1) {
        sum_products(shape, 3, 3, 1, plane, gradient, gradient_pitch, rows, sums);
        return;
    }
    if (height == 3 && width == 3) {
        sum_products(shape, 3, 3, 2, plane, gradient, gradient_pitch, rows, sums);
        return;
    }
    for (int a = 0; a < height; a++)
        for (int b = 0; b < width; b += 8)
            sum_row(shape, width - b < 8 ? width - b : 8,
                    plane + (size_t)a * shape->pitch + column_at(shape->step[1], shape->half, b),
                    gradient, gradient_pitch, rows, sums + (a * width + b) * LANES);
}

#define SYMBOL_(name) tn_depthwise_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct tn_depthwise_kernels SYMBOL(TN_KERNELS_NAME);
const struct tn_depthwise_kernels SYMBOL(TN_KERNELS_NAME) = {split_rows, spread_rows, correlate,
                                                             weights};
