/* PNG and JPEG to planes of bytes. */
#ifndef TN_DATA_DECODE_H
#define TN_DATA_DECODE_H

#include "data/preprocess.h"

/* Decode a PNG or JPEG file held in memory, whichever its first bytes say. Gray images (of any
 * depth, alpha dropped) give 1 plane, all others 3; 16 bits are reduced to 8. On success `image`
 * points into *pixels, which the caller releases with tn_free. `name` is for the error:
 * TN_ERROR_INPUT when the file is damaged, truncated, of another format or has more than
 * TN_MAX_PIXELS pixels. */
bool tn_decode(const char *name, const uint8_t *bytes, size_t size, struct tn_planes *image,
               uint8_t **pixels, struct tn_error *error);

/* Each decodes its own format, into interleaved rows. */
struct tn_decoded {
    uint8_t *pixels; /* [height,width,channels] */
    int channels, height, width;
};
bool tn_decode_png(const uint8_t *bytes, size_t size, struct tn_decoded *decoded,
                   struct tn_error *error);
bool tn_decode_jpeg(const uint8_t *bytes, size_t size, struct tn_decoded *decoded,
                    struct tn_error *error);

/* Take memory for an image, checking its size against TN_MAX_PIXELS. */
bool tn_decoded_alloc(struct tn_decoded *decoded, uint64_t width, uint64_t height, int channels,
                      struct tn_error *error);

#endif
