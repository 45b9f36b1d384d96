/* The commands, on a real network and images small enough to be quick. */
#include "quick.h"
#include "session_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void begin(struct place *place)
{
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images mean=0.3 std=0.3");
}

static void begin_sampled(struct place *place)
{
    begin(place);
    done(place, "sample all images=4 locations=4");
}

static void what_comes_first_is_said_when_it_is_missing(void **state)
{
    struct place *place = *state;
    assert_non_null(strstr(must_fail(place, "layers"), "open MODEL.onnx"));
    done(place, "open zoo:fashion-vgg");
    assert_non_null(strstr(must_fail(place, "eval"), "data PATH"));
    assert_non_null(strstr(must_fail(place, "curve conv1_1"), "sample conv1_1"));
    assert_non_null(strstr(must_fail(place, "prune"), "set a ratio first"));
    done(place, "ratio conv1_1 0.5");
    assert_non_null(strstr(must_fail(place, "prune"), "sample conv1_1"));
}

static void data_that_does_not_fit_the_network_is_refused(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg in=3x32x32 classes=7");
    done(place, "data @/images");
    must_fail(place, "eval");
    must_fail(place, "sample");
    must_fail(place, "finetune");
}

static void a_ratio_keeps_the_filters_that_rounding_down_leaves(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    static const struct {
        const char *ratio;
        int keep;
    } cases[] = {{"0", 32},   {"0.5", 16},     {"0.3", 22},
                 {"0.1", 28}, {"0.999999", 1}, {"0.03125", 31}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *result = must(place, "ratio conv1_1 %s", cases[i].ratio);
        assert_int_equal(whole_in(result, "keep"), cases[i].keep);
        assert_int_equal(json_array_size(json_object_get(result, "kept")), cases[i].keep);
        assert_int_equal(json_array_size(json_object_get(result, "removed")), 32 - cases[i].keep);
        assert_int_equal(json_array_size(json_object_get(result, "weights")), cases[i].keep);
        assert_true(number_in(result, "error_ls") <= number_in(result, "error") + 1e-12);
        json_decref(result);
    }
}

static void removed_filters_are_the_beginning_of_the_curve(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    json_t *curve = must(place, "curve conv2_1");
    json_t *chosen = must(place, "keep conv2_1 40");
    const json_t *order = json_object_get(curve, "order"),
                 *removed = json_object_get(chosen, "removed");
    assert_int_equal(json_array_size(removed), 24);
    for (size_t i = 0; i < json_array_size(removed); i++)
        assert_true(json_equal(json_array_get(removed, i), json_array_get(order, i)));
    assert_true(json_equal(json_array_get(json_object_get(curve, "error"), 24),
                           json_object_get(chosen, "error")));
    assert_true(json_equal(json_array_get(json_object_get(curve, "error_ls"), 24),
                           json_object_get(chosen, "error_ls")));
    json_decref(curve);
    json_decref(chosen);
}

