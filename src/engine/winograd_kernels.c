#include "engine/winograd_kernels.h"

#include "engine/kernels.h"
#include "engine/vector.h"

#include <math.h>

/* Within each four lanes: the first or last two of a and b in turn, and the first or last two of a
 * followed by those of b. */
#define PAIRS(a, b, at)  FOUR(a, b, (at), LANES + (at), (at) + 1, LANES + (at) + 1)
#define HALVES(a, b, at) FOUR(a, b, (at), (at) + 1, LANES + (at), LANES + (at) + 1)
#if TN_LANES == 16
#define FOUR(a, b, i, j, k, l)                                                                     \
    __builtin_shufflevector(a, b, i, j, k, l, (i) + 4, (j) + 4, (k) + 4, (l) + 4, (i) + 8,         \
                            (j) + 8, (k) + 8, (l) + 8, (i) + 12, (j) + 12, (k) + 12, (l) + 12)
#elif TN_LANES == 8
#define FOUR(a, b, i, j, k, l)                                                                     \
    __builtin_shufflevector(a, b, i, j, k, l, (i) + 4, (j) + 4, (k) + 4, (l) + 4)
#else
#define FOUR(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif

/* Four vectors of lines to column x of as many tiles each, and back: it is its own inverse. */
INLINE void turn(vec v[4])
{
    vec a = PAIRS(v[0], v[1], 0), b = PAIRS(v[0], v[1], 2);
    vec c = PAIRS(v[2], v[3], 0), d = PAIRS(v[2], v[3], 2);
    v[0] = HALVES(a, c, 0);
    v[1] = HALVES(a, c, 2);
    v[2] = HALVES(b, d, 0);
    v[3] = HALVES(b, d, 2);
}

/* --- tiles in memory: four numbers of each row --- */

enum { QUADS = LANES / 4 };

/* Up to here vectors are whole and their quads follow one another in memory: rows of tiles are a
 * whole number of vectors. */
INLINE size_t whole_tiles(const struct tn_tiles *tiles)
{
    return tiles->across % QUADS == 0 ? tiles->count / LANES * LANES : 0;
}

INLINE vec load_tiles(const struct tn_tiles *tiles, size_t t, const int whole, const float *from)
{
    if (whole)
        return load(from + tiles->at[t]);
    union {
        quad part[QUADS];
        vec whole;
    } v = {.whole = {0}};
#pragma GCC unroll 4
    for (size_t q = 0; q < QUADS; q++)
        if (t + q < tiles->count)
            v.part[q] = load_quad(from + tiles->at[t + q]);
    return v.whole;
}

INLINE void store_tiles(const struct tn_tiles *tiles, size_t t, const int whole, vec x, float *to)
{
    if (whole) {
        store(to + tiles->at[t], x);
        return;
    }
    union {
        quad part[QUADS];
        vec whole;
    } v = {.whole = x};
#pragma GCC unroll 4
    for (size_t q = 0; q < QUADS; q++)
        if (t + q < tiles->count)
            store_quad(to + tiles->at[t + q], v.part[q]);
}

INLINE void load_turned(const struct tn_tiles *tiles, size_t t, const int whole, const float *from,
                        vec v[4])
{
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        v[i] = load_tiles(tiles, t + i * QUADS, whole, from);
    turn(v);
}

/* B' along one direction. */
INLINE void input_points(const vec d[6], vec e[6])
{
    vec a = d[4] - 4 * d[2], b = d[3] - 4 * d[1];
    vec c = d[4] - d[2], f = 2 * (d[3] - d[1]);
    e[0] = 4 * d[0] - 5 * d[2] + d[4];
    e[1] = a + b;
    e[2] = a - b;
    e[3] = c + f;
    e[4] = c - f;
    e[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* A' along one direction. */
INLINE void output_values(const vec m[6], vec y[4])
{
    vec p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
    y[0] = m[0] + p + r;
    y[1] = q + 2 * s;
    y[2] = p + 4 * r;
    y[3] = q + 8 * s + m[5];
}

/* A along one direction. */
INLINE void gradient_points(const vec y[4], vec g[6])
{
    vec even = y[0] + y[2], odd = y[1] + y[3];
    vec far_even = y[0] + 4 * y[2], far_odd = 2 * y[1] + 8 * y[3];
    g[0] = y[0];
    g[1] = even + odd;
    g[2] = even - odd;
    g[3] = far_even + far_odd;
    g[4] = far_even - far_odd;
    g[5] = y[3];
}

/* B' along the other direction, and away. */
INLINE void store_input(vec across[6][6], float *points, size_t stride)
{
#pragma GCC unroll 6
    for (size_t j = 0; j < 6; j++) {
        vec d[6], e[6];
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++)
            d[i] = across[i][j];
        input_points(d, e);
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++)
            store(points + (6 * i + j) * stride, e[i]);
    }
}

