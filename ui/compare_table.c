#include "compare_table.h"
#include "columns.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- what the columns say --- */

/* A row of the table. */
struct line {
    const struct glyphs *glyphs;
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

static const struct column columns[COMPARE_COLUMNS] = {
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
    COLUMNS = COMPARE_COLUMNS,
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

static int model_width(const struct comparison *comparison)
{
    int widest = LEAST_MODEL;
    for (int i = 0; i < comparison->count; i++) {
        int width = text_width(comparison->rows[i].model);
        widest = width > widest ? width : widest;
    }
    return widest < MOST_MODEL ? widest : MOST_MODEL;
}

/* The columns that are always there, and what the rows are sorted by. */
static bool is_needed(const struct column *column, int order)
{
    return column->rank < ALWAYS || (column->order != 0 && column->order == order);
}

/* Columns go before a name is cut to less than enough, the last in rank first. */
struct compare_table compare_table_for(const struct comparison *comparison, int room, int order)
{
    struct compare_table table = {0};
    int widest = model_width(comparison);
    table.model = widest < ENOUGH_MODEL ? widest : ENOUGH_MODEL;
    room -= MODEL + table.model + MARKS;
    struct column_need needs[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        needs[i] = (struct column_need){.width = columns[i].width,
                                        .rank = columns[i].rank,
                                        .always = is_needed(&columns[i], order)};
    table.model += columns_fit(needs, COLUMNS, room, table.widths);
    table.model = table.model > widest ? widest : table.model;
    table.model = table.model < LEAST_MODEL ? LEAST_MODEL : table.model;
    return table;
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

static void draw_line(struct pane pane, const struct compare_table *table, const struct line *line,
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

void compare_table_row(struct pane pane, const struct glyphs *glyphs,
                       const struct compare_table *table, const struct comparison *comparison,
                       int row, bool now)
{
    struct line line = {.glyphs = glyphs,
                        .row = &comparison->rows[row],
                        .difference = comparison_difference(comparison, row),
                        .now = now};
    draw_line(pane, table, &line, comparison->front[row]);
}

void compare_table_titles(struct pane line, const struct glyphs *glyphs,
                          const struct compare_table *table, int order)
{
    int column = MODEL + table->model;
    pane_right(line, 0, ENTRY, 5, STYLE_TITLE, "entry");
    pane_text(line, 0, MODEL, STYLE_TITLE, "model");
    if (order == BY_ENTRY)
        pane_glyph(line, 0, 0, STYLE_KEY, glyphs->more_below);
    for (int i = 0; i < COLUMNS; i++) {
        if (table->widths[i] == 0)
            continue;
        const char *title = columns[i].title;
        int at = column + table->widths[i] - text_width(title);
        pane_text(line, 0, at, STYLE_TITLE, title);
        if (columns[i].order != 0 && columns[i].order == order)
            pane_glyph(line, 0, at - 1, STYLE_KEY, glyphs->more_below);
        column += table->widths[i];
    }
}
