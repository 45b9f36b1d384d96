#include "ratios_table.h"
#include "columns.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the columns --- */

struct cell_of {
    const struct screen *screen;
    const struct ratio_figures *figures;
    int layer; /* or LAYER_ALL */
};

static void say_kept(const struct cell_of *of, char text[FORMAT])
{
    char kept[FORMAT], filters[FORMAT];
    snprintf(text, FORMAT, "%.10s/%.10s", format_filters(kept, of->figures->kept),
             format_filters(filters, of->figures->filters));
}

static void say_kept_alone(const struct cell_of *of, char text[FORMAT])
{
    format_filters(text, of->figures->kept);
}

static void say_ratio(const struct cell_of *of, char text[FORMAT])
{
    const struct ratio_figures *it = of->figures;
    snprintf(text, FORMAT, "%.0f%%",
             it->filters > 0 ? 100 * (1 - (double)it->kept / it->filters) : 0);
}

static void say_part(char text[FORMAT], double part, int64_t whole)
{
    snprintf(text, FORMAT, "%.1f%%", whole > 0 ? 100 * part / (double)whole : 0);
}

static void say_flops(const struct cell_of *of, char text[FORMAT])
{
    say_part(text, of->figures->flops, of->screen->snapshot->flops_now);
}

static void say_params(const struct cell_of *of, char text[FORMAT])
{
    say_part(text, of->figures->params, of->screen->snapshot->params_now);
}

static void say_ms(const struct cell_of *of, char text[FORMAT])
{
    double ms = of->figures->ms;
    snprintf(text, FORMAT, !isfinite(ms) ? "-" : ms < 100 ? "%.2f" : "%.0f", ms);
}

static void say_error(const struct cell_of *of, char text[FORMAT])
{
    format_error(text, of->figures->error);
}

static void say_error_ls(const struct cell_of *of, char text[FORMAT])
{
    format_error(text, of->figures->error_ls);
}

static void say_lost(const struct cell_of *of, char text[FORMAT])
{
    double lost = 100 * of->figures->lost;
    if (isfinite(lost))
        snprintf(text, FORMAT, "%.1f%%", fabs(lost) < 0.05 ? 0 : lost);
    else
        snprintf(text, FORMAT, "-");
}

static void say_method(const struct cell_of *of, char text[FORMAT])
{
    bool one = of->layer != LAYER_ALL;
    snprintf(text, FORMAT, "%s", one ? of->screen->snapshot->layers[of->layer].method : "");
}

enum needs { PROPOSAL = 1, POINTS = 2, TIMES = 4 };

struct column {
    const char *title;
    int width; /* with the space before it */
    int rank;  /* in the order in which columns find room */
    void (*say)(const struct cell_of *of, char text[FORMAT]);
    unsigned needs; /* all of these; of a proposal: its own number, behind an arrow */
    enum ratios_order order;
};

static const struct column columns[RATIOS_COLUMNS] = {
    {.title = "kept", .width = 8, .rank = 0, .say = say_kept},
    {.title = "kept", .width = 7, .rank = 1, .say = say_kept_alone, .needs = PROPOSAL},
    {.title = "ratio", .width = 6, .rank = 2, .say = say_ratio},
    {.title = "FLOPs", .width = 7, .rank = 3, .say = say_flops, .order = RATIOS_BY_FLOPS},
    {.title = "FLOPs", .width = 8, .rank = 7, .say = say_flops, .needs = PROPOSAL},
    {.title = "params", .width = 8, .rank = 6, .say = say_params},
    {.title = "ms", .width = 8, .rank = 9, .say = say_ms, .needs = TIMES},
    {.title = "error", .width = 7, .rank = 10, .say = say_error},
    {.title = "ls", .width = 7, .rank = 4, .say = say_error_ls, .order = RATIOS_BY_ERROR},
    {.title = "ls", .width = 8, .rank = 8, .say = say_error_ls, .needs = PROPOSAL},
    {.title = "lost", .width = 7, .rank = 5, .say = say_lost, .needs = POINTS},
    {.title = "lost", .width = 8, .rank = 11, .say = say_lost, .needs = PROPOSAL | POINTS},
    {.title = "method", .rank = 12, .say = say_method},
};

enum {
    ALWAYS = 5,  /* of the ranks */
    BESIDE = 6,  /* from this rank on, only beside a slider that is good to read */
    POINTER = 1, /* columns before the names */
    MARKS = 1,   /* at the end, where arrows say that the list goes on */
    LEAST_NAME = 5,
    MORE = 4, /* behind a name: " +3" layers that go with it */
    LEAST_SLIDER = 8,
    GOOD_SLIDER = 20
};

/* --- the room there is --- */

/* Of what columns need. */
static unsigned what_there_is(const struct screen *screen, const struct ratios *proposed)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    unsigned there = (proposed != NULL ? PROPOSAL : 0) | (snapshot->times != NULL ? TIMES : 0);
    for (int l = 0; l < snapshot->layer_count; l++)
        there |= snapshot->layers[l].point_count > 0 ? POINTS : 0;
    return there;
}

