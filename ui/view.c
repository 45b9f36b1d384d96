#include "view.h"
#include "format.h"
#include "pieces.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

static const struct view_ops *const views[MAX_VIEWS] = {&view_filters, &view_steps,   &view_curves,
                                                        &view_ratios,  &view_compare, &view_journal,
                                                        &view_time};

const struct view_ops *view_at(int index)
{
    return index >= 0 && index < MAX_VIEWS ? views[index] : NULL;
}

int view_index(const struct view_ops *view)
{
    int index = 0;
    while (views[index] != view)
        index++;
    return index;
}

const char *view_key(int index, char key[KEY_NAME])
{
    const struct binding *binding;
    key[0] = '\0';
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        bool shows = binding->action == UI_TIME
                         ? views[index] == &view_time
                         : binding->action == UI_VIEW && binding->amount == index + 1;
        if (shows && binding->keys[0] != 0)
            binding_key(binding, key, KEY_NAME);
    }
    return key;
}

void view_show(struct screen *screen, int index)
{
    bool wide = views[index]->wide, was = views[screen->view]->wide;
    if (wide && !was)
        screen->back = (struct spot){screen->view, screen->layer, screen->focus};
    if (wide != was)
        screen->focus = wide ? FOCUS_VIEW : screen->back.focus;
    if (index == screen->beside.view && !was)
        view_switch(screen);
    else if (index == screen->beside.view)
        screen->beside.view = screen->back.view;
    screen->view = index;
}

void view_switch(struct screen *screen)
{
    struct beside *beside = &screen->beside;
    struct beside other = {beside->shown, !beside->left, screen->view, screen->view_rows,
                           screen->tabs};
    screen->view = beside->view;
    screen->view_rows = beside->rows;
    screen->tabs = beside->tabs;
    *beside = other;
}

void view_leave(struct screen *screen)
{
    view_show(screen, screen->back.view);
    screen_select(screen, screen->back.layer);
}

static int nothing_open(const struct screen *screen, struct pane pane)
{
    if (screen->snapshot->unread)
        return pane_wrap(pane, 1, STYLE_NORMAL, "The network is being read.");
    if (screen->snapshot->detached) {
        int used = pane_wrap(pane, 1, STYLE_BOLD, "The network's weights are not in this session.");
        used = pane_wrap(pane, used + 1, STYLE_NORMAL,
                         "What was done can be looked at. To go on, give them back:");
        return pane_wrap(pane, used, STYLE_KEY, "  :session attach FILE.onnx");
    }
    int row = pane_wrap(pane, 1, STYLE_BOLD, "No network is open.");
    row = pane_wrap(pane, row + 1, STYLE_NORMAL, "Type");
    row = pane_wrap(pane, row, STYLE_KEY, "  :open FILE.onnx");
    row = pane_wrap(pane, row, STYLE_NORMAL, "and give it images with");
    row = pane_wrap(pane, row, STYLE_KEY, "  :data fashion-mnist");
    return piece_wrap(pane, row, STYLE_NORMAL,
                      "or a folder of your own. Tab completes, `help` helps.");
}

/* It is sampled, but not for what its method ranks by. */
static int not_collected(struct pane pane, int row, const char *method)
{
    struct pane rest = pane_part(pane, row + 1, 0, pane.rows, pane.columns);
    char text[160];
    snprintf(text, sizeof text,
             "What %s ranks by is not collected yet. Press `sample` to sample all layers anew, or "
             "`method` and "
             "`enter` to collect it.",
             method);
    return row + 1 + piece_wrap(rest, 0, STYLE_NORMAL, text);
}

static int not_sampled(const struct screen *screen, struct pane pane, int row)
{
    bool data = screen->snapshot->data_name[0] != '\0';
    bool smaller = screen->snapshot->flops_now < screen->snapshot->flops;
    row = pane_wrap(pane_part(pane, row + 1, 0, pane.rows, pane.columns), 0, STYLE_BOLD,
                    smaller ? "Not sampled since it was pruned." : "Not sampled yet.") +
          row + 1;
    if (screen->replay.on)
        return row; /* it refuses to sample */
    struct pane rest = pane_part(pane, row + 1, 0, pane.rows, pane.columns);
    const char *what =
        data ? "Press `sample` to sample all layers: one pass over a few images, and what "
               "removing any filter costs is known for every layer."
             : "Sampling needs images: type :data fashion-mnist, or :data and a folder "
               "of your own. Then press `sample`.";
    int used = piece_wrap(rest, 0, STYLE_NORMAL, what);
    used = piece_wrap(rest, used + 1, STYLE_DIM,
                      "Some methods (l1, ...) need no images: press `method`.");
    return row + 1 + used;
}

/* A method that needs no images ranks all the same. */
static int no_errors(const struct screen *screen, struct pane pane, int row)
{
    bool data = screen->snapshot->data_name[0] != '\0';
    struct pane rest = pane_part(pane, row, 0, pane.rows, pane.columns);
    return row + piece_wrap(rest, 0, STYLE_WARNING,
                            data ? "No errors before it is sampled: press `sample`."
                                 : "No errors before it is sampled: :data, then `sample`.");
}

static int describe(const struct screen *screen, struct pane pane,
                    const struct tn_snapshot_layer *layer)
{
    char error[FORMAT], error_ls[FORMAT];
    int column = pane_text(pane, 0, 0, STYLE_BOLD, layer->name);
    column = pane_print(pane, 0, column + 2, STYLE_NORMAL, "%d filters  %s", layer->filters,
                        layer->method);
    int row = column + 38 > pane.columns ? 1 : 0;
    column = row == 0 ? column + 2 : 0;
    column = pane_print(pane, row, column, STYLE_NORMAL, "keep %d  error %s  ",
                        screen_keep(screen, screen->layer),
                        format_error(error, screen_error(screen, screen->layer)));
    pane_print(pane, row, column, STYLE_NORMAL, "ls %s",
               format_error(error_ls, screen_error_ls(screen, screen->layer)));
    return row + 1;
}

int view_heading(const struct screen *screen, struct pane pane, bool *ready)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    *ready = false;
    if (screen->snapshot->layer_count == 0)
        return nothing_open(screen, pane);
    if (layer == NULL)
        return pane_wrap(pane, 0, STYLE_BOLD, "All layers that can be pruned");
    int row = describe(screen, pane, layer);
    if (!layer->prunable) {
        struct pane rest = pane_part(pane, row + 1, 0, pane.rows, pane.columns);
        row += 1 + pane_wrap(rest, 0, STYLE_WARNING, "This layer cannot be pruned:");
        rest = pane_part(pane, row, 0, pane.rows, pane.columns);
        return row + pane_wrap(rest, 0, STYLE_NORMAL, layer->why_not);
    }
    *ready = layer->path != NULL && layer->path->channels == layer->filters && layer->filters > 0;
    if (!*ready && layer->samples > 0)
        return not_collected(pane, row, layer->method);
    if (!*ready)
        return not_sampled(screen, pane, row);
    return layer->samples > 0 ? row : no_errors(screen, pane, row);
}

void view_list_marks(const struct screen *screen, struct pane rows, int count)
{
    const struct view_state *state = &screen->views[screen->view];
    bool focused = screen->focus == FOCUS_VIEW;
    if (focused)
        pane_flag(rows, state->cursor - state->scroll, 0, rows.columns, CELL_SELECTED);
    piece_arrows(rows, state->scroll, count, screen->glyphs);
}
