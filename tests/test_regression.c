/* regression: least squares of many outputs with a ridge, from sums. */
#include "prune/regression.h"

#include "core/threads.h"
#include "random_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Samples, and what is made of them. */
struct problem {
    int m, n, f;
    double *x, *y, *truth, *start, *weights;
    struct tn_regression sums;
};

static double *numbers(struct tn_random *random, size_t count)
{
    double *x = tn_calloc(count, sizeof *x);
    for (size_t i = 0; random && i < count; i++)
        x[i] = tn_random_normal(random);
    return x;
}

/* Y = X W, and noise of this strength */
static struct problem begin(int m, int n, int f, double noise)
{
    struct problem p = {.m = m, .n = n, .f = f};
    struct tn_random random;
    tn_random_seed(&random, 3, (uint64_t)n);
    size_t rows = (size_t)m, columns = (size_t)n, outputs = (size_t)f;
    p.x = numbers(NULL, rows * columns);
    random_samples(&random, m, n, p.x);
    p.truth = numbers(&random, columns * outputs);
    p.start = numbers(&random, columns * outputs);
    p.weights = numbers(NULL, columns * outputs);
    p.y = numbers(&random, rows * outputs);
    for (size_t i = 0; i < rows * outputs; i++)
        p.y[i] *= noise;
    for (int i = 0; i < m; i++)
        for (int k = 0; k < n; k++)
            for (int o = 0; o < f; o++)
                p.y[i * f + o] += p.x[i * n + k] * p.truth[k * f + o];
    return p;
}

static void take(struct problem *p)
{
    int half = p->m / 3;
    assert_true(tn_regression_open(p->n, p->f, &p->sums, NULL));
    tn_regression_add(&p->sums, half, p->x, p->y);
    tn_regression_add(&p->sums, p->m - half, p->x + half * p->n, p->y + half * p->f);
    assert_int_equal(p->sums.samples, p->m);
}

static bool solve(struct problem *p, double ridge)
{
    bool sound;
    assert_true(tn_regression_solve(&p->sums, ridge, p->start, p->weights, &sound, NULL, NULL));
    return sound;
}

static void end(struct problem *p)
{
    tn_regression_free(&p->sums);
    tn_free(p->x);
    tn_free(p->y);
    tn_free(p->truth);
    tn_free(p->start);
    tn_free(p->weights);
}

/* y - X w of one sample and output */
static double rest(const struct problem *p, const double *w, int i, int o)
{
    double sum = p->y[i * p->f + o];
    for (int k = 0; k < p->n; k++)
        sum -= p->x[i * p->n + k] * w[k * p->f + o];
    return sum;
}

static double distance(const struct problem *p, const double *w)
{
    double most = 0;
    for (int i = 0; i < p->n * p->f; i++)
        most = fmax(most, fabs(p->weights[i] - w[i]));
    return most;
}

static const int sizes[][3] = {{9, 1, 1}, {60, 5, 3}, {700, 193, 33}, {1500, 400, 70}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void without_noise_and_ridge_the_truth_is_found(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++) {
        struct problem p = begin(sizes[s][0], sizes[s][1], sizes[s][2], 0);
        take(&p);
        assert_true(solve(&p, 0));
        assert_true(distance(&p, p.truth) < 1e-8);
        end(&p);
    }
}

static void the_gradient_of_what_is_minimised_is_zero(void **state)
{
    (void)state;
    static const double ridges[] = {0, 1e-6, 0.1, 10};
    for (int s = 0; s < SIZES - 1; s++) {
        for (int r = 0; r < 4; r++) {
            struct problem p = begin(sizes[s][0], sizes[s][1], sizes[s][2], 0.5);
            take(&p);
            assert_true(solve(&p, ridges[r]));
            for (int o = 0; o < p.f; o += 7) {
                double *left = numbers(NULL, (size_t)p.m);
                for (int i = 0; i < p.m; i++)
                    left[i] = rest(&p, p.weights, i, o);
                for (int k = 0; k < p.n; k += 11) {
                    double slope = 0, square = 0, size = 0;
                    for (int i = 0; i < p.m; i++) {
                        double x = p.x[i * p.n + k];
                        slope += x * left[i];
                        size += fabs(x * left[i]);
                        square += x * x;
                    }
                    double pull =
                        ridges[r] * square * (p.weights[k * p.f + o] - p.start[k * p.f + o]);
                    assert_true(fabs(slope - pull) <= 1e-9 * (size + fabs(pull)));
                }
                tn_free(left);
            }
            end(&p);
        }
    }
}

static void a_great_ridge_stays_at_the_start(void **state)
{
    (void)state;
    struct problem p = begin(60, 5, 3, 0.5);
    take(&p);
    assert_true(solve(&p, 1e12));
    assert_true(distance(&p, p.start) < 1e-9);
    end(&p);
}

