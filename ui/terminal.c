#include "terminal.h"
#include "core/memory.h"
#include "signals.h"
#include "text.h"
#include "theme.h"
#include <curses.h>
#include <langinfo.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#undef columns /* term.h makes macros of every capability */

struct terminal {
    SCREEN *screen;
    WINDOW *input; /* a pad: reading from it never repaints */
    struct termios modes;
    struct surface shown; /* what the last paint left on the screen */
    cchar_t *line;        /* [shown.columns] */
    bool repaint;
    bool mouse, title;
    enum glyph_level glyphs;
    enum theme_kind theme;
    int colours;
    char last_title[200];
};

/* tputs takes a plain function: the buffer it fills has to be static. */
static char collected[512];
static size_t collected_length;

static int collect(int character)
{
    if (collected_length < sizeof collected)
        collected[collected_length++] = (char)character;
    return character;
}

/* NULL where the terminal lacks it, or where it is no string (then tigetstr gives -1). */
static char *capability(const char *name)
{
    char *text = tigetstr(name);
    return (intptr_t)text == -1 ? NULL : text;
}

static void collect_capability(const char *name)
{
    char *text = capability(name);
    if (text != NULL)
        tputs(text, 1, collect);
}

/* What a crash has to write: the escapes that endwin would send, prepared while all is well. */
static void arm_guard(struct terminal *terminal)
{
    collected_length = 0;
    if (terminal->mouse)
        for (const char *at = "\033[?1006l\033[?1000l"; *at != '\0'; at++)
            collect(*at);
    collect_capability("rmkx");
    collect_capability("sgr0");
    collect_capability("cnorm");
    collect_capability("rmcup");
    signals_guard(STDOUT_FILENO, &terminal->modes, collected, collected_length);
}

