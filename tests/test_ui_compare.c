/* The view Compare: the order of its rows, how they differ from a base, which are on the Pareto
 * front, and what is drawn of that. */
#include "comparison.h"
#include "scatter.h"
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROWS = 5 };

static struct tn_snapshot_compared rows[ROWS];
static struct tn_snapshot_layer layer = {.name = (char[]){"conv"}, .why_not = (char[]){""}};
static struct tn_snapshot snapshot;
static struct screen screen;

static void make_row(int i, int64_t network, const char *done, double top1, double cost)
{
    rows[i] = (struct tn_snapshot_compared){.entry = network + 1,
                                            .network = network,
                                            .evaluated = isfinite(top1),
                                            .top1 = top1,
                                            .top5 = isfinite(top1) ? 0.99 : NAN,
                                            .ci95 = isfinite(top1) ? 0.005 : NAN,
                                            .images = isfinite(top1) ? 10000 : 0,
                                            .params = (int64_t)(cost * 300000),
                                            .flops = (int64_t)(cost * 60e6),
                                            .params_ratio = 1.5 - cost,
                                            .flops_ratio = cost,
                                            .forward_ms = NAN,
                                            .backward_ms = NAN};
    snprintf(rows[i].model, sizeof rows[i].model, "net%s", done);
}

/* Entries 2, 5, 11, 21, 31: the third is beaten by the second, the last is as good as the first
 * within its interval. */
static int begin(void **state)
{
    static char model[] = "net", data[] = "images"; /* they outlive this function */
    (void)state;
    make_row(0, 1, "", 0.930, 1);
    make_row(1, 4, " pruned", 0.90, 0.5);
    make_row(2, 10, " pruned", 0.88, 0.7);
    make_row(3, 20, " pruned, fine-tuned", 0.80, 0.25);
    make_row(4, 30, " fine-tuned", 0.931, 1);
    snapshot = (struct tn_snapshot){.layer_count = 1,
                                    .layers = &layer,
                                    .model_name = model,
                                    .data_name = data,
                                    .compared_count = ROWS,
                                    .compared = rows,
                                    .network = 20};
    screen = (struct screen){
        .glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot, .focus = FOCUS_LAYERS};
    view_show(&screen, view_index(&view_compare));
    return 0;
}

/* --- what is made of the rows --- */

static void expect_order(enum comparison_order order, const int expected[ROWS])
{
    struct comparison comparison;
    assert_true(comparison_make(&comparison, &snapshot, 0, order, false));
    for (int i = 0; i < ROWS; i++)
        if (comparison.order[i] != expected[i])
            fail_msg("order %d, place %d: row %d, not %d", order, i, comparison.order[i],
                     expected[i]);
    comparison_free(&comparison);
}

static void rows_are_sorted_and_what_is_not_known_comes_last(void **state)
{
    (void)state;
    expect_order(BY_ENTRY, (const int[ROWS]){0, 1, 2, 3, 4});
    expect_order(BY_TOP1, (const int[ROWS]){4, 0, 1, 2, 3});
    expect_order(BY_FLOPS, (const int[ROWS]){3, 1, 2, 0, 4}); /* equal ones by entry */
    expect_order(BY_PARAMS, (const int[ROWS]){0, 4, 2, 1, 3});
    expect_order(BY_TIME, (const int[ROWS]){0, 1, 2, 3, 4});
    rows[3].forward_ms = 9;
    rows[2].forward_ms = 4;
    expect_order(BY_TIME, (const int[ROWS]){2, 3, 0, 1, 4});
    make_row(0, 1, "", NAN, 1);
    rows[1].flops_ratio = NAN;
    expect_order(BY_TOP1, (const int[ROWS]){4, 1, 2, 3, 0});
    expect_order(BY_FLOPS, (const int[ROWS]){3, 2, 0, 4, 1});
}

static void expect_front(bool by_params, const char *expected)
{
    struct comparison comparison;
    assert_true(comparison_make(&comparison, &snapshot, 0, BY_ENTRY, by_params));
    char text[ROWS + 1] = "";
    for (int i = 0; i < comparison.count; i++)
        text[i] = comparison.front[i] ? '*' : '.';
    text[comparison.count] = '\0';
    assert_string_equal(text, expected);
    comparison_free(&comparison);
}

