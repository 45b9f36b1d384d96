/* The views Filters and Steps: marks, measures, pictures, breakpoints and the knee. */
#include "breakpoints.h"
#include "knee.h"
#include "marks.h"
#include "palette.h"
#include "raster.h"
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* --- the knee --- */

static void the_knee_lies_farthest_below_the_chord(void **state)
{
    (void)state;
    /* Flat up to 6 of 8, then steep: below the chord by 6/8 there. */
    const double bend[] = {0, 0, 0, 0, 0, 0, 0, 0.5, 1};
    assert_int_equal(knee_of(bend, 8), 6);
    /* x^2: farthest below the chord where its slope is the chord's, in the middle. */
    double square[101];
    for (int i = 0; i <= 100; i++)
        square[i] = i * i / 1e4;
    assert_int_equal(knee_of(square, 100), 50);
    /* Scale and level of the errors do not matter. */
    for (int i = 0; i <= 100; i++)
        square[i] = 3 + 0.02 * square[i];
    assert_int_equal(knee_of(square, 100), 50);
}

static void a_curve_without_a_bend_has_no_knee(void **state)
{
    (void)state;
    const double straight[] = {0, 0.25, 0.5, 0.75, 1}, bulging[] = {0, 0.6, 0.8, 0.9, 1};
    const double unknown[] = {NAN, NAN, NAN, NAN, NAN}, level[] = {0, 0, 0, 0, 0};
    assert_int_equal(knee_of(straight, 4), 0);
    assert_int_equal(knee_of(bulging, 4), 0);
    assert_int_equal(knee_of(unknown, 4), 0);
    assert_int_equal(knee_of(level, 4), 0);
    const double alone[] = {0, 1};
    assert_int_equal(knee_of(alone, 1), 0);
}

/* --- marks --- */

static void marks_are_said_as_numbers_and_ranges(void **state)
{
    (void)state;
    struct marks marks = {0};
    char text[12 * 20 + 1];
    const int chosen[] = {3, 7, 10, 11, 12, 19};
    for (int i = 0; i < 6; i++)
        marks_flip(&marks, 2, 20, chosen[i]);
    marks_say(&marks, text, sizeof text);
    assert_string_equal(text, "3,7,10-12,19");
    marks_invert(&marks, 2, 20);
    marks_say(&marks, text, sizeof text);
    assert_string_equal(text, "0-2,4-6,8-9,13-18");
    assert_int_equal(marks_count(&marks, 2, 20), 14);
    marks_flip(&marks, 2, 20, 0);
    assert_false(marks_has(&marks, 2, 20, 0));
    assert_int_equal(marks_count(&marks, 2, 20), 13);
    marks_clear(&marks);
    marks_say(&marks, text, sizeof text);
    assert_string_equal(text, "");
}

static void marks_belong_to_one_layer_as_it_was(void **state)
{
    (void)state;
    struct marks marks = {0};
    marks_flip(&marks, 2, 20, 5);
    assert_true(marks_has(&marks, 2, 20, 5));
    assert_false(marks_has(&marks, 3, 20, 5));
    assert_false(marks_has(&marks, 2, 19, 5)); /* it was cut since */
    marks_flip(&marks, 3, 20, 5);              /* begins anew */
    assert_int_equal(marks_count(&marks, 3, 20), 1);
    assert_int_equal(marks_count(&marks, 2, 20), 0);
    marks_flip(&marks, 3, 20, 20);
    marks_flip(&marks, 3, 20, -1);
    assert_int_equal(marks_count(&marks, 3, 20), 1);
    marks_clear(&marks);
}

/* --- breakpoints --- */

static void the_next_breakpoint_is_the_nearest_ahead(void **state)
{
    (void)state;
    struct breakpoints points = {0};
    const int rows[] = {9, 4, 6};
    for (int i = 0; i < 3; i++)
        assert_true(breakpoints_flip(&points, 1, 10, rows[i]));
    assert_int_equal(breakpoints_next(&points, 1, 10, 0), 4);
    assert_int_equal(breakpoints_next(&points, 1, 10, 4), 6);
    assert_int_equal(breakpoints_next(&points, 1, 10, 9), -1);
    assert_int_equal(breakpoints_next(&points, 2, 10, 0), -1);
    assert_true(breakpoints_flip(&points, 1, 10, 6));
    assert_int_equal(breakpoints_next(&points, 1, 10, 4), 9);
    /* Another number of filters is another walk. */
    assert_int_equal(breakpoints_next(&points, 1, 8, 0), -1);
    assert_true(breakpoints_flip(&points, 1, 8, 3));
    assert_false(breakpoints_has(&points, 1, 10, 9));
    assert_int_equal(points.count, 1);
}

