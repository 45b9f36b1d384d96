/* Keys by name, as a configuration file and the help write them: "s", "Ctrl-R", "PgUp", "F5". */
#ifndef UI_KEYS_H
#define UI_KEYS_H

enum { KEY_NAME = 16 }; /* bytes that hold any key's name */

/* The key of a name: one character, Ctrl-LETTER or a word; letter case matters for single
 * characters only. 0: there is no such key. */
int key_of_name(const char *name);

/* The name of a key, "?" where it has none. Returns `name`. */
const char *key_name(int key, char name[KEY_NAME]);

#endif
