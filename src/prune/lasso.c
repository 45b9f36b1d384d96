#include "prune/lasso.h"

#include "core/memory.h"
#include "prune/tableau.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* Knots nearer than this, relatively, are one. */
static const double SAME = 1e-12;
/* Channels may leave and come back; a path this much longer than its channels has lost its way in
 * rounding. */
enum { MOST_KNOTS_A_CHANNEL = 8, KNOTS_A_REPORT = 4, NOBODY = -1 };

/* On a stretch of the path, for the channels S that are in, with signs s:
 *   beta_i = w_i + lambda slope_i,              slope = -P s
 *   x_j^T (y - X beta) = r_j + lambda slope_j,  slope = G_RS P s
 * with w and r as in the tableau: slope is the tableau times s. */
struct homotopy {
    struct tn_tableau tableau;
    double lambda;
    double *sign;  /* [C+1] of beta_c, 0 for those that are out and for y */
    double *slope; /* [C+1] */
    int moved;     /* who entered or left at the last knot */
    double moved_sign;
};

static bool start(const struct tn_gram *gram, struct homotopy *h, struct tn_error *error)
{
    size_t side = (size_t)gram->channels + 1;
    *h = (struct homotopy){.moved = NOBODY};
    h->sign = tn_calloc(side, sizeof *h->sign);
    h->slope = tn_calloc(side, sizeof *h->slope);
    if (!h->sign || !h->slope)
        return tn_fail_memory(error, "the LASSO path", side * sizeof *h->slope);
    if (!tn_tableau_new(gram, &h->tableau, error))
        return false;
    for (int c = 0; c < gram->channels; c++)
        h->lambda = fmax(h->lambda, fabs(tn_tableau_row(&h->tableau, c)[gram->channels]));
    return true;
}

static void end(struct homotopy *h)
{
    tn_tableau_free(&h->tableau);
    tn_free(h->sign);
    tn_free(h->slope);
}

struct knot {
    double lambda;
    int channel;
    double sign; /* of beta when entering; 0: leaves */
};

/* Take a knot if it comes sooner: at a larger lambda, not above the present one. */
static void consider(const struct homotopy *h, struct knot *knot, double lambda, int channel,
                     double sign)
{
    if (lambda > 0 && lambda <= h->lambda * (1 + SAME) && lambda > knot->lambda * (1 + SAME))
        *knot = (struct knot){fmin(lambda, h->lambda), channel, sign};
}

static void consider_leaving(const struct homotopy *h, struct knot *knot, int c)
{
    double weight = tn_tableau_row(&h->tableau, c)[h->tableau.channels];
    /* Who has just entered stands at 0 and moves away from it. */
    if (c != h->moved && h->slope[c] != 0)
        consider(h, knot, -weight / h->slope[c], c, 0);
}

static void consider_entering(const struct homotopy *h, struct knot *knot, int c)
{
    double left = tn_tableau_row(&h->tableau, c)[h->tableau.channels];
    for (int turn = 0; turn < 2; turn++) {
        double sign = turn == 0 ? 1 : -1;
        double meets = 1 - sign * h->slope[c];
        /* Who has just left stands at the bound of its sign and moves away from it. */
        if (meets > 0 && (c != h->moved || sign != h->moved_sign))
            consider(h, knot, sign * left / meets, c, sign);
    }
}

static struct knot next_knot(struct homotopy *h)
{
    const struct tn_tableau *t = &h->tableau;
    struct knot knot = {.channel = NOBODY};
    int side = (int)t->side;
    tn_tableau_settle(&h->tableau);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, side, side, 1, t->cell, side, h->sign, 1, 0, h->slope,
                1);
    for (int c = 0; c < t->channels; c++) {
        if (t->in[c])
            consider_leaving(h, &knot, c);
        else if (tn_tableau_is_free(t, c))
            consider_entering(h, &knot, c);
    }
    return knot;
}

static bool follow(struct homotopy *h, const struct tn_progress *progress, double *score,
                   struct tn_error *error)
{
    int channels = h->tableau.channels;
    double first = h->lambda;
    int64_t most = (int64_t)channels * MOST_KNOTS_A_CHANNEL;
    for (int64_t i = 0; i < most; i++) {
        struct knot knot = next_knot(h);
        if (knot.channel == NOBODY)
            return true;
        h->moved = knot.channel;
        h->moved_sign = h->sign[knot.channel];
        h->lambda = knot.lambda;
        h->sign[knot.channel] = knot.sign;
        if (knot.sign != 0 && score[knot.channel] == 0)
            score[knot.channel] = knot.lambda / first;
        tn_tableau_sweep(&h->tableau, knot.channel);
        if (i % KNOTS_A_REPORT == 0 &&
            !tn_progress_step(progress, "lasso", fmin((double)i, channels), channels, "filters", "",
                              error))
            return false;
    }
    return true;
}

bool tn_lasso_order(const struct tn_gram *gram, const enum tn_lock *locks,
                    const struct tn_progress *progress, int *order, double *score,
                    struct tn_error *error)
{
    struct homotopy h;
    if (!tn_gram_is_finite(gram, error))
        return false;
    bool ok = start(gram, &h, error);
    if (ok) {
        memset(score, 0, (size_t)gram->channels * sizeof *score);
        if (h.lambda > 0)
            ok = follow(&h, progress, score, error);
    }
    end(&h);
    return ok && tn_order_by_score(gram->channels, score, locks, order, error);
}
