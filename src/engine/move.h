/* Operators that only move numbers - Slice, Pad, Split, Concat, Transpose, Gather, Expand, ... -
 * described as boxes: a box of an output, of any number of axes, is filled from an input. Forward
 * and backward walk the same boxes, one copying, the other adding what went where to the gradient
 * it came from. All offsets are floats within one image. */
#ifndef TN_ENGINE_MOVE_H
#define TN_ENGINE_MOVE_H

#include "engine/step.h"

enum { TN_MOVE_AXES = TN_MAX_RANK };

/* Element i lies at i * to in the output, and at i * from, or table[i], in the input. */
struct tn_move_axis {
    size_t count;
    ptrdiff_t to, from;
    ptrdiff_t *table; /* [count], or NULL */
};

struct tn_box {
    int input, output;  /* of the node; a constant input has its images in dimension 0 */
    ptrdiff_t from, to; /* of the first element */
    int rank;
    struct tn_move_axis axes[TN_MOVE_AXES]; /* the outermost first */
    bool repeats;                           /* reads a number more than once */
    size_t pieces;                          /* tasks an image, cut along the outermost axis */
};

/* The state of a step. */
struct tn_moves {
    int count;
    struct tn_box *boxes;
    float fill; /* what no box covers */
};

/* A shape without its batch axis, and floats from one element of an axis to the next. */
struct tn_extent {
    int rank;
    int64_t dims[TN_MAX_RANK];
    ptrdiff_t strides[TN_MAX_RANK];
    size_t size;
};
struct tn_extent tn_extent_of(const struct tn_value *value);

/* Give the step `count` boxes without axes, from the first input to the first output. NULL when out
 * of memory, error filled. */
struct tn_moves *tn_moves_new(struct tn_network *network, struct tn_step *step, int count,
                              struct tn_error *error);

/* Add an axis inside those there are. */
void tn_box_axis(struct tn_box *box, int64_t count, ptrdiff_t to, ptrdiff_t from);
/* The same, element i coming from input element index[i] on an axis where they are `from` apart. */
bool tn_box_indexed_axis(struct tn_box *box, int64_t count, ptrdiff_t to, ptrdiff_t from,
                         const int64_t *index, struct tn_error *error);

/* Fails, naming the node, where its arguments are not constant: a network could be shown but not
 * run. */
bool tn_need_constant(const struct tn_node *node, bool constant, struct tn_error *error);

/* Last in `prepare`: bring the boxes into the form that is fastest to walk. */
void tn_moves_finish(struct tn_moves *moves);

void tn_moves_forward(struct tn_network *network, struct tn_step *step);
void tn_moves_backward(struct tn_network *network, struct tn_step *step);
void tn_moves_release(struct tn_step *step);

#endif
