/* View 1: how important each filter is under the layer's method, and what happens to it. */
#include "core/memory.h"
#include "format.h"
#include "measures.h"
#include "pictures.h"
#include "pieces.h"
#include "prune/path.h"
#include "text.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BY_RANK, BY_FILTER, BY_MEASURE, ORDERS };

/* Columns of a row, from both ends; the bar takes what is left. */
enum { SIGN = 0, RANK = 1, FILTER = 6, BAR = 13, NUMBER = 8, LEAST_BAR = 8 };

static int filter_rows(const struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (layer == NULL)
        return 0;
    return layer->path != NULL && layer->path->channels == layer->filters ? layer->filters : 0;
}

static struct view_state *state_of(struct screen *screen)
{
    return &screen->views[view_index(&view_filters)];
}

static const struct measure *measure_of(const struct screen *screen)
{
    return &measures[screen->measure % MEASURES];
}

/* --- the order of the rows --- */

/* Which filter is where: in the rows, and in the order of removal. */
struct order {
    int *rows;   /* [channels] filter of a row */
    int *places; /* [channels] of a filter */
};

struct valued {
    double value;
    int filter, place;
};

/* The greatest first, what is not known last; equals by rank. */
static int greatest_first(const void *a, const void *b)
{
    const struct valued *left = (const struct valued *)a, *right = (const struct valued *)b;
    bool known = !isnan(left->value), too = !isnan(right->value);
    if (known != too)
        return too - known;
    if (known && (left->value > right->value || left->value < right->value))
        return left->value > right->value ? -1 : 1;
    return right->place - left->place;
}

static bool by_measure(const struct measure *measure, const struct tn_snapshot_path *path,
                       const struct order *order)
{
    size_t count = (size_t)path->channels;
    struct valued *all = tn_alloc(count, sizeof *all);
    if (all == NULL)
        return false;
    for (int f = 0; f < path->channels; f++)
        all[f] = (struct valued){measure->value(path, f, order->places[f]), f, order->places[f]};
    qsort(all, count, sizeof *all, greatest_first);
    for (size_t row = 0; row < count; row++)
        order->rows[row] = all[row].filter;
    tn_free(all);
    return true;
}

/* Released with tn_free(order.rows). False: out of memory. */
static bool order_of(const struct screen *screen, const struct tn_snapshot_path *path,
                     struct order *order)
{
    int count = path->channels, by = screen->views[view_index(&view_filters)].order;
    order->rows = tn_calloc(2 * (size_t)count, sizeof *order->rows);
    if (order->rows == NULL)
        return false;
    order->places = order->rows + count;
    for (int i = 0; i < count; i++)
        if (path->order[i] >= 0 && path->order[i] < count)
            order->places[path->order[i]] = i;
    if (by == BY_MEASURE && by_measure(measure_of(screen), path, order))
        return true;
    for (int row = 0; row < count; row++)
        order->rows[row] = by == BY_FILTER ? row : path->order[count - 1 - row];
    return true;
}

/* Another layer begins at its first row. */
static void follow(struct screen *screen)
{
    struct view_state *state = state_of(screen);
    if (state->anchor != screen->layer)
        state->cursor = state->scroll = 0;
    state->anchor = screen->layer;
}

/* The filter under the cursor, or -1. */
static int filter_at_cursor(struct screen *screen)
{
    const struct view_state *state = state_of(screen);
    int count = filter_rows(screen);
    struct order order;
    follow(screen);
    if (count == 0 || !order_of(screen, screen_layer(screen)->path, &order))
        return -1;
    int filter = order.rows[state->cursor < count ? state->cursor : 0];
    tn_free(order.rows);
    return filter;
}

/* --- drawing --- */

struct fate {
    enum style style;
    char sign;
};

static struct fate fate_of(const struct tn_snapshot_path *path, int filter, bool kept)
{
    if (path->lock[filter] == TN_LOCK_KEEP)
        return (struct fate){STYLE_LOCKED, 'K'};
    if (path->lock[filter] == TN_LOCK_PRUNE)
        return (struct fate){STYLE_LOCKED, 'X'};
    return kept ? (struct fate){STYLE_KEPT, '+'} : (struct fate){STYLE_PRUNED, '-'};
}

/* The columns of numbers: what the bars show, and the others in this order while there is room. */
struct table {
    int bar; /* columns */
    int count;
    const struct measure *numbers[MEASURES];
};

