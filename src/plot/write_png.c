#include "plot/write_png.h"

#include "core/memory.h"
#include <png.h>
#include <setjmp.h>
#include <string.h>

enum { TEXTS = 5 };

static void write_bytes(png_structp png, png_bytep bytes, size_t size)
{
    tn_file_append(png_get_io_ptr(png), bytes, size);
}

static void flush(png_structp png)
{
    (void)png;
}

/* Libpng's own would print. */
static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* Text chunks hold Latin-1; what is more goes into the newer kind, which holds UTF-8. */
static bool is_ascii(const char *text)
{
    while (*text > 0)
        text++;
    return *text == '\0';
}

static int fill_texts(const struct tn_provenance *provenance, png_text texts[TEXTS])
{
    static char names[TEXTS][16] = {"Software", "Title", "Source", "Comment", "Creation Time"};
    const char *values[TEXTS] = {provenance->software, provenance->title, provenance->source,
                                 provenance->comment, provenance->created};
    int count = 0;
    memset(texts, 0, TEXTS * sizeof *texts);
    for (int i = 0; i < TEXTS; i++)
        if (values[i] && *values[i])
            texts[count++] =
                (png_text){.compression = is_ascii(values[i]) ? PNG_TEXT_COMPRESSION_NONE
                                                              : PNG_ITXT_COMPRESSION_NONE,
                           .key = names[i],
                           .text = (char *)(uintptr_t)values[i],
                           .text_length = strlen(values[i])};
    return count;
}

/* Cairo keeps a pixel as a word, 0xRRGGBB. */
static void write_rows(png_structp png, cairo_surface_t *surface, uint8_t *row)
{
    const unsigned char *data = cairo_image_surface_get_data(surface);
    int width = cairo_image_surface_get_width(surface);
    int height = cairo_image_surface_get_height(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint32_t pixel;
            memcpy(&pixel, data + (size_t)y * (size_t)stride + (size_t)x * 4, sizeof pixel);
            row[3 * x] = (uint8_t)(pixel >> 16);
            row[3 * x + 1] = (uint8_t)(pixel >> 8);
            row[3 * x + 2] = (uint8_t)pixel;
        }
        png_write_row(png, row);
    }
}

static void write_image(png_structp png, png_infop info, cairo_surface_t *surface, double dpi,
                        const struct tn_provenance *provenance, uint8_t *row)
{
    const double inch = 0.0254;
    png_text texts[TEXTS];
    int text_count = fill_texts(provenance, texts);
    png_set_IHDR(png, info, (png_uint_32)cairo_image_surface_get_width(surface),
                 (png_uint_32)cairo_image_surface_get_height(surface), 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_pHYs(png, info, (png_uint_32)(dpi / inch + 0.5), (png_uint_32)(dpi / inch + 0.5),
                 PNG_RESOLUTION_METER);
    png_set_text(png, info, texts, text_count);
    png_write_info(png, info);
    write_rows(png, surface, row);
    png_write_end(png, info);
}

bool tn_png_write(cairo_surface_t *surface, double dpi, const struct tn_provenance *provenance,
                  struct tn_file_draft *draft, struct tn_error *error)
{
    size_t width = (size_t)cairo_image_surface_get_width(surface);
    uint8_t *row = tn_alloc(width, 3);
    png_structp png =
        row ? png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning) : NULL;
    png_infop info = png ? png_create_info_struct(png) : NULL;
    volatile bool fine = false;
    if (info && setjmp(png_jmpbuf(png)) == 0) {
        png_set_write_fn(png, draft, write_bytes, flush);
        write_image(png, info, surface, dpi, provenance, row);
        fine = true;
    }
    png_destroy_write_struct(&png, &info);
    tn_free(row);
    return fine || tn_fail_memory(error, "a PNG", width * 3);
}
