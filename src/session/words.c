#include "session/words.h"

#include "core/memory.h"
#include "session/nearest.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Read one token from text[at]: quotes may stand anywhere in it (key="a b"). `equals` is where in
 * the token an unquoted '=' follows an option key, else -1. */
static bool read_token(const char *text, int *at, char **token, int *equals, struct tn_error *error)
{
    int i = *at, length = 0;
    bool quoted = false, plain = true;
    char *out = tn_alloc(strlen(text + i) + 1, 1);
    if (!out)
        return tn_fail_memory(error, "a command line", strlen(text + i) + 1);
    *equals = -1;
    for (; text[i] && (quoted || !is_blank(text[i])); i++) {
        if (text[i] == '"') {
            quoted = !quoted;
            if (*equals < 0)
                plain = false;
        } else if (quoted && text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            out[length++] = text[++i];
        } else {
            bool key_ends = text[i] == '=' && !quoted && plain && *equals < 0 && length > 0;
            if (key_ends)
                *equals = length;
            else if (*equals < 0 && !islower((unsigned char)text[i]) && text[i] != '-' &&
                     text[i] != '_')
                plain = false;
            out[length++] = text[i];
        }
    }
    out[length] = '\0';
    *token = out;
    *at = i;
    if (quoted)
        return tn_fail(error, TN_ERROR_USE, "a quote (\") is not closed");
    return true;
}

static bool add_token(struct tn_command_line *line, char *token, int equals, int begin, int end,
                      const char *text, struct tn_error *error)
{
    if (!line->name.text) {
        line->name = (struct tn_word){token, begin, end};
        return true;
    }
    if (line->word_count + line->pair_count >= TN_LINE_WORDS) {
        tn_free(token);
        return tn_fail(error, TN_ERROR_USE, "more than %d words on one line", TN_LINE_WORDS);
    }
    if (equals < 0) {
        line->words[line->word_count++] = (struct tn_word){token, begin, end};
        return true;
    }
    struct tn_pair *pair = &line->pairs[line->pair_count];
    pair->value = tn_strdup(token + equals + 1);
    token[equals] = '\0';
    pair->key = token;
    pair->begin = begin;
    pair->value_begin = begin + (int)strcspn(text + begin, "=") + 1;
    pair->end = end;
    line->pair_count++;
    return pair->value ? true : tn_fail_memory(error, "a command line", strlen(text));
}

bool tn_line_parse(const char *text, struct tn_command_line *line, struct tn_error *error)
{
    memset(line, 0, sizeof *line);
    size_t size = strlen(text);
    if (size > TN_LINE_LIMIT)
        return tn_fail(error, TN_ERROR_USE, "a line of %zu bytes: at most %d are read", size,
                       TN_LINE_LIMIT);
    int at = 0, first = -1, last = 0;
    for (;;) {
        while (is_blank(text[at]))
            at++;
        if (!text[at] || text[at] == '#')
            break;
        char *token = NULL;
        int begin = at, equals = -1;
        if (!read_token(text, &at, &token, &equals, error)) {
            tn_free(token);
            return false;
        }
        if (!add_token(line, token, equals, begin, at, text, error))
            return false;
        first = first < 0 ? begin : first;
        last = at;
    }
    line->text = first < 0 ? tn_strdup("") : tn_sprintf("%.*s", last - first, text + first);
    return line->text ? true : tn_fail_memory(error, "a command line", size);
}

void tn_line_free(struct tn_command_line *line)
{
    tn_free(line->text);
    tn_free(line->name.text);
    for (int i = 0; i < line->word_count; i++)
        tn_free(line->words[i].text);
    for (int i = 0; i < line->pair_count; i++) {
        tn_free(line->pairs[i].key);
        tn_free(line->pairs[i].value);
    }
    memset(line, 0, sizeof *line);
}

int tn_word_quote(const char *word, char *text, int size)
{
    if (strpbrk(word, " \t\r\n#\"=") == NULL) {
        snprintf(text, (size_t)size, "%s", word);
        return (int)strlen(text);
    }
    int used = 0;
    for (const char *c = word; *c && used < size - 4; c++) { /* an escape, a quote and the zero */
        if (c == word)
            text[used++] = '"';
        if (*c == '"' || *c == '\\')
            text[used++] = '\\';
        text[used++] = *c;
    }
    if (used > 0)
        text[used++] = '"';
    text[used] = '\0';
    return used;
}

