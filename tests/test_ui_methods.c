/* What the views and the list of methods make of orders without errors, of sets that are not nested
 * and of methods that cannot rank a layer. */
#include "chooser.h"
#include "overlay.h"
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { FILTERS = 4 };

/* Paths of four filters: by a method of the samples, by one of the weights before sampling, and one
 * whose sets are not nested. */
static struct made {
    int order[FILTERS], runner_up[FILTERS];
    double error[FILTERS + 1], error_ls[FILTERS + 1], cost[FILTERS], runner_up_cost[FILTERS];
    double score[FILTERS], energy[FILTERS];
    signed char lock[FILTERS];
    struct tn_snapshot_path path;
} good, bare, sets, bad;

static void make(struct made *made, double slope, int order_keep)
{
    for (int i = 0; i < FILTERS; i++) {
        made->order[i] = 30 + i;
        made->runner_up[i] = -1;
        made->cost[i] = made->runner_up_cost[i] = made->energy[i] = slope / FILTERS;
        made->score[i] = i;
        made->lock[i] = 0;
    }
    for (int i = 0; i <= FILTERS; i++) {
        made->error[i] = slope * i / FILTERS;
        made->error_ls[i] = slope * i / FILTERS / 2;
    }
    made->path = (struct tn_snapshot_path){.channels = FILTERS,
                                           .order = made->order,
                                           .error = made->error,
                                           .error_ls = made->error_ls,
                                           .cost = made->cost,
                                           .runner_up = made->runner_up,
                                           .runner_up_cost = made->runner_up_cost,
                                           .score = made->score,
                                           .energy = made->energy,
                                           .lock = made->lock,
                                           .order_keep = order_keep};
}

static char names[2][8] = {"first", "second"}, group[] = "g", nothing[] = "";
static struct tn_snapshot_layer layers[2];
static struct tn_snapshot snapshot = {.layer_count = 2,
                                      .layers = layers,
                                      .model_name = (char[]){"net"},
                                      .data_name = (char[]){"images"}};
static struct screen screen;

static int begin(void **state)
{
    (void)state;
    make(&good, 0.5, 0);
    make(&bad, 0.9, 0);
    make(&sets, 0.4, 2);
    make(&bare, NAN, 0);
    for (int i = 0; i < FILTERS; i++) /* the views look filters up by their number */
        good.order[i] = bad.order[i] = bare.order[i] = FILTERS - 1 - i;
    for (int l = 0; l < 2; l++) {
        layers[l] = (struct tn_snapshot_layer){.name = names[l],
                                               .group = group,
                                               .why_not = nothing,
                                               .filters = FILTERS,
                                               .kept = 2,
                                               .prunable = true,
                                               .method = "greedy",
                                               .samples = 100,
                                               .path = &good.path,
                                               .ranking_count = 4};
        struct tn_snapshot_ranking *rankings = layers[l].rankings;
        rankings[0] = (struct tn_snapshot_ranking){"greedy", "the greedy one", NULL, &good.path};
        rankings[1] = (struct tn_snapshot_ranking){"worse", "a worse one", NULL, &bad.path};
        rankings[2] = (struct tn_snapshot_ranking){"later", "not yet", "needs samples", NULL};
        rankings[3] = (struct tn_snapshot_ranking){"sets", "one set a size", NULL, &sets.path};
    }
    screen = (struct screen){
        .glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot, .overlay = OVERLAY_PLAIN};
    return 0;
}

static bool shows(const struct view_ops *view, int columns, const char *text)
{
    struct surface surface = paper_new(22, columns);
    view->draw(&screen, pane_of(&surface));
    bool found = paper_holds(&surface, text);
    surface_free(&surface);
    return found;
}

static void an_order_without_errors_is_shown_with_what_to_do(void **state)
{
    (void)state;
    layers[0].path = &bare.path;
    layers[0].samples = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(shows(view_at(i), 60, "press S"));
        assert_false(shows(view_at(i), 60, "nan"));
    }
    assert_true(shows(&view_filters, 60, "+   1      0"));
    assert_true(shows(&view_steps, 60, "   1      3        -      -      -"));
}

