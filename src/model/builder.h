/* Building networks layer by layer, for the built-in architectures. Every function takes the value
 * that comes in and returns the value that goes out, or -1 once anything failed: calls can be
 * chained, and only the end needs to be looked at. Weights are not set until tn_graph_initialise.
 */
#ifndef TN_MODEL_BUILDER_H
#define TN_MODEL_BUILDER_H

#include "core/error.h"
#include "model/graph.h"

struct tn_builder {
    struct tn_graph *graph;
    struct tn_error *error;
    bool failed;
    int64_t most_weights; /* floats in constants; 0: no limit */
    int64_t weights;      /* so far */
};

struct tn_conv_options {
    int filters, kernel, stride, pad, groups; /* stride and groups: 0 means 1 */
    bool bias;
};

/* An empty network of opset 13 whose batch axis is called N. */
struct tn_graph *tn_builder_start(struct tn_builder *builder, const char *graph_name,
                                  struct tn_error *error);

int tn_build_input(struct tn_builder *builder, const char *name, int channels, int height,
                   int width);
int tn_build_conv(struct tn_builder *builder, const char *name, int input,
                  const struct tn_conv_options *options);
int tn_build_batch_norm(struct tn_builder *builder, const char *name, int input);
int tn_build_relu(struct tn_builder *builder, const char *name, int input);
int tn_build_max_pool(struct tn_builder *builder, const char *name, int input, int kernel,
                      int stride, int pad);
int tn_build_global_pool(struct tn_builder *builder, const char *name, int input);
int tn_build_add(struct tn_builder *builder, const char *name, int a, int b);
int tn_build_dropout(struct tn_builder *builder, const char *name, int input, float ratio);
/* Rows 0, 2, 4, ... and of each the columns 0, 2, 4, ... */
int tn_build_every_second(struct tn_builder *builder, const char *name, int input);
/* Channels of zeros before and after those there are. */
int tn_build_pad_channels(struct tn_builder *builder, const char *name, int input, int before,
                          int after);
int tn_build_flatten(struct tn_builder *builder, const char *name, int input);
int tn_build_gemm(struct tn_builder *builder, const char *name, int input, int outputs);

/* Channels (or features) of a value; 0 once anything failed. */
int tn_build_channels(const struct tn_builder *builder, int value);

/* Give the value its final name and make it the network's output. */
bool tn_build_output(struct tn_builder *builder, const char *name, int value);

#endif
