#include "key_bytes.h"

enum { ESC_WAIT = 30 /* ms */ };

/* Bytes that follow the first one of a character in UTF-8. */
static int follow(int first)
{
    return first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF8 ? 3 : 0;
}

static bool is_final(int byte)
{
    return byte >= 0x40 && byte <= 0x7E;
}

/* Behind Esc: "[" and on to a letter or "~", "O" and one more, or, with Alt, one key. */
static int sequence(struct terminal *terminal, char bytes[KEY_BYTES - 1])
{
    int count = 0, byte = terminal_byte(terminal);
    if (byte < 0 && terminal_more(ESC_WAIT))
        byte = terminal_byte(terminal);
    if (byte < 0)
        return 0;
    if (byte == KEY_ESC) { /* pressed twice, fast */
        terminal_unread(byte);
        return 0;
    }
    bytes[count++] = (char)byte;
    bool introduced = byte == '[', one = byte == 'O';
    int more = follow(byte);
    while ((introduced || one || more-- > 0) && count < KEY_BYTES - 1 &&
           (byte = terminal_byte(terminal)) >= 0) {
        bytes[count++] = (char)byte;
        introduced = introduced && !is_final(byte);
        one = false;
    }
    return count;
}

int key_bytes(struct terminal *terminal, char bytes[KEY_BYTES])
{
    int count = 0, byte = terminal_byte(terminal);
    if (byte < 0)
        return 0;
    bytes[count++] = (char)byte;
    if (byte == KEY_ESC)
        return count + sequence(terminal, bytes + count);
    for (int more = follow(byte); more > 0 && (byte = terminal_byte(terminal)) >= 0; more--)
        bytes[count++] = (char)byte;
    return count;
}
