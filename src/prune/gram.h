/* The statistic of a group: G = X^T X over sampled locations (DESIGN section 2). */
#ifndef TN_PRUNE_GRAM_H
#define TN_PRUNE_GRAM_H

#include "core/error.h"
#include "model/tensor.h"

struct tn_gram {
    int channels;
    int64_t samples;          /* locations m */
    struct tn_tensor *matrix; /* TN_DOUBLE [C,C], symmetric; shared and immutable */
    /* TN_DOUBLE [C+1]: b = X^T y, then y^T y, where y is another network's output (the unpruned
     * one's) at the same places; NULL where y = X 1, its own, and b = G 1. Of several consumers it
     * is their sum, divided as the matrix is. */
    struct tn_tensor *target;
};

void tn_gram_free(struct tn_gram *gram); /* releases the tensors, not the struct */

/* G of X [m,C], row major, in double: one dsyrk. */
bool tn_gram_of_samples(int64_t m, int channels, const double *x, struct tn_gram *gram,
                        struct tn_error *error);

/* Add X^T X of m more rows to the lower triangle (row major, c <= r) of `matrix` [C,C]. The same
 * bits for any number of threads. */
void tn_gram_add(int64_t m, int channels, const double *x, double *matrix);
/* Copy the lower triangle over the upper one. */
void tn_gram_mirror(int channels, double *matrix);

/* Matrix and target; an error names the channel of the first number that is not. */
bool tn_gram_is_finite(const struct tn_gram *gram, struct tn_error *error);

double tn_gram_energy(const struct tn_gram *gram);           /* y^T y; of its own y, 1^T G 1 */
double tn_gram_target_of(const struct tn_gram *gram, int c); /* b_c = x_c^T y */
void tn_gram_target(const struct tn_gram *gram, double *b);  /* b [C] */

#endif
