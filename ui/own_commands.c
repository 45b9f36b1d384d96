#include "own_commands.h"
#include <stddef.h>
#include <string.h>

static const struct own_command commands[] = {
    {"tour", "show in two minutes what this program does, on the example"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

const struct own_command *own_command_at(int index)
{
    return index >= 0 && index < COMMANDS ? &commands[index] : NULL;
}

const struct own_command *own_command_find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
