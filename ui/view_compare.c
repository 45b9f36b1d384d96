/* View 5: networks of the journal beside each other, as in the paper's tables, and as points of
 * accuracy against cost. It is wide because it is about no layer. */
#include "comparison.h"
#include "format.h"
#include "scatter.h"
#include "text.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHOW_BOTH, SHOW_TABLE, SHOW_SCATTER, SHOWS };

/* --- what the columns say --- */

/* A row of the table, and what it is a part of. */
struct line {
    const struct glyphs *glyphs;
    const struct comparison *comparison;
    const struct tn_snapshot_compared *row;
    struct difference difference;
    bool now; /* the session stands at this network */
};

static void say_number(char text[FORMAT], const char *before, double value, int decimals,
                       const char *after)
{
    if (isfinite(value))
        snprintf(text, FORMAT, "%s%.*f%s", before, decimals, value, after);
    else
        snprintf(text, FORMAT, "-");
}

static void say_top1(const struct line *line, char text[FORMAT])
{
    say_number(text, "", 100 * line->row->top1, 2, "");
}

static void say_interval(const struct line *line, char text[FORMAT])
{
    if (line->row->evaluated)
        snprintf(text, FORMAT, "%s%.2f", line->glyphs->plus_minus, 100 * line->row->ci95);
}

static void say_top5(const struct line *line, char text[FORMAT])
{
    say_number(text, "", 100 * line->row->top5, 2, "");
}

static void say_difference(const struct line *line, char text[FORMAT])
{
    static const char *const words[] = {[DIFFERENCE_UNKNOWN] = "-  ",
                                        [DIFFERENCE_BASE] = "base  ",
                                        [DIFFERENCE_IMAGES] = "other  "};
    static const char signs[] = {
        [DIFFERENCE_NONE] = '=', [DIFFERENCE_BETTER] = '+', [DIFFERENCE_WORSE] = '-'};
    enum difference_kind kind = line->difference.kind;
    if (kind < DIFFERENCE_NONE)
        snprintf(text, FORMAT, "%s", words[kind]);
    else
        snprintf(text, FORMAT, "%+.2f %c", 100 * line->difference.value, signs[kind]);
}

static void say_bounds(const struct line *line, char text[FORMAT])
{
    const struct difference *difference = &line->difference;
    if (isfinite(difference->low))
        snprintf(text, FORMAT, "%+.2f %+.2f", 100 * difference->low, 100 * difference->high);
}

static void say_count(int64_t count, char text[FORMAT])
{
    if (count >= 0)
        format_count(text, (double)count);
    else
        snprintf(text, FORMAT, "-");
}

static void say_params(const struct line *line, char text[FORMAT])
{
    say_count(line->row->params, text);
}

static void say_params_ratio(const struct line *line, char text[FORMAT])
{
    say_number(text, "", line->row->params_ratio, 2, "x");
}

static void say_flops(const struct line *line, char text[FORMAT])
{
    say_count(line->row->flops, text);
}

static void say_flops_ratio(const struct line *line, char text[FORMAT])
{
    say_number(text, "", line->row->flops_ratio, 2, "x");
}

static void say_forward(const struct line *line, char text[FORMAT])
{
    say_number(text, "", line->row->forward_ms, 1, "");
}

static void say_backward(const struct line *line, char text[FORMAT])
{
    say_number(text, "/ ", line->row->backward_ms, 1, "");
}

struct column {
    const char *title;
    int width; /* with the space before it */
    int rank;  /* in the order in which columns find room */
    void (*say)(const struct line *line, char text[FORMAT]);
    int order; /* that goes by it; 0: none */
};

static const struct column columns[] = {
    {"top-1", 7, 0, say_top1, BY_TOP1},
    {"95 %", 8, 3, say_interval, 0},
    {"top-5", 8, 6, say_top5, 0},
    {"to base", 9, 1, say_difference, 0},
    {"95 % interval", 15, 10, say_bounds, 0},
    {"#param", 8, 7, say_params, 0},
    {"params", 7, 5, say_params_ratio, BY_PARAMS},
    {"#FLOPs", 8, 4, say_flops, 0},
    {"FLOPs", 7, 2, say_flops_ratio, BY_FLOPS},
    {"f.", 8, 8, say_forward, BY_TIME},
    {"/ b. ms", 9, 9, say_backward, 0},
};

