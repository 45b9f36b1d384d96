#include "chart.h"
#include "curve_part.h"
#include "ui_paper.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct chart line_chart(int count, const double *y)
{
    return (struct chart){
        .x_label = "x",
        .y_label = "y",
        .series_count = 1,
        .series = {{.name = "line", .style = STYLE_SERIES1, .count = count, .y = y, .step_x = 1}}};
}

static void expect_row(const struct surface *surface, int row, const char *expected)
{
    char *text = paper_row(surface, row);
    assert_string_equal(text, expected);
    tn_free(text);
}

static void a_rising_line_in_ascii_is_drawn_cell_by_cell(void **state)
{
    (void)state;
    static const double y[] = {0, 1, 2, 3, 4};
    struct surface surface = paper_new(8, 13);
    struct chart chart = line_chart(5, y);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 0, "y  *  line");
    expect_row(&surface, 1, "      4|    *");
    expect_row(&surface, 2, "       |   *");
    expect_row(&surface, 3, "      2|  *");
    expect_row(&surface, 4, "       | *");
    expect_row(&surface, 5, "      0|*");
    expect_row(&surface, 6, "       +- x -");
    surface_free(&surface);
}

static void braille_sets_two_by_four_dots_in_a_cell(void **state)
{
    (void)state;
    static const double y[] = {0, 1};
    struct surface surface = paper_new(4, 12);
    struct chart chart = line_chart(2, y);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_FULL), &chart);
    /* One row of four cells: eight dots across, four down, from the bottom left to the top right.
     */
    const struct cell *cells = surface.cells + surface.columns + 8;
    assert_int_equal(cells[0].glyph, 0x2800 + 0x40 + 0x80);
    assert_int_equal(cells[3].glyph, 0x2800 + 0x01 + 0x08);
    assert_int_equal(cells[3].style, STYLE_SERIES1);
    surface_free(&surface);
}

static void values_that_are_not_finite_leave_gaps(void **state)
{
    (void)state;
    double y[] = {0, NAN, INFINITY, -INFINITY, 4};
    struct surface surface = paper_new(8, 13);
    struct chart chart = line_chart(5, y);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 1, "      4|    *");
    expect_row(&surface, 3, "      2|");
    expect_row(&surface, 5, "      0|*");
    for (int i = 0; i < 5; i++)
        y[i] = NAN;
    surface_clear(&surface);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 0, "y  *  line");
    expect_row(&surface, 3, "");
    surface_free(&surface);
}

static void a_part_of_the_axis_is_drawn_alone(void **state)
{
    (void)state;
    static const double y[] = {100, 0, 1, 2, 3, 4, 100};
    struct surface surface = paper_new(8, 13);
    struct chart chart = line_chart(7, y);
    chart.x_from = 2;
    chart.x_to = 4;
    chart.only = true;
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    /* From 2 to 4 and on to both sides, as far as the lines' next points reach up and down. */
    expect_row(&surface, 1, "      4|");
    expect_row(&surface, 2, "       |   **");
    expect_row(&surface, 3, "      2| **");
    expect_row(&surface, 4, "       |*");
    expect_row(&surface, 5, "      0|");
    /* Between two points of a line. */
    static const double two[] = {0, 10};
    surface_clear(&surface);
    chart = line_chart(2, two);
    chart.series[0].step_x = 1000;
    chart.x_from = 400;
    chart.x_to = 600;
    chart.only = true;
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 3, "      5|*****");
    surface_free(&surface);
}

static void zooming_keeps_the_cursor_in_the_part_that_is_shown(void **state)
{
    (void)state;
    assert_int_equal(curve_part(1, 64, 30, 0).to, 0);
    assert_int_equal(curve_part_most(1, 9), 0);
    assert_int_equal(curve_part(1, 9, 4, 3).to, 0);
    for (int high = 10; high < 600; high += 53)
        for (int cursor = 1; cursor <= high; cursor++)
            for (int zoom = 1; zoom <= curve_part_most(1, high) + 1; zoom++) {
                struct chart_part part = curve_part(1, high, cursor, zoom);
                assert_true(part.from >= 1 && part.to <= high && part.from < part.to);
                assert_true(part.from <= cursor && cursor <= part.to);
                assert_true(part.to - part.from < high - 1);
            }
}

static void one_point_and_equal_points_are_charts_too(void **state)
{
    (void)state;
    static const double y[] = {0.25, 0.25, 0.25}, zero[] = {0};
    struct surface surface = paper_new(8, 20);
    struct chart chart = line_chart(3, y);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    assert_true(paper_holds(&surface, "|*****"));
    surface_clear(&surface);
    chart = line_chart(1, zero);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    assert_true(paper_holds(&surface, "0|*"));
    surface_free(&surface);
}

