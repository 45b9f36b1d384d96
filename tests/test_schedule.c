/* engine: the learning rate over a run, and images held out of it. */
#include "engine/holdout.h"
#include "engine/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Ten epochs of four iterations, at most 0.8. */
static void rates_are_those_of_the_table(void **state)
{
    (void)state;
    const double half = 0.8 * 0.5 * (1 + cos(3.141592653589793 * 4 / 36));
    static const struct tn_rates constant = {.rate = 0.8}, step = {TN_STEP, 0.8, 0, 0, {0}, 0.1},
                                 steps = {TN_STEP, 0.8, 0, 3, {1, 2.5, 9}, 0.5},
                                 linear = {.schedule = TN_LINEAR, .rate = 0.8},
                                 warm = {.schedule = TN_COSINE, .rate = 0.8, .warmup = 1},
                                 part = {.rate = 0.8, .warmup = 0.25};
    const struct {
        const struct tn_rates *rates;
        size_t step;
        double rate;
    } table[] = {
        {&constant, 0, 0.8}, {&constant, 39, 0.8}, {&step, 19, 0.8},    {&step, 20, 0.08},
        {&step, 29, 0.08},   {&step, 30, 0.008},   {&steps, 3, 0.8},    {&steps, 4, 0.4},
        {&steps, 9, 0.4},    {&steps, 10, 0.2},    {&steps, 36, 0.1},   {&linear, 0, 0.8},
        {&linear, 20, 0.4},  {&linear, 39, 0.02},  {&warm, 0, 0.8 / 5}, {&warm, 3, 0.8 * 4 / 5},
        {&warm, 4, 0.8},     {&warm, 8, half},     {&part, 0, 0.4},     {&part, 1, 0.8},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_true(fabs(tn_rate_at(table[i].rates, 10, 4, table[i].step) - table[i].rate) < 1e-12);
}

static void schedules_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct tn_error error = {0};
    assert_true(tn_rates_check(&(struct tn_rates){.rate = 1, .warmup = 1.5}, 2, &error));
    assert_false(tn_rates_check(&(struct tn_rates){.rate = 1, .warmup = 2}, 2, &error));
    assert_non_null(strstr(error.text, "warmup=2"));
    assert_false(tn_rates_check(&(struct tn_rates){.rate = 0}, 2, &error));
    assert_false(
        tn_rates_check(&(struct tn_rates){.rate = 1, .step_count = 2, .steps = {3, 3}}, 9, &error));
    assert_non_null(strstr(error.text, "later"));
}

static void held_out_images_are_drawn_apart_by_the_seed(void **state)
{
    (void)state;
    enum { ALL = 1000, HELD = 137 };
    struct tn_error error = {0};
    uint32_t images[ALL], again[ALL], other[ALL];
    int seen[ALL] = {0};
    assert_true(tn_holdout_draw(ALL, HELD, 4, images, &error));
    assert_true(tn_holdout_draw(ALL, HELD, 4, again, &error));
    assert_true(tn_holdout_draw(ALL, HELD, 5, other, &error));
    assert_memory_equal(images, again, sizeof images);
    assert_memory_not_equal(images, other, sizeof images);
    for (int i = 0; i < ALL; i++)
        seen[images[i]]++;
    for (int i = 0; i < ALL; i++)
        assert_int_equal(seen[i], 1); /* each once: to train on or held out */
    for (int i = 1; i < ALL; i++)
        assert_true(i == ALL - HELD || images[i] > images[i - 1]);
    assert_true(tn_holdout_draw(ALL, 0, 4, images, &error));
    for (uint32_t i = 0; i < ALL; i++)
        assert_int_equal(images[i], i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_the_table),
        cmocka_unit_test(schedules_that_make_no_sense_are_refused),
        cmocka_unit_test(held_out_images_are_drawn_apart_by_the_seed),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
