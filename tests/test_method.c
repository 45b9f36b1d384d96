/* method: every removal order against its definition, evaluated straight from samples or weights.
 */
#include "prune/method.h"

#include "prune/exchange.h"
#include "prune/path.h"
#include "random_samples.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 32, SAMPLES = 80 };

struct samples {
    int channels;
    double x[SAMPLES * MOST];
    struct tn_gram gram;
};

static void draw(struct samples *s, int channels, uint64_t seed)
{
    struct tn_random random;
    tn_random_seed(&random, seed, (uint64_t)channels);
    s->channels = channels;
    random_samples(&random, SAMPLES, channels, s->x);
}

/* Rectified mixtures of three signals, with weights of either sign: channels that can stand in for
 * each other, so that what was chosen early is not needed later. */
static void draw_mixed(struct samples *s, int channels, uint64_t seed)
{
    struct tn_random random;
    double mix[MOST][3], weight[MOST];
    tn_random_seed(&random, seed, (uint64_t)channels);
    s->channels = channels;
    for (int c = 0; c < channels; c++) {
        for (int k = 0; k < 3; k++)
            mix[c][k] = tn_random_normal(&random);
        weight[c] = tn_random_normal(&random);
    }
    for (int i = 0; i < SAMPLES; i++) {
        double source[3];
        for (int k = 0; k < 3; k++)
            source[k] = tn_random_normal(&random);
        for (int c = 0; c < channels; c++) {
            double sum = 0.3 * tn_random_normal(&random);
            for (int k = 0; k < 3; k++)
                sum += mix[c][k] * source[k];
            s->x[i * channels + c] = weight[c] * fmax(sum, 0);
        }
    }
}

static void gather(struct samples *s)
{
    assert_true(tn_gram_of_samples(SAMPLES, s->channels, s->x, &s->gram, NULL));
}