static void what_a_method_lacks_is_not_mistaken_for_no_samples(void **state)
{
    (void)state;
    layers[0].path = NULL;
    assert_true(shows(&view_filters, 90, "What greedy ranks by is not collected yet."));
    assert_false(shows(&view_filters, 90, "Not sampled yet."));
    layers[0].samples = 0;
    assert_true(shows(&view_filters, 90, "Not sampled yet."));
}

static void sets_that_are_not_nested_have_no_next_filter(void **state)
{
    (void)state;
    layers[0].path = &sets.path;
    assert_true(shows(&view_steps, 70, "no filter is the next to go"));
    assert_true(shows(&view_steps, 70, "Gone now: 30 31"));
    assert_false(shows(&view_steps, 70, " 32"));
    layers[0].kept = 1; /* another number than the order was made for */
    assert_true(shows(&view_steps, 70, "Gone now: ..."));
    layers[0].kept = FILTERS;
    assert_true(shows(&view_steps, 70, "Gone now: none"));
    layers[0].path = &good.path;
    assert_false(shows(&view_steps, 70, "Gone now"));
}

static void the_overlay_ranks_methods_by_their_error(void **state)
{
    (void)state;
    struct surface surface = paper_new(20, 46);
    overlay_draw(&screen, pane_of(&surface), 2, (struct chart_part){.to = 0});
    assert_true(paper_holds(&surface, "at keep 2, best first"));
    /* Two columns of two, the best at the top left, what is not known last. */
    assert_true(paper_holds(&surface, "x sets           0.200  o worse          0.450"));
    assert_true(paper_holds(&surface, "* greedy         0.250    later  needs samples"));
    surface_free(&surface);
    assert_false(overlay_incomplete(&layers[0]));
    layers[0].rankings[1].path = NULL;
    assert_true(overlay_incomplete(&layers[0]));
    assert_false(overlay_incomplete(&layers[1]));
}

static void the_list_marks_what_is_in_use_and_what_is_missing(void **state)
{
    (void)state;
    struct surface surface = paper_new(20, 80);
    chooser_open(&screen, false);
    assert_ptr_equal(screen.popup, &popup_methods);
    screen.popup->draw(&screen, pane_of(&surface));
    assert_true(paper_holds(&surface, "Method of first"));
    assert_true(paper_holds(&surface, ">* greedy"));
    assert_true(paper_holds(&surface, "needs samples"));
    assert_true(paper_holds(&surface, "Enter runs :method first greedy"));
    surface_free(&surface);
    const struct binding down = {.action = UI_MOVE, .amount = 1}, leave = {.action = UI_ESCAPE};
    screen.popup->act(&screen, &down);
    assert_int_equal(screen.chooser.cursor, 1);
    screen.popup->act(&screen, &leave);
    assert_null(screen.popup);
}

static void for_all_layers_one_that_lacks_something_is_enough(void **state)
{
    (void)state;
    layers[1].rankings[3].lacks = "not for this layer";
    snprintf(layers[1].method, sizeof layers[1].method, "worse");
    struct surface surface = paper_new(20, 80);
    chooser_open(&screen, true);
    screen.popup->draw(&screen, pane_of(&surface));
    assert_true(paper_holds(&surface, "Method of all layers"));
    assert_true(paper_holds(&surface, "not for this layer"));
    assert_true(paper_holds(&surface, "runs :method all greedy"));
    assert_false(paper_holds(&surface, "*")); /* not the same everywhere */
    surface_free(&surface);
}

static void a_layer_that_cannot_be_pruned_has_no_list(void **state)
{
    (void)state;
    layers[0].prunable = false;
    layers[0].ranking_count = 0;
    layers[0].why_not = (char[]){"it is the output"};
    chooser_open(&screen, false);
    assert_null(screen.popup);
    assert_non_null(strstr(screen.result, "it is the output"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_order_without_errors_is_shown_with_what_to_do, begin),
        cmocka_unit_test_setup(what_a_method_lacks_is_not_mistaken_for_no_samples, begin),
        cmocka_unit_test_setup(sets_that_are_not_nested_have_no_next_filter, begin),
        cmocka_unit_test_setup(the_overlay_ranks_methods_by_their_error, begin),
        cmocka_unit_test_setup(the_list_marks_what_is_in_use_and_what_is_missing, begin),
        cmocka_unit_test_setup(for_all_layers_one_that_lacks_something_is_enough, begin),
        cmocka_unit_test_setup(a_layer_that_cannot_be_pruned_has_no_list, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
