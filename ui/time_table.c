#include "time_table.h"
#include "columns.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>

/* --- the columns --- */

static double forward(const struct tn_snapshot_time *layer, const struct tn_snapshot_times *times)
{
    (void)times;
    return layer->forward_ms;
}

static double forward_part(const struct tn_snapshot_time *layer,
                           const struct tn_snapshot_times *times)
{
    return 100 * layer->forward_ms / times->forward_ms;
}

static double forward_rate(const struct tn_snapshot_time *layer,
                           const struct tn_snapshot_times *times)
{
    (void)times;
    return layer->gflops;
}

static double forward_share(const struct tn_snapshot_time *layer,
                            const struct tn_snapshot_times *times)
{
    (void)times;
    return 100 * layer->share;
}

static double backward(const struct tn_snapshot_time *layer, const struct tn_snapshot_times *times)
{
    (void)times;
    return layer->backward_ms;
}

static double backward_part(const struct tn_snapshot_time *layer,
                            const struct tn_snapshot_times *times)
{
    return 100 * layer->backward_ms / times->backward_ms;
}

static double backward_rate(const struct tn_snapshot_time *layer,
                            const struct tn_snapshot_times *times)
{
    (void)times;
    return layer->backward_gflops;
}

static double backward_share(const struct tn_snapshot_time *layer,
                             const struct tn_snapshot_times *times)
{
    (void)times;
    return 100 * layer->backward_share;
}

static double flops(const struct tn_snapshot_time *layer, const struct tn_snapshot_times *times)
{
    (void)times;
    return layer->flops;
}

enum kind { WORD, COUNT, MS, PART, RATE, SHARE };

struct column {
    const char *title;
    int width; /* with the space before it */
    int rank;  /* in the order in which columns find room */
    enum kind kind;
    double (*value)(const struct tn_snapshot_time *layer,
                    const struct tn_snapshot_times *times); /* not of a word */
    bool backward;         /* only where the way back was measured */
    enum time_order order; /* that goes by it */
};

static const struct column columns[TIME_COLUMNS] = {
    {.title = "path", .width = 13, .rank = 5, .kind = WORD},
    {.title = "FLOPs", .width = 7, .rank = 9, .kind = COUNT, .value = flops},
    {.title = "forward",
     .width = 8,
     .rank = 0,
     .kind = MS,
     .value = forward,
     .order = TIME_BY_FORWARD},
    {.title = "%", .width = 6, .rank = 3, .kind = PART, .value = forward_part},
    {.title = "GFLOP/s", .width = 9, .rank = 4, .kind = RATE, .value = forward_rate},
    {.title = "of peak", .width = 14, .rank = 2, .kind = SHARE, .value = forward_share},
    {.title = "backward",
     .width = 10,
     .rank = 1,
     .kind = MS,
     .value = backward,
     .backward = true,
     .order = TIME_BY_BACKWARD},
    {.title = "%", .width = 6, .rank = 6, .kind = PART, .value = backward_part, .backward = true},
    {.title = "GFLOP/s",
     .width = 9,
     .rank = 7,
     .kind = RATE,
     .value = backward_rate,
     .backward = true},
    {.title = "of peak",
     .width = 14,
     .rank = 8,
     .kind = SHARE,
     .value = backward_share,
     .backward = true},
};

enum {
    COLUMNS = TIME_COLUMNS,
    ALWAYS = 2,  /* of them: forward and backward */
    POINTER = 1, /* columns before the names */
    MARKS = 1,   /* at the end, where arrows say that the list goes on */
    LEAST_NAME = 5,
    PERCENT = 5, /* behind a bar */
    WIDEST_BAR = 24
};

static const char rest[] = "the rest";

/* --- the room there is --- */

bool time_has_backward(const struct tn_snapshot_times *times)
{
    return isfinite(times->backward_ms);
}

