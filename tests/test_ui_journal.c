/* The view Journal on paper: what its rows say, how they are marked, and where the cursor goes. */
#include "ui_paper.h"
#include "view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROWS = 20, MOST = 8 };

static struct tn_snapshot_entry entries[MOST];
static char nothing[] = "", today[] = "2026-11-24 13:05:12";
static struct tn_snapshot snapshot = {.entries = entries, .model_name = nothing};
static struct screen screen;

static void add(int64_t parent, const char *command, const char *brief)
{
    int64_t id = snapshot.entry_count + 1;
    entries[snapshot.entry_count++] = (struct tn_snapshot_entry){.id = id,
                                                                 .parent = parent,
                                                                 .command = (char *)command,
                                                                 .brief = (char *)brief,
                                                                 .time = today,
                                                                 .ok = true,
                                                                 .changes = true};
    snapshot.version++;
}

static void stand_at(int64_t id)
{
    for (int i = 0; i < snapshot.entry_count; i++)
        entries[i].current = entries[i].id == id;
    snapshot.version++;
}

/* Two ways from entry 2: 3 and 4, then 5 and 6. */
static int begin(void **state)
{
    (void)state;
    snapshot.entry_count = 0;
    add(0, "open net.onnx", "net.onnx: 7 layers");
    add(1, "data images", "images");
    add(2, "branch mild", "mild");
    entries[2].branch = entries[2].brief;
    add(3, "ratio all 0.3", "planned: FLOPs 0.5x");
    add(2, "note another way", "another way");
    add(5, "eval", "top-1 93.60");
    entries[5].changes = false;
    stand_at(6);
    screen = (struct screen){.glyphs = glyphs_for(GLYPHS_ASCII),
                             .snapshot = &snapshot,
                             .focus = FOCUS_VIEW,
                             .view = view_index(&view_journal)};
    return 0;
}

static int end(void **state)
{
    (void)state;
    tree_free(&screen.journal.tree);
    return 0;
}

static bool shows(int columns, const char *text)
{
    struct surface surface = paper_new(ROWS, columns);
    view_journal.draw(&screen, pane_of(&surface));
    bool found = paper_holds(&surface, text);
    if (!found)
        for (int row = 0; row < ROWS; row++) {
            char *line = paper_row(&surface, row);
            print_message("%s\n", line);
            tn_free(line);
        }
    surface_free(&surface);
    return found;
}

/* As a key does. */
static void put_cursor(int row)
{
    screen.views[screen.view].cursor = row;
    view_journal.stand(&screen);
}

static int cursor(void)
{
    struct surface surface = paper_new(ROWS, 76);
    view_journal.draw(&screen, pane_of(&surface));
    surface_free(&surface);
    return screen.views[screen.view].cursor;
}

static int entry_under_cursor(void)
{
    int row = cursor(); /* first: it may lay the rows out anew */
    return screen.journal.tree.rows[row].entry;
}

static void every_row_says_what_it_is(void **state)
{
    (void)state;
    assert_true(shows(76, " .    0 the beginning"));
    assert_true(shows(76, " o    2 data images    images"));
    assert_true(shows(76, " |-+  3 [mild]"));
    assert_true(shows(76, " | o  4 ratio all 0.3  planned: FLOPs 0.5x"));
    assert_true(shows(76, " #    5 another way"));
    assert_true(shows(76, ">@    6 eval           top-1 93.60"));
    assert_true(shows(76, "the session stands here   2026-11-24 13:05:12   follows 5"));
    assert_false(shows(76, "began"));
    assert_true(shows(100, "13:05:12"));
    assert_true(shows(150, "2026-11-24 13:05:12"));
    entries[3].seconds = 12.34;
    entries[5].seconds = 3600;
    assert_true(shows(76, "12.3 s"));
    assert_true(shows(76, " 1:00:00"));
}

static void what_did_not_end_well_is_marked_and_told(void **state)
{
    (void)state;
    add(6, "eval", "no image is left");
    entries[6].ok = entries[6].changes = false;
    add(6, "finetune epochs=9", "");
    entries[7].ok = entries[7].changes = false;
    entries[7].interrupted = true;
    assert_true(shows(76, " |-x  7 eval               failed: no image is left"));
    assert_true(shows(76, " !    8 finetune epochs=9  interrupted"));
    entries[7].interrupted = false;
    entries[7].running = true;
    screen.status.elapsed = 61;
    assert_true(shows(76, " *    8 finetune epochs=9  running"));
    assert_true(shows(76, "61.0 s"));
}

