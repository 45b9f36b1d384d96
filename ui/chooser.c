#include "chooser.h"
#include "pieces.h"
#include "popup.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

enum { NAME = 17, WIDEST = 100, BELOW = 3 }; /* columns of a name, of all; lines under the list */

/* The layer whose methods are shown; for all layers, the first that can be pruned. */
static const struct tn_snapshot_layer *shown_layer(const struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (!screen->chooser.all)
        return screen_layer(screen);
    for (int i = 0; i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable)
            return &snapshot->layers[i];
    return NULL;
}

static int count_of(const struct screen *screen)
{
    const struct tn_snapshot_layer *layer = shown_layer(screen);
    return layer != NULL ? layer->ranking_count : 0;
}

/* What one of the layers it is for lacks, or NULL. */
static const char *lacks(const struct screen *screen, int method)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (!screen->chooser.all)
        return shown_layer(screen)->rankings[method].lacks;
    for (int i = 0; i < snapshot->layer_count; i++)
        if (method < snapshot->layers[i].ranking_count &&
            snapshot->layers[i].rankings[method].lacks != NULL)
            return snapshot->layers[i].rankings[method].lacks;
    return NULL;
}

static bool in_use(const struct screen *screen, int method)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const char *name = shown_layer(screen)->rankings[method].method;
    bool everywhere = strcmp(shown_layer(screen)->method, name) == 0;
    for (int i = 0; screen->chooser.all && i < snapshot->layer_count; i++)
        everywhere = everywhere && (!snapshot->layers[i].prunable ||
                                    strcmp(snapshot->layers[i].method, name) == 0);
    return everywhere;
}

void chooser_open(struct screen *screen, bool all)
{
    struct chooser *chooser = &screen->chooser;
    *chooser = (struct chooser){.all = all || screen->layer == LAYER_ALL};
    const struct tn_snapshot_layer *layer = shown_layer(screen);
    if (layer == NULL)
        screen_say(screen, true,
                   screen->snapshot->layer_count > 0 ? "no layer can be pruned"
                                                     : "no network is open: type :open FILE.onnx");
    else if (layer->ranking_count == 0)
        screen_say(screen, true, "%s cannot be pruned: %s", layer->name, layer->why_not);
    screen->popup = count_of(screen) > 0 ? &popup_methods : NULL;
    bool everywhere = false;
    const char *own = screen_layer(screen) != NULL ? screen_layer(screen)->method : "";
    for (int i = 0; layer != NULL && i < count_of(screen) && !everywhere; i++) {
        everywhere = in_use(screen, i);
        if (everywhere || strcmp(layer->rankings[i].method, own) == 0)
            chooser->cursor = i;
    }
}

static void line_of(const struct screen *screen, char line[LINE])
{
    const struct tn_snapshot_layer *layer = shown_layer(screen);
    char template[64];
    line[0] = '\0';
    if (layer == NULL)
        return;
    snprintf(template, sizeof template, "method %% %s",
             layer->rankings[screen->chooser.cursor].method);
    layer_command(template, screen->chooser.all ? "all" : layer->name, line, LINE);
}

static void draw_row(const struct screen *screen, struct pane rows, int row, int method)
{
    const struct tn_snapshot_ranking *ranking = &shown_layer(screen)->rankings[method];
    const char *lack = lacks(screen, method);
    enum style style = lack != NULL ? STYLE_DIM : STYLE_NORMAL;
    bool used = in_use(screen, method);
    int end = lack != NULL ? rows.columns - text_width(lack) - 1 : rows.columns;
    if (used)
        pane_glyph(rows, row, 1, STYLE_KEPT, '*');
    pane_text(rows, row, 3, used ? STYLE_BOLD : style, ranking->method);
    pane_cut(rows, row, 3 + NAME, end - 4 - NAME, STYLE_DIM, ranking->summary, screen->glyphs);
    if (lack != NULL)
        pane_text(rows, row, end, STYLE_WARNING, lack);
    if (method == screen->chooser.cursor)
        popup_cursor(screen, rows, row);
}

/* The whole of what a row may have no room for, and the command that Enter stands for. */
static void draw_below(const struct screen *screen, struct pane below)
{
    const struct tn_snapshot_ranking *ranking =
        &shown_layer(screen)->rankings[screen->chooser.cursor];
    char line[LINE], what[LINE + 8];
    line_of(screen, line);
    pane_wrap(pane_part(below, 0, 1, below.rows - 1, below.columns - 2), 0, STYLE_NORMAL,
              ranking->summary);
    snprintf(what, sizeof what, "runs :%s", line);
    popup_enter(screen, pane_part(below, below.rows - 1, 0, 1, below.columns), what);
}

static void draw(struct screen *screen, struct pane area)
{
    struct chooser *chooser = &screen->chooser;
    int count = count_of(screen);
    if (count == 0) {
        screen->popup = NULL;
        return;
    }
    char title[LINE];
    snprintf(title, sizeof title, "Method of %s",
             chooser->all ? "all layers" : screen_layer_name(screen));
    struct pane inside = popup_box(screen, area, count + BELOW, WIDEST, title);
    int below = inside.rows > 2 * BELOW ? BELOW : 0;
    struct pane rows = pane_part(inside, 0, 0, inside.rows - below, inside.columns);
    list_follow(&chooser->cursor, &chooser->scroll, count, rows.rows);
    for (int row = 0; row < rows.rows && chooser->scroll + row < count; row++)
        draw_row(screen, rows, row, chooser->scroll + row);
    piece_arrows(rows, chooser->scroll, count, screen->glyphs);
    if (below > 0)
        draw_below(screen, pane_part(inside, inside.rows - below, 0, below, inside.columns));
    chooser->rows = rows;
}

static void run(struct screen *screen)
{
    char line[LINE];
    line_of(screen, line);
    screen->popup = NULL;
    screen_submit(screen, line, NULL);
}

static void move(struct screen *screen, int rows)
{
    screen->chooser.cursor = list_row(screen->chooser.cursor + rows, count_of(screen));
}

static void act(struct screen *screen, const struct binding *binding)
{
    switch (binding->action) {
    case UI_MOVE:
        move(screen, binding->amount);
        break;
    case UI_PAGE:
    case UI_ENDS:
        move(screen, binding->amount * count_of(screen));
        break;
    case UI_ENTER:
        if (count_of(screen) > 0)
            run(screen);
        break;
    case UI_METHOD:
    case UI_ESCAPE:
    case UI_QUIT:
        screen->popup = NULL;
        break;
    default:
        break;
    }
}

static void click(struct screen *screen, int row, int column)
{
    struct chooser *chooser = &screen->chooser;
    struct pane rows = chooser->rows;
    int at = row - rows.top + chooser->scroll;
    if (!pane_holds(rows, row, column))
        screen->popup = NULL;
    else if (at >= count_of(screen))
        return;
    else if (at == chooser->cursor)
        run(screen);
    else
        chooser->cursor = at;
}

const struct popup_ops popup_methods = {.draw = draw, .act = act, .move = move, .click = click};
