#include "core/memory.h"
#include "data/decode.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file can hold any number of scans, each costing a pass over the image. */
enum { MAX_SCANS = 500 };

struct handler {
    struct jpeg_error_mgr base; /* first, so that libjpeg's pointer is also ours */
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    struct tn_error *error;
};

static void stop(j_common_ptr common, const char *text)
{
    struct handler *handler = (struct handler *)common->err;
    tn_fail(handler->error, TN_ERROR_INPUT, "damaged JPEG: %s", text);
    longjmp(handler->back, 1);
}

static void on_error(j_common_ptr common)
{
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    stop(common, text);
}

/* What libjpeg only warns of (data that ends early, bad codes) it paints over in gray; for training
 * such an image is damaged. Warnings that lose nothing are let pass: bytes between segments, odd
 * version numbers. */
static void on_message(j_common_ptr common, int level)
{
    if (level >= 0)
        return;
    int code = common->err->msg_code;
    if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM)
        on_error(common);
}

static void on_progress(j_common_ptr common)
{
    if (common->is_decompressor && ((j_decompress_ptr)common)->input_scan_number > MAX_SCANS)
        stop(common, "too many scans");
}

/* Colours libjpeg can turn into RGB; CMYK we turn ourselves. */
static int choose_colours(j_decompress_ptr jpeg)
{
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        return 1;
    case JCS_CMYK:
    case JCS_YCCK:
        jpeg->out_color_space = JCS_CMYK;
        return 4;
    default:
        jpeg->out_color_space = JCS_RGB;
        return 3;
    }
}

/* Adobe stores CMYK inverted (255: no ink); other writers are taken to mean what they say. */
static void cmyk_to_rgb(const uint8_t *in, int width, bool inverted, uint8_t *out)
{
    for (int x = 0; x < width; x++, in += 4, out += 3) {
        unsigned black = inverted ? in[3] : 255u - in[3];
        for (int c = 0; c < 3; c++) {
            unsigned light = inverted ? in[c] : 255u - in[c];
            out[c] = (uint8_t)((light * black + 127) / 255);
        }
    }
}

static bool read_image(j_decompress_ptr jpeg, struct tn_decoded *decoded, struct tn_error *error)
{
    jpeg_read_header(jpeg, TRUE);
    /* Before libjpeg takes memory for a progressive file. */
    int stored = choose_colours(jpeg);
    if (!tn_decoded_alloc(decoded, jpeg->image_width, jpeg->image_height, stored == 1 ? 1 : 3,
                          error))
        return false;
    jpeg_start_decompress(jpeg);
    size_t length = (size_t)decoded->width * (size_t)decoded->channels;
    JSAMPARRAY wide = NULL;
    if (stored == 4) /* from libjpeg's pool: gone with the decompressor, also after an error */
        wide = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->image_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = decoded->pixels + (size_t)jpeg->output_scanline * length;
        jpeg_read_scanlines(jpeg, wide ? wide : &row, 1);
        if (wide)
            cmyk_to_rgb(wide[0], decoded->width, jpeg->saw_Adobe_marker, row);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

bool tn_decode_jpeg(const uint8_t *bytes, size_t size, struct tn_decoded *decoded,
                    struct tn_error *error)
{
    struct jpeg_decompress_struct jpeg;
    struct handler handler = {.error = error};
    volatile bool ok = false;
    jpeg.err = jpeg_std_error(&handler.base);
    handler.base.error_exit = on_error;
    handler.base.emit_message = on_message;
    handler.progress.progress_monitor = on_progress;
    if (setjmp(handler.back) == 0) {
        jpeg_create_decompress(&jpeg);
        jpeg.progress = &handler.progress;
        jpeg_mem_src(&jpeg, bytes, size);
        ok = read_image(&jpeg, decoded, error);
    }
    jpeg_destroy_decompress(&jpeg);
    return ok;
}
