#include "remap.h"
#include "core/memory.h"
#include "keymap.h"
#include "keys.h"
#include "own_commands.h"
#include "session/nearest.h"
#include "session/words.h"
#include "terminal.h"
#include <stdio.h>
#include <string.h>

enum { ROOM = 256, LABEL = 12, LINE_LIMIT = 400, CTRL_C = 3 };

static struct {
    struct binding bindings[ROOM];
    char labels[ROOM][BINDING_KEYS * KEY_NAME];
    char *lines[ROOM], *helps[ROOM]; /* of those whose text is the user's */
    int count;
} own;

static void begin(void)
{
    const struct binding *binding;
    if (own.count > 0)
        return;
    for (int i = 0; i < ROOM && (binding = binding_at(i)) != NULL; i++)
        own.bindings[own.count++] = *binding;
    keymap_use(own.bindings, own.count);
}

void remap_forget(void)
{
    keymap_use(NULL, 0);
    for (int i = 0; i < own.count; i++) {
        tn_free(own.lines[i]);
        tn_free(own.helps[i]);
    }
    memset(&own, 0, sizeof own);
}

/* As many of its keys as the help's column holds. */
static void label(int index)
{
    struct binding *binding = &own.bindings[index];
    char *text = own.labels[index], name[KEY_NAME];
    text[0] = '\0';
    for (int k = 0; k < BINDING_KEYS && binding->keys[k] != 0; k++) {
        key_name(binding->keys[k], name);
        if (k == 0 || strlen(text) + 1 + strlen(name) < LABEL)
            snprintf(text + strlen(text), sizeof own.labels[0] - strlen(text), "%s%s",
                     k > 0 ? " " : "", name);
    }
    if (binding->keys[0] == 0) {
        snprintf(text, sizeof own.labels[0], "(no key)");
        binding->hint = NULL;
    }
    binding->label = text;
}

static int without(struct binding *binding, int key)
{
    int left = 0, had = 0;
    for (int k = 0; k < BINDING_KEYS; k++) {
        int other = binding->keys[k];
        binding->keys[k] = 0;
        had += other == key;
        if (other != 0 && other != key)
            binding->keys[left++] = other;
    }
    return had;
}

/* Nothing bound to this view (0: any) has the key any more. */
static void take(int key, int view)
{
    for (int i = 0; i < own.count; i++)
        if ((view == 0 || binding_view(&own.bindings[i]) == view) &&
            without(&own.bindings[i], key) > 0)
            label(i);
}

/* The new key comes first: it is the one that is shown. */
static bool give(const char *name, int key, struct tn_error *error)
{
    int index = 0;
    while (strcmp(own.bindings[index].name != NULL ? own.bindings[index].name : "", name) != 0)
        index++;
    struct binding *binding = &own.bindings[index];
    without(binding, key);
    if (binding->keys[BINDING_KEYS - 1] != 0)
        return tn_fail(error, TN_ERROR_USE, "%s has %d keys already, and no more fit", name,
                       BINDING_KEYS);
    take(key, binding_view(binding));
    memmove(binding->keys + 1, binding->keys, (BINDING_KEYS - 1) * sizeof *binding->keys);
    binding->keys[0] = key;
    label(index);
    return true;
}

static bool unknown(const char *word, struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[96], palette[KEY_NAME];
    const struct binding *binding = binding_named("palette");
    binding_key(binding, palette, sizeof palette);
    tn_nearest_start(&nearest, word);
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        if (binding->name != NULL)
            tn_nearest_offer(&nearest, binding->name);
    for (int i = 0; tn_command_at(i) != NULL; i++)
        tn_nearest_offer(&nearest, tn_command_at(i)->name);
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE,
                   "there is no action and no command '%.40s'%s; %s lists both", word, hint,
                   palette);
}

/* Is it a line that could run, with a layer in the place of '%'? Of one that is only typed in, its
 * command must exist. */
