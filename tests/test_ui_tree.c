/* The journal's tree: its rows, its lines, and that they lead where they should. */
#include "core/clock.h"
#include "tree.h"
#include "ui_paper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 10000 };

static struct tn_snapshot_entry entries[MANY];
static const enum tree_order orders[] = {TREE_BRANCHES, TREE_NEWEST};

/* Entry i + 1 follows parents[i]. */
static void plant(const int *parents, int count)
{
    for (int i = 0; i < count; i++)
        entries[i] = (struct tn_snapshot_entry){.id = i + 1, .parent = parents[i]};
}

/* The tree as text, a row a line, entries as 'a', 'b' ..., the empty session as '0'. */
static void expect(enum tree_order order, int count, const char *const *lines)
{
    struct tree tree = {0};
    assert_true(tree_layout(&tree, entries, count, order));
    assert_int_equal(tree.count, count + 1);
    struct surface surface = paper_new(count + 1, tree_width(&tree));
    for (int row = 0; row < tree.count; row++) {
        int entry = tree.rows[row].entry;
        tree_draw(pane_of(&surface), row, &tree.rows[row], STYLE_NORMAL,
                  entry == TREE_EMPTY ? '0' : (uint32_t)('a' + entry), glyphs_for(GLYPHS_ASCII));
        char *line = paper_row(&surface, row);
        assert_string_equal(line, lines[row]);
        tn_free(line);
    }
    surface_free(&surface);
    tree_free(&tree);
}

static void a_chain_is_one_line(void **state)
{
    (void)state;
    plant((const int[]){0, 1, 2}, 3);
    expect(TREE_BRANCHES, 3, (const char *[]){"0", "a", "b", "c"});
    expect(TREE_NEWEST, 3, (const char *[]){"c", "b", "a", "0"});
    expect(TREE_BRANCHES, 0, (const char *[]){"0"});
}

static void a_branch_from_the_middle_hangs_on_where_it_began(void **state)
{
    (void)state;
    /* a b, then c d, back to b, e, back to d, f, back to e, g */
    plant((const int[]){0, 1, 2, 3, 2, 4, 5}, 7);
    expect(TREE_BRANCHES, 7, (const char *[]){"0", "a", "b", "|-c", "| d", "| f", "e", "g"});
    expect(TREE_NEWEST, 7, (const char *[]){"g", "| f", "e |", "| d", "|-c", "b", "a", "0"});
}

static void the_branch_with_the_newest_entry_goes_straight_on(void **state)
{
    (void)state;
    plant((const int[]){0, 1, 1, 1}, 4);
    expect(TREE_BRANCHES, 4, (const char *[]){"0", "a", "|-b", "|-c", "d"});
    expect(TREE_NEWEST, 4, (const char *[]){"d", "|-c", "|-b", "a", "0"});
    plant((const int[]){0, 1, 1, 1, 2}, 5); /* work goes on at b */
    expect(TREE_BRANCHES, 5, (const char *[]){"0", "a", "|-c", "|-d", "b", "e"});
}

static void branches_within_branches_stand_to_the_right(void **state)
{
    (void)state;
    plant((const int[]){0, 1, 2, 3, 3, 2, 1}, 7);
    expect(TREE_BRANCHES, 7,
           (const char *[]){"0", "a", "|-b", "| |-c", "| | |-d", "| | e", "| f", "g"});
}

static void a_line_passes_behind_those_it_crosses(void **state)
{
    (void)state;
    plant((const int[]){0, 1, 1, 2, 1}, 5);
    expect(TREE_NEWEST, 5, (const char *[]){"e", "| d", "|-|-c", "|-b", "a", "0"});
    /* Two branches that take turns; the second has one of its own, met to the right of it. */
    plant((const int[]){0, 1, 1, 2, 3, 2, 4, 5}, 8);
    expect(TREE_NEWEST, 8,
           (const char *[]){"h", "| g", "| | f", "e | |", "| d-|", "c   |", "|---b", "a", "0"});
}

static void what_follows_nothing_that_is_there_follows_the_empty_session(void **state)
{
    (void)state;
    plant((const int[]){0, 9, -4}, 3);
    expect(TREE_BRANCHES, 3, (const char *[]){"0", "|-a", "|-b", "c"});
}

