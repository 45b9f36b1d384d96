#include "keymap.h"
#include "terminal.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum {
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_F = 6,
    CTRL_L = 12,
    CTRL_P = 16,
    CTRL_R = 18,
    CTRL_U = 21,
    CTRL_Z = 26
};

/* In the order the help shows them. */
static const struct binding bindings[] = {
    {.keys = {'+', '='},
     .label = "+",
     .name = "keep-more",
     .action = UI_KEEP,
     .amount = 1,
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "keep one filter more"},
    {.keys = {'-', '_'},
     .label = "-",
     .name = "keep-less",
     .action = UI_KEEP,
     .amount = -1,
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "keep one filter less"},
    {.keys = {'>', '.'},
     .label = ">",
     .name = "remove-more",
     .action = UI_SHIFT,
     .amount = 1,
     .section = KEYS_RATIO,
     .help = "remove 5 % more of the filters",
     .hint = "5 % more"},
    {
        .keys = {'<', ','},
        .label = "<",
        .name = "remove-less",
        .action = UI_SHIFT,
        .amount = -1,
        .section = KEYS_RATIO,
        .help = "remove 5 % less",
    },
    {.keys = {'s'},
     .label = "s",
     .name = "step",
     .action = UI_WALK,
     .amount = 1,
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "step: remove the next filter of the greedy walk",
     .hint = "step"},
    {.keys = {'b'},
     .label = "b",
     .name = "back",
     .action = UI_WALK,
     .amount = -1,
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "step back"},
    {.keys = {'r'},
     .label = "r",
     .name = "run",
     .action = UI_TYPE,
     .line = "run % keep=",
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "run until keep=N, ratio=R or error=E"},
    {.keys = {' '},
     .label = "Space",
     .name = "lock",
     .action = UI_LOCK,
     .one_layer = true,
     .section = KEYS_RATIO,
     .help = "lock the filter: keep, then prune, then free"},
    {.keys = {'m'},
     .label = "m",
     .name = "method",
     .action = UI_METHOD,
     .section = KEYS_RATIO,
     .help = "method: choose what ranks the layer's filters",
     .hint = "method"},
    {.keys = {'M'},
     .label = "M",
     .name = "method-all",
     .action = UI_METHOD,
     .amount = 1,
     .section = KEYS_RATIO,
     .help = "method of all layers"},
    {.keys = {'B'},
     .label = "B",
     .name = "budget",
     .action = UI_TYPE,
     .line = "budget preview=on flops=0.5",
     .section = KEYS_RATIO,
     .help = "Ratios: a budget; its answer is shown first",
     .hint = "budget",
     .view = 4,
     .only = true},
    {.keys = {'y'},
     .label = "y",
     .name = "budget-take",
     .action = UI_OWN,
     .amount = RATIOS_TAKE,
     .section = KEYS_RATIO,
     .help = "Ratios: take what the budget answered",
     .view = 4},
    {.keys = {'N'},
     .label = "N",
     .name = "budget-drop",
     .action = UI_OWN,
     .amount = RATIOS_DROP,
     .section = KEYS_RATIO,
     .help = "Ratios: drop what the budget answered",
     .view = 4},

    {.keys = {'S'},
     .label = "S",
     .name = "sample",
     .action = UI_COMMAND,
     .line = "sample all",
     .section = KEYS_WORK,
     .help = "sample all layers: gives every error",
     .hint = "sample"},
    {.keys = {'p'},
     .label = "p",
     .name = "prune",
     .action = UI_COMMAND,
     .line = "prune % reweight=ls",
     .section = KEYS_WORK,
     .help = "prune the layer (row \"all\": every layer)",
     .hint = "prune",
     .after = "u undoes"},
    {.keys = {'f'},
     .label = "f",
     .name = "finetune",
     .action = UI_TYPE,
     .line = "finetune epochs=1",
     .section = KEYS_WORK,
     .help = "fine-tune; asks for how long",
     .hint = "fine-tune"},
    {.keys = {'e'},
     .label = "e",
     .name = "eval",
     .action = UI_COMMAND,
     .line = "eval",
     .section = KEYS_WORK,
     .help = "evaluate on the test images",
     .hint = "eval"},
    {.keys = {'u'},
     .label = "u",
     .name = "undo",
     .action = UI_COMMAND,
     .line = "undo",
     .section = KEYS_WORK,
     .help = "undo",
     .hint = "undo",
     .after = "Ctrl-R does it again"},
    {.keys = {CTRL_R},
     .label = "Ctrl-R",
     .name = "redo",
     .action = UI_COMMAND,
     .line = "redo",
     .section = KEYS_WORK,
     .help = "redo"},
    {.keys = {KEY_ESC, CTRL_C},
     .label = "Esc",
     .name = "escape",
     .action = UI_ESCAPE,
     .section = KEYS_WORK,
     .help = "cancel what runs; else go back"},
    {.keys = {'z'},
     .label = "z",
     .name = "pause",
     .action = UI_PAUSE,
     .section = KEYS_WORK,
     .help = "pause what runs, and go on with it"},

    {.keys = {KEY_ARROW_UP, 'k'},
     .label = "Up k",
     .name = "up",
     .action = UI_MOVE,
     .amount = -1,
     .section = KEYS_MOVE,
     .help = "one row up"},
    {.keys = {KEY_ARROW_DOWN, 'j'},
     .label = "Down j",
     .name = "down",
     .action = UI_MOVE,
     .amount = 1,
     .section = KEYS_MOVE,
     .help = "one row down"},
    {.keys = {KEY_PAGE_UP, CTRL_U, CTRL_B},
     .label = "PgUp Ctrl-U",
     .name = "page-up",
     .action = UI_PAGE,
     .amount = -1,
     .section = KEYS_MOVE,
     .help = "one page up"},
    {.keys = {KEY_PAGE_DOWN, CTRL_D, CTRL_F},
     .label = "PgDn Ctrl-D",
     .name = "page-down",
     .action = UI_PAGE,
     .amount = 1,
     .section = KEYS_MOVE,
     .help = "one page down"},
    {.keys = {KEY_TOP, 'g'},
     .label = "Home g",
     .name = "first",
     .action = UI_ENDS,
     .amount = -1,
     .section = KEYS_MOVE,
     .help = "first row"},
    {.keys = {KEY_BOTTOM, 'G'},
     .label = "End G",
     .name = "last",
     .action = UI_ENDS,
     .amount = 1,
     .section = KEYS_MOVE,
     .help = "last row"},
    {.keys = {'\t', KEY_TAB_BACK},
     .label = "Tab",
     .name = "panel",
     .action = UI_NEXT_PANEL,
     .section = KEYS_MOVE,
     .help = "between layers and view",
     .hint = "panel"},
    {.keys = {KEY_ARROW_LEFT, 'h'},
     .label = "Left h",
     .name = "left",
     .action = UI_PANEL,
     .amount = 0,
     .section = KEYS_MOVE,
     .help = "to the layers"},
    {.keys = {KEY_ARROW_RIGHT, 'l'},
     .label = "Right l",
     .name = "right",
     .action = UI_PANEL,
     .amount = 1,
     .section = KEYS_MOVE,
     .help = "to the view"},
    {.keys = {KEY_RETURN},
     .label = "Enter",
     .name = "enter",
     .action = UI_ENTER,
     .section = KEYS_MOVE,
     .help = "deeper; Steps: run to this row; Compare: go there"},
    {.keys = {'1'},
     .label = "1",
     .name = "view-filters",
     .action = UI_VIEW,
     .amount = 1,
     .section = KEYS_MOVE,
     .help = "Filters: how important each filter is"},
    {.keys = {'2'},
     .label = "2",
     .name = "view-steps",
     .action = UI_VIEW,
     .amount = 2,
     .section = KEYS_MOVE,
     .help = "Steps: the greedy walk, one filter at a time"},
    {.keys = {'3'},
     .label = "3",
     .name = "view-curves",
     .action = UI_VIEW,
     .amount = 3,
     .section = KEYS_MOVE,
     .help = "Curves: error, and fine-tuning as it runs"},
    {.keys = {'4'},
     .label = "4",
     .name = "view-ratios",
     .action = UI_VIEW,
     .amount = 4,
     .section = KEYS_MOVE,
     .help = "Ratios: every layer's ratio, its cost, a budget"},
    {.keys = {'5'},
     .label = "5",
     .name = "view-compare",
     .action = UI_VIEW,
     .amount = 5,
     .section = KEYS_MOVE,
     .help = "Compare: networks of the journal beside each other"},
    {.keys = {'6'},
     .label = "6",
     .name = "view-journal",
     .action = UI_VIEW,
     .amount = 6,
     .section = KEYS_MOVE,
     .help = "Journal: all that was done, as a tree"},
    {.keys = {'c'},
     .label = "c",
     .name = "compare-base",
     .action = UI_OWN,
     .amount = COMPARE_BASE,
     .section = KEYS_MOVE,
     .help = "Compare: differences are to this row",
     .hint = "base",
     .view = 5},
    {.keys = {'v'},
     .label = "v",
     .name = "compare-show",
     .action = UI_OWN,
     .amount = COMPARE_SHOW,
     .section = KEYS_MOVE,
     .help = "Compare: table, scatter, or both",
     .hint = "scatter",
     .view = 5},
    {.keys = {'V'},
     .label = "V",
     .name = "compare-cost",
     .action = UI_OWN,
     .amount = COMPARE_COST,
     .section = KEYS_MOVE,
     .help = "Compare: accuracy against parameters, or FLOPs",
     .hint = "params",
     .view = 5},
    {.keys = {'t'},
     .label = "t",
     .name = "time",
     .action = UI_TIME,
     .section = KEYS_MOVE,
     .help = "Time: where the time of a batch goes; t measures",
     .hint = "time"},
    {.keys = {'o'},
     .label = "o",
     .name = "order",
     .action = UI_ORDER,
     .section = KEYS_MOVE,
     .help = "other order, other curve",
     .hint = "order"},
    {.keys = {'a'},
     .label = "a",
     .name = "overlay",
     .action = UI_OVERLAY,
     .section = KEYS_MOVE,
     .help = "Curves: all methods (ls, plain), or the layer's own",
     .hint = "all methods",
     .view = 3},
    {.keys = {'/'},
     .label = "/",
     .name = "search",
     .action = UI_SEARCH,
     .section = KEYS_MOVE,
     .help = "search a layer by name"},
    {.keys = {'n'},
     .label = "n",
     .name = "search-next",
     .action = UI_SEARCH_NEXT,
     .section = KEYS_MOVE,
     .help = "the next layer that matches"},

    {.keys = {':'},
     .label = ":",
     .name = "prompt",
     .action = UI_PROMPT,
     .section = KEYS_SESSION,
     .help = "type a command; Tab completes, Up recalls",
     .hint = "command"},
    {.keys = {CTRL_P},
     .label = "Ctrl-P",
     .name = "palette",
     .action = UI_PALETTE,
     .section = KEYS_SESSION,
     .help = "find a key or command by what it does"},
    {.keys = {'w'},
     .label = "w",
     .name = "save",
     .action = UI_TYPE,
     .line = "save ",
     .section = KEYS_SESSION,
     .help = "write the session to a file"},
    {.keys = {'x'},
     .label = "x",
     .name = "export",
     .action = UI_TYPE,
     .line = "export ",
     .section = KEYS_SESSION,
     .help = "export the network as ONNX",
     .hint = "export"},
    {.keys = {'P'},
     .label = "P",
     .name = "picture",
     .action = UI_PICTURE,
     .section = KEYS_SESSION,
     .help = "picture: the view as PNG, PDF or SVG"},
    {.keys = {'?'},
     .label = "?",
     .name = "help",
     .action = UI_HELP,
     .section = KEYS_SESSION,
     .help = "this help"},
    {.keys = {CTRL_L},
     .label = "Ctrl-L",
     .name = "redraw",
     .action = UI_REDRAW,
     .section = KEYS_SESSION,
     .help = "draw everything anew"},
    {.keys = {CTRL_Z},
     .label = "Ctrl-Z",
     .name = "suspend",
     .action = UI_SUSPEND,
     .section = KEYS_SESSION,
     .help = "suspend; fg comes back"},
    {.keys = {'q'},
     .label = "q",
     .name = "quit",
     .action = UI_QUIT,
     .section = KEYS_SESSION,
     .help = "quit; asks only if something runs",
     .hint = "quit"},
};

