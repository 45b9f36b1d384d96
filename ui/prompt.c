#include "prompt.h"
#include "candidates.h"
#include "core/memory.h"
#include "history.h"
#include "own_commands.h"
#include "session/complete.h"
#include "terminal.h"
#include "text.h"
#include <readline/readline.h>
#include <stdio.h> /* readline's headers use FILE */
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 64 /* bytes: more than any key sends */ };

static struct {
    bool active;
    enum prompt_kind kind;
    char *taken; /* the line after Enter */
    bool done;
    const struct tn_snapshot *snapshot;
    char queue[QUEUE]; /* bytes readline has not asked for yet */
    int first, count;
    char **candidates;     /* of tn_complete while readline completes */
    bool files;            /* the word may be a file's, too */
    char **shown;          /* [shown_count] the candidates that are shown */
    int shown_count, page; /* Tab again turns it */
    FILE *nowhere;         /* what readline would print itself */
} prompt;

static int next_byte(FILE *stream)
{
    (void)stream;
    if (prompt.count == 0)
        return 0; /* readline wants the rest of a key that never came: NUL is bound to nothing that
                     shows */
    prompt.count--;
    return (unsigned char)prompt.queue[prompt.first++];
}

static int byte_waits(void)
{
    return prompt.count > 0;
}

static void redisplay(void)
{
    /* The next frame draws the line. */
}

static void accept_line(char *line)
{
    rl_callback_handler_remove();
    prompt.active = false;
    prompt.done = line != NULL;
    prompt.taken = line;
}

/* Readline asks for one candidate after another. What tn_complete calls the word may begin before
 * or after what readline does. */
static char *next_candidate(const char *text, int state)
{
    static int at, files;
    if (state == 0)
        at = files = 0;
    if (prompt.candidates != NULL && prompt.candidates[at] != NULL)
        return strdup(prompt.candidates[at++]);
    return prompt.files ? rl_filename_completion_function(text, files++) : NULL;
}

/* The first word may be what only the screen knows. */
static void offer_own(const char *line, int end, int start)
{
    const struct own_command *own;
    for (int i = 0; start == 0 && (own = own_command_at(i)) != NULL; i++) {
        size_t count = 0;
        while (prompt.candidates != NULL && prompt.candidates[count] != NULL)
            count++;
        if (prompt.candidates == NULL || strncmp(own->name, line, (size_t)end) != 0)
            continue;
        char **grown =
            tn_realloc(prompt.candidates, count + 1, count + 2, sizeof *prompt.candidates);
        if (grown == NULL)
            return;
        grown[count] = tn_strdup(own->name);
        grown[count + 1] = NULL;
        prompt.candidates = grown;
    }
}

static void shift_candidates(int from, int start)
{
    for (int i = 0; prompt.candidates[i] != NULL; i++) {
        char *old = prompt.candidates[i];
        size_t skip = start < from ? (size_t)(from - start) : 0;
        int head = start > from ? start - from : 0;
        if (skip > strlen(old))
            skip = strlen(old);
        char *shifted = tn_sprintf("%.*s%s", head, rl_line_buffer + from, old + skip);
        if (shifted == NULL)
            continue;
        tn_free(old);
        prompt.candidates[i] = shifted;
    }
}

static char **complete(const char *text, int from, int end)
{
    int start = from;
    rl_attempted_completion_over = 1;
    if (prompt.kind != PROMPT_COMMAND || prompt.snapshot == NULL)
        return NULL;
    prompt.files = false;
    prompt.candidates = tn_complete(prompt.snapshot, rl_line_buffer, end, &start, &prompt.files);
    offer_own(rl_line_buffer, end, start);
    if (prompt.candidates != NULL)
        shift_candidates(from, start);
    char **matches = rl_completion_matches(text, next_candidate);
    tn_completions_free(prompt.candidates);
    prompt.candidates = NULL;
    /* A folder gets its slash, and a name with blanks its quotes. */
    rl_filename_completion_desired = prompt.files;
    rl_filename_quoting_desired = prompt.files;
    size_t length = matches != NULL ? strlen(matches[0]) : 0;
    if (length > 0 && matches[0][length - 1] == '=')
        rl_completion_suppress_append = 1;
    return matches;
}

static void forget_shown(void)
{
    for (int i = 0; i < prompt.shown_count; i++)
        tn_free(prompt.shown[i]);
    tn_free(prompt.shown);
    prompt.shown = NULL;
    prompt.shown_count = 0;
}

/* Of a path the last part, of a folder with its slash. */
static const char *last_part(const char *name)
{
    const char *part = name;
    for (const char *at = name; rl_filename_completion_desired && *at != '\0'; at++)
        part = *at == '/' && at[1] != '\0' ? at + 1 : part;
    return part;
}

static void show_candidates(char **matches, int count, int longest)
{
    (void)longest;
    forget_shown();
    prompt.shown = tn_calloc((size_t)count, sizeof *prompt.shown);
    for (int i = 0; i < count && prompt.shown != NULL; i++) {
        char *name = tn_strdup(last_part(matches[i + 1]));
        if (name != NULL)
            prompt.shown[prompt.shown_count++] = name;
    }
}