static void rank_with(const char *method, const struct tn_method_input *input, int *order,
                      double *score)
{
    struct tn_error error = {0};
    assert_non_null(tn_method_find(method));
    if (!tn_method_rank(tn_method_find(method), input, order, score, &error))
        fail_msg("%s", error.text);
    bool seen[MOST] = {false};
    for (int i = 0; i < input->channels; i++) {
        assert_in_range(order[i], 0, input->channels - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        assert_true(i == 0 || tn_lock_rank(input->locks, order[i - 1]) <=
                                  tn_lock_rank(input->locks, order[i]));
        assert_true(isfinite(score[i]));
    }
}

static void rank_samples(const char *method, const struct samples *s, const enum tn_lock *locks,
                         int keep, int *order, double *score)
{
    const struct tn_method_input input = {
        .channels = s->channels, .gram = &s->gram, .locks = locks, .keep = keep, .group = "layer"};
    rank_with(method, &input, order, score);
}

/* ||y - X_S w||^2 / ||y||^2 */
static double error_of(const struct samples *s, int count, const int *kept)
{
    double e[SAMPLES];
    return least_squares_residual(SAMPLES, s->channels, s->x, count, kept, e) /
           least_squares_residual(SAMPLES, s->channels, s->x, 0, NULL, e);
}

static double error_of_order(const struct samples *s, const int *order, int keep)
{
    return error_of(s, keep, order + s->channels - keep);
}

static const enum tn_lock some_locks[MOST] = {[1] = TN_LOCK_KEEP,
                                              [2] = TN_LOCK_PRUNE,
                                              [4] = TN_LOCK_KEEP,
                                              [5] = TN_LOCK_PRUNE,
                                              [6] = TN_LOCK_PRUNE};

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
    double e[SAMPLES], energy = least_squares_residual(SAMPLES, n, s->x, 0, NULL, e);
    for (int rank = 2; rank >= 0; rank--) {
        while (true) {
            int best = -1;
            double most = -1;
            least_squares_residual(SAMPLES, n, s->x, count, kept, e);
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

/* --- thinet-x --- */

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
    gather(&s);
    for (int locked = 0; locked < 2; locked++) {
        const enum tn_lock *locks = locked ? some_locks : NULL;
        struct tn_exchange sets;
        assert_true(tn_exchange_of(&s.gram, locks, &sets, NULL));
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
            assert_true(tn_exchange_order(&s.gram, locks, &sets, keep, order, score, NULL));
            for (int i = 0; i < 30; i++)
                assert_int_equal(sets.kept[keep * 30 + order[i]], i >= 30 - keep);
        }
        struct tn_error error = {0};
        assert_false(tn_exchange_order(&s.gram, locks, &sets, 31, order, score, &error));
        tn_exchange_free(&sets);
    }
    tn_gram_free(&s.gram);
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

/* --- lasso --- */

/* beta at one lambda by coordinate descent. */
static void descend(const struct samples *s, double lambda, double *beta)
{
    int n = s->channels;
    const double *g = tn_tensor_doubles(s->gram.matrix);
    for (int round = 0; round < 20000; round++) {
        double moved = 0;
        for (int c = 0; c < n; c++) {
            if (g[c * n + c] == 0)
                continue;
            double left = g[c * n + c] * beta[c];
            for (int k = 0; k < n; k++)
                left += g[c * n + k] * (1 - beta[k]);
            double size = fmax(fabs(left) - lambda, 0) / g[c * n + c];
            double next = left < 0 ? -size : size;
            moved = fmax(moved, fabs(next - beta[c]));
            beta[c] = next;
        }
        if (moved < 1e-15)
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
    double largest = 0;
    const double *g = tn_tensor_doubles(s->gram.matrix);
    for (int c = 0; c < n; c++) {
        double b = 0;
        for (int k = 0; k < n; k++)
            b += g[c * n + k];
        largest = fmax(largest, fabs(b));
    }
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
}

/* --- weights --- */

struct network {
    struct tn_graph *graph;
    struct small_groups of;
    struct tn_filter_weights weights;
    struct tn_method_input input;
};

static void open_network(struct network *net, struct tn_graph *graph, enum tn_scope scope,
                         const char *layer)
{
    struct tn_error error = {0};
    net->graph = graph;
    small_groups_of(graph, scope, &net->of);
    if (!tn_filter_weights_of(graph, &net->of.layers, &net->of.groups,
                              small_group_index(&net->of, layer), &net->weights, &error))
        fail_msg("%s", error.text);
    net->input = (struct tn_method_input){
        .channels = net->weights.channels, .weights = &net->weights, .group = layer};
}

static void close_network(struct network *net)
{
    tn_filter_weights_free(&net->weights);
    small_groups_free(&net->of);
    tn_graph_free(net->graph);
}

/* The channel's filters as one long vector, straight from the tensors. The axis of filters is
 * `axis`. */
static int vector_of(const struct network *net, int channel, int axis, double *vector)
{
    const struct tn_group *group =
        &net->of.groups.group[small_group_index(&net->of, net->input.group)];
    int length = 0;
    for (int p = 0; p < group->producer_count; p++) {
        int layer = group->producers[p];
        const struct tn_tensor *w =
            tn_node_constant(net->graph, &net->graph->nodes[net->of.layers.layer[layer].node], 1);
        const struct tn_filter_map *map = &net->of.groups.filters[layer];
        int each = (int)w->count / map->count;
        for (int f = 0; f < map->count; f++) {
            if (map->channels[f] != channel)
                continue;
            for (int i = 0; i < each; i++)
                vector[length++] =
                    (double)tn_tensor_floats(w)[axis == 0 ? f * each + i : i * map->count + f];
        }
    }
    return length;
}

enum { LONGEST = 4096 };

static void compare_weights(const struct network *net, int axis)
{
    static double vectors[MOST][LONGEST];
    int n = net->input.channels, length = 0, order[MOST];
    double l1[MOST] = {0}, l2[MOST] = {0}, fpgm[MOST] = {0}, score[MOST];
    for (int c = 0; c < n; c++) {
        length = vector_of(net, c, axis, vectors[c]);
        assert_in_range(length, 1, LONGEST);
        for (int i = 0; i < length; i++) {
            l1[c] += fabs(vectors[c][i]);
            l2[c] += vectors[c][i] * vectors[c][i];
        }
        l2[c] = sqrt(l2[c]);
    }
    for (int a = 0; a < n; a++) {
        for (int b = 0; b < n; b++) {
            double sum = 0;
            for (int i = 0; i < length; i++)
                sum += pow(vectors[a][i] - vectors[b][i], 2);
            fpgm[a] += sqrt(sum);
        }
    }
    const char *names[] = {"l1", "l2", "fpgm"};
    const double *expected[] = {l1, l2, fpgm};
    for (int m = 0; m < 3; m++) {
        rank_with(names[m], &net->input, order, score);
        for (int c = 0; c < n; c++)
            assert_true(fabs(score[c] - expected[m][c]) <= 1e-12 * fabs(expected[m][c]));
        for (int i = 1; i < n; i++)
            assert_true(score[order[i - 1]] < score[order[i]] ||
                        (score[order[i - 1]] == score[order[i]] && order[i - 1] < order[i]));
    }
}

static void weights_of_one_filter_a_channel(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(1), TN_SCOPE_INNER, "Conv_4");
    compare_weights(&net, 0);
    close_network(&net);
    open_network(&net, flatten_net(2), TN_SCOPE_INNER, "Gemm_4"); /* filters are columns */
    compare_weights(&net, 1);
    close_network(&net);
}

static void weights_of_several_filters_and_producers(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, depthwise_net(3), TN_SCOPE_INNER, "Conv_7"); /* the same of each group */
    assert_int_equal(net.weights.channels, 3);
    compare_weights(&net, 0);
    close_network(&net);
    open_network(&net, residual_net(4), TN_SCOPE_ALL, "Conv_0");
    assert_int_equal(net.weights.part_count, 3);
    compare_weights(&net, 0);
    close_network(&net);
}

static float *weights_at(const struct network *net, int node, int input)
{
    return tn_tensor_floats(tn_node_constant(net->graph, &net->graph->nodes[node], input));
}

static void equal_filters_go_lowest_index_first(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(5), TN_SCOPE_INNER, "Conv_4");
    float *w = weights_at(&net, 4, 1);
    size_t each = 6 * 9;
    memcpy(w + 6 * each, w + 1 * each, each * sizeof *w);
    memcpy(w + 4 * each, w + 1 * each, each * sizeof *w);
    memset(w + 3 * each, 0, each * sizeof *w);
    memset(w + 7 * each, 0, each * sizeof *w);
    compare_weights(&net, 0);
    const char *names[] = {"l1", "l2", "fpgm"};
    for (int m = 0; m < 3; m++) {
        int order[MOST], at[MOST];
        double score[MOST];
        rank_with(names[m], &net.input, order, score);
        for (int i = 0; i < 8; i++)
            at[order[i]] = i;
        assert_true(at[1] + 1 == at[4] && at[4] + 1 == at[6] && at[3] + 1 == at[7]);
        assert_true(score[1] == score[4] && score[4] == score[6] && score[3] == score[7]);
    }
    close_network(&net);
}