/* What is in use: the table above, or one made from it. */
static const struct binding *table = bindings;
static int table_count = sizeof bindings / sizeof *bindings;

void keymap_use(const struct binding *other, int count)
{
    table = other != NULL ? other : bindings;
    table_count = other != NULL ? count : (int)(sizeof bindings / sizeof *bindings);
}

const struct binding *binding_at(int index)
{
    return index >= 0 && index < table_count ? &table[index] : NULL;
}

static bool has_key(const struct binding *binding, int key)
{
    for (int k = 0; k < BINDING_KEYS && binding->keys[k] != 0; k++)
        if (binding->keys[k] == key)
            return true;
    return false;
}

int binding_view(const struct binding *binding)
{
    return binding->only || binding->action == UI_OWN ? binding->view : 0;
}

const struct binding *binding_named(const char *name)
{
    const struct binding *binding = NULL;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++)
        if (binding->name != NULL && strcmp(binding->name, name) == 0)
            return binding;
    return NULL;
}

const struct binding *binding_find(int key, int view)
{
    const struct binding *everywhere = NULL;
    for (int i = 0; i < table_count; i++) {
        const struct binding *binding = &table[i];
        int bound = binding_view(binding);
        if (!has_key(binding, key))
            continue;
        if (bound > 0 && bound == view)
            return binding;
        if (bound == 0)
            everywhere = binding;
    }
    return everywhere;
}

