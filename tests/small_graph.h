/* Small networks for tests of the engine, node by node. */
#ifndef TN_TESTS_SMALL_GRAPH_H
#define TN_TESTS_SMALL_GRAPH_H

#include "core/random.h"
#include "model/graph.h"

struct small_graph {
    struct tn_graph *graph;
    int last; /* value the next node reads */
    struct tn_random random;
};

/* Input [N,channels,height,width]; everything drawn from `seed`. All functions fail the test on
 * error. */
void small_begin(struct small_graph *small, int channels, int height, int width, uint64_t seed);
int small_constant(struct small_graph *small, const char *name, int rank, const int64_t *dims,
                   double mean, double spread);
int small_whole_numbers(struct small_graph *small, const char *name, int count,
                        const int64_t *numbers);
/* A node with any inputs and outputs; its first output becomes `last`. */
struct tn_node *small_join(struct small_graph *small, const char *op_type, int input_count,
                           const int *inputs, int output_count, int *outputs);
/* A node reading `last` and the given constants; its output becomes `last`. The node is returned to
 * be given attributes. */
struct tn_node *small_node(struct small_graph *small, const char *op_type, int constant_count,
                           const int *constants);
/* A convolution with bias; kernel, stride, dilation and pads (top, left, bottom, right) for both
 * axes. */
void small_conv(struct small_graph *small, int channels, int filters, const int64_t kernel[2],
                const int64_t stride[2], const int64_t dilation[2], const int64_t pads[4],
                int groups, bool bias);
void small_norm(struct small_graph *small, int channels);
/* Declare `last` the output and infer shapes. The caller frees the graph. */
struct tn_graph *small_end(struct small_graph *small);

#endif
