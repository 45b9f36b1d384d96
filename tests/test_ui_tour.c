/* The tour: what it says, and that it goes on when a step's effect is there. */
#include "actions.h"
#include "keymap.h"
#include "remap.h"
#include "tour.h"
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { FILTERS = 8 };

static char name[] = "layer", group[] = "g", nothing[] = "", unsaved[] = "unsaved", net[] = "net",
            images[] = "images", opened[] = "open x", tuned[] = "finetune epochs=1";
static struct tn_snapshot_layer layers[2];
static struct tn_snapshot_entry entries[2];
static struct tn_snapshot snapshot;
static struct screen screen;

static int begin(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        layers[i] = (struct tn_snapshot_layer){.name = name,
                                               .group = group,
                                               .why_not = nothing,
                                               .filters = FILTERS,
                                               .kept = FILTERS,
                                               .prunable = true,
                                               .error = NAN,
                                               .error_ls = NAN};
    entries[0] = (struct tn_snapshot_entry){.id = 1, .command = opened, .current = true};
    entries[1] = (struct tn_snapshot_entry){.id = 2, .command = tuned};
    snapshot = (struct tn_snapshot){.layer_count = 2,
                                    .layers = layers,
                                    .session_name = unsaved,
                                    .model_name = net,
                                    .data_name = images,
                                    .entries = entries,
                                    .entry_count = 1};
    screen = (struct screen){.glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot};
    return intents_fit(&screen.intents, 2) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    intents_free(&screen.intents);
    return 0;
}

static void press(int key)
{
    act_on(&screen, &(struct terminal_event){.key = key});
    tour_watch(&screen);
}

static const struct tour_step *now(void)
{
    assert_true(screen.tour.open);
    return tour_step_at(screen.tour.step);
}

static void expect_step(const char *key)
{
    if (now()->key == NULL || strcmp(now()->key, key) != 0)
        fail_msg("the tour is at \"%s\", expected the key %s", now()->title, key);
}

static void go_to(const char *key)
{
    tour_start(&screen);
    for (int i = 0; now()->key == NULL || strcmp(now()->key, key) != 0; i++) {
        screen.tour.already = true; /* as if it had been done before */
        press(KEY_RETURN);
        assert_true(i < 30);
    }
}

/* The names between '`' are those of bindings. */
static void check_names(const char *text)
{
    char word[40];
    for (const char *at = text; (at = strchr(at, '`')) != NULL; at = strchr(at + 1, '`') + 1) {
        assert_int_equal(sscanf(at + 1, "%39[^`]", word), 1);
        if (binding_named(word) == NULL)
            fail_msg("there is no binding \"%s\" in: %s", word, text);
    }
}

static void the_keys_of_the_tour_exist(void **state)
{
    (void)state;
    const struct tour_step *step;
    int count = 0;
    for (; (step = tour_step_at(count)) != NULL; count++) {
        check_names(step->text);
        assert_true(step->key == NULL || binding_named(step->key) != NULL);
        assert_true(step->done == NULL || step->key != NULL || step->perform != NULL);
        assert_true(!step->skip || step->done != NULL);
        assert_true(!step->types || (step->key != NULL && step->perform != NULL));
    }
    assert_true(count > 12);
}

static void what_is_there_is_left_out(void **state)
{
    (void)state;
    tour_start(&screen);
    assert_null(now()->done);
    press(KEY_RETURN);
    expect_step("eval"); /* a network is open, and images */
    press(KEY_ARROW_LEFT);
    assert_int_equal(screen.tour.step, 0);
    snapshot.data_name = nothing;
    press(KEY_ARROW_RIGHT);
    assert_true(now()->skip && now()->perform != NULL);
}

static void a_step_is_done_when_its_effect_is_there(void **state)
{
    (void)state;
    go_to("eval");
    tour_watch(&screen);
    expect_step("eval");
    snapshot.evaluated = true;
    tour_watch(&screen);
    expect_step("sample");
    layers[0].samples = 100;
    tour_watch(&screen);
    expect_step("down");
    press('j');
    expect_step("view-steps");
    press('2');
    expect_step("step");
    press('s');
    expect_step("back");
    press('b');
    expect_step("remove-more");
    for (int i = 0; i < 4; i++) {
        expect_step("remove-more");
        press('>'); /* eight filters: one less each */
    }
    expect_step("prune");
    layers[screen.layer].filters = layers[screen.layer].kept = FILTERS / 2;
    tour_watch(&screen);
    expect_step("eval");
}