enum {
    COLUMNS = sizeof columns / sizeof *columns,
    ALWAYS = 3, /* of them, by rank: top-1, the difference, the FLOPs */
    ENTRY = 1,  /* where it stands: behind the pointer */
    FRONT = 7,
    NOW = 8,
    MODEL = 10,
    MARKS = 1, /* at the end, where arrows say that the list goes on */
    LEAST_MODEL = 8,
    ENOUGH_MODEL = 26, /* tells networks apart: what was done is not cut before the file's name */
    MOST_MODEL = 60
};

/* --- the room there is --- */

struct table {
    int model;           /* columns of the names */
    int widths[COLUMNS]; /* 0: no room for it */
};

static int model_width(const struct comparison *comparison)
{
    int widest = LEAST_MODEL;
    for (int i = 0; i < comparison->count; i++) {
        int width = text_width(comparison->rows[i].model);
        widest = width > widest ? width : widest;
    }
    return widest < MOST_MODEL ? widest : MOST_MODEL;
}

static int of_rank(int rank)
{
    int i = 0;
    while (columns[i].rank != rank)
        i++;
    return i;
}

/* The columns that are always there, and what the rows are sorted by. */
static bool is_needed(const struct column *column, int order)
{
    return column->rank < ALWAYS || (column->order != 0 && column->order == order);
}

/* Columns go before a name is cut to less than enough, the last in rank first. */
static struct table table_for(const struct comparison *comparison, int room, int order)
{
    struct table table = {0};
    int widest = model_width(comparison);
    table.model = widest < ENOUGH_MODEL ? widest : ENOUGH_MODEL;
    room -= MODEL + table.model + MARKS;
    for (int i = 0; i < COLUMNS; i++) {
        table.widths[i] = is_needed(&columns[i], order) ? columns[i].width : 0;
        room -= table.widths[i];
    }
    bool fits = true;
    for (int rank = 0; rank < COLUMNS; rank++) {
        int i = of_rank(rank);
        if (table.widths[i] > 0)
            continue;
        fits = fits && columns[i].width <= room;
        table.widths[i] = fits ? columns[i].width : 0;
        room -= table.widths[i];
    }
    table.model += room;
    table.model = table.model > widest ? widest : table.model;
    table.model = table.model < LEAST_MODEL ? LEAST_MODEL : table.model;
    return table;
}

/* --- the cursor --- */

static struct view_state *state_of(struct screen *screen)
{
    return &screen->views[view_index(&view_compare)];
}

static int compare_rows(const struct screen *screen)
{
    return comparison_any(screen->snapshot) ? screen->snapshot->compared_count : 0;
}

static bool compare(struct screen *screen, struct comparison *comparison)
{
    enum comparison_order order = (enum comparison_order)state_of(screen)->order;
    return compare_rows(screen) > 0 &&
           comparison_make(comparison, screen->snapshot, screen->comparing.base, order,
                           screen->comparing.by_params);
}

static const struct tn_snapshot_compared *under_cursor(struct screen *screen,
                                                       const struct comparison *comparison)
{
    int cursor = state_of(screen)->cursor;
    int place = cursor < 0 || cursor >= comparison->count ? 0 : cursor;
    return &comparison->rows[comparison->order[place]];
}

static void stand(struct screen *screen)
{
    struct comparison comparison;
    if (!compare(screen, &comparison))
        return;
    screen->comparing.at = under_cursor(screen, &comparison)->network;
    comparison_free(&comparison);
}

/* The cursor stays with its network wherever that comes to stand; at first it is the one that the
 * session stands at. */
