/* What the view Compare makes of the networks beside each other: their order, how each differs from
 * a base, and which of them no other one beats. */
#ifndef UI_COMPARISON_H
#define UI_COMPARISON_H

#include "session/snapshot.h"
#include <stdbool.h>

enum comparison_order { BY_ENTRY, BY_TOP1, BY_FLOPS, BY_PARAMS, BY_TIME, COMPARISON_ORDERS };

enum difference_kind {
    DIFFERENCE_UNKNOWN, /* an accuracy is not known */
    DIFFERENCE_BASE,    /* it is the base */
    DIFFERENCE_IMAGES,  /* measured on other images */
    DIFFERENCE_NONE,    /* within its interval */
    DIFFERENCE_BETTER,
    DIFFERENCE_WORSE
};

struct difference {
    enum difference_kind kind;
    double value, low, high; /* of top-1, a fraction, with its 95 % interval; NAN: none */
};

/* Room for the rows of a snapshot; what is made of them by comparison_make. */
struct comparison {
    int count;
    const struct tn_snapshot_compared *rows; /* [count], the snapshot's */
    int base;                                /* row, or -1 where no accuracy is known */
    int *order;                              /* [count] rows by place */
    bool *front;                             /* [count] by row: on the Pareto front */
};

/* `base`: the network it is asked for by (comparing.base); the first row whose accuracy is known
 * where that is not there. False when out of memory. Released with comparison_free. */
bool comparison_make(struct comparison *comparison, const struct tn_snapshot *snapshot,
                     int64_t base, enum comparison_order order, bool by_params);
void comparison_free(struct comparison *comparison);

/* What a network costs: its part of the FLOPs or parameters of the opened one. NAN: not known. */
double comparison_cost(const struct tn_snapshot_compared *row, bool by_params);
/* Accuracies on the same number of the same images? */
bool comparison_alike(const struct tn_snapshot_compared *a, const struct tn_snapshot_compared *b);
struct difference comparison_difference(const struct comparison *comparison, int row);
/* The place of the row of a network, or -1. */
int comparison_place(const struct comparison *comparison, int64_t network);
/* Is the accuracy of any network known, the time of any? */
bool comparison_any(const struct tn_snapshot *snapshot);
bool comparison_timed(const struct tn_snapshot *snapshot);

#endif
