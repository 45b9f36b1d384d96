#include "panel.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a column says of a layer; in the order in which they find room. */
struct column {
    const char *title;
    int width; /* with the space before it */
    void (*say)(const struct screen *screen, int layer, char text[FORMAT]);
};

static const struct tn_snapshot_layer *layer_of(const struct screen *screen, int layer)
{
    return &screen->snapshot->layers[layer];
}

static void say_filters(const struct screen *screen, int layer, char text[FORMAT])
{
    snprintf(text, FORMAT, "%d", layer_of(screen, layer)->filters);
}

static void say_keep(const struct screen *screen, int layer, char text[FORMAT])
{
    snprintf(text, FORMAT, "%d", screen_keep(screen, layer));
}

static void say_ratio(const struct screen *screen, int layer, char text[FORMAT])
{
    int filters = layer_of(screen, layer)->filters;
    snprintf(text, FORMAT, "%.0f%%",
             filters > 0 ? 100 * (1 - (double)screen_keep(screen, layer) / filters) : 0);
}

static void say_error(const struct screen *screen, int layer, char text[FORMAT])
{
    format_error(text, screen_error(screen, layer));
}

static void say_error_ls(const struct screen *screen, int layer, char text[FORMAT])
{
    format_error(text, screen_error_ls(screen, layer));
}

static void say_flops(const struct screen *screen, int layer, char text[FORMAT])
{
    double all = (double)screen->snapshot->flops_now;
    snprintf(text, FORMAT, "%.1f%%",
             all > 0 ? 100 * (double)layer_of(screen, layer)->flops / all : 0);
}

static void say_params(const struct screen *screen, int layer, char text[FORMAT])
{
    format_count(text, (double)layer_of(screen, layer)->params);
}

static void say_kernel(const struct screen *screen, int layer, char text[FORMAT])
{
    const int *kernel = layer_of(screen, layer)->kernel;
    snprintf(text, FORMAT, "%dx%d", kernel[0], kernel[1]);
}

static void say_inputs(const struct screen *screen, int layer, char text[FORMAT])
{
    snprintf(text, FORMAT, "%d", layer_of(screen, layer)->channels);
}

static const struct column columns[] = {
    {"filters", 8, say_filters}, {"keep", 5, say_keep},     {"ratio", 6, say_ratio},
    {"error", 6, say_error},     {"ls", 6, say_error_ls},   {"FLOPs", 7, say_flops},
    {"params", 7, say_params},   {"kernel", 7, say_kernel}, {"inputs", 7, say_inputs},
};

enum {
    COLUMNS = sizeof columns / sizeof *columns,
    ALWAYS = 4,
    LEAST_NAME = 7,
    ENOUGH_NAME = 10,
    MOST_NAME = 28
};

static int name_width(const struct screen *screen)
{
    int widest = LEAST_NAME;
    for (int i = 0; i < screen->snapshot->layer_count; i++) {
        int width = text_width(screen->snapshot->layers[i].name);
        widest = width > widest ? width : widest;
    }
    return 1 + (widest < MOST_NAME ? widest : MOST_NAME);
}

/* How many columns fit beside the names. */
static int columns_in(int width, int name)
{
    int count = 0, used = name;
    while (count < COLUMNS && (count < ALWAYS || used + columns[count].width <= width))
        used += columns[count++].width;
    return count;
}

static int width_of(int count)
{
    int width = 0;
    for (int i = 0; i < count; i++)
        width += columns[i].width;
    return width;
}

int panel_width(const struct screen *screen, int available)
{
    int frame = 3, name = name_width(screen);
    int limit = available * 45 / 100 - frame;
    /* The last ten characters tell most layers apart; less they must not have. */
    int least = width_of(ALWAYS) + (name < 1 + ENOUGH_NAME ? name : 1 + ENOUGH_NAME);
    limit = limit > least ? limit : least;
    int count = columns_in(limit, name);
    int want = width_of(count) + name;
    return (want < limit ? want : limit) + frame;
}

static void draw_cells(const struct screen *screen, struct pane pane, int row, int layer, int name)
{
    const struct tn_snapshot_layer *it = layer_of(screen, layer);
    enum style style = it->prunable ? STYLE_NORMAL : STYLE_DIM;
    pane_name(pane, row, 1, name - 1, style, it->name, screen->glyphs);
    int column = name, count = columns_in(pane.columns, name);
    for (int i = 0; i < count; i++) {
        char text[FORMAT];
        columns[i].say(screen, layer, text);
        bool changed = screen_keep(screen, layer) != it->filters &&
                       (columns[i].say == say_keep || columns[i].say == say_ratio);
        pane_right(pane, row, column, columns[i].width, changed ? STYLE_PRUNED : style, text);
        column += columns[i].width;
    }
}

static void draw_all(const struct screen *screen, struct pane pane, int row, int name)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    int filters = 0, keep = 0;
    for (int i = 0; i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable) {
            filters += snapshot->layers[i].filters;
            keep += screen_keep(screen, i);
        }
    char text[FORMAT];
    pane_text(pane, row, 1, STYLE_TITLE, "all");
    pane_right(pane, row, name, columns[0].width, STYLE_TITLE, format_filters(text, filters));
    pane_right(pane, row, name + width_of(1), columns[1].width, STYLE_TITLE,
               format_filters(text, keep));
    snprintf(text, sizeof text, "%.0f%%",
             filters > 0 ? 100 * (1 - (double)keep / (double)filters) : 0);
    pane_right(pane, row, name + width_of(2), columns[2].width, STYLE_TITLE, text);
}

static void draw_titles(struct pane pane, int name)
{
    int column = name, count = columns_in(pane.columns, name);
    pane_text(pane, 0, 1, STYLE_TITLE, "layer");
    for (int i = 0; i < count; i++) {
        pane_right(pane, 0, column, columns[i].width, STYLE_TITLE, columns[i].title);
        column += columns[i].width;
    }
}

void panel_draw(struct screen *screen, struct pane pane)
{
    pane.columns--; /* a margin on the right */
    int layers = screen->snapshot->layer_count;
    if (layers == 0) {
        pane_text(pane, 1, 1, STYLE_DIM, "no network");
        return;
    }
    int name = name_width(screen), most = pane.columns - width_of(ALWAYS);
    name = name > most ? most : name;
    draw_titles(pane, name);
    struct pane rows = pane_part(pane, 1, 0, pane.rows - 1, pane.columns);
    int cursor = screen->layer + 1; /* "all" is row 0 */
    list_follow(&cursor, &screen->layer_scroll, layers + 1, rows.rows);
    for (int row = 0; row < rows.rows && screen->layer_scroll + row <= layers; row++) {
        int layer = screen->layer_scroll + row - 1;
        if (layer == LAYER_ALL)
            draw_all(screen, rows, row, name);
        else
            draw_cells(screen, rows, row, layer, name);
    }
    int at = cursor - screen->layer_scroll;
    pane_glyph(rows, at, 0, STYLE_CURSOR, screen->glyphs->pointer);
    rows.columns++;
    pane_flag(rows, at, 0, rows.columns,
              screen->focus == FOCUS_LAYERS ? CELL_SELECTED : CELL_MARKED);
    if (screen->layer_scroll > 0)
        pane_glyph(pane, 0, pane.columns - 1, STYLE_DIM, screen->glyphs->more_above);
    if (screen->layer_scroll + rows.rows <= layers)
        pane_glyph(rows, rows.rows - 1, 0, STYLE_DIM, screen->glyphs->more_below);
    screen->layer_rows = rows;
}
