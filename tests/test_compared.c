/* The rows a snapshot holds of the journal's networks: those of command `compare`, made anew only
 * where something can have changed them. */
#include "core/clock.h"
#include "session/snapshot.h"
#include "session_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tn_snapshot *shot_of(struct place *place, const struct tn_snapshot *previous)
{
    struct tn_snapshot *shot = tn_snapshot_new(place->session, previous, NULL);
    assert_non_null(shot);
    return shot;
}

/* The next snapshot in place of the one before; does it share its rows? */
static bool shares(struct place *place, struct tn_snapshot **shot)
{
    struct tn_snapshot *next = shot_of(place, *shot);
    bool same = next->compared == (*shot)->compared;
    tn_snapshot_unref(*shot);
    *shot = next;
    return same;
}

static void expect_number(const json_t *row, const char *key, double value)
{
    if (json_is_null(json_object_get(row, key)))
        assert_true(isnan(value));
    else
        assert_float_equal(number_in(row, key), value, 1e-12);
}

static void expect_row(const json_t *row, const struct tn_snapshot_compared *shown)
{
    assert_int_equal(shown->entry, whole_in(row, "entry"));
    assert_int_equal(shown->network, whole_in(row, "network"));
    assert_string_equal(shown->model, json_string_value(json_object_get(row, "model")));
    expect_number(row, "top1", shown->top1);
    expect_number(row, "top5", shown->top5);
    expect_number(row, "ci95", shown->ci95);
    expect_number(row, "images", shown->evaluated ? (double)shown->images : NAN);
    expect_number(row, "params", (double)shown->params);
    expect_number(row, "flops", (double)shown->flops);
    expect_number(row, "params_ratio", shown->params_ratio);
    expect_number(row, "flops_ratio", shown->flops_ratio);
    expect_number(row, "forward_ms", shown->forward_ms);
    expect_number(row, "backward_ms", shown->backward_ms);
}

/* Every row, in the same order; which were measured on the same images as the first. */
static void expect_compare(struct place *place, const struct tn_snapshot *shot)
{
    json_t *result = must(place, "compare");
    const json_t *rows = json_object_get(result, "rows");
    assert_int_equal(shot->compared_count, json_array_size(rows));
    for (int i = 0; i < shot->compared_count; i++) {
        const struct tn_snapshot_compared *first = &shot->compared[0], *it = &shot->compared[i];
        const json_t *row = json_array_get(rows, (size_t)i);
        expect_row(row, it);
        bool same = it->data == first->data && it->images == first->images && it->evaluated;
        assert_int_equal(same, json_is_true(json_object_get(row, "comparable")));
    }
    json_decref(result);
}

static void begin(struct place *place)
{
    done(place, "open zoo:fashion-vgg seed=1");
    done(place, "data @/images");
    done(place, "method all l1");
}

static void prune(struct place *place)
{
    done(place, "ratio conv2_1 0.25");
    done(place, "prune conv2_1 reweight=none");
}

static void nothing_open_has_no_rows(void **state)
{
    struct place *place = *state;
    struct tn_snapshot *shot = shot_of(place, NULL);
    assert_int_equal(shot->compared_count, 0);
    assert_int_equal(shot->network, 0);
    tn_snapshot_unref(shot);
}

static void the_rows_are_those_of_the_command(void **state)
{
    struct place *place = *state;
    begin(place);
    struct tn_snapshot *shot = shot_of(place, NULL);
    assert_int_equal(shot->compared_count, 1);
    assert_false(shot->compared[0].evaluated);
    done(place, "eval");
    done(place, "time batch=32 passes=1 mode=inference");
    prune(place);
    done(place, "eval limit=50"); /* not the same images */
    prune(place);
    done(place, "finetune epochs=2 limit=40");
    assert_false(shares(place, &shot));
    assert_int_equal(shot->compared_count, 3);
    assert_string_equal(shot->compared[2].model, "fashion-vgg pruned, fine-tuned");
    assert_true(shot->compared[0].forward_ms > 0);
    assert_int_equal(shot->network, shot->compared[2].network);
    expect_compare(place, shot);
    tn_snapshot_unref(shot);
}

