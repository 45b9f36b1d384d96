/* engine: every set of kernels this processor can run, against plain loops in double. */
#include "core/memory.h"
#include "core/random.h"
#include "engine/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 4096 };
static float x[LENGTH], y[LENGTH], z[LENGTH], w[LENGTH];
static struct tn_random random_numbers;

static void fill(float *to)
{
    for (int i = 0; i < LENGTH; i++)
        to[i] = (float)(2 * tn_random_uniform(&random_numbers) - 1);
}

static int start(void **state)
{
    (void)state;
    tn_random_seed(&random_numbers, 11, 0);
    fill(x);
    fill(y);
    fill(w);
    return 0;
}

#define EACH_SET(k, index)                                                                         \
    const struct tn_kernels *k;                                                                    \
    for (int index = 0; (k = tn_kernels_at(index)); index++)

static void there_is_always_a_set(void **state)
{
    (void)state;
    assert_ptr_equal(tn_kernels(), tn_kernels_at(0));
    int count = 0;
    EACH_SET(k, i)
    {
        assert_true(k->lanes >= 1 && k->tile_rows <= TN_MAX_TILE_ROWS);
        count++;
    }
    assert_true(count >= 1);
}

static void correlate_sums_over_offsets(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (int rows = 1; rows <= k->tile_rows; rows++) {
            for (size_t count = 1; count < 150; count += 13) {
                enum { DEPTH = 11, STRIDE = 256 };
                ptrdiff_t offsets[DEPTH];
                for (int d = 0; d < DEPTH; d++)
                    offsets[d] = (ptrdiff_t)tn_random_below(&random_numbers, 1000);
                k->correlate(rows, DEPTH, w, x, offsets, count, z, STRIDE);
                for (int r = 0; r < rows; r++)
                    for (size_t p = 0; p < count; p++) {
                        double sum = 0;
                        for (int d = 0; d < DEPTH; d++)
                            sum += (double)w[d * rows + r] * (double)x[offsets[d] + (ptrdiff_t)p];
                        assert_true(fabs(sum - (double)z[r * STRIDE + (int)p]) < 1e-5);
                    }
            }
        }
    }
}

static void multiply_sums_over_a_panel(void **state)
{
    (void)state;
    enum { DEPTH = 13, STRIDE = 100 };
    EACH_SET(k, i)
    {
        for (int rows = 1; rows <= k->tile_rows; rows++)
            for (int vectors = 1; vectors <= k->tile_vectors; vectors++)
                for (int add = 0; add <= 1; add++) {
                    int width = vectors * k->lanes;
                    assert_true(width <= TN_MAX_TILE_WIDTH);
                    memcpy(z, y, sizeof z);
                    k->multiply(rows, vectors, DEPTH, w, x, add, z, STRIDE);
                    for (int at = 0; at < rows * STRIDE; at++) {
                        int r = at / STRIDE, p = at % STRIDE;
                        double sum = add || p >= width ? (double)y[at] : 0;
                        for (int d = 0; p < width && d < DEPTH; d++)
                            sum += (double)w[d * rows + r] * (double)x[d * width + p];
                        assert_true(fabs(sum - (double)z[at]) < 1e-5);
                    }
                }
    }
}

static void multiply_rows_sums_over_a_panel(void **state)
{
    (void)state;
    enum { DEPTH = 13, LEFT = 17, STRIDE = 100 };
    EACH_SET(k, i)
    {
        for (int rows = 1; rows <= k->tile_rows; rows++)
            for (int vectors = 1; vectors <= k->tile_vectors; vectors++)
                for (int add = 0; add <= 1; add++) {
                    int width = vectors * k->lanes;
                    memcpy(z, y, sizeof z);
                    k->multiply_rows(rows, vectors, DEPTH, w, LEFT, x, add, z, STRIDE);
                    for (int at = 0; at < rows * STRIDE; at++) {
                        int r = at / STRIDE, p = at % STRIDE;
                        double sum = add || p >= width ? (double)y[at] : 0;
                        for (int d = 0; p < width && d < DEPTH; d++)
                            sum += (double)w[r * LEFT + d] * (double)x[d * width + p];
                        assert_true(fabs(sum - (double)z[at]) < 1e-5);
                    }
                }
    }
}