static void the_front_is_what_nothing_beats(void **state)
{
    (void)state;
    expect_front(false, ".*.**"); /* the first costs as much as the last, which is better */
    expect_front(true, "....*");  /* by parameters the last is the smallest as well */
}

static void equals_are_on_the_front_together(void **state)
{
    (void)state;
    rows[0].top1 = rows[4].top1;
    expect_front(false, "**.**");
    rows[2].flops_ratio = rows[1].flops_ratio; /* as cheap, and worse */
    expect_front(false, "**.**");
    rows[2].top1 = rows[1].top1;
    expect_front(false, "*****");
}

static void what_is_not_known_or_not_alike_is_not_on_the_front(void **state)
{
    (void)state;
    rows[4].images = 500; /* beats nobody, is beaten by nobody */
    expect_front(false, "**.*.");
    rows[4].images = 10000;
    rows[4].data = 4;
    expect_front(false, "**.*.");
    rows[3].flops_ratio = NAN;
    expect_front(false, "**...");
    make_row(0, 1, "", NAN, 1); /* the next one is the base then */
    expect_front(false, ".*...");
    for (int i = 0; i < ROWS; i++)
        make_row(i, 1 + i, "", NAN, 1);
    expect_front(false, ".....");
    begin(NULL);
    snapshot.compared_count = 1;
    expect_front(false, "*");
    snapshot.compared_count = 0;
    expect_front(false, "");
}

static enum difference_kind kind_of(int64_t base, int row)
{
    struct comparison comparison;
    assert_true(comparison_make(&comparison, &snapshot, base, BY_ENTRY, false));
    struct difference difference = comparison_difference(&comparison, row);
    comparison_free(&comparison);
    bool known = difference.kind >= DIFFERENCE_NONE;
    assert_int_equal(isfinite(difference.value), known);
    if (known)
        assert_true(difference.low < difference.value && difference.value < difference.high);
    return difference.kind;
}

static void differences_count_where_they_exceed_their_interval(void **state)
{
    (void)state;
    assert_int_equal(kind_of(0, 0), DIFFERENCE_BASE);
    assert_int_equal(kind_of(0, 1), DIFFERENCE_WORSE);
    assert_int_equal(kind_of(0, 4), DIFFERENCE_NONE);
    assert_int_equal(kind_of(4, 0), DIFFERENCE_BETTER);
    assert_int_equal(kind_of(4, 1), DIFFERENCE_BASE);
    assert_int_equal(kind_of(99, 0), DIFFERENCE_BASE); /* of another session */
    rows[1].images = 500;
    assert_int_equal(kind_of(0, 1), DIFFERENCE_IMAGES);
    make_row(0, 1, "", NAN, 1);
    assert_int_equal(kind_of(0, 0), DIFFERENCE_UNKNOWN);
    assert_int_equal(kind_of(1, 1), DIFFERENCE_BASE); /* what is not known is no base */
}

/* --- what is drawn --- */

static struct surface drawn(int height, int columns)
{
    struct surface surface = paper_new(height, columns);
    view_compare.draw(&screen, pane_of(&surface));
    return surface;
}

static bool shows(int height, int columns, const char *text)
{
    struct surface surface = drawn(height, columns);
    bool found = paper_holds(&surface, text);
    surface_free(&surface);
    return found;
}

static void eighty_columns_hold_what_matters(void **state)
{
    (void)state;
    assert_true(shows(18, 76, "base: 2  net, top-1 93.00+-0.50 % on 10000 images"));
    assert_true(shows(18, 76, "ventry    model"));
    assert_true(shows(18, 76, "    5 *  net pruned "));
    assert_true(shows(18, 76, ">   21 *@ net pruned, fine-tuned"));
    assert_true(shows(18, 76, "80.00  +-0.50 -13.00 -"));
    assert_true(shows(18, 76, "93.10  +-0.50  +0.10 ="));
    assert_true(shows(18, 76, "0.25x"));
    assert_true(shows(18, 76, "* Pareto front  + better, - worse, = within"));
    assert_false(shows(18, 76, "f."));
    assert_false(shows(40, 116, "nan"));
}

