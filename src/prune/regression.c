#include "prune/regression.h"

#include "core/memory.h"
#include "core/threads.h"
#include "prune/blas.h"
#include "prune/factor.h"
#include "prune/gram.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum {
    TILE = 128, /* rows and columns of the product a task */
    SLICE = 32  /* outputs a task where each needs the whole square */
};

bool tn_regression_open(int unknowns, int outputs, struct tn_regression *r, struct tn_error *error)
{
    size_t n = (size_t)unknowns, f = (size_t)outputs;
    *r = (struct tn_regression){.unknowns = unknowns, .outputs = outputs};
    r->square = tn_calloc(n * n, sizeof *r->square);
    r->product = tn_calloc(n * f, sizeof *r->product);
    r->energy = tn_calloc(f, sizeof *r->energy);
    if (r->square && r->product && r->energy)
        return true;
    tn_regression_free(r);
    return tn_fail_memory(error, "least squares", tn_regression_bytes(unknowns, outputs));
}

void tn_regression_free(struct tn_regression *r)
{
    tn_free(r->square);
    tn_free(r->product);
    tn_free(r->energy);
    *r = (struct tn_regression){0};
}

size_t tn_regression_bytes(int unknowns, int outputs)
{
    size_t n = (size_t)unknowns, f = (size_t)outputs;
    return (n * n + n * f + f) * sizeof(double);
}

size_t tn_regression_work_bytes(int unknowns, int outputs)
{
    size_t n = (size_t)unknowns, f = (size_t)outputs;
    return (n * n + 2 * n * f) * sizeof(double); /* a factor; right sides, and a product */
}

struct rows {
    struct tn_regression *r;
    int m;
    const double *x, *y;
};

/* Tile `index` of X^T Y: all rows in one task. */
static void add_tile(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct rows *rows = context;
    const struct tn_regression *r = rows->r;
    int across = (r->outputs + TILE - 1) / TILE;
    int row = (int)index / across * TILE, column = (int)index % across * TILE;
    int height = r->unknowns - row < TILE ? r->unknowns - row : TILE;
    int width = r->outputs - column < TILE ? r->outputs - column : TILE;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, height, width, rows->m, 1, rows->x + row,
                r->unknowns, rows->y + column, r->outputs, 1,
                r->product + (size_t)row * (size_t)r->outputs + (size_t)column, r->outputs);
}

void tn_regression_add(struct tn_regression *r, int m, const double *x, const double *y)
{
    struct rows rows = {r, m, x, y};
    size_t down = (size_t)(r->unknowns + TILE - 1) / TILE;
    size_t across = (size_t)(r->outputs + TILE - 1) / TILE;
    if (m < 1)
        return;
    tn_gram_add(m, r->unknowns, x, r->square);
    tn_parallel(down * across, add_tile, &rows);
    for (int i = 0; i < m; i++) {
        const double *row = y + (size_t)i * (size_t)r->outputs;
        for (int o = 0; o < r->outputs; o++)
            r->energy[o] += row[o] * row[o];
    }
    r->samples += m;
}

static void add_all(double *sum, const double *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += more[i];
}

void tn_regression_merge(struct tn_regression *r, const struct tn_regression *other)
{
    size_t n = (size_t)r->unknowns, f = (size_t)r->outputs;
    add_all(r->square, other->square, n * n);
    add_all(r->product, other->product, n * f);
    add_all(r->energy, other->energy, f);
    r->samples += other->samples;
}

double tn_regression_energy(const struct tn_regression *r)
{
    double sum = 0;
    for (int o = 0; o < r->outputs; o++)
        sum += r->energy[o];
    return sum;
}

/* to = sign X^T X W + (to where it is kept) */
struct multiplication {
    const struct tn_regression *r;
    const double *weights;
    double sign, keep;
    double *to;
    const struct tn_progress *progress;
};

static void multiply_slice(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct multiplication *p = context;
    int first = (int)index * SLICE, n = p->r->unknowns, f = p->r->outputs;
    int width = f - first < SLICE ? f - first : SLICE;
    if (tn_progress_cancelled(p->progress))
        return;
    cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, n, width, p->sign, p->r->square, n,
                p->weights + first, f, p->keep, p->to + first, f);
}

