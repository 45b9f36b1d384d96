/* Command lines: cutting, checking, the nearest right word, completion and hints. */
#include "session/command.h"
#include "session/complete.h"
#include "session/nearest.h"
#include "session/words.h"

#include "core/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_line_is_cut_into_words_options_and_comment(void **state)
{
    (void)state;
    struct tn_command_line line;
    struct tn_error error;
    assert_true(
        tn_line_parse("  finetune \"a b\"  epochs=5 lr=\"0.1\" x#y # and=so on", &line, &error));
    assert_string_equal(line.name.text, "finetune");
    assert_int_equal(line.word_count, 2);
    assert_string_equal(line.words[0].text, "a b");
    assert_int_equal(line.words[0].begin, 11);
    assert_int_equal(line.words[0].end, 16);
    assert_string_equal(line.words[1].text, "x#y");
    assert_int_equal(line.pair_count, 2);
    assert_string_equal(line.pairs[1].key, "lr");
    assert_string_equal(line.pairs[1].value, "0.1");
    assert_string_equal(line.text, "finetune \"a b\"  epochs=5 lr=\"0.1\" x#y");
    tn_line_free(&line);
}

static void blank_lines_and_comments_have_no_name(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "   ", "\t\r\n", "# open x", "   # a \"b"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct tn_command_line line;
        assert_true(tn_line_parse(lines[i], &line, NULL));
        assert_null(line.name.text);
        assert_string_equal(line.text, "");
        tn_line_free(&line);
    }
}

static void quotes_hold_blanks_equal_signs_and_escaped_quotes(void **state)
{
    (void)state;
    struct tn_command_line line;
    assert_true(tn_line_parse("open \"a=b \\\"c\\\" \\\\.onnx\"", &line, NULL));
    assert_int_equal(line.pair_count, 0);
    assert_string_equal(line.words[0].text, "a=b \"c\" \\.onnx");
    tn_line_free(&line);
    assert_true(tn_line_parse("open /a/b=c.onnx", &line, NULL));
    assert_int_equal(line.pair_count, 0);
    assert_string_equal(line.words[0].text, "/a/b=c.onnx");
    tn_line_free(&line);
}

static void a_quoted_word_is_read_as_it_was(void **state)
{
    (void)state;
    static const char *const words[] = {"conv1", "my conv", "a=b",     "say \"x\"",
                                        "\\",    "a \\",    "\\\" \\", "#1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct tn_command_line line;
        char text[64] = "open ";
        int used = tn_word_quote(words[i], text + 5, sizeof text - 5);
        assert_int_equal(used, strlen(text) - 5);
        assert_true(tn_line_parse(text, &line, NULL));
        assert_int_equal(line.word_count, 1);
        assert_string_equal(line.words[0].text, words[i]);
        tn_line_free(&line);
        for (int size = 1; size < 8; size++) {
            memset(text, '?', sizeof text);
            assert_true(tn_word_quote(words[i], text, size) < size);
            assert_int_equal(text[size], '?');
            assert_true(strlen(text) < (size_t)size);
        }
    }
}

static void a_quote_that_is_not_closed_is_an_error(void **state)
{
    (void)state;
    struct tn_command_line line;
    struct tn_error error;
    assert_false(tn_line_parse("open \"a b", &line, &error));
    assert_non_null(strstr(error.text, "not closed"));
    tn_line_free(&line);
}

static void lines_beyond_the_limits_are_errors(void **state)
{
    (void)state;
    struct tn_command_line line;
    struct tn_error error;
    char *text = calloc(1, TN_LINE_LIMIT + 2);
    assert_non_null(text);
    memset(text, 'x', TN_LINE_LIMIT + 1);
    assert_false(tn_line_parse(text, &line, &error));
    tn_line_free(&line);
    for (int i = 0; i < TN_LINE_LIMIT; i++)
        text[i] = i % 2 ? ' ' : 'x';
    text[TN_LINE_LIMIT] = '\0';
    assert_false(tn_line_parse(text, &line, &error));
    assert_non_null(strstr(error.text, "words"));
    tn_line_free(&line);
    free(text);
}

/* The message of a line that does not pass the check. */
static const char *complaint(const char *text)
{
    static struct tn_error error;
    struct tn_command_line line;
    tn_error_clear(&error);
    assert_true(tn_line_parse(text, &line, &error));
    assert_false(tn_line_check(&line, &error));
    assert_int_equal(error.kind, TN_ERROR_USE);
    tn_line_free(&line);
    return error.text;
}

static void wrong_words_are_answered_with_the_nearest_right_ones(void **state)
{
    (void)state;
    assert_non_null(strstr(complaint("evla"), "'eval'"));
    assert_non_null(strstr(complaint("finetune epocs=3"), "'epochs'"));
    assert_non_null(strstr(complaint("finetune augment=flp"), "'flip'"));
    assert_null(strstr(complaint("xyzzyplugh"), "did you mean"));
}

static void missing_and_superfluous_words_show_the_usage(void **state)
{
    (void)state;
    assert_non_null(strstr(complaint("ratio conv1"), "missing R; usage: ratio LAYER R"));
    assert_non_null(strstr(complaint("ratio a 0.5 b"), "unexpected 'b'"));
    assert_non_null(strstr(complaint("ratio a half"), "not a number"));
    assert_non_null(strstr(complaint("eval limit=1 limit=2"), "twice"));
    assert_non_null(strstr(complaint("eval limit="), "no value"));
    assert_non_null(strstr(complaint("lock a 1 perhaps"), "keep|prune"));
}