bool tn_among(const char *text, const char *choices)
{
    size_t length = strlen(text);
    for (const char *c = choices; *c;) {
        size_t part = strcspn(c, "|");
        if (part == length && memcmp(c, text, part) == 0)
            return true;
        c += part;
        c += *c == '|';
    }
    return false;
}

static bool bad_choice(const char *what, const char *text, const char *choices,
                       struct tn_error *error)
{
    struct tn_nearest nearest;
    char part[64], hint[96];
    tn_nearest_start(&nearest, text);
    tn_nearest_offer_choices(&nearest, choices, part, sizeof part);
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE, "%s '%s' is not one of %s%s", what, text, choices, hint);
}

static bool fail_usage(const struct tn_command *command, const char *what, const char *word,
                       struct tn_error *error)
{
    char *usage = tn_command_usage(command);
    tn_fail(error, TN_ERROR_USE, "%s %s; usage: %s", what, word, usage ? usage : command->name);
    tn_free(usage);
    return false;
}

/* Words that look like numbers where a number is wanted; the range is the command's business. */
static bool check_number(const char *what, const char *text, struct tn_error *error)
{
    double ignored;
    return tn_parse_real(what, text, -HUGE_VAL, HUGE_VAL, &ignored, error);
}

static const struct tn_option_spec *find_option(const struct tn_command *command, const char *key)
{
    for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key; i++) {
        if (strcmp(command->options[i].key, key) == 0)
            return &command->options[i];
    }
    return NULL;
}

static bool check_pair(const struct tn_command_line *line, const struct tn_pair *pair,
                       struct tn_error *error)
{
    const struct tn_option_spec *spec = find_option(line->command, pair->key);
    if (!spec) {
        struct tn_nearest nearest;
        char hint[96];
        tn_nearest_start(&nearest, pair->key);
        for (int i = 0; i < TN_MAX_OPTIONS && line->command->options[i].key; i++)
            tn_nearest_offer(&nearest, line->command->options[i].key);
        tn_nearest_hint(&nearest, hint, sizeof hint);
        char word[160];
        snprintf(word, sizeof word, "'%.60s'%s", pair->key, hint);
        return fail_usage(line->command, "unknown option", word, error);
    }
    for (int i = 0; i < line->pair_count; i++) {
        const struct tn_pair *other = &line->pairs[i];
        if (other != pair && strcmp(other->key, pair->key) == 0)
            return tn_fail(error, TN_ERROR_USE, "%s= is given twice", pair->key);
    }
    if (!*pair->value)
        return tn_fail(error, TN_ERROR_USE, "%s= has no value", pair->key);
    if (spec->choices && !tn_among(pair->value, spec->choices))
        return bad_choice(pair->key, pair->value, spec->choices, error);
    return spec->kind != TN_WORD_NUMBER || check_number(pair->key, pair->value, error);
}

static int spec_words(const struct tn_command *command, bool *text)
{
    int count = 0;
    while (count < TN_MAX_WORDS && command->words[count].kind != TN_WORD_NONE)
        count++;
    *text = count > 0 && command->words[count - 1].kind == TN_WORD_TEXT;
    return count;
}

/* `note lr=0.1 was better`: a text takes words and options as they stand on the line. */
static bool gather_text(struct tn_command_line *line, int first, struct tn_error *error)
{
    int begin = -1;
    if (line->word_count > first)
        begin = line->words[first].begin;
    for (int i = 0; i < line->pair_count; i++) {
        if (first == 0 && (begin < 0 || line->pairs[i].begin < begin))
            begin = line->pairs[i].begin;
    }
    if (begin < 0)
        return true;
    bool one_word = line->word_count == first + 1 && line->pair_count == 0;
    if (one_word)
        return true; /* perhaps quoted as a whole: the quotes are off */
    char *rest = tn_strdup(line->text + (begin - line->name.begin));
    if (!rest)
        return tn_fail_memory(error, "a command line", strlen(line->text));
    for (int i = first; i < line->word_count; i++)
        tn_free(line->words[i].text);
    for (int i = 0; i < line->pair_count; i++) {
        tn_free(line->pairs[i].key);
        tn_free(line->pairs[i].value);
    }
    line->pair_count = 0;
    line->words[first] = (struct tn_word){rest, begin, begin + (int)strlen(rest)};
    line->word_count = first + 1;
    return true;
}

