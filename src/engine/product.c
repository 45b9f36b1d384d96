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

/* Blocks one after the other, without a division each. */
struct walk {
    struct tn_span block;
    size_t least, longer, count, over; /* `longer` of `count` are one row longer than `least` */
};

static struct walk walk_from(const struct tn_kernels *kernels, size_t rows, size_t index)
{
    size_t count = tn_product_blocks(kernels, rows);
    return (struct walk){tn_product_block(kernels, rows, index), rows / count, rows % count, count,
                         rows * (index + 1) % count};
}

static void step_on(struct walk *walk)
{
    walk->block.begin += walk->block.size;
    walk->over += walk->longer;
    walk->block.size = walk->least + (walk->over >= walk->count);
    walk->over -= walk->over >= walk->count ? walk->count : 0;
}

/* Rows whose numbers lie one behind the other. */
static void pack_in_order(const struct tn_kernels *kernels, size_t rows, size_t depth,
                          struct tn_span blocks, const float *from, size_t row_step, float *packed)
{
    struct walk walk = walk_from(kernels, rows, blocks.begin);
    for (size_t b = 0; b < blocks.size; b++, step_on(&walk))
        for (size_t cut = 0; cut < depth; cut += TN_CUT) {
            size_t deep = tn_least(TN_CUT, depth - cut);
            kernels->interleave(walk.block.size, deep, from + walk.block.begin * row_step + cut,
                                row_step, packed + cut * rows + walk.block.begin * deep,
                                walk.block.size);
        }
}

enum { NUMBERS_AHEAD = 8 };

static void pack_block(struct tn_span block, struct tn_span cut, const float *from, size_t row_step,
                       const size_t *at, float *to)
{
    from += block.begin * row_step;
    for (size_t k = 0; k < cut.size; k++) {
        const float *column = from + at[cut.begin + k];
        if (k + NUMBERS_AHEAD < cut.size)
            __builtin_prefetch(from + at[cut.begin + k + NUMBERS_AHEAD]);
        for (size_t r = 0; r < block.size; r++)
            *to++ = column[r * row_step];
    }
}

void tn_product_pack_rows(const struct tn_kernels *kernels, size_t rows, size_t depth,
                          struct tn_span blocks, const float *from, size_t row_step,
                          const size_t *at, float *packed)
{
    if (!at) {
        pack_in_order(kernels, rows, depth, blocks, from, row_step, packed);
        return;
    }
    for (size_t k = 0; k < depth; k += TN_CUT) {
        struct tn_span cut = {k, tn_least(TN_CUT, depth - k)};
        struct walk walk = walk_from(kernels, rows, blocks.begin);
        for (size_t b = 0; b < blocks.size; b++, step_on(&walk))
            pack_block(walk.block, cut, from, row_step, at,
                       packed + k * rows + walk.block.begin * cut.size);
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
    struct walk start = walk_from(p->kernels, p->rows, region.blocks.begin);
    size_t first = start.block.begin;
    for (size_t k = 0; k < p->depth; k += TN_CUT) {
        size_t depth = tn_least(TN_CUT, p->depth - k);
        for (size_t t = region.tiles.begin; t < region.tiles.begin + region.tiles.size; t++) {
            struct tn_span columns = tn_product_tile(p->kernels, p->columns, t);
            const float *right = p->right + k * wide + columns.begin * depth;
            struct walk walk = start;
            for (size_t b = 0; b < region.blocks.size; b++, step_on(&walk))
                multiply_tile(p, walk.block, columns, depth,
                              p->left + k * p->rows + walk.block.begin * depth, right, add || k > 0,
                              out + (walk.block.begin - first) * out_stride + columns.begin,
                              out_stride);
        }
    }
}
