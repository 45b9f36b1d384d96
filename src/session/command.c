#include "session/command.h"

#include "core/memory.h"
#include "session/commands.h"
#include <stddef.h>
#include <string.h>

static const struct tn_command *const parts[] = {
    tn_commands_open,        tn_commands_head,    tn_commands_measure, tn_commands_run,
    tn_commands_sample,      tn_commands_select,  tn_commands_method,  tn_commands_budget,
    tn_commands_sensitivity, tn_commands_prune,   tn_commands_train,   tn_commands_epoch,
    tn_commands_recipe,      tn_commands_compare, tn_commands_export,  tn_commands_plot,
    tn_commands_journal,     tn_commands_session, tn_commands_help,    tn_commands_look,
    tn_commands_story,       tn_commands_replay,
};

const struct tn_command *tn_command_at(int index)
{
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        for (const struct tn_command *command = parts[p]; command->name; command++) {
            if (index-- == 0)
                return command;
        }
    }
    return NULL;
}

const struct tn_command *tn_command_find(const char *name)
{
    const struct tn_command *command;
    for (int i = 0; (command = tn_command_at(i)); i++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

/* text = text + more, releasing both; NULL when out of memory. */
static char *append(char *text, char *more)
{
    char *joined = text && more ? tn_sprintf("%s%s", text, more) : NULL;
    tn_free(text);
    tn_free(more);
    return joined;
}

static char *word_usage(const struct tn_word_spec *spec)
{
    const char *shown = spec->choices ? spec->choices : spec->name;
    if (spec->kind == TN_WORD_NUMBERS)
        return tn_sprintf(" [%s ...]", shown);
    return tn_sprintf(spec->optional ? " [%s]" : " %s", shown);
}

static char *option_usage(const struct tn_option_spec *spec)
{
    const char *value = spec->choices ? spec->choices : spec->otherwise;
    if (!value)
        value = spec->kind == TN_WORD_NUMBER ? "N" : "..";
    return tn_sprintf(" [%s=%s]", spec->key, value);
}

char *tn_command_usage(const struct tn_command *command)
{
    char *usage = tn_strdup(command->name);
    for (int i = 0; i < TN_MAX_WORDS && command->words[i].kind != TN_WORD_NONE; i++)
        usage = append(usage, word_usage(&command->words[i]));
    for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key; i++)
        usage = append(usage, option_usage(&command->options[i]));
    return usage;
}
