#include "engine/unfold.h"

#include <string.h>

size_t tn_unfold_image(const struct tn_unfold *u)
{
    return u->channels * (size_t)u->size[0] * (size_t)u->size[1];
}

size_t tn_unfold_positions(const struct tn_unfold *u)
{
    return (size_t)u->positions[0] * (size_t)u->positions[1];
}

size_t tn_unfold_rows(const struct tn_unfold *u)
{
    return u->channels * (size_t)u->taps;
}

/* Positions of one row of one image. */
struct run {
    size_t image;
    int row, column;
    size_t length;
};

/* The run from a position on, as far as `end`. */
static struct run run_at(const struct tn_unfold *u, size_t position, size_t end)
{
    size_t each = tn_unfold_positions(u), width = (size_t)u->positions[1];
    size_t within = position % each, column = within % width;
    return (struct run){position / each, (int)(within / width), (int)column,
                        tn_least(width - column, end - position)};
}

static const float *plane_of(const struct tn_unfold *u, const float *images, size_t image,
                             size_t channel)
{
    return images + (image * u->channels + channel) * (size_t)u->size[0] * (size_t)u->size[1];
}

/* The numbers of a run, `tap` away; those outside of the plane are 0. */
static void copy_run(const struct tn_unfold *u, const float *plane, int tap, const struct run *run,
                     float *to)
{
    int width = u->size[1], step = u->stride[1], length = (int)run->length;
    int y = run->row * u->stride[0] + u->offset[tap][0], x = run->column * step + u->offset[tap][1];
    int begin = x < 0 ? (step - 1 - x) / step : 0, end = x < width ? (width - 1 - x) / step + 1 : 0;
    if (y < 0 || y >= u->size[0])
        end = 0;
    end = end < length ? end : length;
    begin = begin < end ? begin : end;
    const float *from = plane + (ptrdiff_t)y * width + x;
    for (int j = 0; j < begin; j++)
        to[j] = 0;
    if (step == 1 && end > begin)
        memcpy(to + begin, from + begin, (size_t)(end - begin) * sizeof *to);
    for (int j = begin; step > 1 && j < end; j++)
        to[j] = from[(ptrdiff_t)j * step];
    for (int j = end; j < length; j++)
        to[j] = 0;
}

/* --- as the right factor --- */

/* A part of a run that goes to one tile. */
struct piece {
    struct run run;
    size_t tile, wide, column; /* the tile's first column and width, and the piece's in it */
};

/* Into pieces[TN_UNFOLD_COLUMNS]; gives their number. */
static size_t cut_span(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       struct tn_span span, struct piece *pieces)
{
    size_t count = 0;
    for (size_t t = 0; t < tn_product_tiles(kernels, span.size); t++) {
        struct tn_span tile = tn_product_tile(kernels, span.size, t);
        size_t begin = span.begin + tile.begin,
               end = begin + tn_least(tile.size, span.size - tile.begin);
        for (size_t p = begin; p < end; p += pieces[count++].run.length)
            pieces[count] = (struct piece){run_at(u, p, end), tile.begin, tile.size, p - begin};
    }
    return count;
}

/* Row by row, since memory is read best along its order. */
void tn_unfold_columns(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       const float *images, struct tn_span span, float *packed)
{
    struct piece pieces[TN_UNFOLD_COLUMNS];
    size_t count = cut_span(u, kernels, span, pieces), rows = tn_unfold_rows(u);
    size_t wide = tn_product_padded(kernels, span.size);
    struct tn_span last =
        tn_product_tile(kernels, span.size, tn_product_tiles(kernels, span.size) - 1);
    size_t used = span.size - last.begin;
    for (size_t k = 0; k < rows; k++) {
        size_t cut = k / TN_CUT * TN_CUT, depth = tn_least(TN_CUT, rows - cut);
        size_t channel = k / (size_t)u->taps;
        int tap = (int)(k % (size_t)u->taps);
        float *row = packed + cut * wide; /* a tile's begins depth * tile + wide * k from there */
        for (const struct piece *p = pieces; p < pieces + count; p++)
            copy_run(u, plane_of(u, images, p->run.image, channel), tap, &p->run,
                     row + p->tile * depth + p->wide * (k - cut) + p->column);
        memset(row + last.begin * depth + last.size * (k - cut) + used, 0,
               (last.size - used) * sizeof *row);
    }
}