/* Layers whose filters go with this one's. */
static int followers(const struct tn_snapshot *snapshot, int leader)
{
    int count = -1;
    for (int l = leader; l < snapshot->layer_count; l++)
        count += snapshot->layers[l].leader == leader;
    return count;
}

static int name_width(const struct tn_snapshot *snapshot)
{
    int widest = LEAST_NAME;
    for (int l = 0; l < snapshot->layer_count; l++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[l];
        if (!layer->prunable || layer->leader != l)
            continue;
        int width = text_width(layer->name) + (followers(snapshot, l) > 0 ? MORE : 0);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static int method_width(const struct tn_snapshot *snapshot)
{
    int widest = text_width("method");
    for (int l = 0; l < snapshot->layer_count; l++) {
        int width = text_width(snapshot->layers[l].method);
        widest = width > widest ? width : widest;
    }
    return 2 + widest;
}

/* "12/32" needs less than "1024/2048". */
static int width_of(const struct screen *screen, const struct ratios *set, int column)
{
    const struct column *it = &columns[column];
    if (it->say == say_method)
        return method_width(screen->snapshot);
    int widest = it->say == say_kept ? set->all.filters : 0, digits = 1;
    while (digits < 4 && widest >= 10) {
        widest /= 10;
        digits++;
    }
    return it->say == say_kept ? 2 * digits + 2 : it->width;
}

struct ratios_table ratios_table_for(const struct screen *screen, const struct ratios *set,
                                     const struct ratios *proposed, int room)
{
    struct ratios_table table = {
        .set = set, .proposed = proposed, .name = name_width(screen->snapshot)};
    unsigned there = what_there_is(screen, proposed);
    struct column_need needs[RATIOS_COLUMNS];
    for (int i = 0; i < RATIOS_COLUMNS; i++)
        needs[i] =
            (struct column_need){.width = columns[i].needs & ~there ? 0 : width_of(screen, set, i),
                                 .rank = columns[i].rank,
                                 .spare = columns[i].rank < BESIDE ? 0 : GOOD_SLIDER - LEAST_SLIDER,
                                 .always = columns[i].rank < ALWAYS};
    room -= POINTER + table.name + 1 + LEAST_SLIDER + MARKS;
    room = columns_fit(needs, RATIOS_COLUMNS, room, table.widths);
    table.slider = LEAST_SLIDER + (room > 0 ? room : 0);
    if (room < 0)
        table.name = table.name + room < LEAST_NAME ? LEAST_NAME : table.name + room;
    table.slider_at = POINTER + table.name + 1;
    return table;
}

int ratios_table_kept_at(const struct ratios_table *table, int filters, int column)
{
    int cell = column - table->slider_at;
    if (cell < 0 || cell >= table->slider)
        return 0;
    int kept = (int)lround((cell + 1.0) / table->slider * filters);
    return kept < 1 ? 1 : kept;
}

/* --- drawing --- */

static void draw_slider(const struct screen *screen, struct pane slider,
                        const struct ratio_figures *set, const struct ratio_figures *proposed)
{
    if (set->filters == 0)
        return;
    pane_fill(slider, 0, 0, slider.columns, STYLE_DIM, screen->glyphs->bar_rest);
    pane_bar(slider, 0, 0, slider.columns, STYLE_KEPT, (double)set->kept / set->filters,
             screen->glyphs);
    if (proposed == NULL)
        return;
    int end = (int)ceil((double)proposed->kept / proposed->filters * slider.columns - 1e-9);
    pane_glyph(slider, 0, end > 0 ? end - 1 : 0, STYLE_SERIES4, screen->glyphs->cursor);
}

/* Numbers end where their column does; a word begins where it does. */
static void draw_text(struct pane cell, const struct column *column, enum style style,
                      const char *text)
{
    if (column->say == say_method)
        pane_text(cell, 0, 2, style, text);
    else
        pane_right(cell, 0, 0, cell.columns, style, text);
}

static void draw_cell(const struct screen *screen, struct pane cell, const struct column *column,
                      const struct cell_of *of, enum style style)
{
    char text[FORMAT], behind[FORMAT + 8];
    bool proposal = column->needs & PROPOSAL, cut = of->figures->kept != of->figures->filters;
    if (proposal)
        style = STYLE_SERIES4;
    else if (cut && (column->say == say_kept || column->say == say_ratio))
        style = STYLE_PRUNED;
    column->say(of, text);
    snprintf(behind, sizeof behind, "%s%s", proposal ? screen->glyphs->arrow : "", text);
    draw_text(cell, column, style, behind);
}

/* Of a layer, or the sums of all. */
static const struct ratio_figures *figures_of(const struct ratios *ratios, int layer)
{
    return layer == LAYER_ALL || ratios->each == NULL ? &ratios->all : &ratios->each[layer];
}

static void draw_numbers(const struct screen *screen, struct pane line,
                         const struct ratios_table *table, int layer, enum style style)
{
    int column = table->slider_at + table->slider;
    for (int i = 0; i < RATIOS_COLUMNS; i++) {
        struct pane cell = pane_part(line, 0, column, 1, table->widths[i]);
        const struct ratios *of = columns[i].needs & PROPOSAL ? table->proposed : table->set;
        column += table->widths[i];
        if (table->widths[i] == 0 || of == NULL)
            continue;
        struct cell_of cell_of = {screen, figures_of(of, layer), layer};
        draw_cell(screen, cell, &columns[i], &cell_of, style);
    }
}

static void draw_name(const struct screen *screen, struct pane line,
                      const struct ratios_table *table, int layer)
{
    if (layer == LAYER_ALL) {
        pane_text(line, 0, POINTER, STYLE_TITLE, "all");
        return;
    }
    int more = followers(screen->snapshot, layer), name = table->name - (more > 0 ? MORE : 0);
    const char *text = screen->snapshot->layers[layer].name;
    pane_name(line, 0, POINTER, name, STYLE_NORMAL, text, screen->glyphs);
    int end = text_width(text) < name ? text_width(text) : name;
    if (more > 0)
        pane_print(line, 0, POINTER + end, STYLE_DIM, " +%d", more);
}

void ratios_table_layer(const struct screen *screen, struct pane line,
                        const struct ratios_table *table, int layer)
{
    draw_name(screen, line, table, layer);
    draw_slider(screen, pane_part(line, 0, table->slider_at, 1, table->slider),
                figures_of(table->set, layer),
                table->proposed != NULL ? figures_of(table->proposed, layer) : NULL);
    draw_numbers(screen, line, table, layer, layer == LAYER_ALL ? STYLE_TITLE : STYLE_NORMAL);
}

/* Of the layers that cannot be pruned. */
static struct ratio_figures sum_of_rest(const struct tn_snapshot *snapshot,
                                        const struct ratios *ratios, int *count)
{
    struct ratio_figures rest = {.ms = NAN};
    *count = 0;
    for (int l = 0; l < snapshot->layer_count; l++) {
        const struct ratio_figures *it = &ratios->each[l];
        if (snapshot->layers[snapshot->layers[l].leader].prunable)
            continue;
        ++*count;
        rest.flops += it->flops;
        rest.params += it->params;
        if (isfinite(it->ms))
            rest.ms = isfinite(rest.ms) ? rest.ms + it->ms : it->ms;
    }
    return rest;
}

void ratios_table_rest(const struct screen *screen, struct pane line,
                       const struct ratios_table *table)
{
    static const char cannot[] = "cannot be pruned";
    int count, column = table->slider_at + table->slider;
    struct ratio_figures rest = sum_of_rest(screen->snapshot, table->set, &count);
    if (count == 0)
        return;
    char text[64];
    snprintf(text, sizeof text, "%d layer%s that %s", count, count == 1 ? "" : "s", cannot);
    if (POINTER + text_width(text) > column)
        snprintf(text, sizeof text, "%d %s", count, cannot);
    pane_cut(line, 0, POINTER, column - POINTER, STYLE_DIM, text, screen->glyphs);
    for (int i = 0; i < RATIOS_COLUMNS; i++) {
        struct pane cell = pane_part(line, 0, column, 1, table->widths[i]);
        column += table->widths[i];
        bool known =
            columns[i].say == say_flops || columns[i].say == say_params || columns[i].say == say_ms;
        if (table->widths[i] > 0 && known && !(columns[i].needs & PROPOSAL))
            draw_cell(screen, cell, &columns[i], &(struct cell_of){screen, &rest, LAYER_ALL},
                      STYLE_DIM);
    }
}

void ratios_table_titles(const struct screen *screen, struct pane line,
                         const struct ratios_table *table, enum ratios_order order)
{
    int column = table->slider_at + table->slider;
    pane_text(line, 0, POINTER, STYLE_TITLE, "layer");
    for (int i = 0; i < RATIOS_COLUMNS; i++) {
        char title[FORMAT];
        struct pane cell = pane_part(line, 0, column, 1, table->widths[i]);
        bool proposal = columns[i].needs & PROPOSAL;
        column += table->widths[i];
        if (table->widths[i] == 0)
            continue;
        snprintf(title, sizeof title, "%s%s", proposal ? screen->glyphs->arrow : "",
                 columns[i].title);
        draw_text(cell, &columns[i], proposal ? STYLE_SERIES4 : STYLE_TITLE, title);
        if (!proposal && order != RATIOS_IN_NETWORK && columns[i].order == order)
            pane_glyph(cell, 0, cell.columns - text_width(title) - 1, STYLE_KEY,
                       screen->glyphs->more_below);
    }
}
