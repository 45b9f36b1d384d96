#include "help.h"
#include "intents.h"
#include "keymap.h"
#include "theme.h"
#include "ui_paper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void no_key_stands_twice_and_all_are_explained(void **state)
{
    (void)state;
    const struct binding *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        assert_true(binding->keys[0] != 0);
        assert_true(binding->label[0] != '\0' && binding->help[0] != '\0');
        bool has_line = binding->action == UI_COMMAND || binding->action == UI_TYPE;
        assert_int_equal(has_line, binding->line != NULL);
        for (int k = 0; k < 3 && binding->keys[k] != 0; k++)
            assert_ptr_equal(binding_find(binding->keys[k], binding->view), binding);
    }
    assert_null(binding_find('"', 1));
}

static void the_lines_of_keys_begin_with_commands_that_exist(void **state)
{
    (void)state;
    const struct binding *binding;
    int lines = 0;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        if (binding->line == NULL)
            continue;
        char name[32];
        assert_int_equal(sscanf(binding->line, "%31s", name), 1);
        assert_non_null(tn_command_find(name));
        lines++;
    }
    assert_true(lines > 5);
}

static void a_layer_with_odd_characters_is_quoted(void **state)
{
    (void)state;
    char line[64];
    layer_command("prune % reweight=ls", "layer1.0.conv1", line, sizeof line);
    assert_string_equal(line, "prune layer1.0.conv1 reweight=ls");
    layer_command("prune % reweight=ls", "my conv", line, sizeof line);
    assert_string_equal(line, "prune \"my conv\" reweight=ls");
    layer_command("prune %", "a\"b", line, sizeof line);
    assert_string_equal(line, "prune \"a\\\"b\"");
    layer_command("undo", "x", line, sizeof line);
    assert_string_equal(line, "undo");
    char small[10];
    layer_command("prune % reweight=ls", "conv1", small, sizeof small);
    assert_string_equal(small, "prune con");
}

static void help_shows_every_binding_in_any_width(void **state)
{
    (void)state;
    for (int columns = 60; columns <= 160; columns += 50) {
        struct surface surface = paper_new(130, columns);
        int scroll = 0;
        help_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), NULL, columns / 50, &scroll);
        const struct binding *binding;
        for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
            char start[64], help[160];
            keymap_text(binding->help, help, sizeof help);
            snprintf(start, sizeof start, "%-12s%.40s", binding->label, help);
            if (!paper_holds(&surface, start))
                fail_msg("help lacks \"%s\" at %d columns", start, columns);
        }
        surface_free(&surface);
    }
}

static void help_of_a_command_names_its_options(void **state)
{
    (void)state;
    struct surface surface = paper_new(50, 90);
    int scroll = 1000;
    const struct tn_command *command = tn_command_find("finetune");
    assert_non_null(command);
    help_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), command, 0, &scroll);
    assert_int_equal(scroll, 0); /* it fits, so there is nothing to scroll */
    assert_true(paper_holds(&surface, "epochs="));
    assert_true(paper_holds(&surface, "schedule="));
    surface_free(&surface);
}

/* Two layers of 32 and 100 filters, and one that cannot be pruned. */
static struct tn_snapshot_layer layers[] = {
    {.name = (char[]){"a"}, .filters = 32, .kept = 32, .prunable = true},
    {.name = (char[]){"b"}, .filters = 100, .kept = 100, .prunable = true},
    {.name = (char[]){"c"}, .filters = 10, .kept = 10},
};

static struct tn_snapshot snapshot_of(int a, int b)
{
    layers[0].kept = a;
    layers[1].kept = b;
    return (struct tn_snapshot){.layer_count = 3, .layers = layers};
}

static void expect_line(struct intents *intents, const struct tn_snapshot *snapshot,
                        uint64_t finished, const char *expected)
{
    char line[64] = "";
    bool has = intents_next(intents, snapshot, finished, line, sizeof line);
    assert_int_equal(has, expected != NULL);
    if (expected != NULL)
        assert_string_equal(line, expected);
}

static void presses_are_shown_at_once_and_sent_as_one_command_at_a_time(void **state)
{
    (void)state;
    struct intents intents = {0};
    struct tn_snapshot snapshot = snapshot_of(32, 100);
    assert_true(intents_fit(&intents, 3));
    for (int i = 0; i < 3; i++)
        assert_true(intents_nudge(&intents, &snapshot, 0, INTENT_WALK, -1));
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 29);
    expect_line(&intents, &snapshot, 0, "step a 3");
    intents_sent(&intents, 7);
    assert_true(intents_nudge(&intents, &snapshot, 0, INTENT_WALK, -1));
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 28);
    expect_line(&intents, &snapshot, 6, NULL); /* number 7 is still on its way */
    snapshot = snapshot_of(29, 100);
    intents_finished(&intents, 7, false);
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 28);
    expect_line(&intents, &snapshot, 7, "step a");
    intents_sent(&intents, 8);
    snapshot = snapshot_of(28, 100);
    intents_finished(&intents, 8, false);
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 28);
    expect_line(&intents, &snapshot, 8, NULL);
    intents_free(&intents);
}