static bool check_line(const char *line, bool typed, struct tn_error *error)
{
    char word[64] = "", filled[LINE_LIMIT];
    sscanf(line, "%63s", word);
    if (own_command_find(word) != NULL)
        return true;
    if (tn_command_find(word) == NULL)
        return unknown(word, error);
    if (strlen(line) > LINE_LIMIT - 16) /* room for a layer's name in the place of '%' */
        return tn_fail(error, TN_ERROR_USE, "a key's command line has at most %d bytes",
                       LINE_LIMIT - 16);
    struct tn_command_line *parsed = tn_calloc(1, sizeof *parsed);
    if (parsed == NULL)
        return tn_fail_memory(error, "a command line", sizeof *parsed);
    layer_command(line, "all", filled, sizeof filled);
    bool good = typed || (tn_line_parse(filled, parsed, error) && tn_line_check(parsed, error));
    tn_line_free(parsed);
    tn_free(parsed);
    return good;
}

static bool add_line(int key, const char *line, bool typed, struct tn_error *error)
{
    if (!check_line(line, typed, error))
        return false;
    if (own.count == ROOM)
        return tn_fail(error, TN_ERROR_USE, "too many keys have command lines of their own");
    int at = own.count;
    char shown[LINE_LIMIT];
    layer_command(line, "LAYER", shown, sizeof shown);
    own.lines[at] = tn_strdup(line);
    own.helps[at] = tn_sprintf("%s :%s", typed ? "types" : "runs", shown);
    if (own.lines[at] == NULL || own.helps[at] == NULL) {
        tn_free(own.lines[at]);
        tn_free(own.helps[at]);
        own.lines[at] = own.helps[at] = NULL;
        return tn_fail_memory(error, "a key", strlen(line));
    }
    take(key, 0);
    own.bindings[at] = (struct binding){.keys = {key},
                                        .action = typed ? UI_TYPE : UI_COMMAND,
                                        .line = own.lines[at],
                                        .section = KEYS_YOURS,
                                        .help = own.helps[at]};
    label(at);
    keymap_use(own.bindings, ++own.count);
    return true;
}

bool remap_key(int key, const char *what, struct tn_error *error)
{
    if (key == KEY_ESC || key == CTRL_C)
        return tn_fail(error, TN_ERROR_USE, "this key always cancels and goes back");
    begin();
    if (strcmp(what, "none") == 0) {
        take(key, 0);
        return true;
    }
    if (binding_named(what) != NULL)
        return give(what, key, error);
    bool typed = what[0] == ':';
    what += typed;
    return add_line(key, what + strspn(what, " "), typed, error);
}

/* "finetune epochs=1" and "lr=0.1": "finetune lr=0.1". Words stay, options go. */
static char *with_options(const char *line, const char *options)
{
    size_t words = 0, at = 0;
    while (line[at] != '\0') {
        size_t length = strcspn(line + at, " ");
        if (memchr(line + at, '=', length) == NULL)
            words = at + length;
        at += length + strspn(line + at + length, " ");
    }
    return tn_sprintf("%.*s %s", (int)words, line, options);
}

static bool gives(const struct binding *binding, const char *command)
{
    size_t length = strlen(command);
    return binding->line != NULL && binding->section != KEYS_YOURS &&
           strncmp(binding->line, command, length) == 0 &&
           (binding->line[length] == ' ' || binding->line[length] == '\0');
}

bool remap_default(const char *command, const char *options, struct tn_error *error)
{
    begin();
    bool any = false;
    for (int i = 0; i < own.count; i++) {
        struct binding *binding = &own.bindings[i];
        if (!gives(binding, command))
            continue;
        char *line = with_options(binding->line, options);
        if (line == NULL || !check_line(line, false, error)) {
            bool memory = line == NULL;
            tn_free(line);
            return memory ? tn_fail_memory(error, "a key", strlen(options)) : false;
        }
        tn_free(own.lines[i]);
        binding->line = own.lines[i] = line;
        any = true;
    }
    if (!any && tn_command_find(command) == NULL)
        return unknown(command, error);
    return any || tn_fail(error, TN_ERROR_USE, "no key gives the command %s", command);
}