static void wrong_values_leave_the_state_untouched(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    done(place, "ratio all 0.25");
    char *before = portrait(place);
    assert_non_null(strstr(must_fail(place, "ratio conv1_1 1.5"), "0 <= R < 1"));
    must_fail(place, "ratio conv1_1 -0.1");
    assert_non_null(strstr(must_fail(place, "ratio conv1_9 0.5"), "did you mean 'conv1_"));
    assert_non_null(strstr(must_fail(place, "ratio fc 0.5"), "cannot be pruned"));
    assert_non_null(strstr(must_fail(place, "ratio x* 0.5"), "no layer matches"));
    must_fail(place, "keep conv1_1 33");
    must_fail(place, "keep all 33");
    must_fail(place, "lock conv1_1 3,40 keep");
    must_fail(place, "lock conv1_1 9-3 keep");
    must_fail(place, "lock conv1_1 0-31 prune");
    must_fail(place, "run conv1_1 keep=3 ratio=0.5");
    must_fail(place, "run conv1_1");
    must_fail(place, "finetune lr=-1");
    must_fail(place, "open @/missing.onnx");
    must_fail(place, "data @/missing");
    char *after = portrait(place);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void globs_take_the_layers_that_can_be_pruned(void **state)
{
    struct place *place = *state;
    begin(place);
    json_t *result = must(place, "ratio conv2_* 0.5");
    assert_int_equal(json_array_size(json_object_get(result, "layers")), 2);
    assert_true(
        json_is_null(json_object_get(row_named(result, "layers", "layer", "conv2_1"), "error")));
    assert_null(json_object_get(result, "keep"));
    json_decref(result);
    result = must(place, "ratio all 0.5");
    assert_int_equal(json_array_size(json_object_get(result, "layers")), 6);
    json_decref(result);
}

static void the_walk_goes_step_by_step_and_back(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    json_t *curve = must(place, "curve conv1_1"), *result = must(place, "step conv1_1");
    assert_int_equal(whole_in(result, "keep"), 31);
    json_decref(result);
    result = must(place, "step conv1_1 5");
    assert_int_equal(whole_in(result, "keep"), 26);
    json_decref(result);
    result = must(place, "back conv1_1 2");
    assert_int_equal(whole_in(result, "keep"), 28);
    json_decref(result);
    result = must(place, "run conv1_1 error=0.1");
    long long keep = whole_in(result, "keep");
    const json_t *errors = json_object_get(curve, "error");
    assert_true(json_number_value(json_array_get(errors, (size_t)(32 - keep))) <= 0.1);
    assert_true(json_number_value(json_array_get(errors, (size_t)(33 - keep))) > 0.1);
    json_decref(result);
    json_decref(curve);
    done(place, "step conv1_1 1000");
    assert_non_null(strstr(must_fail(place, "step conv1_1"), "at its end"));
    done(place, "back conv1_1 1000");
    assert_non_null(strstr(must_fail(place, "back conv1_1"), "at its beginning"));
}

static bool holds(const json_t *array, int value)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (json_integer_value(json_array_get(array, i)) == value)
            return true;
    }
    return false;
}

static void locks_bound_what_stays_and_what_goes(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    done(place, "lock conv1_1 0-3 keep");
    done(place, "lock conv1_1 7,9 prune");
    json_t *result = must(place, "keep conv1_1 20");
    for (int c = 0; c < 4; c++)
        assert_true(holds(json_object_get(result, "kept"), c));
    assert_true(holds(json_object_get(result, "removed"), 7) &&
                holds(json_object_get(result, "removed"), 9));
    json_decref(result);
    result = must(place, "keep conv1_1 2");
    assert_int_equal(whole_in(result, "keep"), 4);
    assert_true(json_is_true(json_object_get(result, "limited")));
    json_decref(result);
    result = must(place, "keep conv1_1 32");
    assert_int_equal(whole_in(result, "keep"), 30);
    json_decref(result);
    done(place, "unlock conv1_1 7,9");
    result = must(place, "keep conv1_1 32");
    assert_int_equal(whole_in(result, "keep"), 32);
    json_decref(result);
}

static void filters_locked_to_go_can_be_pruned_without_samples(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "lock conv1_1 7,9 prune");
    assert_non_null(strstr(must_fail(place, "prune conv1_1 reweight=ls"), "needs its statistic"));
    json_t *result = must(place, "prune conv1_1");
    const json_t *row = row_named(result, "layers", "name", "conv1_1");
    assert_int_equal(json_array_size(json_object_get(row, "kept")), 30);
    assert_false(holds(json_object_get(row, "kept"), 7));
    assert_true(json_is_null(json_object_get(row, "weights")));
    json_decref(result);
}

static void pruning_costs_what_was_planned_and_forgets_what_it_must(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    done(place, "ratio all 0.4");
    done(place, "ratio conv2_2 0");
    json_t *planned = must(place, "summary"), *pruned = must(place, "prune all reweight=ls");
    assert_int_equal(whole_in(planned, "params_planned"), whole_in(pruned, "params"));
    assert_int_equal(whole_in(planned, "flops_planned"), whole_in(pruned, "flops"));
    assert_int_equal(json_array_size(json_object_get(pruned, "layers")), 5);
    json_decref(planned);
    json_decref(pruned);
    json_t *layers = must(place, "layers");
    const json_t *cut = row_named(layers, "layers", "name", "conv1_1");
    const json_t *whole = row_named(layers, "layers", "name", "conv2_2");
    assert_int_equal(whole_in(cut, "filters"), 19);
    assert_int_equal(whole_in(cut, "kept"), 19);
    assert_int_equal(whole_in(cut, "samples"), 0);
    assert_int_equal(whole_in(whole, "filters"), 64);
    assert_true(whole_in(whole, "samples") > 0);
    assert_true(json_is_true(json_object_get(whole, "stale")));
    json_decref(layers);
}

