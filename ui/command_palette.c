#include "command_palette.h"
#include "actions.h"
#include "pieces.h"
#include "prompt.h"
#include "state.h"
#include "text.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum { WIDEST = 84, TALLEST = 30, LABEL = 14, CTRL_C = 3, CTRL_H = 8, CTRL_N = 14, CTRL_P = 16 };
enum { CTRL_U = 21, CTRL_W = 23 };

void command_palette_open(struct screen *screen)
{
    screen->command_palette = (struct command_palette){0};
    screen->popup = &popup_palette;
}

/* A command that takes nothing more is typed without the blank after it. */
static bool takes_more(const char *name)
{
    const struct tn_command *command = tn_command_find(name);
    return command != NULL &&
           (command->words[0].kind != TN_WORD_NONE || command->options[0].key != NULL);
}

static enum ui_action run(struct screen *screen)
{
    static struct command_hit hits[COMMAND_HITS];
    int count = command_palette_find(screen->command_palette.text, hits);
    if (screen->command_palette.cursor >= count)
        return UI_MOVE; /* nothing is found: go on typing */
    const struct command_hit *hit = &hits[screen->command_palette.cursor];
    screen->popup = NULL;
    if (hit->binding != NULL)
        return act_run(screen, hit->binding);
    char line[COMMAND_PALETTE_TEXT];
    snprintf(line, sizeof line, "%s%s", hit->name, takes_more(hit->name) ? " " : "");
    prompt_open(PROMPT_COMMAND, line);
    return UI_PROMPT;
}

/* Where a key of one view alone will be pressed. */
static void draw_place(const struct binding *binding, struct pane rows, int row, int column)
{
    int view = binding_view(binding);
    const struct view_ops *ops = view > 0 ? view_at(view - 1) : NULL;
    bool told = ops != NULL && strncmp(binding->help, ops->name, strlen(ops->name)) == 0;
    if (ops != NULL && !told)
        pane_print(rows, row, column, STYLE_DIM, "  in %s", ops->name);
}

static void draw_hit(const struct screen *screen, struct pane rows, int row,
                     const struct command_hit *hit, bool selected)
{
    if (hit->binding != NULL)
        pane_cut(rows, row, 2, LABEL - 1, STYLE_KEY, hit->binding->label, screen->glyphs);
    else
        pane_print(pane_part(rows, row, 0, 1, LABEL + 1), 0, 2, STYLE_TITLE, ":%s", hit->name);
    char help[LINE];
    snprintf(help, sizeof help, "%s", hit->help);
    if (hit->binding != NULL)
        binding_help(hit->binding, help, sizeof help);
    pane_cut(rows, row, 2 + LABEL, rows.columns - 2 - LABEL, STYLE_NORMAL, help, screen->glyphs);
    if (hit->binding != NULL)
        draw_place(hit->binding, rows, row, 2 + LABEL + text_width(help));
    if (selected)
        popup_cursor(screen, rows, row);
}

static void draw_typed(const struct screen *screen, struct pane line, int count)
{
    char found[24];
    const char *text = screen->command_palette.text;
    snprintf(found, sizeof found, "%d found", count);
    int column = pane_text(line, 0, 1, STYLE_KEY, "/");
    if (text[0] == '\0')
        pane_text(line, 0, column + 1, STYLE_DIM, "type a word of what you want to do");
    column = pane_text(line, 0, column, STYLE_NORMAL, text);
    pane_right(line, 0, 0, line.columns - 1, STYLE_DIM, found);
    line.surface->cursor_row = line.top;
    line.surface->cursor_column = line.left + (column < line.columns ? column : line.columns - 1);
}

/* What Enter will do. */
static void draw_below(struct screen *screen, struct pane line, const struct command_hit *hit)
{
    char command[LINE] = "", what[LINE + 8] = "runs what is found: nothing is";
    const struct binding *binding = hit != NULL ? hit->binding : NULL;
    const char *layer = screen_layer_name(screen);
    if (binding != NULL && binding->line != NULL)
        layer_command(binding->line, layer != NULL ? layer : "LAYER", command, sizeof command);
    if (hit != NULL && binding == NULL)
        snprintf(what, sizeof what, "types :%s", hit->name);
    else if (command[0] != '\0')
        snprintf(what, sizeof what, "%s :%s", binding->action == UI_TYPE ? "types" : "runs",
                 command);
    else if (hit != NULL)
        snprintf(what, sizeof what, "does it");
    int column = popup_enter(screen, line, what);
    /* How a configuration file calls it. */
    if (binding == NULL || binding->name == NULL)
        return;
    int left = line.columns - text_width(binding->name) - 9;
    if (left >= column)
        pane_print(line, 0, left, STYLE_DIM, "action %s", binding->name);
}

