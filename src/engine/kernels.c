/* Built several times with other TN_LANES and TN_KERNELS_NAME (src/engine/local.mk): one source,
 * one set of kernels for each vector width. Vectors are the compiler's own vector extension, so
 * there are no intrinsics (vector.h). */
#include "engine/kernels.h"
#include "engine/vector.h"

#include <math.h>
#include <stdbool.h>

#if TN_LANES == 16
enum { TILE_ROWS = 8, TILE_VECTORS = 3, LEFT_ROWS = 4, DEPTH_STEP = 6 }; /* 32 registers */
#else
enum { TILE_ROWS = 4, TILE_VECTORS = 3, LEFT_ROWS = 4, DEPTH_STEP = 3 }; /* 16 registers */
#endif

INLINE float sum_lanes(vec v)
{
    float sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += v[i];
    return sum;
}

INLINE double sum_lanes_double(vec v)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += (double)v[i];
    return sum;
}

/* A block's rows as constants, so that its sums are registers. */
#if TN_LANES == 16
#define EACH_ROWS(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#else
#define EACH_ROWS(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#endif

/* One tile of rows x (vectors * LANES) outputs lives in registers while k runs over the whole
 * depth. Without offsets what it reads is one panel, a row of the tile's width for each k. */
INLINE void tile(const int rows, const int vectors, int depth, const float *weights,
                 const float *input, const ptrdiff_t *offsets, int add, float *out,
                 size_t out_stride)
{
    vec sums[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[r][v] = add ? load(out + (size_t)r * out_stride + v * LANES) : (vec){0};
    for (int k = 0; k < depth; k++) {
        const float *in = input + (offsets ? offsets[k] : (ptrdiff_t)k * vectors * LANES);
        vec x[TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            x[v] = load(in + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vec w = splat(weights[r]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                sums[r][v] += w * x[v];
        }
        weights += rows;
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            store(out + (size_t)r * out_stride + v * LANES, sums[r][v]);
}

/* Tiles of nearly one width: four vectors are two and two, since a narrow tile waits for its sums.
 */
INLINE void correlate_rows(const int rows, int depth, const float *weights, const float *input,
                           const ptrdiff_t *offsets, size_t count, float *out, size_t out_stride)
{
    size_t vectors = (count + LANES - 1) / LANES,
           tiles = (vectors + TILE_VECTORS - 1) / TILE_VECTORS;
    for (size_t t = 0, begin = 0; t < tiles; t++) {
        size_t end = vectors * (t + 1) / tiles;
        const float *in = input + begin * LANES;
        float *to = out + begin * LANES;
        if (end - begin == 3)
            tile(rows, 3, depth, weights, in, offsets, 0, to, out_stride);
        else if (end - begin == 2)
            tile(rows, 2, depth, weights, in, offsets, 0, to, out_stride);
        else
            tile(rows, 1, depth, weights, in, offsets, 0, to, out_stride);
        begin = end;
    }
}

static void correlate(int rows, int depth, const float *weights, const float *input,
                      const ptrdiff_t *offsets, size_t count, float *out, size_t out_stride)
{
    switch (rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        correlate_rows(n, depth, weights, input, offsets, count, out, out_stride);                 \
        break;
        EACH_ROWS(CASE)
#undef CASE
    }
}

INLINE void multiply_block(const int rows, int vectors, int depth, const float *weights,
                           const float *panel, int add, float *out, size_t out_stride)
{
    if (vectors == 3)
        tile(rows, 3, depth, weights, panel, NULL, add, out, out_stride);
    else if (vectors == 2)
        tile(rows, 2, depth, weights, panel, NULL, add, out, out_stride);
    else
        tile(rows, 1, depth, weights, panel, NULL, add, out, out_stride);
}

static void multiply(int rows, int vectors, int depth, const float *weights, const float *panel,
                     int add, float *out, size_t out_stride)
{
    switch (rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        multiply_block(n, vectors, depth, weights, panel, add, out, out_stride);                   \
        break;
        EACH_ROWS(CASE)
#undef CASE
    }
}

/* Sums of their own, added at the end: shorter chains, smaller rounding errors. */
INLINE void row_tile(const int rows, const int vectors, int depth, const float *left,
                     size_t left_stride, const float *panel, int add, float *out, size_t out_stride)
{
    vec sums[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[r][v] = (vec){0};
    for (int k = 0; k < depth; k++) {
        vec x[TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            x[v] = load(panel + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vec w = splat(left[(size_t)r * left_stride]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                sums[r][v] += w * x[v];
        }
        left++;
        panel += vectors * LANES;
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            float *to = out + (size_t)r * out_stride + v * LANES;
            store(to, add ? load(to) + sums[r][v] : sums[r][v]);
        }
}

INLINE void row_tile_of(const int rows, int vectors, int depth, const float *left,
                        size_t left_stride, const float *panel, int add, float *sums,
                        size_t sums_stride)
{
    if (vectors == 3)
        row_tile(rows, 3, depth, left, left_stride, panel, add, sums, sums_stride);
    else if (vectors == 2)
        row_tile(rows, 2, depth, left, left_stride, panel, add, sums, sums_stride);
    else
        row_tile(rows, 1, depth, left, left_stride, panel, add, sums, sums_stride);
}

static void multiply_rows(int rows, int vectors, int depth, const float *left, size_t left_stride,
                          const float *panel, int add, float *sums, size_t sums_stride)
{
    switch (rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        row_tile_of(n, vectors, depth, left, left_stride, panel, add, sums, sums_stride);          \
        break;
        EACH_ROWS(CASE)
#undef CASE
    }
}

INLINE void correlate_weights_rows(const int rows, int depth, const float *left, size_t left_stride,
                                   const float *input, const ptrdiff_t *offsets, size_t count,
                                   float *sums, size_t sums_stride)
{
    for (int k0 = 0; k0 < depth; k0 += DEPTH_STEP) {
        vec total[LEFT_ROWS][DEPTH_STEP];
        const float *in[DEPTH_STEP];
#pragma GCC unroll 8
        for (int k = 0; k < DEPTH_STEP; k++) {
            in[k] = input + offsets[k0 + k];
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                total[r][k] = (vec){0};
        }
        for (size_t p = 0; p < count; p += LANES) {
            vec l[LEFT_ROWS];
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                l[r] = load(left + (size_t)r * left_stride + p);
#pragma GCC unroll 8
            for (int k = 0; k < DEPTH_STEP; k++) {
                vec x = load(in[k] + p);
#pragma GCC unroll 4
                for (int r = 0; r < rows; r++)
                    total[r][k] += l[r] * x;
            }
        }
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (int k = 0; k < DEPTH_STEP; k++)
                sums[(size_t)r * sums_stride + (size_t)(k0 + k)] += sum_lanes(total[r][k]);
    }
}

static void correlate_weights(int rows, int depth, const float *left, size_t left_stride,
                              const float *input, const ptrdiff_t *offsets, size_t count,
                              float *sums, size_t sums_stride)
{
    switch (rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        correlate_weights_rows(n, depth, left, left_stride, input, offsets, count, sums,           \
                               sums_stride);                                                       \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
#undef CASE
    }
}

INLINE float limit(float x, float least, float most)
{
    return x < least ? least : x > most ? most : x;
}

/* Four rows of four numbers become four columns. */
INLINE void transpose_quads(const float *source, size_t source_stride, float *target,
                            size_t target_stride)
{
    quad a = *(const memory_quad *)source, b = *(const memory_quad *)(source + source_stride),
         c = *(const memory_quad *)(source + 2 * source_stride),
         d = *(const memory_quad *)(source + 3 * source_stride);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
         ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7),
         cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
         cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(memory_quad *)target = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(memory_quad *)(target + target_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(memory_quad *)(target + 2 * target_stride) =
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(memory_quad *)(target + 3 * target_stride) =
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if TN_LANES >= 8
typedef float oct __attribute__((vector_size(32)));
typedef float memory_oct __attribute__((vector_size(32), aligned(4), may_alias));

/* Four numbers of one row, and of the fourth behind it. */
INLINE oct load_pair(const float *source, size_t source_stride)
{
    return __builtin_shufflevector(load_quad(source), load_quad(source + 4 * source_stride), 0, 1,
                                   2, 3, 4, 5, 6, 7);
}

/* Eight rows of four numbers become four columns. */
INLINE void transpose_octs(const float *source, size_t source_stride, float *target,
                           size_t target_stride)
{
    oct a = load_pair(source, source_stride), b = load_pair(source + source_stride, source_stride),
        c = load_pair(source + 2 * source_stride, source_stride),
        d = load_pair(source + 3 * source_stride, source_stride);
    oct ab_low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13),
        ab_high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15),
        cd_low = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13),
        cd_high = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    *(memory_oct *)target = __builtin_shufflevector(ab_low, cd_low, 0, 1, 8, 9, 4, 5, 12, 13);
    *(memory_oct *)(target + target_stride) =
        __builtin_shufflevector(ab_low, cd_low, 2, 3, 10, 11, 6, 7, 14, 15);
    *(memory_oct *)(target + 2 * target_stride) =
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 8, 9, 4, 5, 12, 13);
    *(memory_oct *)(target + 3 * target_stride) =
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 10, 11, 6, 7, 14, 15);
}
#endif

static void interleave(size_t rows, size_t count, const float *source, size_t source_stride,
                       float *target, size_t target_stride)
{
    size_t whole_rows = rows / 4 * 4, whole = count / 4 * 4, r = 0;
#if TN_LANES >= 8
    for (; r + 8 <= rows; r += 8)
        for (size_t p = 0; p < whole; p += 4)
            transpose_octs(source + r * source_stride + p, source_stride,
                           target + p * target_stride + r, target_stride);
#endif
    for (; r < whole_rows; r += 4)
        for (size_t p = 0; p < whole; p += 4)
            transpose_quads(source + r * source_stride + p, source_stride,
                            target + p * target_stride + r, target_stride);
    for (; r < rows; r++)
        for (size_t p = 0; p < whole; p++)
            target[p * target_stride + r] = source[r * source_stride + p];
    for (size_t p = whole; p < count; p++)
        for (r = 0; r < rows; r++)
            target[p * target_stride + r] = source[r * source_stride + p];
}

/* Rows are short (7, 14, 28 ...), so whole vectors are stored past a row's end where later rows
 * will overwrite what spilled; only near the end of the block is the tail written float by float.
 */
/* Vectors may write past a row, up to `room`, what the next row then replaces. */
INLINE void trim_row(size_t width, size_t room, const float *from, float shift, const float *addend,
                     float least, float most, float *to)
{
    size_t i = 0;
    for (; i < width && i + LANES <= room; i += LANES) {
        vec x = load(from + i) + splat(shift);
        store(to + i, limited(addend ? x + load(addend + i) : x, splat(least), splat(most)));
    }
    for (; i < width; i++) {
        float x = from[i] + shift;
        to[i] = limit(addend ? x + addend[i] : x, least, most);
    }
}

static void trim_rows(size_t rows, size_t width, const float *source, size_t source_stride,
                      float shift, const float *addend, float least, float most, float *target)
{
    for (size_t r = 0; r < rows; r++) {
        const float *from = source + r * source_stride;
        size_t at = r * width, room = (rows - r) * width;
        size_t there = (rows - 1 - r) * source_stride + width; /* to the end of what may be read */
        room = there < room ? there : room;
        if (addend)
            trim_row(width, room, from, shift, addend + at, least, most, target + at);
        else
            trim_row(width, room, from, shift, NULL, least, most, target + at);
    }
}

static void copy_rows(size_t rows, size_t width, const float *from, size_t from_stride, float *to,
                      size_t to_stride)
{
    for (size_t r = 0; r < rows; r++)
        copy_row(width, from + r * from_stride, to + r * to_stride);
}

static void pad_rows(size_t rows, size_t width, const float *source, float *target,
                     size_t target_stride)
{
    for (size_t r = 0; r < rows; r++) {
        const float *from = source + r * width;
        float *to = target + r * target_stride;
        size_t room = (rows - r) * width, i = 0;
        for (; i < width && i + LANES <= room &&
               r * target_stride + i + LANES <= rows * target_stride;
             i += LANES)
            store(to + i, load(from + i));
        for (; i < width; i++)
            to[i] = from[i];
        for (i = width; i < target_stride; i++)
            to[i] = 0;
    }
}

INLINE void greatest_steps(size_t count, const size_t step, size_t taps, const ptrdiff_t *offsets,
                           const float *x, float *y, int32_t *tap)
{
    for (size_t i = 0; i < count; i = next(i, LANES, count)) {
        vec best = load_each(x + (ptrdiff_t)(i * step) + offsets[0], step);
        mask which = {0};
        for (size_t t = 1; t < taps; t++) {
            vec v = load_each(x + (ptrdiff_t)(i * step) + offsets[t], step);
            mask greater = (v > best) | ~(v <= splat(INFINITY));
            best = choose(greater, v, best);
            if (tap)
                which = (((mask){0} + (int)t) & greater) | (which & ~greater);
        }
        store(y + i, best);
        if (tap)
            memcpy(tap + i, &which, sizeof which);
    }
}

/* Fewer than a vector. */
INLINE void greatest_few(size_t count, size_t step, size_t taps, const ptrdiff_t *offsets,
                         const float *x, float *y, int32_t *tap)
{
    for (size_t i = 0; i < count; i++) {
        const float *from = x + i * step;
        float best = from[offsets[0]];
        int32_t which = 0;
        for (size_t t = 1; t < taps; t++) {
            float v = from[offsets[t]];
            bool greater = v > best || isnan(v);
            best = greater ? v : best;
            which = greater ? (int32_t)t : which;
        }
        y[i] = best;
        if (tap)
            tap[i] = which;
    }
}

static void greatest(size_t count, size_t step, size_t taps, const ptrdiff_t *offsets,
                     const float *x, float *y, int32_t *tap)
{
    if (count < LANES)
        greatest_few(count, step, taps, offsets, x, y, tap);
    else if (step == 1)
        greatest_steps(count, 1, taps, offsets, x, y, tap);
    else if (step == 2)
        greatest_steps(count, 2, taps, offsets, x, y, tap);
    else
        greatest_steps(count, step, taps, offsets, x, y, tap);
}

/* Lane sums in float over at most this many vectors before they go to double, to bound rounding. */
enum { BLOCK_VECTORS = 32 };

static void moments(size_t count, const float *x, float shift, double *sum, double *squares)
{
    double total = 0, total_squares = 0;
    size_t i = 0;
    while (i + LANES <= count) {
        vec s = {0}, q = {0};
        for (int block = 0; block < BLOCK_VECTORS && i + LANES <= count; block++, i += LANES) {
            vec d = load(x + i) - splat(shift);
            s += d;
            q += d * d;
        }
        total += sum_lanes_double(s);
        total_squares += sum_lanes_double(q);
    }
    for (; i < count; i++) {
        double d = (double)(x[i] - shift);
        total += d;
        total_squares += d * d;
    }
    *sum += total;
    *squares += total_squares;
}

static void magnitudes(size_t count, const float *x, double *sum, double *zeros)
{
    double total = 0;
    long none = 0;
    size_t i = 0;
    while (i + LANES <= count) {
        vec s = {0};
        mask z = {0};
        for (int block = 0; block < BLOCK_VECTORS && i + LANES <= count; block++, i += LANES) {
            vec xi = load(x + i);
            s += (vec)((mask)xi & 0x7fffffff);
            z += xi == 0; /* -1 where it is */
        }
        total += sum_lanes_double(s);
        for (int lane = 0; lane < LANES; lane++)
            none -= z[lane];
    }
    for (; i < count; i++) {
        total += (double)(x[i] < 0 ? -x[i] : x[i]);
        none += x[i] == 0;
    }
    *sum += total;
    *zeros += (double)none;
}

static double product(size_t count, const float *a, const float *b)
{
    double total = 0;
    size_t i = 0;
    while (i + LANES <= count) {
        vec s = {0};
        for (int block = 0; block < BLOCK_VECTORS && i + LANES <= count; block++, i += LANES)
            s += load(a + i) * load(b + i);
        total += sum_lanes_double(s);
    }
    for (; i < count; i++)
        total += (double)a[i] * (double)b[i];
    return total;
}

static void scale_shift(size_t count, const float *x, float scale, float shift, int relu, float *y)
{
    if (relu) {
        for (size_t i = 0; i < count; i++) {
            float z = scale * x[i] + shift;
            y[i] = z < 0 ? 0 : z; /* keeps NaN, so that it is noticed */
        }
    } else {
        for (size_t i = 0; i < count; i++)
            y[i] = scale * x[i] + shift;
    }
}

INLINE vec masked(vec x, vec dy, vec scale, vec shift, int relu)
{
    if (!relu)
        return dy;
    vec z = scale * x + shift;
    return (vec)((mask)dy & (z > 0)); /* a comparison gives all ones or all zeros in each lane */
}

static void norm_sums(size_t count, const float *x, const float *dy, float scale, float shift,
                      int relu, float mean, double *sum, double *product)
{
    double total = 0, total_product = 0;
    size_t i = 0;
    while (i + LANES <= count) {
        vec s = {0}, q = {0};
        for (int block = 0; block < BLOCK_VECTORS && i + LANES <= count; block++, i += LANES) {
            vec xi = load(x + i);
            vec g = masked(xi, load(dy + i), splat(scale), splat(shift), relu);
            s += g;
            q += g * (xi - splat(mean));
        }
        total += sum_lanes_double(s);
        total_product += sum_lanes_double(q);
    }
    for (; i < count; i++) {
        double g = relu && !(scale * x[i] + shift > 0) ? 0 : (double)dy[i];
        total += g;
        total_product += g * (double)(x[i] - mean);
    }
    *sum += total;
    *product += total_product;
}

static void norm_gradient(size_t count, const float *x, const float *dy, float scale, float shift,
                          int relu, float a, float b, float *dx)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vec xi = load(x + i);
        vec g = masked(xi, load(dy + i), splat(scale), splat(shift), relu);
        store(dx + i, splat(scale) * g + splat(a) * xi + splat(b));
    }
    for (; i < count; i++) {
        float g = relu && !(scale * x[i] + shift > 0) ? 0 : dy[i];
        dx[i] = scale * g + a * x[i] + b;
    }
}

static void add_limited(size_t count, const float *addend, float least, float most, float *y)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(y + i, limited(load(y + i) + load(addend + i), splat(least), splat(most)));
    for (; i < count; i++)
        y[i] = limit(y[i] + addend[i], least, most);
}