INLINE void input_vector(const struct tn_tiles *tiles, size_t t, const int whole, const float *from,
                         float *points, size_t stride)
{
    vec across[6][6]; /* [row][point] */
#pragma GCC unroll 6
    for (size_t i = 0; i < 6; i++) {
        vec d[8];
        load_turned(tiles, t, whole, from + i * tiles->pitch, d);
        load_turned(tiles, t, whole, from + i * tiles->pitch + 4, d + 4);
        input_points(d, across[i]);
    }
    store_input(across, points + t, stride);
}

static void input(const struct tn_tiles *tiles, const float *from, float *points, size_t stride)
{
    size_t t = 0, whole = whole_tiles(tiles);
    for (; t < whole; t += LANES)
        input_vector(tiles, t, 1, from, points, stride);
    for (; t < tiles->count; t += LANES)
        input_vector(tiles, t, 0, from, points, stride);
}

/* Where `turn` puts a tile. */
INLINE size_t place_of(size_t t)
{
    return t / LANES * LANES + t % QUADS * 4 + t % LANES / QUADS;
}

static void input_channels(const float *const rows[TN_TILE_IN], size_t first, size_t count,
                           float *points, size_t stride, size_t step)
{
    for (size_t t = 0; t < count; t++) {
        vec across[6][6]; /* [row][point] */
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++) {
            vec d[6];
#pragma GCC unroll 6
            for (size_t j = 0; j < 6; j++)
                d[j] = load(rows[i] + (4 * t + j) * LANES);
            input_points(d, across[i]);
        }
        store_input(across, points + place_of(first + t) * step, stride);
    }
}

/* What is done with outputs. */
struct bounds {
    float bias, least, most;
};

INLINE void output_vector(const struct tn_tiles *tiles, size_t t, const int whole,
                          const float *points, size_t stride, const int bounded,
                          struct bounds bounds, float *to)
{
    vec down[6][4]; /* [point][row] */
#pragma GCC unroll 6
    for (size_t j = 0; j < 6; j++) {
        vec m[6];
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++)
            m[i] = load(points + (6 * i + j) * stride + t);
        output_values(m, down[j]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        vec m[6], y[4];
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++)
            m[j] = down[j][i];
        output_values(m, y);
#pragma GCC unroll 4
        for (int x = 0; x < 4; x++) {
            y[x] += splat(bounds.bias);
            if (bounded)
                y[x] = limited(y[x], splat(bounds.least), splat(bounds.most));
        }
        turn(y);
#pragma GCC unroll 4
        for (size_t x = 0; x < 4; x++)
            store_tiles(tiles, t + x * QUADS, whole, y[x], to + i * tiles->pitch);
    }
}

static void output(const struct tn_tiles *tiles, const float *points, size_t stride, float bias,
                   float least, float most, float *to)
{
    struct bounds bounds = {bias, least, most};
    size_t t = 0, whole = whole_tiles(tiles);
    if (least > -INFINITY || most < INFINITY)
        for (; t < whole; t += LANES)
            output_vector(tiles, t, 1, points, stride, 1, bounds, to);
    else
        for (; t < whole; t += LANES)
            output_vector(tiles, t, 1, points, stride, 0, bounds, to);
    for (; t < tiles->count; t += LANES)
        output_vector(tiles, t, 0, points, stride, 1, bounds, to);
}

INLINE void gradient_vector(const struct tn_tiles *tiles, size_t t, const int whole,
                            const float *from, float *points, size_t stride)
{
    vec across[4][6]; /* [row][point] */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        vec y[4];
        load_turned(tiles, t, whole, from + i * tiles->pitch, y);
        gradient_points(y, across[i]);
    }
#pragma GCC unroll 6
    for (size_t j = 0; j < 6; j++) {
        vec y[4], g[6];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            y[i] = across[i][j];
        gradient_points(y, g);
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++)
            store(points + (6 * i + j) * stride + t, g[i]);
    }
}

static void gradient(const struct tn_tiles *tiles, const float *from, float *points, size_t stride)
{
    size_t t = 0, whole = whole_tiles(tiles);
    for (; t < whole; t += LANES)
        gradient_vector(tiles, t, 1, from, points, stride);
    for (; t < tiles->count; t += LANES)
        gradient_vector(tiles, t, 0, from, points, stride);
}

#define SYMBOL_(name) tn_winograd_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct tn_winograd_kernels SYMBOL(TN_KERNELS_NAME);
const struct tn_winograd_kernels SYMBOL(TN_KERNELS_NAME) = {input, input_channels, output,
                                                            gradient};
