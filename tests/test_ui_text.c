#include "format.h"
#include "text.h"
#include "ui_paper.h"
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const char *text, const char *drawn)
{
    struct surface surface = paper_new(1, 40);
    pane_text(pane_of(&surface), 0, 0, STYLE_NORMAL, text);
    char *row = paper_row(&surface, 0);
    assert_string_equal(row, drawn);
    tn_free(row);
    surface_free(&surface);
}

static void what_could_drive_the_terminal_is_spelled_out(void **state)
{
    (void)state;
    expect("a\033[2Jb", "a^[[2Jb");
    expect("tab\tend\177", "tab^Iend^?");
    expect("\xC2\x9B"
           "31m",
           "\\x9b31m"); /* the control character CSI in UTF-8 */
    expect("ab\xE2\x80\xAE"
           "cd",
           "ab?cd"); /* right-to-left override */
    assert_int_equal(text_width("a\033[2Jb"), 7);
}

static void bytes_that_are_no_utf8_are_shown_as_numbers(void **state)
{
    (void)state;
    expect("\xFF\xC0\xAF", "\\xff\\xc0\\xaf");
    expect("a\xE2\x96", "a\\xe2\\x96");                 /* cut in the middle */
    expect("\xED\xA0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    expect("\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond Unicode */
}

static void wide_characters_take_two_columns_and_are_never_cut_in_half(void **state)
{
    (void)state;
    assert_int_equal(text_width("\u6F22\u5B57"), 4);
    assert_int_equal(text_fit("\u6F22\u5B57", 3), 3);
    expect("\u6F22x", "#_x");
    struct surface surface = paper_new(1, 3);
    pane_text(pane_of(&surface), 0, 0, STYLE_NORMAL, "\u6F22\u5B57");
    assert_int_equal(surface.cells[2].glyph, ' ');
    pane_glyph(pane_of(&surface), 0, 1, STYLE_NORMAL, 'x');
    assert_int_equal(surface.cells[0].glyph, ' ');
    surface_free(&surface);
}

static void combining_marks_take_no_column(void **state)
{
    (void)state;
    assert_int_equal(text_width("e\u0301"), 1);
    expect("e\u0301x", "ex");
}

static void an_ascii_surface_holds_nothing_else(void **state)
{
    (void)state;
    struct surface surface = paper_new(2, 12);
    surface.ascii = true;
    pane_text(pane_of(&surface), 0, 0, STYLE_NORMAL, "\u00B1\u6F22\u2588z");
    pane_frame(pane_part(pane_of(&surface), 0, 6, 2, 4), glyphs_for(GLYPHS_FULL), STYLE_BORDER);
    for (int i = 0; i < 24; i++)
        assert_in_range(surface.cells[i].glyph, ' ', '~');
    assert_true(paper_holds(&surface, "????z"));
    surface_free(&surface);
}

static void names_of_parts_are_shortened_from_the_front(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shorter;
        int columns;
    } cases[] = {
        {"features.1.block.0.0", "features.1.block.0.0", 20},
        {"features.1.block.0.0", "f.1.block.0.0", 15},
        {"features.1.block.0.0", "f.1.b.0.0", 10},
        {"features.1.block.0.0", "f.1.b.0.0", 3},
        {"features.denseblock1.denselayer12.conv1", "f.d1.d12.conv1", 14},
        {"/stage2/branch1/Conv", "/s2/b1/Conv", 12},
        {"conv5_3", "conv5_3", 3},
        {"layer1.0.conv1", "l1.0.conv1", 10},
        {"a..b.", "a..b.", 1},
        {"", "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shorter[64];
        text_shorten_parts(cases[i].name, cases[i].columns, shorter);
        assert_string_equal(shorter, cases[i].shorter);
    }
}

static void long_text_is_cut_with_an_ellipsis(void **state)
{
    (void)state;
    struct surface surface = paper_new(2, 20);
    const struct glyphs *glyphs = glyphs_for(GLYPHS_ASCII);
    pane_cut(pane_of(&surface), 0, 2, 6, STYLE_NORMAL, "abcdefgh", glyphs);
    pane_cut(pane_of(&surface), 1, 2, 8, STYLE_NORMAL, "abcdefgh", glyphs);
    assert_true(paper_holds(&surface, "  abcde~"));
    assert_true(paper_holds(&surface, "  abcdefgh"));
    surface_free(&surface);
}

static void drawing_outside_a_pane_changes_nothing(void **state)
{
    (void)state;
    struct surface surface = paper_new(4, 8);
    struct pane pane = pane_part(pane_of(&surface), 1, 2, 2, 4);
    pane_text(pane, 0, -2, STYLE_NORMAL, "abcdefghij");
    pane_text(pane, 5, 0, STYLE_NORMAL, "below");
    pane_fill(pane, -1, 0, 4, STYLE_NORMAL, 'x');
    pane_bar(pane, 1, 0, 40, STYLE_NORMAL, 7.0, glyphs_for(GLYPHS_ASCII));
    char *row = paper_row(&surface, 1);
    assert_string_equal(row, "  cdef");
    tn_free(row);
    row = paper_row(&surface, 2);
    assert_string_equal(row, "  ####");
    tn_free(row);
    row = paper_row(&surface, 0);
    assert_string_equal(row, "");
    tn_free(row);
    struct pane none = pane_part(pane, 9, 9, 9, 9);
    assert_int_equal(none.rows, 0);
    assert_int_equal(none.columns, 0);
    surface_free(&surface);
}

static void a_bar_shows_every_fraction_above_nothing(void **state)
{
    (void)state;
    const struct glyphs *glyphs = glyphs_for(GLYPHS_FULL);
    struct surface surface = paper_new(1, 10);
    pane_bar(pane_of(&surface), 0, 0, 10, STYLE_BAR, 1e-9, glyphs);
    assert_int_equal(surface.cells[0].glyph, glyphs->bar[1]);
    surface_clear(&surface);
    pane_bar(pane_of(&surface), 0, 0, 10, STYLE_BAR, 0.55, glyphs);
    assert_int_equal(surface.cells[4].glyph, glyphs->bar[8]);
    assert_int_equal(surface.cells[5].glyph, glyphs->bar[4]);
    surface_clear(&surface);
    pane_bar(pane_of(&surface), 0, 0, 10, STYLE_BAR, NAN, glyphs);
    pane_bar(pane_of(&surface), 0, 0, 10, STYLE_BAR, 0, glyphs);
    assert_int_equal(surface.cells[0].glyph, ' ');
    surface_free(&surface);
}

static void text_wraps_at_spaces(void **state)
{
    (void)state;
    struct surface surface = paper_new(6, 10);
    int after = pane_wrap(pane_of(&surface), 0, STYLE_NORMAL, "one two three averylongword end");
    assert_int_equal(after, 4);
    char *row = paper_row(&surface, 0);
    assert_string_equal(row, "one two");
    tn_free(row);
    assert_true(paper_holds(&surface, "averylongw"));
    surface_free(&surface);
}

static void numbers_are_short(void **state)
{
    (void)state;
    char text[FORMAT];
    assert_string_equal(format_error(text, NAN), "-");
    assert_string_equal(format_error(text, 0), "0");
    assert_string_equal(format_error(text, 0.0312), "0.031");
    assert_string_equal(format_error(text, 3.7e-5), "4e-05");
    assert_string_equal(format_count(text, 999), "999");
    assert_string_equal(format_count(text, 1830), "1.83k");
    assert_string_equal(format_count(text, 288160), "288k");
    assert_string_equal(format_count(text, 58.26e6), "58.3M");
    assert_string_equal(format_time(text, 14.2), "0:14");
    assert_string_equal(format_time(text, 3725), "1:02:05");
    assert_string_equal(format_time(text, -1), "-");
    assert_string_equal(format_number(text, -0.0056), "-0.0056");
}

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL && setlocale(LC_CTYPE, "en_US.UTF-8") == NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_drive_the_terminal_is_spelled_out),
        cmocka_unit_test(bytes_that_are_no_utf8_are_shown_as_numbers),
        cmocka_unit_test(wide_characters_take_two_columns_and_are_never_cut_in_half),
        cmocka_unit_test(combining_marks_take_no_column),
        cmocka_unit_test(an_ascii_surface_holds_nothing_else),
        cmocka_unit_test(names_of_parts_are_shortened_from_the_front),
        cmocka_unit_test(long_text_is_cut_with_an_ellipsis),
        cmocka_unit_test(drawing_outside_a_pane_changes_nothing),
        cmocka_unit_test(a_bar_shows_every_fraction_above_nothing),
        cmocka_unit_test(text_wraps_at_spaces),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
