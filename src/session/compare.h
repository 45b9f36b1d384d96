/* Networks of the journal beside each other: what each is, what it costs, how accurate and fast it
 * is as far as that is known. */
#ifndef TN_SESSION_COMPARE_H
#define TN_SESSION_COMPARE_H

#include "session/outline.h"

struct tn_compared {
    int64_t entry;                    /* where it was asked for, or its accuracy is known */
    int64_t network;                  /* the entry that made the network */
    char model[160];                  /* "vgg16 pruned, fine-tuned" */
    const struct tn_outline *outline; /* at `entry`, which it belongs to */
    int64_t params, flops;            /* -1: not known */
    double forward_ms, backward_ms;   /* NAN: not known */
};

struct tn_origin;

/* What rows are made from: where the networks of a session's entries come from. */
struct tn_comparison {
    struct tn_session *session;
    int batch;                 /* of the `time` commands whose results count */
    struct tn_origin *origins; /* [journal.count] */
};

bool tn_comparison_start(struct tn_comparison *comparison, struct tn_session *session, int batch,
                         struct tn_error *error);
void tn_comparison_end(struct tn_comparison *comparison);

/* The row of one entry; where its own accuracy was not measured, with one of the same network. */
bool tn_compared_entry(const struct tn_comparison *comparison, int64_t entry,
                       struct tn_compared *row, struct tn_error *error);
/* The opened network, and every network made from it, here or in a branch, whose accuracy is known:
 * once each, where it was measured on most images, of those the last. tn_free the rows, also after
 * a failure. */
bool tn_compared_all(const struct tn_comparison *comparison, int *count, struct tn_compared **rows,
                     struct tn_error *error);

/* Accuracies on the same number of the same images? */
bool tn_compared_comparable(const struct tn_compared *a, const struct tn_compared *b);

/* Does a network of this cost and accuracy dominate another one: as good in both, better in one?
 * What no other one dominates is the Pareto front. */
bool tn_dominates(double cost, double accuracy, double other_cost, double other_accuracy);

/* The 95 % interval of p1 - p2, two shares of `count` images each that are seen as independent:
 * Newcombe 1998 (Statistics in Medicine 17, 873-890), method 10, from Wilson's intervals. */
void tn_difference_interval(double p1, double p2, double count, double *low, double *high);

#endif
