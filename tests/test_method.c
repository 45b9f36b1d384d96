/* method: removal orders from statistics, activations and chance against their definitions. */
#include "core/threads.h"
#include "method_support.h"
#include "prune/path.h"

#include <stdlib.h>

/* --- thinet, thinet-w --- */

static void thinet_is_the_path(void **state)
{
    (void)state;
    struct samples s;
    draw(&s, 20, 1);
    gather(&s);
    int order[MOST];
    double score[MOST];
    struct tn_path path;
    rank_samples("thinet", &s, some_locks, 0, order, score);
    assert_true(tn_path_thinet(&s.gram, some_locks, &path, NULL));
    for (int i = 0; i < s.channels; i++) {
        assert_int_equal(order[i], path.order[i]);
        assert_true(score[order[i]] == path.cost[i]);
    }
    tn_path_free(&path);
    tn_gram_free(&s.gram);
}

/* Luo et al. 2018 from the samples: the residual of the chosen, and what it has of each channel. */
static void pursue(const struct samples *s, const enum tn_lock *locks, int *order, double *score)
{
    int n = s->channels, kept[MOST], count = 0;
    bool taken[MOST] = {false};
    double e[SAMPLES], energy = least_squares_residual(SAMPLES, n, s->x, s->y, 0, NULL, e);
    for (int rank = 2; rank >= 0; rank--) {
        while (true) {
            int best = -1;
            double most = -1;
            least_squares_residual(SAMPLES, n, s->x, s->y, count, kept, e);
            for (int c = 0; c < n; c++) {
                if (taken[c] || tn_lock_rank(locks, c) != rank)
                    continue;
                double dot = 0, own = 0;
                for (int i = 0; i < SAMPLES; i++) {
                    dot += s->x[i * n + c] * e[i];
                    own += s->x[i * n + c] * s->x[i * n + c];
                }
                double term = own > 0 ? dot * dot / own / energy : 0;
                if (term > most + 1e-20) {
                    most = term;
                    best = c;
                }
            }
            if (best < 0)
                break;
            taken[best] = true;
            kept[count++] = best;
            order[n - count] = best;
            score[best] = most;
        }
    }
}

static void compare_pursuit(const struct samples *s, const enum tn_lock *locks)
{
    int order[MOST], expected[MOST];
    double score[MOST], terms[MOST];
    rank_samples("thinet-w", s, locks, 0, order, score);
    pursue(s, locks, expected, terms);
    for (int i = 0; i < s->channels; i++) {
        assert_int_equal(order[i], expected[i]);
        assert_true(fabs(score[i] - terms[i]) < 1e-10);
    }
}

static void thinet_w_is_the_definition(void **state)
{
    (void)state;
    for (int n = 1; n <= MOST; n++) {
        struct samples s;
        draw(&s, n, 2);
        gather(&s);
        compare_pursuit(&s, NULL);
        compare_pursuit(&s, some_locks);
        tn_gram_free(&s.gram);
        draw_mixed(&s, n, 2);
        gather(&s);
        compare_pursuit(&s, NULL);
        tn_gram_free(&s.gram);
        draw_target(&s, 2);
        gather(&s);
        compare_pursuit(&s, NULL);
        compare_pursuit(&s, some_locks);
        tn_gram_free(&s.gram);
    }
}

static void thinet_w_passes_over_dead_and_copied_filters(void **state)
{
    (void)state;
    struct samples s;
    draw(&s, 24, 3);
    kill_channel(SAMPLES, 24, s.x, 7);
    kill_channel(SAMPLES, 24, s.x, 20);
    copy_channel(SAMPLES, 24, s.x, 3, 15);
    copy_channel(SAMPLES, 24, s.x, 22, 9);
    gather(&s);
    compare_pursuit(&s, NULL);
    int order[MOST];
    double score[MOST];
    rank_samples("thinet-w", &s, NULL, 0, order, score);
    /* Of equals the lowest index is chosen first; what adds nothing comes last. */
    static const int idle[] = {22, 20, 15, 7};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(order[i], idle[i]);
        assert_true(score[idle[i]] < 1e-25);
    }
    tn_gram_free(&s.gram);
}

/* --- lasso --- */

/* b = X^T y */
static void correlate(const struct samples *s, double *b)
{
    int n = s->channels;
    double y[SAMPLES];
    sum_channels(SAMPLES, n, s->x, y);
    for (int c = 0; c < n; c++) {
        b[c] = 0;
        for (int i = 0; i < SAMPLES; i++)
            b[c] += s->x[i * n + c] * (s->y ? s->y[i] : y[i]);
    }
}

