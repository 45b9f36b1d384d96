#include "help.h"
#include "core/memory.h"
#include "keymap.h"
#include "text.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum { LABEL = 12, COLUMN = 65 }; /* columns of keys, and of keys with their help */

/* Is this name among the words? */
static bool lists(const char *words, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = words; (at = strstr(at, name)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* What a key means in this view (from 1; 0: none) comes before all else. */
static bool is_of_view(const struct binding *binding, int view)
{
    const struct view_ops *ops = view_at(view - 1);
    return ops != NULL &&
           (binding_view(binding) == view ||
            (ops->also != NULL && binding->name != NULL && lists(ops->also, binding->name)));
}

static int draw_binding(struct pane paper, int row, const struct binding *binding)
{
    char help[512];
    binding_help(binding, help, sizeof help);
    pane_text(paper, row, 1, STYLE_KEY, binding->label);
    pane_text(paper, row, 1 + LABEL, STYLE_NORMAL, help);
    return row + 1;
}

static int draw_view(struct pane paper, int view)
{
    const struct binding *binding;
    int row = 0;
    if (view_at(view - 1) == NULL)
        return row;
    pane_print(paper, row++, 0, STYLE_TITLE, "In this view, %s", view_at(view - 1)->name);
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        if (is_of_view(binding, view))
            row = draw_binding(paper, row, binding);
    return row + 1;
}

/* Help is drawn as if on paper of any length, of which the window shows a part. */
static int draw_section(struct pane paper, int row, enum key_section section, int view)
{
    int top = row++;
    const struct binding *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        if (binding->section == section && !is_of_view(binding, view))
            row = draw_binding(paper, row, binding);
    if (row == top + 1)
        return top; /* it is empty */
    pane_text(paper, top, 0, STYLE_TITLE, key_section_name(section));
    return row + 1;
}

/* Returns the rows it takes. Two columns of sections where they fit. */
static int draw_keys(struct pane paper, int view)
{
    bool wide = paper.columns >= 2 * COLUMN;
    struct pane right =
        wide ? pane_part(paper, 0, paper.columns / 2, paper.rows, paper.columns) : paper;
    struct pane left = wide ? pane_part(paper, 0, 0, paper.rows, paper.columns / 2) : paper;
    int row = draw_view(left, view);
    row = draw_section(left, row, KEYS_RATIO, view);
    row = draw_section(left, row, KEYS_WORK, view);
    if (wide)
        row = draw_section(left, row, KEYS_REPLAY, view);
    int other = draw_section(right, wide ? 0 : row, KEYS_MOVE, view);
    other = draw_section(right, other, KEYS_SESSION, view);
    if (!wide)
        other = draw_section(right, other, KEYS_REPLAY, view);
    other = draw_section(right, other, KEYS_YOURS, view);
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

void help_draw(struct pane pane, const struct glyphs *glyphs, const struct tn_command *command,
               int view, int *scroll)
{
    enum { LENGTH = 320 /* rows: more than the most keys take */ };
    pane_frame(pane, glyphs, STYLE_FOCUS);
    pane_print(pane, 0, 2, STYLE_TAB, " %s ", command != NULL ? command->name : "Keys");
    struct pane window = pane_part(pane, 1, 2, pane.rows - 2, pane.columns - 4);
    struct surface surface = {0};
    if (window.rows < 1 || window.columns < 1 || !surface_resize(&surface, LENGTH, window.columns))
        return;
    surface.ascii = pane.surface->ascii;
    struct pane paper = pane_of(&surface);
    int length = (command != NULL ? draw_command(paper, command) : draw_keys(paper, view)) - 1;
    int most = length > window.rows ? length - window.rows : 0;
    *scroll = *scroll > most ? most : *scroll < 0 ? 0 : *scroll;
    for (int row = 0; row < window.rows && *scroll + row < LENGTH; row++)
        for (int column = 0; column < window.columns; column++)
            pane.surface->cells[(window.top + row) * pane.surface->columns + window.left + column] =
                surface.cells[(*scroll + row) * surface.columns + column];
    surface_free(&surface);
    char leave[120];
    keymap_text(most > 0 ? " `up` `down` scroll, `escape` leaves, :help COMMAND tells of a command "
                         : " `escape` leaves, :help COMMAND tells of a command ",
                leave, sizeof leave);
    pane_text(pane, pane.rows - 1, 2, STYLE_DIM, leave);
}