static void there_are_only_so_many_breakpoints(void **state)
{
    (void)state;
    struct breakpoints points = {0};
    for (int i = 0; i < MAX_BREAKPOINTS; i++)
        assert_true(breakpoints_flip(&points, 1, 100, i));
    assert_false(breakpoints_flip(&points, 1, 100, 99));
    assert_true(breakpoints_flip(&points, 1, 100, 7));
    assert_true(breakpoints_flip(&points, 1, 100, 99));
}

/* --- rasters --- */

static struct cell cell_at(const struct surface *surface, int row, int column)
{
    return surface->cells[row * surface->columns + column];
}

/* Two rows of pixels are one row of cells, the upper in the ink. */
static void pixels_are_halves_of_cells(void **state)
{
    (void)state;
    struct surface surface = paper_new(2, 4);
    surface.coloured = true;
    const float values[] = {0, 1, 1, 0, 0, 0};
    const struct raster_map map = {values, 3, 2, 0, 1};
    const struct glyphs *glyphs = glyphs_for(GLYPHS_FULL);
    struct raster raster;
    assert_true(raster_fine(&surface, glyphs));
    assert_true(raster_new(&raster, 2, 4));
    raster_map(&raster, 0, 1, 3, 2, &map);
    raster_draw(&raster, pane_of(&surface), glyphs, PALETTE_GREY);
    int black = palette_colour(PALETTE_GREY, 0), white = palette_colour(PALETTE_GREY, 1);
    struct cell left = cell_at(&surface, 0, 1), right = cell_at(&surface, 0, 2);
    assert_int_equal(left.glyph, 0x2580);
    assert_int_equal(left.ink, black);
    assert_int_equal(left.paper, white);
    assert_int_equal(right.ink, white);
    assert_int_equal(right.paper, black);
    /* The third row of pixels has none below it: the terminal's background is left alone. */
    assert_true(cell_at(&surface, 1, 1).flags & CELL_INK_ONLY);
    assert_int_equal(cell_at(&surface, 0, 0).glyph, ' ');
    assert_false(cell_at(&surface, 0, 0).flags & CELL_COLOURED);
    raster_free(&raster);
    /* What is written over a picture has its style's colours again. */
    pane_text(pane_of(&surface), 0, 1, STYLE_NORMAL, "x");
    assert_int_equal(cell_at(&surface, 0, 1).flags, 0);
    surface_free(&surface);
}

static void without_colours_a_cell_is_a_character(void **state)
{
    (void)state;
    struct surface surface = paper_new(1, 4);
    const float values[] = {0, 0.5F, 1, 1, 0, 0.5F, 1, 0};
    const struct raster_map map = {values, 2, 4, 0, 1};
    struct raster raster;
    assert_false(raster_fine(&surface, glyphs_for(GLYPHS_FULL)));
    assert_true(raster_new(&raster, 1, 4));
    raster_map(&raster, 0, 0, 2, 4, &map);
    raster_draw(&raster, pane_of(&surface), glyphs_for(GLYPHS_ASCII), PALETTE_GREY);
    char *row = paper_row(&surface, 0);
    assert_string_equal(row, " +@+"); /* the mean of the two */
    tn_free(row);
    raster_free(&raster);
    surface_free(&surface);
}

static void a_map_keeps_its_shape(void **state)
{
    (void)state;
    int height = 20, width = 14;
    raster_fit(7, 7, 8, &height, &width);
    assert_int_equal(height, 14);
    assert_int_equal(width, 14);
    height = 30, width = 10;
    raster_fit(28, 56, 8, &height, &width); /* smaller */
    assert_int_equal(height, 5);
    assert_int_equal(width, 10);
    height = 100, width = 100;
    raster_fit(2, 3, 8, &height, &width); /* no larger than allowed */
    assert_int_equal(height, 16);
    assert_int_equal(width, 24);
    height = 29, width = 29;
    raster_fit(28, 28, 8, &height, &width); /* pixels alike rather than one more */
    assert_int_equal(height, 28);
}

