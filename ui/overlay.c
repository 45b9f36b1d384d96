#include "overlay.h"
#include "chart.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A method's line in the table under the chart. */
struct row {
    const struct tn_snapshot_ranking *ranking;
    int number; /* in the table of methods */
    bool own;
    double error; /* at the number kept; NAN: not known */
};

static const double *errors_of(const struct screen *screen, const struct tn_snapshot_path *path)
{
    return screen->overlay == OVERLAY_PLAIN ? path->error : path->error_ls;
}

static enum style style_of(const struct row *row)
{
    return row->own ? STYLE_OWN : (enum style)(STYLE_SERIES1 + row->number % 12);
}

static int by_error(const void *a, const void *b)
{
    const struct row *left = (const struct row *)a, *right = (const struct row *)b;
    bool known = isfinite(left->error), too = isfinite(right->error);
    if (known && too && left->error < right->error)
        return -1;
    if (known && too && left->error > right->error)
        return 1;
    return known != too ? too - known : left->number - right->number;
}

/* Of all methods, the best at the number kept first. Returns how many. */
static int fill_rows(const struct screen *screen, int keep, struct row rows[TN_SNAPSHOT_RANKINGS])
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    for (int i = 0; i < layer->ranking_count; i++) {
        const struct tn_snapshot_ranking *ranking = &layer->rankings[i];
        const struct tn_snapshot_path *path = ranking->path;
        bool there =
            path != NULL && path->channels == layer->filters && keep >= 0 && keep <= path->channels;
        rows[i] =
            (struct row){.ranking = ranking,
                         .number = i,
                         .own = strcmp(ranking->method, layer->method) == 0,
                         .error = there ? errors_of(screen, path)[path->channels - keep] : NAN};
    }
    qsort(rows, (size_t)layer->ranking_count, sizeof *rows, by_error);
    return layer->ranking_count;
}

static void add(const struct screen *screen, struct chart *chart, const struct row *row)
{
    const struct tn_snapshot_path *path = row->ranking->path;
    if (path == NULL || path->channels != screen_layer(screen)->filters ||
        chart->series_count == CHART_MAX_SERIES)
        return;
    chart->series[chart->series_count++] = (struct chart_series){.style = style_of(row),
                                                                 .count = path->channels,
                                                                 .y = errors_of(screen, path),
                                                                 .first_x = path->channels,
                                                                 .step_x = -1,
                                                                 .mark = row->number + 1};
}

static struct chart_axis draw_chart(const struct screen *screen, struct pane pane,
                                    const struct row *rows, int count, int keep,
                                    struct chart_part part)
{
    struct chart chart = {.x_label = "filters kept",
                          .y_label = screen->overlay == OVERLAY_PLAIN
                                         ? "error, all methods, plain"
                                         : "error, all methods, least squares",
                          .scale = CHART_AUTO,
                          .has_cursor = true,
                          .cursor_x = keep,
                          .x_from = part.from,
                          .x_to = part.to,
                          .only = part.to > part.from};
    for (int own = 0; own < 2; own++) /* its own over all others */
        for (int i = count - 1; i >= 0; i--)
            if (rows[i].own == (own == 1))
                add(screen, &chart, &rows[i]);
    return chart_draw(pane, screen->glyphs, &chart);
}

static void draw_row(const struct screen *screen, struct pane cell, const struct row *row)
{
    enum { MARK = 2, ERROR = 7 };
    const struct glyphs *glyphs = screen->glyphs;
    bool there = isfinite(row->error);
    char text[FORMAT];
    if (there)
        pane_glyph(cell, 0, 0, style_of(row),
                   glyphs->braille ? glyphs->horizontal
                                   : glyphs->points[row->number % GLYPH_POINTS]);
    const char *lacks = row->ranking->lacks;
    const char *value = there           ? format_error(text, row->error)
                        : lacks != NULL ? lacks
                        : screen->overlay_number > screen->status.finished ? "..."
                                                                           : "-";
    int width = there || text_width(value) < ERROR ? ERROR : text_width(value) + 1;
    if (width > cell.columns - MARK - 5) {
        width = ERROR;
        value = "-";
    }
    pane_cut(cell, 0, MARK, cell.columns - MARK - width, row->own ? STYLE_OWN : STYLE_NORMAL,
             row->ranking->method, glyphs);
    pane_right(cell, 0, cell.columns - width, width, there ? STYLE_NORMAL : STYLE_DIM, value);
}

static int table_columns(struct pane pane)
{
    return pane.columns >= 90 ? 3 : 2;
}

/* In columns, the best at the top left. */
static void draw_table(const struct screen *screen, struct pane pane, const struct row *rows,
                       int count, int keep)
{
    enum { GAP = 2 };
    int columns = table_columns(pane);
    int height = (count + columns - 1) / columns, width = (pane.columns + GAP) / columns - GAP;
    height = height < pane.rows - 1 ? height : pane.rows - 1;
    pane_print(pane, 0, 0, STYLE_TITLE, "at keep %d, best first", keep);
    for (int i = 0; i < count && height > 0 && i < columns * height; i++)
        draw_row(screen, pane_part(pane, 1 + i % height, i / height * (width + GAP), 1, width),
                 &rows[i]);
}

struct chart_axis overlay_draw(const struct screen *screen, struct pane pane, int keep,
                               struct chart_part part)
{
    struct row rows[TN_SNAPSHOT_RANKINGS] = {0};
    int count = fill_rows(screen, keep, rows);
    int columns = table_columns(pane);
    int table = 1 + (count + columns - 1) / columns;
    table = table < pane.rows / 2 ? table : pane.rows / 2;
    struct chart_axis axis = draw_chart(
        screen, pane_part(pane, 0, 0, pane.rows - table, pane.columns), rows, count, keep, part);
    draw_table(screen, pane_part(pane, pane.rows - table, 0, table, pane.columns), rows, count,
               keep);
    return axis;
}

bool overlay_incomplete(const struct tn_snapshot_layer *layer)
{
    for (int i = 0; i < layer->ranking_count; i++)
        if (layer->rankings[i].lacks == NULL && layer->rankings[i].path == NULL)
            return true;
    return false;
}
