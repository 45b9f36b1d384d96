/* Finding what can be done, and the candidates of the prompt. */
#include "candidates.h"
#include "command_palette.h"
#include "keymap.h"
#include "remap.h"
#include "session/command.h"
#include "ui_paper.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct command_hit hits[COMMAND_HITS];

static void without_a_word_all_is_found(void **state)
{
    (void)state;
    int all = 1; /* the tour */
    for (int i = 0; binding_at(i) != NULL; i++)
        all++;
    for (int i = 0; tn_command_at(i) != NULL; i++)
        all++;
    assert_int_equal(command_palette_find("", hits), all);
    assert_int_equal(command_palette_find("   ", hits), all);
    assert_ptr_equal(hits[0].binding, binding_at(0));
}

static void expect_first(const char *text, const char *name)
{
    int count = command_palette_find(text, hits);
    if (count == 0 || strcmp(hits[0].name, name) != 0)
        fail_msg("\"%s\" finds %s first of %d, expected %s", text,
                 count > 0 ? hits[0].name : "nothing", count, name);
}

static void the_best_comes_first(void **state)
{
    (void)state;
    expect_first("prune", "prune");
    expect_first("PRUNE", "prune");
    expect_first("fine tune", "finetune");
    expect_first("tour", "tour");
    expect_first("Ctrl-R", "redo");
    expect_first("keep more", "keep-more");
    expect_first("onnx export", "export"); /* in any order */
    expect_first("view journal", "view-journal");
    assert_int_equal(command_palette_find("prune zebra", hits), 0); /* all words must occur */
    for (int count = command_palette_find("layer", hits), i = 1; i < count; i++)
        assert_true(hits[i - 1].score >= hits[i].score);
}

static void keys_of_the_users_own_are_found_too(void **state)
{
    (void)state;
    struct tn_error error;
    assert_true(remap_key('P', "prune % reweight=full", &error));
    expect_first("reweight=full", "");
    assert_int_equal(hits[0].binding->keys[0], 'P');
    remap_forget();
}

static char *names[] = {(char[]){"aa"},
                        (char[]){"b\xFF"}, /* no UTF-8 */
                        (char[]){"\xE4\xB8\xAD\xE6\x96\x87"},
                        (char[]){"d"},
                        (char[]){"e"},
                        (char[]){"f"},
                        (char[]){"g"}};

static void candidates_stand_in_columns(void **state)
{
    (void)state;
    struct surface surface = paper_new(9, 24);
    candidates_draw_grid(pane_of(&surface), names, 7, 0, glyphs_for(GLYPHS_ASCII));
    assert_true(paper_holds(&surface, "7 candidates"));
    assert_true(paper_holds(&surface, "| aa     d      g"));
    assert_true(paper_holds(&surface, "| b\\xff  e"));
    assert_true(paper_holds(&surface, "| #_#_   f")); /* each takes two columns */
    char *above = paper_row(&surface, 3);
    assert_string_equal(above, ""); /* the box is at the bottom */
    tn_free(above);
    surface_free(&surface);
}

static void what_does_not_fit_is_on_the_next_page(void **state)
{
    (void)state;
    static const char *const seen[] = {"aa", "d", "g", "aa"};
    for (int page = 0; page < 4; page++) {
        struct surface surface = paper_new(5, 12); /* three rows of one column */
        candidates_draw_grid(pane_of(&surface), names, 7, page, glyphs_for(GLYPHS_ASCII));
        char *row = paper_row(&surface, 1), expected[16];
        snprintf(expected, sizeof expected, "| %-9s|", seen[page]);
        assert_string_equal(row, expected);
        tn_free(row);
        surface_free(&surface);
    }
}

static void candidates_survive_any_size(void **state)
{
    (void)state;
    for (int rows = 1; rows < 8; rows++)
        for (int columns = 1; columns < 30; columns++) {
            struct surface surface = paper_new(rows, columns);
            candidates_draw_grid(pane_of(&surface), names, 7, 3, glyphs_for(GLYPHS_FULL));
            candidates_draw_row(pane_of(&surface), names, 7);
            surface_free(&surface);
        }
    assert_true(candidates_fit(names, 2, 9));
    assert_false(candidates_fit(names, 2, 8)); /* "aa  b\xff" */
}

static void a_wide_character_cut_by_the_left_edge_leaves_no_half(void **state)
{
    (void)state;
    struct surface surface = paper_new(1, 6);
    pane_text(pane_of(&surface), 0, -1, STYLE_NORMAL, "\xE4\xB8\xAD\xE6\x96\x87x");
    assert_int_equal(surface.cells[0].glyph, ' ');
    assert_int_equal(surface.cells[1].glyph, 0x6587);
    assert_int_equal(surface.cells[2].glyph, 0);
    assert_int_equal(surface.cells[3].glyph, 'x');
    surface_free(&surface);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_all_is_found),
        cmocka_unit_test(the_best_comes_first),
        cmocka_unit_test(keys_of_the_users_own_are_found_too),
        cmocka_unit_test(candidates_stand_in_columns),
        cmocka_unit_test(what_does_not_fit_is_on_the_next_page),
        cmocka_unit_test(candidates_survive_any_size),
        cmocka_unit_test(a_wide_character_cut_by_the_left_edge_leaves_no_half),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