static void a_note_takes_the_rest_of_the_line_as_it_stands(void **state)
{
    (void)state;
    struct tn_command_line line;
    assert_true(tn_line_parse("note lr=0.1 was  \"better\", x=2 # not this", &line, NULL));
    assert_true(tn_line_check(&line, NULL));
    assert_string_equal(tn_line_word(&line, 0), "lr=0.1 was  \"better\", x=2");
    assert_null(tn_line_word(&line, 1));
    tn_line_free(&line);
    assert_true(tn_line_parse("note \"a # b\"", &line, NULL));
    assert_true(tn_line_check(&line, NULL));
    assert_string_equal(tn_line_word(&line, 0), "a # b");
    tn_line_free(&line);
}

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    struct tn_error error;
    int64_t whole;
    double real;
    assert_true(tn_parse_integer("N", "-12", -20, 20, &whole, &error));
    assert_int_equal(whole, -12);
    assert_false(tn_parse_integer("N", "21", -20, 20, &whole, &error));
    assert_non_null(strstr(error.text, "expected -20 to 20"));
    assert_false(tn_parse_integer("N", "99999999999999999999", 0, INT64_MAX, &whole, &error));
    assert_false(tn_parse_integer("N", "1.5", 0, 9, &whole, &error));
    assert_false(tn_parse_integer("N", "", 0, 9, &whole, &error));
    assert_true(tn_parse_real("lr", "1e-3", 0, 1, &real, &error));
    assert_true(real == 1e-3);
    static const char *const wrong[] = {"", ".", "nan", "inf", "0x10", "1e999", "1,5", "--1", "1e"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(tn_parse_real("lr", wrong[i], -1e300, 1e300, &real, &error));
}

static void distances_count_slips_and_swaps_once(void **state)
{
    (void)state;
    assert_int_equal(tn_edit_distance("eval", "eval"), 0);
    assert_int_equal(tn_edit_distance("evla", "eval"), 1);
    assert_int_equal(tn_edit_distance("EVAL", "eval"), 0);
    assert_int_equal(tn_edit_distance("", "abc"), 3);
    assert_int_equal(tn_edit_distance("conv1", "conv12"), 1);
}

static void every_command_has_usage_help_and_checkable_defaults(void **state)
{
    (void)state;
    const struct tn_command *command;
    int count = 0;
    for (; (command = tn_command_at(count)); count++) {
        assert_ptr_equal(tn_command_find(command->name), command);
        assert_true(*command->summary && *command->details && command->run);
        char *usage = tn_command_usage(command);
        assert_int_equal(strncmp(usage, command->name, strlen(command->name)), 0);
        tn_free(usage);
        for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key; i++) {
            const struct tn_option_spec *option = &command->options[i];
            assert_true(*option->help);
            if (option->choices && option->otherwise)
                assert_true(tn_among(option->otherwise, option->choices));
        }
    }
    assert_true(count > 25);
}

static bool offered(char **candidates, const char *word)
{
    for (int i = 0; candidates[i]; i++) {
        if (strcmp(candidates[i], word) == 0)
            return true;
    }
    return false;
}

static char **complete(const char *line, int *start, bool *files)
{
    char **candidates = tn_complete(NULL, line, (int)strlen(line), start, files);
    assert_non_null(candidates);
    return candidates;
}

static void completion_knows_commands_options_and_choices(void **state)
{
    (void)state;
    int start;
    bool files;
    char **c = complete("fin", &start, &files);
    assert_int_equal(start, 0);
    assert_true(offered(c, "finetune") && !offered(c, "eval") && !files);
    tn_completions_free(c);
    c = complete("finetune epochs=3 ", &start, &files);
    assert_int_equal(start, 18);
    assert_true(offered(c, "lr=") && !offered(c, "epochs="));
    tn_completions_free(c);
    c = complete("finetune schedule=c", &start, &files);
    assert_true(offered(c, "schedule=cosine") && offered(c, "schedule=constant"));
    assert_false(offered(c, "schedule=step"));
    tn_completions_free(c);
    c = complete("open zoo:f", &start, &files);
    assert_true(offered(c, "zoo:fashion-vgg") && files);
    tn_completions_free(c);
    c = complete("lock conv1 3 k", &start, &files);
    assert_true(offered(c, "keep") && !offered(c, "prune"));
    tn_completions_free(c);
    c = complete("nonsense x", &start, &files);
    assert_null(c[0]);
    tn_completions_free(c);
}

static void the_hint_is_what_is_still_to_be_typed(void **state)
{
    (void)state;
    static const struct {
        const char *line, *hint;
    } cases[] = {{"ratio", "LAYER R"},  {"ratio conv1", "R"}, {"ratio conv1 0.5", ""},
                 {"help", "[COMMAND]"}, {"unheard of", ""},   {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *hint = tn_usage_hint(cases[i].line);
        assert_string_equal(hint, cases[i].hint);
        tn_free(hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_cut_into_words_options_and_comment),
        cmocka_unit_test(blank_lines_and_comments_have_no_name),
        cmocka_unit_test(quotes_hold_blanks_equal_signs_and_escaped_quotes),
        cmocka_unit_test(a_quoted_word_is_read_as_it_was),
        cmocka_unit_test(a_quote_that_is_not_closed_is_an_error),
        cmocka_unit_test(lines_beyond_the_limits_are_errors),
        cmocka_unit_test(wrong_words_are_answered_with_the_nearest_right_ones),
        cmocka_unit_test(missing_and_superfluous_words_show_the_usage),
        cmocka_unit_test(a_note_takes_the_rest_of_the_line_as_it_stands),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(distances_count_slips_and_swaps_once),
        cmocka_unit_test(every_command_has_usage_help_and_checkable_defaults),
        cmocka_unit_test(completion_knows_commands_options_and_choices),
        cmocka_unit_test(the_hint_is_what_is_still_to_be_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
