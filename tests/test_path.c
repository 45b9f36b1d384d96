/* path: the greedy removal order and its errors, against the definitions evaluated straight from X.
 */
#include "prune/path.h"

#include "random_samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 64, MOST_SAMPLES = 128 };

static struct tn_gram gram_of(int m, int n, const double *x)
{
    struct tn_gram gram;
    assert_true(tn_gram_of_samples(m, n, x, &gram, NULL));
    return gram;
}

static double output_energy(int m, int n, const double *x)
{
    bool all[MOST];
    memset(all, true, sizeof all);
    return removed_energy(m, n, x, all);
}

static double energy_towards(int m, int n, const double *x, const double *y)
{
    return y ? squared_length(m, y) : output_energy(m, n, x);
}

/* Luo et al., algorithm 1, as written: for every candidate the whole sum over samples, of what is
 * left of the target y (NULL: X 1, which leaves the removed). */
static void reference_order(int m, int n, const double *x, const double *y,
                            const enum tn_lock *locks, int *order, double *errors)
{
    static const enum tn_lock turns[] = {TN_LOCK_PRUNE, TN_UNLOCKED, TN_LOCK_KEEP};
    double whole = energy_towards(m, n, x, y);
    bool gone[MOST] = {false};
    double removed[MOST_SAMPLES] = {0};
    int count = 0;
    for (int i = 0; y && i < m; i++) {
        removed[i] = y[i];
        for (int c = 0; c < n; c++)
            removed[i] -= x[i * n + c];
    }
    errors[0] = squared_length(m, removed) / whole;
    for (int turn = 0; turn < 3; turn++) {
        while (true) {
            int best = -1;
            double least = INFINITY;
            for (int c = 0; c < n; c++) {
                if (gone[c] || (locks ? locks[c] : TN_UNLOCKED) != turns[turn])
                    continue;
                double energy = 0;
                for (int i = 0; i < m; i++) {
                    double sum = removed[i] + x[i * n + c];
                    energy += sum * sum;
                }
                if (energy < least) {
                    least = energy;
                    best = c;
                }
            }
            if (best < 0)
                break;
            gone[best] = true;
            for (int i = 0; i < m; i++)
                removed[i] += x[i * n + best];
            order[count++] = best;
            errors[count] = least / whole;
        }
    }
}

/* min over w of ||y - X_S w||^2 / ||y||^2 */
static double residual_towards(int m, int n, const double *x, const double *y, int count,
                               const int *kept)
{
    double e[MOST_SAMPLES];
    return least_squares_residual(m, n, x, y, count, kept, e) / energy_towards(m, n, x, y);
}

static double residual(int m, int n, const double *x, int count, const int *kept)
{
    return residual_towards(m, n, x, NULL, count, kept);
}

