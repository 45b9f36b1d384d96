/* Blocks of which networks are made, for tests: each reads values of a graph and gives the one it
 * makes. Shapes are known at once, so that a block fits itself to what it reads. Nodes are called
 * OPERATOR_NUMBER. All functions fail the test on error. */
#ifndef TN_TESTS_BLOCKS_H
#define TN_TESTS_BLOCKS_H

#include "small_graph.h"

int block_dim(const struct small_graph *s, int x, int axis);
int block_rank(const struct small_graph *s, int x);

/* Convolution with bias and "same" padding, of images or (rank 3) of sequences. */
int block_conv(struct small_graph *s, int x, int filters, int kernel, int stride, int groups);
/* ConvTranspose with kernel 2 and stride 2. */
int block_deconv(struct small_graph *s, int x, int filters, int groups);
int block_gemm(struct small_graph *s, int x, int outputs, bool transposed);
int block_matmul(struct small_graph *s, int x, int outputs);
int block_norm(struct small_graph *s, int x);
int block_instance_norm(struct small_graph *s, int x);
/* Operators of one input without arguments: Relu, Sigmoid, Flatten, GlobalAveragePool ... */
int block_op(struct small_graph *s, const char *op, int x);
/* One that works along `axis`: Softmax, LayerNormalization (with scale and shift). */
int block_along(struct small_graph *s, const char *op, int x, int axis);
/* MaxPool or AveragePool, 2x2 with stride 2. */
int block_pool(struct small_graph *s, const char *op, int x);
/* Add, Mul ... */
int block_two(struct small_graph *s, const char *op, int a, int b);
/* ... with a constant of one number for each position of `axis` of x, 0.5 to 1.5; first: c op x */
int block_each(struct small_graph *s, const char *op, int x, int axis, bool first);
int block_concat(struct small_graph *s, int axis, int count, const int *xs);
void block_split(struct small_graph *s, int x, int axis, int count, const int64_t *sizes, int *ys);
int block_slice(struct small_graph *s, int x, int axis, int64_t start, int64_t end, int64_t step);
int block_pad(struct small_graph *s, int x, int axis, int64_t begin, int64_t end);
int block_gather(struct small_graph *s, int x, int axis, int count, const int64_t *indices);
int block_reshape(struct small_graph *s, int x, int rank, const int64_t *dims);
int block_transpose(struct small_graph *s, int x, int rank, const int64_t *perm);
int block_reduce(struct small_graph *s, const char *op, int x, int count, const int64_t *axes,
                 bool keep);
/* Twice as high and wide, by scales or by sizes. */
int block_resize(struct small_graph *s, int x, bool sizes);

/* DepthToSpace (also in the order of `mode` CRD) or SpaceToDepth, by blocks of 2. */
int block_depth(struct small_graph *s, const char *op, int x, bool crd);

/* Reshape, Transpose, Reshape. */
int block_shuffle(struct small_graph *s, int x, int groups);
/* x times a factor a channel (Hu et al. 2018): global pool, conv, relu, conv, sigmoid, mul. */
int block_squeeze(struct small_graph *s, int x, int hidden);
/* Global pool, flatten, gemm. */
int block_classify(struct small_graph *s, int x, int classes);

/* A network with these outputs. */
struct tn_graph *block_end(struct small_graph *s, int count, const int *outputs);

#endif
