/* What sensitivity keeps: the curve through its points, the points in the session file, tallies. */
#include "session/sensitivity.h"

#include "core/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 1000 };

static struct tn_sensitivity_point point(int kept, int right)
{
    struct tn_sensitivity_point point = {.kept = kept};
    point.tally = (struct tn_tally){
        IMAGES, IMAGES, {.sum = 0.25 * kept, .top1 = right, .top5 = IMAGES - kept}};
    tn_digest_of(&point.key, &kept, sizeof kept);
    return point;
}

static struct tn_sensitivity *measured(int base, int count,
                                       const struct tn_sensitivity_point *points)
{
    struct tn_sensitivity_terms terms = {tn_method_find("l1"), true, TN_TRAIN, IMAGES, 7};
    struct tn_sensitivity_point whole = point(20, base);
    struct tn_sensitivity *sensitivity = tn_sensitivity_new(&terms, &whole, count, points, NULL);
    assert_non_null(sensitivity);
    return sensitivity;
}

static void the_curve_goes_through_the_points(void **state)
{
    (void)state;
    const struct tn_sensitivity_point points[] = {point(10, 800), point(4, 500), point(16, 880)};
    struct tn_sensitivity *sensitivity = measured(900, 3, points);
    double curve[21];
    tn_sensitivity_curve(sensitivity, 20, curve);
    assert_float_equal(curve[20], 0, 1e-12);
    assert_float_equal(curve[18], 0.01, 1e-12);
    assert_float_equal(curve[16], 0.02, 1e-12);
    assert_float_equal(curve[13], 0.06, 1e-12);
    assert_float_equal(curve[10], 0.1, 1e-12);
    assert_float_equal(curve[4], 0.4, 1e-12);
    assert_float_equal(curve[2], 0.65, 1e-12);
    assert_float_equal(curve[0], 0.9, 1e-12);
    tn_sensitivity_unref(sensitivity);
}

/* 12 is better than 16, and 16 than nothing cut: that is noise. Nothing loses more than there is.
 */
static void the_curve_never_falls_as_filters_go(void **state)
{
    (void)state;
    const struct tn_sensitivity_point points[] = {point(16, 880), point(12, 890), point(8, 910),
                                                  point(4, 300)};
    struct tn_sensitivity *sensitivity = measured(900, 4, points);
    double curve[21];
    tn_sensitivity_curve(sensitivity, 20, curve);
    /* The first three pool to (20 + 10 - 10) / 3 thousandths. */
    for (int k = 8; k <= 16; k++)
        assert_float_equal(curve[k], 0.02 / 3, 1e-12);
    assert_float_equal(curve[4], 0.6, 1e-12);
    assert_float_equal(curve[2], 0.75, 1e-12);
    assert_float_equal(curve[0], 0.9, 1e-12);
    for (int k = 1; k <= 20; k++)
        assert_true(curve[k] <= curve[k - 1] + 1e-12);
    tn_sensitivity_unref(sensitivity);
    const struct tn_sensitivity_point better = point(10, 950);
    sensitivity = measured(900, 1, &better);
    tn_sensitivity_curve(sensitivity, 20, curve);
    for (int k = 10; k <= 20; k++)
        assert_true(curve[k] == 0);
    assert_float_equal(curve[5], 0.45, 1e-12);
    tn_sensitivity_unref(sensitivity);
}

static void of_equal_widths_the_last_counts(void **state)
{
    (void)state;
    const struct tn_sensitivity_point points[] = {point(8, 1), point(4, 2), point(8, 3)};
    struct tn_sensitivity *sensitivity = measured(900, 3, points);
    assert_int_equal(sensitivity->count, 2);
    assert_int_equal(sensitivity->points[0].kept, 4);
    assert_int_equal(sensitivity->points[1].tally.loss.top1, 3);
    tn_sensitivity_unref(sensitivity);
}

static void json_brings_all_back(void **state)
{
    (void)state;
    const struct tn_sensitivity_point points[] = {point(10, 800), point(4, 500)};
    struct tn_sensitivity *before = measured(900, 2, points);
    json_t *json = tn_sensitivity_to_json(before);
    struct tn_sensitivity *after = tn_sensitivity_from_json(json, 20);
    assert_non_null(after);
    assert_true(tn_sensitivity_same_terms(&before->terms, &after->terms));
    assert_int_equal(after->count, 2);
    for (int i = -1; i < 2; i++) {
        const struct tn_sensitivity_point *a = i < 0 ? &before->base : &before->points[i];
        const struct tn_sensitivity_point *b = i < 0 ? &after->base : &after->points[i];
        assert_int_equal(a->kept, b->kept);
        assert_true(tn_digest_equal(&a->key, &b->key));
        assert_int_equal(a->tally.at, b->tally.at);
        assert_int_equal(a->tally.seen, b->tally.seen);
        assert_int_equal(a->tally.loss.top1, b->tally.loss.top1);
        assert_int_equal(a->tally.loss.top5, b->tally.loss.top5);
        assert_true(a->tally.loss.sum == b->tally.loss.sum);
    }
    json_decref(json);
    tn_sensitivity_unref(before);
    tn_sensitivity_unref(after);
}

/* A field of the first point, or of all, set to something else. */
static void refused(const char *field, int place, json_t *value)
{
    const struct tn_sensitivity_point points[] = {point(4, 500), point(10, 800)};
    struct tn_sensitivity *sensitivity = measured(900, 2, points);
    json_t *json = tn_sensitivity_to_json(sensitivity);
    if (place < 0)
        json_object_set_new(json, field, value);
    else
        json_array_set_new(json_array_get(json_object_get(json, field), 0), (size_t)place, value);
    assert_null(tn_sensitivity_from_json(json, 20));
    json_decref(json);
    tn_sensitivity_unref(sensitivity);
}

static void json_of_others_is_refused(void **state)
{
    (void)state;
    refused("method", -1, json_string("hope"));
    refused("split", -1, json_integer(2));
    refused("limit", -1, json_string("all"));
    refused("points", -1, json_string("none"));
    refused("points", 0, json_integer(20)); /* all are no cut */
    refused("points", 0, json_integer(0));
    refused("points", 1, json_string("no digest"));
    refused("points", 3, json_integer(0));
    refused("points", 4, json_integer(IMAGES + 1));
    refused("points", 5, json_integer(-1));
    refused("points", 7, json_null());
}

static void tallies_are_found_by_their_keys(void **state)
{
    (void)state;
    struct tn_tallies tallies = {0};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 300; i++) {
            struct tn_digest key;
            tn_digest_of(&key, &i, sizeof i);
            struct tn_tally *tally = tn_tallies_find(&tallies, &key, NULL);
            assert_non_null(tally);
            assert_int_equal(tally->at, round == 0 ? 0 : i + 1);
            tally->at = (size_t)i + 1;
        }
    }
    assert_int_equal(tallies.count, 300);
    tn_tallies_free(&tallies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_curve_goes_through_the_points),
        cmocka_unit_test(the_curve_never_falls_as_filters_go),
        cmocka_unit_test(of_equal_widths_the_last_counts),
        cmocka_unit_test(json_brings_all_back),
        cmocka_unit_test(json_of_others_is_refused),
        cmocka_unit_test(tallies_are_found_by_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
