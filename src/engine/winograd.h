/* Inside Winograd's convolutions: what the products (winograd.c), the planes that tiles are read
 * from (winograd_plane.c) and the gradient of the weights (winograd_sums.c) share. */
#ifndef TN_ENGINE_WINOGRAD_H
#define TN_ENGINE_WINOGRAD_H

#include "engine/conv_path.h"

enum {
    TN_WINOGRAD_ALIGN = 16,      /* floats: the widest vector */
    TN_WINOGRAD_TILES = 16,      /* slices are a multiple of this, a vector of the widest */
    TN_WINOGRAD_SIDE = 8,        /* kernels that are transformed side by side, in vectors */
    TN_WINOGRAD_LEAST_LARGE = 48 /* tiles that share the reading of large weights */
};

/* One convolution: forward, or on the way back from the gradient of the output to the input's. */
struct tn_winograd_direction {
    int channels, filters;
    int in[2], out[2], pad[2];
    int down, across;   /* tiles of an image */
    int rows;           /* tile rows a slice */
    size_t tiles, span; /* of a slice: rounded up to vectors; floats of a line */
    size_t stride[2];   /* floats from point to point of a slice's inputs and outputs */
    float *weights;     /* [36][block of filters][channel][filter of the block] */
    ptrdiff_t *offsets; /* [channels] of a channel's tiles */
    bool ready;         /* the weights are transformed, and stay */
    bool shares;        /* training: they are in memory that all steps share */
};

static inline size_t tn_winograd_round_up(size_t count, size_t to)
{
    return (count + to - 1) / to * to;
}

static inline size_t tn_winograd_area(const int size[2])
{
    return (size_t)size[0] * (size_t)size[1];
}

/* Tiles of a point of all channels. An odd number of cache lines, or 36 points a power of two apart
 * would push one another out of the cache. */
static inline size_t tn_winograd_point_stride(size_t channels, size_t tiles)
{
    size_t lines = (channels * tiles + TN_WINOGRAD_ALIGN - 1) / TN_WINOGRAD_ALIGN;
    return (lines | 1) * TN_WINOGRAD_ALIGN;
}

/* Tile rows such that their transforms take about `floats`, in full blocks of the kernels if they
 * can, and between `least` and `most` tiles. */
int tn_winograd_choose_rows(const struct tn_winograd_direction *d, size_t floats, size_t least,
                            size_t most);

/* --- planes: an image's rows with zeros around them, as tiles read them --- */

/* Tile rows first .. first + count - 1 of the batch, of any channel. Those of one image stand
 * together in a plane: the rows they read or write, then those of the next image. */
struct tn_winograd_stretch {
    int first, count;
    int down, across;    /* tiles of an image */
    int height, width;   /* of an image */
    int pad[2], overlap; /* inputs: tiles read `overlap` rows and columns of the next one */
    size_t image;        /* floats from one image to the next */
};

/* Rows of one image in a stretch. */
struct tn_winograd_part {
    int image, first, count; /* tile rows */
    int top, begin, end;     /* image row of the plane's first; rows of the image in the plane */
    size_t row;              /* of the plane */
};

/* The part after `part`, or the first where its count is 0. False past the last. */
bool tn_winograd_next_part(const struct tn_winograd_stretch *s, struct tn_winograd_part *part);

/* Floats of a plane that has room for any stretch of `count` tile rows. */
size_t tn_winograd_plane_floats(const struct tn_winograd_stretch *s);
/* Between the images and a plane, whose other numbers stay as they are. */
void tn_winograd_copy_plane(const struct tn_winograd_stretch *s, const struct tn_kernels *kernels,
                            float *channel, float *plane, bool to_plane);
/* Ask for a channel's rows before they are read or written: what comes next from memory while the
 * one before is computed. */
void tn_winograd_expect(const struct tn_winograd_stretch *s, const float *channel);
/* Do tiles cover the images exactly? They are then written, and gradients read, where they are. */
bool tn_winograd_tiles_fill(const struct tn_winograd_stretch *s);
/* The tiles of a stretch, in a plane or in the images; `at` is room for their corners. */
struct tn_tiles tn_winograd_tiles_of(const struct tn_winograd_stretch *s, bool in_images,
                                     ptrdiff_t *at);
/* `count` tile rows from `first` on of the inputs or outputs. */
struct tn_winograd_stretch tn_winograd_stretch_of(const struct tn_winograd_direction *d,
                                                  bool of_inputs, int first, int count);
/* What transforms of `rows` tile rows need besides the points: a plane and the tiles' corners. */
size_t tn_winograd_workspace(const struct tn_winograd_direction *d, int rows);
/* Their places in it. */
ptrdiff_t *tn_winograd_corners(float *workspace);
float *tn_winograd_plane(float *workspace, const struct tn_winograd_direction *d, int rows);

/* --- gradient of the weights --- */

/* The gradient of the weights goes over the batch in chunks of tile rows. Points of gradients are
 * [36][filter][tile]; those of inputs [36][tile of channels][tile][channel], as the right factor of
 * a product (product.h). */
struct tn_winograd_chunk {
    int rows;
    size_t tiles, stride[2]; /* inputs, gradients */
    size_t padded;           /* channels in whole vectors */
    size_t parts;            /* that have sums of their own; if 1, chunks are summed in turn */
};

/* Choose the chunks of a convolution (its way forward), and reserve their memory. */
void tn_winograd_sums_prepare(struct tn_network *network, const struct tn_winograd_direction *d,
                              struct tn_winograd_chunk *chunk);

/* The gradient of the weights [filters,channels,3,3] from the inputs and that of the outputs. */
void tn_winograd_sums(struct tn_network *network, const struct tn_winograd_direction *d,
                      const struct tn_winograd_chunk *chunk, const float *input,
                      const float *output_gradient, float *weights_gradient);

#endif
