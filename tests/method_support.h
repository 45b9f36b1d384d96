/* What the tests of methods share: samples, ranking with every check that holds for any order, and
 * errors straight from the samples. */
#ifndef TN_TESTS_METHOD_SUPPORT_H
#define TN_TESTS_METHOD_SUPPORT_H

#include "prune/method.h"
#include "random_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 32, SAMPLES = 80 };

struct samples {
    int channels;
    double x[SAMPLES * MOST];
    const double *y; /* NULL: X 1 */
    double target[SAMPLES];
    struct tn_gram gram;
};

static inline void draw(struct samples *s, int channels, uint64_t seed)
{
    struct tn_random random;
    tn_random_seed(&random, seed, (uint64_t)channels);
    s->channels = channels;
    s->y = NULL;
    random_samples(&random, SAMPLES, channels, s->x);
}

/* Rectified mixtures of three signals, with weights of either sign: channels that can stand in for
 * each other, so that what was chosen early is not needed later. */
static inline void draw_mixed(struct samples *s, int channels, uint64_t seed)
{
    struct tn_random random;
    double mix[MOST][3], weight[MOST];
    tn_random_seed(&random, seed, (uint64_t)channels);
    s->channels = channels;
    s->y = NULL;
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

/* What is drawn is to make up another network's output. */
static inline void draw_target(struct samples *s, uint64_t seed)
{
    struct tn_random random;
    tn_random_seed(&random, seed, 1000);
    random_target(&random, SAMPLES, s->channels, s->x, s->target);
    s->y = s->target;
}

static inline void gather(struct samples *s)
{
    assert_true(tn_gram_of_samples(SAMPLES, s->channels, s->x, &s->gram, NULL));
    if (s->y) {
        s->gram.target = target_of(SAMPLES, s->channels, s->x, s->y);
        assert_non_null(s->gram.target);
    }
}

static inline void rank_with(const char *method, const struct tn_method_input *input, int *order,
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

static inline void rank_samples(const char *method, const struct samples *s,
                                const enum tn_lock *locks, int keep, int *order, double *score)
{
    const struct tn_method_input input = {
        .channels = s->channels, .gram = &s->gram, .locks = locks, .keep = keep, .group = "layer"};
    rank_with(method, &input, order, score);
}

/* ||y - X_S w||^2 / ||y||^2 */
static inline double error_of(const struct samples *s, int count, const int *kept)
{
    double e[SAMPLES];
    return least_squares_residual(SAMPLES, s->channels, s->x, s->y, count, kept, e) /
           least_squares_residual(SAMPLES, s->channels, s->x, s->y, 0, NULL, e);
}

static inline double error_of_order(const struct samples *s, const int *order, int keep)
{
    return error_of(s, keep, order + s->channels - keep);
}

static const enum tn_lock some_locks[MOST] = {[1] = TN_LOCK_KEEP,
                                              [2] = TN_LOCK_PRUNE,
                                              [4] = TN_LOCK_KEEP,
                                              [5] = TN_LOCK_PRUNE,
                                              [6] = TN_LOCK_PRUNE};

#endif
