/* Figures: ticks, ranges, and that nothing drawn lies over anything else or beyond the page. */
#include "core/random.h"
#include "plot/canvas.h"
#include "plot/clean.h"
#include "plot/draw.h"
#include "plot/layout.h"
#include "plot/ticks.h"
#include "plot/write.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Ticks */

static void check_ticks(const struct tn_ticks *ticks, double low, double high, int most)
{
    double slack = 1e-6 * (high - low);
    assert_in_range(ticks->count, 1, most);
    for (int i = 0; i < ticks->count; i++) {
        assert_true(ticks->at[i] >= low - slack && ticks->at[i] <= high + slack);
        assert_true(i == 0 || ticks->at[i] > ticks->at[i - 1]);
        assert_true(i == 0 || strcmp(ticks->text[i], ticks->text[i - 1]) != 0);
    }
}

static void linear_ticks_are_round_and_say_what_they_are(void **state)
{
    (void)state;
    struct tn_ticks ticks;
    tn_ticks_linear(1, 1, 6, false, false, &ticks);
    assert_int_equal(ticks.count, 0);
    tn_ticks_linear(NAN, 1, 6, false, false, &ticks);
    assert_int_equal(ticks.count, 0);
    tn_ticks_linear(0, 1, 6, false, false, &ticks);
    assert_int_equal(ticks.count, 6);
    assert_string_equal(ticks.text[0], "0");
    assert_false(signbit(ticks.at[0]));
    assert_string_equal(ticks.text[1], "0.2");
    assert_string_equal(ticks.text[5], "1.0");
    struct tn_random random;
    tn_random_seed(&random, 1, 0);
    for (int i = 0; i < 2000; i++) {
        double size = pow(10, 12 * tn_random_uniform(&random) - 6);
        double low = size * (tn_random_uniform(&random) - 0.5);
        double high = low + size * (0.01 + tn_random_uniform(&random));
        int most = 2 + (int)(tn_random_uniform(&random) * 10);
        tn_ticks_linear(low, high, most, false, false, &ticks);
        if (ticks.count == 0)
            continue; /* most of 2 may fit none into an odd range */
        check_ticks(&ticks, low, high, most);
        for (int t = 0; t < ticks.count; t++)
            assert_true(fabs(atof(ticks.text[t]) - ticks.at[t]) <= 1e-3 * size);
    }
}

static void wide_enough_ranges_have_two_ticks(void **state)
{
    (void)state;
    struct tn_ticks ticks;
    for (double low = -3.7; low < 4; low += 0.313)
        for (double span = 0.01; span < 1e5; span *= 1.7)
            for (int most = 5; most <= TN_TICKS_MOST; most++) {
                tn_ticks_linear(low, low + span, most, false, false, &ticks);
                assert_in_range(ticks.count, 2, most);
            }
}

static void whole_and_percent_ticks(void **state)
{
    (void)state;
    struct tn_ticks ticks;
    tn_ticks_linear(1, 4, 12, true, false, &ticks);
    assert_int_equal(ticks.count, 4);
    assert_string_equal(ticks.text[3], "4");
    tn_ticks_linear(0.9, 0.95, 6, false, true, &ticks);
    assert_string_equal(ticks.text[0], "90");
    assert_string_equal(ticks.text[ticks.count - 1], "95");
}