static void palettes_have_ends_and_bear_what_is_no_number(void **state)
{
    (void)state;
    for (int p = PALETTE_GREY; p <= PALETTE_DIVERGING; p++) {
        int low = palette_colour((enum palette)p, 0), high = palette_colour((enum palette)p, 1);
        assert_true(low != high);
        assert_int_equal(palette_colour((enum palette)p, -3), low);
        assert_int_equal(palette_colour((enum palette)p, 7), high);
        assert_int_equal(palette_colour((enum palette)p, NAN), low);
    }
    /* Nothing is told apart from something on both sides of the middle. */
    int middle = palette_colour(PALETTE_DIVERGING, 0.5);
    assert_true(middle != palette_colour(PALETTE_DIVERGING, 0.3));
    assert_true(middle != palette_colour(PALETTE_DIVERGING, 0.7));
    assert_int_equal(palette_character(0), ' ');
    assert_int_equal(palette_character(1), '@');
}

/* --- the views on paper --- */

enum { FILTERS = 6 };

static int order[FILTERS] = {4, 2, 0, 5, 1, 3}, runner_up[FILTERS] = {2, 0, 5, 1, 3, -1};
static double error[FILTERS + 1] = {0, 0.01, 0.03, 0.06, 0.15, 0.5, 1};
static double error_ls[FILTERS + 1] = {0, 0.005, 0.01, 0.02, 0.1, 0.4, 1};
static double cost[FILTERS] = {0.01, 0.02, 0.03, 0.09, 0.35, 0.5};
static double runner_up_cost[FILTERS] = {0.02, 0.03, 0.04, 0.1, 0.5, NAN};
static double score[FILTERS] = {0.03, 0.35, 0.02, 0.5, 0.01, 0.09};
static double energy[FILTERS] = {0.2, 0.1, 0.15, 0.12, 0.11, 0.13};
static double zeros[FILTERS] = {0.1, 0.9, 0.2, 0.3, 0.95, 0.5};
static signed char lock[FILTERS];
static struct tn_snapshot_path path;
static struct tn_snapshot_layer layer;
static struct tn_snapshot snapshot;
static struct tn_snapshot_picture picture;
static float kernel_values[2 * 9], map_values[4] = {0, 1, 2, 3}, input_values[4] = {0, 1, 0, 1};
static struct screen screen;

static struct tn_snapshot_picture looked(void)
{
    for (int i = 0; i < 18; i++)
        kernel_values[i] = i < 9 ? -1 : 1;
    return (struct tn_snapshot_picture){
        .layer = (char[]){"first"},
        .filter = 3,
        .kernel_count = 2,
        .kernels_shown = 2,
        .kernels = {3, 3, 3, 3, kernel_values, -1, 1},
        .image = 5,
        .class_name = "Sneaker",
        .input = {2, 2, 2, 2, input_values, 0, 1},
        .activation = {2, 2, 2, 2, map_values, 0, 3},
        .no_map = (char[]){""},
    };
}

static char first[] = "first", nothing[] = "", images[] = "images", net[] = "net";

static int begin(void **state)
{
    (void)state;
    for (int f = 0; f < FILTERS; f++)
        lock[f] = 0;
    path = (struct tn_snapshot_path){.channels = FILTERS,
                                     .order = order,
                                     .error = error,
                                     .error_ls = error_ls,
                                     .cost = cost,
                                     .runner_up = runner_up,
                                     .runner_up_cost = runner_up_cost,
                                     .score = score,
                                     .energy = energy,
                                     .zeros = zeros,
                                     .lock = lock};
    layer = (struct tn_snapshot_layer){.name = first,
                                       .group = first,
                                       .why_not = nothing,
                                       .filters = FILTERS,
                                       .kept = 4,
                                       .prunable = true,
                                       .method = "greedy",
                                       .samples = 100,
                                       .path = &path,
                                       .candidate_count = 3,
                                       .candidates = {0, 5, 1},
                                       .candidate_costs = {0.03, 0.04, 0.6}};
    picture = looked();
    picture.layer = first;
    snapshot = (struct tn_snapshot){
        .layer_count = 1, .layers = &layer, .model_name = net, .data_name = images};
    screen = (struct screen){
        .glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot, .focus = FOCUS_VIEW};
    return 0;
}

static int end(void **state)
{
    (void)state;
    marks_clear(&screen.marks);
    return 0;
}

static struct surface draw(const struct view_ops *view, int rows, int columns)
{
    struct surface surface = paper_new(rows, columns);
    screen.view = view_index(view);
    view->draw(&screen, pane_of(&surface));
    return surface;
}

static bool shows(const struct view_ops *view, int rows, int columns, const char *text)
{
    struct surface surface = draw(view, rows, columns);
    bool found = paper_holds(&surface, text);
    surface_free(&surface);
    return found;
}