int binding_key(const struct binding *binding, char *key, int size)
{
    size_t length = binding->keys[0] == 0 ? strlen(binding->label) : strcspn(binding->label, " ");
    return snprintf(key, (size_t)size, "%.*s", (int)length, binding->label);
}

void keymap_text(const char *text, char *filled, int size)
{
    int used = 0;
    for (bool name = false; *text != '\0' && used < size - 1; name = !name) {
        int length = (int)strcspn(text, "`");
        char word[32];
        snprintf(word, sizeof word, "%.*s", length, text);
        const struct binding *binding = name ? binding_named(word) : NULL;
        used += binding != NULL
                    ? binding_key(binding, filled + used, size - used)
                    : snprintf(filled + used, (size_t)(size - used), "%.*s", length, text);
        text += length + (text[length] == '`');
    }
    filled[used < size ? used : size - 1] = '\0';
}

const char *key_section_name(enum key_section section)
{
    static const char *const names[] = {"Ratio and walk", "Work", "Move and look", "Session",
                                        "Your own"};
    return section < KEYS_SECTIONS ? names[section] : "";
}

void binding_line(const struct binding *binding, const char *layer, char *line, int size)
{
    const char *mark = strchr(binding->line, '%');
    if (mark == NULL) {
        snprintf(line, (size_t)size, "%s", binding->line);
        return;
    }
    const char *quote = strpbrk(layer, " #\"=") != NULL ? "\"" : "";
    snprintf(line, (size_t)size, "%.*s%s%s%s%s", (int)(mark - binding->line), binding->line, quote,
             layer, quote, mark + 1);
}
