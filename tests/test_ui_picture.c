/* The key that draws: which command it puts into the prompt, and that this command can be run. */
#include "picture.h"
#include "session/words.h"
#include "ui_paper.h"
#include "view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char model[] = "fashion-vgg.onnx", nothing[] = "";
static char name[64] = "conv2_1";
static struct tn_snapshot_layer layer = {.name = name, .why_not = nothing};
static struct tn_snapshot_series series = {.label = nothing};
static struct tn_snapshot snapshot;
static struct screen screen;

static int begin(void **state)
{
    (void)state;
    strcpy(name, "conv2_1");
    snapshot = (struct tn_snapshot){
        .layer_count = 1, .layers = &layer, .model_name = model, .series = &series};
    screen = (struct screen){.glyphs = glyphs_for(GLYPHS_ASCII), .snapshot = &snapshot};
    return 0;
}

/* The line, which must be one that the command takes. */
static const char *line_in(const struct view_ops *view)
{
    static char line[LINE];
    struct tn_command_line parsed;
    struct tn_error error;
    const char *why;
    screen.view = view_index(view);
    assert_true(picture_line(&screen, line, &why));
    assert_true(tn_line_parse(line, &parsed, &error));
    if (!tn_line_check(&parsed, &error))
        fail_msg("%s: %s", line, error.text);
    tn_line_free(&parsed);
    return line;
}

static const char *refused_in(const struct view_ops *view)
{
    char line[LINE];
    const char *why;
    screen.view = view_index(view);
    assert_false(picture_line(&screen, line, &why));
    return why;
}

static void every_view_with_a_picture_has_its_line(void **state)
{
    (void)state;
    assert_string_equal(line_in(&view_filters),
                        "plot filters layer=conv2_1 fashion-vgg-filters-conv2_1.png");
    assert_string_equal(line_in(&view_steps),
                        "plot steps layer=conv2_1 fashion-vgg-steps-conv2_1.png");
    assert_string_equal(line_in(&view_ratios), "plot ratios fashion-vgg-ratios.png");
    assert_string_equal(line_in(&view_compare), "plot compare fashion-vgg-compare.png");
    assert_string_equal(line_in(&view_time), "plot time fashion-vgg-time.png");
    assert_non_null(strstr(refused_in(&view_journal), "no picture"));
}

static void curves_are_drawn_as_they_are_shown(void **state)
{
    (void)state;
    assert_string_equal(line_in(&view_curves),
                        "plot curves what=error layer=conv2_1 fashion-vgg-curves-conv2_1.png");
    screen.overlay = OVERLAY_PLAIN;
    assert_non_null(strstr(line_in(&view_curves), "methods=all error=plain layer=conv2_1"));
    screen.overlay = OVERLAY_LS;
    assert_non_null(strstr(line_in(&view_curves), "methods=all layer=conv2_1"));
    snapshot.series_count = 1;
    assert_string_equal(line_in(&view_curves), "plot curves what=training fashion-vgg-curves.png");
}

static void a_picture_of_a_layer_needs_one(void **state)
{
    (void)state;
    screen.layer = LAYER_ALL;
    assert_string_equal(refused_in(&view_filters), "choose one layer first");
    assert_non_null(line_in(&view_ratios));
    snapshot.series_count = 1;
    assert_non_null(line_in(&view_curves)); /* training is no layer's */
    snapshot.layer_count = 0;
    assert_non_null(strstr(refused_in(&view_ratios), "no network is open"));
}

static void odd_names_make_plain_files(void **state)
{
    (void)state;
    strcpy(name, "/block 1/conv=\xc3\xa4");
    assert_string_equal(
        line_in(&view_filters),
        "plot filters layer=\"/block 1/conv=\xc3\xa4\" fashion-vgg-filters--block-1-conv---.png");
    snapshot.model_name = nothing;
    assert_non_null(strstr(line_in(&view_ratios), " network-ratios.png"));
    char hidden[] = "-rf";
    snapshot.model_name = hidden;
    assert_non_null(strstr(line_in(&view_ratios), " network-ratios.png"));
    snapshot.model_name = model;
    memset(name, 'x', sizeof name - 1);
    const char *line = line_in(&view_filters);
    assert_string_equal(line + strlen(line) - 4, ".png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_view_with_a_picture_has_its_line, begin),
        cmocka_unit_test_setup(curves_are_drawn_as_they_are_shown, begin),
        cmocka_unit_test_setup(a_picture_of_a_layer_needs_one, begin),
        cmocka_unit_test_setup(odd_names_make_plain_files, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