static int name_width(const struct tn_snapshot_times *times)
{
    int widest = text_width(rest);
    for (int l = 0; l < times->layer_count; l++) {
        int width = text_width(times->layers[l].name);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* So that the longest has four figures; the others stand under it. */
static int decimals_for(const struct tn_snapshot_times *times)
{
    double longest = fmax(times->other_forward_ms, times->other_backward_ms);
    for (int l = 0; l < times->layer_count; l++)
        longest = fmax(longest, fmax(times->layers[l].forward_ms, times->layers[l].backward_ms));
    return longest < 10 ? 3 : longest < 100 ? 2 : longest < 1000 ? 1 : 0;
}

/* More room shows more. */
static void widen_bars(struct time_table *table, int room)
{
    enum { MOST = 1 + WIDEST_BAR + PERCENT };
    int bars = 0;
    for (int i = 0; i < COLUMNS; i++)
        bars += columns[i].kind == SHARE && table->widths[i] > 0;
    for (int i = 0; i < COLUMNS && room > 0; i++)
        if (columns[i].kind == SHARE && table->widths[i] > 0) {
            int width = table->widths[i] + room / bars;
            table->widths[i] = width < MOST ? width : MOST;
        }
}

/* Columns go before a name is cut, the last in rank first. */
struct time_table time_table_for(const struct tn_snapshot_times *times, int room)
{
    struct time_table table = {
        .times = times, .name = name_width(times), .decimals = decimals_for(times)};
    struct column_need needs[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        needs[i] = (struct column_need){
            .width = columns[i].backward && !time_has_backward(times) ? 0 : columns[i].width,
            .rank = columns[i].rank,
            .always = columns[i].rank < ALWAYS};
    room -= POINTER + table.name + MARKS;
    room = columns_fit(needs, COLUMNS, room, table.widths);
    widen_bars(&table, room);
    table.name = room < LEAST_NAME - table.name ? LEAST_NAME : table.name + (room < 0 ? room : 0);
    return table;
}

/* --- drawing --- */

static void say(enum kind kind, double value, int decimals, char text[FORMAT])
{
    if (!isfinite(value))
        snprintf(text, FORMAT, "-");
    else if (kind == COUNT)
        format_count(text, value);
    else if (kind == SHARE)
        snprintf(text, FORMAT, "%.0f%%", value);
    else
        snprintf(text, FORMAT, "%.*f", kind == MS ? decimals : 1, value);
}

static void draw_value(struct pane cell, const struct glyphs *glyphs, enum kind kind, double value,
                       const char *text, enum style style)
{
    int bar = cell.columns - 1 - PERCENT;
    if (kind == SHARE)
        pane_bar(cell, 0, 1, bar, STYLE_BAR, value / 100, glyphs);
    pane_right(cell, 0, 0, cell.columns, style, text);
}

void time_table_layer(struct pane line, const struct glyphs *glyphs, const struct time_table *table,
                      const struct tn_snapshot_time *layer)
{
    const struct tn_snapshot_time other = {.flops = NAN,
                                           .forward_ms = table->times->other_forward_ms,
                                           .gflops = NAN,
                                           .share = NAN,
                                           .backward_ms = table->times->other_backward_ms,
                                           .backward_gflops = NAN,
                                           .backward_share = NAN};
    const struct tn_snapshot_time *shown = layer != NULL ? layer : &other;
    enum style style = layer != NULL ? STYLE_NORMAL : STYLE_DIM;
    pane_name(line, 0, POINTER, table->name, style, layer != NULL ? layer->name : rest, glyphs);
    int column = POINTER + table->name;
    for (int i = 0; i < COLUMNS; i++) {
        struct pane cell = pane_part(line, 0, column, 1, table->widths[i]);
        column += table->widths[i];
        if (columns[i].kind == WORD) {
            pane_text(cell, 0, 2, STYLE_DIM, shown->path);
            continue;
        }
        char text[FORMAT];
        double value = columns[i].value(shown, table->times);
        say(columns[i].kind, value, table->decimals, text);
        if (layer != NULL || isfinite(value))
            draw_value(cell, glyphs, columns[i].kind, value, text, style);
    }
}

void time_table_titles(struct pane line, const struct glyphs *glyphs,
                       const struct time_table *table, enum time_order order)
{
    pane_text(line, 0, POINTER, STYLE_TITLE, "layer");
    int column = POINTER + table->name;
    for (int i = 0; i < COLUMNS; i++) {
        struct pane cell = pane_part(line, 0, column, 1, table->widths[i]);
        const char *title = columns[i].title;
        int at = columns[i].kind == WORD    ? 2
                 : columns[i].kind == SHARE ? 1
                                            : cell.columns - text_width(title);
        column += table->widths[i];
        pane_text(cell, 0, at, STYLE_TITLE, title);
        if (columns[i].order != TIME_IN_NETWORK && columns[i].order == order)
            pane_glyph(cell, 0, at - 1, STYLE_KEY, glyphs->more_below);
    }
}
