/* Broadcasting: how the operands of a node stretch over its output, and the walks over it. One
 * image is described; all operands have the batch in front, or are the same for every image. */
#ifndef TN_ENGINE_STRETCH_H
#define TN_ENGINE_STRETCH_H

#include "core/error.h"
#include "engine/step.h"
#include <stdbool.h>
#include <stddef.h>

enum { TN_PIECE = 2048 /* numbers of a row that are worked on at once, at most */ };

struct tn_operand {
    size_t size;                /* floats an image */
    size_t image;               /* floats from one image to the next; 0: the same for all */
    size_t stride[TN_MAX_RANK]; /* along dims; 0 where it stretches. The last is 1 or 0. */
};

/* A grid of rows: its last dimension is a row, the ones before it count the rows. Dimensions along
 * which all operands run or stretch alike are merged. */
struct tn_stretch {
    int rank; /* at least 1 */
    size_t dims[TN_MAX_RANK];
    size_t rows, length;
    int count;
    struct tn_operand *operands; /* [count] */
};

/* The values of a graph over the value `grid`. Constants that lack the batch axis, or have 1 there,
 * are the same for every image. An error names the node. Released with tn_stretch_release. */
bool tn_stretch_of(const struct tn_graph *graph, const struct tn_node *node,
                   const struct tn_value *grid, int count, const int *values,
                   struct tn_stretch *stretch, struct tn_error *error);
/* The same for shapes [N, dims]: `kept[i]` says whether the one operand runs along dimension i, or
 * stretches. */
bool tn_stretch_over(int rank, const int64_t *dims, const bool *kept, const char *node,
                     struct tn_stretch *stretch, struct tn_error *error);
void tn_stretch_release(struct tn_stretch *stretch);

/* Does the operand have a number for each of the grid's? */
bool tn_operand_is_full(const struct tn_stretch *stretch, const struct tn_operand *operand);
/* Step along a row: 1 or 0. */
size_t tn_operand_step(const struct tn_stretch *stretch, const struct tn_operand *operand);

/* A piece of one row: numbers from .. from + count-1. */
struct tn_piece {
    size_t image, row, from, count;
};

/* Where the operand's first number for this piece is. */
size_t tn_operand_at(const struct tn_stretch *stretch, const struct tn_operand *operand,
                     const struct tn_piece *piece);
/* Where the piece is in an array of the grid's own shape. */
size_t tn_piece_at(const struct tn_stretch *stretch, const struct tn_piece *piece);

/* Call `work` for all pieces of all images, in parallel. */
void tn_stretch_walk(const struct tn_stretch *stretch, size_t images,
                     void (*work)(void *context, const struct tn_piece *piece), void *context);

/* What is to be reduced in a piece: `buffer` [piece->count] filled, or numbers kept elsewhere. */
typedef const float *(*tn_piece_values)(void *context, const struct tn_piece *piece, float *buffer);

/* to[operand's shape] = sum (in double) or greatest of all the grid's numbers that the operand's
 * number stretches over, in a fixed order; in parallel over the operand's numbers. */
void tn_stretch_sum(const struct tn_network *network, const struct tn_stretch *stretch,
                    const struct tn_operand *operand, size_t images, tn_piece_values values,
                    void *context, float *to);
void tn_stretch_greatest(const struct tn_network *network, const struct tn_stretch *stretch,
                         const struct tn_operand *operand, size_t images, tn_piece_values values,
                         void *context, float *to);

#endif
