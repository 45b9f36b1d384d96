#include "core/memory.h"
#include "data/preprocess.h"

#include <math.h>

/* Weights of the input pixels first[i] .. first[i]+taps[i]-1 for each output pixel i, as integers
 * of FRACTION_BITS binary places: with bytes and weights that sum to 1 they fit 32 bits. */
enum { FRACTION_BITS = 22 };

struct weights {
    int most; /* row length of `weight` */
    int *first, *taps;
    int32_t *weight; /* [outputs, most] */
};

static void free_weights(struct weights *w)
{
    tn_free(w->first);
    tn_free(w->taps);
    tn_free(w->weight);
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* The outputs from .. from+count-1 of a line of `in` pixels resized to `out`. */
static bool make_weights(struct weights *w, int in, int out, int from, int count)
{
    double ratio = (double)in / out;
    double width = ratio > 1.0 ? ratio : 1.0; /* half the triangle's base */
    w->most = (int)ceil(width) * 2 + 1;
    w->first = tn_alloc((size_t)count, sizeof *w->first);
    w->taps = tn_alloc((size_t)count, sizeof *w->taps);
    size_t cells;
    w->weight =
        tn_mul((size_t)count, (size_t)w->most, &cells) ? tn_alloc(cells, sizeof *w->weight) : NULL;
    double *exact = tn_alloc((size_t)w->most, sizeof *exact);
    bool ok = w->first && w->taps && w->weight && exact;
    for (int i = 0; ok && i < count; i++) {
        double centre = (from + i + 0.5) * ratio;
        int low = (int)(centre - width + 0.5), high = (int)(centre + width + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        double sum = 0.0;
        for (int x = low; x < high; x++)
            sum += exact[x - low] = triangle((x - centre + 0.5) / width);
        for (int x = low; x < high; x++)
            w->weight[(size_t)i * (size_t)w->most + (size_t)(x - low)] =
                (int32_t)lround(exact[x - low] / sum * (1 << FRACTION_BITS));
        w->first[i] = low;
        w->taps[i] = high - low;
    }
    tn_free(exact);
    return ok;
}

static uint8_t to_byte(int32_t sum)
{
    sum >>= FRACTION_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(const uint8_t *in, const struct weights *w, int count, uint8_t *out)
{
    for (int i = 0; i < count; i++) {
        const int32_t *weight = w->weight + (size_t)i * (size_t)w->most;
        const uint8_t *from = in + w->first[i];
        int32_t sum = 1 << (FRACTION_BITS - 1);
        for (int k = 0; k < w->taps[i]; k++)
            sum += from[k] * weight[k];
        out[i] = to_byte(sum);
    }
}

/* One output row from `taps` rows of `columns` bytes; `sums` is scratch of that length. */
static void mix_rows(const uint8_t *in, int columns, const int32_t *weight, int taps, int32_t *sums,
                     uint8_t *out)
{
    for (int x = 0; x < columns; x++)
        sums[x] = 1 << (FRACTION_BITS - 1);
    for (int k = 0; k < taps; k++, in += columns)
        for (int x = 0; x < columns; x++)
            sums[x] += in[x] * weight[k];
    for (int x = 0; x < columns; x++)
        out[x] = to_byte(sums[x]);
}

bool tn_resize_plane(const uint8_t *in, int in_height, int in_width, const struct tn_resized *to,
                     uint8_t *out)
{
    struct weights across = {0}, down = {0};
    uint8_t *middle = NULL;
    int32_t *sums = NULL;
    bool ok = make_weights(&across, in_width, to->width, to->left, to->columns) &&
              make_weights(&down, in_height, to->height, to->top, to->rows);
    if (ok) {
        /* Only the rows the second pass will look at. */
        int first = down.first[0];
        int rows = down.first[to->rows - 1] + down.taps[to->rows - 1] - first;
        size_t columns = (size_t)to->columns;
        middle = tn_alloc((size_t)rows, columns);
        sums = tn_alloc(columns, sizeof *sums);
        ok = middle && sums;
        for (int y = 0; ok && y < rows; y++)
            resize_row(in + (size_t)(first + y) * (size_t)in_width, &across, to->columns,
                       middle + (size_t)y * columns);
        for (int y = 0; ok && y < to->rows; y++)
            mix_rows(middle + (size_t)(down.first[y] - first) * columns, to->columns,
                     down.weight + (size_t)y * (size_t)down.most, down.taps[y], sums,
                     out + (size_t)y * columns);
    }
    tn_free(middle);
    tn_free(sums);
    free_weights(&across);
    free_weights(&down);
    return ok;
}
