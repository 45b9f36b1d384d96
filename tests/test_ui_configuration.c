/* The configuration file, whatever is in it, and the keys it changes. */
#include "configuration.h"
#include "help.h"
#include "keymap.h"
#include "keys.h"
#include "remap.h"
#include "terminal.h"
#include "ui_paper.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct configuration settings;

static int begin(void **state)
{
    (void)state;
    configuration_start(&settings);
    return 0;
}

static int end(void **state)
{
    (void)state;
    configuration_free(&settings);
    remap_forget();
    return 0;
}

static void take(const char *text)
{
    configuration_parse(&settings, text, strlen(text));
    configuration_use_keys(&settings);
}

/* The text has this problem in this line, and no other. */
static void expect_problem(const char *text, int line, const char *part)
{
    take(text);
    if (settings.problem_count != 1)
        fail_msg("%d problems in \"%s\"", settings.problem_count, text);
    assert_int_equal(settings.problems[0].line, line);
    if (strstr(settings.problems[0].text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", settings.problems[0].text, part);
    end(NULL);
}

static const struct binding *of(const char *name)
{
    const struct binding *binding = binding_named(name);
    assert_non_null(binding);
    return binding;
}

static void settings_are_read(void **state)
{
    (void)state;
    take("# mine\n\n  theme = light # bright room\nascii=on\n\tmouse =off\nbell = off\r\nthreads = "
         "2");
    assert_int_equal(settings.problem_count, 0);
    assert_string_equal(settings.theme, "light");
    assert_true(settings.ascii && !settings.mouse && !settings.bell);
    assert_int_equal(settings.threads, 2);
    take("theme = auto\n");
    assert_null(settings.theme);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    expect_problem("\ntheme = lihgt\n", 2, "expected auto, dark, light or mono");
    expect_problem("ascii = yes", 1, "expected on or off");
    expect_problem("threads = 0", 1, "threads");
    expect_problem("threads = 99999999999999999999", 1, "threads");
    expect_problem("theem = dark", 1, "did you mean 'theme'");
    expect_problem("theme dark", 1, "SETTING = VALUE");
    expect_problem("= dark", 1, "no setting");
    expect_problem("bind s", 1, "bind KEY =");
    expect_problem("bind = step", 1, "bind KEY =");
    expect_problem("bind s =", 1, "what is s to do");
    expect_problem("bind Ctrl-1 = step", 1, "no key \"Ctrl-1\"");
    expect_problem("bind Esc = step", 1, "always cancels");
    expect_problem("bind s = stpe", 1, "did you mean 'step'");
    expect_problem("bind s = ratio all 1.5x foo=1", 1, "foo");
    expect_problem("default", 1, "default COMMAND =");
    expect_problem("default fnetune = lr=1", 1, "did you mean 'finetune'");
    expect_problem("default journal = x", 1, "no key gives");
    expect_problem("default finetune = lrr=1", 1, "lrr");
}

static void the_other_lines_hold(void **state)
{
    (void)state;
    take("nonsense\nascii = on\nbind x = nonsense\nbind d = step\ntheme = grey\n");
    assert_int_equal(settings.problem_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(settings.problems[i].line, 1 + 2 * i); /* in the order of the lines */
    assert_true(settings.ascii);
    assert_ptr_equal(binding_find('d', 1), of("step"));
    assert_ptr_equal(binding_find('x', 1), of("export"));
}

static void hostile_bytes_are_only_problems(void **state)
{
    (void)state;
    static const char zero[] = "ascii = on\0off\nmouse = off";
    configuration_parse(&settings, zero, sizeof zero - 1);
    assert_int_equal(settings.problem_count, 1);
    assert_true(!settings.ascii && !settings.mouse);
    assert_non_null(strstr(settings.problems[0].text, "zero byte"));
    end(NULL);
    size_t length = 70000;
    char *text = tn_alloc(length, 1);
    assert_non_null(text);
    memset(text, 'a', length);
    configuration_parse(&settings, text, length); /* one line without an end */
    assert_int_equal(settings.problem_count, 1);
    assert_non_null(strstr(settings.problems[0].text, "4096"));
    end(NULL);
    memset(text, '\n', length);
    for (size_t i = 0; i < length; i += 2)
        text[i] = (char)('!' + i % 90); /* as many wrong lines as there are */
    configuration_parse(&settings, text, length);
    assert_true(settings.problem_count > 10000);
    assert_int_equal(settings.problems[CONFIGURATION_PROBLEMS - 1].line < 20, true);
    tn_free(text);
    end(NULL);
    take("\xEF\xBB\xBFtheme = dark\nbind \xC3\xA4 = step\nbind \xFF = step\nbind \xE2\x80\x8B = "
         "step");
    assert_string_equal(settings.theme, "dark");
    assert_int_equal(settings.problem_count, 2); /* no UTF-8; nothing that can be seen */
    assert_ptr_equal(binding_find(0xE4, 1), of("step"));
}

static void more_lines_of_keys_than_fit_are_refused_one_by_one(void **state)
{
    (void)state;
    char *text = tn_alloc(1000 * 24 + 1, 1);
    assert_non_null(text);
    text[0] = '\0';
    for (int i = 0, used = 0; i < 1000; i++)
        used += snprintf(text + used, 24, "bind F%d = undo\n", 1 + i % 12);
    take(text);
    assert_true(settings.problem_count >= 1000 - 512);
    int keys = 0;
    while (keys < BINDING_KEYS && of("undo")->keys[keys] != 0)
        keys++;
    assert_int_equal(keys, BINDING_KEYS);
    tn_free(text);
}

static void a_key_changes_hands(void **state)
{
    (void)state;
    take("bind d = step\nbind s = sample\nbind Ctrl-T = step");
    assert_int_equal(settings.problem_count, 0);
    assert_string_equal(of("step")->label, "Ctrl-T d");
    assert_ptr_equal(binding_find('s', 2), of("sample"));
    assert_ptr_equal(binding_find('S', 2), of("sample"));
    assert_string_equal(of("sample")->label, "s S");
    assert_non_null(of("sample")->hint);
}

static void a_key_can_be_taken_away(void **state)
{
    (void)state;
    take("bind q = none\n");
    assert_null(binding_find('q', 1));
    assert_string_equal(of("quit")->label, "(no key)");
    assert_null(of("quit")->hint); /* there is nothing to hint at */
}

static void a_key_can_have_a_line_of_its_own(void **state)
{
    (void)state;
    take("bind P = prune % reweight=full # and not ls\nbind F5 = :finetune epochs=\nbind # = undo\n"
         "bind = = back\nbind T = tour\nbind F6 = note why `undo`\n");
    assert_int_equal(settings.problem_count, 0);
    const struct binding *prune = binding_find('P', 1), *tune = binding_find(KEY_FUNCTION + 5, 1);
    assert_non_null(prune);
    assert_int_equal(prune->action, UI_COMMAND);
    assert_string_equal(prune->line, "prune % reweight=full");
    assert_string_equal(prune->help, "runs :prune LAYER reweight=full");
    assert_non_null(tune);
    assert_int_equal(tune->action, UI_TYPE);
    assert_string_equal(tune->line, "finetune epochs=");
    assert_string_equal(tune->label, "F5");
    assert_ptr_equal(binding_find('#', 1), of("undo"));
    assert_ptr_equal(binding_find('=', 1), of("back"));
    assert_non_null(binding_find('T', 1));
    struct surface surface = paper_new(130, 80);
    int scroll = 0;
    help_draw(pane_of(&surface), glyphs_for(GLYPHS_ASCII), NULL, 0, &scroll);
    assert_true(paper_holds(&surface, "Your own"));
    assert_true(paper_holds(&surface, "P           runs :prune LAYER reweight=full"));
    assert_true(
        paper_holds(&surface, "F6          runs :note why `undo`")); /* as the user wrote it */
    surface_free(&surface);
}

static void defaults_take_the_place_of_options(void **state)
{
    (void)state;
    take("default finetune = epochs=5 lr=0.01\ndefault prune = reweight=none\n"
         "default sample = images=20\ndefault export = small.onnx\ndefault run = ratio=0.5\n"
         "bind F = :finetune epochs=2\n");
    assert_int_equal(settings.problem_count, 0);
    assert_string_equal(of("finetune")->line, "finetune epochs=5 lr=0.01");
    assert_string_equal(of("prune")->line, "prune % reweight=none");
    assert_string_equal(of("sample")->line, "sample all images=20");
    assert_string_equal(of("export")->line, "export small.onnx");
    assert_string_equal(of("run")->line, "run % ratio=0.5");
    assert_string_equal(binding_find('F', 1)->line, "finetune epochs=2"); /* said by the user */
}

static void every_binding_has_a_name_of_its_own(void **state)
{
    (void)state;
    const struct binding *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        if (binding->name == NULL)
            fail_msg("the binding of \"%s\" (%s) has no .name", binding->label, binding->help);
        assert_ptr_equal(binding_named(binding->name), binding);
    }
}

static void keys_have_names_that_lead_back(void **state)
{
    (void)state;
    const struct binding *binding;
    char name[KEY_NAME];
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        for (int k = 0; k < BINDING_KEYS && binding->keys[k] != 0; k++)
            assert_int_equal(key_of_name(key_name(binding->keys[k], name)), binding->keys[k]);
    static const char *const none[] = {"",    "ab",  "Ctrl-", "Ctrl-1", "F0",
                                       "F13", "F1x", "\x01",  "C-a"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(key_of_name(none[i]), 0);
    assert_int_equal(key_of_name("pgup"), KEY_PAGE_UP);
    assert_int_equal(key_of_name("Ctrl-M"), KEY_RETURN);
    assert_int_equal(key_of_name("F12"), KEY_FUNCTION + 12);
    assert_string_equal(key_name(KEY_MOUSE_PRESS, name), "?");
    assert_string_equal(key_name(0x4E2D, name), "\xE4\xB8\xAD");
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void files_that_are_none_are_told_of(void **state)
{
    (void)state;
    char folder[] = "/tmp/thinet-config-XXXXXX", path[80];
    struct tn_error error;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/thinet-tui", folder);
    assert_int_equal(setenv("XDG_CONFIG_HOME", folder, 1), 0);
    assert_true(configuration_read(&settings, NULL, &error)); /* it need not be there */
    assert_int_equal(settings.problem_count, 0);
    end(NULL);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/thinet-tui/config", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(configuration_read(&settings, NULL, &error));
    assert_int_equal(settings.problem_count, 1);
    char *text = configuration_complaint(&settings, 0);
    assert_non_null(strstr(text, "thinet-tui/config: this is a folder"));
    tn_free(text);
    end(NULL);
    assert_false(configuration_read(&settings, path, &error)); /* it was named */
    end(NULL);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(configuration_read(&settings, NULL, &error)); /* and does not wait */
    end(NULL);
    assert_int_equal(unlink(path), 0);
    put(path, "threads = 3\nx");
    assert_true(configuration_read(&settings, NULL, &error));
    assert_int_equal(settings.threads, 3);
    text = configuration_complaint(&settings, 0);
    assert_non_null(strstr(text, "thinet-tui/config:2: expected SETTING = VALUE"));
    tn_free(text);
    end(NULL);
    if (getuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        assert_true(configuration_read(&settings, NULL, &error));
        assert_int_equal(settings.problem_count, 1);
        end(NULL);
    }
    assert_false(configuration_read(&settings, "/no/such/file", &error));
    assert_non_null(strstr(error.text, "/no/such/file: No such file"));
    assert_true(truncate(path, 2 << 20) == 0);
    assert_false(configuration_read(&settings, path, &error));
    assert_non_null(strstr(error.text, "more than"));
    unlink(path);
    snprintf(path, sizeof path, "%s/thinet-tui", folder);
    rmdir(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_are_read, begin, end),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_with_its_line, begin, end),
        cmocka_unit_test_setup_teardown(the_other_lines_hold, begin, end),
        cmocka_unit_test_setup_teardown(hostile_bytes_are_only_problems, begin, end),
        cmocka_unit_test_setup_teardown(more_lines_of_keys_than_fit_are_refused_one_by_one, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_key_changes_hands, begin, end),
        cmocka_unit_test_setup_teardown(a_key_can_be_taken_away, begin, end),
        cmocka_unit_test_setup_teardown(a_key_can_have_a_line_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(defaults_take_the_place_of_options, begin, end),
        cmocka_unit_test(every_binding_has_a_name_of_its_own),
        cmocka_unit_test(keys_have_names_that_lead_back),
        cmocka_unit_test_setup_teardown(files_that_are_none_are_told_of, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
