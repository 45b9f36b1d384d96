/* A network made ready to run: an execution plan with its buffers, for one graph and one greatest
 * batch. */
#ifndef TN_ENGINE_NETWORK_H
#define TN_ENGINE_NETWORK_H

#include "core/error.h"
#include "core/progress.h"
#include "model/graph.h"
#include <stdbool.h>
#include <stdint.h>

enum tn_mode {
    TN_INFER,
    TN_TRAINING
}; /* TRAINING keeps what backward needs; BatchNorm uses the batch's statistics */

struct tn_network;

/* Plan a graph whose first input is [N,C,H,W] and first output [N,classes]. The graph is cloned. An
 * error names the node and operator that cannot be run. */
struct tn_network *tn_network_new(const struct tn_graph *graph, int max_batch, enum tn_mode mode,
                                  struct tn_error *error);
/* For inference, with sums as steps of their own, so that observers see what goes into an Add,
 * which else may be made by the convolution before it. */
struct tn_network *tn_network_new_watched(const struct tn_graph *graph, int max_batch,
                                          struct tn_error *error);
/* For inference of which only the outputs are read: steps on large images run for a portion of the
 * batch at a time, which keeps what they hand on in the caches, and gives the same bits. Observers
 * are called once for each portion, and tn_network_value may have the last one only. `progress`,
 * which may be NULL, cancels the planning too and watches the network from then on. */
struct tn_network *tn_network_new_evaluating(const struct tn_graph *graph, int max_batch,
                                             const struct tn_progress *progress,
                                             struct tn_error *error);
void tn_network_free(struct tn_network *network);

struct tn_network_options {
    int max_batch;
    enum tn_mode mode;
    /* Training mode: where all activations together would take more memory than this, 0: never,
     * only some are kept and the others are made again during the backward pass, which gives the
     * same bits. It still takes more where even that is not enough. */
    size_t most_bytes;
    bool pieces;     /* training mode: batches will be trained in pieces */
    bool watched;    /* inference: see tn_network_new_watched */
    bool evaluating; /* inference: see tn_network_new_evaluating */
    /* May be NULL. Cancels the planning too, and watches the network from then on. */
    const struct tn_progress *progress;
};
struct tn_network *tn_network_new_with(const struct tn_graph *graph,
                                       const struct tn_network_options *options,
                                       struct tn_error *error);

/* What such a network will take, found without taking it. */
struct tn_needs {
    size_t bytes;   /* as tn_network_bytes; the weights of the graph itself are not among them */
    size_t resting; /* after tn_network_rest */
    int segments;   /* of steps: 1 where all activations are kept */
    bool splits;    /* pieces of a batch give the batch's gradients: no BatchNorm asks about it */
};
bool tn_network_needs(const struct tn_graph *graph, const struct tn_network_options *options,
                      struct tn_needs *needs, struct tn_error *error);

/* Give back what is only needed between the beginning of a forward pass and the end of what follows
 * it; the next one takes it again. */
void tn_network_rest(struct tn_network *network);

/* Called before a node runs, from the calling thread, with the node's first input [count,...] in
 * NCHW order as the graph says. Nodes that were fused into the one before (BatchNorm and ReLU after
 * a convolution) and views (Flatten) are not seen; every Conv, ConvTranspose, Gemm and MatMul is,
 * with the first of its inputs that is no constant. Return false (error
 * filled) to stop. */
struct tn_observer {
    bool (*before)(void *context, int node, const float *input, int count, struct tn_error *error);
    void *context;
};

/* Forward pass of `count` <= max_batch images [count,C,H,W]; the result [count,classes] stays valid
 * until the next call. `observer` may be NULL. */
bool tn_network_forward(struct tn_network *network, const float *images, int count,
                        const struct tn_observer *observer, const float **outputs,
                        struct tn_error *error);

int tn_network_outputs(
    const struct tn_network *network); /* numbers per image of the first output */

