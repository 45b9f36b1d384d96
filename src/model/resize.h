/* The arguments of Resize and Upsample, which no two opsets write alike. */
#ifndef TN_MODEL_RESIZE_H
#define TN_MODEL_RESIZE_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>
#include <stdint.h>

enum tn_resize_mode { TN_RESIZE_NEAREST, TN_RESIZE_LINEAR, TN_RESIZE_CUBIC };

/* Where position x of `out` elements lies among the `in` it was made from. */
enum tn_resize_place {
    TN_PLACE_HALF_PIXEL,         /* (x + 0.5) / scale - 0.5 */
    TN_PLACE_HALF_PIXEL_OF_MANY, /* the same; 0 where there is only one (pytorch_half_pixel) */
    TN_PLACE_HALF_PIXEL_CENTRED, /* the same, moved by how far out is from in * scale
                                    (half_pixel_symmetric): + in / 2 (1 - out / (in * scale)) */
    TN_PLACE_ALIGN_CORNERS,      /* x (in - 1) / (out - 1); 0 where out is 1 */
    TN_PLACE_ASYMMETRIC,         /* x / scale */
    TN_PLACE_CENTRE_OF_PIXEL,    /* (x + 0.5) / scale (tf_half_pixel_for_nn) */
    TN_PLACE_CROP,               /* within a region of interest (tf_crop_and_resize) */
};

/* Which neighbour is nearest. */
enum tn_resize_round {
    TN_ROUND_PREFER_FLOOR,
    TN_ROUND_PREFER_CEIL,
    TN_ROUND_FLOOR,
    TN_ROUND_CEIL,
    TN_ROUND_OUTWARD, /* before opset 11: floor where the axis grows, ceil where it shrinks */
};

struct tn_resize {
    int rank;
    bool resized[TN_MAX_RANK]; /* the axis changes; the others are copied */
    float scale[TN_MAX_RANK];  /* 1 on the batch axis */
    int64_t out[TN_MAX_RANK];  /* TN_BATCH on the batch axis */
    enum tn_resize_mode mode;
    enum tn_resize_place place;
    enum tn_resize_round round;
    float cubic;          /* coefficient a of the cubic, -0.75 */
    bool exclude_outside; /* weights of neighbours beyond the edge are 0, not those of the edge */
    bool antialias;
};

/* The first input's shape must be known. *constant is false, and the rest empty, where the
 * arguments are computed, or where the batch is among what is resized. */
bool tn_resize_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_resize *resize, bool *constant, struct tn_error *error);

#endif