/* Keys that terminals send and readline knows of some only, or of none without an inputrc. */
static void bind_keys(void)
{
    static const struct {
        const char *sequence;
        rl_command_func_t *function;
    } keys[] = {
        {"\033[3~", rl_delete},         {"\033[H", rl_beg_of_line},
        {"\033OH", rl_beg_of_line},     {"\033[1~", rl_beg_of_line},
        {"\033[7~", rl_beg_of_line},    {"\033[F", rl_end_of_line},
        {"\033OF", rl_end_of_line},     {"\033[4~", rl_end_of_line},
        {"\033[8~", rl_end_of_line},    {"\033[1;5D", rl_backward_word},
        {"\033[1;5C", rl_forward_word},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        rl_bind_keyseq_if_unbound(keys[i].sequence, keys[i].function);
}

void prompt_start(void)
{
    prompt.nowhere = fopen("/dev/null", "we");
    rl_readline_name = "thinet-tui";
    if (prompt.nowhere != NULL)
        rl_outstream = prompt.nowhere;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_prep_term_function = NULL;
    rl_deprep_term_function = NULL;
    rl_redisplay_function = redisplay;
    rl_getc_function = next_byte;
    rl_input_available_hook = byte_waits;
    rl_attempted_completion_function = complete;
    rl_completion_display_matches_hook = show_candidates;
    rl_completer_word_break_characters = " ";
    rl_completer_quote_characters = "\"";
    rl_filename_quote_characters = " \t#=";
    rl_initialize();
    bind_keys();
    rl_variable_bind("bell-style", "none");
    rl_variable_bind("show-all-if-ambiguous", "on");
    rl_variable_bind("page-completions", "off");
    rl_variable_bind("completion-query-items", "-1");
    rl_variable_bind("match-hidden-files", "off");
    history_start();
}

void prompt_stop(void)
{
    prompt_close();
    history_stop();
    if (prompt.nowhere != NULL)
        fclose(prompt.nowhere);
    prompt.nowhere = NULL;
}

void prompt_open(enum prompt_kind kind, const char *text)
{
    prompt_close();
    prompt.kind = kind;
    prompt.active = true;
    prompt.count = 0;
    rl_callback_handler_install(kind == PROMPT_COMMAND ? ":" : "/", accept_line);
    rl_insert_text(text);
}

void prompt_close(void)
{
    if (prompt.active)
        rl_callback_handler_remove();
    prompt.active = prompt.done = false;
    free(prompt.taken);
    prompt.taken = NULL;
    forget_shown();
}

bool prompt_active(void)
{
    return prompt.active;
}

enum prompt_kind prompt_kind(void)
{
    return prompt.kind;
}

const char *prompt_text(void)
{
    return rl_line_buffer != NULL ? rl_line_buffer : "";
}

void prompt_use(const struct tn_snapshot *snapshot)
{
    prompt.snapshot = snapshot;
}

void prompt_feed(const char *bytes, int count)
{
    bool again = count == 1 && bytes[0] == '\t' && prompt.shown_count > 0;
    prompt.page = again ? prompt.page + 1 : 0;
    forget_shown();
    prompt.first = 0;
    prompt.count = count < QUEUE ? count : QUEUE;
    memcpy(prompt.queue, bytes, (size_t)prompt.count);
    while (prompt.count > 0 && prompt.active)
        rl_callback_read_char();
}

bool prompt_take(char **line)
{
    if (!prompt.done)
        return false;
    *line = prompt.taken;
    prompt.taken = NULL;
    prompt.done = false;
    if (prompt.kind == PROMPT_COMMAND && (*line)[strspn(*line, " ")] != '\0')
        history_remember(*line);
    return true;
}

static void draw_hint(struct pane line, int column, const struct glyphs *glyphs)
{
    if (prompt.kind != PROMPT_COMMAND || rl_point != rl_end)
        return;
    char *hint = tn_usage_hint(rl_line_buffer);
    column += rl_end > 0 && rl_line_buffer[rl_end - 1] != ' ' ? 1 : 0;
    if (hint != NULL && *hint != '\0')
        pane_cut(line, 0, column, line.columns - column, STYLE_DIM, hint, glyphs);
    tn_free(hint);
}

void prompt_draw(struct pane line, struct pane above, const struct glyphs *glyphs)
{
    const char *sign = rl_display_prompt != NULL ? rl_display_prompt : ":";
    int start = pane_text(line, 0, 0, STYLE_KEY, sign);
    char *before = tn_sprintf("%.*s", rl_point, rl_line_buffer);
    int cursor = before != NULL ? text_width(before) : 0;
    tn_free(before);
    /* A line longer than the screen slides so that the cursor stays in sight, and under it a
     * character of two columns. */
    struct pane text = pane_part(line, 0, start, 1, line.columns - start);
    int slide = cursor > text.columns - 2 ? cursor - text.columns + 2 : 0;
    int end = pane_text(text, 0, -slide, STYLE_NORMAL, rl_line_buffer);
    draw_hint(text, end, glyphs);
    line.surface->cursor_row = line.top;
    line.surface->cursor_column = text.left + (cursor - slide);
    struct pane row = pane_part(above, 0, 1, 1, above.columns - 2);
    if (prompt.shown_count > 0 && candidates_fit(prompt.shown, prompt.shown_count, row.columns))
        candidates_draw_row(row, prompt.shown, prompt.shown_count);
    else
        pane_text(above, 0, 1, STYLE_DIM,
                  prompt.kind == PROMPT_COMMAND
                      ? "Enter runs it, Tab completes, Up recalls, Esc leaves"
                      : "Enter keeps what is found, Esc leaves");
}

void prompt_draw_list(struct pane area, const struct glyphs *glyphs)
{
    struct pane row = pane_part(area, 0, 1, 1, area.columns - 2);
    if (prompt.active && !candidates_fit(prompt.shown, prompt.shown_count, row.columns))
        candidates_draw_grid(area, prompt.shown, prompt.shown_count, prompt.page, glyphs);
}
