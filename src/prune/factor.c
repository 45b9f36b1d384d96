#include "prune/factor.h"

#include "core/threads.h"
#include "prune/blas.h"

#include <cblas.h>
#include <stddef.h>

enum {
    BLOCK = 192, /* rows and columns of a task: three of them fit the second-level cache */
    SLICE = 32   /* right sides of a task */
};

/* A pivot below this is rounding error: the unknown is a combination of others. */
static const double SMALL_PIVOT = 1e-13;

/* One column of blocks is done: what is left of it, and what it takes from the rest. */
struct panel {
    int n, begin, width; /* of the column */
    double *matrix;
};

static int block_height(const struct panel *p, int begin)
{
    return p->n - begin < BLOCK ? p->n - begin : BLOCK;
}

static double *block_at(const struct panel *p, int row, int column)
{
    return p->matrix + (size_t)column * (size_t)p->n + (size_t)row;
}

/* Block `index` below the diagonal one becomes B L^-T. */
static void finish_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct panel *p = context;
    int row = p->begin + p->width + (int)index * BLOCK;
    cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                block_height(p, row), p->width, 1, block_at(p, p->begin, p->begin), p->n,
                block_at(p, row, p->begin), p->n);
}

/* Block `index` of the triangle to the right, counted row by row, loses the panel's product. */
static void reduce_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct panel *p = context;
    int i = 0;
    while ((size_t)(i + 1) * (size_t)(i + 2) / 2 <= index)
        i++;
    int j = (int)(index - (size_t)i * (size_t)(i + 1) / 2), first = p->begin + p->width;
    int row = first + i * BLOCK, column = first + j * BLOCK;
    if (row == column)
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, block_height(p, row), p->width, -1,
                    block_at(p, row, p->begin), p->n, 1, block_at(p, row, row), p->n);
    else
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, block_height(p, row),
                    block_height(p, column), p->width, -1, block_at(p, row, p->begin), p->n,
                    block_at(p, column, p->begin), p->n, 1, block_at(p, row, column), p->n);
}

static bool pivots_are_sound(const struct panel *p)
{
    for (int i = 0; i < p->width; i++) {
        double pivot = *block_at(p, p->begin + i, p->begin + i);
        if (!(pivot * pivot > SMALL_PIVOT))
            return false;
    }
    return true;
}

bool tn_factorise(int n, double *matrix, bool *sound, const struct tn_progress *progress,
                  struct tn_error *error)
{
    *sound = true;
    for (int begin = 0; begin < n && *sound; begin += BLOCK) {
        struct panel p = {.n = n, .begin = begin, .matrix = matrix};
        p.width = block_height(&p, begin);
        if (tn_progress_cancelled(progress))
            return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
        *sound = tn_cholesky_part(p.width, block_at(&p, begin, begin), n) && pivots_are_sound(&p);
        size_t below = (size_t)(n - begin - p.width + BLOCK - 1) / BLOCK;
        if (!*sound || below == 0)
            continue;
        tn_parallel(below, finish_block, &p);
        tn_parallel(below * (below + 1) / 2, reduce_block, &p);
    }
    return true;
}

struct solution {
    int n, columns;
    const double *factor;
    double *right;
    const struct tn_progress *progress;
};

static void solve_slice(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct solution *s = context;
    int first = (int)index * SLICE;
    int width = s->columns - first < SLICE ? s->columns - first : SLICE;
    if (tn_progress_cancelled(s->progress))
        return;
    /* Read by rows, the lower triangle by columns is L^T. */
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, s->n, width, 1,
                s->factor, s->n, s->right + first, s->columns);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, s->n, width, 1,
                s->factor, s->n, s->right + first, s->columns);
}

bool tn_factor_solve(int n, const double *factor, int columns, double *right,
                     const struct tn_progress *progress, struct tn_error *error)
{
    struct solution s = {n, columns, factor, right, progress};
    tn_blas_serial();
    tn_parallel((size_t)(columns + SLICE - 1) / SLICE, solve_slice, &s);
    return !tn_progress_cancelled(progress) || tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
}
