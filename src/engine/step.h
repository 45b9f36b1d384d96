/* Inside the engine: a network is a list of steps over blobs (activations) and parameters. */
#ifndef TN_ENGINE_STEP_H
#define TN_ENGINE_STEP_H

#include "core/error.h"
#include "engine/kernels.h"
#include "engine/network.h"
#include "model/graph.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_MAX_STEP_PARAMS = 32 }; /* inputs that can be: bits of weights in tn_step_ops */

struct tn_param {
    int value; /* of the graph */
    size_t count;
    float *data;     /* inference: the tensor's own memory; training: a copy */
    float *gradient; /* training only, as velocity */
    float *velocity;
    bool trainable;    /* BatchNorm's running statistics are not */
    int uses;          /* steps that read it */
    bool gradient_set; /* in this backward pass: later contributions are added. False: no step that
                          reads it leads to the output, and it stays as it is */
};

/* An activation. Values that are only another view of the same numbers (Flatten) share one blob. */
struct tn_blob {
    size_t size; /* floats an image */
    float *data; /* [count, size] */
    float *gradient;
    size_t data_at, gradient_at; /* in the arena, floats an image; SIZE_MAX: nowhere */
    bool wants_gradient;
    bool gradient_set;   /* in this backward pass: later contributions are added */
    bool made_again;     /* in the backward pass, before it is read there: plan_memory.c */
    bool behind_weights; /* something to train leads to it */
    bool portioned;      /* only a portion of it is there at a time: plan_portions.c */
    bool gathered;       /* is made portion by portion, and read when all is there */
};

struct tn_step {
    const struct tn_step_ops *ops;
    int node;
    int input, output; /* blobs: of the first activation among the inputs, of the first output */
    int input_count, output_count;
    int *inputs;      /* [input_count] blob of each input of the node; -1: a constant or left out */
    int *outputs;     /* [output_count] blob of each output; -1: left out */
    bool relu;        /* max(0, .) applied to the output within the step */
    float ceiling;    /* with relu, at inference: then min(ceiling, .), of ReLU6 and its like */
    int addend;       /* at inference: the blob that is added before that, or -1 */
    int segment;      /* training: the part of the steps that is run again as one */
    size_t second_at; /* training: in the arena, for a second contribution to a gradient */
    void *state;      /* the operator's own */
};

struct tn_step_ops {
    const char *name;
    bool relu_fuses;        /* can apply ReLU to its output */
    bool ceiling_fuses;     /* at inference: and a ceiling */
    bool add_fuses;         /* at inference: can add an activation before */
    bool own_relu_gradient; /* and undoes it in its backward itself */
    bool in_place_forward;  /* output may be the first input's memory, where they are of one size
                               (inference) */
    bool in_place_backward; /* input gradient may be the output gradient's memory, likewise */
    bool mixes_images;      /* while training: a number of one image depends on the others */
    bool many_outputs;      /* makes those after the first too */
    uint32_t weights;       /* bit i: input i, where it is a constant, is a parameter to train */
    bool weights_follow;    /* only behind other weights, and never single numbers: what prepares
                               the images stays as it is */
    uint32_t constants;     /* bit i: input i, where there is one, must be constant */
    uint32_t statistics;    /* bit i: likewise, but not trained: BatchNorm's mean and variance */
    /* May put other operations into the step for a special case; those have no prepare. */
    bool (*prepare)(struct tn_network *network, struct tn_step *step, struct tn_error *error);
    void (*forward)(struct tn_network *network, struct tn_step *step);
    void (*backward)(struct tn_network *network,
                     struct tn_step *step); /* NULL: cannot be trained */
    void (*release)(struct tn_step *step);
};

