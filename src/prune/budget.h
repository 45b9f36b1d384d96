/* Ratios for all groups at once from a budget: the widths of least summed error within a cost. */
#ifndef TN_PRUNE_BUDGET_H
#define TN_PRUNE_BUDGET_H

#include "core/error.h"
#include "prune/width.h"

/* What is known of a group. */
struct tn_budget_group {
    int least, most;     /* channels that may stay */
    const double *curve; /* [channels+1] error with so many kept, any that is finite; it need not
                            fall all the way. NULL: the group stays at `most` */
    const int *order;    /* [channels] in which its channels go, or NULL */
};

struct tn_budget {
    const struct tn_widths *widths;
    const struct tn_budget_group *groups; /* [groups] */
    enum tn_measure measure;
    double fraction; /* of today's cost to keep */
};

struct tn_budget_answer {
    int *kept; /* [groups] released with tn_free */
    struct tn_width_cost today, cost;
    double error; /* summed over the groups that have a curve */
    bool over;    /* even the least of every group costs more than asked */
    bool under;   /* all that may stay costs less than 99 % of what is asked */
};

/* Cost is the true product of neighbouring widths, so the problem is not convex even for convex
 * curves. It is relaxed with a price on cost (Lagrange): descent over one group after the other at
 * a price, bisection on the price, from several starts; what is left of the budget is filled, and
 * the answer improved by exchange of channels between two groups as long as the error falls. On
 * curves that fall never worse than equal ratios. The cost comes within 1 % below what is asked
 * wherever single channels are fine enough for that; where a curve rises with more channels, as
 * measured ones do, coming near goes before the error. The same for the same input; tens of
 * milliseconds for networks of some fifty layers. */
bool tn_budget_solve(const struct tn_budget *budget, struct tn_budget_answer *answer,
                     struct tn_error *error);

#endif