static void logarithmic_ticks_are_powers_of_ten(void **state)
{
    (void)state;
    struct tn_ticks ticks;
    tn_ticks_log(0.0009, 1.1, 8, false, &ticks);
    assert_int_equal(ticks.count, 4);
    assert_string_equal(ticks.text[0], "0.001");
    assert_string_equal(ticks.text[3], "1");
    assert_true(ticks.minor_count >= 3 * 8);
    tn_ticks_log(1e-9, 1, 20, false, &ticks);
    assert_int_equal(ticks.count, 10);
    assert_string_equal(ticks.text[0], "10⁻⁹");
    assert_string_equal(ticks.text[9], "10⁰");
    tn_ticks_log(1e-20, 1, 5, false, &ticks);
    assert_in_range(ticks.count, 2, 5);
    tn_ticks_log(0.15, 0.9, 5, false, &ticks); /* holds no power of ten */
    assert_int_equal(ticks.count, 2);
    assert_string_equal(ticks.text[0], "0.2");
    assert_string_equal(ticks.text[1], "0.5");
    tn_ticks_log(0.21, 0.29, 5, false, &ticks);
    check_ticks(&ticks, 0.21, 0.29, 5);
}

/* Ranges */

static void a_range_shows_all_and_bars_begin_at_zero(void **state)
{
    (void)state;
    struct tn_figure figure;
    tn_figure_start(&figure, 100, 60);
    struct tn_figure_panel *panel = tn_figure_panel(&figure);
    *tn_figure_series(panel) = (struct tn_figure_series){
        .line = true, .count = 4, .first_x = 4, .step_x = -1, .y = (double[]){NAN, 0.5, 0, 0.001}};
    struct tn_range x = tn_range_x(panel), y = tn_range_y(panel);
    assert_true(x.low == 1 && x.high == 3); /* where there is something */
    assert_true(y.low == 0 && y.high >= 0.5);
    panel->y.log = true;
    y = tn_range_y(panel);
    assert_true(y.low > 0 && y.low <= 0.001 && y.high >= 0.5);
    assert_true(isnan(tn_range_place(&y, 0)));
    panel->y.log = false;
    panel->series[0].y = (double[]){0.91, 0.92, 0.93, 0.94};
    y = tn_range_y(panel); /* not from 0, which would press them flat */
    assert_true(y.low > 0.9 && y.high < 0.95);
    struct tn_figure_bars *bars = tn_figure_bars(panel);
    bars->count = 2;
    bars->length = (double[]){0.95, 0.9};
    assert_true(tn_range_y(panel).low == 0);
    panel->series[0].y = (double[]){0.9, 0.9, 0.9, 0.9};
    panel->bar_count = 0;
    y = tn_range_y(panel);
    assert_true(y.low < 0.9 && y.high > 0.9);
    tn_figure_free(&figure);
}

/* Drawing */

enum { BOXES = 2048 };
static struct {
    int count;
    struct tn_box boxes[BOXES];
    char texts[BOXES][32];
} heard;

static void hear(void *context, const char *text, struct tn_box box)
{
    (void)context;
    assert_true(heard.count < BOXES);
    snprintf(heard.texts[heard.count], sizeof *heard.texts, "%s", text);
    heard.boxes[heard.count++] = box;
}

/* Draw the figure; its texts are in `heard` then. The pixels are returned where wanted. */
static cairo_surface_t *draw(const struct tn_figure *figure)
{
    int columns, rows;
    struct tn_canvas canvas;
    tn_figure_pixels(figure, 72, &columns, &rows);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
    cairo_t *cairo = cairo_create(surface);
    tn_canvas_start(&canvas, cairo, columns, rows);
    canvas.on_text = hear;
    heard.count = 0;
    tn_figure_draw(&canvas, figure);
    assert_int_equal(cairo_status(cairo), CAIRO_STATUS_SUCCESS);
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    return surface;
}

static void check_texts(const struct tn_figure *figure)
{
    cairo_surface_t *surface = draw(figure);
    double width = cairo_image_surface_get_width(surface);
    double height = cairo_image_surface_get_height(surface);
    cairo_surface_destroy(surface);
    const double slack = 0.6; /* points: rounding of the page to pixels, and names that just fit */
    for (int i = 0; i < heard.count; i++) {
        struct tn_box a = heard.boxes[i];
        if (a.left < -slack || a.top < -slack || a.right > width + slack ||
            a.bottom > height + slack)
            fail_msg("\"%s\" is beyond the page of %g x %g mm", heard.texts[i], figure->width,
                     figure->height);
        for (int j = 0; j < i; j++) {
            struct tn_box b = heard.boxes[j];
            if (a.left + slack < b.right && b.left + slack < a.right && a.top + slack < b.bottom &&
                b.top + slack < a.bottom)
                fail_msg("\"%s\" lies over \"%s\" on a page of %g x %g mm", heard.texts[i],
                         heard.texts[j], figure->width, figure->height);
        }
    }
}