static void undo_and_redo_go_through_every_change_bit_for_bit(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    static const char *const changes[] = {"ratio all 0.5",
                                          "lock conv3_1 1,2 keep",
                                          "prune conv3_*",
                                          "finetune epochs=2 batch=50 lr=0.05",
                                          "sample conv3_1 images=3",
                                          "ratio conv3_1 0.5",
                                          "prune"};
    enum { CHANGES = sizeof changes / sizeof *changes };
    char *at[CHANGES + 1];
    at[0] = portrait(place);
    for (int i = 0; i < CHANGES; i++) {
        done(place, "%s", changes[i]);
        done(place, "note after %s", changes[i]);
        at[i + 1] = portrait(place);
    }
    for (int i = CHANGES - 1; i >= 0; i--) {
        done(place, "undo");
        char *now = portrait(place);
        assert_string_equal(now, at[i]);
        free(now);
    }
    for (int i = 1; i <= CHANGES; i++) {
        done(place, "redo");
        char *now = portrait(place);
        assert_string_equal(now, at[i]);
        free(now);
    }
    assert_non_null(strstr(must_fail(place, "redo"), "nothing to redo"));
    for (int i = 0; i <= CHANGES; i++)
        free(at[i]);
}

static void the_journal_is_a_tree_and_goto_reaches_every_branch(void **state)
{
    struct place *place = *state;
    begin(place);                 /* entries 1, 2 */
    done(place, "ratio all 0.5"); /* 3 */
    done(place, "undo");
    done(place, "ratio all 0.25"); /* 4, beside 3 */
    json_t *journal = must(place, "journal");
    const json_t *entries = json_object_get(journal, "entries");
    assert_int_equal(json_array_size(entries), 4);
    assert_int_equal(whole_in(json_array_get(entries, 2), "parent"), 2);
    assert_int_equal(whole_in(json_array_get(entries, 3), "parent"), 2);
    assert_int_equal(whole_in(journal, "head"), 4);
    json_decref(journal);
    must_fail(place, "redo");
    done(place, "goto 3");
    json_t *layers = must(place, "layers");
    assert_int_equal(whole_in(row_named(layers, "layers", "name", "conv1_1"), "kept"), 16);
    json_decref(layers);
    done(place, "goto 0");
    must_fail(place, "layers");
    assert_non_null(strstr(must_fail(place, "goto 5"), "expected 0 to 4"));
    assert_non_null(strstr(must_fail(place, "undo"), "nothing to undo"));
}

static long long head_of(struct place *place)
{
    json_t *journal = must(place, "journal");
    long long head = whole_in(journal, "head");
    json_decref(journal);
    return head;
}

static void a_branch_is_named_and_found_again_by_its_name(void **state)
{
    struct place *place = *state;
    begin(place);                 /* entries 1, 2 */
    done(place, "branch mild");   /* 3 */
    done(place, "ratio all 0.2"); /* 4 */
    done(place, "ratio all 0.3"); /* 5 */
    done(place, "goto 2");
    done(place, "branch \"the other\""); /* 6 */
    done(place, "ratio all 0.7");        /* 7 */
    done(place, "goto mild");
    assert_int_equal(head_of(place), 5);
    must_fail(place, "open @/images/train-labels-idx1-ubyte"); /* 8: failed, nobody stands there */
    done(place, "goto 4");
    done(place, "ratio all 0.25"); /* 9: the newest of the branch, if not at its old end */
    done(place, "goto \"the other\"");
    assert_int_equal(head_of(place), 7);
    done(place, "goto mild");
    assert_int_equal(head_of(place), 9);
    assert_non_null(strstr(must_fail(place, "branch mild"), "entry 3 has named"));
    assert_non_null(strstr(must_fail(place, "branch 12"), "needs a letter"));
    assert_non_null(
        strstr(must_fail(place, "goto milf"), "no entry or branch 'milf' (did you mean 'mild'?)"));
    done(place, "undo"); /* a name is no change: it is stepped over */
    done(place, "undo");
    assert_int_equal(head_of(place), 3);
    done(place, "save @/s.thinet");
    reopen(place, place_path(place, "s.thinet"));
    done(place, "goto mild");
    assert_int_equal(head_of(place), 9);
}

