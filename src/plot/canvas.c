#include "plot/canvas.h"

#include "plot/clean.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct colour {
    double red, green, blue;
};

#define RGB(r, g, b)                                                                               \
    {                                                                                              \
        (r) / 255.0, (g) / 255.0, (b) / 255.0                                                      \
    }

/* Okabe and Ito's palette, which people who see colours differently can tell apart, less its
 * yellow, which paper does not show. */
static const struct colour palette[] = {
    RGB(0, 114, 178), RGB(213, 94, 0),   RGB(0, 158, 115), RGB(204, 121, 167),
    RGB(230, 159, 0), RGB(86, 180, 233), RGB(0, 0, 0),     RGB(120, 120, 120),
};
enum { COLOURS = sizeof palette / sizeof *palette, DASHES = 5, MARKERS = 7 };

void tn_canvas_start(struct tn_canvas *canvas, cairo_t *cairo, double width, double height)
{
    memset(canvas, 0, sizeof *canvas);
    canvas->cairo = cairo;
    canvas->width = width;
    canvas->height = height;
    canvas->font = fmax(5.5, fmin(8.5, 5.5 + (width - 140) / 100));
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    /* Widths that depend on pixels would make a figure differ between formats. */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cairo, options);
    cairo_font_options_destroy(options);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_BUTT);
}

/* Text */

enum { TEXT = 512 };

double tn_canvas_width(const struct tn_canvas *canvas, double size, const char *text)
{
    char cleaned[TEXT];
    cairo_text_extents_t extents;
    cairo_set_font_size(canvas->cairo, size);
    cairo_text_extents(canvas->cairo, tn_plot_clean(text, cleaned, TEXT), &extents);
    return extents.x_advance;
}

/* Height of capitals, and what hangs below and stands above the line, in parts of the size. */
static const double CAPITALS = 0.73, BELOW = 0.24;

static void tell(const struct tn_canvas *canvas, const char *text, struct tn_box box)
{
    if (canvas->on_text)
        canvas->on_text(canvas->context, text, box);
}

void tn_canvas_text(const struct tn_canvas *canvas, double x, double y, double align, double size,
                    const char *text)
{
    char cleaned[TEXT];
    double width = tn_canvas_width(canvas, size, text), left = x - align * width;
    double line = y + CAPITALS * size / 2;
    cairo_move_to(canvas->cairo, left, line);
    cairo_show_text(canvas->cairo, tn_plot_clean(text, cleaned, TEXT));
    tell(canvas, text,
         (struct tn_box){left, line - CAPITALS * size, left + width, line + BELOW * size});
}

