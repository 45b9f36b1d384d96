/* The user's keys: changes to the table of the keymap, in which the help and the hints then show
 * them. */
#ifndef UI_REMAP_H
#define UI_REMAP_H

#include "core/error.h"
#include <stdbool.h>

/* Let a key do what `what` says: the name of a binding ("step"), a command line ('%' stands for the
 * selected layer), ": LINE" for one that is typed in and not run, or "none". What the key did
 * before it does no longer; a binding of one view takes it in that view alone. False, and nothing
 * changed: the key is reserved, or there is no such name or command. */
bool remap_key(int key, const char *what, struct tn_error *error);

/* Let the keys that give a command ("finetune") give it with these options. False: no key does, or
 * the options are not the command's. */
bool remap_default(const char *command, const char *options, struct tn_error *error);

/* Back to the built-in keys. */
void remap_forget(void);

#endif
