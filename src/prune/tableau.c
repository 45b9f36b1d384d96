#include "prune/tableau.h"

#include "core/memory.h"
#include "core/threads.h"
#include "prune/blas.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* A channel of which no more than this part is left outside the span of those that are in would
 * bring mostly rounding error. */
static const double SMALL_PIVOT = 1e-10;

/* Tableaus from this side on are worth waking other threads for, and those past the next no longer
 * fit a cache, so that a sweep by itself would wait for memory. */
enum { WIDE = 1024, SLICES = 16, TOO_WIDE = 1025, DELAY = 32 };

void tn_tableau_free(struct tn_tableau *tableau)
{
    tn_free(tableau->cell);
    tn_free(tableau->own);
    tn_free(tableau->row);
    tn_free(tableau->in);
    tn_free(tableau->update);
    tn_free(tableau->scaled);
    tn_free(tableau->kept);
    *tableau = (struct tn_tableau){0};
}

void tn_tableau_reset(const struct tn_gram *gram, struct tn_tableau *tableau)
{
    size_t n = (size_t)gram->channels, side = tableau->side;
    const double *g = tn_tensor_doubles(gram->matrix);
    double *last = tableau->cell + n * side;
    tableau->waiting = 0;
    for (size_t r = 0; r < n; r++) {
        double *row = tableau->cell + r * side;
        memcpy(row, g + r * n, n * sizeof *row);
        row[n] = last[r] = tn_gram_target_of(gram, (int)r);
        tableau->own[r] = row[r];
        tableau->in[r] = false;
    }
    last[n] = tableau->energy = tn_gram_energy(gram);
}

bool tn_tableau_new(const struct tn_gram *gram, struct tn_tableau *tableau, struct tn_error *error)
{
    size_t n = (size_t)gram->channels, cells;
    *tableau = (struct tn_tableau){.channels = gram->channels, .side = n + 1};
    if (!tn_mul(n + 1, n + 1, &cells))
        return tn_fail_memory(error, "a tableau", SIZE_MAX);
    tableau->cell = tn_alloc(cells, sizeof *tableau->cell);
    tableau->own = tn_alloc(n, sizeof *tableau->own);
    tableau->row = tn_alloc(n + 1, sizeof *tableau->row);
    tableau->in = tn_alloc(n, sizeof *tableau->in);
    tableau->delay = n + 1 > TOO_WIDE ? DELAY : 0;
    size_t waiting = (size_t)tableau->delay * (n + 1);
    tableau->update = tn_alloc(waiting, sizeof *tableau->update);
    tableau->scaled = tn_alloc(waiting, sizeof *tableau->scaled);
    tableau->kept = tn_alloc(2 * (n + 1), sizeof *tableau->kept);
    if (!tableau->cell || !tableau->own || !tableau->row || !tableau->in || !tableau->update ||
        !tableau->scaled || !tableau->kept) {
        tn_tableau_free(tableau);
        return tn_fail_memory(error, "a tableau", cells * sizeof *tableau->cell);
    }
    tn_blas_serial();
    tn_tableau_reset(gram, tableau);
    return true;
}

bool tn_tableau_is_free(const struct tn_tableau *tableau, int channel)
{
    return !tableau->in[channel] &&
           tn_tableau_diagonal(tableau, channel) > SMALL_PIVOT * tableau->own[channel];
}

struct update {
    struct tn_tableau *tableau;
    double factor;
};

/* A slice of rows of cell += factor row row^T. */
static void update_slice(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct update *u = context;
    size_t side = u->tableau->side;
    size_t first = side * index / SLICES, last = side * (index + 1) / SLICES;
    cblas_dger(CblasRowMajor, (int)(last - first), (int)side, u->factor, u->tableau->row + first, 1,
               u->tableau->row, 1, u->tableau->cell + first * side, (int)side);
}

static void in_slices(struct tn_tableau *tableau, void (*slice)(void *, size_t, unsigned),
                      void *context)
{
    if (tableau->side >= WIDE) {
        tn_parallel(SLICES, slice, context);
        return;
    }
    for (size_t i = 0; i < SLICES; i++)
        slice(context, i, 0);
}

/* --- what waits --- */