/* Every line that a row shows leads from an entry to the one it followed, and none is missing. */
static void check_lines(const struct tree *tree)
{
    int direction = tree->rows[0].entry == TREE_EMPTY ? -1 : 1; /* to the parents */
    uint64_t *lines = tn_calloc((size_t)tree->count, sizeof *lines);
    assert_non_null(lines);
    for (int row = 0; row < tree->count; row++) {
        int entry = tree->rows[row].entry;
        assert_int_equal(tree->places[entry + 1], row);
        if (entry == TREE_EMPTY)
            continue;
        int parent = tree->places[entries[entry].parent];
        int from = tree->rows[row].from;
        assert_true(direction * (parent - row) > 0);
        assert_int_equal(tree->rows[parent].lane, from);
        for (int at = row; at != parent; at += direction)
            if (at != row || from != tree->rows[row].lane)
                lines[at] |= UINT64_C(1) << from;
    }
    for (int row = 0; row < tree->count; row++) {
        assert_true(lines[row] == tree->rows[row].lines);
        assert_false(lines[row] >> tree->rows[row].lane & 1);
    }
    tn_free(lines);
}

static void lines_lead_to_parents_in_any_tree(void **state)
{
    (void)state;
    uint32_t random = 1;
    int parents[300];
    for (int round = 0; round < 200; round++) {
        int count = 1 + round;
        for (int i = 0; i < count; i++) {
            random = random * 1664525 + 1013904223;
            /* As people work: mostly on from the last, sometimes back a bit. */
            int back = random >> 29 > 1 ? 0 : (int)(random >> 8) % 12;
            parents[i] = back < i ? i - back : 0;
        }
        plant(parents, count);
        for (int o = 0; o < 2; o++) {
            struct tree tree = {0};
            assert_true(tree_layout(&tree, entries, count, orders[o]));
            assert_true(tree.lanes < TREE_LANES);
            check_lines(&tree);
            tree_free(&tree);
        }
    }
}

static int deepest(int i)
{
    return i;
}

static int widest(int i)
{
    return i > 0 ? 1 : 0;
}

static int comb(int i) /* a chain with a tooth at every link */
{
    return i % 2 ? i : i > 0 ? i - 1 : 0;
}

static int parallel(int i) /* two hundred chains that grow in turn */
{
    return i >= 200 ? i - 199 : 0;
}

static void ten_thousand_entries_of_any_form_are_laid_out(void **state)
{
    (void)state;
    static const struct {
        int (*parent)(int);
        int lanes;
    } forms[] = {{deepest, 1}, {widest, 2}, {comb, 2}, {parallel, TREE_LANES + 1}};
    static int parents[MANY];
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (int o = 0; o < 2; o++) {
            for (int i = 0; i < MANY; i++)
                parents[i] = forms[f].parent(i);
            plant(parents, MANY);
            struct tree tree = {0};
            double begun = tn_clock_seconds();
            assert_true(tree_layout(&tree, entries, MANY, orders[o]));
            print_message("form %zu, order %d: %.1f ms, %d lanes\n", f, o,
                          1000 * (tn_clock_seconds() - begun), tree.lanes);
            assert_true(tree.lanes <= forms[f].lanes);
            if (tree.lanes <= TREE_LANES)
                check_lines(&tree);
            tree_free(&tree);
        }
}

static void what_has_no_room_is_cut_with_a_sign(void **state)
{
    (void)state;
    struct surface surface = paper_new(2, 6);
    struct tree_row row = {.lane = TREE_LANES, .from = 1, .lines = ~UINT64_C(0)};
    tree_draw(pane_of(&surface), 0, &row, STYLE_NORMAL, 'x', glyphs_for(GLYPHS_ASCII));
    char *line = paper_row(&surface, 0);
    assert_string_equal(line, "| |->x");
    tn_free(line);
    surface_free(&surface);
}

static void each_entry_knows_its_branch(void **state)
{
    (void)state;
    plant((const int[]){0, 1, 2, 3, 1, 5}, 6);
    entries[1].branch = "first";
    entries[3].branch = "within";
    struct tree tree = {0};
    assert_true(tree_layout(&tree, entries, 6, TREE_NEWEST));
    static const int named[] = {TREE_EMPTY, TREE_EMPTY, 1, 1, 3, TREE_EMPTY, TREE_EMPTY};
    assert_memory_equal(tree.branches, named, sizeof named);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_one_line),
        cmocka_unit_test(a_branch_from_the_middle_hangs_on_where_it_began),
        cmocka_unit_test(the_branch_with_the_newest_entry_goes_straight_on),
        cmocka_unit_test(branches_within_branches_stand_to_the_right),
        cmocka_unit_test(a_line_passes_behind_those_it_crosses),
        cmocka_unit_test(what_follows_nothing_that_is_there_follows_the_empty_session),
        cmocka_unit_test(lines_lead_to_parents_in_any_tree),
        cmocka_unit_test(ten_thousand_entries_of_any_form_are_laid_out),
        cmocka_unit_test(what_has_no_room_is_cut_with_a_sign),
        cmocka_unit_test(each_entry_knows_its_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