/* beta at one lambda by coordinate descent. */
static void descend(const struct samples *s, double lambda, double *beta)
{
    int n = s->channels;
    const double *g = tn_tensor_doubles(s->gram.matrix);
    double b[MOST];
    correlate(s, b);
    for (int round = 0; round < 20000; round++) {
        double moved = 0;
        for (int c = 0; c < n; c++) {
            if (g[c * n + c] == 0)
                continue;
            double left = b[c] + g[c * n + c] * beta[c];
            for (int k = 0; k < n; k++)
                left -= g[c * n + k] * beta[k];
            double size = fmax(fabs(left) - lambda, 0) / g[c * n + c];
            double next = left < 0 ? -size : size;
            moved = fmax(moved, fabs(next - beta[c]));
            beta[c] = next;
        }
        if (moved < 1e-14)
            return;
    }
    fail_msg("coordinate descent does not end");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Scores are the largest lambdas at which coordinate descent finds the channels not 0: at each,
 * that channel comes in and none of lower score is. */
static void compare_lasso(const struct samples *s)
{
    int n = s->channels, order[MOST];
    double score[MOST], sorted[MOST], beta[MOST] = {0};
    rank_samples("lasso", s, NULL, 0, order, score);
    double largest = 0, b[MOST];
    correlate(s, b);
    for (int c = 0; c < n; c++)
        largest = fmax(largest, fabs(b[c]));
    memcpy(sorted, score, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    assert_true(sorted[n - 1] == 1);
    for (int i = n - 1; i >= 0; i--) {
        if (sorted[i] == 0)
            break;
        for (int turn = 0; turn < 2; turn++) {
            double at = sorted[i] * (turn == 0 ? 1 + 1e-6 : 1 - 1e-6);
            descend(s, at * largest, beta);
            for (int c = 0; c < n; c++) {
                if (score[c] < at)
                    assert_true(beta[c] == 0);
                if (turn == 1 && score[c] == sorted[i])
                    assert_true(fabs(beta[c]) > 1e-9);
            }
        }
    }
    for (int i = 1; i < n; i++)
        assert_true(score[order[i - 1]] < score[order[i]] ||
                    (score[order[i - 1]] == score[order[i]] && order[i - 1] < order[i]));
}

static void lasso_drops_what_coordinate_descent_drops(void **state)
{
    (void)state;
    for (int n = 1; n <= 25; n += 3) {
        struct samples s;
        draw(&s, n, 7);
        gather(&s);
        compare_lasso(&s);
        tn_gram_free(&s.gram);
        draw_mixed(&s, n, 7);
        gather(&s);
        compare_lasso(&s);
        tn_gram_free(&s.gram);
        draw_target(&s, 7);
        gather(&s);
        compare_lasso(&s);
        tn_gram_free(&s.gram);
    }
}

static void lasso_never_needs_dead_and_copied_filters(void **state)
{
    (void)state;
    struct samples s;
    draw(&s, 12, 8);
    kill_channel(SAMPLES, 12, s.x, 5);
    copy_channel(SAMPLES, 12, s.x, 2, 9);
    gather(&s);
    int order[MOST];
    double score[MOST];
    rank_samples("lasso", &s, NULL, 0, order, score);
    assert_true(order[0] == 5 && order[1] == 9);
    assert_true(score[5] == 0 && score[9] == 0 && score[2] > 0);
    rank_samples("lasso", &s, some_locks, 0, order, score);
    tn_gram_free(&s.gram);
}

/* --- at the edges --- */

static void a_layer_with_no_output_can_be_ranked(void **state)
{
    (void)state;
    struct samples s = {.channels = 4};
    gather(&s);
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if ((method->needs & TN_NEEDS_GRAM) == 0)
            continue;
        int order[MOST];
        double score[MOST];
        rank_samples(method->name, &s, NULL, 0, order, score);
        for (int i = 0; i < 4; i++)
            assert_true(score[i] == 0);
    }
    tn_gram_free(&s.gram);
}

/* A network that was not changed has its own output for a target: all is as without one. */
static void its_own_output_as_target_changes_no_order(void **state)
{
    (void)state;
    struct samples s;
    draw_mixed(&s, 30, 14);
    kill_channel(SAMPLES, 30, s.x, 5);
    copy_channel(SAMPLES, 30, s.x, 2, 9);
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if ((method->needs & TN_NEEDS_GRAM) == 0)
            continue;
        int order[2][MOST];
        double score[2][MOST];
        for (int with = 0; with < 2; with++) {
            sum_channels(SAMPLES, 30, s.x, s.target);
            s.y = with ? s.target : NULL;
            gather(&s);
            rank_samples(method->name, &s, some_locks, 11, order[with], score[with]);
            tn_gram_free(&s.gram);
        }
        assert_memory_equal(order[0], order[1], 30 * sizeof **order);
        for (int c = 0; c < 30; c++)
            assert_true(fabs(score[0][c] - score[1][c]) < 1e-11);
    }
}