void tn_canvas_fit(const struct tn_canvas *canvas, double size, double width, const char *text,
                   char *out, size_t room)
{
    const double slack = 0.01; /* widths depend on where the pen is, in the last digit */
    size_t length = strlen(text);
    snprintf(out, room, "%s", text);
    while (length > 1 && tn_canvas_width(canvas, size, out) > width + slack) {
        length--;
        while (length > 1 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
        snprintf(out, room, "%.*s…", (int)length, text);
    }
}

/* A text that is too long is made smaller first, as long as it can be read. */
static double smaller_size(const struct tn_canvas *canvas, double size, double width,
                           const char *text)
{
    const double least = 0.75; /* of the size */
    double full = tn_canvas_width(canvas, size, text);
    return full > width ? fmax(least * size, size * width / full * 0.999) : size;
}

void tn_canvas_squeeze(const struct tn_canvas *canvas, double x, double y, double size,
                       double width, const char *text)
{
    char cut[TEXT];
    double smaller = smaller_size(canvas, size, width, text);
    tn_canvas_fit(canvas, smaller, width, text, cut, sizeof cut);
    tn_canvas_text(canvas, x, y, 0.5, smaller, cut);
}

void tn_canvas_text_up(const struct tn_canvas *canvas, double x, double y, double size,
                       double length, const char *text)
{
    char cut[TEXT], cleaned[TEXT];
    double smaller = smaller_size(canvas, size, length, text);
    tn_canvas_fit(canvas, smaller, length, text, cut, sizeof cut);
    double width = tn_canvas_width(canvas, smaller, cut), line = x + CAPITALS * smaller / 2;
    cairo_save(canvas->cairo);
    cairo_translate(canvas->cairo, line, y + width / 2);
    cairo_rotate(canvas->cairo, -M_PI / 2);
    cairo_move_to(canvas->cairo, 0, 0);
    cairo_show_text(canvas->cairo, tn_plot_clean(cut, cleaned, TEXT));
    cairo_restore(canvas->cairo);
    tell(canvas, cut,
         (struct tn_box){line - CAPITALS * smaller, y - width / 2, line + BELOW * smaller,
                         y + width / 2});
}

/* Lines and shapes */

static void set_colour(const struct tn_canvas *canvas, struct colour colour, double strength)
{
    cairo_set_source_rgb(canvas->cairo, 1 - strength * (1 - colour.red),
                         1 - strength * (1 - colour.green), 1 - strength * (1 - colour.blue));
}

void tn_canvas_ink(const struct tn_canvas *canvas, enum tn_ink ink)
{
    static const double gray[] = {0.1, 0.25, 0.87, 0.7};
    cairo_set_source_rgb(canvas->cairo, gray[ink], gray[ink], gray[ink]);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
}

void tn_canvas_line(const struct tn_canvas *canvas, double x1, double y1, double x2, double y2,
                    double thickness)
{
    cairo_set_line_width(canvas->cairo, thickness);
    cairo_move_to(canvas->cairo, x1, y1);
    cairo_line_to(canvas->cairo, x2, y2);
    cairo_stroke(canvas->cairo);
}

/* Strong enough to be seen, and pale enough to be told from what is not pale, in gray too. */
static double strength_of(struct tn_figure_look look)
{
    return look.pale ? 0.3 : 1;
}

static struct colour colour_of(struct tn_figure_look look)
{
    return palette[look.number % COLOURS];
}

void tn_canvas_pen(const struct tn_canvas *canvas, struct tn_figure_look look, double thickness)
{
    static const double dashes[DASHES][4] = {
        {0, 0, 0, 0}, {5, 2, 5, 2}, {1.5, 1.5, 1.5, 1.5}, {6, 1.5, 1.5, 1.5}, {9, 2, 3, 2}};
    int dash = (look.number + look.number / MARKERS) % DASHES; /* no pair comes twice */
    set_colour(canvas, colour_of(look), strength_of(look));
    cairo_set_line_width(canvas->cairo, thickness);
    cairo_set_dash(canvas->cairo, dashes[dash], dash ? 4 : 0, 0);
}

static void polygon(cairo_t *cairo, double x, double y, double radius, int corners, double turn)
{
    for (int i = 0; i < corners; i++) {
        double angle = turn + 2 * M_PI * i / corners;
        cairo_line_to(cairo, x + radius * sin(angle), y - radius * cos(angle));
    }
    cairo_close_path(cairo);
}

/* A plus sign with thick arms. */
static void cross(cairo_t *cairo, double x, double y, double radius)
{
    static const int corners[12][2] = {{-1, -3}, {1, -3}, {1, -1}, {3, -1}, {3, 1},   {1, 1},
                                       {1, 3},   {-1, 3}, {-1, 1}, {-3, 1}, {-3, -1}, {-1, -1}};
    for (int i = 0; i < 12; i++)
        cairo_line_to(cairo, x + corners[i][0] * radius / 3, y + corners[i][1] * radius / 3);
    cairo_close_path(cairo);
}

/* Shapes of about the same area. */
static void shape(cairo_t *cairo, double x, double y, double radius, int number)
{
    double half = M_PI / 4;
    switch (number % MARKERS) {
    case 0:
        cairo_arc(cairo, x, y, radius, 0, 2 * M_PI);
        cairo_close_path(cairo);
        break;
    case 1:
        polygon(cairo, x, y, radius * 1.25, 4, half);
        break;
    case 2:
        polygon(cairo, x, y, radius * 1.5, 3, 0);
        break;
    case 3:
        polygon(cairo, x, y, radius * 1.3, 4, 0);
        break;
    case 4:
        polygon(cairo, x, y, radius * 1.5, 3, M_PI);
        break;
    case 5:
        cross(cairo, x, y, radius * 1.25);
        break;
    default:
        polygon(cairo, x, y, radius * 1.5, 3, M_PI / 2);
        break;
    }
}

void tn_canvas_marker(const struct tn_canvas *canvas, double x, double y, double radius,
                      struct tn_figure_look look, enum tn_marker marker)
{
    const struct colour white = {1, 1, 1}, own = colour_of(look);
    bool hollow = marker == TN_MARKER_HOLLOW;
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
    cairo_set_line_width(canvas->cairo, radius * 0.35);
    cairo_new_path(canvas->cairo);
    shape(canvas->cairo, x, y, marker == TN_MARKER_EDGED ? radius * 1.15 : radius, look.number);
    set_colour(canvas, hollow ? white : own, 1);
    cairo_fill_preserve(canvas->cairo);
    set_colour(canvas, marker == TN_MARKER_EDGED ? white : own, 1);
    cairo_stroke(canvas->cairo);
}

void tn_canvas_bar(const struct tn_canvas *canvas, struct tn_box box, struct tn_figure_look look,
                   bool outline)
{
    double edge = outline ? 0.25 : 0;
    cairo_rectangle(canvas->cairo, box.left + edge, box.top + edge, box.right - box.left - 2 * edge,
                    box.bottom - box.top - 2 * edge);
    set_colour(canvas, colour_of(look), strength_of(look));
    cairo_fill_preserve(canvas->cairo);
    set_colour(canvas, colour_of(look), 1);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
    cairo_set_line_width(canvas->cairo, 0.5);
    if (outline)
        cairo_stroke(canvas->cairo);
    cairo_new_path(canvas->cairo);
}