static void interleave_makes_columns_of_rows(void **state)
{
    (void)state;
    enum { FROM = 60, TO = 30 };
    EACH_SET(k, i)
    {
        for (size_t rows = 1; rows <= TO; rows++)
            for (size_t count = 1; count < FROM; count += 3) {
                memcpy(z, y, sizeof z);
                k->interleave(rows, count, x, FROM, z, TO);
                for (size_t at = 0; at < (size_t)FROM * TO; at++) {
                    size_t p = at / TO, r = at % TO;
                    bool inside = p < count && r < rows;
                    assert_true(z[at] == (inside ? x[r * FROM + p] : y[at]));
                }
            }
    }
}

static void correlate_weights_adds_products(void **state)
{
    (void)state;
    enum { DEPTH = 12, STRIDE = 512 };
    EACH_SET(k, i)
    {
        assert_int_equal(DEPTH % k->depth_step, 0);
        for (int rows = 1; rows <= 4; rows++) {
            for (size_t count = 1; count < 100; count += 17) {
                float left[4 * STRIDE] = {0}, sums[4 * DEPTH];
                ptrdiff_t offsets[DEPTH];
                for (int r = 0; r < rows; r++)
                    memcpy(left + r * STRIDE, y + 100 * r, count * sizeof *left);
                for (int d = 0; d < DEPTH; d++)
                    offsets[d] = (ptrdiff_t)tn_random_below(&random_numbers, 1000);
                for (int s = 0; s < 4 * DEPTH; s++)
                    sums[s] = (float)s;
                k->correlate_weights(rows, DEPTH, left, STRIDE, x, offsets, count, sums, DEPTH);
                for (int r = 0; r < rows; r++)
                    for (int d = 0; d < DEPTH; d++) {
                        double sum = r * DEPTH + d;
                        for (size_t p = 0; p < count; p++)
                            sum += (double)left[(size_t)r * STRIDE + p] *
                                   (double)x[offsets[d] + (ptrdiff_t)p];
                        assert_true(fabs(sum - (double)sums[r * DEPTH + d]) < 1e-4);
                    }
            }
        }
    }
}

static void rows_are_trimmed_and_padded_exactly(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (size_t width = 1; width < 40; width += 3) {
            for (size_t rows = 1; rows < 6; rows += 2) {
                size_t stride = width + 2;
                for (int adds = 0; adds < 2; adds++) {
                    for (int n = 0; n < LENGTH; n++)
                        z[n] = 77;
                    k->trim_rows(rows, width, x, stride, 0.25f, adds ? y : NULL, -0.5f, 0.75f, z);
                    for (size_t r = 0; r < rows; r++)
                        for (size_t c = 0; c < width; c++) {
                            float sum = x[r * stride + c] + 0.25f,
                                  expected = adds ? sum + y[r * width + c] : sum;
                            assert_true(z[r * width + c] == fminf(fmaxf(expected, -0.5f), 0.75f));
                        }
                    assert_true(z[rows * width] == 77); /* not one float past the block */
                }
                for (int n = 0; n < LENGTH; n++)
                    z[n] = 77;
                k->pad_rows(rows, width, x, z, stride);
                for (size_t r = 0; r < rows; r++)
                    for (size_t c = 0; c < stride; c++)
                        assert_true(z[r * stride + c] == (c < width ? x[r * width + c] : 0));
                assert_true(z[rows * stride] == 77);
            }
        }
    }
}

/* Few different numbers, so that there are equals, and some that are not numbers. */
static void the_first_greatest_is_found(void **state)
{
    (void)state;
    static const ptrdiff_t offsets[6] = {0, 2, 3, 40, 42, 43};
    EACH_SET(k, i)
    {
        for (size_t count = 1; count < 60; count += 3)
            for (size_t step = 1; step < 4; step++) {
                int32_t tap[60];
                for (int n = 0; n < 300; n++) {
                    int drawn = (int)tn_random_below(&random_numbers, 40);
                    z[n] = drawn == 0 ? NAN : drawn == 1 ? -INFINITY : (float)(drawn % 4);
                }
                k->greatest(count, step, 6, offsets, z, y, tap);
                for (size_t n = 0; n < count; n++) {
                    const float *from = z + n * step;
                    int best = 0;
                    for (int t = 1; t < 6; t++)
                        if (isnan(from[offsets[t]]) || from[offsets[t]] > from[offsets[best]])
                            best = t;
                    assert_int_equal(tap[n], best);
                    assert_memory_equal(&y[n], &from[offsets[best]], sizeof *y);
                }
                k->greatest(count, step, 6, offsets, z, w, NULL);
                assert_memory_equal(w, y, count * sizeof *y);
            }
    }
    fill(y);
    fill(w);
}

