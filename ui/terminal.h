/* Everything about the terminal's abilities and moods, in one place: colours, character set, mouse,
 * title, size, suspending, and putting it back. */
#ifndef UI_TERMINAL_H
#define UI_TERMINAL_H

#include "core/error.h"
#include "glyphs.h"
#include "screen.h"
#include "surface.h"
#include <stdbool.h>

struct terminal;

/* Keys beyond Unicode. */
enum key {
    KEY_BASE = 0x200000,
    KEY_ARROW_UP,
    KEY_ARROW_DOWN,
    KEY_ARROW_LEFT,
    KEY_ARROW_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_TOP,
    KEY_BOTTOM,
    KEY_TAB_BACK,
    KEY_MOUSE_PRESS,
    KEY_WHEEL_UP,
    KEY_WHEEL_DOWN,
    KEY_OTHER,
    KEY_ERASE, /* Backspace */
    KEY_INSERT,
    KEY_DELETE,
    KEY_FUNCTION, /* + 1 .. FUNCTION_KEYS */
    KEY_ESC = 27,
    KEY_RETURN = '\n',
};

enum { FUNCTION_KEYS = 12 };

struct terminal_event {
    int key;         /* a code point, a control code, or one of the above */
    int row, column; /* of the mouse */
};

/* Take the terminal over. */
struct terminal *terminal_open(const struct ui_options *options, struct tn_error *error);
/* Give it back exactly as it was. */
void terminal_close(struct terminal *terminal);

enum glyph_level terminal_glyphs(const struct terminal *terminal);
/* Can a cell have any two of 256 colours? */
bool terminal_coloured(const struct terminal *terminal);
void terminal_size(const struct terminal *terminal, int *rows, int *columns);

/* Show a frame; only what differs from the last one is written. */
void terminal_paint(struct terminal *terminal, const struct surface *surface);

/* The next key that waits; false when there is none. */
bool terminal_key(struct terminal *terminal, struct terminal_event *event);

/* While on, keys are not decoded and the mouse is off: terminal_byte gives what the terminal sent,
 * -1 when nothing waits. */
void terminal_raw_keys(struct terminal *terminal, bool on);
int terminal_byte(struct terminal *terminal);
void terminal_unread(int byte); /* the next one again */
/* Wait up to `milliseconds` for more input: tells Esc from the start of a key's sequence. */
bool terminal_more(int milliseconds);

void terminal_resized(struct terminal *terminal); /* after SIGWINCH */
void terminal_repaint(struct terminal *terminal); /* after something else wrote on it, or SIGCONT */
void terminal_suspend(struct terminal *terminal); /* Ctrl-Z */
/* Ring, or flash where it cannot. */
void terminal_bell(void);
void terminal_title(struct terminal *terminal, const char *title);

#endif
