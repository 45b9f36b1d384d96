/* The keyboard as bytes, one key at a time: for readline, which takes no decoded keys. */
#ifndef UI_KEY_BYTES_H
#define UI_KEY_BYTES_H

#include "terminal.h"

enum { KEY_BYTES = 32 };

/* All bytes of the next key: a control character, a character in UTF-8, Esc and what it begins, or
 * Esc alone. What was typed behind it stays with the terminal. Returns how many; 0: nothing was
 * typed. Needs terminal_raw_keys. */
int key_bytes(struct terminal *terminal, char bytes[KEY_BYTES]);

#endif