enum { POINTS = 30, ROWS = 24 };
static double values[4][POINTS];
static const char *names[POINTS];

static void fill(double size)
{
    struct tn_random random;
    tn_random_seed(&random, 3, 0);
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < POINTS; i++)
            values[s][i] = size * tn_random_uniform(&random);
    for (int i = 0; i < POINTS; i++)
        names[i] = i % 3 == 0 ? "layer3.12.conv1" : i % 3 == 1 ? "fc" : "pruned, fine-tuned (12)";
}

static void curves(struct tn_figure *figure, int count, bool log)
{
    static const char *const methods[] = {"thinet", "thinet-w",        "thinet-x", "random",
                                          "l1",     "mean-activation", "taylor",   "bn-scale"};
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    for (int s = 0; s < count; s++)
        *tn_figure_series(panel) = (struct tn_figure_series){.name = methods[s % 8],
                                                             .look = {s, false},
                                                             .line = true,
                                                             .marks = true,
                                                             .count = POINTS,
                                                             .first_x = POINTS,
                                                             .step_x = -1,
                                                             .y = values[s % 4]};
    panel->x.label = "filters kept of layer3.12.conv1";
    panel->y.label = "relative error after least squares";
    panel->y.log = log;
    panel->cursor = 12;
    panel->cursor_name = "keep 12: error 0.123, ls 0.0123";
}

static void rows(struct tn_figure *figure)
{
    for (int p = 0; p < 3; p++) {
        struct tn_figure_panel *panel = tn_figure_panel(figure);
        struct tn_figure_bars *bars = tn_figure_bars(panel);
        panel->across = true;
        panel->y.row_count = ROWS;
        panel->y.rows = names;
        panel->y.unnamed = p > 0;
        panel->x.label = p == 0 ? "filters kept (%)" : "part of FLOPs today (%)";
        *bars = (struct tn_figure_bars){.name = "kept",
                                        .look = {p, p == 1},
                                        .count = ROWS,
                                        .length = values[p],
                                        .ends = p == 0 ? names : NULL};
    }
}

static void scatter(struct tn_figure *figure)
{
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    *tn_figure_series(panel) = (struct tn_figure_series){.name = "pruned",
                                                         .marks = true,
                                                         .count = POINTS,
                                                         .x = values[0],
                                                         .y = values[1],
                                                         .low = values[1],
                                                         .high = values[1],
                                                         .labels = names};
    panel->x.label = "GFLOPs an image";
    panel->y.label = "top-1 (%)";
    panel->y.percent = true;
}

static void no_text_lies_over_another_or_beyond_the_page(void **state)
{
    (void)state;
    static const double widths[] = {60, 80, 120, 160, 300}, heights[] = {50, 70, 90, 200};
    static const double sizes[] = {1e-7, 0.02, 1, 123456, 3e9};
    for (int w = 0; w < 5; w++)
        for (int h = 0; h < 4; h++)
            for (int s = 0; s < 5; s++)
                for (int kind = 0; kind < 5; kind++) {
                    struct tn_figure figure;
                    tn_figure_start(&figure, widths[w], heights[h]);
                    fill(sizes[s]);
                    figure.title = "a network's name that is long: FLOPs 0.252x, params 0.252x";
                    if (kind == 0 || kind == 1)
                        curves(&figure, kind == 0 ? 2 : 8, kind == 1);
                    else if (kind == 2)
                        rows(&figure);
                    else if (kind == 3)
                        scatter(&figure);
                    else if (widths[w] >= 120) {
                        curves(&figure, 2, true);
                        curves(&figure, 8, false);
                    }
                    check_texts(&figure);
                    assert_true(figure.panel_count == 0 || heard.count > 6);
                    tn_figure_free(&figure);
                }
}