static void follow(struct screen *screen, const struct comparison *comparison)
{
    int64_t wanted = screen->comparing.at != 0 ? screen->comparing.at : screen->snapshot->network;
    int place = comparison_place(comparison, wanted);
    if (place >= 0)
        state_of(screen)->cursor = place;
    screen->comparing.at = under_cursor(screen, comparison)->network;
}

/* --- drawing --- */

static enum style style_of(const struct line *line, const struct column *column)
{
    if (column->say != say_difference)
        return column->say == say_top1 && line->now ? STYLE_BOLD : STYLE_NORMAL;
    switch (line->difference.kind) {
    case DIFFERENCE_BETTER:
        return STYLE_GOOD;
    case DIFFERENCE_WORSE:
        return STYLE_PRUNED;
    case DIFFERENCE_BASE:
        return STYLE_BOLD;
    default:
        return STYLE_DIM;
    }
}

/* "resnet56-ci~ pruned, fine-tuned": all have the same name, what was done differs. */
static void draw_model(struct pane pane, int width, const struct line *line)
{
    enum style style = line->now ? STYLE_BOLD : STYLE_NORMAL;
    const char *model = line->row->model, *done = strchr(model, ' ');
    int rest = done != NULL ? text_width(done) : 0;
    if (done == NULL || text_width(model) <= width || rest > width - 3) {
        pane_cut(pane, 0, MODEL, width, style, model, line->glyphs);
        return;
    }
    char name[sizeof line->row->model];
    snprintf(name, sizeof name, "%.*s", (int)(done - model), model);
    pane_cut(pane, 0, MODEL, width - rest, style, name, line->glyphs);
    pane_text(pane, 0, MODEL + width - rest, style, done);
}

static void draw_line(struct pane pane, const struct table *table, const struct line *line,
                      bool front)
{
    char text[FORMAT];
    snprintf(text, sizeof text, "%lld", (long long)line->row->entry);
    pane_right(pane, 0, ENTRY, 5, STYLE_NORMAL, text);
    if (front)
        pane_glyph(pane, 0, FRONT, STYLE_SERIES2, '*');
    if (line->now)
        pane_glyph(pane, 0, NOW, STYLE_KEY, '@');
    draw_model(pane, table->model, line);
    int column = MODEL + table->model;
    for (int i = 0; i < COLUMNS; i++) {
        text[0] = '\0';
        columns[i].say(line, text);
        if (table->widths[i] > 0)
            pane_right(pane, 0, column, table->widths[i], style_of(line, &columns[i]), text);
        column += table->widths[i];
    }
}

static void draw_titles(struct screen *screen, struct pane line, const struct table *table)
{
    int order = state_of(screen)->order, column = MODEL + table->model;
    pane_right(line, 0, ENTRY, 5, STYLE_TITLE, "entry");
    pane_text(line, 0, MODEL, STYLE_TITLE, "model");
    if (order == BY_ENTRY)
        pane_glyph(line, 0, 0, STYLE_KEY, screen->glyphs->more_below);
    for (int i = 0; i < COLUMNS; i++) {
        if (table->widths[i] == 0)
            continue;
        const char *title = columns[i].title;
        int at = column + table->widths[i] - text_width(title);
        pane_text(line, 0, at, STYLE_TITLE, title);
        if (columns[i].order != 0 && columns[i].order == order)
            pane_glyph(line, 0, at - 1, STYLE_KEY, screen->glyphs->more_below);
        column += table->widths[i];
    }
}

static void draw_rows(struct screen *screen, struct pane rows, const struct table *table,
                      const struct comparison *comparison)
{
    struct view_state *state = state_of(screen);
    list_follow(&state->cursor, &state->scroll, comparison->count, rows.rows);
    for (int i = 0; i < rows.rows && state->scroll + i < comparison->count; i++) {
        int row = comparison->order[state->scroll + i];
        struct line line = {.glyphs = screen->glyphs,
                            .comparison = comparison,
                            .row = &comparison->rows[row],
                            .difference = comparison_difference(comparison, row),
                            .now = comparison->rows[row].network == screen->snapshot->network};
        draw_line(pane_part(rows, i, 0, 1, rows.columns), table, &line, comparison->front[row]);
    }
    pane_glyph(rows, state->cursor - state->scroll, 0, STYLE_CURSOR, screen->glyphs->pointer);
    view_list_marks(screen, rows, comparison->count);
}