static void a_refused_command_drops_what_was_built_on_it(void **state)
{
    (void)state;
    struct intents intents = {0};
    struct tn_snapshot snapshot = snapshot_of(32, 100);
    assert_true(intents_fit(&intents, 3));
    assert_true(intents_nudge(&intents, &snapshot, 1, INTENT_KEEP, -1));
    expect_line(&intents, &snapshot, 0, "keep b 99");
    intents_sent(&intents, 1);
    assert_true(intents_nudge(&intents, &snapshot, 1, INTENT_KEEP, -5));
    intents_finished(&intents, 1, true);
    assert_int_equal(intents_keep(&intents, &snapshot, 1), 100);
    expect_line(&intents, &snapshot, 1, NULL);
    intents_free(&intents);
}

static void five_per_cent_always_changes_something_and_comes_back(void **state)
{
    (void)state;
    struct intents intents = {0};
    struct tn_snapshot snapshot = snapshot_of(32, 100);
    assert_true(intents_fit(&intents, 3));
    int keep = 32, presses = 0;
    while (intents_shift(&intents, &snapshot, 0, 1)) {
        assert_true(intents_keep(&intents, &snapshot, 0) < keep);
        keep = intents_keep(&intents, &snapshot, 0);
        presses++;
    }
    assert_int_equal(presses, 19);
    assert_int_equal(keep, 1); /* 5 % of 32 are 1.6: one whole filter */
    while (intents_shift(&intents, &snapshot, 0, -1))
        presses--;
    assert_int_equal(presses, 0);
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 32);
    intents_free(&intents);
}

static void a_ratio_for_all_leaves_alone_what_cannot_be_pruned(void **state)
{
    (void)state;
    struct intents intents = {0};
    struct tn_snapshot snapshot = snapshot_of(32, 100);
    assert_true(intents_fit(&intents, 3));
    for (int i = 0; i < 10; i++)
        assert_true(intents_shift_all(&intents, &snapshot, 1));
    assert_int_equal(intents_keep(&intents, &snapshot, 0), 16);
    assert_int_equal(intents_keep(&intents, &snapshot, 1), 50);
    assert_int_equal(intents_keep(&intents, &snapshot, 2), 10);
    expect_line(&intents, &snapshot, 0, "ratio all 0.5");
    intents_sent(&intents, 1);
    snapshot = snapshot_of(16, 50);
    intents_finished(&intents, 1, false);
    assert_true(intents_shift_all(&intents, &snapshot, -1));
    expect_line(&intents, &snapshot, 1, "ratio all 0.45");
    intents_free(&intents);
}

static void kept_and_pruned_differ_in_every_theme_with_colours(void **state)
{
    (void)state;
    static const int depths[] = {8, 16, 256};
    for (int d = 0; d < 3; d++)
        for (int theme = THEME_DARK; theme <= THEME_LIGHT; theme++) {
            struct theme_look kept = theme_look((enum theme_kind)theme, depths[d], STYLE_KEPT, 0);
            struct theme_look gone = theme_look((enum theme_kind)theme, depths[d], STYLE_PRUNED, 0);
            assert_int_not_equal(kept.foreground, gone.foreground);
            assert_true(kept.foreground < depths[d] && gone.foreground < depths[d]);
        }
    for (int style = 0; style < STYLE_COUNT; style++)
        for (unsigned flags = 0; flags < 4; flags++) {
            struct theme_look look = theme_look(THEME_MONO, 256, (enum style)style, flags);
            assert_int_equal(look.foreground, -1);
            assert_int_equal(look.background, -1);
        }
}

static void only_known_themes_are_found(void **state)
{
    (void)state;
    enum theme_kind kind;
    assert_true(theme_find("light", &kind));
    assert_int_equal(kind, THEME_LIGHT);
    assert_true(theme_find(NULL, &kind));
    assert_false(theme_find("solarized", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_stands_twice_and_all_are_explained),
        cmocka_unit_test(the_lines_of_keys_begin_with_commands_that_exist),
        cmocka_unit_test(a_layer_with_odd_characters_is_quoted),
        cmocka_unit_test(help_shows_every_binding_in_any_width),
        cmocka_unit_test(help_of_a_command_names_its_options),
        cmocka_unit_test(presses_are_shown_at_once_and_sent_as_one_command_at_a_time),
        cmocka_unit_test(a_refused_command_drops_what_was_built_on_it),
        cmocka_unit_test(five_per_cent_always_changes_something_and_comes_back),
        cmocka_unit_test(a_ratio_for_all_leaves_alone_what_cannot_be_pruned),
        cmocka_unit_test(kept_and_pruned_differ_in_every_theme_with_colours),
        cmocka_unit_test(only_known_themes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