static enum glyph_level find_glyphs(bool ascii)
{
    const char *name = getenv("TERM");
    if (ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        return GLYPHS_ASCII;
    return name != NULL && strncmp(name, "linux", 5) == 0 ? GLYPHS_PLAIN : GLYPHS_FULL;
}

/* Terminals that understand xterm's title sequences; others would print them. */
static bool has_title(void)
{
    static const char *const families[] = {"xterm", "screen",    "tmux",    "rxvt",
                                           "foot",  "alacritty", "konsole", "st-"};
    const char *name = getenv("TERM");
    for (size_t i = 0; name != NULL && i < sizeof families / sizeof *families; i++)
        if (strncmp(name, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

static bool is_terminal(struct tn_error *error)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return tn_fail(error, TN_ERROR_USE,
                       "the workbench needs a terminal on standard input and output; "
                       "-c and --batch work without one");
    const char *name = getenv("TERM");
    return (name != NULL && *name != '\0') ||
           tn_fail(error, TN_ERROR_USE, "the environment variable TERM is not set");
}

/* What must be known of the terminal before ncurses takes it. */
static bool study_terminal(struct terminal *terminal, struct tn_error *error)
{
    const char *name = getenv("TERM");
    TERMINAL *before = cur_term; /* readline's, or none */
    int status;
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return tn_fail(error, TN_ERROR_USE, "the terminal type TERM=%s is unknown", name);
    bool moves = capability("cup") != NULL;
    if (moves)
        arm_guard(terminal);
    TERMINAL *ours = cur_term;
    if (ours != before) {
        set_curterm(before);
        del_curterm(ours);
    }
    return moves || tn_fail(error, TN_ERROR_USE,
                            "the terminal type TERM=%s cannot move the cursor; -c and --batch do "
                            "without",
                            name);
}

static int pair_of(unsigned style, unsigned flags)
{
    unsigned variant = flags & CELL_SELECTED ? 2 : flags & CELL_MARKED ? 1 : 0;
    return (int)(1 + style + STYLE_COUNT * variant);
}

static void start_colours(struct terminal *terminal)
{
    const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    if (terminal->theme == THEME_MONO || (no_colour != NULL && *no_colour != '\0') || !has_colors())
        return;
    start_color();
    /* Without the terminal's own colours the default pair is white on black, so text is too. */
    use_default_colors();
    terminal->colours = COLORS;
    for (unsigned style = 0; style < STYLE_COUNT; style++)
        for (unsigned flags = 0; flags <= CELL_MARKED; flags++) {
            struct theme_look look =
                theme_look(terminal->theme, terminal->colours, (enum style)style, flags);
            if (pair_of(style, flags) < COLOR_PAIRS)
                init_extended_pair(pair_of(style, flags), look.foreground, look.background);
        }
}

/* Terminals send the cursor's keys in two ways, and change from one to the other with the prompt:
 * what is typed meanwhile may come in the other one. */
static void know_both_ways(void)
{
    static const struct {
        char final;
        int key;
    } keys[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (int way = 0; way < 2; way++) {
            const char sequence[] = {'\033', "[O"[way], keys[i].final, '\0'};
            if (key_defined(sequence) == 0)
                define_key(sequence, keys[i].key);
        }
}

static bool start_screen(struct terminal *terminal, struct tn_error *error)
{
    terminal->screen = newterm(NULL, stdout, stdin);
    if (terminal->screen == NULL)
        return tn_fail(error, TN_ERROR_SYSTEM, "the terminal could not be set up");
    raw(); /* Ctrl-C, Ctrl-Z and Ctrl-S are keys */
    noecho();
    nonl();
    set_escdelay(50);
    terminal->input = newpad(1, 1);
    if (terminal->input == NULL)
        return tn_fail_memory(error, "the keyboard", sizeof(WINDOW *));
    start_colours(terminal);
    know_both_ways();
    terminal_raw_keys(terminal, false);
    nodelay(terminal->input, TRUE);
    if (terminal->title)
        putp("\033[22;2t"); /* remember the title */
    return true;
}

struct terminal *terminal_open(const struct ui_options *options, struct tn_error *error)
{
    enum theme_kind theme;
    if (!theme_find(options->theme, &theme)) {
        tn_fail(error, TN_ERROR_USE, "there is no theme \"%s\"; there are dark, light and mono",
                options->theme);
        return NULL;
    }
    if (!is_terminal(error))
        return NULL;
    struct terminal *terminal = tn_calloc(1, sizeof *terminal);
    if (terminal == NULL) {
        tn_fail_memory(error, "the terminal", sizeof *terminal);
        return NULL;
    }
    terminal->mouse = options->mouse;
    terminal->glyphs = find_glyphs(options->ascii);
    terminal->theme = theme;
    terminal->title = has_title();
    tcgetattr(STDIN_FILENO, &terminal->modes);
    if (study_terminal(terminal, error) && start_screen(terminal, error))
        return terminal;
    terminal_close(terminal);
    return NULL;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal->screen != NULL) {
        mousemask(0, NULL);
        if (terminal->title)
            putp("\033[23;2t");
        endwin();
        fflush(stdout);
        if (terminal->input != NULL)
            delwin(terminal->input);
        delscreen(terminal->screen);
    }
    /* Also what ncurses does not know of. */
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->modes);
    signals_unguard();
    surface_free(&terminal->shown);
    tn_free(terminal->line);
    tn_free(terminal);
}

enum glyph_level terminal_glyphs(const struct terminal *terminal)
{
    bool few = terminal->colours < 256;
    return terminal->glyphs == GLYPHS_FULL && few ? GLYPHS_MARKS : terminal->glyphs;
}

bool terminal_coloured(const struct terminal *terminal)
{
    enum { PAIRS = 4096 }; /* more than pictures on one screen use, beside those of the styles */
    return terminal->colours >= 256 && COLOR_PAIRS >= PAIRS;
}

void terminal_size(const struct terminal *terminal, int *rows, int *columns)
{
    (void)terminal;
    getmaxyx(stdscr, *rows, *columns);
}

static attr_t attributes_of(unsigned attributes)
{
    attr_t result = A_NORMAL;
    if (attributes & THEME_BOLD)
        result |= A_BOLD;
    if (attributes & THEME_DIM)
        result |= A_DIM;
    if (attributes & THEME_REVERSE)
        result |= A_REVERSE;
    if (attributes & THEME_UNDERLINE)
        result |= A_UNDERLINE;
    return result;
}

/* The colour pair of a cell; pairs of colours beyond those of styles are made when first used. */
static int pair_for(const struct terminal *terminal, const struct cell *cell)
{
    if (terminal->colours == 0)
        return 0;
    if (cell->flags & CELL_COLOURED) {
        int pair = alloc_pair(cell->ink, cell->flags & CELL_INK_ONLY ? -1 : cell->paper);
        return pair > 0 ? pair : 0;
    }
    struct theme_look look =
        theme_look(terminal->theme, terminal->colours, (enum style)cell->style, cell->flags);
    if (look.foreground < 0 && look.background < 0)
        return 0;
    int pair = pair_of(cell->style, cell->flags);
    return pair < COLOR_PAIRS ? pair : pair_of(cell->style, 0);
}

static void paint_row(struct terminal *terminal, const struct surface *surface, int row)
{
    const struct cell *cells = surface->cells + row * surface->columns;
    int count = 0;
    for (int column = 0; column < surface->columns; column++) {
        if (cells[column].glyph == 0)
            continue; /* ncurses makes the right half itself */
        struct theme_look look = theme_look(terminal->theme, terminal->colours,
                                            (enum style)cells[column].style, cells[column].flags);
        int pair = pair_for(terminal, &cells[column]);
        wchar_t text[2] = {(wchar_t)cells[column].glyph, 0};
        setcchar(&terminal->line[count++], text, attributes_of(look.attributes), 0, &pair);
    }
    mvadd_wchnstr(row, 0, terminal->line, count);
}

/* Make room to remember a frame of another size. */
static bool match_size(struct terminal *terminal, const struct surface *surface)
{
    if (surface->rows == terminal->shown.rows && surface->columns == terminal->shown.columns)
        return true;
    cchar_t *line = tn_calloc((size_t)surface->columns + 1, sizeof *line);
    if (line == NULL || !surface_resize(&terminal->shown, surface->rows, surface->columns)) {
        tn_free(line);
        return false;
    }
    tn_free(terminal->line);
    terminal->line = line;
    terminal->repaint = true;
    return true;
}

void terminal_paint(struct terminal *terminal, const struct surface *surface)
{
    if (!match_size(terminal, surface))
        return;
    size_t width = (size_t)surface->columns * sizeof(struct cell);
    if (terminal->repaint)
        clearok(curscr, TRUE);
    for (int row = 0; row < surface->rows; row++) {
        struct cell *shown = terminal->shown.cells + row * surface->columns;
        const struct cell *cells = surface->cells + row * surface->columns;
        if (!terminal->repaint && memcmp(shown, cells, width) == 0)
            continue;
        paint_row(terminal, surface, row);
        memcpy(shown, cells, width);
    }
    terminal->repaint = false;
    bool visible = surface->cursor_row >= 0;
    /* A terminal that cannot hide its cursor keeps it in the corner. */
    move(visible ? surface->cursor_row : surface->rows - 1,
         visible ? surface->cursor_column : surface->columns - 1);
    curs_set(visible ? 1 : 0);
    refresh();
}

static int decode_key(wint_t code)
{
    switch (code) {
    case KEY_UP:
        return KEY_ARROW_UP;
    case KEY_DOWN:
        return KEY_ARROW_DOWN;
    case KEY_LEFT:
        return KEY_ARROW_LEFT;
    case KEY_RIGHT:
        return KEY_ARROW_RIGHT;
    case KEY_PPAGE:
        return KEY_PAGE_UP;
    case KEY_NPAGE:
        return KEY_PAGE_DOWN;
    case KEY_HOME:
        return KEY_TOP;
    case KEY_END:
        return KEY_BOTTOM;
    case KEY_BTAB:
        return KEY_TAB_BACK;
    case KEY_ENTER:
        return KEY_RETURN;
    case KEY_BACKSPACE:
        return KEY_ERASE;
    case KEY_IC:
        return KEY_INSERT;
    case KEY_DC:
        return KEY_DELETE;
    default:
        return code > KEY_F0 && code <= KEY_F(FUNCTION_KEYS) ? KEY_FUNCTION + (int)(code - KEY_F0)
                                                             : KEY_OTHER;
    }
}

static int decode_mouse(struct terminal_event *event)
{
    MEVENT mouse;
    if (getmouse(&mouse) != OK)
        return KEY_OTHER;
    event->row = mouse.y;
    event->column = mouse.x;
    if (mouse.bstate & BUTTON4_PRESSED)
        return KEY_WHEEL_UP;
    if (mouse.bstate & BUTTON5_PRESSED)
        return KEY_WHEEL_DOWN;
    return mouse.bstate & BUTTON1_PRESSED ? KEY_MOUSE_PRESS : KEY_OTHER;
}

bool terminal_key(struct terminal *terminal, struct terminal_event *event)
{
    wint_t code;
    *event = (struct terminal_event){.row = -1, .column = -1};
    switch (wget_wch(terminal->input, &code)) {
    case OK:
        event->key = code == '\r' ? KEY_RETURN : code == 0x7F ? KEY_ERASE : (int)code;
        return true;
    case KEY_CODE_YES:
        event->key = code == KEY_MOUSE ? decode_mouse(event) : decode_key(code);
        return true;
    default:
        return false;
    }
}

void terminal_raw_keys(struct terminal *terminal, bool on)
{
    keypad(terminal->input, !on);
    mousemask(terminal->mouse && !on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0,
              NULL);
    mouseinterval(0); /* a press is known at once, not when it turns out to be no double click */
}

int terminal_byte(struct terminal *terminal)
{
    int byte;
    do
        byte = wgetch(terminal->input);
    while (byte > 0xFF); /* KEY_RESIZE, which ncurses puts there itself */
    return byte == ERR ? -1 : byte;
}

void terminal_unread(int byte)
{
    ungetch(byte);
}

bool terminal_more(int milliseconds)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, milliseconds) > 0;
}

void terminal_resized(struct terminal *terminal)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    terminal->repaint = true;
}

void terminal_repaint(struct terminal *terminal)
{
    terminal->repaint = true;
}

void terminal_suspend(struct terminal *terminal)
{
    mousemask(0, NULL);
    endwin();
    fflush(stdout);
    signals_stop();
    terminal_resized(terminal); /* may have happened meanwhile */
    terminal_raw_keys(terminal, false);
}

void terminal_bell(void)
{
    beep();
}

void terminal_title(struct terminal *terminal, const char *title)
{
    if (!terminal->title || strcmp(title, terminal->last_title) == 0)
        return;
    snprintf(terminal->last_title, sizeof terminal->last_title, "%s", title);
    fputs("\033]2;", stdout);
    struct text_piece piece;
    for (const char *at = terminal->last_title; text_piece_at(at, &piece); at += piece.bytes)
        if (piece.count > 1 || (unsigned char)*at < 0x80)
            for (int i = 0; i < piece.count; i++)
                putchar((int)piece.glyphs[i]);
        else if (terminal->glyphs != GLYPHS_ASCII)
            fwrite(at, 1, (size_t)piece.bytes, stdout);
    fputs("\007", stdout);
    fflush(stdout);
}
