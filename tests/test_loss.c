/* engine: softmax cross-entropy. */
#include "engine/loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void loss_and_ranks_of_known_logits(void **state)
{
    (void)state;
    const float logits[3 * 6] = {2, 1, 0, -1, -2, -3, /* label 0: best */
                                 0, 1, 2, 3,  4,  5,  /* label 0: worst, not among five */
                                 1, 1, 1, 1,  1,  1}; /* all alike: not counted as right */
    const int32_t labels[3] = {0, 0, 5};
    struct tn_loss loss = {0};
    tn_softmax_loss(3, 6, logits, labels, NULL, &loss);
    double z = 0;
    for (int i = 0; i < 6; i++)
        z += exp(-i);
    assert_true(fabs(loss.sum - (log(z) + (5 + log(z)) + log(6))) < 1e-9);
    assert_int_equal(loss.top1, 1);
    assert_int_equal(loss.top5, 1);
    assert_int_equal(loss.bad, 0);
}

static void gradient_matches_differences(void **state)
{
    (void)state;
    float logits[2 * 4] = {0.3f, -1, 2, 0.5f, 5, 4, -2, 0}, gradient[8];
    const int32_t labels[2] = {3, 1};
    struct tn_loss loss = {0};
    tn_softmax_loss(2, 4, logits, labels, gradient, &loss);
    for (int i = 0; i < 8; i++) {
        struct tn_loss up = {0}, down = {0};
        float middle = logits[i];
        logits[i] = middle + 0.0625f;
        tn_softmax_loss(2, 4, logits, labels, NULL, &up);
        logits[i] = middle - 0.0625f;
        tn_softmax_loss(2, 4, logits, labels, NULL, &down);
        logits[i] = middle;
        assert_true(fabs((up.sum - down.sum) / 2 / 0.125 - (double)gradient[i]) < 2e-4);
    }
}

static void large_logits_do_not_overflow_and_bad_ones_are_counted(void **state)
{
    (void)state;
    const float large[2] = {1e30f, -1e30f}, bad[4] = {NAN, 1, INFINITY, 0};
    const int32_t labels[2] = {0, 0};
    struct tn_loss loss = {0};
    tn_softmax_loss(1, 2, large, labels, NULL, &loss);
    assert_true(loss.sum == 0 && loss.bad == 0 && loss.top1 == 1);
    tn_softmax_loss(2, 2, bad, labels, NULL, &loss);
    assert_int_equal(loss.bad, 2);
    assert_int_equal(loss.top1, 1);
}

/* Two images with both targets: value against the formula written out, gradient against
 * differences. */
static void soft_targets_match_their_formula(void **state)
{
    (void)state;
    float logits[2 * 3] = {0.3f, -1, 2, 5, 4, -2}, gradient[6];
    const float teacher[2 * 3] = {1, 0, -1, 2, 2.5f, 0};
    const int32_t labels[2] = {1, 0};
    const struct tn_targets targets = {0.2, teacher, 0.6, 3};
    struct tn_loss loss = {0};
    tn_target_loss(2, 3, logits, labels, &targets, gradient, &loss);
    double expected = 0;
    for (int n = 0; n < 2; n++) {
        const float *x = logits + 3 * n, *t = teacher + 3 * n;
        double all = 0, soft = 0, told = 0;
        for (int i = 0; i < 3; i++) {
            all += exp((double)x[i]);
            soft += exp((double)x[i] / 3);
            told += exp((double)t[i] / 3);
        }
        for (int i = 0; i < 3; i++) {
            double target = 0.8 * (i == labels[n]) + 0.2 / 3, q = exp((double)t[i] / 3) / told;
            expected -= 0.4 * target * log(exp((double)x[i]) / all);
            expected += 0.6 * 9 * q * log(q / (exp((double)x[i] / 3) / soft));
        }
    }
    assert_true(fabs(loss.sum - expected) < 1e-6);
    for (int i = 0; i < 6; i++) {
        struct tn_loss up = {0}, down = {0};
        float middle = logits[i];
        logits[i] = middle + 0.0625f;
        tn_target_loss(2, 3, logits, labels, &targets, NULL, &up);
        logits[i] = middle - 0.0625f;
        tn_target_loss(2, 3, logits, labels, &targets, NULL, &down);
        logits[i] = middle;
        assert_true(fabs((up.sum - down.sum) / 2 / 0.125 - (double)gradient[i]) < 5e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_ranks_of_known_logits),
        cmocka_unit_test(gradient_matches_differences),
        cmocka_unit_test(soft_targets_match_their_formula),
        cmocka_unit_test(large_logits_do_not_overflow_and_bad_ones_are_counted),
    };
    return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