static void the_journal_keeps_work_that_failed_but_no_slips(void **state)
{
    struct place *place = *state;
    begin(place);
    must_fail(place, "ratio conv1_1 1.5");
    must_fail(place, "nonsense");
    must_fail(place, "open @/images/train-labels-idx1-ubyte");
    json_t *journal = must(place, "journal");
    const json_t *entries = json_object_get(journal, "entries");
    assert_int_equal(json_array_size(entries), 3);
    const json_t *failed = json_array_get(entries, 2);
    assert_true(json_is_false(json_object_get(failed, "ok")));
    assert_non_null(strstr(json_string_value(json_object_get(failed, "brief")), "train-labels"));
    assert_int_equal(whole_in(journal, "head"), 2);
    json_decref(journal);
}

static void groups_set_the_scope_that_stays(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    json_t *result = must(place, "groups");
    assert_string_equal(json_string_value(json_object_get(result, "scope")), "inner");
    json_decref(result);
    json_t *before = must(place, "journal");
    done(place, "groups scope=all");
    result = must(place, "groups");
    assert_string_equal(json_string_value(json_object_get(result, "scope")), "all");
    json_decref(result);
    json_t *after = must(place, "journal");
    assert_int_equal(json_array_size(json_object_get(after, "entries")),
                     json_array_size(json_object_get(before, "entries")) + 1);
    json_decref(before);
    json_decref(after);
    /* A plain chain has the same groups in both scopes: its statistics stay. */
    json_t *curve = must(place, "curve conv1_1");
    assert_true(json_is_false(json_object_get(curve, "stale")));
    json_decref(curve);
}

static void training_learns_and_its_accuracy_is_known_afterwards(void **state)
{
    struct place *place = *state;
    begin(place);
    const int count = test_amount(5, 2);
    json_t *trained =
        must(place, "train epochs=%d batch=20 lr=0.05 augment=none schedule=cosine", count);
    const json_t *epochs = json_object_get(trained, "epochs");
    assert_int_equal(json_array_size(epochs), count);
    double last = number_in(json_array_get(epochs, (size_t)count - 1), "test_top1");
    json_t *summary = must(place, "summary"), *eval = must(place, "eval");
    assert_true(test_is_quick() || last > 0.5);
    assert_true(fabs(number_in(summary, "top1") - last) < 1e-12);
    assert_true(fabs(number_in(eval, "top1") - last) < 1e-12);
    assert_int_equal(whole_in(eval, "images"), 100);
    assert_true(fabs(number_in(summary, "ci95") - number_in(eval, "ci95")) < 1e-9);
    json_decref(trained);
    json_decref(summary);
    json_decref(eval);
}

static void exports_write_what_they_say(void **state)
{
    struct place *place = *state;
    begin_sampled(place);
    json_t *gram = must(place, "export-gram conv1_1 @/g.npy");
    json_t *rows = must(place, "export-samples conv1_1 @/x.npy");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(gram, "shape"), 0)), 32);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(rows, "shape"), 1)), 32);
    json_t *layers = must(place, "layers");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(rows, "shape"), 0)),
                     whole_in(row_named(layers, "layers", "name", "conv1_1"), "samples"));
    json_decref(gram);
    json_decref(rows);
    json_decref(layers);
    assert_non_null(strstr(must_fail(place, "export @/no/such/folder.onnx"), "folder.onnx"));
    must_fail(place, "export-gram all @/g.npy");
    must_fail(place, "infer @/g.npy @/y.npy");
}

