#include "plot/write.h"

#include "core/file.h"
#include "plot/clean.h"
#include "plot/draw.h"
#include "plot/write_png.h"
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const endings[] = {".png", ".pdf", ".svg"};
enum { FORMATS = sizeof endings / sizeof *endings };
static const double POINTS = 72 / 25.4; /* a millimetre */

bool tn_plot_format_of(const char *path, enum tn_plot_format *format, struct tn_error *error)
{
    size_t length = strlen(path);
    for (int f = 0; f < FORMATS; f++)
        if (length > 4 && strcasecmp(path + length - 4, endings[f]) == 0) {
            *format = (enum tn_plot_format)f;
            return true;
        }
    return tn_fail(error, TN_ERROR_USE, "%s: the name must end in .png, .pdf or .svg", path);
}

const char *tn_plot_format_name(enum tn_plot_format format)
{
    return endings[format] + 1;
}

void tn_figure_pixels(const struct tn_figure *figure, double dpi, int *width, int *height)
{
    *width = (int)lround(figure->width / 25.4 * dpi);
    *height = (int)lround(figure->height / 25.4 * dpi);
}

/* What cairo writes, on its way into the file. An SVG gets its title and description, which cairo
 * has no way to set, behind its first tag. */
struct stream {
    struct tn_file_draft *draft;
    const struct tn_provenance *provenance; /* NULL: written, or none is wanted */
    int matched;                            /* characters of "<svg" so far */
};

static void append_text(struct tn_file_draft *draft, const char *text)
{
    tn_file_append(draft, text, strlen(text));
}

static void append_escaped(struct tn_file_draft *draft, const char *text)
{
    for (; *text; text++) {
        const char *escape = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                                            : NULL;
        if (escape)
            append_text(draft, escape);
        else
            tn_file_append(draft, text, 1);
    }
}

static void append_provenance(struct tn_file_draft *draft, const struct tn_provenance *provenance)
{
    append_text(draft, "\n<title>");
    append_escaped(draft, provenance->title);
    append_text(draft, "</title>\n<desc>");
    append_escaped(draft, provenance->comment);
    append_text(draft, "; ");
    append_escaped(draft, provenance->source);
    append_text(draft, "; ");
    append_escaped(draft, provenance->created);
    append_text(draft, "; ");
    append_escaped(draft, provenance->software);
    append_text(draft, "</desc>");
}

/* Where the first tag ends, or `size`. */
static unsigned end_of_tag(struct stream *stream, const unsigned char *bytes, unsigned size)
{
    static const unsigned char tag[] = "<svg";
    for (unsigned i = 0; i < size; i++) {
        bool inside = tag[stream->matched] == '\0';
        if (inside && bytes[i] == '>')
            return i + 1;
        if (!inside)
            stream->matched =
                bytes[i] == tag[stream->matched] ? stream->matched + 1 : bytes[i] == tag[0];
    }
    return size;
}

static cairo_status_t write_stream(void *closure, const unsigned char *bytes, unsigned size)
{
    struct stream *stream = closure;
    if (stream->provenance) {
        unsigned head = end_of_tag(stream, bytes, size);
        bool found = head > 0 && head <= size && bytes[head - 1] == '>' && stream->matched == 4;
        tn_file_append(stream->draft, bytes, head);
        bytes += head;
        size -= head;
        if (found) {
            append_provenance(stream->draft, stream->provenance);
            stream->provenance = NULL;
        }
    }
    tn_file_append(stream->draft, bytes, size);
    return CAIRO_STATUS_SUCCESS;
}

static void set_pdf(cairo_surface_t *surface, const struct tn_provenance *provenance)
{
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, provenance->title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, provenance->source);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_KEYWORDS, provenance->comment);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, provenance->software);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, provenance->created);
}

static cairo_surface_t *new_surface(const struct tn_figure *figure, enum tn_plot_format format,
                                    double dpi, struct stream *stream)
{
    int columns, rows;
    double width = figure->width * POINTS, height = figure->height * POINTS;
    tn_figure_pixels(figure, dpi, &columns, &rows);
    if (format == TN_PLOT_PDF)
        return cairo_pdf_surface_create_for_stream(write_stream, stream, width, height);
    if (format == TN_PLOT_SVG)
        return cairo_svg_surface_create_for_stream(write_stream, stream, width, height);
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
}

static cairo_status_t draw(const struct tn_figure *figure, cairo_surface_t *surface, double scale)
{
    struct tn_canvas canvas;
    cairo_t *cairo = cairo_create(surface);
    cairo_scale(cairo, scale, scale);
    tn_canvas_start(&canvas, cairo, figure->width * POINTS, figure->height * POINTS);
    tn_figure_draw(&canvas, figure);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    return status;
}

static bool draw_into(const struct tn_figure *figure, enum tn_plot_format format, double dpi,
                      const struct tn_provenance *provenance, struct tn_file_draft *draft,
                      struct tn_error *error)
{
    struct stream stream = {draft, format == TN_PLOT_SVG ? provenance : NULL, 0};
    cairo_surface_t *surface = new_surface(figure, format, dpi, &stream);
    if (format == TN_PLOT_PDF)
        set_pdf(surface, provenance);
    cairo_status_t status = draw(figure, surface, format == TN_PLOT_PNG ? dpi / 72 : 1);
    bool fine = true;
    if (status == CAIRO_STATUS_SUCCESS && format == TN_PLOT_PNG) {
        cairo_surface_flush(surface);
        fine = tn_png_write(surface, dpi, provenance, draft, error);
    }
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (!fine)
        return false;
    return status == CAIRO_STATUS_SUCCESS ||
           tn_fail(error, TN_ERROR_SYSTEM, "the figure could not be drawn: %s",
                   cairo_status_to_string(status));
}

bool tn_figure_write(const struct tn_figure *figure, const char *path, enum tn_plot_format format,
                     double dpi, const struct tn_provenance *provenance, struct tn_error *error)
{
    enum { TEXTS = 5, TEXT = 2048 };
    char texts[TEXTS][TEXT];
    struct tn_provenance clean = {tn_plot_clean(provenance->software, texts[0], TEXT),
                                  tn_plot_clean(provenance->title, texts[1], TEXT),
                                  tn_plot_clean(provenance->source, texts[2], TEXT),
                                  tn_plot_clean(provenance->comment, texts[3], TEXT),
                                  tn_plot_clean(provenance->created, texts[4], TEXT)};
    struct tn_file_draft draft;
    if (!tn_file_begin(&draft, path, error))
        return false;
    bool fine = draw_into(figure, format, dpi, &clean, &draft, error) &&
                tn_file_end(&draft, error) && tn_file_publish(&draft, error);
    tn_file_drop(&draft);
    return fine;
}