static void a_logarithmic_axis_has_ticks_at_powers_of_ten(void **state)
{
    (void)state;
    static const double y[] = {0, 0.001, 0.01, 0.1, 1};
    struct surface surface = paper_new(10, 20);
    struct chart chart = line_chart(5, y);
    chart.scale = CHART_LOG;
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    assert_true(paper_holds(&surface, "      1|"));
    assert_true(paper_holds(&surface, "    0.1|"));
    assert_true(paper_holds(&surface, "  0.001|"));
    surface_free(&surface);
}

static void automatic_scale_is_logarithmic_only_where_most_points_would_lie_low(void **state)
{
    (void)state;
    static const double even[] = {0.2, 0.4, 0.6, 0.8, 1}, low[] = {1e-4, 1e-3, 2e-3, 0.01, 1};
    struct surface surface = paper_new(12, 20);
    struct chart chart = line_chart(5, even);
    chart.scale = CHART_AUTO;
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    assert_true(paper_holds(&surface, "0.8|") || paper_holds(&surface, "0.5|"));
    surface_clear(&surface);
    chart = line_chart(5, low);
    chart.scale = CHART_AUTO;
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    assert_true(paper_holds(&surface, "0.01|"));
    assert_false(paper_holds(&surface, "0.5|"));
    surface_free(&surface);
}

static void points_have_marks_labels_and_bars(void **state)
{
    (void)state;
    const struct chart_point points[] = {
        {.x = 0, .y = 0.6, .low = 0.5, .high = 0.7, .mark = '*', .label = "1"},
        {.x = 0.5, .y = 0.8, .low = NAN, .high = NAN, .mark = 'o', .label = "22", .selected = true},
        {.x = 1, .y = 1, .low = 0.9, .high = 1, .mark = '*', .label = "3"},
        {.x = NAN, .y = 0.7, .low = 0, .high = 1, .mark = '!', .label = "4"},
        {.x = 0.2, .y = NAN, .low = NAN, .high = NAN, .mark = '!', .label = "5"}};
    struct chart chart = {
        .x_label = "x", .y_label = "y", .point_count = 5, .points = points, .x_parts = true};
    struct surface surface = paper_new(9, 29);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 0, "y");
    expect_row(&surface, 1, "      1|                   3*"); /* no room on the right */
    expect_row(&surface, 2, "       |                    |");
    expect_row(&surface, 3, "    0.8|          o22");
    expect_row(&surface, 4, "       ||");
    expect_row(&surface, 5, "    0.6|*1");
    expect_row(&surface, 6, "       ||");
    expect_row(&surface, 8, "        0        0.5        1");
    for (int i = 0; i < surface.rows * surface.columns; i++) {
        bool mark = i >= 3 * surface.columns + 18 && i < 3 * surface.columns + 21;
        assert_int_equal(surface.cells[i].flags, mark ? CELL_SELECTED : 0);
    }
    surface_free(&surface);
}

static void marks_are_not_hidden_by_labels(void **state)
{
    (void)state;
    /* Side by side: the labels of the first and the last have room, not that between them. */
    struct chart_point points[3];
    for (int i = 0; i < 3; i++)
        points[i] = (struct chart_point){
            .x = i, .y = 1, .low = NAN, .high = NAN, .mark = (uint32_t)('a' + i), .label = "77"};
    struct chart chart = {.x_label = "x",
                          .y_label = "y",
                          .point_count = 3,
                          .points = points,
                          .x_from = -8,
                          .x_to = 8};
    struct surface surface = paper_new(4, 25);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 1, "      1|      77abc77");
    points[1].selected = true;
    points[1].x = points[2].x; /* over the other one */
    surface_clear(&surface);
    chart_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), &chart);
    expect_row(&surface, 1, "      1|      77a b77");
    surface_free(&surface);
}

static void no_size_is_too_small(void **state)
{
    (void)state;
    static const double y[] = {1, 2, 3, 1e300, -1e300};
    for (int rows = 1; rows < 12; rows++)
        for (int columns = 1; columns < 30; columns++) {
            struct surface surface = paper_new(rows, columns);
            struct chart chart = line_chart(5, y);
            chart.has_cursor = true;
            chart.cursor_x = 2;
            chart_draw(pane_of(&surface), glyphs_for(GLYPHS_FULL), &chart);
            surface_free(&surface);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rising_line_in_ascii_is_drawn_cell_by_cell),
        cmocka_unit_test(braille_sets_two_by_four_dots_in_a_cell),
        cmocka_unit_test(values_that_are_not_finite_leave_gaps),
        cmocka_unit_test(a_part_of_the_axis_is_drawn_alone),
        cmocka_unit_test(zooming_keeps_the_cursor_in_the_part_that_is_shown),
        cmocka_unit_test(one_point_and_equal_points_are_charts_too),
        cmocka_unit_test(a_logarithmic_axis_has_ticks_at_powers_of_ten),
        cmocka_unit_test(automatic_scale_is_logarithmic_only_where_most_points_would_lie_low),
        cmocka_unit_test(points_have_marks_labels_and_bars),
        cmocka_unit_test(marks_are_not_hidden_by_labels),
        cmocka_unit_test(no_size_is_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