static int draw_key(struct pane line, int column, const char *key, const char *what)
{
    if (column + text_width(key) + 1 + text_width(what) > line.columns)
        return column;
    column = pane_text(line, 0, column, STYLE_KEY, key);
    return pane_text(line, 0, column + 1, STYLE_DIM, what) + 2;
}

static void draw_base(const struct screen *screen, struct pane line,
                      const struct comparison *comparison)
{
    const struct tn_snapshot_compared *base = &comparison->rows[comparison->base];
    char text[320];
    int column = pane_print(line, 0, 0, STYLE_BOLD, "base: %lld", (long long)base->entry) + 2;
    snprintf(text, sizeof text, "%s, top-1 %.2f%s%.2f %% on %lld images", base->model,
             100 * base->top1, screen->glyphs->plus_minus, 100 * base->ci95,
             (long long)base->images);
    pane_cut(line, 0, column, line.columns - column, STYLE_NORMAL, text, screen->glyphs);
    column = draw_key(line, column + text_width(text) + 3, "Enter", "goes to the entry");
    draw_key(line, column, "Esc", "leaves");
}

/* What the signs mean, as much as finds room. */
static void draw_legend(const struct screen *screen, struct pane line,
                        const struct comparison *comparison)
{
    bool others = false;
    for (int i = 0; i < comparison->count; i++)
        others = others || comparison_difference(comparison, i).kind == DIFFERENCE_IMAGES;
    const char *const pieces[] = {"* Pareto front", "+ better, - worse, = within the 95 % interval",
                                  "@ stands here", others ? "other: on other images" : NULL,
                                  comparison_timed(screen->snapshot) ? "f./b.: 32 images"
                                                                     : "f./b.: t measures"};
    int column = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (pieces[i] != NULL && column + text_width(pieces[i]) <= line.columns)
            column = pane_text(line, 0, column, STYLE_DIM, pieces[i]) + 2;
}

/* Rows of the list: all of the room, what the scatter leaves of it, or the one under the cursor. */
static int list_height(struct screen *screen, int count, int room)
{
    enum { LEAST = 3 };
    struct comparing *comparing = &screen->comparing;
    comparing->roomy = room >= LEAST + SCATTER_LEAST;
    if (comparing->shown == SHOW_SCATTER)
        return 1;
    if (comparing->shown == SHOW_TABLE || !comparing->roomy)
        return room;
    int height = room / 2 < room - SCATTER_LEAST ? room / 2 : room - SCATTER_LEAST;
    return count < height ? count : height;
}

static void draw_comparison(struct screen *screen, struct pane pane,
                            const struct comparison *comparison)
{
    enum { ABOVE = 2, BELOW = 1 }; /* base and titles; the legend */
    struct table table = table_for(comparison, pane.columns, state_of(screen)->order);
    int room = pane.rows - ABOVE - BELOW;
    follow(screen, comparison);
    int height = list_height(screen, comparison->count, room);
    struct pane rows = pane_part(pane, ABOVE, 0, height < room ? height : room, pane.columns);
    draw_base(screen, pane_part(pane, 0, 0, 1, pane.columns), comparison);
    draw_titles(screen, pane_part(pane, 1, 0, 1, pane.columns), &table);
    draw_rows(screen, rows, &table, comparison);
    if (height < room)
        scatter_draw(pane_part(pane, ABOVE + height, 0, room - height, pane.columns),
                     screen->glyphs, comparison, comparison->order[state_of(screen)->cursor],
                     screen->comparing.by_params);
    draw_legend(screen, pane_part(pane, pane.rows - BELOW, 0, BELOW, pane.columns), comparison);
    screen->view_rows = rows;
}

