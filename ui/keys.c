#include "keys.h"
#include "terminal.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CTRL = 0x1F };

/* Where a key has two names, the first one is shown. */
static const struct {
    const char *name;
    int key;
} words[] = {
    {"Space", ' '},
    {"Tab", '\t'},
    {"Shift-Tab", KEY_TAB_BACK},
    {"Enter", KEY_RETURN},
    {"Return", KEY_RETURN},
    {"Esc", KEY_ESC},
    {"Up", KEY_ARROW_UP},
    {"Down", KEY_ARROW_DOWN},
    {"Left", KEY_ARROW_LEFT},
    {"Right", KEY_ARROW_RIGHT},
    {"PgUp", KEY_PAGE_UP},
    {"PgDn", KEY_PAGE_DOWN},
    {"Home", KEY_TOP},
    {"End", KEY_BOTTOM},
    {"Backspace", KEY_ERASE},
    {"Ins", KEY_INSERT},
    {"Del", KEY_DELETE},
};

enum { WORDS = sizeof words / sizeof *words };

/* The one character that `name` is, or 0. */
static int character(const char *name)
{
    struct text_piece piece;
    bool one = text_piece_at(name, &piece) && name[piece.bytes] == '\0' && piece.count == 1;
    /* A control character or an odd byte is shown by more than one glyph, or by another one. */
    bool plain = one && (piece.glyphs[0] >= 0x80) == ((unsigned char)name[0] >= 0x80);
    return plain ? (int)piece.glyphs[0] : 0;
}

static int control(const char *name)
{
    char letter = name[5];
    bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (strncasecmp(name, "Ctrl-", 5) != 0 || !is_letter)
        return 0;
    return (letter & CTRL) == '\r' ? KEY_RETURN : letter & CTRL;
}

static int function(const char *name)
{
    char *end;
    if ((name[0] != 'F' && name[0] != 'f') || name[1] < '1' || name[1] > '9')
        return 0;
    long number = strtol(name + 1, &end, 10);
    return *end == '\0' && number <= FUNCTION_KEYS ? KEY_FUNCTION + (int)number : 0;
}

int key_of_name(const char *name)
{
    for (int i = 0; i < WORDS; i++)
        if (strcasecmp(name, words[i].name) == 0)
            return words[i].key;
    int key = character(name);
    if (key == 0 && strlen(name) == 6)
        key = control(name);
    return key != 0 ? key : function(name);
}

const char *key_name(int key, char name[KEY_NAME])
{
    for (int i = 0; i < WORDS; i++)
        if (words[i].key == key) {
            snprintf(name, KEY_NAME, "%s", words[i].name);
            return name;
        }
    if (key > 0 && key < ' ')
        snprintf(name, KEY_NAME, "Ctrl-%c", key | 0x40);
    else if (key > KEY_FUNCTION && key <= KEY_FUNCTION + FUNCTION_KEYS)
        snprintf(name, KEY_NAME, "F%d", key - KEY_FUNCTION);
    else if (key < ' ' || key >= KEY_BASE)
        snprintf(name, KEY_NAME, "?");
    else
        text_encode((uint32_t)key, name);
    return name;
}
