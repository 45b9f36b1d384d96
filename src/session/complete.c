#include "session/complete.h"

#include "core/memory.h"
#include "model/zoo.h"
#include "session/command.h"
#include "session/recipe.h"
#include <string.h>

struct list {
    char **items;
    int count;
    bool failed;
    const char *prefix;
    size_t length;
};

static void offer_tail(struct list *list, const char *text, const char *tail)
{
    if (list->failed || strncmp(text, list->prefix, list->length) != 0)
        return;
    char **grown = tn_realloc(list->items, (size_t)list->count + (list->items != NULL),
                              (size_t)list->count + 2, sizeof *grown);
    char *item = tn_sprintf("%s%s", text, tail);
    list->failed = !grown || !item;
    if (grown)
        list->items = grown;
    if (list->failed) {
        tn_free(item);
        return;
    }
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
}

static void offer(struct list *list, const char *text)
{
    offer_tail(list, text, "");
}

/* "a|b|c", each behind `before`. */
static void offer_choices(struct list *list, const char *before, const char *choices)
{
    while (*choices) {
        size_t length = strcspn(choices, "|");
        char *text = tn_sprintf("%s%.*s", before, (int)length, choices);
        if (text)
            offer(list, text);
        list->failed |= !text;
        tn_free(text);
        choices += length;
        choices += *choices == '|';
    }
}

static void offer_commands(struct list *list)
{
    for (int i = 0; tn_command_at(i); i++)
        offer(list, tn_command_at(i)->name);
}

static void offer_layers(struct list *list, const struct tn_snapshot *snapshot)
{
    offer(list, "all");
    for (int l = 0; snapshot && l < snapshot->layer_count; l++) {
        if (snapshot->layers[l].prunable)
            offer(list, snapshot->layers[l].name);
    }
}

static void offer_networks(struct list *list)
{
    for (int i = 0; tn_zoo_name(i); i++) {
        char *name = tn_sprintf("zoo:%s", tn_zoo_name(i));
        if (name)
            offer(list, name);
        list->failed |= !name;
        tn_free(name);
    }
}

static void offer_recipes(struct list *list)
{
    for (const struct tn_recipe *recipe = tn_recipes; recipe->name; recipe++)
        offer(list, recipe->name);
}

static void offer_branches(struct list *list, const struct tn_snapshot *snapshot)
{
    for (int i = 0; snapshot && i < snapshot->entry_count; i++)
        if (snapshot->entries[i].branch)
            offer(list, snapshot->entries[i].branch);
}

/* Where the words of a line are, without judging it. */
struct typed {
    int words; /* words before the point, the command's name among them */
    char command[64];
    int start;                     /* where the word at the point begins */
    char keys[TN_MAX_OPTIONS][32]; /* options given before the point */
    int key_count;
};

static void note_word(struct typed *typed, const char *word, size_t length)
{
    size_t key = 0;
    while (key < length && word[key] != '=')
        key++;
    bool option = typed->words > 0 && key < length && word[0] != '"';
    if (option) {
        if (typed->key_count < TN_MAX_OPTIONS && key < sizeof typed->keys[0]) {
            memcpy(typed->keys[typed->key_count], word, key);
            typed->keys[typed->key_count++][key] = '\0';
        }
        return;
    }
    if (typed->words++ == 0 && length < sizeof typed->command) {
        memcpy(typed->command, word, length);
        typed->command[length] = '\0';
    }
}

static void read_typed(const char *line, int point, struct typed *typed)
{
    memset(typed, 0, sizeof *typed);
    int at = 0;
    for (;;) {
        while (at < point && (line[at] == ' ' || line[at] == '\t'))
            at++;
        int begin = at;
        bool quoted = false;
        while (at < point && (quoted || (line[at] != ' ' && line[at] != '\t'))) {
            quoted ^= line[at] == '"';
            at++;
        }
        if (at >= point) {
            typed->start = begin;
            return;
        }
        note_word(typed, line + begin, (size_t)(at - begin));
    }
}

static bool given(const struct typed *typed, const char *key)
{
    for (int i = 0; i < typed->key_count; i++) {
        if (strcmp(typed->keys[i], key) == 0)
            return true;
    }
    return false;
}

