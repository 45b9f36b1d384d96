/* Least squares on a changing set of channels: one symmetric tableau that a channel enters or
 * leaves in O(C^2). Internal to src/prune. */
#ifndef TN_PRUNE_TABLEAU_H
#define TN_PRUNE_TABLEAU_H

#include "core/error.h"
#include "prune/gram.h"
#include <stdbool.h>

/* The sweep operator (Beaton 1964; Goodnight 1979) on [G b; b^T y^T y], b = X^T y, row and column C
 * being y's. For the channels S that are in and all others R:
 *   cell i,i' of S: -P, P = G_SS^-1               cell i of S, y: the least-squares weight w_i
 *   cell i,j of S,R: u = G_SS^-1 G_SR             cell j of R, y: b_j - (G w)_j
 *   cell j,j' of R: G_RR - G_RS u                 cell y,y: the squared error ||y - X_S w||^2 */
struct tn_tableau {
    int channels;
    size_t side;  /* C + 1 */
    double *cell; /* [C+1,C+1] */
    double *own;  /* [C] diagonal of G */
    double *row;  /* [C+1] scratch */
    bool *in;     /* [C] */
    double energy;
    /* In a wide tableau what sweeps add waits until there is enough for one matrix product:
     * cell += sum over p of factor_p update_p update_p^T. The diagonal, y's row and column, and
     * what a sweep sets anew are always as they should be. */
    int delay, waiting; /* delay 0: nothing waits */
    double *update;     /* [delay,C+1] */
    double *scaled;     /* [delay,C+1] factor_p update_p */
    double *kept;       /* [2,C+1] scratch */
};

bool tn_tableau_new(const struct tn_gram *gram, struct tn_tableau *tableau, struct tn_error *error);
/* Set up again with no channel in. */
void tn_tableau_reset(const struct tn_gram *gram, struct tn_tableau *tableau);
void tn_tableau_free(struct tn_tableau *tableau);

/* All cells as they should be. Before that only a channel's diagonal cell and its cell with y are.
 */
void tn_tableau_settle(struct tn_tableau *tableau);

static inline const double *tn_tableau_row(const struct tn_tableau *tableau, int channel)
{
    return tableau->cell + (size_t)channel * tableau->side;
}

static inline double tn_tableau_diagonal(const struct tn_tableau *tableau, int channel)
{
    return tn_tableau_row(tableau, channel)[channel];
}

static inline double tn_tableau_error(const struct tn_tableau *tableau)
{
    return tableau->cell[tableau->side * tableau->side - 1];
}

/* Whether a channel that is out is no combination of those that are in: only such a one may enter.
 */
bool tn_tableau_is_free(const struct tn_tableau *tableau, int channel);

/* Let a channel in that is out, or out that is in. */
void tn_tableau_sweep(struct tn_tableau *tableau, int channel);

/* What the squared error falls by when a free channel enters, or rises by when one leaves. */
double tn_tableau_gain(const struct tn_tableau *tableau, int channel);
double tn_tableau_loss(const struct tn_tableau *tableau, int channel);

#endif
