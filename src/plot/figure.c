#include "plot/figure.h"

#include "core/memory.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn_figure_start(struct tn_figure *figure, double width, double height)
{
    memset(figure, 0, sizeof *figure);
    figure->width = width;
    figure->height = height;
}

void tn_figure_free(struct tn_figure *figure)
{
    for (int i = 0; i < figure->kept_count; i++)
        tn_free(figure->kept[i]);
    tn_free(figure->kept);
    memset(figure, 0, sizeof *figure);
}

/* Takes the memory over, also on failure. */
static void *keep(struct tn_figure *figure, void *memory, size_t bytes, struct tn_error *error)
{
    size_t count = (size_t)figure->kept_count;
    void **grown = memory ? tn_realloc(figure->kept, count, count + 1, sizeof *figure->kept) : NULL;
    if (!grown) {
        tn_free(memory);
        tn_fail_memory(error, "a figure", bytes);
        return NULL;
    }
    figure->kept = grown;
    figure->kept[figure->kept_count++] = memory;
    return memory;
}

const char *tn_figure_text(struct tn_figure *figure, struct tn_error *error, const char *format,
                           ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return keep(figure, tn_strdup(text), sizeof text, error);
}

void *tn_figure_array(struct tn_figure *figure, int count, size_t size, struct tn_error *error)
{
    return keep(figure, tn_calloc((size_t)count, size), (size_t)count * size, error);
}

double *tn_figure_doubles(struct tn_figure *figure, int count, struct tn_error *error)
{
    return tn_figure_array(figure, count, sizeof(double), error);
}

const char **tn_figure_texts(struct tn_figure *figure, int count, struct tn_error *error)
{
    return tn_figure_array(figure, count, sizeof(const char *), error);
}

struct tn_figure_panel *tn_figure_panel(struct tn_figure *figure)
{
    if (figure->panel_count < TN_FIGURE_PANELS)
        figure->panel_count++;
    struct tn_figure_panel *panel = &figure->panels[figure->panel_count - 1];
    memset(panel, 0, sizeof *panel);
    panel->x.from = panel->x.to = panel->y.from = panel->y.to = panel->cursor = NAN;
    return panel;
}

struct tn_figure_series *tn_figure_series(struct tn_figure_panel *panel)
{
    if (panel->series_count < TN_FIGURE_SERIES)
        panel->series_count++;
    struct tn_figure_series *series = &panel->series[panel->series_count - 1];
    memset(series, 0, sizeof *series);
    return series;
}

struct tn_figure_bars *tn_figure_bars(struct tn_figure_panel *panel)
{
    if (panel->bar_count < TN_FIGURE_BARS)
        panel->bar_count++;
    struct tn_figure_bars *bars = &panel->bars[panel->bar_count - 1];
    memset(bars, 0, sizeof *bars);
    return bars;
}

double tn_figure_x(const struct tn_figure_series *series, int i)
{
    return series->x ? series->x[i] : series->first_x + i * series->step_x;
}