/* A key of a view alone, as the keymap has it. */
static void press(const struct view_ops *view, int key)
{
    const struct binding *binding = binding_find(key, view_index(view) + 1);
    assert_non_null(binding);
    assert_int_equal(binding->action, UI_OWN);
    view->own(&screen, binding->amount);
}

static void the_bars_show_the_measure_that_was_chosen(void **state)
{
    (void)state;
    assert_true(shows(&view_filters, 16, 50, "importance"));
    press(&view_filters, 'i');
    assert_true(shows(&view_filters, 16, 56, "error added at its turn"));
    press(&view_filters, 'i');
    assert_true(shows(&view_filters, 16, 56, "error if only it goes"));
    press(&view_filters, 'i');
    assert_true(shows(&view_filters, 16, 56, "share of zeros"));
    /* The first number of a row is what the bar shows: of filter 3, the best, its share. */
    assert_true(shows(&view_filters, 16, 50, "+   1      3"));
    assert_true(shows(&view_filters, 16, 50, " 0.3000"));
    path.zeros = NULL;
    assert_true(shows(&view_filters, 16, 50, "-"));
    assert_false(shows(&view_filters, 16, 50, "nan"));
    press(&view_filters, 'i');
    assert_true(shows(&view_filters, 16, 50, "importance"));
}

static char *row_of(const struct view_ops *view, int row)
{
    struct surface surface = draw(view, 16, 50);
    char *text = paper_row(&surface, row);
    surface_free(&surface);
    return text;
}

static void rows_stand_by_rank_by_number_and_by_the_bars(void **state)
{
    (void)state;
    static const char *const starts[] = {"+   1      3", "+   4      0", "-   6      4"};
    for (int i = 0; i < 3; i++)
        press(&view_filters, 'i'); /* zeros: filter 4 has most */
    for (int by = 0; by < 3; by++) {
        char *text = row_of(&view_filters, 3); /* under heading and titles */
        if (strncmp(text, starts[by], strlen(starts[by])) != 0)
            fail_msg("order %d begins with \"%s\"", by, text);
        tn_free(text);
        view_filters.turn(&screen);
    }
    assert_int_equal(screen.views[0].order, 0);
}

static void marked_filters_have_a_sign_and_are_counted(void **state)
{
    (void)state;
    assert_true(shows(&view_filters, 16, 50, "+ kept"));
    press(&view_filters, 'v'); /* filter 3, and on to 1 */
    press(&view_filters, 'v');
    assert_int_equal(screen.views[0].cursor, 2);
    assert_true(shows(&view_filters, 16, 50, "+   1 *    3"));
    assert_true(shows(&view_filters, 16, 50, "+   2 *    1"));
    assert_true(shows(&view_filters, 16, 50, "* 2 marked  Space locks them"));
    press(&view_filters, '*');
    assert_true(shows(&view_filters, 16, 50, "* 4 marked"));
    assert_true(view_filters.escape(&screen));
    assert_true(shows(&view_filters, 16, 50, "+ kept"));
    assert_false(view_filters.escape(&screen)); /* now Esc means what it means elsewhere */
}

static void pictures_stand_beside_the_list_where_there_is_room(void **state)
{
    (void)state;
    snapshot.picture = &picture;
    assert_true(shows(&view_filters, 30, 70, "filter 3"));
    assert_true(shows(&view_filters, 30, 70, "[ ] image 5: Sneaker"));
    assert_true(shows(&view_filters, 30, 70, "2 kernels 3x3"));
    assert_true(shows(&view_filters, 30, 70, "2x2  0  .:-=+*#%@ 3"));
    assert_true(screen.looking.wanted);
    /* Below it where it is narrow, and not at all where the list would be too short. */
    assert_true(shows(&view_filters, 18, 40, "filter 3  [ ] image 5: Sneaker"));
    assert_false(shows(&view_filters, 14, 40, "Sneaker"));
    assert_false(screen.looking.wanted);
    /* Of another layer nothing is shown. */
    picture.layer = nothing;
    assert_false(shows(&view_filters, 30, 70, "kernels"));
}

static void what_keeps_a_picture_away_is_said(void **state)
{
    (void)state;
    snapshot.picture = &picture;
    picture.activation.values = picture.input.values = NULL;
    picture.no_map = (char[]){"no images are open"};
    assert_true(shows(&view_filters, 30, 80, "no images are open"));
    assert_true(shows(&view_filters, 30, 80, "2 kernels 3x3"));
    screen.looking.failed = true;
    snprintf(screen.looking.why, sizeof screen.looking.why, "look: cannot be");
    assert_true(shows(&view_filters, 30, 80, "look: cannot be"));
}

