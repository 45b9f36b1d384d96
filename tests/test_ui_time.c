/* The view Time: which columns find room, in which order the rows stand, and that its cursor is the
 * selection of a layer. */
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { LAYERS = 3 };

static char names[LAYERS][64];
static struct tn_snapshot_time measured[LAYERS];
static struct tn_snapshot_times times;
static struct tn_snapshot_layer layers[LAYERS];
static struct tn_snapshot snapshot;
static struct screen screen;

static void make_layer(int l, const char *name, double forward_ms, double backward_ms)
{
    snprintf(names[l], sizeof names[l], "%s", name);
    measured[l] = (struct tn_snapshot_time){.name = names[l],
                                            .path = "winograd",
                                            .flops = 4e6,
                                            .forward_ms = forward_ms,
                                            .gflops = 80,
                                            .share = 0.5,
                                            .backward_ms = backward_ms,
                                            .backward_gflops = 40,
                                            .backward_share = 0.25};
    layers[l] = (struct tn_snapshot_layer){.name = names[l], .why_not = (char[]){""}};
}

static int begin(void **state)
{
    (void)state;
    make_layer(0, "conv1", 1, 9);
    make_layer(1, "conv2", 4, 3);
    make_layer(2, "fc", 2, 6);
    times = (struct tn_snapshot_times){.entry = 7,
                                       .batch = 32,
                                       .forward_ms = 8,
                                       .backward_ms = 20,
                                       .step_ms = 32,
                                       .other_forward_ms = 1,
                                       .other_backward_ms = 2,
                                       .peak_gflops = 160,
                                       .untrained = (char[]){""},
                                       .layer_count = LAYERS,
                                       .layers = measured};
    snapshot = (struct tn_snapshot){
        .layer_count = LAYERS, .layers = layers, .times = &times, .model_name = (char[]){"net"}};
    screen = (struct screen){
        .glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot, .focus = FOCUS_LAYERS};
    view_show(&screen, view_index(&view_time));
    return 0;
}

static bool shows(int columns, const char *text)
{
    struct surface surface = paper_new(18, columns);
    view_time.draw(&screen, pane_of(&surface));
    bool found = paper_holds(&surface, text);
    surface_free(&surface);
    return found;
}

/* The first letters of the layers' rows, from above. */
static void expect_order(const char *first, const char *second, const char *third)
{
    struct surface surface = paper_new(18, 76);
    view_time.draw(&screen, pane_of(&surface));
    const char *const expected[] = {first, second, third, "the rest"};
    int top = screen.view_rows.top;
    for (int i = 0; i < 4; i++) {
        char *row = paper_row(&surface, top + i);
        if (strncmp(row + 1, expected[i], strlen(expected[i])) != 0)
            fail_msg("row %d is \"%s\", not %s", i, row, expected[i]);
        tn_free(row);
    }
    surface_free(&surface);
}

static void all_that_was_measured_is_shown(void **state)
{
    (void)state;
    assert_true(shows(76, "batch 32   forward 8 ms, 4k images/s   backward 20 ms"));
    assert_true(shows(76, "step 32 ms, 1k images/s   peak 160 GFLOP/s"));
    assert_true(shows(76, " layer     path        forward     %  GFLOP/s of peak"));
    assert_true(shows(76, "conv1     winograd      1.000  12.5     80.0 "));
    assert_true(shows(76, " 50%     9.000"));
    assert_true(shows(140, "4M   1.000  12.5     80.0"));
    assert_true(shows(140, " 25%"));
    assert_true(shows(76, "the rest                1.000  12.5"));
    assert_false(shows(76, "winograd may exceed it"));
    measured[1].share = 1.8;
    assert_true(shows(76, "winograd may exceed it"));
    assert_true(shows(76, "180%"));
    assert_false(shows(76, "nan"));
}

static void columns_go_before_names_are_cut(void **state)
{
    (void)state;
    const char *name = "features.10.block.0.branch2.convolution.3x3";
    make_layer(0, name, 1, 9);
    for (int columns = 76; columns >= 66; columns--) {
        assert_true(shows(columns, name));
        assert_true(shows(columns, "forward"));
        assert_true(shows(columns, "backward"));
        assert_true(shows(columns, "9.000"));
    }
    assert_true(shows(110, "of peak"));
    assert_true(shows(110, "GFLOP/s "));
    assert_false(shows(70, "of peak"));
    assert_false(shows(70, " path"));
    assert_false(shows(50, name));
    assert_true(shows(50, "f.10.b.0"));
    assert_true(shows(50, "9.000"));
    for (int columns = 1; columns < 50; columns++) /* any size is survived */
        shows(columns, name);
}