static void enter_does_what_the_key_does_and_then_goes_on(void **state)
{
    (void)state;
    go_to("down");
    press(KEY_RETURN);
    assert_int_equal(screen.layer, 1);
    expect_step("view-steps");
    press(KEY_ARROW_RIGHT);
    assert_int_equal(screen.view, 1);
    expect_step("step");
    press(KEY_ARROW_LEFT);
    expect_step("view-steps");
    assert_true(screen.tour.already); /* nothing is left to do there */
    press(KEY_RETURN);
    expect_step("step");
    layers[0].prunable = layers[1].prunable = false; /* the key cannot help */
    press(KEY_RETURN);
    expect_step("step");
    press(KEY_RETURN);
    expect_step("back");
}

static void undo_is_done_when_the_session_stands_elsewhere(void **state)
{
    (void)state;
    snapshot.entry_count = 2;
    go_to("finetune");
    entries[0].current = false;
    entries[1].current = entries[1].running = true;
    tour_watch(&screen);
    expect_step("finetune"); /* it has begun, not ended */
    entries[1].running = false;
    tour_watch(&screen);
    expect_step("undo");
    entries[1].current = false;
    entries[0].current = true;
    tour_watch(&screen);
    expect_step("redo");
}

static void while_it_works_enter_waits(void **state)
{
    (void)state;
    go_to("sample");
    screen.status.busy = true;
    press(KEY_RETURN);
    expect_step("sample");
    assert_false(screen.tour.tried);
}

static void esc_leaves(void **state)
{
    (void)state;
    go_to("sample");
    press(KEY_ESC);
    assert_false(screen.tour.open);
    press(KEY_RETURN);
    assert_false(screen.tour.open);
}

static void the_end_closes_it(void **state)
{
    (void)state;
    tour_start(&screen);
    for (int i = 0; screen.tour.open && i < 30; i++) {
        screen.tour.already = true;
        press(KEY_RETURN);
    }
    assert_false(screen.tour.open);
}

static void the_box_says_what_to_press(void **state)
{
    (void)state;
    go_to("sample");
    struct surface surface = paper_new(20, 80);
    struct pane rest = tour_draw(&screen, pane_of(&surface));
    assert_true(rest.rows >= 12 && rest.rows < 20);
    assert_true(paper_holds(&surface, "Press S   Enter does it for you   Left goes back   Esc"));
    assert_true(paper_holds(&surface, "| S looks once at a few training images"));
    surface_free(&surface);
    for (int step = 0; tour_step_at(step) != NULL; step++) {
        screen.tour.step = step;
        surface = paper_new(20, 80);
        rest = tour_draw(&screen, pane_of(&surface));
        if (rest.rows < 13)
            fail_msg("\"%s\" leaves the panels %d of 20 rows", tour_step_at(step)->title,
                     rest.rows);
        surface_free(&surface);
    }
    for (int rows = 1; rows < 30; rows += 3)
        for (int columns = 1; columns < 120; columns += 7) {
            surface = paper_new(rows, columns);
            rest = tour_draw(&screen, pane_of(&surface));
            assert_true(rest.rows <= rows && rest.rows >= (rows < 6 ? rows : 6));
            surface_free(&surface);
        }
}

static void the_box_names_the_keys_of_the_user(void **state)
{
    (void)state;
    struct tn_error error;
    assert_true(remap_key('y', "sample", &error) && remap_key('S', "none", &error));
    go_to("sample");
    struct surface surface = paper_new(20, 80);
    tour_draw(&screen, pane_of(&surface));
    assert_true(paper_holds(&surface, "Press y "));
    assert_true(paper_holds(&surface, "| y looks once at a few training images"));
    surface_free(&surface);
    remap_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_the_tour_exist),
        cmocka_unit_test_setup_teardown(what_is_there_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(a_step_is_done_when_its_effect_is_there, begin, end),
        cmocka_unit_test_setup_teardown(enter_does_what_the_key_does_and_then_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(undo_is_done_when_the_session_stands_elsewhere, begin, end),
        cmocka_unit_test_setup_teardown(while_it_works_enter_waits, begin, end),
        cmocka_unit_test_setup_teardown(esc_leaves, begin, end),
        cmocka_unit_test_setup_teardown(the_end_closes_it, begin, end),
        cmocka_unit_test_setup_teardown(the_box_says_what_to_press, begin, end),
        cmocka_unit_test_setup_teardown(the_box_names_the_keys_of_the_user, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
