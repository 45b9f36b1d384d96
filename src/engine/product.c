#include "engine/product.h"

#include <string.h>

size_t tn_product_blocks(const struct tn_kernels *kernels, size_t rows)
{
    return tn_divide_up(rows, (size_t)kernels->tile_rows);
}

struct tn_span tn_product_block(const struct tn_kernels *kernels, size_t rows, size_t index)
{
    return tn_span_of(rows, tn_product_blocks(kernels, rows), index);
}

size_t tn_product_padded(const struct tn_kernels *kernels, size_t columns)
{
    return tn_divide_up(columns, (size_t)kernels->lanes) * (size_t)kernels->lanes;
}

size_t tn_product_tiles(const struct tn_kernels *kernels, size_t columns)
{
    return tn_divide_up(columns, (size_t)kernels->lanes * (size_t)kernels->tile_vectors);
}

struct tn_span tn_product_tile(const struct tn_kernels *kernels, size_t columns, size_t index)
{
    size_t lanes = (size_t)kernels->lanes;
    struct tn_span vectors =
        tn_span_of(tn_divide_up(columns, lanes), tn_product_tiles(kernels, columns), index);
    return (struct tn_span){vectors.begin * lanes, vectors.size * lanes};
}

void tn_product_pack_rows(const struct tn_kernels *kernels, size_t rows, size_t depth, size_t block,
                          const float *from, size_t row_step, const size_t *at, float *packed)
{
    struct tn_span span = tn_product_block(kernels, rows, block);
    from += span.begin * row_step;
    for (size_t cut = 0; cut < depth; cut += TN_CUT) {
        size_t deep = tn_least(TN_CUT, depth - cut);
        float *to = packed + cut * rows + span.begin * deep;
        for (size_t k = cut; k < cut + deep; k++)
            for (size_t r = 0; r < span.size; r++)
                *to++ = from[r * row_step + at[k]];
    }
}

/* One tile; through memory of its own where it is wider than the columns that are left. */
static void multiply_tile(const struct tn_product *p, struct tn_span rows, struct tn_span columns,
                          size_t depth, const float *left, const float *right, bool add, float *out,
                          size_t out_stride)
{
    float edge[TN_MAX_TILE_ROWS * TN_MAX_TILE_WIDTH];
    int vectors = (int)columns.size / p->kernels->lanes;
    size_t wide = tn_least(columns.size, p->columns - columns.begin);
    bool whole = wide == columns.size;
    for (size_t r = 0; !whole && add && r < rows.size; r++)
        memcpy(edge + r * columns.size, out + r * out_stride, wide * sizeof *out);
    p->kernels->multiply((int)rows.size, vectors, (int)depth, left, right, add, whole ? out : edge,
                         whole ? out_stride : columns.size);
    for (size_t r = 0; !whole && r < rows.size; r++)
        memcpy(out + r * out_stride, edge + r * columns.size, wide * sizeof *out);
}

void tn_product_make(const struct tn_product *p, struct tn_region region, bool add, float *out,
                     size_t out_stride)
{
    size_t wide = tn_product_padded(p->kernels, p->columns);
    size_t first = tn_product_block(p->kernels, p->rows, region.blocks.begin).begin;
    for (size_t k = 0; k < p->depth; k += TN_CUT) {
        size_t depth = tn_least(TN_CUT, p->depth - k);
        for (size_t t = region.tiles.begin; t < region.tiles.begin + region.tiles.size; t++) {
            struct tn_span columns = tn_product_tile(p->kernels, p->columns, t);
            const float *right = p->right + k * wide + columns.begin * depth;
            for (size_t b = region.blocks.begin; b < region.blocks.begin + region.blocks.size;
                 b++) {
                struct tn_span rows = tn_product_block(p->kernels, p->rows, b);
                multiply_tile(p, rows, columns, depth, p->left + k * p->rows + rows.begin * depth,
                              right, add || k > 0,
                              out + (rows.begin - first) * out_stride + columns.begin, out_stride);
            }
        }
    }
}