struct tn_network {
    struct tn_graph *graph;
    const struct tn_kernels *kernels;
    enum tn_mode mode;
    int max_batch, count;       /* images of the batch at hand */
    int first_image;            /* of the batch at hand in the whole one it is a piece of */
    int portion, portion_steps; /* images at a time that pass through the first steps; how many
                                   steps do so, 0: none */
    bool watched;               /* observers want to see every sum */
    bool pieces;                /* gradients of parameters may be added up over several passes */
    bool sizes_only; /* only planned, to know what it would take: it has no memory and never runs */
    bool again;      /* a forward pass is made again: it must not count twice */
    bool frozen;     /* training: BatchNorm and Dropout behave as at inference */
    bool wants_input_gradient, wants_new_plan;
    int step_count, blob_count, param_count;
    struct tn_step *steps;
    struct tn_blob *blobs;
    struct tn_param *params;
    int *blob_of;  /* [values] blob or -1 */
    int *param_of; /* [values] or -1 */
    int input_blob, output_blob;
    int segment_count; /* 1: all activations are kept for the backward pass */
    unsigned scratch_workers;
    size_t most_inside;    /* floats an image that are made within a segment; SIZE_MAX: any */
    size_t arena_floats;   /* an image: activations and gradients, plan_memory.c */
    float *arena;          /* NULL until the first pass, and after tn_network_rest */
    size_t held_bytes;     /* by operators and parameters */
    size_t scratch_floats; /* a worker */
    float **scratch;       /* [workers] */
    size_t shared_floats;
    float *shared;     /* scratch that all workers see */
    float *accumulate; /* where a second contribution to a gradient is made before it is added */
    size_t spare_floats;
    float *spare; /* the same for gradients of parameters */
    uint64_t seed, iteration;
    const struct tn_progress *progress; /* to be cancelled by, or NULL */
};

extern const struct tn_step_ops tn_conv_ops, tn_conv_transpose_ops, tn_max_pool_ops,
    tn_average_pool_ops, tn_global_pool_ops, tn_global_max_pool_ops, tn_gemm_ops, tn_matmul_ops;
/* Normalisation, functions of each number, arithmetic, reductions. */
extern const struct tn_step_ops tn_norm_ops, tn_instance_norm_ops, tn_layer_norm_ops, tn_lrn_ops,
    tn_unary_ops, tn_cast_ops, tn_prelu_ops, tn_softmax_ops, tn_dropout_ops, tn_add_ops,
    tn_arithmetic_ops, tn_arithmetic_many_ops, tn_power_ops, tn_reduce_ops;
/* Moving numbers: move.h. */
extern const struct tn_step_ops tn_slice_ops, tn_pad_ops, tn_split_ops, tn_concat_ops,
    tn_transpose_ops, tn_expand_ops, tn_gather_ops, tn_depth_to_space_ops, tn_space_to_depth_ops,
    tn_resize_ops;

/* A Cast from one kind of floating point numbers to another, which changes nothing here (unary.c).
 */
bool tn_is_float_cast(const struct tn_graph *graph, const struct tn_node *node);

/* The parameter behind input `index` of the step's node, or NULL. */
struct tn_param *tn_step_param(const struct tn_network *network, const struct tn_step *step,
                               int index);
const struct tn_node *tn_step_node(const struct tn_network *network, const struct tn_step *step);
const struct tn_value *tn_step_input_value(const struct tn_network *network,
                                           const struct tn_step *step);
const struct tn_value *tn_step_output_value(const struct tn_network *network,
                                            const struct tn_step *step);

/* Reserve scratch memory for each worker; tn_scratch gives it back during forward and backward. */
void tn_want_scratch(struct tn_network *network, size_t floats);
float *tn_scratch(const struct tn_network *network, unsigned worker);
/* The same for memory that is there once, for whichever step runs. */
void tn_want_shared(struct tn_network *network, size_t floats);
float *tn_shared(const struct tn_network *network);

/* What a step keeps for itself: zeroed memory that counts as the network's, released with tn_free
 * by the step. Where the network is only planned it is no more than a pointer that must not be
 * used. NULL where memory is short. */
void *tn_want_memory(struct tn_network *network, size_t count, size_t size);
/* The same with a copy of from[count]. */
float *tn_want_copy(struct tn_network *network, const float *from, size_t count);

/* Where to write the gradient of a blob: its own memory the first time, else memory whose contents
 * tn_gradient_done adds; one blob after the other. NULL when nobody wants it. */
float *tn_gradient_begin(struct tn_network *network, int blob);
void tn_gradient_done(struct tn_network *network, int blob);

/* Fold the BatchNorm `norm` into a convolution's step at inference (conv.c). */
bool tn_conv_fold_norm(struct tn_network *network, struct tn_step *step, const struct tn_node *norm,
                       struct tn_error *error);

/* How a convolution is computed (conv_path.h), NULL of any other step. */
const char *tn_conv_path_name(const struct tn_step *step);

/* Run task over 0 .. count-1 cut into a number of pieces that does not depend on the threads. */
void tn_for_ranges(size_t count, size_t grain,
                   void (*range)(void *context, size_t begin, size_t end, unsigned worker),
                   void *context);

#endif