static void more_room_shows_all_columns(void **state)
{
    (void)state;
    rows[3].forward_ms = 12.3;
    rows[3].backward_ms = 45.6;
    assert_true(shows(30, 116, "to base  #param params  #FLOPs  FLOPs      f.  / b. ms"));
    assert_true(shows(30, 116, "-13.00 -     75k  1.25x     15M  0.25x    12.3   / 45.6"));
    assert_true(shows(30, 140, "-13.93 -12.07"));
    assert_false(shows(30, 116, "95 % interval  #param"));
    for (int columns = 1; columns < 60; columns++) /* any size is survived */
        for (int height = 1; height < 24; height += 3)
            shows(height, columns, "net");
}

static void what_was_done_is_not_cut_before_the_name(void **state)
{
    (void)state;
    snprintf(rows[3].model, sizeof rows[3].model, "%s",
             "a-network-of-mine.onnx pruned, fine-tuned");
    assert_true(shows(18, 76, "a-netw~ pruned, fine-tuned"));
    snprintf(rows[3].model, sizeof rows[3].model, "%s",
             "net pruned, fine-tuned, from scratch, new head");
    assert_true(shows(18, 76, "net pruned, fine-tuned, f~"));
    assert_true(shows(18, 160, "net pruned, fine-tuned, from scratch, new head"));
}

static void points_stand_where_accuracy_and_cost_are(void **state)
{
    (void)state;
    struct surface surface = drawn(30, 76);
    assert_true(paper_holds(&surface, "top-1 (numbers: entries)  ~  Pareto front"));
    assert_true(paper_holds(&surface, "FLOPs, opened = 1"));
    assert_true(paper_holds(&surface, "90%|"));
    assert_true(paper_holds(&surface, " 0.5 "));
    assert_true(paper_holds(&surface, "*21"));
    assert_true(paper_holds(&surface, "*5"));
    assert_true(paper_holds(&surface, "o11"));
    int flagged = 0, row21 = -1, row5 = -1;
    for (int row = 8; row < surface.rows; row++) {
        char *text = paper_row(&surface, row);
        row21 = strstr(text, "*21") != NULL ? row : row21;
        row5 = strstr(text, "*5") != NULL ? row : row5;
        for (int column = 0; column < surface.columns; column++)
            flagged += surface.cells[row * surface.columns + column].flags != 0;
        tn_free(text);
    }
    assert_true(row5 < row21);    /* the more accurate above */
    assert_int_equal(flagged, 3); /* the selected one's mark and number, as the row's */
    surface_free(&surface);
    screen.comparing.by_params = true;
    assert_true(shows(30, 76, "parameters, opened = 1"));
}

static void points_without_accuracy_or_of_other_images_say_so(void **state)
{
    (void)state;
    rows[2].images = 500;
    make_row(0, 1, "", NAN, 1);
    assert_true(shows(30, 76, "?11"));
    assert_true(shows(30, 76, "base: 5"));
    assert_true(shows(30, 140, "other: on other images"));
    assert_true(shows(30, 76, "other"));
    snapshot.compared_count = 2; /* one point that can be drawn */
    assert_true(shows(30, 76, "*5"));
    assert_false(shows(30, 76, "nan"));
}

static void bars_are_left_out_where_points_are_many(void **state)
{
    (void)state;
    struct comparison comparison;
    assert_true(comparison_make(&comparison, &snapshot, 0, BY_ENTRY, false));
    for (int i = 0; i < ROWS; i++)
        rows[i].ci95 = 0.05;
    for (int columns = 16; columns <= 60; columns += 44) {
        struct surface surface = paper_new(24, columns);
        scatter_draw(pane_of(&surface), screen.glyphs, &comparison, 0, false);
        int bars = 0;
        for (int i = 0; i < surface.rows * columns; i++)
            bars += i % columns > 7 && surface.cells[i].glyph == '|';
        assert_int_equal(bars > 0, columns == 60);
        surface_free(&surface);
    }
    comparison_free(&comparison);
}

static void nothing_evaluated_says_what_to_do(void **state)
{
    (void)state;
    make_row(0, 1, "", NAN, 1);
    snapshot.compared_count = 1;
    assert_int_equal(view_compare.rows(&screen), 0);
    assert_true(shows(18, 76, "Nothing is evaluated yet."));
    assert_true(shows(18, 76, "Press e"));
    view_compare.own(&screen, COMPARE_BASE);
    assert_non_null(strstr(screen.result, "press e"));
    snapshot.data_name = (char[]){""};
    assert_true(shows(18, 76, ":data fashion-mnist"));
    snapshot.layer_count = 0;
    assert_true(shows(18, 76, "No network is open."));
}