static bool is_heard(const char *text)
{
    for (int i = 0; i < heard.count; i++)
        if (strcmp(heard.texts[i], text) == 0)
            return true;
    return false;
}

static void a_label_without_room_is_made_brief(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "long enough for this page (7)",
        "a label that no figure as narrow as this one has any room for (8)"};
    static const char *const briefs[] = {"7", "8"};
    struct tn_figure figure;
    tn_figure_start(&figure, 70, 60);
    *tn_figure_series(tn_figure_panel(&figure)) = (struct tn_figure_series){.marks = true,
                                                                            .count = 2,
                                                                            .x = (double[]){1, 2},
                                                                            .y = (double[]){1, 2},
                                                                            .labels = labels,
                                                                            .briefs = briefs};
    cairo_surface_destroy(draw(&figure));
    assert_true(is_heard("long enough for this page (7)"));
    assert_false(is_heard("7"));
    assert_true(is_heard("8"));
    tn_figure_free(&figure);
}

static void panels_stand_side_by_side(void **state)
{
    (void)state;
    struct tn_figure figure;
    struct tn_layout layout;
    struct tn_canvas canvas;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 10, 10);
    cairo_t *cairo = cairo_create(surface);
    tn_canvas_start(&canvas, cairo, 450, 250);
    tn_figure_start(&figure, 160, 90);
    fill(1);
    rows(&figure);
    tn_layout(&canvas, &figure, &layout);
    for (int p = 0; p < 3; p++) {
        const struct tn_layout_panel *panel = &layout.panels[p];
        assert_true(panel->cell.left < panel->plot.left && panel->plot.right < panel->cell.right);
        assert_true(panel->plot.right - panel->plot.left > 60);
        assert_true(panel->plot.top == layout.panels[0].plot.top);
        assert_true(p == 0 || panel->cell.left > layout.panels[p - 1].cell.right);
    }
    assert_true(layout.panels[2].cell.right <= 450);
    /* The first row is on top, and values grow to the right. */
    assert_true(tn_layout_y(&layout.panels[0], 0.5) < tn_layout_y(&layout.panels[0], 1.5));
    assert_true(tn_layout_x(&layout.panels[0], 0.2) < tn_layout_x(&layout.panels[0], 0.4));
    tn_figure_free(&figure);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
}

/* Which pixels are dark in a piece of a line with a marker: what is left without colours. */
static void mask_of(int look, unsigned char mask[80 * 20])
{
    struct tn_canvas canvas;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 80, 20);
    cairo_t *cairo = cairo_create(surface);
    tn_canvas_start(&canvas, cairo, 80, 20);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    tn_canvas_pen(&canvas, (struct tn_figure_look){look, false}, 2);
    tn_canvas_line(&canvas, 0, 10, 80, 10, 2);
    tn_canvas_marker(&canvas, 40, 10, 6, (struct tn_figure_look){look, false}, TN_MARKER_EDGED);
    cairo_surface_flush(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int i = 0; i < 80 * 20; i++) {
        const unsigned char *pixel =
            cairo_image_surface_get_data(surface) + i / 80 * stride + i % 80 * 4;
        mask[i] = pixel[0] + pixel[1] + pixel[2] < 2 * 255;
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
}

static void looks_differ_without_colour(void **state)
{
    (void)state;
    enum { LOOKS = 16 };
    static unsigned char masks[LOOKS][80 * 20];
    for (int a = 0; a < LOOKS; a++) {
        mask_of(a, masks[a]);
        for (int b = 0; b < a; b++) {
            int different = 0;
            for (int i = 0; i < 80 * 20; i++)
                different += masks[a][i] != masks[b][i];
            if (different < 15)
                fail_msg("looks %d and %d differ in %d pixels", a, b, different);
        }
    }
}