/* Training mode: gradient of the loss with respect to the outputs [count,classes] in, gradients of
 * all trainable parameters inside. Follows a forward of the same batch. */
bool tn_network_backward(struct tn_network *network, const float *output_gradient,
                         struct tn_error *error);

/* A batch in pieces: the forward and backward pass of images first .. first + count - 1 of it. The
 * gradients of parameters are added up from first = 0 on. */
bool tn_network_forward_piece(struct tn_network *network, const float *images, int first, int count,
                              const float **outputs, struct tn_error *error);

/* The same, with `observer` called before each node's backward runs, in the order they are: the
 * gradient of the node's output is whole by then. Its `input` is NULL. */
bool tn_network_backward_observed(struct tn_network *network, const float *output_gradient,
                                  const struct tn_observer *observer, struct tn_error *error);

/* Training mode: BatchNorm uses its running statistics and leaves them, Dropout drops nothing: the
 * gradients are those of the network as it is evaluated. */
void tn_network_freeze(struct tn_network *network);

/* Name of the way in which the node's convolution is computed, or NULL of other nodes. */
const char *tn_network_path(const struct tn_network *network, int node);

/* For observers. The node whose step makes `value` (what was fused into a node is made by it), or
 * TN_NO_NODE where no step does. */
int tn_network_maker(const struct tn_network *network, int value);
/* Numbers of a value [count,...]: an input of the node at hand or, while training, any whose node's
 * backward has not run. */
const float *tn_network_value(const struct tn_network *network, int value);
/* Gradient of the output [count,...] of the node whose backward is at hand, or NULL where nothing
 * asks for it. */
const float *tn_network_value_gradient(const struct tn_network *network, int value);

/* One step of SGD in PyTorch's form: d = g + decay w; v = momentum v + d; w = w - lr v, or with
 * Nesterov's momentum w = w - lr (d + momentum v). */
struct tn_sgd {
    float learning_rate, momentum, decay;
    bool nesterov;
    bool spare_vectors; /* decay leaves out BatchNorm's scale and shift and biases */
    double clip;        /* greatest norm of all gradients together, 0: any; they are scaled to it */
};
void tn_network_update(struct tn_network *network, const struct tn_sgd *sgd);

/* Gradient of a constant of the graph after backward, or NULL: for tests. */
const float *tn_network_gradient(const struct tn_network *network, int value);
/* Gradient of the input images after backward [count,C,H,W]: for tests; asks for it to be computed.
 */
const float *tn_network_input_gradient(struct tn_network *network);
/* Ask for the input gradient before the forward pass. */
void tn_network_want_input_gradient(struct tn_network *network);

/* Copy the trained parameters and BatchNorm statistics back into a graph of the same structure, as
 * new tensors. */
bool tn_network_store(const struct tn_network *network, struct tn_graph *graph,
                      struct tn_error *error);

/* What a run goes on from, besides the graph: the velocities v of all trained parameters in one
 * row of numbers, NULL with an error, and the number of steps done. */
struct tn_tensor *tn_network_momentum(const struct tn_network *network, struct tn_error *error);
int64_t tn_network_steps(const struct tn_network *network);
/* Go on from there. The row must be as long as this network's. */
bool tn_network_resume(struct tn_network *network, const struct tn_tensor *momentum, int64_t steps,
                       struct tn_error *error);

/* Seed of dropout masks; the mask of a step depends on (seed, step, node, element) only. */
void tn_network_seed(struct tn_network *network, uint64_t seed);

/* Stop forward and backward once `progress` is cancelled (NULL: never), in the middle of an
 * operator too. They fail then, and what activations, gradients and running statistics hold is of
 * no use. */
void tn_network_watch(struct tn_network *network, const struct tn_progress *progress);

/* Training mode: name of the first node whose output holds a NaN or infinity after a forward pass,
 * or NULL. */
const char *tn_network_first_bad(struct tn_network *network);

/* Memory it holds once it has run. */
size_t tn_network_bytes(const struct tn_network *network);

#endif