static void compare_towards(int m, int n, const double *x, const double *y,
                            const enum tn_lock *locks)
{
    int order[MOST];
    double errors[MOST + 1];
    reference_order(m, n, x, y, locks, order, errors);
    struct tn_gram gram = gram_of(m, n, x);
    if (y) {
        gram.target = target_of(m, n, x, y);
        assert_non_null(gram.target);
        assert_true(tn_gram_energy(&gram) == tn_tensor_doubles(gram.target)[n]);
    }
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, locks, &path, NULL));
    assert_int_equal(path.channels, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(path.order[i], order[i]);
    for (int i = 0; i <= n; i++)
        assert_true(fabs(path.error[i] - errors[i]) < 1e-11);
    for (int i = 0; i < n; i++)
        assert_true(fabs(path.cost[i] - (errors[i + 1] - errors[i])) < 1e-11);
    assert_true((y || path.error[0] == 0) && path.error[n] == 1);
    for (int removed = 0; removed < n; removed++) {
        int kept[MOST];
        for (int i = 0; i < n - removed; i++)
            kept[i] = path.order[n - 1 - i];
        double expected = residual_towards(m, n, x, y, n - removed, kept);
        assert_true(fabs(path.error_ls[removed] - expected) < 1e-9);
        assert_true(path.error_ls[removed] <= path.error_ls[removed + 1] + 1e-12);
        assert_true(path.error_ls[removed] <= path.error[removed] + 1e-9);
    }
    assert_true(path.error_ls[n] == 1);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

static void compare_with_reference(int m, int n, const double *x, const enum tn_lock *locks)
{
    compare_towards(m, n, x, NULL, locks);
}

static void order_and_errors_equal_the_definition(void **state)
{
    (void)state;
    enum { M = 80 };
    double x[M * MOST];
    for (int n = 1; n <= 40; n += 3) {
        struct tn_random random;
        tn_random_seed(&random, 1, (uint64_t)n);
        random_samples(&random, M, n, x);
        compare_with_reference(M, n, x, NULL);
    }
}

static void another_output_can_be_the_target(void **state)
{
    (void)state;
    enum { M = 80 };
    double x[M * MOST], y[M];
    for (int n = 1; n <= 40; n += 3) {
        struct tn_random random;
        tn_random_seed(&random, 9, (uint64_t)n);
        random_samples(&random, M, n, x);
        random_target(&random, M, n, x, y);
        compare_towards(M, n, x, y, NULL);
        const enum tn_lock locks[MOST] = {[0] = TN_LOCK_KEEP, [7] = TN_LOCK_PRUNE};
        compare_towards(M, n, x, y, locks);
    }
    /* A target of the other sign: what is kept is worse than nothing. */
    struct tn_random random;
    tn_random_seed(&random, 9, 100);
    random_samples(&random, M, 20, x);
    sum_channels(M, 20, x, y);
    for (int i = 0; i < M; i++)
        y[i] *= -1;
    compare_towards(M, 20, x, y, NULL);
    struct tn_gram gram = gram_of(M, 20, x);
    gram.target = target_of(M, 20, x, y);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    assert_true(fabs(path.error[0] - 4) < 1e-12 && path.cost[0] < 0);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

/* Copies of a filter, and dead ones, go by index whatever the target. */
static void equals_go_by_index_with_a_target(void **state)
{
    (void)state;
    enum { M = 70, N = 30 };
    double x[M * N], y[M];
    struct tn_random random;
    tn_random_seed(&random, 2, 1);
    random_samples(&random, M, N, x);
    kill_channel(M, N, x, 21);
    kill_channel(M, N, x, 4);
    copy_channel(M, N, x, 6, 17);
    copy_channel(M, N, x, 6, 3);
    copy_channel(M, N, x, 25, 9);
    random_target(&random, M, N, x, y);
    compare_towards(M, N, x, y, NULL);
}

static void dead_and_copied_filters_go_lowest_index_first(void **state)
{
    (void)state;
    enum { M = 70, N = 30 };
    double x[M * N];
    struct tn_random random;
    tn_random_seed(&random, 2, 0);
    random_samples(&random, M, N, x);
    kill_channel(M, N, x, 21);
    kill_channel(M, N, x, 4);
    kill_channel(M, N, x, 13);
    copy_channel(M, N, x, 6, 17);
    copy_channel(M, N, x, 6, 3);
    copy_channel(M, N, x, 25, 9);
    compare_with_reference(M, N, x, NULL);
    struct tn_gram gram = gram_of(M, N, x);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    assert_int_equal(path.order[0], 4);
    assert_int_equal(path.order[1], 13);
    assert_int_equal(path.order[2], 21);
    assert_true(path.error[3] == 0);
    assert_true(path.ridge > 0);
    int at_3 = 0, at_6 = 0, at_17 = 0;
    for (int i = 0; i < N; i++) {
        at_3 = path.order[i] == 3 ? i : at_3;
        at_6 = path.order[i] == 6 ? i : at_6;
        at_17 = path.order[i] == 17 ? i : at_17;
    }
    assert_true(at_3 < at_6 && at_6 < at_17);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

static void fewer_samples_than_filters_are_enough_for_a_path(void **state)
{
    (void)state;
    enum { M = 12, N = 30 };
    double x[M * N];
    struct tn_random random;
    tn_random_seed(&random, 3, 0);
    random_samples(&random, M, N, x);
    struct tn_gram gram = gram_of(M, N, x);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    assert_true(path.ridge >= 1e-12 && path.ridge < 1e-9);
    for (int i = 0; i <= N; i++)
        assert_true(isfinite(path.error_ls[i]));
    for (int i = 0; i <= N - M; i++)
        assert_true(path.error_ls[i] < 1e-6);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

static void locked_filters_go_first_or_last(void **state)
{
    (void)state;
    enum { M = 60, N = 20 };
    double x[M * N];
    struct tn_random random;
    tn_random_seed(&random, 4, 0);
    random_samples(&random, M, N, x);
    enum tn_lock locks[N] = {[2] = TN_LOCK_KEEP,
                             [3] = TN_LOCK_PRUNE,
                             [11] = TN_LOCK_PRUNE,
                             [12] = TN_LOCK_KEEP,
                             [19] = TN_LOCK_PRUNE};
    compare_with_reference(M, N, x, locks);
    struct tn_gram gram = gram_of(M, N, x);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, locks, &path, NULL));
    for (int i = 0; i < 3; i++)
        assert_int_equal(locks[path.order[i]], TN_LOCK_PRUNE);
    for (int i = N - 2; i < N; i++)
        assert_int_equal(locks[path.order[i]], TN_LOCK_KEEP);
    assert_int_equal(path.runner_up[2], -1);
    assert_int_equal(locks[path.runner_up[3]], TN_UNLOCKED);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

/* ||y - X_S 1||^2, y NULL: X 1 */
static double error_without(int m, int n, const double *x, const double *y, const bool *gone)
{
    double left[MOST_SAMPLES];
    if (!y)
        return removed_energy(m, n, x, gone);
    for (int i = 0; i < m; i++) {
        left[i] = y[i];
        for (int c = 0; c < n; c++)
            left[i] -= gone[c] ? 0 : x[i * n + c];
    }
    return squared_length(m, left);
}

static void walk_and_compare(bool with_target)
{
    enum { M = 60, N = 24 };
    double x[M * N], target[M];
    const double *y = with_target ? target : NULL;
    struct tn_random random;
    tn_random_seed(&random, 5, 0);
    random_samples(&random, M, N, x);
    random_target(&random, M, N, x, target);
    struct tn_gram gram = gram_of(M, N, x);
    gram.target = y ? target_of(M, N, x, y) : NULL;
    double whole = energy_towards(M, N, x, y);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    bool gone[N] = {false};
    for (int removed = 0; removed < N; removed++) {
        int filters[N];
        double costs[N];
        int count = tn_path_candidates(&gram, &path, removed, NULL, N, filters, costs);
        assert_int_equal(count, N - removed);
        assert_int_equal(filters[0], path.order[removed]);
        assert_true(fabs(costs[0] - path.cost[removed]) < 1e-12);
        if (count > 1) {
            assert_int_equal(filters[1], path.runner_up[removed]);
            assert_true(fabs(costs[1] - path.runner_up_cost[removed]) < 1e-12);
        } else {
            assert_int_equal(path.runner_up[removed], -1);
        }
        double before = error_without(M, N, x, y, gone);
        for (int i = 0; i < count; i++) {
            assert_true(i == 0 || costs[i] >= costs[i - 1]);
            gone[filters[i]] = true;
            double cost = (error_without(M, N, x, y, gone) - before) / whole;
            gone[filters[i]] = false;
            assert_true(fabs(costs[i] - cost) < 1e-11);
        }
        gone[path.order[removed]] = true;
    }
    int filter;
    double cost;
    assert_int_equal(tn_path_candidates(&gram, &path, N, NULL, 1, &filter, &cost), 0);
    tn_path_free(&path);
    tn_gram_free(&gram);
}

static void runner_up_and_candidates_agree_with_the_walk(void **state)
{
    (void)state;
    walk_and_compare(false);
    walk_and_compare(true);
}

static void any_order_has_its_errors(void **state)
{
    (void)state;
    enum { M = 60, N = 17 };
    double x[M * N];
    struct tn_random random;
    tn_random_seed(&random, 6, 0);
    random_samples(&random, M, N, x);
    struct tn_gram gram = gram_of(M, N, x);
    uint32_t shuffled[N];
    int order[N];
    for (uint32_t i = 0; i < N; i++)
        shuffled[i] = i;
    tn_random_shuffle(&random, shuffled, N);
    for (int i = 0; i < N; i++)
        order[i] = (int)shuffled[i];
    struct tn_path path;
    assert_true(tn_path_of_order(&gram, order, NULL, &path, NULL));
    bool gone[N] = {false};
    double whole = output_energy(M, N, x);
    for (int i = 0; i < N; i++) {
        assert_int_equal(path.order[i], order[i]);
        gone[order[i]] = true;
        assert_true(fabs(path.error[i + 1] - removed_energy(M, N, x, gone) / whole) < 1e-12);
        int kept[N], count = 0;
        for (int c = 0; c < N; c++) {
            if (!gone[c])
                kept[count++] = c;
        }
        if (count > 0)
            assert_true(fabs(path.error_ls[i + 1] - residual(M, N, x, count, kept)) < 1e-10);
    }
    tn_path_free(&path);

    struct tn_error error = {0};
    order[3] = order[4];
    assert_false(tn_path_of_order(&gram, order, NULL, &path, &error));
    assert_non_null(strstr(error.text, "each of 17 filters once"));
    order[3] = 17;
    assert_false(tn_path_of_order(&gram, order, NULL, &path, &error));
    tn_gram_free(&gram);
}

static void least_squares_weights_make_the_residual_orthogonal(void **state)
{
    (void)state;
    enum { M = 90, N = 25, KEPT = 11 };
    double x[M * N];
    struct tn_random random;
    tn_random_seed(&random, 7, 0);
    random_samples(&random, M, N, x);
    kill_channel(M, N, x, 8);
    struct tn_gram gram = gram_of(M, N, x);
    const int kept[KEPT] = {0, 3, 4, 8, 9, 12, 13, 17, 20, 22, 24};
    double w[KEPT], relative, ridge;
    assert_true(tn_least_squares(&gram, KEPT, kept, w, &relative, &ridge, NULL));
    assert_true(ridge == 0);
    assert_true(w[3] == 0); /* the dead one */
    double left[M], energy = 0, sum = 0;
    for (int i = 0; i < M; i++) {
        left[i] = 0;
        for (int c = 0; c < N; c++)
            left[i] += x[i * N + c];
        energy += left[i] * left[i];
        for (int k = 0; k < KEPT; k++)
            left[i] -= w[k] * x[i * N + kept[k]];
        sum += left[i] * left[i];
    }
    for (int k = 0; k < KEPT; k++) {
        double dot = 0;
        for (int i = 0; i < M; i++)
            dot += left[i] * x[i * N + kept[k]];
        assert_true(fabs(dot) < 1e-12 * energy);
    }
    assert_true(fabs(sum / energy - relative) < 1e-12);
    assert_true(fabs(residual(M, N, x, KEPT, kept) - relative) < 1e-12);
    tn_gram_free(&gram);
}

static void least_squares_on_all_channels_changes_nothing(void **state)
{
    (void)state;
    enum { M = 90, N = 25 };
    double x[M * N], w[N], relative, ridge;
    int kept[N];
    struct tn_random random;
    tn_random_seed(&random, 8, 0);
    random_samples(&random, M, N, x);
    struct tn_gram gram = gram_of(M, N, x);
    for (int c = 0; c < N; c++)
        kept[c] = c;
    assert_true(tn_least_squares(&gram, N, kept, w, &relative, &ridge, NULL));
    for (int c = 0; c < N; c++)
        assert_true(fabs(w[c] - 1) < 1e-10);
    assert_true(relative < 1e-12);

    struct tn_error error = {0};
    assert_false(tn_least_squares(&gram, 0, kept, w, &relative, &ridge, &error));
    assert_string_equal(error.text, "least squares on 0 of 25 channels: 1 to 25 expected");
    kept[0] = 25;
    assert_false(tn_least_squares(&gram, 3, kept, w, &relative, &ridge, &error));
    tn_gram_free(&gram);
}

static void copies_share_their_weight_by_a_small_ridge(void **state)
{
    (void)state;
    enum { M = 90, N = 10 };
    double x[M * N], w[2], relative, ridge;
    struct tn_random random;
    tn_random_seed(&random, 8, 1);
    random_samples(&random, M, N, x);
    copy_channel(M, N, x, 1, 5);
    struct tn_gram gram = gram_of(M, N, x);
    assert_true(tn_least_squares(&gram, 2, (const int[]){1, 5}, w, &relative, &ridge, NULL));
    assert_true(ridge > 0 && ridge <= 1e-10);
    double one, alone;
    assert_true(tn_least_squares(&gram, 1, (const int[]){1}, &one, &alone, &ridge, NULL));
    assert_true(fabs(w[0] + w[1] - one) < 1e-6 * fabs(one));
    assert_true(fabs(relative - alone) < 1e-9);
    tn_gram_free(&gram);
}

static void a_layer_with_no_output_has_no_error(void **state)
{
    (void)state;
    enum { M = 20, N = 6 };
    double x[M * N], w[2] = {NAN, NAN}, relative = NAN, ridge;
    memset(x, 0, sizeof x);
    struct tn_gram gram = gram_of(M, N, x);
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    for (int i = 0; i <= N; i++)
        assert_true(path.error[i] == 0 && path.error_ls[i] == 0);
    for (int i = 0; i < N; i++)
        assert_true(path.order[i] == i && path.cost[i] == 0);
    tn_path_free(&path);
    assert_true(tn_least_squares(&gram, 2, (const int[]){1, 5}, w, &relative, &ridge, NULL));
    assert_true(w[0] == 0 && w[1] == 0 && relative == 0);
    tn_gram_free(&gram);
}

static void statistics_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, NAN, 5, 6};
    struct tn_gram gram = gram_of(2, 3, x);
    struct tn_path path;
    struct tn_error error = {0};
    assert_false(tn_path_thinet(&gram, NULL, &path, &error));
    assert_non_null(strstr(error.text, "not finite"));
    tn_gram_free(&gram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_errors_equal_the_definition),
        cmocka_unit_test(another_output_can_be_the_target),
        cmocka_unit_test(equals_go_by_index_with_a_target),
        cmocka_unit_test(dead_and_copied_filters_go_lowest_index_first),
        cmocka_unit_test(fewer_samples_than_filters_are_enough_for_a_path),
        cmocka_unit_test(locked_filters_go_first_or_last),
        cmocka_unit_test(runner_up_and_candidates_agree_with_the_walk),
        cmocka_unit_test(any_order_has_its_errors),
        cmocka_unit_test(least_squares_weights_make_the_residual_orthogonal),
        cmocka_unit_test(least_squares_on_all_channels_changes_nothing),
        cmocka_unit_test(copies_share_their_weight_by_a_small_ridge),
        cmocka_unit_test(a_layer_with_no_output_has_no_error),
        cmocka_unit_test(statistics_that_are_not_finite_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
