#include "engine/unfold.h"

#include "engine/prefetch.h"

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

/* A run, or the part of one that goes to a tile, and where it goes. */
struct place {
    struct run run;
    size_t tile, wide, column; /* the tile's first column and width, and the part's in it */
    size_t spare;              /* columns behind it that no position fills */
};

enum { MOST_PLACES = TN_CUT }; /* a row of the factor is a cut, or fewer columns */
_Static_assert((int)MOST_PLACES >= (int)TN_UNFOLD_COLUMNS, "places for all columns");

/* What kernels have to copy of a channel's plane, `tap` away; what lies outside of it is 0. */
static void find_pieces(const struct tn_unfold *u, size_t count, const struct place *places,
                        int tap, struct tn_unfold_piece *pieces)
{
    int width = u->size[1], step = u->stride[1];
    size_t image = u->channels * (size_t)u->size[0] * (size_t)width;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        int length = (int)place->run.length, y = place->run.row * u->stride[0] + u->offset[tap][0];
        int x = place->run.column * step + u->offset[tap][1];
        int begin = x < 0 ? (step - 1 - x) / step : 0,
            end = x < width ? (width - 1 - x) / step + 1 : 0;
        if (y < 0 || y >= u->size[0])
            end = 0;
        end = end < length ? end : length;
        begin = begin < end ? begin : end;
        ptrdiff_t from = (ptrdiff_t)y * width + x + (ptrdiff_t)begin * step;
        pieces[i] = (struct tn_unfold_piece){
            .from = begin < end ? (ptrdiff_t)(place->run.image * image) + from : 0,
            .before = (size_t)begin,
            .length = (size_t)(end - begin),
            .after = (size_t)(length - end) + place->spare,
            .tile = place->tile,
            .wide = place->wide,
            .column = place->column};
    }
}

/* --- as the right factor --- */

/* Into places[MOST_PLACES]; gives their number. */
static size_t cut_span(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       struct tn_span span, struct place *places)
{
    size_t count = 0;
    for (size_t t = 0; t < tn_product_tiles(kernels, span.size); t++) {
        struct tn_span tile = tn_product_tile(kernels, span.size, t);
        size_t begin = span.begin + tile.begin,
               end = begin + tn_least(tile.size, span.size - tile.begin);
        for (size_t p = begin; p < end; p += places[count++].run.length)
            places[count] = (struct place){run_at(u, p, end), tile.begin, tile.size, p - begin, 0};
        places[count - 1].spare = tile.size - (end - begin);
    }
    return count;
}

/* Asked for before they are worked on: prefetch.h. */
enum { CHANNELS_AHEAD = 4, ROWS_AHEAD = 8 };

static void expect_pieces(size_t count, const struct tn_unfold_piece *pieces, size_t step,
                          const float *plane)
{
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(plane + pieces[i].from);
        __builtin_prefetch(plane + pieces[i].from + pieces[i].length * step);
    }
}

/* One tap of channels [channels]. */
static void pack_tap(const struct tn_unfold *u, const struct tn_kernels *kernels,
                     const float *images, struct tn_span channels, int tap, size_t count,
                     const struct tn_unfold_piece *pieces, size_t wide, float *packed)
{
    size_t rows = tn_unfold_rows(u), area = (size_t)u->size[0] * (size_t)u->size[1];
    for (size_t c = channels.begin; c < channels.begin + channels.size; c++) {
        size_t k = c * (size_t)u->taps + (size_t)tap, cut = k / TN_CUT * TN_CUT;
        if (tap == 0 && c + CHANNELS_AHEAD < u->channels)
            expect_pieces(count, pieces, (size_t)u->stride[1],
                          images + (c + CHANNELS_AHEAD) * area);
        kernels->unfold->pack(count, pieces, (size_t)u->stride[1], images + c * area,
                              tn_least(TN_CUT, rows - cut), k - cut, packed + cut * wide);
    }
}

