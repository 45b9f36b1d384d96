#include "prune/gram.h"

#include "core/threads.h"
#include "prune/blas.h"

#include <cblas.h>
#include <math.h>
#include <stddef.h>

/* G is cut into square tiles, one task each. A tile is a sum over all rows in one thread, so no
 * reduction depends on the number of threads; rows come in blocks that stay in cache while all
 * tiles read them. */
enum { TILE = 128, ROW_BLOCK = 1024 };

struct product {
    int rows, channels;
    const double *x;
    double *matrix;
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void add_tile(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct product *p = context;
    /* Tile `index` of the lower triangle, counted row by row. */
    int row = 0;
    while ((size_t)(row + 1) * (size_t)(row + 2) / 2 <= index)
        row++;
    int column = (int)(index - (size_t)row * (size_t)(row + 1) / 2);
    int height = smaller(TILE, p->channels - row * TILE);
    int width = smaller(TILE, p->channels - column * TILE);
    const double *left = p->x + row * TILE;
    const double *right = p->x + column * TILE;
    double *tile = p->matrix + (size_t)row * TILE * (size_t)p->channels + column * TILE;
    if (row == column)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, height, p->rows, 1.0, left, p->channels,
                    1.0, tile, p->channels);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, height, width, p->rows, 1.0, left,
                    p->channels, right, p->channels, 1.0, tile, p->channels);
}

void tn_gram_add(int64_t m, int channels, const double *x, double *matrix)
{
    tn_blas_serial();
    size_t side = ((size_t)channels + TILE - 1) / TILE;
    for (int64_t row = 0; row < m; row += ROW_BLOCK) {
        struct product product = {
            .rows = m - row < ROW_BLOCK ? (int)(m - row) : ROW_BLOCK,
            .channels = channels,
            .x = x + row * channels,
            .matrix = matrix,
        };
        tn_parallel(side * (side + 1) / 2, add_tile, &product);
    }
}

void tn_gram_mirror(int channels, double *matrix)
{
    size_t n = (size_t)channels;
    for (size_t r = 0; r < n; r++) {
        for (size_t c = 0; c < r; c++)
            matrix[c * n + r] = matrix[r * n + c];
    }
}

bool tn_gram_of_samples(int64_t m, int channels, const double *x, struct tn_gram *gram,
                        struct tn_error *error)
{
    struct tn_tensor *matrix =
        tn_tensor_new(TN_DOUBLE, 2, (const int64_t[]){channels, channels}, error);
    if (!matrix)
        return false;
    tn_gram_add(m, channels, x, tn_tensor_doubles(matrix));
    tn_gram_mirror(channels, tn_tensor_doubles(matrix));
    *gram = (struct tn_gram){.channels = channels, .samples = m, .matrix = matrix};
    return true;
}

void tn_gram_free(struct tn_gram *gram)
{
    tn_tensor_unref(gram->matrix);
    tn_tensor_unref(gram->target);
    gram->matrix = gram->target = NULL;
}

bool tn_gram_is_finite(const struct tn_gram *gram, struct tn_error *error)
{
    const double *g = tn_tensor_doubles(gram->matrix);
    const double *target = gram->target ? tn_tensor_doubles(gram->target) : NULL;
    size_t n = (size_t)gram->channels;
    for (size_t i = 0; i < n * n; i++) {
        if (!isfinite(g[i]))
            return tn_fail(error, TN_ERROR_INPUT,
                           "the statistics hold a number that is not finite (channel %d)",
                           (int)(i / n));
    }
    for (size_t i = 0; target && i <= n; i++) {
        if (!isfinite(target[i]))
            return tn_fail(error, TN_ERROR_INPUT,
                           "the target of the statistics is not finite (number %d of %d)",
                           (int)i + 1, (int)n + 1);
    }
    return true;
}

double tn_gram_target_of(const struct tn_gram *gram, int c)
{
    if (gram->target)
        return tn_tensor_doubles(gram->target)[c];
    size_t n = (size_t)gram->channels;
    const double *row = tn_tensor_doubles(gram->matrix) + (size_t)c * n;
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += row[k];
    return sum;
}

void tn_gram_target(const struct tn_gram *gram, double *b)
{
    for (int c = 0; c < gram->channels; c++)
        b[c] = tn_gram_target_of(gram, c);
}

double tn_gram_energy(const struct tn_gram *gram)
{
    if (gram->target)
        return tn_tensor_doubles(gram->target)[gram->channels];
    double energy = 0;
    for (int c = 0; c < gram->channels; c++)
        energy += tn_gram_target_of(gram, c);
    return energy;
}
