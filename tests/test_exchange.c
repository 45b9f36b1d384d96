/* exchange: thinet-x against the greedy methods, every swap, and every set there is. */
#include "prune/exchange.h"

#include "method_support.h"
#include "prune/path.h"
#include "prune/pursuit.h"

static int popcount(unsigned set)
{
    return __builtin_popcount(set);
}

/* Least error of all sets of each size that hold the filters locked to be kept and none of those
 * locked to be pruned, as far as the size lets them. */
static void search(const struct samples *s, const enum tn_lock *locks, double *least)
{
    int n = s->channels;
    unsigned must = 0, may = 0;
    for (int c = 0; c < n; c++) {
        must |= (unsigned)(tn_lock_rank(locks, c) == 2) << c;
        may |= (unsigned)(tn_lock_rank(locks, c) >= 1) << c;
    }
    for (int k = 0; k <= n; k++)
        least[k] = INFINITY;
    for (unsigned set = 1; set < 1u << n; set++) {
        int k = popcount(set), kept[MOST], count = 0;
        bool fits = k <= popcount(must)
                        ? (set & ~must) == 0
                        : (set & must) == must &&
                              (k <= popcount(may) ? (set & ~may) == 0 : (set & may) == may);
        if (!fits)
            continue;
        for (int c = 0; c < n; c++) {
            if (set >> c & 1)
                kept[count++] = c;
        }
        least[k] = fmin(least[k], error_of(s, count, kept));
    }
}

/* ||y - X_S 1||^2 / ||y||^2 */
static double plain_error_of(const struct samples *s, int count, const int *kept)
{
    double y[SAMPLES], left[SAMPLES];
    sum_channels(SAMPLES, s->channels, s->x, y);
    for (int i = 0; i < SAMPLES; i++) {
        y[i] = s->y ? s->y[i] : y[i];
        left[i] = y[i];
        for (int k = 0; k < count; k++)
            left[i] -= s->x[i * s->channels + kept[k]];
    }
    return squared_length(SAMPLES, left) / squared_length(SAMPLES, y);
}

/* No swap of a kept filter for a removed one of the same lock makes the error smaller. */
static void assert_no_swap_is_better(const struct samples *s, const enum tn_lock *locks,
                                     const int *order, int keep, double error)
{
    int n = s->channels, kept[MOST];
    for (int out = n - keep; out < n; out++) {
        for (int in = 0; in < n - keep; in++) {
            if (tn_lock_rank(locks, order[out]) != tn_lock_rank(locks, order[in]))
                continue;
            memcpy(kept, order + n - keep, (size_t)keep * sizeof *kept);
            kept[out - (n - keep)] = order[in];
            assert_true(error_of(s, keep, kept) >= error * (1 - 1e-9) - 1e-11);
        }
    }
}

/* How thinet-x stands between the greedy ones and the optimum, over many draws. */
struct standing {
    int cases, optimal, greedy_optimal;
    double exchanged, greedy; /* mean of error / least error */
};

static void compare_exchange(const struct samples *s, const enum tn_lock *locks,
                             struct standing *standing)
{
    int n = s->channels, greedy[MOST], pursuit[MOST], order[MOST];
    double score[MOST], least[MOST + 1];
    rank_samples("thinet", s, locks, 0, greedy, score);
    rank_samples("thinet-w", s, locks, 0, pursuit, score);
    search(s, locks, least);
    for (int keep = 1; keep <= n; keep++) {
        rank_samples("thinet-x", s, locks, keep, order, score);
        double error = error_of_order(s, order, keep);
        double other = fmin(error_of_order(s, greedy, keep), error_of_order(s, pursuit, keep));
        assert_true(error <= other + 1e-12);
        assert_true(error >= least[keep] - 1e-12);
        /* Scores are the steps of the error along the order. */
        for (int i = 0; i < n; i++) {
            double step = error_of_order(s, order, n - i - 1) - error_of_order(s, order, n - i);
            assert_true(fabs(score[order[i]] - step) < 1e-8);
        }
        if (keep == n || least[keep] < 1e-9)
            continue;
        standing->cases++;
        standing->optimal += error < least[keep] * (1 + 1e-9);
        standing->greedy_optimal += other < least[keep] * (1 + 1e-9);
        standing->exchanged += error / least[keep];
        standing->greedy += other / least[keep];
    }
}