/* In colours: kernels of -1 are blue all over, those of 1 red. */
static void kernels_are_drawn_in_the_ends_of_the_palette(void **state)
{
    (void)state;
    snapshot.picture = &picture;
    screen.glyphs = glyphs_for(GLYPHS_FULL);
    struct surface surface = paper_new(30, 70);
    surface.coloured = true;
    view_filters.draw(&screen, pane_of(&surface));
    int blue = palette_colour(PALETTE_DIVERGING, 0), red = palette_colour(PALETTE_DIVERGING, 1);
    int blues = 0, reds = 0;
    for (int i = 0; i < surface.rows * surface.columns; i++) {
        const struct cell *cell = &surface.cells[i];
        bool picture_cell = (cell->flags & CELL_COLOURED) && cell->glyph == 0x2580;
        blues += picture_cell && cell->ink == blue && cell->paper == blue;
        reds += picture_cell && cell->ink == red && cell->paper == red;
    }
    assert_true(blues >= 9); /* enlarged, a kernel is more than nine half cells */
    assert_int_equal(blues, reds);
    surface_free(&surface);
}

static void steps_show_breakpoints_and_what_is_next(void **state)
{
    (void)state;
    assert_true(shows(&view_steps, 24, 60, "2 gone: error 0.030  ls 0.010"));
    assert_true(shows(&view_steps, 24, 60, "next 0 (0.0300)  5 (0.0400 +0.0100)  1 (0.6000)"));
    assert_true(shows(&view_steps, 24, 60, "K knee at 4"));
    assert_true(shows(&view_steps, 24, 60, "   5K     1")); /* the row the walk would stop at */
    screen.views[screen.view].cursor = 4;
    press(&view_steps, 'B');
    assert_true(shows(&view_steps, 24, 60, "   5*     1"));
    /* With the cursor on another row than the walk's the read-out is of that row. */
    assert_true(shows(&view_steps, 24, 60, "5 gone: error 0.500"));
    assert_true(shows(&view_steps, 24, 60, "step 5: 1 ("));
    press(&view_steps, 'B');
    assert_false(shows(&view_steps, 24, 60, "   5*"));
    press(&view_steps, 'c');
    assert_non_null(strstr(screen.result, "no breakpoint ahead"));
}

/* While keys are held the walk is ahead of the snapshot: the path knows the first two. */
static void what_is_next_keeps_up_with_a_held_key(void **state)
{
    (void)state;
    struct intent ahead = {.active = true, .kind = INTENT_WALK, .base = 4, .target = 3};
    screen.intents = (struct intents){.layers = &ahead, .count = 1};
    assert_true(shows(&view_steps, 24, 60, "next 5 (0.0900)  1 (0.1000 +0.0100)"));
    assert_true(shows(&view_steps, 24, 60, "3 gone: error 0.060"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_knee_lies_farthest_below_the_chord),
        cmocka_unit_test(a_curve_without_a_bend_has_no_knee),
        cmocka_unit_test(marks_are_said_as_numbers_and_ranges),
        cmocka_unit_test(marks_belong_to_one_layer_as_it_was),
        cmocka_unit_test(the_next_breakpoint_is_the_nearest_ahead),
        cmocka_unit_test(there_are_only_so_many_breakpoints),
        cmocka_unit_test(pixels_are_halves_of_cells),
        cmocka_unit_test(without_colours_a_cell_is_a_character),
        cmocka_unit_test(a_map_keeps_its_shape),
        cmocka_unit_test(palettes_have_ends_and_bear_what_is_no_number),
        cmocka_unit_test_setup_teardown(the_bars_show_the_measure_that_was_chosen, begin, end),
        cmocka_unit_test_setup_teardown(rows_stand_by_rank_by_number_and_by_the_bars, begin, end),
        cmocka_unit_test_setup_teardown(marked_filters_have_a_sign_and_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(pictures_stand_beside_the_list_where_there_is_room, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_keeps_a_picture_away_is_said, begin, end),
        cmocka_unit_test_setup_teardown(kernels_are_drawn_in_the_ends_of_the_palette, begin, end),
        cmocka_unit_test_setup_teardown(steps_show_breakpoints_and_what_is_next, begin, end),
        cmocka_unit_test_setup_teardown(what_is_next_keeps_up_with_a_held_key, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