static struct table table_for(const struct screen *screen, const struct tn_snapshot_path *path,
                              int columns)
{
    static const int usual[MEASURES] = {0, 2, 1, 3};
    struct table table = {.count = 1, .numbers = {measure_of(screen)}};
    for (int i = 0; i < MEASURES; i++) {
        const struct measure *measure = &measures[usual[i]];
        bool known = measure != &measures[MEASURES - 1] || path->zeros != NULL;
        /* Two always; more leave bars that can be compared. */
        int least = table.count < 2 ? 0 : 3 * LEAST_BAR;
        if (measure != table.numbers[0] && known &&
            columns - BAR - (table.count + 1) * NUMBER >= least)
            table.numbers[table.count++] = measure;
    }
    table.bar = columns - BAR - table.count * NUMBER;
    return table;
}

static void draw_columns(const struct screen *screen, struct pane pane, int row,
                         const struct table *table)
{
    enum { BLANKS = 1 }; /* that can be spared in front of a title of numbers */
    int order = screen->views[screen->view].order;
    const char *title = table->numbers[0]->title;
    pane_text(pane, row, RANK, STYLE_TITLE, "rank");
    pane_text(pane, row, FILTER, STYLE_TITLE, "filter");
    bool fits = text_width(title) <= table->bar + BLANKS;
    pane_text(pane, row, BAR, STYLE_TITLE, fits ? title : table->numbers[0]->brief);
    for (int i = 0; i < table->count; i++)
        pane_right(pane, row, BAR + table->bar + i * NUMBER, NUMBER - 1, STYLE_TITLE,
                   table->numbers[i]->name);
    pane_glyph(pane, row,
               order == BY_RANK     ? RANK - 1
               : order == BY_FILTER ? FILTER - 1
                                    : BAR - 1,
               STYLE_KEY, screen->glyphs->more_below);
}

static void draw_row(const struct screen *screen, struct pane line, const struct table *table,
                     const struct tn_snapshot_path *path, int filter, int place, double fraction)
{
    int removed = path->channels - screen_keep(screen, screen->layer);
    struct fate fate = fate_of(path, filter, place >= removed);
    bool marked = marks_has(&screen->marks, screen->layer, path->channels, filter);
    char text[FORMAT];
    pane_glyph(line, 0, SIGN, fate.style, (unsigned char)fate.sign);
    pane_print(line, 0, RANK, STYLE_DIM, "%4d", path->channels - place);
    pane_print(line, 0, FILTER, marked ? STYLE_KEY : STYLE_NORMAL, "%6d", filter);
    if (marked)
        pane_glyph(line, 0, FILTER, STYLE_KEY, '*');
    pane_bar(line, 0, BAR, table->bar, fate.style, fraction, screen->glyphs);
    for (int i = 0; i < table->count; i++)
        pane_right(line, 0, BAR + table->bar + i * NUMBER, NUMBER - 1,
                   i == 0 ? STYLE_NORMAL : STYLE_DIM,
                   format_number(text, table->numbers[i]->value(path, filter, place)));
}

static void draw_filters(const struct screen *screen, struct pane rows, const struct table *table,
                         const struct tn_snapshot_path *path, const struct order *order)
{
    const struct view_state *state = &screen->views[screen->view];
    double low, high;
    measure_range(table->numbers[0], path, order->places, &low, &high);
    for (int row = 0; row < rows.rows && state->scroll + row < path->channels; row++) {
        int filter = order->rows[state->scroll + row], place = order->places[filter];
        double value = table->numbers[0]->value(path, filter, place);
        draw_row(screen, pane_part(rows, row, 0, 1, rows.columns), table, path, filter, place,
                 high > low ? (value - low) / (high - low) : 0);
    }
}

static const char *next_order(const struct screen *screen)
{
    static const char *const next[ORDERS] = {"by number", "by the bars", "by rank"};
    return next[screen->views[screen->view].order % ORDERS];
}

static void draw_legend(const struct screen *screen, struct pane pane, int row, int marked)
{
    int column = 0;
    if (marked > 0) {
        column = pane_print(pane, row, 0, STYLE_KEY, "* %d marked", marked) + 2;
        column = piece_action(pane, row, column, "lock", "locks them");
        piece_action(pane, row, column, "escape", "unmarks");
        return;
    }
    column = pane_text(pane, row, 0, STYLE_KEPT, "+ kept");
    column = pane_text(pane, row, column + 2, STYLE_PRUNED, "- pruned");
    column = pane_text(pane, row, column + 2, STYLE_LOCKED, "K X locked") + 2;
    if (screen->focus == FOCUS_VIEW)
        column = piece_action(pane, row, column, "lock", "locks");
    column = piece_action(pane, row, column, "order", next_order(screen));
    column = piece_action(pane, row, column, "measure", "other bars");
    piece_action(pane, row, column, "mark", "marks");
}