static void thinet_x_is_never_worse_than_either_greedy(void **state)
{
    (void)state;
    struct standing standing = {0};
    for (int n = 1; n <= 12; n++) {
        for (uint64_t seed = 0; seed < (n < 10 ? 6 : 2); seed++) {
            struct samples s;
            if (seed % 2 == 0)
                draw(&s, n, 100 + seed);
            else
                draw_mixed(&s, n, 100 + seed);
            gather(&s);
            compare_exchange(&s, NULL, &standing);
            compare_exchange(&s, some_locks, &standing);
            tn_gram_free(&s.gram);
            if (n > 10 || seed > 1)
                continue;
            draw_target(&s, seed);
            gather(&s);
            compare_exchange(&s, NULL, &standing);
            compare_exchange(&s, some_locks, &standing);
            tn_gram_free(&s.gram);
        }
    }
    print_message("%d cases: optimal %d, the better greedy %d; mean error / least %.4f, %.4f\n",
                  standing.cases, standing.optimal, standing.greedy_optimal,
                  standing.exchanged / standing.cases, standing.greedy / standing.cases);
    assert_true(standing.optimal > standing.greedy_optimal);
    assert_true(standing.exchanged < standing.greedy);
}

static void no_swap_makes_thinet_x_better(void **state)
{
    (void)state;
    for (int n = 8; n <= MOST; n += 6) {
        struct samples s;
        draw_mixed(&s, n, 300);
        if (n % 4 == 0)
            draw_target(&s, 300);
        gather(&s);
        for (int keep = 1; keep < n; keep++) {
            const enum tn_lock *locks = keep % 2 ? some_locks : NULL;
            int order[MOST];
            double score[MOST];
            rank_samples("thinet-x", &s, locks, keep, order, score);
            assert_no_swap_is_better(&s, locks, order, keep, error_of_order(&s, order, keep));
        }
        tn_gram_free(&s.gram);
    }
}

static void thinet_x_bears_dead_and_copied_filters(void **state)
{
    (void)state;
    struct standing standing = {0};
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct samples s;
        draw(&s, 10, 200 + seed);
        kill_channel(SAMPLES, 10, s.x, 8);
        copy_channel(SAMPLES, 10, s.x, 0, 3);
        copy_channel(SAMPLES, 10, s.x, 0, 7);
        copy_channel(SAMPLES, 10, s.x, 9, 2);
        gather(&s);
        compare_exchange(&s, NULL, &standing);
        compare_exchange(&s, some_locks, &standing);
        /* All that is not a copy explains the rest. */
        int order[MOST];
        double score[MOST];
        rank_samples("thinet-x", &s, NULL, 6, order, score);
        assert_true(error_of_order(&s, order, 6) < 1e-12);
        tn_gram_free(&s.gram);
    }
}

static void sets_of_all_sizes_have_the_errors_they_state(void **state)
{
    (void)state;
    struct samples s;
    draw(&s, 30, 11);
    copy_channel(SAMPLES, 30, s.x, 12, 28);
    kill_channel(SAMPLES, 30, s.x, 3);
    for (int turn = 0; turn < 4; turn++) {
        const enum tn_lock *locks = turn % 2 ? some_locks : NULL;
        if (turn == 2)
            draw_target(&s, 11);
        gather(&s);
        struct tn_exchange sets;
        assert_true(tn_exchange_of(&s.gram, locks, NULL, &sets, NULL));
        int order[MOST];
        double score[MOST];
        for (int keep = 0; keep <= 30; keep++) {
            int kept[MOST], count = 0;
            for (int c = 0; c < 30; c++) {
                if (sets.kept[keep * 30 + c])
                    kept[count++] = c;
            }
            assert_int_equal(count, keep);
            assert_true(fabs(error_of(&s, keep, kept) - sets.error_ls[30 - keep]) < 1e-10);
            assert_true(fabs(plain_error_of(&s, keep, kept) - sets.error[30 - keep]) < 1e-12);
            assert_true(tn_exchange_order(&s.gram, locks, &sets, keep, NULL, order, score, NULL));
            for (int i = 0; i < 30; i++)
                assert_int_equal(sets.kept[keep * 30 + order[i]], i >= 30 - keep);
        }
        struct tn_error error = {0};
        assert_false(tn_exchange_order(&s.gram, locks, &sets, 31, NULL, order, score, &error));
        tn_exchange_free(&sets);
        tn_gram_free(&s.gram);
    }
}

