#include "configuration.h"
#include "core/memory.h"
#include "keys.h"
#include "remap.h"
#include "session/nearest.h"
#include "session/words.h"
#include "theme.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_LINE = 4096, LARGEST_FILE = 1 << 20, MOST_KEYS = 512 };

static const char *const settings[] = {"theme",   "ascii", "mouse",  "bell",
                                       "threads", "bind",  "default"};

void configuration_start(struct configuration *c)
{
    *c = (struct configuration){.mouse = true, .bell = true};
}

void configuration_free(struct configuration *c)
{
    for (int i = 0; i < c->key_count; i++) {
        tn_free(c->keys[i].name);
        tn_free(c->keys[i].value);
    }
    for (int i = 0; i < c->problem_count && i < CONFIGURATION_PROBLEMS; i++)
        tn_free(c->problems[i].text);
    tn_free(c->keys);
    tn_free(c->file);
    configuration_start(c);
}

/* Problems stay in the order of their lines: those of keys are found after all others. */
static void complain(struct configuration *c, int line, const struct tn_error *error)
{
    int at = c->problem_count < CONFIGURATION_PROBLEMS ? c->problem_count : CONFIGURATION_PROBLEMS;
    c->problem_count++;
    if (at == CONFIGURATION_PROBLEMS) {
        if (c->problems[at - 1].line <= line)
            return;
        tn_free(c->problems[--at].text);
    }
    for (; at > 0 && c->problems[at - 1].line > line; at--)
        c->problems[at] = c->problems[at - 1];
    c->problems[at] = (struct configuration_problem){line, tn_strdup(error->text)};
}

char *configuration_complaint(const struct configuration *c, int index)
{
    const struct configuration_problem *problem = &c->problems[index];
    const char *file = c->file != NULL ? c->file : "", *text = problem->text;
    text = text != NULL ? text : "out of memory";
    return problem->line > 0 ? tn_sprintf("%s:%d: %s", file, problem->line, text)
                             : tn_sprintf("%s: %s", file, text);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static char *skip_blanks(char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* Take off what follows a '#' that begins a word outside quotes, and the blanks before it. */
static void cut_comment(char *text)
{
    bool quoted = false;
    size_t end = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        quoted ^= text[i] == '"';
        if (text[i] == '#' && !quoted && (i == 0 || is_blank(text[i - 1])))
            break;
        if (!is_blank(text[i]))
            end = i + 1;
    }
    text[end] = '\0';
}

static bool read_switch(const char *name, const char *value, bool *on, struct tn_error *error)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
        return tn_fail(error, TN_ERROR_USE, "%s is \"%.40s\", expected on or off", name, value);
    *on = value[1] == 'n';
    return true;
}

static bool read_theme(struct configuration *c, const char *value, struct tn_error *error)
{
    static const char *const names[] = {"dark", "light", "mono"};
    enum theme_kind kind;
    if (strcmp(value, "auto") == 0) {
        c->theme = NULL;
        return true;
    }
    if (!theme_find(value, &kind))
        return tn_fail(error, TN_ERROR_USE,
                       "theme is \"%.40s\", expected auto, dark, light or mono", value);
    c->theme = names[kind];
    return true;
}

static bool read_threads(struct configuration *c, const char *value, struct tn_error *error)
{
    int64_t threads;
    if (!tn_parse_integer("threads", value, 1, CONFIGURATION_THREADS, &threads, error))
        return false;
    c->threads = (unsigned)threads;
    return true;
}

static bool keep_key(struct configuration *c, int line, bool is_default, const char *name,
                     const char *value, struct tn_error *error)
{
    if (c->key_count == MOST_KEYS)
        return tn_fail(error, TN_ERROR_USE, "more than %d lines about keys", MOST_KEYS);
    size_t count = (size_t)c->key_count;
    struct configuration_key *grown = tn_realloc(c->keys, count, count + 1, sizeof *grown);
    if (grown == NULL)
        return tn_fail_memory(error, "a key", sizeof *grown);
    c->keys = grown;
    c->keys[count] =
        (struct configuration_key){line, is_default, tn_strdup(name), tn_strdup(value)};
    c->key_count++;
    return (c->keys[count].name != NULL && c->keys[count].value != NULL) ||
           tn_fail_memory(error, "a key", strlen(value));
}

/* What stands between "bind" or "default" and the '='. The key may itself be '=' or '#'. */
static bool read_key(struct configuration *c, int line, bool is_default, char *text,
                     struct tn_error *error)
{
    char *end = text;
    while (*end != '\0' && !is_blank(*end) && (*end != '=' || end == text))
        end++;
    char *equals = skip_blanks(end);
    if (end == text || *equals != '=')
        return tn_fail(error, TN_ERROR_USE, "expected %s",
                       is_default ? "default COMMAND = OPTIONS" : "bind KEY = ACTION or COMMAND");
    char *value = skip_blanks(equals + 1);
    *end = '\0';
    cut_comment(value);
    if (!is_default && key_of_name(text) == 0)
        return tn_fail(error, TN_ERROR_USE,
                       "there is no key \"%.40s\"; keys are single characters, Ctrl-LETTER, F1 to "
                       "F12, Space, Tab, Enter, Up, PgUp, Home, ...",
                       text);
    if (!is_default && *value == '\0')
        return tn_fail(error, TN_ERROR_USE, "what is %.40s to do? (none: nothing)", text);
    return keep_key(c, line, is_default, text, value, error);
}

