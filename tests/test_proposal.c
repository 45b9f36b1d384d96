/* budget preview=on: the answer is there to be seen, nothing is changed, and the same line without
 * it takes just that. */
#include "session/snapshot.h"
#include "session_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void prepare(struct place *place)
{
    done(place, "open zoo:fashion-vgg seed=1");
    done(place, "data @/images");
    done(place, "sample all images=2 locations=2");
}

static struct tn_snapshot *look(struct place *place)
{
    struct tn_snapshot *shot = tn_snapshot_new(place->session, NULL, NULL);
    assert_non_null(shot);
    return shot;
}

static bool is_proposed(struct place *place)
{
    struct tn_snapshot *shot = look(place);
    bool proposed = shot->proposal != NULL;
    tn_snapshot_unref(shot);
    return proposed;
}

static size_t entries(struct place *place)
{
    json_t *journal = must(place, "journal");
    size_t count = json_array_size(json_object_get(journal, "entries"));
    json_decref(journal);
    return count;
}

static void a_preview_changes_nothing_and_leaves_no_entry(void **state)
{
    struct place *place = *state;
    prepare(place);
    done(place, "ratio conv1_2 0.25");
    char *before = portrait(place);
    size_t count = entries(place);
    json_t *result = must(place, "budget flops=0.5 preview=on");
    assert_true(json_is_true(json_object_get(result, "preview")));
    assert_true(number_in(result, "flops_ratio") <= 0.5);
    json_decref(result);
    must_fail(place, "budget flops=0.5 floor=2 preview=on");
    assert_int_equal(entries(place), count);
    char *after = portrait(place);
    assert_string_equal(before, after);
    free(before);
    free(after);
    done(place, "undo"); /* of the ratio, not of the preview */
    result = must(place, "layers");
    assert_int_equal(whole_in(row_named(result, "layers", "name", "conv1_2"), "kept"), 32);
    json_decref(result);
}

static void the_snapshot_shows_what_is_proposed(void **state)
{
    struct place *place = *state;
    prepare(place);
    assert_false(is_proposed(place));
    done(place, "keep conv2_1 60");
    json_t *result = must(place, "budget preview=on floor=0.1 flops=0.4");
    struct tn_snapshot *shot = look(place);
    const struct tn_snapshot_proposal *proposal = shot->proposal;
    assert_non_null(proposal);
    assert_string_equal(proposal->line, "budget flops=0.4 floor=0.1");
    assert_false(proposal->limited);
    assert_true(isnan(proposal->latency));
    assert_true(fabs(proposal->flops / (double)shot->flops - number_in(result, "flops_ratio")) <
                1e-6);
    assert_true(fabs(proposal->params / (double)shot->params - number_in(result, "params_ratio")) <
                1e-6);
    for (int l = 0; l < shot->layer_count; l++) {
        const struct tn_snapshot_layer *layer = &shot->layers[l];
        if (!layer->prunable) {
            assert_int_equal(proposal->kept[l], layer->filters);
            assert_true(isnan(proposal->error_ls[l]));
            continue;
        }
        const json_t *row = row_named(result, "layers", "name", layer->name);
        assert_int_equal(proposal->kept[l], whole_in(row, "keep"));
        assert_true(fabs(proposal->error_ls[l] - number_in(row, "error_ls")) < 1e-12);
        assert_true(fabs(proposal->error[l] - number_in(row, "error")) < 1e-12);
    }
    assert_int_equal(shot->layers[2].kept, 60); /* and beside it how things stand */
    json_decref(result);
    tn_snapshot_unref(shot);
}

static void the_same_line_takes_what_was_shown(void **state)
{
    struct place *place = *state;
    prepare(place);
    char *start = portrait(place);
    json_t *direct = must(place, "budget flops=0.5 method=l1");
    char *wanted = portrait(place);
    done(place, "undo");
    json_t *shown = must(place, "budget method=l1 preview=on flops=0.5");
    done(place, "ratio conv2_1 0.5"); /* ratios may be moved meanwhile */
    assert_true(is_proposed(place));
    size_t count = entries(place);
    json_t *taken = must(place, "budget flops=0.5 method=l1");
    assert_int_equal(entries(place), count + 1);
    assert_false(is_proposed(place));
    assert_true(json_equal(taken, direct));
    json_object_del(shown, "preview");
    assert_true(json_equal(taken, shown));
    char *got = portrait(place);
    assert_string_equal(got, wanted);
    done(place, "undo");
    done(place, "undo");
    char *back = portrait(place);
    assert_string_equal(back, start);
    free(start);
    free(wanted);
    free(got);
    free(back);
    json_decref(direct);
    json_decref(shown);
    json_decref(taken);
}

/* Measured again a budget of time would come out otherwise: what was seen is what is taken. */
static void time_is_not_measured_again(void **state)
{
    struct place *place = *state;
    prepare(place);
    json_t *shown = must(place, "budget latency=0.7 batch=1 preview=on");
    struct tn_snapshot *shot = look(place);
    assert_non_null(shot->proposal);
    assert_true(shot->proposal->latency == number_in(shown, "latency_ms"));
    assert_true(shot->proposal->latency_before == number_in(shown, "latency_ms_before"));
    tn_snapshot_unref(shot);
    json_t *taken = must(place, "budget latency=0.7 batch=1");
    json_object_del(shown, "preview");
    assert_true(json_equal(taken, shown));
    json_decref(shown);
    json_decref(taken);
}

static void expect_dropped_by(struct place *place, const char *line)
{
    done(place, "budget params=0.6 preview=on");
    if (!is_proposed(place))
        fail_msg("nothing is proposed before %s", line);
    done(place, "%s", line);
    if (is_proposed(place))
        fail_msg("%s leaves a proposal that does not hold any more", line);
}

static void it_goes_when_it_holds_no_longer(void **state)
{
    struct place *place = *state;
    prepare(place);
    expect_dropped_by(place, "method conv1_2 l1");
    expect_dropped_by(place, "lock conv2_1 3,5 keep");
    expect_dropped_by(place, "unlock conv2_1");
    expect_dropped_by(place, "sample all images=3 locations=2");
    expect_dropped_by(place, "budget flops=0.7"); /* another one was taken */
    expect_dropped_by(place, "prune all reweight=none");
    done(place, "sample all images=2 locations=2");
    done(place, "save @/other.thinet");
    expect_dropped_by(place, "open zoo:fashion-vgg seed=2");
    done(place, "data @/images");
    done(place, "sample all images=2 locations=2");
    done(place, "budget params=0.6 preview=on");
    must_fail(place, "ratio nothing 0.5");
    done(place, "eval limit=10");
    done(place, "keep conv1_1 9");
    assert_true(is_proposed(place));
    /* A line that asks for something else finds its own answer. */
    json_t *result = must(place, "budget params=0.9");
    assert_true(number_in(result, "params_ratio") > 0.88);
    json_decref(result);
}

static void a_preview_needs_samples_as_the_budget_does(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg seed=1");
    assert_non_null(strstr(must_fail(place, "budget flops=0.5 preview=on"), "sample all"));
    assert_false(is_proposed(place));
    assert_int_equal(entries(place), 1);
    done(place, "method all l1"); /* the next command leaves its entry again */
    assert_int_equal(entries(place), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_preview_changes_nothing_and_leaves_no_entry, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_snapshot_shows_what_is_proposed, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_same_line_takes_what_was_shown, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(time_is_not_measured_again, place_open, place_close),
        cmocka_unit_test_setup_teardown(it_goes_when_it_holds_no_longer, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_preview_needs_samples_as_the_budget_does, place_open,
                                        place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