static void draw(struct screen *screen, struct pane area)
{
    static struct command_hit hits[COMMAND_HITS];
    struct command_palette *palette = &screen->command_palette;
    int count = command_palette_find(palette->text, hits);
    struct pane inside = popup_box(screen, area, TALLEST, WIDEST, "What can be done");
    struct pane rows = pane_part(inside, 1, 0, inside.rows - 2, inside.columns);
    list_follow(&palette->cursor, &palette->scroll, count, rows.rows);
    draw_typed(screen, pane_part(inside, 0, 0, 1, inside.columns), count);
    for (int row = 0; row < rows.rows && palette->scroll + row < count; row++)
        draw_hit(screen, rows, row, &hits[palette->scroll + row],
                 palette->scroll + row == palette->cursor);
    piece_arrows(rows, palette->scroll, count, screen->glyphs);
    if (inside.rows > 1)
        draw_below(screen, pane_part(inside, inside.rows - 1, 0, 1, inside.columns),
                   count > 0 ? &hits[palette->cursor] : NULL);
    palette->rows = rows;
}

static void move(struct screen *screen, int rows)
{
    static struct command_hit hits[COMMAND_HITS];
    int count = command_palette_find(screen->command_palette.text, hits);
    screen->command_palette.cursor = list_row(screen->command_palette.cursor + rows, count);
}

/* Another text finds other things: the list begins anew. */
static void shorten(struct command_palette *palette, bool word)
{
    char *text = palette->text;
    size_t end = strlen(text);
    while (word && end > 0 && text[end - 1] == ' ')
        end--;
    do
        while (end > 0 && (text[--end] & 0xC0) == 0x80)
            ; /* a character of several bytes goes whole */
    while (word && end > 0 && text[end - 1] != ' ');
    text[end] = '\0';
    palette->cursor = palette->scroll = 0;
}

static void lengthen(struct command_palette *palette, int key)
{
    char bytes[8];
    int count = text_encode((uint32_t)key, bytes);
    size_t used = strlen(palette->text);
    if (used + (size_t)count >= sizeof palette->text)
        return;
    memcpy(palette->text + used, bytes, (size_t)count + 1);
    palette->cursor = palette->scroll = 0;
}

static void edit(struct command_palette *palette, int key)
{
    if (key == KEY_ERASE || key == CTRL_H || key == CTRL_W)
        shorten(palette, key == CTRL_W);
    else if (key == CTRL_U)
        *palette = (struct command_palette){.rows = palette->rows};
    else if (key >= ' ' && key < KEY_BASE)
        lengthen(palette, key);
}

static enum ui_action key(struct screen *screen, const struct terminal_event *event)
{
    int page = screen->command_palette.rows.rows > 1 ? screen->command_palette.rows.rows - 1 : 1;
    switch (event->key) {
    case KEY_ESC:
    case CTRL_C:
        screen->popup = NULL;
        break;
    case KEY_RETURN:
        return run(screen);
    case KEY_ARROW_UP:
    case KEY_TAB_BACK:
    case CTRL_P:
        move(screen, -1);
        break;
    case KEY_ARROW_DOWN:
    case '\t':
    case CTRL_N:
        move(screen, 1);
        break;
    case KEY_PAGE_UP:
        move(screen, -page);
        break;
    case KEY_PAGE_DOWN:
        move(screen, page);
        break;
    case KEY_TOP:
        move(screen, -COMMAND_HITS);
        break;
    case KEY_BOTTOM:
        move(screen, COMMAND_HITS);
        break;
    default:
        edit(&screen->command_palette, event->key);
        break;
    }
    return UI_MOVE;
}

static void click(struct screen *screen, int row, int column)
{
    struct command_palette *palette = &screen->command_palette;
    struct pane rows = palette->rows;
    int at = row - rows.top + palette->scroll;
    if (!pane_holds(rows, row, column))
        screen->popup = NULL;
    else if (at == palette->cursor)
        run(screen);
    else
        move(screen, at - palette->cursor);
}

const struct popup_ops popup_palette = {.draw = draw, .key = key, .move = move, .click = click};
