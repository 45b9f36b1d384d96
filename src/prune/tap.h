/* Reading x at one consumer (DESIGN section 2): rows of random locations from a consumer's input.
 * Internal to src/prune. */
#ifndef TN_PRUNE_TAP_H
#define TN_PRUNE_TAP_H

#include "core/error.h"
#include "core/random.h"
#include "model/graph.h"
#include "model/window.h"
#include "prune/groups.h"
#include <stdint.h>

struct tn_tap {
    int group;               /* its place among the groups asked for */
    int node, channels;      /* the consumer, and the channels of its group */
    int positions;           /* on the channel axis of the consumer's input ... */
    const int *channel_of;   /* [positions] ... and which channel each is, or TN_NO_CHANNEL; the
                                group's */
    int filters;             /* d < filters */
    size_t input_size;       /* numbers of its input for one image */
    const float *weights;    /* of the graph */
    enum tn_op op;           /* TN_OP_CONV, TN_OP_CONV_TRANSPOSE, TN_OP_GEMM or TN_OP_MATMUL */
    bool transposed;         /* Gemm's transB */
    float alpha;             /* Gemm's factor, 1 otherwise */
    int rows_in;             /* MatMul: rows [rows_in,positions] of an image */
    struct tn_window window; /* of a convolution */
    uint64_t stream;         /* from the group's name and the consumer's place in it */
    double *rows;            /* where the rows of the present batch go */
    double *matrix;          /* lower triangle of the sum of X^T X, or NULL */
    double *moments;         /* [channels + 1] sums of X^T y and y^T y, or NULL */
};

/* Prepare consumer `consumer` of a group; the graph must stay. */
bool tn_tap_open(const struct tn_graph *graph, const struct tn_group *group, int consumer,
                 struct tn_tap *tap, struct tn_error *error);

/* One location: filter d, and (p,q) of a convolution's output, or row p of MatMul's. */
struct tn_place {
    int filter, row, column;
};

/* The locations of an image, one after another, drawn from (seed, the tap's stream, image). */
struct tn_places {
    struct tn_random random;
};
void tn_places_start(struct tn_places *places, const struct tn_tap *tap, uint64_t seed,
                     uint64_t image);
struct tn_place tn_places_next(struct tn_places *places, const struct tn_tap *tap);

/* Row [channels] of one location: x_c = sum of weight times input over the window. */
void tn_tap_row(const struct tn_tap *tap, const float *input, const struct tn_place *place,
                double *row);

/* Rows [locations,channels] of one image: x_c = sum of weight times input over the window at random
 * (d,p,q), drawn from (seed, the tap's stream, image). `input`: the consumer's input for this
 * image. */
void tn_tap_image(const struct tn_tap *tap, const float *input, uint64_t seed, uint64_t image,
                  int locations, double *rows);

#endif
