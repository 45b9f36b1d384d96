/* Gradients of a network compared with differences: for the tests of engine. */
#ifndef TN_TESTS_GRADIENTS_H
#define TN_TESTS_GRADIENTS_H

#include "model/graph.h"
#include <stddef.h>

/* Numbers an image of an activation. */
size_t gradients_image_size(const struct tn_graph *graph, int value);

/* `count` numbers of -1 to 1, seeded; released with tn_free. */
float *gradients_random(size_t count, uint64_t seed);

/* Compare up to a dozen numbers of every parameter's gradient, and more of the input's, with
 * central differences of step `h`, for `count` random images. Takes the graph over. */
void gradients_check(struct tn_graph *graph, int count, double h);

#endif