/* Three channels of which the first alone is best, and the other two are the best pair: no nested
 * sets have both, so the order depends on the number kept. */
static void the_order_of_thinet_x_is_made_for_a_number_kept(void **state)
{
    (void)state;
    struct samples s = {.channels = 3};
    for (int i = 0; i < SAMPLES; i++) {
        double a = sin(i + 1.0), b = cos(i * 1.7), noise = sin(i * i * 0.3);
        s.x[i * 3 + 1] = a + 0.3 * noise;
        s.x[i * 3 + 2] = b - 0.3 * noise;
        s.x[i * 3] = 0.9 * (a + b) + 0.05 * sin(i * 0.77);
    }
    gather(&s);
    int one[MOST], two[MOST];
    double score[MOST];
    rank_samples("thinet-x", &s, NULL, 1, one, score);
    rank_samples("thinet-x", &s, NULL, 2, two, score);
    assert_int_equal(one[2], 0);
    assert_int_equal(two[0], 0);
    tn_gram_free(&s.gram);
}

/* The sets of a wide layer are held against least squares on them, and both greedy orders. */
static void wide_layers_are_no_worse_than_either_greedy(void **state)
{
    (void)state;
    enum { WIDE = 1030, ROWS = 1300, EVERY = 64 };
    struct tn_random random;
    struct tn_gram gram;
    double *x = tn_alloc((size_t)ROWS * WIDE, sizeof *x), *score = tn_alloc(WIDE, sizeof *score);
    int *order = tn_alloc(WIDE, sizeof *order), *kept = tn_alloc(WIDE, sizeof *kept);
    double *weights = tn_alloc(WIDE, sizeof *weights), *y = tn_alloc(ROWS, sizeof *y);
    assert_true(x && y && score && order && kept && weights);
    tn_random_seed(&random, 14, 0);
    random_samples(&random, ROWS, WIDE, x);
    assert_true(tn_gram_of_samples(ROWS, WIDE, x, &gram, NULL));
    random_target(&random, ROWS, WIDE, x, y);
    gram.target = target_of(ROWS, WIDE, x, y);
    assert_non_null(gram.target);
    struct tn_exchange sets;
    assert_true(tn_exchange_of(&gram, NULL, NULL, &sets, NULL));
    for (int keep = EVERY; keep < WIDE; keep += EVERY) {
        int count = 0;
        double error;
        for (int c = 0; c < WIDE; c++) {
            if (sets.kept[keep * WIDE + c])
                kept[count++] = c;
        }
        assert_int_equal(count, keep);
        assert_true(tn_least_squares(&gram, keep, kept, weights, &error, NULL, NULL));
        assert_true(fabs(error - sets.error_ls[WIDE - keep]) < 1e-9);
    }
    struct tn_path path;
    assert_true(tn_path_thinet(&gram, NULL, &path, NULL));
    int better = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i <= WIDE; i++) {
            assert_true(sets.error_ls[i] <= path.error_ls[i] + 1e-12);
            better += sets.error_ls[i] < 0.99 * path.error_ls[i];
        }
        tn_path_free(&path);
        if (turn == 0) {
            assert_true(tn_pursuit_order(&gram, NULL, NULL, order, score, NULL));
            assert_true(tn_path_of_order(&gram, order, NULL, &path, NULL));
        }
    }
    assert_true(better > WIDE / 4);
    tn_exchange_free(&sets);
    tn_gram_free(&gram);
    tn_free(x);
    tn_free(y);
    tn_free(score);
    tn_free(order);
    tn_free(kept);
    tn_free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thinet_x_is_never_worse_than_either_greedy),
        cmocka_unit_test(no_swap_makes_thinet_x_better),
        cmocka_unit_test(thinet_x_bears_dead_and_copied_filters),
        cmocka_unit_test(sets_of_all_sizes_have_the_errors_they_state),
        cmocka_unit_test(the_order_of_thinet_x_is_made_for_a_number_kept),
        cmocka_unit_test(wide_layers_are_no_worse_than_either_greedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