static void add(size_t count, const float *a, const float *b, int relu, float *y)
{
    if (relu) {
        for (size_t i = 0; i < count; i++) {
            float z = a[i] + b[i];
            y[i] = z < 0 ? 0 : z; /* keeps NaN, so that it is noticed */
        }
    } else {
        for (size_t i = 0; i < count; i++)
            y[i] = a[i] + b[i];
    }
}

static void relu_gradient(size_t count, const float *y, const float *dy, float *dx)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void sgd(size_t count, float *w, float *v, const float *g, float rate, float momentum,
                float decay)
{
    for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}

static void nesterov(size_t count, float *w, float *v, const float *g, float rate, float momentum,
                     float decay)
{
    for (size_t i = 0; i < count; i++) {
        float d = g[i] + decay * w[i];
        v[i] = momentum * v[i] + d;
        w[i] -= rate * (d + momentum * v[i]);
    }
}

static void sum_rows(size_t count, const float *x, double *sums)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += (double)x[i];
}

/* As many sums as a tile has: enough to hide how long one multiply-add takes. */
static float multiply_add(size_t turns)
{
    vec sums[TILE_ROWS * TILE_VECTORS], total = {0};
    for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
        sums[i] = splat((float)i);
    for (size_t turn = 0; turn < turns; turn++) {
#pragma GCC unroll 24
        for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
            sums[i] = sums[i] * splat(0.999f) + splat(0.5f);
    }
    for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++)
        total += sums[i];
    return sum_lanes(total);
}