/* --- keys --- */

static void the_cursor_stays_with_its_network(void **state)
{
    (void)state;
    assert_true(shows(18, 76, ">   21")); /* at first where the session stands */
    view_compare.turn(&screen);
    assert_true(shows(18, 76, "vtop-1"));
    assert_int_equal(screen.views[screen.view].cursor, 4);
    assert_true(shows(18, 76, ">   21"));
    screen.views[screen.view].cursor = 0;
    view_compare.stand(&screen);
    assert_true(shows(18, 76, ">   31"));
    view_compare.turn(&screen); /* FLOPs */
    view_compare.follow(&screen);
    assert_int_equal(screen.views[screen.view].cursor, 4);
    assert_true(shows(18, 50, "vFLOPs"));
    assert_false(shows(18, 60, "params "));
    view_compare.turn(&screen); /* whose column is shown then, whatever the room */
    assert_true(shows(18, 60, "vparams"));
    view_compare.turn(&screen); /* no times: entries */
    assert_true(shows(18, 76, "ventry"));
    rows[0].forward_ms = 1;
    for (int i = 0; i < 4; i++)
        view_compare.turn(&screen);
    assert_true(shows(30, 116, "vf."));
}

static void a_row_can_be_made_the_base(void **state)
{
    (void)state;
    shows(18, 76, "");
    view_compare.own(&screen, COMPARE_BASE);
    assert_true(shows(18, 76, "base: 21  net pruned, fine-tuned"));
    assert_true(shows(18, 76, "+13.00 +"));
    make_row(0, 1, "", NAN, 1);
    screen.views[screen.view].cursor = 0;
    view_compare.stand(&screen);
    view_compare.own(&screen, COMPARE_BASE);
    assert_true(screen.failed);
    assert_true(shows(18, 76, "base: 21"));
}

static void table_and_scatter_are_shown_in_turn(void **state)
{
    (void)state;
    const char *table = "    5 *  net pruned", *scatter = "FLOPs, opened = 1";
    assert_true(shows(18, 76, table) && shows(18, 76, scatter));
    view_compare.own(&screen, COMPARE_SHOW);
    assert_true(shows(18, 76, table) && !shows(18, 76, scatter));
    view_compare.own(&screen, COMPARE_SHOW);
    assert_true(!shows(18, 76, table) && shows(18, 76, scatter));
    assert_true(shows(18, 76, ">   21")); /* what is selected is read below the titles */
    view_compare.own(&screen, COMPARE_SHOW);
    assert_true(shows(18, 76, table) && shows(18, 76, scatter));
    /* No room for both: one or the other. */
    assert_true(shows(12, 76, table) && !shows(12, 76, scatter));
    view_compare.own(&screen, COMPARE_SHOW);
    assert_true(!shows(12, 76, table) && shows(12, 76, scatter));
    view_compare.own(&screen, COMPARE_SHOW);
    assert_true(shows(12, 76, table) && !shows(12, 76, scatter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_are_sorted_and_what_is_not_known_comes_last, begin),
        cmocka_unit_test_setup(the_front_is_what_nothing_beats, begin),
        cmocka_unit_test_setup(equals_are_on_the_front_together, begin),
        cmocka_unit_test_setup(what_is_not_known_or_not_alike_is_not_on_the_front, begin),
        cmocka_unit_test_setup(differences_count_where_they_exceed_their_interval, begin),
        cmocka_unit_test_setup(eighty_columns_hold_what_matters, begin),
        cmocka_unit_test_setup(more_room_shows_all_columns, begin),
        cmocka_unit_test_setup(what_was_done_is_not_cut_before_the_name, begin),
        cmocka_unit_test_setup(points_stand_where_accuracy_and_cost_are, begin),
        cmocka_unit_test_setup(points_without_accuracy_or_of_other_images_say_so, begin),
        cmocka_unit_test_setup(bars_are_left_out_where_points_are_many, begin),
        cmocka_unit_test_setup(nothing_evaluated_says_what_to_do, begin),
        cmocka_unit_test_setup(the_cursor_stays_with_its_network, begin),
        cmocka_unit_test_setup(a_row_can_be_made_the_base, begin),
        cmocka_unit_test_setup(table_and_scatter_are_shown_in_turn, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