static bool multiply(const struct tn_regression *r, const double *weights, double sign, double keep,
                     double *to, const struct tn_progress *progress, struct tn_error *error)
{
    struct multiplication p = {r, weights, sign, keep, to, progress};
    tn_blas_serial();
    tn_parallel((size_t)(r->outputs + SLICE - 1) / SLICE, multiply_slice, &p);
    return !tn_progress_cancelled(progress) || tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
}

bool tn_regression_error(const struct tn_regression *r, const double *weights, double *squares,
                         const struct tn_progress *progress, struct tn_error *error)
{
    size_t count = (size_t)r->unknowns * (size_t)r->outputs;
    double *product = tn_calloc(count, sizeof *product);
    if (!product)
        return tn_fail_memory(error, "least squares", count * sizeof *product);
    if (!multiply(r, weights, 1, 0, product, progress, error)) {
        tn_free(product);
        return false;
    }
    double sum = tn_regression_energy(r);
    for (size_t i = 0; i < count; i++)
        sum += weights[i] * (product[i] - 2 * r->product[i]);
    *squares = fmax(sum, 0);
    tn_free(product);
    return true;
}

/* Scaled so that the diagonal is 1 (and the ridge more), as columns. */
struct scaling {
    const struct tn_regression *r;
    const double *scale; /* [n] */
    double ridge;
    double *matrix;
};

static void scale_column(void *context, size_t c, unsigned worker)
{
    (void)worker;
    const struct scaling *s = context;
    size_t n = (size_t)s->r->unknowns;
    for (size_t i = c; i < n; i++)
        s->matrix[c * n + i] = s->r->square[i * n + c] * s->scale[i] * s->scale[c];
    s->matrix[c * n + c] = 1 + s->ridge;
}

static void inverse_roots(const struct tn_regression *r, double *scale)
{
    size_t n = (size_t)r->unknowns;
    for (size_t i = 0; i < n; i++) {
        double square = r->square[i * n + i];
        scale[i] = square > 0 ? 1 / sqrt(square) : 0; /* 0: it is left out, and stays */
    }
}

static void scale_rows(const struct tn_regression *r, const double *scale, double *rows)
{
    size_t f = (size_t)r->outputs;
    for (size_t i = 0; i < (size_t)r->unknowns; i++)
        for (size_t o = 0; o < f; o++)
            rows[i * f + o] *= scale[i];
}

/* With S = D^-1/2: W = W0 + S (S X^T X S + ridge)^-1 S (X^T Y - X^T X W0). */
static bool solve(const struct tn_regression *r, const struct scaling *scaling, const double *start,
                  double *weights, bool *sound, const struct tn_progress *progress,
                  struct tn_error *error)
{
    size_t n = (size_t)r->unknowns, count = n * (size_t)r->outputs;
    tn_parallel(n, scale_column, (void *)(uintptr_t)scaling);
    if (!tn_factorise(r->unknowns, scaling->matrix, sound, progress, error))
        return false;
    if (!*sound)
        return true;
    memcpy(weights, r->product, count * sizeof *weights);
    if (!multiply(r, start, -1, 1, weights, progress, error))
        return false;
    scale_rows(r, scaling->scale, weights);
    if (!tn_factor_solve(r->unknowns, scaling->matrix, r->outputs, weights, progress, error))
        return false;
    scale_rows(r, scaling->scale, weights);
    for (size_t i = 0; i < count; i++) {
        weights[i] += start[i];
        *sound &= isfinite(weights[i]) != 0;
    }
    return true;
}

bool tn_regression_solve(const struct tn_regression *r, double ridge, const double *start,
                         double *weights, bool *sound, const struct tn_progress *progress,
                         struct tn_error *error)
{
    size_t n = (size_t)r->unknowns;
    double *scale = tn_alloc(n, sizeof *scale), *matrix = tn_alloc(n * n, sizeof *matrix);
    struct scaling scaling = {r, scale, ridge, matrix};
    bool fine = scale && matrix;
    *sound = false;
    if (fine) {
        inverse_roots(r, scale);
        fine = solve(r, &scaling, start, weights, sound, progress, error);
    } else {
        tn_fail_memory(error, "least squares", n * n * sizeof *matrix);
    }
    tn_free(scale);
    tn_free(matrix);
    return fine;
}