static void rows_stand_in_the_order_that_o_chooses(void **state)
{
    (void)state;
    expect_order("conv1", "conv2", "fc");
    assert_true(shows(76, "o slowest forward first"));
    view_time.turn(&screen);
    expect_order("conv2", "fc", "conv1");
    assert_true(shows(76, "vforward"));
    view_time.turn(&screen);
    expect_order("conv1", "fc", "conv2");
    assert_true(shows(76, "vbackward"));
    view_time.turn(&screen);
    expect_order("conv1", "conv2", "fc");
    measured[1].forward_ms = 2; /* equal ones stay in the network's order */
    view_time.turn(&screen);
    expect_order("conv2", "fc", "conv1");
    measured[2].forward_ms = NAN;
    expect_order("conv2", "conv1", "fc");
    assert_true(shows(76, "fc        winograd          -"));
}

static void without_a_way_back_there_are_no_columns_of_it(void **state)
{
    (void)state;
    times.backward_ms = times.step_ms = times.other_backward_ms = NAN;
    times.untrained = (char[]){"Resize has no gradient"};
    for (int l = 0; l < LAYERS; l++)
        measured[l].backward_ms = measured[l].backward_gflops = measured[l].backward_share = NAN;
    assert_true(shows(76, "Resize has no gradient"));
    assert_false(shows(140, "backward"));
    assert_false(shows(140, "nan"));
    view_time.turn(&screen);
    assert_true(shows(76, "o network order"));
    view_time.turn(&screen);
    expect_order("conv1", "conv2", "fc");
}

static void the_cursor_is_the_selected_layer(void **state)
{
    (void)state;
    screen.layer = 2;
    assert_true(shows(76, ">fc"));
    view_time.turn(&screen);
    assert_int_equal(screen.layer, 1); /* the slowest */
    assert_true(shows(76, ">conv2"));
    screen.views[screen.view].cursor = 2;
    view_time.stand(&screen);
    assert_int_equal(screen.layer, 0);
    view_time.turn(&screen);
    view_time.turn(&screen);
    assert_int_equal(screen.views[screen.view].cursor, 0);
    assert_true(shows(76, ">conv1")); /* in the network's order the layer stands where it did */
    screen_select(&screen, 2);
    assert_true(shows(76, ">fc"));
    screen_select(&screen, 0);
    assert_true(shows(76, ">conv1"));
    screen_select(&screen, LAYER_ALL); /* nothing here stands for all of them */
    assert_true(shows(76, ">conv1"));
    assert_int_equal(screen.layer, 0);
}

static void leaving_leads_back(void **state)
{
    (void)state;
    screen.view = 2;
    screen.layer = 1;
    screen.focus = FOCUS_LAYERS;
    view_show(&screen, view_index(&view_time));
    assert_int_equal(screen.focus, FOCUS_VIEW);
    screen_select(&screen, 0);
    view_leave(&screen);
    assert_int_equal(screen.view, 2);
    assert_int_equal(screen.layer, 1);
    assert_int_equal(screen.focus, FOCUS_LAYERS);
    view_show(&screen, view_index(&view_time));
    screen_select(&screen, 2);
    view_time.enter(&screen); /* to the layer under the cursor */
    assert_int_equal(screen.view, 2);
    assert_int_equal(screen.layer, 2);
}

static void what_it_is_for_is_said_before_anything_is_measured(void **state)
{
    (void)state;
    snapshot.times = NULL;
    assert_int_equal(view_time.rows(&screen), 0);
    assert_true(shows(76, "Where does the time of a batch go?"));
    assert_true(shows(76, "t measures it now"));
    screen.time_number = 1; /* on its way */
    assert_true(shows(76, "It is being measured. Esc stops it."));
    screen.status.busy = true;
    snprintf(screen.status.command, sizeof screen.status.command, "finetune epochs=3");
    assert_true(shows(76, "when what runs has ended"));
    screen.status.finished = 1; /* it failed */
    assert_true(shows(76, "t measures it now"));
    snapshot.layer_count = 0;
    assert_true(shows(76, "No network is open."));
}

static void a_measurement_of_another_network_says_so(void **state)
{
    (void)state;
    assert_false(shows(76, "Measured before the network was changed"));
    snapshot.times_stale = true;
    assert_true(shows(76, "Measured before the network was changed"));
    snapshot.layer_count = 2; /* the last layer is gone: its row selects none */
    screen.views[screen.view].cursor = 2;
    view_time.stand(&screen);
    assert_true(shows(76, ">fc"));
    assert_int_equal(screen.layer, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_that_was_measured_is_shown, begin),
        cmocka_unit_test_setup(columns_go_before_names_are_cut, begin),
        cmocka_unit_test_setup(rows_stand_in_the_order_that_o_chooses, begin),
        cmocka_unit_test_setup(without_a_way_back_there_are_no_columns_of_it, begin),
        cmocka_unit_test_setup(the_cursor_is_the_selected_layer, begin),
        cmocka_unit_test_setup(leaving_leads_back, begin),
        cmocka_unit_test_setup(what_it_is_for_is_said_before_anything_is_measured, begin),
        cmocka_unit_test_setup(a_measurement_of_another_network_says_so, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