static void moments_match_double_sums(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        for (size_t count = 0; count < 3000; count = count * 2 + 1) {
            double sum = 1, squares = 2, true_sum = 1, true_squares = 2;
            k->moments(count, x, 0.5f, &sum, &squares);
            for (size_t n = 0; n < count; n++) {
                double d = (double)(x[n] - 0.5f);
                true_sum += d;
                true_squares += d * d;
            }
            assert_true(fabs(sum - true_sum) < 1e-3 && fabs(squares - true_squares) < 1e-3);
        }
    }
}

static void norm_kernels_match_plain_loops(void **state)
{
    (void)state;
    const float scale = 1.5f, shift = -0.2f, a = 0.3f, b = 0.7f, mean = 0.1f;
    EACH_SET(k, i)
    {
        for (int relu = 0; relu < 2; relu++) {
            for (size_t count = 1; count < 200; count += 33) {
                double sum = 0, product = 0, true_sum = 0, true_product = 0;
                k->norm_sums(count, x, y, scale, shift, relu, mean, &sum, &product);
                k->norm_gradient(count, x, y, scale, shift, relu, a, b, z);
                for (size_t n = 0; n < count; n++) {
                    float g = relu && scale * x[n] + shift <= 0 ? 0 : y[n];
                    true_sum += (double)g;
                    true_product += (double)g * (double)(x[n] - mean);
                    assert_true(fabsf(z[n] - (scale * g + a * x[n] + b)) < 1e-5f);
                }
                assert_true(fabs(sum - true_sum) < 1e-4 && fabs(product - true_product) < 1e-4);
            }
        }
    }
}

static void elementwise_kernels_match_plain_loops(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        float v[100], u[100];
        k->scale_shift(100, x, 2, 0.5f, 1, z);
        for (int n = 0; n < 100; n++)
            assert_true(fabsf(z[n] - fmaxf(0, 2 * x[n] + 0.5f)) < 1e-6f);
        for (int n = 0; n < 100; n++)
            v[n] = n < 97 ? y[n] : 77;
        k->add_limited(97, x, -0.5f, 0.75f, v);
        for (int n = 0; n < 97; n++)
            assert_true(v[n] == fminf(fmaxf(y[n] + x[n], -0.5f), 0.75f));
        assert_true(v[97] == 77);
        k->add(100, x, y, 1, z);
        for (int n = 0; n < 100; n++)
            assert_true(z[n] == fmaxf(0, x[n] + y[n]));
        k->relu_gradient(100, x, y, z);
        for (int n = 0; n < 100; n++)
            assert_true(z[n] == (x[n] > 0 ? y[n] : 0));
        double sums[100];
        for (int n = 0; n < 100; n++)
            sums[n] = (double)y[n];
        k->sum_rows(99, x, sums);
        for (int n = 0; n < 100; n++)
            assert_true(sums[n] == (double)y[n] + (n < 99 ? (double)x[n] : 0));
        memcpy(u, x, sizeof u);
        memcpy(v, y, sizeof v);
        k->sgd(100, u, v, w, 0.1f, 0.9f, 0.01f);
        for (int n = 0; n < 100; n++) {
            float velocity = 0.9f * y[n] + (w[n] + 0.01f * x[n]);
            assert_true(fabsf(v[n] - velocity) < 1e-6f &&
                        fabsf(u[n] - (x[n] - 0.1f * velocity)) < 1e-6f);
        }
    }
}

static void not_a_number_passes_through_relu(void **state)
{
    (void)state;
    EACH_SET(k, i)
    {
        float bad[40], out[40];
        for (int n = 0; n < 40; n++)
            bad[n] = NAN;
        k->scale_shift(40, bad, 1, 0, 1, out);
        assert_true(isnan(out[0]) && isnan(out[39]));
        k->trim_rows(4, 10, bad, 10, 0, NULL, 0, 6, out);
        assert_true(isnan(out[0]) && isnan(out[39]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_always_a_set),
        cmocka_unit_test(correlate_sums_over_offsets),
        cmocka_unit_test(multiply_sums_over_a_panel),
        cmocka_unit_test(multiply_rows_sums_over_a_panel),
        cmocka_unit_test(interleave_makes_columns_of_rows),
        cmocka_unit_test(correlate_weights_adds_products),
        cmocka_unit_test(rows_are_trimmed_and_padded_exactly),
        cmocka_unit_test(the_first_greatest_is_found),
        cmocka_unit_test(moments_match_double_sums),
        cmocka_unit_test(norm_kernels_match_plain_loops),
        cmocka_unit_test(elementwise_kernels_match_plain_loops),
        cmocka_unit_test(not_a_number_passes_through_relu),
    };
    return cmocka_run_group_tests_name("kernels", tests, start, NULL);
}