static void fewer_samples_than_filters_are_enough(void **state)
{
    (void)state;
    enum { M = 12, N = 30 };
    struct samples s;
    draw(&s, N, 9);
    s.gram = (struct tn_gram){0};
    assert_true(tn_gram_of_samples(M, N, s.x, &s.gram, NULL));
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if ((method->needs & TN_NEEDS_GRAM) == 0)
            continue;
        for (int keep = 1; keep <= N; keep += 7) {
            int order[MOST];
            double score[MOST];
            rank_samples(method->name, &s, NULL, keep, order, score);
        }
    }
    tn_gram_free(&s.gram);
}

static void statistics_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    struct samples s;
    draw(&s, 5, 10);
    s.x[17] = NAN;
    gather(&s);
    const struct tn_method_input input = {.channels = 5, .gram = &s.gram, .group = "conv1"};
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if ((method->needs & TN_NEEDS_GRAM) == 0)
            continue;
        int order[MOST];
        double score[MOST];
        struct tn_error error = {0};
        assert_false(tn_method_rank(method, &input, order, score, &error));
        assert_non_null(strstr(error.text, "not finite"));
    }
    tn_gram_free(&s.gram);

    draw(&s, 5, 10);
    draw_target(&s, 10);
    s.target[3] = INFINITY;
    gather(&s);
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if ((method->needs & TN_NEEDS_GRAM) == 0)
            continue;
        int order[MOST];
        double score[MOST];
        struct tn_error error = {0};
        assert_false(tn_method_rank(method, &input, order, score, &error));
        assert_non_null(strstr(error.text, "target of the statistics is not finite"));
    }
    tn_gram_free(&s.gram);
}

/* Cancelled when asked for the n-th time. */
struct stop {
    atomic_bool cancelled;
    int left;
};

static void count_down(void *context, const char *stage, double done, double total,
                       const char *unit, const char *detail)
{
    (void)stage;
    (void)detail;
    struct stop *stop = context;
    assert_true(done >= 0 && done <= total);
    assert_string_equal(unit, "filters");
    if (--stop->left < 0)
        atomic_store(&stop->cancelled, true);
}

static void long_ones_can_be_cancelled(void **state)
{
    (void)state;
    struct samples s;
    draw_mixed(&s, MOST, 12);
    gather(&s);
    static const struct {
        const char *method;
        int reports;
    } cases[] = {{"thinet-w", 0}, {"lasso", 0},     {"lasso", 3},
                 {"thinet-x", 0}, {"thinet-x", 50}, {"thinet-x", 90}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stop stop = {.left = cases[i].reports};
        const struct tn_progress progress = {
            .report = count_down, .context = &stop, .cancelled = &stop.cancelled};
        const struct tn_method_input input = {
            .channels = MOST, .gram = &s.gram, .group = "layer", .progress = &progress};
        int order[MOST];
        double score[MOST];
        struct tn_error error = {0};
        assert_false(tn_method_rank(tn_method_find(cases[i].method), &input, order, score, &error));
        assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    }
    tn_gram_free(&s.gram);
}

static void wide_layers_give_the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    enum { WIDE = 1100, ROWS = 60 };
    double *x = tn_alloc((size_t)ROWS * WIDE, sizeof *x);
    double *score[2];
    int *order = tn_alloc(WIDE, sizeof *order);
    struct tn_random random;
    tn_random_seed(&random, 13, 0);
    random_samples(&random, ROWS, WIDE, x);
    struct tn_gram gram;
    assert_true(tn_gram_of_samples(ROWS, WIDE, x, &gram, NULL));
    for (unsigned t = 0; t < 2; t++) {
        struct tn_error error = {0};
        const struct tn_method_input input = {.channels = WIDE, .gram = &gram, .group = "fc6"};
        score[t] = tn_alloc(WIDE, sizeof **score);
        tn_threads_set(1 + 2 * t);
        if (!tn_method_rank(tn_method_find("lasso"), &input, order, score[t], &error))
            fail_msg("%s", error.text);
    }
    tn_threads_set(0);
    assert_memory_equal(score[0], score[1], WIDE * sizeof **score);
    tn_free(score[0]);
    tn_free(score[1]);
    tn_free(order);
    tn_free(x);
    tn_gram_free(&gram);
}

