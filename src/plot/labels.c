#include "plot/labels.h"

#include <math.h>

enum { BOXES = 512 };

/* What is taken already. */
struct taken {
    int count;
    struct tn_box boxes[BOXES];
};

static void take(struct taken *taken, struct tn_box box)
{
    if (taken->count < BOXES)
        taken->boxes[taken->count++] = box;
}

static bool meets(struct tn_box a, struct tn_box b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

static bool is_free(const struct taken *taken, struct tn_box box, struct tn_box within)
{
    if (box.left < within.left || box.right > within.right || box.top < within.top ||
        box.bottom > within.bottom)
        return false;
    for (int i = 0; i < taken->count; i++)
        if (meets(taken->boxes[i], box))
            return false;
    return true;
}

/* Markers and error bars, and the line between them in short pieces. */
static void take_series(struct taken *taken, const struct tn_figure_series *series,
                        const struct tn_layout_panel *layout, double radius)
{
    enum { PIECES = 24 };
    for (int i = 0; i < series->count; i++) {
        double x = tn_layout_x(layout, tn_figure_x(series, i));
        double y = tn_layout_y(layout, series->y[i]);
        if (!isfinite(x) || !isfinite(y))
            continue;
        take(taken, (struct tn_box){x - radius, y - radius, x + radius, y + radius});
        if (series->low)
            take(taken, (struct tn_box){x - radius, tn_layout_y(layout, series->high[i]) - 0.5,
                                        x + radius, tn_layout_y(layout, series->low[i]) + 0.5});
        for (int piece = 1; series->line && i > 0 && piece < PIECES; piece++) {
            double part = (double)piece / PIECES;
            double xl = tn_layout_x(layout, tn_figure_x(series, i - 1));
            double yl = tn_layout_y(layout, series->y[i - 1]);
            double xp = xl + part * (x - xl), yp = yl + part * (y - yl);
            take(taken, (struct tn_box){xp - 1, yp - 1, xp + 1, yp + 1});
        }
    }
}

/* Around the point, near first. */
static bool find_place(const struct tn_canvas *canvas, const struct taken *taken,
                       const struct tn_layout_panel *layout, double x, double y, double width,
                       struct tn_box *found)
{
    static const struct {
        double x, y; /* direction; the box' side that is nearest touches */
    } around[] = {{1, -0.6}, {-1, -0.6}, {1, 0.6}, {-1, 0.6}, {1, 0}, {-1, 0}, {0, -1}, {0, 1}};
    static const double distances[] = {0.55, 1.2, 2, 3, 4.2};
    double height = canvas->font * 1.1;
    for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
        for (size_t a = 0; a < sizeof around / sizeof *around; a++) {
            double away = distances[d] * canvas->font;
            double cx = x + around[a].x * (away + width / 2);
            double cy = y + around[a].y * (away + height / 2);
            *found =
                (struct tn_box){cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2};
            if (is_free(taken, *found, layout->plot))
                return true;
        }
    return false;
}

static void lead(const struct tn_canvas *canvas, double x, double y, struct tn_box box)
{
    double nx = fmax(box.left, fmin(x, box.right)), ny = fmax(box.top, fmin(y, box.bottom));
    if (hypot(nx - x, ny - y) < canvas->font)
        return;
    tn_canvas_ink(canvas, TN_INK_BACKGROUND);
    tn_canvas_line(canvas, x, y, nx, ny, 0.5);
}

/* False: there is no room. */
static bool draw_label(const struct tn_canvas *canvas, struct taken *taken,
                       const struct tn_layout_panel *layout, double x, double y, const char *text)
{
    struct tn_box box;
    double size = canvas->font * 0.92, width = tn_canvas_width(canvas, size, text);
    if (!find_place(canvas, taken, layout, x, y, width, &box))
        return false;
    take(taken, box);
    lead(canvas, x, y, box);
    cairo_rectangle(canvas->cairo, box.left, box.top, width, box.bottom - box.top);
    cairo_set_source_rgba(canvas->cairo, 1, 1, 1, 0.8); /* over the grid */
    cairo_fill(canvas->cairo);
    tn_canvas_ink(canvas, TN_INK_TEXT);
    tn_canvas_text(canvas, box.left, (box.top + box.bottom) / 2, 0, size, text);
    return true;
}

static void label_series(const struct tn_canvas *canvas, struct taken *taken,
                         const struct tn_layout_panel *layout,
                         const struct tn_figure_series *series)
{
    for (int i = 0; series->labels && i < series->count; i++) {
        double x = tn_layout_x(layout, tn_figure_x(series, i));
        double y = tn_layout_y(layout, series->y[i]);
        if (!isfinite(x) || !isfinite(y) || !series->labels[i])
            continue;
        if (!draw_label(canvas, taken, layout, x, y, series->labels[i]) && series->briefs)
            draw_label(canvas, taken, layout, x, y, series->briefs[i]);
    }
}

void tn_labels_draw(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                    const struct tn_layout_panel *layout)
{
    struct taken taken;
    taken.count = 0;
    for (int s = 0; s < panel->series_count; s++)
        take_series(&taken, &panel->series[s], layout, canvas->font * 0.4);
    for (int s = 0; s < panel->series_count; s++)
        label_series(canvas, &taken, layout, &panel->series[s]);
}