static void a_row_that_is_cut_is_told_in_full_below(void **state)
{
    (void)state;
    char command[160] = "finetune", brief[160] = "1 epoch";
    for (int i = 0; i < 10; i++)
        strcat(command, " option=12");
    for (int i = 0; i < 6; i++)
        strcat(brief, " figure 12");
    strcat(command, " last=1");
    strcat(brief, " end");
    add(3, command, brief);
    stand_at(7);
    assert_true(shows(76, "~"));
    assert_true(shows(76, " last=1"));
    assert_true(shows(76, " figure 12 end"));
    assert_true(shows(76, "the session stands here   [mild]"));
}

static void the_cursor_follows_the_session_from_where_it_stands(void **state)
{
    (void)state;
    assert_int_equal(cursor(), 6);
    add(6, "sample", "");
    stand_at(7);
    assert_int_equal(cursor(), 7);
    stand_at(4); /* undone by a key: the rows are the same */
    assert_int_equal(cursor(), 4);
    /* Elsewhere it stays where it is, whatever comes before it. */
    put_cursor(2);
    add(4, "prune", "");
    stand_at(8);
    assert_int_equal(cursor(), 2);
    screen.views[screen.view].order = 1;
    assert_int_equal(cursor(), 6);
    assert_true(shows(76, ">  o  2 data images"));
}

static void the_newest_entry_is_left_for_the_one_after_it(void **state)
{
    (void)state;
    stand_at(4);
    assert_int_equal(cursor(), 4);
    put_cursor(6); /* the newest, but the session stands elsewhere */
    assert_int_equal(cursor(), 6);
    add(4, "prune", "");
    stand_at(7);
    assert_int_equal(entry_under_cursor(), 6);
}

static void an_entry_that_is_gone_gives_the_cursor_to_the_session(void **state)
{
    (void)state;
    assert_int_equal(cursor(), 6);
    stand_at(4);
    put_cursor(6);
    snapshot.entry_count--;
    snapshot.version++;
    assert_int_equal(entry_under_cursor(), 3);
}

static void a_key_before_the_next_frame_moves_in_what_was_shown(void **state)
{
    (void)state;
    screen.views[screen.view].order = 1;
    assert_int_equal(cursor(), 0);
    add(6, "sample", "");
    stand_at(7);
    put_cursor(2); /* shown there: entry 4 */
    assert_int_equal(screen.journal.at, 4);
    assert_int_equal(entry_under_cursor(), 3);
}

static void going_where_the_session_stands_is_no_command(void **state)
{
    (void)state;
    assert_int_equal(cursor(), 6);
    view_journal.enter(&screen);
    assert_string_equal(screen.result, "the session stands there already");
}

static void an_empty_journal_says_what_it_is_for(void **state)
{
    (void)state;
    snapshot.entry_count = 0;
    assert_true(shows(76, "Nothing has been done yet."));
    assert_true(shows(76, ":open FILE.onnx"));
}

static void any_size_can_be_drawn(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 40; rows += 3)
        for (int columns = 1; columns <= 120; columns += 7) {
            struct surface surface = paper_new(rows, columns);
            view_journal.draw(&screen, pane_of(&surface));
            surface_free(&surface);
        }
    assert_int_equal(cursor(), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_says_what_it_is, begin, end),
        cmocka_unit_test_setup_teardown(what_did_not_end_well_is_marked_and_told, begin, end),
        cmocka_unit_test_setup_teardown(a_row_that_is_cut_is_told_in_full_below, begin, end),
        cmocka_unit_test_setup_teardown(the_cursor_follows_the_session_from_where_it_stands, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_newest_entry_is_left_for_the_one_after_it, begin, end),
        cmocka_unit_test_setup_teardown(an_entry_that_is_gone_gives_the_cursor_to_the_session,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_key_before_the_next_frame_moves_in_what_was_shown, begin,
                                        end),
        cmocka_unit_test_setup_teardown(going_where_the_session_stands_is_no_command, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_journal_says_what_it_is_for, begin, end),
        cmocka_unit_test_setup_teardown(any_size_can_be_drawn, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