#define SYMBOL_(kind, name) tn_##kind##_##name
#define SYMBOL(kind, name)  SYMBOL_(kind, name)
#define TEXT_(name)         #name
#define TEXT(name)          TEXT_(name)

/* functions_one.c, functions_two.c */
extern const struct tn_unary_kernels SYMBOL(unary, TN_KERNELS_NAME)[TN_UNARY_COUNT];
extern const struct tn_binary_kernels SYMBOL(binary, TN_KERNELS_NAME)[TN_BINARY_COUNT];

extern const struct tn_winograd_kernels SYMBOL(winograd, TN_KERNELS_NAME);
extern const struct tn_depthwise_kernels SYMBOL(depthwise, TN_KERNELS_NAME);
extern const struct tn_unfold_kernels SYMBOL(unfold, TN_KERNELS_NAME);

extern const struct tn_kernels SYMBOL(kernels, TN_KERNELS_NAME);
const struct tn_kernels SYMBOL(kernels, TN_KERNELS_NAME) = {
    .name = TEXT(TN_KERNELS_NAME),
    .lanes = LANES,
    .tile_rows = TILE_ROWS,
    .tile_vectors = TILE_VECTORS,
    .depth_step = DEPTH_STEP,
    .correlate = correlate,
    .multiply = multiply,
    .multiply_rows = multiply_rows,
    .interleave = interleave,
    .correlate_weights = correlate_weights,
    .trim_rows = trim_rows,
    .pad_rows = pad_rows,
    .copy_rows = copy_rows,
    .greatest = greatest,
    .moments = moments,
    .magnitudes = magnitudes,
    .product = product,
    .scale_shift = scale_shift,
    .norm_sums = norm_sums,
    .norm_gradient = norm_gradient,
    .add = add,
    .add_limited = add_limited,
    .relu_gradient = relu_gradient,
    .sgd = sgd,
    .nesterov = nesterov,
    .sum_rows = sum_rows,
    .multiply_add = multiply_add,
    .multiply_add_flops = 2.0 * TILE_ROWS * TILE_VECTORS * LANES,
    .winograd = &SYMBOL(winograd, TN_KERNELS_NAME),
    .depthwise = &SYMBOL(depthwise, TN_KERNELS_NAME),
    .unfold = &SYMBOL(unfold, TN_KERNELS_NAME),
    .unary = SYMBOL(unary, TN_KERNELS_NAME),
    .binary = SYMBOL(binary, TN_KERNELS_NAME),
};