static bool check_words(const struct tn_command_line *line, int count, struct tn_error *error)
{
    const struct tn_command *command = line->command;
    bool many = count > 0 && command->words[count - 1].kind == TN_WORD_NUMBERS;
    if (line->word_count > count && !many) {
        char word[80];
        snprintf(word, sizeof word, "'%.60s'", line->words[count].text);
        return fail_usage(command, "unexpected", word, error);
    }
    for (int i = 0; i < count || i < line->word_count; i++) {
        const struct tn_word_spec *spec = &command->words[i < count ? i : count - 1];
        const char *text = tn_line_word(line, i);
        if (!text) {
            if (spec->optional)
                break;
            return fail_usage(command, "missing", spec->name, error);
        }
        if (spec->choices && !tn_among(text, spec->choices))
            return bad_choice(spec->name, text, spec->choices, error);
        bool number = spec->kind == TN_WORD_NUMBER || spec->kind == TN_WORD_NUMBERS;
        if (number && !check_number(spec->name, text, error))
            return false;
    }
    return true;
}

bool tn_line_check(struct tn_command_line *line, struct tn_error *error)
{
    line->command = tn_command_find(line->name.text);
    if (!line->command) {
        struct tn_nearest nearest;
        char hint[96];
        tn_nearest_start(&nearest, line->name.text);
        for (int i = 0; tn_command_at(i); i++)
            tn_nearest_offer(&nearest, tn_command_at(i)->name);
        tn_nearest_hint(&nearest, hint, sizeof hint);
        return tn_fail(error, TN_ERROR_USE, "there is no command '%.60s'%s; 'help' lists them",
                       line->name.text, hint);
    }
    bool text;
    int count = spec_words(line->command, &text);
    if (text && !gather_text(line, count - 1, error))
        return false;
    for (int i = 0; i < line->pair_count; i++) {
        if (!check_pair(line, &line->pairs[i], error))
            return false;
    }
    return check_words(line, count, error);
}

const char *tn_line_word(const struct tn_command_line *line, int index)
{
    return index < line->word_count ? line->words[index].text : NULL;
}

static const struct tn_pair *find_pair(const struct tn_command_line *line, const char *key)
{
    for (int i = 0; i < line->pair_count; i++) {
        if (strcmp(line->pairs[i].key, key) == 0)
            return &line->pairs[i];
    }
    return NULL;
}

bool tn_line_given(const struct tn_command_line *line, const char *key)
{
    return find_pair(line, key) != NULL;
}

const char *tn_line_option(const struct tn_command_line *line, const char *key)
{
    const struct tn_pair *pair = find_pair(line, key);
    if (pair)
        return pair->value;
    const struct tn_option_spec *spec = find_option(line->command, key);
    return spec ? spec->otherwise : NULL;
}

bool tn_line_integer(const struct tn_command_line *line, const char *key, int64_t least_value,
                     int64_t most, int64_t *value, struct tn_error *error)
{
    const char *text = tn_line_option(line, key);
    return !text || tn_parse_integer(key, text, least_value, most, value, error);
}

bool tn_line_real(const struct tn_command_line *line, const char *key, double least_value,
                  double most, double *value, struct tn_error *error)
{
    const char *text = tn_line_option(line, key);
    return !text || tn_parse_real(key, text, least_value, most, value, error);
}

bool tn_parse_integer(const char *what, const char *text, int64_t least_value, int64_t most,
                      int64_t *value, struct tn_error *error)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || digits[strspn(digits, "0123456789")])
        return tn_fail(error, TN_ERROR_USE, "%s '%.60s' is not a whole number", what, text);
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno == ERANGE || number < least_value || number > most) {
        if (most == INT64_MAX)
            return tn_fail(error, TN_ERROR_USE, "%s %.60s is out of range: expected at least %lld",
                           what, text, (long long)least_value);
        return tn_fail(error, TN_ERROR_USE, "%s %.60s is out of range: expected %lld to %lld", what,
                       text, (long long)least_value, (long long)most);
    }
    *value = number;
    return true;
}

bool tn_parse_real(const char *what, const char *text, double least_value, double most,
                   double *value, struct tn_error *error)
{
    /* No hexadecimal, infinities or NaN: nobody means them here. */
    char *end;
    bool plain = *text && text[strspn(text, "+-.0123456789eE")] == '\0';
    double number = plain ? strtod(text, &end) : 0;
    if (!plain || *end || !isfinite(number))
        return tn_fail(error, TN_ERROR_USE, "%s '%.60s' is not a number", what, text);
    if (number < least_value || number > most) {
        if (most >= HUGE_VAL)
            return tn_fail(error, TN_ERROR_USE, "%s %.60s is out of range: expected at least %g",
                           what, text, least_value);
        return tn_fail(error, TN_ERROR_USE, "%s %.60s is out of range: expected %g to %g", what,
                       text, least_value, most);
    }
    *value = number;
    return true;
}