static void dead_unknowns_keep_what_they_start_with(void **state)
{
    (void)state;
    struct problem p = begin(200, 12, 4, 0.1);
    kill_channel(p.m, p.n, p.x, 0);
    kill_channel(p.m, p.n, p.x, 7);
    take(&p);
    assert_true(solve(&p, 0));
    for (int o = 0; o < p.f; o++) {
        assert_true(p.weights[o] == p.start[o]);
        assert_true(p.weights[7 * p.f + o] == p.start[7 * p.f + o]);
        assert_true(fabs(p.weights[3 * p.f + o] - p.start[3 * p.f + o]) > 1e-6);
    }
    end(&p);
}

static void copies_need_a_ridge(void **state)
{
    (void)state;
    struct problem p = begin(300, 20, 4, 0.1);
    copy_channel(p.m, p.n, p.x, 5, 11);
    take(&p);
    assert_false(solve(&p, 0));
    assert_true(solve(&p, 1e-9));
    for (int o = 0; o < p.f; o++) {
        /* Both move alike. */
        double one = p.weights[5 * p.f + o] - p.start[5 * p.f + o];
        double other = p.weights[11 * p.f + o] - p.start[11 * p.f + o];
        assert_true(fabs(one - other) < 1e-4 * (1 + fabs(one)));
    }
    end(&p);
}

static void the_error_is_the_sum_of_squares(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES - 1; s++) {
        struct problem p = begin(sizes[s][0], sizes[s][1], sizes[s][2], 0.5);
        double expected = 0, energy = 0, found;
        take(&p);
        for (int i = 0; i < p.m; i++)
            for (int o = 0; o < p.f; o++) {
                double left = rest(&p, p.start, i, o);
                expected += left * left;
                energy += p.y[i * p.f + o] * p.y[i * p.f + o];
            }
        assert_true(tn_regression_error(&p.sums, p.start, &found, NULL, NULL));
        assert_true(fabs(found - expected) <= 1e-10 * (expected + energy));
        assert_true(fabs(tn_regression_energy(&p.sums) - energy) <= 1e-12 * energy);
        end(&p);
    }
}

static void merged_sums_are_those_of_all_samples(void **state)
{
    (void)state;
    struct problem p = begin(100, 6, 2, 0.5);
    struct tn_regression first, second;
    take(&p);
    assert_true(tn_regression_open(p.n, p.f, &first, NULL));
    assert_true(tn_regression_open(p.n, p.f, &second, NULL));
    tn_regression_add(&first, 40, p.x, p.y);
    tn_regression_add(&second, 60, p.x + 40 * p.n, p.y + 40 * p.f);
    tn_regression_merge(&first, &second);
    assert_int_equal(first.samples, 100);
    for (int r = 0; r < p.n; r++)
        for (int c = 0; c <= r; c++)
            assert_true(fabs(first.square[r * p.n + c] - p.sums.square[r * p.n + c]) < 1e-10);
    for (int i = 0; i < p.n * p.f; i++)
        assert_true(fabs(first.product[i] - p.sums.product[i]) < 1e-10);
    tn_regression_free(&first);
    tn_regression_free(&second);
    end(&p);
}

static void the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    double *one = NULL;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct problem p = begin(1500, 400, 70, 0.5);
        size_t bytes = (size_t)(p.n * p.f) * sizeof *p.weights;
        tn_threads_set(threads);
        take(&p);
        assert_true(solve(&p, 1e-3));
        if (!one) {
            one = tn_alloc(bytes, 1);
            memcpy(one, p.weights, bytes);
        }
        assert_memory_equal(one, p.weights, bytes);
        end(&p);
    }
    tn_free(one);
    tn_threads_set(0);
}

static void it_stops_when_asked(void **state)
{
    (void)state;
    struct problem p = begin(60, 5, 3, 0.5);
    atomic_bool cancelled = true;
    struct tn_progress progress = {.cancelled = &cancelled};
    struct tn_error error = {0};
    bool sound;
    take(&p);
    assert_false(tn_regression_solve(&p.sums, 0, p.start, p.weights, &sound, &progress, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    double squares;
    error.kind = TN_ERROR_NONE;
    assert_false(tn_regression_error(&p.sums, p.start, &squares, &progress, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_noise_and_ridge_the_truth_is_found),
        cmocka_unit_test(the_gradient_of_what_is_minimised_is_zero),
        cmocka_unit_test(a_great_ridge_stays_at_the_start),
        cmocka_unit_test(dead_unknowns_keep_what_they_start_with),
        cmocka_unit_test(copies_need_a_ridge),
        cmocka_unit_test(the_error_is_the_sum_of_squares),
        cmocka_unit_test(merged_sums_are_those_of_all_samples),
        cmocka_unit_test(the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(it_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
