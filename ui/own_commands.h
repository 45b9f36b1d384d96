/* What can be typed at the prompt beyond the table of commands: it concerns the screen alone. */
#ifndef UI_OWN_COMMANDS_H
#define UI_OWN_COMMANDS_H

struct own_command {
    const char *name, *summary;
};

const struct own_command *own_command_at(int index); /* NULL past the last */
const struct own_command *own_command_find(const char *name);

#endif
