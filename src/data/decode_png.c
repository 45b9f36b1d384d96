#include "core/memory.h"
#include "data/decode.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

enum { DEFLATE_MOST = 1032 }; /* deflate never shrinks by more than this */

struct reader {
    const uint8_t *at;
    size_t left;
    uint8_t **rows; /* kept here, not in a local, because longjmp may lose locals */
    struct tn_decoded *decoded;
    struct tn_error *error;
};

static void read_bytes(png_structp png, png_bytep to, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);
    if (size > reader->left)
        png_error(png, "truncated");
    memcpy(to, reader->at, size);
    reader->at += size;
    reader->left -= size;
}

static void on_error(png_structp png, png_const_charp text)
{
    struct reader *reader = png_get_error_ptr(png);
    tn_fail(reader->error, TN_ERROR_INPUT, "damaged PNG: %s", text);
    png_longjmp(png, 1);
}

/* libpng's own allocation failures come through on_error too; warnings concern ancillary chunks. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* Ask for 8-bit gray or RGB, whatever is stored. */
static int set_transformations(png_structp png, png_infop info)
{
    int type = png_get_color_type(png, info);
    png_set_expand(png); /* palette to RGB, 1, 2 and 4 bits to 8, transparency to alpha */
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    return type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA ? 1 : 3;
}

static bool read_image(png_structp png, png_infop info, struct reader *reader, size_t size)
{
    png_read_info(png, info);
    uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (png_get_rowbytes(png, info) * height / DEFLATE_MOST > size)
        return tn_fail(reader->error, TN_ERROR_INPUT,
                       "damaged PNG: %llux%llu pixels cannot be in %zu bytes",
                       (unsigned long long)width, (unsigned long long)height, size);
    int channels = set_transformations(png, info);
    png_read_update_info(png, info);
    if (!tn_decoded_alloc(reader->decoded, width, height, channels, reader->error))
        return false;
    size_t row = (size_t)width * (size_t)channels;
    if (png_get_rowbytes(png, info) != row)
        return tn_fail(reader->error, TN_ERROR_INPUT, "damaged PNG: rows of unexpected length");
    reader->rows = tn_alloc((size_t)height, sizeof *reader->rows);
    if (!reader->rows)
        return tn_fail_memory(reader->error, "rows of an image",
                              (size_t)height * sizeof *reader->rows);
    for (size_t y = 0; y < height; y++)
        reader->rows[y] = reader->decoded->pixels + y * row;
    png_read_image(png, reader->rows);
    png_read_end(png, NULL);
    return true;
}

bool tn_decode_png(const uint8_t *bytes, size_t size, struct tn_decoded *decoded,
                   struct tn_error *error)
{
    struct reader reader = {.at = bytes, .left = size, .decoded = decoded, .error = error};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return tn_fail_memory(error, "the PNG decoder", 0);
    }
    volatile bool ok = false;
    png_set_read_fn(png, &reader, read_bytes);
    png_set_user_limits(png, TN_MAX_PIXELS, TN_MAX_PIXELS);
    if (setjmp(png_jmpbuf(png)) == 0)
        ok = read_image(png, info, &reader, size);
    png_destroy_read_struct(&png, &info, NULL);
    tn_free(reader.rows);
    return ok;
}