/* --- activations and chance --- */

static void activations_rank_by_themselves(void **state)
{
    (void)state;
    const double zeros[] = {0.5, 0.1, 0.9, 0.5, 1}, mean[] = {0.2, 3, 0.1, 0.2, 0};
    const struct tn_activity activity = {.channels = 5, .zeros = zeros, .mean = mean};
    struct tn_method_input input = {.channels = 5, .activity = &activity, .group = "conv1"};
    int order[MOST];
    double score[MOST];
    const int expected[] = {4, 2, 0, 3, 1};
    rank_with("apoz", &input, order, score);
    assert_memory_equal(order, expected, sizeof expected);
    for (int c = 0; c < 5; c++)
        assert_true(score[c] == 1 - zeros[c]);
    rank_with("mean-activation", &input, order, score);
    assert_memory_equal(order, expected, sizeof expected);
    input.locks =
        (const enum tn_lock[]){TN_LOCK_PRUNE, TN_UNLOCKED, TN_LOCK_KEEP, TN_UNLOCKED, TN_LOCK_KEEP};
    rank_with("apoz", &input, order, score);
    assert_memory_equal(order, ((const int[]){0, 3, 1, 4, 2}), sizeof expected);

    struct tn_error error = {0};
    const struct tn_method *taylor = tn_method_find("taylor");
    assert_false(tn_method_rank(taylor, &input, order, score, &error));
    assert_string_equal(error.text, "method taylor: the gradients of layer 'conv1' were not "
                                    "sampled: sample conv1 again");
    input.activity = NULL;
    assert_false(tn_method_rank(taylor, &input, order, score, &error));
    assert_string_equal(error.text, "method taylor needs the activations of layer 'conv1': "
                                    "sample conv1 first");
    assert_false(tn_method_rank(tn_method_find("thinet"), &input, order, score, &error));
    assert_string_equal(error.text, "method thinet needs the statistics of layer 'conv1': "
                                    "sample conv1 first");
}

static void chance_follows_from_seed_and_name(void **state)
{
    (void)state;
    struct tn_method_input input = {.channels = 30, .group = "conv1", .seed = 3};
    int first[MOST], order[MOST];
    double score[MOST];
    rank_with("random", &input, first, score);
    rank_with("random", &input, order, score);
    assert_memory_equal(first, order, 30 * sizeof *order);
    input.seed = 4;
    rank_with("random", &input, order, score);
    assert_memory_not_equal(first, order, 30 * sizeof *order);
    input.seed = 3;
    input.group = "conv2";
    rank_with("random", &input, order, score);
    assert_memory_not_equal(first, order, 30 * sizeof *order);
    input.locks = some_locks;
    rank_with("random", &input, order, score);
}

static void all_methods_are_in_the_table(void **state)
{
    (void)state;
    static const char *const names[] = {"thinet", "thinet-w", "thinet-x", "random",
                                        "l1",     "l2",       "apoz",     "mean-activation",
                                        "taylor", "bn-scale", "fpgm",     "lasso"};
    int count = 0;
    for (const struct tn_method *method = tn_methods; method->name; method++)
        count++;
    assert_int_equal(count, sizeof names / sizeof names[0]);
    for (int i = 0; i < count; i++)
        assert_non_null(tn_method_find(names[i]));
    assert_null(tn_method_find("thinet-y"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thinet_is_the_path),
        cmocka_unit_test(thinet_w_is_the_definition),
        cmocka_unit_test(thinet_w_passes_over_dead_and_copied_filters),
        cmocka_unit_test(lasso_drops_what_coordinate_descent_drops),
        cmocka_unit_test(lasso_never_needs_dead_and_copied_filters),
        cmocka_unit_test(a_layer_with_no_output_can_be_ranked),
        cmocka_unit_test(its_own_output_as_target_changes_no_order),
        cmocka_unit_test(fewer_samples_than_filters_are_enough),
        cmocka_unit_test(statistics_that_are_not_finite_are_refused),
        cmocka_unit_test(long_ones_can_be_cancelled),
        cmocka_unit_test(wide_layers_give_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(activations_rank_by_themselves),
        cmocka_unit_test(chance_follows_from_seed_and_name),
        cmocka_unit_test(all_methods_are_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
