#include "help.h"
#include "core/memory.h"
#include "keymap.h"
#include "text.h"
#include <stdio.h>

enum { LABEL = 12, COLUMN = 58 }; /* columns of keys, and of keys with their help */

/* Help is drawn as if on paper of any length, of which the window shows a part. */
static int draw_section(struct pane paper, int row, enum key_section section)
{
    int top = row++;
    const struct binding *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        if (binding->section != section)
            continue;
        pane_text(paper, row, 1, STYLE_KEY, binding->label);
        pane_text(paper, row++, 1 + LABEL, STYLE_NORMAL, binding->help);
    }
    if (row == top + 1)
        return top; /* it is empty */
    pane_text(paper, top, 0, STYLE_TITLE, key_section_name(section));
    return row + 1;
}

/* Returns the rows it takes. Two columns of sections where they fit. */
static int draw_keys(struct pane paper)
{
    bool wide = paper.columns >= 2 * COLUMN - 8;
    struct pane right =
        wide ? pane_part(paper, 0, paper.columns / 2, paper.rows, paper.columns) : paper;
    struct pane left = wide ? pane_part(paper, 0, 0, paper.rows, paper.columns / 2) : paper;
    int row = draw_section(left, 0, KEYS_RATIO);
    row = draw_section(left, row, KEYS_WORK);
    if (wide)
        row = draw_section(left, row, KEYS_REPLAY);
    int other = draw_section(right, wide ? 0 : row, KEYS_MOVE);
    other = draw_section(right, other, KEYS_SESSION);
    if (!wide)
        other = draw_section(right, other, KEYS_REPLAY);
    other = draw_section(right, other, KEYS_YOURS);
    return row > other ? row : other;
}

static int draw_command(struct pane paper, const struct tn_command *command)
{
    char *usage = tn_command_usage(command);
    int row = pane_wrap(paper, 0, STYLE_KEY, usage != NULL ? usage : command->name);
    tn_free(usage);
    row = pane_wrap(paper, row, STYLE_BOLD, command->summary);
    if (command->details != NULL)
        row = pane_wrap(paper, row + 1, STYLE_NORMAL, command->details);
    row++;
    for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key != NULL; i++) {
        const struct tn_option_spec *option = &command->options[i];
        int column = pane_print(paper, row, 1, STYLE_KEY, "%s=", option->key);
        column = pane_text(paper, row, column > 16 ? column + 1 : 16, STYLE_NORMAL,
                           option->help != NULL ? option->help : "");
        if (option->choices != NULL)
            column = pane_print(paper, row, column, STYLE_DIM, "  %s", option->choices);
        if (option->otherwise != NULL)
            pane_print(paper, row, column, STYLE_DIM, "  [%s]", option->otherwise);
        row++;
    }
    return row;
}

static int draw_paper(struct pane paper, const struct tn_command *command)
{
    return command != NULL ? draw_command(paper, command) : draw_keys(paper);
}

void help_draw(struct pane pane, const struct glyphs *glyphs, const struct tn_command *command,
               int *scroll)
{
    enum { LENGTH = 140 };
    pane_frame(pane, glyphs, STYLE_FOCUS);
    pane_print(pane, 0, 2, STYLE_TAB, " %s ", command != NULL ? command->name : "Keys");
    struct pane window = pane_part(pane, 1, 2, pane.rows - 2, pane.columns - 4);
    struct surface surface = {0};
    if (window.rows < 1 || window.columns < 1 || !surface_resize(&surface, LENGTH, window.columns))
        return;
    surface.ascii = pane.surface->ascii;
    int length = draw_paper(pane_of(&surface), command) - 1;
    int most = length > window.rows ? length - window.rows : 0;
    *scroll = *scroll > most ? most : *scroll < 0 ? 0 : *scroll;
    for (int row = 0; row < window.rows && *scroll + row < LENGTH; row++)
        for (int column = 0; column < window.columns; column++)
            pane.surface->cells[(window.top + row) * pane.surface->columns + window.left + column] =
                surface.cells[(*scroll + row) * surface.columns + column];
    surface_free(&surface);
    const char *leave = most > 0 ? " Up Down scroll, Esc leaves, :help COMMAND tells of a command "
                                 : " Esc leaves, :help COMMAND tells of a command ";
    pane_text(pane, pane.rows - 1, 2, STYLE_DIM, leave);
}