/* The row "all": where the cost lies. */
static void draw_overview(const struct screen *screen, struct pane pane)
{
    enum { NAME = 12, PERCENT = 5, LS = 7 };
    const struct tn_snapshot *snapshot = screen->snapshot;
    int bar = pane.columns - NAME - PERCENT - LS;
    char text[FORMAT];
    pane_text(pane, 2, 0, STYLE_TITLE, "layer");
    pane_text(pane, 2, NAME, STYLE_TITLE, "FLOPs today");
    pane_right(pane, 2, pane.columns - LS, LS, STYLE_TITLE, "ls");
    for (int i = 0; i < snapshot->layer_count && i < pane.rows - 5; i++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[i];
        enum style style = layer->prunable ? STYLE_NORMAL : STYLE_DIM;
        double share =
            snapshot->flops_now > 0 ? (double)layer->flops / (double)snapshot->flops_now : 0;
        pane_cut(pane, 3 + i, 0, NAME - 1, style, layer->name, screen->glyphs);
        pane_bar(pane, 3 + i, NAME, bar, layer->prunable ? STYLE_KEPT : STYLE_DIM, share,
                 screen->glyphs);
        snprintf(text, sizeof text, "%.0f%%", share * 100);
        pane_right(pane, 3 + i, NAME + bar, PERCENT, style, text);
        pane_right(pane, 3 + i, pane.columns - LS, LS, style,
                   format_error(text, screen_error_ls(screen, i)));
    }
    piece_action(pane, pane.rows - 1, 0, "remove-less remove-more",
                 "the ratio of all layers at once");
}

/* Cut the pictures' room off the list's: at its right where both are wide enough, else below where
 * the list keeps enough rows. */
static struct pane make_room(struct pane *list)
{
    enum { WIDE = 58, RIGHT = 24, MOST = 64, GAP = 1, ROWS = 8, LOW = 6, HIGH = 18 };
    struct pane none = {.surface = list->surface};
    if (list->columns >= WIDE && list->rows >= LOW) {
        int width = list->columns * 41 / 100;
        width = width < RIGHT ? RIGHT : width > MOST ? MOST : width;
        struct pane right = pane_part(*list, 0, list->columns - width, list->rows, width);
        list->columns -= width + GAP;
        return right;
    }
    int spare = list->rows - 2 - ROWS, height = list->rows / 2 - 1;
    height = height > HIGH ? HIGH : height < LOW ? LOW : height;
    if (spare < height)
        height = spare;
    if (height < LOW)
        return none;
    struct pane below = pane_part(*list, list->rows - 1 - height, 0, height, list->columns);
    return below;
}

static void draw_list(struct screen *screen, struct pane pane, struct pane rows,
                      const struct tn_snapshot_path *path)
{
    struct view_state *state = &screen->views[screen->view];
    struct order order;
    follow(screen);
    list_follow(&state->cursor, &state->scroll, path->channels, rows.rows);
    if (!order_of(screen, path, &order))
        return;
    struct table table = table_for(screen, path, pane.columns);
    draw_columns(screen, pane, 0, &table);
    draw_filters(screen, rows, &table, path, &order);
    tn_free(order.rows);
    view_list_marks(screen, rows, path->channels);
    screen->view_rows = rows;
}

static void draw(struct screen *screen, struct pane pane)
{
    bool ready;
    int top = view_heading(screen, pane, &ready);
    screen->looking.wanted = false;
    if (screen->layer == LAYER_ALL && screen->snapshot->layer_count > 0)
        draw_overview(screen, pane);
    if (!ready)
        return;
    const struct tn_snapshot_path *path = screen_layer(screen)->path;
    struct pane list = pane_part(pane, top, 0, pane.rows - top, pane.columns);
    struct pane pictures = make_room(&list);
    bool below = pictures.rows > 0 && pictures.columns == list.columns;
    int rows = list.rows - 2 - (below ? pictures.rows : 0);
    screen->looking.wanted = pictures.rows > 0;
    draw_list(screen, list, pane_part(list, 1, 0, rows, list.columns), path);
    draw_legend(screen, list, list.rows - 1,
                marks_count(&screen->marks, screen->layer, path->channels));
    if (pictures.rows > 0)
        pictures_draw(screen, pictures);
}

