#include "keymap.h"
#include "bindings.h"
#include "session/words.h"
#include <stdio.h>
#include <string.h>

/* The user's table, made from the built-in ones; NULL: these. */
static struct bindings own;

void keymap_use(const struct binding *other, int count)
{
    own = (struct bindings){other, other != NULL ? count : 0};
}

const struct binding *binding_at(int index)
{
    const struct bindings *tables[] = {&bindings_prune, &bindings_look, &bindings_replay};
    if (index < 0 || own.list != NULL)
        return index >= 0 && index < own.count ? &own.list[index] : NULL;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        if (index < tables[t]->count)
            return &tables[t]->list[index];
        index -= tables[t]->count;
    }
    return NULL;
}

static bool has_key(const struct binding *binding, int key)
{
    for (int k = 0; k < BINDING_KEYS && binding->keys[k] != 0; k++)
        if (binding->keys[k] == key)
            return true;
    return false;
}

int binding_view(const struct binding *binding)
{
    return binding->only || binding->action == UI_OWN ? binding->view : 0;
}

const struct binding *binding_named(const char *name)
{
    const struct binding *binding = NULL;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        if (binding->name != NULL && strcmp(binding->name, name) == 0)
            return binding;
    return NULL;
}

const struct binding *binding_find(int key, int view)
{
    const struct binding *everywhere = NULL, *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        int bound = binding_view(binding);
        if (!has_key(binding, key))
            continue;
        if (bound > 0 && bound == view)
            return binding;
        if (bound == 0)
            everywhere = binding;
    }
    return everywhere;
}

int binding_key(const struct binding *binding, char *key, int size)
{
    if (binding->keys[0] != 0)
        return snprintf(key, (size_t)size, "%.*s", (int)strcspn(binding->label, " "),
                        binding->label);
    const char *line = binding->line != NULL ? binding->line : "";
    int length = (int)strcspn(line, "%");
    while (length > 0 && line[length - 1] == ' ')
        length--;
    return length > 0 ? snprintf(key, (size_t)size, ":%.*s", length, line)
                      : snprintf(key, (size_t)size, "%s", binding->label);
}

void keymap_text(const char *text, char *filled, int size)
{
    int used = 0;
    for (bool name = false; *text != '\0' && used < size - 1; name = !name) {
        int length = (int)strcspn(text, "`");
        char word[32];
        snprintf(word, sizeof word, "%.*s", length, text);
        const struct binding *binding = name ? binding_named(word) : NULL;
        used += binding != NULL
                    ? binding_key(binding, filled + used, size - used)
                    : snprintf(filled + used, (size_t)(size - used), "%.*s", length, text);
        text += length + (text[length] == '`');
    }
    filled[used < size ? used : size - 1] = '\0';
}

void binding_help(const struct binding *binding, char *text, int size)
{
    if (binding->section == KEYS_YOURS) /* the user's own words */
        snprintf(text, (size_t)size, "%s", binding->help);
    else
        keymap_text(binding->help, text, size);
}

const char *key_section_name(enum key_section section)
{
    static const char *const names[] = {"Ratio and walk", "Work",   "Move and look",
                                        "Session",        "Replay", "Your own"};
    return section < KEYS_SECTIONS ? names[section] : "";
}

void layer_command(const char *pattern, const char *layer, char *line, int size)
{
    int before = (int)strcspn(pattern, "%");
    int used = snprintf(line, (size_t)size, "%.*s", before, pattern);
    if (pattern[before] == '\0' || used >= size)
        return;
    used += tn_word_quote(layer, line + used, size - used);
    snprintf(line + used, (size_t)(size - used), "%s", pattern + before + 1);
}
