#include "data/decode.h"

#include "core/memory.h"
#include <string.h>

bool tn_decoded_alloc(struct tn_decoded *decoded, uint64_t width, uint64_t height, int channels,
                      struct tn_error *error)
{
    if (width == 0 || height == 0)
        return tn_fail(error, TN_ERROR_INPUT, "an image without pixels");
    if (width > TN_MAX_PIXELS || height > TN_MAX_PIXELS || width * height > TN_MAX_PIXELS)
        return tn_fail(error, TN_ERROR_INPUT, "%llux%llu pixels, expected at most %d in all",
                       (unsigned long long)width, (unsigned long long)height, TN_MAX_PIXELS);
    size_t bytes = (size_t)(width * height) * (size_t)channels;
    decoded->pixels = tn_alloc(bytes, 1);
    if (!decoded->pixels)
        return tn_fail_memory(error, "an image", bytes);
    decoded->width = (int)width;
    decoded->height = (int)height;
    decoded->channels = channels;
    return true;
}

static void split_planes(const uint8_t *in, size_t count, uint8_t *out)
{
    uint8_t *red = out, *green = out + count, *blue = green + count;
    for (size_t i = 0; i < count; i++) {
        red[i] = in[3 * i];
        green[i] = in[3 * i + 1];
        blue[i] = in[3 * i + 2];
    }
}

/* From rows of pixels to planes; the rows are released. */
static bool to_planes(struct tn_decoded *decoded, struct tn_planes *image, uint8_t **pixels,
                      struct tn_error *error)
{
    size_t count = (size_t)decoded->height * (size_t)decoded->width;
    *image = (struct tn_planes){
        .channels = decoded->channels, .height = decoded->height, .width = decoded->width};
    if (decoded->channels == 1) {
        image->pixels = *pixels = decoded->pixels;
        return true;
    }
    *pixels = tn_alloc(count, 3);
    if (*pixels)
        split_planes(decoded->pixels, count, *pixels);
    tn_free(decoded->pixels);
    image->pixels = *pixels;
    return *pixels || tn_fail_memory(error, "an image", 3 * count);
}

bool tn_decode(const char *name, const uint8_t *bytes, size_t size, struct tn_planes *image,
               uint8_t **pixels, struct tn_error *error)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    struct tn_decoded decoded = {0};
    bool ok;
    *pixels = NULL;
    if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        ok = tn_decode_png(bytes, size, &decoded, error);
    else if (size >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        ok = tn_decode_jpeg(bytes, size, &decoded, error);
    else
        ok = tn_fail(error, TN_ERROR_INPUT, "neither PNG nor JPEG");
    if (!ok)
        tn_free(decoded.pixels);
    ok = ok && to_planes(&decoded, image, pixels, error);
    return ok || tn_fail_in(error, "%s", name);
}
