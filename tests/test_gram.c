/* gram: the statistic X^T X. */
#include "prune/gram.h"

#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "random_samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gram_is_the_product_of_samples(void **state)
{
    (void)state;
    /* Sizes below, at and above the tiles and blocks G is computed in. */
    static const int sizes[][2] = {{1, 1}, {7, 3}, {50, 128}, {1024, 5}, {1025, 130}, {2100, 257}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int m = sizes[s][0], n = sizes[s][1];
        double *x = tn_alloc((size_t)m * (size_t)n, sizeof *x);
        struct tn_random random;
        tn_random_seed(&random, 5, s);
        random_samples(&random, m, n, x);
        struct tn_gram gram;
        assert_true(tn_gram_of_samples(m, n, x, &gram, NULL));
        assert_int_equal(gram.samples, m);
        assert_int_equal(gram.channels, n);
        const double *g = tn_tensor_doubles(gram.matrix);
        double energy = 0;
        for (int i = 0; i < m; i++) {
            double y = 0;
            for (int c = 0; c < n; c++)
                y += x[i * n + c];
            energy += y * y;
        }
        for (int a = 0; a < n; a += 1 + n / 40) {
            for (int b = 0; b < n; b += 1 + n / 40) {
                double sum = 0, size = 0;
                for (int i = 0; i < m; i++) {
                    sum += x[i * n + a] * x[i * n + b];
                    size += fabs(x[i * n + a] * x[i * n + b]);
                }
                assert_true(fabs(g[a * n + b] - sum) <= 1e-14 * size);
                assert_true(g[a * n + b] == g[b * n + a]);
            }
        }
        assert_true(fabs(tn_gram_energy(&gram) - energy) <= 1e-12 * energy);
        tn_gram_free(&gram);
        tn_free(x);
    }
}

static void gram_has_the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    enum { M = 1500, N = 300 };
    double *x = tn_alloc((size_t)M * N, sizeof *x);
    struct tn_random random;
    tn_random_seed(&random, 9, 0);
    random_samples(&random, M, N, x);
    struct tn_gram grams[3];
    for (unsigned threads = 1; threads <= 3; threads++) {
        tn_threads_set(threads);
        assert_true(tn_gram_of_samples(M, N, x, &grams[threads - 1], NULL));
    }
    tn_threads_set(0);
    for (int i = 1; i < 3; i++)
        assert_memory_equal(grams[i].matrix->data, grams[0].matrix->data, grams[0].matrix->bytes);
    for (int i = 0; i < 3; i++)
        tn_gram_free(&grams[i]);
    tn_free(x);
}

static void gram_grows_by_blocks_of_rows(void **state)
{
    (void)state;
    enum { M = 90, N = 20 };
    double x[M * N], whole[N * N] = {0}, parts[N * N] = {0};
    struct tn_random random;
    tn_random_seed(&random, 9, 1);
    random_samples(&random, M, N, x);
    tn_gram_add(M, N, x, whole);
    tn_gram_add(31, N, x, parts);
    tn_gram_add(0, N, x, parts);
    tn_gram_add(M - 31, N, x + 31 * N, parts);
    tn_gram_mirror(N, whole);
    tn_gram_mirror(N, parts);
    for (int i = 0; i < N * N; i++)
        assert_true(fabs(whole[i] - parts[i]) < 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gram_is_the_product_of_samples),
        cmocka_unit_test(gram_has_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(gram_grows_by_blocks_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