/* A slice of rows of cell += scaled^T update. */
static void settle_slice(void *context, size_t index, unsigned worker)
{
    (void)worker;
    struct tn_tableau *t = context;
    int side = (int)t->side;
    size_t first = t->side * index / SLICES, last = t->side * (index + 1) / SLICES;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)(last - first), side, t->waiting, 1,
                t->scaled + first, side, t->update, side, 1, t->cell + first * t->side, side);
}

void tn_tableau_settle(struct tn_tableau *tableau)
{
    size_t side = tableau->side;
    if (tableau->waiting == 0)
        return;
    double *diagonal = tableau->kept, *last = tableau->kept + side;
    for (size_t i = 0; i < side; i++) {
        diagonal[i] = tableau->cell[i * side + i];
        last[i] = tableau->cell[(side - 1) * side + i];
    }
    in_slices(tableau, settle_slice, tableau);
    tableau->waiting = 0;
    for (size_t i = 0; i < side; i++) {
        tableau->cell[i * side + i] = diagonal[i];
        tableau->cell[(side - 1) * side + i] = tableau->cell[i * side + side - 1] = last[i];
    }
}

/* Channel k's row with what waits, into the scratch row. */
static void read_row(struct tn_tableau *tableau, size_t k)
{
    size_t side = tableau->side;
    const double *row = tableau->cell + k * side;
    memcpy(tableau->row, row, side * sizeof *row);
    if (tableau->waiting == 0)
        return;
    cblas_dgemv(CblasRowMajor, CblasTrans, tableau->waiting, (int)side, 1, tableau->update,
                (int)side, tableau->scaled + k, (int)side, 1, tableau->row, 1);
    tableau->row[k] = row[k];
    tableau->row[side - 1] = row[side - 1];
}

/* Let factor row row^T wait; k's own row and column are about to be set. */
static void let_wait(struct tn_tableau *tableau, size_t k, double factor)
{
    size_t side = tableau->side, n = side - 1;
    for (int p = 0; p < tableau->waiting; p++)
        tableau->update[(size_t)p * side + k] = tableau->scaled[(size_t)p * side + k] = 0;
    double *update = tableau->update + (size_t)tableau->waiting * side;
    double *scaled = tableau->scaled + (size_t)tableau->waiting * side;
    memcpy(update, tableau->row, side * sizeof *update);
    update[k] = 0;
    for (size_t i = 0; i < side; i++)
        scaled[i] = factor * update[i];
    for (size_t i = 0; i < n; i++) {
        tableau->cell[i * side + i] += scaled[i] * update[i];
        tableau->cell[n * side + i] += scaled[n] * update[i];
        tableau->cell[i * side + n] = tableau->cell[n * side + i];
    }
    tableau->cell[n * side + n] += scaled[n] * update[n];
    tableau->waiting++;
}

/* --- sweeps --- */

void tn_tableau_sweep(struct tn_tableau *tableau, int channel)
{
    size_t side = tableau->side, k = (size_t)channel;
    double *row = tableau->cell + k * side;
    read_row(tableau, k);
    double pivot = tableau->row[k];
    double sign = tableau->in[channel] ? -1 : 1;
    struct update update = {tableau, -1 / pivot};
    if (tableau->delay > 0)
        let_wait(tableau, k, update.factor);
    else
        in_slices(tableau, update_slice, &update);
    for (size_t i = 0; i < side; i++)
        row[i] = tableau->cell[i * side + k] = sign * tableau->row[i] / pivot;
    row[k] = -1 / pivot;
    tableau->in[channel] = !tableau->in[channel];
    if (tableau->waiting > 0 && tableau->waiting == tableau->delay)
        tn_tableau_settle(tableau);
}

double tn_tableau_gain(const struct tn_tableau *tableau, int channel)
{
    const double *row = tn_tableau_row(tableau, channel);
    double left = row[tableau->side - 1]; /* x^T (y - X_S w) */
    return tn_tableau_is_free(tableau, channel) ? left * left / row[channel] : 0;
}

double tn_tableau_loss(const struct tn_tableau *tableau, int channel)
{
    const double *row = tn_tableau_row(tableau, channel);
    double weight = row[tableau->side - 1];
    return tableau->in[channel] ? -weight * weight / row[channel] : 0;
}