static void close_filters_keep_their_distance(void **state)
{
    (void)state;
    struct network net;
    open_network(&net, chain_net(5), TN_SCOPE_INNER, "Conv_4");
    float *w = weights_at(&net, 4, 1);
    for (int i = 0; i < 54; i++)
        w[5 * 54 + i] = w[54 + i] * (1 + 1e-6f * (float)i); /* nothing but differences in float */
    for (int f = 2; f < 5; f++) {
        for (int i = 0; i < 54; i++)
            w[f * 54 + i] = w[i] * (1 + 3e-7f * (float)(f * i % 7));
    }
    compare_weights(&net, 0);
    close_network(&net);
}

static void bn_scale_is_the_gamma_behind_each_producer(void **state)
{
    (void)state;
    struct network net;
    int order[MOST];
    double score[MOST];
    open_network(&net, residual_net(6), TN_SCOPE_INNER, "Conv_3");
    float *gamma = weights_at(&net, 4, 1);
    gamma[2] = -gamma[2];
    rank_with("bn-scale", &net.input, order, score);
    for (int c = 0; c < 6; c++)
        assert_true(score[c] == fabs((double)gamma[c]));
    close_network(&net);

    open_network(&net, residual_net(6), TN_SCOPE_ALL, "Conv_0");
    rank_with("bn-scale", &net.input, order, score);
    for (int c = 0; c < 8; c++) {
        double sum = 0;
        for (int node = 1; node <= 14; node += node == 1 ? 6 : 7)
            sum += fabs((double)weights_at(&net, node, 1)[c]);
        assert_true(fabs(score[c] - sum) < 1e-12);
    }
    close_network(&net);

    struct tn_error error = {0};
    open_network(&net, chain_net(6), TN_SCOPE_ALL, "Conv_4");
    assert_false(tn_method_rank(tn_method_find("bn-scale"), &net.input, order, score, &error));
    assert_string_equal(error.text,
                        "method bn-scale: no BatchNorm follows layer 'Conv_4' directly: bn-scale "
                        "needs one; take another method (l2), or a network exported with "
                        "BatchNorm not fused");
    close_network(&net);
}

static void a_group_that_cannot_be_pruned_has_no_weights(void **state)
{
    (void)state;
    struct tn_graph *graph = chain_net(1);
    struct small_groups of;
    struct tn_filter_weights weights;
    struct tn_error error = {0};
    small_groups_of(graph, TN_SCOPE_INNER, &of);
    assert_false(tn_filter_weights_of(graph, &of.layers, &of.groups,
                                      small_group_index(&of, "Gemm_8"), &weights, &error));
    assert_string_equal(error.text,
                        "Gemm_8 cannot be pruned: its filters are the network's outputs");
    small_groups_free(&of);
    tn_graph_free(graph);
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
        cmocka_unit_test(thinet_x_is_never_worse_than_either_greedy),
        cmocka_unit_test(no_swap_makes_thinet_x_better),
        cmocka_unit_test(thinet_x_bears_dead_and_copied_filters),
        cmocka_unit_test(sets_of_all_sizes_have_the_errors_they_state),
        cmocka_unit_test(the_order_of_thinet_x_is_made_for_a_number_kept),
        cmocka_unit_test(lasso_drops_what_coordinate_descent_drops),
        cmocka_unit_test(lasso_never_needs_dead_and_copied_filters),
        cmocka_unit_test(a_layer_with_no_output_can_be_ranked),
        cmocka_unit_test(fewer_samples_than_filters_are_enough),
        cmocka_unit_test(statistics_that_are_not_finite_are_refused),
        cmocka_unit_test(weights_of_one_filter_a_channel),
        cmocka_unit_test(weights_of_several_filters_and_producers),
        cmocka_unit_test(equal_filters_go_lowest_index_first),
        cmocka_unit_test(close_filters_keep_their_distance),
        cmocka_unit_test(bn_scale_is_the_gamma_behind_each_producer),
        cmocka_unit_test(a_group_that_cannot_be_pruned_has_no_weights),
        cmocka_unit_test(activations_rank_by_themselves),
        cmocka_unit_test(chance_follows_from_seed_and_name),
        cmocka_unit_test(all_methods_are_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