/* A few channels at a time, so that all taps find their pixels in the cache. */
void tn_unfold_columns(const struct tn_unfold *u, const struct tn_kernels *kernels,
                       const float *images, struct tn_span span, float *packed)
{
    struct place places[MOST_PLACES];
    struct tn_unfold_piece pieces[MOST_PLACES];
    size_t count = cut_span(u, kernels, span, places);
    size_t wide = tn_product_padded(kernels, span.size), most = u->taps > 1 ? 16 : u->channels;
    for (size_t c = 0; c < u->channels; c += most)
        for (int tap = 0; tap < u->taps; tap++) {
            find_pieces(u, count, places, tap, pieces);
            pack_tap(u, kernels, images, (struct tn_span){c, tn_least(most, u->channels - c)}, tap,
                     count, pieces, wide, packed);
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

/* Rows of positions, as they are in memory. */
static void pack_rows(const struct tn_unfold *u, const struct tn_kernels *kernels,
                      const float *images, struct tn_span span, size_t first, size_t rows,
                      float *packed)
{
    struct place places[MOST_PLACES];
    struct tn_unfold_piece pieces[MOST_PLACES];
    size_t count = 0, end = span.begin + span.size;
    for (size_t p = span.begin; p < end; p += places[count++].run.length)
        places[count] =
            (struct place){.run = run_at(u, p, end), .wide = span.size, .column = p - span.begin};
    for (size_t r = 0; r < rows; r++) {
        find_pieces(u, count, places, (int)((first + r) % (size_t)u->taps), pieces);
        kernels->unfold->pack(count, pieces, (size_t)u->stride[1],
                              plane_of(u, images, 0, (first + r) / (size_t)u->taps), 0, r, packed);
    }
}

void tn_unfold_turned(const struct tn_unfold *u, const struct tn_kernels *kernels,
                      const float *images, struct tn_span span, size_t first, size_t rows,
                      size_t wide, float *buffer, float *packed)
{
    if (is_plain(u)) {
        turn_plain(u, kernels, images, span, first, rows, wide, packed);
    } else {
        pack_rows(u, kernels, images, span, first, rows, buffer);
        kernels->interleave(rows, span.size, buffer, span.size, packed, wide);
    }
    for (size_t k = 0; k < span.size && rows < wide; k++)
        memset(packed + k * wide + rows, 0, (wide - rows) * sizeof *packed);
}

/* --- back to images --- */

/* Back to an input, numbers are what they are. */
static void fold_apart(size_t length, size_t step, const float *from, float shift,
                       const struct tn_finish *finish, float *to)
{
    bool unfinished = shift == 0 && finish->least == -INFINITY && finish->most == INFINITY;
    for (size_t j = 0; unfinished && j < length; j++)
        to[j * step] = from[j];
    for (size_t j = 0; !unfinished && j < length; j++)
        to[j * step] = tn_finish_one(finish, from[j] + shift);
}

/* The same, where the pixels up to the next number, to its right and below, are 0. */
static void fold_alone(const struct tn_unfold *u, struct run run, const float *from, float *to)
{
    size_t step = (size_t)u->stride[1], width = (size_t)u->size[1];
    size_t wide = tn_least(run.length * step, width - (size_t)run.column * step);
    int rows = u->size[0] - run.row * u->stride[0];
    for (int i = 0; i < u->stride[0] && i < rows; i++)
        memset(to + (size_t)i * width, 0, wide * sizeof *to);
    for (size_t j = 0; j < run.length; j++)
        to[j * step] = from[j];
}

/* `at`: of the run's number in the first of the rows. */
static void fold_run(const struct tn_unfold *u, const struct tn_kernels *kernels, const float *from,
                     size_t stride, struct run run, struct tn_span rows,
                     const struct tn_finish *finish, size_t at, float *images)
{
    size_t area = (size_t)u->size[0] * (size_t)u->size[1], step = (size_t)u->stride[1];
    size_t length = run.length;
    for (size_t r = 0; r < rows.size; r++, at += area, from += stride) {
        float shift = tn_finish_bias(finish, rows.begin + r);
        const float *addend = finish->addend ? finish->addend + at : NULL;
        size_t later = ROWS_AHEAD * area;
        if (r + ROWS_AHEAD < rows.size) {
            tn_expect_writes(images + at + later, length * step);
            if (addend)
                tn_expect_reads(addend + later, length * step);
        }
        if (u->alone)
            fold_alone(u, run, from, images + at);
        else if (step == 1)
            kernels->trim_rows(1, length, from, length, shift, addend, finish->least, finish->most,
                               images + at);
        else
            fold_apart(length, step, from, shift, finish, images + at);
    }
}

void tn_fold_rows(const struct tn_unfold *u, const struct tn_kernels *kernels, const float *from,
                  size_t stride, struct tn_span span, struct tn_span rows,
                  const struct tn_finish *finish, float *images)
{
    size_t end = span.begin + span.size, area = (size_t)u->size[0] * (size_t)u->size[1];
    for (size_t p = span.begin, length; p < end; p += length, from += length) {
        struct run run = run_at(u, p, end);
        size_t y = (size_t)run.row * (size_t)u->stride[0] + (size_t)u->offset[0][0];
        size_t x = (size_t)run.column * (size_t)u->stride[1] + (size_t)u->offset[0][1];
        size_t first = (run.image * u->channels + rows.begin) * area;
        length = run.length;
        fold_run(u, kernels, from, stride, run, rows, finish, first + y * (size_t)u->size[1] + x,
                 images);
    }
}