static void a_branch_and_a_session_read_back_have_the_same_rows(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "eval");
    prune(place);
    done(place, "eval");
    done(place, "goto 3");
    prune(place);
    prune(place);
    done(place, "eval");
    struct tn_snapshot *shot = shot_of(place, NULL);
    assert_int_equal(shot->compared_count, 3);
    expect_compare(place, shot);
    done(place, "goto 3");
    assert_true(shares(place, &shot)); /* the same rows, another place to stand at */
    assert_int_equal(shot->network, shot->compared[0].network);
    tn_snapshot_unref(shot);
    done(place, "save @/kept.thinet");
    reopen(place, place_path(place, "kept.thinet"));
    shot = shot_of(place, NULL);
    assert_int_equal(shot->compared_count, 3);
    expect_compare(place, shot);
    tn_snapshot_unref(shot);
}

static void only_what_can_change_the_rows_makes_them_anew(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "eval");
    struct tn_snapshot *shot = shot_of(place, NULL);
    static const char *const harmless[] = {"ratio conv1_2 0.5", "note good", "undo", "redo",
                                           "lock conv1_2 3 keep"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        done(place, "%s", harmless[i]);
        if (!shares(place, &shot))
            fail_msg("%s", harmless[i]);
    }
    static const char *const telling[] = {"eval limit=50", "prune conv1_2 reweight=none", "eval",
                                          "time batch=32 passes=1 mode=inference",
                                          "open zoo:fashion-vgg seed=2"};
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        done(place, "%s", telling[i]);
        if (shares(place, &shot))
            fail_msg("%s", telling[i]);
    }
    assert_int_equal(shot->compared_count, 1); /* of another network than the others */
    assert_false(shot->compared[0].evaluated);
    tn_snapshot_unref(shot);
}

/* The shortest of a few: a machine that does other things takes longer. */
static double seconds_for_snapshot(struct place *place, const struct tn_snapshot *previous)
{
    double best = INFINITY;
    for (int i = 0; i < 20; i++) {
        double begun = tn_clock_seconds();
        tn_snapshot_unref(shot_of(place, previous));
        best = fmin(best, tn_clock_seconds() - begun);
    }
    return best;
}

/* What is made of a hundred measured networks after one more is little work, since the others are
 * remembered, and none where no row can have changed. */
static void many_networks_cost_little(void **state)
{
    struct place *place = *state;
    enum { MANY = 100 };
    begin(place);
    struct tn_snapshot *none = shot_of(place, NULL);
    double alone = seconds_for_snapshot(place, NULL);
    for (int i = 0; i < MANY; i++) {
        done(place, "keep conv3_1 %d", 127 - i);
        done(place, "prune conv3_1 reweight=none");
        done(place, "eval limit=1");
    }
    done(place, "save @/many.thinet");
    reopen(place, place_path(place, "many.thinet"));
    double begun = tn_clock_seconds();
    struct tn_snapshot *shot = shot_of(place, NULL);
    double cold = tn_clock_seconds() - begun;
    assert_int_equal(shot->compared_count, MANY + 1);
    double all = seconds_for_snapshot(place, none); /* rows made anew */
    double kept = seconds_for_snapshot(place, shot);
    print_message("snapshot: %.2f ms without rows, %.2f ms read from the file, %.2f ms with %d "
                  "rows made anew, %.2f ms with the rows before\n",
                  1e3 * alone, 1e3 * cold, 1e3 * all, MANY + 1, 1e3 * kept);
    assert_true(all < 0.05 && kept < all);
    tn_snapshot_unref(shot);
    tn_snapshot_unref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_open_has_no_rows, place_open, place_close),
        cmocka_unit_test_setup_teardown(the_rows_are_those_of_the_command, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_branch_and_a_session_read_back_have_the_same_rows,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(only_what_can_change_the_rows_makes_them_anew, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(many_networks_cost_little, place_open, place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