static void texts_are_made_clean(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(tn_plot_clean("conv/1 \xc3\xa4\xe2\x82\xac", out, sizeof out),
                        "conv/1 \xc3\xa4\xe2\x82\xac");
    assert_string_equal(tn_plot_clean("a\x01\xff\xc3\xed\xa0\x80z", out, sizeof out), "a??????z");
    assert_string_equal(tn_plot_clean("abcdefghij", out, 8), "abc");
    /* A name that is cut in the middle of a character. */
    assert_string_equal(tn_plot_clean("\xe2\x82", out, sizeof out), "??");
}

static void odd_names_and_numbers_do_no_harm(void **state)
{
    (void)state;
    struct tn_figure figure;
    tn_figure_start(&figure, 60, 40);
    struct tn_figure_panel *panel = tn_figure_panel(&figure);
    struct tn_figure_series *series = tn_figure_series(panel);
    figure.title = "\xff\xfe";
    panel->x.label = "\xed\xa0\x80";
    *series = (struct tn_figure_series){.name = "\xc3",
                                        .line = true,
                                        .marks = true,
                                        .count = 3,
                                        .step_x = 1,
                                        .y = (double[]){NAN, INFINITY, -INFINITY}};
    cairo_surface_destroy(draw(&figure));
    series->y = (double[]){1e300, -1e300, 0};
    cairo_surface_destroy(draw(&figure));
    panel->y.log = true;
    series->y = (double[]){0, 5e-324, 1e308};
    cairo_surface_destroy(draw(&figure));
    series->count = 0;
    cairo_surface_destroy(draw(&figure));
    panel->series_count = 0;
    cairo_surface_destroy(draw(&figure));
    tn_figure_free(&figure);
}

static void a_file_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct tn_figure figure;
    struct tn_error error;
    enum tn_plot_format format;
    struct tn_provenance provenance = {"program 1", "title", "source", "comment", ""};
    char folder[] = "/tmp/thinet-plot-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    tn_figure_start(&figure, 60, 40);
    fill(1);
    curves(&figure, 2, false);
    snprintf(path, sizeof path, "%s/nowhere/f.png", folder);
    assert_false(tn_figure_write(&figure, path, TN_PLOT_PNG, 72, &provenance, &error));
    assert_non_null(strstr(error.text, "nowhere/f.png"));
    assert_false(tn_plot_format_of("f.jpg", &format, &error));
    assert_non_null(strstr(error.text, ".png, .pdf or .svg"));
    assert_true(tn_plot_format_of("F.SVG", &format, &error));
    assert_int_equal(format, TN_PLOT_SVG);
    snprintf(path, sizeof path, "%s/f.png", folder);
    assert_true(tn_figure_write(&figure, path, TN_PLOT_PNG, 72, &provenance, &error));
    tn_figure_free(&figure);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_ticks_are_round_and_say_what_they_are),
        cmocka_unit_test(wide_enough_ranges_have_two_ticks),
        cmocka_unit_test(whole_and_percent_ticks),
        cmocka_unit_test(logarithmic_ticks_are_powers_of_ten),
        cmocka_unit_test(a_range_shows_all_and_bars_begin_at_zero),
        cmocka_unit_test(no_text_lies_over_another_or_beyond_the_page),
        cmocka_unit_test(a_label_without_room_is_made_brief),
        cmocka_unit_test(panels_stand_side_by_side),
        cmocka_unit_test(looks_differ_without_colour),
        cmocka_unit_test(texts_are_made_clean),
        cmocka_unit_test(odd_names_and_numbers_do_no_harm),
        cmocka_unit_test(a_file_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
