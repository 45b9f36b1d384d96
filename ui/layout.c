#include "layout.h"
#include "help.h"
#include "lines.h"
#include "panel.h"
#include "prompt.h"
#include "text.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum {
    ROWS = 24,
    COLUMNS = 80, /* the size that shows everything */
    BELOW = 3,    /* lines under the panels */
    TWO_ROWS = 40,
    TWO_COLUMNS = 140, /* the size that shows two views */
    TAB = 48           /* bytes */
};

/* " 1 Filters ", or " 1 " of one that is not shown where they would not all fit. Returns `text`. */
static const char *tab_text(const struct screen *screen, int index, bool names, char text[TAB])
{
    char key[KEY_NAME];
    view_key(index, key);
    bool named = names || index == screen->view || key[0] == '\0';
    snprintf(text, TAB, " %s%s%s ", key, named && key[0] != '\0' ? " " : "",
             named ? view_at(index)->name : "");
    return text;
}

static int tab_width(const struct screen *screen, int index, bool names)
{
    char text[TAB];
    return text_width(tab_text(screen, index, names, text));
}

static bool names_fit(const struct screen *screen)
{
    int width = -1;
    for (int i = 0; view_at(i) != NULL; i++)
        width += tab_width(screen, i, true) + 1;
    return width <= screen->tabs.columns;
}

int layout_tab_at(const struct screen *screen, int column)
{
    int at = screen->tabs.left;
    bool names = names_fit(screen);
    for (int i = 0; view_at(i) != NULL; i++) {
        int end = at + tab_width(screen, i, names);
        if (column >= at && column < end)
            return i;
        at = end + (names ? 1 : 0);
    }
    return -1;
}

static void draw_tabs(const struct screen *screen, struct pane line, enum style own)
{
    int column = 0;
    bool names = names_fit(screen);
    for (int i = 0; view_at(i) != NULL; i++) {
        bool shown = i == screen->view;
        enum style style = shown ? own : STYLE_NORMAL;
        char text[TAB];
        column = pane_text(line, 0, column, style, tab_text(screen, i, names, text));
        column += names ? 1 : 0;
    }
}

static struct pane inside(struct pane pane)
{
    return pane_part(pane, 1, 1, pane.rows - 2, pane.columns - 2);
}

static void draw_view(struct screen *screen, struct pane panel, enum style tab)
{
    pane_frame(panel, screen->glyphs, screen->focus == FOCUS_VIEW ? STYLE_FOCUS : STYLE_BORDER);
    screen->tabs = pane_part(panel, 0, 2, 1, panel.columns - 3);
    draw_tabs(screen, screen->tabs, tab);
    struct pane body = inside(panel);
    view_at(screen->view)->draw(screen, pane_part(body, 0, 1, body.rows, body.columns - 2));
}

static void draw_beside(struct screen *screen, struct pane panel)
{
    enum focus focus = screen->focus;
    view_switch(screen);
    screen->focus = FOCUS_LAYERS; /* the keys are not its own */
    draw_view(screen, panel, STYLE_TITLE);
    screen->focus = focus;
    view_switch(screen);
}

static void draw_views(struct screen *screen, struct pane area)
{
    struct beside *beside = &screen->beside;
    if (!beside->shown) {
        draw_view(screen, area, STYLE_TAB);
        return;
    }
    int half = area.columns / 2;
    struct pane left = pane_part(area, 0, 0, area.rows, half);
    struct pane right = pane_part(area, 0, half, area.rows, area.columns - half);
    draw_view(screen, beside->left ? right : left, STYLE_TAB);
    draw_beside(screen, beside->left ? left : right);
}

static void draw_panels(struct screen *screen, struct pane area)
{
    bool wide = view_at(screen->view)->wide;
    bool two = !wide && screen->surface.rows >= TWO_ROWS && screen->surface.columns >= TWO_COLUMNS;
    int width = wide ? 0 : panel_width(screen, two ? area.columns * 2 / 3 : area.columns);
    /* Too narrow for both: the one that has the focus. */
    bool both = !wide && area.columns - width >= 24;
    bool layers = both || (!wide && screen->focus == FOCUS_LAYERS), view = both || !layers;
    screen->layer_rows = screen->view_rows = screen->tabs = screen->beside.rows =
        screen->beside.tabs = (struct pane){.surface = area.surface};
    screen->beside.shown = two;
    if (layers) {
        struct pane panel = pane_part(area, 0, 0, area.rows, both ? width : area.columns);
        pane_frame(panel, screen->glyphs,
                   screen->focus == FOCUS_LAYERS ? STYLE_FOCUS : STYLE_BORDER);
        pane_text(panel, 0, 2, STYLE_TITLE, " Layers ");
        panel_draw(screen, inside(panel));
    }
    if (view)
        draw_views(screen, pane_part(area, 0, both ? width : 0, area.rows, area.columns));
}

static void draw_bottom(struct screen *screen, struct pane below)
{
    struct pane last = pane_part(below, below.rows - 1, 0, 1, below.columns);
    struct pane keys = pane_part(below, below.rows - 2, 0, 1, below.columns);
    if (below.rows >= 3)
        line_progress(screen, pane_part(below, 0, 0, 1, below.columns));
    if (prompt_active()) {
        prompt_draw(last, keys, screen->glyphs);
        return;
    }
    if (below.rows >= 2)
        line_keys(screen, keys);
    line_message(screen, last, below.rows >= 2 ? keys : (struct pane){.surface = below.surface});
}

static void draw_size(const struct surface *surface, struct pane line)
{
    pane_print(line, 0, 0, STYLE_WARNING, " %dx%d is small; all fits into %dx%d ", surface->columns,
               surface->rows, COLUMNS, ROWS);
}

void layout_draw(struct screen *screen)
{
    struct surface *surface = &screen->surface;
    surface_clear(surface);
    struct pane all = pane_of(surface);
    int below = all.rows >= 8 ? BELOW : 1;
    struct pane top = pane_part(all, 0, 0, 1, all.columns);
    struct pane middle = pane_part(all, 1, 0, all.rows - 1 - below, all.columns);
    if (surface->rows < ROWS || surface->columns < COLUMNS)
        draw_size(surface, top);
    else
        line_header(screen, top);
    if (screen->tour.open && !screen->help)
        middle = tour_draw(screen, middle);
    if (middle.rows >= 4 && screen->help)
        help_draw(middle, screen->glyphs, screen->help_command, screen->view + 1,
                  &screen->help_scroll);
    else if (middle.rows >= 4)
        draw_panels(screen, middle);
    if (middle.rows >= 4 && !screen->help && screen->popup != NULL)
        screen->popup->draw(screen, middle);
    prompt_draw_list(middle, screen->glyphs);
    draw_bottom(screen, pane_part(all, all.rows - below, 0, below, all.columns));
}