/* Before any accuracy is known: what appears here, and how. */
static void draw_purpose(const struct screen *screen, struct pane pane)
{
    bool data = screen->snapshot->data_name[0] != '\0';
    int row = pane_wrap(pane, 0, STYLE_BOLD, "Nothing is evaluated yet.");
    row = pane_wrap(pane, row + 1, STYLE_NORMAL,
                    data ? "Press e: it evaluates the network as it stands."
                         : "Evaluating needs images: type :data fashion-mnist, or :data and a "
                           "folder of your own. Then press e.");
    row = pane_wrap(pane_part(pane, row + 1, 0, pane.rows, pane.columns), 0, STYLE_NORMAL,
                    "Then prune, fine-tune and evaluate again: every network made from the opened "
                    "one whose accuracy is known has a row here, from all branches of the "
                    "journal: top-1 with its 95 % interval, top-5, parameters, FLOPs, time, and "
                    "whether it differs from a base by more than chance. A scatter shows accuracy "
                    "against cost.") +
          row + 1;
    pane_wrap(pane_part(pane, row + 1, 0, pane.rows, pane.columns), 0, STYLE_DIM,
              "The command compare prints the same rows.");
}

static void draw(struct screen *screen, struct pane pane)
{
    bool ready;
    struct comparison comparison;
    if (screen->snapshot->layer_count == 0) {
        view_heading(screen, pane, &ready);
    } else if (compare_rows(screen) == 0) {
        draw_purpose(screen, pane);
    } else if (compare(screen, &comparison)) {
        draw_comparison(screen, pane, &comparison);
        comparison_free(&comparison);
    }
}

/* --- keys --- */

static void enter(struct screen *screen)
{
    struct comparison comparison;
    char line[LINE];
    if (!compare(screen, &comparison))
        return;
    snprintf(line, sizeof line, "goto %lld", (long long)under_cursor(screen, &comparison)->entry);
    screen_submit(screen, line, NULL);
    comparison_free(&comparison);
}

static void turn(struct screen *screen)
{
    int *order = &state_of(screen)->order;
    int orders = comparison_timed(screen->snapshot) ? COMPARISON_ORDERS : BY_TIME;
    *order = (*order + 1) % orders;
    struct comparison comparison;
    if (compare(screen, &comparison)) {
        follow(screen, &comparison); /* the next key may come before the next frame */
        comparison_free(&comparison);
    }
}

static void set_base(struct screen *screen)
{
    struct comparison comparison;
    if (!compare(screen, &comparison))
        return;
    const struct tn_snapshot_compared *row = under_cursor(screen, &comparison);
    if (row->evaluated) {
        screen->comparing.base = row->network;
        screen_say(screen, false, "differences are to entry %lld now", (long long)row->entry);
    } else {
        screen_say(screen, true,
                   "the accuracy of entry %lld is not known: Enter goes there, then e",
                   (long long)row->entry);
    }
    comparison_free(&comparison);
}

/* Both looks like the table where there is no room for both. */
static void show_next(struct screen *screen)
{
    struct comparing *comparing = &screen->comparing;
    if (comparing->roomy)
        comparing->shown = (comparing->shown + 1) % SHOWS;
    else
        comparing->shown = comparing->shown == SHOW_SCATTER ? SHOW_TABLE : SHOW_SCATTER;
}

static void own(struct screen *screen, int amount)
{
    if (compare_rows(screen) == 0)
        screen_say(screen, false, "nothing is evaluated yet: press e");
    else if (amount == COMPARE_BASE)
        set_base(screen);
    else if (amount == COMPARE_SHOW)
        show_next(screen);
    else
        screen->comparing.by_params = !screen->comparing.by_params;
}

const struct view_ops view_compare = {.name = "Compare",
                                      .key = '5',
                                      .wide = true,
                                      .draw = draw,
                                      .rows = compare_rows,
                                      .stand = stand,
                                      .enter = enter,
                                      .turn = turn,
                                      .own = own};
