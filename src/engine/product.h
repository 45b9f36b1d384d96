/* Matrix products whose factors were first put into the order in which the kernel reads them, cut
 * along the depth, so that a panel of one stays in the first-level cache while the rows of the
 * other pass by (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication").
 *
 * out [rows x columns] = left [rows x depth] times right [depth x columns]. Rows are cut into
 * blocks, columns into tiles of whole vectors. Packed, they are
 * left[cut of the depth][block][k][row of the block], right[cut][tile][k][column of the tile]. */
#ifndef TN_ENGINE_PRODUCT_H
#define TN_ENGINE_PRODUCT_H

#include "engine/kernels.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    TN_CUT = 256,       /* of the depth: a panel is 24 KiB for 24 columns */
    TN_ROW_RANGE = 128, /* rows of which one cut stays in the second-level cache */
};

/* One of several nearly equal parts. */
struct tn_span {
    size_t begin, size;
};

static inline struct tn_span tn_span_of(size_t total, size_t count, size_t index)
{
    size_t begin = total * index / count;
    return (struct tn_span){begin, total * (index + 1) / count - begin};
}

static inline size_t tn_divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static inline size_t tn_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Blocks of rows; columns in whole vectors; tiles of columns. */
size_t tn_product_blocks(const struct tn_kernels *kernels, size_t rows);
struct tn_span tn_product_block(const struct tn_kernels *kernels, size_t rows, size_t index);
size_t tn_product_padded(const struct tn_kernels *kernels, size_t columns);
size_t tn_product_tiles(const struct tn_kernels *kernels, size_t columns);
/* Columns of a tile, whole vectors: the last may reach beyond the columns there are. */
struct tn_span tn_product_tile(const struct tn_kernels *kernels, size_t columns, size_t index);

/* Pack blocks of rows of the left factor, whose number (row, k) is from[row * row_step + at[k]], or
 * from[row * row_step + k] where `at` is NULL; `packed` is the whole factor. A few blocks, whose
 * numbers may share lines of the cache, are TN_BLOCKS_AT_ONCE. */
enum { TN_BLOCKS_AT_ONCE = 8 };
void tn_product_pack_rows(const struct tn_kernels *kernels, size_t rows, size_t depth,
                          struct tn_span blocks, const float *from, size_t row_step,
                          const size_t *at, float *packed);

struct tn_product {
    const struct tn_kernels *kernels;
    size_t rows, depth, columns;
    const float *left, *right;
};

/* What of a product to make. */
struct tn_region {
    struct tn_span blocks, tiles;
};

/* out[row * out_stride + column], from the region's first row and the product's first column; added
 * to what is there if `add`. Each sum is made in the order of the depth, wherever the region. */
void tn_product_make(const struct tn_product *product, struct tn_region region, bool add,
                     float *out, size_t out_stride);

#endif