static void offer_word(struct list *list, const struct tn_word_spec *spec,
                       const struct tn_snapshot *snapshot, const char *command, bool *files)
{
    if (spec->choices) {
        offer_choices(list, "", spec->choices);
        return;
    }
    if (spec->kind == TN_WORD_LAYER)
        offer_layers(list, snapshot);
    if (spec->kind == TN_WORD_COMMAND)
        offer_commands(list);
    if (spec->kind == TN_WORD_DATA)
        offer(list, "fashion-mnist");
    if (spec->kind == TN_WORD_FILE && strcmp(command, "open") == 0)
        offer_networks(list);
    if (spec->kind == TN_WORD_FILE && strcmp(command, "recipe") == 0)
        offer_recipes(list);
    if (spec->kind == TN_WORD_NAME && strcmp(command, "goto") == 0)
        offer_branches(list, snapshot);
    *files = spec->kind == TN_WORD_FILE || spec->kind == TN_WORD_DATA;
}

static void offer_options(struct list *list, const struct tn_command *command,
                          const struct typed *typed)
{
    for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key; i++) {
        const struct tn_option_spec *spec = &command->options[i];
        if (given(typed, spec->key))
            continue;
        size_t key = strlen(spec->key);
        bool at_value = list->length > key && strncmp(list->prefix, spec->key, key) == 0 &&
                        list->prefix[key] == '=';
        if (!at_value) {
            offer_tail(list, spec->key, "=");
            continue;
        }
        char *before = tn_sprintf("%s=", spec->key);
        if (before && (spec->choices || spec->otherwise))
            offer_choices(list, before, spec->choices ? spec->choices : spec->otherwise);
        list->failed |= !before;
        tn_free(before);
    }
}

char **tn_complete(const struct tn_snapshot *snapshot, const char *line, int point, int *start,
                   bool *files)
{
    struct typed typed;
    int length = (int)strlen(line);
    point = point < 0 ? 0 : point > length ? length : point;
    read_typed(line, point, &typed);
    *start = typed.start;
    *files = false;
    char *prefix = tn_sprintf("%.*s", point - typed.start, line + typed.start);
    struct list list = {.prefix = prefix, .length = prefix ? strlen(prefix) : 0};
    list.items = tn_calloc(1, sizeof *list.items);
    list.failed = !prefix || !list.items;
    const struct tn_command *command = typed.words ? tn_command_find(typed.command) : NULL;
    if (!list.failed && typed.words == 0)
        offer_commands(&list);
    else if (!list.failed && command) {
        int index = typed.words - 1;
        if (index < TN_MAX_WORDS && command->words[index].kind != TN_WORD_NONE)
            offer_word(&list, &command->words[index], snapshot, command->name, files);
        offer_options(&list, command, &typed);
    }
    tn_free(prefix);
    if (!list.failed)
        return list.items;
    tn_completions_free(list.items);
    return NULL;
}

void tn_completions_free(char **candidates)
{
    for (int i = 0; candidates && candidates[i]; i++)
        tn_free(candidates[i]);
    tn_free(candidates);
}

char *tn_usage_hint(const char *line)
{
    struct typed typed;
    read_typed(line, (int)strlen(line), &typed);
    if (line[typed.start]) /* the word being typed counts as typed */
        note_word(&typed, line + typed.start, strlen(line + typed.start));
    const struct tn_command *command = typed.words ? tn_command_find(typed.command) : NULL;
    char *usage = command ? tn_command_usage(command) : NULL;
    if (!usage)
        return tn_strdup("");
    /* Skip the words that are there; what is left of the usage is the hint. */
    char *rest = usage;
    for (int i = 0; i < typed.words && *rest; i++) {
        rest += strcspn(rest, " ");
        rest += strspn(rest, " ");
        if (i + 1 < typed.words && *rest == '[' && strchr(rest, '=') &&
            strchr(rest, '=') < rest + strcspn(rest, " "))
            break; /* options begin: no words are left to skip */
    }
    char *hint = tn_strdup(rest);
    tn_free(usage);
    return hint;
}