static void time_measures_all_three(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg");
    json_t *result = must(place, "time batch=2");
    assert_true(number_in(result, "forward_ms") > 0);
    assert_true(number_in(result, "backward_ms") > 0);
    assert_true(number_in(result, "step_ms") > number_in(result, "backward_ms"));
    double peak = number_in(result, "peak_gflops"), forward = 0, backward = 0;
    assert_true(peak > 0.1);
    json_t *layers = json_object_get(result, "layers"), *layer;
    size_t i;
    json_array_foreach(layers, i, layer)
    {
        double ms = number_in(layer, "forward_ms"), flops = number_in(layer, "flops");
        assert_true(ms > 0);
        assert_float_equal(number_in(layer, "gflops"), 2 * flops / ms * 1e-6, 1e-6 * flops / ms);
        assert_float_equal(number_in(layer, "share"), number_in(layer, "gflops") / peak, 1e-6);
        forward += ms;
        backward += number_in(layer, "backward_ms");
    }
    /* Medians of parts need not add up to the median of the whole, but nearly. */
    assert_true(i == 7 && forward < 2 * number_in(result, "forward_ms"));
    assert_true(backward > 0 && backward < 2 * number_in(result, "backward_ms"));
    json_decref(result);
}

static void time_measures_one_mode_alone(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg");
    json_t *inference = must(place, "time batch=2 passes=2 mode=inference");
    json_t *training = must(place, "time batch=2 passes=1 mode=training");
    assert_true(number_in(inference, "forward_ms") > 0 && number_in(training, "step_ms") > 0);
    assert_true(json_is_null(json_object_get(inference, "step_ms")));
    assert_true(json_is_null(json_object_get(training, "forward_ms")));
    const json_t *row = row_named(training, "layers", "name", "conv1_2");
    assert_true(number_in(row, "backward_ms") > 0 && json_is_null(json_object_get(row, "gflops")));
    json_decref(inference);
    json_decref(training);
    must_fail(place, "time passes=0");
    must_fail(place, "time mode=forward");
}

/* Weights are drawn in pieces, after each of which a cancelled command stops. */
static void a_cancelled_open_leaves_the_network_that_was_there(void **state)
{
    struct place *place = *state;
    begin(place);
    char *before = portrait(place);
    const atomic_bool cancelled = true;
    const struct tn_progress progress = {.cancelled = &cancelled};
    struct tn_error error;
    json_t *result = NULL;
    assert_false(
        tn_session_run(place->session, "open zoo:resnet20 seed=4", &progress, &result, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    json_decref(result);
    char *after = portrait(place);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void help_explains_every_command(void **state)
{
    struct place *place = *state;
    json_t *all = must(place, "help");
    json_t *rows = json_object_get(all, "commands"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        json_t *one = must(place, "help %s", json_string_value(json_object_get(row, "name")));
        assert_true(strlen(json_string_value(json_object_get(one, "details"))) > 5);
        json_decref(one);
    }
    json_decref(all);
    assert_non_null(strstr(must_fail(place, "help evla"), "'eval'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_first_is_said_when_it_is_missing, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(data_that_does_not_fit_the_network_is_refused, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_ratio_keeps_the_filters_that_rounding_down_leaves,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(removed_filters_are_the_beginning_of_the_curve, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(wrong_values_leave_the_state_untouched, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(globs_take_the_layers_that_can_be_pruned, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_walk_goes_step_by_step_and_back, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(locks_bound_what_stays_and_what_goes, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(filters_locked_to_go_can_be_pruned_without_samples,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(pruning_costs_what_was_planned_and_forgets_what_it_must,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(undo_and_redo_go_through_every_change_bit_for_bit,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(the_journal_is_a_tree_and_goto_reaches_every_branch,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(a_branch_is_named_and_found_again_by_its_name, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_journal_keeps_work_that_failed_but_no_slips, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(groups_set_the_scope_that_stays, place_open, place_close),
        cmocka_unit_test_setup_teardown(training_learns_and_its_accuracy_is_known_afterwards,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(exports_write_what_they_say, place_open, place_close),
        cmocka_unit_test_setup_teardown(time_measures_all_three, place_open, place_close),
        cmocka_unit_test_setup_teardown(time_measures_one_mode_alone, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_cancelled_open_leaves_the_network_that_was_there,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(help_explains_every_command, place_open, place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