static bool unknown(const char *name, struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[96];
    tn_nearest_start(&nearest, name);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        tn_nearest_offer(&nearest, settings[i]);
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE, "there is no setting \"%.40s\"%s", name, hint);
}

static bool read_setting(struct configuration *c, const char *name, const char *value,
                         struct tn_error *error)
{
    if (strcmp(name, "theme") == 0)
        return read_theme(c, value, error);
    if (strcmp(name, "ascii") == 0)
        return read_switch(name, value, &c->ascii, error);
    if (strcmp(name, "mouse") == 0)
        return read_switch(name, value, &c->mouse, error);
    if (strcmp(name, "bell") == 0)
        return read_switch(name, value, &c->bell, error);
    if (strcmp(name, "threads") == 0)
        return read_threads(c, value, error);
    return unknown(name, error);
}

/* One line, which is written into. */
static bool read_line(struct configuration *c, int number, char *text, struct tn_error *error)
{
    text = skip_blanks(text);
    if (*text == '\0' || *text == '#')
        return true;
    size_t length = strcspn(text, " \t=");
    char *rest = skip_blanks(text + length);
    bool bind = length == 4 && strncmp(text, "bind", 4) == 0;
    bool is_default = length == 7 && strncmp(text, "default", 7) == 0;
    if (bind || is_default)
        return read_key(c, number, is_default, rest, error);
    if (*rest != '=') {
        text[length] = '\0';
        return tn_fail(error, TN_ERROR_USE, "expected SETTING = VALUE, as in theme = light");
    }
    rest = skip_blanks(rest + 1);
    text[length] = '\0';
    cut_comment(rest);
    return read_setting(c, text, rest, error);
}

/* A line as the file has it, cut out of it. */
static bool take_line(struct configuration *c, int number, const char *text, size_t length,
                      struct tn_error *error)
{
    char line[LONGEST_LINE + 1];
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length == 0)
        return true;
    if (length > LONGEST_LINE)
        return tn_fail(error, TN_ERROR_USE, "the line has more than %d bytes", LONGEST_LINE);
    if (memchr(text, '\0', length) != NULL)
        return tn_fail(error, TN_ERROR_USE, "the line holds a zero byte");
    memcpy(line, text, length);
    line[length] = '\0';
    return read_line(c, number, line, error);
}

void configuration_parse(struct configuration *c, const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors begin a file with it */
    struct tn_error error = {0};
    size_t at = length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    for (int number = 1; at < length; number++) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t end = newline != NULL ? (size_t)(newline - text) : length;
        if (!take_line(c, number, text + at, end - at, &error))
            complain(c, number, &error);
        at = end + 1;
    }
}

/* All of an open file, as far as it is one. Released with tn_free. */
static char *contents(int descriptor, size_t *length, struct tn_error *error)
{
    struct stat status;
    *length = 0;
    if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
        tn_fail(error, TN_ERROR_INPUT, "this is a folder, expected a file of settings");
        return NULL;
    }
    char *text = tn_alloc(LARGEST_FILE + 1, 1);
    if (text == NULL) {
        tn_fail_memory(error, "the settings", LARGEST_FILE + 1);
        return NULL;
    }
    ssize_t got = 0;
    while (*length <= LARGEST_FILE &&
           (got = read(descriptor, text + *length, LARGEST_FILE + 1 - *length)) > 0)
        *length += (size_t)got;
    if (*length <= LARGEST_FILE && got == 0)
        return text;
    tn_free(text);
    if (*length > LARGEST_FILE)
        tn_fail(error, TN_ERROR_INPUT, "the file has more than %d bytes", LARGEST_FILE);
    else
        tn_fail(error, TN_ERROR_SYSTEM, "%s", strerror(errno));
    return NULL;
}

/* NULL where there is no home. */
static char *users_file(void)
{
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (folder != NULL && folder[0] == '/')
        return tn_sprintf("%s/thinet-tui/config", folder);
    return home != NULL && home[0] == '/' ? tn_sprintf("%s/.config/thinet-tui/config", home) : NULL;
}

bool configuration_read(struct configuration *c, const char *file, struct tn_error *error)
{
    size_t length;
    tn_free(c->file);
    c->file = file != NULL ? tn_strdup(file) : users_file();
    if (c->file == NULL)
        return file == NULL || tn_fail_memory(error, "a file's name", strlen(file));
    /* Opening a pipe would wait for its other end. */
    int descriptor = open(c->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0 && file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (descriptor < 0)
        tn_fail(error, TN_ERROR_SYSTEM, "%s", strerror(errno));
    char *text = descriptor < 0 ? NULL : contents(descriptor, &length, error);
    if (descriptor >= 0)
        close(descriptor);
    if (text != NULL)
        configuration_parse(c, text, length);
    else if (file != NULL)
        return tn_fail_in(error, "%s", file);
    else
        complain(c, 0, error);
    tn_free(text);
    return true;
}

void configuration_use_keys(struct configuration *c)
{
    struct tn_error error = {0};
    for (int i = 0; i < c->key_count; i++) {
        const struct configuration_key *key = &c->keys[i];
        if (key->name == NULL || key->value == NULL)
            continue; /* already complained of */
        bool good = key->is_default ? remap_default(key->name, key->value, &error)
                                    : remap_key(key_of_name(key->name), key->value, &error);
        if (!good)
            complain(c, key->line, &error);
    }
}