/* --- turned --- */

/* Is a position's number its own, as where the kernel is 1x1? */
static bool is_plain(const struct tn_unfold *u)
{
    return u->taps == 1 && u->stride[0] == 1 && u->stride[1] == 1 && u->offset[0][0] == 0 &&
           u->offset[0][1] == 0 && u->size[1] == u->positions[1];
}

static void turn_plain(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       const float *images, struct tn_span span, size_t first, size_t rows,
                       size_t wide, float *packed)
{
    size_t area = (size_t)u->size[0] * (size_t)u->size[1], end = span.begin + span.size;
    for (size_t p = span.begin; p < end;) {
        struct run run = run_at(u, p, end);
        const float *from = plane_of(u, images, run.image, first);
        kernels->interleave(rows, run.length, from + run.row * (ptrdiff_t)u->size[1] + run.column,
                            area, packed + (p - span.begin) * wide, wide);
        p += run.length;
    }
}

void tn_unfold_turned(const struct tn_unfold *u, const struct tn_kernels *kernels,
                      const float *images, struct tn_span span, size_t first, size_t rows,
                      size_t wide, float *buffer, float *packed)
{
    size_t end = span.begin + span.size;
    if (is_plain(u))
        turn_plain(u, kernels, images, span, first, rows, wide, packed);
    for (size_t p = span.begin; !is_plain(u) && p < end;) {
        struct run run = run_at(u, p, end);
        for (size_t r = 0; r < rows; r++)
            copy_run(u, plane_of(u, images, run.image, (first + r) / (size_t)u->taps),
                     (int)((first + r) % (size_t)u->taps), &run,
                     buffer + r * span.size + (p - span.begin));
        p += run.length;
    }
    if (!is_plain(u))
        kernels->interleave(rows, span.size, buffer, span.size, packed, wide);
    for (size_t k = 0; k < span.size && rows < wide; k++)
        memset(packed + k * wide + rows, 0, (wide - rows) * sizeof *packed);
}

/* --- back to images --- */

void tn_fold_rows(const struct tn_unfold *u, const struct tn_kernels *kernels, const float *from,
                  size_t stride, struct tn_span span, struct tn_span rows,
                  const struct tn_finish *finish, float *images)
{
    struct tn_finish first = tn_finish_first(finish);
    size_t end = span.begin + span.size, area = (size_t)u->size[0] * (size_t)u->size[1];
    size_t step = (size_t)u->stride[1];
    for (size_t p = span.begin, length; p < end; p += length, from += length) {
        struct run run = run_at(u, p, end);
        size_t y = (size_t)run.row * (size_t)u->stride[0] + (size_t)u->offset[0][0];
        size_t x = (size_t)run.column * step + (size_t)u->offset[0][1];
        length = run.length;
        for (size_t r = 0; r < rows.size; r++) {
            size_t channel = rows.begin + r;
            size_t at = (run.image * u->channels + channel) * area + y * (size_t)u->size[1] + x;
            float shift = tn_finish_bias(&first, channel);
            if (step == 1) {
                kernels->trim_rows(1, length, from + r * stride, length, shift, first.least,
                                   first.most, images + at);
                tn_finish_last(kernels, finish, images, at, length);
            }
            for (size_t j = 0; step > 1 && j < length; j++)
                images[at + j * step] = tn_finish_one(&first, from[r * stride + j] + shift);
        }
    }
}
