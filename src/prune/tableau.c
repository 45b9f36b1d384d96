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

/* Tableaus from this side on are worth waking other threads for. */
enum { WIDE = 1024, SLICES = 16 };

void tn_tableau_free(struct tn_tableau *tableau)
{
    tn_free(tableau->cell);
    tn_free(tableau->own);
    tn_free(tableau->row);
    tn_free(tableau->in);
    *tableau = (struct tn_tableau){0};
}

void tn_tableau_reset(const struct tn_gram *gram, struct tn_tableau *tableau)
{
    size_t n = (size_t)gram->channels, side = tableau->side;
    const double *g = tn_tensor_doubles(gram->matrix);
    double *last = tableau->cell + n * side;
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
    if (!tableau->cell || !tableau->own || !tableau->row || !tableau->in) {
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

void tn_tableau_sweep(struct tn_tableau *tableau, int channel)
{
    size_t side = tableau->side, k = (size_t)channel;
    double *row = tableau->cell + k * side;
    double pivot = row[k];
    double sign = tableau->in[channel] ? -1 : 1;
    memcpy(tableau->row, row, side * sizeof *row);
    struct update update = {tableau, -1 / pivot};
    if (side >= WIDE) {
        tn_parallel(SLICES, update_slice, &update);
    } else {
        for (size_t i = 0; i < SLICES; i++)
            update_slice(&update, i, 0);
    }
    for (size_t i = 0; i < side; i++)
        row[i] = tableau->cell[i * side + k] = sign * tableau->row[i] / pivot;
    row[k] = -1 / pivot;
    tableau->in[channel] = !tableau->in[channel];
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