static void ask(struct screen *screen)
{
    int filter = screen->looking.wanted ? filter_at_cursor(screen) : -1;
    if (filter >= 0)
        pictures_ask(screen, filter);
}

/* --- keys --- */

/* "lock LAYER 3,7 keep", the next of free, kept, pruned, free. */
static void submit_lock(struct screen *screen, const char *filters, int now)
{
    const char *layer = screen_layer(screen)->name;
    size_t size = strlen(filters) + strlen(layer) + 32;
    char *template = tn_alloc(size, 1), *line = tn_alloc(size, 1);
    if (template != NULL && line != NULL) {
        if (now == TN_LOCK_PRUNE)
            snprintf(template, size, "unlock %% %s", filters);
        else
            snprintf(template, size, "lock %% %s %s", filters,
                     now == TN_LOCK_KEEP ? "prune" : "keep");
        layer_command(template, layer, line, (int)size);
        screen_submit(screen, line, NULL);
    }
    tn_free(template);
    tn_free(line);
}

static int lock_of(const struct tn_snapshot_path *path, int filter)
{
    return (unsigned char)path->lock[filter];
}

/* What all marked filters are; where they differ, as if they were free. */
static int lock_of_marked(const struct screen *screen, const struct tn_snapshot_path *path)
{
    int now = -1;
    for (int f = 0; f < path->channels; f++) {
        if (!marks_has(&screen->marks, screen->layer, path->channels, f))
            continue;
        if (now >= 0 && now != lock_of(path, f))
            return TN_UNLOCKED;
        now = lock_of(path, f);
    }
    return now;
}

static void lock(struct screen *screen)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    int filter = filter_at_cursor(screen);
    if (filter < 0)
        return;
    if (marks_count(&screen->marks, screen->layer, layer->filters) == 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", filter);
        submit_lock(screen, text, lock_of(layer->path, filter));
        return;
    }
    size_t size = 12 * (size_t)layer->filters + 1;
    char *text = tn_alloc(size, 1);
    if (text != NULL) {
        marks_say(&screen->marks, text, size);
        submit_lock(screen, text, lock_of_marked(screen, layer->path));
    }
    tn_free(text);
}

/* And on to the next row, so that a held key marks many. */
static void mark(struct screen *screen)
{
    struct view_state *state = state_of(screen);
    int filter = filter_at_cursor(screen);
    if (screen->focus != FOCUS_VIEW) {
        screen->focus = FOCUS_VIEW;
        screen_advise(screen, false,
                      "choose filters with the arrows, `mark` marks, `lock` locks them");
        return;
    }
    marks_flip(&screen->marks, screen->layer, filter_rows(screen), filter);
    if (state->cursor + 1 < filter_rows(screen))
        state->cursor++;
}

static void turn_image(struct screen *screen, int by)
{
    if (!screen->looking.wanted)
        screen_say(screen, false, "no room for pictures: the terminal is too small");
    else if (!pictures_turn(screen, by))
        screen_say(screen, false, "no images are open: type :data fashion-mnist, or a folder");
}

static void own(struct screen *screen, int amount)
{
    if (filter_rows(screen) == 0) {
        screen_say(screen, false, "this layer has no list of filters yet");
        return;
    }
    if (amount == FILTERS_MARK)
        mark(screen);
    else if (amount == FILTERS_INVERT)
        marks_invert(&screen->marks, screen->layer, filter_rows(screen));
    else if (amount == FILTERS_MEASURE)
        screen->measure = (screen->measure + 1) % MEASURES;
    else
        turn_image(screen, amount == FILTERS_IMAGE_ON ? 1 : -1);
}

static bool escape(struct screen *screen)
{
    bool some = screen->marks.count > 0;
    marks_clear(&screen->marks);
    if (some)
        screen_say(screen, false, "%s", "");
    return some;
}

static void turn(struct screen *screen)
{
    struct view_state *state = state_of(screen);
    state->order = (state->order + 1) % ORDERS;
}

const struct view_ops view_filters = {.name = "Filters",
                                      .also = "lock order escape",
                                      .draw = draw,
                                      .rows = filter_rows,
                                      .follow = follow,
                                      .lock = lock,
                                      .turn = turn,
                                      .escape = escape,
                                      .own = own,
                                      .ask = ask};
