/* From decoded bytes to the floats a network takes: channels, resize, crop, scale, mean, std,
 * augmentation. */
#ifndef TN_DATA_PREPROCESS_H
#define TN_DATA_PREPROCESS_H

#include "data/dataset.h"

/* A decoded image: 1 (gray) or 3 (red, green, blue) planes of height x width bytes, one after
 * another. */
struct tn_planes {
    const uint8_t *pixels;
    int channels, height, width;
};

struct tn_pipeline {
    enum tn_channels order; /* RGB, BGR or GRAY */
    int channels;           /* of the result: 3 or 1 */
    int resize, crop;
    int height, width;   /* of the result */
    float table[3][256]; /* (pixel * scale - mean) / std for each channel of the result */
};

/* Take over the options (AUTO channels become `natural`) and check them: every number finite, std
 * not 0, counts of mean and std 1 or the number of channels. height and width stay 0. */
bool tn_pipeline_init(struct tn_pipeline *pipeline, const struct tn_data_options *options,
                      enum tn_channels natural, struct tn_error *error);

/* Size of the result for an image of this size: the shorter side made `resize`, the other in
 * proportion (rounded down, as torchvision does), then the centre square. Fails where the crop is
 * larger than the image. */
bool tn_pipeline_size(const struct tn_pipeline *pipeline, int height, int width, int result[2],
                      struct tn_error *error);

/* Run it: `result` is [channels,height,width]; `index` picks the random stream of `augment` (may be
 * NULL). Fails where the image would not come out as pipeline->height x width, or memory ends. */
bool tn_pipeline_run(const struct tn_pipeline *pipeline, const struct tn_planes *image,
                     const struct tn_augment *augment, size_t index, float *result,
                     struct tn_error *error);

/* A part of an image resized to height x width: rows top .. top+rows-1, columns left ..
 * left+columns-1. */
struct tn_resized {
    int height, width;
    int top, left, rows, columns;
};

/* Resize one plane of in_height x in_width bytes by a triangle filter as wide as the reduction
 * (bilinear with antialiasing), horizontally and then vertically with rounding to bytes in between,
 * so that it gives the bits PIL's Image.resize(BILINEAR) gives. `out` is [rows,columns]. False when
 * memory ends. */
bool tn_resize_plane(const uint8_t *in, int in_height, int in_width, const struct tn_resized *to,
                     uint8_t *out);

#endif
